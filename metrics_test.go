package bailey_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"bailey"
	"bailey/internal/rule"
)

// shows holds lines that the metrics have.
func shows(t *testing.T, r *bailey.Router, lines ...string) {
	t.Helper()
	w := httptest.NewRecorder()
	r.Metrics().Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	for _, line := range lines {
		if !strings.Contains(w.Body.String(), "\n"+line+"\n") {
			t.Errorf("no %s", line)
		}
	}
}

// A tick is an event of the default event bus: it counts as one that matched, for its rule, the bus and its source.
func TestTicksAreMatchedEvents(t *testing.T) {
	r := open(t, bailey.Config{Clock: bailey.NewVirtualClock(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))})
	s := newCollector(t)
	arn := api(t, r, "sink", s.URL)
	_, err := r.Rules().PutRule(t.Context(), rule.Rule{Region: region, Name: "often", ScheduleExpression: "rate(1 minute)"})
	must(t, err)
	must(t, r.Rules().PutTargets(t.Context(), region, "", "often", []rule.Target{{ID: "t", ARN: arn}, {ID: "u", ARN: arn}}))
	must(t, r.Advance(t.Context(), 3*time.Minute))
	const ofRule = `{event_bus="default",region="us-east-1",rule="often"} `
	const ofBus = `{event_bus="default",region="us-east-1"} `
	shows(t, r,
		"bailey_matched_events_total"+ofRule+"3", "bailey_triggered_rules_total"+ofRule+"3", "bailey_invocations_total"+ofRule+"6",
		"bailey_event_bus_matched_events_total"+ofBus+"3", "bailey_event_bus_triggered_rules_total"+ofBus+"3", "bailey_invocations_created_total"+ofBus+"6",
		`bailey_source_matched_events_total{region="us-east-1",source="aws.events"} 3`)
}

// An archive's rule has invocations, attempts and the latency of success, by the time that PutEvents answers; it has no
// latency of a first attempt.
func TestArchivesAreInvoked(t *testing.T) {
	r := open(t, bailey.Config{})
	archive(t, r, "a", defaultARN, 0)
	put(t, r, order(1), order(2))
	const ofRule = `{event_bus="default",region="us-east-1",rule="Events-Archive-a"} `
	shows(t, r,
		"bailey_matched_events_total"+ofRule+"2", "bailey_invocations_total"+ofRule+"2", "bailey_failed_invocations_total"+ofRule+"0",
		"bailey_invocation_attempts_total"+ofRule+"2", "bailey_successful_invocation_attempts_total"+ofRule+"2",
		`bailey_ingestion_to_invocation_success_latency_seconds_count{region="us-east-1"} 2`,
		`bailey_ingestion_to_invocation_start_latency_seconds_count{region="us-east-1"} 0`,
		`bailey_source_matched_events_total{region="us-east-1",source="shop"} 2`)
}
