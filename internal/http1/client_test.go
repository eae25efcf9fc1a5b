package http1

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"bailey/internal/retry"
)

const noContent = "HTTP/1.1 204 No Content\r\n\r\n"

// One connection carries many requests, one after the other.
func TestConnectionIsKept(t *testing.T) {
	c, dials := servedBy(t, answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 100))
	for range 5 {
		if status, body, err := send(c, post(t, "http://shop/orders", "{}")); status != 200 || body != "ok" || err != nil {
			t.Fatalf("got %d %q, %v", status, body, err)
		}
	}
	if n := dials.Load(); n != 1 {
		t.Errorf("%d connections were made, want 1", n)
	}
}

// A body that is not read to its end takes its connection with it.
func TestUnreadBody(t *testing.T) {
	c, dials := servedBy(t, answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 100))
	for range 2 {
		resp, err := c.Do(post(t, "http://shop", "{}"), time.Now().Add(patience))
		if err != nil {
			t.Fatal(err)
		}
		resp.Close()
		resp.Close()
		if _, err := resp.Read(make([]byte, 1)); err == nil {
			t.Error("a closed response can be read")
		}
	}
	if n := dials.Load(); n != 2 {
		t.Errorf("%d connections were made, want 2", n)
	}
}

// A request over a connection that was kept and ends without an answer is made
// once more, over a new one; otherwise it is not.
func TestLostRequests(t *testing.T) {
	big := strings.Repeat("x", 4*smallRequest)
	for _, tt := range []struct {
		name  string
		body  string
		serve func(n int64, c net.Conn)
		want  int64 // connections
		ok    bool
	}{
		{"closed while it was idle", "{}", answering(noContent, 1), 2, true},
		{"closed while it was idle, a long request", big, answering(noContent, 1), 2, true},
		{"closed after the second request came", "{}", func(n int64, c net.Conn) {
			answering(noContent, 1)(n, c)
			if n == 1 {
				receive(c)
				return
			}
			answering(noContent, 9)(n, c)
		}, 2, true},
		{"closed after each request from then on", "{}", func(n int64, c net.Conn) {
			if n == 1 {
				answering(noContent, 1)(n, c)
			}
			receive(c)
		}, 2, false},
		{"broken off within the answer", "{}", func(n int64, c net.Conn) {
			answering(noContent, 1)(n, c)
			receive(c)
			_, _ = io.WriteString(c, "HTTP/1.1 2")
		}, 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, dials := servedBy(t, tt.serve)
			if _, _, err := send(c, post(t, "http://shop", tt.body)); err != nil {
				t.Fatal(err)
			}
			if _, _, err := send(c, post(t, "http://shop", tt.body)); (err == nil) != tt.ok {
				t.Errorf("the second request: got %v, want it answered: %v", err, tt.ok)
			}
			if n := dials.Load(); n != tt.want {
				t.Errorf("%d connections were made, want %d", n, tt.want)
			}
		})
	}
	t.Run("a new connection", func(t *testing.T) {
		c, dials := servedBy(t, func(_ int64, c net.Conn) { receive(c) })
		if _, _, err := send(c, post(t, "http://shop", "{}")); !errors.Is(err, io.EOF) {
			t.Errorf("got %v, want EOF", err)
		}
		if n := dials.Load(); n != 1 {
			t.Errorf("%d connections were made, want 1", n)
		}
	})
}

// An idle connection is looked at before it is used: one that the server has
// closed, or over which it has sent what nobody asked for, is not.
func TestUsable(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(server net.Conn) error
	}{
		{"closed", func(server net.Conn) error { return server.Close() }},
		{"an answer that nobody asked for", func(server net.Conn) error {
			_, err := io.WriteString(server, noContent)
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			near, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer near.Close()
			far, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer far.Close()
			k := newConn(near)
			if err := k.SetDeadline(time.Now().Add(-time.Second)); err != nil { // that of the request before
				t.Fatal(err)
			}
			if !k.usable() {
				t.Fatal("a connection that is idle cannot be used")
			}
			if err := tt.do(far); err != nil {
				t.Fatal(err)
			}
			for end := time.Now().Add(patience); k.usable(); runtime.Gosched() {
				if time.Now().After(end) {
					t.Fatalf("after %v the connection is still taken for usable", patience)
				}
			}
		})
	}
}

