package sqlite_test

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"bailey/internal/event"
	"bailey/internal/store"
	sut "bailey/internal/store/sqlite"
)

// damage changes one row of an open store behind its back.
func damage(t *testing.T, dir, script string, args ...any) {
	t.Helper()
	conn, err := sqlite.OpenConn(filepath.Join(dir, "bailey.db"), sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlitex.ExecuteTransient(conn, "PRAGMA busy_timeout = 10000", nil); err != nil {
		t.Fatal(err)
	}
	if err := sqlitex.ExecuteTransient(conn, script, &sqlitex.ExecOptions{Args: args}); err != nil {
		t.Fatal(err)
	}
	if conn.Changes() != 1 {
		t.Fatalf("%s changed %d rows, want 1", script, conn.Changes())
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
}

// lines is a log that a test reads.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// One damaged row of a kind is named, once, and the others are listed.
func TestListsGoOnPastDamagedRows(t *testing.T) {
	spoilEnvelope := "UPDATE event SET json = CAST('{\"' AS BLOB) WHERE key = ?"
	tests := []struct {
		name   string
		damage func(t *testing.T, dir string, key int64)
		list   func(t *testing.T, s *sut.Store) int // how many are listed
		want   int
		named  string // "" means the event's id
	}{
		{"events", func(t *testing.T, dir string, key int64) { damage(t, dir, spoilEnvelope, key) }, listEvents, 2, ""},
		{"events, routes", func(t *testing.T, dir string, key int64) {
			damage(t, dir, "UPDATE event SET routes = x'80' WHERE key = ?", key)
		}, listEvents, 2, ""},
		{"deliveries", func(t *testing.T, dir string, key int64) { damage(t, dir, spoilEnvelope, key) }, listDeliveries, 3, ""},
		{"deliveries, no event", func(t *testing.T, dir string, key int64) { damage(t, dir, "DELETE FROM event WHERE key = ?", key) }, listDeliveries, 3, ""},
		{"dead letters", func(t *testing.T, dir string, key int64) {
			damage(t, dir, "UPDATE dead_letter SET event_id = x'01' WHERE event = ?", key)
		}, func(t *testing.T, s *sut.Store) int {
			all, err := s.DeadLetters(t.Context(), store.Undelivered{}, 0, 10)
			if err != nil {
				t.Fatal(err)
			}
			return len(all)
		}, 3, "id=1"},
		{"archives", func(t *testing.T, dir string, _ int64) {
			damage(t, dir, "UPDATE archived SET json = x'00' WHERE no = 1")
		}, func(t *testing.T, s *sut.Store) int {
			all, err := s.Archived(t.Context(), "a1", noon.Add(-time.Hour), noon.Add(time.Hour), store.ReplayMark{}, 2, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			return len(all)
		}, 2, "id=1"},
		{"redrives", func(t *testing.T, dir string, _ int64) {
			damage(t, dir, "INSERT INTO redrive (dead, rate, state, created, matched) VALUES ('{}', 0, 'running', 0, 1)")
			damage(t, dir, "INSERT INTO redrive (dead, rate, state, created, matched) VALUES ('{', 0, 'running', 0, 1)")
		}, func(t *testing.T, s *sut.Store) int {
			all, err := s.Redrives(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return len(all)
		}, 1, "id=2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, log := t.TempDir(), new(lines)
			ids = new(event.IDs)
			s, err := sut.Open(sut.Config{Dir: dir, Log: slog.New(slog.NewTextHandler(log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			var first int64
			for i := range 3 {
				r := record(noon, store.Fresh{Route: petsRoute, Endpoint: petsStage, Parked: true})
				r.Archived = &store.Archived{Archives: []string{"a1"}, Time: noon, Size: 10}
				put(t, s, r)
				settle(t, s, store.Outcome{
					Event: r.Event.ID.Key(), Route: petsRoute, Endpoint: petsStage, Status: store.Dead, At: noon,
					DeadLetter: &store.DeadLetter{Queue: "q", Event: r.Event.ID, Body: r.Event.JSON, At: noon},
				})
				if i == 0 {
					first = r.Event.ID.Key()
				}
			}
			tt.damage(t, dir, first)
			for range 2 {
				if got := tt.list(t, s); got != tt.want {
					t.Errorf("%d are listed, want %d", got, tt.want)
				}
			}
			named := tt.named
			if named == "" {
				named = fmt.Sprintf("id=%08x-%04x", uint64(first)>>32, uint64(first)>>16&0xffff)
			}
			if n := strings.Count(log.String(), "cannot be read"); n != 1 || !strings.Contains(log.String(), named) || s.Unreadable() != 1 {
				t.Errorf("named %d times, counted %d, want once and %s: %s", n, s.Unreadable(), named, log)
			}
		})
	}
}

func listEvents(t *testing.T, s *sut.Store) int {
	all, _, err := s.Events(t.Context(), store.EventQuery{})
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func listDeliveries(t *testing.T, s *sut.Store) int { return len(deliveries(t, s, store.Query{})) }

// A start finds what is unfinished also where one event's row is damaged.
func TestRecoverGoesOnPastDamagedRows(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	bad := record(noon, store.Fresh{Route: petsRoute, Endpoint: petsStage}, store.Fresh{Route: toysRoute, Endpoint: petsStage})
	good := record(noon, store.Fresh{Route: petsRoute, Endpoint: petsStage})
	put(t, s, bad, good)
	damage(t, dir, "UPDATE event SET routes = x'0182' WHERE key = ?", bad.Event.ID.Key())
	// While they have no rows, they are listed as far as they can be read.
	if n := listDeliveries(t, s); n != 2 {
		t.Errorf("%d deliveries are listed, want the readable one of the first event and that of the second", n)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openQuiet(t, dir)
	backlog, err := s.Recover(t.Context(), func(store.Route, []byte) store.Endpoint { return petsStage })
	if err != nil {
		t.Fatal(err)
	}
	if len(backlog) != 1 || backlog[0].Count != 2 || s.Unreadable() != 1 {
		t.Errorf("got %+v with %d rows set aside, want the readable delivery of the first event and that of the second", backlog, s.Unreadable())
	}
}

// An event that is damaged is not shown as something else, nor as missing.
func TestDamagedEvent(t *testing.T) {
	dir := t.TempDir()
	s := openQuiet(t, dir)
	ids = new(event.IDs)
	r := record(noon)
	put(t, s, r)
	damage(t, dir, "UPDATE event SET json = CAST(substr(json, 1, 90) AS BLOB) WHERE key = ?", r.Event.ID.Key())
	_, err := s.Event(t.Context(), r.Event.ID)
	if err == nil || !strings.Contains(err.Error(), "the event is damaged: it is not JSON") || !strings.Contains(err.Error(), r.Event.ID.String()) {
		t.Errorf("got %v, want the event and what is wrong with it", err)
	}
}
