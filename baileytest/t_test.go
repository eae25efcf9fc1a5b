package baileytest_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// testT stands in for the *testing.T that examples have not, and for one that
// fails.
type testT struct {
	testing.TB
	ctx    context.Context
	cancel context.CancelFunc

	mu       sync.Mutex
	cleanups []func()
	dirs     []string
	failed   bool
	log      strings.Builder
}

func newT() *testT {
	t := new(testT)
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

// run calls f as a test is called, so that Fatalf ends it, and ends the test.
func (t *testT) run(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer t.end()
		f()
	}()
	<-done
}

func (t *testT) end() {
	t.cancel()
	for _, f := range slices.Backward(t.cleanups) {
		f()
	}
	for _, dir := range t.dirs {
		if err := os.RemoveAll(dir); err != nil {
			panic(err)
		}
	}
}

func (t *testT) Helper()                  {}
func (t *testT) Name() string             { return "Example" }
func (t *testT) Context() context.Context { return t.ctx }
func (t *testT) Cleanup(f func())         { t.cleanups = append(t.cleanups, f) }

func (t *testT) TempDir() string {
	dir, err := os.MkdirTemp("", "baileytest-")
	if err != nil {
		panic(err)
	}
	t.dirs = append(t.dirs, dir)
	return dir
}

func (t *testT) Failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}

func (t *testT) Logf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(&t.log, format+"\n", args...)
}

func (t *testT) Errorf(format string, args ...any) {
	t.Logf(format, args...)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed = true
}

func (t *testT) Fatalf(format string, args ...any) {
	t.Errorf(format, args...)
	runtime.Goexit()
}
