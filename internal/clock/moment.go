package clock

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseMoment reads a moment: a time (RFC 3339), or how long before now it was,
// in Go's notation with days of 24 hours before it (15m, 7d, 1d12h). The error
// continues a sentence such as "since is".
func ParseMoment(text string, now time.Time) (time.Time, error) {
	if ago, ok := parseAgo(text); ok {
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, fmt.Errorf("a time such as 2026-11-23T12:00:00Z or how long ago, such as 15m or 7d, not %q", text)
	}
	return at, nil
}

// maxDays is as many as a [time.Duration] holds, and a rest of less than a day.
const maxDays = uint64(1<<63-1)/uint64(24*time.Hour) - 1

func parseAgo(text string) (time.Duration, bool) {
	var days time.Duration
	if number, rest, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.ParseUint(number, 10, 64)
		if err != nil || n > maxDays {
			return 0, false
		}
		days = time.Duration(n) * 24 * time.Hour
		if rest == "" {
			return days, true
		}
		if rest[0] < '0' || rest[0] > '9' {
			return 0, false
		}
		text = rest
	}
	d, err := time.ParseDuration(text)
	if err != nil || days > 0 && d >= 24*time.Hour {
		return 0, false
	}
	return days + d, true
}
