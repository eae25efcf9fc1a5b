package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// Ledger keeps the books on a server that is killed and starved: which events it has acknowledged, and which of them the
// API that they are for has answered with success. It is that API, and knows nothing of what the server writes down. It is
// safe for concurrent use.
type Ledger struct {
	*witness // the API
	// FailOneIn answers one request in so many with 503; 0 none.
	FailOneIn int

	mu           sync.Mutex
	acknowledged map[string]struct{}    // event ids
	answered     map[string][]time.Time // when the API answered 200, by event id
	requests     int
	kills        []time.Time
}

// NewLedger starts the API. It ends with the test.
func NewLedger(t *testing.T) *Ledger {
	t.Helper()
	l := &Ledger{acknowledged: map[string]struct{}{}, answered: map[string][]time.Time{}}
	l.witness = newWitness(t, l)
	return l
}

// ServeHTTP is the API.
func (l *Ledger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return // the server was killed while it wrote
	}
	id, _, _ := strings.Cut(r.Header.Get("Idempotency-Key"), "/")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests++
	if l.FailOneIn > 0 && rand.IntN(l.FailOneIn) == 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	l.answered[id] = append(l.answered[id], time.Now())
}

// Route makes a rule on the server that sends every event of the ledger to the ledger's API.
func (l *Ledger) Route(t *testing.T, s *Server) {
	t.Helper()
	s.PutAPI(t, "ledger", map[string]any{"url": l.URL})
	for _, call := range []struct{ operation, input string }{
		{"PutRule", `{"Name": "ledger", "EventPattern": "{\"source\": [\"ledger\"]}"}`},
		{"PutTargets", `{"Rule": "ledger", "Targets": [{"Id": "1", "Arn": "arn:aws:execute-api:us-east-1:000000000000:ledger/prod/POST/events"}]}`},
	} {
		if status, body, err := s.Operation(t.Context(), call.operation, []byte(call.input)); err != nil || status != http.StatusOK {
			t.Fatalf("%s: %d %s, %v", call.operation, status, body, err)
		}
	}
}

// Operation calls an operation of EventBridge as plain HTTP, for callers that make thousands of calls or that are cut off.
func (s *Server) Operation(ctx context.Context, operation string, input []byte) (int, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(input))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", "AWSEvents."+operation)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, body, err
}

// Put puts events in one call, each with a detail of about size bytes, and writes down those that the answer
// acknowledges. It returns the code of the error answer, "" where there is none; an error means that no answer came.
func (l *Ledger) Put(ctx context.Context, s *Server, events, size int) (code string, err error) {
	detail, err := json.Marshal(`{"padding": "` + strings.Repeat("x", size) + `"}`)
	if err != nil {
		return "", err
	}
	entry := fmt.Sprintf(`{"Source": "ledger", "DetailType": "Entry", "Detail": %s}`, detail)
	input := `{"Entries": [` + strings.Repeat(entry+", ", events-1) + entry + `]}`
	status, body, err := s.Operation(ctx, "PutEvents", []byte(input))
	if err != nil {
		return "", err
	}
	var answer struct {
		Type    string `json:"__type"`
		Entries []struct{ EventID, ErrorCode string }
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", fmt.Errorf("status %d: %w: %s", status, err, body)
	}
	if status != http.StatusOK {
		return answer.Type, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range answer.Entries {
		if e.ErrorCode != "" {
			code = e.ErrorCode
			continue
		}
		l.acknowledged[e.EventID] = struct{}{}
	}
	return code, nil
}

// Killed writes down that the server was killed: after all that it had sent, and before the next one is started.
func (l *Ledger) Killed(t *testing.T) {
	t.Helper()
	l.AwaitSilence(t)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kills = append(l.kills, time.Now())
}

// missing counts the acknowledged events that the API has not answered with success.
func (l *Ledger) missing() (n int, one string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.acknowledged {
		if len(l.answered[id]) == 0 {
			n, one = n+1, id
		}
	}
	return n, one
}

// Balance waits until every acknowledged event has been delivered, checks that the server knows no more than that, and that
// every duplicate has its reason: between the two requests the server was killed, and had had the first one's answer for
// less than grace. It logs the figures.
func (l *Ledger) Balance(t *testing.T, s *Server, limit, grace time.Duration) {
	t.Helper()
	deadline := time.After(limit)
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for waiting := true; waiting; {
		n, one := l.missing()
		if n == 0 && s.pending(t) == 0 {
			break
		}
		select {
		case <-again.C:
		case <-deadline:
			t.Errorf("%d acknowledged events were not delivered within %v, one is %s: %+v", n, limit, one, s.Deliveries(t, one))
			waiting = false
		}
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	unacknowledged, duplicates := 0, 0
	var longest time.Duration
	for id, times := range l.answered {
		if _, ok := l.acknowledged[id]; !ok {
			unacknowledged++ // committed, but killed before the answer
		}
		for i := 1; i < len(times); i++ {
			duplicates++
			held, killed := l.killBetween(times[i-1], times[i])
			longest = max(longest, held)
			if !killed || held > grace {
				t.Errorf("event %s was delivered at %v and at %v, and no kill explains it", id, times[i-1], times[i])
			}
		}
	}
	t.Logf("%d kills, %d events acknowledged, %d delivered, of those %d whose answer the kill cut off; %d requests; %d duplicates (%.2f%%), the longest of which had been answered %v before the kill",
		len(l.kills), len(l.acknowledged), len(l.answered), unacknowledged, l.requests, duplicates, 100*float64(duplicates)/float64(max(1, len(l.answered))), longest.Round(time.Millisecond))
}

// killBetween returns how long after the first time the next kill came, and whether it came before the second.
func (l *Ledger) killBetween(first, second time.Time) (time.Duration, bool) {
	for _, k := range l.kills {
		if k.After(first) {
			return k.Sub(first), k.Before(second)
		}
	}
	return 0, false
}

// pending counts the deliveries that have not ended, as far as one page shows them.
func (s *Server) pending(t *testing.T) int {
	t.Helper()
	return len(s.deliveries(t, "/_bailey/v1/deliveries?status=pending"))
}
