package bailey_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"bailey"
	"bailey/internal/request"
	"bailey/internal/rule"
	"bailey/internal/store"
)

// hangs is when a test gives up waiting for what should come at once: long after
// any machine would have got there.
const hangs = 5 * time.Minute

func open(t testing.TB, cfg bailey.Config) *bailey.Router {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	r, err := bailey.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// route registers an API at url and makes a rule that sends it every event
// whose source is "shop".
func route(t testing.TB, r *bailey.Router, name, url string, change func(*rule.Target)) {
	t.Helper()
	ctx := context.Background()
	if err := r.Rules().PutAPI(ctx, &request.API{ID: name, URL: url}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Rules().PutRule(ctx, rule.Rule{Region: "us-east-1", EventBusName: "default", Name: name, EventPattern: `{"source": ["shop"]}`, State: rule.Enabled}); err != nil {
		t.Fatal(err)
	}
	target := rule.Target{ID: "api", ARN: "arn:aws:execute-api:us-east-1:000000000000:" + name + "/prod/POST/orders"}
	if change != nil {
		change(&target)
	}
	if err := r.Rules().PutTargets(ctx, "us-east-1", "default", name, []rule.Target{target}); err != nil {
		t.Fatal(err)
	}
}

func order(n int) bailey.Entry {
	return bailey.Entry{Source: "shop", DetailType: "Order Placed", Detail: fmt.Appendf(nil, `{"n": %d}`, n)}
}

func put(t testing.TB, r *bailey.Router, entries ...bailey.Entry) []bailey.ID {
	t.Helper()
	results, err := r.PutEvents(context.Background(), "", entries)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]bailey.ID, len(results))
	for i, res := range results {
		if res.ErrorCode != "" {
			t.Fatalf("entry %d: %s %s", i, res.ErrorCode, res.ErrorMessage)
		}
		ids[i] = res.ID
	}
	return ids
}

func wait(t testing.TB, r *bailey.Router, id bailey.ID) []store.Delivery {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hangs)
	defer cancel()
	d, err := r.Wait(ctx, id)
	if err != nil {
		t.Fatalf("waiting for %s: %v: %+v", id, err, d)
	}
	return d
}

func TestEventIsDelivered(t *testing.T) {
	bodies := make(chan string, 1)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		bodies <- r.Method + " " + r.URL.Path + " " + string(b)
	}))
	defer api.Close()
	r := open(t, bailey.Config{})
	route(t, r, "orders", api.URL, nil)

	ids := put(t, r, order(1), bailey.Entry{Source: "elsewhere", DetailType: "x", Detail: []byte(`{}`)})
	deliveries := wait(t, r, ids[0])
	if len(deliveries) != 1 || deliveries[0].Status != store.Delivered || deliveries[0].Attempts != 1 || deliveries[0].StatusCode != 200 {
		t.Errorf("got %+v, want one, delivered at once", deliveries)
	}
	view, err := r.Event(t.Context(), ids[0])
	if err != nil {
		t.Fatal(err)
	}
	if got, want := <-bodies, "POST /orders "+string(view.JSON); got != want {
		t.Errorf("the API got\n%s\nwant\n%s", got, want)
	}
	if d := wait(t, r, ids[1]); len(d) != 0 {
		t.Errorf("an event that no rule matches has deliveries: %+v", d)
	}
}

// Whoever waits for an event waits for all its deliveries, also where the log
// gives them in several pages.
func TestWaitForManyDeliveries(t *testing.T) {
	const targets = 1005
	r := open(t, bailey.Config{Quotas: rule.Quotas{TargetsPerRule: targets}})
	var list []rule.Target
	for n := range targets {
		// Nothing is registered under this id, so they end at once.
		list = append(list, rule.Target{ID: fmt.Sprint(n), ARN: "arn:aws:execute-api:us-east-1:000000000000:nowhere/prod/POST/orders"})
	}
	if _, err := r.Rules().PutRule(t.Context(), rule.Rule{Region: "us-east-1", EventBusName: "default", Name: "many", EventPattern: `{"source": ["shop"]}`}); err != nil {
		t.Fatal(err)
	}
	if err := r.Rules().PutTargets(t.Context(), "us-east-1", "default", "many", list); err != nil {
		t.Fatal(err)
	}
	deliveries := wait(t, r, put(t, r, order(1))[0])
	if len(deliveries) != targets {
		t.Errorf("%d deliveries, want %d", len(deliveries), targets)
	}
	for _, d := range deliveries {
		if d.Status != store.Dead {
			t.Fatalf("got %+v, want dead", d)
		}
	}
}

