package deliver

import (
	"strings"
	"time"

	"bailey/internal/store"
)

// apiRoute is one method and path of a REST API's stage, what API Gateway calls
// a route: a queue of its own, and what is known of how it answers. What it
// shares with the other routes of its stage is its endpoint's, whose mutex
// guards it.
type apiRoute struct {
	end      *endpoint
	key      store.Endpoint
	variable bool // whether its path has variables

	fresh, loaded fifo // those read back from the store are loaded
	again         fifo // those that were set aside for their path, and may go
	paths         paths
	turn          bool                     // whose turn it is when both fresh and loaded hold something
	places        int                      // taken by fresh deliveries, those that are being committed included
	bytes         int64                    // of the events that wait here, those being committed included
	parked        map[store.Ref]struct{}   // in memory, with a row: the loader must not read them again
	targets       map[store.Route]struct{} // of deliveries that were parked here
	window        int                      // how many parked ones may be in memory
	hungry        bool                     // the loader left something that is due
	behind        bool                     // and has done so since it last read all that was

	governor governor
	circuit  circuit
	heard    time.Time   // when it answered last, on the machine's clock
	spoke    time.Time   // the same on the engine's
	last     lastFailure // whatever the delivery
	expireAt time.Time   // when to look again for those that are too old to wait on
	used     time.Time   // when anything happened here last, on the machine's clock
	gone     bool        // it was forgotten: whoever has it looks for it anew

	// Of shares.
	inFlight      int
	standing      standing
	inRing        bool
	before, after *apiRoute

	// The loader's.
	due      time.Time   // when to read for this route
	index    int         // place in its heap, -1 if in none
	probed   store.Route // of the latest probe
	probedAt int64       // which of all probes that was
}

func newRoute(end *endpoint, key store.Endpoint) *apiRoute {
	r := &apiRoute{
		end: end, key: key, variable: strings.Contains(key.Route, "*"), standing: unknown, index: -1, window: firstWindow, used: time.Now(),
		parked: map[store.Ref]struct{}{}, targets: map[store.Route]struct{}{},
	}
	if r.variable {
		r.governor.limit = firstPaths
	}
	return r
}

// ready counts the deliveries that wait for nothing but their turn.
func (r *apiRoute) ready() int { return r.fresh.len() + r.loaded.len() + r.again.len() }

// inMemory counts the deliveries that wait in memory.
func (r *apiRoute) inMemory() int { return r.ready() + r.paths.aside }

// reserve takes a place for one more fresh delivery, if there is one.
//
// A route may hold as many bytes as are still free when its endpoint has got as
// many as that: so there is always room left for an endpoint that has nothing
// yet, and for a route of this one. An endpoint with one route gives it all of
// its places, one with more gives each as many as are left, and some always.
func (r *apiRoute) reserve(size int64) bool {
	e, d := r.end, r.end.d
	r.used = time.Now()
	if r.shut() || !r.hasPlace() {
		return false
	}
	if free := d.cfg.MaxQueuedBytes - d.queuedBytes.Add(size); e.bytes+size > free || r.bytes+size > free-e.bytes {
		d.queuedBytes.Add(-size)
		return false
	}
	r.places++
	e.places++
	r.bytes += size
	e.bytes += size
	return true
}

func (r *apiRoute) hasPlace() bool {
	most := r.end.d.cfg.MaxQueued
	if len(r.end.routes) == 1 {
		return r.places < most
	}
	return r.places < max(most-r.end.places, most/16, 1)
}

// release gives a reserved place back.
func (r *apiRoute) release(size int64) {
	r.places--
	r.end.places--
	r.free(size)
}

// free says that an event waits here no longer.
func (r *apiRoute) free(size int64) {
	r.bytes -= size
	r.end.bytes -= size
	r.end.d.queuedBytes.Add(-size)
}

// push queues a fresh delivery in the place that was reserved for it. It
// returns false, and gives the place back, if nothing goes out from here any
// more.
func (r *apiRoute) push(x *delivery) bool {
	if r.shut() {
		r.release(int64(len(x.event.JSON)))
		return false
	}
	r.end.refresh()
	r.end.d.queued.Add(1)
	r.fresh.push(x)
	r.end.placed(r)
	return true
}

