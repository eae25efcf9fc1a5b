package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"

	"bailey/internal/event"
	"bailey/internal/store"
)

// A start looks through the database: what is damaged is found without being read.
func TestDamageIsFound(t *testing.T) {
	dir := t.TempDir()
	ids = new(event.IDs)
	s := openQuiet(t, dir)
	for i := range 50 {
		put(t, s, large(fmt.Sprint("rule ", i)))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "bailey.db")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := len(b) / 4096 / 2 // one of a long row's, which begins with the number of the next
	copy(b[page*4096:], "\xff\xff\xff\xff")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s = openQuiet(t, dir)
	<-s.Checked()
	if err := s.Damaged(); err == nil {
		t.Error("nothing was found")
	}
}

// A sound database is none that is damaged, and one that is missing is told from
// one that was never there.
func TestMissingDatabase(t *testing.T) {
	dir := t.TempDir()
	s := openQuiet(t, dir)
	<-s.Checked()
	if s.Missing() || s.Damaged() != nil {
		t.Errorf("a new folder: missing %v, damaged %v", s.Missing(), s.Damaged())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "bailey.db")); err != nil {
		t.Fatal(err)
	}
	if s = openQuiet(t, dir); !s.Missing() {
		t.Error("the database was removed, and nobody noticed")
	}
}

// An event with more than a thousand dead deliveries is redriven whole.
func TestRedriveEventWhole(t *testing.T) {
	s := open(t, t.TempDir())
	const targets = 1500
	fresh := make([]store.Fresh, targets)
	for i := range fresh {
		fresh[i] = store.Fresh{Route: store.Route{Region: "us-east-1", Bus: "default", Rule: fmt.Sprint(i), Target: "api"}, Endpoint: petsStage, Parked: true}
	}
	r := record(noon, fresh...)
	put(t, s, r)
	for i := range fresh {
		o := store.Outcome{Event: r.Event.ID.Key(), N: i, Route: fresh[i].Route, Endpoint: petsStage, Status: store.Dead, At: noon}
		if i == targets-1 {
			settle(t, s, o)
		} else {
			s.Settle(o)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	due, err := s.RedriveEvent(ctx, r.Event.ID, store.Undelivered{}, noon, func(store.Route, []byte) store.Endpoint { return petsStage })
	var n int64
	for _, b := range due {
		n += b.Count
	}
	if err != nil || n != targets {
		t.Errorf("%d of %d became pending, %v", n, targets, err)
	}
}

// Whoever closes twice learns the same twice.
func TestCloseTwice(t *testing.T) {
	s := openQuiet(t, t.TempDir())
	s.BreakClose()
	first, second := s.Close(), s.Close()
	if first == nil || second == nil || !strings.Contains(second.Error(), first.Error()) {
		t.Errorf("got %v, then %v", first, second)
	}
}

// What fails for one caller does not fail for those who share its transaction.
func TestOneFailsAlone(t *testing.T) {
	s := open(t, t.TempDir())
	held, free := make(chan struct{}), make(chan struct{})
	done := make(chan error, 3)
	go func() {
		done <- s.OnWriter(func(*sqlite.Conn) error { close(held); <-free; return nil })
	}()
	<-held
	wrong := errors.New("a statement of one caller")
	failed := make(chan error, 1)
	go func() { failed <- s.OnWriter(func(*sqlite.Conn) error { return wrong }) }()
	r := record(noon)
	go func() { done <- s.Put(t.Context(), []*store.Record{r}) }()
	for deadline := time.Now().Add(time.Minute); s.Waiting() < 2; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("two calls never waited for the writer")
		}
	}
	close(free)
	for range 2 {
		if err := <-done; err != nil {
			t.Errorf("got %v for a call with nothing wrong", err)
		}
	}
	if err := <-failed; !errors.Is(err, wrong) {
		t.Errorf("got %v, want what was wrong", err)
	}
	if _, err := s.Event(t.Context(), r.Event.ID); err != nil {
		t.Error(err)
	}
}
