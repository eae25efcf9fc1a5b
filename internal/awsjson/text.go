package awsjson

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of what messages show. AWS shows values whole, and so does this package
// what its recorded answers have; a caller cannot have it send back megabytes.
// They are counted as JSON writes the text.
const (
	maxShown   = 48 << 10 // of one value
	maxMessage = 56 << 10
)

// cutMark ends a text that was cut.
const cutMark = "... [cut]"

// Bounded returns a message that is not too long to be sent: where it is, its
// beginning.
func Bounded(message string) string {
	if len(message) < maxMessage/6 { // however it is escaped
		return message
	}
	b := boundedText{left: maxMessage}
	b.WriteString(message)
	return b.String()
}

// boundedText takes a text as far as there is room for it.
type boundedText struct {
	strings.Builder
	left int // room, in bytes of JSON
	cut  bool
}

// WriteString appends text, or as much of it as there is room for and a mark.
func (b *boundedText) WriteString(text string) {
	if b.cut {
		return
	}
	for i, c := range text {
		if b.left -= escapedSize(c); b.left < 0 {
			b.cut = true
			b.Builder.WriteString(text[:i] + cutMark)
			return
		}
	}
	b.Builder.WriteString(text)
}

// escapedSize is how many bytes JSON has for a character, at most.
func escapedSize(c rune) int {
	switch {
	case c < ' ', c == '\u2028', c == '\u2029', c == utf8.RuneError:
		return 6
	case c == '"', c == '\\':
		return 2
	}
	return utf8.RuneLen(c)
}

// text writes a value as AWS's messages show it, which is as Java prints it:
// a list as [a, b], a map as {k=v}, a structure as Name(member=value, ...) with
// null for what is not there. A string is written as it is, without quotation
// marks. What is too long to be shown is cut.
func (s *Shape) text(v any) string {
	b := boundedText{left: maxShown}
	s.writeText(&b, v)
	return b.String()
}

func (s *Shape) writeText(b *boundedText, v any) {
	if s.Sensitive && v != nil {
		b.WriteString("***Sensitive Data Redacted***")
		return
	}
	switch v := v.(type) {
	case string:
		b.WriteString(v)
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case json.Number:
		if s.Kind == Timestamp {
			b.WriteString(javaDate(v))
			return
		}
		b.WriteString(string(v))
	case longList:
		s.writeListText(b, v.items)
		if !b.cut {
			b.left = -1 // there are more
			b.WriteString("]")
		}
	case []any:
		s.writeListText(b, v)
		b.WriteString("]")
	case map[string]any:
		if s.Kind == Map {
			s.writeMapText(b, v)
			return
		}
		s.writeStructureText(b, v)
	default:
		b.WriteString("null")
	}
}

// writeListText writes all of a list but its end.
func (s *Shape) writeListText(b *boundedText, items []any) {
	b.WriteString("[")
	for i, item := range items {
		if b.cut {
			return
		}
		if i > 0 {
			b.WriteString(", ")
		}
		s.Element.writeText(b, item)
	}
}

func (s *Shape) writeMapText(b *boundedText, v map[string]any) {
	b.WriteString("{")
	for i, key := range slices.Sorted(maps.Keys(v)) {
		if b.cut {
			return
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(key)
		b.WriteString("=")
		s.Element.writeText(b, v[key])
	}
	b.WriteString("}")
}

func (s *Shape) writeStructureText(b *boundedText, v map[string]any) {
	b.WriteString(s.Name)
	separator := "("
	for _, m := range s.Members {
		b.WriteString(separator)
		b.WriteString(lowerCamel(m.Name))
		b.WriteString("=")
		m.Shape.writeText(b, v[m.Name])
		separator = ", "
	}
	for _, name := range s.Hidden {
		b.WriteString(separator)
		b.WriteString(name)
		b.WriteString("=null")
		separator = ", "
	}
	b.WriteString(")")
}

// javaDate writes a timestamp as java.util.Date does.
func javaDate(n json.Number) string {
	t, err := parseEpoch(string(n))
	if err != nil {
		return string(n)
	}
	return t.UTC().Format("Mon Jan 02 15:04:05 UTC 2006")
}
