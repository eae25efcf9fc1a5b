package deliver

import (
	"cmp"
	"sync"
	"time"

	"bailey/internal/clock"
	"bailey/internal/retry"
	"bailey/internal/store"
)

const (
	// defaultConcurrency is how many requests an endpoint may have under way
	// where its API's registration does not say.
	defaultConcurrency = 64
	// lateSlot is how late the turn that a rate limit gives may be taken
	// without the turns after it moving: an alarm rings a little late.
	lateSlot = 50 * time.Millisecond
)

// endpoint is one REST API and stage, and so one host: what its routes share,
// and the workers that empty their queues. What happens here happens to this
// endpoint only, and what happens to one route to that route.
//
// Whoever changes anything of a route that may let a delivery go out calls
// placed, and whoever changes anything of the endpoint calls review: a worker is
// then there for each delivery that may go, and nothing else has to wake one.
type endpoint struct {
	d   *Dispatcher
	key store.Endpoint // without a route

	mu       sync.Mutex
	routes   map[string]*apiRoute
	shares   shares
	places   int   // of all routes
	bytes    int64 // of all routes
	workers  int   // those with a request under way, and those about to look for one
	circuit  circuit
	ramp     float64     // how many requests may be under way after an outage of the host; 0 for as many as the API may have
	last     lastFailure // of the host
	paused   bool
	nextSlot time.Time   // when the rate limit lets the next request out
	pace     clock.Alarm // rings for the worker that waits for a slot; nil if none does
	paceAt   time.Time   // when it rings: another worker may have taken that slot, and nextSlot moved on

	concurrency int     // requests that may ever be under way at once
	rate        float64 // requests that may go out in a second; 0 for any number

	candidate *apiRoute // has the probe of the endpoint's own circuit
	throttled bool      // something had to wait for nextSlot
}

func newEndpoint(d *Dispatcher, key store.Endpoint) *endpoint {
	return &endpoint{d: d, key: key, routes: map[string]*apiRoute{}, concurrency: defaultConcurrency}
}

// refresh reads what the API's registration says now.
func (e *endpoint) refresh() {
	e.concurrency, e.rate = defaultConcurrency, 0
	if api, ok := e.d.cfg.Rules.API(e.key.API); ok {
		e.concurrency, e.rate = cmp.Or(api.MaxConcurrency, defaultConcurrency), api.RateLimitPerSecond
	}
}

// most is how many requests may be under way now.
func (e *endpoint) most() int {
	if e.ramp > 0 {
		return min(e.concurrency, int(e.ramp))
	}
	return e.concurrency
}

// placed takes in that something of a route has changed.
func (e *endpoint) placed(r *apiRoute) {
	e.shares.place(r, r.stands(), r.mayGo(e.d.clock.Now()))
	e.employ()
}

// review takes in that something has changed for all routes.
func (e *endpoint) review() {
	e.refresh()
	now := e.d.clock.Now()
	for _, r := range e.routes {
		e.shares.place(r, r.stands(), r.mayGo(now))
	}
	e.employ()
}

// next is the route whose delivery goes out next, if any may.
func (e *endpoint) next() *apiRoute { return e.shares.next(e.most(), len(e.routes) == 1) }

// employ sees to it that there is a worker for each delivery that may go out.
// It starts as many as can be told, and each that takes a delivery looks whether
// there is work for another.
//
// All endpoints share [Config.MaxInFlight] as they share the memory, see
// reserve: each may have as many workers as there are left, so that those that
// hang never take the last of them. One with work always has one worker, which
// sees to more of them when there are some again; requests that go unanswered
// are no work for this, unless there is no other.
func (e *endpoint) employ() {
	if e.d.stopping.Load() || e.workers > e.shares.total {
		return // there is one that is about to look
	}
	r := e.next()
	if r == nil {
		return
	}
	own := e.workers
	if r.standing != doubtful {
		own -= e.shares.under[doubtful]
	}
	if left := int64(e.d.cfg.MaxInFlight) - e.d.employed.Load(); own > 0 && int64(own) >= left {
		return
	}
	e.workers++
	e.d.employed.Add(1)
	e.d.workers.Go(e.work)
}

