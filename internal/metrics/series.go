package metrics

import (
	"maps"
	"net/http"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// series is one metric: what AWS calls it in namespace AWS/Events, what Prometheus sees, and what it says.
type series struct{ aws, prometheus, help string }

var ruleCounterSeries = [ruleCounters]series{
	matchedEvents: {"MatchedEvents", "bailey_matched_events_total",
		"Events that matched the rule."},
	triggeredRules: {"TriggeredRules", "bailey_triggered_rules_total",
		"Times that the rule ran, for an event or by its schedule."},
	throttledRules: {"ThrottledRules", "bailey_throttled_rules_total",
		"Times that a delivery had to wait for its endpoint's limits."},
	invocations: {"Invocations", "bailey_invocations_total",
		"Deliveries that have ended, in success or for good in failure."},
	failedInvocations: {"FailedInvocations", "bailey_failed_invocations_total",
		"Deliveries that have failed for good."},
	invocationAttempts: {"InvocationAttempts", "bailey_invocation_attempts_total",
		"Attempts to invoke a target, retries among them."},
	retryInvocationAttempts: {"RetryInvocationAttempts", "bailey_retry_invocation_attempts_total",
		"Attempts to invoke a target that were retries."},
	successfulInvocationAttempts: {"SuccessfulInvocationAttempts", "bailey_successful_invocation_attempts_total",
		"Attempts to invoke a target that succeeded."},
	invocationsSentToDLQ: {"InvocationsSentToDlq", "bailey_invocations_sent_to_dlq_total",
		"Failed deliveries whose event was put in the dead-letter queue."},
	invocationsFailedToBeSentToDLQ: {"InvocationsFailedToBeSentToDlq", "bailey_invocations_failed_to_be_sent_to_dlq_total",
		"Failed deliveries whose event could not be put in the dead-letter queue."},
}

var ruleLatencySeries = [ruleLatencies]series{
	startLatency: {"IngestionToInvocationStartLatency", "bailey_ingestion_to_invocation_start_latency_seconds",
		"From an event's ingestion to the start of its first attempt."},
	completeLatency: {"IngestionToInvocationCompleteLatency", "bailey_ingestion_to_invocation_complete_latency_seconds",
		"From an event's ingestion to the end of its first attempt."},
	successLatency: {"IngestionToInvocationSuccessLatency", "bailey_ingestion_to_invocation_success_latency_seconds",
		"From an event's ingestion to the end of the attempt that succeeded."},
}

var (
	busMatchedSeries = series{"MatchedEvents", "bailey_event_bus_matched_events_total",
		"Events that matched at least one rule of the event bus."}
	entriesSeries = series{"PutEventsEntriesCount", "bailey_put_events_entries_total",
		"Entries in the requests of PutEvents."}
	failedEntriesSeries = series{"PutEventsFailedEntriesCount", "bailey_put_events_failed_entries_total",
		"Entries in the requests of PutEvents that were not taken."}
	requestSizeSeries = series{"PutEventsRequestSize", "bailey_put_events_request_size_bytes",
		"Size of the requests of PutEvents."}
	latencySeries = series{"PutEventsLatency", "bailey_put_events_latency_seconds",
		"Time taken by the requests of PutEvents."}
)

// bounds are the buckets that Prometheus is shown, of those that are kept: it stores each as a series of its own.
type bounds struct {
	doublings []int
	unit      float64 // what a bucket of no doublings reaches to, in the unit that is shown
	scale     float64 // from what is kept to the unit that is shown
}

var (
	// Each doubling from 1 ms to 16 s, then each eightfold to 37 hours.
	latencyBounds = bounds{
		doublings: []int{3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 20, 23, 26, 29, 30},
		unit:      latencyUnit.Seconds(),
		scale:     1e-9,
	}
	// Each fourfold from 256 bytes to 4 MiB; all the entries of a call have 1 MiB together.
	sizeBounds = bounds{doublings: []int{2, 4, 6, 8, 10, 12, 14, 16}, unit: sizeUnit, scale: 1}
)

// collector shows a Metrics to Prometheus.
type collector struct {
	metrics       *Metrics
	ruleCounters  [ruleCounters]*prometheus.Desc
	ruleLatencies [ruleLatencies]*prometheus.Desc
	busMatched    *prometheus.Desc
	entries       *prometheus.Desc
	failedEntries *prometheus.Desc
	requestSize   *prometheus.Desc
	latency       *prometheus.Desc
}

// register fills the registry with all that a Metrics shows of itself, of its process and of Go.
func (m *Metrics) register(version string) {
	c := &collector{metrics: m}
	for i, s := range ruleCounterSeries {
		c.ruleCounters[i] = s.desc("region", "event_bus", "rule")
	}
	for i, s := range ruleLatencySeries {
		c.ruleLatencies[i] = s.desc("region", "event_bus", "rule")
	}
	c.busMatched = busMatchedSeries.desc("region", "event_bus")
	c.entries = entriesSeries.desc("region")
	c.failedEntries = failedEntriesSeries.desc("region")
	c.requestSize = requestSizeSeries.desc("region")
	c.latency = latencySeries.desc("region")

	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "bailey_build_info",
		Help:        "Always 1; its labels say what is running.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(c, build,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
}

func (s series) desc(labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(s.prometheus, s.help, labels, nil)
}

// Handler answers Prometheus's scrapes, a few at a time.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// Describe implements [prometheus.Collector].
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range c.ruleCounters {
		out <- desc
	}
	for _, desc := range c.ruleLatencies {
		out <- desc
	}
	for _, desc := range []*prometheus.Desc{c.busMatched, c.entries, c.failedEntries, c.requestSize, c.latency} {
		out <- desc
	}
}

