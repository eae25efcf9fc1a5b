package sqlite_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	zombiezen "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"bailey/internal/store"
	"bailey/internal/store/sqlite"
)

// on is an event on a bus, that matched nothing.
func on(bus string, at time.Time) *store.Record {
	r := record(at)
	r.Bus = bus
	return r
}

// busRows counts the buses that have a number.
func busRows(t *testing.T, s *sqlite.Store) (n int) {
	t.Helper()
	err := s.OnWriter(func(conn *zombiezen.Conn) (err error) {
		n, err = sqlitex.ResultInt(conn.Prep("SELECT count(*) FROM bus"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func sweep(t *testing.T, s *sqlite.Store, before time.Time) {
	t.Helper()
	if _, err := s.Sweep(t.Context(), before, before, 0); err != nil {
		t.Fatal(err)
	}
}

func busOf(t *testing.T, s *sqlite.Store, r *store.Record) string {
	t.Helper()
	e, err := s.Event(t.Context(), r.Event.ID)
	if err != nil {
		t.Fatal(err)
	}
	return e.Bus
}

// Callers may put events on buses of any name. A bus is forgotten with the last
// event on it, and no earlier, also across a restart.
func TestBusesAreForgotten(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for i := range 100 {
		put(t, s, on(fmt.Sprintf("made-up-%d", i), noon))
	}
	young := on("orders", noon.Add(2*time.Hour))
	put(t, s, on("orders", noon), young)
	sweep(t, s, noon)
	if n := busRows(t, s); n != 101 {
		t.Errorf("got %d buses while all have events, want 101", n)
	}
	sweep(t, s, noon.Add(time.Hour))
	if n := busRows(t, s); n != 1 {
		t.Errorf("got %d buses, want the one that has an event", n)
	}
	if got := busOf(t, s, young); got != "orders" {
		t.Errorf("the event is on bus %q, want orders", got)
	}

	again := on("made-up-1", noon.Add(3*time.Hour))
	put(t, s, again)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	sweep(t, s, noon.Add(time.Hour))
	for r, want := range map[*store.Record]string{young: "orders", again: "made-up-1"} {
		if got := busOf(t, s, r); got != want {
			t.Errorf("after a restart the event is on bus %q, want %q", got, want)
		}
	}
	sweep(t, s, noon.Add(4*time.Hour))
	if n := busRows(t, s); n != 0 {
		t.Errorf("got %d buses when no event is left, want none", n)
	}
	last := on("made-up-1", noon.Add(5*time.Hour))
	put(t, s, last)
	if got := busOf(t, s, last); got != "made-up-1" {
		t.Errorf("the event is on bus %q, want made-up-1", got)
	}
}

// A transaction that forgot buses and fails has forgotten none.
func TestForgettingBusesFails(t *testing.T) {
	s := openQuiet(t, t.TempDir())
	old := on("orders", noon)
	put(t, s, old)
	broken := errors.New("broken")
	if err := s.ForgetBusesAndFail(noon.Add(time.Hour), broken); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	if got := busOf(t, s, old); got != "orders" {
		t.Errorf("the event is on bus %q, want orders", got)
	}
	put(t, s, on("orders", noon)) // a second row for the bus would be refused
	if n := busRows(t, s); n != 1 {
		t.Errorf("got %d buses, want 1", n)
	}
}
