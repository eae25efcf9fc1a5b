package pattern

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Ignoring case: each character of the pattern matches its lower and its
// upper case form and nothing else, which is how AWS does it and not the same
// as case folding. The Kelvin sign in a pattern matches k; k in a pattern does
// not match the Kelvin sign. The upper case of ß is SS, so ß in a pattern
// matches SS, and ss does not match ß. Characters outside the basic plane are
// the gap in AWS's matcher: each of the two halves becomes a question mark.

// forms gives the lower and upper case forms of one character of a pattern.
func forms(r rune) (lower, upper string) {
	switch {
	case r > 0xFFFF:
		return "??", "??"
	case r == 'İ':
		return "i\u0307", "İ"
	}
	if special, ok := specialUpper[r]; ok {
		return string(unicode.ToLower(r)), special
	}
	return string(unicode.ToLower(r)), string(unicode.ToUpper(r))
}

// foldPrefix reports whether value begins with pattern but for case, and how
// many bytes of value that takes.
func foldPrefix(value, pattern string) (n int, ok bool) {
	for i := 0; i < len(pattern); {
		c := pattern[i]
		if c < utf8.RuneSelf {
			if n >= len(value) || lowerASCII(value[n]) != lowerASCII(c) {
				return 0, false
			}
			i++
			n++
			continue
		}
		r, size := utf8.DecodeRuneInString(pattern[i:])
		i += size
		lower, upper := forms(r)
		switch {
		case strings.HasPrefix(value[n:], lower):
			n += len(lower)
		case strings.HasPrefix(value[n:], upper):
			n += len(upper)
		default:
			return 0, false
		}
	}
	return n, true
}

// foldSuffix reports whether value ends with pattern but for case.
func foldSuffix(value, pattern string) bool {
	for end := len(pattern); end > 0; {
		r, size := utf8.DecodeLastRuneInString(pattern[:end])
		end -= size
		lower, upper := forms(r)
		switch {
		case strings.HasSuffix(value, lower):
			value = value[:len(value)-len(lower)]
		case strings.HasSuffix(value, upper):
			value = value[:len(value)-len(upper)]
		default:
			return false
		}
	}
	return true
}

func foldEqual(value, pattern string) bool {
	n, ok := foldPrefix(value, pattern)
	return ok && n == len(value)
}

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// specialUpper holds the characters whose upper case is not the one character
// unicode.ToUpper gives: the unconditional mappings of Unicode's SpecialCasing.
var specialUpper = func() map[rune]string {
	m := map[rune]string{
		'ß': "SS", 'ŉ': "ʼN", 'ǰ': "J\u030c", 'ΐ': "Ι\u0308\u0301", 'ΰ': "Υ\u0308\u0301", 'և': "ԵՒ",
		'ẖ': "H\u0331", 'ẗ': "T\u0308", 'ẘ': "W\u030a", 'ẙ': "Y\u030a", 'ẚ': "Aʾ", 'ὐ': "Υ\u0313",
		'ὒ': "Υ\u0313\u0300", 'ὔ': "Υ\u0313\u0301", 'ὖ': "Υ\u0313\u0342", 'ᾲ': "ᾺΙ", 'ᾳ': "ΑΙ", 'ᾴ': "ΆΙ",
		'ᾶ': "Α\u0342", 'ᾷ': "Α\u0342Ι", 'ᾼ': "ΑΙ", 'ῂ': "ῊΙ", 'ῃ': "ΗΙ", 'ῄ': "ΉΙ",
		'ῆ': "Η\u0342", 'ῇ': "Η\u0342Ι", 'ῌ': "ΗΙ", 'ῒ': "Ι\u0308\u0300", 'ΐ': "Ι\u0308\u0301", 'ῖ': "Ι\u0342",
		'ῗ': "Ι\u0308\u0342", 'ῢ': "Υ\u0308\u0300", 'ΰ': "Υ\u0308\u0301", 'ῤ': "Ρ\u0313", 'ῦ': "Υ\u0342", 'ῧ': "Υ\u0308\u0342",
		'ῲ': "ῺΙ", 'ῳ': "ΩΙ", 'ῴ': "ΏΙ", 'ῶ': "Ω\u0342", 'ῷ': "Ω\u0342Ι", 'ῼ': "ΩΙ",
		'ﬀ': "FF", 'ﬁ': "FI", 'ﬂ': "FL", 'ﬃ': "FFI", 'ﬄ': "FFL", 'ﬅ': "ST",
		'ﬆ': "ST", 'ﬓ': "ՄՆ", 'ﬔ': "ՄԵ", 'ﬕ': "ՄԻ", 'ﬖ': "ՎՆ", 'ﬗ': "ՄԽ",
	}
	// Greek with iota subscript: the letter without it, then a capital iota.
	for i, letters := range []string{"ἈἉἊἋἌἍἎἏ", "ἨἩἪἫἬἭἮἯ", "ὨὩὪὫὬὭὮὯ"} {
		for j, letter := range []rune(letters) {
			small := rune(0x1F80 + 0x10*i + j)
			m[small] = string(letter) + "Ι"
			m[small+8] = m[small]
		}
	}
	return m
}()

// splitWildcard cuts a wildcard at its stars and undoes its escapes. It
// returns AWS's reason if it cannot.
func splitWildcard(text string) (parts []string, reason string) {
	var part strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '*' && i+1 < len(text) && text[i+1] == '*':
			return nil, "Consecutive wildcard characters at pos " + position(i)
		case c == '*':
			parts = append(parts, part.String())
			part.Reset()
		case c == '\\' && i+1 < len(text) && (text[i+1] == '*' || text[i+1] == '\\'):
			i++
			part.WriteByte(text[i])
		case c == '\\':
			return nil, "Invalid escape character at pos " + position(i)
		default:
			part.WriteByte(c)
		}
	}
	return append(parts, part.String()), ""
}

// position words a position in a wildcard; AWS counts the opening quote.
func position(i int) string { return strconv.Itoa(i + 1) }
