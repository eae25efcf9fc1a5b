package input_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"bailey/internal/input"
)

// FuzzTemplate checks that whatever the template, the body is JSON or there is
// none.
func FuzzTemplate(f *testing.F) {
	for _, template := range []string{
		`"Payload of <payload> and <userId>"`, "\"<valid>\"\n\"<nested>\"", `{"a": <payload>, "b": "<userId> \"<price>\""}`,
		`<listsingle> single list item`, `{"a": "<quoted>"}`, `[<missing>,<aws.events.event>]`, `{"a": "\u00<userId>"}`, `1<price>`,
	} {
		f.Add(template)
	}
	f.Fuzz(func(t *testing.T, template string) {
		r, err := input.Compile("t", nil, nil, &input.Transformer{InputPathsMap: paths, InputTemplate: template})
		if err != nil {
			return
		}
		if body, err := r.Render([]byte(event), ctx); err == nil {
			checkBody(t, template, body)
		}
	})
}

// FuzzValue fills three simple templates with any value, surrounded by any text,
// and compares the bodies with what encoding/json makes of text and value.
func FuzzValue(f *testing.F) {
	for _, value := range []string{`"x"`, `1.0`, `null`, `{"a": ["b", 1, "c\"\\\n"]}`, `[1, 2]`, `"say \"hi\""`, `"a\/b"`, `"C:\\new"`, `"\u00e9\ud834"`} {
		f.Add(value, "before: ")
	}
	f.Add(`"x"`, `quo"ted\`)
	f.Fuzz(func(t *testing.T, value, before string) {
		if !json.Valid([]byte(value)) || !utf8.ValidString(value) || !utf8.ValidString(before) || strings.Contains(before, "<") || len(before) > 1000 {
			return
		}
		literal, err := json.Marshal(before)
		if err != nil {
			t.Fatal(err)
		}
		literal = literal[:len(literal)-1] // without its closing quotation mark
		doc := []byte(`{"detail":` + value + `}`)
		text, safe := textOf(t, value)

		if got := fill(t, `{"v": <v>}`, doc); !sameJSON(t, got, []byte(`{"v": `+value+`}`)) {
			t.Errorf("as a value: got %s, want %s", got, value)
		}
		got := fill(t, `{"v": `+string(literal)+`<v>"}`, doc)
		if want := map[string]string{"v": before + text}; safe && !sameJSON(t, got, marshal(t, want)) || !safe && got != nil {
			t.Errorf("in a string: got %q, want %q (may be put in: %v)", got, want, safe)
		}
		got = fill(t, string(literal)+`<v>"`, doc)
		if strings.ContainsAny(value[strings.IndexFunc(value, notSpace):][:1], "{[") {
			var unquoted string
			if err := json.Unmarshal([]byte(`"`+withoutQuotes.ReplaceAllString(text, "$1")+`"`), &unquoted); err != nil {
				t.Fatal(err)
			}
			text, safe = unquoted, true
		}
		if want := before + text; safe && !sameJSON(t, got, marshal(t, want)) || !safe && got != nil {
			t.Errorf("in a string template: got %q, want %q (may be put in: %v)", got, want, safe)
		}
	})
}

// withoutQuotes finds the quotation marks of JSON, alone or escaped, and keeps
// other escapes whole.
var withoutQuotes = regexp.MustCompile(`(\\[^"])|\\?"`)

func notSpace(r rune) bool { return !strings.ContainsRune(" \t\r\n", r) }

// textOf returns the text of a value and whether it can stand in a JSON string.
func textOf(t *testing.T, value string) (text string, safe bool) {
	t.Helper()
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(value)); err != nil {
		t.Fatal(err)
	}
	text = compact.String()
	if strings.HasPrefix(text, `"`) {
		if err := json.Unmarshal([]byte(value), &text); err != nil {
			t.Fatal(err)
		}
	}
	var back string
	err := json.Unmarshal([]byte(`"`+text+`"`), &back)
	return text, err == nil && back == text
}

// fill renders a template, nil where that fails.
func fill(t *testing.T, template string, event []byte) []byte {
	t.Helper()
	r, err := input.Compile("t", nil, nil, &input.Transformer{InputPathsMap: map[string]string{"v": "$.detail"}, InputTemplate: template})
	if err != nil {
		t.Fatal(err)
	}
	body, err := r.Render(event, ctx)
	if err != nil {
		return nil
	}
	return body
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sameJSON reports whether two documents say the same, down to the numbers' text.
func sameJSON(t *testing.T, got, want []byte) bool {
	t.Helper()
	var values [2]any
	for i, doc := range [][]byte{got, want} {
		d := json.NewDecoder(bytes.NewReader(doc))
		d.UseNumber()
		if err := d.Decode(&values[i]); err != nil {
			t.Errorf("%q is not JSON: %v", doc, err)
			return false
		}
	}
	return reflect.DeepEqual(values[0], values[1])
}
