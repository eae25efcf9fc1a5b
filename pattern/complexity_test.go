package pattern

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// mostByDefinition counts as [wildcardSet.most] says, by going through all sets of
// beginnings that strings match, a byte at a time. It is exact and slow.
func mostByDefinition(s wildcardSet) int {
	const star = -1
	type wildcard struct {
		steps []int // with the quotes
		test  int
		times int
	}
	var all []wildcard
	bytes := map[int]bool{closingQuote: true, 0: true} // 0 stands for all others
	for i := range s {
		for _, parts := range s[i].wildcards {
			steps := []int{closingQuote}
			for k, part := range parts {
				if k > 0 {
					steps = append(steps, star)
				}
				for _, c := range []byte(part) {
					steps, bytes[int(c)] = append(steps, int(c)), true
				}
			}
			all = append(all, wildcard{append(steps, closingQuote), i, s[i].times})
		}
	}
	type beginning struct{ wildcard, steps int }
	closed := func(set map[beginning]bool) map[beginning]bool {
		for b := range set {
			for w := all[b.wildcard].steps; b.steps < len(w) && w[b.steps] == star; {
				b.steps++
				set[b] = true
			}
		}
		return set
	}
	count := func(set map[beginning]bool) int {
		states := map[string]int{}
		for b := range set {
			w := all[b.wildcard]
			first := slices.Index(w.steps, star)
			switch {
			case b.steps == 0:
			case b.steps == len(w.steps):
				states[fmt.Sprint("whole ", w.test)] = 1
			case first < 0 || b.steps <= first+1:
				states[fmt.Sprint("shared ", w.test, w.steps[:b.steps])] = 1
			default:
				states[fmt.Sprint("own ", b)] = w.times
			}
		}
		n := 0
		for _, times := range states {
			n += times
		}
		return n
	}
	key := func(set map[beginning]bool) string {
		var list []string
		for b := range set {
			list = append(list, fmt.Sprint(b))
		}
		slices.Sort(list)
		return strings.Join(list, "")
	}
	start := map[beginning]bool{}
	for i := range all {
		start[beginning{i, 0}] = true
	}
	start = closed(start)
	seen, open := map[string]bool{key(start): true}, []map[beginning]bool{start}
	most := 0
	for len(open) > 0 {
		set := open[len(open)-1]
		open = open[:len(open)-1]
		for c := range bytes {
			next := map[beginning]bool{}
			for b := range set {
				w := all[b.wildcard].steps
				if b.steps > 0 && w[b.steps-1] == star {
					next[b] = true
				}
				if b.steps < len(w) && w[b.steps] == c {
					next[beginning{b.wildcard, b.steps + 1}] = true
				}
			}
			next = closed(next)
			if most = max(most, count(next)); most > complexLimit {
				return most
			}
			if k := key(next); !seen[k] {
				seen[k], open = true, append(open, next)
			}
		}
	}
	return most
}

// setOf makes a set of elements: wildcards, and lists of them for anything-but.
func setOf(t testing.TB, elements ...any) wildcardSet {
	t.Helper()
	var list []any
	for _, e := range elements {
		if text, ok := e.(string); ok {
			list = append(list, map[string]any{"wildcard": text})
		} else {
			list = append(list, map[string]any{"anything-but": map[string]any{"wildcard": e}})
		}
	}
	text, err := json.Marshal(map[string]any{"a": list})
	if err != nil {
		t.Fatal(err)
	}
	sets := wildcardSets(mustParse(t, string(text)).alternatives)
	if len(sets) != 1 {
		t.Fatalf("%s: got %d sets, want 1", text, len(sets))
	}
	return sets[0]
}

