package input

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// space is JSON's white space.
const space = " \t\r\n"

// A syntaxError is where a text stops being JSON, in bytes from its beginning,
// by the rules of Jackson, the parser that AWS uses.
type syntaxError struct {
	// at is the character that should not be there, or the end of a word that
	// means nothing, or the end of the text.
	at int
	// begin is where what is wrong begins: for a word that means nothing its first
	// character, else at.
	begin int
	// token is where the token begins that was read last. A member's value is not
	// read before it is known what it is: until then its name is.
	token int
}

// inInput returns the place that AWS names for a mistake in an Input. A word that
// means nothing is named by its end, but by its beginning where that could have
// been one of true, false and null: so it was recorded of env and of not.
func (e *syntaxError) inInput(text string) int {
	if e.begin < e.at && strings.IndexByte("tfn", text[e.begin]) >= 0 {
		return e.begin
	}
	return e.at
}

// readJSON reads the first value of text and returns the place after it. What
// follows is not looked at, but that a number is not followed by something else
// than space. A text that is blank is taken, as one without a value.
func readJSON(text string) (end int, err *syntaxError) {
	r := jsonReader{text: text}
	if !r.skipSpace() {
		return r.pos, r.err
	}
	r.value()
	return r.pos, r.err
}

// A jsonReader reads JSON. Its methods report whether they succeeded; err says
// where they did not.
type jsonReader struct {
	text   string
	pos    int    // of what is read next
	token  int    // see syntaxError
	member bool   // a member's name and colon were read, and its value comes
	open   []byte // the brackets that are open
	err    *syntaxError
}

func (r *jsonReader) fail(at int) bool { return r.failFrom(at, at) }

func (r *jsonReader) failFrom(begin, at int) bool {
	if r.err == nil {
		r.err = &syntaxError{at: at, begin: begin, token: r.token}
	}
	return false
}

// skipSpace reports whether something follows the space.
func (r *jsonReader) skipSpace() bool {
	for ; r.pos < len(r.text); r.pos++ {
		if c := r.text[r.pos]; strings.IndexByte(space, c) < 0 {
			return c >= ' ' && c != '/' || r.fail(r.pos)
		}
	}
	return false
}

// next skips the space before the next character, which must be there.
func (r *jsonReader) next() (c byte, ok bool) {
	if !r.skipSpace() {
		return 0, r.fail(len(r.text))
	}
	return r.text[r.pos], true
}

// value reads a value and all that is in it. It keeps the open brackets instead
// of calling itself, so that depth costs no stack.
func (r *jsonReader) value() bool {
	for {
		opened, ok := r.scalarOrBracket()
		if !ok {
			return false
		}
		if done, ok := r.toNextValue(opened); done || !ok {
			return ok
		}
	}
}

// toNextValue closes the brackets that are closed here and gets to the value
// that comes then, past a comma and its name where it is a member's. It is done
// when no bracket is open any more.
func (r *jsonReader) toNextValue(first bool) (done, ok bool) {
	for len(r.open) > 0 {
		c, ok := r.next()
		if !ok {
			return false, false
		}
		inner := r.open[len(r.open)-1]
		if c == '}' || c == ']' {
			r.token = r.pos
			if (c == '}') != (inner == '{') {
				return false, r.fail(r.pos)
			}
			r.pos++
			r.open, first = r.open[:len(r.open)-1], false
			continue
		}
		if !first {
			if c != ',' {
				return false, r.fail(r.pos)
			}
			r.pos++
			if _, ok := r.next(); !ok {
				return false, false
			}
		}
		return false, inner == '[' || r.name()
	}
	return true, true
}

// name reads a member's name and its colon and gets to its value.
func (r *jsonReader) name() bool {
	begin := r.pos
	if r.text[begin] != '"' {
		return r.fail(begin)
	}
	if !r.string() {
		return false
	}
	r.token, r.member = begin, true
	c, ok := r.next()
	if !ok {
		return false
	}
	if c != ':' {
		return r.fail(r.pos)
	}
	r.pos++
	_, ok = r.next()
	return ok
}

// scalarOrBracket reads the string, the number or the word that begins here, or
// the bracket that opens an array or an object.
func (r *jsonReader) scalarOrBracket() (opened, ok bool) {
	begin := r.pos
	if !r.member {
		r.token = begin
	}
	switch c := r.text[begin]; {
	case c == '{', c == '[':
		r.open = append(r.open, c)
		r.pos++
		opened, ok = true, true
	case c == '"':
		r.token = begin
		ok = r.string()
	case c == '-', '0' <= c && c <= '9':
		ok = r.number()
	default:
		ok = r.word()
	}
	if ok {
		r.token, r.member = begin, false
	}
	return opened, ok
}

// string reads the string that begins here.
func (r *jsonReader) string() bool {
	for r.pos++; r.pos < len(r.text); r.pos++ {
		switch c := r.text[r.pos]; {
		case c == '"':
			r.pos++
			return true
		case c < ' ':
			return r.fail(r.pos)
		case c == '\\':
			if !r.escape() {
				return false
			}
		}
	}
	return r.fail(len(r.text))
}

