package pattern

import (
	"sync/atomic"
	"unsafe"
)

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

// Size estimates how many bytes of memory the pattern takes, alone or in a
// set. It is bounded by the limits on a pattern: a usual pattern takes less
// than a kilobyte, the worst a few megabytes. Wildcards take no more than their text,
// however many stars they have.
func (p *Pattern) Size() int {
	size := int(unsafe.Sizeof(*p)+unsafe.Sizeof(member{})) + len(p.text)
	tests := map[*test]bool{} // alternatives share what they have in common
	for _, a := range p.alternatives {
		size += int(unsafe.Sizeof(a) + unsafe.Sizeof(candidate{}))
		for _, f := range a {
			size += int(unsafe.Sizeof(f) + unsafe.Sizeof(clause{}))
			if !tests[&f.tests[0]] {
				tests[&f.tests[0]] = true
				size += len(f.name)
				for i := range f.tests {
					size += f.tests[i].size()
				}
			}
		}
	}
	return size
}

// size estimates what a test takes, with its share of an index.
func (t *test) size() int {
	const inIndex = 200
	size := int(unsafe.Sizeof(*t)) + len(t.text) + inIndex
	if t.more != nil {
		size += int(unsafe.Sizeof(*t.more)) + 8*len(t.more.numbers) + 2*len(t.more.block.low)
		for _, s := range t.more.list {
			size += int(unsafe.Sizeof(s)) + len(s)
		}
		for _, parts := range t.more.wildcards {
			for _, s := range parts {
				size += int(unsafe.Sizeof(s)) + len(s)
			}
		}
	}
	return size
}

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
