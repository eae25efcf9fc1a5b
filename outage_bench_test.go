package bailey_test

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bailey"
	"bailey/internal/request"
	"bailey/internal/rule"
)

// outageSink is down until it is told otherwise. Then it checks that it has
// never more requests at once than the ramp allows after an outage: one, and
// one more for every round that it has answered.
type outageSink struct {
	url string

	mu       sync.Mutex
	up       bool
	busy     int
	limit    float64
	most     int
	tooMany  int
	answered int
	last     time.Time            // when the newest was answered
	arrived  map[string]time.Time // by Idempotency-Key
}

func newOutageSink(b *testing.B) *outageSink {
	b.Helper()
	s := &outageSink{limit: 1, arrived: map[string]time.Time{}}
	s.url = serve(b, s)
	return s
}

// serve puts a handler behind an address until the benchmark ends.
func serve(b *testing.B, h http.Handler) string {
	b.Helper()
	l, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: h}
	go func() { _ = server.Serve(l) }()
	b.Cleanup(func() { _ = server.Close() })
	return "http://" + l.Addr().String()
}

// ServeHTTP is the API.
func (s *outageSink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.up {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	s.busy++
	s.most = max(s.most, s.busy)
	if s.busy > int(s.limit) {
		s.tooMany++
	}
	s.mu.Unlock()
	time.Sleep(5 * time.Millisecond) // as an API that does something
	s.mu.Lock()
	s.busy--
	s.limit += 1 / s.limit
	s.answered++
	s.last = time.Now()
	s.arrived[r.Header.Get("Idempotency-Key")] = s.last
}

// BenchmarkOutage lets 100,000 events wait for an endpoint that is down, and
// measures how it gets them when it is back: in how many times what a bare
// client with as many requests at once needs for as many, and how long fresh
// events take beside them. It fails if the endpoint ever sees more requests at
// once than the ramp allows, or if any event is missing.
func BenchmarkOutage(b *testing.B) {
	const events, probes = 100_000, 10 // the latest probes that failed keep the times of their retries
	var ratios, fresh50, fresh99 []float64
	for b.Loop() {
		bareSink := newOutageSink(b)
		bareSink.up, bareSink.limit = true, benchWorkers
		began := time.Now()
		bareEvents := events / 4
		bareOver(b, bareSink.url, bareEvents)
		bareTime := 4 * time.Since(began)

		s := newOutageSink(b)
		r := open(b, bailey.Config{Dir: benchDir(b)})
		fromSource(b, r, "shop", s.url)
		if err := r.Rules().PutAPI(context.Background(), &request.API{ID: "shop", URL: s.url, MaxConcurrency: benchWorkers}); err != nil {
			b.Fatal(err)
		}
		putMany(b, r, events)
		for open := false; !open; time.Sleep(100 * time.Millisecond) {
			all, err := r.Endpoints(context.Background())
			if err != nil {
				b.Fatal(err)
			}
			for _, e := range all {
				open = open || e.State == "open" && e.Waiting >= events-1
			}
		}
		s.mu.Lock()
		s.up = true
		s.mu.Unlock()

		// One fresh event every 50 ms, until all that waited has arrived.
		put := map[string]time.Time{}
		var first time.Time
		for {
			s.mu.Lock()
			answered := s.answered
			s.mu.Unlock()
			if answered >= events-probes {
				break
			}
			if answered > 0 {
				if first.IsZero() {
					first = time.Now()
				}
				entry := benchEntry(0)
				results, err := r.PutEvents(context.Background(), "", []bailey.Entry{entry})
				if err != nil {
					b.Fatal(err)
				}
				put[results[0].ID.String()+"/0"] = time.Now()
			}
			time.Sleep(50 * time.Millisecond)
		}
		ratios = append(ratios, time.Since(first).Seconds()/bareTime.Seconds())
		for answered := 0; answered < events+len(put); time.Sleep(50 * time.Millisecond) {
			s.mu.Lock()
			answered = len(s.arrived)
			s.mu.Unlock()
		}
		var waits []float64
		s.mu.Lock()
		for key, at := range put {
			waits = append(waits, max(0, s.arrived[key].Sub(at).Seconds()*1000))
		}
		if s.tooMany > 0 {
			b.Errorf("%d requests were more than the ramp allows", s.tooMany)
		}
		b.Logf("%d events and %d fresh ones, at most %d requests at once", events, len(put), s.most)
		s.mu.Unlock()
		slices.Sort(waits)
		fresh50, fresh99 = append(fresh50, waits[len(waits)/2]), append(fresh99, waits[len(waits)*99/100])
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(median(ratios), "times-the-bare-client")
	b.ReportMetric(median(fresh50), "fresh-p50-ms")
	b.ReportMetric(median(fresh99), "fresh-p99-ms")
	b.ReportMetric(0, "ns/op")
}

// bareOver is bare for any address.
func bareOver(b *testing.B, url string, n int) {
	b.Helper()
	s := &sink{url: url}
	bare(b, s, n)
}

// putMany puts so many events, a hundred a call, as fast as they are taken.
func putMany(b *testing.B, r *bailey.Router, n int) {
	b.Helper()
	entries := make([]bailey.Entry, 100)
	for i := 0; i < n; i += len(entries) {
		for j := range entries {
			entries[j] = benchEntry(int64(i + j))
		}
		if _, err := r.PutEvents(context.Background(), "", entries); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkManyEndpoints measures how fast 4,500 endpoints get their events
// while 500 others, which are sent as many each, answer as well, and while those
// hang until their requests' time is over. The turns alternate, so that both
// see the same machine.
func BenchmarkManyEndpoints(b *testing.B) {
	const endpoints, hanging, turn = 5000, 500, 100_000
	var delivered atomic.Int64
	well := serve(b, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { delivered.Add(1) }))
	var hang atomic.Pointer[chan struct{}] // closed when nobody hangs any more
	moody := serve(b, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if c := hang.Load(); c != nil {
			select {
			case <-*c:
			case <-r.Context().Done():
			}
		}
	}))
	ctx := context.Background()
	r := open(b, bailey.Config{Dir: benchDir(b), Quotas: rule.Quotas{RulesPerBus: endpoints}})
	for i := range endpoints {
		url := well
		if i%(endpoints/hanging) == 0 {
			url = moody
		}
		fromSource(b, r, "e"+strconv.Itoa(i), url)
	}
	const healthy = turn - turn/endpoints*hanging // events
	// through puts a turn's events, as many for each endpoint, and returns how
	// long it took until those that are well had theirs.
	through := func() time.Duration {
		from, began := delivered.Load(), time.Now()
		var next atomic.Int64
		var callers sync.WaitGroup
		for range 16 {
			callers.Go(func() {
				entries := make([]bailey.Entry, 10)
				for i := next.Add(10) - 10; i < turn; i = next.Add(10) - 10 {
					for i*healthy/turn-(delivered.Load()-from) > 4096 {
						time.Sleep(100 * time.Microsecond)
					}
					for j := range entries {
						entries[j] = benchEntry(i)
						entries[j].Source = "e" + strconv.FormatInt((i+int64(j))%endpoints, 10)
					}
					if _, err := r.PutEvents(ctx, "", entries); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		callers.Wait()
		for delivered.Load()-from < healthy {
			time.Sleep(100 * time.Microsecond)
		}
		return time.Since(began)
	}
	// rest waits until nothing is under way or waits any more.
	rest := func() {
		for busy := true; busy; time.Sleep(100 * time.Millisecond) {
			all, err := r.Endpoints(ctx)
			if err != nil {
				b.Fatal(err)
			}
			busy = slices.ContainsFunc(all, func(e bailey.EndpointStatus) bool { return e.InFlight > 0 || e.Waiting > 0 })
		}
	}
	through() // so that connections are open
	var ratios, alone []float64
	for b.Loop() {
		for range 3 {
			rest()
			a := through()
			rest()
			c := make(chan struct{})
			hang.Store(&c)
			h := through()
			hang.Store(nil)
			close(c)
			alone = append(alone, healthy/a.Seconds())
			ratios = append(ratios, a.Seconds()/h.Seconds())
		}
	}
	rest()
	b.ReportMetric(median(alone), "events/s-all-well")
	b.ReportMetric(median(ratios), "ratio-beside-hanging")
	b.ReportMetric(0, "ns/op")
}
