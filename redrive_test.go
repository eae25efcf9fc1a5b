package bailey_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bailey"
	"bailey/internal/rule"
	"bailey/internal/store"
)

const deadQueue = "arn:aws:sqs:us-east-1:000000000000:failed"

// ledger is an API that remembers what it was sent, and answers as it is told.
type ledger struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	took   map[string]int // by body: how often it was answered with 200
	last   http.Header
	calls  int
	more   sync.Cond // of calls
}

func newLedger(t testing.TB) *ledger {
	t.Helper()
	l := &ledger{status: http.StatusNotFound, took: map[string]int{}}
	l.more.L = &l.mu
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.last = r.Header
		l.calls++
		l.more.Broadcast()
		if l.status == http.StatusOK {
			l.took[string(body)]++
		}
		w.WriteHeader(l.status)
	}))
	t.Cleanup(l.Close)
	return l
}

// answer makes the API answer with the status from now on.
func (l *ledger) answer(status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status, l.calls = status, 0
}

func (l *ledger) called() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls
}

// await waits until the API was called so often.
func (l *ledger) await(calls int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.calls < calls {
		l.more.Wait()
	}
}

func withQueue(t *rule.Target) { t.DeadLetterConfig = &rule.DeadLetterConfig{ARN: deadQueue} }

// bury puts n events, which are given up at once.
func bury(t testing.TB, r *bailey.Router, n int) []bailey.ID {
	t.Helper()
	var ids []bailey.ID
	for i := 0; i < n; i += 10 {
		batch := make([]bailey.Entry, 0, 10)
		for k := i; k < min(i+10, n); k++ {
			batch = append(batch, order(k))
		}
		ids = append(ids, put(t, r, batch...)...)
	}
	if none := ended(t, r, store.Delivered); len(none) > 0 {
		t.Fatalf("got %+v, want it given up", none[0])
	}
	return ids
}

// ended waits until no delivery is pending, and returns up to 1,000 of those
// with the status.
func ended(t testing.TB, r *bailey.Router, status store.Status) []store.Delivery {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hangs)
	defer cancel()
	list := func(s store.Status, limit int) []store.Delivery {
		page, _, err := r.Deliveries(ctx, store.Query{Status: &s, Limit: limit})
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for len(list(store.Pending, 1)) > 0 {
		<-again.C
	}
	return list(status, 1000)
}

// finished waits until a redrive has ended and returns it.
func finished(t testing.TB, r *bailey.Router, id int64) *store.Redrive {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hangs)
	defer cancel()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		one, err := r.RedriveStatus(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if one.State != store.RedriveRunning {
			return one
		}
		<-again.C
	}
}

func holds(t testing.TB, r *bailey.Router, queue string, want int64) {
	t.Helper()
	if n, err := r.CountDeadLetters(t.Context(), queue); err != nil || n != want {
		t.Errorf("the dead-letter queue holds %d, %v, want %d", n, err, want)
	}
}

// A delivery that is sent again is the same delivery: its history goes on, and
// the receiver can tell.
func TestRedriveEvent(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*rule.Target)
	}{
		{"with a dead-letter queue", withQueue},
		{"without one", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			api := newLedger(t)
			r := open(t, bailey.Config{})
			route(t, r, "orders", api.URL, test.change)
			id := bury(t, r, 1)[0]
			key := api.last.Get("Idempotency-Key")
			api.answer(http.StatusOK)
			if n, err := r.RedriveEvent(t.Context(), id, store.Undelivered{}); err != nil || n != 1 {
				t.Fatalf("got %d, %v, want one delivery sent again", n, err)
			}
			d := wait(t, r, id)[0]
			if d.Status != store.Delivered || d.Attempts != 1 || d.Earlier != 1 || d.Redriven.IsZero() || d.ErrorCode != "" {
				t.Errorf("got %+v, want it delivered by the first attempt after one earlier", d)
			}
			if api.last.Get("Idempotency-Key") != key || api.last.Get("Bailey-Attempt") != "2" {
				t.Errorf("sent again with %v, want the key %s and the second attempt", api.last, key)
			}
			attempts, err := r.Attempts(t.Context(), id)
			if err != nil || len(attempts) != 1 || attempts[0].Number != 1 || attempts[0].StatusCode != http.StatusNotFound {
				t.Errorf("got history %+v, %v, want the attempt that failed", attempts, err)
			}
			holds(t, r, deadQueue, 0)
			if n, err := r.RedriveEvent(t.Context(), id, store.Undelivered{}); err != nil || n != 0 {
				t.Errorf("one that was delivered: got %d, %v, want none sent again", n, err)
			}
			if _, err := r.RedriveEvent(t.Context(), bailey.ID{}, store.Undelivered{}); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("an event that never came: got %v", err)
			}
		})
	}
}

