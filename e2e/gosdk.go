package e2e

import (
	"context"
	"encoding/json"
	"testing"

	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/smithy-go"
)

// goSDK is AWS's SDK for Go.
type goSDK struct {
	operations map[string]func(ctx context.Context, input []byte) (any, error)
}

func newGoSDK(s *Server) goSDK {
	c := eventbridge.New(eventbridge.Options{
		BaseEndpoint:     aws.String(s.URL),
		Region:           testRegion,
		Credentials:      credentials.NewStaticCredentialsProvider(testAccessKey, testSecretKey, ""),
		RetryMaxAttempts: 1,
	})
	return goSDK{map[string]func(context.Context, []byte) (any, error){
		"CancelReplay":             operation(c.CancelReplay),
		"CreateArchive":            operation(c.CreateArchive),
		"CreateEventBus":           operation(c.CreateEventBus),
		"CreatePartnerEventSource": operation(c.CreatePartnerEventSource),
		"DeactivateEventSource":    operation(c.DeactivateEventSource),
		"DeleteArchive":            operation(c.DeleteArchive),
		"DeleteEventBus":           operation(c.DeleteEventBus),
		"DeleteRule":               operation(c.DeleteRule),
		"DescribeArchive":          operation(c.DescribeArchive),
		"DescribeEventBus":         operation(c.DescribeEventBus),
		"DescribeEventSource":      operation(c.DescribeEventSource),
		"DescribeReplay":           operation(c.DescribeReplay),
		"DescribeRule":             operation(c.DescribeRule),
		"DisableRule":              operation(c.DisableRule),
		"EnableRule":               operation(c.EnableRule),
		"ListArchives":             operation(c.ListArchives),
		"ListConnections":          operation(c.ListConnections),
		"ListEventBuses":           operation(c.ListEventBuses),
		"ListEventSources":         operation(c.ListEventSources),
		"ListReplays":              operation(c.ListReplays),
		"ListRuleNamesByTarget":    operation(c.ListRuleNamesByTarget),
		"ListRules":                operation(c.ListRules),
		"ListTagsForResource":      operation(c.ListTagsForResource),
		"ListTargetsByRule":        operation(c.ListTargetsByRule),
		"PutEvents":                operation(c.PutEvents),
		"PutPartnerEvents":         operation(c.PutPartnerEvents),
		"PutPermission":            operation(c.PutPermission),
		"PutRule":                  operation(c.PutRule),
		"PutTargets":               operation(c.PutTargets),
		"RemovePermission":         operation(c.RemovePermission),
		"RemoveTargets":            operation(c.RemoveTargets),
		"StartReplay":              operation(c.StartReplay),
		"TagResource":              operation(c.TagResource),
		"TestEventPattern":         operation(c.TestEventPattern),
		"UntagResource":            operation(c.UntagResource),
		"UpdateArchive":            operation(c.UpdateArchive),
		"UpdateEventBus":           operation(c.UpdateEventBus),
	}}
}

// operation makes a method of the SDK's client one that takes its input as JSON.
func operation[In, Out any](
	method func(context.Context, *In, ...func(*eventbridge.Options)) (*Out, error),
) func(context.Context, []byte) (any, error) {
	return func(ctx context.Context, text []byte) (any, error) {
		input := new(In)
		if err := json.Unmarshal(text, input); err != nil {
			return nil, err
		}
		return method(ctx, input)
	}
}

// Call calls the operation's method.
func (c goSDK) Call(t *testing.T, operation string, input Object) Answered {
	t.Helper()
	method, ok := c.operations[operation]
	if !ok {
		t.Fatalf("operation %s is not in the Go SDK's list above", operation)
	}
	text, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), callLimit)
	defer cancel()
	output, err := method(ctx, text)
	if err != nil {
		failure, ok := errors.AsType[smithy.APIError](err)
		if !ok {
			t.Fatalf("calling %s: %v", operation, err)
		}
		answered := Answered{Error: &ClientError{Code: failure.ErrorCode(), Message: failure.ErrorMessage()}}
		if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
			answered.Error.Status = response.HTTPStatusCode()
		}
		return answered
	}
	object, _ := present(canonical(output)).(Object)
	delete(object, "ResultMetadata")
	return Answered{Output: object}
}

// present returns value without the members that the SDK's structs have and the answer had not.
func present(value any) any {
	switch value := value.(type) {
	case Object:
		for name, member := range value {
			if member == nil || member == "" {
				delete(value, name)
			} else {
				value[name] = present(member)
			}
		}
	case List:
		for i := range value {
			value[i] = present(value[i])
		}
	}
	return value
}
