package event

import (
	"unicode/utf8"
)

// The reasons for which PutEvents refuses an entry and takes the others.
const (
	InvalidArgument = "InvalidArgument"
	MalformedDetail = "MalformedDetail"
)

// Check says why an entry cannot be taken, with AWS's error code and message,
// or returns two empty strings. It reads the detail once, and no one has to do
// so again: what passes is a JSON object.
func (e *Entry) Check() (code, message string) {
	missing := ""
	switch {
	case e.Source == "":
		missing = "Source"
	case e.DetailType == "":
		missing = "DetailType"
	case len(e.Detail) == 0:
		missing = "Detail"
	case !IsObject(e.Detail):
		return MalformedDetail, "Detail is malformed."
	default:
		return "", ""
	}
	return InvalidArgument, "Parameter " + missing + " is not valid. Reason: " + missing + " is a required argument."
}

// IsObject reports whether text is one JSON object (RFC 8259) in valid UTF-8,
// nested no deeper than [MaxDepth].
func IsObject(text []byte) bool {
	s := checker{text: text}
	s.space()
	if s.i == len(text) || text[s.i] != '{' || !s.value() {
		return false
	}
	s.space()
	return s.i == len(text)
}

// checker walks JSON without recursion: open holds, for each object or array
// that is open, whether it is an object.
type checker struct {
	text []byte
	i    int
	open []bool
	room [32]bool // the first of open, so that nothing is allocated
}

func (s *checker) space() {
	for s.i < len(s.text) {
		switch s.text[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// is consumes c if it comes next.
func (s *checker) is(c byte) bool {
	if s.i < len(s.text) && s.text[s.i] == c {
		s.i++
		return true
	}
	return false
}

func (s *checker) value() bool {
	s.open = s.room[:0]
	for {
		// At the beginning of a value.
		s.space()
		if s.i == len(s.text) {
			return false
		}
		switch c := s.text[s.i]; c {
		case '{', '[':
			s.i++
			s.space()
			if s.is(c + 2) { // '}' or ']': an empty one
				break
			}
			if len(s.open) == MaxDepth {
				return false
			}
			s.open = append(s.open, c == '{')
			if c == '{' && !s.key() {
				return false
			}
			continue
		case '"':
			s.i++
			if !s.str() {
				return false
			}
		case 't':
			if !s.word("true") {
				return false
			}
		case 'f':
			if !s.word("false") {
				return false
			}
		case 'n':
			if !s.word("null") {
				return false
			}
		default:
			if !s.number() {
				return false
			}
		}
		// After a value: on to the next one, closing what ends here.
		for {
			if len(s.open) == 0 {
				return true
			}
			object := s.open[len(s.open)-1]
			s.space()
			if s.is(',') {
				if object {
					s.space()
					if !s.key() {
						return false
					}
				}
				break
			}
			if object && !s.is('}') || !object && !s.is(']') {
				return false
			}
			s.open = s.open[:len(s.open)-1]
		}
	}
}

// key consumes a key and its colon.
func (s *checker) key() bool {
	if !s.is('"') || !s.str() {
		return false
	}
	s.space()
	return s.is(':')
}

// str consumes a string after its first quotation mark.
func (s *checker) str() bool {
	for s.i < len(s.text) {
		c := s.text[s.i]
		s.i++
		switch {
		case c == '"':
			return true
		case c == '\\':
			if !s.escape() {
				return false
			}
		case c < 0x20:
			return false
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(s.text[s.i-1:])
			if r == utf8.RuneError && size == 1 {
				return false
			}
			s.i += size - 1
		}
	}
	return false
}

func (s *checker) escape() bool {
	if s.i == len(s.text) {
		return false
	}
	c := s.text[s.i]
	s.i++
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for range 4 {
			if s.i == len(s.text) || !hexadecimal(s.text[s.i]) {
				return false
			}
			s.i++
		}
		return true
	}
	return false
}

func hexadecimal(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func (s *checker) word(w string) bool {
	if len(s.text)-s.i < len(w) || string(s.text[s.i:s.i+len(w)]) != w {
		return false
	}
	s.i += len(w)
	return true
}

func (s *checker) number() bool {
	s.is('-')
	if !s.is('0') && !s.digits() {
		return false
	}
	if s.is('.') && !s.digits() {
		return false
	}
	if s.is('e') || s.is('E') {
		if !s.is('+') {
			s.is('-')
		}
		return s.digits()
	}
	return true
}

func (s *checker) digits() bool {
	from := s.i
	for s.i < len(s.text) && '0' <= s.text[s.i] && s.text[s.i] <= '9' {
		s.i++
	}
	return s.i > from
}
