package bailey_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bailey"
	"bailey/internal/request"
	"bailey/internal/rule"
)

// routesSink answers the paths that are well, notes when each request arrived,
// and leaves the others unanswered until the caller gives up.
type routesSink struct {
	arrivalTimes
	hangs func(path string) bool
}

func (s *routesSink) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	if s.hangs(r.URL.Path) {
		<-r.Context().Done()
		return
	}
	s.note(r)
}

// arrived is how many requests have come to paths that are well.
func (s *routesSink) arrived() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.at)
}

// BenchmarkRoutes measures one route of an API, from PutEvents' answer to the
// arrival of the request, at 1,000 events a second beside as many for a second
// route of the same API and stage, while that answers as well ("beside a well
// one"), while it never answers, and while there is none ("alone"). Then the same
// for the paths of one route with a variable, of which one in a hundred never
// answers. The turns alternate, so that all see the same machine.
func BenchmarkRoutes(b *testing.B) {
	const rate = 1000
	b.Run("hanging-sister", func(b *testing.B) {
		routesRatios(b, map[string]func() routesResult{
			"alone":   func() routesResult { return besideRoute(b, rate, 0, false) },
			"well":    func() routesResult { return besideRoute(b, rate, rate, false) },
			"hanging": func() routesResult { return besideRoute(b, rate, rate, true) },
		})
	})
	b.Run("thousand-paths", func(b *testing.B) {
		routesRatios(b, map[string]func() routesResult{
			"alone":   func() routesResult { return amongPaths(b, rate, 0) },
			"hanging": func() routesResult { return amongPaths(b, rate, 100) },
		})
	})
}

// routesResult is what became of the events for routes or paths that are well.
type routesResult struct {
	p50, p99   float64 // milliseconds
	throughput float64 // events a second, until the last had arrived
}

func routesRatios(b *testing.B, turns map[string]func() routesResult) {
	b.Helper()
	all := map[string][]routesResult{}
	for b.Loop() {
		for range 3 {
			for name, turn := range turns {
				all[name] = append(all[name], turn())
			}
		}
	}
	pick := func(name string, f func(routesResult) float64) float64 {
		values := make([]float64, len(all[name]))
		for i, r := range all[name] {
			values[i] = f(r)
		}
		return median(values)
	}
	p99 := func(r routesResult) float64 { return r.p99 }
	throughput := func(r routesResult) float64 { return r.throughput }
	for name := range turns {
		b.ReportMetric(pick(name, func(r routesResult) float64 { return r.p50 }), "p50-ms-"+name)
		b.ReportMetric(pick(name, p99), "p99-ms-"+name)
	}
	b.ReportMetric(pick("hanging", p99)/pick("alone", p99), "p99-ratio")
	b.ReportMetric(pick("hanging", throughput)/pick("alone", throughput), "throughput-ratio")
	b.ReportMetric(0, "ns/op")
}

// routesAPI makes an API with a rule and a target for each source, which leads to
// the path that is given for it.
func routesAPI(b *testing.B, url string, paths map[string]*rule.Target) *bailey.Router {
	b.Helper()
	r := open(b, bailey.Config{Dir: benchDir(b)})
	ctx := context.Background()
	if err := r.Rules().PutAPI(ctx, &request.API{ID: "shop", URL: url}); err != nil {
		b.Fatal(err)
	}
	for source, target := range paths {
		_, err := r.Rules().PutRule(ctx, rule.Rule{
			Region: "us-east-1", EventBusName: "default", Name: source, State: rule.Enabled,
			EventPattern: fmt.Sprintf(`{"source": [%q]}`, source),
		})
		if err != nil {
			b.Fatal(err)
		}
		target.ID, target.ARN = "api", "arn:aws:execute-api:us-east-1:000000000000:shop/prod/POST/"+target.ARN
		if err := r.Rules().PutTargets(ctx, "us-east-1", "default", source, []rule.Target{*target}); err != nil {
			b.Fatal(err)
		}
	}
	return r
}

