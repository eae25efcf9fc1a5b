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

// nameRows counts the names of the table that have a number.
func nameRows(t *testing.T, s *sqlite.Store, table string) (n int) {
	t.Helper()
	err := s.OnWriter(func(conn *zombiezen.Conn) (err error) {
		n, err = sqlitex.ResultInt(conn.Prep("SELECT count(*) FROM " + table))
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
	if n := nameRows(t, s, "bus"); n != 101 {
		t.Errorf("got %d buses while all have events, want 101", n)
	}
	sweep(t, s, noon.Add(time.Hour))
	if n := nameRows(t, s, "bus"); n != 1 {
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
	if n := nameRows(t, s, "bus"); n != 0 {
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
	if err := s.ForgetNamesAndFail(noon.Add(time.Hour), broken); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	if got := busOf(t, s, old); got != "orders" {
		t.Errorf("the event is on bus %q, want orders", got)
	}
	put(t, s, on("orders", noon)) // a second row for the bus would be refused
	if n := nameRows(t, s, "bus"); n != 1 {
		t.Errorf("got %d buses, want 1", n)
	}
}

// Rules, targets and stages come and go. Their names are forgotten with the last event that went there, however late it was
// sent there, and no earlier.
func TestRoutesAndEndpointsAreForgotten(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	to := func(i int, at time.Time) *store.Record {
		return record(at, store.Fresh{
			Route:    store.Route{Region: "us-east-1", Bus: "default", Rule: fmt.Sprintf("rule-%d", i), Target: "1"},
			Endpoint: store.Endpoint{API: fmt.Sprintf("api-%d", i), Stage: "prod"},
		})
	}
	settle := func(r *store.Record, e store.Endpoint) {
		t.Helper()
		durable := make(chan struct{})
		s.Settle(store.Outcome{
			Event: r.Event.ID.Key(), Route: r.Deliveries[0].Route, Endpoint: e, Ticket: r.Ticket, Status: store.Delivered, Attempts: 1, At: noon,
			Durable: func(*store.Outcome) { close(durable) },
		})
		<-durable
	}
	rows := func(want int, when string) {
		t.Helper()
		for _, table := range []string{"route", "endpoint"} {
			if got := nameRows(t, s, table); got != want {
				t.Errorf("%s: %d rows in %s, want %d", when, got, table, want)
			}
		}
	}
	for i := range 50 {
		r := to(i, noon)
		put(t, s, r)
		settle(r, r.Deliveries[0].Endpoint)
	}
	slow := to(3, noon) // still under way
	put(t, s, slow)
	// An event of which the target leads elsewhere by the time that it is sent.
	young := to(1, noon.Add(2*time.Hour))
	put(t, s, young)
	settle(young, store.Endpoint{API: "api-2", Stage: "prod"})

	sweep(t, s, noon)
	rows(50, "while all have events")
	sweep(t, s, noon.Add(time.Hour))
	if n := nameRows(t, s, "route"); n != 2 {
		t.Errorf("%d routes with one event left and one under way, want 2", n)
	}
	settle(slow, slow.Deliveries[0].Endpoint)
	sweep(t, s, noon.Add(time.Hour))
	rows(1, "with one event left")
	log, _, err := s.Deliveries(t.Context(), store.Query{})
	if err != nil || len(log) != 1 || log[0].Route != young.Deliveries[0].Route || log[0].Endpoint.API != "api-2" {
		t.Errorf("the log has %+v, %v", log, err)
	}

	again := to(3, noon.Add(3*time.Hour))
	put(t, s, again)
	settle(again, again.Deliveries[0].Endpoint)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	sweep(t, s, noon.Add(time.Hour))
	if log, _, err = s.Deliveries(t.Context(), store.Query{}); err != nil || len(log) != 2 || log[0].Route != again.Deliveries[0].Route || log[1].Endpoint.API != "api-2" {
		t.Errorf("after a restart the log has %+v, %v", log, err)
	}
	sweep(t, s, noon.Add(4*time.Hour))
	rows(0, "when no event is left")
}

// However many names there are to forget: nobody waits for all of them.
func TestManyNamesAreForgotten(t *testing.T) {
	s := open(t, t.TempDir())
	const all = 5000
	var records []*store.Record
	for i := range all {
		records = append(records, on(fmt.Sprintf("made-up-%d", i), noon))
	}
	put(t, s, records...)
	before := s.Commits()
	sweep(t, s, noon.Add(time.Hour))
	if n := nameRows(t, s, "bus"); n != 0 {
		t.Errorf("got %d buses, want none", n)
	}
	if n := s.Commits() - before; n < 5 {
		t.Errorf("%d events and as many buses were forgotten in %d transactions", all, n)
	}
}

// The number of a name that was forgotten is not given to another one: whoever looks for what has it must not find what is
// another's. Purging by rule, say, goes by numbers.
func TestNumbersAreNotGivenTwice(t *testing.T) {
	s := open(t, t.TempDir())
	numbers := func() (nos [3]int64) {
		t.Helper()
		err := s.OnWriter(func(conn *zombiezen.Conn) (err error) {
			for i, table := range []string{"bus", "route", "endpoint"} {
				if nos[i], err = sqlitex.ResultInt64(conn.Prep("SELECT max(no) FROM " + table)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return nos
	}
	to := func(name string, at time.Time) {
		t.Helper()
		r := record(at, store.Fresh{
			Route:    store.Route{Region: "us-east-1", Bus: name, Rule: name, Target: "1"},
			Endpoint: store.Endpoint{API: name, Stage: "prod"},
			Done:     true,
		})
		r.Bus = name
		put(t, s, r)
	}
	to("old", noon)
	old := numbers()
	sweep(t, s, noon.Add(time.Hour))
	for _, table := range []string{"bus", "route", "endpoint"} {
		if n := nameRows(t, s, table); n != 0 {
			t.Fatalf("%s has %d rows, want none", table, n)
		}
	}
	to("new", noon.Add(2*time.Hour))
	for i, no := range numbers() {
		if no <= old[i] {
			t.Errorf("the number %d was given again: %d", old[i], no)
		}
	}
}
