package rule

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// someRole is a role that targets are put with.
const someRole = "arn:aws:iam::000000000000:role/r"

// serviceARNs are an ARN of each service that has targets.
var serviceARNs = map[string]string{
	"appsync":             "arn:aws:appsync:us-east-1:000000000000:endpoints/graphql-api/a",
	"batch":               "arn:aws:batch:us-east-1:000000000000:job-queue/q",
	"codebuild":           "arn:aws:codebuild:us-east-1:000000000000:project/p",
	"codepipeline":        "arn:aws:codepipeline:us-east-1:000000000000:p",
	"ecs":                 "arn:aws:ecs:us-east-1:000000000000:cluster/c",
	"events":              "arn:aws:events:us-east-1:000000000000:event-bus/second",
	"execute-api":         "arn:aws:execute-api:us-east-1:000000000000:shop/prod/POST/orders",
	"firehose":            "arn:aws:firehose:us-east-1:000000000000:deliverystream/d",
	"glue":                "arn:aws:glue:us-east-1:000000000000:workflow/w",
	"inspector":           "arn:aws:inspector:us-east-1:000000000000:target/0-x/template/0-y",
	"kinesis":             "arn:aws:kinesis:us-east-1:000000000000:stream/s",
	"lambda":              "arn:aws:lambda:us-east-1:000000000000:function:f",
	"logs":                "arn:aws:logs:us-east-1:000000000000:log-group:/aws/events/g",
	"redshift":            "arn:aws:redshift:us-east-1:000000000000:cluster:c",
	"redshift-serverless": "arn:aws:redshift-serverless:us-east-1:000000000000:workgroup/w",
	"sagemaker":           "arn:aws:sagemaker:us-east-1:000000000000:pipeline/p",
	"sns":                 "arn:aws:sns:us-east-1:000000000000:t",
	"sqs":                 "arn:aws:sqs:us-east-1:000000000000:q",
	"ssm":                 "arn:aws:ssm:us-east-1::document/d",
	"ssm-incidents":       "arn:aws:ssm-incidents::000000000000:response-plan/p",
	"states":              "arn:aws:states:us-east-1:000000000000:stateMachine:m",
}

// kinds are the parameters that only one kind of target takes, as PutTargets
// gets them.
var kinds = map[string]string{
	"AppSyncParameters":           `{}`,
	"BatchParameters":             `{"JobDefinition":"d","JobName":"n"}`,
	"EcsParameters":               `{"TaskDefinitionArn":"arn:aws:ecs:us-east-1:000000000000:task-definition/t"}`,
	"HttpParameters":              `{}`,
	"KinesisParameters":           `{"PartitionKeyPath":"$.id"}`,
	"RedshiftDataParameters":      `{"Database":"d"}`,
	"RunCommandParameters":        `{"RunCommandTargets":[]}`,
	"SageMakerPipelineParameters": `{}`,
}

