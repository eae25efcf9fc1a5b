package metrics

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// awsNames are the metrics of namespace AWS/Events that the contract lists.
var awsNames = []string{
	"FailedInvocations", "Invocations", "RetryInvocationAttempts", "SuccessfulInvocationAttempts", "InvocationAttempts",
	"ThrottledRules", "TriggeredRules", "MatchedEvents", "InvocationsSentToDlq", "InvocationsFailedToBeSentToDlq",
	"PutEventsEntriesCount", "PutEventsFailedEntriesCount", "PutEventsRequestSize", "PutEventsLatency",
	"IngestionToInvocationStartLatency", "IngestionToInvocationCompleteLatency", "IngestionToInvocationSuccessLatency", "InvocationsCreated",
	"PutEventsApproximateCallCount", "PutEventsApproximateSuccessCount", "PutEventsApproximateFailedCount", "Events",
}

func allSeries() []series {
	return slices.Concat(ruleCounterSeries[:], ruleLatencySeries[:], latencySeries[:],
		[]series{busMatchedSeries, busTriggeredSeries, busCreatedSeries, sourceMatchedSeries, eventsSeries}, callValueSeries[:], callCounterSeries[:])
}

func TestEveryMetricOfTheContractIsCounted(t *testing.T) {
	for _, name := range awsNames {
		if !slices.ContainsFunc(allSeries(), func(s series) bool { return s.aws == name }) {
			t.Errorf("%s is not counted", name)
		}
	}
}

// The table in docs/metrics.md is what the code does, name by name and word by word.
func TestDocumentedNames(t *testing.T) {
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| `(\\w+)` \\|.*\\| (.*) \\|$").FindAllStringSubmatch(string(page), -1) {
		got = append(got, strings.Join(row[1:], " "))
	}
	for _, s := range allSeries() {
		want = append(want, strings.Join([]string{s.aws, s.prometheus, s.help}, " "))
	}
	if !slices.Equal(got, want) {
		t.Errorf("docs/metrics.md: got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
