package deliver

import (
	"fmt"
	"testing"
	"time"

	"bailey/internal/event"
	"bailey/internal/store"
)

// read pushes what a loader might have read: n deliveries, and whether there
// are more.
func (e *endpoint) read(ids *event.IDs, n int, more bool) bool {
	due := make([]store.Parked, n)
	for i := range due {
		due[i].Event = &event.Event{ID: ids.New(time.Now()), JSON: []byte("{}")}
	}
	return e.pushLoaded(due, more)
}

// send takes out of the queue, as workers do, all but so many, whose outcomes
// are durable at once.
func (e *endpoint) send(but int) {
	for e.loaded.len() > but {
		x := e.loaded.pop()
		e.free(int64(len(x.event.JSON)))
		delete(e.parked, x.ref())
	}
}

// The window grows while the workers are faster than the disk, and not because
// of a slow endpoint, a probe, or the last that waits.
func TestWindow(t *testing.T) {
	for _, tt := range []struct {
		name string
		turn func(e *endpoint, ids *event.IDs)
		want int // after ten turns
	}{
		{"faster than the disk", func(e *endpoint, ids *event.IDs) {
			e.read(ids, 100, true)
			e.send(0)
		}, lastWindow},
		{"slower than the disk", func(e *endpoint, ids *event.IDs) {
			e.read(ids, 100, true)
			e.send(10)
		}, firstWindow},
		{"probes", func(e *endpoint, ids *event.IDs) {
			e.read(ids, 1, true)
			e.send(0)
		}, firstWindow},
		{"all read each time", func(e *endpoint, ids *event.IDs) {
			e.read(ids, 100, false)
			e.send(0)
		}, firstWindow},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, ids := newEndpoint(New(Config{}), store.Endpoint{API: "api"}), new(event.IDs)
			e.paused = true // no workers but the test
			for range 10 {
				tt.turn(e, ids)
			}
			if e.window != tt.want {
				t.Errorf("got a window of %d, want %d", e.window, tt.want)
			}
		})
	}
}

// Whatever the window, what is read leaves as many bytes free as the endpoint
// then holds, and one delivery alone is read where there are none left.
func TestRoom(t *testing.T) {
	for _, tt := range []struct {
		others, own int64 // bytes
		parked      int   // of its deliveries in memory
		want        store.Window
	}{
		{0, 0, 0, store.Window{Most: firstWindow, Bytes: 500}},
		{0, 200, 56, store.Window{Most: 200, Bytes: 300}},
		{500, 0, 0, store.Window{Most: firstWindow, Bytes: 250}},
		{0, 600, 56, store.Window{}},
		{1000, 0, 0, store.Window{Most: 1, Bytes: 1}},
		{1000, 0, 1, store.Window{}},
		{0, 0, firstWindow, store.Window{}},
	} {
		t.Run(fmt.Sprintf("%d and %d bytes", tt.others, tt.own), func(t *testing.T) {
			d := New(Config{MaxQueuedBytes: 1000})
			d.queuedBytes.Store(tt.others + tt.own)
			e := newEndpoint(d, store.Endpoint{API: "api"})
			e.bytes = tt.own
			for i := range tt.parked {
				e.parked[store.Ref{Event: int64(i)}] = struct{}{}
			}
			got, _ := e.room()
			if got.Most > 0 && len(got.Skip) != tt.parked {
				t.Errorf("%d are skipped, want %d", len(got.Skip), tt.parked)
			}
			if got.Most != tt.want.Most || got.Bytes != tt.want.Bytes {
				t.Errorf("got %d deliveries of %d bytes, want %d of %d", got.Most, got.Bytes, tt.want.Most, tt.want.Bytes)
			}
			if hungry := tt.want.Most == 0; e.hungry != hungry {
				t.Errorf("hungry is %v, want %v", e.hungry, hungry)
			}
		})
	}
}
