package bailey_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bailey"
	"bailey/internal/request"
	"bailey/internal/rule"
	"bailey/internal/store"
)

// arrivals is a REST API that keeps the router's time at which requests came.
type arrivals struct {
	mu  sync.Mutex
	at  []time.Duration // since newYear
	url string
}

func newArrivals(t testing.TB, r **bailey.Router, answer func(w http.ResponseWriter, n int)) *arrivals {
	a := new(arrivals)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		a.mu.Lock()
		a.at = append(a.at, (*r).Now().Sub(newYear))
		n := len(a.at)
		a.mu.Unlock()
		if answer != nil {
			answer(w, n)
		}
	}))
	t.Cleanup(server.Close)
	a.url = server.URL
	return a
}

func (a *arrivals) times() []time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.at)
}

func openVirtual(t testing.TB) *bailey.Router {
	t.Helper()
	return open(t, bailey.Config{Clock: bailey.NewVirtualClock(newYear)})
}

func status(t testing.TB, r *bailey.Router, id bailey.ID) store.Delivery {
	t.Helper()
	view, err := r.Event(t.Context(), id)
	if err != nil || len(view.Deliveries) != 1 {
		t.Fatalf("event %s: %+v, %v", id, view, err)
	}
	return view.Deliveries[0]
}

// A rate limit is kept in the clock's time: what waits for its turn is not due,
// so the clock does not wait for it.
func TestAdvanceThroughRateLimit(t *testing.T) {
	const events = 100
	var r *bailey.Router
	api := newArrivals(t, &r, nil)
	r = openVirtual(t)
	route(t, r, "orders", api.url, nil)
	if err := r.Rules().PutAPI(t.Context(), &request.API{ID: "orders", URL: api.url, RateLimitPerSecond: 0.5}); err != nil {
		t.Fatal(err)
	}
	for i := range events {
		put(t, r, order(i))
	}
	advance(t, r, 0)
	if got := api.times(); !slices.Equal(got, []time.Duration{0}) {
		t.Errorf("requests at %v before the clock was moved, want one at 0", got)
	}
	advance(t, r, (2*events-3)*time.Second)
	if got := len(api.times()); got != events-1 {
		t.Errorf("%d requests, want all but the last", got)
	}
	advance(t, r, time.Second)
	for i, at := range api.times() {
		if want := time.Duration(2*i) * time.Second; at != want {
			t.Errorf("request %d came at %v, want %v", i+1, at, want)
		}
	}
	if got := len(api.times()); got != events {
		t.Errorf("%d requests, want %d", got, events)
	}
}

// The clock waits for a request that hangs, until its time limit is over.
func TestAdvanceWaitsForHangingRequests(t *testing.T) {
	var r *bailey.Router
	release := make(chan struct{})
	api := newArrivals(t, &r, func(_ http.ResponseWriter, n int) {
		if n == 1 {
			<-release
		}
	})
	defer close(release)
	r = openVirtual(t)
	route(t, r, "orders", api.url, nil)
	if err := r.Rules().PutAPI(t.Context(), &request.API{ID: "orders", URL: api.url, TimeoutSeconds: 0.2}); err != nil {
		t.Fatal(err)
	}
	id := put(t, r, order(1))[0]
	began := time.Now()
	advance(t, r, 0)
	if took := time.Since(began); took < 190*time.Millisecond {
		t.Errorf("the clock waited for %v, want 200ms", took)
	}
	if d := status(t, r, id); d.ErrorCode != "TIMEOUT" || !d.At.Equal(newYear) {
		t.Errorf("got %+v, want a timeout at the moment at which the clock stands", d)
	}
	advance(t, r, 2*time.Second)
	if d := status(t, r, id); d.Status != store.Delivered || d.Attempts != 2 {
		t.Errorf("got %+v, want it delivered by its second attempt", d)
	}
}

