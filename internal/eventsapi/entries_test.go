package eventsapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"bailey/internal/event"
)

// decoded is what package awsjson makes of a body: the oracle of entryReader.
func decoded(body []byte) ([]event.Entry, error) {
	canonical, err := model.Operations["PutEvents"].Decode(body)
	if err != nil {
		return nil, err
	}
	var in putEventsInput
	if err := json.Unmarshal(canonical, &in); err != nil {
		return nil, err
	}
	return in.entries(), nil
}

// oneEntry is a call with one entry of these members.
func oneEntry(members string) string { return `{"Entries":[{` + members + `}]}` }

const boto3Call = `{"Entries": [{"Time": 1736349846.5, "Source": "shop", "Resources": ["a", "\u00fc"], "DetailType": "Order", "Detail": "{\"a\": \"\\u00fc\\n\"}",` +
	` "EventBusName": "orders", "TraceHeader": "Root=1-5759e988-bd862e3fe1be46a994272793"}, {"Source": "shop", "DetailType": "Order", "Detail": "{}", "EventBusName": "orders"}]}`

// TestEntryReaderReads holds which bodies need not be read twice: those of the
// clients that there are.
func TestEntryReaderReads(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       bool
	}{
		{"boto3", boto3Call, true},
		{"the Go SDK", `{"Entries":[{"Detail":"{\"a\":1}","DetailType":"b","Source":"a","Time":1736349846.123}]}`, true},
		{"white space everywhere", "\r\n{ \"Entries\" : [ { \"Source\" :\t\"a\" , \"Time\" : 1 } , { } ] } ", true},
		{"nulls", oneEntry(`"Time":null,"Source":null,"Resources":null,"DetailType":null,"Detail":null,"EventBusName":null,"TraceHeader":null`), true},
		{"a bus's ARN", oneEntry(`"EventBusName":"arn:aws:events:us-east-1:000000000000:event-bus/orders"`), true},
		{"every escape", oneEntry(`"Source":"\"\\\/\b\f\n\r\t\u00FC\uabCD\ud83d\ude00"`), true},
		{"characters of every width", oneEntry(`"Source":"aü€😀"`), true},
		{"no resources", oneEntry(`"Resources":[]`), true},
		{"a time before 1970", oneEntry(`"Time":-1.5`), true},

		{"a time with an exponent", oneEntry(`"Time":1e3`), false},
		{"a time that is none", oneEntry(`"Time":01`), false},
		{"a time without a fraction after its point", oneEntry(`"Time":1.`), false},
		{"a time past all years", oneEntry(`"Time":9999999999999`), false},
		{"half a surrogate pair", oneEntry(`"Source":"\ud83d"`), false},
		{"two first halves", oneEntry(`"Source":"\ud83d\ud83d"`), false},
		{"a byte that is no UTF-8", oneEntry("\"Source\":\"\xff\""), false},
		{"a line break in a string", oneEntry("\"Source\":\"a\nb\""), false},
		{"an escape that is none", oneEntry(`"Source":"\x41"`), false},
		{"an escape cut off", `{"Entries":[{"Source":"\u00`, false},
		{"a member twice", oneEntry(`"Source":"a","Source":"b"`), false},
		{"a member that is not known", oneEntry(`"More":1`), false},
		{"a member by an escaped name", oneEntry(`"\u0053ource":"a"`), false},
		{"a resource that is null", oneEntry(`"Resources":[null]`), false},
		{"a bus's name that is none", oneEntry(`"EventBusName":"a b"`), false},
		{"an empty bus", oneEntry(`"EventBusName":""`), false},
		{"an empty trace header", oneEntry(`"TraceHeader":""`), false},
		{"a resource too long", oneEntry(`"Resources":["` + strings.Repeat("ü", 2049) + `"]`), false},
		{"an endpoint", `{"EndpointId":"abc.def","Entries":[{}]}`, false},
		{"eleven entries", `{"Entries":[{}` + strings.Repeat(",{}", 10) + `]}`, false},
		{"no entries", `{"Entries":[]}`, false},
		{"an entry that is null", `{"Entries":[null]}`, false},
		{"more after the end", `{"Entries":[{}]}{}`, false},
		{"nothing", ``, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := new(entryReader)
			for range 2 { // the second time with what it remembers of the first
				entries, ok := r.read([]byte(tt.body))
				if ok != tt.want {
					t.Fatalf("got %v, want %v", ok, tt.want)
				}
				if ok {
					mustAgree(t, []byte(tt.body), entries)
				}
			}
		})
	}
}