// escape reads the escape that begins here, up to its last character.
func (r *jsonReader) escape() bool {
	r.pos++
	if r.pos == len(r.text) {
		return r.fail(r.pos)
	}
	if r.text[r.pos] != 'u' {
		return strings.IndexByte(`"\/bfnrt`, r.text[r.pos]) >= 0 || r.fail(r.pos)
	}
	for range 4 {
		r.pos++
		if r.pos == len(r.text) || strings.IndexByte("0123456789abcdefABCDEF", r.text[r.pos]) < 0 {
			return r.fail(r.pos)
		}
	}
	return true
}

// number reads the number that begins here. Jackson reads one that begins with a
// zero or ends the text character by character, and points at the character that
// should not be there. Of any other it has read no more than the decimal point or
// the e when it finds that digits are missing, and points there.
func (r *jsonReader) number() bool {
	begin := r.pos
	if r.text[r.pos] == '-' {
		r.pos++
	}
	digits := r.pos
	if r.digits() == 0 {
		return r.fail(r.pos)
	}
	if r.text[digits] == '0' && r.pos > digits+1 {
		return r.fail(digits + 1)
	}
	slow := r.text[digits] == '0'
	last := begin // the decimal point or the e that was read last, but an e after a fraction
	if r.is(".") {
		last = r.pos
		r.pos++
		if r.digits() == 0 {
			if slow && r.pos < len(r.text) {
				last = r.pos
			}
			return r.fail(last)
		}
	}
	if r.is("eE") {
		if last == begin {
			last = r.pos
		}
		r.pos++
		if r.is("+-") {
			r.pos++
		}
		if r.digits() == 0 {
			if slow || r.pos == len(r.text) {
				last = r.pos
			}
			return r.fail(last)
		}
	}
	if len(r.open) == 0 && r.pos < len(r.text) && strings.IndexByte(space, r.text[r.pos]) < 0 {
		return r.fail(r.pos)
	}
	return true
}

// digits reads digits and returns how many these are.
func (r *jsonReader) digits() int {
	begin := r.pos
	for r.pos < len(r.text) && '0' <= r.text[r.pos] && r.text[r.pos] <= '9' {
		r.pos++
	}
	return r.pos - begin
}

// is reports whether the next character is one of chars.
func (r *jsonReader) is(chars string) bool {
	return r.pos < len(r.text) && strings.IndexByte(chars, r.text[r.pos]) >= 0
}

// maxWord is how many characters of a word that means nothing are looked at.
const maxWord = 256

// word reads true, false or null.
func (r *jsonReader) word() bool {
	rest := r.text[r.pos:]
	first, _ := utf8.DecodeRuneInString(rest)
	if first == '+' {
		// It looks at the character after a plus sign.
		return r.fail(r.pos + 1)
	}
	if !isIdentifierStart(first) {
		return r.fail(r.pos)
	}
	end, length := len(rest), 0
	for at, c := range rest {
		if !isIdentifierPart(c) || length == maxWord {
			end = at
			break
		}
		length++
	}
	if word := rest[:end]; word != "true" && word != "false" && word != "null" {
		return r.failFrom(r.pos, r.pos+end)
	}
	r.pos += end
	return true
}

// isIdentifierStart reports whether Java takes c for the beginning of an
// identifier. It looks at UTF-16, of which no half of a pair is a letter.
func isIdentifierStart(c rune) bool {
	return c <= 0xFFFF && unicode.In(c, unicode.Letter, unicode.Nl, unicode.Sc, unicode.Pc)
}

// isIdentifierPart reports whether Java takes c for a part of an identifier.
func isIdentifierPart(c rune) bool {
	switch {
	case isIdentifierStart(c):
		return true
	case c < ' ', 0x7F <= c && c <= 0x9F:
		return c < 9 || c >= 0x7F || 0x0E <= c && c <= 0x1B
	}
	return c <= 0xFFFF && unicode.In(c, unicode.Nd, unicode.Mn, unicode.Mc, unicode.Cf)
}

// place returns the line and the column, from 1, of what is offset bytes into
// text. Columns count UTF-16.
func place(text string, offset int) (line, column int) {
	line, column = 1, 1
	for at, c := range text[:offset] {
		switch {
		case c == '\n', c == '\r' && !strings.HasPrefix(text[at+1:], "\n"):
			line, column = line+1, 1
		case c > 0xFFFF:
			column += 2
		default:
			column++
		}
	}
	return line, column
}

// location says where something is in a text as AWS's messages do. Package
// pattern, which depends on nothing else of Bailey, has the same of its own.
func location(text string, offset int) string {
	const limit = 500
	line, column := place(text, offset)
	quoted, cut := []rune(text), ""
	if len(quoted) > limit {
		quoted, cut = quoted[:limit], fmt.Sprintf("[truncated %d chars]", len(quoted)-limit)
	}
	var quote strings.Builder
	for _, c := range quoted {
		if unicode.IsControl(c) && c != '\r' && c != '\n' {
			fmt.Fprintf(&quote, "\\u%04X", c)
		} else {
			quote.WriteRune(c)
		}
	}
	return fmt.Sprintf("[Source: (String)\"%s\"%s; line: %d, column: %d]", &quote, cut, line, column)
}
