package deliver

// standing is what is known of a route when the requests that its endpoint may
// have under way are shared out.
type standing int

const (
	sound    standing = iota // it has answered, and nothing since went unanswered
	unknown                  // nothing was heard of it yet, good or bad
	doubtful                 // it leaves requests without an answer
	standings
)

// shares says which routes of one endpoint may have one more request under way.
// Those that may, for all that concerns only them, stand in a ring for each
// standing; which of these goes next, and whether it may, is decided here:
//
//   - The rings take turns, and so do the routes of a ring.
//   - A quarter of the requests that the endpoint may have under way is kept
//     back: of these a route gets as many as it leaves. So a route that begins to
//     hang, however busy it was, leaves something for the others.
//   - What nobody knows has at most half, all of it together, and each as many
//     as it leaves to others of its kind; but one more route may have its first
//     while what is kept back is free.
//   - What leaves requests unanswered has one request each, at most a quarter
//     together, and never the last that is free.
//
// A route that has the endpoint for itself has all of it, once it has answered.
//
// It is not safe for concurrent use: the endpoint's mutex guards it.
type shares struct {
	rings [standings]ring
	under [standings]int // requests under way
	total int            // the sum of them
	known [standings]int // routes
	turn  standing       // whose ring goes first
}

// keptBack is how many of the requests that may be under way at once are not
// for whoever comes first.
func keptBack(most int) int {
	if most < 2 {
		return 0
	}
	return max(1, most/4)
}

// next is the route whose turn it is where most requests may be under way, or
// nil if none may have one more. alone says that the endpoint has one route only.
func (s *shares) next(most int, alone bool) *apiRoute {
	if s.total >= most {
		return nil
	}
	for i := range standings {
		if r := s.of((s.turn+i)%standings, most, alone); r != nil {
			return r
		}
	}
	return nil
}

func (s *shares) of(kind standing, most int, alone bool) *apiRoute {
	ring, free := &s.rings[kind], most-s.total
	if ring.first == nil {
		return nil
	}
	switch kind {
	case sound:
		if alone || free > keptBack(most) {
			return ring.first
		}
		return ring.with(free)
	case unknown:
		left := (most+1)/2 - s.under[unknown]
		switch {
		case alone && left > 0:
			return ring.first
		case alone:
			return nil
		case left > 0 && free > 1:
			return ring.with(min(left, free))
		case free > keptBack(most) || s.known[sound] == 0:
			return ring.with(1)
		}
		return nil
	default:
		switch {
		case alone:
			return ring.first
		case s.under[doubtful] >= max(1, most/4) || free == 1 && most > 1:
			return nil
		}
		return ring.with(1)
	}
}

// took says that the route, which next returned, has one more request under way.
func (s *shares) took(r *apiRoute) {
	r.inFlight++
	s.under[r.standing]++
	s.total++
	s.turn = (r.standing + 1) % standings
	s.rings[r.standing].remove(r)
}

// ended says that it has one less.
func (s *shares) ended(r *apiRoute) {
	r.inFlight--
	s.under[r.standing]--
	s.total--
}

// place puts a route where it belongs now: ready says that it may have one more
// request under way, for all that concerns only it.
func (s *shares) place(r *apiRoute, now standing, ready bool) {
	if now != r.standing {
		s.rings[r.standing].remove(r)
		s.under[r.standing] -= r.inFlight
		s.under[now] += r.inFlight
		s.known[r.standing]--
		s.known[now]++
		r.standing = now
	}
	if ready {
		s.rings[now].add(r)
	} else {
		s.rings[now].remove(r)
	}
}

// ring is a list of routes that take turns. A route is in one ring at most.
type ring struct{ first, last *apiRoute }

// add puts a route at the end, unless it is in the ring.
func (g *ring) add(r *apiRoute) {
	if r.inRing {
		return
	}
	r.inRing, r.before, r.after = true, g.last, nil
	if g.last == nil {
		g.first = r
	} else {
		g.last.after = r
	}
	g.last = r
}

// remove takes it out, if it is in it.
func (g *ring) remove(r *apiRoute) {
	if !r.inRing {
		return
	}
	if r.before == nil {
		g.first = r.after
	} else {
		r.before.after = r.after
	}
	if r.after == nil {
		g.last = r.before
	} else {
		r.after.before = r.before
	}
	r.inRing, r.before, r.after = false, nil, nil
}

// with is the first route that has fewer than so many requests under way. Those
// that it passes over have some, so there are no more of them than there are
// requests under way.
func (g *ring) with(fewer int) *apiRoute {
	for r := g.first; r != nil; r = r.after {
		if r.inFlight < fewer {
			return r
		}
	}
	return nil
}
