package pattern

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// A shape is an object whose keys hold values or, in arrays, objects.
var shape = map[string][]string{"": {"g"}, "g": {"a", "b", "c", "d"}, "a": {"k", "m", "n"}, "c": {"k", "m", "n"}, "n": {"k", "m"}}

// choices makes a pattern whose fields lie in arrays of arrays, some of them
// absent: what is chosen for one decides about others.
func (g generator) choices(key string) string {
	var members []string
	for _, child := range shape[key] {
		switch {
		case shape[child] != nil:
			members = append(members, fmt.Sprintf("%q:%s", child, g.choices(child)))
		case g.IntN(5) > 1:
			members = append(members, fmt.Sprintf("%q:%s", child, pick(g, []string{`[1]`, `[1]`, `[1,{"exists":false}]`, `[{"exists":false}]`})))
		}
	}
	if members == nil {
		return `{"k":[1]}`
	}
	return "{" + strings.Join(members, ",") + "}"
}

// arrays makes an event for such a pattern.
func (g generator) arrays(key string) string {
	var members []string
	for _, child := range shape[key] {
		value := pick(g, []string{"1", "1", "2"})
		if shape[child] != nil {
			object := func() string { return g.arrays(child) }
			if value = g.some(object); g.IntN(8) == 0 {
				value = g.some(func() string { return g.some(object) })
			}
		}
		if g.IntN(4) > 0 || key == "" {
			members = append(members, fmt.Sprintf("%q:%s", child, value))
		}
	}
	g.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	return "{" + strings.Join(members, ",") + "}"
}

// TestSearch compares the search for values that go together with trying all.
func TestSearch(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(3, 3))}
	matched := 0
	for range 5000 {
		p := mustParse(t, g.choices(""))
		for range 4 {
			event := g.arrays("")
			got, want := p.Match([]byte(event)), referenceMatch(p, event)
			if got != want {
				t.Fatalf("%s of %s: got %v, want %v", p, event, got, want)
			}
			if want {
				matched++
			}
		}
	}
	if matched < 300 {
		t.Errorf("got %d matches, want more", matched)
	}
}
