package deliver

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bailey/internal/request"
	"bailey/internal/retry"
	"bailey/internal/rule"
	"bailey/internal/store"
)

// X4, X5: 185 retries, each wait within its bounds, and then no more.
func TestRetriesRunOut(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		box := &inbox{answer: status(500)}
		w.network.serve("api", box.ServeHTTP)
		w.api(request.API{ID: "api"})
		w.target("api")
		began := time.Now()
		id := w.one("api")
		d := w.ended(id)
		if d.Attempts != 186 || d.Status != store.Dead {
			t.Errorf("got %+v, want dead after 186 attempts", d)
		}
		came := box.arrivals()
		if len(came) != 186 {
			t.Fatalf("%d requests, want 186", len(came))
		}
		for i, a := range came {
			if a.attempt != strconv.Itoa(i+1) || a.key != id.String()+"/0" || a.path != "/orders" || a.body != came[0].body {
				t.Errorf("T1, R9: request %d is %+v", i+1, a)
			}
			if i == 0 {
				continue
			}
			b := min(600*time.Second, time.Second<<min(i-1, 20))
			// The store keeps milliseconds, and a commit lies between.
			if wait := a.at.Sub(came[i-1].at); wait < b/2-time.Millisecond || wait > b+50*time.Millisecond {
				t.Errorf("X5: wait %d was %v, want within [%v, %v]", i, wait, b/2, b)
			}
		}
		if span := time.Since(began); span < 20*time.Hour || span > 24*time.Hour {
			t.Errorf("X4: all ended after %v", span)
		}
		if l := w.deadLetters(); len(l) != 1 || l[0].RetryAttempts != 185 || l[0].Exhausted != retry.ExhaustedAttempts {
			t.Errorf("dead letter: %+v", l)
		}
	})
}

func TestRetryPolicy(t *testing.T) {
	tests := []struct {
		name      string
		policy    func(*rule.Target)
		answer    func(int, http.ResponseWriter, *http.Request)
		attempts  int // 0: more than one
		exhausted string
		within    time.Duration
	}{
		{"X4 MaximumRetryAttempts 0", retries(0, -1), status(500), 1, retry.ExhaustedAttempts, time.Second},
		{"X4 MaximumRetryAttempts 3", retries(3, -1), status(500), 4, retry.ExhaustedAttempts, 8 * time.Second},
		{"X4 MaximumEventAgeInSeconds 60", retries(-1, 60), status(500), 0, retry.ExhaustedAge, time.Minute},
		{"X6 Retry-After in seconds", retries(1, -1), retryAfter(429, "20"), 2, retry.ExhaustedAttempts, 21 * time.Second},
		{"X6 Retry-After beyond the age: one more try at its end", retries(-1, 60), retryAfter(503, "100000"), 2, retry.ExhaustedAge, 61 * time.Second},
		{"X6 Retry-After does not shorten", retries(2, -1), retryAfter(503, "0"), 3, retry.ExhaustedAttempts, 4 * time.Second},
		{"X6 Retry-After of another status", retries(1, -1), retryAfter(500, "3600"), 2, retry.ExhaustedAttempts, 2 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, Config{}, func(t *testing.T, w *world) {
				box := &inbox{answer: tt.answer}
				w.network.serve("api", box.ServeHTTP)
				w.api(request.API{ID: "api"})
				w.target("api", tt.policy)
				began := time.Now()
				d := w.ended(w.one("api"))
				if tt.attempts != 0 && d.Attempts != tt.attempts || d.Attempts < 1 || len(box.arrivals()) != d.Attempts {
					t.Errorf("%d attempts, %d requests, want %d", d.Attempts, len(box.arrivals()), tt.attempts)
				}
				if l := w.deadLetters(); len(l) != 1 || l[0].Exhausted != tt.exhausted || l[0].RetryAttempts != d.Attempts-1 {
					t.Errorf("dead letter: %+v, want %s", l, tt.exhausted)
				}
				if took := time.Since(began); took > tt.within {
					t.Errorf("ended after %v, want within %v", took, tt.within)
				}
			})
		})
	}
}

func retryAfter(code int, value string) func(int, http.ResponseWriter, *http.Request) {
	return func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", value)
		w.WriteHeader(code)
	}
}

