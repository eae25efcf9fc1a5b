package schedule_test

import (
	"fmt"
	"testing"
	"time"

	"bailey/internal/schedule"
)

func TestNext(t *testing.T) {
	tests := []struct {
		name, expression, after string
		want                    []string // "" where there is none any more
	}{
		{"every minute", "cron(* * * * ? *)", "2024-02-28T23:58:59Z", []string{"2024-02-28T23:59:00Z", "2024-02-29T00:00:00Z"}},
		{"strictly after", "cron(0 12 * * ? *)", "2024-02-28T12:00:00Z", []string{"2024-02-29T12:00:00Z"}},
		{"a moment before", "cron(0 12 * * ? *)", "2024-02-28T11:59:59.999999999Z", []string{"2024-02-28T12:00:00Z"}},
		{"another zone", "cron(0 12 * * ? *)", "2024-02-28T12:30:00+01:00", []string{"2024-02-28T12:00:00Z"}},
		{"several times", "cron(5,35 14 * * ? *)", "2024-01-01T14:05:00Z", []string{"2024-01-01T14:35:00Z", "2024-01-02T14:05:00Z"}},
		{"the last Friday, years gone by", "cron(15 10 ? * 6L 2002-2005)", "2005-11-25T10:15:00Z", []string{"2005-12-30T10:15:00Z", ""}},
		{"the third Saturday", "cron(0 2 ? * SAT#3 *)", "2024-01-01T00:00:00Z", []string{"2024-01-20T02:00:00Z", "2024-02-17T02:00:00Z"}},
		{"the second Tuesday", "cron(0 0 ? * 3#2 *)", "2024-01-01T00:00:00Z", []string{"2024-01-09T00:00:00Z", "2024-02-13T00:00:00Z"}},
		{"the fifth Friday", "cron(0 0 ? * FRI#5 *)", "2024-01-01T00:00:00Z", []string{"2024-03-29T00:00:00Z", "2024-05-31T00:00:00Z"}},
		{"a month and a year", "cron(0/5 5 ? JAN 1-5 2022)", "2022-01-06T05:54:00Z", []string{"2022-01-06T05:55:00Z", "2022-01-09T05:00:00Z"}},
		{"working hours", "cron(0/5 8-17 ? * MON-FRI *)", "2024-03-01T17:54:00Z", []string{"2024-03-01T17:55:00Z", "2024-03-04T08:00:00Z"}},
		{"hours around midnight", "cron(0 20-2 * * ? *)", "2024-03-01T02:00:00Z", []string{"2024-03-01T20:00:00Z", "2024-03-01T21:00:00Z"}},
		{"hours around midnight, by twos", "cron(0 21-3/2 * * ? *)", "2024-03-01T00:30:00Z", []string{"2024-03-01T01:00:00Z", "2024-03-01T03:00:00Z", "2024-03-01T21:00:00Z", "2024-03-01T23:00:00Z"}},
		{"days around the weekend", "cron(0 0 ? * FRI-MON *)", "2024-03-04T00:00:00Z", []string{"2024-03-08T00:00:00Z", "2024-03-09T00:00:00Z"}},
		{"months around New Year", "cron(0 0 1 NOV-FEB ? *)", "2024-02-01T00:00:00Z", []string{"2024-11-01T00:00:00Z", "2024-12-01T00:00:00Z", "2025-01-01T00:00:00Z"}},
		{"days around the end of the month", "cron(0 0 30-2 * ? *)", "2024-02-02T00:00:00Z", []string{"2024-03-01T00:00:00Z"}},
		{"the last day", "cron(0 0 L * ? *)", "2024-01-31T00:00:00Z", []string{"2024-02-29T00:00:00Z", "2024-03-31T00:00:00Z"}},
		{"the last day from Monday to Friday", "cron(0 0 LW * ? *)", "2024-03-01T00:00:00Z", []string{"2024-03-29T00:00:00Z", "2024-04-30T00:00:00Z", "2024-05-31T00:00:00Z", "2024-06-28T00:00:00Z"}},
		{"nearest the 1st, a Saturday", "cron(0 0 1W 6 ? *)", "2024-05-31T00:00:00Z", []string{"2024-06-03T00:00:00Z"}},
		{"nearest the 30th, a Sunday and the last day", "cron(0 0 30W 6 ? *)", "2024-06-01T00:00:00Z", []string{"2024-06-28T00:00:00Z"}},
		{"nearest the 15th, a Saturday", "cron(0 0 15W 6 ? *)", "2024-06-01T00:00:00Z", []string{"2024-06-14T00:00:00Z"}},
		{"nearest the 16th, a Sunday", "cron(0 0 16W 6 ? *)", "2024-06-01T00:00:00Z", []string{"2024-06-17T00:00:00Z"}},
		{"nearest the 31st, where there is one", "cron(0 0 31W * ? *)", "2024-01-31T00:00:00Z", []string{"2024-03-29T00:00:00Z", "2024-05-31T00:00:00Z"}},
		{"L as a day of the week", "cron(0 0 ? * L *)", "2024-03-01T00:00:00Z", []string{"2024-03-02T00:00:00Z", "2024-03-09T00:00:00Z"}},
		{"leap days", "cron(0 0 29 2 ? *)", "2096-01-01T00:00:00Z", []string{"2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"}},
		{"the end of time", "cron(59 23 31 12 ? 2199)", "2024-01-01T00:00:00Z", []string{"2199-12-31T23:59:00Z", ""}},
		{"before the beginning", "cron(0 0 1 1 ? *)", "1800-07-01T00:00:00Z", []string{"1970-01-01T00:00:00Z", "1971-01-01T00:00:00Z"}},
		{"after the end", "cron(* * * * ? *)", "2500-01-01T00:00:00Z", []string{""}},
		{"30 February", "cron(0 0 30 2 ? *)", "2024-01-01T00:00:00Z", []string{""}},
		{"31 in short months", "cron(0 0 31 2,4,6,9,11 ? *)", "2024-01-01T00:00:00Z", []string{""}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := parse(t, test.expression)
			after := at(t, test.after)
			for _, want := range test.want {
				got, ok := e.Next(after, time.Time{})
				if want == "" {
					if ok {
						t.Errorf("after %v it fires at %v, want never", after, got)
					}
					return
				}
				if !ok || !got.Equal(at(t, want)) || got.Location() != time.UTC {
					t.Fatalf("after %v it fires at %v, %v; want %s", after, got, ok, want)
				}
				if last, ok := e.Last(got.Add(59*time.Second), time.Time{}); !ok || !last.Equal(got) {
					t.Errorf("a minute later the last firing is %v, %v; want %v", last, ok, got)
				}
				after = got
			}
		})
	}
}