// target is a target as its JSON has it.
func target(t *testing.T, text string) Target {
	t.Helper()
	var v Target
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// with is a target of a service, with its own parameters where it needs them.
func with(service, more string) string {
	text := `{"Id":"t","Arn":"` + serviceARNs[service] + `"`
	if name := targetServices[service].required; name != "" && !strings.Contains(more, name) {
		text += `,"` + name + `":` + kinds[name]
	}
	return text + more + "}"
}

// TestTargetServices holds, for each service that has targets, whether a target
// has a role and which parameters it takes.
func TestTargetServices(t *testing.T) {
	if len(serviceARNs) != len(targetServices) {
		t.Errorf("the test knows %d services, want %d", len(serviceARNs), len(targetServices))
	}
	r := newRegistry(t)
	putRule(t, r, Rule{Name: "r"})
	put := func(text string) string {
		err := r.PutTargets(t.Context(), region, "", "r", []Target{target(t, text)})
		if err == nil {
			return ""
		}
		if e, ok := errors.AsType[*Error](err); !ok || e.Kind != Invalid {
			t.Errorf("%s: got %v, want an error of kind %d", text, err, Invalid)
		}
		return err.Error()
	}
	const role = `,"RoleArn":"` + someRole + `"`
	for service, targetARN := range serviceARNs {
		t.Run(service, func(t *testing.T) {
			check := func(text, want string) {
				t.Helper()
				if got := put(text); got != want {
					t.Errorf("%s: got %q, want %q", text, got, want)
				}
			}
			required := "RoleArn is required for target " + targetARN + "."
			roles := role
			switch service {
			case "lambda", "sns", "sqs", "execute-api":
				check(with(service, ""), "")
				check(with(service, role), "")
			case "logs":
				roles = ""
				check(with(service, ""), "")
				check(with(service, role), "RoleArn is not supported for target "+targetARN+".")
			case "kinesis":
				check(with(service, ""), "Rule r does not have RoleArn assigned to invoke target "+targetARN+".")
				check(with(service, role), "")
			default:
				check(with(service, ""), required)
				check(with(service, role), "")
			}
			for name, value := range kinds {
				text := with(service, roles+`,"`+name+`":`+value)
				takes := map[string]bool{
					"AppSyncParameters":           service == "appsync",
					"BatchParameters":             service == "batch",
					"EcsParameters":               service == "ecs",
					"HttpParameters":              service == "execute-api" || service == "events",
					"KinesisParameters":           service == "kinesis",
					"RedshiftDataParameters":      service == "redshift" || service == "redshift-serverless",
					"RunCommandParameters":        service == "ssm",
					"SageMakerPipelineParameters": service == "sagemaker",
				}[name]
				if takes {
					check(text, "")
				} else {
					check(text, "Parameter(s) "+name+" not supported for target: t.")
				}
			}
			check(with(service, roles+`,"SqsParameters":{"MessageGroupId":"g"}`), "")
		})
	}
}

// TestServicesWithoutTargets holds that nothing else is a target.
func TestServicesWithoutTargets(t *testing.T) {
	for service, targetARN := range map[string]string{
		"iam":        "arn:aws:iam::000000000000:role/r",
		"s3":         "arn:aws:s3:::bucket",
		"dynamodb":   "arn:aws:dynamodb:us-east-1:000000000000:table/t",
		"rds":        "arn:aws:rds:us-east-1:000000000000:db:d",
		"apigateway": "arn:aws:apigateway:us-east-1::/restapis/a",
		"ec2":        "arn:aws:ec2:us-east-1:000000000000:instance/i",
		"scheduler":  "arn:aws:scheduler:::aws-sdk:sqs:sendMessage",
	} {
		want(t, asError(checkTarget(&Target{ID: "t", ARN: targetARN})), Invalid, service+" is not a supported service for a target.")
	}
}

// asError is a nil error for a nil *Error.
func asError(e *Error) error {
	if e == nil {
		return nil
	}
	return e
}

// TestCheckTarget holds the rest of what PutTargets refuses in a target.
func TestCheckTarget(t *testing.T) {
	malformed := func(text string) string {
		return "Parameter " + text + " is not valid. Reason: Provided Arn is not in correct format."
	}
	const role = `,"RoleArn":"` + someRole + `"`
	arn := func(text string) string { return `{"Id":"t","Arn":"` + text + `"` + role + `}` }
	ecs := func(parameters string) string { return with("ecs", role+`,"EcsParameters":`+parameters) }
	const task = `"TaskDefinitionArn":"arn:aws:ecs:us-east-1:000000000000:task-definition/t"`
	list := func(n int) string { return "[" + strings.Repeat(`"s",`, n-1) + `"s"]` }
	vpc := func(more string) string {
		return ecs(`{` + task + `,"NetworkConfiguration":{"awsvpcConfiguration":{` + more + `}}}`)
	}
	for _, tt := range []struct{ name, target, want string }{
		{"no ARN", arn("test-bucket"), malformed("test-bucket")},
		{"five parts", arn("arn:aws:sqs:us-east-1:q"), malformed("arn:aws:sqs:us-east-1:q")},
		{"no resource", arn("arn:aws:sqs:us-east-1:000000000000:"), malformed("arn:aws:sqs:us-east-1:000000000000:")},
		{"an API without a method", arn("arn:aws:execute-api:us-east-1:000000000000:shop/prod"), malformed("arn:aws:execute-api:us-east-1:000000000000:shop/prod")},
		{"an API without an account", arn("arn:aws:execute-api:us-east-1::shop/prod/POST"), malformed("arn:aws:execute-api:us-east-1::shop/prod/POST")},
		{"a bus in a region that there cannot be", arn("arn:aws:events:moon-1:000000000000:event-bus/b"), malformed("arn:aws:events:moon-1:000000000000:event-bus/b")},
		{"a bus of half an account", arn("arn:aws:events:us-east-1:0:event-bus/b"), malformed("arn:aws:events:us-east-1:0:event-bus/b")},
		{"a bus without a name", arn("arn:aws:events:us-east-1:000000000000:event-bus/"), malformed("arn:aws:events:us-east-1:000000000000:event-bus/")},
		{"a rule", arn("arn:aws:events:us-east-1:000000000000:rule/r"), malformed("arn:aws:events:us-east-1:000000000000:rule/r")},
		{"an API destination", arn("arn:aws:events:us-east-1:000000000000:api-destination/d/0f1e-2d"), ""},
		{"an API destination without its id", arn("arn:aws:events:us-east-1:000000000000:api-destination/d"), malformed("arn:aws:events:us-east-1:000000000000:api-destination/d")},
		{"a target that is built in", arn("arn:aws:events:us-east-1:000000000000:target/create-snapshot"), ""},
		{"a log stream", `{"Id":"t","Arn":"arn:aws:logs:us-east-1:000000000000:log-group:g:*"}`, malformed("arn:aws:logs:us-east-1:000000000000:log-group:g:*")},
		{"an API of AppSync by its own ARN", arn("arn:aws:appsync:us-east-1:000000000000:apis/a"), malformed("arn:aws:appsync:us-east-1:000000000000:apis/a")},
		{"a role that is no ARN", `{"Id":"t","Arn":"arn:aws:sqs:us-east-1:000000000000:q","RoleArn":"role"}`, malformed("role")},
		{"a function of another region", `{"Id":"t","Arn":"arn:aws:lambda:eu-west-1:000000000000:function:f"}`, ""},

		{"a FIFO queue without its parameters", `{"Id":"t","Arn":"arn:aws:sqs:us-east-1:000000000000:q.fifo"}`, "Parameter(s) SqsParameters must be specified for target: t."},
		{"a FIFO queue with them", `{"Id":"t","Arn":"arn:aws:sqs:us-east-1:000000000000:q.fifo","SqsParameters":{"MessageGroupId":"g"}}`, ""},
		{"a task without its parameters", `{"Id":"t","Arn":"` + serviceARNs["ecs"] + `"` + role + `}`, "Parameter(s) EcsParameters must be specified for target: t."},
		{"a job without its parameters", `{"Id":"t","Arn":"` + serviceARNs["batch"] + `"` + role + `}`, "Parameter(s) BatchParameters must be specified for target: t."},
		{"the role before the parameters", `{"Id":"t","Arn":"` + serviceARNs["ecs"] + `"}`, "RoleArn is required for target " + serviceARNs["ecs"] + "."},

		{"a bus with a retry policy", with("events", role+`,"RetryPolicy":{}`), "Retry policy is not supported for Event bus targets."},
		{"a bus with an input", with("events", role+`,"Input":"{}"`), "Modifying the input for target t is not supported."},
		{"a bus with a path", with("events", role+`,"InputPath":"$.detail"`), "Modifying the input for target t is not supported."},
		{"a bus with a transformer", with("events", role+`,"InputTransformer":{"InputTemplate":"{}"}`), "Modifying the input for target t is not supported."},
		{"a bus with a dead-letter queue", with("events", role+`,"DeadLetterConfig":{"Arn":"arn:aws:sqs:us-east-1:000000000000:dead"}`), ""},
		{"a bus of another region", arn("arn:aws:events:us-west-2:000000000000:event-bus/b"), ""},
		{"a bus of another account", arn("arn:aws:events:us-east-1:999000999000:event-bus/b"), ""},
		{"an API destination with a retry policy", `{"Id":"t","Arn":"arn:aws:events:us-east-1:000000000000:api-destination/d/0f"` + role + `,"RetryPolicy":{},"Input":"{}"}`, ""},

		{"a log group with an input", with("logs", `,"Input":"{}"`), "Input and InputPath are not valid forms of input for target t. The only valid form of input is InputTransformer."},
		{"a log group with a path", with("logs", `,"InputPath":"$.detail"`), "Input and InputPath are not valid forms of input for target t. The only valid form of input is InputTransformer."},

		{"a job array of one", with("batch", role+`,"BatchParameters":{"JobDefinition":"d","JobName":"n","ArrayProperties":{"Size":1}}`), "Parameter ArrayProperties is not valid. Reason: Size must be in between 2 and 10000."},
		{"a job array of 10,000", with("batch", role+`,"BatchParameters":{"JobDefinition":"d","JobName":"n","ArrayProperties":{"Size":10000}}`), ""},
		{"eleven attempts", with("batch", role+`,"BatchParameters":{"JobDefinition":"d","JobName":"n","RetryStrategy":{"Attempts":11}}`), "Parameter RetryStrategy is not valid. Reason: Attempts must be in between 1 and 10."},

		{"ten tasks", ecs(`{` + task + `,"TaskCount":10}`), ""},
		{"eleven tasks", ecs(`{` + task + `,"TaskCount":11}`), "Parameter(s) TaskCount not valid for target: t."},
		{"a task of another region", ecs(`{"TaskDefinitionArn":"arn:aws:ecs:eu-west-1:000000000000:task-definition/t"}`), "Region of " + serviceARNs["ecs"] + " does not match region of arn:aws:ecs:eu-west-1:000000000000:task-definition/t."},
		{"Fargate without a network", ecs(`{` + task + `,"LaunchType":"FARGATE"}`), "Parameter NetworkConfiguration must be specified for target t when launch type is FARGATE"},
		{"Fargate with an empty network", ecs(`{` + task + `,"LaunchType":"FARGATE","NetworkConfiguration":{}}`), "Parameter NetworkConfiguration must be specified for target t when launch type is FARGATE"},
		{"a task definition that is no ARN", ecs(`{"TaskDefinitionArn":"t:1"}`), "Parameter(s) TaskDefinitionArn not valid for target: t."},
		{"EC2 with a platform version", ecs(`{` + task + `,"LaunchType":"EC2","PlatformVersion":"1"}`), "Parameter PlatformVersion for target t is not supported when launch type is EC2."},
		{"EC2 with a public address", ecs(`{` + task + `,"LaunchType":"EC2","NetworkConfiguration":{"awsvpcConfiguration":{"Subnets":["s"],"AssignPublicIp":"ENABLED"}}}`), "Parameter AssignPublicIp for target t is not supported when launch type is EC2."},
		{"16 subnets and 5 security groups", vpc(`"Subnets":` + list(16) + `,"SecurityGroups":` + list(5)), ""},
		{"17 subnets", vpc(`"Subnets":` + list(17)), "Parameter Subnets is not valid. Reason: size must be in between 1 and 16."},
		{"6 security groups", vpc(`"Subnets":["s"],"SecurityGroups":` + list(6)), "Parameter SecurityGroups is not valid. Reason: size must be in between 0 and 5."},

		{"a statement and a list of them", with("redshift", role+`,"RedshiftDataParameters":{"Database":"d","Sql":"s","Sqls":["s"]}`), "Either RedshiftDataParameters.sql or RedshiftDataParameters.sqls must be specified for target t, not both."},
		{"a user and a secret", with("redshift", role+`,"RedshiftDataParameters":{"Database":"d","DbUser":"u","SecretManagerArn":"s"}`), "Either RedshiftDataParameters.dBUser or RedshiftDataParameters.secretManagerArn must be specified for target t, not both."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := target(t, tt.target)
			got := ""
			if err := checkTarget(&v); err != nil {
				got = err.Message
			}
			if got != tt.want {
				t.Errorf("%s\ngot  %q\nwant %q", tt.target, got, tt.want)
			}
		})
	}
}

