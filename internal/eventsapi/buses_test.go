package eventsapi

import (
	"strings"
	"testing"
)

func TestUpdateEventBus(t *testing.T) {
	h, _ := newAPI(t)
	const all = `"KmsKeyIdentifier":"alias/k","DeadLetterConfig":{"Arn":"arn:aws:sqs:us-east-1:000000000000:dlq"},"LogConfig":{"IncludeDetail":"NONE","Level":"ERROR"}`
	for _, s := range []step{
		{"CreateEventBus", `{"Name":"orders","Description":"d"}`, `{"EventBusArn":"` + busARN + `orders","Description":"d"}`},
		{"UpdateEventBus", `{"Name":"orders",` + all + `}`, `{"Name":"orders","Arn":"` + busARN + `orders","Description":"d",` + all + `}`},
		{"DescribeEventBus", `{"Name":"orders"}`, `{"Name":"orders","Arn":"` + busARN + `orders","Description":"d",` + all + `,"CreationTime":T,"LastModifiedTime":T}`},
		{"UpdateEventBus", `{"Name":"orders","DeadLetterConfig":{}}`, `ValidationException: Parameter DeadLetterConfig is not valid. Reason: Arn must be the ARN of an SQS queue or an empty string.`},
		{"UpdateEventBus", `{"Name":"orders","DeadLetterConfig":{"Arn":"arn:aws:sns:us-east-1:000000000000:t"}}`, `ValidationException: sns is not supported as a dead letter resource`},
		{"UpdateEventBus", `{"Name":"orders","DeadLetterConfig":{"Arn":"arn:aws:sqs:eu-west-1:000000000000:q"}}`,
			`AccessDeniedException: The dead letter queue arn:aws:sqs:eu-west-1:000000000000:q is in eu-west-1. It must be in the same region, us-east-1.`},
		{"DescribeEventBus", `{"Name":"orders"}`, `{"Name":"orders","Arn":"` + busARN + `orders","Description":"d",` + all + `,"CreationTime":T,"LastModifiedTime":T}`},
		{"UpdateEventBus", `{"Name":"orders","DeadLetterConfig":{"Arn":""}}`, `{"Name":"orders","Arn":"` + busARN + `orders","Description":"d"}`},
		{"CreateEventBus", `{"Name":"other","DeadLetterConfig":{"Arn":""}}`, `ValidationException: 1 validation error detected: Value '' at 'deadLetterConfig.arn' failed to satisfy constraint: Member must have length greater than or equal to 1`},
		{"CreateEventBus", `{"Name":"other","DeadLetterConfig":{"Arn":"arn:aws:sqs:eu-west-1:000000000000:q"}}`,
			`AccessDeniedException: The dead letter queue arn:aws:sqs:eu-west-1:000000000000:q is in eu-west-1. It must be in the same region, us-east-1.`},
		{"CreateEventBus", `{"Name":"other","DeadLetterConfig":{"Arn":"arn:aws:sqs:us-east-1:000000000000:q.fifo"}}`, `ValidationException: SQS FIFO is not supported by Dead Letter Queues`},
		{"UpdateEventBus", `{"Name":"orders","Description":""}`, `{"Name":"orders","Arn":"` + busARN + `orders"}`},
		{"DescribeEventBus", `{"Name":"orders"}`, `{"Name":"orders","Arn":"` + busARN + `orders","CreationTime":T,"LastModifiedTime":T}`},
		{"UpdateEventBus", `{"Description":"everyone's"}`, `{"Name":"default","Arn":"` + busARN + `default","Description":"everyone's"}`},
		{"UpdateEventBus", `{"Name":"nope"}`, `ResourceNotFoundException: Event bus nope does not exist.`},
		{"UpdateEventBus", `{"Name":"orders","LogConfig":{"Level":"LOUD"}}`, `ValidationException: 1 validation error detected: Value 'LOUD' at 'logConfig.level' failed to satisfy constraint: Member must satisfy enum value set: [` + strings.Join(shapeLevel.Enum, ", ") + `]`},
	} {
		s.run(t, h)
	}
}

