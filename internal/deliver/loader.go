package deliver

import (
	"container/heap"
	"context"
	"fmt"
	"sync"
	"time"

	"bailey/internal/clock"
	"bailey/internal/store"
)

// loader reads parked deliveries back from the store when they are due. It
// keeps, for each route that has any, the moment of the first: a million parked
// deliveries cost it nothing, and a route that has many does not stand in
// another's way.
type loader struct {
	d     *Dispatcher
	alarm clock.Alarm
	wake  chan struct{}
	done  chan struct{}
	once  sync.Once
	ctx   context.Context // ends with done
	end   context.CancelFunc

	mu      sync.Mutex
	due     dueHeap
	loading *apiRoute // what is being read for
	armed   time.Time // what the alarm is set for
	probes  int64     // how many were read
}

func (l *loader) init(d *Dispatcher) {
	l.d = d
	l.alarm = d.clock.NewAlarm()
	l.wake = make(chan struct{}, 1)
	l.done = make(chan struct{})
	l.ctx, l.end = context.WithCancel(context.Background())
}

// note says that something of the route is due at the moment.
func (l *loader) note(r *apiRoute, at time.Time) {
	l.mu.Lock()
	first := l.set(r, at)
	l.mu.Unlock()
	if first {
		l.rouse()
	}
}

// noteAll says when to look again at the routes of an endpoint that have
// something waiting, and at r, or at every one: not before, since its circuit
// holds all of them.
func (l *loader) noteAll(e *endpoint, r *apiRoute, at time.Time, every bool) {
	l.mu.Lock()
	first := false
	for _, one := range e.routes {
		if every || one == r || one.index >= 0 {
			first = l.set(one, at) || first
		}
	}
	l.mu.Unlock()
	if first {
		l.rouse()
	}
}

// set puts the route into the heap, or moves it forward there. It reports
// whether it is the first in it now. The caller holds mu.
func (l *loader) set(r *apiRoute, at time.Time) (first bool) {
	switch {
	case r.index < 0:
		r.due = at
		heap.Push(&l.due, r)
	case at.Before(r.due):
		r.due = at
		heap.Fix(&l.due, r.index)
	default:
		return false
	}
	return r.index == 0
}

func (l *loader) rouse() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// knows reports whether the loader has anything to do for the route.
func (l *loader) knows(r *apiRoute) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return r.index >= 0 || l.loading == r
}

func (l *loader) stop() {
	l.once.Do(func() {
		close(l.done)
		l.end()
	})
}

func (l *loader) run() {
	defer l.alarm.Stop()
	for {
		r, now := l.pick()
		if r != nil && !l.d.stopping.Load() {
			l.load(r, now)
			l.mu.Lock()
			l.loading = nil
			l.mu.Unlock()
			continue
		}
		l.d.cfg.Rested()
		select {
		case <-l.done:
			return
		case <-l.wake:
		case <-l.alarm.C():
		}
	}
}

// pick takes the route whose time has come, or sets the alarm for the next.
func (l *loader) pick() (*apiRoute, time.Time) {
	now := l.d.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case len(l.due) == 0:
		l.arm(time.Time{})
	case l.due[0].due.After(now):
		l.arm(l.due[0].due)
	default:
		l.loading = heap.Pop(&l.due).(*apiRoute)
		return l.loading, now
	}
	return nil, now
}

func (l *loader) arm(at time.Time) {
	l.armed = at
	l.alarm.Set(at)
}

// idle reports whether nothing is due, nothing is being read, and the alarm is
// set for what is due next.
func (l *loader) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.loading != nil || len(l.due) == 0 {
		return l.loading == nil
	}
	next := l.due[0].due
	return next.After(l.d.clock.Now()) && next.Equal(l.armed)
}

// readAgain is how long the loader waits after the store could not be read.
const readAgain = time.Second

func (l *loader) load(r *apiRoute, now time.Time) {
	p := r.plan(now)
	switch {
	case p.until.After(now):
		l.d.expire(l.ctx, r, now)
		l.note(r, p.until)
		return
	case p.window.Most == 0:
		return // whoever makes room says so
	case p.probe:
		l.probe(r, now, &p)
		return
	}
	due, next, more, err := l.d.cfg.Store.Due(l.ctx, r.key, now, p.window)
	if err != nil {
		l.failed(r, now, fmt.Errorf("due deliveries: %w", err))
		return
	}
	switch {
	case r.pushLoaded(&p, due, more):
		l.note(r, now)
	case !next.IsZero():
		l.note(r, next)
	}
}

func (l *loader) failed(r *apiRoute, now time.Time, err error) {
	if l.ctx.Err() == nil {
		l.d.log.Error("what waits could not be read; trying again", "api", r.key.API, "stage", r.key.Stage, "route", r.key.Route, "error", err)
		l.note(r, now.Add(readAgain))
	}
}

// probe reads the delivery that is to ask whether a route, or its host, is back:
// of each target in turn, so that one whose requests always fail cannot keep the
// circuit open for the others. Where the host's circuit is open, the routes take
// turns as well, see dueHeap.
func (l *loader) probe(r *apiRoute, now time.Time, p *plan) {
	l.mu.Lock()
	l.probes++
	r.probedAt = l.probes
	l.mu.Unlock()
	found, next, err := l.d.cfg.Store.Probe(l.ctx, r.key, now, r.probed, p.window.Skip)
	switch {
	case err != nil:
		l.failed(r, now, fmt.Errorf("a probe: %w", err))
	case found != nil:
		r.probed = found.Route
		if r.pushLoaded(p, []store.Parked{*found}, true) {
			l.note(r, now)
		}
		return
	case !next.IsZero():
		l.note(r, next)
	}
	r.end.noProbe(r, now)
}

// noProbe says that the route, whose turn it was, has nothing to ask with
// whether the host is back. It is another's turn.
func (e *endpoint) noProbe(r *apiRoute, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.candidate != r {
		return
	}
	e.candidate = nil
	if !e.circuit.open {
		return
	}
	for _, one := range e.routes {
		if one != r {
			e.d.loader.hasten(one, now)
		}
	}
}

// hasten looks at the route now if it was to be looked at later.
func (l *loader) hasten(r *apiRoute, now time.Time) {
	l.mu.Lock()
	first := r.index >= 0 && l.set(r, now)
	l.mu.Unlock()
	if first {
		l.rouse()
	}
}

// dueHeap orders routes by the moment of their first due delivery, and those
// with the same by who had a probe last.
type dueHeap []*apiRoute

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	if c := h[i].due.Compare(h[j].due); c != 0 {
		return c < 0
	}
	return h[i].probedAt < h[j].probedAt
}
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push and Pop are for package heap.
func (h *dueHeap) Push(x any) {
	r := x.(*apiRoute)
	r.index = len(*h)
	*h = append(*h, r)
}

func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	r := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	r.index = -1
	return r
}
