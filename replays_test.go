package bailey_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bailey"
	"bailey/internal/event"
	"bailey/internal/request"
	"bailey/internal/rule"
	"bailey/internal/store"
)

// collector is a server that keeps the bodies that it is sent.
type collector struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	s := new(collector)
	s.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.bodies = append(s.bodies, string(b))
		s.mu.Unlock()
	}))
	t.Cleanup(s.Close)
	return s
}

// take returns the bodies since the last time.
func (s *collector) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	bodies := s.bodies
	s.bodies = nil
	return bodies
}

const (
	region     = "us-east-1"
	defaultARN = "arn:aws:events:us-east-1:000000000000:event-bus/default"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// target makes a rule on a bus, with one target, that takes what comes from
// "shop".
func target(t *testing.T, r *bailey.Router, bus, name, arn string) {
	t.Helper()
	_, err := r.Rules().PutRule(t.Context(), rule.Rule{Region: region, EventBusName: bus, Name: name, EventPattern: `{"source":["shop"]}`})
	must(t, err)
	must(t, r.Rules().PutTargets(t.Context(), region, bus, name, []rule.Target{{ID: "t", ARN: arn, RoleARN: role}}))
}

// role is what targets are put with; those that are event buses need one.
const role = "arn:aws:iam::000000000000:role/r"

// api registers one that takes one request at a time.
func api(t *testing.T, r *bailey.Router, name, url string) string {
	t.Helper()
	must(t, r.Rules().PutAPI(t.Context(), &request.API{ID: name, URL: url, MaxConcurrency: 1}))
	return "arn:aws:execute-api:us-east-1:000000000000:" + name + "/prod/POST/"
}

func archive(t *testing.T, r *bailey.Router, name, busARN string, days int) *rule.Archive {
	t.Helper()
	a, err := r.Rules().CreateArchive(t.Context(), rule.Archive{Region: region, Name: name, RetentionDays: days}, busARN)
	must(t, err)
	return a
}

// totals is what archives hold, one after the other.
func totals(t *testing.T, r *bailey.Router, archives ...*rule.Archive) (events []int64) {
	t.Helper()
	for _, a := range archives {
		n, _, err := r.ArchiveTotals(t.Context(), a)
		must(t, err)
		events = append(events, n)
	}
	return events
}

// replayAll replays an archive and waits for its end.
func replayAll(t *testing.T, r *bailey.Router, p rule.Replay, a *rule.Archive) *rule.Replay {
	t.Helper()
	p.Region, p.Until = region, r.Now().Add(24*time.Hour)
	_, err := r.Rules().StartReplay(t.Context(), p, r.Rules().ArchiveARN(region, a.Name), r.Rules().BusARN(region, a.Bus))
	must(t, err)
	for {
		now, err := r.Rules().Replay(region, p.Name)
		must(t, err)
		if !now.Active() {
			return now
		}
		r.AwaitReplay(t.Context(), now)
	}
}

// TestReplay archives events that do not come in the order of their own time,
// and replays them in it, to one of two rules, then and days later.
func TestReplay(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	clock := bailey.NewVirtualClock(noon)
	r := open(t, bailey.Config{Clock: clock, Retention: time.Hour, DeadRetention: time.Hour})
	one, other := newCollector(t), newCollector(t)
	target(t, r, "default", "one", api(t, r, "one", one.URL))
	target(t, r, "default", "other", api(t, r, "other", other.URL))
	a := archive(t, r, "a", defaultARN, 2)

	var entries []bailey.Entry
	for _, minute := range []int{2, 0, 3, 1} {
		e := order(minute)
		e.Time = noon.Add(time.Duration(minute) * time.Minute)
		e.TraceHeader = "Root=1-5759e988-bd862e3fe1be46a994272793"
		entries = append(entries, e)
	}
	ids := put(t, r, entries...)
	for _, id := range ids {
		wait(t, r, id)
	}
	first := one.take()
	other.take()

	p := replayAll(t, r, rule.Replay{Name: "again", From: noon.Add(time.Minute), FilterARNs: []string{r.Rules().RuleARN(region, "default", "one")}}, a)
	must(t, r.Advance(t.Context(), time.Second)) // until all is delivered
	if p.State != rule.Completed || !p.Ended.Equal(noon) {
		t.Errorf("got %+v, want it completed at noon", p)
	}
	if last, err := r.LastReplayed(t.Context(), p); err != nil || !last.Equal(noon.Add(3*time.Minute)) {
		t.Errorf("the last minute looked at is %v, %v, want that of the last event", last, err)
	}
	got := one.take()
	replayedID := map[bailey.ID]bailey.ID{} // by the original's
	for n, i := range []int{3, 0, 2} {      // minutes 1, 2, 3
		original := first[slices.IndexFunc(first, func(b string) bool { return strings.Contains(b, ids[i].String()) })]
		if n >= len(got) {
			t.Fatalf("got %d events replayed, want 3", len(got))
		}
		id, err := event.IDOf([]byte(got[n]))
		must(t, err)
		if id == ids[i] {
			t.Errorf("the replay of %s has its id", id)
		}
		replayedID[ids[i]] = id
		want := strings.NewReplacer(ids[i].String(), id.String(), `"region":"us-east-1",`, `"region":"us-east-1","replay-name":"again",`).Replace(original)
		if got[n] != want {
			t.Errorf("got  %s\nwant %s", got[n], want)
		}
	}
	if len(got) != 3 {
		t.Errorf("got %d events replayed, want 3", len(got))
	}
	if got := other.take(); len(got) > 0 {
		t.Errorf("the other rule was sent %q", got)
	}
	if n := totals(t, r, a); n[0] != 4 {
		t.Errorf("the archive holds %d events: what is replayed is archived again", n)
	}

	// What is replayed is found by its own id, which says what it is a replay of,
	// and its deliveries by the original's too.
	replayed := replayedID[ids[0]]
	view, err := r.Event(t.Context(), replayed)
	must(t, err)
	if view.ID != replayed || view.Origin != ids[0] || len(view.Deliveries) != 1 || view.Deliveries[0].Event != replayed || view.Deliveries[0].Origin != ids[0] {
		t.Errorf("got %+v, want the replay of %s with one delivery", view, ids[0])
	}
	if view.TraceHeader != "" {
		t.Errorf("the replay has the trace %s", view.TraceHeader)
	}
	d := wait(t, r, ids[0])
	if len(d) != 3 || d[0].Event != replayed || d[0].Origin != ids[0] || d[1].Event != ids[0] || d[1].Origin != (bailey.ID{}) {
		t.Errorf("got %+v, want the replay's delivery and the two of the original", d)
	}

	// What is archived outlives the log of deliveries, until its own time is up.
	must(t, r.Advance(t.Context(), 47*time.Hour))
	if _, err := r.Event(t.Context(), ids[0]); err == nil {
		t.Error("the event is in the log after two days")
	}
	if n := totals(t, r, a); n[0] != 4 {
		t.Errorf("the archive holds %v events after 47 hours, want 4", n)
	}
	replayAll(t, r, rule.Replay{Name: "late"}, a)
	must(t, r.Advance(t.Context(), time.Second))
	if got := one.take(); len(got) != 4 {
		t.Errorf("got %d events after 47 hours, want 4", len(got))
	}
	must(t, r.Advance(t.Context(), 2*time.Hour))
	if n := totals(t, r, a); n[0] != 0 {
		t.Errorf("the archive holds %v events after 49 hours, want none", n)
	}
}

// TestReplayOfManyAcrossRestart replays more events than go together, and closes
// the router in the middle: each event is put once more, and once only.
func TestReplayOfManyAcrossRestart(t *testing.T) {
	dir := t.TempDir()
	r := open(t, bailey.Config{Dir: dir, ReplayStart: -1})
	a := archive(t, r, "a", defaultARN, 0)
	const n = 1234
	var entries []bailey.Entry
	for i := range n {
		entries = append(entries, order(i))
	}
	put(t, r, entries...)
	s := newCollector(t)
	target(t, r, "default", "one", api(t, r, "one", s.URL))

	_, err := r.Rules().StartReplay(t.Context(), rule.Replay{Region: region, Name: "again", Until: r.Now().Add(time.Hour)}, r.Rules().ArchiveARN(region, "a"), defaultARN)
	must(t, err)
	p, err := r.Rules().Replay(region, "again")
	must(t, err)
	for { // until it has begun and not ended
		last, err := r.LastReplayed(t.Context(), p)
		must(t, err)
		if !last.IsZero() {
			break
		}
	}
	must(t, r.Close())
	r = open(t, bailey.Config{Dir: dir, ReplayStart: -1})
	for {
		if p, err = r.Rules().Replay(region, "again"); err != nil || !p.Active() {
			break
		}
		r.AwaitReplay(t.Context(), p)
	}
	if p.State != rule.Completed {
		t.Fatalf("got %+v, %v, want it completed", p, err)
	}
	all := map[string]int{}
	q := store.Query{Rule: "one", Limit: 1000}
	for {
		page, next, err := r.Deliveries(t.Context(), q)
		must(t, err)
		for _, d := range page {
			all[d.Origin.String()]++
		}
		if q.Next = next; next == "" {
			break
		}
	}
	for id, times := range all {
		if times != 1 {
			t.Errorf("event %s was replayed %d times", id, times)
		}
	}
	if len(all) != n {
		t.Errorf("%d events were replayed, want %d", len(all), n)
	}
	if got := totals(t, r, a); got[0] != n {
		t.Errorf("the archive holds %d, want %d", got, n)
	}
}

// replayStarting starts a replay of the archive a and holds that it is starting: for a
// minute, by default.
func replayStarting(t *testing.T, r *bailey.Router) {
	t.Helper()
	_, err := r.Rules().StartReplay(t.Context(), rule.Replay{Region: region, Name: "again", Until: r.Now().Add(time.Hour)}, r.Rules().ArchiveARN(region, "a"), defaultARN)
	must(t, err)
	p, err := r.Rules().Replay(region, "again")
	must(t, err)
	began := time.Now()
	r.AwaitReplay(t.Context(), p)
	if p, err = r.Rules().Replay(region, "again"); err != nil || p.State != rule.Starting && time.Since(began) < 30*time.Second {
		t.Fatalf("got %+v, %v, want it starting", p, err)
	}
}

// replayEnded waits for the end of the replay.
func replayEnded(t *testing.T, r *bailey.Router) *rule.Replay {
	t.Helper()
	for deadline := time.Now().Add(hangs); ; runtime.Gosched() {
		p, err := r.Rules().Replay(region, "again")
		must(t, err)
		if !p.Active() {
			return p
		}
		if time.Now().After(deadline) {
			t.Fatalf("the replay does not end: %+v", p)
		}
		r.AwaitReplay(t.Context(), p)
	}
}

// TestReplayEndsWhileStarting ends a replay in the minute in which it is
// starting: nothing is replayed. A process that comes later goes on with it.
func TestReplayEndsWhileStarting(t *testing.T) {
	tests := []struct {
		name   string
		during func(*testing.T, *bailey.Router)
		state  rule.ReplayState
		reason string
		events int
	}{
		{"nothing happens", func(*testing.T, *bailey.Router) {}, rule.Completed, "", 1},
		{"its archive is deleted", func(t *testing.T, r *bailey.Router) { must(t, r.Rules().DeleteArchive(t.Context(), region, "a")) },
			rule.Failed, "Archive resource not found.", 0},
		{"it is cancelled", func(t *testing.T, r *bailey.Router) {
			p, err := r.Rules().CancelReplay(t.Context(), region, "again")
			if err != nil || p.State != rule.Cancelling {
				t.Errorf("got %+v, %v, want it being cancelled", p, err)
			}
			if p := replayEnded(t, r); p.State != rule.Cancelled {
				t.Errorf("got %+v, want it cancelled", p)
			}
		}, rule.Cancelled, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, s := t.TempDir(), newCollector(t)
			r := open(t, bailey.Config{Dir: dir})
			archive(t, r, "a", defaultARN, 0)
			put(t, r, order(1))
			target(t, r, "default", "one", api(t, r, "one", s.URL))
			replayStarting(t, r)
			tt.during(t, r)
			must(t, r.Close())
			r = open(t, bailey.Config{Dir: dir, ReplayStart: -1})
			p := replayEnded(t, r)
			if p.State != tt.state || p.Reason != tt.reason {
				t.Errorf("got %+v, want it %s", p, tt.state)
			}
			if last, err := r.LastReplayed(t.Context(), p); err != nil || last.IsZero() != (tt.state != rule.Completed) {
				t.Errorf("the last minute looked at is %v, %v, of a replay that is %s", last, err, p.State)
			}
			events, _, err := r.Events(t.Context(), store.EventQuery{Limit: 10})
			must(t, err)
			for _, e := range events {
				wait(t, r, e.ID)
			}
			if got := s.take(); len(got) != tt.events {
				t.Errorf("the target had %q, want %d events", got, tt.events)
			}
		})
	}
}

