package deliver

import (
	"time"

	"bailey/internal/store"
)

// endpoint returns the endpoint of that name, making it if need be.
func (d *Dispatcher) endpoint(key store.Endpoint) *endpoint {
	key = key.Whole()
	d.mu.RLock()
	e := d.endpoints[key]
	d.mu.RUnlock()
	if e != nil {
		return e
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.makeEndpoint(key)
}

func (d *Dispatcher) makeEndpoint(key store.Endpoint) *endpoint {
	e := d.endpoints[key]
	if e == nil {
		e = newEndpoint(d, key)
		d.endpoints[key] = e
	}
	return e
}

// with calls f with the route of that name, making it if need be, and with its
// endpoint's mutex held.
func (d *Dispatcher) with(key store.Endpoint, f func(*apiRoute)) {
	for {
		d.mu.RLock()
		r := d.routes[key]
		d.mu.RUnlock()
		if r == nil {
			r = d.makeRoute(key)
		}
		r.end.mu.Lock()
		if !r.gone {
			f(r)
			r.end.mu.Unlock()
			return
		}
		r.end.mu.Unlock() // it was forgotten meanwhile
	}
}

func (d *Dispatcher) makeRoute(key store.Endpoint) *apiRoute {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.routes[key]
	if r == nil {
		e := d.makeEndpoint(key.Whole())
		r = newRoute(e, key)
		d.routes[key] = r
		e.mu.Lock()
		e.routes[key.Route] = r
		e.shares.known[r.standing]++
		e.mu.Unlock()
	}
	return r
}

// waits says that deliveries of a target wait in the store for a route, the
// first of them until the moment.
func (d *Dispatcher) waits(key store.Endpoint, target store.Route, until time.Time) {
	d.with(key, func(r *apiRoute) { r.waits(target, until) })
}

// tendEvery and stale bound how long a fresh delivery may wait in memory
// without a row. A restart looks through all events from the oldest such one
// on, so none must hold it back for long.
const (
	tendEvery = 5 * time.Second
	stale     = 10 * time.Second
)

// unused is how long a route that nothing is sent to and for which nothing waits
// is remembered: how much it takes, and how it has answered.
const unused = 10 * time.Minute

// tend moves fresh deliveries that have waited too long to the store, and
// forgets routes that nobody uses.
func (d *Dispatcher) tend() {
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	for {
		select {
		case <-d.loader.done:
			return
		case now := <-tick.C:
			d.mu.RLock()
			all := make([]*endpoint, 0, len(d.endpoints))
			for _, e := range d.endpoints {
				all = append(all, e)
			}
			d.mu.RUnlock()
			d.active.Add(1) // what is shed is nowhere until it is parked
			for _, e := range all {
				d.parkAll(e.shed(now.Add(-stale)))
				d.forgetUnused(e, now.Add(-unused))
			}
			d.active.Add(-1)
		}
	}
}

// shed takes out the fresh deliveries that have waited since before the moment.
func (e *endpoint) shed(before time.Time) (old []*delivery) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.routes {
		if r.inMemory() > 0 {
			old = append(old, r.shed(before)...)
		}
	}
	return old
}

// forgetUnused forgets the endpoint's routes that were not used since the
// moment.
func (d *Dispatcher) forgetUnused(e *endpoint, since time.Time) {
	e.mu.Lock()
	some := false
	for _, r := range e.routes {
		some = some || r.used.Before(since)
	}
	e.mu.Unlock()
	if !some {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	for name, r := range e.routes {
		if r.used.Before(since) && r.places == 0 && r.inFlight == 0 && r.inMemory() == 0 && len(r.parked) == 0 &&
			e.candidate != r && !d.loader.knows(r) {
			r.gone = true
			e.shares.known[r.standing]--
			delete(e.routes, name)
			delete(d.routes, r.key)
		}
	}
}
