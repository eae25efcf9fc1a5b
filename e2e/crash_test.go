package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// X9: the server is killed at random moments under load, again and again. Every event that it had acknowledged is delivered
// after a restart, and what is delivered twice had been answered just before a kill.
func TestKilledUnderLoad(t *testing.T) {
	t.Parallel()
	kills := 50
	if testing.Short() {
		kills = 5
	}
	ledger := NewLedger(t)
	ledger.FailOneIn = 20 // so that there are retries to lose
	dir := t.TempDir()
	for i := range kills {
		if i > 0 {
			ledger.Killed(t)
		}
		s := StartIn(t, dir)
		if i == 0 {
			ledger.Route(t, s)
		}
		load, stop := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		for range 4 {
			callers.Go(func() {
				for load.Err() == nil {
					code, err := ledger.Put(load, s, 10, 200)
					if err != nil {
						return // the server is gone
					}
					if code != "" {
						t.Errorf("PutEvents answered %s", code)
						return
					}
				}
			})
		}
		time.Sleep(time.Duration(5+rand.IntN(300)) * time.Millisecond)
		s.Kill(t)
		stop()
		callers.Wait()
		if t.Failed() {
			return
		}
	}
	ledger.Killed(t)
	s := StartIn(t, dir)
	ledger.Balance(t, s, 5*time.Minute, 10*time.Second)
	s.Stop(t)
}

// X9: the server ends as by kill -9 at each point of a commit, and where an API has answered and nothing knows of it yet: a
// build of its own stops there. What was acknowledged is delivered after a restart, and so on.
func TestKilledAtEachPoint(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "bailey")
	build := exec.CommandContext(t.Context(), "go", "build", "-tags", "crashpoints", "-o", path, "./cmd/bailey")
	build.Dir = ".."
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building bailey: %v\n%s", err, output)
	}
	for _, point := range []string{"begun", "written", "committed", "answered", "copied", "attempted"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			ledger := NewLedger(t)
			ledger.FailOneIn = 5
			dir := t.TempDir()
			s := StartIn(t, dir)
			ledger.Route(t, s)
			s.Stop(t)
			kills, size := []int{2, 9, 1 + rand.IntN(40)}, 1000
			if point == "copied" {
				kills, size = []int{1, 1}, 20_000 // much is written before anything is copied
			}
			for _, times := range kills {
				s := launchProgram(t, path, []string{fmt.Sprintf("BAILEY_CRASHPOINT=%s:%d", point, times)}, dir)
				var callers sync.WaitGroup
				for range 3 {
					callers.Go(func() {
						for {
							select {
							case <-s.exited:
								return
							default:
							}
							// Before it is ready and after it is gone there is no answer.
							if code, err := ledger.Put(t.Context(), s, 10, size); err == nil && code != "" {
								t.Errorf("PutEvents answered %s", code)
								return
							}
						}
					})
				}
				s.Crashed(t)
				callers.Wait()
				ledger.Killed(t)
			}
			s = StartIn(t, dir)
			ledger.Balance(t, s, 2*time.Minute, 2*time.Second)
			s.Stop(t)
		})
	}
}

// A disk that is full: PutEvents answers an error that clients try again on, nothing acknowledged is lost, neither by the
// full disk nor by being killed with it, and when there is room the server goes on by itself.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("a disk of one's own cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	data, ballast := filepath.Join(dir, "data"), filepath.Join(dir, "ballast")
	fill(t, ballast, 12<<20)
	ledger := NewLedger(t)
	s := StartIn(t, data)
	ledger.Route(t, s)

	// Until it is full, and some more: it must not take what it cannot keep.
	refused := putUntilRefused(t, ledger, s, 20)
	t.Logf("full: PutEvents answered %v", refused)
	s.Kill(t)
	ledger.Killed(t)

	// Started with a disk that full, it may have to wait for room before it can go on.
	s = launch(t, data)
	s.awaitReadyOrSaying(t, "has no room")
	fill(t, ballast, 11<<20)
	s.awaitReady(t)
	putUntilRefused(t, ledger, s, 20)

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	recovered := time.After(2 * time.Minute)
	for {
		code, err := ledger.Put(t.Context(), s, 1, 200)
		if err != nil {
			t.Fatal(err)
		}
		if code == "" {
			break
		}
		select {
		case <-recovered:
			t.Fatalf("there is room again, and PutEvents still answers %s", code)
		case <-time.After(50 * time.Millisecond):
		}
	}
	ledger.Balance(t, s, 5*time.Minute, time.Minute)
}

// putUntilRefused puts events until the server has refused so many calls. It returns the error codes and how often they came.
func putUntilRefused(t *testing.T, ledger *Ledger, s *Server, times int) map[string]int {
	t.Helper()
	refused := map[string]int{}
	for n, calls := 0, 0; n < times; calls++ {
		code, err := ledger.Put(t.Context(), s, 2, 20<<10)
		if err != nil {
			t.Fatalf("PutEvents: %v", err)
		}
		switch code {
		case "":
		case "InternalException", "ThrottlingException":
			refused[code]++
			n++
		default:
			t.Fatalf("PutEvents answered %q", code)
		}
		if calls > 5000 {
			t.Fatal("the disk does not become full")
		}
	}
	return refused
}

// awaitReadyOrSaying waits until the server is ready, or has said why it is not.
func (s *Server) awaitReadyOrSaying(t *testing.T, why string) {
	t.Helper()
	deadline := time.After(startLimit)
	for !strings.Contains(s.Output(), why) {
		if status, _, err := s.do(t.Context(), http.MethodGet, "/readyz", nil); err == nil && status == http.StatusOK {
			return
		}
		select {
		case <-s.exited:
			t.Fatalf("bailey ended instead of waiting for room: %v", s.process.ProcessState)
		case <-deadline:
			t.Fatalf("bailey was neither ready nor said %q", why)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// fill makes a file of so many bytes, all of which take room.
func fill(t *testing.T, path string, size int) {
	t.Helper()
	if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
}
