package cloudwatch

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// points writes the sums in an answer of GetMetricStatistics as minute:sum.
func (w *world) points(answer string) string {
	w.t.Helper()
	var out statisticsOutput
	if err := json.Unmarshal([]byte(answer), &out); err != nil {
		w.t.Fatal(err)
	}
	var all []string
	for _, d := range out.Datapoints {
		all = append(all, fmt.Sprintf("%d:%v", (d.Timestamp.Unix()-at(0))/60, *d.Sum))
	}
	return strings.Join(all, " ")
}

func stat(id, metric, rule string) string {
	return fmt.Sprintf(`{"Id":%q,"MetricStat":{"Metric":{"Namespace":"AWS/Events","MetricName":%q,"Dimensions":[%s]},"Period":60,"Stat":"Sum"}}`, id, metric, ofRule(rule))
}

func expression(id, text string) string { return fmt.Sprintf(`{"Id":%q,"Expression":%q}`, id, text) }

func dataQuestion(queries, more string) string {
	return fmt.Sprintf(`{"StartTime":%d,"EndTime":%d,"MetricDataQueries":[%s]%s}`, at(0), at(time.Hour), queries, more)
}

// data calls GetMetricData and returns each result as a line: its id, and
// minute:value.
func (w *world) data(queries, more string) (lines []string, next string) {
	w.t.Helper()
	status, got := w.callJSON("GetMetricData", dataQuestion(queries, more))
	if status != http.StatusOK {
		w.t.Fatalf("got %d %s", status, got)
	}
	var out dataOutput
	if err := json.Unmarshal([]byte(got), &out); err != nil {
		w.t.Fatal(err)
	}
	for _, r := range out.MetricDataResults {
		line := []string{r.ID}
		for i, moment := range r.Timestamps {
			line = append(line, fmt.Sprintf("%d:%v", (moment.Unix()-at(0))/60, r.Values[i]))
		}
		if r.StatusCode != "Complete" {
			line = append(line, r.StatusCode)
		}
		lines = append(lines, strings.Join(line, " "))
	}
	return lines, out.NextToken
}

func dataWorld(t *testing.T) *world {
	w := newWorld(t)
	for i := range 4 {
		for range i + 1 {
			w.metrics.Rule("us-east-1", "default", "a").Matched()
		}
		if i%2 == 1 {
			w.metrics.Rule("us-east-1", "default", "b").Matched()
		}
		w.forward(time.Minute)
	}
	return w
}

func TestGetMetricData(t *testing.T) {
	w := dataWorld(t)
	a, b := stat("a", "MatchedEvents", "a"), stat("b", "MatchedEvents", "b")
	hidden := strings.Replace(b, `{"Id"`, `{"ReturnData":false,"Id"`, 1)
	const ascending = `,"ScanBy":"TimestampAscending"`
	for _, tt := range []struct {
		name, queries, more string
		want                []string
	}{
		{"newest first", a, "", []string{"a 3:4 2:3 1:2 0:1"}},
		{"oldest first", a, ascending, []string{"a 0:1 1:2 2:3 3:4"}},
		{"several", a + "," + b, ascending, []string{"a 0:1 1:2 2:3 3:4", "b 1:1 3:1"}},
		{"one not to be returned", a + "," + hidden, ascending, []string{"a 0:1 1:2 2:3 3:4"}},
		{"one without data", stat("x", "MatchedEvents", "x") + "," + b, ascending, []string{"x", "b 1:1 3:1"}},
		{"with a number", a + "," + expression("e", "100 * a"), ascending, []string{"a 0:1 1:2 2:3 3:4", "e 0:100 1:200 2:300 3:400"}},
		{"where both have a point", expression("e", "a/b") + "," + a + "," + hidden, ascending, []string{"e 1:2 3:4", "a 0:1 1:2 2:3 3:4"}},
		{"precedence", a + "," + expression("e", "-a^2+2*(a-1)"), ascending, []string{"a 0:1 1:2 2:3 3:4", "e 0:-1 1:-2 2:-5 3:-10"}},
		{"over an expression", expression("f", "e+1") + "," + a + "," + expression("e", "a*10"), ascending, []string{"f 0:11 1:21 2:31 3:41", "a 0:1 1:2 2:3 3:4", "e 0:10 1:20 2:30 3:40"}},
		{"by zero", a + "," + expression("e", "1/(a-1)"), ascending, []string{"a 0:1 1:2 2:3 3:4", "e 1:1 2:0.5 3:0.3333333333333333"}},
	} {
		if got, next := w.data(tt.queries, tt.more); !slices.Equal(got, tt.want) || next != "" {
			t.Errorf("%s: got %q %s, want %q", tt.name, got, next, tt.want)
		}
	}

	_, got := w.callCBOR("GetMetricData", dataQuestion(b, ascending))
	sameJSON(t, got, fmt.Sprintf(`{"MetricDataResults":[{"Id":"b","Label":"MatchedEvents","Timestamps":[%d,%d],"Values":[1,1],"StatusCode":"Complete"}],"Messages":[]}`,
		at(time.Minute), at(3*time.Minute)))
}

