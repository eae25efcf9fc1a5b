package pattern

import (
	"math/bits"
	"slices"
	"sort"
)

// A solver chooses values for the clauses of a candidate where one pass does
// not settle it: where a clause may hold because nothing is there, which
// depends on what the clauses before it chose; where one clause's place lies
// below another's; or where an event reaches a place twice, by a repeated key
// or a key with dots. It goes through the clauses in the order of their names,
// as AWS's matcher does. Where it gets stuck it goes back to a choice that is
// to blame and passes over all that would fail alike.
type solver struct {
	holds  []uint64 // for walker.joins
	chosen []choice // by array
	arrays []int32  // those with a choice, in the order the choices were made
	steps  int      // left before the search gives up

	// By clause, each ascending and without repetition.
	lists  [][]int32  // the elements with a value that matches
	all    [][]int32  // the elements with a value
	outer  [][]int32  // the outermost arrays that these lie in
	around [][]int32  // all arrays that these lie in, if the event has strays
	own    []elements // where lists and all are, unless in the memo
	joined elements   // likewise, for walker.joins
}

// A search may take minSteps, and stepsPerValue for each value of the event
// shared among the pattern's alternatives. An event made so that every choice
// fails late could take any time otherwise; one that is cut short does not
// match. What is not made for the purpose takes a few steps for each value.
const (
	minSteps      = 1 << 16
	stepsPerValue = 64
)

// A choice is an element chosen in an array, or 0, and its index in
// solver.arrays.
type choice struct{ element, index int32 }

// A blame is a set of choices, by their indexes in solver.arrays, without
// which a search might not have failed.
type blame uint64

const (
	manyChoices       = 62      // this bit stands for all choices from there on,
	anything    blame = 1 << 63 // and this one for those not made as well
)

func (s *solver) blame(array int32) blame { return 1 << min(s.chosen[array].index, manyChoices) }

// split parts a blame into that of choices before index and that of the others.
func (b blame) split(index int) (before, others blame) {
	others = b &^ (1<<min(index, manyChoices) - 1)
	before = b&^others | b&anything
	if index > manyChoices {
		before = b
	}
	return before, others
}

// search reports whether values can be chosen for all clauses. Clauses without
// an array in common do not influence each other, so that each group of those
// that have is searched by itself.
func (w *walker) search(c *candidate) bool {
	s := &w.solver
	s.chosen = append(s.chosen[:0], make([]choice, len(w.ends))...)
	s.arrays = s.arrays[:0]
	s.steps = minSteps + stepsPerValue*len(w.values)/len(c.member.candidates)
	for len(s.lists) < len(c.clauses) {
		s.lists, s.all, s.outer = append(s.lists, nil), append(s.all, nil), append(s.outer, nil)
		s.around, s.own = append(s.around, nil), append(s.own, elements{})
	}
	for k := range c.clauses {
		cl := &c.clauses[k]
		e := w.elementsOf(c, cl, &s.own[k])
		s.lists[k], s.all[k], s.outer[k] = e.matching, e.all, e.around
		s.around[k] = s.around[k][:0]
		if w.strays {
			for _, e := range s.all[k] {
				for ; e > 0; e = w.inside[e].parent {
					s.around[k] = append(s.around[k], w.inside[e].array)
				}
			}
			slices.Sort(s.around[k])
			s.around[k] = slices.Compact(s.around[k])
		}
	}
	for _, group := range w.groups(c) {
		if ok, _ := w.choose(c, group, 0); !ok {
			return false
		}
	}
	return true
}

// groups parts the clauses so that only those of one group have an array in
// common.
func (w *walker) groups(c *candidate) [][]int {
	parent := map[int32]int32{} // union-find over outermost arrays
	var find func(a int32) int32
	find = func(a int32) int32 {
		p, ok := parent[a]
		if !ok || p == a {
			return a
		}
		p = find(p)
		parent[a] = p
		return p
	}
	keys := make([]int32, len(c.clauses))
	for k := range c.clauses {
		keys[k] = int32(-2 - k) // arrays of its own: none
		for _, a := range w.solver.outer[k] {
			parent[find(a)] = find(keys[k])
		}
	}
	var groups [][]int
	index := map[int32]int{}
	for k := range c.clauses {
		root := find(keys[k])
		i, ok := index[root]
		if !ok {
			i = len(groups)
			index[root] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], k)
	}
	return groups
}

