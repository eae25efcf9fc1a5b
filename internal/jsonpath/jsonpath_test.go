package jsonpath_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"bailey/internal/jsonpath"
)

const document = ` {
  "version": "0",
  "detail-type": "Order placed",
  "resources": [],
  "time": "2015-11-11T21:29:54Z",
  "détail": "accent",
  "detail": {
    "my-key": "dash", "my_key": "under", "a/b": "slash", "ключ": 7, "9": "nine",
    "user:name": "colon", "it's": "quote", "say \"hi\"": "double", "": "empty name", "\u0061\/\u0062c": "escaped",
    "back\\slash": 1, "clef \ud834\udd1e": "G", "half \ud834": "half",
    "price": 1.0, "big": 9007199254740993, "e": -2.50E+3,
    "yes": true, "no": false, "nothing": null,
    "repeated": [{"a":1,"a":2},{"a":1,"\u0061":{"b":1}}],
    "twice": 1, "twice": {"x": 2}, "\u0074wice": {"x": 3},
    "items": [ {"sku": "A", "tags": ["r", "g"]}, {"sku": "B"}, {"tags": []}, "bare", null ],
    "matrix": [[1, 2], [], [3]],
    "brackets": "]}[{\",:", "after": "found",
    "object": { "b" : [ 1 , "x y" ] , "a" : { } }
  }
}
`

func TestFind(t *testing.T) {
	const missing = "(missing)"
	tests := []struct{ name, path, want string }{
		{"a member", `$.version`, `"0"`},
		{"a name with a dash", `$.detail-type`, `"Order placed"`},
		{"a nested name with a dash", `$.detail.my-key`, `"dash"`},
		{"a name with an underscore", `$.detail.my_key`, `"under"`},
		{"a name with a slash", `$.detail.a/b`, `"slash"`},
		{"a name in another script", `$.detail.ключ`, `7`},
		{"a name with an accent", `$.détail`, `"accent"`},
		{"a name that is a digit", `$.detail.9`, `"nine"`},
		{"a quoted name", `$['detail']['user:name']`, `"colon"`},
		{"a double-quoted name", `$["detail"]["user:name"]`, `"colon"`},
		{"a quoted name, then a dot", `$['detail'].my-key`, `"dash"`},
		{"an escaped single quotation mark", `$.detail['it\'s']`, `"quote"`},
		{"a single quotation mark within double ones", `$.detail["it's"]`, `"quote"`},
		{"escaped double quotation marks", `$.detail["say \"hi\""]`, `"double"`},
		{"double quotation marks within single ones", `$.detail['say "hi"']`, `"double"`},
		{"an escaped backslash", `$.detail['back\\slash']`, `1`},
		{"an escaped character in the path", `$.detail['\u006d\u0079-key']`, `"dash"`},
		{"an escaped character in the document", `$.detail['a/bc']`, `"escaped"`},
		{"a surrogate pair in the document", `$.detail['clef 𝄞']`, `"G"`},
		{"a surrogate pair in the path", `$.detail['clef \ud834\udd1e']`, `"G"`},
		{"half a surrogate pair is the replacement character", "$.detail['half \ufffd']", `"half"`},
		{"the empty name", `$.detail['']`, `"empty name"`},
		{"brackets within a string", `$.detail.after`, `"found"`},
		{"a number keeps its text", `$.detail.price`, `1.0`},
		{"a large number keeps its text", `$.detail.big`, `9007199254740993`},
		{"an exponent keeps its text", `$.detail.e`, `-2.50E+3`},
		{"true", `$.detail.yes`, `true`},
		{"false", `$.detail.no`, `false`},
		{"null is found", `$.detail.nothing`, `null`},
		{"the last of repeated names counts", `$.detail.twice.x`, `3`},
		{"the last of repeated names counts for every item", `$.detail.repeated[*].a`, `[2,{"b":1}]`},
		{"an empty array", `$.resources`, `[]`},
		{"an object keeps its text", `$.detail.object`, `{ "b" : [ 1 , "x y" ] , "a" : { } }`},
		{"the first item", `$.detail.items[0].sku`, `"A"`},
		{"a later item", `$.detail.items[3]`, `"bare"`},
		{"the last item", `$.detail.items[4]`, `null`},
		{"an item of an item", `$.detail.matrix[0][1]`, `2`},
		{"every item", `$.detail.matrix[*]`, `[[1, 2],[],[3]]`},
		{"every item of every item is flat", `$.detail.matrix[*][*]`, `[1,2,3]`},
		{"one item of every item", `$.detail.matrix[*][0]`, `[1,3]`},
		{"a member of every item that has it", `$.detail.items[*].sku`, `["A","B"]`},
		{"every item of a member of every item", `$.detail.items[*].tags[*]`, `["r","g"]`},
		{"every item, where one is found", `$.detail.items[*].tags[1]`, `["g"]`},
		{"every item, where none is found", `$.detail.items[*].none`, `[]`},
		{"every item of an empty array", `$.resources[*]`, `[]`},
		{"every item of an empty array, further", `$.resources[*].arn`, `[]`},

		{"no such member", `$.detail.none`, missing},
		{"no such member of the document", `$.none.none`, missing},
		{"names are case-sensitive", `$.Detail`, missing},
		{"a prefix of a name", `$.detail.my`, missing},
		{"more than a name", `$.detail.my-key2`, missing},
		{"a member of a string", `$.version.x`, missing},
		{"a member of null", `$.detail.nothing.x`, missing},
		{"a member of an array", `$.detail.items.sku`, missing},
		{"a member that only an earlier namesake has", `$.detail.twice.y`, missing},
		{"an item past the end", `$.detail.items[5]`, missing},
		{"an item of an empty array", `$.resources[0]`, missing},
		{"an item of an object", `$.detail[0]`, missing},
		{"an item of a string", `$.version[0]`, missing},
		{"every item of an object", `$.detail[*]`, missing},
		{"every item of nothing", `$.detail.none[*]`, missing},
		{"every item of null", `$.detail.nothing[*]`, missing},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path, err := jsonpath.Parse(test.path)
			if err != nil {
				t.Fatalf("Parse(%q): %v", test.path, err)
			}
			raw, ok := path.Find([]byte(document))
			got := string(raw)
			if !ok {
				got = missing
			}
			if got != test.want {
				t.Errorf("%s found %s, want %s", test.path, got, test.want)
			}
			if path.String() != test.path {
				t.Errorf("String() = %q, want %q", path.String(), test.path)
			}
		})
	}
}

