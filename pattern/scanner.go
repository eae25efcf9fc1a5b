package pattern

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A token is one step of the scanner.
type token uint8

const (
	tokenNone token = iota
	tokenObject
	tokenObjectEnd
	tokenArray
	tokenArrayEnd
	tokenName
	tokenString
	tokenNumber
	tokenTrue
	tokenFalse
	tokenNull
)

// maxDepth bounds how deep patterns and events nest.
const maxDepth = 1000

// A scanner reads JSON token by token. It exists beside encoding/json because
// a refused pattern's reason is compared with AWS's: where AWS complains about
// a pattern's structure before it has read a string's content, so must we, and
// the words for broken JSON are those of the parser AWS uses.
type scanner struct {
	src   string // valid UTF-8
	pos   int
	scope []scope

	tok  token
	name string // of the last tokenName

	start, end int   // of the current number or literal in src
	ahead      token // the value after a tokenName, already looked at
	pending    bool  // the current string's content has not been read yet
	str        string
}

type scope struct {
	array   bool
	started bool // has an entry, so a comma must come before the next
	pos     int
}

func (s scope) String() string {
	if s.array {
		return "Array"
	}
	return "Object"
}

const (
	validTokens = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
	noClose     = "Unexpected end-of-input"
)

func (s *scanner) fail(format string, args ...any) error {
	return s.refuse(fmt.Sprintf(format, args...))
}

// failBefore is fail for a character that was taken and should not be there.
func (s *scanner) failBefore(format string, args ...any) error {
	_, size := utf8.DecodeLastRuneInString(s.src[:s.pos])
	return s.refuseAt(s.pos-size, fmt.Sprintf(format, args...))
}

// refuse gives a reason the place where reading stopped.
func (s *scanner) refuse(reason string) *Error { return s.refuseAt(s.pos, reason) }

func (s *scanner) refuseAt(pos int, reason string) *Error {
	line, column := s.place(pos)
	return &Error{
		Reason: strings.ToValidUTF8(reason, "?"), // half a surrogate pair is a question mark
		Line:   line,
		Column: column,
		place:  "\n at " + s.location(pos),
	}
}

// place gives line and column of a position, in UTF-16 units from one.
func (s *scanner) place(pos int) (line, column int) {
	before := s.src[:min(pos, len(s.src))]
	line = 1 + strings.Count(before, "\n")
	for _, r := range before[strings.LastIndexByte(before, '\n')+1:] {
		column++
		if r > 0xFFFF {
			column++
		}
	}
	return line, column + 1
}

// location words a position as AWS does inside and after a reason.
func (s *scanner) location(pos int) string {
	const limit = 500
	line, column := s.place(pos)
	text, cut := []rune(s.src), ""
	if len(text) > limit {
		text, cut = text[:limit], fmt.Sprintf("[truncated %d chars]", len(text)-limit)
	}
	var quote strings.Builder
	for _, r := range text {
		if unicode.IsControl(r) && r != '\r' && r != '\n' {
			fmt.Fprintf(&quote, "\\u%04X", r)
		} else {
			quote.WriteRune(r)
		}
	}
	return fmt.Sprintf("[Source: (String)\"%s\"%s; line: %d, column: %d]", &quote, cut, line, column)
}

// describe words a character as AWS does inside a reason.
func describe(r rune) string {
	switch {
	case r < 0x20 || r >= 0x7F && r <= 0x9F:
		return fmt.Sprintf("(CTRL-CHAR, code %d)", r)
	case r > 0xFFFF: // AWS sees the first half of a surrogate pair
		high := 0xD7C0 + r>>10
		return fmt.Sprintf("'?' (code %d / 0x%x)", high, high)
	case r > 0xFF:
		return fmt.Sprintf("'%c' (code %d / 0x%x)", r, r, r)
	}
	return fmt.Sprintf("'%c' (code %d)", r, r)
}

func (s *scanner) unexpected(r rune, comment string) error {
	return s.failBefore("Unexpected character (%s): %s", describe(r), comment)
}

func (s *scanner) unexpectedInNumber(r rune, comment string) error {
	return s.failBefore("Unexpected character (%s) in numeric value: %s", describe(r), comment)
}

// read takes the next character; eof is true at the end.
func (s *scanner) read() (r rune, eof bool) {
	if s.pos >= len(s.src) {
		return 0, true
	}
	r, size := utf8.DecodeRuneInString(s.src[s.pos:])
	s.pos += size
	return r, false
}

