package schedule_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"bailey/internal/schedule"
)

// The oracle asks of every minute of a day and of every day of a stretch of time
// whether a cron expression fires, by the expression's text alone. It knows
// nothing of bits and finds dates by walking the calendar, so that it shares no
// idea with what it checks.
type oracle struct {
	day, month, weekday, year string
	minutes                   []time.Duration // of each day on which it fires
}

func newOracle(text string) oracle {
	f := strings.Fields(strings.TrimSuffix(strings.TrimPrefix(text, "cron("), ")"))
	o := oracle{day: f[2], month: f[3], weekday: f[4], year: f[5]}
	for minute := range 24 * 60 {
		if matches(f[1], minute/60, 0, 23, "") && matches(f[0], minute%60, 0, 59, "") {
			o.minutes = append(o.minutes, time.Duration(minute)*time.Minute)
		}
	}
	return o
}

func (o oracle) onDay(t time.Time) bool {
	if !inYears(o.year, t.Year()) || !matches(o.month, int(t.Month()), 1, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC") {
		return false
	}
	if o.day == "?" {
		return o.onWeekday(t)
	}
	for part := range strings.SplitSeq(o.day, ",") {
		switch {
		case beforeLast.MatchString(part):
			m := beforeLast.FindStringSubmatch(part)
			last := t.AddDate(0, 1, -t.Day())
			for last.Month() != t.Month() { // the next month has fewer days
				last = last.AddDate(0, 0, -1)
			}
			day := last.Day() - number(cmp.Or(m[1], "0"), "")
			if m[2] != "" {
				if day >= 1 && nearestWorkday(t, day) == t.Day() {
					return true
				}
			} else if day == t.Day() {
				return true
			}
		case nearest.MatchString(part):
			if n := number(nearest.FindStringSubmatch(part)[1], ""); hasDay(t, n) && nearestWorkday(t, n) == t.Day() {
				return true
			}
		default:
			if matches(part, t.Day(), 1, 31, "") {
				return true
			}
		}
	}
	return false
}

func (o oracle) onWeekday(t time.Time) bool {
	const names = "SUNMONTUEWEDTHUFRISAT"
	today := int(t.Weekday()) + 1
	for part := range strings.SplitSeq(o.weekday, ",") {
		name, nth, isNth := strings.Cut(part, "#")
		switch {
		case strings.HasPrefix(part, "L"):
			if today == 7 {
				return true
			}
		case lastOfMonth.MatchString(part):
			if number(lastOfMonth.FindStringSubmatch(part)[1], names) == today && t.AddDate(0, 0, 7).Month() != t.Month() {
				return true
			}
		case isNth:
			earlier := 0
			for d := t.AddDate(0, 0, -7); d.Month() == t.Month(); d = d.AddDate(0, 0, -7) {
				earlier++
			}
			if number(name, names) == today && strconv.Itoa(earlier+1) == nth {
				return true
			}
		default:
			if matches(part, today, 1, 7, names) {
				return true
			}
		}
	}
	return false
}

// nearestWorkday tries every day of t's month.
func nearestWorkday(t time.Time, day int) int {
	best, distance := 0, 1000
	for d := t.AddDate(0, 0, 1-t.Day()); d.Month() == t.Month(); d = d.AddDate(0, 0, 1) {
		away := max(d.Day()-day, day-d.Day())
		if d.Weekday() != time.Saturday && d.Weekday() != time.Sunday && away < distance {
			best, distance = d.Day(), away
		}
	}
	return best
}

func hasDay(t time.Time, day int) bool {
	return time.Date(t.Year(), t.Month(), day, 0, 0, 0, 0, time.UTC).Month() == t.Month()
}

// What is behind what these match is ignored.
var (
	spanSyntax  = regexp.MustCompile(`^(\*|\d+|[A-Z]{3})(?:-(\d+|[A-Z]{3}))?(?:/(\d+))?`)
	beforeLast  = regexp.MustCompile(`^L(?:-(\d+))?(W?)`)
	nearest     = regexp.MustCompile(`^(\d+)W`)
	lastOfMonth = regexp.MustCompile(`^(\d|[A-Z]{3})L`)
)

// matches reports whether value is one of a field's.
func matches(field string, value, lowest, highest int, names string) bool {
	for part := range strings.SplitSeq(field, ",") {
		m := spanSyntax.FindStringSubmatch(part)
		from, to := lowest, highest
		if m[1] != "*" {
			from = number(m[1], names)
			if m[3] == "" {
				to = from
			}
		}
		if m[2] != "" {
			to = number(m[2], names)
		}
		step := 1
		if m[3] != "" {
			if step = number(m[3], ""); step == 0 || step > highest {
				step, to = 1, from // it fires once
			}
		}
		for v := from; ; {
			if v == value {
				return true
			}
			ended := false
			for range step {
				ended = ended || v == to
				if v++; v > highest {
					v = lowest
				}
			}
			if ended {
				break
			}
		}
	}
	return false
}