func TestFindWholeDocument(t *testing.T) {
	for _, path := range []jsonpath.Path{{}, parse(t, "$")} {
		raw, ok := path.Find([]byte(document))
		if want := strings.TrimSpace(document); !ok || string(raw) != want {
			t.Errorf("%v found %q, %v; want the document without the space around it", path, raw, ok)
		}
	}
	raw, ok := parse(t, "$[*]").Find([]byte(` [1 , "]" , {"a":[2]}] `))
	if want := `[1,"]",{"a":[2]}]`; !ok || string(raw) != want {
		t.Errorf("$[*] found %s, %v; want %s", raw, ok, want)
	}
}

// What is found shares the document's memory, so appending to it must not write
// into the document.
func TestFindLeavesNoRoom(t *testing.T) {
	doc := []byte(`{"a":1,"b":2}`)
	raw, _ := parse(t, "$.a").Find(doc)
	_ = append(raw, "999"...)
	if got, want := string(doc), `{"a":1,"b":2}`; got != want {
		t.Errorf("the document became %s, want %s", got, want)
	}
}

func TestFindDeep(t *testing.T) {
	const depth = 1_000
	arrays := []byte(strings.Repeat("[", depth) + "7" + strings.Repeat("]", depth))
	for _, text := range []string{"$" + strings.Repeat("[0]", depth), "$" + strings.Repeat("[*]", depth)} {
		raw, ok := parse(t, text).Find(arrays)
		if got := strings.Trim(string(raw), "[]"); !ok || got != "7" {
			t.Errorf("%.10s... found %s, %v; want 7", text, raw, ok)
		}
	}
	objects := []byte(strings.Repeat(`{"a":`, depth) + "7" + strings.Repeat("}", depth))
	raw, ok := parse(t, "$"+strings.Repeat(".a", depth)).Find(objects)
	if !ok || string(raw) != "7" {
		t.Errorf("the path to the depths found %s, %v; want 7", raw, ok)
	}
	if raw, ok := parse(t, "$.a").Find(objects); !ok || len(raw) != len(objects)-len(`{"a":}`) {
		t.Errorf("$.a found %d bytes, %v; want %d", len(raw), ok, len(objects)-len(`{"a":}`))
	}
}

