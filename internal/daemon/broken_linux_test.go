package daemon_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"bailey/internal/daemon"
	"bailey/internal/store/sqlite"
)

// X9: the disk fails to sync. Nothing is acknowledged any more, and the server ends by itself, with the reason, well within the
// grace time.
func TestDiskFailsToSync(t *testing.T) {
	var cfg daemon.Config
	cfg.Router.Dir = t.TempDir()
	cfg.GraceTime = time.Hour
	cfg.Listen = "127.0.0.1:0"
	s, err := daemon.Listen(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(t.Context()) }()
	put := func() int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL(), strings.NewReader(`{"Entries": [{"Source": "a", "DetailType": "b", "Detail": "{}"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		r.Header.Set("X-Amz-Target", "AWSEvents.PutEvents")
		r.Close = true
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0 // it has ended
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	if status := put(); status != http.StatusOK {
		t.Fatalf("PutEvents: %d", status)
	}

	// A file that cannot be synced takes the place of the log in the server's hands.
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	const fds = "/proc/self/fd"
	all, err := os.ReadDir(fds)
	if err != nil {
		t.Skip(err)
	}
	for _, f := range all {
		fd, err := strconv.Atoi(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		if path, err := os.Readlink(filepath.Join(fds, f.Name())); err != nil || path != filepath.Join(cfg.Router.Dir, "bailey.db-wal") {
			continue
		}
		if err := syscall.Dup3(int(null.Fd()), fd, 0); err != nil {
			t.Fatal(err)
		}
	}
	if status := put(); status != http.StatusInternalServerError && status != 0 {
		t.Errorf("PutEvents without a disk: %d, want 500", status)
	}
	if err := <-ended; !errors.Is(err, sqlite.ErrBroken) {
		t.Errorf("Serve ended with %v, want ErrBroken", err)
	}
}