// X2, X8, X9: an attempt that fails is made again, across a restart.
func TestRetryAcrossRestart(t *testing.T) {
	var mu sync.Mutex
	var attempts []string
	status := http.StatusServiceUnavailable
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		attempts = append(attempts, r.Header.Get("Bailey-Attempt")+" "+r.Header.Get("Idempotency-Key"))
		w.WriteHeader(status)
	}))
	defer api.Close()
	dir := t.TempDir()
	r := open(t, bailey.Config{Dir: dir})
	route(t, r, "orders", api.URL, nil)
	id := put(t, r, order(1))[0]
	for { // until the first failure is on record
		d, _, err := r.Deliveries(t.Context(), store.Query{Event: &id})
		if err != nil {
			t.Fatal(err)
		}
		if d[0].Attempts == 1 {
			break
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	status = http.StatusOK
	mu.Unlock()
	r = open(t, bailey.Config{Dir: dir})
	d := wait(t, r, id)
	if len(d) != 1 || d[0].Status != store.Delivered || d[0].Attempts < 2 {
		t.Errorf("got %+v, want delivered after at least two attempts", d)
	}
	mu.Lock()
	defer mu.Unlock()
	for i, a := range attempts {
		if want := fmt.Sprintf("%d %s/0", i+1, id); a != want {
			t.Errorf("attempt %d had %q, want %q", i+1, a, want)
		}
	}
}

// Far more events than memory may hold: the rest waits in the store, and all
// arrive once each.
func TestOverflow(t *testing.T) {
	const events = 500
	var mu sync.Mutex
	got := map[string]int{}
	gate := make(chan struct{})
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-gate
		mu.Lock()
		got[r.Header.Get("Idempotency-Key")]++
		mu.Unlock()
	}))
	defer api.Close()
	r := open(t, bailey.Config{MaxQueued: 10})
	route(t, r, "orders", api.URL, nil)
	var ids []bailey.ID
	for i := range events / 10 {
		var batch []bailey.Entry
		for j := range 10 {
			batch = append(batch, order(10*i+j))
		}
		ids = append(ids, put(t, r, batch...)...)
	}
	close(gate)
	for _, id := range ids {
		if d := wait(t, r, id); d[0].Status != store.Delivered {
			t.Fatalf("%+v", d)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(got) != events {
		t.Errorf("%d of %d arrived", len(got), events)
	}
	for key, n := range got {
		if n != 1 {
			t.Errorf("%s arrived %d times", key, n)
		}
	}
}

// X7: what is not retried goes to the dead-letter queue at once.
func TestDeadLetter(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "no such order", http.StatusNotFound)
	}))
	defer api.Close()
	r := open(t, bailey.Config{})
	queue := "arn:aws:sqs:us-east-1:000000000000:dead"
	route(t, r, "orders", api.URL, func(t *rule.Target) { t.DeadLetterConfig = &rule.DeadLetterConfig{ARN: queue} })
	id := put(t, r, order(1))[0]
	if d := wait(t, r, id); d[0].Status != store.Dead || d[0].ErrorCode != "ERROR_FROM_TARGET" || d[0].StatusCode != 404 {
		t.Errorf("got %+v", d)
	}
	letters, err := r.DeadLetters(t.Context(), store.Undelivered{Queue: queue}, 0, 10)
	if err != nil || len(letters) != 1 {
		t.Fatalf("got %+v, %v, want one", letters, err)
	}
	l := letters[0]
	if l.Event != id || l.RuleARN != "arn:aws:events:us-east-1:000000000000:rule/orders" || l.RetryAttempts != 0 || l.ErrorCode != "ERROR_FROM_TARGET" {
		t.Errorf("got %+v", l)
	}
}

// When what must be kept is more than the store may hold, PutEvents says so
// early, names the limit, and goes on by itself when there is room. Whoever asks
// whether events would be taken is told the same.
func TestFullStore(t *testing.T) {
	r := open(t, bailey.Config{MaxBytes: 512 << 10})
	archive(t, r, "a", r.Rules().BusARN("us-east-1", "default"), 0)
	big := bailey.Entry{Source: "shop", DetailType: "x", Detail: fmt.Appendf(nil, `{"x": %q}`, strings.Repeat("x", 100<<10))}
	for range 10 {
		put(t, r, big)
	}
	if err := r.Failing(); err != nil {
		t.Errorf("while events are taken: %v", err)
	}
	if err := r.MakeRoom(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := r.PutEvents(t.Context(), "", []bailey.Entry{order(1)})
	for name, err := range map[string]error{"PutEvents": err, "Failing": r.Failing()} {
		if full, ok := errors.AsType[*store.FullError](err); !ok || full.Limit != "retention.maxBytes" || !strings.Contains(err.Error(), "retention.maxBytes") {
			t.Errorf("%s: got %v, want a FullError that names the limit", name, err)
		}
	}
	if err := r.Rules().DeleteArchive(t.Context(), "us-east-1", "a"); err != nil {
		t.Fatal(err)
	}
	r.Sweep(t.Context())
	if err := r.MakeRoom(t.Context()); err != nil {
		t.Fatal(err)
	}
	put(t, r, order(2))
	if err := r.Failing(); err != nil {
		t.Errorf("once there is room: %v", err)
	}
}