// X6: a date counts as well.
func TestRetryAfterDate(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		box := &inbox{answer: func(n int, w http.ResponseWriter, _ *http.Request) {
			if n == 1 {
				w.Header().Set("Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}}
		w.network.serve("api", box.ServeHTTP)
		w.api(request.API{ID: "api"})
		w.target("api")
		w.ended(w.one("api"))
		came := box.arrivals()
		if wait := came[1].at.Sub(came[0].at); len(came) != 2 || wait < time.Hour-time.Second || wait > time.Hour+time.Second {
			t.Errorf("%d requests, the second after %v, want after an hour", len(came), wait)
		}
	})
}

// X8: what is changed between two attempts holds for the next one.
func TestChangedMeanwhile(t *testing.T) {
	ctx := context.Background()
	tests := []struct {
		name   string
		change func(t *testing.T, w *world)

		status   store.Status
		code     retry.Code
		attempts int
		arrived  map[string]int // at the first API, and at another one
		path     string         // of the last request
		end      store.Endpoint // whose queue it was in at last, where that is another
		letters  int
	}{
		{name: "nothing", change: func(*testing.T, *world) {}, status: store.Dead, code: retry.ErrorFromTarget, attempts: 3, arrived: map[string]int{"api": 3}, path: "/orders", letters: 1},
		{name: "target mended", change: func(_ *testing.T, w *world) {
			w.target("api", func(t *rule.Target) {
				t.ARN = "arn:aws:execute-api:us-east-1:000000000000:other/prod/PUT/mended/*"
				t.HTTPParameters = &rule.HTTPParameters{PathParameterValues: []string{"$.detail.n"}}
			})
		}, status: store.Delivered, attempts: 2, arrived: map[string]int{"api": 1, "other": 1}, path: "/mended/1", end: store.Endpoint{API: "other", Route: "PUT /mended/*"}},
		{name: "target's path changed on the same API", change: func(_ *testing.T, w *world) {
			w.target("api", retries(2, -1), func(t *rule.Target) { t.ARN = "arn:aws:execute-api:us-east-1:000000000000:api/prod/PUT/mended" })
		}, status: store.Dead, code: retry.ErrorFromTarget, attempts: 3, arrived: map[string]int{"api": 3}, path: "/mended", letters: 1},
		{name: "target allows no retry any more", change: func(_ *testing.T, w *world) { w.target("api", retries(0, -1)) },
			status: store.Dead, code: retry.ErrorFromTarget, attempts: 1, arrived: map[string]int{"api": 1}, path: "/orders", letters: 1},
		{name: "target removed", change: func(t *testing.T, w *world) {
			if err := w.rules.RemoveTargets(ctx, testRegion, rule.DefaultBus, "api", []string{"api"}, false); err != nil {
				t.Fatal(err)
			}
		}, status: store.Dead, code: retry.NoResource, attempts: 1, arrived: map[string]int{"api": 1}, path: "/orders", letters: 1},
		{name: "rule removed", change: func(t *testing.T, w *world) {
			if err := w.rules.RemoveTargets(ctx, testRegion, rule.DefaultBus, "api", []string{"api"}, false); err != nil {
				t.Fatal(err)
			}
			if err := w.rules.DeleteRule(ctx, testRegion, rule.DefaultBus, "api", false); err != nil {
				t.Fatal(err)
			}
		}, status: store.Dead, code: retry.NoResource, attempts: 1, arrived: map[string]int{"api": 1}, path: "/orders", letters: 1},
		{name: "rule disabled: what it matched is still delivered", change: func(t *testing.T, w *world) {
			if err := w.rules.SetState(ctx, testRegion, rule.DefaultBus, "api", rule.Disabled); err != nil {
				t.Fatal(err)
			}
			w.api(request.API{ID: "api", URL: "http://other"})
		}, status: store.Delivered, attempts: 2, arrived: map[string]int{"api": 1, "other": 1}, path: "/orders"},
		{name: "API registered elsewhere", change: func(_ *testing.T, w *world) { w.api(request.API{ID: "api", URL: "http://other/v2"}) },
			status: store.Delivered, attempts: 2, arrived: map[string]int{"api": 1, "other": 1}, path: "/v2/orders"},
		{name: "API's stage has a place of its own now", change: func(_ *testing.T, w *world) {
			w.api(request.API{ID: "api", Stages: map[string]request.Stage{"prod": {URL: "http://other"}}})
		}, status: store.Delivered, attempts: 2, arrived: map[string]int{"api": 1, "other": 1}, path: "/orders", end: store.Endpoint{API: "api", Stage: "prod", Route: "POST /orders"}},
		{name: "API deleted", change: func(t *testing.T, w *world) {
			if err := w.rules.DeleteAPI(ctx, "api"); err != nil {
				t.Fatal(err)
			}
		}, status: store.Dead, code: retry.NoResource, attempts: 2, arrived: map[string]int{"api": 1}, path: "/orders", letters: 1},
		{name: "target is no API any more", change: func(_ *testing.T, w *world) {
			w.target("api", func(t *rule.Target) { t.ARN = "arn:aws:lambda:us-east-1:000000000000:function:f" })
		}, status: store.Dead, code: retry.NoResource, attempts: 1, arrived: map[string]int{"api": 1}, path: "/orders", letters: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, Config{}, func(t *testing.T, w *world) {
				here, there := &inbox{answer: status(500)}, new(inbox)
				w.network.serve("api", here.ServeHTTP)
				w.network.serve("other", there.ServeHTTP)
				w.api(request.API{ID: "api"})
				w.api(request.API{ID: "other"})
				w.target("api", retries(2, -1))
				id := w.one("api")
				time.Sleep(100 * time.Millisecond) // the first attempt has failed; the next is at least 400 ms off
				tt.change(t, w)
				d := w.ended(id)
				if d.Status != tt.status || d.ErrorCode != string(tt.code) || d.Attempts != tt.attempts {
					t.Errorf("got %+v, want %v %s after %d attempts", d, tt.status, tt.code, tt.attempts)
				}
				if tt.end != (store.Endpoint{}) && d.Endpoint != tt.end {
					t.Errorf("it was in the queue of %+v, want %+v", d.Endpoint, tt.end)
				}
				came := append(here.arrivals(), there.arrivals()...)
				if len(here.arrivals()) != tt.arrived["api"] || len(there.arrivals()) != tt.arrived["other"] {
					t.Errorf("%d and %d requests, want %v", len(here.arrivals()), len(there.arrivals()), tt.arrived)
				}
				if last := came[len(came)-1]; last.path != tt.path || last.key != id.String()+"/0" || last.attempt != strconv.Itoa(len(came)) {
					t.Errorf("the last request is %+v, want path %s", last, tt.path)
				}
				if l := w.deadLetters(); len(l) != tt.letters {
					t.Errorf("dead letters: %+v, want %d", l, tt.letters)
				}
				if n := w.metric("bailey_failed_invocations_total", "api"); tt.status == store.Dead && len(tt.name) > 0 && n != "1" && tt.name != "rule removed" {
					t.Errorf("FailedInvocations is %s, want 1", n)
				}
			})
		})
	}
}

