package deliver

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bailey/internal/event"
	"bailey/internal/request"
	"bailey/internal/rule"
	"bailey/internal/store"
)

// routed is an API that answers by the path of the request, and remembers what
// came to each.
type routed struct {
	paths map[string]*inbox
	busy  gauge // of all
}

func (w *world) routed(api request.API, answers map[string]func(int, http.ResponseWriter, *http.Request)) *routed {
	a := &routed{paths: map[string]*inbox{}}
	for path, answer := range answers {
		a.paths[path] = &inbox{answer: answer}
		w.target(path[1:], toRoute(api.ID, path[1:]))
	}
	w.network.serve(api.ID, func(rw http.ResponseWriter, r *http.Request) {
		a.busy.enter()
		defer a.busy.leave()
		a.paths[r.URL.Path].ServeHTTP(rw, r)
	})
	w.api(api)
	return a
}

// toRoute lets a target lead to a path of an API.
func toRoute(api, path string, values ...string) func(*rule.Target) {
	return func(t *rule.Target) {
		t.ARN = "arn:aws:execute-api:us-east-1:000000000000:" + api + "/prod/POST/" + path
		if values != nil {
			t.HTTPParameters = &rule.HTTPParameters{PathParameterValues: values}
		}
	}
}

func hang(_ int, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func ok(int, http.ResponseWriter, *http.Request) {}

// route returns how one route is doing.
func (w *world) route(path string) RouteStatus {
	w.t.Helper()
	all, err := w.d.Endpoints(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range all {
		for _, r := range e.Routes {
			if r.Route == "POST "+path {
				return r
			}
		}
	}
	w.t.Fatalf("there is no route %s in %+v", path, all)
	return RouteStatus{}
}

// within fails the test if one of the events was not delivered, or took longer.
func (w *world) within(limit time.Duration, ids []event.ID) {
	w.t.Helper()
	for _, id := range ids {
		switch d := w.ended(id); {
		case d.Status != store.Delivered:
			w.t.Fatalf("got %+v, want delivered", d)
		case d.At.Sub(d.Ingested) > limit:
			w.t.Fatalf("a delivery took %v, want %v at most", d.At.Sub(d.Ingested), limit)
		}
	}
}

// A route that never answers, or takes long, does not slow another of the same
// API and stage, however few requests that may have under way, and whichever
// comes first.
func TestHangingRoute(t *testing.T) {
	slow := func(int, http.ResponseWriter, *http.Request) { time.Sleep(2 * time.Second) }
	for _, tt := range []struct {
		name       string
		sister     func(int, http.ResponseWriter, *http.Request)
		most       int
		rate       float64
		hangsFirst bool          // and has all that it can get when the other begins
		limit      time.Duration // for each delivery of the route that is well
	}{
		{"as many as the default", hang, 0, 0, false, 100 * time.Millisecond},
		{"hangs before the other is known", hang, 0, 0, true, 100 * time.Millisecond},
		{"ten, hangs before the other is known", hang, 10, 0, true, 500 * time.Millisecond},
		{"four", hang, 4, 0, true, time.Second},
		{"two", hang, 2, 0, true, 2 * time.Second},
		{"slow", slow, 8, 0, false, time.Second},
		{"with a rate limit", hang, 0, 200, true, 2 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, Config{}, func(t *testing.T, w *world) {
				api := w.routed(request.API{ID: "api", MaxConcurrency: tt.most, RateLimitPerSecond: tt.rate},
					map[string]func(int, http.ResponseWriter, *http.Request){"/sister": tt.sister, "/well": ok})
				if tt.hangsFirst {
					w.put("sister", numbered(100)...)
					time.Sleep(time.Second)
				}
				var ids []event.ID
				for range 60 { // more than until the circuit opens
					w.put("sister", numbered(10)...)
					for range 10 {
						ids = append(ids, w.put("well", numbered(1)...)...)
						time.Sleep(100 * time.Millisecond)
					}
				}
				w.within(tt.limit, ids)
				api.paths["/well"].once(t, ids)
				most := tt.most
				if most == 0 {
					most = defaultConcurrency
				}
				if n := api.busy.most.Load(); n > int64(most) {
					t.Errorf("%d requests at once, want %d at most", n, most)
				}
			})
		})
	}
}

