package eventsapi

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bailey"
	"bailey/internal/awsjson"
	"bailey/internal/event"
	"bailey/internal/request"
	"bailey/internal/rule"
	"bailey/internal/store"
)

// newAPI serves the API of a router of its own, in us-east-1.
func newAPI(t testing.TB) (http.Handler, *bailey.Router) {
	t.Helper()
	return newAPIOf(t, bailey.Config{})
}

// newAPIWith is newAPI with quotas.
func newAPIWith(t testing.TB, quotas rule.Quotas) (http.Handler, *bailey.Router) {
	t.Helper()
	return newAPIOf(t, bailey.Config{Quotas: quotas})
}

// newAPIOf is newAPI with a router of the configuration.
func newAPIOf(t testing.TB, cfg bailey.Config) (http.Handler, *bailey.Router) {
	t.Helper()
	cfg.Dir, cfg.Log = t.TempDir(), slog.New(slog.DiscardHandler)
	router, err := bailey.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := router.Close(); err != nil {
			t.Error(err)
		}
	})
	return New(Config{Events: router, Rules: router.Rules(), Logger: slog.New(slog.DiscardHandler)}), router
}

// call sends one request and returns the status and the body.
func call(t testing.TB, h http.Handler, operation, body string, header ...string) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", "AWSEvents."+operation)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// in names a region as an SDK does.
func in(region string) []string {
	return []string{"Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20250101/" + region + "/events/aws4_request, SignedHeaders=host, Signature=0"}
}

var times = regexp.MustCompile(`"(CreationTime|LastModifiedTime|ExpirationTime|ReplayStartTime|ReplayEndTime|EventLastReplayedTime)":[0-9]{10}(\.[0-9]{1,3})?`)

// A step is a call and its answer: the body of one that succeeds, with T for
// times, or Code: message.
type step struct{ operation, body, want string }

func (s step) run(t *testing.T, h http.Handler, header ...string) {
	t.Helper()
	status, got := call(t, h, s.operation, s.body, header...)
	if status != http.StatusOK {
		var e struct {
			Type    string `json:"__type"`
			Message string `json:"message"`
		}
		if err := json.Unmarshal([]byte(got), &e); err != nil || status != http.StatusBadRequest {
			t.Errorf("%s: got %d %s", s.operation, status, got)
		}
		got = e.Type + ": " + e.Message
	}
	if got = times.ReplaceAllString(got, `"$1":T`); got != s.want {
		t.Errorf("%s %s\ngot  %s\nwant %s", s.operation, s.body, got, s.want)
	}
}

const busARN = "arn:aws:events:us-east-1:000000000000:event-bus/"

