package input

import (
	"bytes"
	"slices"

	"bailey/internal/jsonpath"
)

func isComposite(value []byte) bool {
	return len(value) > 0 && (value[0] == '{' || value[0] == '[')
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// needsEscape reports whether c cannot stand in a JSON string as it is.
func needsEscape(c byte) bool {
	return c == '"' || c == '\\' || c < ' '
}

// appendEscaped appends the text of a JSON string, with no more escapes than it
// needs to stand in another.
func appendEscaped(dst, value []byte) []byte {
	from := len(dst)
	dst = jsonpath.AppendText(dst, value)
	if !slices.ContainsFunc(dst[from:], needsEscape) {
		return dst
	}
	text := bytes.Clone(dst[from:])
	dst = dst[:from]
	for _, c := range text {
		switch {
		case !needsEscape(c):
			dst = append(dst, c)
		case c == '"', c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c == '\b':
			dst = append(dst, `\b`...)
		case c == '\f':
			dst = append(dst, `\f`...)
		default:
			const digits = "0123456789abcdef"
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
	}
	return dst
}

// appendUnquoted appends an object or array as compact JSON without the quotation
// marks around its strings. Those in its strings lose their escape, so that they
// end the string that they are put into, as those of a string do; other escapes
// stay.
func appendUnquoted(dst, value []byte) []byte {
	from := len(dst)
	dst = jsonpath.AppendText(dst, value)
	kept := from
	for i := from; i < len(dst); i++ {
		c := dst[i]
		if c == '"' {
			continue
		}
		if c == '\\' && i+1 < len(dst) {
			i++
			if dst[i] != '"' {
				dst[kept] = c
				kept++
			}
			c = dst[i]
		}
		dst[kept] = c
		kept++
	}
	return dst[:kept]
}
