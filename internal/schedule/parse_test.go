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

		{"five fields", "cron(0 12 * * ?)", `there are 5 fields; minutes, hours, day-of-month, month, day-of-week and year are six`},
		{"seven fields", "cron(0 0 12 * * ? *)", `there are 7 fields; minutes, hours, day-of-month, month, day-of-week and year are six`},
		{"two ?", "cron(0 12 ? * ? *)", `one of day-of-month and day-of-week must be ?, and the other must not`},
		{"? as minutes", "cron(? 12 * * ? *)", `minutes: "?" is no value from 0 to 59`},
		{"? in a list", "cron(0 12 ?,1 * ? *)", `day-of-month: "?" is no value from 1 to 31`},
		{"an hour too late", "cron(0 24 * * ? *)", `hours: "24" is no value from 0 to 23`},
		{"day 0", "cron(0 12 0 * ? *)", `day-of-month: "0" is no value from 1 to 31`},
		{"day 32", "cron(0 12 32 * ? *)", `day-of-month: "32" is no value from 1 to 31`},
		{"month 13", "cron(0 12 1 13 ? *)", `month: "13" is no value from 1 to 12`},
		{"a month misspelt", "cron(0 12 1 JANUARY ? *)", `month: "JANUARY" is no value from 1 to 12`},
		{"day of the week 0", "cron(0 12 ? * 0 *)", `day-of-week: "0" is no value from 1 to 7`},
		{"day of the week 8", "cron(0 12 ? * 8 *)", `day-of-week: "8" is no value from 1 to 7`},
		{"a letter that capitals make ASCII", "cron(0 12 ? * \u017fun *)", `day-of-week: "ſUN" is no value from 1 to 7`},
		{"a year too early", "cron(0 12 * * ? 1969)", `year: "1969" is no value from 1970 to 2199`},
		{"a year too late", "cron(0 12 * * ? 2200)", `year: "2200" is no value from 1970 to 2199`},
		{"years backwards", "cron(0 12 * * ? 2030-2020)", `year: the range 2030-2020 ends before it begins`},
		{"an empty item", "cron(0, 12 * * ? *)", `minutes: "" is no value from 0 to 59`},
		{"a range without an end", "cron(0 8- * * ? *)", `hours: "" is no value from 0 to 23`},
		{"a range of ranges", "cron(0 8-9-10 * * ? *)", `hours: "9-10" is no value from 0 to 23`},
		{"a step of nothing", "cron(/5 12 * * ? *)", `minutes: "" is no value from 0 to 59`},
		{"a step of zero", "cron(0/0 12 * * ? *)", `minutes: "0" is no step from 1 to 59`},
		{"a step too long", "cron(0/60 12 * * ? *)", `minutes: "60" is no step from 1 to 59`},
		{"a step of years too long", "cron(0 12 * * ? 1970/230)", `year: "230" is no step from 1 to 229`},
		{"no step", "cron(0/ 12 * * ? *)", `minutes: "" is no step from 1 to 59`},
		{"two steps", "cron(0/5/5 12 * * ? *)", `minutes: "5/5" is no step from 1 to 59`},
		{"a sign in a field", "cron(+5 12 * * ? *)", `minutes: "+5" is no value from 0 to 59`},
		{"many digits", "cron(00005 12 * * ? *)", `minutes: "00005" is no value from 0 to 59`},
		{"L as minutes", "cron(L 12 * * ? *)", `minutes: "L" is no value from 0 to 59`},
		{"days before the last", "cron(0 12 L-3 * ? *)", `day-of-month: "L" is no value from 1 to 31`},
		{"nearest nothing", "cron(0 12 W * ? *)", `day-of-month: "" is no value from 1 to 31`},
		{"nearest a range", "cron(0 12 1-5W * ? *)", `day-of-month: "1-5" is no value from 1 to 31`},
		{"nearest as a day of the week", "cron(0 12 ? * 2W *)", `day-of-week: "2W" is no value from 1 to 7`},
		{"the last of no day", "cron(0 12 ? * 8L *)", `day-of-week: "8" is no value from 1 to 7`},
		{"the sixth", "cron(0 12 ? * 2#6 *)", `day-of-week: "6" is no number from 1 to 5 after #, alone in its field`},
		{"the zeroth", "cron(0 12 ? * 2#0 *)", `day-of-week: "0" is no number from 1 to 5 after #, alone in its field`},
		{"two with #", "cron(0 12 ? * 2#1,3#2 *)", `day-of-week: "1,3#2" is no number from 1 to 5 after #, alone in its field`},
		{"# after another", "cron(0 12 ? * 1,2#1 *)", `day-of-week: "1,2" is no value from 1 to 7`},
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
