package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	archivedPattern = `{"source":["shop.orders"]}`
	busesARN        = "arn:aws:events:us-east-1:000000000000:event-bus/"
	archiveARN      = "arn:aws:events:us-east-1:000000000000:archive/kept"
	replayARN       = "arn:aws:events:us-east-1:000000000000:replay/again"
	refundedRuleARN = "arn:aws:events:us-east-1:000000000000:rule/refunds/refunded"
	organization    = `{"Version":"2012-10-17","Statement":[{"Sid":"partners","Effect":"Allow","Principal":"*","Action":"events:PutEvents",` +
		`"Resource":"` + busesARN + `refunds","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1234567890"}}}]}`
	partnerSource = "aws.partner/shop.example/refunds"
)

// keep are the calls after which two buses, the first of which hands on to the second, keep what comes.
var keep = []step{
	{operation: "CreateEventBus", input: Object{"Name": "refunds", "Tags": List{Object{"Key": "team", "Value": "money"}}}},
	{
		operation: "TagResource",
		input:     Object{"ResourceARN": busesARN + "refunds", "Tags": List{Object{"Key": "cost", "Value": "7"}}},
	},
	{operation: "UntagResource", input: Object{"ResourceARN": busesARN + "refunds", "TagKeys": List{"team"}}},
	{
		operation: "ListTagsForResource",
		input:     Object{"ResourceARN": busesARN + "refunds"},
		output:    Object{"Tags": List{Object{"Key": "cost", "Value": "7"}}},
	},
	{
		operation: "UpdateEventBus",
		input:     Object{"Name": "refunds", "Description": "Money back.", "LogConfig": Object{"Level": "ERROR", "IncludeDetail": "NONE"}},
		output:    Object{"Arn": busesARN + "refunds", "Description": "Money back."},
	},
	{
		operation: "PutPermission",
		input: Object{"EventBusName": "refunds", "Action": "events:PutEvents", "Principal": "*", "StatementId": "partners",
			"Condition": Object{"Type": "StringEquals", "Key": "aws:PrincipalOrgID", "Value": "o-1234567890"}},
	},
	{
		operation: "DescribeEventBus",
		input:     Object{"Name": "refunds"},
		output:    Object{"Description": "Money back.", "LogConfig": Object{"Level": "ERROR", "IncludeDetail": "NONE"}, "Policy": organization},
	},
	{operation: "RemovePermission", input: Object{"EventBusName": "refunds", "StatementId": "partners"}},
	{
		operation: "RemovePermission",
		input:     Object{"EventBusName": "refunds", "StatementId": "partners"},
		code:      "ResourceNotFoundException", message: "Statement with the provided id does not exist.",
	},
	{
		operation: "CreateArchive",
		input:     Object{"ArchiveName": "kept", "EventSourceArn": busesARN + "refunds", "EventPattern": archivedPattern, "RetentionDays": 7},
		output:    Object{"ArchiveArn": archiveARN, "State": "ENABLED"},
	},
	{
		operation: "CreateArchive",
		input:     Object{"ArchiveName": "kept", "EventSourceArn": busesARN + "refunds"},
		code:      "ResourceAlreadyExistsException", message: "Archive kept already exists.",
	},
	{
		operation: "DescribeRule",
		input:     Object{"Name": "Events-Archive-kept", "EventBusName": "refunds"},
		output:    Object{"ManagedBy": "prod.vhs.events.aws.internal", "EventPattern": `{"replay-name":[{"exists":false}],"source":["shop.orders"]}`},
	},
	{operation: "PutRule", input: Object{"Name": "refunded", "EventBusName": "refunds", "EventPattern": archivedPattern}},
	{
		operation: "PutTargets",
		input: Object{"Rule": "refunded", "EventBusName": "refunds", "Targets": List{
			Object{"Id": "api", "Arn": "arn:aws:execute-api:us-east-1:000000000000:shop/prod/POST/refunds"},
		}},
	},
	{operation: "PutRule", input: Object{"Name": "on", "EventPattern": archivedPattern}},
	{
		operation: "PutTargets",
		input:     Object{"Rule": "on", "Targets": List{Object{"Id": "bus", "Arn": busesARN + "refunds", "RoleArn": "arn:aws:iam::000000000000:role/on"}}},
	},
}

// kept are the calls after one event came.
var kept = []step{
	{
		operation: "ListArchives",
		input:     Object{"EventSourceArn": busesARN + "refunds"},
		output: Object{"NextToken": nil, "Archives": List{
			Object{"ArchiveName": "kept", "State": "ENABLED", "RetentionDays": 7, "EventCount": 1, "SizeBytes": 11 + 6 + 15 + 20},
		}},
	},
	{
		operation: "StartReplay",
		input: Object{
			"ReplayName": "again", "EventSourceArn": archiveARN, "EventStartTime": "2026-01-02T03:04:05Z", "EventEndTime": "2026-01-02T03:04:06Z",
			"Destination": Object{"Arn": busesARN + "default"},
		},
		code: "ValidationException", message: "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.",
	},
	{
		operation: "StartReplay",
		input: Object{
			"ReplayName": "again", "EventSourceArn": archiveARN, "EventStartTime": "2026-01-02T03:04:05Z", "EventEndTime": "2026-01-02T03:04:06Z",
			"Destination": Object{"Arn": busesARN + "refunds", "FilterArns": List{refundedRuleARN}},
		},
		output: Object{"ReplayArn": replayARN, "State": "STARTING"},
	},
}

