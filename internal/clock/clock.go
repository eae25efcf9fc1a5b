// Package clock gives the engine its time as a value, so that a server can
// run on the machine's clock or on one that a test moves.
//
// Everything that has to do with time in the engine (due times, ages,
// retention) asks a [Clock]. What belongs to the outside world (the time-out
// of a real HTTP request, the grace time of a shutdown) does not.
package clock

import "time"

// Clock tells the time and wakes those who wait for a moment.
type Clock interface {
	// Now is the current time, in UTC.
	Now() time.Time
	// NewAlarm returns an alarm that is not set.
	NewAlarm() Alarm
}

// Alarm wakes one goroutine at a moment that may be moved at any time. It is
// used by one goroutine at a time.
type Alarm interface {
	// Set makes the alarm ring at t, or at once if t has passed. It replaces
	// what was set before. The zero time means never.
	Set(t time.Time)
	// C receives when the alarm rings.
	C() <-chan time.Time
	// Stop frees the alarm; it rings no more.
	Stop()
}

// Real is the machine's clock.
func Real() Clock { return realClock{} }

type realClock struct{}

func (realClock) Now() time.Time { return time.Now().UTC() }

func (realClock) NewAlarm() Alarm {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return realAlarm{t}
}

type realAlarm struct{ timer *time.Timer }

func (a realAlarm) Set(t time.Time) {
	if t.IsZero() {
		a.timer.Stop()
		return
	}
	a.timer.Reset(time.Until(t))
}

func (a realAlarm) C() <-chan time.Time { return a.timer.C }

func (a realAlarm) Stop() { a.timer.Stop() }
