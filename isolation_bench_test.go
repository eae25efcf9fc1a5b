package bailey_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"bailey"
	"bailey/internal/event"
	"bailey/internal/request"
	"bailey/internal/rule"
	"bailey/internal/store"
	"bailey/internal/store/sqlite"
)

// fromSource makes a rule and an API for the events of one source.
func fromSource(b *testing.B, r *bailey.Router, source, url string) {
	b.Helper()
	ctx := context.Background()
	if err := r.Rules().PutAPI(ctx, &request.API{ID: source, URL: url}); err != nil {
		b.Fatal(err)
	}
	_, err := r.Rules().PutRule(ctx, rule.Rule{
		Region: "us-east-1", EventBusName: "default", Name: source, State: rule.Enabled,
		EventPattern: fmt.Sprintf(`{"source": [%q]}`, source),
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := r.Rules().PutTargets(ctx, "us-east-1", "default", source, []rule.Target{{
		ID: "api", ARN: "arn:aws:execute-api:us-east-1:000000000000:" + source + "/prod/POST/orders",
	}}); err != nil {
		b.Fatal(err)
	}
}

// arrivalTimes notes when the request for each event arrived.
type arrivalTimes struct {
	mu sync.Mutex
	at map[string]time.Time
}

func (a *arrivalTimes) note(r *http.Request) {
	now := time.Now()
	a.mu.Lock()
	a.at[r.Header.Get("Idempotency-Key")] = now
	a.mu.Unlock()
}

// BenchmarkHangingNeighbour measures one endpoint's latency, from PutEvents'
// answer to the arrival of the request, while a second endpoint with as many
// events answers as well, and while it never answers. The turns alternate, so
// that both see the same machine.
func BenchmarkHangingNeighbour(b *testing.B) {
	for _, rate := range []int{500, 2000} {
		b.Run(strconv.Itoa(rate)+"-a-second", func(b *testing.B) {
			var ratios50, ratios99, alone50, alone99, hanging50, hanging99 []float64
			for b.Loop() {
				for range 3 {
					a50, a99 := besideNeighbour(b, rate, newSink(b).url)
					h50, h99 := besideNeighbour(b, rate, blackHole(b))
					alone50, alone99 = append(alone50, a50), append(alone99, a99)
					hanging50, hanging99 = append(hanging50, h50), append(hanging99, h99)
					ratios50, ratios99 = append(ratios50, h50/a50), append(ratios99, h99/a99)
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(alone50), "p50-ms")
			b.ReportMetric(median(alone99), "p99-ms")
			b.ReportMetric(median(hanging50), "p50-ms-beside-hanging")
			b.ReportMetric(median(hanging99), "p99-ms-beside-hanging")
			b.ReportMetric(median(ratios50), "p50-ratio")
			b.ReportMetric(median(ratios99), "p99-ratio")
		})
	}
}

func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}

// besideNeighbour sends rate events a second to an endpoint and as many to its
// neighbour for ten seconds, and returns the healthy one's latencies in
// milliseconds.
func besideNeighbour(b *testing.B, rate int, neighbour string) (p50, p99 float64) {
	b.Helper()
	healthy := newSink(b)
	times := &arrivalTimes{at: map[string]time.Time{}}
	healthy.on = times.note
	r := open(b, bailey.Config{Dir: benchDir(b)})
	fromSource(b, r, "healthy", healthy.url)
	fromSource(b, r, "neighbour", neighbour)

	answered := map[string]time.Time{}
	var mu sync.Mutex
	var calls sync.WaitGroup
	const seconds = 10
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for i := range seconds * 100 {
		<-tick.C
		for _, source := range []string{"healthy", "neighbour"} {
			calls.Go(func() {
				entries := make([]bailey.Entry, rate/100)
				for j := range entries {
					entries[j] = benchEntry(int64(i))
					entries[j].Source = source
				}
				results, err := r.PutEvents(context.Background(), "", entries)
				if err != nil {
					b.Error(err)
					return
				}
				now := time.Now()
				mu.Lock()
				defer mu.Unlock()
				for _, res := range results {
					if source == "healthy" {
						answered[res.ID.String()+"/0"] = now
					}
				}
			})
		}
	}
	calls.Wait()
	for healthy.count.Load() < int64(len(answered)) {
		time.Sleep(time.Millisecond)
	}
	var latencies []float64
	times.mu.Lock()
	for key, at := range answered {
		latencies = append(latencies, max(0.01, times.at[key].Sub(at).Seconds()*1000)) // it may arrive before the caller has his answer
	}
	times.mu.Unlock()
	slices.Sort(latencies)
	stop, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if err := r.Shutdown(stop); err != nil {
		b.Fatal(err)
	}
	return latencies[len(latencies)/2], latencies[len(latencies)*99/100]
}

// blackHole takes connections and requests, and never answers.
func blackHole(b *testing.B) string {
	b.Helper()
	l, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var mu sync.Mutex
	var conns []net.Conn
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
		}
	}()
	b.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range conns {
			_ = c.Close()
		}
	})
	return "http://" + l.Addr().String()
}

