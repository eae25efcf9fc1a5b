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
	return r.dispatcher.Pause(ctx, e)
}

// Resume sends what Pause held back. It also closes an open circuit: whoever
// resumes an endpoint says that it is well.
func (r *Router) Resume(ctx context.Context, e store.Endpoint) error {
	return r.dispatcher.Resume(ctx, e)
}

// showEndpoints lets the metrics show how endpoints are doing.
func (r *Router) showEndpoints() {
	r.metrics.Gauge("bailey_open_circuits", "Endpoints whose circuit is open: deliveries to them wait.",
		func() float64 { return float64(r.dispatcher.OpenCircuits()) })
	r.metrics.Gauges("bailey_endpoint_circuit", "The circuit of each endpoint: 0 closed, 1 open, 2 paused by an operator.", []string{"api", "stage"},
		func(show func(float64, ...string)) {
			states := r.dispatcher.States()
			// Those in trouble first: what is beyond the bound of series is not shown.
			for _, turn := range []struct {
				state string
				value float64
			}{{"open", 1}, {"paused", 2}, {"closed", 0}} {
				for e, state := range states {
					if state == turn.state && e.API != "" {
						show(turn.value, e.API, e.Stage)
					}
				}
			}
		})
}
