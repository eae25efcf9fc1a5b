package cloudwatch

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"bailey/internal/metrics"
)

// list returns the metrics as lines: name, and dimension=value.
func (w *world) list(question string) (lines []string, next string) {
	w.t.Helper()
	status, got := w.callJSON("ListMetrics", question)
	if status != http.StatusOK {
		w.t.Fatalf("got %d %s", status, got)
	}
	var out listOutput
	if err := json.Unmarshal([]byte(got), &out); err != nil {
		w.t.Fatal(err)
	}
	for _, m := range out.Metrics {
		if m.Namespace != Namespace {
			w.t.Errorf("got namespace %s", m.Namespace)
		}
		words := []string{m.MetricName}
		for _, d := range m.Dimensions {
			words = append(words, d.Name+"="+d.Value)
		}
		lines = append(lines, strings.Join(words, " "))
	}
	return lines, out.NextToken
}

func TestListMetrics(t *testing.T) {
	w := newWorld(t)
	w.metrics.Rule("us-east-1", "default", "orders").Matched()
	w.metrics.Rule("us-east-1", "partners", "orders").Abandoned()
	w.metrics.Rule("eu-west-1", "default", "elsewhere").Matched()
	w.forward(4 * time.Hour)
	w.metrics.Bus("us-east-1", "default").Matched(1, 2)
	w.metrics.Source("us-east-1", []byte("shop")).Matched()
	w.metrics.Source("us-east-1", []byte("aws.partner/example.com/1")).Matched()
	w.metrics.Source("us-east-1", []byte("aws.partner/example.com/1")).Ingested()
	w.metrics.Called("us-east-1", metrics.Call{Entries: 1, Started: start, Ended: start})
	calls := []string{"PutEventsApproximateCallCount", "PutEventsApproximateSuccessCount", "PutEventsEntriesCount", "PutEventsFailedEntriesCount", "PutEventsLatency", "PutEventsRequestSize"}
	for _, tt := range []struct {
		name, question string
		want           []string
	}{
		{"all", `{}`, slices.Concat([]string{
			"Events EventSourceName=aws.partner/example.com/1",
			"FailedInvocations EventBusName=partners RuleName=orders",
			"Invocations", "Invocations EventBusName=partners RuleName=orders", "InvocationsCreated",
			"MatchedEvents", "MatchedEvents EventBusName=default", "MatchedEvents EventSourceName=aws.partner/example.com/1", "MatchedEvents RuleName=orders",
			"MatchedEvents Source=aws.partner/example.com/1", "MatchedEvents Source=shop",
		}, calls, []string{"TriggeredRules", "TriggeredRules EventBusName=default", "TriggeredRules RuleName=orders"})},
		{"by name", `{"Namespace":"AWS/Events","MetricName":"FailedInvocations"}`, []string{"FailedInvocations EventBusName=partners RuleName=orders"}},
		{"by a dimension", `{"Dimensions":[{"Name":"RuleName"}],"MetricName":"MatchedEvents"}`, []string{"MatchedEvents RuleName=orders"}},
		{"by its value", `{"Dimensions":[{"Name":"EventBusName","Value":"partners"},{"Name":"RuleName","Value":"orders"}]}`,
			[]string{"FailedInvocations EventBusName=partners RuleName=orders", "Invocations EventBusName=partners RuleName=orders"}},
		{"recently active", `{"RecentlyActive":"PT3H"}`, slices.Concat([]string{
			"Events EventSourceName=aws.partner/example.com/1", "InvocationsCreated",
			"MatchedEvents", "MatchedEvents EventBusName=default", "MatchedEvents EventSourceName=aws.partner/example.com/1",
			"MatchedEvents Source=aws.partner/example.com/1", "MatchedEvents Source=shop",
		}, calls, []string{"TriggeredRules", "TriggeredRules EventBusName=default"})},
		{"another namespace", `{"Namespace":"AWS/EC2"}`, nil},
	} {
		if got, next := w.list(tt.question); !slices.Equal(got, tt.want) || next != "" {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
		}
	}
	for _, tt := range []struct{ question, want string }{
		{`{"RecentlyActive":"PT1H"}`, "1 validation error detected: Value 'PT1H' at 'recentlyActive' failed to satisfy constraint: Member must satisfy enum value set: [PT3H]"},
		{`{"Dimensions":[{"Value":"x"}]}`, "The parameter Dimensions.member.1.Name is required."},
		{`{"NextToken":"*"}`, "Request parameter NextToken is invalid"},
	} {
		if status, got := w.callJSON("ListMetrics", tt.question); status != http.StatusBadRequest || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %d %s", tt.question, status, got)
		}
	}
}

func TestListPages(t *testing.T) {
	w := newWorld(t)
	for i := range 1200 {
		w.metrics.Rule("us-east-1", "default", fmt.Sprintf("rule-%04d", i)).Abandoned()
	}
	var all []string
	for next, pages := "", 1; ; pages++ {
		lines, token := w.list(`{"MetricName":"FailedInvocations","NextToken":"` + next + `"}`)
		all = append(all, lines...)
		if next = token; next == "" {
			if pages != 3 {
				t.Errorf("got %d pages, want 3", pages)
			}
			break
		}
	}
	if len(all) != 1200 || !slices.IsSorted(all) || len(slices.Compact(all)) != 1200 {
		t.Errorf("got %d metrics", len(all))
	}
}