// choose finds values for the clauses of a group from its n-th on, given the
// choices made for those before. If there are none it says what is to blame.
func (w *walker) choose(c *candidate, group []int, n int) (bool, blame) {
	if n == len(group) {
		return true, 0
	}
	s, k := &w.solver, group[n]
	list, pin, why := s.lists[k], int32(-1), blame(0)
	if w.strays {
		pin, why = w.pinned(k), anything
	}
	for i := w.allowed(list, 0, &why); i < len(list); i = w.allowed(list, i, &why) {
		if s.steps--; s.steps < 0 {
			return false, anything
		}
		if pin >= 0 && !w.liesIn(list[i], pin) {
			i++
			continue
		}
		mark := len(s.arrays)
		for e := list[i]; e > 0; e = w.inside[e].parent {
			if a := w.inside[e].array; s.chosen[a].element == 0 {
				s.chosen[a] = choice{e, int32(len(s.arrays))}
				s.arrays = append(s.arrays, a)
			}
		}
		ok, rest := w.choose(c, group, n+1)
		if ok {
			return true, 0
		}
		rest, own := rest.split(mark)
		failed := int32(0) // the innermost element chosen here that is to blame
		if at := bits.TrailingZeros64(uint64(own)); at < manyChoices && own&anything == 0 {
			failed = s.chosen[s.arrays[at]].element
		}
		for _, a := range s.arrays[mark:] {
			s.chosen[a].element = 0
		}
		s.arrays = s.arrays[:mark]
		if own == 0 { // whatever is chosen here
			return false, rest
		}
		why |= rest
		if i++; failed > 0 {
			i += sort.Search(len(list)-i, func(j int) bool { return !w.within(list[i+j], failed) })
		}
	}
	if !c.clauses[k].optional {
		return false, why
	}
	all := s.all[k]
	if i := w.allowed(all, 0, &why); i < len(all) {
		return false, why | w.presence(c, group[:n], all[i])
	}
	ok, rest := w.choose(c, group, n+1)
	return ok, why | rest
}

// presence blames choices for a value being there in element e: those around
// it, which might have been made otherwise, and all if one might have been
// made that was not.
func (w *walker) presence(c *candidate, before []int, e int32) blame {
	why := blame(0)
	for ; e > 0; e = w.inside[e].parent {
		in := &w.inside[e]
		if w.solver.chosen[in.array].element != 0 {
			why |= w.solver.blame(in.array)
			continue
		}
		for _, k := range before {
			if c.clauses[k].place.within(in.place) {
				return anything
			}
		}
	}
	return why
}

// allowed returns the index in list, which is in ascending order, of the first
// element from i that the choices so far allow, or len(list). What lies in an
// element not chosen is passed over at once, and the choice blamed for it.
func (w *walker) allowed(list []int32, i int, why *blame) int {
	s := &w.solver
	for i < len(list) {
		conflict := int32(0)
		for e := list[i]; e > 0; e = w.inside[e].parent {
			s.steps--
			if c := s.chosen[w.inside[e].array].element; c != 0 && c != e {
				conflict = e
			}
		}
		if conflict == 0 {
			break
		}
		array := w.inside[conflict].array
		*why |= s.blame(array)
		next := s.chosen[array].element // go on with the element chosen
		if conflict > next {
			next = w.ends[array] + 1 // past the array
		}
		step, _ := slices.BinarySearch(list[i+1:], next)
		i += 1 + step
	}
	return i
}

// within reports whether element e is or lies in another.
func (w *walker) within(e, other int32) bool {
	for e > other {
		e = w.inside[e].parent
	}
	return e == other
}

// liesIn reports whether element e is or lies in an element of the array.
func (w *walker) liesIn(e, array int32) bool {
	for ; e > 0; e = w.inside[e].parent {
		if w.inside[e].array == array {
			return true
		}
	}
	return false
}

// pinned returns the first array of which an element is chosen and in which
// clause k has any value, or -1. AWS's matcher then looks only at the values
// in that array. That makes a difference only where a place is reached twice.
func (w *walker) pinned(k int) int32 {
	pin := int32(-1)
	for _, a := range w.solver.arrays {
		w.solver.steps--
		if _, ok := slices.BinarySearch(w.solver.around[k], a); ok && (pin < 0 || a < pin) {
			pin = a
		}
	}
	return pin
}