// A replay of nothing has still looked at the minutes of its archive, those
// at its edges as a whole; the end is exclusive. Where the archive has nothing in
// its minutes there is none.
func TestReplayOfNothing(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	r := open(t, bailey.Config{Clock: bailey.NewVirtualClock(noon)})
	a := archive(t, r, "a", defaultARN, 0)
	e := order(1)
	e.Time = noon
	put(t, r, e)
	const never = -1
	for name, tt := range map[string]struct{ from, until, want time.Duration }{
		"up-to-the-event":  {-time.Hour, 0, never},
		"behind-it":        {time.Second, 90 * time.Second, 0},
		"within-a-minute":  {10 * time.Second, 20 * time.Second, 0},
		"to-the-minute":    {time.Second, 2 * time.Minute, 0},
		"a-minute-further": {time.Minute, 2*time.Minute + time.Second, never},
	} {
		t.Run(name, func(t *testing.T) {
			p := rule.Replay{Region: region, Name: name, From: noon.Add(tt.from), Until: noon.Add(tt.until)}
			_, err := r.Rules().StartReplay(t.Context(), p, r.Rules().ArchiveARN(region, a.Name), defaultARN)
			must(t, err)
			must(t, r.Advance(t.Context(), 0))
			now, err := r.Rules().Replay(region, name)
			must(t, err)
			var want time.Time
			if tt.want != never {
				want = noon.Add(tt.want)
			}
			if last, err := r.LastReplayed(t.Context(), now); err != nil || now.State != rule.Completed || !last.Equal(want) {
				t.Errorf("the last minute looked at is %v, %v, of %+v; want %v", last, err, now, want)
			}
		})
	}
	if events, _, err := r.Events(t.Context(), store.EventQuery{Limit: 10}); err != nil || len(events) != 1 {
		t.Errorf("there are %d events, %v: something was replayed", len(events), err)
	}
}

