package metrics_test

import (
	"bufio"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bailey/internal/metrics"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// scrape returns what Prometheus would read of Bailey's own series, by series, as it is written. Zeros are left out.
func scrape(t *testing.T, m *metrics.Metrics) map[string]string {
	t.Helper()
	values := make(map[string]string)
	lines := bufio.NewScanner(strings.NewReader(page(t, m)))
	for lines.Scan() {
		series, value, ok := strings.Cut(lines.Text(), "} ")
		if ok && strings.HasPrefix(series, "bailey_") && !strings.HasPrefix(series, "bailey_build_info") && value != "0" {
			values[series+"}"] = value
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return values
}

func page(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	m.Handler().ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if recorder.Code != http.StatusOK {
		t.Fatalf("scrape: got status %d, body %q", recorder.Code, recorder.Body)
	}
	return recorder.Body.String()
}

// counters are the rule's counters that are not zero, by the name that AWS gives them.
func counters(t *testing.T, m *metrics.Metrics) map[string]string {
	t.Helper()
	const labels = `{event_bus="default",region="us-east-1",rule="orders"}`
	names := map[string]string{
		"bailey_matched_events_total":                       "MatchedEvents",
		"bailey_triggered_rules_total":                      "TriggeredRules",
		"bailey_throttled_rules_total":                      "ThrottledRules",
		"bailey_invocations_total":                          "Invocations",
		"bailey_failed_invocations_total":                   "FailedInvocations",
		"bailey_invocation_attempts_total":                  "InvocationAttempts",
		"bailey_retry_invocation_attempts_total":            "RetryInvocationAttempts",
		"bailey_successful_invocation_attempts_total":       "SuccessfulInvocationAttempts",
		"bailey_invocations_sent_to_dlq_total":              "InvocationsSentToDlq",
		"bailey_invocations_failed_to_be_sent_to_dlq_total": "InvocationsFailedToBeSentToDlq",
	}
	got := make(map[string]string)
	for series, value := range scrape(t, m) {
		if name, ok := strings.CutSuffix(series, labels); ok && strings.HasSuffix(name, "_total") && !strings.HasSuffix(name, "_seconds_total") {
			if names[name] == "" {
				t.Fatalf("series %s is not in the list of names", name)
			}
			got[names[name]] = value
		}
	}
	return got
}

func attempt(number int, outcome metrics.Outcome) metrics.Attempt {
	return metrics.Attempt{Number: number, Outcome: outcome, Ingested: start, Started: start, Ended: start}
}

func TestRuleCounters(t *testing.T) {
	for _, test := range []struct {
		name   string
		events func(r *metrics.Rule)
		want   map[string]string
	}{
		{
			name:   "nothing happened",
			events: func(*metrics.Rule) {},
			want:   map[string]string{},
		},
		{
			name:   "an event matched",
			events: func(r *metrics.Rule) { r.Matched() },
			want:   map[string]string{"MatchedEvents": "1", "TriggeredRules": "1"},
		},
		{
			name:   "a delivery waited for its endpoint",
			events: func(r *metrics.Rule) { r.Throttled() },
			want:   map[string]string{"ThrottledRules": "1"},
		},
		{
			name:   "delivered at once",
			events: func(r *metrics.Rule) { r.Attempted(attempt(1, metrics.Delivered)) },
			want:   map[string]string{"InvocationAttempts": "1", "SuccessfulInvocationAttempts": "1", "Invocations": "1"},
		},
		{
			name: "retries that may still succeed are no invocations",
			events: func(r *metrics.Rule) {
				r.Attempted(attempt(1, metrics.Retrying))
				r.Attempted(attempt(2, metrics.Retrying))
			},
			want: map[string]string{"InvocationAttempts": "2", "RetryInvocationAttempts": "1"},
		},
		{
			name: "delivered by the second retry: one invocation",
			events: func(r *metrics.Rule) {
				r.Attempted(attempt(1, metrics.Retrying))
				r.Attempted(attempt(2, metrics.Retrying))
				r.Attempted(attempt(3, metrics.Delivered))
			},
			want: map[string]string{
				"InvocationAttempts": "3", "RetryInvocationAttempts": "2", "SuccessfulInvocationAttempts": "1", "Invocations": "1",
			},
		},
		{
			name:   "X7: a failure that is not retried is one failed invocation",
			events: func(r *metrics.Rule) { r.Attempted(attempt(1, metrics.Failed)) },
			want:   map[string]string{"InvocationAttempts": "1", "Invocations": "1", "FailedInvocations": "1"},
		},
		{
			name: "X4, X7: retries that run out are one failed invocation, also where a dead-letter queue takes the event",
			events: func(r *metrics.Rule) {
				r.Attempted(attempt(185, metrics.Retrying))
				r.Attempted(attempt(186, metrics.Failed))
				r.DeadLettered()
			},
			want: map[string]string{
				"InvocationAttempts": "2", "RetryInvocationAttempts": "2", "Invocations": "1", "FailedInvocations": "1",
				"InvocationsSentToDlq": "1",
			},
		},
		{
			name: "X8: a delivery whose target was removed fails without another attempt",
			events: func(r *metrics.Rule) {
				r.Attempted(attempt(1, metrics.Retrying))
				r.Abandoned()
			},
			want: map[string]string{"InvocationAttempts": "1", "Invocations": "1", "FailedInvocations": "1"},
		},
		{
			name:   "an archive took the event: an invocation that cannot fail",
			events: func(r *metrics.Rule) { r.Archived(start, start) },
			want:   map[string]string{"InvocationAttempts": "1", "SuccessfulInvocationAttempts": "1", "Invocations": "1"},
		},
		{
			name:   "a dead-letter queue that cannot be written to",
			events: func(r *metrics.Rule) { r.DeadLetterFailed() },
			want:   map[string]string{"InvocationsFailedToBeSentToDlq": "1"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := metrics.New(metrics.Config{})
			test.events(m.Rule("us-east-1", "default", "orders"))
			if got := counters(t, m); !maps.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// Latencies are counted from ingestion: start and end of the first attempt, and the end of the one that succeeded.
func TestRuleLatencies(t *testing.T) {
	m := metrics.New(metrics.Config{})
	r := m.Rule("us-east-1", "default", "orders")
	r.Attempted(metrics.Attempt{
		Number: 1, Outcome: metrics.Retrying,
		Ingested: start, Started: start.Add(2 * time.Millisecond), Ended: start.Add(3 * time.Millisecond),
	})
	r.Attempted(metrics.Attempt{
		Number: 2, Outcome: metrics.Delivered,
		Ingested: start, Started: start.Add(time.Second), Ended: start.Add(1500 * time.Millisecond),
	})
	got := scrape(t, m)
	const labels = `region="us-east-1"`
	for _, want := range []struct{ name, sum, below, at string }{
		{"start", "0.002", "0.001", "0.002"}, // a bucket holds its bound
		{"complete", "0.003", "0.002", "0.004"},
		{"success", "1.5", "1.024", "2.048"},
	} {
		name := "bailey_ingestion_to_invocation_" + want.name + "_latency_seconds"
		for series, value := range map[string]string{
			"bailey_rule_ingestion_to_invocation_" + want.name + `_latency_seconds_total{event_bus="default",region="us-east-1",rule="orders"}`: want.sum,

			name + "_count{" + labels + "}":                          "1",
			name + "_sum{" + labels + "}":                            want.sum,
			name + "_bucket{" + labels + `,le="` + want.below + `"}`: "",
			name + "_bucket{" + labels + `,le="` + want.at + `"}`:    "1",
			name + "_bucket{" + labels + `,le="134217.728"}`:         "1",
			name + "_bucket{" + labels + `,le="+Inf"}`:               "1",
		} {
			if got[series] != value {
				t.Errorf("%s: got %q, want %q", series, got[series], value)
			}
		}
	}
}

// A clock that was set back, and a time past every bucket, are counted like any other.
func TestLatencyExtremes(t *testing.T) {
	m := metrics.New(metrics.Config{})
	r := m.Rule("us-east-1", "default", "orders")
	for _, latency := range []time.Duration{-time.Hour, 0, 1 << 62} {
		r.Attempted(metrics.Attempt{Number: 1, Ingested: start, Started: start.Add(latency), Ended: start})
	}
	got := scrape(t, m)
	const series = `bailey_ingestion_to_invocation_start_latency_seconds_bucket{region="us-east-1",le=`
	for bound, want := range map[string]string{`"0.001"}`: "2", `"134217.728"}`: "2", `"+Inf"}`: "3"} {
		if got[series+bound] != want {
			t.Errorf("le=%s: got %q, want %q", bound, got[series+bound], want)
		}
	}
}

func TestPutEvents(t *testing.T) {
	m := metrics.New(metrics.Config{})
	m.Called("eu-west-1", metrics.Call{Entries: 10, RequestSize: 11_000, Started: start, Ended: start.Add(4 * time.Millisecond)})
	m.Called("eu-west-1", metrics.Call{Entries: 3, FailedEntries: 1, RequestSize: 256, Started: start, Ended: start})
	m.Called("eu-west-1", metrics.Call{Refused: true, Started: start, Ended: start.Add(time.Hour)})
	m.Called("eu-west-1", metrics.Call{Refused: true, Throttled: true, Started: start, Ended: start.Add(time.Hour)})
	m.Bus("eu-west-1", "default").Matched(2, 5)
	m.Bus("eu-west-1", "default").Matched(1, 0)
	got := scrape(t, m)
	for series, want := range map[string]string{
		`bailey_put_events_entries_total{region="eu-west-1"}`:                                    "13",
		`bailey_put_events_failed_entries_total{region="eu-west-1"}`:                             "1",
		`bailey_put_events_request_size_bytes_sum{region="eu-west-1"}`:                           "11256",
		`bailey_put_events_request_size_bytes_bucket{region="eu-west-1",le="256"}`:               "3", // a call that was refused has size 0
		`bailey_put_events_request_size_bytes_bucket{region="eu-west-1",le="4096"}`:              "3",
		`bailey_put_events_request_size_bytes_bucket{region="eu-west-1",le="16384"}`:             "4",
		`bailey_put_events_calls_total{region="eu-west-1"}`:                                      "4",
		`bailey_put_events_successful_calls_total{region="eu-west-1"}`:                           "2",
		`bailey_put_events_failed_calls_total{region="eu-west-1"}`:                               "2",
		`bailey_put_events_throttled_calls_total{region="eu-west-1"}`:                            "1",
		`bailey_put_events_latency_seconds_count{region="eu-west-1"}`:                            "2",
		`bailey_put_events_latency_seconds_sum{region="eu-west-1"}`:                              "0.004",
		`bailey_event_bus_matched_events_total{event_bus="default",region="eu-west-1"}`:          "2",
		`bailey_event_bus_triggered_rules_total{event_bus="default",region="eu-west-1"}`:         "3",
		`bailey_invocations_created_total{event_bus="default",region="eu-west-1"}`:               "5",
		`bailey_event_bus_matched_events_total{event_bus="default",region="eu-west-1",rule="x"}`: "",
	} {
		if got[series] != want {
			t.Errorf("%s: got %q, want %q", series, got[series], want)
		}
	}
}

func TestSameNamesShareAHandle(t *testing.T) {
	m := metrics.New(metrics.Config{})
	rule, bus, source := m.Rule("r", "b", "x"), m.Bus("r", "b"), m.Source("r", []byte("s"))
	if m.Rule("r", "b", "x") != rule || m.Find("r", "b", "x") != rule || m.Bus("r", "b") != bus || m.Source("r", []byte("s")) != source {
		t.Error("got another handle for the same names")
	}
	if m.Rule("r2", "b", "x") == rule || m.Rule("r", "b2", "x") == rule || m.Bus("r2", "b") == bus || m.Source("r2", []byte("s")) == source || m.Source("r", []byte("t")) == source {
		t.Error("got the same handle for another region or event bus")
	}
}

func TestForget(t *testing.T) {
	m := metrics.New(metrics.Config{})
	m.Rule("r", "b", "deleted").Matched()
	m.Rule("r", "b", "kept").Matched()
	m.Bus("r", "b").Matched(1, 1)
	m.Forget("r", "b", "deleted")

	// A delivery of the deleted rule ends later, and brings the deleted rule's series not back.
	m.Find("r", "b", "deleted").Abandoned()
	want := []string{
		`bailey_event_bus_matched_events_total{event_bus="b",region="r"}`,
		`bailey_event_bus_triggered_rules_total{event_bus="b",region="r"}`,
		`bailey_failed_invocations_total{event_bus="(other)",region="(other)",rule="(other)"}`,
		`bailey_invocations_created_total{event_bus="b",region="r"}`,
		`bailey_invocations_total{event_bus="(other)",region="(other)",rule="(other)"}`,
		`bailey_matched_events_total{event_bus="b",region="r",rule="kept"}`,
		`bailey_triggered_rules_total{event_bus="b",region="r",rule="kept"}`,
	}
	if got := slices.Sorted(maps.Keys(scrape(t, m))); !slices.Equal(got, want) {
		t.Errorf("after Forget: got %q, want %q", got, want)
	}

	m.ForgetBus("r", "b")
	want = []string{want[2], want[4]}
	if got := slices.Sorted(maps.Keys(scrape(t, m))); !slices.Equal(got, want) {
		t.Errorf("after ForgetBus: got %q, want %q", got, want)
	}

	m.Rule("r", "b", "deleted").Matched()
	const again = `bailey_triggered_rules_total{event_bus="b",region="r",rule="deleted"}`
	if got := scrape(t, m)[again]; got != "1" {
		t.Errorf("put again under the name: got %q, want 1", got)
	}
}

// However many names callers make up, the series are no more than the limit, and nothing goes uncounted.
func TestSeriesAreBounded(t *testing.T) {
	m := metrics.New(metrics.Config{MaxSeries: 3, MaxRegions: 3, MaxSources: 3, Region: "a"})
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		m.Rule(name, "b", name).Matched()
		m.Rule(name, "b", name).Attempted(attempt(1, metrics.Delivered))
		m.Bus("r", name).Matched(1, 1)
		m.Source("r", []byte(name)).Matched()
		m.Called(name, metrics.Call{Entries: 1})
	}
	got := scrape(t, m)
	for _, test := range []struct{ prefix, other string }{
		{"bailey_triggered_rules_total{", `bailey_triggered_rules_total{event_bus="(other)",region="(other)",rule="(other)"}`},
		{"bailey_event_bus_matched_events_total{", `bailey_event_bus_matched_events_total{event_bus="(other)",region="(other)"}`},
		{"bailey_put_events_entries_total{", `bailey_put_events_entries_total{region="(other)"}`},
		{"bailey_source_matched_events_total{", `bailey_source_matched_events_total{region="(other)",source="(other)"}`},
		{"bailey_ingestion_to_invocation_start_latency_seconds_count{", `bailey_ingestion_to_invocation_start_latency_seconds_count{region="(other)"}`},
	} {
		count := 0
		for series := range got {
			if strings.HasPrefix(series, test.prefix) {
				count++
			}
		}
		if count != 4 {
			t.Errorf("%s: got %d series, want 3 and the other", test.prefix, count)
		}
		if got[test.other] != "2" {
			t.Errorf("%s: got %q, want 2", test.other, got[test.other])
		}
	}
}

func TestPageFollowsPrometheusConventions(t *testing.T) {
	m := metrics.New(metrics.Config{Version: "1.2.3"})
	m.Rule("r", "b", "x").Attempted(attempt(1, metrics.Delivered))
	m.Bus("r", "b").Matched(1, 1)
	m.Called("r", metrics.Call{Entries: 1})
	m.Source("r", []byte("s")).Matched()
	m.Source("r", []byte("s")).Ingested()
	m.Gauge("bailey_deliveries_pending", "Deliveries that are not settled.", func() float64 { return 7 })
	m.Counter("bailey_store_commits_total", "Transactions committed.", func() float64 { return 8 })
	m.Gauges("bailey_endpoint_circuit", "Circuits.", []string{"api", "stage"}, func(show func(float64, ...string)) {
		show(1, "shop", "prod")
		show(0, "shop", "")
	})
	text := page(t, m)

	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		if strings.HasPrefix(problem.Metric, "bailey_") {
			t.Errorf("%s: %s", problem.Metric, problem.Text)
		}
	}
	for _, want := range []string{
		"bailey_build_info{goversion=", `version="1.2.3"} 1`,
		"\nbailey_deliveries_pending 7\n", "\nbailey_store_commits_total 8\n",
		"\nbailey_endpoint_circuit{api=\"shop\",stage=\"prod\"} 1\n", "\nbailey_endpoint_circuit{api=\"shop\",stage=\"\"} 0\n",
		"\ngo_goroutines ", "\nprocess_resident_memory_bytes ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("page has no %q", want)
		}
	}
}

// Counting and reading at once loses nothing, and each page is consistent: a histogram's last bucket is its count.
func TestConcurrentUse(t *testing.T) {
	const workers, each = 4, 2000
	m := metrics.New(metrics.Config{})
	var counting sync.WaitGroup
	for range workers {
		counting.Go(func() {
			for range each {
				m.Rule("us-east-1", "default", "orders").Attempted(attempt(1, metrics.Delivered))
			}
		})
	}
	done := make(chan struct{})
	go func() { counting.Wait(); close(done) }()
	const name = "bailey_ingestion_to_invocation_start_latency_seconds"
	const labels = `region="us-east-1"`
	for reading := true; reading; {
		select {
		case <-done:
			reading = false
		default:
		}
		got := scrape(t, m)
		if count, last := got[name+"_count{"+labels+"}"], got[name+"_bucket{"+labels+`,le="+Inf"}`]; count != last {
			t.Fatalf("got count %s, last bucket %s", count, last)
		}
	}
	if got := counters(t, m)["Invocations"]; got != "8000" {
		t.Errorf("got %s invocations, want 8000", got)
	}
}

func TestCountingDoesNotAllocate(t *testing.T) {
	m := metrics.New(metrics.Config{})
	rule, bus, name := m.Rule("r", "b", "x"), m.Bus("r", "b"), []byte("source")
	if got := testing.AllocsPerRun(100, func() {
		bus.Matched(1, 1)
		m.Source("r", name).Matched()
		rule.Matched()
		rule.Attempted(metrics.Attempt{Number: 1, Outcome: metrics.Delivered, Ingested: start, Started: start, Ended: start})
		m.Called("r", metrics.Call{Entries: 10, RequestSize: 1024, Started: start, Ended: start})
	}); got != 0 {
		t.Errorf("got %v allocations, want none", got)
	}
}

func BenchmarkAttempted(b *testing.B) {
	rule := metrics.New(metrics.Config{}).Rule("us-east-1", "default", "orders")
	a := metrics.Attempt{
		Number: 1, Outcome: metrics.Delivered,
		Ingested: start, Started: start.Add(time.Millisecond), Ended: start.Add(2 * time.Millisecond),
	}
	for b.Loop() {
		rule.Attempted(a)
	}
}

// What is beyond the bound of series is not shown.
func TestGaugesAreBounded(t *testing.T) {
	m := metrics.New(metrics.Config{MaxSeries: 2})
	m.Gauges("bailey_endpoint_circuit", "Circuits.", []string{"api"}, func(show func(float64, ...string)) {
		for _, api := range []string{"a", "b", "c"} {
			show(1, api)
		}
	})
	text := page(t, m)
	if n := strings.Count(text, "\nbailey_endpoint_circuit{"); n != 2 || strings.Contains(text, `api="c"`) {
		t.Errorf("got %d series, want the first 2:\n%s", n, text)
	}
}