func TestMembers(t *testing.T) {
	var got []string
	for name, value := range jsonpath.Members([]byte(` { "a" : 1.0 , "\u0062\n" : [ {} ] , "a" : "}" } `)) {
		got = append(got, fmt.Sprintf("%q=%s", name, value))
	}
	if want := []string{`"a"=1.0`, `"b\n"=[ {} ]`, `"a"="}"`}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, other := range []string{`{}`, `[1]`, `"a"`, `null`, ``, `{"a"`, `{"a":`, `{"a":[`} {
		for name, value := range jsonpath.Members([]byte(other)) {
			t.Errorf("%s has the member %q: %s, want none", other, name, value)
		}
	}
	for name := range jsonpath.Members([]byte(`{"a":1,"b":2}`)) {
		if name != "a" {
			t.Errorf("%q comes after the loop was left", name)
		}
		break
	}
}

func TestFindInBrokenDocument(t *testing.T) {
	const whole = `{"a":[{"b":"\"\u00e9"},12],"c":{"d":null}}`
	paths := []string{"$", "$.a", "$.a[0].b", "$.a[1]", "$.a[*].b", "$.a[*][*]", "$.c.d", "$['\\u0063']"}
	for _, text := range paths {
		path := parse(t, text)
		for end := range len(whole) {
			raw, _ := path.Find([]byte(whole[:end]))
			jsonpath.Text(raw)
			broken := []byte(whole)
			for _, c := range []byte("\\\"{}[],: \x00\xff") {
				broken[end] = c
				raw, _ := path.Find(broken)
				jsonpath.Text(raw)
			}
		}
	}
	if raw, ok := parse(t, "$.a").Find([]byte(`{"a":[1`)); ok {
		t.Errorf("in a document without an end $.a found %s, want nothing", raw)
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ name, path, want string }{
		{"nothing", ``, `JSON path "" does not begin with $`},
		{"a literal", `detail.state`, `JSON path "detail.state" does not begin with $`},
		{"white space before", ` $.a`, `JSON path " $.a" does not begin with $`},
		{"white space after", `$.a `, `JSON path "$.a ": at character 4: ' ' is not allowed in a name after a dot; names with other characters are written ['name']`},
		{"a name without a dot", `$a`, `JSON path "$a": at character 2: 'a' is not allowed in a name after a dot; names with other characters are written ['name']`},
		{"a character that needs brackets", `$.é.user:name`, `JSON path "$.é.user:name": at character 9: ':' is not allowed in a name after a dot; names with other characters are written ['name']`},
		{"a dot at the end", `$.a.`, `JSON path "$.a.": at character 4: there is no name after the dot`},
		{"two dots", `$.a..b[`, `JSON path "$.a..b[": at character 4: there is no name after the dot`},
		{"two dots at the start", `$..a`, `JSON path "$..a": at character 2: there is no name after the dot`},
		{"every member", `$.a.*`, `JSON path "$.a.*": at character 4: there is no name after the dot`},
		{"a dot before a bracket", `$.a.[0]`, `JSON path "$.a.[0]": at character 4: there is no name after the dot`},
		{"an open bracket", `$.a[`, `JSON path "$.a[": at character 4: the bracket is not closed`},
		{"an open index", `$.a[0`, `JSON path "$.a[0": at character 4: the bracket is not closed`},
		{"empty brackets", `$.a[]`, `JSON path "$.a[]": at character 4: brackets hold a quoted name, an index from 0, or *`},
		{"a negative index", `$.a[-1]`, `JSON path "$.a[-1]": at character 4: brackets hold a quoted name, an index from 0, or *`},
		{"a leading zero", `$.a[01]`, `JSON path "$.a[01]": at character 4: brackets hold a quoted name, an index from 0, or *`},
		{"a slice", `$.a[0:2]`, `JSON path "$.a[0:2]": at character 4: brackets hold a quoted name, an index from 0, or *`},
		{"a union", `$.a[0,1]`, `JSON path "$.a[0,1]": at character 4: brackets hold a quoted name, an index from 0, or *`},
		{"a filter", `$.a[?(@.b)]`, `JSON path "$.a[?(@.b)]": at character 4: brackets hold a quoted name, an index from 0, or *`},
		{"a bare name in brackets", `$[a]`, `JSON path "$[a]": at character 2: brackets hold a quoted name, an index from 0, or *`},
		{"an index no array has", `$[1000000000]`, `JSON path "$[1000000000]": at character 2: the index is too large`},
		{"an open name", `$['a`, `JSON path "$['a": at character 2: the name's quotation mark is not closed`},
		{"an open bracket after a name", `$['a'`, `JSON path "$['a'": at character 2: the bracket is not closed after the name`},
		{"another quotation mark", `$['a"]`, `JSON path "$['a\"]": at character 2: the name's quotation mark is not closed`},
		{"two names", `$['a','b']`, `JSON path "$['a','b']": at character 2: the bracket is not closed after the name`},
		{"an unknown escape", `$['\x41']`, `JSON path "$['\\x41']": at character 2: the name has an escape that JSON does not know`},
		{"half an escape", `$['\u00`, `JSON path "$['\\u00": at character 2: the name has an escape that JSON does not know`},
		{"an escape at the end", `$['\`, `JSON path "$['\\": at character 2: the name has an escape that JSON does not know`},
		{"a step without a dot", `$['a']b`, `JSON path "$['a']b": at character 7: 'b' is not allowed in a name after a dot; names with other characters are written ['name']`},
		{"bytes that are no text", "$.a\xff", `JSON path is not valid UTF-8`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := jsonpath.Parse(test.path)
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

// Where names in brackets are not allowed, all else is as it is elsewhere.
func TestParseDotted(t *testing.T) {
	for _, text := range []string{"$", "$.a", "$.a-b_c/d", "$.a[0]", "$.a[*].b", "$[1]"} {
		path, err := jsonpath.ParseDotted(text)
		if err != nil || path.String() != text {
			t.Errorf("%s: got %v, %v", text, path, err)
		}
	}
	for text, want := range map[string]string{
		"$['a']":     `JSON path "$['a']": a name in brackets is not allowed here`,
		`$.a["b"].c`: `JSON path "$.a[\"b\"].c": a name in brackets is not allowed here`,
		"$.a..b":     `JSON path "$.a..b": at character 4: there is no name after the dot`,
	} {
		if _, err := jsonpath.ParseDotted(text); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

func TestIsPath(t *testing.T) {
	for text, want := range map[string]bool{
		"$":                    true,
		"$.detail.state":       true,
		"$['detail']":          true,
		"$.a..b[":              true,
		"":                     false,
		"$5":                   false,
		"$detail":              false,
		"state-$.detail.state": false,
		" $.detail":            false,
	} {
		if got := jsonpath.IsPath(text); got != want {
			t.Errorf("IsPath(%q) = %v, want %v", text, got, want)
		}
	}
}

func TestText(t *testing.T) {
	tests := []struct{ name, raw, want string }{
		{"a string", `"pets"`, `pets`},
		{"the empty string", `""`, ``},
		{"a string with escapes", `"\"a\\b\/c\b\f\n\r\t\u00e9\u0000"`, "\"a\\b/c\b\f\n\r\té\x00"},
		{"a surrogate pair", `"\ud834\udd1e"`, "𝄞"},
		{"half a surrogate pair", `"\ud834x\udd1e"`, "\ufffdx\ufffd"},
		{"half a surrogate pair, then a letter", `"\ud834\u0061"`, "\ufffda"},
		{"a string with markup", `"<a & b>"`, `<a & b>`},
		{"a number", `1.0`, `1.0`},
		{"a large number", `12345678901234567890.10`, `12345678901234567890.10`},
		{"true", `true`, `true`},
		{"false", `false`, `false`},
		{"null", `null`, `null`},
		{"an object", "{ \"b\" : [ 1.0 ,\t\"x  \\\" y\" ] ,\r\n \"a\" : { } }", `{"b":[1.0,"x  \" y"],"a":{}}`},
		{"an array with markup and escapes", `[ "<&>" , "\u003c" ]`, `["<&>","\u003c"]`},
		{"nothing", ``, ``},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := jsonpath.Text([]byte(test.raw)); got != test.want {
				t.Errorf("Text(%s) = %q, want %q", test.raw, got, test.want)
			}
			if got, want := string(jsonpath.AppendText([]byte("> "), []byte(test.raw))), "> "+test.want; got != want {
				t.Errorf("AppendText(%q, %s) = %q, want %q", "> ", test.raw, got, want)
			}
		})
	}
}

func ExamplePath_Find() {
	event := []byte(`{"detail-type": "Order placed", "detail": {"total": 1.50, "lines": [{"sku": "A"}, {"sku": "B"}]}}`)
	for _, text := range []string{"$.detail-type", "$.detail.total", "$.detail.lines[*].sku", "$.detail.discount"} {
		path, err := jsonpath.Parse(text)
		if err != nil {
			fmt.Println(err)
			return
		}
		raw, ok := path.Find(event)
		fmt.Printf("%s found %v: %s\n", path, ok, jsonpath.Text(raw))
	}
	// Output:
	// $.detail-type found true: Order placed
	// $.detail.total found true: 1.50
	// $.detail.lines[*].sku found true: ["A","B"]
	// $.detail.discount found false:
}

func parse(t testing.TB, text string) jsonpath.Path {
	t.Helper()
	path, err := jsonpath.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// event is an event of 1 KiB with what is looked for near its end.
var event = []byte(`{"version":"0","id":"7bf73129-1428-4cd3-a780-95db273d1602","detail-type":"EC2 Instance State-change Notification",` +
	`"source":"aws.ec2","account":"123456789012","time":"2015-11-11T21:29:54Z","region":"us-east-1","resources":["arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111"],` +
	`"detail":{"padding":"` + strings.Repeat("lorem ipsum ", 55) + `","tags":[{"k":"a"},{"k":"b"}],"instance-id":"i-abcd1111","state":"running"}}`)

func TestFindAllocatesNothing(t *testing.T) {
	path := parse(t, "$.detail.state")
	if got := testing.AllocsPerRun(100, func() { path.Find(event) }); got != 0 {
		t.Errorf("Find took memory %v times, want 0", got)
	}
}

func BenchmarkFind(b *testing.B) {
	for _, text := range []string{"$.source", "$.detail.state", "$.detail.tags[1].k", "$.detail.tags[*].k"} {
		b.Run(text, func(b *testing.B) {
			path := parse(b, text)
			b.SetBytes(int64(len(event)))
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := path.Find(event); !ok {
					b.Fatal("not found")
				}
			}
		})
	}
}

func BenchmarkAppendText(b *testing.B) {
	raw, _ := parse(b, "$.detail").Find(event)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	var dst []byte
	for b.Loop() {
		dst = jsonpath.AppendText(dst[:0], raw)
	}
}
