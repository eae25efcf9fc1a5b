package deliver

import "time"

// The figures of a circuit.
const (
	// tripAfter failures in a row, over tripTime at least, open the circuit. It
	// is more than a few deliveries make in their first minutes of retries, so
	// that these keep their own times. Many deliveries make them at once, also
	// where each is only refused the first time or two: tripTime is longer than
	// a delivery's first three waits, so that a route at which a retry succeeds
	// stays open to all of them.
	tripAfter = 32
	tripTime  = 10 * time.Second
	// firstGap and lastGap are the waits between two probes: the first one, and
	// what doubling it leads to.
	firstGap = time.Second
	lastGap  = 10 * time.Second
)

// circuit says whether anything is sent. After tripAfter failures in a row and
// tripTime without a success it is open: nothing is sent but one probe at a
// time. The first answer closes it.
//
// Each route has one, for what it answers itself, and each endpoint has one, for
// its host. It is not safe for concurrent use: the endpoint's mutex guards it.
type circuit struct {
	failures int       // in a row
	failing  time.Time // since when: the end of the first of them
	open     bool
	probing  bool // a probe is under way
	probeAt  time.Time
	gap      time.Duration
}

// lets reports whether something may be sent now: one probe, if it is open.
func (c *circuit) lets(now time.Time) bool {
	return !c.open || !c.probing && !now.Before(c.probeAt)
}

// closedUntil is when the next probe may be sent: not after now if anything may
// be sent. While a probe is under way its end says when, usually earlier.
func (c *circuit) closedUntil(now time.Time) time.Time {
	switch {
	case !c.open:
		return now
	case c.probing:
		return now.Add(lastGap)
	}
	return c.probeAt
}

// began says that a request goes out; it reports whether that is a probe.
func (c *circuit) began() bool {
	c.probing = c.open
	return c.probing
}

// answered says that a request succeeded, or was answered at least; it reports
// whether that closes the circuit.
func (c *circuit) answered() bool {
	was := c.open
	*c = circuit{}
	return was
}

// failed says that a request failed; it reports whether that opens the circuit.
// Of those that were under way when it opened it hears nothing new.
func (c *circuit) failed(now time.Time, probe bool) bool {
	if c.failures == 0 {
		c.failing = now
	}
	c.failures++
	switch {
	case c.open && !probe:
	case c.open:
		c.probing = false
		c.gap = min(2*c.gap, lastGap)
		c.probeAt = now.Add(c.gap)
	case c.failures >= tripAfter && now.Sub(c.failing) >= tripTime:
		c.open, c.gap = true, firstGap
		c.probeAt = now.Add(c.gap)
		return true
	}
	return false
}

// unsent says that no request was made of a probe: another may be at once.
func (c *circuit) unsent() { c.probing = false }