// resident is how much memory the process has, in MiB, once it has given back
// what it can.
func resident(b *testing.B) float64 {
	b.Helper()
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("how much memory a process has is read from /proc")
	}
	for line := range strings.Lines(string(status)) {
		if text, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 64)
			if err != nil {
				b.Fatal(err)
			}
			return kib / 1024
		}
	}
	b.Fatal("no VmRSS in /proc/self/status")
	return 0
}

// BenchmarkMemory delivers a million events and shows how much memory the
// process, the sink included, has after each fifth of them.
func BenchmarkMemory(b *testing.B) {
	const step = 200_000
	s := newSink(b)
	r := open(b, bailey.Config{Dir: benchDir(b)})
	route(b, r, "orders", s.url, nil)
	for b.Loop() {
		for i := range 5 {
			through(b, r, s, step)
			b.ReportMetric(resident(b), fmt.Sprintf("MiB-at-%dk", (i+1)*step/1000))
		}
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkParked measures what a million retries that wait for later cost:
// memory, processor time at rest, time to start, and the share of its speed
// that fresh deliveries keep. A router without them takes turns with it.
func BenchmarkParked(b *testing.B) {
	const parked, turn = 1_000_000, 20_000
	s := newSink(b)
	dir := benchDir(b)
	without := open(b, bailey.Config{Dir: benchDir(b)})
	route(b, without, "orders", s.url, nil)
	first := open(b, bailey.Config{Dir: dir})
	route(b, first, "orders", s.url, nil)
	fromSource(b, first, "failing", s.url)
	if err := first.Close(); err != nil {
		b.Fatal(err)
	}
	park(b, dir, parked)
	through(b, without, s, turn) // so that both are warm
	before := resident(b)
	began := time.Now()
	with := open(b, bailey.Config{Dir: dir})
	start, at := time.Since(began), resident(b)

	c0 := cpuTime()
	const rest = 5 * time.Second
	time.Sleep(rest)
	idle := cpuTime() - c0

	var ratios []float64
	for b.Loop() {
		for range 7 {
			t0 := time.Now()
			through(b, without, s, turn)
			t1 := time.Now()
			through(b, with, s, turn)
			ratios = append(ratios, t1.Sub(t0).Seconds()/time.Since(t1).Seconds())
		}
	}
	// Loop forgets what was reported before it.
	b.ReportMetric(start.Seconds(), "s-to-start")
	b.ReportMetric(at-before, "MiB-more")
	b.ReportMetric(at, "MiB-in-all")
	b.ReportMetric(100*idle.Seconds()/rest.Seconds(), "%cpu-at-rest")
	b.ReportMetric(median(ratios), "ratio-to-none-parked")
	b.ReportMetric(resident(b), "MiB-afterwards")
	b.ReportMetric(0, "ns/op")
}

// park fills the store in dir with deliveries that have failed once and are due
// within the next days.
func park(b *testing.B, dir string, n int) {
	b.Helper()
	s, err := sqlite.Open(sqlite.Config{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	var ids event.IDs
	ids.StartAfter(s.NewestKey())
	way := store.Route{Region: "us-east-1", Bus: "default", Rule: "failing", Target: "api"}
	end := store.Endpoint{API: "failing"}
	now := time.Now()
	const batch = 1000
	for i := 0; i < n; i += batch {
		records := make([]*store.Record, batch)
		for j := range records {
			e := benchEntry(int64(i + j))
			e.Source = "failing"
			records[j] = &store.Record{
				Event:  event.New(ids.New(now), &e, "000000000000", "us-east-1", now),
				Region: "us-east-1", Bus: "default", Deliveries: []store.Fresh{{Route: way, Endpoint: end}},
			}
		}
		if err := s.Put(context.Background(), records); err != nil {
			b.Fatal(err)
		}
		for j, rec := range records {
			s.Settle(store.Outcome{
				Event: rec.Event.ID.Key(), Route: way, Endpoint: end, Ticket: rec.Ticket, Status: store.Pending, Attempts: 1, At: now,
				Due: now.Add(time.Hour + time.Duration(i+j)*100*time.Millisecond), StatusCode: 500, ErrorCode: "ERROR_FROM_TARGET",
				Error: "the endpoint answered 500 Internal Server Error", Failed: true,
			})
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}