// Collect implements [prometheus.Collector]. The handles are looked up under the lock and read without it, so that a
// scraper that reads slowly holds nobody up.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	c.metrics.mu.Lock()
	rules := maps.Clone(c.metrics.rules)
	buses := maps.Clone(c.metrics.buses)
	regions := maps.Clone(c.metrics.regions)
	c.metrics.mu.Unlock()

	for key, rule := range rules {
		labels := []string{key.region, key.bus, key.rule}
		for i, desc := range c.ruleCounters {
			out <- counter(desc, rule.counts[i].Load(), labels...)
		}
		// A rule that invokes nothing has no latency to show: 23 lines each that would say so are spared.
		if rule.counts[invocationAttempts].Load() == 0 {
			continue
		}
		for i, desc := range c.ruleLatencies {
			out <- latencyBounds.metric(desc, &rule.latencies[i], labels...)
		}
	}
	for key, bus := range buses {
		out <- counter(c.busMatched, bus.matchedEvents.Load(), key.region, key.bus)
	}
	for region, calls := range regions {
		out <- counter(c.entries, calls.entries.sum.Load(), region)
		out <- counter(c.failedEntries, calls.failedEntries.sum.Load(), region)
		out <- sizeBounds.metric(c.requestSize, &calls.requestSize, region)
		out <- latencyBounds.metric(c.latency, &calls.latency, region)
	}
}

func counter(desc *prometheus.Desc, value uint64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(value), labels...)
}

// metric is what Prometheus is shown of a histogram. The count is the sum of the buckets read, so that the two agree also
// while values are being counted.
func (b bounds) metric(desc *prometheus.Desc, h *histogram, labels ...string) prometheus.Metric {
	cumulative := make(map[float64]uint64, len(b.doublings))
	var count uint64
	shown := b.doublings
	for i := range h.buckets {
		count += h.buckets[i].Load()
		if len(shown) > 0 && upperBound(i) == float64(uint64(1)<<shown[0]) {
			cumulative[b.unit*upperBound(i)] = count
			shown = shown[1:]
		}
	}
	return prometheus.MustNewConstHistogram(desc, count, float64(h.sum.Load())*b.scale, cumulative, labels...)
}

// gauges shows Prometheus what [Metrics.Gauges] was given.
type gauges struct {
	desc  *prometheus.Desc
	limit int
	each  func(show func(value float64, labels ...string))
}

// Describe implements [prometheus.Collector].
func (g *gauges) Describe(out chan<- *prometheus.Desc) { out <- g.desc }

// Collect implements [prometheus.Collector].
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	shown := 0
	g.each(func(value float64, labels ...string) {
		if shown++; shown <= g.limit {
			out <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, value, labels...)
		}
	})
}
