package history

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bailey/internal/clock"
	"bailey/internal/metrics"
	"bailey/internal/store"
	"bailey/internal/store/sqlite"
)

var (
	start   = time.Date(2026, 11, 23, 12, 0, 30, 0, time.UTC)
	minute0 = minuteOf(start)
	quiet   = slog.New(slog.DiscardHandler)
)

func openStore(t *testing.T, dir string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(sqlite.Config{Dir: dir, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func openRecorder(t *testing.T, s Store, m *metrics.Metrics, c clock.Clock) *Recorder {
	t.Helper()
	r, err := Open(t.Context(), Config{Store: s, Metrics: m, Clock: c, Log: quiet})
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

// forward moves a virtual clock as the router does.
func forward(t *testing.T, v *clock.Virtual, r *Recorder, d time.Duration) {
	t.Helper()
	if err := v.Advance(t.Context(), d, func(context.Context) error { r.Take(); return nil }); err != nil {
		t.Fatal(err)
	}
}

// read returns how often the metric was counted, by minutes after minute0.
func read(t *testing.T, r *Recorder, q store.MinuteQuery, name string) map[int64]uint64 {
	t.Helper()
	m, ok := metrics.ParseMetric(name)
	if !ok {
		t.Fatal(name)
	}
	q.Region, q.To = "r", 1<<40
	got := make(map[int64]uint64)
	if err := r.Read(t.Context(), q, m, func(at int64, v metrics.Values) { got[at-minute0] += v.Count }); err != nil {
		t.Fatal(err)
	}
	return got
}

func mustRead(t *testing.T, r *Recorder, q store.MinuteQuery, name string, want map[int64]uint64) {
	t.Helper()
	if got := read(t, r, q, name); !maps.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", name, got, want)
	}
}

var ruleX = store.MinuteQuery{Bus: "b", Rule: "x"}

func TestMinutesOfAVirtualClock(t *testing.T) {
	dir := t.TempDir()
	s, m, v := openStore(t, dir), metrics.New(metrics.Config{}), clock.NewVirtual(start)
	r := openRecorder(t, s, m, v)
	x, y := m.Rule("r", "b", "x"), m.Rule("r", "c", "y")

	x.Matched()
	y.Matched()
	y.Attempted(metrics.Attempt{Number: 1, Outcome: metrics.Delivered})
	mustRead(t, r, ruleX, "MatchedEvents", map[int64]uint64{0: 1}) // at once
	x.Matched()
	forward(t, v, r, 29*time.Second)
	x.Matched()
	forward(t, v, r, time.Second) // to the next minute
	x.Matched()
	forward(t, v, r, 24*time.Hour)
	x.Matched()
	want := map[int64]uint64{0: 3, 1: 1, 1441: 1}
	mustRead(t, r, ruleX, "MatchedEvents", want)
	mustRead(t, r, store.MinuteQuery{Bus: "b", AllRules: true}, "MatchedEvents", want)
	mustRead(t, r, store.MinuteQuery{AllBuses: true, AllRules: true}, "MatchedEvents", map[int64]uint64{0: 4, 1: 1, 1441: 1})
	mustRead(t, r, ruleX, "Invocations", map[int64]uint64{})

	// What was stored is there after a restart, the open minute among it, and goes on.
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	m = metrics.New(metrics.Config{})
	r = openRecorder(t, s, m, v)
	mustRead(t, r, ruleX, "MatchedEvents", want)
	m.Rule("r", "b", "x").Matched()
	want[1441]++
	mustRead(t, r, ruleX, "MatchedEvents", want)
	var listed []string
	for _, k := range r.List("r") {
		if k.Metric == metrics.MatchedEvents {
			listed = append(listed, fmt.Sprintf("%s/%s %s", k.Series.Bus, k.Series.Rule, k.Latest.Format("02 15:04")))
		}
	}
	slices.Sort(listed)
	if want := []string{"b/x 24 12:02", "c/y 23 12:01"}; !slices.Equal(listed, want) {
		t.Errorf("got %q, want %q", listed, want)
	}

	// After 15 days it is gone.
	forward(t, v, r, Retention-2*time.Minute)
	m.Rule("r", "b", "x").Matched()
	forward(t, v, r, time.Minute)
	mustRead(t, r, ruleX, "MatchedEvents", map[int64]uint64{1441: 2, minuteOf(v.Now()) - minute0 - 1: 1})
	if got := r.List("r"); len(got) != 2 { // MatchedEvents and TriggeredRules of x
		t.Errorf("got %v", got)
	}
}

func TestMinutesOfARealClock(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		m := metrics.New(metrics.Config{})
		s, err := sqlite.Open(sqlite.Config{Dir: dir, Log: quiet})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Until(time.Now().Truncate(time.Hour).Add(time.Hour + 30*time.Second)))
		from := minuteOf(time.Now())
		r, err := Open(t.Context(), Config{Store: s, Metrics: m, Clock: clock.Real(), Log: quiet})
		if err != nil {
			t.Fatal(err)
		}
		x := m.Rule("r", "b", "x")
		for range 4 { // at 0:30, 0:55, 1:20, 1:45
			x.Matched()
			time.Sleep(25 * time.Second)
		}
		mustRead(t, r, ruleX, "MatchedEvents", map[int64]uint64{from - minute0: 2, from - minute0 + 1: 2})
		synctest.Wait()
		if len(r.pending) != 0 {
			t.Errorf("%d minutes were not stored", len(r.pending))
		}
		if err := errors.Join(r.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	})
}

// failing is a store that cannot be written for the time being.
type failing struct {
	*sqlite.Store
	on atomic.Bool
}

func (f *failing) PutMinutes(ctx context.Context, minutes []store.Minute) error {
	if f.on.Load() {
		return errors.New("no space left")
	}
	return f.Store.PutMinutes(ctx, minutes)
}

func TestMinutesWaitForTheStore(t *testing.T) {
	s := &failing{Store: openStore(t, t.TempDir())}
	m, v := metrics.New(metrics.Config{}), clock.NewVirtual(start)
	r := openRecorder(t, s, m, v)
	x := m.Rule("r", "b", "x")
	want := make(map[int64]uint64)
	for i := range 5 {
		s.on.Store(i < 4)
		x.Matched()
		want[int64(i)] = 1
		forward(t, v, r, time.Minute)
		if err := r.write(t.Context()); (err != nil) != (i < 4) {
			t.Fatalf("minute %d: %v", i, err)
		}
		mustRead(t, r, ruleX, "MatchedEvents", want)
	}
	if len(r.pending) != 0 {
		t.Errorf("%d minutes still wait", len(r.pending))
	}
}

func TestSeriesAreBounded(t *testing.T) {
	r := openRecorder(t, openStore(t, t.TempDir()), metrics.New(metrics.Config{}), clock.NewVirtual(start))
	r.mu.Lock()
	for i := range maxSeries + 10 {
		r.count(metrics.Series{Region: "r", Bus: "b", Rule: fmt.Sprint(i)}, metrics.MatchedEvents, metrics.Counted(1))
	}
	got := len(r.latest)
	others := *r.open[store.Series{Region: metrics.Other, Bus: metrics.Other, Rule: metrics.Other}]
	clear(r.open)
	r.mu.Unlock()
	if got != maxSeries+1 || others[0].values.Count != 10 {
		t.Errorf("got %d series and %v of others, want %d and 10", got, others, maxSeries+1)
	}
}

// What is stored is read back; anything else is refused or reads as something that is stored alike.
func FuzzParsePoint(f *testing.F) {
	var p point
	p.add(11, metrics.Values{Count: 3, Sum: 600, Min: 100, Max: 300, Buckets: []metrics.Bucket{{Index: 0, Count: 1}, {Index: 9, Count: 2}}})
	p.add(1, metrics.Counted(300))
	f.Add(p.encode())
	f.Add([]byte{version})
	f.Add([]byte{version, 11, 1, 1, 1, 1, 1, 200, 1, 1})
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := parsePoint(text)
		if err != nil {
			return
		}
		again, err := parsePoint(p.encode())
		if err != nil {
			t.Fatalf("%x: %v", text, err)
		}
		if a, b := p.encode(), again.encode(); !bytes.Equal(a, b) {
			t.Fatalf("%x is %x and then %x", text, a, b)
		}
		for _, m := range p {
			if got := m.values.Percentile(m.metric, 50); got < float64(m.values.Min) || got > float64(m.values.Max) {
				t.Fatalf("%+v: the median is %v", m, got)
			}
		}
	})
}

func FuzzParseLatest(f *testing.F) {
	f.Add((&latest{1: 5, 17: 1 << 30}).encode())
	f.Add([]byte{version, 1})
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := parseLatest(text)
		if err != nil {
			return
		}
		again, err := parseLatest(l.encode())
		if err != nil || *again != *l {
			t.Fatalf("%x: got %v, %v, want %v", text, again, err, l)
		}
	})
}