// TestOperations plays calls in order, one after the other, against one server.
func TestOperations(t *testing.T) {
	h, router := newAPI(t)
	if err := router.Rules().PutAPI(t.Context(), &request.API{ID: "inside", URL: "http://127.0.0.1:9", EndpointType: "PRIVATE"}); err != nil {
		t.Fatal(err)
	}
	for _, s := range []step{
		// Event buses.
		{"CreateEventBus", `{"Name":"orders","Description":"d <1>","KmsKeyIdentifier":"alias/k","DeadLetterConfig":{"Arn":"arn:aws:sqs:us-east-1:000000000000:dlq"},"LogConfig":{"IncludeDetail":"FULL","Level":"INFO"},"Tags":[{"Key":"k","Value":"v"}]}`,
			`{"EventBusArn":"` + busARN + `orders","Description":"d <1>","KmsKeyIdentifier":"arn:aws:kms:us-east-1:000000000000:alias/k","DeadLetterConfig":{"Arn":"arn:aws:sqs:us-east-1:000000000000:dlq"},"LogConfig":{"IncludeDetail":"FULL","Level":"INFO"}}`},
		{"CreateEventBus", `{"Name":"other"}`, `{"EventBusArn":"` + busARN + `other"}`},
		{"CreateEventBus", `{"Name":"orders"}`, `ResourceAlreadyExistsException: Event bus orders already exists.`},
		{"CreateEventBus", `{"Name":"default"}`, `ResourceAlreadyExistsException: Event bus default already exists.`},
		{"CreateEventBus", `{"Name":"a/b"}`, `ValidationException: Event bus name must not contain '/'.`},
		{"CreateEventBus", `{"Name":"aws.partner/a/b","EventSourceName":"aws.partner/a/b"}`, `ResourceNotFoundException: Event source aws.partner/a/b does not exist.`},
		{"DescribeEventBus", `{"Name":"orders"}`, `{"Name":"orders","Arn":"` + busARN + `orders","Description":"d <1>","KmsKeyIdentifier":"arn:aws:kms:us-east-1:000000000000:alias/k","DeadLetterConfig":{"Arn":"arn:aws:sqs:us-east-1:000000000000:dlq"},"LogConfig":{"IncludeDetail":"FULL","Level":"INFO"},"CreationTime":T,"LastModifiedTime":T}`},
		{"DescribeEventBus", `{"Name":"` + busARN + `other"}`, `{"Name":"other","Arn":"` + busARN + `other","CreationTime":T,"LastModifiedTime":T}`},
		{"DescribeEventBus", `{}`, `{"Name":"default","Arn":"` + busARN + `default","CreationTime":T,"LastModifiedTime":T}`},
		{"DescribeEventBus", `{"Name":"nope"}`, `ResourceNotFoundException: Event bus nope does not exist.`},
		{"ListEventBuses", `{"NamePrefix":"o"}`, `{"EventBuses":[{"Name":"orders","Arn":"` + busARN + `orders","Description":"d <1>","CreationTime":T,"LastModifiedTime":T},{"Name":"other","Arn":"` + busARN + `other","CreationTime":T,"LastModifiedTime":T}]}`},
		{"ListEventBuses", `{"Limit":1}`, `{"EventBuses":[{"Name":"default","Arn":"` + busARN + `default","CreationTime":T,"LastModifiedTime":T}],"NextToken":"YnVzZXMgZGVmYXVsdA"}`},
		{"ListEventBuses", `{"NextToken":"YnVzZXMgZGVmYXVsdA","NamePrefix":"ot"}`, `{"EventBuses":[{"Name":"other","Arn":"` + busARN + `other","CreationTime":T,"LastModifiedTime":T}]}`},
		{"ListEventBuses", `{"NamePrefix":"nope"}`, `{"EventBuses":[]}`},
		{"ListEventBuses", `{"NextToken":"x"}`, `ValidationException: Parameter NextToken is not valid.`},

		// Rules.
		{"PutRule", `{"Name":"shipped","EventBusName":"orders","EventPattern":"{\"source\":[\"shop\"]}","Description":"d","RoleArn":"arn:role","State":"DISABLED"}`,
			`{"RuleArn":"arn:aws:events:us-east-1:000000000000:rule/orders/shipped"}`},
		{"PutRule", `{"Name":"often","ScheduleExpression":"rate(5 minutes)"}`, `{"RuleArn":"arn:aws:events:us-east-1:000000000000:rule/often"}`},
		{"PutRule", `{"Name":"all","EventBusName":"` + busARN + `orders","EventPattern":"{\"source\":[{\"prefix\":\"\"}]}"}`, `{"RuleArn":"arn:aws:events:us-east-1:000000000000:rule/orders/all"}`},
		{"PutRule", `{"Name":"r"}`, `ValidationException: Parameter(s) EventPattern or ScheduleExpression must be specified.`},
		{"PutRule", `{"Name":"r","EventBusName":"orders","ScheduleExpression":"rate(5 minutes)"}`, `ValidationException: ScheduleExpression is supported only on the default event bus.`},
		{"PutRule", `{"Name":"r","ScheduleExpression":"rate(10 minute)"}`, `ValidationException: Parameter ScheduleExpression is not valid.`},
		{"PutRule", `{"Name":"r","EventBusName":"nope","EventPattern":"{\"source\":[\"a\"]}"}`, `ResourceNotFoundException: Event bus nope does not exist.`},
		{"DescribeRule", `{"Name":"shipped","EventBusName":"orders"}`, `{"Name":"shipped","Arn":"arn:aws:events:us-east-1:000000000000:rule/orders/shipped","EventPattern":"{\"source\":[\"shop\"]}","State":"DISABLED","Description":"d","RoleArn":"arn:role","EventBusName":"orders","CreatedBy":"000000000000"}`},
		{"DescribeRule", `{"Name":"often"}`, `{"Name":"often","Arn":"arn:aws:events:us-east-1:000000000000:rule/often","ScheduleExpression":"rate(5 minutes)","State":"ENABLED","EventBusName":"default","CreatedBy":"000000000000"}`},
		{"DescribeRule", `{"Name":"nope"}`, `ResourceNotFoundException: Rule nope does not exist on EventBus default.`},
		{"DescribeRule", `{"Name":"often","EventBusName":"orders"}`, `ResourceNotFoundException: Rule often does not exist on EventBus orders.`},
		{"EnableRule", `{"Name":"shipped","EventBusName":"orders"}`, ``},
		{"DisableRule", `{"Name":"often"}`, ``},
		{"DisableRule", `{"Name":"nope"}`, `ResourceNotFoundException: Rule nope does not exist on EventBus default.`},
		{"EnableRule", `{"Name":"x","EventBusName":"nope"}`, `ResourceNotFoundException: Event bus nope does not exist.`},
		{"ListRules", `{"EventBusName":"orders","Limit":1}`, `{"Rules":[{"Name":"all","Arn":"arn:aws:events:us-east-1:000000000000:rule/orders/all","EventPattern":"{\"source\":[{\"prefix\":\"\"}]}","State":"ENABLED","EventBusName":"orders"}],"NextToken":"cnVsZXMgYWxs"}`},
		{"ListRules", `{"EventBusName":"orders","NextToken":"cnVsZXMgYWxs"}`, `{"Rules":[{"Name":"shipped","Arn":"arn:aws:events:us-east-1:000000000000:rule/orders/shipped","EventPattern":"{\"source\":[\"shop\"]}","State":"ENABLED","Description":"d","RoleArn":"arn:role","EventBusName":"orders"}]}`},
		{"ListRules", `{"NamePrefix":"o"}`, `{"Rules":[{"Name":"often","Arn":"arn:aws:events:us-east-1:000000000000:rule/often","ScheduleExpression":"rate(5 minutes)","State":"DISABLED","EventBusName":"default"}]}`},
		{"ListRules", `{"EventBusName":"nope"}`, `ResourceNotFoundException: Event bus nope does not exist.`},

		// Targets.
		{"PutTargets", `{"Rule":"all","EventBusName":"orders","Targets":[{"Id":"2","Arn":"arn:aws:sqs:us-east-1:000000000000:q"},{"Id":"1","Arn":"arn:aws:execute-api:us-east-1:000000000000:shop/prod/POST/orders/*","HttpParameters":{"PathParameterValues":["$.detail.id"],"HeaderParameters":{}}}]}`,
			`{"FailedEntryCount":0,"FailedEntries":[]}`},
		{"PutTargets", `{"Rule":"nope","Targets":[{"Id":"1","Arn":"arn:aws:sqs:us-east-1:000000000000:q"}]}`, `ResourceNotFoundException: Rule nope does not exist on EventBus default.`},
		{"PutTargets", `{"Rule":"all","EventBusName":"nope","Targets":[{"Id":"1","Arn":"arn:aws:sqs:us-east-1:000000000000:q"}]}`, `ResourceNotFoundException: Event bus nope does not exist.`},
		{"PutTargets", `{"Rule":"all","EventBusName":"orders","Targets":[{"Id":"3","Arn":"q"}]}`, `ValidationException: Parameter q is not valid. Reason: Provided Arn is not in correct format.`},
		{"PutTargets", `{"Rule":"all","EventBusName":"orders","Targets":[{"Id":"3","Arn":"arn:aws:sqs:us-east-1:000000000000:q"},{"Id":"4","Arn":"arn:aws:execute-api:us-east-1:000000000000:inside/prod/POST/x"}]}`,
			`ValidationException: API inside is a private endpoint. Private endpoints are not supported as targets.`},
		{"PutTargets", `{"Rule":"all","EventBusName":"orders","Targets":[{"Id":"3","Arn":"arn:aws:sns:us-east-1:000000000000:a"},{"Id":"4","Arn":"arn:aws:sns:us-east-1:000000000000:a"},{"Id":"5","Arn":"arn:aws:sns:us-east-1:000000000000:a"},{"Id":"6","Arn":"arn:aws:sns:us-east-1:000000000000:a"}]}`,
			`LimitExceededException: The requested resource exceeds the maximum number allowed.`},
		{"ListTargetsByRule", `{"Rule":"all","EventBusName":"orders","Limit":1}`, `{"Targets":[{"Id":"1","Arn":"arn:aws:execute-api:us-east-1:000000000000:shop/prod/POST/orders/*","HttpParameters":{"PathParameterValues":["$.detail.id"],"HeaderParameters":{}}}],"NextToken":"dGFyZ2V0cyAx"}`},
		{"ListTargetsByRule", `{"Rule":"all","EventBusName":"orders","NextToken":"dGFyZ2V0cyAx"}`, `{"Targets":[{"Id":"2","Arn":"arn:aws:sqs:us-east-1:000000000000:q"}]}`},
		{"ListTargetsByRule", `{"Rule":"shipped","EventBusName":"orders"}`, `{"Targets":[]}`},
		{"ListTargetsByRule", `{"Rule":"nope"}`, `ResourceNotFoundException: Rule nope does not exist on EventBus default.`},
		{"ListRuleNamesByTarget", `{"TargetArn":"arn:aws:sqs:us-east-1:000000000000:q","EventBusName":"orders"}`, `{"RuleNames":["all"]}`},
		{"ListRuleNamesByTarget", `{"TargetArn":"arn:aws:sqs:us-east-1:000000000000:q"}`, `{"RuleNames":[]}`},
		{"ListRuleNamesByTarget", `{"TargetArn":"arn:aws:sqs:us-east-1:000000000000:q","NextToken":"bogus"}`, `ValidationException: Parameter NextToken is not valid.`},
		{"ListRuleNamesByTarget", `{"TargetArn":"arn:aws:madeup:::q"}`, `{"RuleNames":[]}`},
		{"ListRuleNamesByTarget", `{"TargetArn":"not-an-arn"}`, `ValidationException: Parameter not-an-arn is not valid. Reason: Provided Arn is not in correct format.`},
		{"ListRuleNamesByTarget", `{"TargetArn":"arn:aws:sqs:us-east-1:000000000000:"}`, `ValidationException: Parameter arn:aws:sqs:us-east-1:000000000000: is not valid. Reason: Provided Arn is not in correct format.`},
		{"ListRuleNamesByTarget", `{"TargetArn":"arn:aws-cn:sqs:us-east-1:000000000000:q"}`, `ValidationException: Parameter arn:aws-cn:sqs:us-east-1:000000000000:q is not valid. Reason: Provided Arn is not in correct format.`},
		{"DeleteRule", `{"Name":"all","EventBusName":"orders"}`, `ValidationException: Rule can't be deleted since it has targets.`},
		{"RemoveTargets", `{"Rule":"all","EventBusName":"orders","Ids":["1","2","3"]}`, `{"FailedEntryCount":0,"FailedEntries":[]}`},
		{"RemoveTargets", `{"Rule":"nope","Ids":["1"]}`, `ResourceNotFoundException: Rule nope does not exist on EventBus default.`},

		// And away again.
		{"DeleteRule", `{"Name":"all","EventBusName":"orders"}`, ``},
		{"DeleteRule", `{"Name":"all","EventBusName":"orders"}`, ``},
		{"DeleteRule", `{"Name":"all","EventBusName":"nope"}`, `ResourceNotFoundException: Event bus nope does not exist.`},
		{"DeleteEventBus", `{"Name":"orders"}`, `ValidationException: EventBus can't be deleted since it has rules.`},
		{"DeleteRule", `{"Name":"shipped","EventBusName":"orders"}`, ``},
		{"DeleteEventBus", `{"Name":"orders"}`, ``},
		{"DeleteEventBus", `{"Name":"orders"}`, ``},
		{"DeleteEventBus", `{"Name":"default"}`, `ValidationException: Cannot delete event bus default.`},
	} {
		s.run(t, h)
	}
}

