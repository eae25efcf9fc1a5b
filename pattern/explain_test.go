package pattern

import "testing"

func TestExplain(t *testing.T) {
	for _, c := range []struct{ name, pattern, event, reason string }{
		{"matches", `{"a":[1]}`, `{"a":1.0}`, ""},
		{"value", `{"detail":{"state":["running",{"prefix":"star"}]}}`, `{"detail":{"state":"stopped"}}`,
			`detail.state is "stopped", where the pattern wants "running" or a string beginning with "star"`},
		{"nothing there", `{"detail":{"state":[{"exists":true}]}}`, `{"detail":{"state":{}}}`,
			`the event has no value at detail.state, where the pattern wants any value`},
		{"something there", `{"error":[{"exists":false}]}`, `{"error":null}`,
			`error is null, where the pattern wants no value`},
		{"first by name", `{"b":[1],"a":[1]}`, `{"b":2,"a":2}`, `a is 2, where the pattern wants 1`},
		{"range", `{"a":[{"numeric":[">",1,"<=",5]}]}`, `{"a":[0,6,7,8,9]}`,
			`a is 0, 6, 7 and 2 more, where the pattern wants a number > 1 and <= 5`},
		{"number", `{"a":[{"numeric":["=",1]},{"anything-but":[2,3]}]}`, `{"a":2}`,
			`a is 2, where the pattern wants the number 1 or anything but 2 or 3`},
		{"anything but", `{"a":[{"anything-but":{"equals-ignore-case":["x","y"]}},{"anything-but":{"suffix":"x"}}]}`, `{"a":"X x"}`, ""},
		{"anything but fails", `{"a":[{"anything-but":{"wildcard":["*x"]}},{"equals-ignore-case":"b"}]}`, `{"a":"x"}`,
			`a is "x", where the pattern wants anything but strings like "*x" or "b" in any case`},
		{"block", `{"ip":[{"cidr":"10.0.0.0/8"}]}`, `{"ip":"11.0.0.1"}`, `ip is "11.0.0.1", where the pattern wants an address in 10.0.0.0/8`},
		{"arrays", `{"a":{"x":[1],"y":[2]}}`, `{"a":[{"x":1,"y":0},{"x":0,"y":2}]}`,
			`a.x and a.y each match, but not within the same element of an array`},
		{"or", `{"$or":[{"a":[1]},{"b":[1],"c":[1]}]}`, `{"a":2,"b":1,"c":3}`,
			`none of the 2 combinations of $or matches; in the nearest, c is 3, where the pattern wants 1`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Explain(mustParse(t, c.pattern), []byte(c.event))
			if want := (Explanation{Matched: c.reason == "", Reason: c.reason}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}
