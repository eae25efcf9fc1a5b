package pattern

import (
	"encoding/binary"
	"slices"
)

const (
	// complexLimit is the complexity from which on EventBridge refuses a wildcard.
	// It was seen to take 7 and to refuse 10; what it does between is not known.
	complexLimit = 10
	// complexSets bounds how long complexity looks.
	complexSets = 2000
)

// TooComplex returns the reason for which EventBridge refuses the pattern
// although it is valid: a wildcard that is too much for its automaton. It
// returns "" where there is none. This package has no need to refuse any, and
// [Parse] does not: a wildcard is matched by reading the value once.
func (p *Pattern) TooComplex() string {
	for _, a := range p.alternatives {
		for _, f := range a {
			for i := range f.tests {
				if slices.ContainsFunc(f.tests[i].wildcards(), func(parts []string) bool { return complexity(parts) >= complexLimit }) {
					return "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character"
				}
			}
		}
	}
	return ""
}

// wildcards returns what stands between the stars of each wildcard of the test.
func (t *test) wildcards() [][]string {
	switch t.op {
	case opWildcard:
		return [][]string{t.more.list}
	case opNotWildcard:
		return t.more.wildcards
	}
	return nil
}

// complexity returns how many beginnings of a wildcard one string can match, or
// complexLimit if it is as many or more. The beginnings of *ab* are *, *a, *ab
// and *ab*, and "ab" matches all but the second. AWS's automaton is in as many
// states at once. The wildcard is given as what stands between its stars.
//
// It goes through the sets of beginnings that strings match, from the empty
// string on, a byte at a time.
func complexity(parts []string) int {
	const star = -1
	var steps []int // of the wildcard: bytes and stars
	var bytes []byte
	for i, part := range parts {
		if i > 0 {
			steps = append(steps, star)
		}
		for _, c := range []byte(part) {
			steps = append(steps, int(c))
			if !slices.Contains(bytes, c) {
				bytes = append(bytes, c)
			}
		}
	}
	// A set holds numbers of steps that have been taken, in order. A star may
	// also be taken without a byte.
	rest := func(set []uint16) []uint16 {
		for i := 0; i < len(set); i++ {
			if n := set[i]; int(n) < len(steps) && steps[n] == star && !slices.Contains(set, n+1) {
				set = append(set, n+1)
			}
		}
		slices.Sort(set)
		return set
	}
	key := func(set []uint16) string {
		var b []byte
		for _, n := range set {
			b = binary.BigEndian.AppendUint16(b, n)
		}
		return string(b)
	}
	first := rest([]uint16{0})
	seen, open := map[string]bool{key(first): true}, [][]uint16{first}
	most := 0
	for len(open) > 0 && len(seen) < complexSets {
		set := open[0]
		open = open[1:]
		for _, c := range bytes {
			var next []uint16
			for _, n := range set {
				if n > 0 && steps[n-1] == star {
					next = append(next, n) // the star takes one more
				}
				if int(n) < len(steps) && steps[n] == int(c) && !slices.Contains(next, n+1) {
					next = append(next, n+1)
				}
			}
			next = rest(next)
			if most = max(most, len(next)); most >= complexLimit {
				return complexLimit
			}
			if k := key(next); !seen[k] {
				seen[k], open = true, append(open, next)
			}
		}
	}
	return most
}
