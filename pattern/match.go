package pattern

import (
	"slices"
	"strings"
	"sync"
	"unsafe"
)

// walkers keeps walkers between matches, with their memory.
var walkers = sync.Pool{New: func() any { return new(walker) }}

// A walker that grew beyond these is not kept.
const (
	keepValues = 1 << 18
	keepBytes  = 1 << 20
)

func (w *walker) done() {
	w.release()
	if w.memo.kept > keepValues {
		w.memo = memo{}
	}
	w.memo.member = nil
	if cap(w.values) <= keepValues && cap(w.buf) <= keepBytes && cap(w.inside) <= keepValues && cap(w.overrides.open) <= keepValues {
		walkers.Put(w)
	}
}

// match finds the members whose patterns match an event, in w.matched. The
// caller calls w.done when it has taken them.
func (e *engine) match(event []byte) *walker {
	w := walkers.Get().(*walker)
	w.read(e, event)
	for _, id := range w.filled {
		if x := e.fields.get(id); x != nil {
			w.lookUp(x, id)
		}
	}
	w.tryAll(e.rest)
	return w
}

// read collects the event's values.
func (w *walker) read(e *engine, event []byte) {
	w.reset(e, event)
	i := skipSpace(w.doc, 0)
	if i >= len(w.doc) || w.doc[i] != '{' || e.paths.children() == 0 {
		return
	}
	w.object(i+1, e.paths, 0)
	if !w.strays {
		return
	}
	if w.again = w.findOverridden(); w.again {
		w.release()
		w.reset(e, event)
		w.object(i+1, e.paths, 0)
		w.again = false
	}
}

// lookUp tries the candidates that an index has for the values of a place.
func (w *walker) lookUp(x *fieldIndex, id int32) {
	w.tryAll(x.others)
	if len(x.tables) == 0 && x.ranges == nil {
		return
	}
	for i := w.places[id].first; i >= 0; i = w.values[i].next {
		v := &w.values[i]
		for k := range x.tables {
			w.lookUpIn(&x.tables[k], v)
		}
		if x.ranges != nil {
			if f, ok := v.nearest(); ok {
				w.lookUpRanges(x.ranges, f)
			}
		}
	}
}

// lookUpIn tries the candidates that a table has for one value.
func (w *walker) lookUpIn(t *table, v *value) {
	switch t.kind {
	case tableLiteral:
		if !v.quoted {
			w.tryBucket(t.buckets.get(v.text))
		}
		return
	case tableNumber:
		if f, ok := v.nearest(); ok {
			w.tryBucket(t.buckets.get(numberKey(&f)))
		}
		return
	}
	if !v.quoted {
		return
	}
	s := v.text
	if v.halves {
		s = wholeCharacters(s)
	}
	switch t.kind {
	case tableString:
		w.tryBucket(t.buckets.get(v.text))
		if v.halves { // a wildcard without a star
			w.tryBucket(t.buckets.get(s))
		}
		return
	case tableAddress:
		w.lookUpAddress(t, s)
		return
	case tableFold, tablePrefixFold, tableSuffixFold:
		// What this leads to may fold again: that goes behind, and what is
		// here stays.
		from := len(w.folded)
		w.folded = appendFold(w.folded, s)
		folded := w.folded[from:]
		s = unsafe.String(unsafe.SliceData(folded), len(folded))
		defer func() { w.folded = w.folded[:from] }()
	}
	switch t.kind {
	case tableFold:
		w.tryBucket(t.buckets.get(s))
	case tablePrefix, tablePrefixFold:
		for _, l := range t.lengths {
			if l.length > len(s) {
				return
			}
			w.tryBucket(t.buckets.get(s[:l.length]))
		}
	case tableSuffix, tableSuffixFold:
		for _, l := range t.lengths {
			if l.length > len(s) {
				return
			}
			w.tryBucket(t.buckets.get(s[len(s)-l.length:]))
		}
	}
}

func (w *walker) lookUpAddress(t *table, s string) {
	var buf [16]byte
	address, ok := parseAddress(s, &buf)
	if !ok {
		return
	}
	for _, l := range t.lengths {
		if l.length > 8*len(address) {
			return
		}
		var key [17]byte
		w.tryBucket(t.buckets.get(string(addressKey(key[:0], address, l.length))))
	}
}

// lookUpRanges tries the candidates of the ranges that contain f.
func (w *walker) lookUpRanges(n *rangeNode, f float64) {
	for n != nil && n.reach >= f {
		w.lookUpRanges(n.left, f)
		if n.key.low > f {
			return
		}
		if n.key.contains(f) {
			w.tryBucket(n.bucket)
		}
		n = n.right
	}
}

