package deliver

import (
	"testing"
	"time"

	"bailey/internal/retry"
)

var (
	start    = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	refused  = &retry.Failure{Code: retry.ConnectionFailure, Retryable: true}
	tooMany  = &retry.Failure{Code: retry.Throttling, StatusCode: 429, Retryable: true}
	notFound = &retry.Failure{Code: retry.ErrorFromTarget, StatusCode: 404}
)

func TestGovernorGrowsToTheMost(t *testing.T) {
	var g governor
	if got := g.allowed(start, 64); got != firstLimit {
		t.Errorf("an unknown endpoint may have %d requests, want %d", got, firstLimit)
	}
	for range 64 {
		g.ended(nil, time.Millisecond, start, 64)
	}
	if got := g.allowed(start, 64); got != 64 {
		t.Errorf("after 64 successes: %d, want 64", got)
	}
	if got := g.allowed(start, 3); got != 3 {
		t.Errorf("the API's own maximum is 3, allowed %d", got)
	}
}

func TestGovernorHalvesOnceARound(t *testing.T) {
	var g governor
	for range 64 {
		g.ended(nil, time.Millisecond, start, 64)
	}
	for range 64 { // one round of requests is refused
		g.ended(tooMany, time.Millisecond, start, 64)
	}
	if got := g.allowed(start, 64); got != 32 {
		t.Errorf("after a round of 429: %d, want half of 64", got)
	}
	if g.open {
		t.Error("429 opened the circuit: the endpoint answers")
	}
}

// One request without an answer is an accident; four in a row are an endpoint
// that hangs, whatever it could take before.
func TestGovernorOfOneThatHangs(t *testing.T) {
	hung := &retry.Failure{Code: retry.Timeout, Retryable: true}
	var g governor
	for range 64 {
		g.ended(nil, time.Millisecond, start, 64)
	}
	for range 10 {
		for range hangsAfter - 1 {
			g.ended(hung, 5*time.Second, start, 64)
		}
		g.ended(nil, time.Millisecond, start, 64)
	}
	if got := g.allowed(start, 64); got < 2 {
		t.Errorf("%d requests at once for one that answers every fourth, want more than one", got)
	}
	for range hangsAfter {
		g.ended(hung, 5*time.Second, start, 64)
	}
	if got := g.allowed(start, 64); got != 1 {
		t.Errorf("%d requests at once for one that hangs, want 1", got)
	}
	for range 3 {
		g.ended(nil, time.Millisecond, start, 64)
	}
	if got := g.allowed(start, 64); got < 2 {
		t.Errorf("%d requests at once after it has answered three, want more", got)
	}
}

func TestGovernorCircuit(t *testing.T) {
	var g governor
	for i := range tripAfter - 1 {
		if got := g.ended(refused, 0, start, 64); got != same {
			t.Fatalf("failure %d: %v", i+1, got)
		}
	}
	now := start.Add(tripTime)
	if got := g.ended(refused, 0, now, 64); got != opened {
		t.Fatalf("failure %d: %v, want opened", tripAfter, got)
	}
	want := firstGap
	for range 6 {
		if g.allowed(now.Add(want-1), 64) != 0 {
			t.Errorf("something may be sent before the probe is due")
		}
		now = now.Add(want)
		if g.allowed(now, 64) != 1 {
			t.Errorf("no probe after %v", want)
		}
		g.began()
		if g.allowed(now, 64) != 0 {
			t.Error("two probes at once")
		}
		g.ended(refused, 0, now, 64)
		want = min(2*want, lastGap)
	}
	g.began()
	if got := g.ended(nil, time.Millisecond, now, 64); got != closed {
		t.Fatalf("a success: %v, want closed", got)
	}
	// Traffic ramps up by one a round.
	for round := 1; round <= 5; round++ {
		limit := g.allowed(now, 64)
		if limit > round+1 {
			t.Errorf("round %d after the outage: %d requests at once", round, limit)
		}
		for range limit {
			g.ended(nil, time.Millisecond, now, 64)
		}
	}
}

// A success between them starts the count anew, and so does an answer that is
// the request's own fault.
func TestGovernorCountsFailuresInARow(t *testing.T) {
	for _, between := range []*retry.Failure{nil, notFound, tooMany} {
		var g governor
		now := start
		for range 10 {
			for range tripAfter - 1 {
				now = now.Add(tripTime / 10)
				g.ended(refused, 0, now, 64)
			}
			g.ended(between, time.Millisecond, now, 64)
		}
		if g.open {
			t.Errorf("open, though every %dth was %v", tripAfter, between)
		}
	}
}

// Many failures at once say nothing yet: the first attempts of many deliveries
// may fail where their retries do not.
func TestGovernorWaitsForRetries(t *testing.T) {
	var g governor
	for range 10 * tripAfter {
		if g.ended(refused, 0, start.Add(tripTime-1), 64) == opened {
			t.Fatal("opened at once")
		}
	}
	if got := g.ended(refused, 0, start.Add(2*tripTime-1), 64); got != opened {
		t.Errorf("%v after %v of nothing but failures, want opened", got, tripTime)
	}
}

func TestGovernorHeedsLatency(t *testing.T) {
	var g governor
	for range 200 {
		g.ended(nil, 10*time.Millisecond, start, 64)
	}
	for range 2000 {
		g.ended(nil, 500*time.Millisecond, start, 64)
		if g.allowed(start, 64) == fewest {
			return
		}
	}
	t.Errorf("answers take 50 times as long, and %d requests are still made at once", g.allowed(start, 64))
}
