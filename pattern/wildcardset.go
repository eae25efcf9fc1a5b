package pattern

import (
	"fmt"
	"strings"
)

// A wildcardSet is the wildcards of one automaton of a field: tests that
// differ, in the order in which they came.
type wildcardSet []wildcardTest

// A wildcardTest is a wildcard, or the set of wildcards in one anything-but.
type wildcardTest struct {
	id        string
	wildcards [][]string // what stands between the stars of each
	times     int        // how often the test was added
}

func (s *wildcardSet) add(id string, t *test) {
	for i := range *s {
		if (*s)[i].id == id {
			(*s)[i].times++
			return
		}
	}
	*s = append(*s, wildcardTest{id: id, wildcards: t.wildcards(), times: 1})
}

// key returns a text that only equal sets have in common.
func (s wildcardSet) key() string {
	var key strings.Builder
	for i := range s {
		fmt.Fprintf(&key, "%d %d %s", s[i].times, len(s[i].id), s[i].id)
	}
	return key.String()
}

// most returns how many beginnings of the set's wildcards one string of bytes
// can match at once, or some number above complexLimit if it is above it.
//
// The beginnings of *ab* are those of "*ab*" in its quotes, as a value stands
// in JSON: ", "*, "*a, "*ab, "*ab* and "*ab*". What the string "xab matches of
// them is three, and AWS's automaton is in as many states. A star that takes
// nothing counts as well: "*ab and "*ab* are both matched.
//
// Equal beginnings are one state in this sense only: up to and with the first
// star a beginning is one for each test that has it, however often the test is
// there and however many wildcards it has. The whole, with its closing quote, is
// one for each test too. All between is one for each wildcard each time.
func (s wildcardSet) most() int {
	if len(s) > complexLimit {
		return len(s) // all match the opening quote
	}
	root := &prefixNode{}
	for i := range s {
		for _, parts := range s[i].wildcards {
			root.insert(1<<i, s[i].times, parts)
		}
	}
	w := prefixWalk{}
	w.enter(root, front{}, 0)
	return w.most
}
