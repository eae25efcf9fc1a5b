package deliver

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bailey/internal/event"
	"bailey/internal/request"
	"bailey/internal/retry"
	"bailey/internal/rule"
	"bailey/internal/store"
)

// endpointStatus returns how the endpoint of an API is doing.
func (w *world) endpointStatus(api string) EndpointStatus {
	w.t.Helper()
	all, err := w.d.Endpoints(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, s := range all {
		if s.Endpoint.API == api {
			return s
		}
	}
	w.t.Fatalf("there is no endpoint of %s in %+v", api, all)
	return EndpointStatus{}
}

// outage is an API that is down until it is told otherwise, answers after 10 ms
// when it is up, and sees that it has no more requests at once than the ramp
// allows: one while it is down, and after that one more for every round of
// requests that it has answered.
type outage struct {
	inbox
	up   atomic.Bool
	down atomic.Bool // once its circuit is open
	busy gauge

	ramp  sync.Mutex
	limit float64
	worst string // the first time that there were more
}

const outageTakes = 10 * time.Millisecond

func newOutage() *outage {
	o := &outage{limit: 1}
	o.answer = func(_ int, w http.ResponseWriter, _ *http.Request) {
		o.busy.enter()
		defer o.busy.leave()
		if !o.up.Load() {
			if n := o.busy.now.Load(); o.down.Load() && n > 1 {
				o.tooMany("%d requests at once while it was down", n)
			}
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		o.ramp.Lock()
		limit := o.limit
		o.ramp.Unlock()
		if n := o.busy.now.Load(); n > int64(limit) {
			o.tooMany("%d requests at once, and the ramp has come to %.2f", n, limit)
		}
		time.Sleep(outageTakes)
		o.ramp.Lock()
		o.limit += 1 / o.limit
		o.ramp.Unlock()
	}
	return o
}

func (o *outage) tooMany(format string, args ...any) {
	o.ramp.Lock()
	defer o.ramp.Unlock()
	if o.worst == "" {
		o.worst = fmt.Sprintf(format, args...)
	}
}

// During an outage deliveries wait in the store and one probe at a time goes
// out; waiting is no attempt. Afterwards traffic comes back one request more a
// round; every delivery arrives, fresh ones without waiting for those before,
// and all of it takes little longer than the API's own time for so many. The
// same for 100,000, against the machine's clock, is BenchmarkOutage.
func TestCircuitAndRamp(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		const events, atOnce = 1000, 8
		api := newOutage()
		w.network.serve("api", api.ServeHTTP)
		w.api(request.API{ID: "api", MaxConcurrency: atOnce})
		w.target("api")
		ids := w.put("api", numbered(events)...)
		time.Sleep(2 * tripTime)
		api.down.Store(true)
		s := w.endpointStatus("api")
		if s.State != "open" || s.Queued != 0 || s.Waiting != events || s.ErrorCode != "ERROR_FROM_TARGET" {
			t.Errorf("in the outage: %+v", s)
		}
		before := len(api.arrivals())
		time.Sleep(10 * time.Minute)
		if probes := len(api.arrivals()) - before; probes < 50 || probes > 70 {
			t.Errorf("%d probes in ten minutes, want about one in %v", probes, lastGap)
		}
		ids = append(ids, w.put("api", numbered(10)...)...) // fresh ones wait as well

		api.up.Store(true)
		for w.d.OpenCircuits() > 0 {
			time.Sleep(outageTakes)
		}
		closed := time.Now()
		var fresh []event.ID
		for range 8 {
			time.Sleep(10 * outageTakes)
			fresh = append(fresh, w.put("api", numbered(4)...)...)
		}
		if n := w.endpointStatus("api").Waiting; n == 0 {
			t.Error("nothing waits any more: the fresh events prove nothing")
		}
		for _, id := range fresh {
			// Each waits for its turn and no more: there are two queues.
			if d := w.ended(id); d.At.Sub(d.Ingested) > 10*outageTakes {
				t.Errorf("a fresh event waited %v", d.At.Sub(d.Ingested))
			}
		}
		ids = append(ids, fresh...)
		w.delivered()
		bare := time.Duration(len(ids)) * outageTakes / atOnce
		// The latest probes that failed keep the times of their own retries.
		came := api.arrivals()
		if took := came[len(came)-4].at.Sub(closed); took > bare*3/2 {
			t.Errorf("all of it took %v after the circuit closed; the API answers so many in %v", took, bare)
		}
		if api.worst != "" {
			t.Error(api.worst)
		}
		if most := api.busy.most.Load(); most != atOnce {
			t.Errorf("at most %d requests at once, want the %d that it may have", most, atOnce)
		}
		attempts := map[string]int{}
		for _, a := range came {
			attempts[a.key]++
		}
		for _, id := range ids {
			// The failures before the circuit opened, perhaps one probe, and
			// the success.
			if n := attempts[id.String()+"/0"]; n == 0 || n > 8 {
				t.Errorf("%d attempts: waiting was counted, or it did not arrive", n)
			}
		}
		w.atRest()
	})
}

