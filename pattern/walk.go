package pattern

import (
	"slices"
	"strings"
	"unsafe"
)

// A walker reads the values at the places a set's patterns name out of an
// event, passing over the rest unread, and keeps everything one match needs so
// that the next match can use its memory again.
type walker struct {
	*engine
	text
	buf    []byte // strings whose escapes were undone
	empty  int    // how many empty keys are on the path
	depth  int    // of nested arrays and objects
	looks  int    // ahead, for stopping early; see nothingMore
	values []value
	places []found   // by id of the place
	filled []int32   // places with values
	inside []element // the array elements that values lie in; 0 is none
	ends   []int32   // by array: its last element
	scopes uint64
	strays bool // a place was reached twice in one element

	again     bool // the event is read again, without what later keys override
	overrides overrides

	marks   []uint64 // bits of members, candidates and buckets that were looked at
	marked  []int32
	matched []*member
	folded  []byte
	solver  solver
	memo    memo
}

// found is what an event has at one place.
type found struct {
	first, last int32 // values, in the order of the event; first is -1 if none
	count       int32
	visited     uint64 // the scope of the element in which the place was reached last
}

// An element is an element of an array, itself an object or an array.
type element struct {
	parent int32 // the element around it
	array  int32
	scope  uint64 // unlike that of any other element, of this event or another
	place  *place // of the array
}

const maxWalkDepth = 10_000

// reset prepares the walker for an event.
func (w *walker) reset(e *engine, event []byte) {
	w.engine = e
	w.text = newText(unsafe.String(unsafe.SliceData(event), len(event)))
	for len(w.places) < int(e.places) {
		w.places = append(w.places, found{first: -1})
	}
	if n := int(e.ids+63) / 64; len(w.marks) < n {
		w.marks = append(w.marks, make([]uint64, n-len(w.marks))...)
	}
	w.scopes++
	w.inside = append(w.inside[:0], element{parent: -1, array: -1, scope: w.scopes})
	w.ends, w.empty, w.depth, w.looks, w.strays = w.ends[:0], 0, 0, 0, false
}

// release forgets the event.
func (w *walker) release() {
	for _, id := range w.filled {
		w.places[id].first = -1
	}
	for _, id := range w.marked {
		w.marks[id/64] = 0
	}
	clear(w.values)
	clear(w.matched)
	w.filled, w.marked, w.values, w.matched, w.buf = w.filled[:0], w.marked[:0], w.values[:0], w.matched[:0], w.buf[:0]
	w.engine, w.text = nil, text{}
}

// mark reports whether id was not marked before.
func (w *walker) mark(id int32) bool {
	word, bit := &w.marks[id/64], uint64(1)<<(id%64)
	if *word&bit != 0 {
		return false
	}
	*word |= bit
	w.marked = append(w.marked, id)
	return true
}

// object reads the members of an object from i, after its brace, and returns
// where it ends.
func (w *walker) object(i int, n *pathNode, in int32) int {
	s := w.doc
	top := n.parent == nil
	missing := n.children()
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
			if child = n.child(key); child == nil && strings.IndexByte(key, '.') >= 0 {
				child = w.dotted(n, key, in)
			}
			if child != nil && w.again && w.overrides.isOverridden(i) {
				i = w.skipValue(i)
			} else if child != nil {
				w.visit(child, in)
				if key == "" {
					w.empty++
					i = w.value(i, child, in)
					w.empty--
				} else {
					i = w.value(i, child, in)
				}
				missing--
			}
		}
		if child == nil {
			i = w.skipValue(i)
		}
		if i = skipSpace(s, i); i >= len(s) || s[i] != ',' {
			return min(i+1, len(s))
		}
		i++
		if top && missing <= 0 && child != nil && w.nothingMore(i, n) {
			return len(s)
		}
	}
}

// dotted finds the place of a key with dots in it, and takes note of those on
// the way to it.
func (w *walker) dotted(n *pathNode, key string, in int32) *pathNode {
	for {
		step, rest, more := strings.Cut(key, ".")
		if n = n.child(step); n == nil || !more {
			return n
		}
		w.visit(n, in)
		key = rest
	}
}

// visit takes note of a place reached by a key, or passed by one with dots.
func (w *walker) visit(n *pathNode, in int32) {
	p, scope := &w.places[n.id], w.inside[in].scope
	if p.visited == scope {
		w.strays = true
	}
	p.visited = scope
}

// nothingMore reports whether nothing from i on can name a child of n, the
// root: there is no escape, and no quote followed by a child's name. A key
// that repeats one would override it. It looks a few times only: each may go through
// the rest of the event.
func (w *walker) nothingMore(i int, n *pathNode) bool {
	const names, tries, looks = 4, 8, 4
	if w.looks++; w.looks > looks || len(n.few) == 0 || len(n.few) > names {
		return false
	}
	rest := w.doc[i:]
	if w.nextEscape(i) < len(w.doc) {
		return false
	}
	for k := range n.few {
		name := n.few[k].name
		if name == "" {
			return false
		}
		at, letter := rarest(name)
		for from, try := 0, 0; ; try++ {
			j := strings.IndexByte(rest[from:], letter)
			if j < 0 {
				break
			}
			j += from
			if begin := j - at; try == tries || begin > 0 && rest[begin-1] == '"' && strings.HasPrefix(rest[begin:], name) {
				return false
			}
			from = j + 1
		}
	}
	return true
}

