package eventsapi

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"

	"bailey/internal/awsjson"
	"bailey/internal/event"
)

// An entryReader reads the bodies of PutEvents calls, where ingestion spends
// its time: in one pass, without reflection, and with hardly an allocation.
//
// It knows what clients send and nothing else. Whatever is unusual (a member
// that it does not know, one that comes twice, a value that AWS would refuse)
// it leaves to the checks of package awsjson, which word what is wrong: so its
// results are theirs or none, which a fuzz test holds.
//
// The details that it returns are in the body or in its own memory, and are
// good until it reads the next body.
type entryReader struct {
	body []byte
	i    int // where in body it is

	unescaped []byte // of the call's strings, those that held escapes
	n         int    // how much of it is in use

	// The newest of the strings that calls tend to repeat.
	source, detailType, bus string
}

// maxRepeated is the longest string that is kept for the next call.
const maxRepeated = 256

// maxResources is how many resources of an entry are usual.
const maxResources = 1000

// wordSize is how many bytes of a string are looked at together, and how much
// room unescaped has beyond what can be in use.
const wordSize = 8

// read returns the entries of a body, or false where it is not usual.
func (r *entryReader) read(body []byte) ([]event.Entry, bool) {
	if !utf8.Valid(body) {
		return nil, false
	}
	r.body, r.i, r.n = body, 0, 0
	// No string grows by unescaping.
	if cap(r.unescaped) < len(body)+wordSize {
		r.unescaped = make([]byte, len(body)+wordSize)
	}
	r.unescaped = r.unescaped[:cap(r.unescaped)]
	defer func() { r.body = nil }()

	if !r.is('{') {
		return nil, false
	}
	if name, ok := r.name(); !ok || string(name) != "Entries" || !r.is('[') {
		return nil, false
	}
	entries := make([]event.Entry, 0, event.MaxEntries)
	for {
		if len(entries) == event.MaxEntries {
			return nil, false
		}
		entries = append(entries, event.Entry{})
		if !r.entry(&entries[len(entries)-1]) {
			return nil, false
		}
		if r.is(',') {
			continue
		}
		if !r.is(']') || !r.is('}') {
			return nil, false
		}
		r.space()
		return entries, r.i == len(body)
	}
}

// entry reads one object of the list.
func (r *entryReader) entry(e *event.Entry) bool {
	if !r.is('{') {
		return false
	}
	if r.is('}') {
		return true
	}
	seen := 0
	for {
		name, ok := r.name()
		if !ok {
			return false
		}
		member, ok := r.member(e, name)
		if !ok || seen>>member&1 != 0 {
			return false
		}
		seen |= 1 << member
		if !r.is(',') {
			return r.is('}')
		}
	}
}

// member reads the value of a member of an entry. It returns a number that the
// member has.
func (r *entryReader) member(e *event.Entry, name []byte) (number int, ok bool) {
	switch string(name) {
	case "Source":
		return 0, r.null() || r.repeated(&e.Source, &r.source, nil)
	case "DetailType":
		return 1, r.null() || r.repeated(&e.DetailType, &r.detailType, nil)
	case "Detail":
		if r.null() {
			return 2, true
		}
		e.Detail, ok = r.text()
		return 2, ok
	case "EventBusName":
		return 3, r.null() || r.repeated(&e.Bus, &r.bus, &shapeNonPartnerEventBusNameOrArn)
	case "Time":
		return 4, r.null() || r.time(e)
	case "Resources":
		return 5, r.null() || r.resources(e)
	case "TraceHeader":
		return 6, r.null() || r.str(&e.TraceHeader, &shapeTraceHeader)
	}
	return 0, false
}

func (r *entryReader) space() {
	for r.i < len(r.body) {
		switch r.body[r.i] {
		case ' ', '\t', '\n', '\r':
			r.i++
		default:
			return
		}
	}
}

// is consumes c, and white space before it, if that is what comes next.
func (r *entryReader) is(c byte) bool {
	r.space()
	if r.i < len(r.body) && r.body[r.i] == c {
		r.i++
		return true
	}
	return false
}

// name consumes a member's name, of those that need no escapes, and its colon.
func (r *entryReader) name() ([]byte, bool) {
	if !r.is('"') {
		return nil, false
	}
	rest := r.body[r.i:]
	end := bytes.IndexByte(rest[:min(len(rest), len("EventBusName")+1)], '"')
	if end < 0 {
		return nil, false
	}
	r.i += end + 1
	return rest[:end], r.is(':')
}

