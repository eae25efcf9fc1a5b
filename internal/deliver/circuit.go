package deliver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"bailey/internal/retry"
	"bailey/internal/rule"
	"bailey/internal/store"
)

// expireEvery is how often deliveries that wait for a shut endpoint are looked
// through for those whose events have become too old, and expireMost how many
// are ended then, of each route.
const (
	expireEvery = 30 * time.Second
	expireMost  = 256
)

// waits remembers that deliveries of the route wait in the store.
func (e *endpoint) waits(r store.Route) {
	e.mu.Lock()
	e.routes[r] = struct{}{}
	e.mu.Unlock()
}

// ended takes in what an attempt said of the endpoint, opens or closes its
// circuit, and starts a worker if one more may go out now.
func (e *endpoint) ended(v verdict) {
	now := e.d.clock.Now()
	e.mu.Lock()
	if !v.sent {
		probe := e.governor.open && e.governor.probing
		e.governor.probing = false
		e.mu.Unlock()
		if probe {
			e.d.loader.note(e, now) // another delivery is the probe
		}
		return
	}
	if v.failure != nil {
		e.last = lastFailure{code: string(v.failure.Code), message: v.failure.Message, statusCode: v.failure.StatusCode}
	}
	change := e.governor.ended(v.failure, v.latency, now, e.concurrency())
	open, probeAt, failures := e.governor.open, e.governor.probeAt, e.governor.failures
	var waiting []*delivery
	switch {
	case change == opened:
		waiting = e.empty()
	case !open && e.fresh.len()+e.loaded.len() > 0:
		e.employ()
	}
	e.mu.Unlock()

	switch {
	case change == opened:
		e.d.log.Warn("circuit opened: deliveries wait in the store, and one at a time is tried", "api", e.key.API, "stage", e.key.Stage,
			"failures", failures, "error_code", v.failure.Code, "error", v.failure.Message)
		e.d.parkAll(e, waiting)
	case change == closed:
		e.d.log.Info("circuit closed: the endpoint answers again", "api", e.key.API, "stage", e.key.Stage)
	}
	switch {
	case open:
		e.d.loader.note(e, probeAt)
	case change == closed:
		e.d.loader.note(e, now)
	}
}

// empty takes everything that waits in memory out of it, and returns what has
// no row in the store yet. The caller holds mu.
func (e *endpoint) empty() []*delivery {
	var rowless []*delivery
	for e.fresh.len() > 0 {
		rowless = append(rowless, e.fresh.pop())
	}
	n := int64(len(rowless))
	for _, x := range rowless {
		e.free(int64(len(x.event.JSON)))
	}
	for e.loaded.len() > 0 {
		x := e.loaded.pop()
		e.free(int64(len(x.event.JSON)))
		delete(e.parked, x.ref())
		n++
	}
	e.d.dequeued(n)
	return rowless
}

// parkAll gives rows to deliveries that were taken out of memory.
func (d *Dispatcher) parkAll(e *endpoint, waiting []*delivery) {
	for _, x := range waiting {
		d.park(x, e.key, x.event.Ingested)
	}
}

// closedUntil is when the loader may look at the endpoint again: not after now
// if something may go out.
func (e *endpoint) closedUntil(now time.Time) time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.paused:
		return now.Add(expireEvery)
	case e.governor.open && e.governor.probing:
		return now.Add(lastGap) // the probe's end says when, usually earlier
	case e.governor.open:
		return e.governor.probeAt
	}
	return now
}

// expire ends deliveries that wait for a shut endpoint and whose events have
// become too old (X4): waiting is no attempt, but ages go on.
func (d *Dispatcher) expire(ctx context.Context, e *endpoint, now time.Time) {
	e.mu.Lock()
	if now.Before(e.expireAt) {
		e.mu.Unlock()
		return
	}
	e.expireAt = now.Add(expireEvery)
	// What is said of a delivery that was never tried.
	untried := &retry.Failure{Code: retry.Code(e.last.code), Message: e.last.message, StatusCode: e.last.statusCode}
	if e.paused || untried.Code == "" {
		untried = &retry.Failure{Code: retry.Throttling, Message: "the API was paused until the event was too old"}
	}
	routes := make([]store.Route, 0, len(e.routes))
	for r := range e.routes {
		routes = append(routes, r)
	}
	inMemory := make(map[store.Ref]struct{}, len(e.parked))
	for ref := range e.parked {
		inMemory[ref] = struct{}{}
	}
	e.mu.Unlock()

	for _, r := range routes {
		rt, ok := d.cfg.Rules.Route(rule.RouteKey(r))
		if !ok {
			continue // it ends as NO_RESOURCE when its turn comes
		}
		old, err := d.cfg.Store.Expired(ctx, e.key, r, now.Add(-rt.Retry.MaximumEventAge-lateness), expireMost, func(ref store.Ref) bool {
			_, in := inMemory[ref]
			return in
		})
		if err != nil {
			if ctx.Err() == nil {
				d.log.Error("deliveries that are too old could not be looked for; trying again", "api", e.key.API, "stage", e.key.Stage, "error", err)
			}
			return
		}
		for _, p := range old {
			// Its outcome is a row's: until it is durable, the loader must
			// not read the row again.
			x := &delivery{event: p.Event, n: p.N, route: p.Route, end: e, attempts: p.Attempts, since: p.Since, earlier: p.Earlier}
			e.mu.Lock()
			e.parked[x.ref()] = struct{}{}
			e.mu.Unlock()
			f := untried
			if p.ErrorCode != "" {
				f = &retry.Failure{Code: retry.Code(p.ErrorCode), Message: p.Error, StatusCode: p.StatusCode}
			}
			d.abandon(x, rt, f, retry.ExhaustedAge)
		}
		if len(old) == expireMost {
			e.mu.Lock()
			e.expireAt = now // there are more
			e.mu.Unlock()
		}
	}
}

