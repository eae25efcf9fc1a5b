package event_test

import (
	"encoding/json"
	"testing"
	"time"

	"bailey/internal/event"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 123e6, time.UTC)

func TestIDsGrowWhateverTheClockDoes(t *testing.T) {
	var ids event.IDs
	last := ids.New(noon)
	for i := range 10_000 {
		now := noon
		if i%3 == 0 {
			now = noon.Add(-time.Hour) // the clock is set back
		}
		id := ids.New(now)
		if id.Key() <= last.Key() {
			t.Fatalf("id %d: key %d after %d", i, id.Key(), last.Key())
		}
		if v := id[6] >> 4; v != 7 {
			t.Fatalf("version %d, want 7: %s", v, id)
		}
		if id[8]>>6 != 2 {
			t.Fatalf("variant of %s is not RFC 9562's", id)
		}
		last = id
	}
}

func TestIDsStartAfter(t *testing.T) {
	var before, after event.IDs
	old := before.New(noon)
	after.StartAfter(old.Key())
	if id := after.New(noon.Add(-time.Minute)); id.Key() <= old.Key() {
		t.Fatalf("key %d does not follow %d", id.Key(), old.Key())
	}
}

func TestKeyAtBoundsTheIDsOfItsMillisecond(t *testing.T) {
	var ids event.IDs
	id := ids.New(noon)
	if event.KeyAt(noon) > id.Key() || event.KeyAt(noon.Add(time.Millisecond)) <= id.Key() {
		t.Fatalf("key %x is not within [%x, %x)", id.Key(), event.KeyAt(noon), event.KeyAt(noon.Add(time.Millisecond)))
	}
	if got := event.KeyTime(id.Key()); !got.Equal(noon) {
		t.Fatalf("KeyTime: got %v, want %v", got, noon)
	}
}

func TestParseID(t *testing.T) {
	var ids event.IDs
	id := ids.New(noon)
	got, err := event.ParseID(id.String())
	if err != nil || got != id {
		t.Fatalf("got %v, %v, want %v", got, err, id)
	}
	for _, bad := range []string{"", "x", id.String() + "0", id.String()[:35] + "g", "0123456789abcdef0123456789abcdef0123"} {
		if _, err := event.ParseID(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("01936c5e-0000-7000-8000-000000000000")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := event.ParseID(text)
		if err != nil {
			return
		}
		again, err := event.ParseID(id.String())
		if err != nil || again != id {
			t.Fatalf("%q: %v, %v", text, again, err)
		}
	})
}

func TestEnvelope(t *testing.T) {
	var ids event.IDs
	id := ids.New(noon)
	detail := "{ \"n\": 1.0, \"html\": \"<&>\",\t\"b\":[ ] }"
	tests := []struct {
		name  string
		entry event.Entry
		want  string
	}{
		{"without resources", event.Entry{Source: "shop", DetailType: "Order Placed", Detail: []byte(detail)},
			`{"version":"0","id":"` + id.String() + `","detail-type":"Order Placed","source":"shop","account":"000000000000","time":"2026-11-23T12:00:00Z","region":"us-east-1","resources":[],"detail":` + detail + `}`},
		{"with all", event.Entry{Source: "é\"\\", DetailType: "a\nb\x01", Resources: []string{"one", "two"},
			Time: time.Date(2015, 11, 11, 22, 29, 54, 999, time.FixedZone("", 3600)), Detail: []byte(`{}`)},
			`{"version":"0","id":"` + id.String() + `","detail-type":"a\nb\u0001","source":"é\"\\","account":"000000000000","time":"2015-11-11T21:29:54Z","region":"us-east-1","resources":["one","two"],"detail":{}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := event.New(id, &tt.entry, "000000000000", "us-east-1", noon)
			if got := string(e.JSON); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if !json.Valid(e.JSON) {
				t.Error("not valid JSON")
			}
			if got, err := event.IDOf(e.JSON); err != nil || got != id {
				t.Errorf("IDOf: got %v, %v, want %v", got, err, id)
			}
		})
	}
}

func FuzzAppendString(f *testing.F) {
	f.Add("plain")
	f.Add("\"\\\n\x00\u2028\xff")
	f.Fuzz(func(t *testing.T, text string) {
		var back string
		if err := json.Unmarshal(event.AppendString(nil, text), &back); err != nil {
			t.Fatal(err)
		}
		reference, _ := json.Marshal(text)
		var want string
		_ = json.Unmarshal(reference, &want)
		if back != want {
			t.Fatalf("got %q, want %q", back, want)
		}
	})
}

func TestEntrySize(t *testing.T) {
	e := event.Entry{Source: "ab", DetailType: "é", Detail: []byte(`{}`), Resources: []string{"x", "yz"}}
	if got, want := e.Size(), 2+2+2+3; got != want {
		t.Errorf("without a time: got %d, want %d", got, want)
	}
	e.Time = noon
	if got, want := e.Size(), 2+2+2+3+14; got != want {
		t.Errorf("with a time: got %d, want %d", got, want)
	}
}
