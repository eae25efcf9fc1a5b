package schedule_test

import (
	"strings"
	"testing"

	"bailey/internal/schedule"
)

func TestParseRefuses(t *testing.T) {
	tests := []struct{ name, expression, want string }{
		// Recorded on AWS.
		{"seconds", "rate(10 seconds)", `"seconds" is no unit: minute, hour and day are, in lower case`},
		{"years", "rate(10 years)", `"years" is no unit: minute, hour and day are, in lower case`},
		{"plural minutes for one", "rate(1 minutes)", `"minutes" does not go with 1: the unit is singular for 1 and plural above`},
		{"plural hours for one", "rate(1 hours)", `"hours" does not go with 1: the unit is singular for 1 and plural above`},
		{"plural days for one", "rate(1 days)", `"days" does not go with 1: the unit is singular for 1 and plural above`},
		{"singular minute for ten", "rate(10 minute)", `"minute" does not go with 10: the unit is singular for 1 and plural above`},
		{"singular hour for ten", "rate(10 hour)", `"hour" does not go with 10: the unit is singular for 1 and plural above`},
		{"singular day for ten", "rate(10 day)", `"day" does not go with 10: the unit is singular for 1 and plural above`},
		{"an empty rate", "rate()", `a rate is a number, one space and a unit`},
		{"no unit", "rate(10)", `a rate is a number, one space and a unit`},
		{"a unit misspelt", "rate(10 minutess)", `"minutess" is no unit: minute, hour and day are, in lower case`},
		{"no number", "rate(foo minutes)", `"foo" is no positive whole number`},
		{"zero", "rate(0 minutes)", `"0" is no positive whole number that a rate can have`},
		{"a negative number", "rate(-10 minutes)", `"-10" is no positive whole number`},
		{"capital letters", "rate(10 MINUTES)", `"MINUTES" is no unit: minute, hour and day are, in lower case`},
		{"spaces within", "rate( 10 minutes )", `"" is no positive whole number`},
		{"a space before", " rate(10 minutes)", `is neither rate(...) nor cron(...)`},
		{"no ? at all", "cron(0 1 * * * *)", `one of day-of-month and day-of-week must be ?, and the other must not`},
		{"a name that is none", "cron(7 20 * * NOT *)", `one of day-of-month and day-of-week must be ?, and the other must not`},
		{"one field", "cron(INVALID)", `there are 1 fields; minutes, hours, day-of-month, month, day-of-week and year are six`},
		{"an hour that is none", "cron(0 dummy ? * MON-FRI *)", `hours: "DUMMY" is no value from 0 to 23`},
		{"a minute that is none", "cron(71 8 1 * ? *)", `minutes: "71" is no value from 0 to 59`},

		{"nothing", "", `is neither rate(...) nor cron(...)`},
		{"capital RATE", "RATE(5 minutes)", `is neither rate(...) nor cron(...)`},
		{"capital CRON", "CRON(0 12 * * ? *)", `is neither rate(...) nor cron(...)`},
		{"an at expression", "at(2026-07-02T13:00:00)", `is neither rate(...) nor cron(...)`},
		{"no parenthesis", "rate(5 minutes", `is neither rate(...) nor cron(...)`},
		{"something after", "rate(5 minutes) ", `is neither rate(...) nor cron(...)`},
		{"two spaces", "rate(5  minutes)", `" minutes" is no unit: minute, hour and day are, in lower case`},
		{"a space at the end", "rate(5 minutes )", `"minutes " is no unit: minute, hour and day are, in lower case`},
		{"a fraction", "rate(1.5 hours)", `"1.5" is no positive whole number`},
		{"a sign", "rate(+5 minutes)", `"+5" is no positive whole number`},
		{"too long for time", "rate(106752 days)", `106752 days is longer than 292 years`},
		{"too long for numbers", "rate(99999999999999999999 days)", `"99999999999999999999" is no positive whole number that a rate can have`},

		// Recorded on AWS in September 2026.
		{"two spaces between fields", "cron(0  12 * * ? *)", `between two fields is one space, and there is no other white space`},
		{"a tab between fields", "cron(0\t12 * * ? *)", `between two fields is one space, and there is no other white space`},
		{"a tab beside a space", "cron(0\t 12 * * ? *)", `between two fields is one space, and there is no other white space`},
		{"a space at the beginning", "cron( 0 12 * * ? *)", `between two fields is one space, and there is no other white space`},
		{"a space at the end of cron", "cron(0 12 * * ? * )", `between two fields is one space, and there is no other white space`},
		{"a line's end", "cron(0 12 * * ? *\n)", `between two fields is one space, and there is no other white space`},

		{"five fields", "cron(0 12 * * ?)", `there are 5 fields; minutes, hours, day-of-month, month, day-of-week and year are six`},
		{"seven fields", "cron(0 0 12 * * ? *)", `there are 7 fields; minutes, hours, day-of-month, month, day-of-week and year are six`},
		{"two ?", "cron(0 12 ? * ? *)", `one of day-of-month and day-of-week must be ?, and the other must not`},
		{"? as minutes", "cron(? 12 * * ? *)", `minutes: "?" is no value from 0 to 59`},
		{"? in a list", "cron(0 12 ?,1 * ? *)", `day-of-month: "?" is no value from 1 to 31`},
		{"an hour too late", "cron(0 24 * * ? *)", `hours: "24" is no value from 0 to 23`},
		{"day 0", "cron(0 12 0 * ? *)", `day-of-month: "0" is no value from 1 to 31`},
		{"day 32", "cron(0 12 32 * ? *)", `day-of-month: "32" is no value from 1 to 31`},
		{"month 13", "cron(0 12 1 13 ? *)", `month: "13" is no value from 1 to 12`},
		{"day of the week 0", "cron(0 12 ? * 0 *)", `day-of-week: "0" is no value from 1 to 7`},
		{"day of the week 8", "cron(0 12 ? * 8 *)", `day-of-week: "8" is no value from 1 to 7`},
		{"a letter that capitals make ASCII", "cron(0 12 ? * \u017fun *)", `day-of-week: "ſUN" is no value from 1 to 7`},
		{"years backwards", "cron(0 12 * * ? 2030-2020)", `year: the range 2030-2020 ends before it begins`},
		{"an empty item", "cron(0, 12 * * ? *)", `minutes: "" is no value from 0 to 59`},
		{"a range without an end", "cron(0 8- * * ? *)", `hours: "8-" is no value from 0 to 23`},
		{"a step of nothing", "cron(/5 12 * * ? *)", `minutes: "/5" is no value from 0 to 59`},
		{"no step", "cron(0/ 12 * * ? *)", `minutes: "0/" has no step after /`},
		{"a sign in a field", "cron(+5 12 * * ? *)", `minutes: "+5" is no value from 0 to 59`},
		{"many digits", "cron(00005 12 * * ? *)", `minutes: "00005" is no value from 0 to 59`},
		{"L as minutes", "cron(L 12 * * ? *)", `minutes: "L" is no value from 0 to 59`},
		{"nearest nothing", "cron(0 12 W * ? *)", `day-of-month: "W" is no value from 1 to 31`},
		{"nearest as a day of the week", "cron(0 12 ? * 2W *)", `day-of-week: "2W" is no value from 1 to 7`},
		{"the last of no day", "cron(0 12 ? * 8L *)", `day-of-week: "8L" is no value from 1 to 7`},
		{"the sixth", "cron(0 12 ? * 2#6 *)", `day-of-week: "6" is no number from 1 to 5 after #, alone in its field`},
		{"the zeroth", "cron(0 12 ? * 2#0 *)", `day-of-week: "0" is no number from 1 to 5 after #, alone in its field`},
		{"two with #", "cron(0 12 ? * 2#1,3#2 *)", `day-of-week: "1,3#2" is no number from 1 to 5 after #, alone in its field`},
		{"# after another", "cron(0 12 ? * 1,2#1 *)", `day-of-week: "1,2" is no value from 1 to 7`},
		{"too many days before the last", "cron(0 12 L-31 * ? *)", `day-of-month: "31" is no number of days from 0 to 30 before the last`},
		{"no days before the last", "cron(0 12 L-W * ? *)", `day-of-month: "" is no number of days from 0 to 30 before the last`},
		{"L after a number", "cron(5L 12 * * ? *)", `minutes: "5L" is no value from 0 to 59`},
		{"W after a month", "cron(0 12 1 3W ? *)", `month: "3W" is no value from 1 to 12`},
		{"text before a value", "cron(x33 12 * * ? *)", `minutes: "X33" is no value from 0 to 59`},
		{"half a name", "cron(0 12 ? * TU *)", `day-of-week: "TU" is no value from 1 to 7`},
		{"a year of five digits", "cron(0 12 * * ? 20260)", `year: "20260" is no value from 1970 to 2199`},
		{"text after ?", "cron(0 12 ?x * MON *)", `one of day-of-month and day-of-week must be ?, and the other must not`},
		{"# as a day of the month", "cron(0 12 2#1 * ? *)", `day-of-month: "2#1" is no value from 1 to 31`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := schedule.Parse(test.expression)
			if err == nil || !strings.HasSuffix(err.Error(), test.want) {
				t.Errorf("got  %v\nwant ...%s", err, test.want)
			}
		})
	}
}