// EndpointStatus is how an endpoint is doing.
type EndpointStatus struct {
	Endpoint store.Endpoint
	// State is open for an open circuit, paused, or closed when all is well.
	State    string
	Limit    int // requests that may be under way at once
	InFlight int
	Queued   int   // deliveries in memory
	Waiting  int64 // deliveries in the store
	NextDue  time.Time
	// Failures in a row, the last of them, and when the next probe goes out
	// while the circuit is open.
	Failures  int
	ErrorCode string
	Error     string
	ProbeAt   time.Time
}

// Endpoints returns how each endpoint is doing, by API and stage.
func (d *Dispatcher) Endpoints(ctx context.Context) ([]EndpointStatus, error) {
	backlog, err := d.cfg.Store.Backlog(ctx)
	if err != nil {
		return nil, err
	}
	waiting := map[store.Endpoint]store.Backlog{}
	for _, b := range backlog {
		sum, there := waiting[b.Endpoint]
		if !there || b.NextDue.Before(sum.NextDue) {
			sum.NextDue = b.NextDue
		}
		sum.Count += b.Count
		waiting[b.Endpoint] = sum
	}
	d.mu.RLock()
	all := make([]EndpointStatus, 0, len(d.endpoints))
	for _, e := range d.endpoints {
		s := e.status()
		s.Waiting, s.NextDue = waiting[e.key].Count, waiting[e.key].NextDue
		all = append(all, s)
	}
	d.mu.RUnlock()
	slices.SortFunc(all, func(a, b EndpointStatus) int {
		if c := strings.Compare(a.Endpoint.API, b.Endpoint.API); c != 0 {
			return c
		}
		return strings.Compare(a.Endpoint.Stage, b.Endpoint.Stage)
	})
	return all, nil
}

func (e *endpoint) status() EndpointStatus {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := EndpointStatus{Endpoint: e.key, State: "closed", Limit: e.allowed(), InFlight: e.workers, Queued: e.fresh.len() + e.loaded.len(), Failures: e.governor.failures}
	if e.pace != nil {
		s.InFlight-- // it waits for its turn
	}
	if s.Failures > 0 {
		s.ErrorCode, s.Error = e.last.code, e.last.message
	}
	if e.governor.open {
		s.State, s.ProbeAt = "open", e.governor.probeAt
	}
	if e.paused {
		s.State = "paused"
	}
	return s
}

// States returns the state of each endpoint, as [EndpointStatus] has it.
func (d *Dispatcher) States() map[store.Endpoint]string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	all := make(map[store.Endpoint]string, len(d.endpoints))
	for key, e := range d.endpoints {
		all[key] = e.status().State
	}
	return all
}

// OpenCircuits counts the endpoints whose circuit is open.
func (d *Dispatcher) OpenCircuits() int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	n := 0
	for _, e := range d.endpoints {
		e.mu.Lock()
		if e.governor.open {
			n++
		}
		e.mu.Unlock()
	}
	return n
}

// kindPaused is the kind of the documents that remember paused endpoints.
const kindPaused = "paused"

// Pause lets deliveries wait in the store instead of sending them, until
// Resume, across restarts. Their events' ages go on.
func (d *Dispatcher) Pause(ctx context.Context, key store.Endpoint) error {
	return d.setPaused(ctx, key, true)
}

// Resume sends again what Pause has held back. An open circuit is closed with
// it: whoever resumes an endpoint says that it is well.
func (d *Dispatcher) Resume(ctx context.Context, key store.Endpoint) error {
	return d.setPaused(ctx, key, false)
}

func (d *Dispatcher) setPaused(ctx context.Context, key store.Endpoint, paused bool) error {
	doc := store.Document{Kind: kindPaused, Key: key.API + "/" + key.Stage}
	if paused {
		body, err := json.Marshal(key)
		if err != nil {
			return fmt.Errorf("pausing an endpoint: %w", err)
		}
		doc.Body = body
	}
	if err := d.cfg.Store.Apply(ctx, []store.Document{doc}); err != nil {
		return fmt.Errorf("pausing or resuming an endpoint: %w", err)
	}
	e := d.endpoint(key)
	d.active.Add(1) // what is taken out of memory is nowhere until it is parked
	defer d.active.Add(-1)
	e.mu.Lock()
	e.paused = paused
	var waiting []*delivery
	if paused {
		waiting = e.empty()
	} else if e.governor.open {
		e.governor = governor{limit: 1, steady: true}
	}
	e.mu.Unlock()
	d.parkAll(e, waiting)
	d.loader.note(e, d.clock.Now())
	return nil
}

func (d *Dispatcher) loadPaused(ctx context.Context) error {
	return d.cfg.Store.Documents(ctx, func(doc store.Document) error {
		if doc.Kind != kindPaused {
			return nil
		}
		var key store.Endpoint
		if err := json.Unmarshal(doc.Body, &key); err != nil {
			return errors.Join(fmt.Errorf("reading which endpoints are paused: %s", doc.Key), err)
		}
		e := d.endpoint(key)
		e.mu.Lock()
		e.paused = true
		e.mu.Unlock()
		return nil
	})
}