// policyOf is DescribeEventBus's answer with a policy of these statements.
func policyOf(statements ...string) string {
	policy := `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
	return `{"Name":"orders","Arn":"` + busARN + `orders","Policy":"` + strings.ReplaceAll(policy, `"`, `\"`) + `","CreationTime":T,"LastModifiedTime":T}`
}

func TestPermissions(t *testing.T) {
	h, _ := newAPI(t)
	granted := func(sid, principal, condition string) string {
		return `{"Sid":"` + sid + `","Effect":"Allow","Principal":` + principal + `,"Action":"events:PutEvents","Resource":"` + busARN + `orders"` + condition + `}`
	}
	const account = `{"AWS":"arn:aws:iam::111111111111:root"}`
	const put = `{"EventBusName":"orders","Action":"events:PutEvents",`
	const plain = `{"Name":"orders","Arn":"` + busARN + `orders","CreationTime":T,"LastModifiedTime":T}`
	for _, s := range []step{
		{"CreateEventBus", `{"Name":"orders"}`, `{"EventBusArn":"` + busARN + `orders"}`},
		{"RemovePermission", `{"EventBusName":"orders","StatementId":"x"}`, `ResourceNotFoundException: Statement with the provided id does not exist.`},
		{"RemovePermission", `{"EventBusName":"orders","RemoveAllPermissions":true}`, `ResourceNotFoundException: EventBus does not have a policy.`},
		{"RemovePermission", `{"EventBusName":"orders"}`, `ValidationException: Parameter StatementId is required.`},
		{"RemovePermission", `{"EventBusName":"nope","StatementId":"x"}`, `ResourceNotFoundException: Event bus nope does not exist.`},
		{"PutPermission", `{"EventBusName":"nope","Action":"events:PutEvents","Principal":"*","StatementId":"x"}`, `ResourceNotFoundException: Event bus nope does not exist.`},
		{"PutPermission", `{"EventBusName":"orders","Action":"events:PutRule","Principal":"*","StatementId":"x"}`, `ValidationException: Provided value in parameter 'action' is not supported.`},
		{"PutPermission", put + `"StatementId":"x"}`, `ValidationException: Parameter Principal must be specified.`},
		{"PutPermission", put + `"Principal":"*"}`, `ValidationException: Parameter StatementId must be specified.`},
		{"PutPermission", put + `"Principal":"111111111111","StatementId":"x","Condition":{"Type":"StringEquals","Key":"aws:PrincipalOrgID","Value":"o-1"}}`,
			`ValidationException: Value of the parameter 'principal' must be '*' when the parameter 'condition' is set.`},

		// Statements stand in the order in which they were put; one with a known id replaces.
		{"PutPermission", put + `"Principal":"111111111111","StatementId":"one"}`, ``},
		{"PutPermission", put + `"Principal":"111111111111","StatementId":"two"}`, ``},
		{"PutPermission", put + `"Principal":"*","StatementId":"one","Condition":{"Type":"StringEquals","Key":"aws:PrincipalOrgID","Value":"o-1"}}`, ``},
		{"DescribeEventBus", `{"Name":"orders"}`, policyOf(granted("one", `"*"`, `,"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`), granted("two", account, ""))},
		{"RemovePermission", `{"EventBusName":"orders","StatementId":"three"}`, `ResourceNotFoundException: Statement with the provided id does not exist.`},
		{"RemovePermission", `{"EventBusName":"orders","StatementId":"one"}`, ``},
		{"DescribeEventBus", `{"Name":"orders"}`, policyOf(granted("two", account, ""))},
		{"RemovePermission", `{"EventBusName":"orders","StatementId":"two"}`, ``},
		{"DescribeEventBus", `{"Name":"orders"}`, plain},

		// A whole policy replaces, and is kept as it came.
		{"PutPermission", put + `"Principal":"*","StatementId":"one"}`, ``},
		{"PutPermission", `{"EventBusName":"orders","Policy":"{\"Version\": \"2012-10-17\", \"Statement\": [{\"Sid\": \"a\", \"Effect\": \"Allow\", \"Principal\": {\"Service\": \"x\"}, \"Action\": \"events:ListRules\", \"Resource\": \"*\"}]}"}`, ``},
		{"DescribeEventBus", `{"Name":"orders"}`, policyOf(`{"Sid":"a","Effect":"Allow","Principal":{"Service":"x"},"Action":"events:ListRules","Resource":"*"}`)},
		{"PutPermission", put + `"Principal":"*","StatementId":"b"}`, ``},
		{"DescribeEventBus", `{"Name":"orders"}`, policyOf(`{"Sid":"a","Effect":"Allow","Principal":{"Service":"x"},"Action":"events:ListRules","Resource":"*"}`, granted("b", `"*"`, ""))},
		{"PutPermission", `{"EventBusName":"orders","Policy":"{"}`, `ValidationException: This policy contains invalid Json`},
		{"PutPermission", `{"EventBusName":"orders","Policy":"[1]"}`, `ValidationException: This policy contains invalid Json`},
		{"PutPermission", `{"EventBusName":"orders","Policy":"{\"Statement\":[1]}"}`, `ValidationException: This policy contains invalid Json`},
		{"PutPermission", `{"EventBusName":"orders","Policy":"{\"Statement\":{\"Sid\":\"` + strings.Repeat("x", 10240) + `\"}}"}`, `PolicyLengthExceededException: The policy exceeds the maximum length of 10240 bytes.`},
		{"PutPermission", put + `"Policy":"{}"}`, `ValidationException: Parameter Policy cannot be specified together with Action, Principal, StatementId or Condition.`},
		{"RemovePermission", `{"EventBusName":"orders","RemoveAllPermissions":true}`, ``},
		{"DescribeEventBus", `{"Name":"orders"}`, plain},
	} {
		s.run(t, h)
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
		{"another region", "arn:aws:events:eu-west-1:000000000000:rule/r", "ResourceNotFoundException: Event bus default does not exist."},
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