// TestRegions holds that what belongs to one region is not seen from another.
func TestRegions(t *testing.T) {
	h, _ := newAPI(t)
	step{"CreateEventBus", `{"Name":"orders"}`, `{"EventBusArn":"arn:aws-cn:events:cn-north-1:000000000000:event-bus/orders"}`}.run(t, h, in("cn-north-1")...)
	step{"PutRule", `{"Name":"r","EventPattern":"{\"source\":[\"a\"]}"}`, `{"RuleArn":"arn:aws:events:eu-west-1:000000000000:rule/r"}`}.run(t, h, in("eu-west-1")...)
	step{"DescribeEventBus", `{"Name":"orders"}`, `ResourceNotFoundException: Event bus orders does not exist.`}.run(t, h, in("eu-west-1")...)
	step{"ListRules", `{}`, `{"Rules":[]}`}.run(t, h)
	step{"DescribeEventBus", `{}`, `{"Name":"default","Arn":"arn:aws:events:ap-south-1:000000000000:event-bus/default","CreationTime":T,"LastModifiedTime":T}`}.run(t, h, in("ap-south-1")...)
}

// everything are targets that together have every member that the model has: no
// kind of target takes the parameters of another.
const everything = `[{
	"Id": "1", "Arn": "arn:aws:execute-api:us-east-1:000000000000:shop/prod/POST/orders/*", "RoleArn": "arn:aws:iam::000000000000:role/r",
	"InputTransformer": {"InputPathsMap": {"id": "$.detail.id"}, "InputTemplate": "{\"id\": <id>}"},
	"SqsParameters": {"MessageGroupId": "g"},
	"HttpParameters": {"PathParameterValues": ["$.detail.id"], "HeaderParameters": {"X-A": "b"}, "QueryStringParameters": {"c": "$.d"}},
	"DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:000000000000:dead"},
	"RetryPolicy": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
}, {
	"Id": "2", "Arn": "arn:aws:kinesis:us-east-1:000000000000:stream/s", "RoleArn": "arn:aws:iam::000000000000:role/r",
	"KinesisParameters": {"PartitionKeyPath": "$.id"}
}, {
	"Id": "3", "Arn": "arn:aws:ssm:us-east-1::document/AWS-RunShellScript", "RoleArn": "arn:aws:iam::000000000000:role/r",
	"RunCommandParameters": {"RunCommandTargets": [{"Key": "tag:k", "Values": ["v"]}]}
}, {
	"Id": "4", "Arn": "arn:aws:ecs:us-east-1:000000000000:cluster/c", "RoleArn": "arn:aws:iam::000000000000:role/r",
	"EcsParameters": {
		"TaskDefinitionArn": "arn:aws:ecs:us-east-1:000000000000:task-definition/t", "TaskCount": 2, "LaunchType": "FARGATE",
		"NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": ["s"], "SecurityGroups": ["g"], "AssignPublicIp": "ENABLED"}},
		"PlatformVersion": "1", "Group": "g",
		"CapacityProviderStrategy": [{"capacityProvider": "p", "weight": 1, "base": 0}],
		"EnableECSManagedTags": false, "EnableExecuteCommand": true,
		"PlacementConstraints": [{"type": "memberOf", "expression": "a > 1 & b < 2"}],
		"PlacementStrategy": [{"type": "spread", "field": "f"}],
		"PropagateTags": "TASK_DEFINITION", "ReferenceId": "r", "Tags": [{"Key": "k", "Value": ""}]
	}
}, {
	"Id": "5", "Arn": "arn:aws:batch:us-east-1:000000000000:job-queue/q", "RoleArn": "arn:aws:iam::000000000000:role/r",
	"BatchParameters": {"JobDefinition": "d", "JobName": "n", "ArrayProperties": {"Size": 2}, "RetryStrategy": {"Attempts": 3}}
}, {
	"Id": "6", "Arn": "arn:aws:redshift:us-east-1:000000000000:cluster:c", "RoleArn": "arn:aws:iam::000000000000:role/r",
	"RedshiftDataParameters": {"SecretManagerArn": "$.secret", "Database": "d", "Sql": "s", "StatementName": "n", "WithEvent": true}
}, {
	"Id": "7", "Arn": "arn:aws:redshift-serverless:us-east-1:000000000000:workgroup/w", "RoleArn": "arn:aws:iam::000000000000:role/r",
	"RedshiftDataParameters": {"Database": "d", "DbUser": "u", "Sqls": ["a", "b"]}
}, {
	"Id": "8", "Arn": "arn:aws:sagemaker:us-east-1:000000000000:pipeline/p", "RoleArn": "arn:aws:iam::000000000000:role/r",
	"SageMakerPipelineParameters": {"PipelineParameterList": [{"Name": "n", "Value": "v"}]}
}, {
	"Id": "9", "Arn": "arn:aws:appsync:us-east-1:000000000000:endpoints/graphql-api/a", "RoleArn": "arn:aws:iam::000000000000:role/r",
	"AppSyncParameters": {"GraphQLOperation": "query"}
}]`

