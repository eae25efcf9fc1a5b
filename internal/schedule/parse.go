package schedule

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

const (
	firstYear = 1970
	lastYear  = 2199
)

// A fieldKind is one of the six fields of a cron expression.
type fieldKind struct {
	name     string
	min, max int
	names    []string // of the values from min on
}

var (
	minutesField = fieldKind{name: "minutes", min: 0, max: 59}
	hoursField   = fieldKind{name: "hours", min: 0, max: 23}
	dayField     = fieldKind{name: "day-of-month", min: 1, max: 31}
	monthField   = fieldKind{name: "month", min: 1, max: 12,
		names: []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}}
	weekdayField = fieldKind{name: "day-of-week", min: 1, max: 7,
		names: []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}}
	yearField = fieldKind{name: "year", min: firstYear, max: lastYear}
)

// fields are the fields of a cron expression as they are written.
type fields struct {
	minutes, hours, months, years []span
	days                          []span // of the month
	weekdays                      []span
	last                          bool     // L as a day of the month
	lastWorkday                   bool     // LW
	beforeLast                    []offset // L-15, L-15W
	nearest                       []int    // 3W
	lastWeekdays                  []int    // 6L
	nthWeekday, nth               int      // 3#2; nth is 0 where there is none
	byWeekday                     bool     // the day of the month is ?

	odd []string // what AWS takes and does not document, and what it means
}

// A span is a value, a range or a step: every step-th value from low to high,
// around the end of the field where high is below low.
type span struct {
	low, high, step int
}

// An offset is a day so many days before the last of its month, or the day from
// Monday to Friday that is nearest it.
type offset struct {
	days    int
	nearest bool
}

// String says which day it is, with the article.
func (o offset) String() string {
	day := fmt.Sprintf("the day %d days before the last", o.days)
	if o.days == 1 {
		day = "the day before the last"
	}
	if o.nearest {
		return "the day from Monday to Friday nearest " + day
	}
	return day
}

// all reports whether the span is every value of the field.
func (s span) all(f fieldKind) bool { return s == span{f.min, f.max, 1} }

// values returns the span's values, in the span's order. Years do not wrap, and
// are those outside the field as well.
func (s span) values(f fieldKind) []int {
	size, high := f.max-f.min+1, s.high
	if high < s.low {
		high += size
	}
	var values []int
	for v := s.low; v <= high; v += s.step {
		if f.name == yearField.name {
			values = append(values, v)
		} else {
			values = append(values, (v-f.min)%size+f.min)
		}
	}
	return values
}

// parseFields reads what is between cron's parentheses.
func parseFields(text string) (*fields, error) {
	texts := strings.Split(strings.Map(upper, text), " ")
	if slices.Contains(texts, "") || strings.ContainsFunc(text, func(r rune) bool { return r != ' ' && unicode.IsSpace(r) }) {
		return nil, errors.New("between two fields is one space, and there is no other white space")
	}
	if len(texts) != 6 {
		return nil, fmt.Errorf("there are %d fields; minutes, hours, day-of-month, month, day-of-week and year are six", len(texts))
	}
	if (texts[2] == "?") == (texts[4] == "?") {
		return nil, errors.New("one of day-of-month and day-of-week must be ?, and the other must not")
	}
	f := &fields{byWeekday: texts[2] == "?"}
	for i, kind := range []fieldKind{minutesField, hoursField, dayField, monthField, weekdayField, yearField} {
		if texts[i] == "?" && (kind.name == dayField.name || kind.name == weekdayField.name) {
			continue
		}
		if err := f.parseField(texts[i], kind); err != nil {
			return nil, fmt.Errorf("%s: %w", kind.name, err)
		}
	}
	return f, nil
}

// upper is for ASCII alone: there are letters beyond it whose capital is ASCII.
func upper(r rune) rune {
	if 'a' <= r && r <= 'z' {
		return r - 'a' + 'A'
	}
	return r
}

// parseField reads a field that is not ?.
func (f *fields) parseField(text string, kind fieldKind) error {
	if kind.name == weekdayField.name && strings.Contains(text, "#") {
		if done, err := f.parseNth(text); done || err != nil {
			return err
		}
	}
	for part := range strings.SplitSeq(text, ",") {
		i := &item{fieldKind: kind, fields: f, text: part, rest: part}
		if err := i.parse(); err != nil {
			return err
		}
	}
	return nil
}

// parseNth reads a day of the week with its number in the month, such as 3#2.
// It is not done where # is part of a text that is ignored.
func (f *fields) parseNth(text string) (done bool, err error) {
	name, number, _ := strings.Cut(text, "#")
	i := &item{fieldKind: weekdayField, text: name, rest: name}
	weekday, err := i.value()
	if err != nil {
		return false, err
	}
	if i.rest != "" {
		if strings.Contains(name, ",") {
			return false, fmt.Errorf("%q is no value from %d to %d", name, weekdayField.min, weekdayField.max)
		}
		return false, nil
	}
	if len(number) != 1 || number[0] < '1' || number[0] > '5' {
		return false, fmt.Errorf("%q is no number from 1 to 5 after #, alone in its field", number)
	}
	f.nthWeekday, f.nth = weekday, int(number[0]-'0')
	return true, nil
}
