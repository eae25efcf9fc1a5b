package deliver

import (
	"time"

	"bailey/internal/retry"
)

// The figures of the governor.
const (
	// firstLimit is how many requests an endpoint that nobody knows yet may
	// have under way.
	firstLimit = 10
	// fewest is the limit below which rising latency alone does not press it:
	// with so few requests the endpoint is not what they wait for.
	fewest = 8
	// hangsAfter requests in a row without an answer in time, one is enough to
	// find out whether the next is answered: each holds a connection until its
	// time is over.
	hangsAfter = 4
	// tripAfter failures in a row, over tripTime at least, open the circuit. It
	// is more than a few deliveries make in their first minutes of retries, so
	// that these keep their own times. Many deliveries make them at once, also
	// where each is only refused the first time or two: tripTime is longer than
	// a delivery's first three waits, so that an endpoint at which a retry
	// succeeds stays open to all of them.
	tripAfter = 32
	tripTime  = 10 * time.Second
	// firstGap and lastGap are the waits between two probes: the first one, and
	// what doubling it leads to.
	firstGap = time.Second
	lastGap  = 10 * time.Second
	// slower is how many times its best the latency of an endpoint may be
	// before fewer requests are made at once, and slack what it may always be.
	slower = 4
	slack  = 20 * time.Millisecond
)

// governor decides how many requests one endpoint may have under way. It finds
// what the endpoint can take: the limit grows while requests succeed, halves
// when the endpoint says that it is too much (429, 503, no answer in time),
// and shrinks when answers take much longer than they used to. An endpoint that
// hangs, so that hangsAfter requests in a row are not answered in time, gets one
// at a time.
//
// After tripAfter failures in a row and tripTime without a success its circuit
// is open: nothing is sent but one probe at a time. The first success closes
// it, and traffic comes back by one request more for every round that succeeds,
// not all at once.
//
// It is not safe for concurrent use: the endpoint's mutex guards it.
type governor struct {
	limit  float64
	steady bool // past the first growth, which is one per success

	failures int       // in a row
	unheard  int       // in a row: those of them that were not answered in time
	failing  time.Time // since when: the end of the first of them
	open     bool
	probing  bool
	probeAt  time.Time
	gap      time.Duration

	best   time.Duration // latency when all is well; creeps up, so that an old best is forgotten
	usual  time.Duration // moving average of latency
	ignore int           // answers to requests that were under way when the limit was last lowered
}

// change is what an answer did to the circuit.
type change int

const (
	same change = iota
	opened
	closed
)

// allowed is how many requests may be under way at the moment, at most most.
func (g *governor) allowed(now time.Time, most int) int {
	if g.open {
		if g.probing || now.Before(g.probeAt) {
			return 0
		}
		return 1
	}
	if g.limit == 0 {
		g.limit = firstLimit
	}
	return max(1, min(int(g.limit), most))
}

// began says that a request goes out.
func (g *governor) began() { g.probing = g.open }

// ended takes in how a request ended: failure is nil for a success.
func (g *governor) ended(failure *retry.Failure, latency time.Duration, now time.Time, most int) change {
	g.probing = false
	if failure == nil || failure.StatusCode != 0 && failure.StatusCode < 500 {
		// It answers, even if with "too many" or "not you".
		g.failures, g.unheard = 0, 0
		wasOpen := g.open
		if wasOpen {
			g.open, g.gap = false, 0
			g.limit, g.steady, g.ignore = 1, true, 0
		}
		if failure != nil && failure.Code == retry.Throttling {
			g.lower()
		} else {
			g.raise(latency, most)
		}
		if wasOpen {
			return closed
		}
		return same
	}
	if !failure.Retryable {
		return same // nothing was sent, so it says nothing of the endpoint
	}
	switch {
	case failure.Code == retry.Timeout:
		if g.unheard++; g.unheard >= hangsAfter {
			g.limit, g.steady, g.ignore = 1, true, 0
		} else {
			g.lower()
		}
	case failure.StatusCode == 503:
		g.unheard = 0
		g.lower()
	default:
		g.unheard = 0
	}
	if g.failures == 0 {
		g.failing = now
	}
	g.failures++
	switch {
	case g.open:
		g.gap = min(2*g.gap, lastGap)
		g.probeAt = now.Add(g.gap)
	case g.failures >= tripAfter && now.Sub(g.failing) >= tripTime:
		g.open, g.gap = true, firstGap
		g.probeAt = now.Add(g.gap)
		return opened
	}
	return same
}

// lower halves the limit, once for the requests that were under way together.
func (g *governor) lower() {
	g.steady = true
	if g.ignore > 0 {
		g.ignore--
		return
	}
	g.ignore = int(g.limit) - 1
	g.limit = max(1, g.limit/2)
}

// raise lets the limit grow, or shrink by one when latency has risen.
func (g *governor) raise(latency time.Duration, most int) {
	g.ignore = max(0, g.ignore-1)
	if g.best == 0 || latency < g.best {
		g.best = latency
	} else {
		g.best += (latency - g.best) / 16384
	}
	g.usual += (latency - g.usual) / 16
	if g.usual > slower*g.best+slack && g.limit > fewest {
		g.steady = true
		g.limit -= 4 / g.limit
		return
	}
	switch {
	case g.limit >= float64(most): // the API's own maximum holds; should it be raised, there is no need to grow anew
	case g.steady:
		g.limit += 1 / g.limit
	default:
		g.limit++
	}
}
