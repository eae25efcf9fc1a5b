package deliver

import (
	"time"

	"bailey/internal/retry"
)

// The figures of the governor.
const (
	// firstLimit is how many requests a route that nobody knows yet may have
	// under way.
	firstLimit = 10
	// firstPaths is the same for one whose path has variables: a few of the paths
	// may hang, and nobody knows yet which.
	firstPaths = 32
	// fewest is the limit below which rising latency alone does not press it:
	// with so few requests the route is not what they wait for.
	fewest = 8
	// hangsAfter requests in a row without an answer in time, one is enough to
	// find out whether the next is answered: each holds a connection until its
	// time is over.
	hangsAfter = 4
	// slower is how many times its best the latency of a route may be before
	// fewer requests are made at once, and slack what it may always be.
	slower = 4
	slack  = 20 * time.Millisecond
)

// governor decides how many requests one route may have under way. It finds
// what the route can take: the limit grows while requests succeed, halves when
// the route says that it is too much (429, 503, no answer in time), and shrinks
// when answers take much longer than they used to. A route that hangs, so that
// hangsAfter requests in a row are not answered in time and nothing else is
// meanwhile, gets one at a time.
//
// It is not safe for concurrent use: the endpoint's mutex guards it.
type governor struct {
	limit  float64
	steady bool // past the first growth, which is one per success

	unheard int // in a row: requests that were not answered in time

	best   time.Duration // latency when all is well; creeps up, so that an old best is forgotten
	usual  time.Duration // moving average of latency
	ignore int           // answers to requests that were under way when the limit was last lowered
}

// allowed is how many requests may be under way, at most most.
func (g *governor) allowed(most int) int {
	if g.limit == 0 {
		g.limit = firstLimit
	}
	return max(1, min(int(g.limit), most))
}

// restart lets traffic come back, after an outage, by one request more for
// every round that succeeds, not all at once.
func (g *governor) restart() {
	g.limit, g.steady, g.ignore, g.unheard = 1, true, 0, 0
}

// ended takes in how a request ended: failure is nil for a success. meanwhile
// says that another one was answered while this one was under way: the route
// does not hang then, even if something on it does.
func (g *governor) ended(failure *retry.Failure, latency time.Duration, most int, meanwhile bool) {
	switch {
	case failure == nil || failure.StatusCode != 0 && failure.StatusCode < 500:
		// It answers, even if with "too many" or "not you".
		g.unheard = 0
		if failure != nil && failure.Code == retry.Throttling {
			g.lower()
		} else {
			g.raise(latency, most)
		}
	case failure.Code == retry.Timeout && meanwhile:
		g.lower()
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
