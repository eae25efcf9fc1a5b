// Package admin is what Bailey offers beyond AWS's API: the registry of REST
// APIs, the log of deliveries, and questions about what was and would be sent.
// It is JSON under /_bailey/v1, and what the command line and the console use.
package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"bailey"
	"bailey/internal/awsjson"
	"bailey/internal/clock"
	"bailey/internal/deliver"
	"bailey/internal/event"
	"bailey/internal/request"
	"bailey/internal/rule"
	"bailey/internal/store"
)

// Prefix is where the admin API is.
const Prefix = "/_bailey/v1"

// maxBody bounds the body of a request: an API with its OpenAPI document, or
// an event of 1 MiB with a target.
const maxBody = 8 << 20

// maxValues bounds the JSON values in a body: many small ones take a hundred
// times their size.
const maxValues = 1 << 18

// MaxWait is how long a caller can wait for an event. No other call takes as
// long but that which moves a virtual clock.
const MaxWait = 5 * time.Minute

// defaultWait is how long a caller waits for an event by default.
const defaultWait = 10 * time.Second

// Config says what the admin API works on. Router is required.
type Config struct {
	Router  *bailey.Router
	Account string
	Region  string
	// Stopping, when not nil, is closed when the server is about to stop:
	// those who wait are answered then.
	Stopping <-chan struct{}
	Log      *slog.Logger
}

type api struct {
	Config
	router *bailey.Router
}

// Handler serves the admin API. Pages of other origins cannot change anything
// through a browser.
func Handler(cfg Config) http.Handler {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	a := &api{Config: cfg, router: cfg.Router}
	mux := http.NewServeMux()
	for pattern, h := range map[string]func(*http.Request) (any, error){
		"GET /apis":                    a.listAPIs,
		"PUT /apis/{id}":               a.putAPI,
		"GET /apis/{id}":               a.getAPI,
		"DELETE /apis/{id}":            a.deleteAPI,
		"GET /deliveries":              a.deliveries,
		"GET /events":                  a.events,
		"GET /events/{id}":             a.event,
		"GET /events/{id}/wait":        a.wait,
		"GET /dead-letters":            a.deadLetters,
		"GET /dead-letters/{id}":       a.deadLetter,
		"DELETE /dead-letters/{id}":    a.deleteDeadLetter,
		"POST /dead-letters/purge":     a.purge,
		"POST /dead-letters/redrive":   a.redrive,
		"POST /events/{id}/redrive":    a.redriveEvent,
		"GET /redrives":                a.redrives,
		"GET /redrives/{id}":           a.redriveStatus,
		"DELETE /redrives/{id}":        a.cancelRedrive,
		"GET /endpoints":               a.endpoints,
		"POST /endpoints/{api}/pause":  a.pause,
		"POST /endpoints/{api}/resume": a.resume,
		"POST /preview":                a.preview,
		"POST /explain":                a.explain,
		"GET /clock":                   a.clock,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { a.serve(w, r, h) })
	}
	mux.HandleFunc("POST /clock/advance", func(w http.ResponseWriter, r *http.Request) {
		// It takes as long as what is due on the way takes. A writer without
		// deadlines has none to take away.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
		a.serve(w, r, a.advance)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		a.serve(w, r, func(*http.Request) (any, error) {
			return nil, &problem{http.StatusNotFound, "NotFound", "There is no " + r.Method + " " + Prefix + r.URL.Path + "."}
		})
	})
	origins := http.NewCrossOriginProtection()
	origins.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.serve(w, r, func(*http.Request) (any, error) {
			return nil, &problem{http.StatusForbidden, "CrossOrigin", "Web pages of other origins may not call the admin API."}
		})
	}))
	return http.StripPrefix(Prefix, origins.Handler(mux))
}

// problem is an error with its status.
type problem struct {
	status  int
	code    string
	message string
}

func (p *problem) Error() string { return p.message }

func badRequest(format string, args ...any) error {
	return &problem{http.StatusBadRequest, "BadRequest", fmt.Sprintf(format, args...)}
}

// withStatus is an answer whose status is not 200.
type withStatus struct {
	status int
	body   any
}

func (a *api) serve(w http.ResponseWriter, r *http.Request, h func(*http.Request) (any, error)) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	answer, err := h(r)
	status := http.StatusOK
	if err != nil {
		p := a.problemOf(r, err)
		status, answer = p.status, Error{Code: p.code, Message: awsjson.Bounded(p.message)}
	}
	if s, ok := answer.(withStatus); ok {
		status, answer = s.status, s.body
	}
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(answer); err != nil && r.Context().Err() == nil {
		a.Log.Warn("an answer of the admin API could not be sent", "path", r.URL.Path, "error", err)
	}
}