func TestLast(t *testing.T) {
	tests := []struct{ name, expression, until, want string }{
		{"at the moment", "cron(0 12 * * ? *)", "2024-02-28T12:00:00Z", "2024-02-28T12:00:00Z"},
		{"within the minute", "cron(0 12 * * ? *)", "2024-02-28T12:00:59Z", "2024-02-28T12:00:00Z"},
		{"the day before", "cron(0 12 * * ? *)", "2024-03-01T11:59:59Z", "2024-02-29T12:00:00Z"},
		{"at midnight", "cron(30 0 * * ? *)", "2024-03-01T00:29:00Z", "2024-02-29T00:30:00Z"},
		{"an earlier hour", "cron(0,30 8-17 * * ? *)", "2024-03-01T23:00:00Z", "2024-03-01T17:30:00Z"},
		{"years ago", "cron(15 10 ? * 6L 2002-2005)", "2024-01-01T00:00:00Z", "2005-12-30T10:15:00Z"},
		{"after the end", "cron(* * * * ? *)", "2500-01-01T00:00:00Z", "2199-12-31T23:59:00Z"},
		{"before the beginning", "cron(* * * * ? *)", "1969-12-31T23:59:59Z", ""},
		{"not yet", "cron(0 0 1 1 ? 2030)", "2024-01-01T00:00:00Z", ""},
		{"30 February", "cron(0 0 30 2 ? *)", "2024-01-01T00:00:00Z", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, ok := parse(t, test.expression).Last(at(t, test.until), time.Time{})
			if ok != (test.want != "") || ok && !got.Equal(at(t, test.want)) {
				t.Errorf("got %v, %v; want %q", got, ok, test.want)
			}
		})
	}
}