// skipSpace takes the next character that is not white space.
func (s *scanner) skipSpace() (r rune, eof bool, err error) {
	for {
		r, eof = s.read()
		switch {
		case eof:
			return 0, true, nil
		case r == ' ' || r == '\t' || r == '\n' || r == '\r':
		case r < ' ':
			hint := ""
			if r == 0x1E {
				hint = " (consider enabling `JsonReadFeature.ALLOW_RS_CONTROL_CHAR` to allow use of Record Separators (\\u001E))"
			}
			return 0, false, s.fail("Illegal character (%s): only regular white space (\\r, \\n, \\t) is allowed between tokens%s", describe(r), hint)
		case r == '/':
			return 0, false, s.unexpected(r, "maybe a (non-standard) comment? (not recognized as one since Feature 'ALLOW_COMMENTS' not enabled for parser)")
		default:
			return r, false, nil
		}
	}
}

// next advances to the next token. At the end of the text it returns
// tokenNone outside any scope and an error inside one.
func (s *scanner) next() (token, error) {
	if s.tok == tokenName {
		s.tok = s.ahead
		return s.tok, s.enter()
	}
	if s.pending {
		if _, err := s.text(); err != nil {
			return tokenNone, err
		}
	}
	r, eof, err := s.skipSpace()
	if err != nil {
		return tokenNone, err
	}
	if eof {
		s.tok = tokenNone
		if len(s.scope) > 0 {
			in := s.scope[len(s.scope)-1]
			return tokenNone, s.fail(noClose+": expected close marker for %s (start marker at %s)", in, s.location(in.pos))
		}
		return tokenNone, nil
	}
	if r == ']' || r == '}' {
		return s.leave(r)
	}
	if len(s.scope) == 0 {
		s.tok, err = s.value(r)
		if err != nil {
			return tokenNone, err
		}
		return s.tok, s.enter()
	}
	in := &s.scope[len(s.scope)-1]
	if in.started {
		if r != ',' {
			return tokenNone, s.unexpected(r, "was expecting comma to separate "+in.String()+" entries")
		}
		if r, eof, err = s.skipSpace(); err != nil {
			return tokenNone, err
		} else if eof {
			return tokenNone, s.fail(noClose+" within/between %s entries", in)
		}
	}
	in.started = true
	if in.array {
		if s.tok, err = s.value(r); err != nil {
			return tokenNone, err
		}
		return s.tok, s.enter()
	}
	if err := s.member(r); err != nil {
		return tokenNone, err
	}
	s.tok = tokenName
	return s.tok, nil
}

// member reads a name, the colon and the beginning of the value, which a
// later call of next returns.
func (s *scanner) member(r rune) error {
	if r != '"' {
		return s.unexpected(r, "was expecting double-quote to start field name")
	}
	name, err := s.quoted(" in field name", "name")
	if err != nil {
		return err
	}
	s.name = name
	for colon := false; ; {
		r, eof, err := s.skipSpace()
		switch {
		case err != nil:
			return err
		case eof:
			return s.fail(noClose + " within/between Object entries")
		case colon:
			s.ahead, err = s.value(r)
			return err
		case r != ':':
			return s.unexpected(r, "was expecting a colon to separate field name and value")
		}
		colon = true
	}
}

// enter opens a scope if the current token does.
func (s *scanner) enter() error {
	if s.tok != tokenObject && s.tok != tokenArray {
		return nil
	}
	if len(s.scope) >= maxDepth {
		return s.fail("Document nesting depth (%d) exceeds the maximum allowed (%d, from `StreamReadConstraints.getMaxNestingDepth()`)", maxDepth+1, maxDepth)
	}
	s.scope = append(s.scope, scope{array: s.tok == tokenArray, pos: s.start})
	return nil
}

var otherCloser = map[rune]rune{']': '}', '}': ']'}

func (s *scanner) leave(r rune) (token, error) {
	if len(s.scope) == 0 {
		return tokenNone, s.failBefore("Unexpected close marker '%c': no open %s to close", r, scope{array: r == ']'})
	}
	in := s.scope[len(s.scope)-1]
	if in.array != (r == ']') {
		return tokenNone, s.failBefore("Unexpected close marker '%c': expected '%c' (for %s starting at %s)", r, otherCloser[r], in, s.location(in.pos))
	}
	s.scope = s.scope[:len(s.scope)-1]
	s.tok = tokenObjectEnd
	if in.array {
		s.tok = tokenArrayEnd
	}
	return s.tok, nil
}