// One route whose every request fails, and whose deliveries have waited
// longest, does not keep the circuit open for another: probes take turns.
func TestProbesTakeTurns(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		var up atomic.Bool
		api := &inbox{answer: func(_ int, rw http.ResponseWriter, r *http.Request) {
			if !up.Load() || r.URL.Path != "/well" {
				rw.WriteHeader(http.StatusInternalServerError)
			}
		}}
		w.network.serve("api", api.ServeHTTP)
		w.api(request.API{ID: "api"})
		for _, name := range []string{"poison", "well"} {
			w.target(name, func(target *rule.Target) {
				target.ARN = "arn:aws:execute-api:us-east-1:000000000000:api/prod/POST/" + name
			})
		}
		w.put("poison", numbered(100)...)
		time.Sleep(2 * tripTime)
		if n := w.d.OpenCircuits(); n != 1 {
			t.Fatalf("%d circuits are open, want one", n)
		}
		up.Store(true)
		ids := w.put("well", numbered(10)...)
		began := time.Now()
		for _, id := range ids {
			if d := w.ended(id); d.Status != store.Delivered {
				t.Errorf("got %+v, want delivered", d)
			}
		}
		if took := time.Since(began); took > 3*lastGap {
			t.Errorf("the route that is well waited %v for the circuit to close", took)
		}
	})
}

// An API that refuses each delivery's first two attempts, and none of the
// others, is not down: many deliveries at once keep their own times (X5).
func TestManyFirstAttemptsFail(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		var api inbox
		api.answer = func(_ int, w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Bailey-Attempt") <= "2" {
				w.WriteHeader(http.StatusInternalServerError)
			}
		}
		w.network.serve("api", api.ServeHTTP)
		w.api(request.API{ID: "api"})
		w.target("api")
		ids := w.put("api", numbered(200)...)
		time.Sleep(5 * time.Second)
		for _, id := range ids {
			if d := w.delivery(id); d.Status != store.Delivered || d.Attempts != 3 {
				t.Fatalf("after the waits of two retries: %+v, want delivered at attempt 3", d)
			}
		}
	})
}

// Ages go on while deliveries wait for an endpoint (X4).
func TestAgesGoOnWhileWaiting(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		api := newOutage()
		w.network.serve("api", api.ServeHTTP)
		w.api(request.API{ID: "api"})
		w.target("api", retries(-1, 120))
		ids := w.put("api", numbered(100)...)
		time.Sleep(4 * time.Minute)
		if waiting := w.withStatus(store.Pending); len(waiting) > 0 {
			t.Errorf("still waiting: %+v", waiting[0])
		}
		for _, id := range ids {
			d := w.delivery(id)
			if d.Status != store.Dead || d.ErrorCode != "ERROR_FROM_TARGET" {
				t.Fatalf("got %+v, want dead", d)
			}
			if age := d.At.Sub(d.Ingested); age < 100*time.Second || age > 120*time.Second+lateness+expireEvery+lastGap+time.Second {
				t.Errorf("given up at the age of %v, want about 120s", age)
			}
		}
		letters := w.deadLetters()
		if len(letters) != len(ids) {
			t.Fatalf("%d dead letters, want %d", len(letters), len(ids))
		}
		if l := letters[len(letters)-1]; l.Exhausted != "MaximumEventAgeInSeconds" {
			t.Errorf("got %+v", l)
		}
	})
}

