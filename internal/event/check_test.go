package event_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"bailey/internal/event"
)

func TestCheck(t *testing.T) {
	good := event.Entry{Source: "a", DetailType: "b", Detail: []byte(`{}`)}
	required := func(p string) string {
		return "Parameter " + p + " is not valid. Reason: " + p + " is a required argument."
	}
	tests := []struct {
		name          string
		change        func(*event.Entry)
		code, message string
	}{
		{"good", func(*event.Entry) {}, "", ""},
		{"no source", func(e *event.Entry) { e.Source = "" }, "InvalidArgument", required("Source")},
		{"no detail type", func(e *event.Entry) { e.DetailType = "" }, "InvalidArgument", required("DetailType")},
		{"no detail", func(e *event.Entry) { e.Detail = nil }, "InvalidArgument", required("Detail")},
		{"a detail type of 128 characters", func(e *event.Entry) { e.DetailType = strings.Repeat("é", 128) }, "", ""},
		{"a detail type of 129 characters", func(e *event.Entry) { e.DetailType = strings.Repeat("x", 129) }, "InvalidArgument", "Parameter DetailType is not valid. Reason: DetailType must have length less than or equal to 128."},
		{"what is missing before what is too long", func(e *event.Entry) { e.DetailType, e.Detail = strings.Repeat("x", 129), nil }, "InvalidArgument", required("Detail")},
		{"what is too long before what is malformed", func(e *event.Entry) { e.DetailType, e.Detail = strings.Repeat("x", 129), []byte("{") }, "InvalidArgument", "Parameter DetailType is not valid. Reason: DetailType must have length less than or equal to 128."},
		{"detail is no JSON", func(e *event.Entry) { e.Detail = []byte("{") }, "MalformedDetail", "Detail is malformed."},
		{"detail is an array", func(e *event.Entry) { e.Detail = []byte("[]") }, "MalformedDetail", "Detail is malformed."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := good
			tt.change(&e)
			if code, message := e.Check(); code != tt.code || message != tt.message {
				t.Errorf("got %q %q, want %q %q", code, message, tt.code, tt.message)
			}
		})
	}
}

func TestIsObjectDepth(t *testing.T) {
	nested := func(n int) []byte {
		return []byte(strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n))
	}
	if !event.IsObject(nested(event.MaxDepth)) {
		t.Error("1,000 levels are refused")
	}
	if event.IsObject(nested(event.MaxDepth + 1)) {
		t.Error("1,001 levels are taken")
	}
}

// Strings are read eight bytes at a time: every byte is put in every place of
// such a piece, alone and after each of those that end one.
func TestIsObjectSeesEveryByte(t *testing.T) {
	for c := range 256 {
		for at := range 19 {
			for _, before := range []string{"", "\x80", "!", "\x7f", "ü"} {
				text := []byte(`{"a":"` + strings.Repeat("x", at) + before + string([]byte{byte(c)}) + strings.Repeat("x", 18-at) + `"}`)
				if got, want := event.IsObject(text), json.Valid(text) && utf8.Valid(text); got != want {
					t.Errorf("%q: got %v, want %v", text, got, want)
				}
			}
		}
	}
}

// The oracle is encoding/json, which takes any depth up to 10,000 and any
// bytes in a string.
func FuzzIsObject(f *testing.F) {
	for _, seed := range []string{`{}`, ` {"a" : [1, -2.5e+3, "x\u00e9\n", true, false, null, {}, []]} `, `[]`, `{"a":1,}`, `{"a":01}`, `{"a":.5}`,
		`{"a":1e}`, `{"a":"\x"}`, "{\"a\":\"\xff\"}", `{"a":1}x`, `{"a" 1}`, `{1:2}`, `{"a":[1,]}`, `{"a":tru}`, `{"a":-}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if bytes.Count(text, []byte("{"))+bytes.Count(text, []byte("[")) > event.MaxDepth {
			return
		}
		want := json.Valid(text) && utf8.Valid(text) && bytes.TrimLeft(text, " \t\r\n")[0] == '{'
		if got := event.IsObject(text); got != want {
			t.Fatalf("%q: got %v, want %v", text, got, want)
		}
	})
}

func BenchmarkIsObject(b *testing.B) {
	for _, bb := range []struct{ name, text string }{
		{"tokens", `{"order":{"id":"o-1","items":[` + strings.Repeat(`{"sku":"abc","n":1.5},`, 40) + `{}]}}`},
		{"text", `{"note":"` + strings.Repeat("word ", 180) + `"}`},
		{"wide text", `{"note":"` + strings.Repeat("größe ", 115) + `"}`},
	} {
		b.Run(bb.name, func(b *testing.B) {
			text := []byte(bb.text)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if !event.IsObject(text) {
					b.Fatal("not an object")
				}
			}
		})
	}
}