// inOneTarget puts the members of many targets into one, for a check that there
// are all of them.
func inOneTarget(t *testing.T, targets string) map[string]any {
	t.Helper()
	var merge func(dst, src map[string]any)
	merge = func(dst, src map[string]any) {
		for name, value := range src {
			if inner, ok := dst[name].(map[string]any); ok {
				merge(inner, value.(map[string]any))
				continue
			}
			dst[name] = value
		}
	}
	all := map[string]any{}
	for _, target := range decode(t, targets).([]any) {
		merge(all, target.(map[string]any))
	}
	return all
}

// TestTargetsComeBackUnchanged puts targets with every member of the model and
// reads them back: tools that compare state find no difference.
func TestTargetsComeBackUnchanged(t *testing.T) {
	requireEveryMember(t, &shapeTarget, "Target", inOneTarget(t, everything), "Input", "InputPath")
	h, _ := newAPIWith(t, rule.Quotas{TargetsPerRule: 10})
	for name, targets := range map[string]string{
		"every member": everything,
		"Input":        `[{"Id":"t","Arn":"arn:aws:sqs:us-east-1:000000000000:q","Input":"{\"a\": \"<b>\"}"}]`,
		"InputPath":    `[{"Id":"t","Arn":"arn:aws:sqs:us-east-1:000000000000:q","InputPath":"$.detail"}]`,
		"empty parts": `[{"Id":"t","Arn":"arn:aws:execute-api:us-east-1:000000000000:shop/prod/POST","HttpParameters":{},"DeadLetterConfig":{},"RetryPolicy":{},"SqsParameters":{},
			"InputTransformer":{"InputPathsMap":{},"InputTemplate":"\"x\""}}]`,
		"empty lists":  `[{"Id":"t","Arn":"arn:aws:execute-api:us-east-1:000000000000:shop/prod/POST","HttpParameters":{"PathParameterValues":[],"HeaderParameters":{},"QueryStringParameters":{}}}]`,
		"empty groups": `[{"Id":"t","Arn":"arn:aws:ecs:us-east-1:000000000000:cluster/c","RoleArn":"arn:aws:iam::000000000000:role/r","EcsParameters":{"TaskDefinitionArn":"arn:aws:ecs:us-east-1:000000000000:task-definition/t","Tags":[]}}]`,
	} {
		t.Run(name, func(t *testing.T) {
			ruleName := strings.ReplaceAll(name, " ", "-")
			call(t, h, "PutRule", `{"Name":"`+ruleName+`","EventPattern":"{\"source\":[\"a\"]}"}`)
			step{"PutTargets", `{"Rule":"` + ruleName + `","Targets":` + targets + `}`, `{"FailedEntryCount":0,"FailedEntries":[]}`}.run(t, h)
			_, got := call(t, h, "ListTargetsByRule", `{"Rule":"`+ruleName+`"}`)
			if want := decode(t, `{"Targets":`+targets+`}`); !reflect.DeepEqual(decode(t, got), want) {
				t.Errorf("got %s\nwant %s", got, targets)
			}
		})
	}
}

