package deliver

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bailey/internal/event"
	"bailey/internal/request"
	"bailey/internal/store"
)

// gauge counts what is under way, and the most that ever was.
type gauge struct{ now, most atomic.Int64 }

func (g *gauge) enter() {
	n := g.now.Add(1)
	for {
		if m := g.most.Load(); n <= m || g.most.CompareAndSwap(m, n) {
			return
		}
	}
}

func (g *gauge) leave() { g.now.Add(-1) }

func numbered(n int) []string {
	details := make([]string, n)
	for i := range details {
		details[i] = fmt.Sprintf(`{"n": %d}`, i)
	}
	return details
}

// once fails the test unless each event arrived exactly once.
func (b *inbox) once(t *testing.T, ids []event.ID) {
	t.Helper()
	times := map[string]int{}
	for _, a := range b.arrivals() {
		times[a.key]++
	}
	for _, id := range ids {
		if n := times[id.String()+"/0"]; n != 1 {
			t.Errorf("event %s arrived %d times, want once", id, n)
		}
	}
	if len(times) != len(ids) {
		t.Errorf("%d events arrived, want %d", len(times), len(ids))
	}
}

// atRest fails the test if anything is still on an account when nothing is
// under way.
func (w *world) atRest() {
	w.t.Helper()
	synctest.Wait()
	if q, b, f := w.d.queued.Load(), w.d.queuedBytes.Load(), w.d.inFlight.Load(); q != 0 || b != 0 || f != 0 {
		w.t.Errorf("at rest: %d deliveries and %d bytes in memory, %d requests under way; want none", q, b, f)
	}
	for key, e := range w.d.endpoints {
		if e.workers != 0 || e.places != 0 || e.bytes != 0 || e.shares != (shares{turn: e.shares.turn, known: e.shares.known}) {
			w.t.Errorf("at rest: %v has %d workers, %d places, %d bytes, and %+v", key, e.workers, e.places, e.bytes, e.shares)
		}
	}
	for key, r := range w.d.routes {
		if r.places != 0 || r.bytes != 0 || len(r.parked) != 0 || r.inMemory() != 0 || r.inFlight != 0 || r.inRing {
			w.t.Errorf("at rest: %v has %d places, %d bytes, %d parked, %d in memory, %d under way", key, r.places, r.bytes, len(r.parked), r.inMemory(), r.inFlight)
		}
	}
}

// An endpoint has as many requests under way as it may, and never more; also
// when its registration changes, and whether events come from memory or from
// the store.
func TestConcurrency(t *testing.T) {
	for _, tt := range []struct {
		name   string
		max    int
		queued int // that fit in memory
		events int
		want   int64
	}{
		{"one at a time", 1, 8192, 20, 1},
		{"three", 3, 8192, 100, 3},
		{"three, most of them through the store", 3, 5, 600, 3},
		{"the default", 0, 8192, 200, defaultConcurrency},
		{"fewer events than it may have", 50, 8192, 7, 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, Config{MaxQueued: tt.queued}, func(t *testing.T, w *world) {
				var g gauge
				box := &inbox{answer: func(int, http.ResponseWriter, *http.Request) {
					g.enter()
					time.Sleep(time.Second)
					g.leave()
				}}
				w.network.serve("api", box.ServeHTTP)
				w.api(request.API{ID: "api", MaxConcurrency: tt.max})
				w.target("api")
				ids := w.put("api", numbered(tt.events)...)
				w.delivered()
				if got := g.most.Load(); got != tt.want {
					t.Errorf("%d requests were under way at once, want %d", got, tt.want)
				}
				box.once(t, ids)
				w.atRest()
			})
		})
	}
}