func TestRate(t *testing.T) {
	const anchor = "2024-02-28T23:50:30.5Z"
	tests := []struct{ name, expression, at, next, last string }{
		{"at the anchor", "rate(7 minutes)", anchor, "2024-02-28T23:57:30.5Z", ""},
		{"before the anchor", "rate(7 minutes)", "2020-01-01T00:00:00Z", "2024-02-28T23:57:30.5Z", ""},
		{"just before the first", "rate(7 minutes)", "2024-02-28T23:57:30.499Z", "2024-02-28T23:57:30.5Z", ""},
		{"at the first", "rate(7 minutes)", "2024-02-28T23:57:30.5Z", "2024-02-29T00:04:30.5Z", "2024-02-28T23:57:30.5Z"},
		{"not aligned with the hour", "rate(7 minutes)", "2024-02-29T00:59:00Z", "2024-02-29T01:00:30.5Z", "2024-02-29T00:53:30.5Z"},
		{"one minute", "rate(1 minute)", "2024-02-29T00:00:00Z", "2024-02-29T00:00:30.5Z", "2024-02-28T23:59:30.5Z"},
		{"one hour", "rate(1 hour)", "2024-02-29T00:50:30.5Z", "2024-02-29T01:50:30.5Z", "2024-02-29T00:50:30.5Z"},
		{"days", "rate(2 days)", "2024-02-29T00:00:00Z", "2024-03-01T23:50:30.5Z", ""},
		{"centuries later", "rate(1 day)", "2999-01-01T00:00:00Z", "2999-01-01T23:50:30.5Z", "2998-12-31T23:50:30.5Z"},
		{"the longest", "rate(106751 days)", "2024-02-29T00:00:00Z", "2316-06-08T23:50:30.5Z", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := parse(t, test.expression)
			if !e.IsRate() {
				t.Error("IsRate() = false, want true")
			}
			if got, ok := e.Next(at(t, test.at), at(t, anchor)); !ok || !got.Equal(at(t, test.next)) {
				t.Errorf("next: got %v, %v; want %s", got, ok, test.next)
			}
			if got, ok := e.Last(at(t, test.at), at(t, anchor)); ok != (test.last != "") || ok && !got.Equal(at(t, test.last)) {
				t.Errorf("last: got %v, %v; want %q", got, ok, test.last)
			}
		})
	}
}

func TestPeriod(t *testing.T) {
	tests := []struct {
		name, expression, firing string
		want                     time.Duration
	}{
		{"a rate", "rate(7 minutes)", "2024-01-01T00:00:00Z", 7 * time.Minute},
		{"every five minutes", "cron(0/5 * * * ? *)", "2024-01-01T00:05:00Z", 5 * time.Minute},
		{"working days, a Friday", "cron(0 9 ? * MON-FRI *)", "2024-03-01T09:00:00Z", 24 * time.Hour},
		{"working days, a Monday", "cron(0 9 ? * MON-FRI *)", "2024-03-04T09:00:00Z", 24 * time.Hour},
		{"the first firing", "cron(0 0 * * ? 2024)", "2024-01-01T00:00:00Z", 24 * time.Hour},
		{"the last firing", "cron(0 0/2 * * ? 2024)", "2024-12-31T22:00:00Z", 2 * time.Hour},
		{"the only firing", "cron(0 12 1 1 ? 2027)", "2027-01-01T12:00:00Z", 24 * time.Hour},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := parse(t, test.expression).Period(at(t, test.firing)); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestZeroExpression(t *testing.T) {
	var e schedule.Expression
	if got, ok := e.Next(at(t, "2024-01-01T00:00:00Z"), time.Time{}); ok {
		t.Errorf("next: got %v, want never", got)
	}
	if got, ok := e.Last(at(t, "2024-01-01T00:00:00Z"), time.Time{}); ok {
		t.Errorf("last: got %v, want never", got)
	}
	if got := e.Describe(); got != "never" {
		t.Errorf("Describe() = %q, want never", got)
	}
}

func ExampleExpression_Next() {
	e, err := schedule.Parse("cron(0 12 ? * MON-FRI *)")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(e.Describe())
	moment := time.Date(2026, time.July, 2, 13, 0, 0, 0, time.UTC)
	for range 3 {
		moment, _ = e.Next(moment, time.Time{})
		fmt.Println(moment.Format("Mon 2006-01-02 15:04"))
	}
	// Output:
	// at 12:00 UTC on Monday to Friday
	// Fri 2026-07-03 12:00
	// Mon 2026-07-06 12:00
	// Tue 2026-07-07 12:00
}

func parse(t testing.TB, text string) schedule.Expression {
	t.Helper()
	e, err := schedule.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

func BenchmarkNext(b *testing.B) {
	for _, text := range []string{
		"cron(0/5 * * * ? *)", "cron(0 12 ? * MON-FRI *)", "cron(0 0 LW * ? *)", "cron(0 0 29 2 ? *)", "cron(0 0 30 2 ? *)", "rate(7 minutes)",
	} {
		b.Run(text, func(b *testing.B) {
			e := parse(b, text)
			now := time.Date(2026, time.July, 2, 13, 4, 0, 0, time.UTC)
			anchor := now.AddDate(-1, 0, 0)
			b.ReportAllocs()
			for b.Loop() {
				e.Next(now, anchor)
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		parse(b, "cron(0/5 8-17 ? * MON-FRI *)")
	}
}