// endWhenStopping calls cancel, which ends ctx, when the server is about to stop.
func (a *api) endWhenStopping(ctx context.Context, cancel context.CancelFunc) {
	if a.Stopping == nil {
		return
	}
	go func() {
		select {
		case <-a.Stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
}

// problemOf is the one place where errors become statuses.
func (a *api) problemOf(r *http.Request, err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if e, ok := errors.AsType[*rule.Error](err); ok {
		switch e.Kind {
		case rule.NotFound:
			return &problem{http.StatusNotFound, "NotFound", e.Message}
		case rule.Exists, rule.IllegalState, rule.Managed:
			return &problem{http.StatusConflict, "Conflict", e.Message}
		}
		return &problem{http.StatusBadRequest, "BadRequest", e.Message}
	}
	if errors.Is(err, bailey.ErrRealClock) {
		return &problem{http.StatusConflict, "RealClock", "This server runs on the machine's clock. One started with --clock virtual can be moved."}
	}
	if e, ok := errors.AsType[*bailey.ClockRangeError](err); ok {
		return &problem{http.StatusBadRequest, "BadRequest", e.Message}
	}
	if errors.Is(err, store.ErrNotFound) {
		return &problem{http.StatusNotFound, "NotFound", "There is no such event: it never came, or it is older than the retention."}
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &problem{http.StatusRequestEntityTooLarge, "TooLarge", fmt.Sprintf("The body may have %d bytes.", maxBody)}
	}
	if r.Context().Err() != nil {
		return &problem{499, "Cancelled", "The caller has gone."}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, store.ErrClosed) {
		return &problem{http.StatusServiceUnavailable, "Stopping", "The server is stopping: " + err.Error()}
	}
	a.Log.Error("the admin API failed", "method", r.Method, "path", r.URL.Path, "error", err)
	return &problem{http.StatusInternalServerError, "Internal", "Something went wrong; the log says what."}
}

// decode reads a JSON body into v. Members that v does not have are refused:
// a misspelt one would otherwise be ignored in silence.
func decode(r *http.Request, v any) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return fmt.Errorf("reading the body: %w", err)
	}
	if awsjson.Values(body) > maxValues {
		return badRequest("The body has more than %d values.", maxValues)
	}
	if err := CheckNames(body, v); err != nil {
		return badRequest("The body is not what is expected here: %v.", err)
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return badRequest("The body is not what is expected here: %s.", awsjson.Bounded(err.Error()))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return badRequest("There is more than one JSON value in the body.")
	}
	return nil
}

// The registry of REST APIs.

func (a *api) listAPIs(*http.Request) (any, error) {
	list := APIs{APIs: []json.RawMessage{}}
	for api := range a.router.Rules().APIs() {
		b, err := json.Marshal(api.Redacted())
		if err != nil {
			return nil, fmt.Errorf("encoding API %s: %w", api.ID, err)
		}
		list.APIs = append(list.APIs, b)
	}
	return list, nil
}

func (a *api) putAPI(r *http.Request) (any, error) {
	registration := new(request.API)
	if err := decode(r, registration); err != nil {
		return nil, err
	}
	if id := r.PathValue("id"); registration.ID == "" {
		registration.ID = id
	} else if registration.ID != id {
		return nil, badRequest("The body is about API %s, the path about %s.", registration.ID, id)
	}
	_, replaces := a.router.Rules().API(registration.ID)
	if err := a.router.Rules().PutAPI(r.Context(), registration); err != nil {
		return nil, err
	}
	if !replaces {
		return withStatus{http.StatusCreated, registration.Redacted()}, nil
	}
	return registration.Redacted(), nil
}

func (a *api) getAPI(r *http.Request) (any, error) {
	registration, ok := a.router.Rules().API(r.PathValue("id"))
	if !ok {
		return nil, &problem{http.StatusNotFound, "NotFound", "API " + r.PathValue("id") + " is not registered."}
	}
	return registration.Redacted(), nil
}

func (a *api) deleteAPI(r *http.Request) (any, error) {
	return nil, a.router.Rules().DeleteAPI(r.Context(), r.PathValue("id"))
}

// The log.

func eventID(text string) (*event.ID, error) {
	id, err := event.ParseID(text)
	if err != nil {
		return nil, badRequest("%q is not an event id: %v.", text, err)
	}
	return &id, nil
}

