package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bailey/internal/event"
	"bailey/internal/store"
	"bailey/internal/store/sqlite"
)

var (
	noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	ids  *event.IDs // of the store that the test has open

	petsRoute  = store.Route{Region: "us-east-1", Bus: "default", Rule: "pets", Target: "api"}
	toysRoute  = store.Route{Region: "us-east-1", Bus: "default", Rule: "toys", Target: "api"}
	petsStage  = store.Endpoint{API: "petstore", Stage: "prod"}
	otherStage = store.Endpoint{API: "petstore", Stage: "test"}
)

func open(t *testing.T, dir string) *sqlite.Store {
	t.Helper()
	ids = new(event.IDs)
	s, err := sqlite.Open(sqlite.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func record(at time.Time, deliveries ...store.Fresh) *store.Record {
	e := event.New(ids.New(at), &event.Entry{Source: "shop", DetailType: "order", Detail: []byte(`{"n": 1.0}`), TraceHeader: "Root=1-5759e988-bd862e3fe1be46a994272793"}, "000000000000", "us-east-1", at)
	return &store.Record{Event: e, Region: "us-east-1", Bus: "default", Deliveries: deliveries}
}

// A folder that cannot be written is named, with what to look at.
func TestFolderCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "bailey.lock"), 0o700); err != nil { // whoever runs the test may write to folders that others may not
		t.Fatal(err)
	}
	_, err := sqlite.Open(sqlite.Config{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "the data folder "+dir+" cannot be written: see who may") {
		t.Errorf("got %v", err)
	}
}

