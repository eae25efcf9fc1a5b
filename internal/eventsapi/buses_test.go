package eventsapi

import (
	"strings"
	"testing"
	"time"

	"bailey/internal/rule"
)

// TestUpdateEventBus holds that what a call leaves out stays, and that an empty
// text takes a setting away.
func TestUpdateEventBus(t *testing.T) {
	h, _ := newAPI(t)
	const key, queue, log = `"KmsKeyIdentifier":"arn:aws:kms:us-east-1:000000000000:alias/k"`, `"DeadLetterConfig":{"Arn":"arn:aws:sqs:us-east-1:000000000000:q"}`, `"LogConfig":{"IncludeDetail":"NONE","Level":"ERROR"}`
	const all = key + `,` + queue + `,` + log
	updated := func(settings string) string {
		return `{"Name":"orders","Arn":"` + busARN + `orders"` + settings + `}`
	}
	described := func(settings string) string {
		return `{"Name":"orders","Arn":"` + busARN + `orders"` + settings + `,"CreationTime":T,"LastModifiedTime":T}`
	}
	for _, s := range []step{
		{"CreateEventBus", `{"Name":"orders","Description":"d"}`, `{"EventBusArn":"` + busARN + `orders","Description":"d"}`},
		{"UpdateEventBus", `{"Name":"orders","KmsKeyIdentifier":"alias/k"}`, updated(`,"Description":"d",` + key)},
		{"UpdateEventBus", `{"Name":"orders",` + key + `}`, updated(`,"Description":"d",` + key)},
		{"UpdateEventBus", `{"Name":"orders","KmsKeyIdentifier":"alias/aws/events"}`, `ValidationException: Parameter arn:aws:kms:us-east-1:000000000000:alias/aws/events is not valid. Reason: Provided Arn is not in correct format.`},
		{"CreateEventBus", `{"Name":"other","KmsKeyIdentifier":"alias/aws/events"}`, `ValidationException: Parameter arn:aws:kms:us-east-1:000000000000:alias/aws/events is not valid. Reason: Provided Arn is not in correct format.`},
		{"UpdateEventBus", `{"Name":"orders",` + queue + `}`, updated(`,"Description":"d",` + key + `,` + queue)},
		{"UpdateEventBus", `{"Name":"orders",` + log + `}`, updated(`,"Description":"d",` + all)},
		{"UpdateEventBus", `{"Name":"orders"}`, updated(`,"Description":"d",` + all)},
		{"DescribeEventBus", `{"Name":"orders"}`, described(`,"Description":"d",` + all)},
		{"UpdateEventBus", `{"Name":"orders","DeadLetterConfig":{}}`, `ValidationException: Parameter DeadLetterConfig.Arn is not valid. Reason: Provide a valid SQS queue ARN, or an empty string to remove the dead-letter queue configuration.`},
		{"UpdateEventBus", `{"Name":"orders","DeadLetterConfig":{"Arn":"arn:aws:sns:us-east-1:000000000000:t"}}`, `ValidationException: sns is not supported as a dead letter resource`},
		{"UpdateEventBus", `{"Name":"orders","DeadLetterConfig":{"Arn":"arn:aws:sqs:eu-west-1:000000000000:q"}}`,
			`AccessDeniedException: Access to the resource arn:aws:sqs:eu-west-1:000000000000:q is denied. Reason: You must specify a dead letter queue in the same region.`},
		{"CreateEventBus", `{"Name":"other","DeadLetterConfig":{"Arn":""}}`, `ValidationException: 1 validation error detected: Value '' at 'deadLetterConfig.arn' failed to satisfy constraint: Member must have length greater than or equal to 1`},
		{"CreateEventBus", `{"Name":"other","DeadLetterConfig":{"Arn":"arn:aws:sqs:eu-west-1:000000000000:q"}}`,
			`AccessDeniedException: Access to the resource arn:aws:sqs:eu-west-1:000000000000:q is denied. Reason: You must specify a dead letter queue in the same region.`},
		{"CreateEventBus", `{"Name":"other","DeadLetterConfig":{"Arn":"arn:aws:sqs:us-east-1:000000000000:q.fifo"}}`, `ValidationException: SQS FIFO is not supported by Dead Letter Queues`},
		{"UpdateEventBus", `{"Name":"orders","Description":""}`, updated(`,` + all)},
		{"UpdateEventBus", `{"Name":"orders","KmsKeyIdentifier":""}`, updated(`,` + queue + `,` + log)},
		{"DescribeEventBus", `{"Name":"orders"}`, described(`,` + queue + `,` + log)},
		{"UpdateEventBus", `{"Name":"orders","DeadLetterConfig":{"Arn":""}}`, updated(`,` + log)},
		{"UpdateEventBus", `{"Description":"everyone's"}`, `{"Name":"default","Arn":"` + busARN + `default","Description":"everyone's"}`},
		{"UpdateEventBus", `{"Name":"nope"}`, `ResourceNotFoundException: Event bus nope does not exist.`},
		{"UpdateEventBus", `{"Name":"orders","LogConfig":{"Level":"LOUD"}}`, `ValidationException: 1 validation error detected: Value 'LOUD' at 'logConfig.level' failed to satisfy constraint: Member must satisfy enum value set: [` + strings.Join(shapeLevel.Enum, ", ") + `]`},
	} {
		s.run(t, h)
	}
}

