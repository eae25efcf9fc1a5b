package pattern

import "slices"

// In an event the last of several equal keys of an object counts, as in what
// most programs read out of it. The walker reads events once and front to back;
// that a place was reached twice is how it knows of such keys, and then it reads
// the event again without what they override.

// overrides finds where values begin whose key comes again in their object. It
// is part of a walker, which keeps its memory.
type overrides struct {
	overridden []uint64 // by where the value begins: bits
	any        bool     // some are
	last       []int32  // by id of a place: the innermost of the open keys that lead to it, from 1; 0 if none
	open       []openKey
}

// An openKey is the last of equal keys so far of an object that has not ended.
type openKey struct {
	place  int32
	begin  int32 // of the object
	at     int32 // where the value begins
	around int32 // in overrides.last before it: a key of an object around this one
}

// findOverridden finds the values that a later key overrides, and reports
// whether there are any.
func (w *walker) findOverridden() bool {
	o := &w.overrides
	for len(o.last) < len(w.places) {
		o.last = append(o.last, 0)
	}
	n := len(w.doc)/64 + 1
	o.overridden = slices.Grow(o.overridden[:0], n)[:n]
	clear(o.overridden)
	o.any = false
	w.text = newText(w.doc) // from the front again
	w.scanObject(skipSpace(w.doc, 0)+1, w.paths, 0)
	return o.any
}

// isOverridden reports whether a later key overrides the value at i.
func (o *overrides) isOverridden(i int) bool { return o.overridden[i/64]&(1<<(i%64)) != 0 }

// add takes note of a key of the object that begins at begin, with its value at
// i.
func (o *overrides) add(place int32, begin, i int) {
	for k := o.last[place]; k > 0; k = o.open[k-1].around {
		if key := &o.open[k-1]; int(key.begin) == begin {
			o.overridden[key.at/64] |= 1 << (key.at % 64)
			o.any = true
			key.at = int32(i)
			return
		}
	}
	o.open = append(o.open, openKey{place: place, begin: int32(begin), at: int32(i), around: o.last[place]})
	o.last[place] = int32(len(o.open))
}

// end forgets the keys after the first n: those of an object that ended.
func (o *overrides) end(n int) {
	for len(o.open) > n {
		last := len(o.open) - 1
		o.last[o.open[last].place] = o.open[last].around
		o.open = o.open[:last]
	}
}

// scanObject goes over the members of an object from i, after its brace, in the
// same way as [walker.object] does, and returns where it ends.
func (w *walker) scanObject(i int, n *pathNode, depth int) int {
	s, begin := w.doc, i
	defer w.overrides.end(len(w.overrides.open))
	for {
		i = skipSpace(s, i)
		if i >= len(s) || s[i] != '"' {
			return min(i+1, len(s))
		}
		from := i + 1
		end, escaped := stringEnd(s, from)
		i = skipSpace(s, end+1)
		i = skipSpace(s, i+1) // the colon
		if i >= len(s) {
			return len(s)
		}
		child := (*pathNode)(nil)
		if escaped || from == end || n.begins(s[from]) {
			key := s[from:end]
			if escaped {
				key = w.unescape(key)
			}
			child = n.descend(key)
		}
		if child == nil {
			i = w.skipValue(i)
		} else {
			w.overrides.add(child.id, begin, i)
			i = w.scanValue(i, child, depth)
		}
		if i = skipSpace(s, i); i >= len(s) || s[i] != ',' {
			return min(i+1, len(s))
		}
		i++
	}
}

func (w *walker) scanValue(i int, n *pathNode, depth int) int {
	switch s := w.doc; {
	case s[i] == '{' && n.children() > 0 && depth < maxWalkDepth:
		return w.scanObject(i+1, n, depth+1)
	case s[i] == '[' && n.children() > 0 && depth < maxWalkDepth:
		return w.scanArray(i+1, n, depth+1)
	}
	return w.skipValue(i)
}

func (w *walker) scanArray(i int, n *pathNode, depth int) int {
	s := w.doc
	for {
		i = skipSpace(s, i)
		if i >= len(s) || s[i] == ']' {
			return min(i+1, len(s))
		}
		i = skipSpace(s, w.scanValue(i, n, depth))
		if i >= len(s) || s[i] != ',' {
			return min(i+1, len(s))
		}
		i++
	}
}
