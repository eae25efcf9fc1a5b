package event

import (
	"strings"
	"testing"
	"time"
)

// TestForwarded holds what of an event changes on its way to another region.
func TestForwarded(t *testing.T) {
	at := time.Date(2026, 9, 15, 12, 34, 56, 0, time.UTC)
	now := at.Add(time.Hour)
	var ids IDs
	first, second := ids.New(now), ids.New(now)
	// Neither the source nor the detail is taken for the envelope's time.
	entry := &Entry{Time: at, Source: `a","time":"x`, DetailType: `,"time":"`, Detail: []byte(`{"x":1,"time":"2020-01-01T00:00:00Z"}`)}
	e := New(first, entry, "111122223333", "us-east-1", now)
	e.TraceHeader = "Root=1"
	got, err := Forwarded(e, second)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(string(e.JSON), first.String(), second.String(), 1)
	want = strings.Replace(want, `"2026-09-15T12:34:56Z"`, `"2026-09-15T13:34:56Z"`, 1)
	if string(got.JSON) != want || got.ID != second || got.TraceHeader != "Root=1" || !got.Ingested.Equal(now) {
		t.Errorf("got  %s\nwant %s", got.JSON, want)
	}
	if string(e.JSON) == string(got.JSON) || !strings.Contains(string(e.JSON), first.String()) {
		t.Errorf("the event itself was changed: %s", e.JSON)
	}
	for _, text := range []string{"", "{}", `{"version":"0","id":"x"`, string(e.JSON[:60])} {
		if got, err := Forwarded(&Event{JSON: []byte(text)}, second); err == nil {
			t.Errorf("Forwarded(%q): got %s, want an error", text, got.JSON)
		}
	}
}
