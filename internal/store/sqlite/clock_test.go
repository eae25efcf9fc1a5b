package sqlite_test

import (
	"log/slog"
	"testing"
	"time"

	"bailey/internal/event"
	"bailey/internal/store"
	"bailey/internal/store/sqlite"
)

// A virtual clock is kept with everything that happens, and by itself.
func TestClockIsKept(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 1, 1, 0, 0, 0, 5, time.UTC)
	reopen := func(clock func() time.Time, wantAt time.Time, wantVirtual bool) *sqlite.Store {
		t.Helper()
		s, err := sqlite.Open(sqlite.Config{Dir: dir, Clock: clock, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		at, virtual, err := s.Stood(t.Context())
		if err != nil || !at.Equal(wantAt) || virtual != wantVirtual {
			t.Errorf("got %v, %v, %v, want %v, %v", at, virtual, err, wantAt, wantVirtual)
		}
		return s
	}
	end := func(s *sqlite.Store) {
		t.Helper()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	virtual := func() time.Time { return now }

	var ids event.IDs
	put := func(s *sqlite.Store) {
		t.Helper()
		e := event.New(ids.New(now), &event.Entry{Source: "s", DetailType: "d", Detail: []byte(`{}`)}, "000000000000", "us-east-1", now)
		if err := s.Put(t.Context(), []*store.Record{{Event: e, Region: "us-east-1", Bus: "default"}}); err != nil {
			t.Fatal(err)
		}
	}
	s := reopen(nil, time.Time{}, false)
	put(s)
	if err := s.KeepClock(); err != nil { // there is none
		t.Fatal(err)
	}
	end(s)

	s = reopen(virtual, now.Truncate(time.Millisecond), false) // the newest event
	now = now.Add(time.Hour)
	put(s)
	end(s)

	s = reopen(virtual, now, true)
	now = now.Add(time.Hour)
	if err := s.KeepClock(); err != nil {
		t.Fatal(err)
	}
	end(s)

	end(reopen(nil, now, true))
}
