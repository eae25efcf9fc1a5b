package awsjson

import (
	"encoding/json"
	"testing"
	"time"
)

func TestTime(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       time.Time
		written    string
	}{
		{"seconds", "1736349846", time.Date(2025, 1, 8, 15, 24, 6, 0, time.UTC), "1736349846"},
		{"fraction", "1736349846.123", time.Date(2025, 1, 8, 15, 24, 6, 123e6, time.UTC), "1736349846.123"},
		{"fraction with zeros", "1736349846.007", time.Date(2025, 1, 8, 15, 24, 6, 7e6, time.UTC), "1736349846.007"},
		{"exponent, as AWS writes it", "1.736349846E9", time.Date(2025, 1, 8, 15, 24, 6, 0, time.UTC), "1736349846"},
		{"before 1970", "-1.5", time.Date(1969, 12, 31, 23, 59, 58, 500e6, time.UTC), "-1.500"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got Time
			if err := json.Unmarshal([]byte(tt.text), &got); err != nil {
				t.Fatal(err)
			}
			if !got.Equal(tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			text, err := json.Marshal(got)
			if err != nil || string(text) != tt.written {
				t.Errorf("written: got %s, %v, want %s", text, err, tt.written)
			}
		})
	}
}

func TestTimeRefuses(t *testing.T) {
	for _, text := range []string{`"2025-01-01"`, "1e300", "-1e300", "253402300800", "true"} {
		var got Time
		if err := got.UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%s: got %v, want an error", text, got)
		}
	}
}