// replayed are the calls after its replay came.
var replayed = []step{
	{
		operation: "DescribeReplay",
		input:     Object{"ReplayName": "again"},
		output: Object{"ReplayArn": replayARN, "State": "COMPLETED", "EventSourceArn": archiveARN,
			"Destination": Object{"Arn": busesARN + "refunds", "FilterArns": List{refundedRuleARN}}},
	},
	{
		operation: "CancelReplay",
		input:     Object{"ReplayName": "again"},
		code:      "IllegalStatusException", message: "Replay again is not in a valid state for this operation.",
	},
	{
		operation: "ListReplays",
		input:     Object{"NamePrefix": "ag"},
		output:    Object{"NextToken": nil, "Replays": List{Object{"ReplayName": "again", "State": "COMPLETED"}}},
	},
	{operation: "DescribeArchive", input: Object{"ArchiveName": "kept"}, output: Object{"EventCount": 1, "EventPattern": archivedPattern}},
	{operation: "UpdateArchive", input: Object{"ArchiveName": "kept", "RetentionDays": 0}, output: Object{"State": "ENABLED"}},
	{operation: "DeleteArchive", input: Object{"ArchiveName": "kept"}},
	{
		operation: "DescribeArchive",
		input:     Object{"ArchiveName": "kept"},
		code:      "ResourceNotFoundException", message: "Archive kept does not exist.",
	},

	// A partner's events.
	{
		operation: "CreatePartnerEventSource",
		input:     Object{"Name": partnerSource, "Account": "000000000000"},
		output:    Object{"EventSourceArn": "arn:aws:events:us-east-1::event-source/" + partnerSource},
	},
	{operation: "ListEventSources", input: Object{}, output: Object{"EventSources": List{Object{"Name": partnerSource, "State": "PENDING"}}}},
	{operation: "CreateEventBus", input: Object{"Name": partnerSource, "EventSourceName": partnerSource}},
	{operation: "DescribeEventSource", input: Object{"Name": partnerSource}, output: Object{"State": "ACTIVE", "CreatedBy": "shop.example"}},
	{
		operation: "PutPartnerEvents",
		input:     Object{"Entries": List{Object{"Source": partnerSource, "DetailType": "Refund", "Detail": `{}`}, Object{"Source": partnerSource, "Detail": `{}`}}},
		output:    Object{"FailedEntryCount": 1, "Entries": List{Object{"ErrorCode": nil}, Object{"EventId": nil, "ErrorCode": "InvalidArgument"}}},
	},
	{operation: "DeactivateEventSource", input: Object{"Name": partnerSource}},
	{operation: "ListConnections", input: Object{}, code: "OperationDisabledException", message: "Operation ListConnections is not supported by this server."},
}

// Every client plays what the scenario leaves out: an event goes from one bus to another and is archived there, is replayed,
// and partners put events.
func TestArchivesAndPartners(t *testing.T) {
	for name, newClient := range Clients {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := filepath.Join(t.TempDir(), "bailey.yaml")
			if err := os.WriteFile(config, []byte("replays: {starting: 0s}\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			server := Start(t, "--config", config)
			client := newClient(t, server)
			sink := NewSink(t)
			server.PutAPI(t, "shop", Object{"url": sink.URL})
			for _, s := range keep {
				s.run(t, client)
			}
			output := step{operation: "PutEvents", input: Object{"Entries": List{Object{
				"Source": "shop.orders", "DetailType": "Refund", "Time": "2026-01-02T03:04:05Z", "Detail": `{"amount": 1.0}`,
			}}}}.run(t, client)
			eventID := entryID(t, output, 0)
			first := sink.Next(t)
			if first.Method != http.MethodPost || first.URI != "/refunds" || !strings.Contains(string(first.Body), eventID) {
				t.Errorf("got %s %s %s, want the event from the other bus", first.Method, first.URI, first.Body)
			}
			if deliveries := server.Settled(t, eventID); len(deliveries) != 2 {
				t.Errorf("got deliveries %+v, want that to the bus and that from there", deliveries)
			}
			for _, s := range kept {
				s.run(t, client)
			}
			second := sink.Next(t)
			var replay struct{ ID string }
			if err := json.Unmarshal(second.Body, &replay); err != nil {
				t.Fatal(err)
			}
			if replay.ID == eventID {
				t.Errorf("what is replayed has the id that it had: %s", second.Body)
			}
			want := strings.NewReplacer(eventID, replay.ID, `"region":"us-east-1",`, `"region":"us-east-1","replay-name":"again",`).Replace(string(first.Body))
			if string(second.Body) != want {
				t.Errorf("got\n%s\nwant\n%s", second.Body, want)
			}
			if deliveries := server.Settled(t, replay.ID); len(deliveries) != 1 {
				t.Errorf("got deliveries %+v of the replay, want one", deliveries)
			}
			if key := second.Header.Get("Idempotency-Key"); key == first.Header.Get("Idempotency-Key") {
				t.Errorf("the replay has the key of the first delivery, %s: an API would drop it", key)
			}
			for _, s := range replayed {
				s.run(t, client)
			}
			sink.None(t)
		})
	}
}
