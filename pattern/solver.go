package pattern

import "slices"

// A solver chooses values for the clauses of a candidate where one pass does
// not settle it: where a clause may hold because nothing is there, which
// depends on what the clauses before it chose; where one clause's place lies
// below another's; or where an event reaches a place twice, by a repeated key
// or a key with dots. It goes through the clauses in the order of their names,
// as AWS's matcher does.
type solver struct {
	holds  []uint64 // for walker.joins
	chosen []int32  // by array: the element chosen, or 0
	arrays []int32  // those with a choice
	steps  int      // left before the search gives up

	// By clause, each ascending and without repetition.
	lists  [][]int32 // the elements with a value that matches
	all    [][]int32 // the elements with a value
	around [][]int32 // the arrays that these lie in, if the event has strays
}

// A search may take minSteps and stepsPerValue for each value of the event. An
// event made so that every choice fails late could take any time otherwise;
// one that is cut short does not match. What is not made for the purpose takes
// a few steps for each value.
const (
	minSteps      = 1 << 16
	stepsPerValue = 64
)

// search reports whether values can be chosen for all clauses. Clauses without
// an array in common do not influence each other, so that each group of those
// that have is searched by itself.
func (w *walker) search(c *candidate) bool {
	s := &w.solver
	s.chosen = append(s.chosen[:0], make([]int32, len(w.ends))...)
	s.arrays = s.arrays[:0]
	s.steps = minSteps + stepsPerValue*len(w.values)
	for len(s.lists) < len(c.clauses) {
		s.lists, s.all, s.around = append(s.lists, nil), append(s.all, nil), append(s.around, nil)
	}
	for k := range c.clauses {
		cl := &c.clauses[k]
		s.lists[k], s.all[k] = s.lists[k][:0], s.all[k][:0]
		last := int32(-1)
		for i := w.places[cl.id].first; i >= 0; i = w.values[i].next {
			v := &w.values[i]
			if n := len(s.all[k]); n == 0 || s.all[k][n-1] != v.in {
				s.all[k] = append(s.all[k], v.in)
			}
			if v.in != last && cl.matches(v) {
				s.lists[k] = append(s.lists[k], v.in)
				last = v.in
			}
		}
		// A value after an array may lie outside what lies inside it.
		slices.Sort(s.lists[k])
		s.lists[k] = slices.Compact(s.lists[k])
		slices.Sort(s.all[k])
		s.all[k] = slices.Compact(s.all[k])
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
		if !w.choose(c, group) {
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
	outer := func(e int32) int32 {
		for w.inside[e].parent > 0 {
			e = w.inside[e].parent
		}
		return w.inside[e].array
	}
	keys := make([]int32, len(c.clauses))
	for k := range c.clauses {
		keys[k] = int32(-2 - k) // arrays of its own: none
		for _, e := range w.solver.all[k] {
			if a := outer(e); a >= 0 {
				parent[find(a)] = find(keys[k])
			}
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

// choose finds values for the clauses numbered in group, given the choices
// made for others.
func (w *walker) choose(c *candidate, group []int) bool {
	if len(group) == 0 {
		return true
	}
	s := &w.solver
	k := group[0]
	list := s.lists[k]
	pin := int32(-1)
	if w.strays {
		pin = w.pinned(k)
	}
	for i := w.allowed(list, 0); i < len(list); i = w.allowed(list, i+1) {
		if s.steps--; s.steps < 0 {
			return false
		}
		if pin >= 0 && !w.liesIn(list[i], pin) {
			continue
		}
		mark := len(s.arrays)
		for e := list[i]; e > 0; e = w.inside[e].parent {
			if a := w.inside[e].array; s.chosen[a] == 0 {
				s.chosen[a] = e
				s.arrays = append(s.arrays, a)
			}
		}
		ok := w.choose(c, group[1:])
		for _, a := range s.arrays[mark:] {
			s.chosen[a] = 0
		}
		s.arrays = s.arrays[:mark]
		if ok {
			return true
		}
	}
	return c.clauses[k].optional && w.allowed(s.all[k], 0) == len(s.all[k]) && w.choose(c, group[1:])
}

// allowed returns the index in list, which is in ascending order, of the first
// element from i that the choices so far allow, or len(list). What lies in an
// element not chosen is passed over at once.
func (w *walker) allowed(list []int32, i int) int {
search:
	for i < len(list) {
		w.solver.steps--
		conflict, want := int32(0), int32(0)
		for e := list[i]; e > 0; e = w.inside[e].parent {
			if c := w.solver.chosen[w.inside[e].array]; c != 0 && c != e {
				conflict, want = e, c
			}
		}
		if conflict == 0 {
			break search
		}
		next := want // go on with the element chosen
		if conflict > want {
			next = w.ends[w.inside[conflict].array] + 1 // past the array
		}
		step, _ := slices.BinarySearch(list[i+1:], next)
		i += 1 + step
	}
	return i
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
