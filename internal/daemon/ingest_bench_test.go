package daemon

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
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

// The load is the same for Bailey and for the bare server: PutEvents calls of
// ten entries of 1 KiB, each worker on a connection that it keeps, the next
// call when the last is answered. The client is in this process and both pay
// for it, so it does as little as it can: it writes bytes made beforehand and
// reads an answer up to its end.
const (
	ingestWorkers = 64
	ingestEntries = 10
)

// ingestCall is a whole request, its body made as boto3 makes it.
func ingestCall(host string) []byte {
	detail := strings.ReplaceAll(fmt.Sprintf(`{"orderId": "o-1234567", "state": "new", "total": 12.5, "items": [{"sku": "a-1", "n": 2}], "note": %q}`,
		strings.Repeat("word ", 164)), `"`, `\"`)
	entry := `{"Source": "shop.orders", "DetailType": "Order Placed", "Detail": "` + detail + `", "EventBusName": "default"}`
	body := `{"Entries": [` + strings.Repeat(entry+", ", ingestEntries-1) + entry + `]}`
	return fmt.Appendf(nil, "POST / HTTP/1.1\r\nHost: %s\r\nAccept-Encoding: identity\r\nContent-Length: %d\r\n"+
		"X-Amz-Target: AWSEvents.PutEvents\r\nContent-Type: application/x-amz-json-1.1\r\nUser-Agent: Boto3/1.43.11\r\n"+
		"X-Amz-Date: 20261123T120000Z\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/us-east-1/events/aws4_request, "+
		"SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=%s\r\n\r\n%s", host, len(body), strings.Repeat("0", 64), body)
}

// load makes calls and returns when they are answered.
func load(b *testing.B, host string, calls int) {
	request := ingestCall(host)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range ingestWorkers {
		wg.Go(func() {
			conn, err := net.Dial("tcp", host)
			if err != nil {
				b.Error(err)
				return
			}
			defer conn.Close()
			answers := bufio.NewReader(conn)
			for next.Add(1) <= int64(calls) {
				if _, err := conn.Write(request); err != nil {
					b.Error(err)
					return
				}
				if err := skipAnswer(answers); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// skipAnswer reads one answer, which must be a good one.
func skipAnswer(r *bufio.Reader) error {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
		return fmt.Errorf("answered %s", line)
	}
	length := 0
	for len(line) > 2 {
		if line, err = r.ReadSlice('\n'); err != nil {
			return err
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			for _, c := range bytes.TrimSpace(value) {
				length = length*10 + int(c-'0')
			}
		}
	}
	_, err = r.Discard(length)
	return err
}

// BenchmarkIngest measures PutEvents over HTTP/1.1, without targets, each call
// answered when its events are synced, and in the same run a bare net/http
// server that reads the same bodies and discards them. The two take turns, so
// that both see the same machine, and the ratio of the two is what counts.
// TMPDIR names a folder on the disk to be measured: to sync a file system in
// memory costs nothing.
func BenchmarkIngest(b *testing.B) {
	const turn = 4_000 // calls
	// As bailey serve does, see makeWayForDisk there.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 2))
	bare := serveBare(b)
	server := serve(b, Config{Router: bailey.Config{Dir: b.TempDir(), Log: slog.New(slog.DiscardHandler)}})
	host := server.Addr().String()
	load(b, bare, ingestWorkers)
	load(b, host, ingestWorkers)

	var ratios []float64
	var bareTime, baileyTime, bareCPU, baileyCPU time.Duration
	events := 0
	for b.Loop() {
		c0, t0 := cpuTime(), time.Now()
		load(b, bare, turn)
		c1, t1 := cpuTime(), time.Now()
		load(b, host, turn)
		c2, t2 := cpuTime(), time.Now()
		bareTime, baileyTime = bareTime+t1.Sub(t0), baileyTime+t2.Sub(t1)
		bareCPU, baileyCPU = bareCPU+c1-c0, baileyCPU+c2-c1
		ratios = append(ratios, float64(t1.Sub(t0))/float64(t2.Sub(t1)))
		events += turn * ingestEntries
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "ratio-to-bare")
	b.ReportMetric(float64(events)/baileyTime.Seconds(), "events/s")
	b.ReportMetric(float64(events)/bareTime.Seconds(), "bare-events/s")
	b.ReportMetric(float64(baileyCPU.Nanoseconds())/1e3/float64(events), "cpu-µs/event")
	b.ReportMetric(float64(bareCPU.Nanoseconds())/1e3/float64(events), "bare-cpu-µs/event")
	b.ReportMetric(0, "ns/op")
}

// serveBare serves a handler that reads a body, discards it and answers as
// PutEvents would.
func serveBare(b *testing.B) (host string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	result := `{"EventId":"01936c5e-0000-7000-8000-000000000000"}`
	answer := []byte(`{"Entries":[` + strings.Repeat(result+",", ingestEntries-1) + result + `],"FailedEntryCount":0}`)
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			b.Error(err)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = w.Write(answer)
	})}
	go func() { _ = server.Serve(listener) }()
	b.Cleanup(func() { _ = server.Close() })
	return listener.Addr().String()
}

// serve runs a server until the test ends.
func serve(tb testing.TB, config Config) *Server {
	tb.Helper()
	config.Listen = "127.0.0.1:0"
	server, err := Listen(tb.Context(), config)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx) }()
	tb.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			tb.Errorf("serving: %v", err)
		}
	})
	return server
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