// TestMostByDefinition compares the count with the definition, on few letters
// so that beginnings meet often.
func TestMostByDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	letters := []string{"a", "a", "a", "b", "b", "*", "*", `"`, `\*`, "é"}
	random := func() string {
		for {
			var text strings.Builder
			for range r.IntN(7) {
				text.WriteString(letters[r.IntN(len(letters))])
			}
			if _, reason := splitWildcard(text.String()); reason == "" {
				return text.String()
			}
		}
	}
	seen := map[int]int{}
	for range 3000 {
		var elements []any
		for range 1 + r.IntN(6) {
			switch r.IntN(4) {
			case 0:
				list := []string{random()}
				for range r.IntN(4) {
					list = append(list, random())
				}
				elements = append(elements, list)
			case 1:
				text := random()
				elements = append(elements, text, text)
			default:
				elements = append(elements, random())
			}
		}
		set := setOf(t, elements...)
		got, want := min(set.most(), complexLimit+1), min(mostByDefinition(set), complexLimit+1)
		seen[want]++
		if got != want {
			t.Errorf("%q: got %d, want %d", elements, got, want)
		}
	}
	if seen[complexLimit] < 30 || seen[complexLimit+1] < 30 {
		t.Errorf("the sets have complexities %v: too few are near the limit", seen)
	}
}

// FuzzMostByDefinition is TestMostByDefinition for what nobody thought of. The
// text has a wildcard in each line; those that begin with - are one set.
func FuzzMostByDefinition(f *testing.F) {
	f.Add("*a*\n*b*\n-a*b\n-*ab")
	f.Add("a*bb\n*aba*\n*ab*ad\n*ab*ad")
	f.Fuzz(func(t *testing.T, text string) {
		var set wildcardSet
		not := wildcardTest{id: "not", times: 1}
		for line := range strings.Lines(text) {
			line, negated := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "-")
			parts, reason := splitWildcard(line)
			switch {
			case reason != "" || len(line) > 8 || len(set) > 5 || len(not.wildcards) > 3:
				return
			case !negated:
				set.add(line, &test{op: opWildcard, text: line, more: &operands{list: parts}})
			case !slices.ContainsFunc(not.wildcards, func(w []string) bool { return slices.Equal(w, parts) }):
				not.wildcards = append(not.wildcards, parts)
			}
		}
		if len(not.wildcards) > 0 {
			set = append(set, not)
		}
		if got, want := min(set.most(), complexLimit+1), min(mostByDefinition(set), complexLimit+1); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	})
}

func times(n int, text string) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = text
	}
	return list
}

func numbered(n int, format string) (list []any) {
	for i := range n {
		list = append(list, fmt.Sprintf(format, i))
	}
	return list
}

