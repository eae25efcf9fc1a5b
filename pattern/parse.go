package pattern

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of a pattern.
const (
	// MaxLength is the most characters a pattern may have.
	MaxLength = 4096

	// MaxAlternatives is the most combinations the $or arrays of a pattern may
	// have: the product of their lengths where they stand side by side, the sum
	// where one stands inside another.
	MaxAlternatives = 1000

	// maxFields is the most fields one combination may have, and
	// maxAllFields the most that all combinations may have together. With
	// them a pattern takes no more than about ten megabytes; see [Pattern.Size].
	maxFields    = 256
	maxAllFields = 1 << 16
)

// A field is one leaf of a pattern: the path to it, its steps joined by dots,
// and the tests of which a value must pass one.
type field struct {
	name  string
	tests []test
	words int // of the tests, the last so many are plain strings, sorted
}

// An alternative is one combination of a pattern: fields that must all match,
// in the order of their names.
type alternative []field

// A parser compiles one pattern.
type parser struct {
	scanner
	alternatives []alternative
}

// Parse compiles a pattern. The error is an *[Error] with AWS's reason. What
// stands after the pattern's closing brace is ignored, as AWS does.
func Parse(text string) (*Pattern, error) {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if utf8.RuneCountInString(text) > MaxLength {
		return nil, &Error{Reason: fmt.Sprintf("Event pattern is longer than %d characters", MaxLength)}
	}
	p := parser{scanner: scanner{src: text}}
	if tok, err := p.next(); err != nil {
		return nil, err
	} else if tok != tokenObject {
		return nil, p.fail("Filter is not an object")
	}
	if err := p.object(nil, false); err != nil {
		return nil, err
	}
	compact := bytes.NewBuffer(make([]byte, 0, p.pos))
	if err := json.Compact(compact, []byte(text[:p.pos])); err != nil {
		return nil, fmt.Errorf("compacting an event pattern: %w", err)
	}
	for _, a := range p.alternatives {
		if len(a) > maxFields {
			return nil, &Error{Reason: fmt.Sprintf("Size of rule 'rule' exceeds max value of %d", maxFields)}
		}
		slices.SortFunc(a, func(x, y field) int { return compareUTF16(x.name, y.name) })
	}
	return &Pattern{text: compact.String(), alternatives: p.alternatives, emptyStep: usesEmptyStep(p.alternatives)}, nil
}

// compareUTF16 orders names as AWS does, by UTF-16 units. It differs from the
// order of the bytes only where a surrogate pair meets U+E000 to U+FFFF.
func compareUTF16(x, y string) int {
	for i := range min(len(x), len(y)) {
		a, b := x[i], y[i]
		if a == b {
			continue
		}
		if (a >= 0xF0) != (b >= 0xF0) && min(a, b) >= 0xEE {
			return int(b) - int(a)
		}
		return int(a) - int(b)
	}
	return len(x) - len(y)
}

// usesEmptyStep reports whether a path of the pattern has an empty step that
// AWS's matcher takes note of: one that is not at the end.
func usesEmptyStep(alternatives []alternative) bool {
	for _, a := range alternatives {
		for _, f := range a {
			trimmed := strings.TrimRight(f.name, ".")
			if f.name == "" || strings.HasPrefix(trimmed, ".") || strings.Contains(trimmed, "..") {
				return true
			}
		}
	}
	return false
}

// reservedInOr are the names that no field inside $or may have.
var reservedInOr = []string{
	"exactly", "equals-ignore-case", "prefix", "suffix", "anything-but", "exists", "wildcard", "numeric", "cidr",
	"=", "<", "<=", ">", ">=",
	"regex", "not-wildcard", "not-equals-ignore-case",
	"date-after", "date-on-or-after", "date-before", "date-on-or-before", "in-date-range",
	"ip-address-in-range", "ip-address-not-in-range",
}

