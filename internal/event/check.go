package event

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf8"
)

// The reasons for which PutEvents refuses an entry and takes the others.
const (
	InvalidArgument = "InvalidArgument"
	MalformedDetail = "MalformedDetail"
)

var detailTypeTooLong = fmt.Sprintf("Parameter DetailType is not valid. Reason: DetailType must have length less than or equal to %d.", MaxDetailType)

// Check says why an entry cannot be taken, with AWS's error code and message,
// or returns two empty strings. It reads the detail once, and no one has to do
// so again: what passes is a JSON object.
func (e *Entry) Check() (code, message string) {
	var missing string
	switch {
	case e.Source == "":
		missing = "Source"
	case e.DetailType == "":
		missing = "DetailType"
	case len(e.Detail) == 0:
		missing = "Detail"
	case len(e.DetailType) > MaxDetailType && utf8.RuneCountInString(e.DetailType) > MaxDetailType:
		return InvalidArgument, detailTypeTooLong
	case !IsObject(e.Detail):
		return MalformedDetail, "Detail is malformed."
	default:
		return "", ""
	}
	return InvalidArgument, "Parameter " + missing + " is not valid. Reason: " + missing + " is a required argument."
}

// IsObject reports whether text is one JSON object (RFC 8259) in valid UTF-8,
// nested no deeper than [MaxDepth]. It does not allocate.
func IsObject(text []byte) bool {
	if !utf8.Valid(text) {
		return false // from here on no string has to look at its characters
	}
	i := space(text, 0)
	if i == len(text) || text[i] != '{' {
		return false
	}
	i = value(text, i)
	return i >= 0 && space(text, i) == len(text)
}

// Each of the functions below is given the text and where it is to begin, and
// returns where what it looked for ends, or a negative number where it is not
// there. They pass positions by value and share no state, so that all of it
// stays in registers: every event that comes in is read by them.

func space(text []byte, i int) int {
	for i < len(text) {
		switch text[i] {
		case ' ', '\t', '\n', '\r':
			i++
		default:
			return i
		}
	}
	return i
}

// nesting holds, for each object or array that is open, whether it is an
// object. It is that instead of recursion, so that no text can use up a stack.
type nesting struct {
	object [(MaxDepth + 63) / 64]uint64
	depth  int
}

// push opens an object or array, if there is room for it.
func (n *nesting) push(object bool) bool {
	if n.depth == MaxDepth {
		return false
	}
	word, bit := &n.object[n.depth/64], uint64(1)<<(n.depth%64)
	if object {
		*word |= bit
	} else {
		*word &^= bit
	}
	n.depth++
	return true
}

// inObject reports whether the innermost that is open is an object.
func (n *nesting) inObject() bool {
	top := n.depth - 1
	return n.object[top/64]>>(top%64)&1 != 0
}

func value(text []byte, i int) int {
	var open nesting
	for {
		// At the beginning of a value.
		if i = space(text, i); i == len(text) {
			return -1
		}
		switch c := text[i]; c {
		case '{', '[':
			i = space(text, i+1)
			if i < len(text) && text[i] == c+2 { // '}' or ']': an empty one
				i++
				break
			}
			if !open.push(c == '{') {
				return -1
			}
			if c == '{' {
				if i = key(text, i); i < 0 {
					return -1
				}
			}
			continue
		case '"':
			i = str(text, i+1)
		case 't':
			i = word(text, i, "true")
		case 'f':
			i = word(text, i, "false")
		case 'n':
			i = word(text, i, "null")
		default:
			i = number(text, i)
		}
		if i < 0 {
			return -1
		}
		// After a value: on to the next one, closing what ends here.
		for {
			if open.depth == 0 {
				return i
			}
			object := open.inObject()
			if i = space(text, i); i == len(text) {
				return -1
			}
			c := text[i]
			i++
			if c == ',' {
				if object {
					if i = key(text, space(text, i)); i < 0 {
						return -1
					}
				}
				break
			}
			if object && c != '}' || !object && c != ']' {
				return -1
			}
			open.depth--
		}
	}
}

// key ends after the key's colon.
func key(text []byte, i int) int {
	if i == len(text) || text[i] != '"' {
		return -1
	}
	if i = str(text, i+1); i < 0 {
		return -1
	}
	if i = space(text, i); i == len(text) || text[i] != ':' {
		return -1
	}
	return i + 1
}

// str begins after a string's first quotation mark and ends after its last.
func str(text []byte, i int) int {
	for {
		i = plain(text, i)
		if i == len(text) {
			return -1
		}
		switch text[i] {
		case '"':
			return i + 1
		case '\\':
			if i = escape(text, i+1); i < 0 {
				return -1
			}
		default:
			return -1 // a control character
		}
	}
}

// plain passes over what stands for itself in a string: it ends at a quotation
// mark, a backslash, a control character or the end of the text. It takes eight
// bytes at a time.
func plain(text []byte, i int) int {
	for ; i+8 <= len(text); i += 8 {
		if found := Specials(binary.LittleEndian.Uint64(text[i:])); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(text) && text[i] >= 0x20 && text[i] != '"' && text[i] != '\\' {
		i++
	}
	return i
}

// Specials returns a word whose lowest bit that is set is in the first of the
// eight bytes of w, the lowest byte first, that does not stand for itself in a
// JSON string: a quotation mark, a backslash or a control character. It returns
// 0 where there is none.
//
// A byte minus one borrows from the byte above it when it is zero: bits above
// the lowest one may be wrong, and nobody may look at them. The bytes of longer
// characters, from 0x80 on, are left out in the end.
func Specials(w uint64) uint64 {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	quote := w ^ ones*'"'
	backslash := w ^ ones*'\\'
	return ((quote - ones) | (backslash - ones) | (w - ones*0x20)) &^ w & highs
}

// escape begins after a backslash.
func escape(text []byte, i int) int {
	if i == len(text) {
		return -1
	}
	switch text[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		if len(text)-i < 5 {
			return -1
		}
		for _, c := range text[i+1 : i+5] {
			if !hexadecimal(c) {
				return -1
			}
		}
		return i + 5
	}
	return -1
}

func hexadecimal(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func word(text []byte, i int, w string) int {
	if len(text)-i < len(w) || string(text[i:i+len(w)]) != w {
		return -1
	}
	return i + len(w)
}

func number(text []byte, i int) int {
	if i < len(text) && text[i] == '-' {
		i++
	}
	if i < len(text) && text[i] == '0' {
		i++
	} else if i = digits(text, i); i < 0 {
		return -1
	}
	if i < len(text) && text[i] == '.' {
		if i = digits(text, i+1); i < 0 {
			return -1
		}
	}
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		i++
		if i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		return digits(text, i)
	}
	return i
}

// digits wants at least one.
func digits(text []byte, i int) int {
	from := i
	for i < len(text) && '0' <= text[i] && text[i] <= '9' {
		i++
	}
	if i == from {
		return -1
	}
	return i
}
