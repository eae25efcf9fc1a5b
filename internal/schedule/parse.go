package schedule

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
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
	last                          bool  // L as a day of the month
	lastWorkday                   bool  // LW
	nearest                       []int // 3W
	lastWeekdays                  []int // 6L
	nthWeekday, nth               int   // 3#2; nth is 0 where there is none
	byWeekday                     bool  // the day of the month is ?
}

// A span is a value, a range or a step: every step-th value from low to high,
// around the end of the field where high is below low.
type span struct {
	low, high, step int
}

// all reports whether the span is every value of the field.
func (s span) all(f fieldKind) bool { return s == span{f.min, f.max, 1} }

// values returns the span's values, in the span's order.
func (s span) values(f fieldKind) []int {
	size, high := f.max-f.min+1, s.high
	if high < s.low {
		high += size
	}
	var values []int
	for v := s.low; v <= high; v += s.step {
		values = append(values, (v-f.min)%size+f.min)
	}
	return values
}

// parseFields reads what is between cron's parentheses.
func parseFields(text string) (*fields, error) {
	texts := strings.FieldsFunc(strings.Map(upper, text), func(r rune) bool { return r == ' ' || r == '\t' })
	if len(texts) != 6 {
		return nil, fmt.Errorf("there are %d fields; minutes, hours, day-of-month, month, day-of-week and year are six", len(texts))
	}
	if (texts[2] == "?") == (texts[4] == "?") {
		return nil, errors.New("one of day-of-month and day-of-week must be ?, and the other must not")
	}
	f := &fields{byWeekday: texts[2] == "?"}
	var errs [6]error
	f.minutes, errs[0] = parseSpans(texts[0], minutesField)
	f.hours, errs[1] = parseSpans(texts[1], hoursField)
	if f.byWeekday {
		errs[4] = f.parseWeekdays(texts[4])
	} else {
		errs[2] = f.parseDays(texts[2])
	}
	f.months, errs[3] = parseSpans(texts[3], monthField)
	f.years, errs[5] = parseSpans(texts[5], yearField)
	for i, kind := range []fieldKind{minutesField, hoursField, dayField, monthField, weekdayField, yearField} {
		if errs[i] != nil {
			return nil, fmt.Errorf("%s: %w", kind.name, errs[i])
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

// parseDays reads a day-of-month field.
func (f *fields) parseDays(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		number, isNearest := strings.CutSuffix(part, "W")
		switch {
		case part == "L":
			f.last = true
		case part == "LW":
			f.lastWorkday = true
		case isNearest:
			day, err := parseValue(number, dayField)
			if err != nil {
				return err
			}
			f.nearest = append(f.nearest, day)
		default:
			s, err := parseSpan(part, dayField)
			if err != nil {
				return err
			}
			f.days = append(f.days, s)
		}
	}
	return nil
}

// parseWeekdays reads a day-of-week field.
func (f *fields) parseWeekdays(text string) error {
	if name, number, ok := strings.Cut(text, "#"); ok {
		weekday, err := parseValue(name, weekdayField)
		if err != nil {
			return err
		}
		if len(number) != 1 || number[0] < '1' || number[0] > '5' {
			return fmt.Errorf("%q is no number from 1 to 5 after #, alone in its field", number)
		}
		f.nthWeekday, f.nth = weekday, int(number[0]-'0')
		return nil
	}
	for part := range strings.SplitSeq(text, ",") {
		name, isLast := strings.CutSuffix(part, "L")
		switch {
		case part == "L":
			f.weekdays = append(f.weekdays, span{weekdayField.max, weekdayField.max, 1})
		case isLast:
			weekday, err := parseValue(name, weekdayField)
			if err != nil {
				return err
			}
			f.lastWeekdays = append(f.lastWeekdays, weekday)
		default:
			s, err := parseSpan(part, weekdayField)
			if err != nil {
				return err
			}
			f.weekdays = append(f.weekdays, s)
		}
	}
	return nil
}

// parseSpans reads a field that has only values, ranges and steps.
func parseSpans(text string, f fieldKind) ([]span, error) {
	var spans []span
	for part := range strings.SplitSeq(text, ",") {
		s, err := parseSpan(part, f)
		if err != nil {
			return nil, err
		}
		spans = append(spans, s)
	}
	return spans, nil
}

func parseSpan(text string, f fieldKind) (span, error) {
	values, step, hasStep := strings.Cut(text, "/")
	from, to, isRange := strings.Cut(values, "-")
	s := span{f.min, f.max, 1}
	var err error
	if values != "*" {
		if s.low, err = parseValue(from, f); err != nil {
			return span{}, err
		}
		switch {
		case isRange:
			if s.high, err = parseValue(to, f); err != nil {
				return span{}, err
			}
			if s.high < s.low && f.name == yearField.name {
				return span{}, fmt.Errorf("the range %s ends before it begins", values)
			}
		case !hasStep:
			s.high = s.low
		}
	}
	if hasStep {
		s.step, err = parseNumber(step)
		if longest := min(f.max, lastYear-firstYear); err != nil || s.step < 1 || s.step > longest {
			return span{}, fmt.Errorf("%q is no step from 1 to %d", step, longest)
		}
	}
	return s, nil
}

// parseValue reads one value, a number or a name.
func parseValue(text string, f fieldKind) (int, error) {
	if i := slices.Index(f.names, text); i >= 0 {
		return f.min + i, nil
	}
	n, err := parseNumber(text)
	if err != nil || n < f.min || n > f.max {
		return 0, fmt.Errorf("%q is no value from %d to %d", text, f.min, f.max)
	}
	return n, nil
}

// parseNumber reads up to four digits.
func parseNumber(text string) (int, error) {
	if len(text) < 1 || len(text) > 4 || strings.Trim(text, "0123456789") != "" {
		return 0, fmt.Errorf("%q is no number", text)
	}
	return strconv.Atoi(text)
}
