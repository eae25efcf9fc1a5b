package bailey

import (
	"cmp"
	"context"
	"fmt"

	"bailey/internal/event"
	"bailey/internal/request"
	"bailey/internal/retry"
	"bailey/internal/rule"
	"bailey/internal/store"
)

// EventView is an event with everything that became of it.
type EventView struct {
	store.StoredEvent
	Deliveries []store.Delivery
}

// Event returns an event and its deliveries, or [store.ErrNotFound].
func (r *Router) Event(ctx context.Context, id event.ID) (*EventView, error) {
	e, err := r.store.Event(ctx, id)
	if err != nil {
		return nil, err
	}
	view := &EventView{StoredEvent: *e}
	for q := (store.Query{Event: &id, Limit: 1000}); ; {
		page, next, err := r.store.Deliveries(ctx, q)
		if err != nil {
			return nil, err
		}
		view.Deliveries = append(view.Deliveries, page...)
		if next == "" {
			return view, nil
		}
		q.Next = next
	}
}

// Events returns a page of the events that a query selects, newest first, and
// the token of the next page. A page looks at a bounded part of the store: it
// may be empty, and not the last.
func (r *Router) Events(ctx context.Context, q store.EventQuery) ([]store.StoredEvent, string, error) {
	return r.store.Events(ctx, q)
}

// Deliveries returns a page of the delivery log, newest event first, and the
// token of the next page.
func (r *Router) Deliveries(ctx context.Context, q store.Query) ([]store.Delivery, string, error) {
	q.APIOf = r.apiOf
	return r.store.Deliveries(ctx, q)
}

// apiOf returns the API to which a route leads now, or "".
func (r *Router) apiOf(of store.Route) string {
	if rt, ok := r.rules.Route(rule.RouteKey(of)); ok && rt.Request != nil {
		return rt.Request.APIID()
	}
	return ""
}

// Attempts returns the attempts of an event's deliveries that failed, delivery
// by delivery and in order.
func (r *Router) Attempts(ctx context.Context, id event.ID) ([]store.Attempt, error) {
	return r.store.Attempts(ctx, id)
}

// Failing returns why no events would be taken at present, or nil: the store
// cannot be written, or is damaged, so that they had better not be, or what must be kept is more than it may hold.
func (r *Router) Failing() error {
	if err := r.store.Failing(); err != nil {
		return err
	}
	if err := r.store.Damaged(); err != nil {
		return fmt.Errorf("the database is damaged, see docs/operations.md: %w", err)
	}
	if r.full.Load() {
		return &store.FullError{Limit: limitName, Cause: errTooLarge}
	}
	return nil
}

// Broken is closed when the store can no longer keep what it is given: the disk
// failed to sync, or the data folder was removed or moved. From
// then on the router takes no event: the process should shut it down and end,
// and the next one reads what is there. Nothing that was acknowledged is lost.
func (r *Router) Broken() <-chan struct{} { return r.store.BrokenOff() }

// Preview returns the request that the target would be sent for an event, its
// secrets masked; nothing is sent. The failure is that of a delivery; an error
// is what PutTargets would say of the target.
func (r *Router) Preview(ctx context.Context, target rule.Target, envelope []byte, ruleARN string) (*request.Preview, *retry.Failure, error) {
	target.ID = cmp.Or(target.ID, "preview")
	route, err := r.rules.Compile(target, cmp.Or(ruleARN, r.rules.RuleARN(r.cfg.Region, rule.DefaultBus, "preview")))
	if err != nil {
		return nil, nil, err
	}
	return r.dispatcher.Preview(ctx, route, envelope)
}

// WouldFail says why nothing would be sent to a target for an event, nil where
// a request would be made, or where the target is an event bus or an archive.
func (r *Router) WouldFail(ctx context.Context, key rule.RouteKey, envelope []byte) (*retry.Failure, error) {
	route, ok := r.rules.Route(key)
	if !ok || route.Archive != "" || route.Bus != "" {
		return nil, nil
	}
	_, failure, err := r.dispatcher.Preview(ctx, route, envelope)
	return failure, err
}