// One that fails again gets its policy's attempts and time anew, however old
// its event is, and ends in its queue again.
func TestRedriveCountsAnew(t *testing.T) {
	api := newLedger(t)
	api.answer(http.StatusInternalServerError)
	r := open(t, bailey.Config{Clock: bailey.NewVirtualClock(time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC))})
	route(t, r, "orders", api.URL, func(target *rule.Target) {
		withQueue(target)
		attempts, age := 2, 60
		target.RetryPolicy = &rule.RetryPolicy{MaximumRetryAttempts: &attempts, MaximumEventAgeInSeconds: &age}
	})
	id := put(t, r, order(1))[0]
	advance := func(d time.Duration) {
		t.Helper()
		if err := r.Advance(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 3 {
		advance(48 * time.Hour)
		d := wait(t, r, id)[0]
		if d.Status != store.Dead || d.Attempts != 3 || d.Earlier != 3*round {
			t.Errorf("round %d: got %+v, want it given up after 3 attempts, %d earlier", round, d, 3*round)
		}
		letters, err := r.DeadLetters(t.Context(), store.Undelivered{}, 0, 10)
		if err != nil || len(letters) != 1 || letters[0].RetryAttempts != 2 || letters[0].Exhausted != "MaximumRetryAttempts" {
			t.Fatalf("round %d: got %+v, %v, want one message about 2 retries", round, letters, err)
		}
		if err := r.RedriveDeadLetter(t.Context(), letters[0].ID); err != nil {
			t.Fatal(err)
		}
		if err := r.RedriveDeadLetter(t.Context(), letters[0].ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the same message again: got %v", err)
		}
	}
	advance(time.Hour)
	attempts, err := r.Attempts(t.Context(), id)
	if err != nil || len(attempts) != 12 || attempts[11].Number != 12 {
		t.Errorf("got %d attempts, %v, want the history of all 12", len(attempts), err)
	}
}

// X8: a redrive goes to the target as it is, on an API that is another.
func TestRedriveToMendedTarget(t *testing.T) {
	r := open(t, bailey.Config{})
	route(t, r, "orders", "http://127.0.0.1:1", nil)
	if err := r.Rules().DeleteAPI(t.Context(), "orders"); err != nil {
		t.Fatal(err)
	}
	ids := bury(t, r, 3)
	api := newLedger(t)
	api.answer(http.StatusOK)
	route(t, r, "orders", api.URL, nil)
	one, err := r.Redrive(t.Context(), store.Undelivered{ErrorCode: "NO_RESOURCE"}, 0)
	if err != nil || one.Matched != 3 {
		t.Fatalf("got %+v, %v, want 3 selected", one, err)
	}
	finished(t, r, one.ID)
	for _, id := range ids {
		if d := wait(t, r, id)[0]; d.Status != store.Delivered || d.Endpoint.API != "orders" {
			t.Errorf("got %+v, want it delivered to the API that is there now", d)
		}
	}
}

// X7: for as long as its dead letters are kept, a target that is gone has its
// queue, to which they return when they fail again.
func TestRedriveToRemovedTarget(t *testing.T) {
	clock := bailey.NewVirtualClock(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
	r := open(t, bailey.Config{Clock: clock, DeadRetention: 60 * 24 * time.Hour})
	api := newLedger(t)
	route(t, r, "orders", api.URL, withQueue)
	remove := func() {
		t.Helper()
		if err := r.Rules().RemoveTargets(t.Context(), "us-east-1", "default", "orders", []string{"api"}, false); err != nil {
			t.Fatal(err)
		}
	}
	bury(t, r, 2)
	remove()
	if err := r.Advance(t.Context(), 59*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	// Any change of targets forgets those that were removed long ago.
	route(t, r, "others", api.URL, withQueue)
	holds(t, r, deadQueue, 2)
	one, err := r.Redrive(t.Context(), store.Undelivered{Queue: deadQueue}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if one = finished(t, r, one.ID); one.Redriven != 2 {
		t.Errorf("got %d redriven, want 2", one.Redriven)
	}
	ended(t, r, store.Dead)
	holds(t, r, deadQueue, 2)
}

// What somebody has taken out of a queue is dealt with.
func TestRedriveLeavesWhatWasTaken(t *testing.T) {
	api := newLedger(t)
	r := open(t, bailey.Config{})
	route(t, r, "orders", api.URL, withQueue)
	ids := bury(t, r, 4)
	letters, err := r.DeadLetters(t.Context(), store.Undelivered{Event: &ids[1]}, 0, 10)
	if err != nil || len(letters) != 1 {
		t.Fatalf("got %d, %v, want 1", len(letters), err)
	}
	if there, err := r.DeleteDeadLetter(t.Context(), letters[0].ID); err != nil || !there {
		t.Fatalf("got %v, %v", there, err)
	}
	if n, err := r.PurgeDeadLetters(t.Context(), store.Undelivered{Event: &ids[2]}); err != nil || n != 1 {
		t.Fatalf("purged %d, %v, want 1", n, err)
	}
	api.answer(http.StatusOK)
	one, err := r.Redrive(t.Context(), store.Undelivered{Queue: deadQueue}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if one = finished(t, r, one.ID); one.Matched != 2 || one.Redriven != 2 || one.State != store.RedriveDone {
		t.Errorf("got %+v, want 2 redriven", one)
	}
	for i, want := range []store.Status{store.Delivered, store.Dead, store.Dead, store.Delivered} {
		if d := wait(t, r, ids[i])[0]; d.Status != want {
			t.Errorf("event %d is %s, want %s", i, d.Status, want)
		}
	}
	if n, err := r.RedriveEvent(t.Context(), ids[1], store.Undelivered{}); err != nil || n != 1 {
		t.Errorf("its event was named: got %d, %v, want 1", n, err)
	}
}

// On a virtual clock, a rate holds to the delivery.
func TestRedriveRate(t *testing.T) {
	for _, test := range []struct {
		rate float64
		each time.Duration
		want []int // deliveries after each step
	}{
		{rate: 2, each: 500 * time.Millisecond, want: []int{1, 2, 3, 4}},
		{rate: 20, each: 100 * time.Millisecond, want: []int{2, 4, 6, 8}},
		{rate: 0.5, each: time.Second, want: []int{1, 1, 2, 2}},
		{rate: 0, each: time.Millisecond, want: []int{25, 25}},
	} {
		t.Run(fmt.Sprint(test.rate), func(t *testing.T) {
			api := newLedger(t)
			r := open(t, bailey.Config{Clock: bailey.NewVirtualClock(time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC))})
			route(t, r, "orders", api.URL, withQueue)
			bury(t, r, 25)
			api.answer(http.StatusOK)
			if _, err := r.Redrive(t.Context(), store.Undelivered{}, test.rate); err != nil {
				t.Fatal(err)
			}
			var got []int
			for i := range test.want {
				if i > 0 {
					if err := r.Advance(t.Context(), test.each); err != nil {
						t.Fatal(err)
					}
				} else if err := r.Advance(t.Context(), 0); err != nil {
					t.Fatal(err)
				}
				got = append(got, api.called())
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %v deliveries every %v, want %v", got, test.each, test.want)
			}
		})
	}
	r := open(t, bailey.Config{})
	for _, rate := range []float64{-1, 1e7, 1e-9} {
		if _, err := r.Redrive(t.Context(), store.Undelivered{}, rate); err == nil || !strings.Contains(err.Error(), "a rate is a number") {
			t.Errorf("rate %v: got %v, want it refused", rate, err)
		}
	}
}

// A redrive that is interrupted again and again sends each delivery once.
func TestRedriveAcrossRestarts(t *testing.T) {
	const deliveries = 500
	api := newLedger(t)
	cfg := bailey.Config{Dir: t.TempDir()}
	r := open(t, cfg)
	route(t, r, "orders", api.URL, withQueue)
	bury(t, r, deliveries)
	holds(t, r, deadQueue, deliveries)
	api.answer(http.StatusOK)
	one, err := r.Redrive(t.Context(), store.Undelivered{Rule: "orders"}, 2000)
	if err != nil || one.Matched != deliveries {
		t.Fatalf("got %+v, %v, want all of %d selected", one, err, deliveries)
	}
	for part := 1; part <= 4; part++ {
		api.await(part * deliveries / 5)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if n := api.called(); n == deliveries {
			t.Errorf("all have arrived before restart %d: it shows nothing", part)
		}
		r = open(t, cfg)
	}
	if one = finished(t, r, one.ID); one.State != store.RedriveDone || one.Redriven != deliveries {
		t.Errorf("got %+v, want all redriven", one)
	}
	arrived := ended(t, r, store.Delivered)
	if len(arrived) != deliveries {
		t.Errorf("%d were delivered, want %d", len(arrived), deliveries)
	}
	for _, d := range arrived {
		if d.Attempts != 1 || d.Earlier != 1 {
			t.Fatalf("got %+v, want it redriven once", d)
		}
	}
	holds(t, r, deadQueue, 0)
	api.mu.Lock()
	defer api.mu.Unlock()
	if len(api.took) != deliveries {
		t.Errorf("%d different events arrived, want %d", len(api.took), deliveries)
	}
	for body, n := range api.took {
		if n != 1 {
			t.Errorf("arrived %d times: %s", n, body)
		}
	}
}

func TestCancelRedrive(t *testing.T) {
	api := newLedger(t)
	r := open(t, bailey.Config{Clock: bailey.NewVirtualClock(time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC))})
	route(t, r, "orders", api.URL, withQueue)
	bury(t, r, 20)
	api.answer(http.StatusOK)
	one, err := r.Redrive(t.Context(), store.Undelivered{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Advance(t.Context(), time.Second); err != nil {
		t.Fatal(err)
	}
	if one, err = r.CancelRedrive(t.Context(), one.ID); err != nil || one.State != store.RedriveCancelled || one.Redriven != 2 || one.Ended.IsZero() {
		t.Errorf("got %+v, %v, want it cancelled after 2", one, err)
	}
	if err := r.Advance(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	if n := api.called(); n != 2 {
		t.Errorf("%d were sent, want 2", n)
	}
	holds(t, r, deadQueue, 18)
	if _, err := r.CancelRedrive(t.Context(), 4711); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("one that there is not: got %v", err)
	}
	for range 16 {
		if _, err := r.Redrive(t.Context(), store.Undelivered{}, 0.001); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Redrive(t.Context(), store.Undelivered{}, 1); !errors.Is(err, store.ErrRedrives) {
		t.Errorf("a 17th at once: got %v", err)
	}
}

// One that waits for its next attempt is sent now; its attempts go on
// counting, and what else holds it back still does.
func TestHurryEvent(t *testing.T) {
	api := newLedger(t)
	api.answer(http.StatusInternalServerError)
	start := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	r := open(t, bailey.Config{Clock: bailey.NewVirtualClock(start)})
	route(t, r, "orders", api.URL, nil)
	id := put(t, r, order(1))[0]
	settle := func() {
		t.Helper()
		if err := r.Advance(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	hurried := func(which store.Undelivered, want int64) {
		t.Helper()
		if n, err := r.HurryEvent(t.Context(), id, which); err != nil || n != want {
			t.Errorf("got %d, %v, want %d sent now", n, err, want)
		}
		settle()
	}
	settle()
	hurried(store.Undelivered{Rule: "others"}, 0)
	hurried(store.Undelivered{ErrorCode: "TIMEOUT"}, 0)
	hurried(store.Undelivered{Queue: deadQueue}, 0)
	if n := api.called(); n != 1 {
		t.Fatalf("called %d times, want the first attempt alone", n)
	}
	hurried(store.Undelivered{Rule: "orders", API: "orders", ErrorCode: "ERROR_FROM_TARGET"}, 1)
	if n := api.called(); n != 2 {
		t.Fatalf("called %d times, want a second attempt", n)
	}

	if err := r.Pause(t.Context(), store.Endpoint{API: "orders"}); err != nil {
		t.Fatal(err)
	}
	hurried(store.Undelivered{}, 1)
	hurried(store.Undelivered{}, 0) // it is due already
	if n := api.called(); n != 2 {
		t.Errorf("called %d times, want none while it is paused", n)
	}
	api.answer(http.StatusOK)
	if err := r.Resume(t.Context(), store.Endpoint{API: "orders"}); err != nil {
		t.Fatal(err)
	}
	settle()
	d := wait(t, r, id)[0]
	if d.Status != store.Delivered || d.Attempts != 3 || d.Earlier != 0 || !d.Redriven.IsZero() || !d.At.Equal(start) {
		t.Errorf("got %+v, want it delivered by the third attempt with no time gone by", d)
	}
	hurried(store.Undelivered{}, 0)
}
