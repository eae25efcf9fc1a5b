package metrics

import (
	"maps"
	"net/http"
	"runtime"
	"slices"

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

// latencySeries are histograms, of all the rules of a region together.
var latencySeries = [ruleLatencies]series{
	startLatency: {"IngestionToInvocationStartLatency", "bailey_ingestion_to_invocation_start_latency_seconds",
		"From an event's ingestion to the start of its first attempt."},
	completeLatency: {"IngestionToInvocationCompleteLatency", "bailey_ingestion_to_invocation_complete_latency_seconds",
		"From an event's ingestion to the end of its first attempt."},
	successLatency: {"IngestionToInvocationSuccessLatency", "bailey_ingestion_to_invocation_success_latency_seconds",
		"From an event's ingestion to the end of the attempt that succeeded."},
}

// ruleLatencySeries are what is shown of each rule: the sum, which divided by how many there were is the mean.
var ruleLatencySeries = [ruleLatencies]series{
	startLatency: {"IngestionToInvocationStartLatency", "bailey_rule_ingestion_to_invocation_start_latency_seconds_total",
		"The rule's sum of them; as many as attempts that were no retries."},
	completeLatency: {"IngestionToInvocationCompleteLatency", "bailey_rule_ingestion_to_invocation_complete_latency_seconds_total",
		"The rule's sum of them; as many as attempts that were no retries."},
	successLatency: {"IngestionToInvocationSuccessLatency", "bailey_rule_ingestion_to_invocation_success_latency_seconds_total",
		"The rule's sum of them; as many as attempts that succeeded."},
}

var (
	busMatchedSeries = series{"MatchedEvents", "bailey_event_bus_matched_events_total",
		"Events that matched at least one rule of the event bus."}
	busTriggeredSeries = series{"TriggeredRules", "bailey_event_bus_triggered_rules_total",
		"Rules that the event bus's events ran."}
	busCreatedSeries = series{"InvocationsCreated", "bailey_invocations_created_total",
		"Invocations that the event bus's events made."}
	sourceMatchedSeries = series{"MatchedEvents", "bailey_source_matched_events_total",
		"Events of the source that matched at least one rule."}
	eventsSeries = series{"Events", "bailey_partner_events_total",
		"Events that a partner's event source sent."}
)

var callValueSeries = [callValues]series{
	callEntries: {"PutEventsEntriesCount", "bailey_put_events_entries_total",
		"Entries in the requests of PutEvents."},
	callFailedEntries: {"PutEventsFailedEntriesCount", "bailey_put_events_failed_entries_total",
		"Entries in the requests of PutEvents that were not taken."},
	callSize: {"PutEventsRequestSize", "bailey_put_events_request_size_bytes",
		"Size of the entries in the requests of PutEvents."},
	callLatency: {"PutEventsLatency", "bailey_put_events_latency_seconds",
		"Time taken by the requests of PutEvents."},
}

var callCounterSeries = [callCounters]series{
	callsReceived: {"PutEventsApproximateCallCount", "bailey_put_events_calls_total",
		"Requests of PutEvents."},
	callsSucceeded: {"PutEventsApproximateSuccessCount", "bailey_put_events_successful_calls_total",
		"Requests of PutEvents that were not refused as a whole."},
	callsFailed: {"PutEventsApproximateFailedCount", "bailey_put_events_failed_calls_total",
		"Requests of PutEvents that were refused as a whole."},
	callsThrottled: {"PutEventsApproximateThrottledCount", "bailey_put_events_throttled_calls_total",
		"Requests of PutEvents that were refused for want of room, for the time being."},
}

// bounds are the buckets that Prometheus is shown, of those that are kept: it stores each as a series of its own.
type bounds struct {
	shown []float64 // upper bounds, in units
	unit  float64   // in the measure that is shown
	scale float64   // from what is kept to the measure that is shown
}

var (
	// Each doubling from 1 ms to 37 hours: what is answered at once is in the first of them, and what had to be tried again,
	// for up to 24 hours, in the last. 18.6 hours and 37 have 23.3 between them.
	latencyBounds = bounds{
		shown: []float64{1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7, 1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15, 1 << 16,
			1 << 17, 1 << 18, 1 << 19, 1 << 20, 1 << 21, 1 << 22, 1 << 23, 1 << 24, 1 << 25, 1 << 26, 1 << 27, 1 << 28, 1 << 29, 5 << 27, 1 << 30},
		unit:  latencyUnit.Seconds(),
		scale: 1e-9,
	}
	// Each fourfold from 256 bytes to 4 MiB; all the entries of a call have 1 MiB together.
	sizeBounds = bounds{shown: []float64{1 << 2, 1 << 4, 1 << 6, 1 << 8, 1 << 10, 1 << 12, 1 << 14, 1 << 16}, unit: sizeUnit, scale: 1}
)

// collector shows a Metrics to Prometheus.
type collector struct {
	metrics       *Metrics
	ruleCounters  [ruleCounters]*prometheus.Desc
	ruleLatencies [ruleLatencies]*prometheus.Desc
	latencies     [ruleLatencies]*prometheus.Desc
	busMatched    *prometheus.Desc
	busTriggered  *prometheus.Desc
	busCreated    *prometheus.Desc
	sourceMatched *prometheus.Desc
	events        *prometheus.Desc
	callValues    [callValues]*prometheus.Desc
	callCounters  [callCounters]*prometheus.Desc
}

// register fills the registry with all that a Metrics shows of itself, of its process and of Go.
func (m *Metrics) register(version string) {
	c := &collector{
		metrics:       m,
		busMatched:    busMatchedSeries.desc("region", "event_bus"),
		busTriggered:  busTriggeredSeries.desc("region", "event_bus"),
		busCreated:    busCreatedSeries.desc("region", "event_bus"),
		sourceMatched: sourceMatchedSeries.desc("region", "source"),
		events:        eventsSeries.desc("region", "event_source"),
	}
	for i, s := range ruleCounterSeries {
		c.ruleCounters[i] = s.desc("region", "event_bus", "rule")
	}
	for i, s := range ruleLatencySeries {
		c.ruleLatencies[i] = s.desc("region", "event_bus", "rule")
	}
	for i, s := range latencySeries {
		c.latencies[i] = s.desc("region")
	}
	for i, s := range callValueSeries {
		c.callValues[i] = s.desc("region")
	}
	for i, s := range callCounterSeries {
		c.callCounters[i] = s.desc("region")
	}

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
	for _, desc := range slices.Concat(c.ruleCounters[:], c.ruleLatencies[:], c.latencies[:], c.callValues[:], c.callCounters[:],
		[]*prometheus.Desc{c.busMatched, c.busTriggered, c.busCreated, c.sourceMatched, c.events}) {
		out <- desc
	}
}

// Collect implements [prometheus.Collector]. The handles are looked up under the lock and read without it, so that a
// scraper that reads slowly holds nobody up.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	c.metrics.mu.Lock()
	rules := maps.Clone(c.metrics.rules)
	buses := maps.Clone(c.metrics.buses)
	calls := maps.Clone(c.metrics.calls)
	names := make(map[*region]string, len(c.metrics.regions))
	latencies := make(map[*region]*[ruleLatencies]summed, len(c.metrics.regions))
	for name, region := range c.metrics.regions {
		names[region] = name
		latencies[region] = new(region.retired)
	}
	c.metrics.mu.Unlock()

	for key, rule := range rules {
		labels := []string{key.region, key.bus, key.rule}
		for i, desc := range c.ruleCounters {
			out <- counter(desc, float64(rule.counts[i].Load()), labels...)
		}
		for i := range rule.latencies {
			latencies[rule.region][i].add(&rule.latencies[i])
		}
		if rule.counts[invocationAttempts].Load() == 0 {
			continue // a rule that invokes nothing has no latency to show
		}
		for i, desc := range c.ruleLatencies {
			out <- counter(desc, float64(rule.latencies[i].sum.Load())*latencyBounds.scale, labels...)
		}
	}
	for region, h := range latencies {
		for i, desc := range c.latencies {
			out <- latencyBounds.metric(desc, &h[i], names[region])
		}
	}
	for key, bus := range buses {
		labels := []string{key.region, key.bus}
		out <- counter(c.busMatched, float64(bus.matchedEvents.Load()), labels...)
		out <- counter(c.busTriggered, float64(bus.events[rulesTriggered].sum.Load()), labels...)
		out <- counter(c.busCreated, float64(bus.events[invocationsCreated].sum.Load()), labels...)
	}
	c.metrics.sources.each(func(source *Source) {
		if n := source.matchedEvents.Load(); n > 0 {
			out <- counter(c.sourceMatched, float64(n), source.region, source.name)
		}
		if n := source.events.Load(); n > 0 {
			out <- counter(c.events, float64(n), source.region, source.name)
		}
	})
	for region, p := range calls {
		c.collectCalls(out, region, p)
	}
}