func decode(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// requireEveryMember fails the test if v lacks a member of the shape, so that a
// member that a newer model brings is noticed.
func requireEveryMember(t *testing.T, s *awsjson.Shape, path string, v any, except ...string) {
	t.Helper()
	switch s.Kind {
	case awsjson.Structure:
		members, _ := v.(map[string]any)
		for _, m := range s.Members {
			if member, ok := members[m.Name]; ok {
				requireEveryMember(t, m.Shape, path+"."+m.Name, member, except...)
			} else if !slices.Contains(except, m.Name) {
				t.Errorf("the test has no %s.%s", path, m.Name)
			}
		}
	case awsjson.List:
		for _, item := range v.([]any) {
			requireEveryMember(t, s.Element, path, item, except...)
		}
	}
}

// TestEveryOperationAnswers calls each operation of the model with nothing: all
// are known, and those that are not built say so and who they are.
func TestEveryOperationAnswers(t *testing.T) {
	h, _ := newAPI(t)
	if len(model.Operations) != 57 {
		t.Errorf("the model has %d operations, want 57", len(model.Operations))
	}
	for operation := range model.Operations {
		status, body := call(t, h, operation, `{}`)
		if status >= 500 || strings.Contains(body, "UnknownOperationException") ||
			strings.Contains(body, "OperationDisabledException") && !strings.Contains(body, operation) {
			t.Errorf("%s: got %d %s", operation, status, body)
		}
	}
}

// A memory is a store of configuration that forgets.
type memory struct {
	mu   sync.Mutex
	fail error
}

func (m *memory) Apply(context.Context, []store.Document) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.fail
}

