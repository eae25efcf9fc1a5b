package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// Bad input, sent by boto3 past its own checks, is answered with the error that AWS names for it, and changes nothing.
func TestBadInput(t *testing.T) {
	t.Parallel()
	server := Start(t)
	client := NewBoto3(t, server)
	server.PutAPI(t, "shop", Object{"url": "http://127.0.0.1:9"})
	server.PutAPI(t, "inside", Object{"url": "http://127.0.0.1:9", "endpointType": "PRIVATE"})
	for _, name := range []string{"good", "crowded"} {
		client.Call(t, "PutRule", Object{"Name": name, "EventPattern": `{"source":["x"]}`}).OK(t)
	}

	entry := Object{"Source": "x", "DetailType": "y", "Detail": "{}"}
	target := func(members Object) Object {
		whole := Object{"Id": "t1", "Arn": "arn:aws:execute-api:us-east-1:000000000000:shop/prod/POST/a/*/b/*",
			"HttpParameters": Object{"PathParameterValues": List{"1", "2"}}}
		maps.Copy(whole, members)
		return Object{"Rule": "good", "Targets": List{whole}}
	}
	parameters := func(members Object) Object {
		whole := Object{"PathParameterValues": List{"1", "2"}}
		maps.Copy(whole, members)
		return target(Object{"HttpParameters": whole})
	}
	many := func(n int, item func(i int) Object) List {
		items := make(List, n)
		for i := range items {
			items[i] = item(i)
		}
		return items
	}

	const validation = "ValidationException"
	for _, test := range []struct {
		name      string
		operation string
		input     Object
		code      string
		message   string // a regular expression for all of it
	}{
		{
			name:      "a required member is missing",
			operation: "PutRule", input: Object{},
			code: validation, message: `1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null`,
		},
		{
			name:      "two members are wrong: both are named",
			operation: "PutRule", input: Object{"Name": "a b", "State": "SLEEPING"},
			code: validation, message: `2 validation errors detected: .*Value 'a b' at 'name' failed to satisfy constraint: ` +
				`Member must satisfy regular expression pattern: \[\\\.\\-_A-Za-z0-9\]\+.*`,
		},
		{
			name:      "a name that is too long",
			operation: "PutRule", input: Object{"Name": strings.Repeat("n", 65)},
			code: validation, message: `1 validation error detected: Value 'n{65}' at 'name' failed to satisfy constraint: ` +
				`Member must have length less than or equal to 64`,
		},
		{
			name:      "wrong type: text for a list",
			operation: "PutEvents", input: Object{"Entries": "none"},
			code: "SerializationException", message: `.*`,
		},
		{
			name:      "wrong type: a number for text",
			operation: "PutRule", input: Object{"Name": 5},
			code: "SerializationException", message: `.*`,
		},
		{
			name:      "no entries",
			operation: "PutEvents", input: Object{"Entries": List{}},
			code: validation, message: `1 validation error detected: Value '\[\]' at 'entries' failed to satisfy constraint: ` +
				`Member must have length greater than or equal to 1`,
		},
		{
			name:      "more than ten entries",
			operation: "PutEvents", input: Object{"Entries": many(11, func(int) Object { return entry })},
			code: validation, message: `(?s)1 validation error detected: Value '\[.*\]' at 'entries' failed to satisfy constraint: ` +
				`Member must have length less than or equal to 10`,
		},
		{
			name:      "entries of more than 1 MiB together",
			operation: "PutEvents",
			input: Object{"Entries": many(2, func(int) Object {
				return Object{"Source": "x", "DetailType": "y", "Detail": `{"text":"` + strings.Repeat("z", 1<<19) + `"}`}
			})},
			code: validation, message: `Total size of the entries in the request is over the limit\.`,
		},
		{
			name:      "a rule on an event bus that is not there",
			operation: "PutRule", input: Object{"Name": "r", "EventBusName": "nowhere", "EventPattern": `{"source":["x"]}`},
			code: "ResourceNotFoundException", message: `Event bus nowhere does not exist\.`,
		},
		{
			name:      "targets on an event bus that is not there",
			operation: "PutTargets", input: Object{"Rule": "good", "EventBusName": "nowhere", "Targets": List{Object{"Id": "t", "Arn": "arn:aws:execute-api:us-east-1:000000000000:shop/prod/POST/a"}}},
			code: "ResourceNotFoundException", message: `Event bus nowhere does not exist\.`,
		},
		{
			name:      "the default event bus cannot be deleted",
			operation: "DeleteEventBus", input: Object{"Name": "default"},
			code: validation, message: `Cannot delete event bus default\.`,
		},
		{
			name:      "a rule that is not there",
			operation: "DescribeRule", input: Object{"Name": "nothing"},
			code: "ResourceNotFoundException", message: `Rule nothing does not exist on EventBus default\.`,
		},
		{
			name:      "a pattern that is none",
			operation: "PutRule", input: Object{"Name": "r", "EventPattern": `{"source":[]}`},
			code: "InvalidEventPatternException", message: `Event pattern is not valid\. Reason: Empty arrays are not allowed\n at \[Source: \(String\)"\{"source":\[\]\}"; line: 1, column: 13\]`,
		},
		{
			name:      "an event without the members that TestEventPattern wants",
			operation: "TestEventPattern", input: Object{"EventPattern": `{"source":["x"]}`, "Event": `{"source":"x"}`},
			code: validation, message: `Parameter Event is not valid\..*`,
		},
		{
			name:      "T5: fewer path values than variables",
			operation: "PutTargets", input: parameters(Object{"PathParameterValues": List{"1"}}),
			code: validation, message: `.*\b(1\b.*\b2|2\b.*\b1)\b.*`,
		},
		{
			name:      "T5: more path values than variables",
			operation: "PutTargets", input: parameters(Object{"PathParameterValues": List{"1", "2", "3", "4", "5"}}),
			code: validation, message: `.*\b(2\b.*\b5|5\b.*\b2)\b.*`,
		},
		{
			name:      "T6: a private endpoint",
			operation: "PutTargets", input: target(Object{"Arn": "arn:aws:execute-api:us-east-1:000000000000:inside/prod/POST/a/*/b/*"}),
			code: validation, message: `(?i).*private.*`,
		},
		{
			name:      "R6: a forbidden header",
			operation: "PutTargets", input: parameters(Object{"HeaderParameters": Object{"x-aMz-Custom": "1"}}),
			code: validation, message: `.*x-aMz-Custom.*`,
		},
		{
			name:      "R7: a header value of 513 characters",
			operation: "PutTargets", input: parameters(Object{"HeaderParameters": Object{"X-Ok": strings.Repeat("a", 513)}}),
			code: validation, message: `(?s)1 validation error detected: .*`,
		},
		{
			name:      "R7: a path value of nothing but spaces",
			operation: "PutTargets", input: parameters(Object{"PathParameterValues": List{"1", "  "}}),
			code: validation, message: `(?s)1 validation error detected: .*`,
		},
		{
			name:      "P11: what looks like a JSON path and is none",
			operation: "PutTargets", input: parameters(Object{"QueryStringParameters": Object{"q": "$.a..b["}}),
			code: validation, message: `.*\$\.a\.\.b\[.*`,
		},
		{
			name:      "two kinds of input",
			operation: "PutTargets", input: target(Object{"Input": "{}", "InputPath": "$.detail"}),
			code: validation, message: `Only one of Input, InputPath, or InputTransformer must be provided for target t1\.`,
		},
		{
			name:      "a placeholder that no path is given for",
			operation: "PutTargets",
			input:     target(Object{"InputTransformer": Object{"InputPathsMap": Object{"a": "$.detail.a"}, "InputTemplate": `{"a":<b>}`}}),
			code:      validation, message: `InputTemplate for target t1 contains invalid placeholder b\.`,
		},
		{
			name:      "an input template that is text",
			operation: "PutTargets",
			input:     target(Object{"InputTransformer": Object{"InputPathsMap": Object{"v": "$.detail.v"}, "InputTemplate": "hello <v>"}}),
			code:      validation, message: `Invalid InputTemplate for target t1 : \[Source: \(String\)"hello null"; line: 1, column: 1\]\.`,
		},
		{
			name:      "an input path with a name in brackets",
			operation: "PutTargets", input: target(Object{"InputPath": "$['detail']"}),
			code: validation, message: `InputPath for target t1 is invalid\.`,
		},
		{
			name:      "an input that is no JSON",
			operation: "PutTargets", input: target(Object{"Input": "env:dev"}),
			code: validation, message: `JSON syntax error in input for target t1: \[Source: \(String\)"env:dev"; line: 1, column: 4\]`,
		},
		{
			name:      "X4: more than 185 retries",
			operation: "PutTargets", input: target(Object{"RetryPolicy": Object{"MaximumRetryAttempts": 186}}),
			code: validation, message: `1 validation error detected: Value '186' at 'targets\.1\.member\.retryPolicy\.maximumRetryAttempts' ` +
				`failed to satisfy constraint: Member must have value less than or equal to 185`,
		},
		{
			name:      "six targets on a rule",
			operation: "PutTargets",
			input: Object{"Rule": "crowded", "Targets": many(6, func(i int) Object {
				return Object{"Id": fmt.Sprint("t", i), "Arn": "arn:aws:execute-api:us-east-1:000000000000:shop/prod/POST/a"}
			})},
			code: "LimitExceededException", message: `The requested resource exceeds the maximum number allowed\.`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := client.Raw(t, "AWSEvents."+test.operation, text(t, test.input))
			wantError(t, got, test.code, test.message, http.StatusBadRequest)
		})
	}

	t.Run("unknown operation", func(t *testing.T) {
		wantError(t, client.Raw(t, "AWSEvents.PutEvent", `{}`), "UnknownOperationException", `.*`, http.StatusBadRequest)
	})
	for name, body := range map[string]string{
		"malformed JSON: cut off": `{"Entries":[`, "malformed JSON: a list": `[]`, "malformed JSON: more after it": `{"Entries":[]} x`,
		"malformed JSON: a control character in text": "{\"Name\":\"\x00\"}",
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, client.Raw(t, "AWSEvents.PutEvents", body), "SerializationException", `.*`, http.StatusBadRequest)
		})
	}
	t.Run("a body over the limit", func(t *testing.T) {
		body := `{"Entries":[{"Detail":"` + strings.Repeat("z", 8<<20) + `"}]}`
		wantError(t, client.Raw(t, "AWSEvents.PutEvents", body), "RequestEntityTooLargeException", `.*`, http.StatusRequestEntityTooLarge)
	})

	t.Run("bad entries do not keep good ones back", func(t *testing.T) {
		output := client.Call(t, "PutEvents", Object{"Entries": List{
			Object{"DetailType": "y", "Detail": "{}"},
			Object{"Source": "x", "Detail": "{}"},
			Object{"Source": "x", "DetailType": "y"},
			Object{"Source": "x", "DetailType": "y", "Detail": `{"a":`},
			entry,
		}}).OK(t)
		required := func(name string) Object {
			return Object{"EventId": nil, "ErrorCode": "InvalidArgument",
				"ErrorMessage": "Parameter " + name + " is not valid. Reason: " + name + " is a required argument."}
		}
		if difference := Mismatch(output, Object{"FailedEntryCount": 4, "Entries": List{
			required("Source"), required("DetailType"), required("Detail"),
			Object{"EventId": nil, "ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."},
			Object{"ErrorCode": nil, "ErrorMessage": nil},
		}}); difference != "" {
			t.Error(difference)
		}
		entryID(t, output, 4)
	})

	t.Run("nothing was stored", func(t *testing.T) {
		for _, rule := range []string{"good", "crowded"} {
			output := client.Call(t, "ListTargetsByRule", Object{"Rule": rule}).OK(t)
			if difference := Mismatch(output, Object{"Targets": List{}}); difference != "" {
				t.Errorf("rule %s: %s", rule, difference)
			}
		}
		output := client.Call(t, "ListRules", Object{}).OK(t)
		if difference := Mismatch(output, Object{"Rules": List{Object{"Name": "crowded"}, Object{"Name": "good"}}}); difference != "" {
			t.Error(difference)
		}
	})
}

// wantError fails the test unless the call was answered with the error; pattern is a regular expression for all of its message.
func wantError(t *testing.T, got Answered, code, pattern string, status int) {
	t.Helper()
	if got.Error == nil {
		t.Fatalf("got %v, want %s", got.Output, code)
	}
	if got.Error.Code != code || got.Error.Status != status {
		t.Errorf("got %s with status %d, want %s with status %d", got.Error.Code, got.Error.Status, code, status)
	}
	if !regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString(got.Error.Message) {
		t.Errorf("got message %.300q, want %q", got.Error.Message, pattern)
	}
}
