package deliver

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"bailey/internal/clock"
	"bailey/internal/store"
)

// loader reads parked deliveries back from the store when they are due. It
// keeps, for each endpoint that has any, the moment of the first: a million
// parked deliveries cost it nothing, and an endpoint that has many does not
// stand in another's way.
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
	loading bool
	armed   time.Time // what the alarm is set for
}

func (l *loader) init(d *Dispatcher) {
	l.d = d
	l.alarm = d.clock.NewAlarm()
	l.wake = make(chan struct{}, 1)
	l.done = make(chan struct{})
	l.ctx, l.end = context.WithCancel(context.Background())
}

// note says that something of the endpoint is due at the moment.
func (l *loader) note(e *endpoint, at time.Time) {
	l.mu.Lock()
	first := false
	switch {
	case e.index < 0:
		e.due = at
		heap.Push(&l.due, e)
		first = e.index == 0
	case at.Before(e.due):
		e.due = at
		heap.Fix(&l.due, e.index)
		first = e.index == 0
	}
	l.mu.Unlock()
	if first {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
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
		e, now := l.pick()
		if e != nil && !l.d.stopping.Load() {
			l.load(e, now)
			l.mu.Lock()
			l.loading = false
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

// pick takes the endpoint whose time has come, or sets the alarm for the next.
func (l *loader) pick() (*endpoint, time.Time) {
	now := l.d.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case len(l.due) == 0:
		l.arm(time.Time{})
	case l.due[0].due.After(now):
		l.arm(l.due[0].due)
	default:
		l.loading = true
		return heap.Pop(&l.due).(*endpoint), now
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
	if l.loading || len(l.due) == 0 {
		return !l.loading
	}
	next := l.due[0].due
	return next.After(l.d.clock.Now()) && next.Equal(l.armed)
}

// readAgain is how long the loader waits after the store could not be read.
const readAgain = time.Second

func (l *loader) load(e *endpoint, now time.Time) {
	if until := e.closedUntil(now); until.After(now) {
		l.d.expire(l.ctx, e, now)
		l.note(e, until)
		return
	}
	w, probe := e.room()
	if w.Most == 0 {
		return // whoever makes room says so
	}
	if probe {
		l.probe(e, now, w.Skip)
		return
	}
	due, next, more, err := l.d.cfg.Store.Due(l.ctx, e.key, now, w)
	if err != nil {
		if l.ctx.Err() == nil {
			l.d.log.Error("due deliveries could not be read; trying again", "api", e.key.API, "stage", e.key.Stage, "error", err)
			l.note(e, now.Add(readAgain))
		}
		return
	}
	switch {
	case e.pushLoaded(due, more):
		l.note(e, now)
	case !next.IsZero():
		l.note(e, next)
	}
}

// probe reads the delivery that is to ask whether an endpoint is back: of each
// route in turn, so that one whose requests always fail cannot keep the circuit
// open for the others.
func (l *loader) probe(e *endpoint, now time.Time, skip map[store.Ref]struct{}) {
	p, next, err := l.d.cfg.Store.Probe(l.ctx, e.key, now, e.probed, skip)
	switch {
	case err != nil:
		if l.ctx.Err() == nil {
			l.d.log.Error("no probe could be read; trying again", "api", e.key.API, "stage", e.key.Stage, "error", err)
			l.note(e, now.Add(readAgain))
		}
	case p != nil:
		e.probed = p.Route
		if e.pushLoaded([]store.Parked{*p}, true) {
			l.note(e, now)
		}
	case !next.IsZero():
		l.note(e, next)
	}
}

// dueHeap orders endpoints by the moment of their first due delivery.
type dueHeap []*endpoint

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push and Pop are for package heap.
func (h *dueHeap) Push(x any) {
	e := x.(*endpoint)
	e.index = len(*h)
	*h = append(*h, e)
}

func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	e.index = -1
	return e
}
