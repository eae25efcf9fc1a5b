package jsonpath_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"bailey/internal/jsonpath"
)

// FuzzFind compares Find with a walk over the document as encoding/json decodes
// it, along the same path split up by another reader.
func FuzzFind(f *testing.F) {
	for _, path := range []string{
		"$", "$.version", "$.detail.twice.x", "$.detail.items[0].sku", "$.detail.items[*].tags[*]",
		"$.detail['it\\'s']", `$["detail"]["back\\slash"]`, "$.detail.matrix[*][0]", "$.resources[*].arn", "$.a..b[",
	} {
		f.Add(document, path)
	}
	f.Add(`[1,[2,{"a":"\u0061"}]]`, "$[1][1].a")
	f.Add("{\"\\u0061\":1,\"a\":[\"\xff\"]}", "$.a[0]")
	f.Add(`{"a":{"b":1},"a":{"c":2},"\u0061":[{"b":1,"b":2}]}`, "$.a[*].b")
	f.Add(`{`, "$.a")
	f.Fuzz(func(t *testing.T, doc, text string) {
		path, err := jsonpath.Parse(text)
		if err != nil {
			return
		}
		raw, ok := path.Find([]byte(doc)) // must not panic, whatever the bytes
		jsonpath.Text(raw)
		var decoded any
		if !utf8.ValidString(doc) || decode(doc, &decoded) != nil {
			return
		}
		steps, known := split(text)
		if !known {
			return
		}
		want, wantOK := walk(decoded, steps)
		if ok != wantOK {
			t.Fatalf("%s in %s found %q, %v; the oracle %v, %v", text, doc, raw, ok, want, wantOK)
		}
		if !ok {
			return
		}
		var got any
		if err := decode(string(raw), &got); err != nil {
			t.Fatalf("%s in %s found %q, which is not JSON: %v", text, doc, raw, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s in %s found %s, the oracle %v", text, doc, raw, want)
		}
		checkText(t, raw, got)
	})
}

// checkText compares Text with what encoding/json makes of the value.
func checkText(t *testing.T, raw []byte, decoded any) {
	t.Helper()
	want := string(raw)
	switch v := decoded.(type) {
	case string:
		want = v
	case map[string]any, []any:
		var compact bytes.Buffer
		if err := json.Compact(&compact, raw); err != nil {
			t.Fatal(err)
		}
		want = compact.String()
	}
	if got := jsonpath.Text(raw); got != want {
		t.Fatalf("Text(%s) = %q, want %q", raw, got, want)
	}
}

func decode(doc string, into any) error {
	d := json.NewDecoder(strings.NewReader(doc))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if !json.Valid([]byte(doc)) {
		return json.Unmarshal([]byte(doc), into) // something follows the value
	}
	return nil
}

// split reads a path that Parse has taken into names (string), indexes
// (json.Number) and nil for [*]. It leaves paths with escapes to the table.
func split(path string) (steps []any, known bool) {
	if strings.Contains(path, `\`) {
		return nil, false
	}
	rest := path[1:]
	for rest != "" {
		var s string
		switch {
		case strings.HasPrefix(rest, "['"):
			s, rest, _ = strings.Cut(rest[2:], "']")
			steps = append(steps, s)
		case strings.HasPrefix(rest, `["`):
			s, rest, _ = strings.Cut(rest[2:], `"]`)
			steps = append(steps, s)
		case strings.HasPrefix(rest, "[*]"):
			rest = rest[3:]
			steps = append(steps, nil)
		case strings.HasPrefix(rest, "["):
			s, rest, _ = strings.Cut(rest[1:], "]")
			steps = append(steps, json.Number(s))
		default:
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			steps = append(steps, rest[1:1+end])
			rest = rest[1+end:]
		}
	}
	return steps, true
}

// walk is the oracle: values decoded, steps taken one by one.
func walk(value any, steps []any) (any, bool) {
	values, many := []any{value}, false
	for _, s := range steps {
		var next []any
		for _, v := range values {
			array, isArray := v.([]any)
			switch s := s.(type) {
			case string:
				if object, ok := v.(map[string]any); ok {
					if member, ok := object[s]; ok {
						next = append(next, member)
					}
				}
			case json.Number:
				if n, err := s.Int64(); err == nil && n < int64(len(array)) {
					next = append(next, array[n])
				}
			case nil:
				if !isArray && !many {
					return nil, false
				}
				next = append(next, array...)
			}
		}
		values, many = next, many || s == nil
		if len(values) == 0 && !many {
			return nil, false
		}
	}
	if many {
		return append([]any{}, values...), true
	}
	return values[0], true
}