// X8: a delivery that waits for its turn at a rate limit is sent to the target
// as it is when its turn has come.
func TestChangedWhileWaitingForItsTurn(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		here, there := new(inbox), new(inbox)
		w.network.serve("api", here.ServeHTTP)
		w.network.serve("other", there.ServeHTTP)
		w.api(request.API{ID: "api", RateLimitPerSecond: 0.01})
		w.target("api")
		ids := w.put("api", `{"n": 1}`, `{"n": 2}`, `{"n": 3}`)
		time.Sleep(time.Second)
		if n := len(here.arrivals()); n != 1 {
			t.Fatalf("%d requests at once, want 1", n)
		}
		w.target("api", func(t *rule.Target) {
			t.ARN = "arn:aws:execute-api:us-east-1:000000000000:other/prod/POST/orders"
		})
		w.api(request.API{ID: "other"})
		for _, id := range ids {
			if d := w.ended(id); d.Status != store.Delivered {
				t.Errorf("got %+v", d)
			}
		}
		if len(here.arrivals()) != 1 || len(there.arrivals()) != 2 {
			t.Errorf("%d requests to the old place, %d to the new, want 1 and 2", len(here.arrivals()), len(there.arrivals()))
		}
	})
}

// X4: an event that grew too old while the server stood still is given up, but
// not before it was tried once.
func TestAgeAcrossRestart(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		box := &inbox{answer: status(500, 200)}
		w.network.serve("api", box.ServeHTTP)
		w.api(request.API{ID: "api", MaxConcurrency: 1})
		w.target("api")
		tried := w.one("api")
		time.Sleep(100 * time.Millisecond)
		w.d.stopping.Store(true) // so that it stays in the queue
		untried := w.one("api")
		w.close(t.Context())
		time.Sleep(25 * time.Hour)
		w.open()
		if d := w.ended(tried); d.Status != store.Dead || d.Attempts != 1 || d.ErrorCode != string(retry.ErrorFromTarget) {
			t.Errorf("tried before: got %+v, want dead, with what its one attempt came to", d)
		}
		if d := w.ended(untried); d.Status != store.Delivered {
			t.Errorf("never tried: got %+v, want delivered", d)
		}
		if l := w.deadLetters(); len(l) != 1 || l[0].Exhausted != retry.ExhaustedAge || l[0].RetryAttempts != 0 {
			t.Errorf("dead letters: %+v", l)
		}
	})
}

// Time limits bind what lies below HTTP as well: a connection that nobody
// waits for any longer is not waited for, or each hanging endpoint would gather
// them.
func TestHangingConnectionsAreGivenUp(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		var now, most atomic.Int64
		w.network.host("api", func(ctx context.Context) (net.Conn, error) {
			for n := now.Add(1); ; {
				if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
					break
				}
			}
			defer now.Add(-1)
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(2 * time.Minute): // as long as Linux tries
				return nil, fmt.Errorf("no route")
			}
		})
		w.api(request.API{ID: "api", MaxConcurrency: 4})
		w.target("api", retries(0, -1))
		var ids = w.put("api", slices.Repeat([]string{`{}`}, 60)...)
		for _, id := range ids {
			if d := w.ended(id); d.ErrorCode != string(retry.Timeout) {
				t.Fatalf("got %+v, want a timeout", d)
			}
		}
		// One that is being given up may still be there when the next begins.
		if n := most.Load(); n > 2*4 {
			t.Errorf("%d connections were being made at once for 4 requests", n)
		}
		synctest.Wait()
	})
}
