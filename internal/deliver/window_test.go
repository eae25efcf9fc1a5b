package deliver

import (
	"fmt"
	"testing"
	"time"

	"bailey/internal/event"
	"bailey/internal/store"
)

// newTestRoute is a route of a dispatcher that sends nothing.
func newTestRoute(d *Dispatcher) *apiRoute {
	var r *apiRoute
	d.with(store.Endpoint{API: "api", Route: "POST /orders"}, func(made *apiRoute) { r = made })
	return r
}

// read pushes what a loader might have read: n deliveries, and whether there
// are more.
func (r *apiRoute) read(ids *event.IDs, n int, p plan, more bool) bool {
	due := make([]store.Parked, n)
	for i := range due {
		due[i].Event = &event.Event{ID: ids.New(time.Now()), JSON: []byte("{}")}
	}
	return r.pushLoaded(&p, due, more)
}

// send takes out of the queue, as workers do, all but so many, whose outcomes
// are durable at once.
func (r *apiRoute) send(but int) {
	for r.loaded.len() > but {
		x := r.loaded.pop()
		r.left(x)
		delete(r.parked, x.ref())
	}
}

// The window grows while the workers are faster than the disk, and not because
// of a slow endpoint, a probe, or the last that waits.
func TestWindow(t *testing.T) {
	for _, tt := range []struct {
		name string
		turn func(r *apiRoute, ids *event.IDs)
		want int // after ten turns
	}{
		{"faster than the disk", func(r *apiRoute, ids *event.IDs) {
			r.read(ids, 100, plan{}, true)
			r.send(0)
		}, lastWindow},
		{"slower than the disk", func(r *apiRoute, ids *event.IDs) {
			r.read(ids, 100, plan{}, true)
			r.send(10)
		}, firstWindow},
		{"probes", func(r *apiRoute, ids *event.IDs) {
			r.read(ids, 1, plan{}, true)
			r.send(0)
		}, firstWindow},
		{"all read each time", func(r *apiRoute, ids *event.IDs) {
			r.read(ids, 100, plan{}, false)
			r.send(0)
		}, firstWindow},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, Config{})
			r, ids := newTestRoute(w.d), new(event.IDs)
			w.d.stopping.Store(true) // no workers but the test
			for range 10 {
				tt.turn(r, ids)
			}
			r.send(0)
			if r.window != tt.want {
				t.Errorf("got a window of %d, want %d", r.window, tt.want)
			}
		})
	}
}

// Whatever the window, what is read leaves as many bytes free as the route and
// its endpoint then hold, and one delivery alone is read where there are none left.
func TestRoom(t *testing.T) {
	for _, tt := range []struct {
		others, own int64 // bytes
		parked      int   // of its deliveries in memory
		want        store.Window
	}{
		{0, 0, 0, store.Window{Most: firstWindow, Bytes: 333}},
		{0, 200, 56, store.Window{Most: 200, Bytes: 133}},
		{400, 0, 0, store.Window{Most: firstWindow, Bytes: 200}},
		{0, 600, 56, store.Window{}},
		{1000, 0, 0, store.Window{Most: 1, Bytes: 1}},
		{1000, 0, 1, store.Window{}},
		{0, 0, firstWindow, store.Window{}},
	} {
		t.Run(fmt.Sprintf("%d and %d bytes", tt.others, tt.own), func(t *testing.T) {
			w := newWorld(t, Config{MaxQueuedBytes: 1000})
			w.d.queuedBytes.Store(tt.others + tt.own)
			r := newTestRoute(w.d)
			r.bytes, r.end.bytes = tt.own, tt.own
			for i := range tt.parked {
				r.parked[store.Ref{Event: int64(i)}] = struct{}{}
			}
			got := r.plan(time.Now()).window
			if got.Most > 0 && len(got.Skip) != tt.parked {
				t.Errorf("%d are skipped, want %d", len(got.Skip), tt.parked)
			}
			if got.Most != tt.want.Most || got.Bytes != tt.want.Bytes {
				t.Errorf("got %d deliveries of %d bytes, want %d of %d", got.Most, got.Bytes, tt.want.Most, tt.want.Bytes)
			}
			if hungry := tt.want.Most == 0; r.hungry != hungry {
				t.Errorf("hungry is %v, want %v", r.hungry, hungry)
			}
		})
	}
}
