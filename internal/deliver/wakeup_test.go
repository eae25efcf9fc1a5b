package deliver

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"bailey/internal/event"
	"bailey/internal/request"
	"bailey/internal/store"
)

// stepped is a world whose loader the test itself runs, step by step.
func stepped(t *testing.T, w *world) (step func() bool) {
	t.Helper()
	w.d.loader.stop()
	w.d.running.Wait()
	w.d.loader.ctx = context.Background()
	return func() bool {
		synctest.Wait()
		r, now := w.d.loader.pick()
		if r == nil {
			return false
		}
		w.d.loader.load(r, now)
		w.d.loader.mu.Lock()
		w.d.loader.loading = nil
		w.d.loader.mu.Unlock()
		return true
	}
}

// Whatever is done between the steps of the loader, nothing is left in memory
// for good: not what it read for an API that was paused meanwhile, nor what was
// read before it was resumed.
func TestResumedBetweenSteps(t *testing.T) {
	const events = 5
	for _, changes := range []string{"rpr", "prpr"} { // resume and pause
		// at says after which of the loader's steps each change comes: before its
		// plan, before it pushes what it read, or after.
		for at := range each(len(changes), 3) {
			if !slices.IsSorted(at) {
				continue
			}
			t.Run(fmt.Sprint(changes, at), func(t *testing.T) {
				bubble(t, Config{}, func(t *testing.T, w *world) {
					box := new(inbox)
					w.network.serve("api", box.ServeHTTP)
					w.api(request.API{ID: "api", MaxConcurrency: 2})
					w.target("api")
					key := store.Endpoint{API: "api"}
					if err := w.d.Pause(t.Context(), key); err != nil {
						t.Fatal(err)
					}
					step := stepped(t, w)
					ids := w.put("api", numbered(events)...)
					change := func(n int) {
						for i, c := range changes {
							if at[i] != n {
								continue
							}
							do := w.d.Resume
							if c == 'p' {
								do = w.d.Pause
							}
							if err := do(t.Context(), key); err != nil {
								t.Fatal(err)
							}
							synctest.Wait()
						}
					}
					var r *apiRoute
					w.d.with(store.Endpoint{API: "api", Route: "POST /orders"}, func(one *apiRoute) { r = one })

					change(0)
					now := w.d.clock.Now()
					p := r.plan(now)
					var due []store.Parked
					var next time.Time
					var more bool
					if p.window.Most > 0 && !p.until.After(now) {
						var err error
						if due, next, more, err = w.d.cfg.Store.Due(t.Context(), key.With("POST /orders"), now, p.window); err != nil {
							t.Fatal(err)
						}
					}
					change(1)
					if due != nil {
						if r.pushLoaded(&p, due, more) || !next.IsZero() {
							w.d.loader.note(r, now)
						}
					} else {
						w.d.loader.note(r, now) // as after each plan that reads nothing for now
					}
					change(2)

					for range 40 {
						if !step() {
							time.Sleep(time.Second) // of the bubble
						}
					}
					synctest.Wait()
					if !w.d.Idle() || w.d.Queued() != 0 {
						t.Errorf("idle is %v, and %d deliveries are in memory", w.d.Idle(), w.d.Queued())
					}
					box.once(t, ids)
				})
			})
		}
	}
}

// each are all lists of n numbers below most.
func each(n, most int) func(func([]int) bool) {
	return func(yield func([]int) bool) {
		list := make([]int, n)
		for {
			if !yield(slices.Clone(list)) {
				return
			}
			i := 0
			for ; i < n; i++ {
				if list[i]++; list[i] < most {
					break
				}
				list[i] = 0
			}
			if i == n {
				return
			}
		}
	}
}

