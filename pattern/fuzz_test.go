package pattern

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParse prints what it parses and parses that again: the same pattern. A
// refused pattern has a reason. Seeds are the corpus's patterns.
func FuzzParse(f *testing.F) {
	for i, c := range corpus(f) {
		if i%5 == 0 {
			f.Add(c.Pattern, c.Event)
		}
	}
	f.Fuzz(func(t *testing.T, text, event string) {
		p, err := Parse(text)
		if err != nil {
			if refused, ok := errors.AsType[*Error](err); !ok || refused.Reason == "" {
				t.Fatalf("Parse(%q): got error %v, want one with a reason", text, err)
			}
			return
		}
		if !json.Valid([]byte(p.String())) {
			t.Fatalf("Parse(%q) prints %s, which is not valid JSON", text, p)
		}
		again, err := Parse(p.String())
		if err != nil {
			t.Fatalf("Parse(%q) prints %s, which is refused: %v", text, p, err)
		}
		if again.String() != p.String() || len(again.alternatives) != len(p.alternatives) {
			t.Fatalf("Parse(%q) prints %s, then %s", text, p, again)
		}
		if len(event) < 1000 && json.Valid([]byte(event)) && p.Match([]byte(event)) != again.Match([]byte(event)) {
			t.Fatalf("%s and %s do not agree on %s", p, again, event)
		}
	})
}

// FuzzMatch compares the compiled matcher with the reference matcher.
func FuzzMatch(f *testing.F) {
	for i, c := range corpus(f) {
		if c.Verdict != "error" && i%5 == 0 {
			f.Add(c.Pattern, `{"b":["x",{"exists":false}]}`, c.Event)
		}
	}
	f.Fuzz(func(t *testing.T, first, second, event string) {
		if len(event) > 2000 || !utf8.ValidString(event) || ValidEvent([]byte(event)) != nil {
			return
		}
		var set Set[int]
		var want []int
		for i, text := range []string{first, second} {
			p, err := Parse(text)
			if err != nil {
				continue
			}
			if err := set.Add(i, p); err != nil {
				t.Fatal(err)
			}
			if referenceMatch(p, event) {
				want = append(want, i)
			}
			Explain(p, []byte(event))
		}
		got := set.AppendMatches(nil, []byte(event))
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("patterns %s and %s, event %s: got %v, want %v", first, second, event, got, want)
		}
	})
}

// FuzzUntrusted matches text that need not be JSON: that ends, and does not
// panic.
func FuzzUntrusted(f *testing.F) {
	var set Set[int]
	g := generator{rand.New(rand.NewPCG(1, 2))}
	for i := range 200 {
		if err := set.Add(i, mustParse(f, g.pattern(0))); err != nil {
			f.Fatal(err)
		}
	}
	for range 50 {
		event := g.event(0, true)
		f.Add([]byte(event))
		f.Add([]byte(event[:g.IntN(len(event))]))
	}
	f.Fuzz(func(t *testing.T, event []byte) {
		set.AppendMatches(nil, event)
		for n := range min(len(event), 100) {
			set.AppendMatches(nil, event[:n:n])
		}
	})
}

// FuzzSkip compares where an object, array or string ends with what encoding/json says.
func FuzzSkip(f *testing.F) {
	g := generator{rand.New(rand.NewPCG(3, 4))}
	for range 50 {
		f.Add(g.event(0, true) + "]}")
	}
	f.Add(`["\\\"]{", {"a":"}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}"}], 1`)
	f.Add(`{"é":"` + "\u007f" + `[{", "b":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}   `)
	f.Fuzz(func(t *testing.T, doc string) {
		text := newText(doc)
		var raw json.RawMessage
		d := json.NewDecoder(strings.NewReader(doc))
		start := skipSpace(doc, 0)
		if d.Decode(&raw) != nil || !strings.ContainsRune(`{["`, rune(doc[start])) {
			text.skipValue(0) // only has to end
			return
		}
		if got, want := text.skipValue(start), start+len(raw); got != want {
			t.Errorf("%q: got %d, want %d", doc, got, want)
		}
	})
}