// TestManagedBus holds where a bus shows the service that made it. None does
// here.
func TestManagedBus(t *testing.T) {
	h, router := newAPI(t)
	step{"CreateEventBus", `{"Name":"orders"}`, `{"EventBusArn":"` + busARN + `orders"}`}.run(t, h)
	if _, err := router.Rules().UpdateBus(t.Context(), "us-east-1", "orders", func(b *rule.Bus) error {
		b.ManagedBy = "service.amazonaws.com"
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	const bus = `{"Name":"orders","Arn":"` + busARN + `orders","ManagedBy":"service.amazonaws.com","CreationTime":T,"LastModifiedTime":T}`
	step{"DescribeEventBus", `{"Name":"orders"}`, bus}.run(t, h)
	step{"ListEventBuses", `{"NamePrefix":"o"}`, `{"EventBuses":[` + bus + `]}`}.run(t, h)
}

// TestCrossRegion holds what becomes of the ARN of another region's bus: AWS
// puts a rule on the bus of that name in the region that is called, and refuses
// everything else.
func TestCrossRegion(t *testing.T) {
	h, _ := newAPI(t)
	const west = `"arn:aws:events:us-west-2:000000000000:event-bus/orders"`
	const refused = `ValidationException: Cross-region api call is not allowed.`
	step{"CreateEventBus", `{"Name":"orders"}`, `{"EventBusArn":"arn:aws:events:us-west-2:000000000000:event-bus/orders"}`}.run(t, h, in("us-west-2")...)
	for _, s := range []step{
		{"PutRule", `{"Name":"r","EventBusName":` + west + `,"EventPattern":"{\"source\":[\"a\"]}"}`, `ResourceNotFoundException: Event bus orders does not exist.`},
		{"CreateEventBus", `{"Name":"orders"}`, `{"EventBusArn":"` + busARN + `orders"}`},
		{"PutRule", `{"Name":"r","EventBusName":` + west + `,"EventPattern":"{\"source\":[\"a\"]}"}`, `{"RuleArn":"arn:aws:events:us-east-1:000000000000:rule/orders/r"}`},
		{"ListRules", `{"EventBusName":"orders"}`, `{"Rules":[{"Name":"r","Arn":"arn:aws:events:us-east-1:000000000000:rule/orders/r","EventPattern":"{\"source\":[\"a\"]}","State":"ENABLED","EventBusName":"orders"}]}`},
		{"DescribeEventBus", `{"Name":` + west + `}`, refused},
		{"ListRules", `{"EventBusName":` + west + `}`, refused},
		{"DescribeRule", `{"Name":"r","EventBusName":` + west + `}`, refused},
		{"DisableRule", `{"Name":"r","EventBusName":` + west + `}`, refused},
		{"ListRuleNamesByTarget", `{"TargetArn":"arn:aws:sqs:us-east-1:000000000000:q","EventBusName":` + west + `}`, refused},
		{"DeleteRule", `{"Name":"r","EventBusName":` + west + `}`, refused},
		{"PutPermission", `{"EventBusName":` + west + `,"Action":"events:PutEvents","Principal":"*","StatementId":"x"}`,
			`ValidationException: 1 validation error detected: Value ` + strings.ReplaceAll(west, `"`, `'`) + ` at 'eventBusName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+`},
	} {
		s.run(t, h)
	}
	step{"ListRules", `{"EventBusName":"orders"}`, `{"Rules":[]}`}.run(t, h, in("us-west-2")...)
}

// policyOf is DescribeEventBus's answer with a policy of these statements.
func policyOf(statements ...string) string {
	policy := `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
	return `{"Name":"orders","Arn":"` + busARN + `orders","Policy":"` + strings.ReplaceAll(policy, `"`, `\"`) + `","CreationTime":T,"LastModifiedTime":T}`
}

// TestPermissions plays the life of a policy. What a policy may say is package
// policy's.
func TestPermissions(t *testing.T) {
	h, router := newAPI(t)
	granted := func(sid, principal, condition string) string {
		return `{"Sid":"` + sid + `","Effect":"Allow","Principal":` + principal + `,"Action":"events:PutEvents","Resource":"` + busARN + `orders"` + condition + `}`
	}
	const account = `{"AWS":"arn:aws:iam::111111111111:root"}`
	const put = `{"EventBusName":"orders","Action":"events:PutEvents",`
	const plain = `{"Name":"orders","Arn":"` + busARN + `orders","CreationTime":T,"LastModifiedTime":T}`
	const combined = `ValidationException: Action, Principal, StatementId and Condition could not be combined with Policy parameter.`
	whole := func(text string) string {
		return `{"EventBusName":"orders","Policy":"` + strings.ReplaceAll(text, `"`, `\"`) + `"}`
	}
	listRules := `{"Sid":"a","Effect":"Allow","Principal":{"Service":"x.amazonaws.com"},"Action":"events:ListRules","Resource":"*"}`
	for _, s := range []step{
		{"CreateEventBus", `{"Name":"orders"}`, `{"EventBusArn":"` + busARN + `orders"}`},
		{"RemovePermission", `{"EventBusName":"orders","StatementId":"x"}`, `ResourceNotFoundException: Statement with the provided id does not exist.`},
		{"RemovePermission", `{"EventBusName":"orders","RemoveAllPermissions":true}`, ``},
		{"RemovePermission", `{"EventBusName":"orders"}`, `ValidationException: Parameter(s) StatementId must be specified.`},
		{"RemovePermission", `{"EventBusName":"orders","RemoveAllPermissions":false}`, `ValidationException: Parameter(s) StatementId must be specified.`},
		{"RemovePermission", `{"EventBusName":"orders","StatementId":"x","RemoveAllPermissions":true}`, `ValidationException: StatementId could not be combined with All parameter.`},
		{"RemovePermission", `{"EventBusName":"nope","StatementId":"x"}`, `ResourceNotFoundException: Event bus nope does not exist.`},
		{"RemovePermission", `{"EventBusName":"nope","RemoveAllPermissions":true}`, `ResourceNotFoundException: Event bus nope does not exist.`},
		{"PutPermission", `{"EventBusName":"nope","Action":"events:PutEvents","Principal":"*","StatementId":"x"}`, `ResourceNotFoundException: Event bus nope does not exist.`},
		{"PutPermission", `{"EventBusName":"nope","Policy":"{"}`, `ResourceNotFoundException: Event bus nope does not exist.`},
		{"PutPermission", `{"EventBusName":"orders","Action":"events:PutRule","Principal":"*","StatementId":"x"}`, `ValidationException: Provided value in parameter 'action' is not supported.`},
		{"PutPermission", `{"EventBusName":"orders"}`, `ValidationException: Parameter(s) Action must be specified.`},
		{"PutPermission", put + `"StatementId":"x"}`, `ValidationException: Parameter(s) Principal must be specified.`},
		{"PutPermission", put + `"Principal":"*"}`, `ValidationException: Parameter(s) StatementId must be specified.`},
		{"PutPermission", `{"EventBusName":"orders","Action":"events:*","Principal":"*","StatementId":"x"}`,
			`ValidationException: 1 validation error detected: Value 'events:*' at 'action' failed to satisfy constraint: Member must satisfy regular expression pattern: events:[a-zA-Z]+`},
		{"PutPermission", put + `"Principal":"arn:aws:iam::222222222222:root","StatementId":"x"}`,
			`ValidationException: 2 validation errors detected: Value 'arn:aws:iam::222222222222:root' at 'principal' failed to satisfy constraint: Member must have length less than or equal to 12; ` +
				`Value 'arn:aws:iam::222222222222:root' at 'principal' failed to satisfy constraint: Member must satisfy regular expression pattern: (\d{12}|\*)`},

		// Statements stand in the order in which they were put; one with a known id replaces.
		{"PutPermission", put + `"Principal":"111111111111","StatementId":"one"}`, ``},
		{"PutPermission", put + `"Principal":"111111111111","StatementId":"two"}`, ``},
		{"PutPermission", put + `"Principal":"*","StatementId":"one","Condition":{"Type":"StringEquals","Key":"aws:PrincipalOrgID","Value":"o-1234567890"}}`, ``},
		{"DescribeEventBus", `{"Name":"orders"}`, policyOf(granted("one", `"*"`, `,"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1234567890"}}`), granted("two", account, ""))},
		{"ListEventBuses", `{"NamePrefix":"orders"}`, `{"EventBuses":[` + policyOf(granted("one", `"*"`, `,"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1234567890"}}`), granted("two", account, "")) + `]}`},
		{"RemovePermission", `{"EventBusName":"orders","StatementId":"three"}`, `ResourceNotFoundException: Statement with the provided id does not exist.`},
		{"RemovePermission", `{"EventBusName":"orders","StatementId":"one","RemoveAllPermissions":false}`, ``},
		{"DescribeEventBus", `{"Name":"orders"}`, policyOf(granted("two", account, ""))},
		{"RemovePermission", `{"EventBusName":"orders","StatementId":"two"}`, ``},
		{"DescribeEventBus", `{"Name":"orders"}`, plain},

		// A whole policy replaces all of the other.
		{"PutPermission", put + `"Principal":"*","StatementId":"one"}`, ``},
		{"PutPermission", whole(`{"Version": "2012-10-17", "Statement": ` + listRules + `}`), ``},
		{"DescribeEventBus", `{"Name":"orders"}`, policyOf(listRules)},
		{"PutPermission", put + `"Principal":"*","StatementId":"b"}`, ``},
		{"DescribeEventBus", `{"Name":"orders"}`, policyOf(listRules, granted("b", `"*"`, ""))},
		{"PutPermission", whole(`{`), `ValidationException: This policy contains invalid Json`},
		{"PutPermission", whole(``), `ValidationException: This policy contains invalid Json`},
		{"PutPermission", whole(`null`), `ValidationException: This text appears not to be a policy`},
		{"PutPermission", whole(`{"Version":"2012-10-17","Statement":[` + strings.Replace(listRules, `"*"}`, `"*","Condition":{"StringEquals":{"events:source":"`+strings.Repeat("x", 10240)+`"}}}`, 1) + `]}`),
			`PolicyLengthExceededException: Policy size would be larger than the maximum allowed.`},
		{"PutPermission", put + `"Policy":"{}"}`, combined},
		{"PutPermission", `{"EventBusName":"orders","StatementId":"x","Policy":""}`, combined},
		{"PutPermission", `{"EventBusName":"nope","Principal":"*","Policy":"{}"}`, combined},
		{"DescribeEventBus", `{"Name":"orders"}`, policyOf(listRules, granted("b", `"*"`, ""))},
		{"RemovePermission", `{"EventBusName":"orders","RemoveAllPermissions":true}`, ``},
		{"DescribeEventBus", `{"Name":"orders"}`, plain},
	} {
		s.run(t, h)
	}

	// What changes nothing leaves the bus as old as it was.
	modified := func() time.Time {
		b, err := router.Rules().Bus("us-east-1", "orders")
		if err != nil {
			t.Fatal(err)
		}
		return b.Modified
	}
	step{"PutPermission", put + `"Principal":"*","StatementId":"b"}`, ``}.run(t, h)
	before := modified()
	step{"PutPermission", put + `"Principal":"*","StatementId":"b"}`, ``}.run(t, h)
	step{"PutPermission", whole(`{"Version":"2012-10-17","Statement":[` + granted("b", `"*"`, "") + `]}`), ``}.run(t, h)
	if got := modified(); !got.Equal(before) {
		t.Errorf("the bus was modified at %v, want %v", got, before)
	}
}

func TestTags(t *testing.T) {
	const ruleARN = "arn:aws:events:us-east-1:000000000000:rule/"
	for name, resource := range map[string]string{
		"bus":                     busARN + "orders",
		"default bus":             busARN + "default",
		"rule":                    ruleARN + "orders/r",
		"rule on the default bus": ruleARN + "r",
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := newAPI(t)
			this := `{"ResourceARN":"` + resource + `"`
			for _, s := range []step{
				{"CreateEventBus", `{"Name":"orders"}`, `{"EventBusArn":"` + busARN + `orders"}`},
				{"PutRule", `{"Name":"r","EventBusName":"orders","EventPattern":"{\"source\":[\"a\"]}"}`, `{"RuleArn":"` + ruleARN + `orders/r"}`},
				{"PutRule", `{"Name":"r","EventPattern":"{\"source\":[\"a\"]}"}`, `{"RuleArn":"` + ruleARN + `r"}`},
				{"ListTagsForResource", this + `}`, `{"Tags":[]}`},
				{"TagResource", this + `,"Tags":[{"Key":"b","Value":"1"},{"Key":"a","Value":""}]}`, `{}`},
				{"TagResource", this + `,"Tags":[{"Key":"b","Value":"2"}]}`, `{}`},
				{"ListTagsForResource", this + `}`, `{"Tags":[{"Key":"a","Value":""},{"Key":"b","Value":"2"}]}`},
				{"TagResource", this + `,"Tags":[{"Key":"b","Value":"1"},{"Key":"b","Value":"2"}]}`, `ValidationException: Invalid parameter: Duplicated keys are not allowed.`},
				{"TagResource", this + `,"Tags":[{"Key":"Aws:b","Value":""}]}`, `ValidationException: aws: prefixed tag key names are not allowed for external use.`},
				{"UntagResource", this + `,"TagKeys":["b","never there"]}`, `{}`},
				{"ListTagsForResource", this + `}`, `{"Tags":[{"Key":"a","Value":""}]}`},
			} {
				s.run(t, h)
			}
		})
	}
}

func TestTagsOfNothing(t *testing.T) {
	h, _ := newAPI(t)
	for _, tt := range []struct{ name, arn, want string }{
		{"unknown bus", busARN + "nope", "ResourceNotFoundException: Event bus nope does not exist."},
		{"unknown rule", "arn:aws:events:us-east-1:000000000000:rule/nope", "ResourceNotFoundException: Rule nope does not exist on EventBus default."},
		{"rule of an unknown bus", "arn:aws:events:us-east-1:000000000000:rule/nope/r", "ResourceNotFoundException: Event bus nope does not exist."},
		{"another region", "arn:aws:events:eu-west-1:000000000000:rule/r", "ValidationException: Cross-region api call is not allowed."},
		{"no ARN", "r", "ValidationException: Parameter ResourceARN is not valid. Reason: Provided Arn is not in correct format."},
		{"another service's", "arn:aws:sqs:us-east-1:000000000000:q", "ValidationException: Parameter ResourceARN is not valid. Reason: Provided Arn is not in correct format."},
		{"an archive", "arn:aws:events:us-east-1:000000000000:archive/a", "ValidationException: Parameter ResourceARN is not valid. Reason: Only event buses and rules have tags."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			step{"ListTagsForResource", `{"ResourceARN":"` + tt.arn + `"}`, tt.want}.run(t, h)
			step{"TagResource", `{"ResourceARN":"` + tt.arn + `","Tags":[]}`, tt.want}.run(t, h)
			step{"UntagResource", `{"ResourceARN":"` + tt.arn + `","TagKeys":[]}`, tt.want}.run(t, h)
		})
	}
}

// TestLater holds that operations that are not built check what they are given
// before they say so.
func TestLater(t *testing.T) {
	h, _ := newAPI(t)
	step{"ListEndpoints", `{}`, `OperationDisabledException: Operation ListEndpoints is not supported by this server.`}.run(t, h)
	step{"DescribeConnection", `{}`, `ValidationException: 1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null`}.run(t, h)
}
