package deliver

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bailey/internal/request"
	"bailey/internal/rule"
	"bailey/internal/store"
)

// No API gets all of the memory for bodies, and what it gives back others get.
func TestBodiesAreShared(t *testing.T) {
	const mib = 1 << 20
	never := make(chan struct{})
	b := &bodies{size: 64 * mib}
	var a []*share
	for range 100 {
		s := &share{api: "a"}
		if _, ok := b.try(s, mib); !ok {
			break
		}
		a = append(a, s)
	}
	if len(a) != 32 {
		t.Fatalf("one API alone holds %d MiB of 64, want 32", len(a))
	}
	other := &share{api: "b"}
	if err := b.take(other, 10*mib, never); err != nil {
		t.Fatalf("another API gets nothing: %v", err)
	}
	b.settle(other, 12*mib)
	if b.used != 44*mib {
		t.Errorf("%d bytes are used, want 44 MiB", b.used)
	}
	for _, s := range append(a, other) {
		b.release(s)
	}
	if b.used != 0 || len(b.held) != 0 {
		t.Errorf("%d bytes are held when all is given back, by %v", b.used, b.held)
	}
	// What is larger than all of it goes out alone.
	large := &share{api: "a"}
	if err := b.take(large, 100*mib, never); err != nil || b.used != 64*mib {
		t.Errorf("a body larger than the budget: got %v, %d bytes used", err, b.used)
	}
	if err := b.take(&share{api: "a"}, smallBody, never); err != nil {
		t.Errorf("a small body: got %v", err)
	}
}

func TestBodiesWait(t *testing.T) {
	for _, tt := range []struct {
		name  string
		frees time.Duration // 0 is never
		stops time.Duration
		took  time.Duration
		want  error
	}{
		{"until some is given back", 3 * time.Second, time.Hour, 3 * time.Second, nil},
		{"not for ever", time.Minute, time.Hour, roomWait, errNoRoom},
		{"not while the dispatcher stops", time.Minute, time.Second, time.Second, errStopping},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &bodies{size: 1 << 20}
				first := &share{api: "a"}
				done := make(chan struct{})
				if err := b.take(first, 1<<20, done); err != nil {
					t.Fatal(err)
				}
				time.AfterFunc(tt.frees, func() { b.release(first) })
				time.AfterFunc(tt.stops, func() { close(done) })
				began := time.Now()
				if err := b.take(&share{api: "b"}, 1<<19, done); !errors.Is(err, tt.want) || time.Since(began) != tt.took {
					t.Errorf("got %v after %v, want %v after %v", err, time.Since(began), tt.want, tt.took)
				}
			})
		})
	}
}

// Bodies that templates make stay within their memory. A delivery waits for it,
// in the store if that takes long, and this is no attempt; another API does not
// wait.
func TestRenderedBodiesAreBounded(t *testing.T) {
	const size, budget = 100 << 10, 1 << 20
	bubble(t, Config{MaxRenderedBytes: budget}, func(t *testing.T, w *world) {
		var most atomic.Int64
		note := func() {
			w.d.bodies.mu.Lock()
			used := w.d.bodies.used
			w.d.bodies.mu.Unlock()
			for {
				m := most.Load()
				if used <= m || most.CompareAndSwap(m, used) {
					return
				}
			}
		}
		slow := &inbox{answer: func(int, http.ResponseWriter, *http.Request) {
			note()
			time.Sleep(4 * time.Second)
		}}
		fast := &inbox{answer: func(int, http.ResponseWriter, *http.Request) { note() }}
		twice := func(t *rule.Target) {
			t.InputTransformer = &rule.InputTransformer{InputPathsMap: map[string]string{"x": "$.detail.x"}, InputTemplate: `{"a": <x>, "b": <x>}`}
		}
		for name, box := range map[string]*inbox{"slow": slow, "fast": fast} {
			w.network.serve(name, box.ServeHTTP)
			w.api(request.API{ID: name})
			w.target(name, twice)
		}
		detail := fmt.Sprintf(`{"x": %q}`, strings.Repeat("x", size))
		var all []string
		for range 12 {
			all = append(all, detail)
		}
		ids := w.put("slow", all...)
		synctest.Wait()
		began := time.Now()
		for range 5 {
			w.ended(w.put("fast", detail)[0])
		}
		if took := time.Since(began); took > 100*time.Millisecond {
			t.Errorf("another API's deliveries took %v", took)
		}
		w.delivered()
		for _, id := range ids {
			if d := w.delivery(id); d.Status != store.Delivered || d.Attempts != 1 {
				t.Errorf("got %+v, want delivered at its first attempt", d)
			}
		}
		if n := len(slow.arrivals()); n != len(ids) {
			t.Errorf("%d requests arrived, want %d", n, len(ids))
		}
		// Two bodies of the slow API at a time: six rounds of 4 s, longer than anybody waits in memory.
		if took := time.Since(began); took < 20*time.Second {
			t.Errorf("all was delivered in %v: nothing waited", took)
		}
		if m := most.Load(); m > budget || m < 2*size {
			t.Errorf("%d bytes were held, want some and at most %d", m, budget)
		}
		if w.d.bodies.used != 0 {
			t.Errorf("%d bytes are held at the end", w.d.bodies.used)
		}
	})
}
