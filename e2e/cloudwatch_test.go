package e2e

import (
	"encoding/json"
	"maps"
	"testing"
	"time"
)

// CloudWatch's reading operations answer for what the server did, to the AWS CLI and to boto3, each in the protocol that it
// chooses by itself.
func TestCloudWatch(t *testing.T) {
	server := Start(t)
	cli := NewCLI(t, server)
	s := newStage(t, server, cli)
	s.target(t, s.arn("prod/POST/orders"), Object{"RetryPolicy": Object{"MaximumRetryAttempts": 0}})
	for range 3 {
		server.Settled(t, s.event(t, `{}`))
	}
	s.sink.Answer(Answer{Status: 400})
	server.Settled(t, s.event(t, `{}`))

	clients := map[string]func(*testing.T) func(operation string, input Object) Answered{
		"AWS CLI": func(t *testing.T) func(string, Object) Answered {
			t.Helper()
			return func(operation string, input Object) Answered {
				t.Helper()
				text, err := json.Marshal(input)
				if err != nil {
					t.Fatal(err)
				}
				return cli.Run(t, "cloudwatch", kebab(operation), "--cli-input-json", string(text))
			}
		},
		"boto3": func(t *testing.T) func(string, Object) Answered {
			t.Helper()
			client := startScript(t, server, ".", pythonWithBoto3(t), "boto3_client.py", "cloudwatch")
			return func(operation string, input Object) Answered {
				t.Helper()
				return client.Call(t, operation, input)
			}
		},
	}
	// One period of a day around now, so that no minute's end has a part in it.
	from := time.Now().UTC().Add(-12 * time.Hour).Truncate(time.Minute)
	window := func(members Object) Object {
		question := Object{"StartTime": from.Format(time.RFC3339), "EndTime": from.Add(24 * time.Hour).Format(time.RFC3339)}
		maps.Copy(question, members)
		return question
	}
	ofRule := List{Object{"Name": "RuleName", "Value": s.rule}}
	statistics := func(metric string, members Object) Object {
		question := window(Object{"Namespace": "AWS/Events", "MetricName": metric, "Dimensions": ofRule, "Period": 86400})
		maps.Copy(question, members)
		return question
	}
	data := func(id, metric string) Object {
		return Object{"Id": id, "MetricStat": Object{
			"Metric": Object{"Namespace": "AWS/Events", "MetricName": metric, "Dimensions": ofRule}, "Period": 86400, "Stat": "Sum"}}
	}

	for name, connect := range clients {
		t.Run(name, func(t *testing.T) {
			call := connect(t)
			mustHave := func(operation string, input, want Object) Object {
				t.Helper()
				output := call(operation, input).OK(t)
				if difference := Mismatch(output, want); difference != "" {
					t.Errorf("%s: %s", operation, difference)
				}
				return output
			}

			output := mustHave("GetMetricStatistics", statistics("Invocations", Object{"Statistics": List{"Sum", "SampleCount", "Average", "Minimum", "Maximum"}}),
				Object{"Label": "Invocations", "Datapoints": List{Object{"Sum": 4, "SampleCount": 4, "Average": 1, "Minimum": 1, "Maximum": 1, "Unit": "Count"}}})
			points, _ := output["Datapoints"].(List)
			point, _ := points[0].(Object)
			if begins := moment(t, point["Timestamp"]); !begins.Equal(from) {
				t.Errorf("got a period that begins %v, want %v", begins, from)
			}
			mustHave("GetMetricStatistics", statistics("FailedInvocations", Object{"Statistics": List{"Sum"}}), Object{"Datapoints": List{Object{"Sum": 1}}})
			mustHave("GetMetricStatistics", statistics("ThrottledRules", Object{"Statistics": List{"Sum"}}), Object{"Datapoints": List{}})
			output = mustHave("GetMetricStatistics", statistics("IngestionToInvocationCompleteLatency", Object{"ExtendedStatistics": List{"p50", "p99.9"}, "Unit": "Milliseconds"}),
				Object{"Datapoints": List{Object{"Unit": "Milliseconds"}}})
			points, _ = output["Datapoints"].(List)
			point, _ = points[0].(Object)
			percentiles, _ := point["ExtendedStatistics"].(Object)
			low, _ := percentiles["p50"].(float64)
			high, _ := percentiles["p99.9"].(float64)
			if low <= 0 || high < low || high > 60_000 {
				t.Errorf("got percentiles %v", percentiles)
			}

			mustHave("GetMetricData", window(Object{"MetricDataQueries": List{
				data("invoked", "Invocations"), data("failed", "FailedInvocations"), Object{"Id": "share", "Expression": "100 * failed / invoked", "Label": "Failures"},
			}}), Object{"MetricDataResults": List{
				Object{"Id": "invoked", "Label": "Invocations", "Values": List{4}, "StatusCode": "Complete"},
				Object{"Id": "failed", "Values": List{1}},
				Object{"Id": "share", "Label": "Failures", "Values": List{25}},
			}})
			mustHave("ListMetrics", Object{"Namespace": "AWS/Events", "MetricName": "FailedInvocations", "RecentlyActive": "PT3H"},
				Object{"Metrics": List{Object{"Namespace": "AWS/Events", "MetricName": "FailedInvocations", "Dimensions": ofRule}}})

			refused := call("GetMetricStatistics", statistics("Invocations", Object{"Statistics": List{"Sum"}, "Period": 60,
				"StartTime": from.Add(-24 * time.Hour).Format(time.RFC3339)}))
			const message = "You have requested up to 2880 datapoints, which exceeds the limit of 1440. " +
				"You may reduce the datapoints requested by increasing Period, or decreasing the time range."
			if e := refused.Error; e == nil || e.Code != "InvalidParameterCombination" || e.Message != message {
				t.Errorf("too many datapoints: got %+v", refused)
			}
		})
	}
}

// moment reads a timestamp as a client shows it: boto3 makes a time of it, the AWS CLI shows the number that came.
func moment(t *testing.T, shown any) time.Time {
	t.Helper()
	switch shown := shown.(type) {
	case float64:
		return time.Unix(int64(shown), 0)
	case string:
		if at, err := time.Parse(time.RFC3339, shown); err == nil {
			return at
		}
	}
	t.Fatalf("%v is no time", shown)
	return time.Time{}
}