// One who waits for an event waits for its replays too, and what a replay has
// brought to another bus is found by the id of what was replayed.
func TestReplayToAnotherBus(t *testing.T) {
	r := open(t, bailey.Config{ReplayStart: -1})
	s := newCollector(t)
	must(t, r.Rules().CreateBus(t.Context(), rule.Bus{Region: region, Name: "second"}))
	target(t, r, "second", "sink", api(t, r, "sink", s.URL))
	a := archive(t, r, "a", defaultARN, 0)
	id := put(t, r, order(1))[0]
	target(t, r, "default", "on", r.Rules().BusARN(region, "second"))
	if p := replayAll(t, r, rule.Replay{Name: "again"}, a); p.State != rule.Completed {
		t.Fatalf("got %+v, want it completed", p)
	}
	d := wait(t, r, id)
	if len(d) != 1 || d[0].Origin != id || d[0].Route.Rule != "on" {
		t.Fatalf("got %+v, want the replay's delivery to the bus", d)
	}
	replayed := d[0].Event
	if d = wait(t, r, replayed); len(d) != 2 || d[0].Route.Rule != "sink" || d[0].Event == replayed || d[0].Origin != replayed || d[1].Event != replayed {
		t.Fatalf("got %+v, want the delivery from the second bus and that to it", d)
	}
	if got := s.take(); len(got) != 1 || !strings.Contains(got[0], replayed.String()) || strings.Contains(got[0], id.String()) {
		t.Errorf("the target of the second bus had %q, want the id of what was replayed, %s", got, replayed)
	}
}

