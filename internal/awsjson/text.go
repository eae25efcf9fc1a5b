package awsjson

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// text writes a value as AWS's messages show it, which is as Java prints it:
// a list as [a, b], a map as {k=v}, a structure as Name(member=value, ...) with
// null for what is not there. A string is written as it is, without quotation
// marks.
func (s *Shape) text(v any) string {
	var b strings.Builder
	s.writeText(&b, v)
	return b.String()
}

func (s *Shape) writeText(b *strings.Builder, v any) {
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
	case []any:
		b.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			s.Element.writeText(b, item)
		}
		b.WriteByte(']')
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

func (s *Shape) writeMapText(b *strings.Builder, v map[string]any) {
	b.WriteByte('{')
	for i, key := range slices.Sorted(maps.Keys(v)) {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(key)
		b.WriteByte('=')
		s.Element.writeText(b, v[key])
	}
	b.WriteByte('}')
}

func (s *Shape) writeStructureText(b *strings.Builder, v map[string]any) {
	b.WriteString(s.Name)
	separator := "("
	for _, m := range s.Members {
		b.WriteString(separator)
		b.WriteString(lowerCamel(m.Name))
		b.WriteByte('=')
		m.Shape.writeText(b, v[m.Name])
		separator = ", "
	}
	for _, name := range s.Hidden {
		b.WriteString(separator)
		b.WriteString(name)
		b.WriteString("=null")
		separator = ", "
	}
	b.WriteByte(')')
}

// javaDate writes a timestamp as java.util.Date does.
func javaDate(n json.Number) string {
	t, err := parseEpoch(string(n))
	if err != nil {
		return string(n)
	}
	return t.UTC().Format("Mon Jan 02 15:04:05 UTC 2006")
}
