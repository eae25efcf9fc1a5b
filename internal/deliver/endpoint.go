package deliver

import (
	"sync"
	"time"

	"bailey/internal/clock"
	"bailey/internal/store"
)

const (
	// defaultConcurrency is how many requests an endpoint may have under way
	// where its API's registration does not say.
	defaultConcurrency = 64
	// firstWindow is how many parked deliveries an endpoint holds in memory, of
	// those whose outcome is not durable yet the last. lastWindow is how many
	// it holds when its workers are faster than the disk: see grow.
	firstWindow = 256
	lastWindow  = 4096
	// lateSlot is how late the turn that a rate limit gives may be taken
	// without the turns after it moving: an alarm rings a little late.
	lateSlot = 50 * time.Millisecond
)

// endpoint is one REST API and stage: a queue, and the workers that empty it.
// What happens here happens to this endpoint only.
type endpoint struct {
	d   *Dispatcher
	key store.Endpoint

	mu        sync.Mutex
	fresh     fifo
	loaded    fifo                   // read back from the store
	parked    map[store.Ref]struct{} // in memory, with a row: the loader must not read them again
	reserved  int                    // places taken by events that are being committed
	bytes     int64                  // of the events that wait here, those being committed included
	workers   int
	governor  governor
	paused    bool
	last      lastFailure              // of the endpoint, whatever the delivery
	routes    map[store.Route]struct{} // of deliveries that were parked here
	expireAt  time.Time                // when to look again for those that are too old to wait on
	window    int                      // how many of them there may be
	hungry    bool                     // the loader left something that is due
	behind    bool                     // and has done so since it last read all that was
	turn      bool                     // whose turn it is when both queues hold something
	nextSlot  time.Time                // when the rate limit lets the next request out
	pace      clock.Alarm              // rings for the worker that waits for a slot; nil if none does
	paceAt    time.Time                // when it rings: another worker may have taken that slot, and nextSlot moved on
	throttled bool                     // something had to wait for nextSlot

	// The loader's.
	due    time.Time   // when to read for this endpoint
	index  int         // place in its heap, -1 if in none
	probed store.Route // of the latest probe
}

func newEndpoint(d *Dispatcher, key store.Endpoint) *endpoint {
	return &endpoint{d: d, key: key, parked: map[store.Ref]struct{}{}, window: firstWindow, routes: map[store.Route]struct{}{}, index: -1}
}

// reserve takes a place for one more fresh delivery, if there is one.
//
// An endpoint may hold as many bytes as are still free: one that takes what it
// can get has half of the memory, two have a third each, and there is always
// room left for one that has nothing yet.
func (e *endpoint) reserve(size int64) bool {
	free := e.d.cfg.MaxQueuedBytes - e.d.queuedBytes.Add(size)
	e.mu.Lock()
	ok := e.bytes+size <= free && e.fresh.len()+e.reserved < e.d.cfg.MaxQueued && !e.shut()
	if ok {
		e.reserved++
		e.bytes += size
	}
	e.mu.Unlock()
	if !ok {
		e.d.queuedBytes.Add(-size)
	}
	return ok
}

// release gives a reserved place back.
func (e *endpoint) release(size int64) {
	e.mu.Lock()
	e.reserved--
	e.free(size)
	e.mu.Unlock()
}

// free says that an event waits here no longer. The caller holds mu.
func (e *endpoint) free(size int64) {
	e.bytes -= size
	e.d.queuedBytes.Add(-size)
}

// push queues a fresh delivery in the place that was reserved for it. It
// returns false, and gives the place back, if nothing goes out from here any
// more.
func (e *endpoint) push(x *delivery) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.reserved--
	if e.shut() {
		e.free(int64(len(x.event.JSON)))
		return false
	}
	e.d.queued.Add(1)
	e.fresh.push(x)
	e.employ()
	return true
}

// shut reports whether deliveries wait in the store for the endpoint: it is
// paused, or its circuit is open. The caller holds mu.
func (e *endpoint) shut() bool { return e.paused || e.governor.open }