// TestBusToBus sends an event from one bus to another, which has a target of its
// own, and on from there, which it does not take.
func TestBusToBus(t *testing.T) {
	var log lines
	r := open(t, bailey.Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	s := newCollector(t)
	for _, bus := range []string{"second", "third"} {
		must(t, r.Rules().CreateBus(t.Context(), rule.Bus{Region: region, Name: bus}))
		target(t, r, bus, "sink", api(t, r, "sink", s.URL))
	}
	target(t, r, "default", "on", r.Rules().BusARN(region, "second"))
	target(t, r, "default", "nowhere", r.Rules().BusARN(region, "nope"))
	target(t, r, "default", "stranger", "arn:aws:events:us-east-1:999000999000:event-bus/second")
	target(t, r, "second", "back", defaultARN)
	target(t, r, "second", "on", r.Rules().BusARN(region, "third"))
	second := archive(t, r, "second", r.Rules().BusARN(region, "second"), 0)
	third := archive(t, r, "third", r.Rules().BusARN(region, "third"), 0)

	id := put(t, r, order(1))[0]
	deliveries := wait(t, r, id)
	got := map[string]string{}
	for _, d := range deliveries {
		if copied := d.Route.Bus != "default"; copied != (d.Event != id) || copied != (d.Origin == id) {
			t.Errorf("delivery on bus %s is of event %s, a copy of %s", d.Route.Bus, d.Event, d.Origin)
		}
		got[d.Route.Bus+"/"+d.Route.Rule] = fmt.Sprint(d.Status, " ", d.ErrorCode, " ", d.Error)
	}
	const once = "An event can be sent to an event bus target only once. This event was previously delivered to an event bus target."
	want := map[string]string{
		"default/on":       "delivered  ",
		"default/nowhere":  "delivered  ",
		"default/stranger": "dead NO_PERMISSIONS Lack of permissions to invoke cross account target.",
		"second/sink":      "delivered  ",
		"second/back":      "dead THIRD_ACCOUNT_HOP_DETECTED " + once,
		"second/on":        "dead THIRD_ACCOUNT_HOP_DETECTED " + once,
	}
	for name, outcome := range want {
		if got[name] != outcome {
			t.Errorf("%s: got %q, want %q", name, got[name], outcome)
		}
	}
	if len(deliveries) != len(want) {
		t.Errorf("got %d deliveries, want %d", len(deliveries), len(want))
	}
	view, err := r.Event(t.Context(), id)
	must(t, err)
	if bodies := s.take(); len(bodies) != 1 || bodies[0] != string(view.JSON) {
		t.Errorf("the target of the second bus was sent %q, want the event as it was put: %s", bodies, view.JSON)
	}
	if n := totals(t, r, second, third); n[0] != 1 || n[1] != 0 {
		t.Errorf("the archives of the buses hold %v events, want 1 and 0", n)
	}
	if text := log.String(); !strings.Contains(text, "an event went to an event bus that does not exist") || !strings.Contains(text, "rule=nowhere target=t event_id="+id.String()) {
		t.Errorf("the log does not say that the event went to a bus that is not there:\n%s", text)
	}
}

// lines is a log that several goroutines write.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestBusToBusOfAnotherRegion sends an event to another region, on to another
// bus there, and back, which is not allowed.
func TestBusToBusOfAnotherRegion(t *testing.T) {
	const west = "us-west-2"
	r := open(t, bailey.Config{})
	s := newCollector(t)
	sink := api(t, r, "sink", s.URL)
	for _, bus := range []string{"second", "third"} {
		must(t, r.Rules().CreateBus(t.Context(), rule.Bus{Region: west, Name: bus}))
	}
	there := func(bus, name, arn string) {
		t.Helper()
		_, err := r.Rules().PutRule(t.Context(), rule.Rule{Region: west, EventBusName: bus, Name: name, EventPattern: `{"source":["shop"]}`})
		must(t, err)
		must(t, r.Rules().PutTargets(t.Context(), west, bus, name, []rule.Target{{ID: "t", ARN: arn, RoleARN: role}}))
	}
	target(t, r, "default", "abroad", r.Rules().BusARN(west, "second"))
	there("second", "sink", strings.Replace(sink, region, west, 1))
	there("second", "on", r.Rules().BusARN(west, "third"))
	there("second", "back", defaultARN)
	there("third", "back", r.Rules().BusARN(west, "second"))

	entry := order(1)
	entry.Time = time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	id := put(t, r, entry)[0]
	// Events in another region have ids of their own, by which they settle.
	view, err := r.Event(t.Context(), id)
	must(t, err)
	for _, d := range view.Deliveries {
		if d.Event != id {
			wait(t, r, d.Event)
		}
	}
	view, err = r.Event(t.Context(), id)
	must(t, err)
	got := map[string]string{}
	for _, d := range view.Deliveries {
		if d.Event == id {
			got[d.Route.Region+"/"+d.Route.Bus+"/"+d.Route.Rule] = fmt.Sprint(d.Status, " ", d.ErrorCode)
			continue
		}
		there, err := r.Event(t.Context(), d.Event)
		must(t, err)
		for _, d := range there.Deliveries {
			got[d.Route.Region+"/"+d.Route.Bus+"/"+d.Route.Rule] = fmt.Sprint(d.Status, " ", d.ErrorCode)
		}
	}
	want := map[string]string{
		"us-east-1/default/abroad": "delivered ",
		"us-west-2/second/sink":    "delivered ",
		"us-west-2/second/on":      "delivered ",
		"us-west-2/second/back":    "dead THIRD_REGION_HOP_DETECTED",
		"us-west-2/third/back":     "dead THIRD_ACCOUNT_HOP_DETECTED",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	bodies := s.take()
	if len(bodies) != 1 {
		t.Fatalf("the target in %s was sent %q, want one event", west, bodies)
	}
	var body struct{ ID, Time, Region, Account string }
	must(t, json.Unmarshal([]byte(bodies[0]), &body))
	if now := view.Ingested.UTC().Format(time.RFC3339); body.ID == id.String() || body.Time != now || body.Region != region || body.Account != "000000000000" {
		t.Errorf("got %+v, want an id and a time of its own, and the region and account that it came from", body)
	}
}

// TestScheduleToBus lets a schedule put its event on another bus.
func TestScheduleToBus(t *testing.T) {
	r := open(t, bailey.Config{Clock: bailey.NewVirtualClock(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))})
	must(t, r.Rules().CreateBus(t.Context(), rule.Bus{Region: region, Name: "second"}))
	a := archive(t, r, "a", r.Rules().BusARN(region, "second"), 0)
	_, err := r.Rules().PutRule(t.Context(), rule.Rule{Region: region, Name: "often", ScheduleExpression: "rate(1 minute)"})
	must(t, err)
	must(t, r.Rules().PutTargets(t.Context(), region, "", "often", []rule.Target{{ID: "t", ARN: r.Rules().BusARN(region, "second"), RoleARN: role}}))
	must(t, r.Advance(t.Context(), 10*time.Minute))
	if n := totals(t, r, a); n[0] != 10 {
		t.Errorf("the bus was given %d events in ten minutes, want 10", n[0])
	}
}

// TestArchivedWithTheEvent holds that an archive's count is right as soon as
// PutEvents has answered, and after the process ends.
func TestArchivedWithTheEvent(t *testing.T) {
	dir := t.TempDir()
	r := open(t, bailey.Config{Dir: dir})
	a := archive(t, r, "a", defaultARN, 0)
	for i := range 3 {
		put(t, r, order(i))
		if n := totals(t, r, a); n[0] != int64(i+1) {
			t.Errorf("after %d events the archive holds %d", i+1, n[0])
		}
	}
	must(t, r.Close())
	r = open(t, bailey.Config{Dir: dir})
	if n := totals(t, r, a); n[0] != 3 {
		t.Errorf("after a restart the archive holds %d events, want 3", n[0])
	}
	put(t, r, order(3))
	if n := totals(t, r, a); n[0] != 4 {
		t.Errorf("the archive's rule is not there after a restart: it holds %d events, want 4", n[0])
	}
	deliveries, _, err := r.Deliveries(t.Context(), store.Query{})
	if err != nil || len(deliveries) != 0 {
		t.Errorf("an archive's rule has deliveries: %+v, %v", deliveries, err)
	}
}
