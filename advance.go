package bailey

import (
	"context"
	"errors"
	"time"

	"bailey/internal/clock"
)

// ErrRealClock is returned when a clock is to be moved that is the machine's.
var ErrRealClock = errors.New("the clock is the machine's: only a virtual one can be moved")

// NewVirtualClock returns a clock for [Config] that stands at the moment until
// [Router.Advance] moves it.
func NewVirtualClock(at time.Time) clock.Clock { return clock.NewVirtual(at) }

// Now is the router's time.
func (r *Router) Now() time.Time { return r.clock.Now() }

// Advance moves a virtual clock by d, through every moment at which something
// is due, in order: each retry, each tick of a schedule, happens at its own
// time. It returns when everything due has been done. Requests to targets take
// real time, and their time limit is real.
func (r *Router) Advance(ctx context.Context, d time.Duration) error {
	v, ok := r.clock.(*clock.Virtual)
	if !ok {
		return ErrRealClock
	}
	return v.Advance(ctx, d, r.idle)
}

// idle waits until nothing is due and nothing is under way.
//
// Work is handed from one part to the next so that it is always seen in one of
// them, but not against the order in which they are asked: so they are asked
// again until nothing has happened in between.
func (r *Router) idle(ctx context.Context) error {
	for {
		before := r.activity()
		if r.scheduler.Idle() && r.player.Idle() && r.store.Idle() && r.dispatcher.Idle() && r.store.Idle() &&
			r.nextSweep.Load() > r.clock.Now().UnixNano() && r.activity() == before {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Microsecond):
		}
	}
}

// activity grows whenever something happens.
func (r *Router) activity() int64 { return r.store.Commits() + r.dispatcher.Begun() }
