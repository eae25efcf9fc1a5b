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