func (m *memory) Documents(context.Context, func(store.Document) error) error { return nil }

// events are a router that takes entries and does nothing, or fails.
type events struct {
	ids  event.IDs
	got  []event.Entry
	fail error
}

func (e *events) PutEvents(_ context.Context, _ string, entries []event.Entry) ([]event.Result, error) {
	e.got = entries
	results := make([]event.Result, len(entries))
	for i := range entries {
		if results[i].ErrorCode, results[i].ErrorMessage = entries[i].Check(); results[i].ErrorCode == "" {
			results[i].ID = e.ids.New(entries[i].Time)
		}
	}
	return results, e.fail
}

func (e *events) ArchiveTotals(context.Context, *rule.Archive) (int64, int64, error) {
	return 0, 0, e.fail
}

func (e *events) LastReplayed(context.Context, *rule.Replay) (time.Time, error) {
	return time.Time{}, e.fail
}

func (e *events) AwaitReplay(context.Context, *rule.Replay) {}

// newFake serves the API over a store and a router that hold nothing.
func newFake(t testing.TB) (http.Handler, *memory, *events) {
	t.Helper()
	m, e := new(memory), new(events)
	rules, err := rule.Open(t.Context(), rule.Config{Store: m, Quotas: rule.Quotas{BusesPerRegion: 10}})
	if err != nil {
		t.Fatal(err)
	}
	return New(Config{Events: e, Rules: rules, Logger: slog.New(slog.DiscardHandler)}), m, e
}