// inYears is matches for years, which are no circle: a year that is outside of
// 1970 to 2199 may stand in the field, and is none.
func inYears(field string, year int) bool {
	if year < 1970 || year > 2199 {
		return false
	}
	for part := range strings.SplitSeq(field, ",") {
		m := spanSyntax.FindStringSubmatch(part)
		from, to := 1970, 2199
		if m[1] != "*" {
			from = number(m[1], "")
			if m[3] == "" {
				to = from
			}
		}
		if m[2] != "" {
			to = number(m[2], "")
		}
		step := number(cmp.Or(m[3], "1"), "")
		if step == 0 || step > 229 {
			step, to = 1, from
		}
		if year >= from && year <= to && (year-from)%step == 0 {
			return true
		}
	}
	return false
}

func number(text, names string) int {
	if i := strings.Index(names, text); i >= 0 && len(text) == 3 {
		return i/3 + 1
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return n
}

// firings walks day by day and minute by minute.
func (o oracle) firings(from, until time.Time, yield func(time.Time)) {
	for day := from.Truncate(24 * time.Hour); day.Before(until); day = day.AddDate(0, 0, 1) {
		if !o.onDay(day) {
			continue
		}
		for _, minute := range o.minutes {
			if t := day.Add(minute); t.After(from) && t.Before(until) {
				yield(t)
			}
		}
	}
}

// checkAgainstOracle compares Next, and Last with it, over a stretch of time.
func checkAgainstOracle(t *testing.T, text string, from, until time.Time) {
	t.Helper()
	e := parse(t, text)
	got, last := from, time.Time{}
	newOracle(text).firings(from, until, func(want time.Time) {
		if t.Failed() {
			return
		}
		next, ok := e.Next(got, time.Time{})
		if !ok || !next.Equal(want) {
			t.Errorf("%s: after %v Next gives %v, %v; the oracle %v", text, got, next, ok, want)
			return
		}
		got = next
		if before, ok := e.Last(want.Add(-1), time.Time{}); !last.IsZero() && (!ok || !before.Equal(last)) {
			t.Errorf("%s: just before %v Last gives %v, %v; the oracle %v", text, want, before, ok, last)
		}
		last = want
	})
	if after, ok := e.Next(got, time.Time{}); ok && after.Before(until) && !t.Failed() {
		t.Errorf("%s: Next gives %v, the oracle nothing more until %v", text, after, until)
	}
}

func TestNextAgainstOracle(t *testing.T) {
	stretches := []struct{ name, from, until string }{
		{"a leap year", "2023-12-30T12:34:00Z", "2025-01-03T00:00:00Z"},
		{"a century without a leap day", "2099-12-01T00:00:00Z", "2100-04-01T00:00:00Z"},
		{"the end", "2199-10-01T00:00:00Z", "2200-02-01T00:00:00Z"},
		{"the beginning", "1969-12-01T00:00:00Z", "1970-03-01T00:00:00Z"},
	}
	for _, text := range []string{
		"cron(0 2 ? * SAT *)", "cron(0 12 * * ? *)", "cron(5,35 14 * * ? *)", "cron(15 10 ? * 6L *)", "cron(0 2 ? * SAT#3 *)",
		"cron(0/55 * ? * SAT#3 *)", "cron(0/5 5 ? JAN 1-5 2024)", "cron(0 8 1 * ? *)", "cron(0/15 * * * ? *)",
		"cron(0/30 20-23 ? * MON-FRI *)", "cron(0/30 20-2 ? * FRI-MON *)", "cron(*/25 21-3/2 25-5/3 NOV-FEB ? *)",
		"cron(7 0 L * ? *)", "cron(7 0 LW * ? *)", "cron(7 0 1W * ? *)", "cron(7 0 15W,31W * ? *)", "cron(7 0 30W,L,2/9 * ? *)",
		"cron(50-10/4 23 29 2 ? *)", "cron(0 0 ? 2,12 5#5 *)", "cron(0 0 ? * L *)", "cron(0 0 ? * 2L,SAT,3/2 *)", "cron(0 0 31 4,6 ? *)",
		"cron(7 0 L-3 * ? *)", "cron(7 0 L-30,L-0W * ? *)", "cron(7 0 L-12W,1-3W * ? *)", "cron(33x 5/0,9/24 ? * WEDNESDAY,6Lx 1969/2)",
		"cron(0 12 1 FEBRUARY ? 1960-1975,2190-2500/3)", "cron(0 12 ? * MONDAY-FRIDAY 2100/7x)",
		"cron(59 23 31 12 ? *)", "cron(0 0 1 1 ? *)", "cron(0 12 ? */5 2#1 2000/3,2024)",
	} {
		t.Run(text, func(t *testing.T) {
			for _, s := range stretches {
				checkAgainstOracle(t, text, at(t, s.from), at(t, s.until))
			}
		})
	}
}

// FuzzNext compares Next with the oracle for expressions made up from a seed.
func FuzzNext(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(seed, int64(1_700_000_000+seed*90_000_017))
	}
	f.Fuzz(func(t *testing.T, seed uint64, start int64) {
		if start < -1_000_000_000 || start > 8_000_000_000 {
			return // beyond what an expression can say, or much further
		}
		from := time.Unix(start, 0).UTC()
		checkAgainstOracle(t, madeUp(rand.New(rand.NewPCG(seed, 0)), from.Year()), from, from.AddDate(0, 0, 100))
	})
}