// A caller who goes away leaves the clock where it is; the next one goes on
// from there, and nothing happens twice.
func TestAdvanceIsCancelled(t *testing.T) {
	var r *bailey.Router
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	api := newArrivals(t, &r, func(_ http.ResponseWriter, n int) {
		if n == 50 {
			cancel()
		}
	})
	r = openVirtual(t)
	scheduled(t, r, "ticks", "rate(1 minute)", api.url)
	if err := r.Advance(ctx, 100*time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	if at := r.Now().Sub(newYear); at != 50*time.Minute {
		t.Errorf("the clock stands at %v, want 50m", at)
	}
	advance(t, r, 50*time.Minute)
	got := api.times()
	for i, at := range got {
		if at != time.Duration(i+1)*time.Minute {
			t.Errorf("tick %d came at %v", i+1, at)
		}
	}
	if len(got) != 100 {
		t.Errorf("%d ticks, want 100", len(got))
	}
}

// The clock moves on although events are put without end, and an API that puts
// events while it is called is waited for.
func TestAdvanceWhileEventsArePut(t *testing.T) {
	var r *bailey.Router
	var follow atomic.Int64
	chain := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		if strings.HasSuffix(req.URL.Path, "/ticks") {
			follow.Add(1)
			put(t, r, bailey.Entry{Source: "follow-up", DetailType: "x", Detail: []byte(`{}`)})
		}
	}))
	defer chain.Close()
	r = openVirtual(t)
	scheduled(t, r, "ticks", "rate(1 hour)", chain.URL)
	route(t, r, "orders", chain.URL, nil)

	stop := make(chan struct{})
	var putters sync.WaitGroup
	var mu sync.Mutex
	var ids []bailey.ID
	for range 4 {
		putters.Go(func() {
			for {
				got := put(t, r, order(1))
				mu.Lock()
				ids = append(ids, got...)
				mu.Unlock()
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	advance(t, r, 12*time.Hour)
	close(stop)
	putters.Wait()
	if n := follow.Load(); n != 12 {
		t.Errorf("%d ticks were followed up, want 12", n)
	}
	advance(t, r, 0)
	for _, id := range ids {
		if d := status(t, r, id); d.Status != store.Delivered {
			t.Fatalf("got %+v, want it delivered", d)
		}
	}
	t.Logf("%d events were put meanwhile", len(ids))
}

// Several callers move the clock one after the other.
func TestAdvanceTogether(t *testing.T) {
	var r *bailey.Router
	api := newArrivals(t, &r, nil)
	r = openVirtual(t)
	scheduled(t, r, "ticks", "rate(1 minute)", api.url)
	var callers sync.WaitGroup
	for range 5 {
		callers.Go(func() { advance(t, r, 10*time.Minute) })
	}
	callers.Wait()
	if at := r.Now().Sub(newYear); at != 50*time.Minute || len(api.times()) != 50 {
		t.Errorf("the clock stands at %v after %d ticks, want 50m and 50", at, len(api.times()))
	}
}

func TestAdvanceByWhatCannotBe(t *testing.T) {
	r := openVirtual(t)
	for _, d := range []time.Duration{-1, -time.Hour, 1<<63 - 1} {
		_, ok := errors.AsType[*bailey.ClockRangeError](r.Advance(t.Context(), d))
		if !ok || !r.Now().Equal(newYear) {
			t.Errorf("by %v: refused: %v, the clock stands at %v", d, ok, r.Now())
		}
	}
	if err := open(t, bailey.Config{}).Advance(t.Context(), time.Hour); !errors.Is(err, bailey.ErrRealClock) {
		t.Errorf("got %v, want that the clock is the machine's", err)
	}
}

// 173 years are as nothing if nothing happens in them.
func TestAdvanceToTheEndOfSchedules(t *testing.T) {
	var r *bailey.Router
	api := newArrivals(t, &r, nil)
	r = openVirtual(t)
	scheduled(t, r, "once", "cron(59 23 31 12 ? 2199)", api.url)
	at := time.Date(2199, 12, 31, 23, 59, 0, 0, time.UTC)
	began := time.Now()
	advance(t, r, at.Sub(newYear)-time.Second)
	if got := api.times(); len(got) != 0 {
		t.Errorf("it ticked early, at %v", got)
	}
	advance(t, r, 24*time.Hour)
	if got := api.times(); len(got) != 1 || got[0] != at.Sub(newYear) {
		t.Errorf("ticks at %v, want one at %v", got, at.Sub(newYear))
	}
	t.Logf("174 years took %v", time.Since(began))
}

// A paused endpoint holds nothing up; what waits for it ends when it is too old.
func TestAdvanceWithPausedEndpoint(t *testing.T) {
	var r *bailey.Router
	api := newArrivals(t, &r, nil)
	r = openVirtual(t)
	route(t, r, "orders", api.url, nil)
	endpoint := store.Endpoint{API: "orders"}
	if err := r.Pause(t.Context(), endpoint); err != nil {
		t.Fatal(err)
	}
	old := put(t, r, order(1))[0]
	began := time.Now()
	advance(t, r, 25*time.Hour)
	t.Logf("25 hours with a paused endpoint took %v", time.Since(began))
	if d := status(t, r, old); d.Status != store.Dead || d.At.Sub(newYear) > 24*time.Hour+time.Minute {
		t.Errorf("got %+v, want it dead after 24 hours", d)
	}
	young := put(t, r, order(2))[0]
	advance(t, r, time.Hour)
	if err := r.Resume(t.Context(), endpoint); err != nil {
		t.Fatal(err)
	}
	advance(t, r, 0)
	if d := status(t, r, young); d.Status != store.Delivered {
		t.Errorf("got %+v, want it delivered", d)
	}
	if got := api.times(); !slices.Equal(got, []time.Duration{26 * time.Hour}) {
		t.Errorf("requests at %v, want one at 26h", got)
	}
}

// A router that is closed while its clock is moved says so.
func TestCloseWhileAdvancing(t *testing.T) {
	var r *bailey.Router
	reached := make(chan struct{})
	api := newArrivals(t, &r, func(_ http.ResponseWriter, n int) {
		if n == 20 {
			close(reached)
		}
	})
	r = openVirtual(t)
	scheduled(t, r, "ticks", "rate(1 minute)", api.url)
	failed := make(chan error)
	go func() { failed <- r.Advance(context.Background(), 365*24*time.Hour) }()
	<-reached
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := <-failed; !errors.Is(err, store.ErrClosed) {
		t.Errorf("got %v, want that the router is closed", err)
	}
}

// Where the clock stood is kept in the data folder, and it never goes back.
func TestClockGoesOn(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	reopen := func(at time.Time) *bailey.Router {
		t.Helper()
		return open(t, bailey.Config{Dir: dir, Clock: bailey.NewVirtualClock(at)})
	}
	end := func(r *bailey.Router) {
		t.Helper()
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	before := time.Now()
	r := reopen(time.Time{}) // a new folder: the machine's time
	if now := r.Now(); now.Before(before) || now.After(time.Now()) {
		t.Errorf("the clock of a new folder stands at %v", now)
	}
	begun := r.Now()
	advance(t, r, 36*time.Hour+time.Nanosecond)
	end(r)
	r = reopen(time.Time{})
	if got := r.Now().Sub(begun); got != 36*time.Hour+time.Nanosecond {
		t.Errorf("the clock went on %v after it began, want 36h0m0.000000001s", got)
	}
	stood := r.Now()
	end(r)
	_, err := bailey.Open(t.Context(), bailey.Config{Dir: dir, Clock: bailey.NewVirtualClock(stood.Add(-1))})
	if _, ok := errors.AsType[*bailey.ClockRangeError](err); !ok {
		t.Errorf("going back: %v", err)
	}
	r = reopen(stood.Add(time.Hour))
	if got := r.Now(); !got.Equal(stood.Add(time.Hour)) {
		t.Errorf("the clock stands at %v, want where it was told to", got)
	}
	end(r)
	r = open(t, bailey.Config{Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))})
	end(r)
	if !strings.Contains(log.String(), "virtual clock, which is ahead") {
		t.Errorf("the machine's clock in such a folder: the log says %q", &log)
	}
	for _, at := range []time.Time{time.Unix(-1, 0), time.Date(2263, 1, 1, 0, 0, 0, 0, time.UTC)} {
		_, err := bailey.Open(t.Context(), bailey.Config{Dir: t.TempDir(), Clock: bailey.NewVirtualClock(at)})
		if _, ok := errors.AsType[*bailey.ClockRangeError](err); !ok {
			t.Errorf("at %v: %v", at, err)
		}
	}
}

// Many events of which each is tried for two hours: most of that time, the
// circuit is open.
func TestAdvanceThroughManyRetries(t *testing.T) {
	var r *bailey.Router
	api := newArrivals(t, &r, func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusServiceUnavailable) })
	r = openVirtual(t)
	route(t, r, "orders", api.url, func(to *rule.Target) { to.RetryPolicy = &rule.RetryPolicy{MaximumEventAgeInSeconds: new(7200)} })
	var ids []bailey.ID
	for i := range 30 {
		var entries []bailey.Entry
		for j := range 10 {
			entries = append(entries, order(10*i+j))
		}
		ids = append(ids, put(t, r, entries...)...)
	}
	began := time.Now()
	advance(t, r, 3*time.Hour)
	t.Logf("3 hours took %v and %d requests", time.Since(began), len(api.times()))
	for _, id := range ids {
		if d := status(t, r, id); d.Status != store.Dead || d.At.Sub(newYear) < 110*time.Minute {
			t.Fatalf("got %+v, want it dead after two hours", d)
		}
	}
}

