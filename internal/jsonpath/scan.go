package jsonpath

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// The functions here move over the bytes of a document that is known to be
// valid JSON. They look at no more than they need to tell where things end, and
// never past the end of the bytes whatever these are.

// skipSpace returns the first place from at on that is no white space.
func skipSpace(doc []byte, at int) int {
	for at < len(doc) && isSpace(doc[at]) {
		at++
	}
	return at
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\t' || c == '\r'
}

// skipValue returns the place after the value at doc[at]. It counts brackets
// instead of calling itself, so that depth costs nothing.
func skipValue(doc []byte, at int) (end int, ok bool) {
	if at >= len(doc) {
		return 0, false
	}
	switch doc[at] {
	case '"':
		return skipString(doc, at)
	case '{', '[':
	default:
		return skipWord(doc, at)
	}
	for depth := 0; at < len(doc); at++ {
		switch doc[at] {
		case '"':
			if end, ok = skipString(doc, at); !ok {
				return 0, false
			}
			at = end - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return at + 1, true
			}
		}
	}
	return 0, false
}

// skipString returns the place after the string whose opening quotation mark
// is doc[at].
func skipString(doc []byte, at int) (end int, ok bool) {
	for at++; at < len(doc); at++ {
		switch doc[at] {
		case '"':
			return at + 1, true
		case '\\':
			at++
		}
	}
	return 0, false
}

// skipWord returns the place after the number, true, false or null at doc[at].
func skipWord(doc []byte, at int) (end int, ok bool) {
	end = at
	for end < len(doc) && !isSpace(doc[end]) && bytes.IndexByte([]byte(`,:]}`), doc[end]) < 0 {
		end++
	}
	return end, end > at
}

// firstMember returns the first name, without its quotation marks, and where its
// value begins in the object at doc[at].
func firstMember(doc []byte, at int) (key []byte, value int, ok bool) {
	if at >= len(doc) || doc[at] != '{' {
		return nil, 0, false
	}
	return memberAt(doc, skipSpace(doc, at+1))
}

// nextMember returns the name after the value at doc[at], and where its value
// begins.
func nextMember(doc []byte, at int) (key []byte, value int, ok bool) {
	if at, ok = skipValue(doc, at); !ok {
		return nil, 0, false
	}
	at = skipSpace(doc, at)
	if at >= len(doc) || doc[at] != ',' {
		return nil, 0, false
	}
	return memberAt(doc, skipSpace(doc, at+1))
}

// memberAt reads the name at doc[at].
func memberAt(doc []byte, at int) (key []byte, value int, ok bool) {
	if at >= len(doc) || doc[at] != '"' {
		return nil, 0, false
	}
	end, ok := skipString(doc, at)
	if !ok {
		return nil, 0, false
	}
	key = doc[at+1 : end-1]
	at = skipSpace(doc, end)
	if at >= len(doc) || doc[at] != ':' {
		return nil, 0, false
	}
	return key, skipSpace(doc, at+1), true
}

// firstItem returns where the first item begins in the array at doc[at].
func firstItem(doc []byte, at int) (value int, ok bool) {
	if at >= len(doc) || doc[at] != '[' {
		return 0, false
	}
	at = skipSpace(doc, at+1)
	return at, at < len(doc) && doc[at] != ']'
}

// nextItem returns where the item after the one at doc[at] begins.
func nextItem(doc []byte, at int) (value int, ok bool) {
	if at, ok = skipValue(doc, at); !ok {
		return 0, false
	}
	at = skipSpace(doc, at)
	if at >= len(doc) || doc[at] != ',' {
		return 0, false
	}
	return skipSpace(doc, at+1), true
}

// unescape returns the character that the JSON escape at s[at], a backslash,
// stands for, and the place after it. Half of a surrogate pair stands for
// U+FFFD. It is not ok where JSON has no such escape.
func unescape[T string | []byte](s T, at int) (r rune, next int, ok bool) {
	if at+1 >= len(s) {
		return 0, at, false
	}
	next = at + 2
	switch c := s[at+1]; c {
	case '"', '\\', '/':
		return rune(c), next, true
	case 'b':
		return '\b', next, true
	case 'f':
		return '\f', next, true
	case 'n':
		return '\n', next, true
	case 'r':
		return '\r', next, true
	case 't':
		return '\t', next, true
	case 'u':
		r, ok = hex4(s, next)
		if !ok {
			return 0, at, false
		}
		next += 4
		if !utf16.IsSurrogate(r) {
			return r, next, true
		}
		if next+1 < len(s) && s[next] == '\\' && s[next+1] == 'u' {
			if low, ok := hex4(s, next+2); ok {
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					return r, next + 6, true
				}
			}
		}
		return utf8.RuneError, next, true
	}
	return 0, at, false
}

// hex4 reads the four hexadecimal digits at s[at].
func hex4[T string | []byte](s T, at int) (r rune, ok bool) {
	if at+4 > len(s) {
		return 0, false
	}
	for i := at; i < at+4; i++ {
		c := s[i]
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