// null consumes null, which means that the member is not there.
func (r *entryReader) null() bool {
	r.space()
	if !bytes.HasPrefix(r.body[r.i:], []byte("null")) {
		return false
	}
	r.i += len("null")
	return true
}

// repeated reads a string that is often the one that last holds: no memory is
// taken for it then, nor is it checked again.
func (r *entryReader) repeated(to, last *string, shape *awsjson.Shape) bool {
	text, ok := r.text()
	if !ok {
		return false
	}
	if *last != "" && string(text) == *last {
		*to = *last
		return true
	}
	*to = string(text)
	if shape != nil && !shape.Takes(*to) {
		return false
	}
	if len(*to) <= maxRepeated {
		*last = *to
	}
	return true
}

func (r *entryReader) str(to *string, shape *awsjson.Shape) bool {
	text, ok := r.text()
	if !ok {
		return false
	}
	*to = string(text)
	return shape.Takes(*to)
}

func (r *entryReader) resources(e *event.Entry) bool {
	if !r.is('[') {
		return false
	}
	e.Resources = []string{}
	if r.is(']') {
		return true
	}
	for {
		if len(e.Resources) == maxResources {
			return false
		}
		var resource string
		if !r.str(&resource, &shapeEventResource) {
			return false
		}
		e.Resources = append(e.Resources, resource)
		if !r.is(',') {
			return r.is(']')
		}
	}
}

// time reads a number of seconds, written without an exponent.
func (r *entryReader) time(e *event.Entry) bool {
	r.space()
	from := r.i
	if r.i < len(r.body) && r.body[r.i] == '-' {
		r.i++
	}
	first := r.i
	if !r.digits() || r.body[first] == '0' && r.i > first+1 {
		return false
	}
	if r.i < len(r.body) && r.body[r.i] == '.' {
		r.i++
		if !r.digits() {
			return false
		}
	}
	var t awsjson.Time
	if err := t.UnmarshalJSON(r.body[from:r.i]); err != nil {
		return false
	}
	e.Time = t.Time
	return true
}

func (r *entryReader) digits() bool {
	from := r.i
	for r.i < len(r.body) && '0' <= r.body[r.i] && r.body[r.i] <= '9' {
		r.i++
	}
	return r.i > from
}

// text reads a string. What it returns is in the body if it holds no escapes,
// else in unescaped, and is changed by nobody before the next call of read.
func (r *entryReader) text() ([]byte, bool) {
	if !r.is('"') {
		return nil, false
	}
	// Words are copied as they are looked at; where there turns out to be
	// nothing to unescape, the copy is not used.
	body, i := r.body, r.i
	dst, n := r.unescaped, r.n
	for {
		if i+wordSize <= len(body) {
			w := binary.LittleEndian.Uint64(body[i:])
			binary.LittleEndian.PutUint64(dst[n:], w)
			found := event.Specials(w)
			if found == 0 {
				i, n = i+wordSize, n+wordSize
				continue
			}
			plain := bits.TrailingZeros64(found) / 8
			i, n = i+plain, n+plain
		}
		if i == len(body) {
			return nil, false
		}
		switch c := body[i]; {
		case c == '"':
			text := dst[r.n:n:n]
			if len(text) == i-r.i {
				text = body[r.i:i:i]
			} else {
				r.n = n
			}
			r.i = i + 1
			return text, true
		case c == '\\':
			end, size := unescape(dst, n, body[i+1:])
			if size == 0 {
				return nil, false
			}
			i, n = i+1+size, end
		case c < 0x20:
			return nil, false
		default: // near the body's end
			dst[n] = c
			i, n = i+1, n+1
		}
	}
}

// unescape puts at dst[n:] what the escape stands for that text is after the
// backslash of. It returns where what it put ends, and the escape's length: 0
// where it is none, or half of a surrogate pair.
func unescape(dst []byte, n int, text []byte) (end, size int) {
	if len(text) == 0 {
		return n, 0
	}
	c := text[0]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		char, ok := hexadecimal(text[1:])
		if !ok {
			return n, 0
		}
		size = 5
		if utf16.IsSurrogate(char) {
			if len(text) < 11 || text[5] != '\\' || text[6] != 'u' {
				return n, 0
			}
			low, ok := hexadecimal(text[7:])
			if char = utf16.DecodeRune(char, low); !ok || char == utf8.RuneError {
				return n, 0
			}
			size = 11
		}
		return n + utf8.EncodeRune(dst[n:], char), size
	default:
		return n, 0
	}
	dst[n] = c
	return n + 1, 1
}

// hexadecimal reads four digits.
func hexadecimal(text []byte) (rune, bool) {
	if len(text) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range text[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