// pushLoaded queues deliveries that the loader read. more says that it left
// some that are due; pushLoaded reports whether it should go on at once. If
// not, the one who makes room calls it.
func (e *endpoint) pushLoaded(due []store.Parked, more bool) bool {
	e.d.queued.Add(int64(len(due)))
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.grow(len(due), more)
	for _, p := range due {
		e.bytes += int64(len(p.Event.JSON))
		e.d.queuedBytes.Add(int64(len(p.Event.JSON)))
		x := &delivery{
			event: p.Event, n: p.N, route: p.Route, end: e, attempts: p.Attempts, queued: now,
			since: p.Since, earlier: p.Earlier,
			last: lastFailure{code: p.ErrorCode, message: p.Error, statusCode: p.StatusCode},
		}
		e.parked[x.ref()] = struct{}{}
		e.loaded.push(x)
		e.employ()
	}
	again := more && len(e.parked) <= e.window/2
	e.hungry = more && !again
	return again
}

// grow lets the endpoint hold more of what waits in the store when its workers
// had nothing to do while the loader read, or outcomes became durable: an
// endpoint that is slower than that needs no more than it has. It is told how
// many deliveries were read, and whether some were left. The caller holds mu.
func (e *endpoint) grow(read int, more bool) {
	// One alone is a circuit's probe, or all that memory allows.
	if more && e.behind && read > 1 && e.loaded.len() == 0 {
		e.window = min(2*e.window, lastWindow)
	}
	if !more {
		e.window = firstWindow
	}
	e.behind = more
}

// room says how many parked deliveries may be read, which are in memory
// already, and whether what is read is a probe of an open circuit. The set is a copy, made before the store is read: one that ends
// meanwhile must still be skipped, since what is read may be older than its
// end.
func (e *endpoint) room() (w store.Window, probe bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	room := e.window - len(e.parked)
	if probe = e.governor.open; probe {
		room = 1 - e.loaded.len()
		if room <= 0 {
			e.employ()
		}
	}
	// After it, as many bytes are to be free as are here: see reserve.
	bytes := (e.d.cfg.MaxQueuedBytes - e.d.queuedBytes.Load() - e.bytes) / 2
	if room <= 0 || bytes <= 0 && len(e.parked) > 0 {
		e.hungry = true
		return store.Window{}, probe
	}
	if bytes <= 0 {
		room, bytes = 1, 1 // one at a time, so that nobody starves
	}
	skip := make(map[store.Ref]struct{}, len(e.parked))
	for ref := range e.parked {
		skip[ref] = struct{}{}
	}
	return store.Window{Most: room, Bytes: bytes, Skip: skip}, probe
}

// forget lets go of a delivery with a row whose outcome is durable.
func (e *endpoint) forget(ref store.Ref) {
	e.mu.Lock()
	delete(e.parked, ref)
	more := e.hungry && len(e.parked) <= e.window/2
	if more {
		e.hungry = false
	}
	e.mu.Unlock()
	if more {
		e.d.loader.note(e, e.d.clock.Now())
	}
}

// employ starts a worker if there may be one more. The caller holds mu and has
// work for it.
//
// All endpoints share [Config.MaxInFlight] as they share the memory, see
// reserve: each may have as many workers as there are left, so that those that
// hang never take the last of them. One with work always has one worker, which
// sees to more of them when there are some again.
func (e *endpoint) employ() {
	if e.workers >= e.allowed() || e.d.stopping.Load() {
		return
	}
	if left := int64(e.d.cfg.MaxInFlight) - e.d.employed.Load(); e.workers > 0 && int64(e.workers) >= left {
		return
	}
	e.workers++
	e.d.employed.Add(1)
	e.d.workers.Go(e.work)
}

// dismiss says that a worker ends. The caller holds mu.
func (e *endpoint) dismiss() {
	e.workers--
	e.d.employed.Add(-1)
}

// allowed is how many requests may be under way now. The caller holds mu.
func (e *endpoint) allowed() int {
	if e.paused {
		return 0
	}
	return e.governor.allowed(e.d.clock.Now(), e.concurrency())
}

// concurrency is the most that may ever be under way.
func (e *endpoint) concurrency() int {
	if api, ok := e.d.cfg.Rules.API(e.key.API); ok && api.MaxConcurrency > 0 {
		return api.MaxConcurrency
	}
	return defaultConcurrency
}

