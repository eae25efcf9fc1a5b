package pattern

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func repeat(n int, format string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf(format, i)
	}
	return strings.Join(parts, ",")
}

func TestLimits(t *testing.T) {
	or := func(n int) string { return `"$or":[` + repeat(n, `{"a":[%d]}`) + `]` }
	wide := func(n int) string { return `"$or":[` + strings.Repeat(`{"b":[1]},`, n-1) + `{"b":[2]}]` }
	for _, c := range []struct{ name, pattern, reason string }{
		{"longest", `{"a":["` + strings.Repeat("é", MaxLength-10) + `"]}`, ""},
		{"too long", `{"a":["` + strings.Repeat("é", MaxLength-9) + `"]}`, "Event pattern is longer than 4096 characters"},
		{"most combinations", `{` + or(40) + `,` + wide(25) + `}`, ""},
		{"too many combinations", `{` + or(41) + `,` + wide(25) + `}`, "Or operator is producing over 1000 rule combinations"},
		{"too many fields in all", `{` + repeat(200, `"k%d":[1]`) + `,` + or(20) + `,` + wide(20) + `}`, "Rule is too complex - try using fewer combinations of $or"},
		{"most fields", `{` + repeat(256, `"k%d":[1]`) + `}`, ""},
		{"too many fields", `{` + repeat(257, `"k%d":[1]`) + `}`, "Size of rule 'rule' exceeds max value of 256"},
		{"too deep", strings.Repeat(`{"":`, 1000) + `[1]`, "Document nesting depth (1001) exceeds the maximum allowed (1000, from `StreamReadConstraints.getMaxNestingDepth()`)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(c.pattern)
			refused, _ := errors.AsType[*Error](err)
			switch {
			case c.reason == "" && err != nil:
				t.Errorf("got %v, want no error", err)
			case c.reason != "" && (refused == nil || refused.Reason != c.reason):
				t.Errorf("got %v, want %q", err, c.reason)
			}
		})
	}
}

func TestSize(t *testing.T) {
	usual := mustParse(t, `{"source":["orders"],"detail":{"state":["paid"]}}`).Size()
	if usual < 300 || usual > 2000 {
		t.Errorf("a usual pattern: got %d bytes, want a kilobyte or so", usual)
	}
	stars := mustParse(t, `{"a":[{"wildcard":"`+strings.Repeat("*a", 2000)+`"}]}`).Size()
	if stars > 200_000 {
		t.Errorf("2,000 stars: got %d bytes, want less than 200,000", stars)
	}
	or := mustParse(t, `{"$or":[`+repeat(31, `{"a":[%d]}`)+`],"b":{"$or":[`+repeat(32, `{"a":[%d]}`)+`]}}`).Size()
	if or < 100_000 || or > 1<<20 {
		t.Errorf("992 combinations: got %d bytes, want some hundred thousand", or)
	}
}

