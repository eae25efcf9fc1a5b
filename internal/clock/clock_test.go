package clock_test

import (
	"testing"
	"testing/synctest"
	"time"

	"bailey/internal/clock"
)

func TestRealAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.Real()
		start := c.Now()
		a := c.NewAlarm()
		defer a.Stop()

		a.Set(start.Add(time.Hour))
		a.Set(start.Add(time.Minute)) // replaces
		<-a.C()
		if got := c.Now().Sub(start); got != time.Minute {
			t.Errorf("rang after %v, want 1m", got)
		}

		a.Set(start) // has passed
		<-a.C()
		if got := c.Now().Sub(start); got != time.Minute {
			t.Errorf("an alarm in the past rang after %v, want at once", got)
		}

		a.Set(c.Now().Add(time.Minute))
		a.Set(time.Time{}) // never
		select {
		case <-a.C():
			t.Error("an alarm set to never rang")
		case <-time.After(time.Hour):
		}
	})
}
