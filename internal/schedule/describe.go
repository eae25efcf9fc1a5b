package schedule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Describe says in words when the expression fires, such as "at 10:15 UTC on the
// last Friday of the month, in 2002 to 2005". It begins in lower case and has no
// full stop.
func (e Expression) Describe() string {
	if e.IsRate() {
		return describeRate(e.rate)
	}
	inside, _ := within(e.text, "cron(")
	f, err := parseFields(inside)
	if err != nil {
		return "never" // the zero Expression
	}
	words, days := f.describeTime(), f.describeDays()
	switch {
	case strings.HasSuffix(words, " UTC"):
		words += days
	case days != everyDay:
		words += days + " UTC"
	}
	var in []string
	if !all(f.months, monthField) {
		in = append(in, list(f.months, monthField, func(m int) string { return time.Month(m).String() }))
	}
	if !all(f.years, yearField) {
		in = append(in, list(f.years, yearField, strconv.Itoa))
	}
	if len(in) > 0 {
		words += ", in " + strings.Join(in, " of ")
	}
	return words
}

// Undocumented says what in the expression AWS takes although its documentation
// does not say so, and what it means here; nothing for most expressions. Each
// begins with the field's name and has no full stop.
func (e Expression) Undocumented() []string {
	inside, _ := within(e.text, "cron(")
	f, err := parseFields(inside)
	if err != nil {
		return nil // a rate, or the zero Expression
	}
	return f.odd
}

// all reports whether the spans are every value of the field.
func all(spans []span, f fieldKind) bool {
	return slices.ContainsFunc(spans, func(s span) bool { return s.all(f) })
}

func describeRate(rate time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case rate%day == 0:
		return every(int(rate/day), "day")
	case rate%time.Hour == 0:
		return every(int(rate/time.Hour), "hour")
	}
	return every(int(rate/time.Minute), "minute")
}

func every(n int, unit string) string {
	if n == 1 {
		return "every " + unit
	}
	return fmt.Sprintf("every %d %ss", n, unit)
}

// describeTime says at what times of a day the expression fires.
func (f *fields) describeTime() string {
	if times, ok := f.clockTimes(); ok {
		return "at " + join(times) + " UTC"
	}
	minutes, hours := f.minutes[0], f.hours[0]
	everyHour := all(f.hours, hoursField)
	var words string
	switch {
	case all(f.minutes, minutesField):
		words = every(1, "minute")
	case len(f.minutes) == 1 && minutes.low == minutesField.min && minutes.high == minutesField.max && 60%minutes.step == 0:
		words = every(minutes.step, "minute")
	case len(f.minutes) == 1 && minutes.low == minutes.high:
		words = fmt.Sprintf("at minute %d", minutes.low)
	default:
		words = "at the minutes " + list(f.minutes, minutesField, strconv.Itoa)
	}
	switch {
	case everyHour && strings.HasPrefix(words, "every"):
		return words
	case everyHour:
		return words + " of every hour"
	case len(f.hours) == 1 && hours.low == hours.high:
		words += " of the hour "
	default:
		words += " of the hours "
	}
	return words + list(f.hours, hoursField, strconv.Itoa) + " UTC"
}

// clockTimes returns the times of a day where they are few.
func (f *fields) clockTimes() (times []string, ok bool) {
	const few = 6
	count := func(spans []span, kind fieldKind) (values []int) {
		for _, s := range spans {
			values = append(values, s.values(kind)...)
		}
		slices.Sort(values)
		return slices.Compact(values)
	}
	hours, minutes := count(f.hours, hoursField), count(f.minutes, minutesField)
	if len(hours)*len(minutes) > few {
		return nil, false
	}
	for _, hour := range hours {
		for _, minute := range minutes {
			times = append(times, fmt.Sprintf("%02d:%02d", hour, minute))
		}
	}
	return times, true
}

const everyDay = " every day"

// describeDays says on which days the expression fires, with the space before.
func (f *fields) describeDays() string {
	if f.byWeekday {
		return f.describeWeekdays()
	}
	if all(f.days, dayField) {
		return everyDay
	}
	var parts []string
	if len(f.days) > 0 {
		noun := "days "
		if len(f.days) == 1 && f.days[0].low == f.days[0].high {
			noun = "day "
		}
		parts = append(parts, noun+list(f.days, dayField, strconv.Itoa))
	}
	for _, day := range f.nearest {
		parts = append(parts, fmt.Sprintf("the day from Monday to Friday nearest day %d", day))
	}
	if f.last {
		parts = append(parts, "the last day")
	}
	for _, before := range f.beforeLast {
		parts = append(parts, before.String())
	}
	if f.lastWorkday {
		parts = append(parts, "the last day from Monday to Friday")
	}
	return " on " + join(parts) + " of the month"
}

func (f *fields) describeWeekdays() string {
	if f.nth > 0 {
		return fmt.Sprintf(" on the %s %s of the month", [...]string{"first", "second", "third", "fourth", "fifth"}[f.nth-1], weekdayName(f.nthWeekday))
	}
	if all(f.weekdays, weekdayField) {
		return everyDay
	}
	var parts []string
	if len(f.weekdays) > 0 {
		parts = append(parts, list(f.weekdays, weekdayField, weekdayName))
	}
	for _, weekday := range f.lastWeekdays {
		parts = append(parts, fmt.Sprintf("the last %s of the month", weekdayName(weekday)))
	}
	return " on " + join(parts)
}

func weekdayName(n int) string { return time.Weekday(n - 1).String() }

// list names what spans hold, the lowest first: ranges as such, steps by their
// values, of which the middle is left out where they are many.
func list(spans []span, kind fieldKind, name func(int) string) string {
	const few = 8
	var each []span
	for _, s := range spans {
		if values := s.values(kind); s.step > 1 && len(values) <= few {
			for _, v := range values {
				each = append(each, span{v, v, 1})
			}
			continue
		}
		each = append(each, s)
	}
	slices.SortStableFunc(each, func(a, b span) int { return a.low - b.low })
	var parts []string
	for _, s := range slices.Compact(each) {
		values := s.values(kind)
		switch {
		case len(values) == 1:
			parts = append(parts, name(s.low))
		case s.step == 1:
			parts = append(parts, name(s.low)+" to "+name(s.high))
		default:
			parts = append(parts, name(values[0]), name(values[1]), name(values[2]), "...", name(values[len(values)-1]))
		}
	}
	return join(parts)
}

// join joins parts as a sentence does.
func join(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	last := len(parts) - 1
	if parts[last-1] == "..." {
		return strings.Join(parts, ", ")
	}
	return strings.Join(parts[:last], ", ") + " and " + parts[last]
}
