package clock_test

import (
	"context"
	"slices"
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

func TestVirtualStopsAtEveryAlarmInOrder(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	v := clock.NewVirtual(start)
	late, early := v.NewAlarm(), v.NewAlarm()
	late.Set(start.Add(2 * time.Hour))
	early.Set(start.Add(time.Hour))
	var heard []string
	idle := func(context.Context) error {
		select {
		case at := <-early.C():
			heard = append(heard, "early "+at.Sub(start).String())
			early.Set(v.Now().Add(30 * time.Minute)) // rings again on the way
		case at := <-late.C():
			heard = append(heard, "late "+at.Sub(start).String())
		default:
		}
		return nil
	}
	if err := v.Advance(t.Context(), 130*time.Minute, idle); err != nil {
		t.Fatal(err)
	}
	want := []string{"early 1h0m0s", "early 1h30m0s", "early 2h0m0s", "late 2h0m0s"}
	if len(heard) == len(want) {
		slices.Sort(heard[2:]) // those two ring at the same moment
	}
	if !slices.Equal(heard, want) {
		t.Errorf("heard %v, want %v", heard, want)
	}
	if got := v.Now().Sub(start); got != 130*time.Minute {
		t.Errorf("the clock stands %v after the start, want 2h10m", got)
	}
}

func TestVirtualAlarmInThePastRingsAtOnce(t *testing.T) {
	v := clock.NewVirtual(time.Unix(1000, 0))
	a := v.NewAlarm()
	a.Set(time.Unix(999, 0))
	select {
	case <-a.C():
	default:
		t.Error("it did not ring")
	}
	a.Set(time.Unix(999, 0))
	a.Set(time.Time{})
	select {
	case <-a.C():
		t.Error("an alarm that was unset rang")
	default:
	}
	if err := v.Advance(t.Context(), -1, nil); err == nil {
		t.Error("the clock was moved back")
	}
}

func TestVirtualStopsWhenIdleFails(t *testing.T) {
	start := time.Unix(0, 0)
	v := clock.NewVirtual(start)
	v.NewAlarm().Set(start.Add(time.Minute))
	calls := 0
	err := v.Advance(t.Context(), time.Hour, func(context.Context) error {
		if calls++; calls == 2 {
			return context.DeadlineExceeded
		}
		return nil
	})
	if err == nil || !v.Now().Equal(start.Add(time.Minute).UTC()) {
		t.Errorf("got %v at %v; want the error, at the alarm", err, v.Now())
	}
}
