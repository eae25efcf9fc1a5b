package metrics

// Metric is one of the metrics of namespace AWS/Events. Its number is stored: a number never changes its meaning.
type Metric uint8

// The metrics, numbered from 1 in this order: the rule's counters and latencies, in the order of their indexes, the values
// of PutEvents' calls, and what came later, at the end.
const (
	firstCounter   Metric = 1
	firstLatency          = firstCounter + ruleCounters
	firstPutEvents        = firstLatency + ruleLatencies
	// RulesTriggered is TriggeredRules where no rule is named: a value for each event, the number of rules that it ran.
	RulesTriggered = firstPutEvents + callValues
	// InvocationsCreated has a value for each event that ran a rule: how many invocations that made.
	InvocationsCreated = RulesTriggered + 1
	firstCalls         = InvocationsCreated + 1
	// Events counts the events that a partner's event source sent.
	Events     = firstCalls + callCounters
	endMetrics = Events + 1
)

// MatchedEvents is counted by rules, and also by event buses and by sources for themselves: it is not a sum over rules.
const MatchedEvents = firstCounter + matchedEvents

// TriggeredRules is what one rule counts of it; see [RulesTriggered].
const TriggeredRules = firstCounter + triggeredRules

func (m Metric) series() series {
	switch {
	case m < firstCounter || m >= endMetrics:
		return series{}
	case m < firstLatency:
		return ruleCounterSeries[m-firstCounter]
	case m < firstPutEvents:
		return latencySeries[m-firstLatency]
	case m < RulesTriggered:
		return callValueSeries[m-firstPutEvents]
	case m == RulesTriggered:
		return busTriggeredSeries
	case m == InvocationsCreated:
		return busCreatedSeries
	case m < Events:
		return callCounterSeries[m-firstCalls]
	}
	return eventsSeries
}

// All returns every metric, by number.
func All() []Metric {
	all := make([]Metric, 0, endMetrics-firstCounter)
	for m := firstCounter; m < endMetrics; m++ {
		all = append(all, m)
	}
	return all
}

// ParseMetric returns the metric that AWS calls by the name; [TriggeredRules] of the two that have that name.
func ParseMetric(name string) (Metric, bool) {
	for _, m := range All() {
		if m.String() == name {
			return m, true
		}
	}
	return 0, false
}

// String is AWS's name of the metric; empty for a number that is none.
func (m Metric) String() string { return m.series().aws }

// OfRules reports whether rules count the metric.
func (m Metric) OfRules() bool { return m < firstPutEvents }

// Unit is AWS's unit of the metric's values: "Count", "Milliseconds" or "Bytes".
func (m Metric) Unit() string {
	unit, _, _ := m.measure()
	return unit
}

// Scale turns a number of [Values], in the metric's own measure, into one of its [Metric.Unit].
func (m Metric) Scale(n float64) float64 {
	_, _, scale := m.measure()
	return n * scale
}

// Bounds returns between which values a bucket of the metric lies, in its own measure: above the one and up to the other,
// which is infinite for the last bucket. A metric that only counts has one bucket, for 1.
func (m Metric) Bounds(bucket int) (above, upTo float64) {
	_, unit, _ := m.measure()
	switch {
	case unit == 0:
		return 1, 1
	case bucket > 0:
		above = upperBound(bucket-1) * unit
	}
	return above, upperBound(min(bucket, histogramBuckets-1)) * unit
}

// measure returns what the metric is shown in, the width of its first bucket in its own measure, and what one of that
// measure is in the unit shown.
func (m Metric) measure() (unit string, width, scale float64) {
	switch {
	case m < firstLatency, m >= firstCalls:
		return "Count", 0, 1
	case m < firstPutEvents, m == firstPutEvents+callLatency:
		return "Milliseconds", float64(latencyUnit), 1e-6
	case m == firstPutEvents+callSize:
		return "Bytes", sizeUnit, 1
	}
	return "Count", countUnit, 1
}

// Buckets is how many buckets a metric can have.
const Buckets = histogramBuckets

// Series is who counted: a rule; an event bus, where Rule is empty; the calls of PutEvents in a region, where Bus is empty
// too; or the events of a source, whose name Rule is where Bus alone is empty.
type Series struct{ Region, Bus, Rule string }

// Values is what a metric came to in some time: how many values, and which. Numbers are in the metric's own measure, which
// is nanoseconds for a latency. The zero Values is none.
type Values struct {
	Count, Sum, Min, Max uint64
	Buckets              []Bucket // by Index, those that are not empty; none for a metric that only counts
}

// Bucket is how many values are in a bucket; see [Metric.Bounds].
type Bucket struct {
	Index int
	Count uint64
}

// Counted is the Values of n things that were counted one by one.
func Counted(n uint64) Values { return Values{Count: n, Sum: n, Min: 1, Max: 1} }

// Add adds what came to w. It changes no Values that v was copied from.
func (v *Values) Add(w Values) {
	if w.Count == 0 {
		return
	}
	if v.Count == 0 {
		*v = w
		return
	}
	v.Count += w.Count
	v.Sum += w.Sum
	v.Min, v.Max = min(v.Min, w.Min), max(v.Max, w.Max)
	merged := make([]Bucket, 0, len(v.Buckets)+len(w.Buckets))
	a, b := v.Buckets, w.Buckets
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].Index < b[0].Index:
			merged, a = append(merged, a[0]), a[1:]
		case a[0].Index > b[0].Index:
			merged, b = append(merged, b[0]), b[1:]
		default:
			merged = append(merged, Bucket{a[0].Index, a[0].Count + b[0].Count})
			a, b = a[1:], b[1:]
		}
	}
	v.Buckets = append(append(merged, a...), b...)
}

// Percentile returns the value that p per cent of the values are not above (0 to 100), in the metric's own measure. It is
// exact for 0 and 100; between them it is worked out from the buckets, and off by the width of one at most, which is a quarter.
func (v *Values) Percentile(m Metric, p float64) float64 {
	if v.Count == 0 {
		return 0
	}
	lowest, highest := float64(v.Min), float64(v.Max)
	if p <= 0 || len(v.Buckets) == 0 {
		return lowest
	}
	rank := p / 100 * float64(v.Count)
	below := 0.0
	for _, b := range v.Buckets {
		if n := float64(b.Count); below+n < rank {
			below += n
			continue
		}
		above, upTo := m.Bounds(b.Index)
		above, upTo = max(above, lowest), min(upTo, highest)
		return min(max(above+(upTo-above)*(rank-below)/float64(b.Count), lowest), highest)
	}
	return highest
}

// Distributed reports whether the metric's values differ, so that they are kept in buckets. The others count one by one.
func (m Metric) Distributed() bool {
	_, width, _ := m.measure()
	return width > 0
}