// The event of a schedule goes to its own rule's targets, and there once, though
// the rule's pattern matches it, and to those of every other rule of its region
// that matches it.
func TestScheduledEventsGoToAllThatMatch(t *testing.T) {
	rec := newRecorder(t)
	r := openVirtual(t)
	ctx := t.Context()
	if err := r.Rules().PutAPI(ctx, &request.API{ID: "ticks", URL: rec.URL}); err != nil {
		t.Fatal(err)
	}
	const eu = "eu-west-1"
	target := func(region, id string, change func(*rule.Target)) rule.Target {
		to := rule.Target{ID: id, ARN: fmt.Sprintf("arn:aws:execute-api:%s:000000000000:ticks/prod/POST/%s", region, id)}
		if change != nil {
			change(&to)
		}
		return to
	}
	for _, rl := range []struct {
		region, name, pattern, schedule string
		targets                         []rule.Target
	}{
		{"us-east-1", "both", `{"source": ["aws.events", "shop"]}`, "rate(1 hour)", []rule.Target{
			target("us-east-1", "as-it-is", nil),
			target("us-east-1", "constant", func(to *rule.Target) { to.Input = new(`{"constant": 1.0}`) }),
			target("us-east-1", "made", func(to *rule.Target) {
				to.InputTransformer = &rule.InputTransformer{
					InputPathsMap: map[string]string{"at": "$.time", "by": "$.resources[0]"},
					InputTemplate: `{"at": <at>, "by": <by>, "rule": "<aws.events.rule-name>"}`,
				}
			}),
		}},
		{"us-east-1", "listener", `{"source": ["aws.events"]}`, "", []rule.Target{target("us-east-1", "listener", nil)}},
		{eu, "abroad", "", "rate(1 hour)", []rule.Target{target(eu, "abroad", nil)}},
		{eu, "listener", `{"detail-type": ["Scheduled Event"]}`, "", []rule.Target{target(eu, "listener", nil)}},
	} {
		_, err := r.Rules().PutRule(ctx, rule.Rule{Region: rl.region, Name: rl.name, EventPattern: rl.pattern, ScheduleExpression: rl.schedule})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Rules().PutTargets(ctx, rl.region, "default", rl.name, rl.targets); err != nil {
			t.Fatal(err)
		}
	}
	bodies := func() []string {
		rec.mu.Lock()
		defer rec.mu.Unlock()
		var all []string
		for _, e := range rec.events {
			text := string(e)
			if i := strings.Index(text, `"id":"`); i >= 0 {
				text = text[:i] + text[i+len(`"id":"00000000-0000-0000-0000-000000000000",`):]
			}
			all = append(all, text)
		}
		rec.events = nil
		slices.Sort(all)
		return all
	}
	envelope := func(region, name string) string {
		return `{"version":"0","detail-type":"Scheduled Event","source":"aws.events","account":"000000000000","time":"2026-01-01T01:00:00Z","region":"` +
			region + `","resources":["arn:aws:events:` + region + `:000000000000:rule/` + name + `"],"detail":{}}`
	}
	advance(t, r, time.Hour)
	want := []string{
		`{"at": "2026-01-01T01:00:00Z", "by": "arn:aws:events:us-east-1:000000000000:rule/both", "rule": "both"}`,
		`{"constant": 1.0}`,
		envelope(eu, "abroad"), envelope(eu, "abroad"), // the second is the listener's
		envelope("us-east-1", "both"), envelope("us-east-1", "both"),
	}
	if got := bodies(); !slices.Equal(got, want) {
		t.Errorf("an hour brought\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	put(t, r, order(1))
	advance(t, r, 0)
	if got := bodies(); len(got) != 3 || !strings.Contains(got[2], `"source":"shop"`) {
		t.Errorf("an event that the rule's pattern matches brought\n%s\nwant it at the rule's three targets", strings.Join(got, "\n"))
	}

	if err := r.Rules().CreateBus(ctx, rule.Bus{Region: "us-east-1", Name: "shop"}); err != nil {
		t.Fatal(err)
	}
	_, err := r.Rules().PutRule(ctx, rule.Rule{Region: "us-east-1", EventBusName: "shop", Name: "r", ScheduleExpression: "rate(1 hour)"})
	if err == nil || err.Error() != "ScheduleExpression is supported only on the default event bus." {
		t.Errorf("a schedule on another bus: %v", err)
	}
}
