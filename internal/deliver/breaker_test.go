package deliver

import (
	"testing"
)

func TestCircuitTrips(t *testing.T) {
	var c circuit
	for i := range tripAfter - 1 {
		if c.failed(start, false) {
			t.Fatalf("failure %d opened it", i+1)
		}
	}
	now := start.Add(tripTime)
	if !c.failed(now, false) {
		t.Fatalf("failure %d did not open it", tripAfter)
	}
	want := firstGap
	for range 6 {
		if c.failed(now.Add(want/2), false); c.closedUntil(now) != now.Add(want) {
			t.Errorf("what was under way when it opened moved the probe to %v", c.closedUntil(now))
		}
		if c.lets(now.Add(want - 1)) {
			t.Errorf("something may be sent before the probe is due")
		}
		now = now.Add(want)
		if !c.lets(now) {
			t.Errorf("no probe after %v", want)
		}
		if !c.began() || c.lets(now) {
			t.Error("two probes at once")
		}
		c.failed(now, true)
		want = min(2*want, lastGap)
	}
	now = now.Add(want)
	c.began()
	if c.unsent(); !c.lets(now) {
		t.Error("no other probe after one that was not sent")
	}
	c.began()
	if !c.answered() || !c.lets(now) {
		t.Error("an answer did not close it")
	}
}

// An answer between them starts the count anew.
func TestCircuitCountsFailuresInARow(t *testing.T) {
	var c circuit
	now := start
	for range 10 {
		for range tripAfter - 1 {
			now = now.Add(tripTime / 10)
			c.failed(now, false)
		}
		c.answered()
	}
	if c.open {
		t.Errorf("open, though every %dth was answered", tripAfter)
	}
}

// Many failures at once say nothing yet: the first attempts of many deliveries
// may fail where their retries do not.
func TestCircuitWaitsForRetries(t *testing.T) {
	var c circuit
	for range 10 * tripAfter {
		if c.failed(start.Add(tripTime-1), false) {
			t.Fatal("opened at once")
		}
	}
	if !c.failed(start.Add(2*tripTime-1), false) {
		t.Errorf("still closed after %v of nothing but failures", tripTime)
	}
}
