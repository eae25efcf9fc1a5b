package schedule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// An item is one of those that commas separate in a field, while it is read.
//
// EventBridge reads an item from its beginning, stops where it makes no sense, and
// ignores the rest. So 33x is 33, TUESDAY is TUE, 1-31W is 1-31 and MONDAY-FRIDAY
// is MON. An author should know that, so it is noted.
type item struct {
	fieldKind
	fields *fields
	text   string // as it is written
	rest   string // of it, that is to be read
}

// is consumes c if it comes next.
func (i *item) is(c byte) bool {
	if i.rest == "" || i.rest[0] != c {
		return false
	}
	i.rest = i.rest[1:]
	return true
}

// note says of the field what is not documented.
func (i *item) note(format string, args ...any) {
	i.fields.odd = append(i.fields.odd, i.name+": "+fmt.Sprintf(format, args...))
}

// parse reads the item into the fields.
func (i *item) parse() error {
	if err := i.read(); err != nil {
		return err
	}
	if i.rest != "" {
		i.note("%q after %s is ignored", i.rest, strings.TrimSuffix(i.text, i.rest))
	}
	return nil
}

func (i *item) read() error {
	isDay, isWeekday := i.name == dayField.name, i.name == weekdayField.name
	if (isDay || isWeekday) && i.is('L') {
		if isDay {
			return i.last()
		}
		i.add(span{i.max, i.max, 1})
		return nil
	}
	if i.is('*') {
		return i.step(span{i.min, i.max, 1})
	}
	low, err := i.value()
	if err != nil {
		return err
	}
	switch {
	case i.is('-'):
		high, err := i.value()
		if err != nil {
			return err
		}
		if high < low && i.name == yearField.name {
			return fmt.Errorf("the range %d-%d ends before it begins", low, high)
		}
		return i.step(span{low, high, 1})
	case strings.HasPrefix(i.rest, "/"):
		return i.step(span{low, max(low, i.max), 1})
	case isWeekday && i.is('L'):
		i.fields.lastWeekdays = append(i.fields.lastWeekdays, low)
	case isDay && i.is('W'):
		i.fields.nearest = append(i.fields.nearest, low)
	case i.rest != "" && strings.ContainsRune("LW#", rune(i.rest[0])):
		return fmt.Errorf("%q is no value from %d to %d", i.text, i.min, i.max)
	default:
		i.add(span{low, low, 1})
	}
	return nil
}

// last reads what comes after L as a day of the month.
func (i *item) last() error {
	const most = 30
	switch {
	case i.is('W'):
		i.fields.lastWorkday = true
	case i.is('-'):
		text := i.digits()
		days, err := strconv.Atoi(text)
		if err != nil || days > most {
			return fmt.Errorf("%q is no number of days from 0 to %d before the last", text, most)
		}
		o := offset{days, i.is('W')}
		i.fields.beforeLast = append(i.fields.beforeLast, o)
		i.note("%s is %s of the month", strings.TrimSuffix(i.text, i.rest), o)
	default:
		i.fields.last = true
	}
	return nil
}

// step reads a step of the span, if there is one, and adds the span. A step that
// leads nowhere leaves the first value.
func (i *item) step(s span) error {
	if !i.is('/') {
		i.add(s)
		return nil
	}
	text := i.digits()
	if text == "" {
		return fmt.Errorf("%q has no step after /", i.text)
	}
	longest := min(i.max, lastYear-firstYear)
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > longest { // an error is that it is too large
		s.high = s.low
		i.note("%s is no step from 1 to %d, so the item stands for %d alone", text, longest, s.low)
	} else {
		s.step = n
	}
	i.add(s)
	return nil
}

// add puts a span into the item's field.
func (i *item) add(s span) {
	f := i.fields
	to := map[string]*[]span{
		minutesField.name: &f.minutes, hoursField.name: &f.hours, dayField.name: &f.days,
		monthField.name: &f.months, weekdayField.name: &f.weekdays, yearField.name: &f.years,
	}[i.name]
	*to = append(*to, s)
}

// value reads one value, a number or a name.
func (i *item) value() (int, error) {
	if n := len("JAN"); len(i.rest) >= n {
		if at := slices.Index(i.names, i.rest[:n]); at >= 0 {
			i.rest = i.rest[n:]
			return i.min + at, nil
		}
	}
	text := i.digits()
	n, err := strconv.Atoi(text)
	year := i.name == yearField.name
	if err != nil || len(text) > len("2199") || !year && (n < i.min || n > i.max) {
		return 0, fmt.Errorf("%q is no value from %d to %d", i.text, i.min, i.max)
	}
	if n < i.min || n > i.max {
		i.note("%d is not from %d to %d, and a schedule does not run then", n, i.min, i.max)
	}
	return n, nil
}

// digits reads as many as there are.
func (i *item) digits() string {
	end := 0
	for end < len(i.rest) && '0' <= i.rest[end] && i.rest[end] <= '9' {
		end++
	}
	text := i.rest[:end]
	i.rest = i.rest[end:]
	return text
}
