package bailey_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"bailey"
	"bailey/internal/request"
	"bailey/internal/rule"
	"bailey/internal/store"
)

var newYear = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// recorder is a REST API that remembers what it was sent, by the event's time.
type recorder struct {
	*httptest.Server
	mu     sync.Mutex
	times  map[time.Time]int
	events []json.RawMessage
}

func newRecorder(t testing.TB) *recorder {
	rec := &recorder{times: map[time.Time]int{}}
	rec.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var e struct{ Time time.Time }
		_ = json.Unmarshal(body, &e)
		rec.mu.Lock()
		rec.times[e.Time]++
		rec.events = append(rec.events, body)
		rec.mu.Unlock()
	}))
	t.Cleanup(rec.Close)
	return rec
}

// scheduled makes a rule with a schedule, and a target for it.
func scheduled(t testing.TB, r *bailey.Router, name, expression, url string) {
	t.Helper()
	ctx := context.Background()
	if err := r.Rules().PutAPI(ctx, &request.API{ID: "ticks", URL: url}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Rules().PutRule(ctx, rule.Rule{Region: "us-east-1", EventBusName: "default", Name: name, ScheduleExpression: expression, State: rule.Enabled}); err != nil {
		t.Fatal(err)
	}
	target := rule.Target{ID: "api", ARN: "arn:aws:execute-api:us-east-1:000000000000:ticks/prod/POST/ticks"}
	if err := r.Rules().PutTargets(ctx, "us-east-1", "default", name, []rule.Target{target}); err != nil {
		t.Fatal(err)
	}
}

func advance(t testing.TB, r *bailey.Router, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hangs)
	defer cancel()
	if err := r.Advance(ctx, d); err != nil {
		t.Fatal(err)
	}
}

// A day of ticks, with a restart in the middle: each once, at its own time.
func TestScheduleTicksOnce(t *testing.T) {
	rec := newRecorder(t)
	dir := t.TempDir()
	at := newYear.Add(30 * time.Second)
	r := open(t, bailey.Config{Dir: dir, Clock: bailey.NewVirtualClock(at)})
	scheduled(t, r, "cron", "cron(0/5 * * * ? *)", rec.URL)
	for i := range 4 {
		advance(t, r, 6*time.Hour)
		at = r.Now()
		if i == 1 { // the process ends, and another goes on where it was
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			r = open(t, bailey.Config{Dir: dir, Clock: bailey.NewVirtualClock(at)})
		}
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if len(rec.times) != 288 || len(rec.events) != 288 {
		t.Errorf("%d ticks in %d requests, want 288 in as many", len(rec.times), len(rec.events))
	}
	for i := range 288 {
		if when := newYear.Add(time.Duration(i+1) * 5 * time.Minute); rec.times[when] != 1 {
			t.Errorf("the tick of %v came %d times", when, rec.times[when])
		}
	}
	var e map[string]any
	if err := json.Unmarshal(rec.events[0], &e); err != nil {
		t.Fatal(err)
	}
	delete(e, "id")
	want := map[string]any{"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "account": "000000000000",
		"time": "2026-01-01T00:05:00Z", "region": "us-east-1", "resources": []any{"arn:aws:events:us-east-1:000000000000:rule/cron"}, "detail": map[string]any{}}
	if fmt.Sprint(e) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", e, want)
	}
}

// A tick that was missed while nothing ran is made up for if it is the last
// and younger than the period.
func TestMissedTicks(t *testing.T) {
	tests := []struct {
		name       string
		expression string
		down       time.Duration
		want       int
	}{
		{"a rate: the last one only", "rate(1 hour)", 10*time.Hour + time.Minute, 1},
		{"cron: the last one, younger than the period", "cron(0 * * * ? *)", 10*time.Hour + time.Minute, 1},
		{"none was missed", "rate(1 hour)", 10 * time.Minute, 0},
		{"a gap larger than the period", "cron(0/10 0 * * ? *)", 12 * time.Hour, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := newRecorder(t)
			dir := t.TempDir()
			r := open(t, bailey.Config{Dir: dir, Clock: bailey.NewVirtualClock(newYear)})
			scheduled(t, r, "missed", tt.expression, rec.URL)
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			r = open(t, bailey.Config{Dir: dir, Clock: bailey.NewVirtualClock(newYear.Add(tt.down))})
			advance(t, r, 0)
			rec.mu.Lock()
			defer rec.mu.Unlock()
			if len(rec.events) != tt.want {
				t.Errorf("%d ticks at start, want %d: %v", len(rec.events), tt.want, rec.times)
			}
		})
	}
}

func TestDisabledScheduleRests(t *testing.T) {
	rec := newRecorder(t)
	r := open(t, bailey.Config{Clock: bailey.NewVirtualClock(newYear)})
	scheduled(t, r, "rests", "rate(7 minutes)", rec.URL)
	count := func() int {
		rec.mu.Lock()
		defer rec.mu.Unlock()
		return len(rec.events)
	}
	advance(t, r, 15*time.Minute)
	if got := count(); got != 2 {
		t.Errorf("%d ticks in 15 minutes, want 2", got)
	}
	if err := r.Rules().SetState(t.Context(), "us-east-1", "default", "rests", rule.Disabled); err != nil {
		t.Fatal(err)
	}
	advance(t, r, time.Hour)
	if got := count(); got != 2 {
		t.Errorf("%d ticks while disabled", got-2)
	}
	if err := r.Rules().SetState(t.Context(), "us-east-1", "default", "rests", rule.Enabled); err != nil {
		t.Fatal(err)
	}
	advance(t, r, 6*time.Minute)
	if got := count(); got != 2 {
		t.Error("it ticked before a whole period had passed since it was enabled")
	}
	advance(t, r, time.Minute)
	if got := count(); got != 3 {
		t.Errorf("%d ticks, want the third 7 minutes after it was enabled", got)
	}
}

// X4, X5: an endpoint that fails for 20 hours and then recovers, in no time.
func TestTwentyHoursOfRetries(t *testing.T) {
	var mu sync.Mutex
	var at []time.Time
	var r *bailey.Router
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		now := r.Now()
		at = append(at, now)
		if now.Sub(newYear) < 20*time.Hour {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer api.Close()
	r = open(t, bailey.Config{Clock: bailey.NewVirtualClock(newYear)})
	route(t, r, "orders", api.URL, nil)
	id := put(t, r, order(1))[0]
	began := time.Now()
	advance(t, r, 24*time.Hour)
	t.Logf("24 hours took %v", time.Since(began))
	d := wait(t, r, id)
	mu.Lock()
	defer mu.Unlock()
	if d[0].Status != store.Delivered || d[0].Attempts != len(at) {
		t.Errorf("got %+v after %d requests", d[0], len(at))
	}
	attempts, err := r.Attempts(t.Context(), id)
	if err != nil || len(attempts) != len(at)-1 {
		t.Fatalf("%d failed attempts on record, %v; want %d", len(attempts), err, len(at)-1)
	}
	for i, a := range attempts {
		if !a.At.Equal(at[i].Truncate(time.Millisecond)) {
			t.Errorf("attempt %d is on record at %v, the API saw it at %v", i+1, a.At, at[i])
		}
		if i == 0 {
			continue
		}
		b := min(600*time.Second, time.Second<<min(i-1, 20))
		if wait := at[i].Sub(at[i-1]); wait < b/2-time.Millisecond || wait > b+time.Millisecond {
			t.Errorf("wait %d was %v, want %v to %v", i, wait, b/2, b)
		}
	}
}