func TestConcurrencyChanges(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		var g gauge
		box := &inbox{answer: func(int, http.ResponseWriter, *http.Request) {
			g.enter()
			time.Sleep(time.Second)
			g.leave()
		}}
		w.network.serve("api", box.ServeHTTP)
		w.api(request.API{ID: "api", MaxConcurrency: 8})
		w.target("api")
		ids := w.put("api", numbered(200)...)
		time.Sleep(3500 * time.Millisecond)
		if n := g.now.Load(); n != 8 {
			t.Errorf("%d under way, want 8", n)
		}
		w.api(request.API{ID: "api", MaxConcurrency: 2})
		time.Sleep(3 * time.Second)
		if n := g.now.Load(); n != 2 {
			t.Errorf("%d under way after the limit was lowered, want 2", n)
		}
		w.api(request.API{ID: "api", MaxConcurrency: 16})
		time.Sleep(2 * time.Second)
		if n := g.now.Load(); n != 16 {
			t.Errorf("%d under way after the limit was raised, want 16", n)
		}
		w.delivered()
		box.once(t, ids)
		w.atRest()
	})
}

// A rate limit spreads requests evenly and lets none through early.
func TestRateLimit(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		box := new(inbox)
		w.network.serve("api", box.ServeHTTP)
		w.api(request.API{ID: "api", RateLimitPerSecond: 5})
		w.target("api")
		ids := w.put("api", numbered(51)...)
		w.delivered()
		came := box.arrivals()
		for i := 1; i < len(came); i++ {
			if gap := came[i].at.Sub(came[i-1].at); gap != 200*time.Millisecond {
				t.Errorf("request %d came %v after the one before, want 200ms", i+1, gap)
			}
		}
		box.once(t, ids)
		if n := w.metric("bailey_throttled_rules_total", "api"); n != "50" {
			t.Errorf("ThrottledRules is %s, want 50", n)
		}
		w.atRest()
	})
}

// Fresh deliveries and those from the store take turns.
func TestTurns(t *testing.T) {
	const queued = 10
	bubble(t, Config{MaxQueued: queued}, func(t *testing.T, w *world) {
		box := &inbox{answer: func(int, http.ResponseWriter, *http.Request) { time.Sleep(100 * time.Millisecond) }}
		w.network.serve("api", box.ServeHTTP)
		w.api(request.API{ID: "api", MaxConcurrency: 1})
		w.target("api")
		ids := w.put("api", numbered(2*queued)...) // the first half in memory, the second in the store
		fresh := map[string]bool{}
		for _, id := range ids[:queued] {
			fresh[id.String()+"/0"] = true
		}
		w.delivered()
		var order strings.Builder
		for _, a := range box.arrivals() {
			if fresh[a.key] {
				order.WriteByte('f')
			} else {
				order.WriteByte('s')
			}
		}
		// The first goes before the store has been read.
		if want := "f" + strings.Repeat("sf", queued-1) + "s"; order.String() != want {
			t.Errorf("order %s, want %s", order.String(), want)
		}
		box.once(t, ids)
		w.atRest()
	})
}

// What does not fit in memory waits in the store, and memory stays within its
// bounds.
func TestOverflow(t *testing.T) {
	const queued, events = 50, 1200
	bubble(t, Config{MaxQueued: queued}, func(t *testing.T, w *world) {
		var most int64
		box := &inbox{answer: func(int, http.ResponseWriter, *http.Request) { time.Sleep(50 * time.Millisecond) }}
		w.network.serve("api", func(rw http.ResponseWriter, r *http.Request) {
			box.ServeHTTP(rw, r)
			box.mu.Lock()
			most = max(most, w.d.Queued())
			box.mu.Unlock()
		})
		w.api(request.API{ID: "api"})
		w.target("api")
		var ids []event.ID
		for range events / 100 {
			ids = append(ids, w.put("api", numbered(100)...)...)
		}
		w.delivered()
		if most > queued+firstWindow {
			t.Errorf("%d deliveries waited in memory, want at most %d", most, queued+firstWindow)
		}
		box.once(t, ids)
		w.atRest()
	})
}

