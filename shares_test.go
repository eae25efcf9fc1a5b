package bailey_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bailey"
	"bailey/internal/request"
	"bailey/internal/rule"
	"bailey/internal/store"
)

// twoAPIs opens a router with a small store, a rule for the API "dead", and one
// for "well". Each gets the events of the source of its name.
func twoAPIs(t *testing.T, dir string, change func(*rule.Target)) (r *bailey.Router, up *atomic.Bool) {
	t.Helper()
	up = new(atomic.Bool)
	dead := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !up.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	well := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(dead.Close)
	t.Cleanup(well.Close)
	r = open(t, bailey.Config{Dir: dir, MaxBytes: 2 << 20})
	for name, url := range map[string]string{"dead": dead.URL, "well": well.URL} {
		ctx := t.Context()
		if err := r.Rules().PutAPI(ctx, &request.API{ID: name, URL: url}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Rules().PutRule(ctx, rule.Rule{Region: "us-east-1", EventBusName: "default", Name: name, EventPattern: fmt.Sprintf(`{"source": [%q]}`, name), State: rule.Enabled}); err != nil {
			t.Fatal(err)
		}
		target := rule.Target{ID: "api", ARN: "arn:aws:execute-api:us-east-1:000000000000:" + name + "/prod/POST/orders"}
		if name == "dead" && change != nil {
			change(&target)
		}
		if err := r.Rules().PutTargets(ctx, "us-east-1", "default", name, []rule.Target{target}); err != nil {
			t.Fatal(err)
		}
	}
	return r, up
}

// putOne puts an event of 20 KiB and returns its result.
func putOne(t *testing.T, r *bailey.Router, source string) bailey.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hangs)
	defer cancel()
	results, err := r.PutEvents(ctx, "", []bailey.Entry{{Source: source, DetailType: "t", Detail: fmt.Appendf(nil, `{"x": %q}`, strings.Repeat("x", 20<<10))}})
	if err != nil {
		t.Fatalf("PutEvents to %s: %v", source, err)
	}
	return results[0]
}

// deliveredOne puts an event that is expected to arrive.
func deliveredOne(t *testing.T, r *bailey.Router, source string) {
	t.Helper()
	result := putOne(t, r, source)
	if result.ErrorCode != "" {
		t.Fatalf("an event to %s was refused: %+v", source, result)
	}
	ctx, cancel := context.WithTimeout(t.Context(), hangs)
	defer cancel()
	all, err := r.Wait(ctx, result.ID)
	if err != nil || len(all) != 1 || all[0].Status != store.Delivered {
		t.Fatalf("an event to %s: %+v, %v, want it delivered", source, all, err)
	}
}

// What waits for an API that is down takes half of the store. Events that go
// there are refused then, each by itself; those that go elsewhere are taken,
// also by the next process.
func TestDeadAPIHoldsItsShareOnly(t *testing.T) {
	dir := t.TempDir()
	r, _ := twoAPIs(t, dir, nil)
	taken := 0
	for ; ; taken++ {
		result := putOne(t, r, "dead")
		if result.ErrorCode == "" {
			if taken > 200 {
				t.Fatal("4 MiB wait for one API in a store of 2 MiB")
			}
			continue
		}
		if result.ErrorCode != "ThrottlingException" || !strings.Contains(result.ErrorMessage, "API dead") || !strings.Contains(result.ErrorMessage, "retention.maxBytes") || result.ID != (bailey.ID{}) {
			t.Fatalf("got %+v, want a ThrottlingException that names the API and the limit", result)
		}
		break
	}
	if bytes := taken * 20 << 10; bytes < 700<<10 || bytes > 1<<20 {
		t.Errorf("%d bytes wait for one API alone, want about half of 2 MiB", bytes)
	}
	if err := r.MakeRoom(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 100 { // as much as the store holds: what was delivered makes room
		deliveredOne(t, r, "well")
		if err := r.MakeRoom(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Failing(); err != nil {
		t.Errorf("events are taken, and it says %v", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}

	r, up := twoAPIs(t, dir, nil)
	if result := putOne(t, r, "dead"); result.ErrorCode != "ThrottlingException" {
		t.Errorf("after a restart: got %+v, want it refused", result)
	}
	deliveredOne(t, r, "well")
	up.Store(true)
	if err := r.Resume(t.Context(), store.Endpoint{API: "dead"}); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(hangs)
	for putOne(t, r, "dead").ErrorCode != "" {
		select {
		case <-deadline:
			t.Fatalf("the API is back, and events that go there are still refused; it holds %v", r.Shares())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Dead letters are kept, and count for their API until somebody takes them.
func TestDeadLettersHoldTheShareOfTheirAPI(t *testing.T) {
	none := 0
	r, _ := twoAPIs(t, t.TempDir(), func(target *rule.Target) {
		target.RetryPolicy = &rule.RetryPolicy{MaximumRetryAttempts: &none}
		target.DeadLetterConfig = &rule.DeadLetterConfig{ARN: "arn:aws:sqs:us-east-1:000000000000:dead"}
	})
	for n := 0; ; n++ {
		result := putOne(t, r, "dead")
		if result.ErrorCode != "" {
			break
		}
		if n > 200 {
			t.Fatal("4 MiB of dead letters of one API in a store of 2 MiB")
		}
		ctx, cancel := context.WithTimeout(t.Context(), hangs)
		if _, err := r.Wait(ctx, result.ID); err != nil {
			t.Fatalf("waiting for a delivery to be given up: %v", err)
		}
		cancel()
		if err := r.MakeRoom(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	deliveredOne(t, r, "well")
	if n, err := r.PurgeDeadLetters(t.Context(), store.Undelivered{}); err != nil || n == 0 {
		t.Fatalf("purged %d, %v", n, err)
	}
	if result := putOne(t, r, "dead"); result.ErrorCode != "" {
		t.Errorf("its dead letters are gone, and it is still refused: %+v", result)
	}
	if shares := r.Shares(); shares["dead"] > 64<<10 {
		t.Errorf("the API still holds %v", shares)
	}
}

// Without a dead-letter queue nothing is left to keep of what was given up but
// its history, which goes when there is no other room.
func TestHistoryOfTheDeadMakesRoom(t *testing.T) {
	none := 0
	r, _ := twoAPIs(t, t.TempDir(), func(target *rule.Target) { target.RetryPolicy = &rule.RetryPolicy{MaximumRetryAttempts: &none} })
	var first bailey.ID
	for i := range 300 { // three times what the store may hold
		result := putOne(t, r, "dead")
		if result.ErrorCode != "" {
			t.Fatalf("event %d was refused: %+v", i, result)
		}
		if i == 0 {
			first = result.ID
		}
		ctx, cancel := context.WithTimeout(t.Context(), hangs)
		if _, err := r.Wait(ctx, result.ID); err != nil {
			t.Fatalf("waiting for delivery %d to be given up: %v", i, err)
		}
		cancel()
		if i%10 == 0 {
			if err := r.MakeRoom(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := r.Event(t.Context(), first); err == nil {
		t.Error("the oldest is still there: nothing was forgotten")
	}
}
