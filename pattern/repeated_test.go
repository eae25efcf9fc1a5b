package pattern

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestRepeatedKeys has the last of an event's equal keys count, at every level,
// as for whoever reads the event with a common JSON parser.
func TestRepeatedKeys(t *testing.T) {
	for _, c := range []struct {
		pattern, event string
		want           bool
	}{
		{`{"detail":{"role":["user"]}}`, `{"detail":{"role":"user","role":"admin"}}`, false},
		{`{"detail":{"role":["admin"]}}`, `{"detail":{"role":"user","role":"admin"}}`, true},
		{`{"detail":{"role":["user"]}}`, `{"detail":{"role":"user","r\u006fle":"admin"}}`, false},
		{`{"detail":{"role":["user"]}}`, `{"detail":{"r\u006fle":"user","role":"admin"}}`, false},
		{`{"detail":{"role":["admin"]}}`, `{"detail":{"r\u006fle":"user","role":"admin"}}`, true},
		{`{"detail":{"role":["user"]}}`, `{"detail":{"role":"user"},"detail":{"role":"admin"}}`, false},
		{`{"detail":{"role":["user"]}}`, `{"detail":{"role":"user"},"detail":{}}`, false},
		{`{"detail":{"role":["user"]}}`, `{"detail":{"role":"user"},"detail":1}`, false},
		{`{"detail":{"role":["user"],"x":[1]}}`, `{"detail":{"role":"user"},"detail":{"x":1}}`, false},
		{`{"detail":{"role":["user"],"x":[{"exists":false}]}}`, `{"detail":{"x":1},"detail":{"role":"user"}}`, true},
		{`{"detail":{"role":["user"]}}`, `{"detail":{"role":"user","role":[]}}`, false},
		{`{"detail":{"role":["user"]}}`, `{"detail":{"role":"user","role":{"role":"user"}}}`, false},
		{`{"detail":{"role":["user"]}}`, `{"detail":[{"role":"user","role":"admin"},{"role":"guest"}]}`, false},
		{`{"detail":{"role":["user"]}}`, `{"detail":[[{"role":"admin","role":"user"}],{"role":"guest"}]}`, true},
		{`{"detail":{"role":["user"]}}`, `{"detail":[{"role":"user"},{"role":"admin"}]}`, true},
		{`{"detail":{"a":[1],"b":[2]}}`, `{"detail":[{"a":1,"b":3,"b":2},{"a":4,"b":2}]}`, true},
		{`{"detail":{"a":[1],"b":[2]}}`, `{"detail":[{"a":1,"b":2,"b":3},{"a":4,"b":2}]}`, false},
		{`{"detail":{"role":[{"anything-but":"user"}]}}`, `{"detail":{"role":"admin","role":"user"}}`, false},
		{`{"detail":{"role":[{"exists":false}]}}`, `{"detail":{"role":"admin","role":{}}}`, true},
		{`{"a.b":[1]}`, `{"a.b":1,"a.b":2}`, false},
		{`{"a.b":[1]}`, `{"a.b":1,"a":{"b":2},"a.b":3}`, false},
		{`{"a.b":[2]}`, `{"a.b":1,"a":{"b":2},"a.b":3}`, true},
		{`{"a.b":[1]}`, `{"a.b":1,"a":{"b":2}}`, true}, // two keys
		{`{"a":[1],"b":[1]}`, `{"a":2,"a":1,"b":1,"c":1}`, true},
		{`{"a":[1],"b":[1]}`, `{"a":1,"b":1,"c":1,"a":2}`, false},
		{`{"a":{"b":[1]}}`, `{"a":[{"b":1,"x":["\"]",{"y":"]}\""}]}],"a":"\u0061"}`, false},
		{`{"":{"v":[1]}}`, `{"":{"v":1},"":{"v":2}}`, false},
	} {
		p := mustParse(t, c.pattern)
		if got := p.Match([]byte(c.event)); got != c.want {
			t.Errorf("%s of %s: got %v, want %v", c.pattern, c.event, got, c.want)
		}
		if got := referenceMatch(p, c.event); got != c.want {
			t.Errorf("%s of %s: reference matcher: got %v, want %v", c.pattern, c.event, got, c.want)
		}
		if got := Explain(p, []byte(c.event)); got.Matched != c.want {
			t.Errorf("%s of %s: explained as %+v, want %v", c.pattern, c.event, got, c.want)
		}
		var set Set[int]
		if err := set.Add(1, p); err != nil {
			t.Fatal(err)
		}
		if err := set.Add(2, mustParse(t, `{"a":{"c":[1]},"detail":{"q":[1]},"z":[1]}`)); err != nil {
			t.Fatal(err)
		}
		if got := len(set.AppendMatches(nil, []byte(c.event))) == 1; got != c.want {
			t.Errorf("%s of %s in a set: got %v, want %v", c.pattern, c.event, got, c.want)
		}
	}
}

func TestRepeatedKeyExplained(t *testing.T) {
	p := mustParse(t, `{"detail":{"role":["user"]}}`)
	got := Explain(p, []byte(`{"detail":{"role":"user","role":"admin"}}`)).Reason
	if want := `"admin"`; !strings.Contains(got, want) || strings.Contains(got, `has "user"`) {
		t.Errorf("got %q, want it to say %s", got, want)
	}
}

// TestRepeatedKeysTakeLinearTime has as many repetitions as events may hold.
func TestRepeatedKeysTakeLinearTime(t *testing.T) {
	for name, event := range map[string]string{
		"one object":   `{"a":{` + strings.Repeat(`"b":1,`, 150_000) + `"c":1}}`,
		"many objects": `{"a":[` + strings.Repeat(`{"b":1,"b":2},`, 70_000) + `1]}`,
		"nested":       strings.Repeat(`{"a":[{"b":1,"b":2},`, 1) + strings.Repeat(`[`, 9000) + `{"b":3}` + strings.Repeat(`]`, 9000) + `]}`,
		"escaped":      `{"a":{` + strings.Repeat(`"\u0062":1,`, 90_000) + `"c":1}}`,
		"with dots":    `{` + strings.Repeat(`"a.b":1,"a":{"b":1},`, 50_000) + `"c":1}`,
		"two keys":     `{"a":[` + strings.Repeat(`{"b":{"x":1},"b.x":2},`, 50_000) + `1]}`,
	} {
		p := mustParse(t, `{"a":{"b":[5],"c":[6],"b.x":[7]}}`)
		start := time.Now()
		if p.Match([]byte(event)) {
			t.Errorf("%s: matched", name)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%s: took %v", name, took)
		} else {
			t.Log(name, fmt.Sprint(len(event)>>10, "kB "), took)
		}
	}
}