// work makes attempts until nothing waits.
func (e *endpoint) work() {
	for {
		x, pace := e.next()
		switch {
		case x != nil:
			e.ended(e.d.attempt(x))
			e.d.active.Add(-1)
			e.d.cfg.Rested()
		case pace != nil:
			e.await(pace)
		default:
			return
		}
	}
}

// next takes the delivery whose turn it is, or ends the worker. Fresh ones and
// those from the store take turns, so that neither starves the other.
//
// Where the rate limit holds back what waits, one worker is given the alarm
// that rings when it no longer does, and the others end.
func (e *endpoint) next() (*delivery, clock.Alarm) {
	e.mu.Lock()
	defer e.mu.Unlock()
	waiting := e.fresh.len() + e.loaded.len()
	if waiting == 0 || e.d.stopping.Load() || e.workers > e.allowed() {
		e.dismiss()
		return nil, nil
	}
	now := e.d.clock.Now()
	rate := e.rate()
	if rate > 0 && e.nextSlot.After(now) {
		e.throttled = true
		if e.pace != nil {
			e.dismiss()
			return nil, nil
		}
		e.pace = e.d.clock.NewAlarm()
		e.paceAt = e.nextSlot
		e.pace.Set(e.paceAt)
		return nil, e.pace
	}
	var x *delivery
	if e.loaded.len() > 0 && (e.turn || e.fresh.len() == 0) {
		x = e.loaded.pop()
		e.turn = false
	} else {
		x = e.fresh.pop()
		e.turn = true
	}
	x.throttled, e.throttled = e.throttled, false
	if rate > 0 {
		if now.Sub(e.nextSlot) > lateSlot {
			e.nextSlot = now
		}
		e.nextSlot = e.nextSlot.Add(time.Duration(float64(time.Second) / rate))
	}
	e.governor.began()
	e.free(int64(len(x.event.JSON)))
	if waiting > 1 {
		e.employ() // the limit may have been raised since these were pushed
	}
	e.d.begun.Add(1)
	e.d.active.Add(1) // before it leaves the queue: it is always in one of them
	e.d.dequeued(1)
	return x, nil
}

// await waits for the rate limit's alarm, unless the dispatcher is being
// stopped meanwhile.
func (e *endpoint) await(pace clock.Alarm) {
	select {
	case <-pace.C():
	case <-e.d.loader.done:
	}
	pace.Stop()
	e.mu.Lock()
	e.pace = nil
	e.mu.Unlock()
}

// rate is how many requests a second may go out; 0 means any number.
func (e *endpoint) rate() float64 {
	if api, ok := e.d.cfg.Rules.API(e.key.API); ok {
		return api.RateLimitPerSecond
	}
	return 0
}

// idle reports whether nothing here can go out at the moment. What waits in
// memory may be the next probe, read while the one before it was under way.
func (e *endpoint) idle(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.fresh.len()+e.loaded.len() == 0:
		return true
	case e.pace != nil && e.paceAt.After(now):
		return true
	}
	return e.shut() && e.workers == 0 && e.allowed() == 0
}

// shed takes out the fresh deliveries that have waited since before the
// moment.
func (e *endpoint) shed(before time.Time) []*delivery {
	e.mu.Lock()
	var old []*delivery
	for e.fresh.len() > 0 && e.fresh.first().queued.Before(before) {
		x := e.fresh.pop()
		e.free(int64(len(x.event.JSON)))
		old = append(old, x)
	}
	e.mu.Unlock()
	e.d.dequeued(int64(len(old)))
	return old
}

// fifo is a queue in a ring.
type fifo struct {
	ring []*delivery
	head int
	n    int
}

func (q *fifo) len() int { return q.n }

func (q *fifo) first() *delivery { return q.ring[q.head] }

func (q *fifo) push(x *delivery) {
	if q.n == len(q.ring) {
		ring := make([]*delivery, max(8, 2*q.n))
		for i := range q.n {
			ring[i] = q.ring[(q.head+i)%len(q.ring)]
		}
		q.ring, q.head = ring, 0
	}
	q.ring[(q.head+q.n)%len(q.ring)] = x
	q.n++
}

func (q *fifo) pop() *delivery {
	x := q.ring[q.head]
	q.ring[q.head] = nil
	q.head = (q.head + 1) % len(q.ring)
	q.n--
	if q.n == 0 && len(q.ring) > 1024 {
		q.ring, q.head = nil, 0
	}
	return x
}
