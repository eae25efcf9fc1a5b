package eventsapi

import (
	"strings"
	"testing"

	"bailey/internal/rule"
)

// TestTargetParameters holds what the model says of HttpParameters, in AWS's
// words: what is wrong in a list or map is said of the whole of it.
func TestTargetParameters(t *testing.T) {
	h, _ := newAPI(t)
	step{"PutRule", `{"Name":"r","EventPattern":"{\"source\":[\"a\"]}"}`, `{"RuleArn":"arn:aws:events:us-east-1:000000000000:rule/r"}`}.run(t, h)
	const one = `ValidationException: 1 validation error detected: Value `
	const at = ` at 'targets.1.member.httpParameters.`
	const limits = `Member must have length less than or equal to 512, Member must have length greater than or equal to 0`
	const pattern = `Member must satisfy regular expression pattern: `
	const done = `{"FailedEntryCount":0,"FailedEntries":[]}`
	long := strings.Repeat("x", 513)
	for _, tt := range []struct{ name, parameters, want string }{
		{"an empty path value", `{"PathParameterValues":[""]}`, one + `'[]'` + at + `pathParameterValues' failed to satisfy constraint: Member must satisfy constraint: [` + pattern + `^(?!\s*$).+]`},
		{"a blank path value", `{"PathParameterValues":["a"," "]}`, one + `'[a,  ]'` + at + `pathParameterValues' failed to satisfy constraint: Member must satisfy constraint: [` + pattern + `^(?!\s*$).+]`},
		{"a header's name", `{"PathParameterValues":["a"],"HeaderParameters":{"a b":"1"}}`, one + `'{a b=1}'` + at + `headerParameters' failed to satisfy constraint: Map keys must satisfy constraint: [` + limits + `, ` + pattern + "^[!#$%&'*+-.^_`|~0-9a-zA-Z]+$]"},
		{"a header's long value", `{"PathParameterValues":["a"],"HeaderParameters":{"a":"` + long + `"}}`, one + `'{a=` + long + `}'` + at + `headerParameters' failed to satisfy constraint: Map value must satisfy constraint: [` + limits + `]`},
		{"an empty query value", `{"PathParameterValues":["a"],"QueryStringParameters":{"a":""}}`, one + `'{a=}'` + at + `queryStringParameters' failed to satisfy constraint: Map value must satisfy constraint: [` + limits + `, ` + pattern + `[^\x00-\x09\x0B\x0C\x0E-\x1F\x7F]+]`},
		{"an empty query key", `{"PathParameterValues":["a"],"QueryStringParameters":{"":"1"}}`, one + `'{=1}'` + at + `queryStringParameters' failed to satisfy constraint: Map keys must satisfy constraint: [` + limits + `, ` + pattern + `[^\x00-\x1F\x7F]+]`},
		{"an empty header value", `{"PathParameterValues":["a"],"HeaderParameters":{"a":""}}`, done},
		{"a header value with a line feed", `{"PathParameterValues":["a"],"HeaderParameters":{"a":"1\n2"}}`, done},
		{"a query value with a line feed", `{"PathParameterValues":["a"],"QueryStringParameters":{"a":"1\n2"}}`, done},
	} {
		t.Run(tt.name, func(t *testing.T) {
			step{"PutTargets", `{"Rule":"r","Targets":[{"Id":"t","Arn":"arn:aws:execute-api:us-east-1:000000000000:shop/prod/POST/*","HttpParameters":` + tt.parameters + `}]}`, tt.want}.run(t, h)
		})
	}
}