// TestFaults holds what a caller is told when the server is at fault.
func TestFaults(t *testing.T) {
	h, m, e := newFake(t)
	const put, create = `{"Entries":[{"Source":"a","DetailType":"b","Detail":"{}"}]}`, `{"Name":"b"}`
	for _, tt := range []struct {
		name   string
		err    error
		status int
		part   string
	}{
		{"busy", store.ErrBusy, 400, `"__type":"ThrottlingException"`},
		{"full", &store.FullError{Cause: errors.New("secret path")}, 400, `"__type":"ThrottlingException"`},
		{"any other", errors.New("secret path"), 500, `"__type":"InternalException"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m.fail, e.fail = tt.err, tt.err
			for operation, body := range map[string]string{"PutEvents": put, "CreateEventBus": create} {
				status, got := call(t, h, operation, body)
				if status != tt.status || !strings.Contains(got, tt.part) || strings.Contains(got, "secret") {
					t.Errorf("%s: got %d %s, want %d with %s and nothing of the cause", operation, status, got, tt.status, tt.part)
				}
			}
		})
	}
}

// FuzzCall sends any body to any operation: the answer is JSON and never the
// server's fault.
func FuzzCall(f *testing.F) {
	h, _, _ := newFake(f)
	operations := make([]string, 0, len(model.Operations))
	for operation := range model.Operations {
		operations = append(operations, operation)
	}
	slices.Sort(operations)
	for i, operation := range operations {
		f.Add(uint8(i), `{"Name":"r","Rule":"r","EventPattern":"{\"source\":[\"a\"]}"}`)
		if operation == "PutTargets" {
			f.Add(uint8(i), `{"Rule":"r","Targets":`+everything+`}`)
		}
		if operation == "PutEvents" {
			f.Add(uint8(i), `{"Entries":[{"Time":1.5,"Source":"a","Resources":["r"],"DetailType":"b","Detail":"{\"a\":1}","EventBusName":"default","TraceHeader":"t"}]}`)
		}
	}
	f.Fuzz(func(t *testing.T, operation uint8, body string) {
		status, got := call(t, h, operations[int(operation)%len(operations)], body)
		if status >= 500 || got != "" && !json.Valid([]byte(got)) {
			t.Fatalf("got %d %s", status, got)
		}
	})
}