// Endpoints that hang never have all the requests that may be under way: half of
// them the first, a third each where there are two, and so on.
func TestRequestsAreShared(t *testing.T) {
	bubble(t, Config{MaxInFlight: 6}, func(t *testing.T, w *world) {
		stuck := map[string]*inbox{"first": nil, "second": nil}
		for name := range stuck {
			stuck[name] = &inbox{answer: func(_ int, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }}
			w.network.serve(name, stuck[name].ServeHTTP)
			w.api(request.API{ID: name})
			w.target(name, retries(0, -1))
		}
		healthy := new(inbox)
		w.network.serve("healthy", healthy.ServeHTTP)
		w.api(request.API{ID: "healthy"})
		w.target("healthy")
		for _, name := range []string{"first", "second"} {
			w.put(name, numbered(8)...)
			synctest.Wait()
		}
		began := time.Now()
		ids := w.put("healthy", numbered(50)...)
		w.delivered("healthy")
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("the healthy endpoint had its events after %v", took)
		}
		healthy.once(t, ids)
		if first, second := len(stuck["first"].arrivals()), len(stuck["second"].arrivals()); first != 3 || second != 2 {
			t.Errorf("%d and %d requests hang, want 3 and 2 of 6", first, second)
		}
	})
}

// One endpoint that never answers does not hold up another: all that is for
// the healthy one arrives while the other is still at its first requests.
func TestHangingNeighbour(t *testing.T) {
	for _, tt := range []struct {
		name  string
		bytes int // of each event for the hanging endpoint
		cfg   Config
	}{
		{"many events", 10, Config{}},
		{"as much as memory takes", 16 << 10, Config{MaxQueuedBytes: 4 << 20}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, tt.cfg, func(t *testing.T, w *world) {
				const events = 150
				stuck := &inbox{answer: func(_ int, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }}
				healthy := new(inbox)
				w.network.serve("stuck", stuck.ServeHTTP)
				w.network.serve("healthy", healthy.ServeHTTP)
				w.api(request.API{ID: "stuck"})
				w.api(request.API{ID: "healthy"})
				w.target("stuck", retries(0, -1))
				w.target("healthy")
				long := fmt.Sprintf(`{"long": %q}`, strings.Repeat("x", tt.bytes))
				var ids []event.ID
				began := time.Now()
				for i := range events {
					w.put("stuck", long, long)
					ids = append(ids, w.put("healthy", numbered(1)...)...)
					if i%50 == 49 {
						synctest.Wait()
					}
				}
				w.delivered("healthy")
				if took := time.Since(began); took > 3*time.Second {
					t.Errorf("the healthy endpoint had its events after %v", took)
				}
				if n := len(stuck.arrivals()); n != firstLimit {
					t.Errorf("the hanging endpoint had %d requests in that time, want %d", n, firstLimit)
				}
				healthy.once(t, ids)
				// None of them had to go through the store to find room.
				for _, id := range ids {
					if d := w.delivery(id); d.At.Sub(d.Ingested) > 100*time.Millisecond {
						t.Errorf("a delivery of the healthy endpoint took %v", d.At.Sub(d.Ingested))
					}
				}
			})
		})
	}
}

// One endpoint, however large its events, leaves room in memory for another's.
func TestMemoryIsShared(t *testing.T) {
	bubble(t, Config{MaxQueuedBytes: 1 << 20}, func(t *testing.T, w *world) {
		w.api(request.API{ID: "greedy"})
		w.api(request.API{ID: "other"})
		w.target("greedy")
		w.target("other")
		admit := func(source string, size int) bool {
			now := time.Now()
			e := event.New(w.ids.New(now), &event.Entry{Source: source, DetailType: "d", Detail: fmt.Appendf(nil, `{"x": %q}`, strings.Repeat("x", size))}, "000000000000", testRegion, now)
			a := w.d.Admit(e, testRegion, "default", w.rules.AppendRoutes(nil, testRegion, "default", e.JSON))
			return !a.Record.Deliveries[0].Parked
		}
		took := 0
		for range 100 {
			if admit("greedy", 50<<10) {
				took++
			}
		}
		if took < 5 || took == 100 {
			t.Errorf("memory took %d of 100 events of 50 KiB, want some", took)
		}
		for i := range 100 {
			if !admit("other", 1000) {
				t.Fatalf("there was no room for event %d of 1 KiB for another endpoint", i+1)
			}
		}
	})
}

