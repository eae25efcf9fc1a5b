package event

import (
	"strings"
	"testing"
	"time"
)

// TestCheckEnvelope holds what TestEventPattern takes as an event.
func TestCheckEnvelope(t *testing.T) {
	const whole = `{"id":"1","account":"1","source":"s","time":"2026-09-01T10:00:00Z","region":"r","detail-type":"d"}`
	const invalid = "Parameter Event is not valid."
	const invalidTime = invalid + " Reason: Invalid time."
	at := func(time string) string { return strings.Replace(whole, `"2026-09-01T10:00:00Z"`, time, 1) }
	without := func(member string) string { return strings.Replace(whole, `"`+member+`"`, `"x"`, 1) }
	for _, tt := range []struct{ name, text, want string }{
		{"the six members", whole, ""},
		{"neither resources nor detail are asked for", whole, ""},
		{"members of other types", `{"id":1,"account":null,"source":[],"time":"2026-09-01T10:00:00Z","region":{},"detail-type":true}`, ""},
		{"a time with a fraction", at(`"2026-09-01T10:00:00.123Z"`), ""},
		{"a time of another zone", at(`"2026-09-01T10:00:00+02:00"`), ""},
		{"no id", without("id"), invalid},
		{"no account", without("account"), invalid},
		{"no source", without("source"), invalid},
		{"no time", without("time"), invalid},
		{"no region", without("region"), invalid},
		{"no detail type", without("detail-type"), invalid},
		{"a name in other letters", strings.Replace(whole, `"source"`, `"Source"`, 1), invalid},
		{"text", `text`, invalid},
		{"a string", `"` + "text" + `"`, invalid},
		{"an array", `[` + whole + `]`, invalid},
		{"null", `null`, invalid},
		{"nothing", ``, invalid},
		{"two objects", whole + whole, invalid},
		{"not closed", whole[:len(whole)-1], invalid},
		{"a time that is none", at(`"not-a-time"`), invalidTime},
		{"an empty time", at(`""`), invalidTime},
		{"a day without a time", at(`"2026-09-01"`), invalidTime},
		{"a time without a zone", at(`"2026-09-01T10:00:00"`), invalidTime},
		{"a month that is none", at(`"2026-13-01T10:00:00Z"`), invalidTime},
		{"a number", at(`1756720800`), invalidTime},
		{"null as time", at(`null`), invalidTime},
		{"a missing member before a bad time", strings.Replace(at(`"x"`), `"region"`, `"x"`, 1), invalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := CheckEnvelope([]byte(tt.text)); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("CheckEnvelope(%s): got %q, want %q", tt.text, got, tt.want)
			}
		})
	}
}

// FuzzCheckEnvelope holds that what Bailey itself makes of an entry is an event.
func FuzzCheckEnvelope(f *testing.F) {
	f.Add("source", "type", `{"a":1}`, int64(1756720800))
	f.Add("", "\x00\xff", `{}`, int64(0))
	f.Fuzz(func(t *testing.T, source, detailType, detail string, seconds int64) {
		const untilYear9999 = 253402300799
		if !IsObject([]byte(detail)) || seconds < 0 || seconds > untilYear9999 {
			return
		}
		at := time.Unix(seconds, 0)
		e := New(ID{}, &Entry{Source: source, DetailType: detailType, Detail: []byte(detail)}, "000000000000", "us-east-1", at)
		// The envelope adds a level of nesting, which only a detail of the greatest depth does not have room for.
		if err := CheckEnvelope(e.JSON); err != nil && IsObject(e.JSON) {
			t.Errorf("CheckEnvelope(%s): %v", e.JSON, err)
		}
	})
}