// mustAgree compares what entryReader read in a body with what package awsjson
// does.
func mustAgree(t *testing.T, body []byte, entries []event.Entry) {
	t.Helper()
	want, err := decoded(body)
	if err != nil {
		t.Fatalf("read what is refused with %v", err)
	}
	if len(entries) != len(want) {
		t.Fatalf("got %d entries, want %d", len(entries), len(want))
	}
	for i, got := range entries {
		want := want[i]
		if !bytes.Equal(got.Detail, want.Detail) {
			t.Fatalf("detail %d: got %q, want %q", i, got.Detail, want.Detail)
		}
		got.Detail, want.Detail = nil, nil
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("entry %d:\ngot  %+v\nwant %+v", i, got, want)
		}
	}
}

// What entryReader reads, package awsjson reads too, and the same; what comes
// before in the same reader has no part in it.
func FuzzEntryReader(f *testing.F) {
	for _, seed := range []string{boto3Call, oneEntry(`"Source":"\ud83d\ude00","Resources":[],"Time":-0.0`), oneEntry(`"Source":null,"Detail":"\u0000\b"`),
		oneEntry(`"EventBusName":"` + strings.Repeat("a", 300) + `"`)} {
		f.Add([]byte(seed), []byte(boto3Call))
	}
	f.Fuzz(func(t *testing.T, before, body []byte) {
		r := new(entryReader)
		r.read(before)
		if entries, ok := r.read(body); ok {
			mustAgree(t, body, entries)
		}
	})
}

// A byte of every kind in every place of the pieces that strings are read by,
// with the body's end near and far.
func TestEntryReaderSeesEveryByte(t *testing.T) {
	r := new(entryReader)
	for c := range 256 {
		for at := range 19 {
			for _, escape := range []string{"", `\n`, `\u20ac`} {
				for _, end := range []string{"", "          "} {
					text := strings.Repeat("x", at) + escape + string([]byte{byte(c)}) + strings.Repeat("x", 18-at)
					body := fmt.Appendf(nil, `{"Entries":[{"Detail":"%s","Source":"%s"}]}%s`, text, text, end)
					entries, ok := r.read(body)
					if ok {
						mustAgree(t, body, entries)
					}
					if want := c >= 0x20 && c < 0x80 && c != '"'; ok != want && c != '\\' {
						t.Fatalf("%q: got %v, want %v", body, ok, want)
					}
				}
			}
		}
	}
}

func BenchmarkEntryReader(b *testing.B) {
	for _, bb := range []struct{ name, detail string }{
		{"text", `{\"id\":1,\"text\":\"` + strings.Repeat("x", 980) + `\"}`},
		{"tokens", `{\"items\":[` + strings.Repeat(`{\"sku\":\"abc\",\"n\":1.5},`, 40) + `{}]}`},
	} {
		b.Run(bb.name, func(b *testing.B) {
			entry := `{"Source":"shop.orders","DetailType":"Order","EventBusName":"orders","Detail":"` + bb.detail + `"}`
			body := []byte(`{"Entries":[` + strings.Repeat(entry+`,`, 9) + entry + `]}`)
			r := new(entryReader)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := r.read(body); !ok {
					b.Fatal("not read")
				}
			}
		})
	}
}
