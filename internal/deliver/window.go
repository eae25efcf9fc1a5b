package deliver

import (
	"time"

	"bailey/internal/retry"
	"bailey/internal/rule"
	"bailey/internal/store"
)

// firstWindow is how many parked deliveries a route holds in memory, of those
// whose outcome is not durable yet the last. lastWindow is how many it holds
// when its workers are faster than the disk: see grow.
const (
	firstWindow = 256
	lastWindow  = 4096
)

// plan is what the loader is to do for a route.
type plan struct {
	until  time.Time    // look again then, if it is after now
	window store.Window // how much to read; nothing if Most is 0: whoever makes room says so
	probe  bool         // what is read is the probe of an open circuit
}

// plan says what to read for the route now. The set of those that are in memory
// already is a copy, made before the store is read: one that ends meanwhile must
// still be skipped, since what is read may be older than its end.
func (r *apiRoute) plan(now time.Time) plan {
	e := r.end
	e.mu.Lock()
	defer e.mu.Unlock()
	p := plan{until: now}
	switch {
	case e.paused:
		p.until = now.Add(expireEvery)
	case e.circuit.open && e.candidate != nil && e.candidate != r:
		p.until = now.Add(lastGap) // it is another's turn, whose end says when it is over
	default:
		p.until = e.circuit.closedUntil(now)
		if until := r.circuit.closedUntil(now); until.After(p.until) {
			p.until = until
		}
	}
	if p.until.After(now) {
		return p
	}
	room := r.window - len(r.parked)
	if e.circuit.open {
		e.candidate = r
	}
	if p.probe = e.circuit.open || r.circuit.open; p.probe {
		// One that was read while the probe before it was under way has waited
		// for its turn, which is now.
		room = 1 - r.inMemory()
		e.placed(r)
	}
	// After it, as many bytes are to be free as are here: see reserve.
	bytes := (e.d.cfg.MaxQueuedBytes - e.d.queuedBytes.Load() - e.bytes - r.bytes) / 3
	if room <= 0 || bytes <= 0 && len(r.parked) > 0 {
		r.hungry = true
		return p
	}
	if bytes <= 0 {
		room, bytes = 1, 1 // one at a time, so that nobody starves
	}
	skip := make(map[store.Ref]struct{}, len(r.parked))
	for ref := range r.parked {
		skip[ref] = struct{}{}
	}
	p.window = store.Window{Most: room, Bytes: bytes, Skip: skip}
	return p
}

// pushLoaded queues deliveries that the loader read by the plan. more says that
// it left some that are due; pushLoaded reports whether it should go on at once.
// If not, the one who makes room calls it.
//
// Where nothing may go out any more, because somebody paused the API or its
// circuit opened while the store was read, what was read stays in the store.
func (r *apiRoute) pushLoaded(p *plan, due []store.Parked, more bool) bool {
	keys := make([]uint64, len(due))
	for i := range due {
		keys[i] = r.end.d.pathKey(due[i].Route, due[i].Event.JSON)
	}
	now := time.Now()
	e := r.end
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.paused || e.circuit.open && e.candidate != r || r.shut() && !p.probe {
		return true
	}
	r.used = now
	r.grow(len(due), more)
	e.d.queued.Add(int64(len(due)))
	for i, p := range due {
		r.bytes += int64(len(p.Event.JSON))
		e.bytes += int64(len(p.Event.JSON))
		e.d.queuedBytes.Add(int64(len(p.Event.JSON)))
		x := &delivery{
			event: p.Event, n: p.N, route: p.Route, end: r, path: keys[i], attempts: p.Attempts, queued: now,
			since: p.Since, earlier: p.Earlier, unreadable: p.Unreadable,
			last: lastFailure{code: p.ErrorCode, message: p.Error, statusCode: p.StatusCode},
		}
		r.parked[x.ref()] = struct{}{}
		r.loaded.push(x)
	}
	e.placed(r)
	again := more && len(r.parked) <= r.window/2
	r.hungry = more && !again
	return again
}

// pathKey is the path of the target's route that an event goes to, or 0.
func (d *Dispatcher) pathKey(target store.Route, event []byte) uint64 {
	rt, ok := d.cfg.Rules.Route(rule.RouteKey(target))
	if !ok || rt.Request == nil {
		return 0
	}
	return rt.Request.PathKey(event)
}

// grow lets the route hold more of what waits in the store when its workers had
// nothing to do while the loader read, or outcomes became durable: a route that
// is slower than that needs no more than it has. It is told how many deliveries
// were read, and whether some were left.
func (r *apiRoute) grow(read int, more bool) {
	// One alone is a circuit's probe, or all that memory allows.
	if more && r.behind && read > 1 && r.loaded.len() == 0 {
		r.window = min(2*r.window, lastWindow)
	}
	if !more {
		r.window = firstWindow
	}
	r.behind = more
}

// putOff lets a delivery wait in the store for a path that hangs. That is no
// attempt; but an event that has become too old meanwhile ends (X4).
func (d *Dispatcher) putOff(x *delivery) {
	if rt, ok := d.cfg.Rules.Route(rule.RouteKey(x.route)); ok && d.clock.Now().Sub(x.born()) >= rt.Retry.MaximumEventAge+lateness {
		f := &retry.Failure{Code: retry.Code(x.last.code), Message: x.last.message, StatusCode: x.last.statusCode}
		if f.Code == "" {
			f = &retry.Failure{Code: retry.Timeout, Message: "the path left other requests without an answer until the event was too old"}
		}
		d.abandon(x, rt, f, retry.ExhaustedAge)
		return
	}
	d.park(x, x.end.key, x.later)
}
