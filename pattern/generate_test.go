package pattern

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// A generator makes patterns and events of a small world of keys and values,
// so that they often match, and of the awkward kinds: dots in keys, empty
// keys, repeated keys, arrays in arrays, escapes, numbers in many spellings.
type generator struct{ *rand.Rand }

var (
	someKeys    = []string{"a", "a", "a", "b", "b", "c", "a.b", "b.c", "", "a.", ".a", "é", "😀"}
	someStrings = []string{"", "a", "b", "ab", "AB", "abc", "aab", "é", "É", "ß", "SS", "ı", "I", "K", "k", "😀", "10.0.0.1", "10.0.0.77", "::1", "::ffff:a00:1", "a\"", "\"a", "a*b", `\`, "\n", "300"}
	someNumbers = []string{"0", "-0", "-0.0", "1", "1.0", "1e0", "100", "1e2", "300", "3.0e2", "-5.5", "0.1", "9007199254740993", "9007199254740992", "1e400", "1e-400", "2", "3", "4", "5"}
	someBlocks  = []string{"10.0.0.0/24", "10.0.0.64/26", "::/64", "10.0.0.0/8"}
)

func pick[T any](g generator, from []T) T { return from[g.IntN(len(from))] }

func (g generator) quote(s string) string {
	if g.IntN(8) == 0 {
		var b strings.Builder
		for _, r := range s {
			if r > 0xFFFF {
				fmt.Fprintf(&b, "%c", r)
			} else {
				fmt.Fprintf(&b, `\u%04x`, r)
			}
		}
		return `"` + b.String() + `"`
	}
	b, _ := json.Marshal(s)
	return string(b)
}

func (g generator) key() string    { return g.quote(pick(g, someKeys)) }
func (g generator) string() string { return g.quote(pick(g, someStrings)) }

func (g generator) scalar() string {
	switch g.IntN(8) {
	case 0, 1, 2:
		return pick(g, someNumbers)
	case 3:
		return pick(g, []string{"true", "false", "null"})
	}
	return g.string()
}

func (g generator) wildcard() string {
	var b strings.Builder
	for range g.IntN(5) {
		b.WriteString(pick(g, []string{"*", "a", "b", "ab", "é", `\*`, `\\`}))
	}
	s := b.String()
	for strings.Contains(s, "**") {
		s = strings.ReplaceAll(s, "**", "*")
	}
	return g.quote(s)
}

// some writes between one and three elements, in brackets.
func (g generator) some(element func() string) string {
	elements := make([]string, 1+g.IntN(3))
	for i := range elements {
		elements[i] = element()
	}
	return "[" + strings.Join(elements, ",") + "]"
}

func (g generator) test() string {
	oneOrMore := func(element func() string) string {
		if g.IntN(2) == 0 {
			return element()
		}
		return g.some(element)
	}
	nonEmpty := func() string { return g.quote(pick(g, someStrings[1:])) }
	exact := func() string { return pick(g, someNumbers[:12]) }
	switch g.IntN(24) {
	case 0:
		return `{"prefix":` + g.string() + `}`
	case 1:
		return `{"suffix":` + g.string() + `}`
	case 2:
		return `{"prefix":{"equals-ignore-case":` + g.string() + `}}`
	case 3:
		return `{"suffix":{"equals-ignore-case":` + g.string() + `}}`
	case 4:
		return `{"equals-ignore-case":` + g.string() + `}`
	case 5, 6:
		return `{"wildcard":` + g.wildcard() + `}`
	case 7:
		return `{"anything-but":` + oneOrMore(g.string) + `}`
	case 8:
		return `{"anything-but":` + oneOrMore(exact) + `}`
	case 9:
		return `{"anything-but":{"prefix":` + oneOrMore(nonEmpty) + `}}`
	case 10:
		return `{"anything-but":{"suffix":` + oneOrMore(nonEmpty) + `}}`
	case 11:
		return `{"anything-but":{"equals-ignore-case":` + oneOrMore(g.string) + `}}`
	case 12:
		return `{"anything-but":{"wildcard":` + oneOrMore(g.wildcard) + `}}`
	case 13:
		return `{"numeric":["` + pick(g, []string{"=", "<", "<=", ">", ">="}) + `",` + exact() + `]}`
	case 14:
		return `{"numeric":["` + pick(g, []string{">", ">="}) + `",-1,"` + pick(g, []string{"<", "<="}) + `",` + pick(g, []string{"1", "2", "100"}) + `]}`
	case 15:
		return `{"cidr":` + g.quote(pick(g, someBlocks)) + `}`
	case 16:
		return `{"exists":true}`
	case 17, 18:
		return `{"exists":false}`
	case 19:
		return `{"exactly":` + g.string() + `}`
	}
	return g.scalar()
}

// pattern makes a valid pattern.
func (g generator) pattern(depth int) string {
	members := make([]string, 1+g.IntN(3))
	for i := range members {
		switch n := g.IntN(12); {
		case n == 0 && depth < 3:
			members[i] = `"$or":[` + g.pattern(depth+1) + "," + g.pattern(depth+1) + "]"
		case n < 6 && depth < 3:
			members[i] = g.key() + ":" + g.pattern(depth+1)
		default:
			members[i] = g.key() + ":" + g.some(g.test)
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

// event makes an event; space adds white space.
func (g generator) event(depth int, space bool) string {
	gap := ""
	if space {
		gap = pick(g, []string{" ", "\n\t", "", "  "})
	}
	members := make([]string, g.IntN(5))
	for i := range members {
		members[i] = gap + g.key() + gap + ":" + gap + g.value(depth+1, space) + gap
	}
	return "{" + strings.Join(members, ",") + gap + "}"
}

func (g generator) value(depth int, space bool) string {
	switch n := g.IntN(10); {
	case n < 3 && depth < 5:
		return g.event(depth, space)
	case n < 6 && depth < 6:
		elements := make([]string, g.IntN(4))
		for i := range elements {
			elements[i] = g.value(depth+1, space)
		}
		return "[" + strings.Join(elements, ", ") + "]"
	}
	return g.scalar()
}