func (w *walker) tryBucket(b *bucket) {
	if b == nil {
		return
	}
	w.tryAll(b.list)
	s := b.sub
	if s == nil || !w.mark(b.id) {
		return
	}
	w.tryAll(s.rest)
	if len(s.fields) <= len(w.filled) {
		for _, f := range s.fields {
			if w.places[f.id].first >= 0 {
				w.lookUp(f.index, f.id)
			}
		}
		return
	}
	for _, id := range w.filled {
		if x := s.field(id); x != nil {
			w.lookUp(x, id)
		}
	}
}

// tryAll compares candidates with the event, each once, and collects the
// members that match.
func (w *walker) tryAll(list []*candidate) {
	for _, c := range list {
		if !w.mark(c.id) {
			continue
		}
		m := c.member
		several := len(m.candidates) > 1
		if several && w.marks[m.id/64]&(1<<(m.id%64)) != 0 || !w.satisfies(c) {
			continue
		}
		if several {
			w.mark(m.id)
		}
		w.matched = append(w.matched, m)
	}
}

// satisfies reports whether the event has a value for every clause of a
// candidate, and whether those can be chosen so that no two of them lie in
// different elements of one array.
func (w *walker) satisfies(c *candidate) bool {
	apart, choice := 0, false // clauses all of whose matching values lie in array elements
	for i := range c.clauses {
		switch w.state(c, &c.clauses[i]) {
		case clauseFails:
			return false
		case clauseInElements:
			apart++
		case clauseOpen:
			apart++
			choice = true
		}
	}
	switch {
	case apart <= 1 && !choice:
		return true
	case choice || c.nested || w.strays || len(c.clauses) > 64:
		return w.search(c)
	}
	return w.joins(c)
}

type clauseState uint8

const (
	clauseUnknown    clauseState = iota
	clauseFails                  // no value matches, and there is one or has to be
	clauseHolds                  // whatever is chosen for the others
	clauseInElements             // by values that all lie in array elements
	clauseOpen                   // by such values or by none, depending on the others
)

// clause judges one clause by itself.
func (w *walker) clause(cl *clause) clauseState {
	first := w.places[cl.id].first
	if first < 0 {
		if cl.optional {
			return clauseHolds
		}
		return clauseFails
	}
	state, outside := clauseFails, false
	for i := first; i >= 0; i = w.values[i].next {
		v := &w.values[i]
		if v.in == 0 {
			outside = true
		}
		if state == clauseInElements && v.in != 0 || !cl.matches(v) {
			continue
		}
		if v.in == 0 && (!w.strays || len(w.inside) == 1) {
			return clauseHolds
		}
		state = clauseInElements
	}
	if cl.optional && !outside {
		return clauseOpen
	}
	return state
}

func (cl *clause) matches(v *value) bool {
	n := len(cl.tests) - int(cl.words)
	for i := range cl.tests[:n] {
		if cl.tests[i].matches(v) {
			return true
		}
	}
	if cl.words == 0 || !v.quoted {
		return false
	}
	_, ok := slices.BinarySearchFunc(cl.tests[n:], v.text, func(t test, s string) int { return strings.Compare(t.text, s) })
	return ok
}

// joins chooses values for clauses of which some have theirs in array elements
// only. Each element gathers the clauses that hold inside it; if these are all
// the clauses below its array, they hold for the element around it too. One
// pass over the elements, the inner before the outer, settles it.
func (w *walker) joins(c *candidate) bool {
	if cap(w.solver.holds) < len(w.inside) {
		w.solver.holds = make([]uint64, max(64, 2*len(w.inside)))
	}
	holds := w.solver.holds[:len(w.inside)]
	clear(holds)
	open := uint64(0)
	for k := range c.clauses {
		cl, bit := &c.clauses[k], uint64(1)<<k
		if w.state(c, cl) != clauseInElements {
			continue
		}
		open |= bit
		if cl.shared > 0 {
			for _, e := range w.elementsOf(c, cl, &w.solver.joined).matching {
				holds[e] |= bit
			}
			continue
		}
		for i := w.places[cl.id].first; i >= 0; i = w.values[i].next {
			if v := &w.values[i]; holds[v.in]&bit == 0 && cl.matches(v) {
				holds[v.in] |= bit
			}
		}
	}
	var place *place
	var below uint64
	for e := len(holds) - 1; e > 0; e-- {
		if holds[e] == 0 {
			continue
		}
		if in := &w.inside[e]; in.place != place {
			place, below = in.place, c.below(in.place)&open
		}
		if holds[e]&below == below {
			holds[w.inside[e].parent] |= holds[e]
		}
	}
	return holds[0]&open == open
}

// below is the set of clauses at a place or below it.
func (c *candidate) below(p *place) uint64 {
	set := uint64(0)
	for k := range c.clauses {
		if c.clauses[k].within(p) {
			set |= 1 << k
		}
	}
	return set
}

func (k rangeKey) contains(f float64) bool {
	return (f > k.low || f == k.low && !k.openLow) && (f < k.high || f == k.high && !k.openHigh)
}
