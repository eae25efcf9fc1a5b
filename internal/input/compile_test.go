package input_test

import (
	"fmt"
	"strings"
	"testing"

	"bailey/internal/input"
)

func TestCompileRefuses(t *testing.T) {
	manyPaths := make(map[string]string)
	for n := range 101 {
		manyPaths[fmt.Sprintf("n%d", n)] = "$.a"
	}
	const (
		onlyOne     = `Only one of Input, InputPath, or InputTransformer must be provided for target t-1.`
		invalidPath = `InputPath for target t-1 is invalid.`
		badKey      = `InputTemplate placeholder present as a JSON object key for target t-1.`
		onlyJSON    = `InputTemplate for target t-1 contains placeholder aws.events.event.json valid only for JSON template.`
	)
	v := map[string]string{"v": "$.a"}
	tests := []struct {
		name             string
		input, inputPath *string
		paths            map[string]string
		template         *string
		want             string
	}{
		{name: "InputPath and InputTransformer", inputPath: new("$.detail"), template: new("{}"), want: onlyOne},
		{name: "Input and InputPath", input: new("{}"), inputPath: new("$.detail"), want: onlyOne},
		{name: "empty Input and empty InputPath", input: new(""), inputPath: new(""), want: onlyOne},
		{name: "all three", input: new("{}"), inputPath: new("$.detail"), template: new("{}"), want: onlyOne},
		{name: "Input that is too long", input: new(`"` + strings.Repeat("é", 8191) + `"`), want: `Input for target t-1 is longer than 8192 characters.`},

		{name: "two dots", inputPath: new(`$.a..b`), want: invalidPath},
		{name: "two dots at the start", inputPath: new(`$..a`), want: invalidPath},
		{name: "no $", inputPath: new(`detail.state`), want: invalidPath},
		{name: "a name in single quotation marks", inputPath: new(`$['a']`), want: invalidPath},
		{name: "a name in double quotation marks", inputPath: new(`$["a"]`), want: invalidPath},
		{name: "a name in quotation marks after a dot", inputPath: new(`$.detail['a'].b`), want: invalidPath},
		{name: "every member", inputPath: new(`$.detail.*`), want: invalidPath},
		{name: "an index from the end", inputPath: new(`$.a[-1]`), want: invalidPath},
		{name: "a slice", inputPath: new(`$.a[0:2]`), want: invalidPath},
		{name: "a filter", inputPath: new(`$.a[?(@.b)]`), want: invalidPath},
		{name: "InputPath that is too long", inputPath: new("$." + strings.Repeat("é", 255)), want: invalidPath},

		{name: "a path without $", paths: map[string]string{"ok": "$.a", "v": "a"}, template: new(`{}`), want: invalidPath},
		{name: "a path that is empty", paths: map[string]string{"v": ""}, template: new(`{}`), want: invalidPath},
		{name: "a path with a name in quotation marks", paths: map[string]string{"v": "$.detail['a']"}, template: new(`{}`), want: invalidPath},
		{name: "a path that is too long", paths: map[string]string{"v": "$." + strings.Repeat("a", 255)}, template: new(`{}`), want: invalidPath},
		{name: "too many paths", paths: manyPaths, template: new(`{}`), want: `InputPathsMap for target t-1 has more than 100 entries.`},
		{name: "an empty name", paths: map[string]string{"": "$.a"}, template: new(`{}`), want: `InputPathsMap for target t-1 has the name "", which does not have 1 to 256 letters, digits, _ and -.`},
		{name: "a long name", paths: map[string]string{strings.Repeat("a", 257): "$.a"}, template: new(`{}`), want: `InputPathsMap for target t-1 has the name "` + strings.Repeat("a", 257) + `", which does not have 1 to 256 letters, digits, _ and -.`},
		{name: "a predefined name", paths: map[string]string{"aws.events.rule-arn": "$.a"}, template: new(`{}`), want: `InputPathsMap for target t-1 has the name "aws.events.rule-arn", which does not have 1 to 256 letters, digits, _ and -.`},

		{name: "an unknown variable", paths: map[string]string{"detail-type": "$.detail-type"}, template: new(`"Event of <detail-type> type, with not defined key <notdefinedkey>"`), want: `InputTemplate for target t-1 contains invalid placeholder notdefinedkey.`},
		{name: "a path as a variable", paths: v, template: new(`{"a": <$.detail>}`), want: `InputTemplate for target t-1 contains invalid placeholder $.detail.`},
		{name: "an unknown predefined variable", paths: v, template: new(`{"a": <aws.events.rule>}`), want: `InputTemplate for target t-1 contains invalid placeholder aws.events.rule.`},
		{name: "an unknown variable with an empty map", paths: map[string]string{}, template: new(`"<v>"`), want: `InputTemplate for target t-1 contains invalid placeholder v.`},
		{name: "the first of two unknown variables", paths: v, template: new(`"<b> <v> <a>"`), want: `InputTemplate for target t-1 contains invalid placeholder b.`},
		{name: "an empty template", template: new(``), want: `InputTemplate for target t-1 must have 1 to 8192 characters.`},
		{name: "a long template", template: new(`"` + strings.Repeat("é", 8191) + `"`), want: `InputTemplate for target t-1 must have 1 to 8192 characters.`},

		{name: "a variable as a key", paths: v, template: new(`{<v>: 1}`), want: badKey},
		{name: "a variable as a key in quotation marks", paths: v, template: new(`{"<v>": 1}`), want: badKey},
		{name: "a variable in a key", paths: v, template: new(`{"is-<v>": 1}`), want: badKey},
		{name: "a variable as a second key", paths: v, template: new(`{"a": [1, {"b": 2}], <v> : 1}`), want: badKey},
		{name: "a variable as a key deep down", paths: v, template: new(`{"a": [1, {"b:{": <v>, "<v>": 2}]}`), want: badKey},
		{name: "a predefined variable as a key", template: new(`{<aws.events.rule-name>: 1}`), want: badKey},
		{name: "the event in a string template", template: new(`"event was <aws.events.event.json> today"`), want: onlyJSON},
		{name: "the event in an array", template: new(`[<aws.events.event.json>]`), want: onlyJSON},
		{name: "the event alone", template: new(`<aws.events.event.json>`), want: onlyJSON},

		{name: "a template that is text", paths: v, template: new(`hello <v>`), want: `Invalid InputTemplate for target t-1 : [Source: (String)"hello null"; line: 1, column: 1].`},
		{name: "a template that is text after space", paths: v, template: new("\n  hello <v>"), want: "Invalid InputTemplate for target t-1 : [Source: (String)\"\n  hello null\"; line: 2, column: 3]."},
		{name: "JSON that ends too early", paths: v, template: new(`{"a": <v>`), want: `Invalid InputTemplate for target t-1 : [Source: (String)"{"a": null"; line: 1, column: 7].`},
		{name: "JSON without quotation marks", paths: v, template: new("{\"a\": <v>,\n \"b\": <v>, c}"), want: "Invalid InputTemplate for target t-1 : [Source: (String)\"{\"a\": null,\n \"b\": null, c}\"; line: 2, column: 7]."},
		{name: "JSON with two variables as a value", paths: v, template: new(`{"a": <v><v>}`), want: `Invalid InputTemplate for target t-1 : [Source: (String)"{"a": nullnull}"; line: 1, column: 2].`},
		{name: "a string that is not closed", paths: v, template: new(`"a <v>`), want: `Invalid InputTemplate for target t-1 : [Source: (String)""a null"; line: 1, column: 1].`},
		{name: "a string over two lines", template: new("\"a\nb\""), want: "Invalid InputTemplate for target t-1 : [Source: (String)\"\"a\nb\"\"; line: 1, column: 1]."},
		{name: "an array that ends too early", paths: v, template: new(`[<v>`), want: `Invalid InputTemplate for target t-1 : [Source: (String)"[null"; line: 1, column: 2].`},
		{name: "digits beside a variable", paths: v, template: new(`1<v>`), want: `Invalid InputTemplate for target t-1 : [Source: (String)"1null"; line: 1, column: 1].`},
		{name: "JSON with an escaped variable", paths: v, template: new(`{"a": "\<v>"}`), want: `Invalid InputTemplate for target t-1 : [Source: (String)"{"a": "\<v>"}"; line: 1, column: 7].`},
		{name: "JSON with a variable in an escape", paths: v, template: new(`{"a": "\u00<v>"}`), want: `Invalid InputTemplate for target t-1 : [Source: (String)"{"a": "\u00null"}"; line: 1, column: 7].`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var transformer *input.Transformer
			if test.template != nil {
				transformer = &input.Transformer{InputPathsMap: test.paths, InputTemplate: *test.template}
			}
			_, err := input.Compile("t-1", test.input, test.inputPath, transformer)
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestCompileTakes(t *testing.T) {
	v := map[string]string{"v": "$.a"}
	manyPaths := make(map[string]string)
	for n := range 100 {
		manyPaths[fmt.Sprintf("n%d", n)] = "$.a"
	}
	templates := []struct {
		name     string
		paths    map[string]string
		template string
	}{
		{"a variable alone", v, `<v>`},
		{"a variable, then text", v, `<v> text`},
		{"a value, then text", v, `{"a": <v>} text`},
		{"two strings on a line", v, `"a" "b"`},
		{"a line that is not quoted", v, "\"a\"\n  <v>"},
		{"an array", v, `[<v>]`},
		{"nothing but space", v, ` `},
		{"undefined without a map, a string template", nil, `"<v>"`},
		{"undefined without a map, JSON", nil, `{"a": <v>}`},
		{"undefined without a map, text", nil, `<v>`},
		{"the event in an object", nil, ` {"e": <aws.events.event.json>}`},
		{"the event in a string of an object", nil, `{"e": "<aws.events.event.json>"}`},
		{"the event without detail in text", nil, `"<aws.events.event>"`},
		{"a name that begins with AWS", map[string]string{"AWSthing": "$.a"}, `"<AWSthing>"`},
		{"a key of an array that is text", v, `[{"<v>": 1}]`},
		{"a string of a key's form", v, `{"a": "{<v>: 1}", "b": ["{", "<v>"]}`},
		{"as many paths as can be", manyPaths, `"<n0>"`},
		{"the longest name", map[string]string{strings.Repeat("a", 256): "$.a"}, `{}`},
	}
	for _, test := range templates {
		t.Run(test.name, func(t *testing.T) {
			if _, err := input.Compile("t", nil, nil, &input.Transformer{InputPathsMap: test.paths, InputTemplate: test.template}); err != nil {
				t.Error(err)
			}
		})
	}
	for _, path := range []string{``, `$`, `$.detail`, `$.detail-type`, `$.a_b.c/d`, `$.resources[0]`, `$.detail.items[*].sku`, `$[0]`, "$." + strings.Repeat("é", 254)} {
		t.Run("InputPath "+path, func(t *testing.T) {
			if _, err := input.Compile("t", nil, &path, nil); err != nil {
				t.Error(err)
			}
		})
	}
}

// Where AWS says that Input is no JSON is where Jackson does: at the character
// that should not be there, after a word that means nothing, at the end.
func TestInputSyntax(t *testing.T) {
	tests := []struct {
		name, input  string
		line, column int
	}{
		{"a word, recorded on AWS", `env:dev`, 1, 4},
		{"a word that begins like null, recorded on AWS", `not-json`, 1, 1},
		{"a word that begins like true", `this is valid json but not a dict`, 1, 1},
		{"a word that begins like false", `[1, falsy]`, 1, 5},
		{"a word in an object, as recorded for patterns", `{"not": closed mark"`, 1, 15},
		{"a character, as recorded for patterns", `{'bad': 'quotation'}`, 1, 2},

		{"a word", `hello`, 1, 6},
		{"a word with digits", `abc123 d`, 1, 7},
		{"a word that is cut off", `nul`, 1, 1},
		{"a word that goes on", `{"a": truex}`, 1, 7},
		{"a word in another script", `[été]`, 1, 5},
		{"a word without an end", strings.Repeat("a", 300), 1, 257},
		{"not a number", `NaN`, 1, 4},
		{"the end of an object", `{"a":`, 1, 6},
		{"the end after a name", `{"a"`, 1, 5},
		{"the end after a value", `{"a": 1`, 1, 8},
		{"the end of a name", `{"a`, 1, 4},
		{"the end of an array", `[1, `, 1, 5},
		{"the end of a string", `"abc`, 1, 5},
		{"the end of an escape", `"ab\`, 1, 5},
		{"the end of a hexadecimal escape", `"\u00`, 1, 6},
		{"a name without quotation marks", "{\"a\": 1,\n b: 2}", 2, 2},
		{"a name that is a number", `{1: 2}`, 1, 2},
		{"no colon", `{"a" 1}`, 1, 6},
		{"no value", `{"a":}`, 1, 6},
		{"no comma", `{"a":1 "b":2}`, 1, 8},
		{"a comma too many in an object", `{"a":1,}`, 1, 8},
		{"a comma too many in an array", `[1,]`, 1, 4},
		{"a comma at the beginning", `[,1]`, 1, 2},
		{"another bracket", `{"a":[1}`, 1, 8},
		{"another brace", `[{"a":1]`, 1, 8},
		{"a bracket that closes nothing", `]`, 1, 1},
		{"a line break in a string", "\"a\nb\"", 1, 3},
		{"a tab in a name", "{\"a\tb\": 1}", 1, 4},
		{"an unknown escape", `"\x"`, 1, 3},
		{"a letter in a hexadecimal escape", `"\u00g0"`, 1, 6},
		{"a control character", "[1,\x01]", 1, 4},
		{"a comment", `{"a": 1} // one`, 1, 10},
		{"a comment before", `/* one */ 1`, 1, 1},
		{"a leading zero", `[01]`, 1, 3},
		{"a leading zero after a sign", `-012`, 1, 3},
		{"a minus alone", `-`, 1, 2},
		{"a minus and a letter", `[-a]`, 1, 3},
		{"a plus", `[+1]`, 1, 3},
		{"a decimal point first", `.5`, 1, 1},
		{"no digit after the point", `[1.]`, 1, 3},
		{"no digit after the point, at the end", `1.`, 1, 2},
		{"no digit after the point of a zero", `[0.]`, 1, 4},
		{"no digit in an exponent", `[1e]`, 1, 3},
		{"no digit in an exponent after a fraction", `[1.5e+]`, 1, 3},
		{"no digit in an exponent, at the end", `1e`, 1, 3},
		{"a letter after a number", `12x`, 1, 3},
		{"a letter after a number in an array", `[12x]`, 1, 4},
		{"what follows a value", `{"a":1} x`, 1, 9},
		{"a character outside the basic plane before", `["😀", x]`, 1, 9},
		{"the third line, lines of all kinds", "{\r\n\"a\":\r x}", 3, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := fmt.Sprintf(`JSON syntax error in input for target t-1: [Source: (String)"%s"; line: %d, column: %d]`,
				strings.NewReplacer("\x01", `\u0001`, "\t", `\u0009`).Replace(test.input), test.line, test.column)
			if _, err := input.Compile("t-1", &test.input, nil, nil); err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
	long := `"` + strings.Repeat("x", 600)
	want := `JSON syntax error in input for target t-1: [Source: (String)"` + long[:500] + `"[truncated 101 chars]; line: 1, column: 602]`
	if _, err := input.Compile("t-1", &long, nil, nil); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
