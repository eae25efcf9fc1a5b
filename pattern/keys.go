package pattern

import (
	"unicode"
	"unicode/utf8"
	"unsafe"
)

// A tableKind says what the keys of a table are.
type tableKind uint8

const (
	tableString tableKind = iota
	tableLiteral
	tableNumber
	tablePrefix
	tableSuffix
	tableFold
	tablePrefixFold
	tableSuffixFold
	tableAddress

	notInTable // ranges, and tests that only looking at the value decides
)

// tableKey returns the table a test is filed in, and its key there. A value
// that passes the test leads to the key; so may others.
func tableKey(t *test) (kind tableKind, key string) {
	switch t.op {
	case opString:
		return tableString, t.text
	case opLiteral, opNothing:
		return tableLiteral, t.text
	case opNumber, opRange:
		if t.more.low == t.more.high {
			return tableNumber, numberKey(&t.more.low)
		}
	case opPrefix:
		if len(t.text) == 0 || t.text[len(t.text)-1] != '"' {
			return tablePrefix, t.text
		}
	case opSuffix:
		if len(t.text) == 0 || t.text[0] != '"' {
			return tableSuffix, t.text
		}
	case opFold:
		if folded, ok := foldKey(t.text); ok {
			return tableFold, folded
		}
	case opPrefixFold:
		if folded, ok := foldKey(t.text); ok && (folded == "" || folded[len(folded)-1] != '"') {
			return tablePrefixFold, folded
		}
	case opSuffixFold:
		if folded, ok := foldKey(t.text); ok && (folded == "" || folded[0] != '"') {
			return tableSuffixFold, folded
		}
	case opWildcard:
		parts := t.more.list
		switch {
		case len(parts) == 1:
			return tableString, parts[0]
		case parts[0] != "":
			return tablePrefix, parts[0]
		case parts[len(parts)-1] != "":
			return tableSuffix, parts[len(parts)-1]
		}
	case opAddress:
		low, high := t.more.block.low, t.more.block.high
		if t.more.block.all() {
			return notInTable, "" // numbers too
		}
		n := 0
		for n < 8*len(low) && (low[n/8]^high[n/8])>>(7-n%8)&1 == 0 {
			n++
		}
		var buf [17]byte
		return tableAddress, string(addressKey(buf[:0], low, n))
	}
	return notInTable, ""
}

// numberKey is the key of a number: its eight bytes, where they are. There is
// no minus zero; see parseNumber.
func numberKey(f *float64) string {
	return unsafe.String((*byte)(unsafe.Pointer(f)), 8)
}

// addressKey appends the first n bits of an address, and n.
func addressKey(dst, address []byte, n int) []byte {
	dst = append(dst, byte(n))
	dst = append(dst, address[:(n+7)/8]...)
	if n%8 != 0 {
		dst[len(dst)-1] &= 0xFF << (8 - n%8)
	}
	return dst
}

// foldKey returns text as all strings fold that match it but for case. There
// is no such form if the text has a character like ß, with forms of several
// characters or forms that fold apart.
func foldKey(text string) (folded string, ok bool) {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if i += size; r < utf8.RuneSelf {
			continue
		}
		lower, upper := forms(r)
		l, n := utf8.DecodeRuneInString(lower)
		u, m := utf8.DecodeRuneInString(upper)
		if n != len(lower) || m != len(upper) || unicode.ToLower(l) != unicode.ToLower(u) {
			return "", false
		}
	}
	return string(appendFold(nil, text)), true
}

// appendFold appends s in lower case, character by character.
func appendFold(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			dst = append(dst, lowerASCII(c))
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError {
			dst = append(dst, s[i:i+size]...)
		} else {
			dst = utf8.AppendRune(dst, unicode.ToLower(r))
		}
		i += size
	}
	return dst
}
