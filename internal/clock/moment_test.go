package clock_test

import (
	"strings"
	"testing"
	"time"

	"bailey/internal/clock"
)

func TestParseMoment(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	for text, ago := range map[string]time.Duration{
		"0s": 0, "15m": 15 * time.Minute, "1h30m": 90 * time.Minute, "-5m": -5 * time.Minute, "720h": 30 * day,
		"7d": 7 * day, "0d": 0, "1d12h": 36 * time.Hour, "2d0.5s": 2*day + 500*time.Millisecond, "106750d23h": 106750*day + 23*time.Hour,
		"2026-11-23T10:00:00Z": 2 * time.Hour, "2026-11-23T13:00:00.5+01:00": -500 * time.Millisecond,
	} {
		if got, err := clock.ParseMoment(text, now); err != nil || !got.Equal(now.Add(-ago)) {
			t.Errorf("%s: got %v, %v, want %v", text, got, err, now.Add(-ago))
		}
	}
	for _, text := range []string{
		"", "yesterday", "d", "7", "-1d", "+1d", "1.5d", "1d-1h", "1d+1h", "1h1d", "1d1d", "1d 1h", "7days", "1d24h",
		"106751d", "18446744073709551616d", "2026-11-23", "2026-11-23T10:00:00",
	} {
		if got, err := clock.ParseMoment(text, now); err == nil || !strings.Contains(err.Error(), "15m or 7d, not \""+text+`"`) {
			t.Errorf("%q: got %v, %v, want it refused by name", text, got, err)
		}
	}
}