// TestHardCases has what takes other matchers seconds; each takes a fraction
// of the time allowed.
func TestHardCases(t *testing.T) {
	objects := func(n int, format string) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = fmt.Sprintf(format, i)
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	for _, c := range []struct {
		name, pattern, event string
		want                 bool
	}{
		{"many stars", `{"a":[{"wildcard":"` + strings.Repeat("*a", 1000) + `*b"}]}`, `{"a":"` + strings.Repeat("a", 100_000) + `"}`, false},
		{"many patterns of stars", `{"a":[` + repeat(100, `{"wildcard":"*a*a*a*b%d"}`) + `]}`, `{"a":"` + strings.Repeat("a", 10_000) + `"}`, false},
		{"absence in elements", `{"d":{"a":[1],"b":[{"exists":false}]}}`, `{"d":` + objects(20_000, `{"a":1,"b":%d}`) + `}`, false},
		{"absence in the last element", `{"d":{"a":[1],"b":[{"exists":false}]}}`, `{"d":[` + strings.Repeat(`{"a":1,"b":2},`, 20_000) + `{"a":1}]}`, true},
		{"absence beside siblings", `{"x":{"a":[1],"z":[{"exists":false}]},"y":{"a":[1],"z":[{"exists":false}]}}`,
			`{"x":` + objects(5000, `{"a":1,"z":%d}`) + `,"y":` + objects(5000, `{"a":1,"z":%d}`) + `}`, false},
		{"absence beside two arrays, found late", `{"g":{"a":{"k":[1]},"b":{"k":[1]},"x":[{"exists":false}]}}`,
			`{"g":[{"a":` + objects(5000, `{"k":1,"n":%d}`) + `,"b":` + objects(5000, `{"k":1,"n":%d}`) + `,"x":1},{"a":[{"k":1}],"b":[{"k":1}]}]}`, true},
		{"absence beside pairs of fields, found late", `{"g":{"a":{"k":[1]},"b":{"k":[1],"m":[1]},"x":[{"exists":false}]}}`,
			`{"g":[{"a":` + objects(3000, `{"k":1,"n":%d}`) + `,"b":` + objects(3000, `{"k":1,"n":%d},{"m":1}`) + `},{"x":1},{"a":[{"k":1}],"b":[{"k":1,"m":1}]}]}`, true},
		{"many strings", `{"a":[7,` + repeat(400, `"x%d"`) + `],"b":[1]}`, `{"a":` + objects(30_000, `"y%d"`) + `,"b":1}`, false},
		{"many strings, one is there", `{"a":[7,` + repeat(400, `"x%d"`) + `],"b":[1]}`, `{"a":["y",["x399"]],"b":1}`, true},
		{"many strings and a number", `{"a":[` + repeat(400, `"x%d"`) + `,7],"b":[1]}`, `{"a":[5,7.0],"b":1}`, true},
		{"anything but many strings", `{"a":[{"anything-but":[` + repeat(400, `"x%d"`) + `]}],"b":[1]}`, `{"a":` + objects(400, `"x%d"`) + `,"b":1}`, false},
		{"anything but many strings, another is there", `{"a":[{"anything-but":[` + repeat(400, `"x%d"`) + `]}]}`, `{"a":["x1","x400"]}`, true},
		{"anything but many numbers", `{"a":[{"anything-but":[` + repeat(400, `-%d`) + `]}],"b":[1]}`, `{"a":` + objects(400, `-%d.0`) + `,"b":1}`, false},
		{"a path below another", `{"d":{"a":[1],"a.b":[1],"c":[1]}}`, `{"d":` + objects(5000, `{"a":[1,{"b":0}],"c":%d}`) + `}`, false},
		{"a repeated key", `{"d":{"a":[1],"b":[2]}}`, `{"d":` + objects(3000, `{"a":1,"b":3,"b":%d0}`) + `,"d":[]}`, false},
		{"a repeated key, last has both", `{"d":{"a":[1],"b":[2]}}`, `{"d":[` + strings.Repeat(`{"a":1,"b":3,"b":4},`, 30_000) + `{"a":1,"b":2}]}`, true},
		{"a key again and again", `{"b":["x"],"a":["y"]}`, `{` + strings.Repeat(`"a":1,`, 50_000) + `"b":"x"}`, false},
		{"many combinations", `{"d":{"$or":[` + repeat(30, `{"a":["x%d"]}`) + `],"c":{"$or":[` + repeat(30, `{"b":["y%d"]}`) + `]}}}`,
			`{"d":[` + strings.Repeat(repeat(30, `{"a":"x%[1]d"},{"c":{"b":"y%[1]d"}}`)+",", 500) + `1]}`, false},
		{"many combinations, one is there", `{"d":{"$or":[` + repeat(30, `{"a":["x%d"]}`) + `],"c":{"$or":[` + repeat(30, `{"b":["y%d"]}`) + `]}}}`,
			`{"d":[` + strings.Repeat(repeat(30, `{"a":"x%[1]d"},{"c":{"b":"y%[1]d"}}`)+",", 500) + `{"a":"x7","c":[{"b":"y8"}]}]}`, true},
		{"many combinations of absence", `{"d":{"$or":[` + repeat(30, `{"a":["x%d",{"exists":false}]}`) + `],"c":["z"],"e":{"$or":[` + repeat(30, `{"b":["y%d",{"exists":false}]}`) + `]}}}`,
			`{"d":` + objects(10_000, `{"a":%[1]d,"c":"z"},{"e":{"b":%[1]d},"c":"z"}`) + `}`, false},
		{"many combinations of absence, one is there", `{"d":{"$or":[` + repeat(30, `{"a":["x%d",{"exists":false}]}`) + `],"c":["z"],"e":{"$or":[` + repeat(30, `{"b":["y%d",{"exists":false}]}`) + `]}}}`,
			`{"d":[` + strings.Repeat(`{"a":1,"c":"z"},{"e":{"b":1},"c":"z"},`, 10_000) + `{"a":"x7","c":"z","e":{"b":"y8"}}]}`, true},
		{"a string of escapes", `{"a":[{"prefix":"x"},{"suffix":"éx"}]}`, `{"a":"` + strings.Repeat(`\u00e9`, 1<<18) + `x"}`, true},
		{"deep", `{"a":[1]}`, `{"a":` + strings.Repeat("[", 9000) + "1" + strings.Repeat("]", 9000) + `}`, true},
		{"one value again and again", `{"a":["x"],"b":["y"],"c":["z"]}`, `{"a":[` + strings.Repeat(`"x",`, 20_000) + `1],"b":[` + strings.Repeat(`"y",`, 20_000) + `1],"c":1}`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := mustParse(t, c.pattern)
			p.Match([]byte(`{}`))
			start := time.Now()
			if got := p.Match([]byte(c.event)); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
			const allowed = 2 * time.Second // a hundred times what it takes; for the race detector
			if took := time.Since(start); took > allowed {
				t.Errorf("took %v, want at most %v", took, allowed)
			} else {
				t.Log(took)
			}
		})
	}
}