// A route that was well and busy leaves some requests to the others when it
// begins to hang.
func TestRouteBeginsToHang(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		var hangs atomic.Bool
		w.routed(request.API{ID: "api"}, map[string]func(int, http.ResponseWriter, *http.Request){
			"/moody": func(_ int, _ http.ResponseWriter, r *http.Request) {
				if hangs.Load() {
					<-r.Context().Done()
				}
			},
			"/well": func(int, http.ResponseWriter, *http.Request) { time.Sleep(5 * time.Millisecond) },
		})
		var ids []event.ID
		for second := range 20 {
			hangs.Store(second >= 2)
			for range 100 {
				w.put("moody", numbered(5)...)
				ids = append(ids, w.put("well", numbered(5)...)...)
				time.Sleep(10 * time.Millisecond)
			}
		}
		w.within(50*time.Millisecond, ids)
		if n := w.route("/moody").Limit; n > 1 {
			t.Errorf("%d requests at once for one that hangs, want one", n)
		}
	})
}

// What a route answers opens its own circuit and no other's; what waits for it in
// the store does not keep another's from being read.
func TestCircuitOfOneRoute(t *testing.T) {
	bubble(t, Config{MaxQueued: 20}, func(t *testing.T, w *world) {
		api := w.routed(request.API{ID: "api"}, map[string]func(int, http.ResponseWriter, *http.Request){
			"/bad": status(http.StatusInternalServerError), "/well": ok,
		})
		w.put("bad", numbered(400)...)
		for range 30 {
			w.put("well", numbered(1)...)
			time.Sleep(time.Second)
		}
		if s := w.route("/bad"); s.State != "open" || s.ErrorCode != "ERROR_FROM_TARGET" {
			t.Errorf("the route that fails: %+v", s)
		}
		if s := w.route("/well"); s.State != "closed" || s.Failures != 0 {
			t.Errorf("the route that is well: %+v", s)
		}
		if s := w.endpointStatus("api"); s.State != "closed" || s.Waiting != 400 {
			t.Errorf("the API: %+v", s)
		}
		if n := w.d.OpenCircuits(); n != 1 {
			t.Errorf("%d circuits are open, want one", n)
		}
		before := len(api.paths["/bad"].arrivals())
		ids := w.put("well", numbered(400)...) // most of them through the store
		w.within(5*time.Second, ids)
		if probes := len(api.paths["/bad"].arrivals()) - before; probes > 6 {
			t.Errorf("%d requests to the route whose circuit is open", probes)
		}
	})
}

// A host that cannot be reached is one circuit for all routes, one probe at a
// time; when it is back, traffic comes back one request more a round.
func TestCircuitOfTheHost(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		const routes = 5
		answers := map[string]func(int, http.ResponseWriter, *http.Request){}
		for i := range routes {
			answers["/r"+strconv.Itoa(i)] = func(int, http.ResponseWriter, *http.Request) { time.Sleep(10 * time.Millisecond) }
		}
		api := w.routed(request.API{ID: "api", MaxConcurrency: 16}, answers)
		w.network.mu.Lock()
		back := w.network.hosts["api"]
		w.network.mu.Unlock()
		var dials atomic.Int64
		w.network.host("api", func(context.Context) (net.Conn, error) {
			dials.Add(1)
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: fmt.Errorf("connection refused")}
		})
		var ids []event.ID
		for i := range routes {
			ids = append(ids, w.put("r"+strconv.Itoa(i), numbered(40)...)...)
		}
		time.Sleep(2 * tripTime)
		if s := w.endpointStatus("api"); s.State != "open" || s.ErrorCode != "CONNECTION_FAILURE" || s.ProbeAt.IsZero() || s.Queued != 0 {
			t.Fatalf("got %+v, want the API's circuit open", s)
		}
		if s := w.route("/r0"); s.State != "closed" {
			t.Errorf("a route answers for its host: %+v", s)
		}
		if n := w.d.OpenCircuits(); n != 1 {
			t.Errorf("%d circuits are open, want one", n)
		}
		before := dials.Load()
		time.Sleep(10 * time.Minute)
		if probes := dials.Load() - before; probes < 50 || probes > 70 {
			t.Errorf("%d probes in ten minutes, want about one in %v", probes, lastGap)
		}
		w.network.host("api", back)
		w.delivered()
		for i := range routes {
			api.paths["/r"+strconv.Itoa(i)].once(t, ids[40*i:40*(i+1)])
		}
		// The ramp: of the first requests after the probe, two at once, and so on.
		var at []time.Time
		for i := range routes {
			for _, a := range api.paths["/r"+strconv.Itoa(i)].arrivals() {
				at = append(at, a.at)
			}
		}
		first := at[0]
		for _, a := range at {
			if a.Before(first) {
				first = a
			}
		}
		early := 0
		for _, a := range at {
			if a.Sub(first) < 30*time.Millisecond {
				early++
			}
		}
		if early > 6 { // 1, 2 and 3
			t.Errorf("%d requests in the first three rounds after the outage, want at most 6", early)
		}
		w.atRest()
	})
}

