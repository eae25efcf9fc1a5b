package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// ticker is an API that counts the ticks that arrive, by the time of the scheduled event and by its id.
type ticker struct {
	*httptest.Server
	mu     sync.Mutex
	byTime map[time.Time]map[string]int // requests by event id
	total  int
	reach  chan struct{} // closed once there are as many as wanted
	wanted int
}

func newTicker(t *testing.T) *ticker {
	t.Helper()
	k := &ticker{byTime: map[time.Time]map[string]int{}}
	k.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // cut off
		}
		var event struct {
			ID   string
			Time time.Time
		}
		if err := json.Unmarshal(body, &event); err != nil {
			t.Errorf("got %s: %v", body, err)
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.byTime[event.Time] == nil {
			k.byTime[event.Time] = map[string]int{}
		}
		k.byTime[event.Time][event.ID]++
		if k.total++; k.reach != nil && k.total == k.wanted {
			close(k.reach)
		}
	}))
	t.Cleanup(k.Close)
	return k
}

// after returns a channel that is closed when n more requests have come.
func (k *ticker) after(n int) <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.wanted, k.reach = k.total+n, make(chan struct{})
	return k.reach
}

// last is the time of the latest tick that has arrived.
func (k *ticker) last() (at time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for t := range k.byTime {
		if t.After(at) {
			at = t
		}
	}
	return at
}

// A month of ticks every five minutes, with kill -9 again and again while the clock moves: each tick happens at its time,
// and once. Each is one event; a request that a kill came upon is made again, as it must be.
func TestMonthOfTicks(t *testing.T) {
	t.Parallel()
	const kills = 3
	api := newTicker(t)
	begin := time.Date(2026, 2, 27, 23, 58, 30, 0, time.UTC)
	end := begin.Add(30 * 24 * time.Hour)
	dir := t.TempDir()
	s := StartIn(t, dir, "--clock", "virtual", "--at", begin.Format(time.RFC3339))
	s.PutAPI(t, "ticks", map[string]any{"url": api.URL})
	client := newGoSDK(s)
	client.Call(t, "PutRule", Object{"Name": "every-5", "ScheduleExpression": "cron(0/5 * * * ? *)"}).OK(t)
	client.Call(t, "PutTargets", Object{"Rule": "every-5", "Targets": List{
		Object{"Id": "api", "Arn": "arn:aws:execute-api:us-east-1:000000000000:ticks/prod/POST/ticks"},
	}}).OK(t)

	began := time.Now()
	for range kills {
		enough := api.after(1000)
		moved := make(chan struct{})
		go func() {
			defer close(moved)
			// It ends with the server, in the middle of the month.
			_, _, _ = s.do(t.Context(), http.MethodPost, "/_bailey/v1/clock/advance", []byte(`{"by": "720h"}`))
		}()
		<-enough
		s.Kill(t)
		<-moved
		s = StartIn(t, dir, "--clock", "virtual") // goes on where the clock stood
		if now, last := s.Now(t), api.last(); now.Before(last) || !now.Before(end) {
			t.Fatalf("the clock stands at %v after a restart; there was a tick at %v, and the month ends at %v", now, last, end)
		}
	}
	if now := s.Advance(t, end.Sub(s.Now(t)).String()); !now.Equal(end) {
		t.Errorf("the clock stands at %v, want %v", now, end)
	}
	t.Logf("a month of ticks and %d kills took %v", kills, time.Since(began))

	api.mu.Lock()
	defer api.mu.Unlock()
	want, again := 0, 0
	for at := begin.Truncate(5 * time.Minute).Add(5 * time.Minute); !at.After(end); at = at.Add(5 * time.Minute) {
		want++
		if n := len(api.byTime[at]); n != 1 {
			t.Errorf("the tick of %v happened %d times", at, n)
		}
		for id, n := range api.byTime[at] {
			again += n - 1
			if n > 2 {
				t.Errorf("event %s was sent %d times", id, n)
			}
		}
	}
	if len(api.byTime) != want || want != 30*24*12 {
		t.Errorf("there were ticks at %d moments, want %d", len(api.byTime), want)
	}
	if again > kills {
		t.Errorf("%d requests were made again after %d kills", again, kills)
	}
}
