package cloudwatch

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"bailey/internal/metrics"
)

// sums returns the sums of a metric over a window, by minutes after its start.
func (w *world) sums(metric, dimensions string, period int, from, to time.Duration) string {
	w.t.Helper()
	status, got := w.callJSON("GetMetricStatistics", ask(fmt.Sprintf(`"MetricName":%q,"Dimensions":[%s],"Period":%d,"Statistics":["Sum"]`, metric, dimensions, period), from, to))
	if status != http.StatusOK {
		w.t.Fatalf("got %d %s", status, got)
	}
	return w.points(got)
}

func ofRule(name string) string { return `{"Name":"RuleName","Value":"` + name + `"}` }
func ofBus(name string) string  { return `{"Name":"EventBusName","Value":"` + name + `"}` }

func TestDimensions(t *testing.T) {
	w := newWorld(t)
	w.delivered("default", "orders", 0)
	w.delivered("default", "orders", 0)
	w.delivered("default", "returns", 0)
	w.delivered("partners", "orders", 0)
	w.metrics.Bus("us-east-1", "default").Matched(2, 3)
	w.metrics.Bus("us-east-1", "partners").Matched(1, 1)
	w.metrics.Source("us-east-1", []byte("shop")).Matched()
	w.metrics.Source("us-east-1", []byte("aws.partner/example.com/1")).Matched()
	w.metrics.Source("us-east-1", []byte("aws.partner/example.com/1")).Ingested()
	w.metrics.Rule("eu-west-1", "default", "orders").Matched()
	w.metrics.Rule("us-east-1", "default", "orders").Abandoned()
	w.metrics.Called("us-east-1", metrics.Call{Entries: 3, Started: start, Ended: start})

	for _, tt := range []struct{ name, metric, dimensions, want string }{
		{"a rule of the default bus", "Invocations", ofRule("orders"), "0:3"},
		{"a rule of another bus", "Invocations", ofBus("partners") + "," + ofRule("orders"), "0:1"},
		{"in the other order", "Invocations", ofRule("orders") + "," + ofBus("partners"), "0:1"},
		{"the default bus has no rules under its name", "Invocations", ofBus("default") + "," + ofRule("orders"), ""},
		{"a bus has no invocations", "Invocations", ofBus("partners"), ""},
		{"rules that events ran", "TriggeredRules", "", "0:3"},
		{"rules that a bus's events ran", "TriggeredRules", ofBus("default"), "0:2"},
		{"times that a rule ran", "TriggeredRules", ofRule("orders"), "0:2"},
		{"invocations that events made", "InvocationsCreated", "", "0:4"},
		{"which have no dimension", "InvocationsCreated", ofBus("default"), ""},
		{"nor are they a rule's", "InvocationsCreated", ofRule("orders"), ""},
		{"events of a source that matched", "MatchedEvents", `{"Name":"Source","Value":"shop"}`, "0:1"},
		{"a source stands alone", "MatchedEvents", `{"Name":"Source","Value":"shop"},` + ofBus("default"), ""},
		{"of no other metric", "Invocations", `{"Name":"Source","Value":"shop"}`, ""},
		{"a partner's event source that matched", "MatchedEvents", `{"Name":"EventSourceName","Value":"aws.partner/example.com/1"}`, "0:1"},
		{"which others are not", "MatchedEvents", `{"Name":"EventSourceName","Value":"shop"}`, ""},
		{"a partner's events", "Events", `{"Name":"EventSourceName","Value":"aws.partner/example.com/1"}`, "0:1"},
		{"of no partner", "Events", "", ""},
		{"successful calls", "PutEventsApproximateSuccessCount", "", "0:1"},
		{"all rules", "Invocations", "", "0:5"},
		{"all rules of a bus", "InvocationAttempts", ofBus("default"), "0:3"},
		{"events that matched on a bus", "MatchedEvents", ofBus("default"), "0:1"},
		{"events that matched on any", "MatchedEvents", "", "0:2"},
		{"events that matched a rule", "MatchedEvents", ofRule("orders"), "0:2"},
		{"failures of a rule", "FailedInvocations", ofRule("orders"), "0:1"},
		{"failures of all rules are not published", "FailedInvocations", "", ""},
		{"nothing failed", "FailedInvocations", ofRule("returns"), ""},
		{"calls", "PutEventsEntriesCount", "", "0:3"},
		{"calls have no dimension", "PutEventsEntriesCount", ofBus("default"), ""},
		{"no such rule", "Invocations", ofRule("nope"), ""},
		{"no such metric", "Nope", "", ""},
		{"no such dimension", "Invocations", `{"Name":"Color","Value":"red"}`, ""},
		{"a dimension twice", "Invocations", ofRule("orders") + "," + ofRule("orders"), ""},
	} {
		if got := w.sums(tt.metric, tt.dimensions, 60, 0, time.Hour); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestPeriods(t *testing.T) {
	w := newWorld(t)
	for i := range 10 { // 12:00:30 to 12:09:30
		for range i + 1 {
			w.metrics.Rule("us-east-1", "default", "orders").Matched()
		}
		w.forward(time.Minute)
	}
	for _, tt := range []struct {
		name     string
		period   int
		from, to time.Duration
		want     string
	}{
		{"minutes", 60, 0, 3 * time.Minute, "0:1 1:2 2:3"},
		{"the start is cut to its minute", 60, 90 * time.Second, 3 * time.Minute, "1:2 2:3"},
		{"a minute that has begun before the end", 60, 0, 61 * time.Second, "0:1 1:2"},
		{"five minutes", 300, 0, 10 * time.Minute, "0:15 5:40"},
		{"they count from the start", 300, 2 * time.Minute, 10 * time.Minute, "2:25 7:27"},
		{"an hour before it", 3600, -time.Hour, time.Hour, "0:55"},
		{"a day", 86400, -12 * time.Hour, 12 * time.Hour, "-720:55"},
		{"shorter than anything is published", 10, 0, 3 * time.Minute, ""},
		{"nothing there", 60, -time.Hour, 0, ""},
	} {
		if got := w.sums("MatchedEvents", ofRule("orders"), tt.period, tt.from, tt.to); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestUnitsAndPercentiles(t *testing.T) {
	w := newWorld(t)
	for i := range 1000 {
		w.delivered("default", "orders", time.Duration(i+1)*time.Millisecond)
	}
	question := func(more string) string {
		return ask(`"MetricName":"IngestionToInvocationSuccessLatency","Dimensions":[`+ofRule("orders")+`],"Period":60,`+more, 0, time.Minute)
	}
	if _, got := w.callJSON("GetMetricStatistics", question(`"Statistics":["Sum"],"Unit":"Seconds"`)); got != `{"Label":"IngestionToInvocationSuccessLatency","Datapoints":[]}` {
		t.Errorf("another unit: got %s", got)
	}
	var out statisticsOutput
	_, got := w.callJSON("GetMetricStatistics", question(`"ExtendedStatistics":["p50","p99","p99.9","p100"]`))
	if err := (jsonProtocol{}).decode([]byte(got), &out); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{"p50": 500, "p99": 990, "p99.9": 999, "p100": 1000} {
		if got := out.Datapoints[0].ExtendedStatistics[name]; got < want*0.9 || got > want*1.1 {
			t.Errorf("%s: got %v, want about %v", name, got, want)
		}
	}
}

func TestStatisticsRefused(t *testing.T) {
	w := newWorld(t)
	rest := func(without string) string {
		members := []string{`"Namespace":"AWS/Events"`, `"MetricName":"Invocations"`, fmt.Sprintf(`"StartTime":%d`, at(0)), fmt.Sprintf(`"EndTime":%d`, at(time.Hour)), `"Period":60`, `"Statistics":["Sum"]`}
		var kept []string
		for _, m := range members {
			if !strings.HasPrefix(m, `"`+without+`"`) {
				kept = append(kept, m)
			}
		}
		return strings.Join(kept, ",")
	}
	for _, tt := range []struct{ without, with, shape, message string }{
		{"Namespace", ``, "MissingRequiredParameterException", "The parameter Namespace is required."},
		{"MetricName", ``, "MissingRequiredParameterException", "The parameter MetricName is required."},
		{"StartTime", ``, "MissingRequiredParameterException", "The parameter StartTime is required."},
		{"EndTime", ``, "MissingRequiredParameterException", "The parameter EndTime is required."},
		{"Period", ``, "MissingRequiredParameterException", "The parameter Period is required."},
		{"Period", `,"Period":0`, "ValidationException", "1 validation error detected: Value '0' at 'period' failed to satisfy constraint: Member must have value greater than or equal to 1"},
		{"Period", `,"Period":90`, "InvalidParameterValueException", "The parameter Period must be a value in the set [ 1, 5, 10, 20, 30 ] or any multiple of 60."},
		{"Statistics", ``, "InvalidParameterCombinationException", "Must specify either Statistics or ExtendedStatistics"},
		{"", `,"ExtendedStatistics":["p99"]`, "InvalidParameterCombinationException", "Must specify either Statistics or ExtendedStatistics, but not both."},
		{"Statistics", `,"Statistics":["Median"]`, "InvalidParameterValueException", "The parameter Statistics.member.1.<list element> must be a value in the set [SampleCount, Average, Sum, Minimum, Maximum]."},
		{"Statistics", `,"Statistics":["Sum","p99"]`, "InvalidParameterValueException", "The parameter Statistics.member.2.<list element> must be a value in the set [SampleCount, Average, Sum, Minimum, Maximum]."},
		{"EndTime", fmt.Sprintf(`,"EndTime":%d`, at(0)), "InvalidParameterValueException", "The parameter StartTime must not equal parameter EndTime."},
		{"EndTime", fmt.Sprintf(`,"EndTime":%d`, at(-time.Hour)), "InvalidParameterValueException", "The parameter StartTime must be less than the parameter EndTime."},
		{"", `,"Dimensions":[{"Name":"RuleName"}]`, "MissingRequiredParameterException", "The parameter Dimensions.member.1.Value is required."},
		{"", `,"Unit":"Furlongs"`, "InvalidParameterValueException", "The parameter Unit must be a value in the set [" + strings.Join(units, ", ") + "]."},
		{"Statistics", `,"ExtendedStatistics":["p50","TM(10%:90%)"]`, "InvalidParameterValueException", "The value TM(10%:90%) for parameter ExtendedStatistics.member.2 is not supported by Bailey, which has SampleCount, Average, Sum, Minimum, Maximum and the percentiles p0 to p100."},
		{"Statistics", `,"ExtendedStatistics":["p101"]`, "InvalidParameterValueException", "The value p101 for parameter ExtendedStatistics.member.1 is not a valid statistic."},
		{"Statistics", `,"ExtendedStatistics":["pInf"]`, "InvalidParameterValueException", "The value pInf for parameter ExtendedStatistics.member.1 is not a valid statistic."},
		{"EndTime", fmt.Sprintf(`,"EndTime":%d`, at(14*24*time.Hour)), "InvalidParameterCombinationException",
			"You have requested up to 20160 datapoints, which exceeds the limit of 1440. You may reduce the datapoints requested by increasing Period, or decreasing the time range."},
	} {
		want := fmt.Sprintf(`{"__type":"com.amazonaws.cloudwatch#%s","message":%q}`, tt.shape, tt.message)
		if status, got := w.callJSON("GetMetricStatistics", "{"+rest(tt.without)+tt.with+"}"); status != http.StatusBadRequest || got != want {
			t.Errorf("without %s, with %s:\ngot  %d %s\nwant 400 %s", tt.without, tt.with, status, got, want)
		}
	}
	if _, got := w.callJSON("GetMetricStatistics", "{"+strings.Replace(rest(""), "AWS/Events", "AWS/EC2", 1)+"}"); got != `{"Label":"Invocations","Datapoints":[]}` {
		t.Errorf("another namespace: got %s", got)
	}
}
