// Package schedule reads the schedule expressions of EventBridge rules and says
// when they fire.
//
// There are two kinds:
//
//	rate(n unit)   every n minutes, hours or days from a moment that is the rule's own
//	cron(minutes hours day-of-month month day-of-week year)
//
// A cron expression is UTC, to the minute. Each field is `*` or a list, by
// commas, of values, ranges (`8-17`) and steps (`0/15`, `*/15`, `8-17/2`).
// Months and days of the week have names, in any letter case; the first day of
// the week is Sunday, 1. A range may wrap around (`FRI-MON`, `20-2`), except in
// years. One of the two fields for days must be `?`. They also know:
//
//	L     the last day of the month; as a day of the week, Saturday
//	L-15  the day 15 days before the last of the month; none in a month too short
//	LW    the last day of the month that is Monday to Friday
//	3W    the day from Monday to Friday that is nearest the 3rd, in its month;
//	      a month without that day has none
//	6L    the last Friday of the month
//	3#2   the second Tuesday of the month; nothing else may stand beside it
//
// EventBridge takes more than it documents, as was seen there; so does Parse, and
// [Expression.Undocumented] says what it is. What comes after the part of an item
// that makes sense is ignored (33x, TUESDAY, 1-31W). A step of 0, or one that is
// longer than its field, leaves the first value. Years may be outside of 1970 to
// 2199, and never come.
//
// The Go libraries for cron know parts of this: most count weekdays from 0, want
// seconds, end before 2199 or take what EventBridge refuses. Hence our own.
package schedule

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// An Expression is a schedule expression that has been read. It is immutable,
// and its methods may be called by several goroutines at once. The zero
// Expression never fires.
type Expression struct {
	text string
	rate time.Duration // 0 for cron
	cron *cron         // nil for rate
}

// Parse reads a schedule expression as strictly as EventBridge does. The error
// says what is wrong with it, for people; callers that speak AWS's API word it
// as AWS does.
func Parse(text string) (Expression, error) {
	if inside, ok := within(text, "rate("); ok {
		rate, err := parseRate(inside)
		if err != nil {
			return Expression{}, fmt.Errorf("schedule expression %q: %w", text, err)
		}
		return Expression{text: text, rate: rate}, nil
	}
	if inside, ok := within(text, "cron("); ok {
		fields, err := parseFields(inside)
		if err != nil {
			return Expression{}, fmt.Errorf("schedule expression %q: %w", text, err)
		}
		return Expression{text: text, cron: fields.compile()}, nil
	}
	return Expression{}, fmt.Errorf("schedule expression %q is neither rate(...) nor cron(...)", text)
}

// within returns what stands between prefix, which ends with an opening
// parenthesis, and the closing one at the end of text.
func within(text, prefix string) (inside string, ok bool) {
	inside, ok = strings.CutPrefix(text, prefix)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(inside, ")")
}

// parseRate reads "5 minutes".
func parseRate(text string) (time.Duration, error) {
	number, unit, ok := strings.Cut(text, " ")
	if !ok {
		return 0, errors.New("a rate is a number, one space and a unit")
	}
	if strings.Trim(number, "0123456789") != "" || number == "" {
		return 0, fmt.Errorf("%q is no positive whole number", number)
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is no positive whole number that a rate can have", number)
	}
	one := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
	singular, plural := strings.CutSuffix(unit, "s")
	length, known := one[singular]
	if !known {
		return 0, fmt.Errorf("%q is no unit: minute, hour and day are, in lower case", unit)
	}
	if plural != (n > 1) {
		return 0, fmt.Errorf("%q does not go with %d: the unit is singular for 1 and plural above", unit, n)
	}
	rate := time.Duration(n) * length
	if rate/length != time.Duration(n) {
		return 0, fmt.Errorf("%d %s is longer than 292 years", n, unit)
	}
	return rate, nil
}

// String returns the expression as it was written.
func (e Expression) String() string { return e.text }

// IsRate reports whether the expression is a rate, whose firings depend on the
// anchor.
func (e Expression) IsRate() bool { return e.rate > 0 }

// Next returns the first firing after the given moment, in UTC, and false where
// there is none any more.
//
// A rate fires at the anchor, which is when its rule was created or enabled,
// plus once, twice, ... its length, so never at the anchor itself. A cron
// expression fires at whole minutes until the end of 2199 and takes no notice of
// the anchor.
func (e Expression) Next(after, anchor time.Time) (time.Time, bool) {
	switch {
	case e.IsRate():
		return e.tick(anchor, max(e.ticks(after, anchor), 0)+1), true
	case e.cron != nil:
		return e.cron.next(after.UTC().Truncate(time.Minute).Add(time.Minute))
	}
	return time.Time{}, false
}

// Last returns the latest firing that is not after the given moment, in UTC, and
// false where there is none. The anchor is that of Next.
func (e Expression) Last(until, anchor time.Time) (time.Time, bool) {
	switch {
	case e.IsRate():
		n := e.ticks(until, anchor)
		if n < 1 {
			return time.Time{}, false
		}
		return e.tick(anchor, n), true
	case e.cron != nil:
		return e.cron.lastFiring(until.UTC().Truncate(time.Minute))
	}
	return time.Time{}, false
}

// Period returns how long it usually is between firings around the given one: a
// rate's length; for a cron expression the shorter of the distances to the
// firings before and after. An expression that fires only once has a period of a
// day.
func (e Expression) Period(firing time.Time) time.Duration {
	if e.IsRate() {
		return e.rate
	}
	const day = 24 * time.Hour
	before, hasBefore := e.Last(firing.Add(-time.Minute), time.Time{})
	after, hasAfter := e.Next(firing, time.Time{})
	switch {
	case hasBefore && hasAfter:
		return min(firing.Sub(before), after.Sub(firing))
	case hasBefore:
		return firing.Sub(before)
	case hasAfter:
		return after.Sub(firing)
	}
	return day
}

// ticks returns how many whole lengths of the rate there are from the anchor to
// t, less than 1 where t is before the first. It counts in seconds, since a
// time.Duration would end after 292 years.
func (e Expression) ticks(t, anchor time.Time) int64 {
	seconds := t.Unix() - anchor.Unix()
	if t.Nanosecond() < anchor.Nanosecond() {
		seconds--
	}
	return seconds / int64(e.rate/time.Second)
}

// tick returns the n-th firing of a rate.
func (e Expression) tick(anchor time.Time, n int64) time.Time {
	return time.Unix(anchor.Unix()+n*int64(e.rate/time.Second), int64(anchor.Nanosecond())).UTC()
}