func (a *api) deliveries(r *http.Request) (any, error) {
	params := r.URL.Query()
	q := store.Query{
		Region: params.Get("region"),
		Bus:    params.Get("eventBusName"),
		Rule:   params.Get("rule"),
		Target: params.Get("target"),
		API:    params.Get("api"),
		Next:   params.Get("next"),
	}
	for name := range params {
		switch name {
		case "region", "eventBusName", "rule", "target", "api", "next", "eventId", "status", "since", "limit":
		default:
			return nil, badRequest("There is no parameter %q here.", name)
		}
	}
	var err error
	if text := params.Get("eventId"); text != "" {
		if q.Event, err = eventID(text); err != nil {
			return nil, err
		}
	}
	if text := params.Get("status"); text != "" {
		status, err := store.ParseStatus(text)
		if err != nil {
			return nil, badRequest("%v.", err)
		}
		q.Status = &status
	}
	if q.Since, q.Limit, err = a.span(params); err != nil {
		return nil, err
	}
	page, next, err := a.router.Deliveries(r.Context(), q)
	if errors.Is(err, store.ErrToken) {
		return nil, badRequest("%v.", err)
	}
	if err != nil {
		return nil, err
	}
	answer := Deliveries{Deliveries: make([]Delivery, len(page)), Next: next}
	for i := range page {
		answer.Deliveries[i] = a.delivery(&page[i])
	}
	return answer, nil
}

// span reads since when, and how many, a list is to be; both may be left out.
func (a *api) span(params url.Values) (since time.Time, limit int, err error) {
	if text := params.Get("since"); text != "" {
		if since, err = moment("since", text, a.router.Now()); err != nil {
			return since, 0, err
		}
	}
	if text := params.Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > 1000 {
			return since, 0, badRequest("limit is a number from 1 to 1000, not %q.", text)
		}
	}
	return since, limit, nil
}

// moment reads a member or parameter that says when.
func moment(name, text string, now time.Time) (time.Time, error) {
	at, err := clock.ParseMoment(text, now)
	if err != nil {
		return at, badRequest("%s is %v.", name, err)
	}
	return at, nil
}

func (a *api) event(r *http.Request) (any, error) {
	id, err := eventID(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return a.view(r.Context(), *id)
}

func (a *api) view(ctx context.Context, id event.ID) (*Event, error) {
	view, err := a.router.Event(ctx, id)
	if err != nil {
		return nil, err
	}
	answer := &Event{
		EventID:      view.ID.String(),
		OriginalID:   original(view.Origin),
		Region:       view.Region,
		EventBusName: view.Bus,
		IngestedAt:   view.Ingested,
		Event:        view.JSON,
		Settled:      true,
		Deliveries:   make([]Delivery, len(view.Deliveries)),
	}
	if err := a.addEndpoints(ctx, answer, view.Deliveries); err != nil {
		return nil, err
	}
	attempts := map[event.ID][]store.Attempt{} // by the event, which may be a copy or a replay
	for i := range view.Deliveries {
		d := &view.Deliveries[i]
		if _, read := attempts[d.Event]; !read {
			if attempts[d.Event], err = a.router.Attempts(ctx, d.Event); err != nil {
				return nil, err
			}
		}
		answer.Settled = answer.Settled && d.Status != store.Pending
		endpoint := answer.Deliveries[i].Endpoint
		answer.Deliveries[i] = a.delivery(d)
		answer.Deliveries[i].Endpoint = endpoint
		if route, ok := a.router.Rules().Route(rule.RouteKey(d.Route)); ok {
			answer.Deliveries[i].Notes = deliver.Notes(route, view.JSON)
		}
		for _, t := range attempts[d.Event] {
			if t.N != d.N {
				continue
			}
			answer.Deliveries[i].FailedAttempts = append(answer.Deliveries[i].FailedAttempts, Attempt{
				Number: t.Number, At: t.At, StatusCode: t.StatusCode, ErrorCode: t.ErrorCode, Error: t.Error, LatencyMs: ms(t.Latency),
			})
		}
	}
	return answer, nil
}

// wait answers when all deliveries of an event have ended, or with 408 and
// their states when the time is up.
func (a *api) wait(r *http.Request) (any, error) {
	id, err := eventID(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	timeout := defaultWait
	if text := r.URL.Query().Get("timeout"); text != "" {
		if timeout, err = time.ParseDuration(text); err != nil || timeout < 0 {
			return nil, badRequest("timeout is a duration such as 10s, not %q.", text)
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), min(timeout, MaxWait))
	defer cancel()
	a.endWhenStopping(ctx, cancel)
	_, err = a.router.Wait(ctx, *id)
	if err != nil && ctx.Err() == nil {
		return nil, err
	}
	view, verr := a.view(context.WithoutCancel(r.Context()), *id)
	if verr != nil {
		return nil, verr
	}
	if err != nil && !view.Settled {
		return withStatus{http.StatusRequestTimeout, view}, nil
	}
	return view, nil
}
