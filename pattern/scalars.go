package pattern

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// value begins a value at r, the character just taken.
func (s *scanner) value(r rune) (token, error) {
	s.start = s.pos - utf8.RuneLen(r)
	switch {
	case r == '"':
		s.pending = true
		return tokenString, nil
	case r == '[':
		return tokenArray, nil
	case r == '{':
		return tokenObject, nil
	case r == '}':
		return tokenNone, s.unexpected(r, "expected a value")
	case r == 't':
		return tokenTrue, s.literal("true")
	case r == 'f':
		return tokenFalse, s.literal("false")
	case r == 'n':
		return tokenNull, s.literal("null")
	case r == '-' || r >= '0' && r <= '9':
		return tokenNumber, s.number()
	case r == 'N':
		if err := s.literal("NaN"); err != nil {
			return tokenNone, err
		}
		return tokenNone, s.nonStandard("NaN")
	case r == 'I':
		if err := s.literal("Infinity"); err != nil {
			return tokenNone, err
		}
		return tokenNone, s.nonStandard("Infinity")
	case r == '+':
		next, eof := s.read()
		if eof {
			return tokenNone, s.fail(noClose + " in a Number value")
		}
		return tokenNone, s.badNumberStart(next, '+')
	case identifierStart(r):
		return tokenNone, s.badToken()
	}
	return tokenNone, s.unexpected(r, "expected a valid value "+validTokens)
}

func (s *scanner) nonStandard(name string) error {
	return s.fail("Non-standard token '%s': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow", name)
}

// literal takes the rest of a word whose first letter was taken.
func (s *scanner) literal(word string) error { return s.word(word, 1) }

// word takes what is left of a word of which some letters were taken.
func (s *scanner) word(word string, taken int) error {
	for _, c := range []byte(word[taken:]) {
		if s.pos >= len(s.src) || s.src[s.pos] != c {
			return s.badToken()
		}
		s.pos++
	}
	s.end = s.pos
	if r, _ := utf8.DecodeRuneInString(s.src[s.pos:]); s.pos < len(s.src) && r >= '0' && identifierPart(r) {
		return s.badToken()
	}
	return nil
}

// badToken reports the word that starts at s.start.
func (s *scanner) badToken() error {
	const limit = 256
	for n := utf8.RuneCountInString(s.src[s.start:s.pos]); s.pos < len(s.src); n++ {
		r, size := utf8.DecodeRuneInString(s.src[s.pos:])
		if !identifierPart(r) {
			break
		}
		s.pos += size
		if n+1 >= limit {
			return s.fail("Unrecognized token '%s...': was expecting %s", s.src[s.start:s.pos], validTokens)
		}
	}
	return s.fail("Unrecognized token '%s': was expecting %s", s.src[s.start:s.pos], validTokens)
}

// identifierStart and identifierPart are Java's, of one UTF-16 unit: a half of
// a surrogate pair is neither.
func identifierStart(r rune) bool {
	return r <= 0xFFFF && (unicode.IsLetter(r) || unicode.In(r, unicode.Sc, unicode.Pc, unicode.Nl))
}

func identifierPart(r rune) bool {
	return identifierStart(r) || r <= 0xFFFF && unicode.In(r, unicode.Nd, unicode.Mn, unicode.Mc, unicode.Cf) ||
		r <= 0x08 || r >= 0x0E && r <= 0x1B || r >= 0x7F && r <= 0x9F
}

// number takes the rest of a number whose first character was taken.
func (s *scanner) number() error {
	s.pos = s.start
	if s.src[s.pos] == '-' {
		s.pos++
	}
	r, eof := s.read()
	switch {
	case eof:
		return s.fail(noClose + "No digit following sign")
	case r == '0':
		if s.pos < len(s.src) && isDigit(s.src[s.pos]) {
			s.pos++
			return s.fail("Invalid numeric value: Leading zeroes not allowed")
		}
	case r == '.':
		return s.unexpected(r, "expected a valid value "+validTokens)
	case r < '1' || r > '9':
		return s.badNumberStart(r, '-')
	}
	r, eof, _ = s.digits()
	if !eof && r == '.' {
		var n int
		if r, eof, n = s.digits(); n == 0 {
			if eof {
				r = '.'
			}
			return s.unexpectedInNumber(r, "Decimal point not followed by a digit")
		}
	}
	if !eof && (r == 'e' || r == 'E') {
		if s.pos < len(s.src) && (s.src[s.pos] == '-' || s.src[s.pos] == '+') {
			s.pos++
		}
		if s.pos >= len(s.src) {
			return s.fail(noClose + "expected a digit for number exponent")
		}
		var n int
		if r, eof, n = s.digits(); n == 0 {
			return s.unexpectedInNumber(r, "Exponent indicator not followed by a digit")
		}
	}
	if !eof && len(s.scope) == 0 && !strings.ContainsRune(" \t\r\n", r) {
		return s.unexpected(r, "Expected space separating root-level values")
	}
	if !eof {
		s.pos -= utf8.RuneLen(r)
	}
	s.end = s.pos
	return nil
}