// The wildcards that AWS was seen to take and to refuse, September 2026, and its
// documentation's. A list is the operand of anything-but.
var observedWildcards = []struct {
	name     string
	elements []any
	refused  bool
}{
	{"five stars", []any{"*a*a*a*a*a"}, false},
	{"five stars and one at the end", []any{"*a*a*a*a*a*"}, true},
	{"six stars", []any{"*a*a*a*a*a*a"}, true},
	{"ten stars", []any{"*a*a*a*a*a*a*a*a*a*a"}, true},
	{"anything but five stars", []any{[]any{"*a*a*a*a*a"}}, false},
	{"anything but six stars", []any{[]any{"*a*a*a*a*a*a"}}, true},
	{"eight times the same word", []any{"*" + strings.Repeat("abc", 8) + "*"}, false},
	{"nine times the same word", []any{"*" + strings.Repeat("abc", 9) + "*"}, true},
	{"five times a character of four bytes", []any{"*" + strings.Repeat("🙂", 5) + "*"}, false},
	{"ten times a character of four bytes", []any{"*" + strings.Repeat("🙂", 10) + "*"}, true},
	{"three that share a letter", numbered(3, "*a%d*"), false},
	{"four that share a letter", numbered(4, "*a%d*"), true},
	{"anything but four that share a letter", []any{numbered(4, "*a%d*")}, false},
	{"anything but five that share a letter", []any{numbered(5, "*a%d*")}, true},
	{"ten that begin differently", numbered(10, "%d*x"), false},
	{"eleven that begin differently", numbered(11, "%d*x"), true},
	{"anything but twelve that begin differently", []any{numbered(12, "%d*x")}, false},
	{"ten without a star", numbered(10, "%d"), false},
	{"eleven without a star", numbered(11, "%d"), true},
	{"four times the same", times(4, "*a*"), false},
	{"five times the same", times(5, "*a*"), true},
	{"eleven times the same without a star", times(11, "literal"), false},
	{"four times anything but the same", []any{[]any{"*a*"}, []any{"*a*"}, []any{"*a*"}, []any{"*a*"}}, false},
	{"five times anything but the same", []any{[]any{"*a*"}, []any{"*a*"}, []any{"*a*"}, []any{"*a*"}, []any{"*a*"}}, true},
	{"anything but eleven times the same", []any{times(11, "*a*")}, false},
	{"anything but three, and the same in another order", []any{[]any{"*a0*", "*a1*", "*a2*"}, []any{"*a2*", "*a1*", "*a0*"}}, true},
	{"the documentation's", []any{"*:*:*:*:*:event-bus/*"}, true},
	{"the documentation's, mended", []any{"arn:aws:events:us-east-1:*:event-bus/*"}, false},
	{"the documentation's, repeated", []any{"/Users/*/dir/dir/dir/dir/dir/doc.txt"}, false},
	{"four endings", []any{"*.bif", "*.tiff", "*.tif", "*.svs"}, false},
	{"four names in a path", []any{"*/data/*.bif", "*/data/*.tiff", "*/data/*.tif", "*/data/*.svs"}, true},
	{"three stacks", numbered(3, "*:stack/%d/*"), false},
	{"four stacks", numbered(4, "*:stack/%d/*"), true},
}

func TestObservedWildcards(t *testing.T) {
	for _, c := range observedWildcards {
		if set := setOf(t, c.elements...); (set.most() > complexLimit) != c.refused {
			t.Errorf("%s: got %d at once, want it refused: %v", c.name, set.most(), c.refused)
		}
	}
}

// Mixtures of wildcards that AWS was seen to take or to refuse, as so many
// elements and as one anything-but.
func TestObservedMixtures(t *testing.T) {
	for _, c := range []struct {
		wildcards              string
		refused, refusedInList bool
	}{
		{`a*bc abc*d ab*b* *éé* *abcabc* *a*a*a a*\\`, true, true},
		{`a*\\ *éé*`, false, false},
		{`a*\* a*bb`, false, false},
		{`a*\\ a*\* literal`, false, false},
		{`a*bb *aba* *ab*ad *ab*ad *🙂*`, true, false},
		{`ab*b* abc*d`, false, false},
		{`*a*a*a literal a\*b* a*bb literal a*bc abc*d ab*c`, false, false},
		{`ab*b* *aba*`, false, false},
		{`*éé* *aba*`, false, false},
		{`a*\* ab*b* ab*b* *aba* ab*c literal a*bc`, true, false},
		{`*éé* literal *ab*ad`, false, false},
		{`a*\\ literal a\*b* *éé* *🙂*`, false, false},
		{`*🙂* *éé* *abcabc*`, false, false},
		{`abc*d *a*a*a literal abc*d *abcabc* *éé*`, true, true},
		{`a\*b* a\*b* *a*a*a *aba* a*\\ *ab*ad a*bb`, true, true},
		{`a\*b* ab*b* literal a*\* a*bb a*\\`, false, false},
		{`a\*b* *🙂*`, false, false},
		{`ab*c abc*d a*\\ *a*a*a *a*a*a *éé*`, true, false},
		{`literal *aba* *aba* ab*c *abcabc* a*\\`, true, false},
		{`a*bc *éé*`, false, false},
		{`*abcabc* a*\* a*\* *abcabc* a\*b* *abcabc*`, true, false},
		{`*a*a*a a*bb a\*b* *aba*`, true, true},
		{`ab*b* a*\* abc*d a\*b* *🙂* *éé*`, true, false},
		{`*abcabc* a*bb *abcabc* a*\* literal *éé* *🙂*`, true, false},
		{`literal *abcabc* *ab*ad`, false, false},
		{`a*\\ a*bc a*\\ abc*d a\*b*`, false, false},
		{`a*\\ a*\\ a*bc a*\\ *🙂*`, false, false},
		{`*éé* *éé* abc*d a*\\ *ab*ad ab*b* *éé*`, true, false},
		{`ab*b* *a*a*a a*bc *a*a*a *🙂*`, true, false},
		{`a\*b* *a*a*a a*bc *🙂* *abcabc* a*\\`, true, true},
	} {
		var elements []any
		for text := range strings.FieldsSeq(c.wildcards) {
			elements = append(elements, text)
		}
		if set := setOf(t, elements...); (set.most() > complexLimit) != c.refused {
			t.Errorf("%s: got %d at once, want it refused: %v", c.wildcards, set.most(), c.refused)
		}
		if set := setOf(t, elements); (set.most() > complexLimit) != c.refusedInList {
			t.Errorf("anything but %s: got %d at once, want it refused: %v", c.wildcards, set.most(), c.refusedInList)
		}
	}
}

