package sqlite_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	zombiezen "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"bailey/internal/event"
	"bailey/internal/store"
	"bailey/internal/store/sqlite"
)

// bury commits an event whose delivery was given up at the moment, with a
// message in the queue unless that is "".
func bury(t *testing.T, s *sqlite.Store, route store.Route, end store.Endpoint, queue, code string, at time.Time) *event.Event {
	t.Helper()
	r := record(at, store.Fresh{Route: route, Endpoint: end})
	put(t, s, r)
	o := store.Outcome{
		Event: r.Event.ID.Key(), Route: route, Endpoint: end, Ticket: r.Ticket, Status: store.Dead, Attempts: 3, At: at, ErrorCode: code, Error: "no", Failed: true,
	}
	if queue != "" {
		o.DeadLetter = &store.DeadLetter{Queue: queue, Event: r.Event.ID, Body: r.Event.JSON, RuleARN: "arn:r", TargetARN: "arn:t", ErrorCode: code, ErrorMessage: "no", At: at}
	}
	settle(t, s, o)
	return r.Event
}

// everywhere is where redriven deliveries queue in these tests.
func everywhere(store.Route, []byte) store.Endpoint { return otherStage }

// drive makes a whole redrive in steps and returns the keys of the deliveries
// that are pending after it.
func drive(t *testing.T, s *sqlite.Store, of store.Undelivered, step int) (*store.Redrive, []int64) {
	t.Helper()
	r, err := s.BeginRedrive(t.Context(), of, 0, noon.Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for r.State == store.RedriveRunning {
		due, err := s.RedriveNext(t.Context(), r, step, noon.Add(25*time.Hour), everywhere)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range due {
			if b.Endpoint != otherStage || !b.NextDue.Equal(noon.Add(25*time.Hour)) || b.Count < 1 || b.Count > int64(step) {
				t.Errorf("got %+v due", b)
			}
		}
	}
	pending := store.Pending
	var keys []int64
	for _, d := range deliveries(t, s, store.Query{Status: &pending}) {
		keys = append(keys, d.Event.Key())
	}
	slices.Sort(keys)
	return r, keys
}

// What a selection selects is what is redriven, listed and purged: those with
// the letters in the table.
func TestUndelivered(t *testing.T) {
	const a, b = "arn:aws:sqs:us-east-1:000000000000:a", "arn:aws:sqs:us-east-1:000000000000:b"
	none := event.ID{15: 1}
	for _, test := range []struct {
		name  string
		which func(events []*event.Event) store.Undelivered
		dead  string // which of A to E, where E has no message
	}{
		{"everything", func([]*event.Event) store.Undelivered { return store.Undelivered{} }, "ABCDE"},
		{"a queue", func([]*event.Event) store.Undelivered { return store.Undelivered{Queue: a} }, "AB"},
		{"another queue", func([]*event.Event) store.Undelivered { return store.Undelivered{Queue: "arn:none"} }, ""},
		{"a rule", func([]*event.Event) store.Undelivered { return store.Undelivered{Rule: "toys"} }, "CE"},
		{"a rule and a queue", func([]*event.Event) store.Undelivered { return store.Undelivered{Rule: "toys", Queue: b} }, "C"},
		{"a rule that there is not", func([]*event.Event) store.Undelivered { return store.Undelivered{Rule: "none"} }, ""},
		{"a bus", func([]*event.Event) store.Undelivered { return store.Undelivered{Bus: "default", Region: "us-east-1"} }, "ABCDE"},
		{"a target", func([]*event.Event) store.Undelivered { return store.Undelivered{Target: "none"} }, ""},
		{"an API", func([]*event.Event) store.Undelivered { return store.Undelivered{API: "petstore"} }, "ABCE"},
		{"an error", func([]*event.Event) store.Undelivered { return store.Undelivered{ErrorCode: "TIMEOUT"} }, "BD"},
		{"since", func([]*event.Event) store.Undelivered { return store.Undelivered{Since: noon.Add(2 * time.Hour)} }, "CDE"},
		{"until", func([]*event.Event) store.Undelivered { return store.Undelivered{Until: noon.Add(2 * time.Hour)} }, "AB"},
		{"between", func([]*event.Event) store.Undelivered {
			return store.Undelivered{Since: noon.Add(time.Hour), Until: noon.Add(3 * time.Hour)}
		}, "BC"},
		{"an event", func(e []*event.Event) store.Undelivered { return store.Undelivered{Event: &e[1].ID} }, "B"},
		{"an event that there is not", func([]*event.Event) store.Undelivered { return store.Undelivered{Event: &none} }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := open(t, t.TempDir())
			events := []*event.Event{
				bury(t, s, petsRoute, petsStage, a, "ERROR_FROM_TARGET", noon),
				bury(t, s, petsRoute, petsStage, a, "TIMEOUT", noon.Add(time.Hour)),
				bury(t, s, toysRoute, petsStage, b, "ERROR_FROM_TARGET", noon.Add(2*time.Hour)),
				bury(t, s, petsRoute, store.Endpoint{}, b, "TIMEOUT", noon.Add(3*time.Hour)),
				bury(t, s, toysRoute, petsStage, "", "ERROR_FROM_TARGET", noon.Add(4*time.Hour)),
			}
			letter := func(key int64) string {
				for i, e := range events {
					if e.ID.Key() == key {
						return string(rune('A' + i))
					}
				}
				return "?"
			}
			of := test.which(events)
			var listed strings.Builder
			for after := int64(0); ; {
				page, err := s.DeadLetters(t.Context(), of, after, 1)
				if err != nil {
					t.Fatal(err)
				}
				if len(page) == 0 {
					break
				}
				listed.WriteString(letter(page[0].Event.Key()))
				if after = page[0].ID; page[0].Route.Bus != "default" {
					t.Errorf("got %+v, want its route", page[0])
				}
			}
			want := test.dead
			if n := len(want); n > 0 && want[n-1] == 'E' {
				want = want[:n-1]
			}
			if listed.String() != want {
				t.Errorf("listed %s, want %s", listed.String(), want)
			}
			r, keys := drive(t, s, of, 2)
			var redriven strings.Builder
			for _, key := range keys {
				redriven.WriteString(letter(key))
			}
			if redriven.String() != test.dead || r.Matched != int64(len(test.dead)) || r.Redriven != r.Matched || r.State != store.RedriveDone || r.Ended.IsZero() {
				t.Errorf("redrove %s, %+v, want %s", redriven.String(), r, test.dead)
			}
			if test.dead == "" {
				if all, err := s.Redrives(t.Context()); err != nil || len(all) != 0 || r.ID != 0 {
					t.Errorf("one of nothing was kept: %+v, %v", all, err)
				}
			} else if kept, err := s.Redrive(t.Context(), r.ID); err != nil || kept.State != store.RedriveDone || kept.Redriven != r.Redriven || !kept.Ended.Equal(noon.Add(25*time.Hour)) || kept.Of != of && of.Event == nil {
				t.Errorf("kept %+v, %v, want %+v", kept, err, r)
			}
			if gone, err := s.PurgeDeadLetters(t.Context(), of); err != nil || gone != 0 {
				t.Errorf("purged %d, %v, of what was redriven", gone, err)
			}
			if gone, err := s.PurgeDeadLetters(t.Context(), store.Undelivered{}); err != nil || gone != 4-len(listed.String()) {
				t.Errorf("purged %d, %v, want the %d others", gone, err, 4-len(listed.String()))
			}
		})
	}
}

