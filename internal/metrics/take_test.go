package metrics

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

type taken struct {
	series Series
	metric string
}

// take returns what one Take gives.
func take(m *Metrics) map[taken]Values {
	all := make(map[taken]Values)
	m.Take(func(s Series, metric Metric, v Values) { all[taken{s, metric.String()}] = v })
	return all
}

func TestTakeGivesWhatIsNew(t *testing.T) {
	m := New(Config{})
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	rule, bus := m.Rule("r", "b", "x"), m.Bus("r", "b")
	m.Rule("r", "b", "idle")
	of := Series{"r", "b", "x"}
	millis := func(n uint64) uint64 { return n * 1e6 }

	rule.Matched()
	bus.Matched(2, 3)
	m.Source("r", []byte("s")).Matched()
	m.Source("r", []byte("s")).Ingested()
	for _, d := range []time.Duration{2 * time.Millisecond, 10 * time.Millisecond, 4 * time.Millisecond} {
		rule.Attempted(Attempt{Number: 1, Outcome: Delivered, Ingested: start, Started: start.Add(time.Millisecond), Ended: start.Add(d)})
	}
	m.Called("r", Call{Entries: 10, FailedEntries: 1, RequestSize: 1000, Started: start, Ended: start.Add(time.Second)})
	m.Called("r", Call{Refused: true, Throttled: true, Entries: 5, RequestSize: 5, Started: start, Ended: start.Add(time.Second)})
	bucket := func(ns uint64) int { return bucketOf(ns, uint64(latencyUnit)) }
	starts := Values{3, millis(3), millis(1), millis(1), []Bucket{{bucket(millis(1)), 3}}}
	ends := Values{3, millis(16), millis(2), millis(10), []Bucket{{bucket(millis(2)), 1}, {bucket(millis(4)), 1}, {bucket(millis(10)), 1}}}
	mustEqual(t, take(m), map[taken]Values{
		{of, "MatchedEvents"}:                                Counted(1),
		{of, "TriggeredRules"}:                               Counted(1),
		{of, "Invocations"}:                                  Counted(3),
		{of, "InvocationAttempts"}:                           Counted(3),
		{of, "SuccessfulInvocationAttempts"}:                 Counted(3),
		{of, "IngestionToInvocationStartLatency"}:            starts,
		{of, "IngestionToInvocationCompleteLatency"}:         ends,
		{of, "IngestionToInvocationSuccessLatency"}:          ends,
		{Series{"r", "b", ""}, "MatchedEvents"}:              Counted(1),
		{Series{"r", "", ""}, "PutEventsEntriesCount"}:       {1, 10, 10, 10, []Bucket{{8, 1}}},
		{Series{"r", "", ""}, "PutEventsFailedEntriesCount"}: {1, 1, 1, 1, []Bucket{{0, 1}}},
		{Series{"r", "", ""}, "PutEventsRequestSize"}:        {2, 1000, 0, 1000, []Bucket{{0, 1}, {bucketOf(1000, sizeUnit), 1}}},

		{Series{"r", "b", ""}, "TriggeredRules"}:                    {1, 2, 2, 2, []Bucket{{1, 1}}},
		{Series{"r", "b", ""}, "InvocationsCreated"}:                {1, 3, 3, 3, []Bucket{{2, 1}}},
		{Series{"r", "", "s"}, "MatchedEvents"}:                     Counted(1),
		{Series{"r", "", "s"}, "Events"}:                            Counted(1),
		{Series{"r", "", ""}, "PutEventsApproximateCallCount"}:      Counted(2),
		{Series{"r", "", ""}, "PutEventsApproximateSuccessCount"}:   Counted(1),
		{Series{"r", "", ""}, "PutEventsApproximateFailedCount"}:    Counted(1),
		{Series{"r", "", ""}, "PutEventsApproximateThrottledCount"}: Counted(1),
		{Series{"r", "", ""}, "PutEventsLatency"}:                   {1, 1e9, 1e9, 1e9, []Bucket{{bucket(1e9), 1}}},
	})
	mustEqual(t, take(m), map[taken]Values{})

	// The second time only what is new, with extremes of its own.
	rule.Attempted(Attempt{Number: 1, Outcome: Failed, Ingested: start, Started: start, Ended: start.Add(3 * time.Millisecond)})
	got := take(m)
	if want := (Values{1, millis(3), millis(3), millis(3), []Bucket{{bucket(millis(3)), 1}}}); !equal(got[taken{of, "IngestionToInvocationCompleteLatency"}], want) {
		t.Errorf("got %+v, want %+v", got, want)
	}

	// What a rule counted before it was forgotten is taken, and once.
	rule.Throttled()
	m.ForgetBus("r", "b")
	mustEqual(t, take(m), map[taken]Values{{of, "ThrottledRules"}: Counted(1)})
	mustEqual(t, take(m), map[taken]Values{})
}