// TestCheckForRule holds what a rule decides of a target.
func TestCheckForRule(t *testing.T) {
	r := newRegistry(t)
	must(t, r.CreateBus(t.Context(), Bus{Region: region, Name: "orders"}))
	putRule(t, r, Rule{EventBusName: "orders", Name: "plain"})
	putRule(t, r, Rule{EventBusName: "orders", Name: "roled", RoleARN: someRole})
	put := func(rule, text string) error {
		return r.PutTargets(t.Context(), region, "orders", rule, []Target{target(t, text)})
	}
	bus := func(name string) string {
		return `{"Id":"t","Arn":"` + r.BusARN(region, name) + `","RoleArn":"` + someRole + `"}`
	}
	stream := `{"Id":"t","Arn":"` + serviceARNs["kinesis"] + `"}`
	want(t, put("plain", bus("orders")), Invalid, "Source EventBus and Target EventBus must not be the same.")
	want(t, put("plain", bus("nope")), 0, "")
	want(t, put("plain", bus("default")), 0, "")
	want(t, put("plain", stream), Invalid, "Rule plain does not have RoleArn assigned to invoke target "+serviceARNs["kinesis"]+".")
	want(t, put("roled", stream), 0, "")
	want(t, put("nope", stream), NotFound, "Rule nope does not exist on EventBus orders.")
}

