package metrics_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"bailey/internal/metrics"
)

// A delivery that fails once and then succeeds is one invocation of two attempts.
func Example() {
	m := metrics.New(metrics.Config{})
	orders := m.Rule("us-east-1", "default", "orders") // once, when the rule is put

	ingested := time.Now()
	orders.Matched()
	orders.Attempted(metrics.Attempt{
		Number: 1, Outcome: metrics.Retrying, Ingested: ingested, Started: ingested, Ended: ingested.Add(5 * time.Second),
	})
	orders.Attempted(metrics.Attempt{
		Number: 2, Outcome: metrics.Delivered, Ingested: ingested,
		Started: ingested.Add(6 * time.Second), Ended: ingested.Add(6 * time.Second),
	})

	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/metrics", nil))
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "bailey_") && strings.Contains(lines.Text(), "invocation") &&
			!strings.Contains(lines.Text(), "latency") {
			fmt.Println(strings.Replace(lines.Text(), `{event_bus="default",region="us-east-1",rule="orders"}`, "", 1))
		}
	}
	// Output:
	// bailey_failed_invocations_total 0
	// bailey_invocation_attempts_total 2
	// bailey_invocations_failed_to_be_sent_to_dlq_total 0
	// bailey_invocations_sent_to_dlq_total 0
	// bailey_invocations_total 1
	// bailey_retry_invocation_attempts_total 1
	// bailey_successful_invocation_attempts_total 1
}