// A redrive takes what was given up before it began, once.
func TestRedriveLeavesWhatComesLater(t *testing.T) {
	s := open(t, t.TempDir())
	first := bury(t, s, petsRoute, petsStage, "arn:q", "TIMEOUT", noon)
	r, err := s.BeginRedrive(t.Context(), store.Undelivered{}, 0, noon.Add(time.Hour))
	if err != nil || r.Matched != 1 {
		t.Fatalf("got %+v, %v", r, err)
	}
	bury(t, s, petsRoute, petsStage, "arn:q", "TIMEOUT", noon.Add(2*time.Hour))
	for r.State == store.RedriveRunning {
		if _, err := s.RedriveNext(t.Context(), r, 1, noon.Add(3*time.Hour), everywhere); err != nil {
			t.Fatal(err)
		}
		// It is given up again at once.
		if d := deliveries(t, s, store.Query{Event: &first.ID})[0]; d.Status == store.Pending {
			settle(t, s, store.Outcome{Event: first.ID.Key(), Route: petsRoute, Endpoint: petsStage, Status: store.Dead, Attempts: 1, Earlier: d.Earlier, At: noon.Add(3 * time.Hour), Failed: true})
		}
	}
	if r.Redriven != 1 {
		t.Errorf("redrove %d, want 1", r.Redriven)
	}
	d := deliveries(t, s, store.Query{Event: &first.ID})[0]
	if d.Status != store.Dead || d.Attempts != 1 || d.Earlier != 3 || !d.Redriven.Equal(noon.Add(3*time.Hour)) {
		t.Errorf("got %+v, want it given up again after 3 attempts and 1", d)
	}
	attempts, err := s.Attempts(t.Context(), first.ID)
	if err != nil || len(attempts) != 2 || attempts[0].Number != 3 || attempts[1].Number != 4 {
		t.Errorf("got %+v, %v, want the third and the fourth", attempts, err)
	}
}