func TestDataPages(t *testing.T) {
	w := dataWorld(t)
	queries := strings.Join([]string{stat("x", "MatchedEvents", "x"), stat("a", "MatchedEvents", "a"), stat("b", "MatchedEvents", "b")}, ",")
	var pages []string
	for next := ""; ; {
		more := `,"ScanBy":"TimestampAscending","MaxDatapoints":2`
		if next != "" {
			more += `,"NextToken":"` + next + `"`
		}
		var lines []string
		lines, next = w.data(queries, more)
		pages = append(pages, strings.Join(lines, "; "))
		if next == "" {
			break
		}
	}
	if want := []string{"x; a 0:1 1:2 PartialData", "a 2:3 3:4", "b 1:1 3:1"}; !slices.Equal(pages, want) {
		t.Errorf("got %q, want %q", pages, want)
	}
}

func TestDataRefused(t *testing.T) {
	w := newWorld(t)
	a, b := stat("a", "Invocations", "x"), stat("b", "Invocations", "x")
	var many []string
	for i := range 501 {
		many = append(many, stat(fmt.Sprintf("q%d", i), "Invocations", "x"))
	}
	const supported = ". Supported are +, -, *, /, ^ and parentheses over numbers and the ids of other queries."
	for _, tt := range []struct{ name, question, want string }{
		{"no queries", dataQuestion("", ""), "The parameter MetricDataQueries is required."},
		{"no start", `{"EndTime":1,"MetricDataQueries":[` + a + `]}`, "The parameter StartTime is required."},
		{"no end", `{"StartTime":1,"MetricDataQueries":[` + a + `]}`, "The parameter EndTime is required."},
		{"no time", `{"StartTime":1,"EndTime":1,"MetricDataQueries":[` + a + `]}`, "The parameter StartTime must not equal parameter EndTime."},
		{"an end before the start", `{"StartTime":2,"EndTime":1,"MetricDataQueries":[` + a + `]}`, "The parameter EndTime must be greater than StartTime."},
		{"too many", dataQuestion(strings.Join(many, ","), ""), "The collection MetricDataQueries must not have a size greater than 500."},
		{"an order that is none", dataQuestion(a, `,"ScanBy":"Down"`), "1 validation error detected: Value 'Down' at 'scanBy' failed to satisfy constraint: Member must satisfy enum value set: [TimestampDescending, TimestampAscending]"},
		{"no room", dataQuestion(a, `,"MaxDatapoints":0`), "The parameter MaxDatapoints must be greater than 0."},
		{"an id twice", dataQuestion(a+","+a, ""), "The values for parameter id in MetricDataQueries must be unique."},
		{"no id", dataQuestion(strings.Replace(a, `"a"`, `""`, 1), ""), "The parameter MetricDataQueries.member.1.Id is required."},
		{"a bad id", dataQuestion(strings.Replace(a, `"a"`, `"A"`, 1), ""), "The value A for parameter MetricDataQueries.member.1.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$."},
		{"neither metric nor expression", dataQuestion(`{"Id":"a"}`, ""), "The parameter MetricDataQueries.member.1.MetricStat is required."},
		{"metric and expression", dataQuestion(strings.Replace(a, `{"Id"`, `{"Expression":"1","Id"`, 1), ""), "The parameters MetricDataQueries.member.1.Expression and MetricDataQueries.member.1.MetricStat are mutually exclusive and you have specified both."},
		{"no metric", dataQuestion(`{"Id":"a","MetricStat":{"Period":60,"Stat":"Sum"}}`, ""), "The parameter MetricDataQueries.member.1.MetricStat.Metric is required."},
		{"a bad period", dataQuestion(strings.Replace(a, `"Period":60`, `"Period":61`, 1), ""), "The parameter MetricDataQueries.member.1.MetricStat.Period must be a value in the set [ 1, 5, 10, 20, 30 ] or any multiple of 60."},
		{"no period at all", dataQuestion(strings.Replace(a, `"Period":60`, `"Period":0`, 1), ""), "1 validation error detected: Value '0' at 'metricDataQueries.1.member.metricStat.period' failed to satisfy constraint: Member must have value greater than or equal to 1"},
		{"a bad statistic", dataQuestion(strings.Replace(a, `"Sum"`, `"tm90"`, 1), ""), "The value tm90 for parameter MetricDataQueries.member.1.MetricStat.Stat is not supported by Bailey, which has SampleCount, Average, Sum, Minimum, Maximum and the percentiles p0 to p100."},
		{"statistics that are none", dataQuestion(strings.Replace(a, `"Sum"`, `"None"`, 1)+","+strings.Replace(b, `"Sum"`, `"p101"`, 1), ""), "The value None for parameter MetricDataQueries.member.1.MetricStat.Stat is not a valid statistic.\nThe value p101 for parameter MetricDataQueries.member.2.MetricStat.Stat is not a valid statistic."},
		{"no statistic, no namespace", dataQuestion(strings.NewReplacer(`"Sum"`, `""`, `"AWS/Events"`, `""`).Replace(a), ""), "The parameter MetricDataQueries.member.1.MetricStat.Metric.Namespace is required.\nThe parameter MetricDataQueries.member.1.MetricStat.Stat is required."},
		{"a unit that is none", dataQuestion(strings.Replace(a, `"Stat"`, `"Unit":"Furlongs","Stat"`, 1), ""), "The parameter MetricDataQueries.member.1.MetricStat.Unit must be a value in the set [" + strings.Join(units, ", ") + "]."},
		{"nothing to return", dataQuestion(strings.Replace(a, `{"Id"`, `{"ReturnData":false,"Id"`, 1), ""), "At least one of the MetricDataQueries must return data."},
		{"a token that is none", dataQuestion(a, `,"NextToken":"x"`), "Invalid nextToken"},

		{"an id that is not there", dataQuestion(a+","+expression("e", "a+b"), ""), "Error in expression 'e': the id b is not defined" + supported},
		{"a function", dataQuestion(a+","+expression("e", "SUM(METRICS())"), ""), "Error in expression 'e': the function SUM is not supported" + supported},
		{"itself", dataQuestion(expression("e", "f")+","+expression("f", "e+1"), ""), "Error in expression 'f': e refers to itself" + supported},
		{"a number alone", dataQuestion(expression("e", "1+1"), ""), "Error in expression 'e': it is no time series" + supported},
		{"an end too early", dataQuestion(a+","+expression("e", "a+"), ""), "Error in expression 'e': it ends too early" + supported},
		{"too much", dataQuestion(a+","+expression("e", "a a"), ""), `Error in expression 'e': unexpected "a"` + supported},
		{"a bracket that is not closed", dataQuestion(a+","+expression("e", "(a"), ""), "Error in expression 'e': it ends too early" + supported},
		{"too deep", dataQuestion(a+","+expression("e", strings.Repeat("(", 200)+"a"+strings.Repeat(")", 200)), ""), "Error in expression 'e': it is nested too deeply" + supported},
		{"a number that is none", dataQuestion(a+","+expression("e", "a*1.2.3"), ""), "Error in expression 'e': 1.2.3 is no number" + supported},
	} {
		status, got := w.callJSON("GetMetricData", tt.question)
		var e errorBody
		if err := json.Unmarshal([]byte(got), &e); err != nil {
			t.Fatal(err)
		}
		// AWS ends each line of these, the last one too.
		if message := strings.TrimSuffix(e.Message, "\n"); status != http.StatusBadRequest || message != tt.want ||
			strings.HasSuffix(message, "is required.") != (strings.HasSuffix(e.Message, "is required.\n")) {
			t.Errorf("%s: got %d %s, want 400 %s", tt.name, status, e.Message, tt.want)
		}
	}
}