func mustEqual(t *testing.T, got, want map[taken]Values) {
	t.Helper()
	if !maps.EqualFunc(got, want, equal) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

func equal(a, b Values) bool {
	return a.Count == b.Count && a.Sum == b.Sum && a.Min == b.Min && a.Max == b.Max && slices.Equal(a.Buckets, b.Buckets)
}

// Nothing is lost or taken twice while others count.
func TestTakeWhileCounting(t *testing.T) {
	const workers, each = 3, 3000
	m := New(Config{})
	rule := m.Rule("r", "b", "x")
	start := time.Unix(0, 0)
	var counting sync.WaitGroup
	for w := range workers {
		counting.Go(func() {
			for i := range each {
				end := start.Add(time.Duration(w*each+i) * time.Microsecond)
				rule.Attempted(Attempt{Number: 1, Outcome: Delivered, Ingested: start, Started: end, Ended: end})
			}
		})
	}
	done := make(chan struct{})
	go func() { counting.Wait(); close(done) }()
	sums := make(map[string]Values)
	for last := false; !last; {
		select {
		case <-done:
			last = true
		default:
		}
		m.Take(func(_ Series, metric Metric, v Values) {
			if v.Min > v.Max {
				t.Errorf("%v: got %d to %d", metric, v.Min, v.Max)
			}
			all := sums[metric.String()]
			all.Add(v)
			sums[metric.String()] = all
		})
	}
	const n = workers * each
	latency := sums["IngestionToInvocationStartLatency"]
	if sums["Invocations"].Count != n || latency.Count != n || latency.Sum != n*(n-1)/2*1000 || latency.Min != 0 || latency.Max != (n-1)*1000 {
		t.Errorf("got %+v", latency)
	}
}

// A value lies in the bounds of its bucket, and buckets leave no gap.
func TestBuckets(t *testing.T) {
	const latency = firstLatency
	unit := uint64(latencyUnit)
	for i := range 100_000 {
		value := uint64(i) * 7919
		if i > 50_000 {
			value = rand.Uint64() >> rand.IntN(63)
		}
		b := bucketOf(value, unit)
		if above, upTo := latency.Bounds(b); float64(value) > upTo || float64(value) <= above && value > 0 {
			t.Fatalf("%d is in bucket %d: above %v up to %v", value, b, above, upTo)
		}
	}
	for b := 1; b < histogramBuckets; b++ {
		_, before := latency.Bounds(b - 1)
		above, upTo := latency.Bounds(b)
		if above != before || upTo <= above || b > 3 && upTo/above > 1.25 && b < histogramBuckets-1 {
			t.Errorf("bucket %d: above %v up to %v, after %v", b, above, upTo, before)
		}
	}
	if _, upTo := latency.Bounds(histogramBuckets - 2); time.Duration(upTo) < 37*time.Hour {
		t.Errorf("the last bucket but one ends at %v", time.Duration(upTo))
	}
}

// The oracle sorts the values.
func TestPercentile(t *testing.T) {
	for _, spread := range []float64{0.5, 1, 3} {
		var h histogram
		values := make([]float64, 5000)
		for i := range values {
			v := uint64(math.Exp(rand.NormFloat64()*spread) * 1e6)
			values[i] = float64(v)
			h.observe(v, uint64(latencyUnit))
		}
		slices.Sort(values)
		var got Values
		h.take(new(takenHistogram), Series{}, firstLatency, func(_ Series, _ Metric, v Values) { got = v })
		for _, p := range []float64{0, 10, 50, 90, 99, 99.9, 100} {
			want := values[max(int(math.Ceil(p/100*float64(len(values))))-1, 0)]
			have := got.Percentile(firstLatency, p)
			if slack := max(want*0.25, float64(latencyUnit)); math.Abs(have-want) > slack {
				t.Errorf("p%v: got %v, want %v", p, have, want)
			}
			if (p == 0 || p == 100) && have != want {
				t.Errorf("p%v: got %v, want exactly %v", p, have, want)
			}
		}
	}
	if v := Counted(5); v.Percentile(firstCounter, 50) != 1 {
		t.Error("a percentile of what is counted is not 1")
	}
}

func TestMetrics(t *testing.T) {
	units := map[string]int{}
	for i, m := range All() {
		if int(m) != i+1 {
			t.Errorf("metric %v has number %d", m, m)
		}
		if same, ok := ParseMetric(m.String()); !ok || same != m && (m != RulesTriggered || same != TriggeredRules) {
			t.Errorf("%v is read as %v", m, same)
		}
		units[m.Unit()]++
	}
	if want := map[string]int{"Count": 19, "Milliseconds": 4, "Bytes": 1}; !maps.Equal(units, want) {
		t.Errorf("got %v, want %v", units, want)
	}
	// These numbers are in stores.
	for name, want := range map[string]Metric{"MatchedEvents": 1, "FailedInvocations": 5, "InvocationsFailedToBeSentToDlq": 10,
		"IngestionToInvocationStartLatency": 11, "PutEventsEntriesCount": 14, "PutEventsLatency": 17, "InvocationsCreated": 19, "PutEventsApproximateCallCount": 20, "Events": 24} {
		if got, _ := ParseMetric(name); got != want {
			t.Errorf("%s: got %d, want %d", name, got, want)
		}
	}
	if _, ok := ParseMetric(""); ok {
		t.Error("the empty name is a metric")
	}
}

func BenchmarkTake(b *testing.B) {
	m := New(Config{})
	rules := make([]*Rule, 1000)
	for i := range rules {
		rules[i] = m.Rule("r", "b", string(rune('a'+i%26))+string(rune('a'+i/26)))
	}
	for b.Loop() {
		for _, r := range rules {
			r.Matched()
			r.Attempted(Attempt{Number: 1, Outcome: Delivered})
		}
		m.Take(func(Series, Metric, Values) {})
	}
}
