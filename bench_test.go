package bailey_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bailey"
)

// The sink is the same for Bailey and for the bare client: a net/http server
// that reads and discards. It runs in this process, so both pay for it.
type sink struct {
	url   string
	count atomic.Int64
	on    func(*http.Request) // when not nil, called for each request
}

func newSink(b testing.TB) *sink {
	s := new(sink)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s.url = "http://" + l.Addr().String()
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if s.on != nil {
			s.on(r)
		}
		s.count.Add(1)
	})}
	go func() { _ = server.Serve(l) }()
	b.Cleanup(func() { _ = server.Close() })
	return s
}

// benchEntry makes events of about 1 KiB.
func benchEntry(n int64) bailey.Entry {
	return bailey.Entry{
		Source:     "shop",
		DetailType: "Order Placed",
		Detail:     fmt.Appendf(nil, `{"n": %d, "state": "new", "note": "%s"}`, n, benchNote),
	}
}

var benchNote = strings.Repeat("x", 760)

const benchWorkers = 64

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkDeliver measures events from PutEvents to the answer of the API,
// each committed and synced before PutEvents returned, and in the same run a
// bare net/http client that posts the same bodies to the same sink over as
// many connections. The ratio of the two is what counts: the two take turns,
// so that both see the same machine.
func BenchmarkDeliver(b *testing.B) {
	const turn = 20_000
	// As bailey serve does, see makeWayForDisk there; the bare client has the
	// same.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 2))
	s := newSink(b)
	r := open(b, bailey.Config{Dir: benchDir(b)})
	route(b, r, "orders", s.url, nil)
	var ratios []float64
	var bareTime, baileyTime, bareCPU, baileyCPU time.Duration
	events := 0
	for b.Loop() {
		c0, t0 := cpuTime(), time.Now()
		bare(b, s, turn)
		c1, t1 := cpuTime(), time.Now()
		through(b, r, s, turn)
		c2, t2 := cpuTime(), time.Now()
		bareTime, baileyTime = bareTime+t1.Sub(t0), baileyTime+t2.Sub(t1)
		bareCPU, baileyCPU = bareCPU+c1-c0, baileyCPU+c2-c1
		ratios = append(ratios, float64(t1.Sub(t0))/float64(t2.Sub(t1)))
		events += turn
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "ratio-to-bare")
	b.ReportMetric(float64(events)/baileyTime.Seconds(), "events/s")
	b.ReportMetric(float64(events)/bareTime.Seconds(), "bare/s")
	b.ReportMetric(float64(baileyCPU.Microseconds())/float64(events), "cpu-µs/event")
	b.ReportMetric(float64(bareCPU.Microseconds())/float64(events), "bare-cpu-µs/event")
	b.ReportMetric(0, "ns/op")
}

// benchDir is a folder on a real disk: fsync on a memory file system is free.
func benchDir(b *testing.B) string {
	dir, err := os.MkdirTemp(os.Getenv("BAILEY_BENCH_DIR"), "bailey-bench-") //nolint:usetesting // TempDir cannot be told where
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// bare posts n bodies with a plain client.
func bare(b *testing.B, s *sink, n int) {
	transport := &http.Transport{MaxIdleConnsPerHost: benchWorkers}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range benchWorkers {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				e := benchEntry(i)
				body := fmt.Appendf(nil, `{"version":"0","id":"01936c5e-0000-7000-8000-000000000000","detail-type":"Order Placed","source":"shop","account":"000000000000","time":"2026-11-23T12:00:00Z","region":"us-east-1","resources":[],"detail":%s}`, e.Detail)
				resp, err := client.Post(s.url+"/orders", "application/json", bytes.NewReader(body))
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		})
	}
	wg.Wait()
}

// through puts n events, ten a call, and waits until all have arrived. No more
// than 4,096 are under way at once, as with any caller who is not faster than
// what he calls.
func through(b *testing.B, r *bailey.Router, s *sink, n int) {
	from := s.count.Load()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range benchWorkers {
		wg.Go(func() {
			entries := make([]bailey.Entry, 10)
			for {
				last := next.Add(int64(len(entries)))
				if last > int64(n) {
					return
				}
				for last-(s.count.Load()-from) > 4096 {
					runtime.Gosched()
					time.Sleep(100 * time.Microsecond)
				}
				for i := range entries {
					entries[i] = benchEntry(last - int64(i))
				}
				if _, err := r.PutEvents(context.Background(), "", entries); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	for s.count.Load()-from < int64(n) {
		time.Sleep(100 * time.Microsecond)
	}
}