// TestTooComplex holds which wildcards of a pattern are counted together.
func TestTooComplex(t *testing.T) {
	const eight = `[{"wildcard":"*a*a*a*a*a*a*a*a"}]`
	plain := func(from, to int) string {
		var list []string
		for i := from; i < to; i++ {
			list = append(list, fmt.Sprintf(`{"wildcard":"%d"}`, i))
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	// Two branches of six each, behind a field.
	branches := func(first, second string) string {
		return `{"$or":[{"a":[` + first + `],"z":` + plain(0, 6) + `},{"a":[` + second + `],"z":` + plain(6, 12) + `}]}`
	}
	or := func(n int, format string) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf(format, i))
		}
		return `"$or":[` + strings.Join(list, ",") + `]`
	}
	for _, c := range []struct {
		name, pattern string
		refused       bool
	}{
		{"no wildcard", `{"a":["b"]}`, false},
		{"twelve fields", `{"d":{` + repeat(12, `"%d":[{"wildcard":"*a*"}]`) + `}}`, false},
		{"ten branches", `{"d":{` + or(10, `{"v":[{"wildcard":"%d*x"}]}`) + `}}`, false},
		{"eleven branches", `{"d":{` + or(11, `{"v":[{"wildcard":"%d*x"}]}`) + `}}`, true},
		{"a wildcard before three branches", `{"a":[{"wildcard":"*a*"}],` + or(3, `{"z":["%d"]}`) + `}`, false},
		{"a wildcard before four branches", `{"a":[{"wildcard":"*a*"}],` + or(4, `{"z":["%d"]}`) + `}`, false},
		{"a wildcard before ten branches", `{"a":[{"wildcard":"*a*"}],` + or(10, `{"z":["%d"]}`) + `}`, true},
		{"behind different values", `{` + or(11, `{"a":["%[1]d"],"z":[{"wildcard":"%[1]d*"}]}`) + `}`, false},
		{"behind the same value", `{` + or(11, `{"a":["same"],"z":[{"wildcard":"%d*"}]}`) + `}`, true},
		{"behind a missing field", `{"aaa":[{"exists":false}],"zzz":` + eight + `}`, false},
		{"before a missing field", `{"aaa":` + eight + `,"zzz":[{"exists":false}]}`, true},
		{"behind a field that is there", `{"aaa":[{"exists":true}],"zzz":` + eight + `}`, true},
		{"behind a field that is missing or there", `{"aaa":[{"exists":false},"b"],"zzz":` + eight + `}`, true},
		{"behind a plain field", `{"aaa":["literal"],"zzz":` + eight + `}`, true},
		{"behind a missing field, which another branch has", `{"$or":[{"a":[{"exists":false}],"b":["x"],"z":` + eight + `},{"a":[{"exists":false},"y"]}]}`, true},
		{"behind blocks that are the same", branches(`{"cidr":"10.0.0.0/24"}`, `{"cidr":"10.0.0.1/24"}`), true},
		{"behind blocks that are not", branches(`{"cidr":"10.0.0.0/24"}`, `{"cidr":"10.0.1.0/24"}`), false},
		{"behind a list in another order", branches(`{"anything-but":["a","b"]}`, `{"anything-but":["b","a"]}`), true},
		{"behind a list of one", branches(`{"anything-but":"a"}`, `{"anything-but":["a"]}`), true},
		{"behind a list of one prefix", branches(`{"anything-but":{"prefix":"a"}}`, `{"anything-but":{"prefix":["a"]}}`), true},
		{"behind a list of one suffix", branches(`{"anything-but":{"suffix":"a"}}`, `{"anything-but":{"suffix":["a"]}}`), true},
		{"behind a prefix and a suffix", branches(`{"anything-but":{"prefix":"a"}}`, `{"anything-but":{"suffix":"a"}}`), false},
		{"behind a list of one in any case", branches(`{"anything-but":{"equals-ignore-case":"a"}}`, `{"anything-but":{"equals-ignore-case":["a"]}}`), true},
		{"behind a list of one wildcard", branches(`{"anything-but":{"wildcard":"a"}}`, `{"anything-but":{"wildcard":["a"]}}`), true},
		{"behind a number and the same number", branches(`1`, `{"numeric":["=",1.0]}`), true},
		{"behind numbers of a list, repeated", branches(`{"anything-but":[1,2,1]}`, `{"anything-but":[2,1]}`), true},
		{"behind a number and a string", branches(`1`, `"1"`), false},
	} {
		if got := mustParse(t, c.pattern).Refused(); (got != nil) != c.refused || got != nil && got.Reason != tooComplex {
			t.Errorf("%s: got %q, want it refused: %v", c.name, got, c.refused)
		}
	}
}