// digits takes digits and the character after them.
func (s *scanner) digits() (after rune, eof bool, n int) {
	for s.pos < len(s.src) && isDigit(s.src[s.pos]) {
		s.pos++
		n++
	}
	after, eof = s.read()
	return after, eof, n
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// badNumberStart reports what follows a sign and is no digit.
func (s *scanner) badNumberStart(r, sign rune) error {
	if r == 'I' {
		var eof bool
		if r, eof = s.read(); eof {
			return s.fail(noClose + " in a Number value")
		}
		if infinity, ok := map[rune]string{'N': "INF", 'n': "Infinity"}[r]; ok {
			if err := s.word(infinity, 2); err != nil {
				return err
			}
			return s.nonStandard(string(sign) + infinity)
		}
	}
	if sign == '+' {
		return s.unexpectedInNumber(sign, "JSON spec does not allow numbers to have plus signs: enable `JsonReadFeature.ALLOW_LEADING_PLUS_SIGN_FOR_NUMBERS` to allow")
	}
	return s.unexpectedInNumber(r, "expected digit (0-9) to follow minus sign, for valid numeric value")
}

// text gives the current token's text: a string's content, a number as it
// stands, a literal, a name, a bracket.
func (s *scanner) text() (string, error) {
	switch s.tok {
	case tokenString:
		if s.pending {
			s.pending = false
			str, err := s.quoted(": was expecting closing quote for a string value", "string value")
			if err != nil {
				return "", err
			}
			s.str = str
		}
		return s.str, nil
	case tokenNumber, tokenTrue, tokenFalse, tokenNull:
		return s.src[s.start:s.end], nil
	case tokenName:
		return s.name, nil
	case tokenObject:
		return "{", nil
	case tokenObjectEnd:
		return "}", nil
	case tokenArray:
		return "[", nil
	case tokenArrayEnd:
		return "]", nil
	}
	return "", nil
}

// quoted reads to the closing quote and undoes the escapes. Halves of a
// surrogate pair that stand alone are kept, in the three bytes UTF-8 would
// give them were they allowed; see wholeCharacters.
func (s *scanner) quoted(eofText, what string) (string, error) {
	begin := s.pos
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; {
		case c == '"':
			s.pos++
			return s.src[begin : s.pos-1], nil
		case c == '\\':
			return s.escaped(begin, eofText, what)
		case c < ' ':
			s.pos++
			return "", s.failBefore("Illegal unquoted character (%s): has to be escaped using backslash to be included in %s", describe(rune(c)), what)
		}
		s.pos++
	}
	return "", s.fail("%s%s", noClose, eofText)
}

// escaped is quoted for a string with a backslash at s.pos.
func (s *scanner) escaped(begin int, eofText, what string) (string, error) {
	out := append(make([]byte, 0, 2*(s.pos-begin)+16), s.src[begin:s.pos]...)
	for s.pos < len(s.src) {
		c := s.src[s.pos]
		s.pos++
		switch {
		case c == '"':
			return string(out), nil
		case c < ' ':
			return "", s.failBefore("Illegal unquoted character (%s): has to be escaped using backslash to be included in %s", describe(rune(c)), what)
		case c != '\\':
			out = append(out, c)
			continue
		}
		r, eof := s.read()
		if eof {
			return "", s.fail(noClose + " in character escape sequence")
		}
		switch r {
		case 'b':
			out = append(out, '\b')
		case 't':
			out = append(out, '\t')
		case 'n':
			out = append(out, '\n')
		case 'f':
			out = append(out, '\f')
		case 'r':
			out = append(out, '\r')
		case '"', '/', '\\':
			out = append(out, byte(r))
		case 'u':
			unit, err := s.hex()
			if err != nil {
				return "", err
			}
			out = appendUnit(out, 0, unit)
		default:
			return "", s.failBefore("Unrecognized character escape %s", describe(r))
		}
	}
	return "", s.fail("%s%s", noClose, eofText)
}

func (s *scanner) hex() (rune, error) {
	var unit rune
	for range 4 {
		r, eof := s.read()
		if eof {
			return 0, s.fail(noClose + " in character escape sequence")
		}
		digit, err := strconv.ParseUint(string(r), 16, 8)
		if err != nil {
			return 0, s.unexpected(r, "expected a hex-digit for character escape sequence")
		}
		unit = unit<<4 | rune(digit)
	}
	return unit, nil
}

// appendUnit appends one UTF-16 unit to the text that dst holds from an index
// on, joining it with a high surrogate that stands at the text's end.
func appendUnit(dst []byte, from int, unit rune) []byte {
	switch {
	case unit < 0xD800 || unit > 0xDFFF:
		return utf8.AppendRune(dst, unit)
	case unit >= 0xDC00 && len(dst)-from >= 3:
		if tail := dst[len(dst)-3:]; tail[0] == 0xED && tail[1]&0xF0 == 0xA0 {
			high := rune(0xD000) | rune(tail[1]&0x3F)<<6 | rune(tail[2]&0x3F)
			return utf8.AppendRune(dst[:len(dst)-3], (high-0xD800)<<10+(unit-0xDC00)+0x10000)
		}
	}
	return append(dst, 0xE0|byte(unit>>12), 0x80|byte(unit>>6)&0x3F, 0x80|byte(unit)&0x3F)
}

// wholeCharacters puts a question mark for each half of a surrogate pair that
// stands alone. AWS's matcher does so except where it compares a whole string,
// and keys.
func wholeCharacters(s string) string {
	var whole []byte
	for {
		i := strings.IndexByte(s, 0xED)
		switch {
		case i < 0 && whole == nil:
			return s
		case i < 0:
			return string(append(whole, s...))
		}
		end := min(i+3, len(s))
		if end-i == 3 && s[i+1] >= 0xA0 {
			whole = append(append(whole, s[:i]...), '?')
		} else {
			whole = append(whole, s[:end]...)
		}
		s = s[end:]
	}
}