// besideRoute sends rate events a second to a route for ten seconds, and others
// to a second one.
func besideRoute(b *testing.B, rate, others int, hanging bool) routesResult {
	b.Helper()
	s := &routesSink{arrivalTimes: arrivalTimes{at: map[string]time.Time{}}, hangs: func(path string) bool { return hanging && path == "/second" }}
	r := routesAPI(b, serve(b, s), map[string]*rule.Target{"first": {ARN: "first"}, "second": {ARN: "second"}})
	return stream(b, r, s, map[string]int{"first": rate, "second": others}, nil, func(entry *bailey.Entry) bool { return entry.Source == "first" || !hanging })
}

// amongPaths sends rate events a second to a thousand paths of one route, of
// which every hanging-th never answers.
func amongPaths(b *testing.B, rate, hanging int) routesResult {
	b.Helper()
	hangs := func(n int) bool { return hanging > 0 && n%hanging == hanging-1 }
	s := &routesSink{arrivalTimes: arrivalTimes{at: map[string]time.Time{}}, hangs: func(path string) bool {
		n, err := strconv.Atoi(path[strings.LastIndexByte(path, '/')+1:])
		return err == nil && hangs(n)
	}}
	r := routesAPI(b, serve(b, s), map[string]*rule.Target{"first": {
		ARN: "tenants/*", HTTPParameters: &rule.HTTPParameters{PathParameterValues: []string{"$.detail.tenant"}},
	}})
	var next atomic.Int64
	return stream(b, r, s, map[string]int{"first": rate}, func(entry *bailey.Entry) {
		entry.Detail = fmt.Appendf(nil, `{"tenant": %d}`, next.Add(1)%1000)
	}, func(entry *bailey.Entry) bool {
		var detail struct{ Tenant int }
		if err := json.Unmarshal(entry.Detail, &detail); err != nil {
			b.Error(err)
		}
		return !hangs(detail.Tenant)
	})
}

// stream puts events for ten seconds, so many a second of each source, and
// measures those that are counted.
func stream(b *testing.B, r *bailey.Router, s *routesSink, rates map[string]int, change func(*bailey.Entry), counts func(*bailey.Entry) bool) routesResult {
	b.Helper()
	answered := map[string]time.Time{}
	var mu sync.Mutex
	var calls sync.WaitGroup
	const seconds = 10
	began := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for i := range seconds * 100 {
		<-tick.C
		for source, rate := range rates {
			if rate == 0 {
				continue
			}
			calls.Go(func() {
				entries := make([]bailey.Entry, rate/100)
				for j := range entries {
					entries[j] = benchEntry(int64(i))
					entries[j].Source = source
					if change != nil {
						change(&entries[j])
					}
				}
				results, err := r.PutEvents(context.Background(), "", entries)
				if err != nil {
					b.Error(err)
					return
				}
				now := time.Now()
				mu.Lock()
				defer mu.Unlock()
				for j, res := range results {
					if counts(&entries[j]) {
						answered[res.ID.String()+"/0"] = now
					}
				}
			})
		}
	}
	calls.Wait()
	for until := time.Now().Add(2 * time.Minute); s.arrived() < len(answered) && time.Now().Before(until); {
		time.Sleep(time.Millisecond)
	}
	took := time.Since(began)
	var latencies []float64
	s.mu.Lock()
	for key, at := range answered {
		if _, ok := s.at[key]; !ok {
			b.Errorf("event %s had not arrived after two minutes", key)
			continue
		}
		latencies = append(latencies, max(0.01, s.at[key].Sub(at).Seconds()*1000)) // it may arrive before the caller has his answer
	}
	s.mu.Unlock()
	slices.Sort(latencies)
	stop, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if err := r.Shutdown(stop); err != nil {
		b.Fatal(err)
	}
	return routesResult{latencies[len(latencies)/2], latencies[len(latencies)*99/100], float64(len(answered)) / took.Seconds()}
}
