package awsjson

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// findings are the violations of one request: all are counted, and as many are
// listed as a message has room for.
type findings struct {
	n      int
	listed []string
	size   int // of what is listed, in bytes of JSON
	full   bool
}

// add takes a violation; text, which words it, is called only if it is listed.
func (f *findings) add(text func() string) {
	f.n++
	if f.full {
		return
	}
	violation := text()
	size := 2
	for _, c := range violation {
		size += escapedSize(c)
	}
	if f.full = len(f.listed) > 0 && f.size+size > maxMessage-128; f.full { // 128 are for the words around
		return
	}
	f.listed, f.size = append(f.listed, violation), f.size+size
}

// validate checks v, which parse returned, against every constraint of the
// shape. The error is a ValidationException that lists the violations, members
// in the model's order.
func (s *Shape) validate(v any) error {
	var found findings
	s.violations(&found, "", v)
	if found.n == 0 {
		return nil
	}
	noun := "errors"
	if found.n == 1 {
		noun = "error"
	}
	more := ""
	if rest := found.n - len(found.listed); rest > 0 {
		more = fmt.Sprintf("; and %d more", rest)
	}
	return &Error{
		Code:    "ValidationException",
		Message: fmt.Sprintf("%d validation %s detected: %s%s", found.n, noun, strings.Join(found.listed, "; "), more),
	}
}

// violations adds what is wrong with v, which stands at path.
func (s *Shape) violations(found *findings, path string, v any) {
	for _, c := range s.violated(v) {
		found.add(func() string { return s.violation(path, v, c) })
	}
	switch s.Kind {
	case Structure:
		members := v.(map[string]any)
		for _, m := range s.Members {
			at := join(path, lowerCamel(m.Name))
			switch member, ok := members[m.Name]; {
			case ok:
				m.Shape.violations(found, at, member)
			case m.Required:
				found.add(func() string {
					return "Value null at '" + at + "' failed to satisfy constraint: Member must not be null"
				})
			}
		}
	case List:
		if s.Element.Kind != Structure {
			break // reported by violated, for the list as a whole
		}
		items, _ := itemsOf(v)
		for i, item := range items {
			s.Element.violations(found, path+"."+strconv.Itoa(i+1)+".member", item)
		}
	}
}

// itemsOf returns the items of a list, as far as they are kept, and how many it
// has.
func itemsOf(v any) ([]any, int) {
	if long, ok := v.(longList); ok {
		return long.items, long.n
	}
	items := v.([]any)
	return items, len(items)
}

func (s *Shape) violation(path string, v any, constraint string) string {
	value := " '" + s.text(v) + "'"
	if s.Sensitive {
		value = ""
	}
	return "Value" + value + " at '" + path + "' failed to satisfy constraint: " + constraint
}

// violated returns the constraints of the shape itself that v does not satisfy,
// as AWS words them and in its order. The items of a list and the keys and
// values of a map that are not structures are reported with the whole of it.
func (s *Shape) violated(v any) []string {
	var out []string
	switch v := v.(type) {
	case string:
		out = s.violatedLimits(int64(utf8.RuneCountInString(v)))
		if len(out) > 0 && len(v) > maxShown {
			return out // it is refused, and its pattern would take long to match
		}
		if s.Pattern != nil && !s.Pattern.Match(v) {
			at := len(out)
			if s.PatternFirst {
				at = 0
			}
			out = slices.Insert(out, at, s.patternConstraint())
		}
		if s.Enum != nil && !slices.Contains(s.Enum, v) {
			out = append(out, s.enumConstraint())
		}
	case json.Number:
		if s.Kind != Timestamp {
			n, _ := strconv.ParseInt(string(v), 10, 64)
			out = s.violatedLimits(n)
		}
	case []any, longList:
		items, n := itemsOf(v)
		out = s.violatedLimits(int64(n))
		if s.Element.Kind != Structure && slices.ContainsFunc(items, s.Element.refuses) {
			out = append(out, "Member must satisfy constraint: "+s.Element.constraints())
		}
	case map[string]any:
		if s.Kind != Map {
			break
		}
		out = s.violatedLimits(int64(len(v)))
		keys, values := false, false
		for key, value := range v {
			keys = keys || s.Key.refuses(key)
			values = values || s.Element.refuses(value)
		}
		if keys {
			out = append(out, "Map keys must satisfy constraint: "+s.Key.constraints())
		}
		if values {
			out = append(out, "Map value must satisfy constraint: "+s.Element.constraints())
		}
	}
	return out
}

// Takes reports whether text satisfies the constraints of a String shape, for
// callers that read a body by code of their own.
func (s *Shape) Takes(text string) bool { return !s.refuses(text) }

func (s *Shape) refuses(v any) bool { return len(s.violated(v)) > 0 }

// violatedLimits compares n, a length or a value, with the limits.
func (s *Shape) violatedLimits(n int64) []string {
	var out []string
	if s.Max != nil && n > *s.Max {
		out = append(out, s.maxConstraint())
	}
	if s.Min != nil && n < *s.Min {
		out = append(out, s.minConstraint())
	}
	return out
}

// constraints lists all the constraints of a shape whose values are reported
// with the list or map that holds them.
func (s *Shape) constraints() string {
	var out []string
	if s.Max != nil {
		out = append(out, s.maxConstraint())
	}
	if s.Min != nil {
		out = append(out, s.minConstraint())
	}
	if s.Pattern != nil {
		out = append(out, s.patternConstraint())
	}
	if s.Enum != nil {
		out = append(out, s.enumConstraint())
	}
	return "[" + strings.Join(out, ", ") + "]"
}

func (s *Shape) maxConstraint() string {
	return "Member must have " + s.measure() + " less than or equal to " + strconv.FormatInt(*s.Max, 10)
}

func (s *Shape) minConstraint() string {
	return "Member must have " + s.measure() + " greater than or equal to " + strconv.FormatInt(*s.Min, 10)
}

func (s *Shape) measure() string {
	if s.Kind == Integer || s.Kind == Long {
		return "value"
	}
	return "length"
}

func (s *Shape) patternConstraint() string {
	return "Member must satisfy regular expression pattern: " + s.Pattern.String()
}

func (s *Shape) enumConstraint() string {
	return "Member must satisfy enum value set: [" + strings.Join(s.Enum, ", ") + "]"
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// lowerCamel is how a member's name is written in a path: EventBusName is
// eventBusName.
func lowerCamel(name string) string {
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(first)) + name[size:]
}