// dismiss says that a worker ends.
func (e *endpoint) dismiss() {
	e.workers--
	e.d.employed.Add(-1)
}

// work makes attempts until nothing may go out.
func (e *endpoint) work() {
	for {
		x, pace := e.take()
		switch {
		case x != nil && !x.later.IsZero():
			e.d.putOff(x)
		case x != nil:
			e.ended(x, e.d.attempt(x))
		case pace != nil:
			e.await(pace)
			continue
		default:
			return
		}
		e.d.active.Add(-1)
		e.d.cfg.Rested()
	}
}

// take takes the delivery whose turn it is, or ends the worker.
//
// Where the rate limit holds back what waits, one worker is given the alarm
// that rings when it no longer does, and the others end.
func (e *endpoint) take() (*delivery, clock.Alarm) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refresh()
	for !e.d.stopping.Load() {
		r := e.next()
		if r == nil {
			break
		}
		now := e.d.clock.Now()
		if e.rate > 0 && e.nextSlot.After(now) {
			e.throttled = true
			if e.pace != nil {
				break
			}
			e.pace = e.d.clock.NewAlarm()
			e.paceAt = e.nextSlot
			e.pace.Set(e.paceAt)
			return nil, e.pace
		}
		x := r.pop(now)
		if x == nil {
			e.placed(r)
			continue
		}
		r.left(x)
		e.d.begun.Add(1)
		e.d.active.Add(1) // before it leaves the queue: it is always in one of them
		e.d.dequeued(1)
		if x.later.IsZero() {
			x.throttled, e.throttled = e.throttled, false
			if e.rate > 0 {
				if now.Sub(e.nextSlot) > lateSlot {
					e.nextSlot = now
				}
				e.nextSlot = e.nextSlot.Add(time.Duration(float64(time.Second) / e.rate))
			}
			e.began(r, x)
		}
		e.placed(r)
		return x, nil
	}
	e.dismiss()
	return nil, nil
}

