package bailey_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"bailey"
	"bailey/internal/rule"
)

// A logged is a log that a test reads.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// having returns the lines with a message that contains text.
func (l *logged) having(t testing.TB, text string) (lines []map[string]any) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(fields["msg"].(string), text) {
			lines = append(lines, fields)
		}
	}
	return lines
}

// Events to a bus that is not there are told of once a minute, with their number.
func TestEventsToNoBusAreTold(t *testing.T) {
	log := new(logged)
	clock := bailey.NewVirtualClock(time.Date(2026, 9, 16, 0, 0, 0, 0, time.UTC))
	r := open(t, bailey.Config{Clock: clock, Log: slog.New(slog.NewJSONHandler(log, nil))})
	const region = "us-east-1"
	if _, err := r.Rules().PutRule(t.Context(), rule.Rule{Region: region, Name: "r", EventPattern: `{"source":["shop"]}`}); err != nil {
		t.Fatal(err)
	}
	targets := []rule.Target{{ID: "t", ARN: "arn:aws:events:us-east-1:000000000000:event-bus/gone", RoleARN: "arn:aws:iam::000000000000:role/r"}}
	if err := r.Rules().PutTargets(t.Context(), region, "", "r", targets); err != nil {
		t.Fatal(err)
	}
	told := func(want ...float64) {
		t.Helper()
		lines := log.having(t, "an event bus that does not exist")
		if len(lines) != len(want) {
			t.Fatalf("the log has %d lines, want %d: %v", len(lines), len(want), lines)
		}
		for i, line := range lines {
			if line["events_since_last"] != want[i] || line["level"] != "WARN" || line["target"] != "t" {
				t.Errorf("line %d is %v, want %v events", i, line, want[i])
			}
		}
	}
	for n := range 5 {
		put(t, r, order(n))
	}
	told(1)
	if err := r.Advance(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	put(t, r, order(6))
	told(1, 5)
}
