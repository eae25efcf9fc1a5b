package schedule

import (
	"math/bits"
	"time"
)

// A set holds numbers from 0 to 63.
type set uint64

func (s set) has(n int) bool { return s>>n&1 != 0 }

func (s *set) add(n int) { *s |= 1 << n }

// first returns the least number that is at least n.
func (s set) first(n int) (int, bool) {
	above := s >> n << n
	return bits.TrailingZeros64(uint64(above)), above != 0
}

// last returns the greatest number that is at most n.
func (s set) last(n int) (int, bool) {
	below := s & (1<<(n+1) - 1)
	return bits.Len64(uint64(below)) - 1, below != 0
}

// A cron is a cron expression made ready for finding its firings: from a moment
// it goes to the first day, hour and minute that fit, never minute by minute.
type cron struct {
	minutes, hours, months set
	years                  [(lastYear - firstYear + 64) / 64]set

	byWeekday    bool
	days         set // of the month
	nearest      set
	beforeLast   set // by how many days
	nearestLast  set // the day from Monday to Friday that is nearest so many days before the last
	last         bool
	lastWorkday  bool
	weekdays     set // 0 is Sunday, as in package time
	lastWeekdays set
	nthWeekday   int8
	nth          int8 // 0 for none
}

// compile makes f ready. A day of the week becomes that of package time.
func (f *fields) compile() *cron {
	c := &cron{byWeekday: f.byWeekday, last: f.last, lastWorkday: f.lastWorkday, nthWeekday: int8(f.nthWeekday) - 1, nth: int8(f.nth)}
	for _, field := range []struct {
		to    *set
		kind  fieldKind
		spans []span
	}{
		{&c.minutes, minutesField, f.minutes},
		{&c.hours, hoursField, f.hours},
		{&c.months, monthField, f.months},
		{&c.days, dayField, f.days},
		{&c.weekdays, weekdayField, f.weekdays},
	} {
		for _, s := range field.spans {
			for _, v := range s.values(field.kind) {
				field.to.add(v)
			}
		}
	}
	c.weekdays >>= 1
	for _, day := range f.nearest {
		c.nearest.add(day)
	}
	for _, before := range f.beforeLast {
		if before.nearest {
			c.nearestLast.add(before.days)
		} else {
			c.beforeLast.add(before.days)
		}
	}
	for _, weekday := range f.lastWeekdays {
		c.lastWeekdays.add(weekday - 1)
	}
	for _, s := range f.years {
		for _, year := range s.values(yearField) {
			if firstYear <= year && year <= lastYear {
				c.years[(year-firstYear)/64].add((year - firstYear) % 64)
			}
		}
	}
	return c
}

// next returns the first firing from t on, which is a whole minute in UTC.
func (c *cron) next(t time.Time) (time.Time, bool) {
	year, month, day := t.Date()
	if c.inMonth(year, int(month)).has(day) {
		if hour, minute, ok := c.timeFrom(t.Hour(), t.Minute()); ok {
			return date(year, int(month), day, hour, minute), true
		}
	}
	hour, minute, _ := c.timeFrom(0, 0)
	if year < firstYear {
		year, month, day = firstYear, time.January, 0
	}
	for m, after := int(month), day; year <= lastYear; year, m = year+1, 1 {
		for ; m <= 12; m++ {
			if day, ok := c.inMonth(year, m).first(after + 1); ok {
				return date(year, m, day, hour, minute), true
			}
			after = 0
		}
	}
	return time.Time{}, false
}

// lastFiring returns the latest firing up to t, which is a whole minute in UTC.
func (c *cron) lastFiring(t time.Time) (time.Time, bool) {
	year, month, day := t.Date()
	if c.inMonth(year, int(month)).has(day) {
		if hour, minute, ok := c.timeUpTo(t.Hour(), t.Minute()); ok {
			return date(year, int(month), day, hour, minute), true
		}
	}
	hour, minute, _ := c.timeUpTo(23, 59)
	if year > lastYear {
		year, month, day = lastYear, time.December, 32
	}
	for m, before := int(month), day; year >= firstYear; year, m = year-1, 12 {
		for ; m >= 1; m-- {
			if day, ok := c.inMonth(year, m).last(before - 1); ok {
				return date(year, m, day, hour, minute), true
			}
			before = 32
		}
	}
	return time.Time{}, false
}

func date(year, month, day, hour, minute int) time.Time {
	return time.Date(year, time.Month(month), day, hour, minute, 0, 0, time.UTC)
}

// timeFrom returns the first time of a day that is not before hour:minute.
func (c *cron) timeFrom(hour, minute int) (h, m int, ok bool) {
	if c.hours.has(hour) {
		if m, ok := c.minutes.first(minute); ok {
			return hour, m, true
		}
	}
	if h, ok = c.hours.first(hour + 1); !ok {
		return 0, 0, false
	}
	m, ok = c.minutes.first(0)
	return h, m, ok
}

// timeUpTo returns the latest time of a day that is not after hour:minute.
func (c *cron) timeUpTo(hour, minute int) (h, m int, ok bool) {
	if c.hours.has(hour) {
		if m, ok := c.minutes.last(minute); ok {
			return hour, m, true
		}
	}
	if h, ok = c.hours.last(hour - 1); !ok {
		return 0, 0, false
	}
	m, ok = c.minutes.last(59)
	return h, m, ok
}

// inMonth returns the days of a month on which the expression fires.
func (c *cron) inMonth(year, month int) set {
	if year < firstYear || year > lastYear || !c.years[(year-firstYear)/64].has((year-firstYear)%64) || !c.months.has(month) {
		return 0
	}
	end := date(year, month+1, 0, 0, 0)
	length := end.Day()
	// weekday returns the day of the week of a day of this month: end's, and as
	// many weeks more as it takes not to go below zero.
	weekday := func(day int) int { return (int(end.Weekday()) + day - length + 35) % 7 }
	var days set
	if c.byWeekday {
		for day := 1; day <= length; day++ {
			w := weekday(day)
			if c.weekdays.has(w) || c.lastWeekdays.has(w) && day+7 > length || w == int(c.nthWeekday) && (day+6)/7 == int(c.nth) {
				days.add(day)
			}
		}
		return days
	}
	days = c.days & (1<<(length+1) - 1)
	if c.last {
		days.add(length)
	}
	if c.lastWorkday {
		days.add(workday(length, length, weekday))
	}
	for day := 1; day <= length; day++ {
		if c.beforeLast.has(length - day) {
			days.add(day)
		}
		if c.nearest.has(day) || c.nearestLast.has(length-day) {
			days.add(workday(day, length, weekday))
		}
	}
	return days
}

// workday returns the day from Monday to Friday that is nearest day, in a month
// of this length.
func workday(day, length int, weekday func(int) int) int {
	switch time.Weekday(weekday(day)) {
	case time.Saturday:
		if day == 1 {
			return 3
		}
		return day - 1
	case time.Sunday:
		if day == length {
			return day - 2
		}
		return day + 1
	}
	return day
}
