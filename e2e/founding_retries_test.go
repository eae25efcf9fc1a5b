package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// The sentences about answers that are no success.

// T1, R9: a retry repeats the request, and says that it is one.
func retriesSomeFailures(t *testing.T, s *stage) {
	s.sink.Answer(Answer{Status: http.StatusServiceUnavailable})
	s.target(t, s.arn("prod/POST/pets"), Object{"HttpParameters": Object{"QueryStringParameters": Object{"state": "$.detail.state"}}})
	id := s.event(t, `{"state":"adopted"}`)
	first, second := s.sink.Next(t), s.sink.Next(t)
	if first.URI != "/pets?state=adopted" || second.URI != first.URI || second.Method != first.Method || !bytes.Equal(second.Body, first.Body) {
		t.Errorf("got %s %s %s, then %s %s %s, want the same twice",
			first.Method, first.URI, first.Body, second.Method, second.URI, second.Body)
	}
	if key := first.Header.Get("Idempotency-Key"); key == "" || second.Header.Get("Idempotency-Key") != key {
		t.Errorf("got Idempotency-Key %q, then %q, want the same", key, second.Header.Get("Idempotency-Key"))
	}
	if a, b := first.Header.Get("Bailey-Attempt"), second.Header.Get("Bailey-Attempt"); a != "1" || b != "2" {
		t.Errorf("got Bailey-Attempt %q, then %q, want 1, then 2", a, b)
	}
	if d := s.settled(t, id); d.Status != "delivered" || d.Attempts != 2 {
		t.Errorf("got %+v, want it delivered by the second attempt", d)
	}
	s.counted(t, "invocations", "1")
	s.counted(t, "invocation_attempts", "2")
	s.counted(t, "failed_invocations", "0")
}

// X2.
func retries5xxAnd429(t *testing.T, s *stage) {
	s.target(t, s.arn("prod/POST/pets"), nil)
	for _, status := range []int{500, 502, 504, 599, 429} {
		s.sink.Answer(Answer{Status: status})
		id := s.event(t, `{}`)
		s.sink.Next(t)
		s.sink.Next(t)
		if d := s.settled(t, id); d.Status != "delivered" || d.Attempts != 2 {
			t.Errorf("after a %d: got %+v, want it delivered by the second attempt", status, d)
		}
	}
}

// X4: the limits are AWS's. X6: a target may ask for more time within them.
func retriesForADay(t *testing.T, s *stage) {
	s.put(t)
	for name, value := range map[string]int{"MaximumEventAgeInSeconds": 86401, "MaximumRetryAttempts": 186} {
		s.refused(t, s.arn("prod/POST/pets"), Object{"RetryPolicy": Object{name: value}})
	}
	s.sink.Answer(Answer{Status: http.StatusServiceUnavailable, Header: map[string]string{"Retry-After": "86000"}})
	s.target(t, s.arn("prod/POST/pets"), Object{"RetryPolicy": Object{"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}})
	id := s.event(t, `{}`)
	arrived := s.sink.Next(t).Arrived
	var d Delivery
	eventually(t, "1 delivery, pending after 1 attempts", func() string {
		deliveries := s.server.Deliveries(t, id)
		if len(deliveries) > 0 {
			d = deliveries[0]
		}
		return fmt.Sprintf("%d delivery, %s after %d attempts", len(deliveries), d.Status, d.Attempts)
	})
	if wait := d.NextAttemptAt.Sub(arrived); wait < 86000*time.Second-time.Second || wait > 86060*time.Second {
		t.Errorf("got the next attempt after %v, want 86000 s", wait)
	}
}

// X5: the n-th wait is between a half and the whole of a second, doubled with each retry.
func backsOff(t *testing.T, s *stage) {
	for range 3 {
		s.sink.Answer(Answer{Status: http.StatusInternalServerError})
	}
	s.target(t, s.arn("prod/POST/pets"), nil)
	s.event(t, `{}`)
	before := s.sink.Next(t).Arrived
	for n, most := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		arrived := s.sink.Next(t).Arrived
		// A busy machine may be late; it is never early.
		if wait := arrived.Sub(before); wait < most/2-10*time.Millisecond || wait > most+30*time.Second {
			t.Errorf("wait before retry %d: got %v, want %v to %v", n+1, wait, most/2, most)
		}
		before = arrived
	}
}

// X7.
func countsFailures(t *testing.T, s *stage) {
	s.sink.Answer(Answer{Status: http.StatusInternalServerError}, Answer{Status: http.StatusBadGateway})
	s.target(t, s.arn("prod/POST/pets"), Object{"RetryPolicy": Object{"MaximumRetryAttempts": 1}})
	d := s.settled(t, s.event(t, `{}`))
	if d.Status != "dead" || d.Attempts != 2 || d.LastStatusCode != http.StatusBadGateway || d.LastErrorCode != "ERROR_FROM_TARGET" {
		t.Errorf("got %+v, want it dead after two attempts, the last answered with 502", d)
	}
	s.counted(t, "failed_invocations", "1")
}

// X3, and the codes of the dead letters.
func doesNotRetryOther4xx(t *testing.T, s *stage) {
	s.target(t, s.arn("prod/POST/pets"), nil)
	for status, code := range map[int]string{
		400: "ERROR_FROM_TARGET", 401: "NO_PERMISSIONS", 403: "NO_PERMISSIONS", 404: "ERROR_FROM_TARGET", 408: "ERROR_FROM_TARGET", 410: "ERROR_FROM_TARGET", 499: "ERROR_FROM_TARGET",
	} {
		s.sink.Answer(Answer{Status: status})
		d := s.settled(t, s.event(t, `{}`))
		if d.Status != "dead" || d.Attempts != 1 || d.LastStatusCode != status || d.LastErrorCode != code {
			t.Errorf("after a %d: got %+v, want it dead after one attempt with %s", status, d, code)
		}
		s.sink.Next(t)
	}
	s.sink.None(t)
	s.counted(t, "retry_invocation_attempts", "0")
}

// X1.
func cutsOffAfter5Seconds(t *testing.T, s *stage) {
	s.sink.Answer(Answer{Never: true})
	s.target(t, s.arn("prod/POST/pets"), Object{"RetryPolicy": Object{"MaximumRetryAttempts": 0}})
	id := s.event(t, `{}`)
	got := s.sink.Next(t)
	if took := (<-got.Cut).Sub(got.Arrived); took < 4500*time.Millisecond || took > 30*time.Second {
		t.Errorf("the request was cut off after %v, want 5 seconds", took)
	}
	if d := s.settled(t, id); d.Status != "dead" || d.LastErrorCode != "TIMEOUT" {
		t.Errorf("got %+v, want it dead with TIMEOUT", d)
	}
}

// X1, X2.
func retriesTimeouts(t *testing.T, s *stage) {
	s.sink.Answer(Answer{Never: true})
	s.target(t, s.arn("prod/POST/pets"), nil)
	id := s.event(t, `{}`)
	s.sink.Next(t)
	s.sink.Next(t)
	if d := s.settled(t, id); d.Status != "delivered" || d.Attempts != 2 {
		t.Errorf("got %+v, want it delivered by the second attempt", d)
	}
}
