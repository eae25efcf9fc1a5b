package deliver

import (
	"cmp"
	"context"
	"slices"
	"time"

	"bailey/internal/store"
)

// MostRoutes bounds the routes that [Dispatcher.Endpoints] lists of one
// endpoint.
const MostRoutes = 100

// EndpointStatus is how an endpoint, a REST API and stage, is doing: all of its
// routes together, and each of them.
type EndpointStatus struct {
	Endpoint store.Endpoint // without a route
	// State is paused, open where the circuit of the endpoint's host is or those
	// of all its routes are, or closed.
	State    string
	Limit    int // requests that may be under way at once
	InFlight int
	Queued   int   // deliveries in memory
	Waiting  int64 // deliveries in the store
	NextDue  time.Time
	// Failures in a row, the last of them, and when the next probe goes out
	// while the circuit is open: of the host or, where that is well, of the route
	// that has failed most often.
	Failures  int
	ErrorCode string
	Error     string
	ProbeAt   time.Time

	// Routes lists up to [MostRoutes] of its routes, those in trouble and then
	// those with the most to do first; MoreRoutes counts the others.
	Routes     []RouteStatus
	MoreRoutes int
}

// RouteStatus is how one route of an endpoint, a method and path, is doing. Its
// fields are those of [EndpointStatus].
type RouteStatus struct {
	Route        string // such as "POST /orders/*"
	State        string // open or closed
	Limit        int
	InFlight     int
	Queued       int
	Waiting      int64
	NextDue      time.Time
	Failures     int
	ErrorCode    string
	Error        string
	ProbeAt      time.Time
	HangingPaths int // of those that its path variables make: they get one request at a time
}

// The states of endpoints and routes.
const (
	stateClosed = "closed"
	stateOpen   = "open"
	statePaused = "paused"
)

// Endpoints returns how each endpoint is doing, by API and stage.
func (d *Dispatcher) Endpoints(ctx context.Context) ([]EndpointStatus, error) {
	backlog, err := d.cfg.Store.Backlog(ctx)
	if err != nil {
		return nil, err
	}
	waiting := map[store.Endpoint]store.Backlog{} // of each route, and of each endpoint
	add := func(key store.Endpoint, b *store.Backlog) {
		sum, there := waiting[key]
		if !there || b.NextDue.Before(sum.NextDue) {
			sum.NextDue = b.NextDue
		}
		sum.Count += b.Count
		waiting[key] = sum
	}
	for i := range backlog {
		b := &backlog[i]
		add(b.Endpoint, b)
		if b.Endpoint.Route != "" {
			add(b.Endpoint.Whole(), b)
		}
	}
	d.mu.RLock()
	all := make([]EndpointStatus, 0, len(d.endpoints))
	for _, e := range d.endpoints {
		all = append(all, e.status(waiting))
	}
	d.mu.RUnlock()
	slices.SortFunc(all, func(a, b EndpointStatus) int {
		return cmp.Or(cmp.Compare(a.Endpoint.API, b.Endpoint.API), cmp.Compare(a.Endpoint.Stage, b.Endpoint.Stage))
	})
	return all, nil
}

func (e *endpoint) status(waiting map[store.Endpoint]store.Backlog) EndpointStatus {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refresh()
	s := EndpointStatus{
		Endpoint: e.key, State: e.state(), InFlight: e.shares.total, Failures: e.circuit.failures,
		Waiting: waiting[e.key].Count, NextDue: waiting[e.key].NextDue, Routes: make([]RouteStatus, 0, len(e.routes)),
	}
	if s.Failures > 0 {
		s.ErrorCode, s.Error = e.last.code, e.last.message
	}
	if e.circuit.open {
		s.ProbeAt = e.circuit.probeAt
	}
	host := s.Failures > 0
	now := e.d.clock.Now()
	for name, r := range e.routes {
		one := r.status(now)
		one.Waiting, one.NextDue = waiting[r.key].Count, waiting[r.key].NextDue
		s.Queued += one.Queued
		s.Limit += one.Limit
		if !host && one.Failures > s.Failures {
			s.Failures, s.ErrorCode, s.Error, s.ProbeAt = one.Failures, one.ErrorCode, one.Error, one.ProbeAt
		}
		if name != "" { // what waits for the endpoint as a whole is of an older Bailey, and moves to its routes
			s.Routes = append(s.Routes, one)
		}
	}
	if s.Limit = min(s.Limit, e.most()); len(e.routes) == 0 && !e.paused {
		s.Limit = min(firstLimit, e.most())
	}
	slices.SortFunc(s.Routes, func(a, b RouteStatus) int {
		return cmp.Or(
			cmp.Compare(b.State, a.State), // open before closed
			cmp.Compare(b.Failures, a.Failures),
			cmp.Compare(b.Waiting+int64(b.Queued+b.InFlight), a.Waiting+int64(a.Queued+a.InFlight)),
			cmp.Compare(a.Route, b.Route),
		)
	})
	if s.MoreRoutes = len(s.Routes) - MostRoutes; s.MoreRoutes > 0 {
		s.Routes = slices.Clone(s.Routes[:MostRoutes])
	} else {
		s.MoreRoutes = 0
	}
	return s
}

func (r *apiRoute) status(now time.Time) RouteStatus {
	s := RouteStatus{
		Route: r.key.Route, State: stateClosed, Limit: r.allowed(now), InFlight: r.inFlight, Queued: r.inMemory(),
		Failures: r.circuit.failures, HangingPaths: r.paths.hanging(),
	}
	if s.Failures > 0 {
		s.ErrorCode, s.Error = r.last.code, r.last.message
	}
	if r.circuit.open {
		s.State, s.ProbeAt = stateOpen, r.circuit.probeAt
	}
	return s
}

// openRoutes counts the routes whose circuit is open.
func (e *endpoint) openRoutes() int {
	n := 0
	for _, r := range e.routes {
		if r.circuit.open {
			n++
		}
	}
	return n
}

func (e *endpoint) state() string {
	open := e.openRoutes()
	switch {
	case e.paused:
		return statePaused
	case e.circuit.open, open > 0 && open == len(e.routes):
		return stateOpen
	}
	return stateClosed
}

// Circuits shows the state of each endpoint as [EndpointStatus] has it, but
// that one with any open circuit is open; and of the routes with an open circuit
// each.
func (d *Dispatcher) Circuits(endpoint func(e store.Endpoint, state string), openRoute func(store.Endpoint)) {
	d.mu.RLock()
	all := make([]*endpointState, 0, len(d.endpoints))
	for key, e := range d.endpoints {
		all = append(all, e.openOnes(key))
	}
	d.mu.RUnlock()
	for _, s := range all {
		endpoint(s.key, s.state)
		for _, r := range s.open {
			openRoute(r)
		}
	}
}

type endpointState struct {
	key   store.Endpoint
	state string
	open  []store.Endpoint
}

func (e *endpoint) openOnes(key store.Endpoint) *endpointState {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := &endpointState{key: key, state: e.state()}
	for _, r := range e.routes {
		if r.circuit.open && r.key.Route != "" {
			s.open = append(s.open, r.key)
			if s.state == stateClosed {
				s.state = stateOpen
			}
		}
	}
	return s
}

// OpenCircuits counts the circuits that are open: of hosts, and of routes whose
// host is well.
func (d *Dispatcher) OpenCircuits() int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	n := 0
	for _, e := range d.endpoints {
		e.mu.Lock()
		if e.circuit.open {
			n++
		} else {
			n += e.openRoutes()
		}
		e.mu.Unlock()
	}
	return n
}