// A host that swallows all that is sent to it, so that not even a connection is
// made, gets one request of each route at a time, and then its circuit opens.
func TestHostThatSwallows(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		var dialing gauge
		w.network.host("api", func(ctx context.Context) (net.Conn, error) {
			dialing.enter()
			defer dialing.leave()
			<-ctx.Done()
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
		})
		w.api(request.API{ID: "api"})
		for _, path := range []string{"a", "b"} {
			w.target(path, toRoute("api", path))
			w.put(path, numbered(100)...)
		}
		time.Sleep(16 * time.Second)
		if n := dialing.now.Load(); n > 2 {
			t.Errorf("%d connections are being made, want one of each route at most", n)
		}
		time.Sleep(5 * time.Minute)
		if s := w.endpointStatus("api"); s.State != "open" || s.ErrorCode != "TIMEOUT" {
			t.Errorf("got %+v, want it open", s)
		}
		if n := dialing.now.Load(); n > 1 {
			t.Errorf("%d probes at once", n)
		}
	})
}

// A connection that breaks before the answer may be the route's doing: one whose
// every request ends so has its own circuit opened, beside one that is well.
func TestRouteThatBreaksConnections(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		w.routed(request.API{ID: "api"}, map[string]func(int, http.ResponseWriter, *http.Request){
			"/breaks": func(int, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "/well": ok,
		})
		w.put("breaks", numbered(100)...)
		var ids []event.ID
		for range 30 {
			ids = append(ids, w.put("well", numbered(1)...)...)
			time.Sleep(time.Second)
		}
		w.within(100*time.Millisecond, ids)
		if s := w.route("/breaks"); s.State != "open" || s.ErrorCode != "CONNECTION_FAILURE" {
			t.Errorf("got %+v, want its circuit open", s)
		}
		if s := w.route("/well"); s.State != "closed" {
			t.Errorf("got %+v, want it closed", s)
		}
	})
}

// A pause holds all routes of the API back, also those that are new.
func TestPauseOfAllRoutes(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		api := w.routed(request.API{ID: "api"}, map[string]func(int, http.ResponseWriter, *http.Request){"/a": ok, "/b": ok})
		w.ended(w.one("a"))
		if err := w.d.Pause(t.Context(), store.Endpoint{API: "api", Route: "POST /a"}); err != nil {
			t.Fatal(err)
		}
		ids := append(w.put("a", numbered(5)...), w.put("b", numbered(5)...)...)
		time.Sleep(time.Hour)
		if n := len(api.paths["/a"].arrivals()) + len(api.paths["/b"].arrivals()); n != 1 {
			t.Errorf("%d requests while paused", n-1)
		}
		if err := w.d.Resume(t.Context(), store.Endpoint{API: "api"}); err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			w.ended(id)
		}
		w.atRest()
	})
}

// Of the paths of one route some hang. The others go past them, also those that
// nobody knows yet, and with more waiting for a path than memory holds for it.
// When they are well again, all that waited arrives.
func TestHangingPaths(t *testing.T) {
	for _, hanging := range []int{1, 10} { // of a thousand
		t.Run(fmt.Sprint(hanging), func(t *testing.T) {
			bubble(t, Config{MaxQueued: 400}, func(t *testing.T, w *world) {
				var well atomic.Bool
				hangs := func(tenant int) bool { return tenant%1000 < hanging }
				box := &inbox{answer: func(_ int, _ http.ResponseWriter, r *http.Request) {
					tenant, _ := strconv.Atoi(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:])
					if hangs(tenant) && !well.Load() {
						<-r.Context().Done()
						return
					}
					time.Sleep(2 * time.Millisecond)
				}}
				w.network.serve("api", box.ServeHTTP)
				w.api(request.API{ID: "api"})
				w.target("api", toRoute("api", "tenants/*", "$.detail.tenant"))
				put := map[string]time.Time{} // to paths that are well
				const seconds, together = 8, 50
				for i := range seconds * 1000 / together {
					details := make([]string, together)
					for j := range details {
						details[j] = fmt.Sprintf(`{"tenant": %d}`, (i*together+j)%1000)
					}
					now := time.Now()
					for j, id := range w.put("api", details...) {
						if !hangs(i*together + j) {
							put[id.String()+"/0"] = now
						}
					}
					time.Sleep(together * time.Millisecond)
				}
				for _, a := range box.arrivals() {
					if at, ok := put[a.key]; ok && a.at.Sub(at) > 100*time.Millisecond {
						t.Fatalf("a delivery to a path that is well took %v", a.at.Sub(at))
					}
					delete(put, a.key)
				}
				if len(put) > 0 {
					t.Errorf("%d deliveries to paths that are well are missing", len(put))
				}
				if s := w.route("/tenants/*"); s.HangingPaths != hanging || s.State != "closed" {
					t.Errorf("got %+v, want %d paths that hang", s, hanging)
				}
				well.Store(true)
				w.delivered()
				w.atRest()
			})
		})
	}
}