// TestOneIDTwice holds that a call names each target once; another call may name
// it again.
func TestOneIDTwice(t *testing.T) {
	r := newRegistry(t)
	putRule(t, r, Rule{Name: "r"})
	twice := queues("a", "b", "a")
	const message = "Parameter targets is not valid. Reason: More than one target with Id 'a' is provided."
	want(t, r.PutTargets(t.Context(), region, "", "r", twice), Invalid, message)
	want(t, r.PutTargets(t.Context(), region, "", "nope", twice), Invalid, message)
	must(t, r.PutTargets(t.Context(), region, "", "r", queues("a")))
	must(t, r.PutTargets(t.Context(), region, "", "r", queues("a")))
}

// TestTargetsFromBefore holds that what was put before it was refused is read,
// compiled and can be changed otherwise.
func TestTargetsFromBefore(t *testing.T) {
	m := new(memory)
	now := began
	r := open(t, m, Quotas{}, &now)
	old := Rule{
		Region: region, EventBusName: "default", Name: "r", EventPattern: `{"source":["a"]}`, State: Enabled,
		Targets: []Target{{ID: "b", ARN: r.BusARN(region, "second")}, {ID: "a", ARN: "arn:aws:s3:::bucket"}},
	}
	must(t, r.apply(t.Context(), kindRule, old.document(), old))
	again := open(t, m, Quotas{}, &now)
	targets, _, err := again.Targets(region, "", "r", Page{})
	if err != nil || len(targets) != 2 || targets[0].ID != "a" || targets[1].ID != "b" {
		t.Errorf("got %+v, %v, want a and b", targets, err)
	}
	must(t, again.SetState(t.Context(), region, "", "r", Disabled))
	must(t, again.PutTargets(t.Context(), region, "", "r", queues("c")))
}