// An id is never used again, also when the newest message is gone: receipt
// handles hold it.
func TestDeadLetterIDs(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	bury(t, s, petsRoute, petsStage, "arn:q", "TIMEOUT", noon)
	if there, err := s.DeleteDeadLetter(t.Context(), 1); err != nil || !there {
		t.Fatalf("got %v, %v", there, err)
	}
	if there, err := s.DeleteDeadLetter(t.Context(), 1); err != nil || there {
		t.Errorf("the same again: got %v, %v", there, err)
	}
	if _, err := s.DeadLetter(t.Context(), 1); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	bury(t, s, petsRoute, petsStage, "arn:q", "TIMEOUT", noon.Add(time.Hour))
	if d, err := s.DeadLetter(t.Context(), 2); err != nil || d.Queue != "arn:q" {
		t.Errorf("got %+v, %v, want the second", d, err)
	}
}

// An event stays as long as the message about it, however old it was when its
// delivery was given up.
func TestSweepKeepsEventsOfDeadLetters(t *testing.T) {
	s := open(t, t.TempDir())
	r := record(noon, store.Fresh{Route: petsRoute, Endpoint: petsStage})
	put(t, s, r)
	died := noon.Add(24 * time.Hour)
	settle(t, s, store.Outcome{
		Event: r.Event.ID.Key(), Route: petsRoute, Endpoint: petsStage, Ticket: r.Ticket, Status: store.Dead, Attempts: 186, At: died,
		DeadLetter: &store.DeadLetter{Queue: "arn:q", Event: r.Event.ID, Body: r.Event.JSON, At: died},
	})
	sweep := func(before time.Time) string {
		t.Helper()
		early, err := s.Sweep(t.Context(), before, before, 0)
		if err != nil || early != 0 {
			t.Fatalf("forgot %d events with messages, %v", early, err)
		}
		letters, err := s.SweepDeadLetters(t.Context(), before)
		if err != nil {
			t.Fatal(err)
		}
		events, err := s.Sweep(t.Context(), before, before, 0)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(events, " and ", letters)
	}
	if got := sweep(noon.Add(12 * time.Hour)); got != "0 and 0" {
		t.Errorf("forgot %s, want neither the event nor the message", got)
	}
	if got := sweep(died.Add(time.Second)); got != "1 and 1" {
		t.Errorf("forgot %s, want both", got)
	}
}