// value reads a value for a place and returns where it ends.
func (w *walker) value(i int, n *pathNode, in int32) int {
	s := w.doc
	switch s[i] {
	case '"':
		end, escaped := stringEnd(s, i+1)
		if n.used || n.plain != nil {
			v := value{text: s[i+1 : end], quoted: true, in: in}
			if escaped {
				v.text = w.unescape(v.text)
				v.halves = len(wholeCharacters(v.text)) < len(v.text)
			}
			w.found(n, v)
		}
		return min(end+1, len(s))
	case '{':
		if n.children() == 0 || w.depth >= maxWalkDepth {
			return w.skipNested(i+1, '{')
		}
		w.depth++
		i = w.object(i+1, n, in)
		w.depth--
		return i
	case '[':
		if w.depth >= maxWalkDepth {
			return w.skipNested(i+1, '[')
		}
		w.depth++
		i = w.array(i+1, n, in)
		w.depth--
		return i
	}
	end := scalarEnd(s, i)
	if n.used || n.plain != nil {
		w.found(n, value{text: s[i:end], in: in})
	}
	return end
}

// array reads the elements of an array from i, after its bracket. Elements
// that are objects or arrays hold together the values inside them.
func (w *walker) array(i int, n *pathNode, in int32) int {
	s := w.doc
	array := int32(len(w.ends))
	w.ends = append(w.ends, 0)
	for {
		i = skipSpace(s, i)
		if i >= len(s) || s[i] == ']' {
			return min(i+1, len(s))
		}
		switch {
		case s[i] == '{' && n.children() == 0:
			i = w.skipNested(i+1, '{')
		case s[i] == '{' || s[i] == '[':
			e, values := int32(len(w.inside)), len(w.values)
			w.scopes++
			if len(w.inside) == cap(w.inside) {
				w.inside = slices.Grow(w.inside, w.room(len(w.inside), i))
			}
			w.inside = append(w.inside, element{parent: in, array: array, scope: w.scopes, place: n.place})
			i = w.value(i, n, e)
			if len(w.values) == values {
				w.inside = w.inside[:e] // nothing in it
			} else {
				w.ends[array] = int32(len(w.inside)) - 1
			}
		default:
			i = w.value(i, n, in)
		}
		i = skipSpace(s, i)
		if i >= len(s) || s[i] != ',' {
			return min(i+1, len(s))
		}
		i++
	}
}

// found keeps a value.
func (w *walker) found(n *pathNode, v value) {
	if n.used {
		w.keep(n.id, v)
	}
	if n.plain != nil && w.empty == 0 {
		w.keep(n.plain.id, v)
	}
}

func (w *walker) keep(id int32, v value) {
	v.next = -1
	at := int32(len(w.values))
	if len(w.values) == cap(w.values) {
		at := int(uintptr(unsafe.Pointer(unsafe.StringData(v.text))) - uintptr(unsafe.Pointer(unsafe.StringData(w.doc))))
		w.values = slices.Grow(w.values, w.room(len(w.values), at))
	}
	w.values = append(w.values, v)
	p := &w.places[id]
	if p.first < 0 {
		p.first, p.count = at, 0
		w.filled = append(w.filled, id)
	} else {
		w.values[p.last].next = at
	}
	p.last = at
	p.count++
}

// room says by how many a list of n should grow that was filled by the event
// up to a place: by what the rest of it wants at this rate, within bounds.
// Memory that is touched for the first time costs more than the matching, and
// append would leave behind one list for every quarter that it adds.
func (w *walker) room(n, at int) int {
	n = max(n, 64)
	more := n
	if at > 0 && at < len(w.doc) { // else it is a text of which the escapes were undone
		more = n*(len(w.doc)-at)/at + n/16
	}
	return min(max(more, n/4), 7*n)
}

// unescape undoes the escapes of a string's content.
func (w *walker) unescape(s string) string {
	from := len(w.buf)
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '\\' || i+1 == len(s) {
			w.buf = append(w.buf, c)
			continue
		}
		i++
		switch c = s[i]; c {
		case 'b':
			c = '\b'
		case 't':
			c = '\t'
		case 'n':
			c = '\n'
		case 'f':
			c = '\f'
		case 'r':
			c = '\r'
		case 'u':
			unit := rune(0)
			for k := 1; k <= 4 && i+k < len(s); k++ {
				unit = unit<<4 | rune(hexDigit(s[i+k]))
			}
			i += 4
			w.buf = appendUnit(w.buf, from, unit)
			continue
		}
		w.buf = append(w.buf, c)
	}
	text := w.buf[from:]
	return unsafe.String(unsafe.SliceData(text), len(text))
}

func hexDigit(c byte) byte {
	if c <= '9' {
		return c & 0xF
	}
	return c&0xF + 9
}

// rarest returns the letter of a name least likely to be found in JSON.
func rarest(name string) (at int, letter byte) {
	best := -1
	for i := range len(name) {
		if r := int(rarity[name[i]]); r > best {
			best, at = r, i
		}
	}
	return at, name[at]
}

// rarity ranks bytes: punctuation and digits of JSON first, then letters from
// the most frequent of English text to the least, then what is left.
var rarity = func() (r [256]uint8) {
	for i := range r {
		r[i] = 100
	}
	for i, c := range []byte(`",:0123456789.-{}[] etaoinsrhldcumfpgwybvkxjqz`) {
		r[c] = uint8(i)
	}
	r['x'], r['y'], r['z'] = 10, 10, 10 // names of coordinates
	return r
}()
