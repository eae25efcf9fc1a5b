package e2e

import (
	"net/http"
	"testing"
)

// step is a call and what it has to come to: an output with at least these members, or this error.
type step struct {
	operation string
	input     Object
	output    Object
	code      string
	message   string
}

func (s step) run(t *testing.T, client Client) Object {
	t.Helper()
	answered := client.Call(t, s.operation, s.input)
	if s.code != "" {
		if answered.Error == nil {
			t.Errorf("%s: got %v, want %s: %s", s.operation, answered.Output, s.code, s.message)
		} else if answered.Error.Code != s.code || answered.Error.Message != s.message {
			t.Errorf("%s: got %s: %s, want %s: %s", s.operation, answered.Error.Code, answered.Error.Message, s.code, s.message)
		}
		return nil
	}
	output := answered.OK(t)
	if s.output != nil {
		if difference := Mismatch(output, s.output); difference != "" {
			t.Errorf("%s: %s", s.operation, difference)
		}
	}
	return output
}

const shippedPattern = `{"source":["shop.orders"],"detail":{"state":["shipped"]}}`

// shippedTarget uses every kind of parameter that a target of API Gateway has.
var shippedTarget = Object{
	"Id":  "notify",
	"Arn": "arn:aws:execute-api:us-east-1:000000000000:shop/prod/POST/orders/*/shipments",
	"HttpParameters": Object{
		"PathParameterValues":   List{"$.detail.id"},
		"QueryStringParameters": Object{"carrier": "$.detail.carrier", "urgent": "no"},
		"HeaderParameters":      Object{"X-Customer": "$.detail.customer"},
	},
	"RetryPolicy": Object{"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 3600},
}

// configure are the calls that lead from nothing to a rule that delivers.
var configure = []step{
	{
		operation: "CreateEventBus",
		input:     Object{"Name": "orders"},
		output:    Object{"EventBusArn": "arn:aws:events:us-east-1:000000000000:event-bus/orders"},
	},
	{
		operation: "CreateEventBus",
		input:     Object{"Name": "orders"},
		code:      "ResourceAlreadyExistsException", message: "Event bus orders already exists.",
	},
	{
		operation: "DescribeEventBus",
		input:     Object{"Name": "orders"},
		output:    Object{"Name": "orders", "Arn": "arn:aws:events:us-east-1:000000000000:event-bus/orders"},
	},
	{
		operation: "ListEventBuses",
		input:     Object{"NamePrefix": "ord"},
		output: Object{"EventBuses": List{
			Object{"Name": "orders", "Arn": "arn:aws:events:us-east-1:000000000000:event-bus/orders"},
		}},
	},
	{
		operation: "TestEventPattern",
		input: Object{
			"EventPattern": shippedPattern,
			"Event": `{"id":"1","account":"000000000000","source":"shop.orders","time":"2026-01-02T03:04:05Z",` +
				`"region":"us-east-1","resources":[],"detail-type":"Order","detail":{"state":"shipped"}}`,
		},
		output: Object{"Result": true},
	},
	{
		operation: "PutRule",
		input:     Object{"Name": "shipped", "EventBusName": "orders", "EventPattern": shippedPattern, "Description": "Tells the carrier."},
		output:    Object{"RuleArn": "arn:aws:events:us-east-1:000000000000:rule/orders/shipped"},
	},
	{
		operation: "PutTargets",
		input:     Object{"Rule": "shipped", "EventBusName": "orders", "Targets": List{shippedTarget}},
		output:    Object{"FailedEntryCount": 0, "FailedEntries": List{}},
	},
	{
		operation: "ListTargetsByRule",
		input:     Object{"Rule": "shipped", "EventBusName": "orders"},
		output:    Object{"Targets": List{shippedTarget}, "NextToken": nil},
	},
	{
		operation: "ListRuleNamesByTarget",
		input:     Object{"TargetArn": shippedTarget["Arn"], "EventBusName": "orders"},
		output:    Object{"RuleNames": List{"shipped"}, "NextToken": nil},
	},
	{
		operation: "DisableRule",
		input:     Object{"Name": "shipped", "EventBusName": "orders"},
	},
	{
		operation: "DescribeRule",
		input:     Object{"Name": "shipped", "EventBusName": "orders"},
		output:    Object{"Name": "shipped", "State": "DISABLED"},
	},
	{
		operation: "EnableRule",
		input:     Object{"Name": "shipped", "EventBusName": "orders"},
	},
	{
		operation: "DescribeRule",
		input:     Object{"Name": "shipped", "EventBusName": "orders"},
		output: Object{
			"Name": "shipped", "Arn": "arn:aws:events:us-east-1:000000000000:rule/orders/shipped", "EventBusName": "orders",
			"EventPattern": shippedPattern, "State": "ENABLED", "Description": "Tells the carrier.", "ScheduleExpression": nil,
		},
	},
	{
		operation: "ListRules",
		input:     Object{"EventBusName": "orders"},
		output: Object{"NextToken": nil, "Rules": List{Object{
			"Name": "shipped", "Arn": "arn:aws:events:us-east-1:000000000000:rule/orders/shipped", "EventBusName": "orders",
			"EventPattern": shippedPattern, "State": "ENABLED", "Description": "Tells the carrier.",
		}}},
	},
}

// takeAway are the calls that lead back to nothing.
var takeAway = []step{
	{
		operation: "DeleteRule",
		input:     Object{"Name": "shipped", "EventBusName": "orders"},
		code:      "ValidationException", message: "Rule can't be deleted since it has targets.",
	},
	{
		operation: "RemoveTargets",
		input:     Object{"Rule": "shipped", "EventBusName": "orders", "Ids": List{"notify"}},
		output:    Object{"FailedEntryCount": 0, "FailedEntries": List{}},
	},
	{
		operation: "ListTargetsByRule",
		input:     Object{"Rule": "shipped", "EventBusName": "orders"},
		output:    Object{"Targets": List{}},
	},
	{
		operation: "DeleteRule",
		input:     Object{"Name": "shipped", "EventBusName": "orders"},
	},
	{
		operation: "DescribeRule",
		input:     Object{"Name": "shipped", "EventBusName": "orders"},
		code:      "ResourceNotFoundException", message: "Rule shipped does not exist on EventBus orders.",
	},
	{
		operation: "DeleteEventBus",
		input:     Object{"Name": "orders"},
	},
	{
		operation: "ListRules",
		input:     Object{"EventBusName": "orders"},
		code:      "ResourceNotFoundException", message: "Event bus orders does not exist.",
	},
}

// Every client plays the same scenario: a rule with a target of API Gateway is put and read back, events are put, one of
// them becomes a request, and all of it is taken away again.
func TestScenario(t *testing.T) {
	for name, newClient := range Clients {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := Start(t)
			client := newClient(t, server)
			sink := NewSink(t)
			server.PutAPI(t, "shop", Object{"url": sink.URL + "/base"})

			for _, s := range configure {
				s.run(t, client)
			}

			shipped := Object{
				"EventBusName": "orders", "Source": "shop.orders", "DetailType": "Order", "Time": "2026-01-02T03:04:05Z",
				"Resources": List{"arn:aws:s3:::orders"},
				"Detail":    `{"state":"shipped","id":"A/1","carrier":"fast & cheap","customer":"Zoe","weight":1.0}`,
			}
			output := step{
				operation: "PutEvents",
				input: Object{"Entries": List{
					shipped,
					Object{"EventBusName": "orders", "Source": "shop.orders", "DetailType": "Order", "Detail": `{"state":"packed"}`},
					Object{"EventBusName": "orders", "DetailType": "Order", "Detail": `{}`},
					Object{"EventBusName": "orders", "Source": "shop.orders", "DetailType": "Order", "Detail": `[]`},
				}},
				output: Object{"FailedEntryCount": 2, "Entries": List{
					Object{"ErrorCode": nil},
					Object{"ErrorCode": nil},
					Object{"EventId": nil, "ErrorCode": "InvalidArgument",
						"ErrorMessage": "Parameter Source is not valid. Reason: Source is a required argument."},
					Object{"EventId": nil, "ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."},
				}},
			}.run(t, client)
			eventID := entryID(t, output, 0)

			got := sink.Next(t)
			if want := "/base/orders/A%2F1/shipments?carrier=fast%20%26%20cheap&urgent=no"; got.Method != http.MethodPost || got.URI != want {
				t.Errorf("got %s %s, want POST %s", got.Method, got.URI, want)
			}
			if customer := got.Header.Get("X-Customer"); customer != "Zoe" {
				t.Errorf("got X-Customer %q, want Zoe", customer)
			}
			want := `{"version":"0","id":"` + eventID + `","detail-type":"Order","source":"shop.orders","account":"000000000000",` +
				`"time":"2026-01-02T03:04:05Z","region":"us-east-1","resources":["arn:aws:s3:::orders"],` +
				`"detail":` + shipped["Detail"].(string) + `}`
			if string(got.Body) != want {
				t.Errorf("got body\n%s\nwant\n%s", got.Body, want)
			}

			deliveries := server.Settled(t, eventID)
			if len(deliveries) != 1 || deliveries[0].Status != "delivered" || deliveries[0].Attempts != 1 ||
				deliveries[0].LastStatusCode != http.StatusOK || deliveries[0].TargetID != "notify" {
				t.Errorf("got deliveries %+v, want one, delivered at once", deliveries)
			}
			if packed := server.Settled(t, entryID(t, output, 1)); len(packed) != 0 {
				t.Errorf("an event that matches no rule: got deliveries %+v, want none", packed)
			}
			sink.None(t)

			for _, s := range takeAway {
				s.run(t, client)
			}
		})
	}
}

// entryID returns the id of the event that an entry of a PutEvents call became.
func entryID(t *testing.T, output Object, entry int) string {
	t.Helper()
	entries, _ := output["Entries"].(List)
	if entry < len(entries) {
		members, _ := entries[entry].(Object)
		if id, ok := members["EventId"].(string); ok && len(id) == 36 {
			return id
		}
	}
	t.Fatalf("PutEvents: entry %d has no EventId: %v", entry, output)
	return ""
}
