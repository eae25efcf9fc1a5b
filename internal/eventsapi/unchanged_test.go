package eventsapi

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"testing"

	"bailey/internal/awsjson"
	"bailey/internal/rule"
)

// A configured thing is what TestEverythingComesBack sends and where it finds it
// again.
type configured struct {
	operation string
	shape     *awsjson.Shape
	body      string // with every member of the shape
	once      bool   // it cannot be sent a second time
	// described are the calls whose answers have the members of the body, but
	// for those that stand for the thing's name.
	described map[string]string
	names     []string
}

func describedThings() []configured {
	const ruleARN = "arn:aws:events:us-east-1:000000000000:rule/r"
	const partnerBus = "aws.partner/shop.example/b"
	return []configured{
		{
			operation: "CreateEventBus", shape: &shapeCreateEventBusRequest, once: true,
			body: `{"Name":"` + partnerBus + `","EventSourceName":"` + partnerBus + `","Description":"d <&>","KmsKeyIdentifier":"arn:aws:kms:us-east-1:000000000000:alias/k",
				"DeadLetterConfig":{"Arn":"arn:aws:sqs:us-east-1:000000000000:dlq"},"LogConfig":{"IncludeDetail":"FULL","Level":"TRACE"},"Tags":[{"Key":"a","Value":""},{"Key":"b","Value":"1"}]}`,
			described: map[string]string{"DescribeEventBus": `{"Name":"` + partnerBus + `"}`, "ListTagsForResource": `{"ResourceARN":"` + busARN + partnerBus + `"}`},
			names:     []string{"EventSourceName"},
		},
		{
			operation: "UpdateEventBus", shape: &shapeUpdateEventBusRequest,
			body:      `{"Name":"default","Description":"d","KmsKeyIdentifier":"arn:aws:kms:us-east-1:000000000000:alias/k","DeadLetterConfig":{"Arn":"arn:aws:sqs:us-east-1:000000000000:dlq"},"LogConfig":{"IncludeDetail":"NONE","Level":"OFF"}}`,
			described: map[string]string{"DescribeEventBus": `{}`},
		},
		{
			operation: "PutRule", shape: &shapePutRuleRequest,
			body: `{"Name":"r","EventBusName":"default","EventPattern":"{ \"source\" : [ \"a\" ] }","ScheduleExpression":"rate(5 minutes)",
				"State":"DISABLED","Description":"d <&>","RoleArn":"arn:role","Tags":[{"Key":"a","Value":"1"}]}`,
			described: map[string]string{"DescribeRule": `{"Name":"r"}`, "ListTagsForResource": `{"ResourceARN":"` + ruleARN + `"}`},
		},
		{
			operation: "TagResource", shape: &shapeTagResourceRequest,
			body:      `{"ResourceARN":"` + ruleARN + `","Tags":[{"Key":"a","Value":"1"},{"Key":"z","Value":"<&>"}]}`,
			described: map[string]string{"ListTagsForResource": `{"ResourceARN":"` + ruleARN + `"}`},
			names:     []string{"ResourceARN"},
		},
		{
			operation: "PutTargets", shape: &shapePutTargetsRequest,
			body:      `{"Rule":"r","EventBusName":"default","Targets":` + everything + `}`,
			described: map[string]string{"ListTargetsByRule": `{"Rule":"r"}`},
			names:     []string{"Rule", "EventBusName"},
		},
		{
			operation: "CreateArchive", shape: &shapeCreateArchiveRequest, once: true,
			body:      `{"ArchiveName":"a","EventSourceArn":"` + busARN + `default","Description":"d <&>","EventPattern":"{ \"source\" : [ \"a\" ] }","RetentionDays":3,"KmsKeyIdentifier":"alias/k"}`,
			described: map[string]string{"DescribeArchive": `{"ArchiveName":"a"}`},
		},
		{
			operation: "UpdateArchive", shape: &shapeUpdateArchiveRequest,
			body:      `{"ArchiveName":"a","Description":"e","EventPattern":"{ \"source\" : [ \"b\" ] }","RetentionDays":4,"KmsKeyIdentifier":"alias/l"}`,
			described: map[string]string{"DescribeArchive": `{"ArchiveName":"a"}`},
		},
		{
			operation: "StartReplay", shape: &shapeStartReplayRequest, once: true,
			body: `{"ReplayName":"p","Description":"d","EventSourceArn":"` + archiveARN + `a","EventStartTime":1.5,"EventEndTime":1700000000.25,
				"Destination":{"Arn":"` + busARN + `default","FilterArns":["` + ruleARN + `"]}}`,
			described: map[string]string{"DescribeReplay": `{"ReplayName":"p"}`},
		},
	}
}

// TestEverythingComesBack sends each operation that configures something a
// request with every member of its shape, and finds each of them in what
// describes the thing. Then it sends it again, as tools do that apply the same
// configuration a second time, and finds no difference.
func TestEverythingComesBack(t *testing.T) {
	h, _ := newAPIWith(t, rule.Quotas{TargetsPerRule: 10})
	ask := func(operation, body string) map[string]any {
		t.Helper()
		status, got := call(t, h, operation, body)
		if status != http.StatusOK {
			t.Fatalf("%s %s: got %d %s", operation, body, status, got)
		}
		if got == "" {
			return nil
		}
		return decode(t, got).(map[string]any)
	}
	ask("CreatePartnerEventSource", `{"Name":"aws.partner/shop.example/b","Account":"000000000000"}`)
	for _, c := range describedThings() {
		t.Run(c.operation, func(t *testing.T) {
			sent := decode(t, c.body)
			all := sent
			if c.operation == "PutTargets" {
				all = map[string]any{"Rule": "r", "EventBusName": "default", "Targets": []any{inOneTarget(t, everything)}}
			}
			requireEveryMember(t, c.shape, c.operation, all, "Input", "InputPath")
			describe := func() map[string]any {
				all := map[string]any{}
				for operation, body := range c.described {
					maps.Copy(all, ask(operation, body))
				}
				delete(all, "LastModifiedTime")
				return all
			}
			ask(c.operation, c.body)
			first := describe()
			for name, value := range sent.(map[string]any) {
				if !slices.Contains(c.names, name) && !reflect.DeepEqual(first[name], value) {
					t.Errorf("%s: got %v, want %v", name, first[name], value)
				}
			}
			if c.once {
				return
			}
			ask(c.operation, c.body)
			if second := describe(); !reflect.DeepEqual(first, second) {
				t.Errorf("after the same again, got\n%v\nwant\n%v", second, first)
			}
		})
	}
}