// BenchmarkTooComplex has patterns that are hard to judge.
func BenchmarkTooComplex(b *testing.B) {
	fit := func(before, format, after string) string { // as often as a pattern has room for
		text := strings.Builder{}
		text.WriteString(before)
		for i := 0; text.Len()+len(format)+len(after)+2 < MaxLength; i++ {
			fmt.Fprintf(&text, format, i)
		}
		return strings.TrimSuffix(text.String(), ",") + after
	}
	letters := func(n int) string { return strings.Repeat("abcdefghijklmnopqrstuvwxyz", n/26+1)[:n] }
	or := `"$or":[` + repeat(30, `{"a":["%d"]}`) + `,{"a":[` + repeat(30, `"%d"`) + `]}]`
	overlap := `{` + or + `,"b":{` + or + `},`
	const set, end = `{"a":[{"anything-but":{"wildcard":[`, `]}}]}`
	for _, c := range []struct{ name, pattern string }{
		{"many stars", `{"a":[{"wildcard":"` + strings.Repeat("*a", 2000) + `"}]}`},
		{"a long word", `{"a":[{"wildcard":"*` + letters(4000) + `*"}]}`},
		{"beginnings", fit(set, `"%d*x",`, end)},
		{"ends", fit(set, `"*%d",`, end)},
		{"a long end and beginnings", fit(set+`"*`+letters(2000)+`",`, `"%d*",`, end)},
		{"a long beginning and ends", fit(`{"a":[{"wildcard":"`+strings.Repeat("0123456789", 200)+`"},{"anything-but":{"wildcard":[`, `"*x%d",`, end)},
		{"many automata", fit(overlap, `"k%d":["1"],`, `,"z":[{"wildcard":"*a"}]}`)},
		{"many automata of beginnings", fit(overlap+`"k":[{"anything-but":{"wildcard":[`, `"%d*x",`, `]}}]}`)},
	} {
		b.Run(c.name, func(b *testing.B) {
			p, err := Parse(c.pattern)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				_ = p.Refused()
			}
		})
	}
}
