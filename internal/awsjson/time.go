package awsjson

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Time is a time as the protocol writes it: seconds since 1970 as a JSON number,
// here with milliseconds as its fraction.
type Time struct{ time.Time }

// MarshalJSON writes the time; it does not fail.
func (t Time) MarshalJSON() ([]byte, error) {
	return AppendTime(nil, t.Time), nil
}

// UnmarshalJSON reads a number of seconds, with or without a fraction or an
// exponent. Times before the year 1 or after 9999 are refused.
func (t *Time) UnmarshalJSON(text []byte) error {
	at, err := parseEpoch(string(text))
	if err != nil {
		return err
	}
	t.Time = at
	return nil
}

// AppendTime appends t in the form of [Time].
func AppendTime(dst []byte, t time.Time) []byte {
	ms := t.UnixMilli()
	if ms < 0 {
		return strconv.AppendFloat(dst, float64(ms)/1000, 'f', 3, 64)
	}
	dst = strconv.AppendInt(dst, ms/1000, 10)
	if ms %= 1000; ms != 0 {
		dst = append(dst, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
	}
	return dst
}

// The first and the last second that a four-digit year has a name for.
const (
	minEpoch = -62135596800 // 0001-01-01T00:00:00Z
	maxEpoch = 253402300799 // 9999-12-31T23:59:59Z
)

// parseEpoch reads seconds since 1970 as a JSON number, to the millisecond,
// which is as fine as AWS keeps them.
func parseEpoch(text string) (time.Time, error) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f < minEpoch || f >= maxEpoch+1 {
		return time.Time{}, fmt.Errorf("reading a timestamp: %.40q is not a number of seconds in the years 1 to 9999", text)
	}
	return time.UnixMilli(int64(math.Round(f * 1000))).UTC(), nil
}