// began says that the delivery's request goes out.
func (e *endpoint) began(r *apiRoute, x *delivery) {
	x.began = time.Now()
	x.hostProbe, x.probe = e.circuit.began(), r.circuit.began()
	e.shares.took(r)
	if x.path != 0 {
		r.paths.began(x.path)
	}
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

// idle reports whether nothing here can go out at the moment.
func (e *endpoint) idle(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refresh()
	return e.next() == nil || e.pace != nil && e.paceAt.After(now)
}

// heard is what a verdict says: of the host, of the route and of the path.
type heard struct {
	answered bool // there was an answer, whatever it said
	fails    bool // the route does: 5xx, no answer in time, a connection that broke
	unhost   bool // the host does
}

func hear(v *verdict) heard {
	f := v.failure
	if f == nil {
		return heard{answered: true}
	}
	return heard{
		answered: f.StatusCode != 0,
		fails:    f.Retryable && !f.Unreached && (f.StatusCode == 0 || f.StatusCode >= 500),
		unhost:   f.Retryable && f.StatusCode == 0 && (f.Unreached || f.Code == retry.ConnectionFailure),
	}
}

// ended takes in what an attempt said, opens or closes circuits, and sees to
// what may go out now.
func (e *endpoint) ended(x *delivery, v verdict) {
	r := x.end
	now := e.d.clock.Now()
	e.mu.Lock()
	e.refresh()
	e.shares.ended(r)
	r.used = time.Now()
	var h heard
	if v.sent {
		h = hear(&v)
	}
	spoke := h.answered || h.fails || h.unhost
	if !spoke { // it says nothing, and another delivery is the probe
		if x.hostProbe {
			e.circuit.unsent()
		}
		if x.probe {
			r.circuit.unsent()
		}
	}
	meanwhile := r.heard.After(x.began)
	if h.answered {
		r.heard, r.spoke = time.Now(), now
	}
	hostChange := e.hostEnded(x, &v, h, now)
	change := r.ended(x, &v, h, now, meanwhile)
	r.endPath(x, &v, h, now)

	var waiting []*delivery
	if hostChange == opened {
		for _, one := range e.routes {
			waiting = append(waiting, one.empty()...)
		}
	} else if change == opened {
		waiting = r.empty()
	}
	if x.hostProbe || hostChange != same {
		e.candidate = nil
		e.d.loader.noteAll(e, r, e.circuit.closedUntil(now), hostChange != same)
	}
	switch {
	case r.circuit.open && (x.probe || change == opened):
		e.d.loader.note(r, r.circuit.closedUntil(now))
	case change == closed:
		e.d.loader.note(r, now)
	}
	if hostChange != same {
		e.review()
	} else {
		e.placed(r)
	}
	failures, hostFailures := r.circuit.failures, e.circuit.failures
	e.mu.Unlock()

	e.tell(hostChange, e.key, hostFailures, &v)
	e.tell(change, r.key, failures, &v)
	e.d.parkAll(waiting)
}

// change is what an answer did to a circuit.
type change int

const (
	same change = iota
	opened
	closed
)

// hostEnded takes in what an attempt said of the host.
func (e *endpoint) hostEnded(x *delivery, v *verdict, h heard, now time.Time) change {
	switch {
	case h.answered:
		if e.circuit.answered() {
			e.ramp = 1
			return closed
		}
		if e.ramp > 0 {
			if e.ramp += 1 / e.ramp; e.ramp >= float64(e.concurrency) {
				e.ramp = 0
			}
		}
	case h.unhost, h.fails && x.hostProbe:
		e.last = failureOf(v.failure)
		if e.circuit.failed(now, x.hostProbe) {
			return opened
		}
	}
	return same
}

// ended takes in what an attempt said of the route.
func (r *apiRoute) ended(x *delivery, v *verdict, h heard, now time.Time, meanwhile bool) (c change) {
	if v.failure != nil && v.sent {
		r.last = failureOf(v.failure)
	}
	if h.fails || h.answered || h.unhost && v.failure.Code == retry.Timeout {
		// What is not answered holds a connection, whoever's fault it is; but one
		// path that hangs says nothing of how much the others take.
		if x.path == 0 || !r.paths.mixed || !meanwhile || h.answered {
			r.governor.ended(v.failure, v.latency, r.end.concurrency, meanwhile)
		}
	}
	switch {
	case h.fails, h.unhost && x.probe:
		if r.circuit.failed(now, x.probe) {
			return opened
		}
	case h.answered:
		if r.circuit.answered() {
			r.governor.restart()
			return closed
		}
	}
	return same
}

// endPath takes in what an attempt said of the path.
func (r *apiRoute) endPath(x *delivery, v *verdict, h heard, now time.Time) {
	if x.path == 0 {
		return
	}
	how := nothing
	switch {
	case h.answered:
		how = answered
	case h.fails && v.failure.Code == retry.Timeout:
		how = unanswered
	}
	allowed := r.allowed(now)
	r.paths.ended(x.path, how, allowed-r.inFlight, allowed/4, r.again.push)
}

func failureOf(f *retry.Failure) lastFailure {
	return lastFailure{code: string(f.Code), message: f.Message, statusCode: f.StatusCode}
}

// tell logs what became of a circuit.
func (e *endpoint) tell(c change, of store.Endpoint, failures int, v *verdict) {
	log := e.d.log.With("api", of.API, "stage", of.Stage)
	if of.Route != "" {
		log = log.With("route", of.Route)
	}
	switch c {
	case opened:
		log.Warn("circuit opened: deliveries wait in the store, and one at a time is tried",
			"failures", failures, "error_code", v.failure.Code, "error", v.failure.Message)
	case closed:
		log.Info("circuit closed: the endpoint answers again")
	case same:
	}
}

// parkAll gives rows to deliveries that were taken out of memory.
func (d *Dispatcher) parkAll(waiting []*delivery) {
	for _, x := range waiting {
		d.park(x, x.end.key, x.event.Ingested)
	}
}