// A crowd of deliveries that fail at random and are tried again, through a
// queue that is mostly in the store: each attempt is made once, in order, and
// none is lost. This is where a delivery that the loader reads while its
// outcome is being committed would be made twice.
func TestEachAttemptOnce(t *testing.T) {
	const events = 400
	bubble(t, Config{MaxQueued: 50}, func(t *testing.T, w *world) {
		box := &inbox{answer: func(n int, rw http.ResponseWriter, _ *http.Request) {
			if rand.IntN(3) == 0 {
				time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond)
			}
			if rand.IntN(10) < 6 {
				rw.WriteHeader(http.StatusInternalServerError)
			}
		}}
		w.network.serve("api", box.ServeHTTP)
		w.api(request.API{ID: "api", MaxConcurrency: 20})
		w.target("api", retries(185, 86400))
		var ids []event.ID
		for range events / 100 {
			ids = append(ids, w.put("api", numbered(100)...)...)
			time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond)
		}
		expected := map[string]int{}
		for _, id := range ids {
			d := w.ended(id)
			if d.Status != store.Delivered {
				t.Fatalf("got %+v", d)
			}
			expected[id.String()+"/0"] = d.Attempts
		}
		next := map[string]int{}
		for _, a := range box.arrivals() {
			next[a.key]++
			if want := fmt.Sprint(next[a.key]); a.attempt != want {
				t.Errorf("%s: attempt %s came, want %s", a.key, a.attempt, want)
			}
		}
		for key, n := range expected {
			if next[key] != n {
				t.Errorf("%s: %d requests for %d attempts", key, next[key], n)
			}
		}
		w.atRest()
	})
}

// The same against the machine's clock and disk, where commits take time, and
// without waits in between: what waits is moved from one queue to another and
// back all the while.
func TestEachAttemptOnceAgainstTheClock(t *testing.T) {
	const events, rounds = 300, 4
	w := newWorld(t, Config{MaxQueued: 20})
	box := &inbox{answer: func(int, http.ResponseWriter, *http.Request) {}}
	w.network.serve("api", box.ServeHTTP)
	w.network.serve("elsewhere", box.ServeHTTP)
	// The registration says whether the stage has a place, and so a queue, of
	// its own. Each change of that moves what waits from one queue to the
	// other, through the store.
	one := request.API{ID: "api", URL: "http://api", MaxConcurrency: 4}
	two := request.API{ID: "api", URL: "http://api", MaxConcurrency: 4, Stages: map[string]request.Stage{"prod": {URL: "http://elsewhere"}}}
	w.api(one)
	w.target("api")
	stop := make(chan struct{})
	var moving sync.WaitGroup
	moving.Go(func() {
		for {
			for _, api := range []request.API{two, one} {
				if err := w.rules.PutAPI(context.Background(), &api); err != nil {
					t.Error(err)
					return
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		}
	})
	var ids []event.ID
	for range rounds {
		ids = append(ids, w.put("api", numbered(events)...)...)
	}
	for _, id := range ids {
		if d := w.ended(id); d.Status != store.Delivered || d.Attempts != 1 {
			t.Fatalf("got %+v, want delivered at the first attempt", d)
		}
	}
	close(stop)
	moving.Wait()
	box.once(t, ids)
}

// Nobody waits for an endpoint's turn who could not be sent anyway: the queue
// is in the order in which events came.
func TestOrderOfOneQueue(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		box := new(inbox)
		w.network.serve("api", box.ServeHTTP)
		w.api(request.API{ID: "api", MaxConcurrency: 1})
		w.target("api")
		ids := w.put("api", numbered(100)...)
		w.delivered()
		var want, got []string
		for _, id := range ids {
			want = append(want, id.String()+"/0")
		}
		for _, a := range box.arrivals() {
			got = append(got, a.key)
		}
		if !slices.Equal(got, want) {
			t.Errorf("one connection at a time, and yet the order is not that of the events")
		}
	})
}