// An answer that comes before the request was read ends it; the connection is
// closed.
func TestEarlyAnswer(t *testing.T) {
	const tooLarge = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno\n"
	serve := func(c net.Conn) {
		_, _ = io.ReadFull(c, make([]byte, 100))
		_, _ = io.WriteString(c, tooLarge)
	}
	t.Run("from a server that reads no more", func(t *testing.T) {
		c, dials := servedBy(t, func(_ int64, c net.Conn) {
			serve(c)
			_, _ = c.Read(make([]byte, 1))
			_, _ = io.ReadFull(c, make([]byte, 100))
		})
		for range 2 {
			if status, body, err := send(c, post(t, "http://shop", strings.Repeat("x", 1<<20))); status != 413 || body != "no\n" || err != nil {
				t.Errorf("got %d %q, %v", status, body, err)
			}
		}
		if n := dials.Load(); n != 2 {
			t.Errorf("%d connections were made, want 2", n)
		}
	})
	t.Run("whole request read", func(t *testing.T) {
		c, dials := servedBy(t, answering(tooLarge, 9))
		for range 2 {
			if status, _, err := send(c, post(t, "http://shop", strings.Repeat("x", 1<<20))); status != 413 || err != nil {
				t.Errorf("got %d, %v", status, err)
			}
		}
		if n := dials.Load(); n != 1 {
			t.Errorf("%d connections were made, want 1", n)
		}
	})
}

// Whatever a server does not do, the request ends at its deadline, and the
// goroutine that writes a long one with it.
func TestDeadline(t *testing.T) {
	for _, tt := range []struct {
		name  string
		body  string
		serve func(c net.Conn)
	}{
		{"nothing is read", "{}", func(net.Conn) {}},
		{"nothing of a long request is read", strings.Repeat("x", 1<<20), func(net.Conn) {}},
		{"no answer", "{}", func(c net.Conn) { receive(c) }},
		{"half a head", "{}", func(c net.Conn) {
			receive(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nA: ")
		}},
		{"half a body", "{}", func(c net.Conn) {
			receive(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab")
		}},
		{"half a chunk", "{}", func(c net.Conn) {
			receive(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab")
		}},
		{"informational answers that drip", "{}", func(c net.Conn) {
			receive(c)
			for range 3 {
				_, _ = io.WriteString(c, "HTTP/1.1 103 Early Hints\r\n\r\n")
				time.Sleep(time.Second)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				done := make(chan struct{})
				c, _ := servedBy(t, func(_ int64, c net.Conn) {
					tt.serve(c)
					<-done
				})
				defer close(done)
				began := time.Now()
				resp, err := c.Do(post(t, "http://shop", tt.body), began.Add(5*time.Second))
				if err == nil {
					_, err = io.ReadAll(resp)
					resp.Close()
				}
				if !errors.Is(err, os.ErrDeadlineExceeded) || retry.FromError(err).Code != retry.Timeout || time.Since(began) != 5*time.Second {
					t.Errorf("got %v after %v, want a timeout after 5 s", err, time.Since(began))
				}
			})
		})
	}
}

// The time to connect is part of the request's.
func TestConnectingEndsAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Client{Dial: func(ctx context.Context, _, address string) (net.Conn, error) {
			if address != "shop:80" {
				t.Errorf("connecting to %s, want shop:80", address)
			}
			<-ctx.Done()
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
		}}
		began := time.Now()
		_, err := c.Do(post(t, "http://shop", "{}"), began.Add(5*time.Second))
		if f := retry.FromError(err); f == nil || f.Code != retry.Timeout || !strings.Contains(f.Message, "connecting") || time.Since(began) != 5*time.Second {
			t.Errorf("got %v after %v, want a timeout after 5 s", f, time.Since(began))
		}
	})
}