// What is given up for its age says what its own last attempt came to, or that
// it was held back, whatever other deliveries have come to.
func TestTooOldInAPause(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		var api inbox
		api.answer = status(http.StatusServiceUnavailable, http.StatusNotFound)
		w.network.serve("api", api.ServeHTTP)
		w.api(request.API{ID: "api"})
		w.target("api", retries(-1, 60))
		tried := w.one("api")
		synctest.Wait()
		w.ended(w.one("api")) // the endpoint's last failure is this one's
		if err := w.d.Pause(t.Context(), store.Endpoint{API: "api"}); err != nil {
			t.Fatal(err)
		}
		untried := w.one("api")
		for id, want := range map[event.ID]store.Delivery{
			tried:   {ErrorCode: "ERROR_FROM_TARGET", StatusCode: http.StatusServiceUnavailable, Error: "503"},
			untried: {ErrorCode: "THROTTLING", Error: "the API was paused"},
		} {
			got := w.ended(id)
			if got.Status != store.Dead || got.ErrorCode != want.ErrorCode || got.StatusCode != want.StatusCode || !strings.Contains(got.Error, want.Error) {
				t.Errorf("got %+v, want dead with %s, %d and %q", got, want.ErrorCode, want.StatusCode, want.Error)
			}
		}
		for _, l := range w.deadLetters()[1:] {
			if l.Exhausted != retry.ExhaustedAge {
				t.Errorf("got %+v, want it to say that the age ran out", l)
			}
		}
	})
}

// An endpoint that is paused gets nothing, across a restart, until it is
// resumed; its neighbour does not notice.
func TestPause(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		var box, other inbox
		w.network.serve("api", box.ServeHTTP)
		w.network.serve("other", other.ServeHTTP)
		w.api(request.API{ID: "api"})
		w.api(request.API{ID: "other"})
		w.target("api")
		w.target("other")
		key := store.Endpoint{API: "api"}
		if err := w.d.Pause(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		ids := w.put("api", numbered(20)...)
		w.ended(w.put("other", numbered(1)...)[0])
		time.Sleep(time.Hour)
		w.close(context.Background())
		w.open()
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := len(box.arrivals()); n != 0 {
			t.Errorf("%d requests while paused", n)
		}
		if s := w.endpointStatus("api"); s.State != "paused" || s.Waiting != 20 {
			t.Errorf("got %+v", s)
		}
		if err := w.d.Resume(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		w.delivered()
		box.once(t, ids)
	})
}

// A probe may be read from the store while another is under way. It waits in
// memory for its turn then, and a virtual clock must not wait for it.
func TestProbeThatWaitsIsIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{})
		w.d.stopping.Store(true) // no workers but the test
		r, ids := newTestRoute(w.d), new(event.IDs)
		now := time.Now().UTC()
		r.circuit = circuit{open: true, gap: lastGap, probeAt: now.Add(lastGap)}
		r.read(ids, 1, plan{probe: true}, true)
		if !r.end.idle(now) {
			t.Error("a probe waits for its turn: the endpoint is not idle")
		}
		r.circuit.probeAt = now
		r.plan(now)
		if r.end.idle(now) {
			t.Error("the probe's turn has come: the endpoint is idle")
		}
		r.end.paused = true
		r.end.review()
		if !r.end.idle(now) {
			t.Error("the endpoint is paused, and not idle")
		}
		r.empty()
	})
}
