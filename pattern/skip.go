package pattern

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"unsafe"
)

// Reading trusted JSON: nothing here checks that the text is valid. On text
// that is not, the functions below still end, at the latest at its end, and
// never read beyond it.

const (
	ones     = 0x0101010101010101
	highBits = 0x8080808080808080
	quotes   = ones * '"'
	escapes  = ones * '\\'
)

// load reads eight bytes of s, which must be there.
func load(s string, i int) uint64 {
	return binary.LittleEndian.Uint64(unsafe.Slice(unsafe.StringData(s), len(s))[i:])
}

// equalBytes sets the high bit of each byte of w that equals that of pattern,
// which has ASCII bytes only.
func equalBytes(w, pattern uint64) uint64 {
	return (highBits - (w^pattern)&^highBits) &^ w & highBits
}

// gather makes eight bits of the high bits of eight bytes.
func gather(w uint64) uint64 { return w * 0x0002040810204081 >> 56 }

// stringEnd returns the index of the quote that closes a string whose content
// begins at i, and whether there is a backslash before it.
func stringEnd(s string, i int) (end int, escaped bool) {
	for i+8 <= len(s) {
		w := load(s, i)
		hit := equalBytes(w, quotes) | equalBytes(w, escapes)
		if hit == 0 {
			i += 8
			continue
		}
		if i += bits.TrailingZeros64(hit) / 8; s[i] == '"' {
			return i, escaped
		}
		escaped = true
		i += 2
	}
	for ; i < len(s); i++ {
		switch s[i] {
		case '"':
			return i, escaped
		case '\\':
			escaped = true
			i++
		}
	}
	return len(s), escaped
}

// scalarEnd returns where a number, true, false or null that begins at i ends.
func scalarEnd(s string, i int) int {
	for ; i < len(s); i++ {
		switch s[i] {
		case ',', '}', ']', ' ', '\n', '\r', '\t':
			return i
		}
	}
	return len(s)
}

// skipSpace returns the index of the first byte from i that is no white space.
func skipSpace(s string, i int) int {
	for i < len(s) && s[i] <= ' ' {
		i++
	}
	return i
}

// A text is a JSON text that is read once, forwards. It remembers where the
// next backslash is, so that long stretches need no look for one.
type text struct {
	doc    string
	escape int // the first backslash from anywhere read so far, or len(doc)
}

// newText returns a text to be read from its beginning.
func newText(doc string) text { return text{doc: doc, escape: -1} }

// nextEscape returns the index of the first backslash from i, or len(doc).
func (t *text) nextEscape(i int) int {
	if t.escape < i {
		t.escape = len(t.doc)
		if i < len(t.doc) {
			if j := strings.IndexByte(t.doc[i:], '\\'); j >= 0 {
				t.escape = i + j
			}
		}
	}
	return t.escape
}

// skipValue returns where the value that begins at i ends.
func (t *text) skipValue(i int) int {
	if i >= len(t.doc) {
		return len(t.doc)
	}
	switch c := t.doc[i]; c {
	case '"':
		end, _ := stringEnd(t.doc, i+1)
		return min(end+1, len(t.doc))
	case '{', '[':
		return t.skipNested(i+1, c)
	}
	return scalarEnd(t.doc, i)
}

// skipNested returns where the object or array ends whose opening bracket,
// open, stands before i. It counts brackets of that kind only, 64 bytes at a
// time: as bits, quotes say by their running parity what is inside a string.
func (t *text) skipNested(i int, open byte) int {
	s := t.doc
	depth, inside := 1, uint64(0)
	opens, closes := ones*uint64(open), ones*uint64(open+2)
	for i+64 <= len(s) {
		if t.nextEscape(i) < i+64 {
			var done bool
			if i, depth, inside, done = skipSlowly(s, i, min(i+64, len(s)), open, depth, inside); done {
				return i
			}
			continue
		}
		var quote, up, down uint64
		for k := 0; k < 64; k += 8 {
			w := load(s, i+k)
			quote |= gather(equalBytes(w, quotes)) << k
			up |= gather(equalBytes(w, opens)) << k
			down |= gather(equalBytes(w, closes)) << k
		}
		quote ^= quote << 1
		quote ^= quote << 2
		quote ^= quote << 4
		quote ^= quote << 8
		quote ^= quote << 16
		quote ^= quote << 32
		quote ^= inside
		inside = uint64(int64(quote) >> 63)
		up &^= quote
		down &^= quote
		if n := bits.OnesCount64(down); n < depth {
			depth += bits.OnesCount64(up) - n
			i += 64
			continue
		}
		for ; down != 0; down &= down - 1 {
			at := bits.TrailingZeros64(down)
			before := up & (1<<at - 1)
			up &^= before
			if depth += bits.OnesCount64(before) - 1; depth == 0 {
				return i + at + 1
			}
		}
		depth += bits.OnesCount64(up)
		i += 64
	}
	i, _, _, _ = skipSlowly(s, i, len(s), open, depth, inside)
	return i
}

// skipSlowly is skipNested byte by byte, up to end or one byte further where
// an escape reaches over it.
func skipSlowly(s string, i, end int, open byte, depth int, inside uint64) (int, int, uint64, bool) {
	for ; i < end; i++ {
		switch c := s[i]; {
		case c == '"':
			inside = ^inside
		case inside != 0:
			if c == '\\' {
				i++
			}
		case c == open:
			depth++
		case c == open+2:
			if depth--; depth == 0 {
				return i + 1, 0, 0, true
			}
		}
	}
	return min(i, len(s)), depth, inside, false
}
