package jsonpath

import "unicode/utf8"

// Text returns what a found value puts into a header, a query, a path or a
// template (P6): a string's characters, a number as the document writes it, the
// words true, false and null, and an object or an array as compact JSON, which
// is its text without the white space between its parts.
//
// Half of a surrogate pair in a string becomes U+FFFD.
func Text(raw []byte) string {
	return string(AppendText(nil, raw))
}

// AppendText appends Text(raw) to dst.
func AppendText(dst, raw []byte) []byte {
	if len(raw) == 0 {
		return dst
	}
	switch raw[0] {
	case '"':
		return appendUnquoted(dst, raw)
	case '{', '[':
		return appendCompact(dst, raw)
	}
	return append(dst, raw...)
}

// appendUnquoted appends the characters of a JSON string.
func appendUnquoted(dst, raw []byte) []byte {
	raw = raw[1:]
	if last := len(raw) - 1; last >= 0 && raw[last] == '"' {
		raw = raw[:last]
	}
	return appendUnescaped(dst, raw)
}

// appendUnescaped appends the characters that the inside of a JSON string
// stands for.
func appendUnescaped(dst, inside []byte) []byte {
	for i := 0; i < len(inside); {
		if inside[i] == '\\' {
			if r, next, ok := unescape(inside, i); ok {
				dst = utf8.AppendRune(dst, r)
				i = next
				continue
			}
		}
		dst = append(dst, inside[i])
		i++
	}
	return dst
}

// appendCompact appends a JSON value without the white space outside its
// strings.
func appendCompact(dst, raw []byte) []byte {
	for i := 0; i < len(raw); i++ {
		if isSpace(raw[i]) {
			continue
		}
		if raw[i] == '"' {
			if end, ok := skipString(raw, i); ok {
				dst = append(dst, raw[i:end]...)
				i = end - 1
				continue
			}
		}
		dst = append(dst, raw[i])
	}
	return dst
}