// TestPutTargetsRefused holds that what is wrong with one target is the call's
// error, and that nothing of the call is stored.
func TestPutTargetsRefused(t *testing.T) {
	h, _ := newAPI(t)
	step{"PutRule", `{"Name":"r","EventPattern":"{\"source\":[\"a\"]}"}`, `{"RuleArn":"arn:aws:events:us-east-1:000000000000:rule/r"}`}.run(t, h)
	const queue = `{"Id":"q","Arn":"arn:aws:sqs:us-east-1:000000000000:q"}`
	for _, tt := range []struct{ name, targets, want string }{
		{"one id twice", queue + `,` + queue, `Parameter targets is not valid. Reason: More than one target with Id 'q' is provided.`},
		{"no target", queue + `,{"Id":"t","Arn":"arn:aws:s3:::b"}`, `s3 is not a supported service for a target.`},
		{"a target that only AWS puts", queue + `,{"Id":"t","Arn":"arn:aws:events:us-east-1:::"}`, `Parameter arn:aws:events:us-east-1::: is not valid. Reason: Service as target config for ARN: arn:aws:events:us-east-1::: not found. The API call hasn't been recognized as managed rules call`},
		{"no role", queue + `,{"Id":"t","Arn":"arn:aws:states:us-east-1:000000000000:stateMachine:m"}`, `RoleArn is required for target arn:aws:states:us-east-1:000000000000:stateMachine:m.`},
		{"parameters of another kind", queue + `,{"Id":"t","Arn":"arn:aws:lambda:us-east-1:000000000000:function:f","EcsParameters":{"TaskDefinitionArn":"a"}}`, `Parameter(s) EcsParameters not supported for target: t.`},
		{"the rule's own bus", queue + `,{"Id":"t","Arn":"` + busARN + `default","RoleArn":"arn:aws:iam::000000000000:role/r"}`, `Source EventBus and Target EventBus must not be the same.`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			step{"PutTargets", `{"Rule":"r","Targets":[` + tt.targets + `]}`, `ValidationException: ` + tt.want}.run(t, h)
			step{"ListTargetsByRule", `{"Rule":"r"}`, `{"Targets":[]}`}.run(t, h)
		})
	}
}

// TestPutRuleRefused holds what PutRule refuses, and what of it comes first.
func TestPutRuleRefused(t *testing.T) {
	h, _ := newAPI(t)
	step{"CreateEventBus", `{"Name":"orders"}`, `{"EventBusArn":"` + busARN + `orders"}`}.run(t, h)
	pattern := func(characters int) string {
		const frame = len(`{"source":[""]}`)
		return `"EventPattern":"{\"source\":[\"` + strings.Repeat("é", characters-frame) + `\"]}"`
	}
	const neither = `ValidationException: Parameter(s) EventPattern or ScheduleExpression must be specified.`
	const noSchedule = `ValidationException: Parameter ScheduleExpression is not valid.`
	const otherBus = `ValidationException: ScheduleExpression is supported only on the default event bus.`
	const trail = `"State":"ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"`
	const done = `{"RuleArn":"arn:aws:events:us-east-1:000000000000:rule/r"}`
	for _, tt := range []struct{ name, more, want string }{
		{"neither pattern nor schedule", `"State":"ENABLED"`, neither},
		{"an empty pattern", `"EventPattern":""`, neither},
		{"a pattern without members", `"EventPattern":"{}"`, neither},
		{"a pattern of white space", `"EventPattern":" { } "`, neither},
		{"a pattern without members and a schedule", `"EventPattern":"{}","ScheduleExpression":"rate(1 minute)"`, done},
		{"a pattern of 2,048 characters", pattern(2048), done},
		{"a pattern of 2,049 characters", pattern(2049), `ValidationException: Parameter EventPattern for rule r exceeds limit of 2048.`},
		{"a schedule that is none", `"ScheduleExpression":"rate(5 minute)"`, noSchedule},
		{"a schedule on another bus", `"ScheduleExpression":"rate(5 minutes)","EventBusName":"orders"`, otherBus},
		{"a schedule on a bus that is not there", `"ScheduleExpression":"rate(5 minutes)","EventBusName":"nope"`, otherBus},
		{"no schedule on another bus", `"ScheduleExpression":"x","EventBusName":"orders"`, noSchedule},
		{"the state for management events with a schedule", `"ScheduleExpression":"rate(5 minutes)",` + trail,
			`ValidationException: ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS rule state is not supported with scheduled rule expressions.`},
		{"the state for management events with a pattern", `"EventPattern":"{\"source\":[\"aws.s3\"]}",` + trail, done},
		{"no pattern on a bus that is not there", `"EventPattern":"x","EventBusName":"nope"`, `InvalidEventPatternException: Event pattern is not valid. Reason: Unrecognized token 'x': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')` + "\n" + ` at [Source: (String)"x"; line: 1, column: 2]`},
		{"a bus that is not there", `"EventPattern":"{\"source\":[\"a\"]}","EventBusName":"nope"`, `ResourceNotFoundException: Event bus nope does not exist.`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			step{"PutRule", `{"Name":"r",` + tt.more + `}`, tt.want}.run(t, h)
		})
	}
	step{"DescribeRule", `{"Name":"r"}`, `{"Name":"r","Arn":"arn:aws:events:us-east-1:000000000000:rule/r","EventPattern":"{\"source\":[\"aws.s3\"]}","State":"ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS","EventBusName":"default","CreatedBy":"000000000000"}`}.run(t, h)
}

