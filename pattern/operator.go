package pattern

import (
	"slices"
	"strconv"
	"strings"
)

// An operator says how a test compares a value.
type operator uint8

const (
	opString      operator = iota // a string, equal to text
	opLiteral                     // no string: true, false, null or a number, written exactly as text
	opNumber                      // a number equal to low
	opNothing                     // no value: the pattern has text, a number that no double holds
	opRange                       // a number within low and high
	opAddress                     // a string that is an address within the block
	opPrefix                      // a string beginning with text
	opSuffix                      // a string ending with text
	opFold                        // a string equal to text but for case
	opPrefixFold                  // a string beginning with text but for case
	opSuffixFold                  // a string ending with text but for case
	opWildcard                    // a string matching list, the parts between the stars
	opExists                      // any value
	opAbsent                      // no value at all
	opNotString                   // any value but the strings in list, which is sorted
	opNotNumber                   // any value but the numbers in numbers, which is sorted
	opNotFold                     // any value but the strings in list, but for case
	opNotPrefix                   // any value but strings beginning with one in list
	opNotSuffix                   // any value but strings ending with one in list
	opNotWildcard                 // any value but strings matching one in wildcards
)

// A test is one element of a leaf: one comparison with one value.
type test struct {
	op   operator
	text string
	more *operands // for the operators that need more than text
}

type operands struct {
	low, high         float64
	openLow, openHigh bool
	numbers           []float64
	list              []string
	wildcards         [][]string
	block             addressRange
}

// A value is one value of an event: a string's content, escapes undone, or the
// text of a number, true, false or null.
type value struct {
	text   string
	number float64
	in     int32 // the array element the value lies in; see walker
	next   int32 // the next value at the same place, or -1
	quoted bool
	halves bool       // text has halves of surrogate pairs; see wholeCharacters
	parsed parseState // what number holds
}

type parseState uint8

const (
	notParsed  parseState = iota
	noNumber              // nothing
	someNumber            // the double nearest to the text
	likeNumber            // the double that the text stands for exactly
)

// nearest returns the double nearest to a value that is a number. It need not
// be comparable.
func (v *value) nearest() (float64, bool) {
	if v.parsed == notParsed {
		v.parsed = noNumber
		if !v.quoted && len(v.text) > 0 && (isDigit(v.text[0]) || v.text[0] == '-') {
			if f, err := strconv.ParseFloat(v.text, 64); err == nil {
				v.number, v.parsed = f+0, someNumber // -0 + 0 is 0
			}
		}
	}
	return v.number, v.parsed >= someNumber
}

// comparable returns the value as a comparable number.
func (v *value) comparable() (float64, bool) {
	f, ok := v.nearest()
	if v.parsed == someNumber {
		v.parsed = noNumber
		if ok = isExact(v.text, f); ok {
			v.parsed = likeNumber
		}
	}
	return f, ok
}

// whole returns the value without halves of surrogate pairs.
func (v *value) whole() *value {
	return &value{text: wholeCharacters(v.text), quoted: v.quoted, in: v.in}
}

// matches reports whether one value passes the test. opAbsent never does: it
// is about there being no value.
func (t *test) matches(v *value) bool {
	if v.halves && t.op != opString {
		v = v.whole()
	}
	switch t.op {
	case opString:
		return v.quoted && v.text == t.text
	case opLiteral:
		return !v.quoted && v.text == t.text
	case opNumber, opRange:
		f, ok := v.comparable()
		return ok && t.more.inRange(f)
	case opNothing:
		return false
	case opAddress:
		if !v.quoted { // AWS compares digits, and all are within a block of all addresses
			_, ok := v.comparable()
			return ok && t.more.block.all()
		}
		var buf [16]byte
		address, ok := parseAddress(v.text, &buf)
		return ok && t.more.block.contains(address)
	case opPrefix:
		return v.quoted && prefixMatches(v.text, t.text)
	case opSuffix:
		return v.quoted && suffixMatches(v.text, t.text)
	case opFold:
		return v.quoted && foldEqual(v.text, t.text)
	case opPrefixFold:
		return v.quoted && prefixFoldMatches(v.text, t.text)
	case opSuffixFold:
		return v.quoted && suffixFoldMatches(v.text, t.text)
	case opWildcard:
		return v.quoted && wildcardMatches(v.text, t.more.list)
	case opExists:
		return true
	case opAbsent:
		return false
	case opNotNumber:
		f, ok := v.comparable()
		_, found := slices.BinarySearch(t.more.numbers, f)
		return !ok || !found
	}
	if len(t.more.list) == 0 { // AWS's matcher loses an anything-but of an empty list
		return false
	}
	return !v.quoted || !t.excludes(v.text)
}

// excludes reports whether a string is one that anything-but names.
func (t *test) excludes(s string) bool {
	switch t.op {
	case opNotString:
		_, found := slices.BinarySearch(t.more.list, s)
		return found
	case opNotFold:
		for _, not := range t.more.list {
			if foldEqual(s, not) {
				return true
			}
		}
	case opNotPrefix:
		for _, not := range t.more.list {
			if prefixMatches(s, not) {
				return true
			}
		}
	case opNotSuffix:
		for _, not := range t.more.list {
			if suffixMatches(s, not) {
				return true
			}
		}
	case opNotWildcard:
		for _, not := range t.more.wildcards {
			if wildcardMatches(s, not) {
				return true
			}
		}
	}
	return false
}

func (o *operands) inRange(f float64) bool {
	return (f > o.low || f == o.low && !o.openLow) && (f < o.high || f == o.high && !o.openHigh)
}

// AWS's matcher keeps a string's quotes, so a prefix may reach over the
// closing one and a suffix over the opening one: the prefix ab" matches the
// string ab.

func prefixMatches(s string, prefix string) bool {
	return strings.HasPrefix(s, prefix) || len(prefix) == len(s)+1 && prefix[len(s)] == '"' && prefix[:len(s)] == s
}

func suffixMatches(s string, suffix string) bool {
	return strings.HasSuffix(s, suffix) || len(suffix) == len(s)+1 && suffix[0] == '"' && suffix[1:] == s
}

func prefixFoldMatches(s string, prefix string) bool {
	if _, ok := foldPrefix(s, prefix); ok {
		return true
	}
	last := len(prefix) - 1
	return last >= 0 && prefix[last] == '"' && foldEqual(s, prefix[:last])
}

func suffixFoldMatches(s string, suffix string) bool {
	return foldSuffix(s, suffix) || len(suffix) > 0 && suffix[0] == '"' && foldEqual(s, suffix[1:])
}

// wildcardMatches takes the parts between the stars one after the other, each
// at the first place it fits: linear in the string for every pattern, whatever
// the number of stars.
func wildcardMatches(s string, parts []string) bool {
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 {
		return s == first
	}
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		_, after, ok := strings.Cut(s, part)
		if !ok {
			return false
		}
		s = after
	}
	return true
}
