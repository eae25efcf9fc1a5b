package daemon_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"bailey"
	"bailey/internal/daemon"
)

// A start for which the disk has no room still answers, and says how much
// it needs; it goes on by itself when there is room.
func TestStartOnAFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("a disk of one's own cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(disk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 8<<20-8<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	address := freePort(t)
	type opened struct {
		server *daemon.Server
		err    error
	}
	done := make(chan opened, 1)
	go func() {
		s, err := daemon.Listen(t.Context(), daemon.Config{
			Listen: address,
			Router: bailey.Config{Dir: filepath.Join(disk, "data"), Log: slog.New(slog.DiscardHandler)},
		})
		done <- opened{s, err}
	}()

	url := "http://" + address
	const limit = 2 * time.Minute
	ask := func(method, path string) (status int, text string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		for {
			req, err := http.NewRequestWithContext(ctx, method, url+path, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				if ctx.Err() != nil {
					t.Fatalf("%s %s was not answered within %v: %v", method, path, limit, err)
				}
				continue // not bound yet
			}
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			return resp.StatusCode, string(body)
		}
	}
	deadline := time.After(limit)
	for {
		status, text := ask("GET", "/readyz")
		if status != http.StatusServiceUnavailable || !strings.HasPrefix(text, "starting: ") {
			t.Fatalf("/readyz answered %d %q, want 503 and that it is starting", status, text)
		}
		if strings.Contains(text, "a start needs about") && strings.Contains(text, "KiB left") {
			break
		}
		select {
		case <-deadline:
			t.Fatalf("/readyz never said how much room it takes, but %q", text)
		case o := <-done:
			t.Fatalf("it started, or gave up: %v", o.err)
		default:
		}
	}
	if status, text := ask("GET", "/healthz"); status != 200 {
		t.Errorf("/healthz answered %d %q", status, text)
	}
	for _, path := range []string{"/", "/_bailey/v1/apis", "/metrics"} {
		if status, text := ask("POST", path); status != http.StatusServiceUnavailable || !strings.Contains(text, "starting") {
			t.Errorf("%s answered %d %q, want 503 and why", path, status, text)
		}
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	var server *daemon.Server
	select {
	case o := <-done:
		if o.err != nil {
			t.Fatal(o.err)
		}
		server = o.server
	case <-time.After(limit):
		t.Fatal("there is room again, and it does not start")
	}
	if status, text := ask("GET", "/readyz"); status != 200 {
		t.Errorf("/readyz answered %d %q once there was room", status, text)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := server.Serve(ctx); err != nil {
		t.Error(err)
	}
}

// freePort returns a loopback address on which nobody listens.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // it is only to be free
	return l.Addr().String()
}
