package pattern

import "sync/atomic"

// A Pattern is a compiled event pattern. It does not change, and any number of
// goroutines may use it.
type Pattern struct {
	text         string
	alternatives []alternative
	emptyStep    bool                   // an empty step inside a path is known to the pattern
	single       atomic.Pointer[single] // for Match and Explain, made when first needed
}

// String returns the pattern as compact JSON, as it was written but for white
// space. Parsing it gives the same pattern.
func (p *Pattern) String() string { return p.text }

// Match reports whether the pattern matches an event, which must be known to
// be valid JSON; see [ValidEvent]. To match against several patterns use a
// [Set].
func (p *Pattern) Match(event []byte) bool {
	w := p.alone().engine.match(event)
	matched := len(w.matched) > 0
	w.done()
	return matched
}

// A single is the engine of one pattern.
type single struct {
	engine *engine
	member *member
}

func (p *Pattern) alone() *single {
	s := p.single.Load()
	if s == nil {
		b := newBuilder()
		s = &single{member: b.add(nil, p)}
		s.engine = b.snapshot()
		p.single.Store(s)
	}
	return s
}