// left says that a delivery is not in memory any more.
func (r *apiRoute) left(x *delivery) {
	if x.ticket != nil {
		r.places--
		r.end.places--
	}
	r.free(int64(len(x.event.JSON)))
}

// shut reports whether deliveries wait in the store for the route: its endpoint
// is paused, or the circuit of either is open.
func (r *apiRoute) shut() bool { return r.end.paused || r.end.circuit.open || r.circuit.open }

// allowed is how many requests may be under way now, for all that concerns only
// the route. Of an open circuit it is one, the probe, if that is due.
func (r *apiRoute) allowed(now time.Time) int {
	e := r.end
	switch {
	case e.paused, !e.circuit.lets(now), e.circuit.open && e.candidate != r, !r.circuit.lets(now):
		return 0
	case e.circuit.open, r.circuit.open:
		return 1
	}
	return r.governor.allowed(e.most())
}

// mayGo reports whether one more of its deliveries may go out.
func (r *apiRoute) mayGo(now time.Time) bool { return r.ready() > 0 && r.inFlight < r.allowed(now) }

// stands says what is known of the route.
func (r *apiRoute) stands() standing {
	switch {
	case r.governor.unheard > 0:
		return doubtful
	case r.heard.IsZero():
		return unknown
	}
	return sound
}

// pop takes the delivery whose turn it is. Fresh ones and those from the store
// take turns, so that neither starves the other. It returns nil where all that
// there are have to wait for their path; one that has a later moment is to be
// put off until then, in the store.
func (r *apiRoute) pop(now time.Time) *delivery {
	quiet := now.Sub(r.spoke) > pathGap
	for r.ready() > 0 {
		var x *delivery
		switch {
		case r.again.len() > 0:
			x = r.again.pop()
		case r.loaded.len() > 0 && (r.turn || r.fresh.len() == 0):
			x = r.loaded.pop()
			r.turn = false
		default:
			x = r.fresh.pop()
			r.turn = true
		}
		if x.path == 0 || r.shut() { // a probe goes whatever its path
			return x
		}
		switch r.paths.admits(x.path, r.allowed(now), r.inFlight, max(1, r.end.d.cfg.MaxQueued/asideOf), quiet) {
		case goes:
			return x
		case waits:
			r.paths.setAside(x)
		case putOff:
			x.later = r.paths.due(x.path, now)
			return x
		}
	}
	return nil
}

// empty takes everything that waits in memory out of it, and returns what has
// no row in the store yet.
func (r *apiRoute) empty() []*delivery {
	var rowless []*delivery
	n := int64(0)
	out := func(x *delivery) {
		n++
		r.left(x)
		if x.ticket != nil {
			rowless = append(rowless, x)
			return
		}
		delete(r.parked, x.ref())
	}
	for _, q := range []*fifo{&r.again, &r.fresh, &r.loaded} {
		for q.len() > 0 {
			out(q.pop())
		}
	}
	r.paths.empty(out)
	r.end.d.dequeued(n)
	return rowless
}

// shed takes out the fresh deliveries that have waited since before the moment.
func (r *apiRoute) shed(before time.Time) []*delivery {
	var old []*delivery
	out := func(x *delivery) {
		r.left(x)
		old = append(old, x)
	}
	for r.fresh.len() > 0 && r.fresh.first().queued.Before(before) {
		out(r.fresh.pop())
	}
	// What was set aside stands in no order: all of it goes through the queue
	// once more.
	if r.paths.aside > 0 || r.again.len() > 0 {
		r.paths.empty(r.again.push)
		for range r.again.len() {
			if x := r.again.pop(); x.ticket != nil && x.queued.Before(before) {
				out(x)
			} else {
				r.again.push(x)
			}
		}
	}
	r.end.d.dequeued(int64(len(old)))
	r.end.placed(r)
	return old
}

// waits remembers that deliveries of the target wait in the store, the first of
// them until the moment.
func (r *apiRoute) waits(target store.Route, until time.Time) {
	r.used = time.Now()
	r.targets[target] = struct{}{}
	r.end.d.loader.note(r, until)
}

// forget lets go of a delivery with a row whose outcome is durable.
func (r *apiRoute) forget(ref store.Ref) {
	delete(r.parked, ref)
	if r.hungry && len(r.parked) <= r.window/2 {
		r.hungry = false
		r.end.d.loader.note(r, r.end.d.clock.Now())
	}
}