// What waits for a path that hangs ends with its age (X4).
func TestTooOldForAPath(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		box := &inbox{answer: func(_ int, _ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/tenants/1" {
				<-r.Context().Done()
			}
		}}
		w.network.serve("api", box.ServeHTTP)
		w.api(request.API{ID: "api"})
		w.target("api", toRoute("api", "tenants/*", "$.detail.tenant"), retries(0, 60))
		w.ended(w.put("api", `{"tenant": 2}`)[0])
		var ids []event.ID
		for range 200 {
			ids = append(ids, w.put("api", `{"tenant": 1}`)...)
			w.put("api", `{"tenant": 2}`, `{"tenant": 3}`)
			time.Sleep(20 * time.Millisecond)
		}
		aged := 0
		for _, id := range ids {
			if d := w.ended(id); d.Status != store.Dead || d.ErrorCode != "TIMEOUT" {
				t.Fatalf("got %+v, want dead by TIMEOUT", d)
			} else if d.Attempts == 0 {
				aged++
			}
		}
		if aged == 0 {
			t.Error("all were tried: the test proves nothing")
		}
		w.atRest()
	})
}

// Routes that nobody uses are forgotten, with what was known of them, and come
// back when they are.
func TestUnusedRoutesAreForgotten(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		answers := map[string]func(int, http.ResponseWriter, *http.Request){"/waits": status(http.StatusServiceUnavailable)}
		for i := range 50 {
			answers["/r"+strconv.Itoa(i)] = ok
		}
		w.routed(request.API{ID: "api"}, answers)
		w.one("waits")
		for i := range 50 {
			w.ended(w.one("r" + strconv.Itoa(i)))
		}
		routes := func() (all, of int) {
			w.d.mu.RLock()
			defer w.d.mu.RUnlock()
			return len(w.d.routes), len(w.d.endpoints[store.Endpoint{API: "api"}].routes)
		}
		if all, of := routes(); all != 51 || of != 51 {
			t.Errorf("%d and %d routes, want 51", all, of)
		}
		time.Sleep(2 * unused)
		if all, of := routes(); all != 1 || of != 1 {
			t.Errorf("%d and %d routes after %v, want only the one for which something waits", all, of, 2*unused)
		}
		w.within(time.Second, w.put("r7", numbered(20)...))
	})
}

// A route that hangs does not have all the room of its API's queue.
func TestRoomIsShared(t *testing.T) {
	bubble(t, Config{MaxQueued: 64}, func(t *testing.T, w *world) {
		w.routed(request.API{ID: "api"}, map[string]func(int, http.ResponseWriter, *http.Request){"/hangs": hang, "/well": ok, "/other": ok})
		w.put("hangs", numbered(200)...)
		for _, source := range []string{"well", "other"} {
			for i := range 4 {
				now := time.Now()
				e := event.New(w.ids.New(now), &event.Entry{Source: source, DetailType: "d", Detail: []byte(`{}`)}, "000000000000", testRegion, now)
				a := w.d.Admit(e, testRegion, rule.DefaultBus, w.rules.AppendRoutes(nil, testRegion, rule.DefaultBus, e.JSON))
				if a.Record.Deliveries[0].Parked {
					t.Errorf("there was no room for delivery %d of %s", i+1, source)
				}
				defer w.d.Cancel(a)
			}
		}
	})
}

// What an older Bailey left in the store waits for API and stage as a whole. It
// goes to its route when its turn comes, and is sent once.
func TestRowsWithoutARoute(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		api := w.routed(request.API{ID: "api"}, map[string]func(int, http.ResponseWriter, *http.Request){"/a": ok, "/b": ok})
		key := store.Endpoint{API: "api"}
		if err := w.d.Pause(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		a, b := w.put("a", numbered(10)...), w.put("b", numbered(10)...)
		w.close(context.Background())
		w.sql("UPDATE endpoint SET api_route = '' WHERE api_route = 'POST /a'")
		w.sql("UPDATE delivery SET endpoint = (SELECT no FROM endpoint WHERE api_route = '')")
		w.open()
		if s := w.endpointStatus("api"); s.Waiting != 20 || len(s.Routes) != 0 {
			t.Errorf("got %+v, want 20 that wait for no route", s)
		}
		if err := w.d.Resume(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		w.delivered()
		api.paths["/a"].once(t, a)
		api.paths["/b"].once(t, b)
		w.atRest()
	})
}