func (c *collector) collectCalls(out chan<- prometheus.Metric, region string, p *PutEvents) {
	for i, desc := range c.callCounters {
		out <- counter(desc, float64(p.counts[i].Load()), region)
	}
	for i, desc := range c.callValues {
		var h summed
		h.add(&p.values[i])
		switch i {
		case callSize:
			out <- sizeBounds.metric(desc, &h, region)
		case callLatency:
			out <- latencyBounds.metric(desc, &h, region)
		default:
			out <- counter(desc, float64(h.sum), region)
		}
	}
}

func counter(desc *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(desc, prometheus.CounterValue, value, labels...)
}

// metric is what Prometheus is shown of histograms. The count is the sum of the buckets read, so that the two agree also
// while values are being counted.
func (b bounds) metric(desc *prometheus.Desc, h *summed, labels ...string) prometheus.Metric {
	cumulative := make(map[float64]uint64, len(b.shown))
	var count uint64
	shown := b.shown
	for i, n := range h.buckets {
		count += n
		if len(shown) > 0 && upperBound(i) == shown[0] {
			cumulative[b.unit*upperBound(i)] = count
			shown = shown[1:]
		}
	}
	return prometheus.MustNewConstHistogram(desc, count, float64(h.sum)*b.scale, cumulative, labels...)
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
