package pattern

import "slices"

// A memo keeps what was found out about the clauses that several candidates of
// one member have, for the member looked at last and the event at hand: a
// pattern of two $or of thirty has 900 candidates, but sixty clauses.
type memo struct {
	member   *member
	states   []clauseState // by clause.shared
	elements []elements
	kept     int // the length of all lists
}

// Elements are those of the event's array elements that a clause's values lie
// in, ascending and without repetition; 0 stands for none.
type elements struct {
	known    bool
	matching []int32 // with a value that matches
	all      []int32 // with any value
	around   []int32 // the outermost arrays that all lie in
}

// maxKept bounds the memory of a memo; clauses beyond it are looked at again.
const maxKept = 1 << 20

// memoOf returns the memo, for a member.
func (w *walker) memoOf(m *member) *memo {
	o := &w.memo
	if o.member != m {
		n := int(m.shared) + 1
		if o.kept > keepValues {
			o.elements = nil
		}
		o.member, o.kept = m, 0
		o.states = append(o.states[:0], make([]clauseState, n)...)
		for len(o.elements) < n {
			o.elements = append(o.elements, elements{})
		}
		for i := range o.elements[:n] {
			o.elements[i].known = false
		}
	}
	return o
}

// state judges a clause of a candidate by itself.
func (w *walker) state(c *candidate, cl *clause) clauseState {
	if cl.shared == 0 {
		return w.clause(cl)
	}
	s := &w.memoOf(c.member).states[cl.shared]
	if *s == clauseUnknown {
		*s = w.clause(cl)
	}
	return *s
}

// elementsOf finds the elements that the values of a candidate's clause lie
// in. It may use own for them, whose content is valid until it is used again.
func (w *walker) elementsOf(c *candidate, cl *clause, own *elements) *elements {
	if cl.shared > 0 {
		o := w.memoOf(c.member)
		if e := &o.elements[cl.shared]; e.known {
			return e
		} else if o.kept < maxKept {
			w.gather(cl, e)
			e.known = true
			o.kept += len(e.matching) + len(e.all)
			return e
		}
	}
	w.gather(cl, own)
	return own
}

func (w *walker) gather(cl *clause, e *elements) {
	e.matching, e.all = e.matching[:0], e.all[:0]
	last := int32(-1)
	for i := w.places[cl.id].first; i >= 0; i = w.values[i].next {
		v := &w.values[i]
		if n := len(e.all); n == 0 || e.all[n-1] != v.in {
			e.all = append(e.all, v.in)
		}
		if v.in != last && cl.matches(v) {
			e.matching = append(e.matching, v.in)
			last = v.in
		}
	}
	// A value after an array may lie outside what lies inside it.
	slices.Sort(e.matching)
	e.matching = slices.Compact(e.matching)
	slices.Sort(e.all)
	e.all = slices.Compact(e.all)
	e.around = e.around[:0]
	for _, in := range e.all {
		for w.inside[in].parent > 0 {
			in = w.inside[in].parent
		}
		if n := len(e.around); in > 0 && (n == 0 || e.around[n-1] != w.inside[in].array) {
			e.around = append(e.around, w.inside[in].array)
		}
	}
}