func TestForwardable(t *testing.T) {
	s := open(t, t.TempDir())
	for i := range 3 {
		bury(t, s, petsRoute, petsStage, "arn:q", "TIMEOUT", noon.Add(time.Duration(i)*time.Second))
	}
	bury(t, s, petsRoute, petsStage, "arn:other", "TIMEOUT", noon)
	ids := func(now time.Time, limit int) string {
		t.Helper()
		all, next, err := s.Forwardable(t.Context(), "arn:q", now, limit)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		for _, d := range all {
			text.WriteString(fmt.Sprint(d.ID, " tried ", d.Tries, "; "))
		}
		if !next.IsZero() {
			text.WriteString("next " + next.Format(time.TimeOnly))
		}
		return text.String()
	}
	for _, id := range []int64{1, 3} {
		if err := s.PostponeDeadLetter(t.Context(), id, noon.Add(time.Duration(id)*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	if got := ids(noon, 10); got != "2 tried 0; " {
		t.Errorf("got %s", got)
	}
	if _, err := s.DeleteDeadLetter(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if got := ids(noon, 10); got != "next 12:01:00" {
		t.Errorf("got %s", got)
	}
	if got := ids(noon.Add(time.Hour), 10); got != "1 tried 1; 3 tried 1; " {
		t.Errorf("got %s", got)
	}
	if queues, err := s.DeadLetterQueues(t.Context()); err != nil || !slices.Equal(queues, []string{"arn:other", "arn:q"}) {
		t.Errorf("got queues %v, %v", queues, err)
	}
}

// Messages of an earlier version of the store are redriven, and those that are
// taken are not.
func TestDeadLettersOfVersion3(t *testing.T) {
	dir := t.TempDir()
	ids = new(event.IDs)
	behind(t, dir, "PRAGMA journal_mode = WAL")
	for i, script := range sqlite.Migrations()[:3] {
		behind(t, dir, script)
		behind(t, dir, fmt.Sprintf("PRAGMA user_version = %d", i+1))
	}
	behind(t, dir, "INSERT INTO route VALUES (1, 'us-east-1', 'default', 'pets', 'api')")
	behind(t, dir, "INSERT INTO bus VALUES (1, 'us-east-1', 'default')")
	behind(t, dir, "INSERT INTO endpoint VALUES (1, 'petstore', 'prod')")
	for i := range 2 {
		e := record(noon).Event
		behind(t, dir, fmt.Sprintf("INSERT INTO event (key, bus, ingested, routes, json) VALUES (%d, 1, %d, x'01', CAST('%s' AS BLOB))", e.ID.Key(), noon.UnixMilli(), e.JSON))
		behind(t, dir, fmt.Sprintf("INSERT INTO delivery (event, n, route, endpoint, status, attempts, at) VALUES (%d, 0, 1, 1, 2, 1, %d)", e.ID.Key(), noon.UnixMilli()))
		behind(t, dir, fmt.Sprintf("INSERT INTO dead_letter VALUES (%d, 'arn:q', %d, 0, %d, 'arn:r', 'arn:t', 'TIMEOUT', 'no', 0, NULL, CAST('%s' AS BLOB))", i+1, e.ID.Key(), noon.UnixMilli(), e.JSON))
	}
	s := open(t, dir)
	if all, err := s.DeadLetters(t.Context(), store.Undelivered{Rule: "pets"}, 0, 10); err != nil || len(all) != 2 || all[1].ID != 2 || all[1].Queue != "arn:q" {
		t.Fatalf("got %+v, %v, want both messages", all, err)
	}
	if _, err := s.DeleteDeadLetter(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if r, _ := drive(t, s, store.Undelivered{}, 10); r.Matched != 1 || r.Redriven != 1 {
		t.Errorf("got %+v, want the one that was not taken", r)
	}
}

// A message is what it was given: it need not be JSON, and says which event it is
// of. One from before that said so has the event as its body.
func TestDeadLetterBody(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	r := record(noon, store.Fresh{Route: petsRoute, Endpoint: petsStage}, store.Fresh{Route: toysRoute, Endpoint: petsStage})
	put(t, s, r)
	for n, body := range []string{"[hello]", string(r.Event.JSON)} {
		settle(t, s, store.Outcome{
			Event: r.Event.ID.Key(), N: n, Route: petsRoute, Endpoint: petsStage, Ticket: r.Ticket, Status: store.Dead, Attempts: 1, At: noon,
			DeadLetter: &store.DeadLetter{Queue: "arn:q", Event: r.Event.ID, Body: []byte(body), TraceHeader: r.Event.TraceHeader, At: noon},
		})
	}
	err := s.OnWriter(func(conn *zombiezen.Conn) error {
		return sqlitex.ExecuteTransient(conn, "UPDATE dead_letter SET event_id = NULL, trace = NULL WHERE n = 1", nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	all, err := s.DeadLetters(t.Context(), store.Undelivered{}, 0, 10)
	if err != nil || len(all) != 2 {
		t.Fatalf("got %+v, %v, want two", all, err)
	}
	if string(all[0].Body) != "[hello]" || all[0].Event != r.Event.ID || all[0].TraceHeader != r.Event.TraceHeader {
		t.Errorf("got %+v, want it as it was given", all[0])
	}
	if all[1].Event != r.Event.ID || all[1].TraceHeader != "" {
		t.Errorf("from before: got %+v, want the event of its body", all[1])
	}
}

// Dead letters that wait for the disk are bounded by their bytes too.
func TestSettleBoundsMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := sqlite.Open(sqlite.Config{Dir: t.TempDir(), MaxMessageBytes: 1000, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		records := []*store.Record{record(noon, store.Fresh{Route: petsRoute}), record(noon, store.Fresh{Route: petsRoute}), record(noon, store.Fresh{Route: petsRoute})}
		put(t, s, records...)
		rename := func(from, to string) {
			err := s.OnWriter(func(conn *zombiezen.Conn) error {
				return sqlitex.ExecuteTransient(conn, "ALTER TABLE "+from+" RENAME TO "+to, nil)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		rename("dead_letter", "elsewhere")
		var settled, durable atomic.Int64
		for _, r := range records {
			go func() {
				s.Settle(store.Outcome{
					Event: r.Event.ID.Key(), Route: petsRoute, Ticket: r.Ticket, Status: store.Dead, At: noon,
					DeadLetter: &store.DeadLetter{Queue: "arn:q", Event: r.Event.ID, Body: make([]byte, 600), At: noon},
					Durable:    func(*store.Outcome) { durable.Add(1) },
				})
				settled.Add(1)
			}()
		}
		time.Sleep(time.Minute)
		if n := settled.Load(); n != 1 || durable.Load() != 0 {
			t.Errorf("%d messages of 600 bytes wait where 1,000 may, %d are durable", n, durable.Load())
		}
		rename("elsewhere", "dead_letter")
		time.Sleep(time.Minute)
		if settled.Load() != 3 || durable.Load() != 3 {
			t.Errorf("%d were taken and %d are durable, want 3", settled.Load(), durable.Load())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}