// An API that is resumed while its circuit is open, and a probe waits in memory,
// sends that and all the others.
func TestResumedWithAProbeInMemory(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		box := &inbox{answer: status(http.StatusInternalServerError)}
		w.network.serve("api", box.ServeHTTP)
		w.api(request.API{ID: "api"})
		w.target("api")
		step := stepped(t, w)
		ids := w.put("api", numbered(5)...)
		synctest.Wait()
		time.Sleep(time.Minute) // their retries are due
		var r *apiRoute
		w.d.with(store.Endpoint{API: "api", Route: "POST /orders"}, func(one *apiRoute) { r = one })
		now := w.d.clock.Now()
		r.end.mu.Lock()
		r.circuit = circuit{open: true, failures: tripAfter, gap: lastGap, probeAt: now}
		r.end.mu.Unlock()
		p := r.plan(now)
		due, _, err := w.d.cfg.Store.Probe(t.Context(), r.key, now, store.Route{}, p.window.Skip)
		if err != nil || due == nil {
			t.Fatalf("got %v, %v, want a probe", due, err)
		}
		r.end.mu.Lock()
		r.circuit.probeAt = now.Add(lastGap) // as if another probe had failed meanwhile
		r.end.mu.Unlock()
		r.pushLoaded(&p, []store.Parked{*due}, true)
		synctest.Wait()
		if w.d.Queued() != 1 {
			t.Fatalf("%d deliveries in memory, want the probe", w.d.Queued())
		}
		box.mu.Lock()
		box.answer = nil
		box.mu.Unlock()
		if err := w.d.Resume(t.Context(), store.Endpoint{API: "api"}); err != nil {
			t.Fatal(err)
		}
		for step() {
		}
		synctest.Wait()
		if !w.d.Idle() || w.d.Queued() != 0 {
			t.Errorf("idle is %v, and %d deliveries are in memory", w.d.Idle(), w.d.Queued())
		}
		for _, id := range ids {
			if d := w.ended(id); d.Status != store.Delivered {
				t.Errorf("got %+v, want delivered", d)
			}
		}
	})
}

// Events of 100 KB, and somebody who pauses and resumes at random, also as the
// circuit opens and closes: all arrive, within what their retries take.
func TestPausedAndResumedAtRandom(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, Config{MaxQueuedBytes: 8 << 20}, func(t *testing.T, w *world) {
				random := rand.New(rand.NewPCG(seed, 1))
				box := &inbox{answer: func(n int, rw http.ResponseWriter, _ *http.Request) {
					time.Sleep(time.Millisecond)
					if n%3 == 0 {
						rw.WriteHeader(http.StatusInternalServerError)
					}
				}}
				w.network.serve("api", box.ServeHTTP)
				w.api(request.API{ID: "api", MaxConcurrency: 1 + random.IntN(8)})
				w.target("api")
				key := store.Endpoint{API: "api"}
				large := fmt.Sprintf(`{"x": %q}`, strings.Repeat("x", 100<<10))
				var ids []event.ID
				for range 20 {
					change := w.d.Pause
					if random.IntN(2) == 0 {
						change = w.d.Resume
					}
					if err := change(t.Context(), key); err != nil {
						t.Fatal(err)
					}
					if random.IntN(3) == 0 {
						details := make([]string, 1+random.IntN(15))
						for i := range details {
							details[i] = large
						}
						ids = append(ids, w.put("api", details...)...)
					}
					time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond)
				}
				if err := w.d.Resume(t.Context(), key); err != nil {
					t.Fatal(err)
				}
				time.Sleep(10 * time.Minute)
				for _, id := range ids {
					if d := w.delivery(id); d.Status != store.Delivered {
						t.Fatalf("got %+v, want delivered: it lies in memory", d)
					}
				}
				w.atRest()
			})
		})
	}
}

// The same against the machine's clock and disk, where reading takes time that a
// pause may come into.
func TestPausedAndResumedAgainstTheClock(t *testing.T) {
	w := newWorld(t, Config{})
	box := new(inbox)
	w.network.serve("api", box.ServeHTTP)
	w.api(request.API{ID: "api"})
	w.target("api")
	key := store.Endpoint{API: "api"}
	do := func(change func(context.Context, store.Endpoint) error) {
		t.Helper()
		if err := change(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	details := make([]string, 40)
	for i := range details {
		details[i] = fmt.Sprintf(`{"x": %q}`, strings.Repeat("x", 100<<10))
	}
	for range 20 {
		do(w.d.Pause)
		ids := w.put("api", details...)
		do(w.d.Resume)
		do(w.d.Pause)
		do(w.d.Resume)
		for _, id := range ids {
			until := time.Now().Add(30 * time.Second)
			for w.delivery(id).Status == store.Pending {
				if time.Now().After(until) {
					t.Fatalf("after half a minute %d deliveries lie in memory, and %d requests are under way", w.d.Queued(), w.d.InFlight())
				}
				w.mu.Lock()
				changed := w.changed
				w.mu.Unlock()
				select {
				case <-changed:
				case <-time.After(100 * time.Millisecond):
				}
			}
		}
	}
}
