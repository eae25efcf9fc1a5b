package deliver

import "time"

// The figures of paths.
const (
	// wellKnown is how many of the paths that answered last a route remembers.
	wellKnown = 4096
	// mostHanging is how many of the paths that hang it remembers.
	mostHanging = 1024
	// mostAside is how many deliveries wait in memory for one path, and asideOf
	// the share of an endpoint's room that those of all its paths may have.
	mostAside = 16
	asideOf   = 8
	// pathGap is what a path that hangs is taken to need for each request, and
	// lastPathGap how long a delivery is put off for it at the most.
	pathGap     = 5 * time.Second
	lastPathGap = 5 * time.Minute
)

// paths keeps the paths of one route apart, where its variables make more than
// one. The route as a whole may be well while one of a thousand tenants hangs:
// that one has one request at a time, as a route that hangs has, and others of
// the route go past its deliveries.
//
// It remembers a bounded number of paths, by a hash: those with requests under
// way, those that left one unanswered, and those that answered last.
//
// It is not safe for concurrent use: the endpoint's mutex guards it.
type paths struct {
	only  uint64 // the one path that there is, until there are two
	fine  bool   // it answered last
	mixed bool
	of    map[uint64]*path
	well  *[wellKnown]uint32 // by a part of their hashes; made when there are two paths

	stalled fifo // of paths that nobody knows, until there is room for those
	aside   int  // deliveries in stalled, and for paths
	hung    int  // requests under way to paths that hang
}

type path struct {
	inFlight int
	hangs    bool // it left the latest request unanswered
	aside    fifo
	until    time.Time // to when what waits for it would take it
}

// passage is what may be done with a delivery whose turn it is.
type passage int

const (
	goes   passage = iota
	waits          // in memory, until a request of its path or of the route has ended
	putOff         // in the store
)

// admits says what may be done with a delivery to a path, where the route may
// have so many requests under way and so many are; room is how many deliveries
// may be set aside for paths, and quiet says that the route has not answered of late.
func (s *paths) admits(key uint64, allowed, under, room int, quiet bool) passage {
	if !s.mixed {
		switch s.only {
		case 0:
			s.only = key
			return goes
		case key:
			return goes
		}
		s.mixed = true
		if s.fine {
			s.learn(s.only)
		}
	}
	p := s.of[key]
	if p == nil {
		p = &path{}
	}
	free, kept := allowed-under, allowed/4
	var may bool
	switch {
	case p.hangs:
		// Never the last, unless nothing else is answered either.
		may = p.inFlight == 0 && s.hung < max(1, kept) && (free > max(1, kept) || quiet)
		if !may && p.inFlight == 0 {
			return putOff // its end is none that could call it
		}
	case s.knows(key):
		may = free > kept || p.inFlight < free
	default:
		may = p.inFlight < 2 && free > kept
		if !may && p.inFlight == 0 {
			return waits // the next end of any request calls it
		}
	}
	switch {
	case may:
		return goes
	case p.aside.len() < mostAside && s.aside-s.stalled.len() < room:
		return waits
	}
	return putOff
}

// knows reports whether the path is among those that answered last. Each has one
// of two places in the table, so that few push each other out.
func (s *paths) knows(key uint64) bool {
	if s.well == nil {
		return false
	}
	a, b, mark := places(key)
	return s.well[a] == mark || s.well[b] == mark
}

func places(key uint64) (a, b uint64, mark uint32) {
	return key % wellKnown, key >> 16 % wellKnown, max(1, uint32(key>>32)) //nolint:gosec // half of a hash
}

func (s *paths) learn(key uint64) {
	if !s.mixed {
		return
	}
	if s.well == nil {
		s.well = new([wellKnown]uint32)
	}
	a, b, mark := places(key)
	switch {
	case s.well[a] == mark || s.well[b] == mark:
	case s.well[a] == 0:
		s.well[a] = mark
	default:
		s.well[b] = mark
	}
}

func (s *paths) unlearn(key uint64) {
	if s.well == nil {
		return
	}
	a, b, mark := places(key)
	for _, place := range [...]uint64{a, b} {
		if s.well[place] == mark {
			s.well[place] = 0
		}
	}
}

// setAside keeps a delivery until it may go.
func (s *paths) setAside(x *delivery) {
	s.aside++
	if p := s.of[x.path]; p != nil && p.inFlight > 0 {
		p.aside.push(x)
		return
	}
	s.stalled.push(x)
}

// due is when a delivery that was put off is looked at again: each later than
// the one before, so that those that wait for one path do not come all at once.
func (s *paths) due(key uint64, now time.Time) time.Time {
	p := s.of[key]
	if p == nil {
		return now.Add(pathGap)
	}
	if p.until.Before(now) {
		p.until = now
	}
	p.until = p.until.Add(pathGap)
	if last := now.Add(lastPathGap); p.until.After(last) {
		p.until = last
	}
	return p.until
}

// began says that a request to the path goes out.
func (s *paths) began(key uint64) {
	p := s.of[key]
	if p == nil {
		if s.of == nil {
			s.of = map[uint64]*path{}
		}
		p = &path{}
		s.of[key] = p
	}
	p.inFlight++
	if p.hangs {
		s.hung++
	}
}

// result is what a request said of its path.
type result int

const (
	nothing result = iota
	answered
	unanswered
)

// ended takes in how a request to the path ended, and passes on what may be
// looked at again; free is how many requests the route may have beside those
// under way, and kept how many of them are kept back.
func (s *paths) ended(key uint64, how result, free, kept int, again func(*delivery)) {
	p := s.of[key]
	if p.hangs {
		s.hung--
	}
	p.inFlight--
	switch how {
	case answered:
		s.fine = true
		s.learn(key)
		s.mark(p, false)
	case unanswered:
		s.fine = false
		s.unlearn(key)
		s.mark(p, true)
	case nothing:
	}
	// One takes the place of the one that ended, and another shows whether there
	// is room for more.
	for n := 2; p.aside.len() > 0 && (n > 0 || p.inFlight == 0); n-- {
		s.aside--
		again(p.aside.pop())
		if p.hangs {
			break
		}
	}
	for n := free - kept; s.stalled.len() > 0 && n > 0; n-- {
		s.aside--
		again(s.stalled.pop())
	}
	if p.inFlight == 0 && !p.hangs && p.aside.len() == 0 {
		delete(s.of, key)
	}
	s.bound()
}

// mark notes whether the path hangs.
func (s *paths) mark(p *path, hangs bool) {
	switch {
	case hangs && !p.hangs:
		s.hung += p.inFlight
	case !hangs && p.hangs:
		s.hung -= p.inFlight
		p.until = time.Time{}
	}
	p.hangs = hangs
}

// bound forgets paths that hang when there are too many, whichever.
func (s *paths) bound() {
	for key, p := range s.of {
		if len(s.of) <= mostHanging {
			return
		}
		if p.inFlight == 0 && p.aside.len() == 0 {
			delete(s.of, key)
		}
	}
}

// empty passes on every delivery that is set aside.
func (s *paths) empty(each func(*delivery)) {
	for s.stalled.len() > 0 {
		each(s.stalled.pop())
	}
	for key, p := range s.of {
		for p.aside.len() > 0 {
			each(p.aside.pop())
		}
		if p.inFlight == 0 && !p.hangs {
			delete(s.of, key)
		}
	}
	s.aside = 0
}

// hanging counts the paths that hang.
func (s *paths) hanging() (n int) {
	for _, p := range s.of {
		if p.hangs {
			n++
		}
	}
	return n
}
