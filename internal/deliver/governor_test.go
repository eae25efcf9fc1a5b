package deliver

import (
	"testing"
	"time"

	"bailey/internal/retry"
)

var (
	start   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	tooMany = &retry.Failure{Code: retry.Throttling, StatusCode: 429, Retryable: true}
	hung    = &retry.Failure{Code: retry.Timeout, Retryable: true}
)

func TestGovernorGrowsToTheMost(t *testing.T) {
	var g governor
	if got := g.allowed(64); got != firstLimit {
		t.Errorf("an unknown route may have %d requests, want %d", got, firstLimit)
	}
	for range 64 {
		g.ended(nil, time.Millisecond, 64, false)
	}
	if got := g.allowed(64); got != 64 {
		t.Errorf("after 64 successes: %d, want 64", got)
	}
	if got := g.allowed(3); got != 3 {
		t.Errorf("the API's own maximum is 3, allowed %d", got)
	}
}

func TestGovernorHalvesOnceARound(t *testing.T) {
	var g governor
	for range 64 {
		g.ended(nil, time.Millisecond, 64, false)
	}
	for range 64 { // one round of requests is refused
		g.ended(tooMany, time.Millisecond, 64, false)
	}
	if got := g.allowed(64); got != 32 {
		t.Errorf("after a round of 429: %d, want half of 64", got)
	}
}

// One request without an answer is an accident; four in a row are an route
// that hangs, whatever it could take before.
func TestGovernorOfOneThatHangs(t *testing.T) {
	var g governor
	for range 64 {
		g.ended(nil, time.Millisecond, 64, false)
	}
	for range 10 {
		for range hangsAfter - 1 {
			g.ended(hung, 5*time.Second, 64, false)
		}
		g.ended(nil, time.Millisecond, 64, false)
	}
	if got := g.allowed(64); got < 2 {
		t.Errorf("%d requests at once for one that answers every fourth, want more than one", got)
	}
	for range hangsAfter {
		g.ended(hung, 5*time.Second, 64, false)
	}
	if got := g.allowed(64); got != 1 {
		t.Errorf("%d requests at once for one that hangs, want 1", got)
	}
	for range 3 {
		g.ended(nil, time.Millisecond, 64, false)
	}
	if got := g.allowed(64); got < 2 {
		t.Errorf("%d requests at once after it has answered three, want more", got)
	}
}

// What was not answered while others were does not make the route one that
// hangs, however much of it there is.
func TestGovernorOfOneThatAnswersMeanwhile(t *testing.T) {
	var g governor
	for range 64 {
		g.ended(nil, time.Millisecond, 64, false)
	}
	for range 10 {
		for range 2 * hangsAfter {
			g.ended(hung, 5*time.Second, 64, true)
		}
		for range 64 {
			g.ended(nil, time.Millisecond, 64, false)
		}
	}
	if got := g.allowed(64); got < 2 || g.unheard != 0 {
		t.Errorf("%d requests at once for one that answers most, want more than one", got)
	}
}

// After an outage traffic ramps up by one a round.
func TestGovernorRestarts(t *testing.T) {
	var g governor
	for range 64 {
		g.ended(nil, time.Millisecond, 64, false)
	}
	g.restart()
	for round := 1; round <= 5; round++ {
		limit := g.allowed(64)
		if limit > round+1 {
			t.Errorf("round %d after the outage: %d requests at once", round, limit)
		}
		for range limit {
			g.ended(nil, time.Millisecond, 64, false)
		}
	}
}

func TestGovernorHeedsLatency(t *testing.T) {
	var g governor
	for range 200 {
		g.ended(nil, 10*time.Millisecond, 64, false)
	}
	for range 2000 {
		g.ended(nil, 500*time.Millisecond, 64, false)
		if g.allowed(64) == fewest {
			return
		}
	}
	t.Errorf("answers take 50 times as long, and %d requests are still made at once", g.allowed(64))
}