// TestPatternQuota holds that the quota of patterns can be raised up to what the
// model takes.
func TestPatternQuota(t *testing.T) {
	h, _ := newAPIWith(t, rule.Quotas{EventPattern: 4096})
	const frame = len(`{"source":[""]}`)
	pattern := func(n int) string {
		return `{"Name":"r","EventPattern":"{\"source\":[\"` + strings.Repeat("x", n-frame) + `\"]}"}`
	}
	step{"PutRule", pattern(4096), `{"RuleArn":"arn:aws:events:us-east-1:000000000000:rule/r"}`}.run(t, h)
	status, got := call(t, h, "PutRule", pattern(4097))
	if status != 400 || !strings.Contains(got, "Member must have length less than or equal to 4096") {
		t.Errorf("got %d %s, want the model's limit", status, got)
	}
}

// TestLongDetailType holds that an entry with a long detail type fails alone.
func TestLongDetailType(t *testing.T) {
	h, router := newAPI(t)
	if err := router.Rules().CreateSource(t.Context(), "us-east-1", "aws.partner/p/s", "000000000000"); err != nil {
		t.Fatal(err)
	}
	const refused = `{"ErrorCode":"InvalidArgument","ErrorMessage":"Parameter DetailType is not valid. Reason: DetailType must have length less than or equal to 128."}`
	for operation, source := range map[string]string{"PutEvents": "shop", "PutPartnerEvents": "aws.partner/p/s"} {
		entry := func(n int) string {
			return `{"Source":"` + source + `","DetailType":"` + strings.Repeat("x", n) + `","Detail":"{}"}`
		}
		status, got := call(t, h, operation, `{"Entries":[`+entry(128)+`,`+entry(129)+`,`+entry(1)+`]}`)
		if status != 200 || strings.Count(got, `"EventId"`) != 2 || strings.Count(got, refused) != 1 || !strings.Contains(got, `"FailedEntryCount":1`) {
			t.Errorf("%s: got %d %s, want the second entry alone to fail", operation, status, got)
		}
	}
}

// TestEmptyMembersOfRules holds that a pattern or schedule that was given as an
// empty text is shown as one, as long as the rule is as it was put then.
func TestEmptyMembersOfRules(t *testing.T) {
	h, _ := newAPI(t)
	const put = `{"RuleArn":"arn:aws:events:us-east-1:000000000000:rule/r"}`
	const begin, end = `{"Name":"r","Arn":"arn:aws:events:us-east-1:000000000000:rule/r",`, `,"EventBusName":"default","CreatedBy":"000000000000"}`
	const given = `"EventPattern":"{\"source\":[\"a\"]}"`
	for _, s := range []step{
		{"PutRule", `{"Name":"r","EventPattern":"","ScheduleExpression":"rate(1 day)"}`, put},
		{"DescribeRule", `{"Name":"r"}`, begin + `"EventPattern":"","ScheduleExpression":"rate(1 day)","State":"ENABLED"` + end},
		{"DisableRule", `{"Name":"r"}`, ``},
		{"DescribeRule", `{"Name":"r"}`, begin + `"EventPattern":"","ScheduleExpression":"rate(1 day)","State":"DISABLED"` + end},
		{"PutRule", `{"Name":"r",` + given + `,"ScheduleExpression":""}`, put},
		{"DescribeRule", `{"Name":"r"}`, begin + given + `,"ScheduleExpression":"","State":"ENABLED"` + end},
		{"PutRule", `{"Name":"r",` + given + `}`, put},
		{"DescribeRule", `{"Name":"r"}`, begin + given + `,"State":"ENABLED"` + end},
		{"PutRule", `{"Name":"r","EventPattern":"","ScheduleExpression":""}`, `ValidationException: Parameter(s) EventPattern or ScheduleExpression must be specified.`},
	} {
		s.run(t, h)
	}
}