// object reads the members of an object, base being the path to it or nil.
func (p *parser) object(base []byte, inOr bool) error {
	for empty := true; ; empty = false {
		tok, err := p.next()
		switch {
		case err != nil:
			return err
		case tok == tokenObjectEnd && empty:
			return p.fail("Empty objects are not allowed")
		case tok == tokenObjectEnd:
			return nil
		}
		name := p.name
		if name == "$or" {
			if err := p.or(base); err != nil {
				return err
			}
			continue
		}
		if inOr && slices.Contains(reservedInOr, name) {
			return p.fail("%s is Ruler reserved fieldName which cannot be used inside $or.", name)
		}
		path := []byte(name)
		if base != nil {
			path = slices.Concat(base, []byte("."), path)
		}
		tok, err = p.next()
		switch {
		case err != nil:
		case tok == tokenObject:
			err = p.object(path, inOr)
		case tok == tokenArray && len(base) == 0: // where AWS leaves out a leading dot
			err = p.leaf(name)
		case tok == tokenArray:
			err = p.leaf(string(path))
		default:
			err = p.fail("\"%s\" must be an object or an array", name)
		}
		if err != nil {
			return err
		}
	}
}

// or reads the array after $or and multiplies the alternatives so far by it.
func (p *parser) or(base []byte) error {
	tok, err := p.next()
	if err != nil {
		return err
	}
	if tok != tokenArray {
		return p.fail("It must be an Array followed with $or.")
	}
	before := p.alternatives
	var after []alternative
	n, fields := 0, 0
	for ; ; n++ {
		tok, err := p.next()
		if err != nil {
			return err
		}
		if tok == tokenArrayEnd {
			break
		}
		if tok != tokenObject {
			return p.fail("Only JSON object is allowed in array of $or relationship.")
		}
		p.alternatives = make([]alternative, max(1, len(before)))
		for i, a := range before {
			p.alternatives[i] = slices.Clone(a)
		}
		if err := p.object(base, true); err != nil {
			return err
		}
		for _, a := range p.alternatives {
			fields += len(a)
		}
		after = append(after, p.alternatives...)
		switch {
		case len(after) > MaxAlternatives:
			return &Error{Reason: fmt.Sprintf("Or operator is producing over %d rule combinations", MaxAlternatives)}
		case fields > maxAllFields:
			return p.fail("Rule is too complex - try using fewer combinations of $or")
		}
	}
	if n < 2 {
		return p.fail("There must have at least 2 Objects in $or relationship.")
	}
	p.alternatives = after
	return nil
}

// leaf reads the array of a field. A field that an alternative already has is
// replaced: of a repeated key the last one counts.
func (p *parser) leaf(name string) error {
	var tests []test
	for {
		tok, err := p.next()
		if err != nil {
			return err
		}
		if tok == tokenArrayEnd {
			break
		}
		t, err := p.element(tok)
		if err != nil {
			return err
		}
		tests = append(tests, t)
	}
	if len(tests) == 0 {
		return p.fail("Empty arrays are not allowed")
	}
	if len(p.alternatives) == 0 {
		p.alternatives = make([]alternative, 1)
	}
	f := field{name: name, tests: slices.Clip(tests), words: sortWords(tests)}
	for i, a := range p.alternatives {
		if j := slices.IndexFunc(a, func(old field) bool { return old.name == name }); j >= 0 {
			a[j] = f
		} else {
			p.alternatives[i] = append(a, f)
		}
	}
	return nil
}

// sortWords moves plain strings behind all other tests and sorts them, if there
// are so many that searching is faster than comparing one after the other. It
// returns their number.
func sortWords(tests []test) int {
	const many = 16
	n := 0
	for i := range tests {
		if tests[i].op == opString {
			n++
		}
	}
	if n < many {
		return 0
	}
	slices.SortStableFunc(tests, func(x, y test) int {
		switch xWord, yWord := x.op == opString, y.op == opString; {
		case xWord && yWord:
			return strings.Compare(x.text, y.text)
		case xWord:
			return 1
		case yWord:
			return -1
		}
		return 0
	})
	return n
}