// madeUp returns a cron expression of all the parts there are.
func madeUp(r *rand.Rand, year int) string {
	pick := func(low, high int) int { return low + r.IntN(high-low+1) }
	// Now and then there is a text behind an item, which is ignored.
	odd := func(item string) string { return item + []string{"", "", "", "", "", "X", "Y/3", "UARY-5"}[r.IntN(8)] }
	one := func(low, high, longest int) string {
		if r.IntN(10) == 0 {
			longest = 3 * high // a step that is too long, or none
			return odd(fmt.Sprintf("%d/%d", pick(low, high), longest*r.IntN(2)))
		}
		switch r.IntN(5) {
		case 0:
			return "*"
		case 1:
			return fmt.Sprintf("%d-%d", pick(low, high), pick(low, high))
		case 2:
			return fmt.Sprintf("%d-%d/%d", pick(low, high), pick(low, high), pick(1, longest))
		case 3:
			return fmt.Sprintf("%d/%d", pick(low, high), pick(1, longest))
		}
		return strconv.Itoa(pick(low, high))
	}
	many := func(item func() string) string {
		items := []string{odd(item())}
		for range r.IntN(3) {
			items = append(items, odd(item()))
		}
		return strings.Join(items, ",")
	}
	day, weekday := "?", "?"
	switch r.IntN(5) {
	case 0:
		weekday = fmt.Sprintf("%d#%d", pick(1, 7), pick(1, 5))
	case 1:
		weekday = many(func() string {
			return []string{"L", fmt.Sprintf("%dL", pick(1, 7)), "THU", "FRI-TUE", "WEDNESDAY", one(1, 7, 7)}[r.IntN(6)]
		})
	default:
		day = many(func() string {
			return []string{"L", "LW", fmt.Sprintf("%dW", pick(1, 31)), fmt.Sprintf("L-%d", pick(0, 30)), fmt.Sprintf("L-%dW", pick(0, 30)),
				one(1, 31, 31), one(1, 31, 31)}[r.IntN(7)]
		})
	}
	years := []string{"*", "*", "*", strconv.Itoa(min(max(year, 1970), 2199)), "1970/" + strconv.Itoa(pick(1, 3)), "1950-2500/" + strconv.Itoa(pick(0, 3)), "2195/300"}[r.IntN(7)]
	return fmt.Sprintf("cron(%s %s %s %s %s %s)",
		many(func() string { return one(0, 59, 59) }), many(func() string { return one(0, 23, 23) }),
		day, many(func() string { return one(1, 12, 12) }), weekday, years)
}

func lower(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r - 'A' + 'a'
	}
	return r
}

// FuzzParse checks that whatever is taken can be used, and that what is taken
// does not depend on the letters' case.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"rate(5 minutes)", "rate(1 day)", "cron(0/5 8-17 ? * MON-FRI *)", "cron(0 0 1W,LW * ? 2020-2030/2)", "cron(0 0 ? * 3#2 *)", "cron(0 0 30 2 ? *)",
		"cron(33x 33/61 L-15 * ? 2500)", "cron(0/0 0 1-31W MAYBE ? 1969/5)", "cron(0 0 ? * TUESDAY,6Lx *)"} {
		f.Add(text, int64(1_700_000_000))
	}
	f.Fuzz(func(t *testing.T, text string, start int64) {
		e, err := schedule.Parse(text)
		if err != nil {
			return
		}
		now := time.Unix(start%100_000_000_000, 0)
		anchor := now.Add(-time.Hour)
		if e.Describe() == "" || e.String() != text {
			t.Errorf("%q is described as %q and written %q", text, e.Describe(), e)
		}
		next, ok := e.Next(now, anchor)
		if !ok {
			return
		}
		if !next.After(now) {
			t.Errorf("%q fires at %v, which is not after %v", text, next, now)
		}
		if last, ok := e.Last(next, anchor); !ok || !last.Equal(next) {
			t.Errorf("%q fires at %v, but its last firing then is %v, %v", text, next, last, ok)
		}
		if e.Period(next) <= 0 {
			t.Errorf("%q has the period %v", text, e.Period(next))
		}
		if inside, isCron := strings.CutPrefix(text, "cron("); isCron {
			other, err := schedule.Parse("cron(" + strings.Map(lower, inside))
			if err != nil {
				t.Fatal(err)
			}
			if again, ok := other.Next(now, anchor); !ok || !again.Equal(next) {
				t.Errorf("%q fires at %v, but %q at %v, %v", text, next, other, again, ok)
			}
		}
	})
}