// What AWS was seen to take without documenting it, and what is like it: what it
// means, and what is said of it.
func TestUndocumented(t *testing.T) {
	tests := []struct{ expression, same, want string }{
		// Recorded on AWS in September 2026.
		{"cron(33x 12 * * ? *)", "cron(33 12 * * ? *)", `minutes: "X" after 33 is ignored`},
		{"cron(33/0 12 * * ? *)", "cron(33 12 * * ? *)", `minutes: 0 is no step from 1 to 59, so the item stands for 33 alone`},
		{"cron(33/61 12 * * ? *)", "cron(33 12 * * ? *)", `minutes: 61 is no step from 1 to 59, so the item stands for 33 alone`},
		{"cron(0 12 1-31W * ? *)", "cron(0 12 1-31 * ? *)", `day-of-month: "W" after 1-31 is ignored`},
		{"cron(0 12 L-15 * ? *)", "", `day-of-month: L-15 is the day 15 days before the last of the month`},
		{"cron(0 12 ? * TUESDAY *)", "cron(0 12 ? * TUE *)", `day-of-week: "SDAY" after TUE is ignored`},
		{"cron(0 12 * * ? 2200)", "cron(0 12 30 2 ? *)", `year: 2200 is not from 1970 to 2199, and a schedule does not run then`},
		{"cron(0 12 * * ? 2500)", "cron(0 12 30 2 ? *)", `year: 2500 is not from 1970 to 2199, and a schedule does not run then`},
		{"cron(0 12 * * ? 1969)", "cron(0 12 30 2 ? *)", `year: 1969 is not from 1970 to 2199, and a schedule does not run then`},

		// Of the same kinds.
		{"cron(33x/5 12 * * ? *)", "cron(33 12 * * ? *)", `minutes: "X/5" after 33 is ignored`},
		{"cron(0/15x 12 * * ? *)", "cron(0/15 12 * * ? *)", `minutes: "X" after 0/15 is ignored`},
		{"cron(0/5/5 12 * * ? *)", "cron(0/5 12 * * ? *)", `minutes: "/5" after 0/5 is ignored`},
		{"cron(0 8-9-10 * * ? *)", "cron(0 8-9 * * ? *)", `hours: "-10" after 8-9 is ignored`},
		{"cron(*x 12 * * ? *)", "cron(* 12 * * ? *)", `minutes: "X" after * is ignored`},
		{"cron(*/0 12 * * ? *)", "cron(0 12 * * ? *)", `minutes: 0 is no step from 1 to 59, so the item stands for 0 alone`},
		{"cron(0 8-17/24 * * ? *)", "cron(0 8 * * ? *)", `hours: 24 is no step from 1 to 23, so the item stands for 8 alone`},
		{"cron(0 20-2/99999999999999999999 * * ? *)", "cron(0 20 * * ? *)", `hours: 99999999999999999999 is no step from 1 to 23, so the item stands for 20 alone`},
		{"cron(0 12 1 JANUARY-MARCH ? *)", "cron(0 12 1 JAN ? *)", `month: "UARY-MARCH" after JAN is ignored`},
		{"cron(0 12 1 january ? *)", "cron(0 12 1 JAN ? *)", `month: "UARY" after JAN is ignored`},
		{"cron(0 12 ? * MON-FRIDAY *)", "cron(0 12 ? * MON-FRI *)", `day-of-week: "DAY" after MON-FRI is ignored`},
		{"cron(0 12 ? * TUESDAY#2 *)", "cron(0 12 ? * TUE *)", `day-of-week: "SDAY#2" after TUE is ignored`},
		{"cron(0 12 ? * 6Lx *)", "cron(0 12 ? * 6L *)", `day-of-week: "X" after 6L is ignored`},
		{"cron(0 12 3Wx * ? *)", "cron(0 12 3W * ? *)", `day-of-month: "X" after 3W is ignored`},
		{"cron(0 12 L-0 * ? *)", "cron(0 12 L * ? *)", `day-of-month: L-0 is the day 0 days before the last of the month`},
		{"cron(0 12 L-0W * ? *)", "cron(0 12 LW * ? *)", `day-of-month: L-0W is the day from Monday to Friday nearest the day 0 days before the last of the month`},
		{"cron(0 12 L-1x * ? *)", "cron(0 12 L-1 * ? *)", `day-of-month: L-1 is the day before the last of the month; day-of-month: "X" after L-1 is ignored`},
		{"cron(0 12 * * ? 2026/300)", "cron(0 12 * * ? 2026)", `year: 300 is no step from 1 to 229, so the item stands for 2026 alone`},
		{"cron(0 12 * * ? 2190-2210/5)", "cron(0 12 * * ? 2190,2195)", `year: 2210 is not from 1970 to 2199, and a schedule does not run then`},
		{"cron(0 12 * * ? 2300/5)", "cron(0 12 30 2 ? *)", `year: 2300 is not from 1970 to 2199, and a schedule does not run then`},

		// What is documented is not said.
		{"cron(0/15 8-17 ? 1,JUL 3#2 2026-2030)", "", ``},
		{"cron(0 20-2/3 L,LW,3W * ? *)", "", ``},
		{"rate(5 minutes)", "", ``},
	}
	for _, test := range tests {
		t.Run(test.expression, func(t *testing.T) {
			e := parse(t, test.expression)
			if got := strings.Join(e.Undocumented(), "; "); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if test.same == "" {
				return
			}
			same := parse(t, test.same)
			for from, i := at(t, "2023-12-01T00:00:00Z"), 0; i < 100; i++ {
				got, ok := e.Next(from, from)
				want, wants := same.Next(from, from)
				if ok != wants || !got.Equal(want) {
					t.Fatalf("after %v it fires at %v, %v; %s at %v, %v", from, got, ok, test.same, want, wants)
				}
				if !ok {
					break
				}
				from = want
			}
		})
	}
}

