package deliver

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"bailey/internal/event"
	"bailey/internal/request"
	"bailey/internal/store"
)

// reopen ends the process within grace and starts it again. It returns how
// long the end took.
func (w *world) reopen(grace time.Duration) time.Duration {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	began := time.Now()
	w.close(ctx)
	took := time.Since(began)
	w.open()
	return took
}

// X9: a request that ends within the grace time is not made again; one that
// does not is cut off and made again, the same in everything.
func TestStop(t *testing.T) {
	for _, tt := range []struct {
		name     string
		takes    time.Duration // the first request
		grace    time.Duration
		stops    time.Duration
		requests int
	}{
		{"finishes within the grace time", 3 * time.Second, 10 * time.Second, 3 * time.Second, 1},
		{"is cut off", 4 * time.Second, 2 * time.Second, 2 * time.Second, 2},
		{"no grace at all", 4 * time.Second, 0, 0, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, Config{}, func(t *testing.T, w *world) {
				box := &inbox{answer: func(n int, _ http.ResponseWriter, r *http.Request) {
					if n == 1 {
						select {
						case <-time.After(tt.takes):
						case <-r.Context().Done():
						}
					}
				}}
				w.network.serve("api", box.ServeHTTP)
				w.api(request.API{ID: "api", MaxConcurrency: 1})
				w.target("api")
				ids := []event.ID{w.one("api"), w.one("api"), w.one("api")}
				time.Sleep(100 * time.Millisecond)
				if took := w.reopen(tt.grace); took > tt.stops {
					t.Errorf("stopping took %v, want %v", took, tt.stops)
				}
				for _, id := range ids {
					if d := w.ended(id); d.Status != store.Delivered || d.Attempts != 1 {
						t.Errorf("got %+v, want delivered at its first attempt", d)
					}
				}
				came := box.arrivals()
				if len(came) != 2+tt.requests {
					t.Errorf("%d requests, want %d", len(came), 2+tt.requests)
				}
				first := came[0]
				for _, a := range came[:tt.requests] {
					if a.key != first.key || a.attempt != "1" || a.body != first.body || a.path != first.path {
						t.Errorf("request %+v is not the same as the first, %+v", a, first)
					}
				}
			})
		})
	}
}

// X9: what waits for its turn, for its time or for room in memory keeps nobody
// from stopping, and is not lost.
func TestStopWithMuchWaiting(t *testing.T) {
	bubble(t, Config{MaxQueued: 50}, func(t *testing.T, w *world) {
		limited, failing := new(inbox), &inbox{answer: status(500, 500, 500, 200)}
		w.network.serve("limited", limited.ServeHTTP)
		w.network.serve("failing", failing.ServeHTTP)
		w.api(request.API{ID: "limited", RateLimitPerSecond: 1})
		w.api(request.API{ID: "failing", MaxConcurrency: 1})
		w.target("limited")
		w.target("failing")
		ids := append(w.put("limited", numbered(200)...), w.put("failing", numbered(20)...)...)
		for range 5 {
			time.Sleep(200 * time.Millisecond)
			if took := w.reopen(10 * time.Second); took > 100*time.Millisecond {
				t.Errorf("stopping took %v with no request under way", took)
			}
		}
		w.delivered()
		limited.once(t, ids[:200])
		if n := len(failing.arrivals()); n != 23 {
			t.Errorf("%d requests to the failing API, want 20 and 3 retries", n)
		}
	})
}

// Events that come while the dispatcher stops are kept for the next start.
func TestPutWhileStopping(t *testing.T) {
	w := newWorld(t, Config{})
	box := new(inbox)
	w.network.serve("api", box.ServeHTTP)
	w.api(request.API{ID: "api"})
	w.target("api")
	var mu sync.Mutex
	var ids []event.ID
	stop := make(chan struct{})
	var putters sync.WaitGroup
	for range 4 {
		putters.Go(func() {
			for {
				id := w.put("api", `{}`)[0]
				mu.Lock()
				ids = append(ids, id)
				mu.Unlock()
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for {
		if mu.Lock(); len(ids) > 50 {
			break
		}
		mu.Unlock()
	}
	mu.Unlock()
	w.d.Stop(context.Background())
	close(stop)
	putters.Wait()
	w.reopen(0)
	w.delivered()
	box.once(t, ids)
}

// While the store takes nothing, outcomes wait in memory, as many as may;
// nothing is sent beyond that. Stopping ends nevertheless, within the grace
// time, and what was answered but not remembered is sent once more.
func TestStopWhileTheStoreFails(t *testing.T) {
	const events, most = 2000, 500 // that the store lets wait
	bubble(t, Config{MaxQueued: events}, func(t *testing.T, w *world) {
		w.close(context.Background())
		w.maxOutcomes = most
		w.open()
		gate := make(chan struct{})
		box := &inbox{answer: func(int, http.ResponseWriter, *http.Request) { <-gate }}
		w.network.serve("api", box.ServeHTTP)
		w.api(request.API{ID: "api"})
		w.target("api")
		ids := w.put("api", numbered(events)...)
		w.sql("ALTER TABLE delivery RENAME TO elsewhere")
		close(gate)
		time.Sleep(time.Minute)
		// So many outcomes wait, and each worker has one that it cannot hand over.
		if n, want := len(box.arrivals()), most+defaultConcurrency; n != want {
			t.Errorf("%d requests were made, want %d", n, want)
		}
		if w.store.Failing() == nil {
			t.Error("the store does not say that it fails")
		}
		grace, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		w.close(grace)
		if grace.Err() == nil {
			t.Error("stopping did not take its time")
		}
		w.sql("ALTER TABLE elsewhere RENAME TO delivery")
		w.open()
		times := map[string]int{}
		w.delivered()
		for _, a := range box.arrivals() {
			times[a.key]++
		}
		for _, id := range ids {
			if n := times[id.String()+"/0"]; n < 1 || n > 2 {
				t.Errorf("event %s arrived %d times, want once or twice", id, n)
			}
		}
	})
}

// sql does something to the store behind its back.
func (w *world) sql(query string) {
	w.t.Helper()
	conn, err := sqlite.OpenConn(filepath.Join(w.dir, "bailey.db"), sqlite.OpenReadWrite|sqlite.OpenWAL)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := sqlitex.ExecuteTransient(conn, query, nil); err != nil {
		w.t.Fatal(fmt.Errorf("%s: %w", query, err))
	}
	if err := conn.Close(); err != nil {
		w.t.Fatal(err)
	}
}
