package bailey

import (
	"context"

	"bailey/internal/deliver"
	"bailey/internal/store"
)

// EndpointStatus is how one REST API and stage is doing.
type EndpointStatus = deliver.EndpointStatus

// Endpoints returns how each endpoint that has had deliveries is doing.
func (r *Router) Endpoints(ctx context.Context) ([]EndpointStatus, error) {
	return r.dispatcher.Endpoints(ctx)
}

// Pause holds back deliveries to an endpoint until Resume, across restarts.
// The ages of their events go on.
func (r *Router) Pause(ctx context.Context, e store.Endpoint) error {
	r.pausing.Lock()
	defer r.pausing.Unlock()
	return r.dispatcher.Pause(ctx, e)
}

// Resume sends what Pause held back. It also closes an open circuit: whoever
// resumes an endpoint says that it is well.
func (r *Router) Resume(ctx context.Context, e store.Endpoint) error {
	r.pausing.Lock()
	defer r.pausing.Unlock()
	return r.dispatcher.Resume(ctx, e)
}

// showEndpoints lets the metrics show how endpoints are doing.
func (r *Router) showEndpoints() {
	r.metrics.Gauge("bailey_open_circuits", "Circuits that are open, of APIs and of routes: deliveries to them wait.",
		func() float64 { return float64(r.dispatcher.OpenCircuits()) })
	r.metrics.Gauges("bailey_endpoint_circuit", "The circuit of each API and stage: 0 closed, 1 open, or one of its routes' is, 2 paused by an operator.",
		[]string{"api", "stage"}, func(show func(float64, ...string)) {
			states := map[string][]store.Endpoint{}
			r.dispatcher.Circuits(func(e store.Endpoint, state string) { states[state] = append(states[state], e) }, func(store.Endpoint) {})
			// Those in trouble first: what is beyond the bound of series is not shown.
			for _, turn := range []struct {
				state string
				value float64
			}{{"open", 1}, {"paused", 2}, {"closed", 0}} {
				for _, e := range states[turn.state] {
					if e.API != "" {
						show(turn.value, e.API, e.Stage)
					}
				}
			}
		})
	r.metrics.Gauges("bailey_route_circuit", "1 for each route, a method and path of an API's stage, whose circuit is open; those that are well are not shown.",
		[]string{"api", "stage", "route"}, func(show func(float64, ...string)) {
			r.dispatcher.Circuits(func(store.Endpoint, string) {}, func(e store.Endpoint) { show(1, e.API, e.Stage, e.Route) })
		})
}
