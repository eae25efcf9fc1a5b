package http1

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// BenchmarkClient posts bodies of 1 KiB over 64 connections to a server in the
// same process, by this client and by net/http. What counts is the processor
// time for each request, the server's share included, which is the same for
// both.
func BenchmarkClient(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	})}
	go func() { _ = server.Serve(l) }()
	b.Cleanup(func() { _ = server.Close() })
	url := "http://" + l.Addr().String() + "/orders"
	body := []byte(strings.Repeat("x", 1<<10))

	newRequest := func(b *testing.B) *http.Request {
		req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			b.Error(err)
			return nil
		}
		req.Header["Content-Type"] = []string{"application/json"}
		return req
	}
	b.Run("http1", func(b *testing.B) {
		c := &Client{Dial: new(net.Dialer).DialContext, MaxIdle: 64, MaxIdlePerHost: 64}
		defer c.Close()
		inParallel(b, func() error {
			resp, err := c.Do(newRequest(b), time.Now().Add(5*time.Second))
			if err != nil {
				return err
			}
			resp.Close()
			return nil
		})
	})
	b.Run("net_http", func(b *testing.B) {
		transport := &http.Transport{MaxIdleConnsPerHost: 64}
		defer transport.CloseIdleConnections()
		client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
		inParallel(b, func() error {
			resp, err := client.Do(newRequest(b))
			if err != nil {
				return err
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			return resp.Body.Close()
		})
	})
}

// inParallel does b.N requests by 64 workers and reports the processor time.
func inParallel(b *testing.B, do func() error) {
	b.ReportAllocs()
	before := cpuTime(b)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for next.Add(1) <= int64(b.N) {
				if err := do(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/1e3/float64(b.N), "cpu-µs/op")
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
