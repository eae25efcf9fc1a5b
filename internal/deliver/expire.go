package deliver

import (
	"context"
	"maps"
	"slices"
	"time"

	"bailey/internal/retry"
	"bailey/internal/rule"
	"bailey/internal/store"
)

// expireEvery is how often deliveries that wait for a shut route are looked
// through for those whose events have become too old, and expireMost how many
// are ended then, of each target.
const (
	expireEvery = 30 * time.Second
	expireMost  = 256
)

// expire ends deliveries that wait for a shut route and whose events have
// become too old (X4): waiting is no attempt, but ages go on.
func (d *Dispatcher) expire(ctx context.Context, r *apiRoute, now time.Time) {
	e := r.end
	e.mu.Lock()
	if now.Before(r.expireAt) {
		e.mu.Unlock()
		return
	}
	r.expireAt = now.Add(expireEvery)
	// What is said of a delivery that was never tried.
	last := r.last
	if e.circuit.open {
		last = e.last
	}
	untried := &retry.Failure{Code: retry.Code(last.code), Message: last.message, StatusCode: last.statusCode}
	if e.paused || untried.Code == "" {
		untried = &retry.Failure{Code: retry.Throttling, Message: "the API was paused until the event was too old"}
	}
	targets := slices.Collect(maps.Keys(r.targets))
	inMemory := make(map[store.Ref]struct{}, len(r.parked))
	for ref := range r.parked {
		inMemory[ref] = struct{}{}
	}
	e.mu.Unlock()

	for _, target := range targets {
		rt, ok := d.cfg.Rules.Route(rule.RouteKey(target))
		if !ok {
			continue // it ends as NO_RESOURCE when its turn comes
		}
		old, err := d.cfg.Store.Expired(ctx, r.key, target, now.Add(-rt.Retry.MaximumEventAge-lateness), expireMost, func(ref store.Ref) bool {
			_, in := inMemory[ref]
			return in
		})
		if err != nil {
			if ctx.Err() == nil {
				d.log.Error("deliveries that are too old could not be looked for; trying again", "api", e.key.API, "stage", e.key.Stage, "route", r.key.Route, "error", err)
			}
			return
		}
		for _, p := range old {
			// Its outcome is a row's: until it is durable, the loader must
			// not read the row again.
			x := &delivery{event: p.Event, n: p.N, route: p.Route, end: r, attempts: p.Attempts, since: p.Since, earlier: p.Earlier, unreadable: p.Unreadable}
			e.mu.Lock()
			r.parked[x.ref()] = struct{}{}
			e.mu.Unlock()
			f := untried
			if p.ErrorCode != "" {
				f = &retry.Failure{Code: retry.Code(p.ErrorCode), Message: p.Error, StatusCode: p.StatusCode}
			}
			d.abandon(x, rt, f, retry.ExhaustedAge)
		}
		if len(old) == expireMost {
			e.mu.Lock()
			r.expireAt = now // there are more
			e.mu.Unlock()
		}
	}
}
