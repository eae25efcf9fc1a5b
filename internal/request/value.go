package request

import (
	"strings"
	"unicode/utf8"

	"bailey/internal/jsonpath"
)

const (
	maxStored = 512  // characters of a header's or query's key or value as it is put (R7)
	maxFilled = 8192 // bytes of a value that comes from an event
)

// A value is a literal, or a path into the event (P1, P2).
type value struct {
	text    string
	path    jsonpath.Path
	dynamic bool
}

// parseValue takes text for a path where it looks like one (P2), and fails
// where it then is not one (P11).
func parseValue(text string) (value, error) {
	if !jsonpath.IsPath(text) {
		return value{text: text}, nil
	}
	path, err := jsonpath.Parse(text)
	return value{text: text, path: path, dynamic: true}, err
}

// append appends the value for an event: its text (P6), or nothing where the
// path finds nothing (P7). It reports false where that is too long.
func (v *value) append(dst, event []byte) ([]byte, bool) {
	if !v.dynamic {
		return append(dst, v.text...), true
	}
	raw, ok := v.path.Find(event)
	if !ok {
		return dst, true
	}
	from := len(dst)
	dst = jsonpath.AppendText(dst, raw)
	return dst, len(dst)-from <= maxFilled
}

// whyEmpty says why an event gives the value no text.
func (v *value) whyEmpty(event []byte) string {
	if v.missing(event) {
		return "found nothing"
	}
	return "is empty"
}

// missing reports whether the value is a path that finds nothing in an event.
func (v *value) missing(event []byte) bool {
	if !v.dynamic {
		return false
	}
	_, ok := v.path.Find(event)
	return !ok
}

// isDots reports whether a segment of a path would lead somewhere else than
// where it stands (P9).
func isDots[T string | []byte](segment T) bool {
	return len(segment) == 1 && segment[0] == '.' || len(segment) == 2 && segment[0] == '.' && segment[1] == '.'
}

// notPermitted reports whether a target may not set a header (R5). Letter case
// does not matter, nor does a hyphen that is written as an underscore: CGI and
// what descends from it, such as WSGI, make one variable of X-Amz and X_Amz.
func notPermitted(key string) bool {
	key = strings.ReplaceAll(strings.ToLower(key), "_", "-")
	if strings.HasPrefix(key, "x-amz") {
		return true
	}
	switch key {
	case "authorization", "connection", "content-encoding", "content-length", "host", "max-forwards", "te",
		"transfer-encoding", "trailer", "upgrade", "via", "www-authenticate", "x-forwarded-for":
		return true
	}
	return false
}

// validHeaderKey reports whether a key matches ^[!#$%&'*+-.^_`|~0-9a-zA-Z]+$ and
// has at most 512 characters (R7). In that pattern +-. is a range, which has the
// comma in it.
func validHeaderKey(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', '+' <= c && c <= '.':
		case c == '!', '#' <= c && c <= '\'', c == '*', c == '^', c == '_', c == '`', c == '|', c == '~':
		default:
			return false
		}
	}
	return len(s) > 0 && len(s) <= maxStored
}

// validHeaderValue reports whether a value has at most 512 characters. AWS's
// pattern asks for printable ASCII, but PutTargets was seen to take an empty
// value and one with a line feed (R7); what cannot be sent fails at delivery
// (P10).
func validHeaderValue(s string) bool { return utf8.RuneCountInString(s) <= maxStored }

// isHeaderText reports whether s has only tabs and printable ASCII.
func isHeaderText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '\t' && !isPrintable(c) {
			return false
		}
	}
	return true
}

func isPrintable(c byte) bool { return ' ' <= c && c <= '~' }

// validQueryKey reports whether a key matches [^\x00-\x1F\x7F]+ and has at most
// 512 characters (R7).
func validQueryKey(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == 0x7F {
			return false
		}
	}
	return s != "" && utf8.RuneCountInString(s) <= maxStored
}

// validQueryValue reports whether a value matches
// [^\x00-\x09\x0B\x0C\x0E-\x1F\x7F]+ and has at most 512 characters (R7).
func validQueryValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\n' && c != '\r' || c == 0x7F {
			return false
		}
	}
	return s != "" && utf8.RuneCountInString(s) <= maxStored
}

// validPathValue reports whether a value matches ^(?!\s*$).+ as Java reads it
// (R7): not blank, and no line break.
func validPathValue(s string) bool {
	return strings.Trim(s, " \t\n\v\f\r") != "" && !strings.ContainsAny(s, "\n\r\u0085\u2028\u2029")
}

const hexDigits = "0123456789ABCDEF"

// appendEscaped appends s as one segment of a path, or as a key or value of a
// query: percent-encoded but for letters, digits and -._~, so that nothing in it
// can be taken for a separator (P9, R3).
func appendEscaped[T string | []byte](dst []byte, s T) []byte {
	for i := range len(s) {
		c := s[i]
		if isUnreserved(c) {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return dst
}

func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// appendSegment appends a segment as it stands in an ARN, decoded to path and as
// it is sent to raw. It is taken as it would be in a URL: percent escapes in it
// stay what they are, and what must not stand in a URL is percent-encoded.
func appendSegment(path, raw []byte, segment string) (newPath, newRaw []byte) {
	for i := 0; i < len(segment); i++ {
		c := segment[i]
		switch {
		case c == '%' && i+2 < len(segment) && isHex(segment[i+1]) && isHex(segment[i+2]):
			path = append(path, unhex(segment[i+1])<<4|unhex(segment[i+2]))
			raw = append(raw, segment[i:i+3]...)
			i += 2
		case isUnreserved(c), strings.IndexByte("!$&'()*+,;=:@", c) >= 0:
			path, raw = append(path, c), append(raw, c)
		default:
			path, raw = append(path, c), append(raw, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return path, raw
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	default:
		return c - 'a' + 10
	}
}