func put(t *testing.T, s *sqlite.Store, records ...*store.Record) {
	t.Helper()
	if err := s.Put(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}

// settle waits until the outcome is durable.
func settle(t *testing.T, s *sqlite.Store, o store.Outcome) {
	t.Helper()
	done := make(chan struct{})
	o.Durable = func(*store.Outcome) { close(done) }
	s.Settle(o)
	<-done
}

func deliveries(t *testing.T, s *sqlite.Store, q store.Query) []store.Delivery {
	t.Helper()
	all, _, err := s.Deliveries(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEventSurvivesReopening(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	r := record(noon, store.Fresh{Route: petsRoute, Endpoint: petsStage})
	put(t, s, r)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	e, err := s.Event(t.Context(), r.Event.ID)
	if err != nil {
		t.Fatal(err)
	}
	if e.ID != r.Event.ID || !bytes.Equal(e.JSON, r.Event.JSON) || !e.Ingested.Equal(noon) || e.TraceHeader != "Root=1-5759e988-bd862e3fe1be46a994272793" {
		t.Errorf("got %+v, want %+v", e.Event, r.Event)
	}
	if !slices.Equal(e.Routes, []store.Route{petsRoute}) || e.Bus != "default" || e.Region != "us-east-1" {
		t.Errorf("got routes %v on %s in %s", e.Routes, e.Bus, e.Region)
	}
	if s.NewestKey() != r.Event.ID.Key() {
		t.Errorf("newest key %x, want %x", s.NewestKey(), r.Event.ID.Key())
	}
	var unknown event.IDs
	if _, err := s.Event(t.Context(), unknown.New(noon)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an unknown id: got %v, want ErrNotFound", err)
	}
}

// X9: what was committed and had no outcome is found again, each delivery
// once, and what had an outcome is not.
func TestRecoverFindsUnfinishedDeliveries(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	both := record(noon, store.Fresh{Route: petsRoute, Endpoint: petsStage}, store.Fresh{Route: toysRoute, Endpoint: otherStage})
	done := record(noon, store.Fresh{Route: petsRoute, Endpoint: petsStage})
	parked := record(noon, store.Fresh{Route: petsRoute, Endpoint: petsStage, Parked: true})
	nobody := record(noon)
	put(t, s, both, done, parked, nobody)
	late := record(noon.Add(-time.Hour), store.Fresh{Route: toysRoute, Endpoint: otherStage})
	put(t, s, late)
	settle(t, s, store.Outcome{Event: both.Event.ID.Key(), N: 0, Route: petsRoute, Endpoint: petsStage, Ticket: both.Ticket, Status: store.Delivered, Attempts: 1, At: noon})
	settle(t, s, store.Outcome{Event: done.Event.ID.Key(), N: 0, Route: petsRoute, Endpoint: petsStage, Ticket: done.Ticket, Status: store.Delivered, Attempts: 1, At: noon})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, dir)
	backlog, err := s.Recover(t.Context(), func(r store.Route, e []byte) store.Endpoint {
		if !bytes.Contains(e, []byte(`"shop"`)) {
			t.Errorf("recovery was given %s", e)
		}
		return otherStage
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[store.Endpoint]int64{petsStage: 1, otherStage: 2}
	for _, b := range backlog {
		if b.Count != want[b.Endpoint] {
			t.Errorf("%v: %d wait, want %d", b.Endpoint, b.Count, want[b.Endpoint])
		}
		delete(want, b.Endpoint)
	}
	if len(want) > 0 {
		t.Errorf("nothing waits for %v", want)
	}
	due, _, _, err := s.Due(t.Context(), otherStage, noon, store.Window{Most: 10})
	if err != nil {
		t.Fatal(err)
	}
	var refs []store.Ref
	for _, d := range due {
		refs = append(refs, store.Ref{Event: d.Event.ID.Key(), N: d.N})
	}
	if want := []store.Ref{{Event: late.Event.ID.Key(), N: 0}, {Event: both.Event.ID.Key(), N: 1}}; !slices.Equal(refs, want) {
		t.Errorf("due: got %v, want %v", refs, want)
	}
}

func TestDueSkipsWhatIsInMemory(t *testing.T) {
	s := open(t, t.TempDir())
	var records []*store.Record
	for i := range 10 {
		records = append(records, record(noon.Add(time.Duration(i)*time.Second), store.Fresh{Route: petsRoute, Endpoint: petsStage, Parked: true}))
	}
	put(t, s, records...)
	window := store.Window{Most: 3, Skip: map[store.Ref]struct{}{
		{Event: records[0].Event.ID.Key()}: {},
		{Event: records[1].Event.ID.Key()}: {},
	}}
	due, next, more, err := s.Due(t.Context(), petsStage, noon.Add(5*time.Second), window)
	if err != nil {
		t.Fatal(err)
	}
	if len(due) != 3 || due[0].Event.ID != records[2].Event.ID || !more {
		t.Errorf("got %d from %v, more %v; want 3 from the third on, and more", len(due), due, more)
	}
	if want := noon.Add(6 * time.Second); !next.Equal(want) {
		t.Errorf("next is due at %v, want %v", next, want)
	}
	due, _, more, err = s.Due(t.Context(), petsStage, noon.Add(time.Second), window)
	if err != nil || len(due) != 0 || more {
		t.Errorf("got %v, %v, %v; want nothing", due, more, err)
	}
	window.Bytes = int64(len(records[2].Event.JSON)) + 1
	due, _, more, err = s.Due(t.Context(), petsStage, noon.Add(5*time.Second), window)
	if err != nil || len(due) != 2 || !more {
		t.Errorf("got %d, %v, %v; want the one that fits and the one that goes beyond, and more", len(due), more, err)
	}
	due, _, more, err = s.Due(t.Context(), petsStage, noon.Add(3*time.Second), window)
	if err != nil || len(due) != 2 || more {
		t.Errorf("got %d, %v, %v; want both that are due, and no more", len(due), more, err)
	}
}

func TestDueReadsLargeEventsByParts(t *testing.T) {
	s := open(t, t.TempDir())
	want := map[event.ID]bool{}
	for i := range 60 {
		r := large("pets")
		r.Deliveries[0].Parked = true
		put(t, s, r)
		if want[r.Event.ID] = true; i == 0 && len(r.Event.JSON) < 100<<10 {
			t.Fatalf("an event of %d bytes is not large", len(r.Event.JSON))
		}
	}
	taken := map[store.Ref]struct{}{}
	for more := true; more; {
		var due []store.Parked
		var err error
		due, _, more, err = s.Due(t.Context(), petsStage, noon, store.Window{Most: 1000, Skip: taken})
		if err != nil {
			t.Fatal(err)
		}
		bytes := 0
		for _, d := range due {
			bytes += len(d.Event.JSON)
			taken[store.Ref{Event: d.Event.ID.Key()}] = struct{}{}
			delete(want, d.Event.ID)
		}
		if bytes > 5<<20 {
			t.Errorf("%d MiB of events were read at once", bytes>>20)
		}
	}
	if len(want) > 0 {
		t.Errorf("%d events were not read", len(want))
	}
}

// However many callers read at length, what is due is read.
func TestDueStandsInNobodysQueue(t *testing.T) {
	s := open(t, t.TempDir())
	put(t, s, record(noon, store.Fresh{Route: petsRoute, Endpoint: petsStage, Parked: true}))
	if err := s.Apply(t.Context(), []store.Document{{Kind: "rule", Key: "a", Body: []byte("1")}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	reading := make(chan struct{})
	for range 20 {
		readers.Go(func() {
			_ = s.Documents(ctx, func(store.Document) error { // those that get no turn are cancelled with the others
				reading <- struct{}{}
				<-ctx.Done()
				return nil
			})
		})
	}
	for range 4 { // as many as there are connections
		<-reading
	}
	due, _, _, err := s.Due(t.Context(), petsStage, noon, store.Window{Most: 10})
	if err != nil || len(due) != 1 {
		t.Errorf("got %v, %v, want the one that is due", due, err)
	}
	cancel()
	go func() {
		for range reading { // let the others go
		}
	}()
	readers.Wait()
	close(reading)
}

func TestDeliveryLog(t *testing.T) {
	s := open(t, t.TempDir())
	var records []*store.Record
	for i := range 5 {
		records = append(records, record(noon.Add(time.Duration(i)*time.Second),
			store.Fresh{Route: petsRoute, Endpoint: petsStage}, store.Fresh{Route: toysRoute, Endpoint: otherStage}))
	}
	put(t, s, records...)
	first := records[0].Event.ID
	settle(t, s, store.Outcome{Event: first.Key(), N: 0, Route: petsRoute, Endpoint: petsStage, Ticket: records[0].Ticket,
		Status: store.Delivered, Attempts: 1, At: noon.Add(time.Second), Latency: 7 * time.Millisecond, StatusCode: 200})
	settle(t, s, store.Outcome{Event: first.Key(), N: 1, Route: toysRoute, Endpoint: otherStage, Ticket: records[0].Ticket,
		Status: store.Pending, Due: noon.Add(time.Minute), Attempts: 1, At: noon.Add(time.Second), StatusCode: 500,
		ErrorCode: "ERROR_FROM_TARGET", Error: "status 500", Failed: true})
	settle(t, s, store.Outcome{Event: records[1].Event.ID.Key(), N: 1, Route: toysRoute, Endpoint: otherStage, Ticket: records[1].Ticket,
		Status: store.Dead, Attempts: 1, At: noon.Add(time.Second), ErrorCode: "NO_RESOURCE", Error: "gone", Failed: true,
		DeadLetter: &store.DeadLetter{Queue: "arn:q", RuleARN: "arn:r", TargetARN: "arn:t", ErrorCode: "NO_RESOURCE", ErrorMessage: "gone", At: noon, Event: records[1].Event.ID, Body: records[1].Event.JSON}})

	status := func(s store.Status) *store.Status { return &s }
	tests := []struct {
		name  string
		query store.Query
		want  int
	}{
		{"all", store.Query{}, 10},
		{"one event", store.Query{Event: &first}, 2},
		{"a rule", store.Query{Rule: "toys"}, 5},
		{"an unknown rule", store.Query{Rule: "nope"}, 0},
		{"pending, with and without a row", store.Query{Status: status(store.Pending)}, 8},
		{"pending of a rule", store.Query{Status: status(store.Pending), Rule: "pets"}, 4},
		{"delivered", store.Query{Status: status(store.Delivered)}, 1},
		{"dead", store.Query{Status: status(store.Dead)}, 1},
		{"since", store.Query{Since: noon.Add(3 * time.Second)}, 4},
		{"another bus", store.Query{Bus: "other"}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := deliveries(t, s, tt.query); len(got) != tt.want {
				t.Errorf("got %d, want %d: %+v", len(got), tt.want, got)
			}
			var paged []store.Delivery
			q := tt.query
			q.Limit = 3
			for {
				page, next, err := s.Deliveries(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				paged = append(paged, page...)
				if next == "" {
					break
				}
				q.Next = next
			}
			if !slices.Equal(paged, deliveries(t, s, tt.query)) {
				t.Errorf("by pages: %+v", paged)
			}
		})
	}

	got := deliveries(t, s, store.Query{Event: &first})
	if d := got[0]; d.Status != store.Delivered || d.Latency != 7*time.Millisecond || d.StatusCode != 200 || !d.Ingested.Equal(noon) || d.Route != petsRoute || d.Endpoint != petsStage {
		t.Errorf("delivered: %+v", d)
	}
	if d := got[1]; d.Status != store.Pending || !d.Due.Equal(noon.Add(time.Minute)) || d.ErrorCode != "ERROR_FROM_TARGET" || d.Error != "status 500" {
		t.Errorf("pending: %+v", d)
	}
	attempts, err := s.Attempts(t.Context(), first)
	if err != nil || len(attempts) != 1 || attempts[0].N != 1 || attempts[0].Number != 1 || attempts[0].StatusCode != 500 {
		t.Errorf("attempts: %+v, %v", attempts, err)
	}
	dead, err := s.DeadLetters(t.Context(), store.Undelivered{Queue: "arn:q"}, 0, 0)
	if err != nil || len(dead) != 1 || dead[0].RuleARN != "arn:r" || dead[0].Event != records[1].Event.ID || !bytes.Equal(dead[0].Body, records[1].Event.JSON) {
		t.Errorf("dead letters: %+v, %v", dead, err)
	}
	if _, _, err := s.Deliveries(t.Context(), store.Query{Next: "nonsense"}); err == nil {
		t.Error("a token that is none was taken")
	}
}

func TestSweep(t *testing.T) {
	s := open(t, t.TempDir())
	old := []*store.Record{
		record(noon, store.Fresh{Route: petsRoute, Endpoint: petsStage}),               // delivered
		record(noon, store.Fresh{Route: petsRoute, Endpoint: petsStage, Parked: true}), // pending
		record(noon, store.Fresh{Route: petsRoute, Endpoint: petsStage}),               // dead
		record(noon), // matched nothing
	}
	young := record(noon.Add(2*time.Hour), store.Fresh{Route: petsRoute, Endpoint: petsStage})
	put(t, s, append(old, young)...)
	for i, status := range map[int]store.Status{0: store.Delivered, 2: store.Dead} {
		settle(t, s, store.Outcome{Event: old[i].Event.ID.Key(), Route: petsRoute, Endpoint: petsStage, Ticket: old[i].Ticket, Status: status, Attempts: 1, At: noon, Failed: true})
	}
	settle(t, s, store.Outcome{Event: young.Event.ID.Key(), Route: petsRoute, Endpoint: petsStage, Ticket: young.Ticket, Status: store.Delivered, At: noon})

	has := func(r *store.Record) bool {
		_, err := s.Event(t.Context(), r.Event.ID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		return err == nil
	}
	gone, err := s.Sweep(t.Context(), noon.Add(time.Hour), noon, 0)
	if err != nil || gone != 2 {
		t.Errorf("swept %d, %v, want 2", gone, err)
	}
	for i, want := range []bool{false, true, true, false} {
		if has(old[i]) != want {
			t.Errorf("event %d is kept: %v, want %v", i, !want, want)
		}
	}
	if !has(young) {
		t.Error("an event younger than the bound is gone")
	}
	if got := deliveries(t, s, store.Query{}); len(got) != 3 {
		t.Errorf("%d deliveries are left, want 3: %+v", len(got), got)
	}
	if _, err := s.Sweep(t.Context(), noon, noon.Add(time.Hour), 1); err != nil { // no room at all
		t.Fatal(err)
	}
	if !has(old[1]) || has(old[2]) || has(young) {
		t.Error("a sweep for room must take all that is settled and nothing that is pending")
	}
}

// A sweep for room takes the oldest settled events, and no more of them than are needed, however large they are.
func TestSweepForRoomTakesAsManyAsNeeded(t *testing.T) {
	const size, events, most = 100 << 10, 300, 20 << 20
	s := open(t, t.TempDir())
	var all []*store.Record
	for i := range events {
		r := record(noon.Add(time.Duration(i) * time.Millisecond))
		r.Event.JSON = append(r.Event.JSON[:len(r.Event.JSON)-1:len(r.Event.JSON)-1], `,"pad":"`+strings.Repeat("x", size)+`"}`...)
		all = append(all, r)
	}
	for chunk := range slices.Chunk(all, 50) {
		put(t, s, chunk...)
	}
	gone, err := s.Sweep(t.Context(), time.Time{}, noon, most)
	if err != nil {
		t.Fatal(err)
	}
	left, err := s.Size(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if left.Used > most || left.Used < most-3*size || left.Free < int64(gone)*size {
		t.Errorf("got %+v after %d of %d events went, want a little less than %d in use and the rest free", left, gone, events, most)
	}
	for i, r := range all {
		if _, err := s.Event(t.Context(), r.Event.ID); (err == nil) != (i >= gone) {
			t.Fatalf("event %d of %d: %v, and %d went: want the oldest gone and the others kept", i, events, err, gone)
		}
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	if _, err := sqlite.Open(sqlite.Config{Dir: dir}); err == nil || !bytes.Contains([]byte(err.Error()), []byte("in use")) {
		t.Errorf("got %v, want a refusal that says the folder is in use", err)
	}
}

func TestDocuments(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	apply := func(docs ...store.Document) {
		t.Helper()
		if err := s.Apply(t.Context(), docs); err != nil {
			t.Fatal(err)
		}
	}
	apply(store.Document{Kind: "rule", Key: "a", Body: []byte("1")}, store.Document{Kind: "rule", Key: "b", Body: []byte("2")})
	apply(store.Document{Kind: "rule", Key: "a", Body: []byte("3")}, store.Document{Kind: "rule", Key: "b"})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	var got []string
	err := s.Documents(t.Context(), func(d store.Document) error {
		got = append(got, fmt.Sprintf("%s/%s=%s", d.Kind, d.Key, d.Body))
		return nil
	})
	if want := []string{"rule/a=3"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}

// Group commit: many callers at once share few transactions, and each is
// answered after its own is durable.
func TestGroupCommit(t *testing.T) {
	s := open(t, t.TempDir())
	const callers, each = 32, 20
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range each {
				r := record(noon, store.Fresh{Route: petsRoute, Endpoint: petsStage})
				if err := s.Put(context.Background(), []*store.Record{r}); err != nil {
					t.Error(err)
					return
				}
				if _, err := s.Event(context.Background(), r.Event.ID); err != nil {
					t.Errorf("acknowledged, but: %v", err)
				}
				s.Settle(store.Outcome{Event: r.Event.ID.Key(), Route: petsRoute, Endpoint: petsStage, Ticket: r.Ticket, Status: store.Delivered, At: noon})
			}
		})
	}
	wg.Wait()
	if n := s.Commits(); n > callers*each {
		t.Errorf("%d transactions for %d calls", n, callers*each)
	}
	if err := s.Put(context.Background(), nil); err != nil {
		t.Errorf("an empty put: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(context.Background(), []*store.Record{record(noon)}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("after Close: got %v, want ErrClosed", err)
	}
}
