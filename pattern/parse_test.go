package pattern

import (
	"errors"
	"testing"
)

func TestParseReasons(t *testing.T) {
	for _, c := range []struct{ name, pattern, reason string }{
		{"no object", `[]`, "Filter is not an object"},
		{"empty array", `{"a":[]}`, "Empty arrays are not allowed"},
		{"empty object", `{"a":{}}`, "Empty objects are not allowed"},
		{"scalar field", `{"source":"a"}`, `"source" must be an object or an array`},
		{"scalar before its text is read", `{"source":"\q"}`, `"source" must be an object or an array`},
		{"unknown operator", `{"a":[{"like":"b"}]}`, "Unrecognized match type like"},
		{"prefix of a number", `{"a":[{"prefix":1}]}`, "prefix match pattern must be a string"},
		{"two operators", `{"a":[{"prefix":"a","suffix":"b"}]}`, "Only one key allowed in match expression"},
		{"cidr without mask", `{"a":[{"cidr":"10.0.0.0"}]}`, "Malformed CIDR, one '/' required"},
		{"number no double holds", `{"a":[{"numeric":["=",9007199254740993]}]}`, "Cannot compare number : 9007199254740993"},
		{"two stars", `{"a":[{"wildcard":"a**"}]}`, "Consecutive wildcard characters at pos 2"},
		{"or of one", `{"$or":[{"a":[1]}]}`, "There must have at least 2 Objects in $or relationship."},
		{"reserved name in or", `{"$or":[{"prefix":[1]},{"a":[1]}]}`, "prefix is Ruler reserved fieldName which cannot be used inside $or."},
		{"trailing comma", `{"a":[1],}`, "Unexpected character ('}' (code 125)): was expecting double-quote to start field name"},
		{"closed before it is open", `]`, "Unexpected close marker ']': no open Array to close"},
		{"minus and a letter", `{"a":[-Ix]}`, "Unexpected character ('x' (code 120)) in numeric value: expected digit (0-9) to follow minus sign, for valid numeric value"},
		{"minus and half a word", `{"a":[-Info]}`, "Unrecognized token '-Info': was expecting " + validTokens},
		{"minus infinity", `{"a":[-Infinity]}`, "Non-standard token '-Infinity': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow"},
		{"minus infinity and more", `{"a":[-Infinity1]}`, "Unrecognized token '-Infinity1': was expecting " + validTokens},
		{"minus and the end", `{"a":[-I`, "Unexpected end-of-input in a Number value"},
		{"half a surrogate pair", `{"a":[{"\ud83d":1}]}`, "Unrecognized match type ?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(c.pattern)
			refused, ok := errors.AsType[*Error](err)
			if !ok || refused.Reason != c.reason {
				t.Errorf("got %v, want reason %q", err, c.reason)
			}
		})
	}
}

// TestParsePlaces holds where AWS says that a pattern is wrong: once, twice in the
// lists of anything-but, and not at all where its parser is not asked.
func TestParsePlaces(t *testing.T) {
	for _, c := range []struct{ name, pattern, place string }{
		{"scalar field, a number", `{"n": 42}`, `{"n": 42}"; line: 1, column: 9`},
		{"scalar field, a string", `{"s": "v"}`, `{"s": "v"}"; line: 1, column: 8`},
		{"list that is empty", `{"a": []}`, `{"a": []}"; line: 1, column: 9`},
		{"operator", `{"a": [{"NUMERIC": ["=", 5]}]}`, `{"a": [{"NUMERIC": ["=", 5]}]}"; line: 1, column: 21`},
		{"numeric without its second number", `{"a": [{"numeric": [">", 0, "<"]}]}`, `{"a": [{"numeric": [">", 0, "<"]}]}"; line: 1, column: 33`},
		{"two stars", `{"a": [{"wildcard": "b**"}]}`, `{"a": [{"wildcard": "b**"}]}"; line: 1, column: 26`},
		{"anything-but null", `{"a": [{"anything-but": null}]}`, `{"a": [{"anything-but": null}]}"; line: 1, column: 29`},
		{"anything-but a prefix that is a number", `{"a": [{"anything-but": {"prefix": 1}}]}`, `{"a": [{"anything-but": {"prefix": 1}}]}"; line: 1, column: 37`},
		{"no JSON", `this`, `this"; line: 1, column: 5`},
		{"a character that should not be there", `{'a': 1}`, `{'a': 1}"; line: 1, column: 2`},
		{"a brace that should not be there", `{"a": [1}`, `{"a": [1}"; line: 1, column: 9`},
		{"no object", `["x"]`, `["x"]"; line: 1, column: 2`},
		{"second line", "{\n\"a\": 1}", "{\n\"a\": 1}\"; line: 2, column: 7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			comparePlace(t, c.pattern, "\n at [Source: (String)\""+c.place+"]")
		})
	}
	list := `{"a": [{"anything-but": ["b", null]}]}`
	place := "\n at [Source: (String)\"" + list + "\"; line: 1, column: 35]"
	comparePlace(t, list, place+place)
	list = `{"a": [{"anything-but": {"suffix": [1, "b"]}}]}`
	place = "\n at [Source: (String)\"" + list + "\"; line: 1, column: 38]"
	comparePlace(t, list, place+place)
	comparePlace(t, `{"a": [{"cidr": "10.0.0.0"}]}`, "")
	comparePlace(t, `{"a": [{"anything-but": 9007199254740993}]}`, "")
}

func comparePlace(t *testing.T, pattern, want string) {
	t.Helper()
	_, err := Parse(pattern)
	refused, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("%s: got %v, want an *Error", pattern, err)
	}
	if got, want := refused.Message(), refused.Error()+want; got != want {
		t.Errorf("%s:\ngot  %s\nwant %s", pattern, got, want)
	}
}
