package input_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"bailey/internal/input"
)

// FuzzTransformer compares what a template makes of a value with what an obvious
// and slow renderer makes of it, byte for byte, and whether that is JSON.
func FuzzTransformer(f *testing.F) {
	for _, template := range []string{
		`"Payload of <v> and <m>"`, "\"<v>\"\n\"<v>\"", `{"a": <v>, "b": "<v> \"<v>\"", "c": [<m>, "<m>"]}`,
		`<v> single list item`, `{"a": "<v>"}`, `[<m>,<v>]`, `{"a": "\u00<v>"}`, `1<v>`, `<v>`, ` <m>`, `[1,<m>,2]`, `["<v>"]`, `{"a": <v>} x`, `"<v>" "b"`,
		"\"<v>\"\n\n <v>", `{"{<v>": 1}`,
	} {
		for _, value := range []string{`"x"`, `1.0`, `null`, `{"a": ["b", 1, "c\"\\\n"]}`, `[1, 2]`, `"say \"hi\""`, `"a\/b"`, `"C:\\new"`, `"\u00e9\ud834\u0001\t"`, `"1,2"`} {
			f.Add(template, value)
		}
	}
	f.Fuzz(func(t *testing.T, template, value string) {
		value = strings.Trim(value, " \t\r\n")
		if !json.Valid([]byte(value)) || !utf8.ValidString(value) || !utf8.ValidString(template) {
			return
		}
		r, err := input.Compile("t", nil, nil, &input.Transformer{
			InputPathsMap: map[string]string{"v": "$.detail", "m": "$.missing"}, InputTemplate: template,
		})
		if err != nil {
			return
		}
		if strings.Contains(template, "<aws.events.") {
			return // the table has these
		}
		body, err := r.Render([]byte(`{"detail":`+value+`}`), ctx)
		want, ok := slowly(t, template, value)
		broken, isBroken := errors.AsType[*input.InvalidJSONError](err)
		switch {
		case err != nil && !isBroken:
			t.Fatalf("%s with %s: %v", template, value, err)
		case ok && (isBroken || string(body) != want):
			t.Fatalf("%s with %s: got %q, %v; want %q", template, value, body, err, want)
		case !ok && (!isBroken || string(broken.Body) != want || broken.Reason == ""):
			t.Fatalf("%s with %s: got %q, %v; want the broken text %q", template, value, body, err, want)
		}
		if ok {
			checkBody(t, template, body)
		}
	})
}

var variables = regexp.MustCompile("<[^<>\" \t\r\n]+>")

// slowly fills a template with <v> and <m>, of which the second is not found, and
// reports whether what comes out is JSON and says what its author meant.
func slowly(t *testing.T, template, value string) (body string, ok bool) {
	t.Helper()
	object := strings.HasPrefix(strings.TrimLeft(template, " \t\r\n"), "{")
	end, fits := 0, true
	for _, at := range variables.FindAllStringIndex(template, -1) {
		body += template[end:at[0]]
		inString := isInString(template[:at[0]])
		filled := ""
		if template[at[0]:at[1]] == "<v>" {
			filled = text(t, value, object, inString)
		} else if object && !inString {
			filled = `""`
		}
		body += filled
		if inString && !fitsInString(filled, value, object) {
			fits = false
		}
		end = at[1]
	}
	body += template[end:]
	if !strings.HasPrefix(strings.TrimLeft(template, " \t\r\n"), `"`) {
		return body, fits && json.Valid([]byte(body))
	}
	for line := range strings.SplitSeq(body, "\n") {
		if line = strings.Trim(line, " \t\r"); line != "" && (line[0] != '"' || !json.Valid([]byte(line))) {
			return body, false
		}
	}
	return body, fits
}

// isInString reports whether a string is open at the end of a template's
// beginning.
func isInString(before string) bool {
	inString := false
	for i := 0; i < len(before); i++ {
		switch {
		case before[i] == '"':
			inString = !inString
		case before[i] == '\\' && inString:
			i++
		}
	}
	return inString
}

var quotes = regexp.MustCompile(`\\.|"`)

// text is what a value is where it is put.
func text(t *testing.T, value string, object, inString bool) string {
	t.Helper()
	if object && !inString {
		return value
	}
	if value[0] == '"' {
		var s string
		if err := json.Unmarshal([]byte(value), &s); err != nil {
			t.Fatal(err)
		}
		if !object {
			return s
		}
		var escaped strings.Builder
		for _, c := range s {
			switch short := strings.IndexRune("\b\f\n\r\t\"\\", c); {
			case short >= 0:
				escaped.WriteString(`\` + `bfnrt"\`[short:short+1])
			case c < ' ':
				fmt.Fprintf(&escaped, `\u%04x`, c)
			default:
				escaped.WriteRune(c)
			}
		}
		return escaped.String()
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(value)); err != nil {
		t.Fatal(err)
	}
	if object || value[0] != '{' && value[0] != '[' {
		return compact.String()
	}
	return quotes.ReplaceAllStringFunc(compact.String(), func(found string) string {
		switch found {
		case `"`:
			return ""
		case `\"`:
			return `"`
		}
		return found
	})
}

// fitsInString reports whether a text that is put into a string leaves it one,
// that says what the text says.
func fitsInString(filled, value string, object bool) bool {
	var back string
	err := json.Unmarshal([]byte(`"`+filled+`"`), &back)
	composite := value[0] == '{' || value[0] == '['
	switch {
	case err != nil:
		return false
	case object && value[0] == '"', !object && composite:
		return true
	}
	return back == filled
}

// FuzzInput holds Input against encoding/json: what is taken is JSON or blank, and
// an error names a place in the text.
func FuzzInput(f *testing.F) {
	for _, text := range []string{``, ` `, `{"a":[1,-2.5e+3,"\u00e9\n"],"b":{}}`, `[true,false,null]`, `"x`, `01`, `1.`, `-`, `{"a":}`, `[1}`, `nullx`, `{} x`, `+1`, "[\x00]", `tru`, `"😀`} {
		f.Add(text)
	}
	place := regexp.MustCompile(`; line: (\d+), column: (\d+)\]$`)
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || utf8.RuneCountInString(text) > input.MaxInput {
			return
		}
		_, err := input.Compile("t", &text, nil, nil)
		if want := json.Valid([]byte(text)) || strings.Trim(text, " \t\r\n") == ""; (err == nil) != want {
			t.Fatalf("%q: got %v; JSON or blank: %v", text, err, want)
		}
		if err == nil {
			return
		}
		var line, column int
		found := place.FindStringSubmatch(err.Error())
		if _, err := fmt.Sscan(strings.Join(found[min(1, len(found)):], " "), &line, &column); err != nil {
			t.Fatalf("%q: no place in %v", text, err)
		}
		lines := strings.Split(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"), "\n")
		if line > len(lines) || column > 2*len(lines[line-1])+2 {
			t.Fatalf("%q: the place in %v is outside", text, err)
		}
	})
}
