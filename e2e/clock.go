package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// Advance moves the clock of a server that was started with --clock virtual, by a duration such as 24h, and returns the time
// that it is then.
func (s *Server) Advance(t *testing.T, by string) time.Time {
	t.Helper()
	status, body := s.request(t, http.MethodPost, "/_bailey/v1/clock/advance", Object{"by": by})
	if status != http.StatusOK {
		t.Fatalf("advancing the clock by %s: got status %d: %s", by, status, body)
	}
	return clockOf(t, body)
}

// Now returns the server's time.
func (s *Server) Now(t *testing.T) time.Time {
	t.Helper()
	status, body := s.request(t, http.MethodGet, "/_bailey/v1/clock", nil)
	if status != http.StatusOK {
		t.Fatalf("asking for the time: got status %d: %s", status, body)
	}
	return clockOf(t, body)
}

func clockOf(t *testing.T, body []byte) time.Time {
	t.Helper()
	var clock struct{ Now time.Time }
	if err := json.Unmarshal(body, &clock); err != nil {
		t.Fatalf("reading the time: %v: %s", err, body)
	}
	return clock.Now
}

// Event is an event with everything that became of it, as the admin API shows it.
type Event struct {
	EventID    string
	IngestedAt time.Time
	Deliveries []struct {
		Status         string
		Attempts       int
		LastAttemptAt  time.Time
		FailedAttempts []struct {
			Number     int
			At         time.Time
			StatusCode int
			ErrorCode  string
		}
	}
}

// Event returns an event as it is now.
func (s *Server) Event(t *testing.T, id string) Event {
	t.Helper()
	status, body := s.request(t, http.MethodGet, "/_bailey/v1/events/"+url.PathEscape(id), nil)
	if status != http.StatusOK {
		t.Fatalf("asking for event %s: got status %d: %s", id, status, body)
	}
	var event Event
	if err := json.Unmarshal(body, &event); err != nil {
		t.Fatalf("reading event %s: %v: %s", id, err, body)
	}
	return event
}
