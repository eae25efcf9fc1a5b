package metrics

import (
	"maps"
	"slices"
	"sync/atomic"
)

type takenRule struct {
	counts    [ruleCounters]uint64
	latencies [ruleLatencies]takenHistogram
}

type takenHistogram struct {
	buckets [histogramBuckets]uint64
	sum     uint64
}

type goneRule struct {
	key  ruleKey
	rule *Rule
}

// Take calls each with what has been counted since the last Take, in no order, and leaves out what has not moved. What is
// counted meanwhile is in this one or in the next. Values are each's to keep.
//
// It takes a few microseconds for a rule that was busy and less than one for any other; nobody who counts waits for it.
func (m *Metrics) Take(each func(Series, Metric, Values)) {
	m.taking.Lock()
	defer m.taking.Unlock()

	m.mu.Lock()
	rules := maps.Clone(m.rules)
	buses := maps.Clone(m.buses)
	calls := maps.Clone(m.calls)
	gone := m.gone
	m.gone = nil
	m.mu.Unlock()

	for _, g := range gone {
		g.rule.take(Series{g.key.region, g.key.bus, g.key.rule}, each)
	}
	for key, rule := range rules {
		rule.take(Series{key.region, key.bus, key.rule}, each)
	}
	for key, bus := range buses {
		takeCount(&bus.matchedEvents, &bus.taken, Series{Region: key.region, Bus: key.bus}, MatchedEvents, each)
		for i := range bus.events {
			bus.events[i].take(&bus.takenEvents[i], Series{Region: key.region, Bus: key.bus}, RulesTriggered+Metric(i), each)
		}
	}
	m.sources.each(func(source *Source) {
		series := Series{Region: source.region, Rule: source.name}
		takeCount(&source.matchedEvents, &source.takenMatchedEvents, series, MatchedEvents, each)
		takeCount(&source.events, &source.takenEvents, series, Events, each)
	})
	for region, c := range calls {
		for i := range c.values {
			c.values[i].take(&c.takenValues[i], Series{Region: region}, firstPutEvents+Metric(i), each)
		}
		for i := range c.counts {
			takeCount(&c.counts[i], &c.takenCounts[i], Series{Region: region}, firstCalls+Metric(i), each)
		}
	}
}

func takeCount(counter *atomic.Uint64, taken *uint64, series Series, m Metric, each func(Series, Metric, Values)) {
	count := counter.Load()
	if n := count - *taken; n > 0 {
		each(series, m, Counted(n))
	}
	*taken = count
}

func (r *Rule) take(series Series, each func(Series, Metric, Values)) {
	attempts := r.taken.counts[invocationAttempts]
	for i := range r.counts {
		takeCount(&r.counts[i], &r.taken.counts[i], series, firstCounter+Metric(i), each)
	}
	// An attempt is counted after its latencies: where there was none, there is nothing to look for.
	if r.taken.counts[invocationAttempts] == attempts {
		return
	}
	for i := range r.latencies {
		r.latencies[i].take(&r.taken.latencies[i], series, firstLatency+Metric(i), each)
	}
}

func (h *histogram) take(taken *takenHistogram, series Series, m Metric, each func(Series, Metric, Values)) {
	var v Values
	for i := range h.buckets {
		count := h.buckets[i].Load()
		if n := count - taken.buckets[i]; n > 0 {
			v.Buckets = append(v.Buckets, Bucket{i, n})
			v.Count += n
		}
		taken.buckets[i] = count
	}
	if v.Count == 0 {
		return
	}
	v.Buckets = slices.Clip(v.Buckets)
	sum := h.sum.Load()
	v.Sum = sum - taken.sum
	taken.sum = sum
	// A value is counted in three steps, and a take may come between them: its extremes may have been taken already, or those
	// of one that is not in a bucket yet. The buckets say in which bounds they have to be.
	v.Min, v.Max = ^h.low.Swap(0), h.high.Swap(0)
	_, upTo := m.Bounds(v.Buckets[0].Index)
	above, _ := m.Bounds(v.Buckets[len(v.Buckets)-1].Index)
	if upTo < 1<<63 {
		v.Min = min(v.Min, uint64(upTo))
	}
	v.Max = max(v.Max, uint64(above), v.Min)
	each(series, m, v)
}
