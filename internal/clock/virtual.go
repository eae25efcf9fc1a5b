package clock

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Last is the latest moment at which a virtual clock can stand. It is after
// every schedule's last and before nanoseconds since 1970 do not fit into 64
// bits.
var Last = time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)

// Virtual is a clock that stands still until it is moved. The zero value is
// not ready; use [NewVirtual].
type Virtual struct {
	moving chan struct{} // holds a token while one Advance moves the clock

	mu     sync.Mutex
	now    time.Time
	alarms []*virtualAlarm // those that are set
}

// NewVirtual returns a clock that stands at the moment. The zero time leaves
// that to [Virtual.Start].
func NewVirtual(at time.Time) *Virtual {
	return &Virtual{now: at.UTC(), moving: make(chan struct{}, 1)}
}

// Start makes a clock stand at the moment if it stands nowhere yet. It must
// stand somewhere before an alarm is set.
func (v *Virtual) Start(at time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.now.IsZero() {
		v.now = at.UTC()
	}
}

// Now is where the clock stands.
func (v *Virtual) Now() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now
}

// NewAlarm returns an alarm that is not set.
func (v *Virtual) NewAlarm() Alarm { return &virtualAlarm{v: v, c: make(chan time.Time, 1)} }

// A RangeError says that a clock was to be moved to where it cannot stand.
type RangeError struct{ Message string }

func (e *RangeError) Error() string { return e.Message }

// Advance moves the clock by d. It stops at every moment for which an alarm is
// set, in order, rings it, and goes on when idle returns: idle waits until
// everything that is due at the moment has been done. When Advance returns,
// everything due up to the new time has been done. It stops where it is when
// ctx is done or idle fails. One that is called while another moves the clock
// waits for it and moves it further.
func (v *Virtual) Advance(ctx context.Context, d time.Duration, idle func(context.Context) error) error {
	if d < 0 {
		return &RangeError{fmt.Sprintf("a clock is not moved back, as by %v", d)}
	}
	select {
	case v.moving <- struct{}{}:
		defer func() { <-v.moving }()
	case <-ctx.Done():
		return fmt.Errorf("waiting for another to move the clock: %w", ctx.Err())
	}
	target := v.Now().Add(d)
	if target.After(Last) {
		return &RangeError{fmt.Sprintf("%v from %s is after %s, where a virtual clock ends", d, v.Now().Format(time.RFC3339), Last.Format(time.RFC3339))}
	}
	for {
		if err := idle(ctx); err != nil {
			return fmt.Errorf("the clock stands at %s: %w", v.Now().Format(time.RFC3339), err)
		}
		if !v.step(target) {
			return nil
		}
	}
}

// step moves to the next alarm that is not after the target, or to the target;
// false when the clock is there already and no alarm is left to ring.
func (v *Virtual) step(target time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	to := target
	for _, a := range v.alarms {
		if a.at.Before(to) {
			to = a.at
		}
	}
	moved := to.After(v.now)
	if moved {
		v.now = to
	}
	return v.ring() || moved
}

// ring rings the alarms whose moment has come. The caller holds mu.
func (v *Virtual) ring() bool {
	rang := false
	v.alarms = slices.DeleteFunc(v.alarms, func(a *virtualAlarm) bool {
		if a.at.After(v.now) {
			return false
		}
		a.send(v.now)
		rang = true
		return true
	})
	return rang
}

type virtualAlarm struct {
	v  *Virtual
	c  chan time.Time
	at time.Time // guarded by v.mu
}

// Set implements [Alarm].
func (a *virtualAlarm) Set(t time.Time) {
	a.v.mu.Lock()
	defer a.v.mu.Unlock()
	a.drop()
	if t.IsZero() {
		return
	}
	if !t.After(a.v.now) {
		a.send(a.v.now)
		return
	}
	a.at = t
	a.v.alarms = append(a.v.alarms, a)
}

// Stop implements [Alarm].
func (a *virtualAlarm) Stop() {
	a.v.mu.Lock()
	defer a.v.mu.Unlock()
	a.drop()
}

// C implements [Alarm].
func (a *virtualAlarm) C() <-chan time.Time { return a.c }

// drop unsets the alarm, also one that has rung and was not heard.
func (a *virtualAlarm) drop() {
	a.v.alarms = slices.DeleteFunc(a.v.alarms, func(b *virtualAlarm) bool { return a == b })
	select {
	case <-a.c:
	default:
	}
}

func (a *virtualAlarm) send(t time.Time) {
	select {
	case a.c <- t:
	default:
	}
}
