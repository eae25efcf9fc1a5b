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

// maxViolations bounds how many violations one answer lists.
const maxViolations = 1000

// validate checks v, which parse returned, against every constraint of the
// shape. The error is a ValidationException that lists all violations, members
// in the model's order.
func (s *Shape) validate(v any) error {
	found := s.violations(nil, "", v)
	if len(found) == 0 {
		return nil
	}
	noun := "errors"
	if len(found) == 1 {
		noun = "error"
	}
	return &Error{
		Code:    "ValidationException",
		Message: fmt.Sprintf("%d validation %s detected: %s", len(found), noun, strings.Join(found, "; ")),
	}
}

// violations appends what is wrong with v, which stands at path.
func (s *Shape) violations(dst []string, path string, v any) []string {
	for _, c := range s.violated(v) {
		dst = append(dst, s.violation(path, v, c))
	}
	switch s.Kind {
	case Structure:
		members := v.(map[string]any)
		for _, m := range s.Members {
			at := join(path, lowerCamel(m.Name))
			switch member, ok := members[m.Name]; {
			case ok:
				dst = m.Shape.violations(dst, at, member)
			case m.Required:
				dst = append(dst, "Value null at '"+at+"' failed to satisfy constraint: Member must not be null")
			}
			if len(dst) >= maxViolations {
				return dst[:maxViolations]
			}
		}
	case List:
		if s.Element.Kind != Structure {
			break // reported by violated, for the list as a whole
		}
		for i, item := range v.([]any) {
			dst = s.Element.violations(dst, path+"."+strconv.Itoa(i+1)+".member", item)
			if len(dst) >= maxViolations {
				return dst[:maxViolations]
			}
		}
	}
	return dst
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
	case []any:
		out = s.violatedLimits(int64(len(v)))
		if s.Element.Kind != Structure && slices.ContainsFunc(v, s.Element.refuses) {
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
