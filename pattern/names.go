package pattern

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A nameState is a state of AWS's automaton: how far an event has come in the
// fields of a pattern, which are asked for in the order of their names. From
// one state on all wildcards for one field are in one automaton of bytes, also
// those of several branches of $or. Bailey's matcher has no such states: they
// are here to count as AWS counts.
type nameState struct {
	fields map[string]*fieldState
	step   int // the last at which it was found; see wildcardSets
}

// A fieldState is what a nameState has for one field.
type fieldState struct {
	next      map[string]*nameState // by the identity of the test that leads there
	byValue   map[*nameState]bool   // those that a value leads to, and not only that there is none
	wildcards wildcardSet
}

// wildcardSets returns the wildcards of each automaton of a field that AWS
// looks at. It does not look at those that are reached by way of a missing
// field alone.
func wildcardSets(alternatives []alternative) []wildcardSet {
	last, ok := lastWildcard(alternatives)
	if !ok {
		return nil
	}
	common := commonFields(alternatives)
	identities := map[*test]string{}
	root := &nameState{}
	step := 0
	for _, a := range alternatives {
		at := []*nameState{root}
		for i := range a {
			if compareUTF16(a[i].name, last) > 0 {
				break
			}
			if common[a[i].name] {
				continue
			}
			step++
			var to []*nameState
			for _, s := range at {
				for _, n := range s.take(&a[i], identities) {
					if n.step != step {
						n.step, to = step, append(to, n)
					}
				}
			}
			at = to
		}
	}
	var sets []wildcardSet
	seen, open := map[*nameState]bool{root: true}, []*nameState{root}
	for len(open) > 0 {
		s := open[len(open)-1]
		open = open[:len(open)-1]
		for _, f := range s.fields {
			if len(f.wildcards) > 0 {
				sets = append(sets, f.wildcards)
			}
			for n := range f.byValue {
				if !seen[n] {
					seen[n], open = true, append(open, n)
				}
			}
		}
	}
	return sets
}

// lastWildcard returns the name of the last field with a wildcard. What comes
// after it does not matter.
func lastWildcard(alternatives []alternative) (name string, ok bool) {
	for _, a := range alternatives {
		for i := range a {
			f := &a[i]
			if (!ok || compareUTF16(f.name, name) > 0) && slices.ContainsFunc(f.tests, func(t test) bool { return t.wildcards() != nil }) {
				name, ok = f.name, true
			}
		}
	}
	return name, ok
}

// commonFields returns the names of fields that all alternatives have alike, and
// that have no wildcard. Such a field leads from each state to one other and
// may be left out. It is kept if it only wants to be missing.
func commonFields(alternatives []alternative) map[string]bool {
	counts := map[*test]int{}
	for _, a := range alternatives {
		for i := range a {
			counts[&a[i].tests[0]]++
		}
	}
	common := map[string]bool{}
	for i := range alternatives[0] {
		f := &alternatives[0][i]
		if counts[&f.tests[0]] == len(alternatives) &&
			!slices.ContainsFunc(f.tests, func(t test) bool { return t.wildcards() != nil }) &&
			slices.ContainsFunc(f.tests, func(t test) bool { return t.op != opAbsent }) {
			common[f.name] = true
		}
	}
	return common
}

// take adds the tests of a field to a state, and returns the states to which
// they lead. A test that was there leads where it led; all new tests of the
// field lead to one state, which is that of the test before them if there is one.
func (s *nameState) take(f *field, identities map[*test]string) []*nameState {
	if s.fields == nil {
		s.fields = map[string]*fieldState{}
	}
	x := s.fields[f.name]
	if x == nil {
		x = &fieldState{next: map[string]*nameState{}, byValue: map[*nameState]bool{}}
		s.fields[f.name] = x
	}
	var to []*nameState
	var last *nameState
	for i := range f.tests {
		t := &f.tests[i]
		id, ok := identities[t]
		if !ok {
			id = t.identity()
			identities[t] = id
		}
		if old := x.next[id]; old != nil {
			last = old
		} else {
			if last == nil {
				last = &nameState{}
			}
			x.next[id] = last
		}
		if t.wildcards() != nil {
			x.wildcards.add(id, t)
		}
		if t.op != opAbsent {
			x.byValue[last] = true
		}
		if !slices.Contains(to, last) {
			to = append(to, last)
		}
	}
	return to
}

// identity returns a text that equal tests have in common, as AWS compares
// them: a block of addresses is what it contains, a list has no order, and one
// value is a list of one.
func (t *test) identity() string {
	switch t.op {
	case opNumber, opRange:
		o := t.more
		return fmt.Sprintf("%d %x %x %t %t", opRange, math.Float64bits(o.low), math.Float64bits(o.high), o.openLow, o.openHigh)
	case opAddress:
		return fmt.Sprintf("%d %x %x", t.op, t.more.block.low, t.more.block.high)
	case opNotNumber:
		numbers := slices.Compact(slices.Sorted(slices.Values(t.more.numbers)))
		return fmt.Sprint(t.op, numbers)
	case opNotString, opNotFold, opNotPrefix, opNotSuffix, opNotWildcard:
		var id strings.Builder
		id.WriteString(strconv.Itoa(int(t.op)))
		for _, s := range slices.Sorted(slices.Values(t.more.list)) {
			id.Write(binary.AppendUvarint(nil, uint64(len(s))))
			id.WriteString(s)
		}
		return id.String()
	}
	return strconv.Itoa(int(t.op)) + " " + t.text
}
