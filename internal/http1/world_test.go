package http1

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// servedBy returns a client whose connections lead to serve, which speaks on one
// end of a pipe until it returns, and the number of those that were made.
func servedBy(t *testing.T, serve func(n int64, c net.Conn)) (*Client, *atomic.Int64) {
	t.Helper()
	var dials atomic.Int64
	var served sync.WaitGroup
	c := &Client{MaxIdle: 8, MaxIdlePerHost: 8, Dial: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		n := dials.Add(1)
		served.Go(func() {
			defer far.Close()
			serve(n, far)
		})
		return near, nil
	}}
	t.Cleanup(func() {
		c.Close()
		served.Wait()
	})
	return c, &dials
}

// post makes a request with a body.
func post(t *testing.T, url, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// send does a request and reads the whole answer.
func send(c *Client, req *http.Request) (status int, body string, err error) {
	resp, err := c.Do(req, time.Now().Add(patience))
	if err != nil {
		return 0, "", err
	}
	defer resp.Close()
	b, err := io.ReadAll(resp)
	return resp.StatusCode, string(b), err
}

// receive reads one request and returns it as it came; nil at the end of the
// connection.
func receive(c net.Conn) []byte {
	var all []byte
	var some [4096]byte
	for {
		if head, body, ok := bytes.Cut(all, []byte("\r\n\r\n")); ok {
			length := 0
			for line := range strings.SplitSeq(string(head), "\r\n") {
				if v, ok := strings.CutPrefix(line, "Content-Length: "); ok {
					length, _ = strconv.Atoi(v)
				}
			}
			if len(body) >= length {
				return all
			}
		}
		n, err := c.Read(some[:])
		all = append(all, some[:n]...)
		if err != nil {
			return nil
		}
	}
}

// answering answers each request with the text, and closes the connection after
// as many as are said.
func answering(text string, requests int) func(int64, net.Conn) {
	return func(_ int64, c net.Conn) {
		for range requests {
			if receive(c) == nil {
				return
			}
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
		}
	}
}