// Close cuts off what is under way, and lets nothing begin.
func TestClose(t *testing.T) {
	for _, body := range []string{"{}", strings.Repeat("x", 1<<20)} {
		synctest.Test(t, func(t *testing.T) {
			c, dials := servedBy(t, func(n int64, c net.Conn) {
				if n == 1 {
					answering(noContent, 1)(n, c)
				}
				receive(c)
				_, _ = c.Read(make([]byte, 1))
			})
			if _, _, err := send(c, post(t, "http://shop", "{}")); err != nil {
				t.Fatal(err)
			}
			var done sync.WaitGroup
			for range 3 {
				done.Go(func() {
					if status, _, err := send(c, post(t, "http://shop", body)); err == nil {
						t.Errorf("got status %d, want an error", status)
					}
				})
			}
			synctest.Wait()
			began := time.Now()
			before := dials.Load()
			c.Close()
			done.Wait()
			if took := time.Since(began); took != 0 {
				t.Errorf("cutting off took %v", took)
			}
			if _, _, err := send(c, post(t, "http://shop", "{}")); !errors.Is(err, net.ErrClosed) {
				t.Errorf("after Close: got %v, want that the client is closed", err)
			}
			c.pool.mu.Lock()
			defer c.pool.mu.Unlock()
			if n := len(c.pool.all) + len(c.pool.hosts); n > 0 || before != 3 {
				t.Errorf("%d connections or hosts are left of %d", n, before)
			}
		})
	}
}

// What is kept for later is bounded: by host, in all, and in time.
func TestIdleConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, dials := servedBy(t, answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 100))
		c.MaxIdle, c.MaxIdlePerHost, c.IdleTimeout = 3, 2, time.Minute
		open := func(url string, n int) {
			t.Helper()
			all := make([]*Response, n)
			for i := range all {
				var err error
				if all[i], err = c.Do(post(t, url, "{}"), time.Now().Add(patience)); err != nil {
					t.Fatal(err)
				}
			}
			for _, resp := range all {
				resp.Close()
			}
		}
		check := func(idle, a, b int) {
			t.Helper()
			c.pool.mu.Lock()
			defer c.pool.mu.Unlock()
			got := map[string]int{}
			for name, h := range c.pool.hosts {
				if got[name] = len(h.idle); h.open != len(h.idle) {
					t.Errorf("host %s has %d open connections, %d idle", name, h.open, len(h.idle))
				}
			}
			if c.pool.idle != idle || len(c.pool.all) != idle || got["a"] != a || got["b"] != b {
				t.Errorf("%d of %d are idle, by host %v; want %d, a %d, b %d", c.pool.idle, len(c.pool.all), got, idle, a, b)
			}
		}
		open("http://a", 3)
		check(2, 2, 0)
		open("http://b", 2)
		check(3, 1, 2)
		time.Sleep(59 * time.Second)
		open("http://a", 1) // the one that is there
		if n := dials.Load(); n != 5 {
			t.Errorf("%d connections were made, want 5", n)
		}
		time.Sleep(2 * time.Second)
		check(1, 1, 0)
		time.Sleep(time.Minute)
		check(0, 0, 0)
		open("http://a", 1)
		c.CloseIdle()
		check(0, 0, 0)
		c.pool.mu.Lock()
		defer c.pool.mu.Unlock()
		if len(c.pool.hosts) > 0 || c.pool.timer != nil || c.pool.oldest != nil || c.pool.newest != nil {
			t.Errorf("the pool is not empty: %+v", c.pool.hosts)
		}
	})
}

// Each connection carries one request at a time, and its own answer.
func TestManyAtOnce(t *testing.T) {
	c, _ := servedBy(t, func(_ int64, c net.Conn) {
		for {
			request := string(receive(c))
			if request == "" {
				return
			}
			_, body, _ := strings.Cut(request, "\r\n\r\n")
			if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n"+body); err != nil {
				return
			}
		}
	})
	c.MaxIdlePerHost = 3
	var done sync.WaitGroup
	for worker := range 16 {
		done.Go(func() {
			for i := range 200 {
				want := strings.Repeat(string(rune('a'+worker)), 4) + strings.Repeat(string(rune('a'+i%26)), 4)
				if status, body, err := send(c, post(t, "http://shop", want)); status != 200 || body != want || err != nil {
					t.Errorf("got %d %q, %v; want %q", status, body, err, want)
					return
				}
			}
		})
	}
	done.Wait()
}

// What goes wrong below HTTP means the same as with net/http.
func TestFailures(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := l.Addr().String()
	l.Close()
	c := &Client{Dial: new(net.Dialer).DialContext}
	_, err = c.Do(post(t, "http://"+refused, "{}"), time.Now().Add(patience))
	ours := retry.FromError(err)
	transport := new(http.Transport)
	resp, err := transport.RoundTrip(post(t, "http://"+refused, "{}"))
	if err == nil {
		resp.Body.Close()
	}
	if theirs := retry.FromError(err); ours == nil || theirs == nil || *ours != *theirs {
		t.Errorf("refused: got %+v, net/http has %+v", ours, theirs)
	}
}
