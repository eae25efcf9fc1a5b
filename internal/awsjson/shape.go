package awsjson

import (
	"regexp"
	"strings"
)

// Kind is the type of a [Shape].
type Kind uint8

// The kinds of shapes that the models of EventBridge and SQS know.
const (
	String Kind = iota + 1
	Integer
	Long
	Boolean
	Timestamp // seconds since 1970 as a JSON number, with a fraction
	List
	Map
	Structure
)

// A Service is the part of a service's model that the protocol needs.
type Service struct {
	// TargetPrefix is what stands before the operation in X-Amz-Target, without
	// the dot: "AWSEvents".
	TargetPrefix string
	// Version is the protocol's, 1.0 or 1.1; "1.1" if empty. They differ in the
	// media type only.
	Version string
	// Operations maps each operation of the model to the shape of its input,
	// which is a Structure.
	Operations map[string]*Shape
}

// A Shape is one type of a service's model with its constraints. Shapes are
// data: they are written once, by a generator or a test, and only read after.
type Shape struct {
	Name string // as in the model; a structure is printed under it
	Kind Kind

	// Min and Max limit the length of a String (in characters), the number of
	// items of a List or Map, or the value of an Integer or Long; nil is no limit.
	Min, Max *int64
	Pattern  *Pattern // of a String: the whole of it must match
	Enum     []string // of a String: what it may be, in the order AWS prints
	// PatternFirst says that AWS names the pattern before the length where a
	// String keeps to neither. Of most it is the other way round.
	PatternFirst bool

	// Sensitive values are left out of messages.
	Sensitive bool

	Key     *Shape   // of a Map: its keys
	Element *Shape   // of a List: its items; of a Map: its values
	Members []Member // of a Structure, in the model's order
	// Hidden names members that AWS prints with a structure although its public
	// model does not have them; they are always null.
	Hidden []string
}

// A Member is a named part of a Structure.
type Member struct {
	Name     string
	Shape    *Shape
	Required bool
}

// A Pattern is a regular expression of the model. They are written for Java,
// where a value satisfies one only as a whole.
type Pattern struct {
	text     string
	re       *regexp.Regexp
	notBlank bool
}

// notBlankPrefix is the one look-ahead in the model, which regexp has no words
// for: at least one character that is not white space.
const notBlankPrefix = `^(?!\s*$)`

// MustPattern compiles a pattern of the model and panics if it cannot: patterns
// are part of the program.
func MustPattern(text string) *Pattern {
	rest, notBlank := strings.CutPrefix(text, notBlankPrefix)
	return &Pattern{
		text:     text,
		re:       regexp.MustCompile(`\A(?:` + javaDots(rest) + `)\z`),
		notBlank: notBlank,
	}
}

// String returns the pattern as the model has it, which is how messages show it.
func (p *Pattern) String() string { return p.text }

// Match reports whether the whole of s satisfies the pattern.
func (p *Pattern) Match(s string) bool {
	if p.notBlank && strings.Trim(s, " \t\n\v\f\r") == "" {
		return false
	}
	return p.re.MatchString(s)
}

// javaDots makes every dot outside a character class mean what it means in
// Java: any character but a line terminator, of which Java knows more than Go.
func javaDots(pattern string) string {
	var b strings.Builder
	inClass := false
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		switch {
		case c == '\\' && i+1 < len(pattern):
			b.WriteByte(c)
			i++
			c = pattern[i]
		case c == '[':
			inClass = true
		case c == ']':
			inClass = false
		case c == '.' && !inClass:
			b.WriteString(`[^\n\r\x{85}\x{2028}\x{2029}]`)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}
