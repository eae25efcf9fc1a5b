package bailey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bailey/internal/clock"
	"bailey/internal/store"
)

// ErrRealClock is returned when a clock is to be moved that is the machine's.
var ErrRealClock = errors.New("the clock is the machine's: only a virtual one can be moved")

// A ClockRangeError says that a virtual clock was to be moved back, or beyond
// the year 2261, where it ends.
type ClockRangeError = clock.RangeError

// NewVirtualClock returns a clock for [Config] that stands still until
// [Router.Advance] moves it. Where it stands is kept in the data folder with
// everything that happens. The zero time goes on from there, or, in a folder
// that is new, begins at the machine's time; [Open] refuses a time that is
// before it, since what is in the folder would lie in the future.
//
// A data folder on a virtual clock is for tests: what is committed survives
// the end of the process, however it ends, but is not synced.
func NewVirtualClock(at time.Time) clock.Clock { return clock.NewVirtual(at) }

// Now is the router's time.
func (r *Router) Now() time.Time { return r.clock.Now() }

// startClock lets a virtual clock go on where the data folder says.
func (r *Router) startClock(ctx context.Context) error {
	stood, virtual, err := r.store.Stood(ctx)
	if err != nil {
		return err
	}
	now := r.clock.Now()
	if r.virtual == nil {
		if virtual && stood.After(now) {
			r.log.Warn("the data folder was used with a virtual clock, which is ahead of this one", "by", stood.Sub(now))
		}
		return nil
	}
	switch {
	case now.IsZero() && stood.IsZero():
		now = time.Now()
	case now.IsZero():
		now = stood
	case now.Before(stood):
		return &ClockRangeError{Message: fmt.Sprintf("the data folder's time is %s, and a clock is not moved back, as to %s: give a later time or none, or take another folder",
			stood.Format(time.RFC3339Nano), now.Format(time.RFC3339Nano))}
	}
	if now.Before(time.Unix(0, 0)) || now.After(clock.Last) {
		return &ClockRangeError{Message: fmt.Sprintf("a virtual clock stands between 1970 and %s, not at %s", clock.Last.Format(time.DateOnly), now.Format(time.RFC3339))}
	}
	r.virtual.Start(now)
	r.swept = r.virtual.Now()
	return nil
}

// Advance moves a virtual clock by d, through every moment at which something
// is due, in order: each retry, each tick of a schedule, happens at its own
// time. It returns when everything due has been done; by 0, it only waits for
// that. Requests to targets take real time, and their time limit is real.
//
// When ctx is done first, the clock stays where it is then, and ctx's error is
// returned. Of two calls at once, the second moves the clock further when the
// first has returned. Events may be put meanwhile, also by targets that are
// being called: those that are there when the clock is about to move on are
// delivered first.
func (r *Router) Advance(ctx context.Context, d time.Duration) error {
	if r.virtual == nil {
		return ErrRealClock
	}
	err := r.virtual.Advance(ctx, d, r.settle)
	if err == nil {
		err = r.virtual.Advance(ctx, 0, func(ctx context.Context) error {
			r.sweepDue(ctx, sweepEvery)
			return r.settle(ctx)
		})
	}
	return errors.Join(err, r.store.KeepClock())
}

// How long the clock waits for a moment without calls that put events before
// it makes them wait, and how long they do so at most. A target may put events
// while it is called, so what waits for it must not wait for the clock.
const (
	patience = 20 * time.Millisecond
	courtesy = 50 * time.Millisecond
	// again is when idle asks once more although nobody has said that there is
	// a reason to.
	again = time.Millisecond
)

// idle waits until nothing is due and nothing is under way.
func (r *Router) idle(ctx context.Context) error {
	began := time.Now()
	defer r.open()
	for {
		if r.atRest() {
			if r.sweepDue(ctx, sweepOnTheWay) {
				continue
			}
			return nil
		}
		if r.gate.Load() == nil && time.Since(began) > patience {
			r.gate.Store(new(make(chan struct{})))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.stop:
			return store.ErrClosed
		case <-r.rested:
		case <-time.After(again):
		}
	}
}

// atRest reports whether nothing is due and nothing is under way.
//
// Work is handed from one part to the next so that it is always seen in one of
// them, but not against the order in which they are asked: so it counts only if
// nothing has happened in between.
func (r *Router) atRest() bool {
	before := r.activity()
	return r.putting.Load() == 0 && r.scheduler.Idle() && r.player.Idle() && r.deadLettersIdle() &&
		r.store.Idle() && r.dispatcher.Idle() && r.store.Idle() && r.activity() == before
}

// sweepDue sweeps if that is as long ago. The clock does not stop for it:
// between two stops, nothing happens that could be forgotten.
func (r *Router) sweepDue(ctx context.Context, every time.Duration) bool {
	now := r.clock.Now()
	if now.Sub(r.swept) < every {
		return false
	}
	r.swept = now
	r.sweep(ctx)
	return true
}

// activity grows whenever something happens.
func (r *Router) activity() int64 { return r.store.Commits() + r.dispatcher.Begun() }

// rest wakes whoever waits in idle: something has come to rest.
func (r *Router) rest() {
	select {
	case r.rested <- struct{}{}:
	default:
	}
}

// yield counts a call that puts events until the function that it returns is
// called. Where the clock has waited long for a moment without any, the call
// waits a little for the clock first: it would never move while some are always
// under way.
func (r *Router) yield() (done func()) {
	if gate := r.gate.Load(); gate != nil {
		t := time.NewTimer(courtesy)
		select {
		case <-*gate:
		case <-t.C:
		}
		t.Stop()
	}
	r.putting.Add(1)
	return func() {
		r.putting.Add(-1)
		r.rest()
	}
}

// open lets those in who wait in yield.
func (r *Router) open() {
	if gate := r.gate.Swap(nil); gate != nil {
		close(*gate)
	}
}
