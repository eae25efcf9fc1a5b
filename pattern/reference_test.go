package pattern

import (
	"maps"
	"slices"
	"strings"
)

// The slow, obvious matcher: all values of the event by path, and a search
// over the fields of each alternative in order.

type membership map[int]int // array -> element

type referenceValue struct {
	value
	in   membership
	keys []int // the members of objects it lies in, each with a number of its own
}

type referenceEvent struct {
	scanner
	emptyStep bool
	arrays    int
	in        membership
	keys      []int
	count     int
	values    map[string][]referenceValue
}

func referenceMatch(p *Pattern, event string) bool {
	e := referenceEvent{scanner: scanner{src: event}, emptyStep: p.emptyStep, in: membership{}, values: map[string][]referenceValue{}}
	if tok, err := e.next(); err != nil || tok != tokenObject {
		return false
	}
	if err := e.object(nil); err != nil {
		return false
	}
	for _, a := range p.alternatives {
		if e.search(a, membership{}) {
			return true
		}
	}
	return false
}

func (e *referenceEvent) object(path []string) error {
	members := map[string]int{}
	for {
		tok, err := e.next()
		if err != nil || tok == tokenObjectEnd {
			return err
		}
		name := e.name
		if tok, err = e.next(); err != nil {
			return err
		}
		if name == "" && !e.emptyStep {
			if err := e.skip(tok); err != nil {
				return err
			}
			continue
		}
		if old, again := members[name]; again {
			for path, values := range e.values {
				e.values[path] = slices.DeleteFunc(values, func(v referenceValue) bool { return slices.Contains(v.keys, old) })
			}
		}
		e.count++
		members[name] = e.count
		e.keys = append(e.keys, e.count)
		if err := e.value(append(slices.Clone(path), name), tok); err != nil {
			return err
		}
		e.keys = e.keys[:len(e.keys)-1]
	}
}

func (e *referenceEvent) skip(tok token) error {
	depth := 0
	for {
		switch tok {
		case tokenObject, tokenArray:
			depth++
		case tokenObjectEnd, tokenArrayEnd:
			depth--
		}
		if depth == 0 {
			return nil
		}
		var err error
		if tok, err = e.next(); err != nil {
			return err
		}
	}
}

func (e *referenceEvent) value(path []string, tok token) error {
	switch tok {
	case tokenObject:
		return e.object(path)
	case tokenArray:
		return e.array(path)
	}
	text, err := e.text()
	if err != nil {
		return err
	}
	name := strings.Join(path, ".")
	e.values[name] = append(e.values[name], referenceValue{value{text: text, quoted: tok == tokenString, halves: wholeCharacters(text) != text}, maps.Clone(e.in), slices.Clone(e.keys)})
	return nil
}

func (e *referenceEvent) array(path []string) error {
	array := e.arrays
	e.arrays++
	for i := 0; ; i++ {
		tok, err := e.next()
		if err != nil || tok == tokenArrayEnd {
			return err
		}
		if tok == tokenObject || tok == tokenArray {
			e.in[array] = i
		}
		if err := e.value(path, tok); err != nil {
			return err
		}
		delete(e.in, array)
	}
}

// search tries every choice of one value for each field, or of none where
// there is none that the choices before it allow.
func (e *referenceEvent) search(fields []field, chosen membership) bool {
	if len(fields) == 0 {
		return true
	}
	f := fields[0]
	absent := true
	pinned := e.pinned(f.name, chosen)
	for i := range e.values[f.name] {
		v := &e.values[f.name][i]
		if !consistent(chosen, v.in) {
			continue
		}
		absent = false
		if _, ok := v.in[pinned]; pinned >= 0 && !ok {
			continue
		}
		if slices.ContainsFunc(f.tests, func(t test) bool { return t.matches(&v.value) }) {
			with := maps.Clone(chosen)
			maps.Copy(with, v.in)
			if e.search(fields[1:], with) {
				return true
			}
		}
	}
	return absent && slices.ContainsFunc(f.tests, func(t test) bool { return t.op == opAbsent }) && e.search(fields[1:], chosen)
}

func consistent(a, b membership) bool {
	for array, element := range b {
		if other, ok := a[array]; ok && other != element {
			return false
		}
	}
	return true
}

// pinned returns the first array that the choices so far lie in and any value
// of the field does, or -1. AWS then looks at that array's values only.
func (e *referenceEvent) pinned(name string, chosen membership) int {
	for _, array := range slices.Sorted(maps.Keys(chosen)) {
		for _, v := range e.values[name] {
			if _, ok := v.in[array]; ok {
				return array
			}
		}
	}
	return -1
}
