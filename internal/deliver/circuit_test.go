package deliver

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bailey/internal/event"
	"bailey/internal/request"
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

// outage is an API that is down until it is told otherwise, and knows how many
// requests it had at once.
type outage struct {
	inbox
	up   atomic.Bool
	busy gauge
}

func newOutage() *outage {
	o := new(outage)
	o.answer = func(_ int, w http.ResponseWriter, _ *http.Request) {
		if !o.up.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		o.busy.enter()
		time.Sleep(10 * time.Millisecond)
		o.busy.leave()
	}
	return o
}

// During an outage deliveries wait in the store and one probe at a time goes
// out; afterwards traffic comes back one request more a round, and every
// delivery arrives. Waiting is no attempt.
func TestCircuitAndRamp(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		const events = 1000
		api := newOutage()
		w.network.serve("api", api.ServeHTTP)
		w.api(request.API{ID: "api"})
		w.target("api")
		var ids []event.ID
		for range events / 100 {
			ids = append(ids, w.put("api", numbered(100)...)...)
		}
		time.Sleep(2 * tripTime)
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
		recovered := time.Now()
		rounds := 0
		for w.endpointStatus("api").State == "open" {
			time.Sleep(10 * time.Millisecond)
		}
		for closed := time.Now(); len(w.withStatus(store.Pending)) > 0; rounds++ {
			time.Sleep(10 * time.Millisecond)
			allowed := int64(2 + time.Since(closed)/(10*time.Millisecond))
			if n := api.busy.now.Load(); n > allowed {
				t.Errorf("%v after the outage %d requests were under way, the ramp allows %d", time.Since(closed), n, allowed)
			}
		}
		w.delivered()
		if took := time.Since(recovered); took > 30*time.Second {
			t.Errorf("the backlog took %v", took)
		}
		for _, id := range ids {
			// The failures before the circuit opened, perhaps one probe, and
			// the success.
			if d := w.delivery(id); d.Attempts > 8 {
				t.Errorf("%d attempts: waiting was counted: %+v", d.Attempts, d)
				break
			}
		}
		w.atRest()
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
		ids := w.put("api", numbered(300)...)
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
