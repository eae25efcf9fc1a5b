package daemon

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// limited serves with two places. A request for /held is answered when the test ends, or its body is here.
// The function returned opens a connection and sends what it is given. A connection that becomes idle is said on idle.
func limited(t *testing.T, patience time.Duration) (open func(sent string) *bufio.Reader, idle chan struct{}) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := newConnections(listener, 2)
	l.patience = func(*connection) time.Duration { return patience }
	ctx, end := context.WithCancel(context.Background())
	held, idle := make(chan struct{}, 8), make(chan struct{}, 8)
	server := &http.Server{
		ReadHeaderTimeout: time.Minute, ConnContext: l.remember,
		ConnState: func(c net.Conn, state http.ConnState) {
			l.track(c, state)
			if state == http.StateIdle {
				idle <- struct{}{}
			}
		},
		Handler: l.watch(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/held" {
				held <- struct{}{}
				if _, err := io.Copy(io.Discard, r.Body); err != nil {
					return
				}
				<-ctx.Done()
			}
			_, _ = io.WriteString(w, "served")
		})),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		end()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serving: %v", err)
		}
	})
	return func(sent string) *bufio.Reader {
		t.Helper()
		c, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, sent); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(sent, "/held") {
			<-held
		}
		return bufio.NewReader(c)
	}, idle
}

func get(path string) string { return fmt.Sprintf("GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path) }

// mustAnswer reads an answer and checks its status.
func mustAnswer(t *testing.T, r *bufio.Reader, status int) {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatalf("got %v, want %d", err, status)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		t.Fatalf("got %d %s, %v; want %d", resp.StatusCode, body, err, status)
	}
}

// mustBeClosed reads to the end of a connection.
func mustBeClosed(t *testing.T, r *bufio.Reader) {
	t.Helper()
	if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("got %q, %v; want the connection closed", rest, err)
	}
}

// The connection that has been idle for the longest time makes room.
func TestIdleConnectionMakesRoom(t *testing.T) {
	open, idle := limited(t, time.Hour)
	first := open(get("/a"))
	mustAnswer(t, first, http.StatusOK)
	<-idle
	open(get("/held")) // is being answered, and keeps its place
	mustAnswer(t, open(get("/b")), http.StatusOK)
	mustBeClosed(t, first)
}

// A full server answers health and metrics, and says to everybody else that it is full.
func TestFullServerAnswersHealth(t *testing.T) {
	open, _ := limited(t, time.Hour)
	open(get("/held"))
	open(get("/held"))
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		mustAnswer(t, open(get(path)), http.StatusOK)
	}
	other := open(get("/other"))
	mustAnswer(t, other, http.StatusServiceUnavailable)
	mustBeClosed(t, other)
}

// More connections than there are places, reserved ones included, of which none sends anything: nobody who comes later has to
// wait for longer than they are given.
func TestSilentConnectionsMakeRoom(t *testing.T) {
	open, _ := limited(t, 0)
	var silent []*bufio.Reader
	for range 3 * (2 + reservedConnections) {
		silent = append(silent, open(""))
	}
	mustAnswer(t, open(get("/a")), http.StatusOK)
	mustBeClosed(t, silent[0])
}

// So it is with those whose bodies do not come.
func TestSlowBodiesMakeRoom(t *testing.T) {
	open, _ := limited(t, 0)
	slow := "POST /held HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345"
	first := open(slow)
	open(slow)
	mustAnswer(t, open(get("/a")), http.StatusOK)
	mustBeClosed(t, first)
}

// Nothing follows a body whose end its own chunks say: a proxy may have seen another end.
func TestChunkedRequestIsTheLast(t *testing.T) {
	open, _ := limited(t, time.Hour)
	for _, headers := range []string{"Transfer-Encoding: chunked\r\n", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"} {
		r := open("POST /a HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n0\r\n\r\n" + get("/smuggled"))
		mustAnswer(t, r, http.StatusOK)
		mustBeClosed(t, r)
	}
}

// Streams of HTTP/2 count as their connection does: one that is idle makes room.
func TestIdleHTTP2ConnectionMakesRoom(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := newConnections(listener, 1)
	l.reserved = 0
	l.patience = func(*connection) time.Duration { return time.Hour }
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		ReadHeaderTimeout: time.Minute, ConnState: l.track, ConnContext: l.remember, Protocols: protocols,
		Handler: l.watch(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "served") })),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serving: %v", err)
		}
	})
	for range 3 {
		transport := &http.Transport{Protocols: protocols}
		t.Cleanup(transport.CloseIdleConnections)
		client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
		resp, err := client.Post("http://"+listener.Addr().String()+"/", "text/plain", strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("got %s, %v", resp.Status, err)
		}
	}
}
