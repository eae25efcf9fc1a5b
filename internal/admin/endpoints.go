package admin

import (
	"context"
	"net/http"
	"slices"
	"time"

	"bailey"
	"bailey/internal/store"
)

// Endpoint is how one REST API and stage is doing: all of its routes together,
// and each of them.
type Endpoint struct {
	API   string `json:"api"`
	Stage string `json:"stage,omitempty"` // empty where the API's one URL serves every stage
	Traffic
	// Routes are those of its methods and paths that had deliveries of late: up to
	// 100, those in trouble first. MoreRoutes counts the others.
	Routes     []Route `json:"routes"`
	MoreRoutes int     `json:"moreRoutes,omitempty"`
}

// Route is how one method and path of an API's stage is doing.
type Route struct {
	Route string `json:"route"` // such as "POST /orders/*"
	Traffic
	// HangingPaths counts the paths that the route's variables make, and that left
	// their latest request unanswered: they get one request at a time.
	HangingPaths int `json:"hangingPaths,omitempty"`
}

// Traffic is what goes to an endpoint, or to a route of it.
type Traffic struct {
	// State is closed when all is well, and open while its circuit is. An endpoint
	// is open when its host does not answer, or when all its routes are open; it
	// may be paused.
	State    string `json:"state"`
	Limit    int    `json:"limit"` // requests that may be under way at once
	InFlight int    `json:"inFlight"`
	Queued   int    `json:"queued"`  // deliveries in memory
	Waiting  int64  `json:"waiting"` // deliveries in the store
	// NextDueAt is when the first of those is due.
	NextDueAt *time.Time `json:"nextDueAt,omitempty"`
	// Failures in a row, and the last of them.
	Failures  int        `json:"failures,omitempty"`
	ErrorCode string     `json:"errorCode,omitempty"`
	Error     string     `json:"error,omitempty"`
	ProbeAt   *time.Time `json:"probeAt,omitempty"` // the next one, while the circuit is open
}

// Endpoints lists endpoints by API and stage.
type Endpoints struct {
	Endpoints []Endpoint `json:"endpoints"`
}

func (a *api) endpoints(r *http.Request) (any, error) {
	return a.listEndpoints(r.Context(), func(store.Endpoint) bool { return true })
}

func (a *api) listEndpoints(ctx context.Context, which func(store.Endpoint) bool) (*Endpoints, error) {
	all, err := a.router.Endpoints(ctx)
	if err != nil {
		return nil, err
	}
	answer := &Endpoints{Endpoints: []Endpoint{}}
	for i := range all {
		// What leads nowhere is no endpoint that anybody could look after.
		if s := &all[i]; s.Endpoint.API != "" && which(s.Endpoint) {
			answer.Endpoints = append(answer.Endpoints, endpointOf(s))
		}
	}
	return answer, nil
}

// addEndpoints says of the pending deliveries of an event what holds them back,
// where that is their endpoint.
func (a *api) addEndpoints(ctx context.Context, to *Event, deliveries []store.Delivery) error {
	if !slices.ContainsFunc(deliveries, func(d store.Delivery) bool { return d.Status == store.Pending }) {
		return nil
	}
	all, err := a.router.Endpoints(ctx)
	if err != nil {
		return err
	}
	for i := range deliveries {
		d := &deliveries[i]
		at := slices.IndexFunc(all, func(s bailey.EndpointStatus) bool {
			return s.Endpoint.API == d.Endpoint.API && s.Endpoint.Stage == d.Endpoint.Stage
		})
		if d.Status == store.Pending && at >= 0 && all[at].State != "closed" {
			to.Deliveries[i].Endpoint = &HoldingEndpoint{State: all[at].State, ProbeAt: optional(all[at].ProbeAt)}
		}
	}
	return nil
}

func endpointOf(s *bailey.EndpointStatus) Endpoint {
	e := Endpoint{
		API: s.Endpoint.API, Stage: s.Endpoint.Stage, Routes: make([]Route, len(s.Routes)), MoreRoutes: s.MoreRoutes,
		Traffic: Traffic{
			State: s.State, Limit: s.Limit, InFlight: s.InFlight, Queued: s.Queued, Waiting: s.Waiting, NextDueAt: optional(s.NextDue),
			Failures: s.Failures, ErrorCode: s.ErrorCode, Error: s.Error, ProbeAt: optional(s.ProbeAt),
		},
	}
	for i := range s.Routes {
		r := &s.Routes[i]
		e.Routes[i] = Route{Route: r.Route, HangingPaths: r.HangingPaths, Traffic: Traffic{
			State: r.State, Limit: r.Limit, InFlight: r.InFlight, Queued: r.Queued, Waiting: r.Waiting, NextDueAt: optional(r.NextDue),
			Failures: r.Failures, ErrorCode: r.ErrorCode, Error: r.Error, ProbeAt: optional(r.ProbeAt),
		}}
	}
	return e
}

func (a *api) pause(r *http.Request) (any, error) { return a.eachEndpoint(r, a.router.Pause) }

func (a *api) resume(r *http.Request) (any, error) { return a.eachEndpoint(r, a.router.Resume) }

// eachEndpoint does something to the stage of an API that is named, or to all
// of its stages, and answers with what they are now.
func (a *api) eachEndpoint(r *http.Request, do func(context.Context, store.Endpoint) error) (any, error) {
	for name := range r.URL.Query() {
		if name != "stage" {
			return nil, badRequest("There is no parameter %q here.", name)
		}
	}
	known, err := a.stages(r.Context(), r.PathValue("api"))
	if err != nil {
		return nil, err
	}
	if len(known) == 0 {
		return nil, &problem{http.StatusNotFound, "NotFound", "API " + r.PathValue("api") + " is not registered, and nothing was ever sent to it."}
	}
	chosen := known
	if r.URL.Query().Has("stage") {
		e := store.Endpoint{API: r.PathValue("api"), Stage: r.URL.Query().Get("stage")}
		if _, ok := known[e]; !ok {
			return nil, &problem{http.StatusNotFound, "NotFound", "API " + e.API + " has no URL of its own for stage " + e.Stage + "."}
		}
		chosen = map[store.Endpoint]struct{}{e: {}}
	}
	for e := range chosen {
		if err := do(r.Context(), e); err != nil {
			return nil, err
		}
	}
	return a.listEndpoints(r.Context(), func(e store.Endpoint) bool { _, ok := chosen[e]; return ok })
}

// stages are the endpoints of an API: those of its registration, and those
// that have had deliveries.
func (a *api) stages(ctx context.Context, id string) (map[store.Endpoint]struct{}, error) {
	all := map[store.Endpoint]struct{}{}
	if registration, ok := a.router.Rules().API(id); ok {
		if registration.URL != "" {
			all[store.Endpoint{API: id}] = struct{}{}
		}
		for stage := range registration.Stages {
			all[store.Endpoint{API: id, Stage: stage}] = struct{}{}
		}
	}
	seen, err := a.router.Endpoints(ctx)
	if err != nil {
		return nil, err
	}
	for i := range seen {
		if seen[i].Endpoint.API == id && id != "" {
			all[seen[i].Endpoint] = struct{}{}
		}
	}
	return all, nil
}
