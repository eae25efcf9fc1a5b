package awsjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxValues bounds how many values one body may hold in lists and maps that the
// model does not bound. Each takes memory beyond its own text, which for an
// empty one is a hundred times as much.
const maxValues = 1 << 16

// maxExtra is how many items beyond its limit a list keeps, to be shown in the
// message that refuses it. The types of the others are checked, and they are
// counted.
const maxExtra = 1000

// Values returns how many values a text of JSON has, or a few more: it bounds
// the memory that they take where they are decoded. A text that is no JSON has
// some number too.
func Values(text []byte) int {
	n, inString := 1, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case !inString && (c == ',' || c == '[' || c == '{'):
			n++
		}
	}
	return n
}

// A longList is a list with more items than its shape allows: the first of
// them, and how many there are.
type longList struct {
	items []any
	n     int
}

// A reader reads a body that is known to be JSON, as its shape says, and makes
// values of no more of it than is needed.
type reader struct {
	body   []byte
	i      int
	values int // made so far
}

// next returns the first byte of what comes next, past white space and what
// stands between values.
func (r *reader) next() byte {
	for {
		switch c := r.body[r.i]; c {
		case ' ', '\t', '\n', '\r', ',', ':':
			r.i++
		default:
			return c
		}
	}
}

// skip passes over the value that comes next and returns its text.
func (r *reader) skip() []byte {
	r.next()
	from, depth := r.i, 0
	for {
		switch r.body[r.i] {
		case '"':
			r.skipString()
		case '[', '{':
			depth++
			r.i++
		case ']', '}':
			depth--
			r.i++
		case ' ', '\t', '\n', '\r', ',', ':':
			r.i++
			continue
		default: // a number, true, false or null
			for r.i < len(r.body) && strings.IndexByte(" \t\n\r,:]}", r.body[r.i]) < 0 {
				r.i++
			}
		}
		if depth == 0 {
			return r.body[from:r.i]
		}
	}
}

func (r *reader) skipString() {
	for r.i++; ; r.i++ {
		switch r.body[r.i] {
		case '\\':
			r.i++
		case '"':
			r.i++
			return
		}
	}
}

// unquote returns what a string's text stands for.
func unquote(text []byte) string {
	inner := text[1 : len(text)-1]
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner)
	}
	var s string
	_ = json.Unmarshal(text, &s) // it is a string: it cannot fail
	return s
}

// value reads what comes next as a value of the shape. It returns nil for null,
// which AWS takes as absent everywhere. Where the value is not to be kept, only
// its types are checked, and what is returned says no more than that there is one.
func (r *reader) value(s *Shape, keep bool) (any, *Error) {
	first := r.next()
	if first == 'n' {
		r.skip()
		return nil, nil
	}
	if keep {
		if r.values++; r.values > maxValues {
			return nil, &Error{Code: "ValidationException",
				Message: fmt.Sprintf("The request has more than %d values, which is more than this server takes.", maxValues)}
		}
	}
	switch s.Kind {
	case List:
		switch first {
		case '[':
			return r.list(s, keep)
		case '{':
			return nil, serializationError(unexpectedMap)
		}
		return nil, serializationError(wantList)
	case Map:
		switch first {
		case '{':
			return r.mapping(s, keep)
		case '[':
			return nil, serializationError(unexpectedList)
		}
		return nil, serializationError(wantMap)
	case Structure:
		switch first {
		case '{':
			return r.structure(s, keep)
		case '[':
			return nil, serializationError(unexpectedList)
		}
		return nil, serializationError(wantStructure)
	}
	switch first {
	case '[':
		return nil, serializationError(unexpectedList)
	case '{':
		return nil, serializationError(unexpectedMap)
	}
	return s.convert(r.skip(), keep)
}

func (r *reader) list(s *Shape, keep bool) (any, *Error) {
	r.i++
	out, n := []any{}, 0
	for r.next() != ']' {
		v, err := r.value(s.Element, keep && (s.Max == nil || int64(n) < *s.Max+maxExtra))
		if err != nil {
			return nil, err
		}
		if v == nil {
			continue
		}
		if n++; keep && (s.Max == nil || int64(n) <= *s.Max+maxExtra) {
			out = append(out, v)
		}
	}
	r.i++
	if keep && n > len(out) {
		return longList{out, n}, nil
	}
	return out, nil
}

func (r *reader) mapping(s *Shape, keep bool) (any, *Error) {
	r.i++
	out := map[string]any{}
	for r.next() != '}' {
		key := r.skip()
		v, err := r.value(s.Element, keep)
		switch {
		case err != nil:
			return nil, err
		case !keep:
		case v == nil:
			delete(out, unquote(key))
		default:
			out[unquote(key)] = v
		}
	}
	r.i++
	return out, nil
}

func (r *reader) structure(s *Shape, keep bool) (any, *Error) {
	r.i++
	out := map[string]any{}
	for r.next() != '}' {
		member := s.member(r.skip())
		if member == nil {
			r.skip()
			continue
		}
		v, err := r.value(member.Shape, keep)
		switch {
		case err != nil:
			return nil, err
		case !keep:
		case v == nil:
			delete(out, member.Name)
		default:
			out[member.Name] = v
		}
	}
	r.i++
	return out, nil
}

// maxQuotedName is longer than the name of any member, each of its characters
// written as an escape.
const maxQuotedName = 6 * 64

// member finds a member by its name as JSON has it, or returns nil.
func (s *Shape) member(quoted []byte) *Member {
	if len(quoted) > maxQuotedName {
		return nil
	}
	name := unquote(quoted)
	for i := range s.Members {
		if s.Members[i].Name == name {
			return &s.Members[i]
		}
	}
	return nil
}
