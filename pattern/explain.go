package pattern

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// An Explanation says whether a pattern matches an event and, if not, why.
type Explanation struct {
	// Matched reports whether the pattern matches.
	Matched bool

	// Reason names the first clause that failed, in the order of the fields'
	// names, and what the event has there. Of a pattern with $or it is about
	// the combination of which most clauses hold. It is empty if the pattern
	// matches.
	Reason string
}

// Explain matches one event, which must be valid JSON, see [ValidEvent], and
// words the result for people. It is slower than [Pattern.Match].
func Explain(p *Pattern, event []byte) Explanation {
	if p.Match(event) {
		return Explanation{Matched: true}
	}
	a := p.alone()
	w := walkers.Get().(*walker)
	defer w.done()
	w.read(a.engine, event)
	best, most := "", -1
	for i, c := range a.member.candidates {
		if reason, held := w.explain(c, p.alternatives[i]); held > most {
			best, most = reason, held
		}
	}
	if n := len(a.member.candidates); n > 1 {
		best = fmt.Sprintf("none of the %d combinations of $or matches; in the nearest, %s", n, best)
	}
	return Explanation{Reason: best}
}

// explain words why a candidate that does not match does not, and counts the
// clauses that hold.
func (w *walker) explain(c *candidate, fields alternative) (reason string, held int) {
	var apart []string
	for i := range c.clauses {
		cl := &c.clauses[i]
		switch w.clause(cl) {
		case clauseFails:
			if reason == "" {
				reason = w.explainClause(cl, fields[i].name)
			}
			continue
		case clauseInElements, clauseOpen:
			apart = append(apart, fields[i].name)
		}
		held++
	}
	if reason == "" {
		reason = fmt.Sprintf("%s each match, but not within the same element of an array", listed(apart, "and"))
	}
	return reason, held
}

// explainClause words why one clause fails.
func (w *walker) explainClause(cl *clause, name string) string {
	first := w.places[cl.id].first
	wants := make([]string, len(cl.tests))
	for i := range cl.tests {
		wants[i] = cl.tests[i].describe()
	}
	want := listed(wants, "or")
	if first < 0 {
		return fmt.Sprintf("the event has no value at %s, where the pattern wants %s", name, want)
	}
	const most = 3
	var has []string
	for i := first; i >= 0 && len(has) < most; i = w.values[i].next {
		v := &w.values[i]
		if text := abridged(v.text); v.quoted {
			has = append(has, strconv.Quote(text))
		} else {
			has = append(has, text)
		}
	}
	if more := int(w.places[cl.id].count) - len(has); more > 0 {
		has = append(has, fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("%s is %s, where the pattern wants %s", name, listed(has, "and"), want)
}

// abridged cuts a text that is too long for a sentence.
func abridged(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	cut := most
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// listed joins words as a sentence does.
func listed(words []string, last string) string {
	const most = 10
	if len(words) > most {
		words = append(words[:most:most], fmt.Sprintf("%d others", len(words)-most))
	}
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " " + last + " " + words[n-1]
	}
	return strings.Join(words, "")
}

// describe words what a test wants.
func (t *test) describe() string {
	quoted := strconv.Quote(t.text)
	switch t.op {
	case opLiteral, opNumber:
		return t.text
	case opNothing:
		return t.text + ", which no value equals, being no double"
	case opRange:
		return t.more.describeRange()
	case opAddress:
		return "an address in " + t.text
	case opPrefix:
		return "a string beginning with " + quoted
	case opSuffix:
		return "a string ending with " + quoted
	case opFold:
		return quoted + " in any case"
	case opPrefixFold:
		return "a string beginning with " + quoted + " in any case"
	case opSuffixFold:
		return "a string ending with " + quoted + " in any case"
	case opWildcard:
		return "a string like " + quoted
	case opExists:
		return "any value"
	case opAbsent:
		return "no value"
	case opNotNumber:
		not := make([]string, len(t.more.numbers))
		for i, f := range t.more.numbers {
			not[i] = formatNumber(f)
		}
		return "anything but " + listed(not, "or")
	case opString:
		return quoted
	}
	not := make([]string, len(t.more.list))
	for i, s := range t.more.list {
		not[i] = strconv.Quote(s)
	}
	kind := map[operator]string{
		opNotPrefix:   "strings beginning with ",
		opNotSuffix:   "strings ending with ",
		opNotWildcard: "strings like ",
	}[t.op]
	text := "anything but " + kind + listed(not, "or")
	if t.op == opNotFold {
		text += " in any case"
	}
	return text
}

func (o *operands) describeRange() string {
	if o.low == o.high {
		return "the number " + formatNumber(o.low)
	}
	var bounds []string
	if !math.IsInf(o.low, -1) {
		bounds = append(bounds, bound(o.openLow, ">", o.low))
	}
	if !math.IsInf(o.high, 1) {
		bounds = append(bounds, bound(o.openHigh, "<", o.high))
	}
	return "a number " + listed(bounds, "and")
}

func bound(open bool, sign string, f float64) string {
	if !open {
		sign += "="
	}
	return sign + " " + formatNumber(f)
}

func formatNumber(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