func TestDescribe(t *testing.T) {
	tests := []struct{ expression, want string }{
		{"rate(1 minute)", "every minute"},
		{"rate(7 minutes)", "every 7 minutes"},
		{"rate(120 minutes)", "every 2 hours"},
		{"rate(1 hour)", "every hour"},
		{"rate(1 day)", "every day"},
		{"rate(14 days)", "every 14 days"},
		{"cron(* * * * ? *)", "every minute"},
		{"cron(0/5 * * * ? *)", "every 5 minutes"},
		{"cron(*/5 8-17 ? * MON-FRI *)", "every 5 minutes of the hours 8 to 17 UTC on Monday to Friday"},
		{"cron(0 12 * * ? *)", "at 12:00 UTC every day"},
		{"cron(5,35 14 * * ? *)", "at 14:05 and 14:35 UTC every day"},
		{"cron(0 8/4 * * ? *)", "at 08:00, 12:00, 16:00 and 20:00 UTC every day"},
		{"cron(15 * * * ? *)", "at minute 15 of every hour"},
		{"cron(0,20 * ? * 7 *)", "at the minutes 0 and 20 of every hour on Saturday UTC"},
		{"cron(3/10 9 * * ? *)", "at 09:03, 09:13, 09:23, 09:33, 09:43 and 09:53 UTC every day"},
		{"cron(1/5 9 * * ? *)", "at the minutes 1, 6, 11, ..., 56 of the hour 9 UTC every day"},
		{"cron(0/7 * * * ? *)", "at the minutes 0, 7, 14, ..., 56 of every hour"}, // between :56 and :00 it is not every 7 minutes
		{"cron(5,*/20 * * * ? *)", "at the minutes 0, 5, 20 and 40 of every hour"},
		{"cron(5,* * ? JAN,* SUN,* 2030,*)", "every minute"},
		{"cron(0 18 L,3 * ? 2026/2)", "at 18:00 UTC on day 3 and the last day of the month, in 2026, 2028, 2030, ..., 2198"},
		{"cron(0 20-2 * * ? *)", "at minute 0 of the hours 20 to 2 UTC every day"},
		{"cron(15 10 ? * 6L 2002-2005)", "at 10:15 UTC on the last Friday of the month, in 2002 to 2005"},
		{"cron(0 2 ? * SAT#3 *)", "at 02:00 UTC on the third Saturday of the month"},
		{"cron(0 2 ? * 2/2 *)", "at 02:00 UTC on Monday, Wednesday and Friday"},
		{"cron(0 2 ? * L,MON *)", "at 02:00 UTC on Monday and Saturday"},
		{"cron(0 0 1,15 JAN,MAR-MAY ? *)", "at 00:00 UTC on days 1 and 15 of the month, in January and March to May"},
		{"cron(0 0 1 1/3 ? 2027)", "at 00:00 UTC on day 1 of the month, in January, April, July and October of 2027"},
		{"cron(0 0 1-31/2 * ? *)", "at 00:00 UTC on days 1, 3, 5, ..., 31 of the month"},
		{"cron(0 0 LW * ? *)", "at 00:00 UTC on the last day from Monday to Friday of the month"},
		{"cron(0 0 L-3 * ? *)", "at 00:00 UTC on the day 3 days before the last of the month"},
		{"cron(0 0 L-1W,L * ? *)", "at 00:00 UTC on the last day and the day from Monday to Friday nearest the day before the last of the month"},
		{"cron(0/0 3/61 * * ? *)", "at 03:00 UTC every day"},
		{"cron(0 12 * * ? 2300)", "at 12:00 UTC every day, in 2300"},
		{"cron(0 12 * * ? 2190-2300)", "at 12:00 UTC every day, in 2190 to 2300"},
		{"cron(0 0 1,3W,L * ? *)", "at 00:00 UTC on day 1, the day from Monday to Friday nearest day 3 and the last day of the month"},
	}
	for _, test := range tests {
		t.Run(test.expression, func(t *testing.T) {
			e := parse(t, test.expression)
			if got := e.Describe(); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if e.String() != test.expression {
				t.Errorf("String() = %s, want %s", e, test.expression)
			}
		})
	}
}
