package sqs

import "bailey/internal/awsjson"

// maxBody bounds a call: ten receipt handles are the most that one has.
const maxBody = 256 << 10

// The shapes of SQS's inputs. Its model has no constraints but what is
// required, and SQS words those as this protocol's other services do not, so
// the handlers check them.
var (
	text    = &awsjson.Shape{Kind: awsjson.String}
	integer = &awsjson.Shape{Kind: awsjson.Integer}
	texts   = &awsjson.Shape{Kind: awsjson.List, Element: text}
	entries = &awsjson.Shape{Kind: awsjson.List, Element: structure("Entry",
		member("Id", text), member("ReceiptHandle", text), member("VisibilityTimeout", integer))}
)

func member(name string, shape *awsjson.Shape) awsjson.Member {
	return awsjson.Member{Name: name, Shape: shape}
}

func structure(name string, members ...awsjson.Member) *awsjson.Shape {
	return &awsjson.Shape{Name: name, Kind: awsjson.Structure, Members: members}
}

// unsupported are the operations of SQS's model that are not here.
var unsupported = []string{
	"AddPermission", "CancelMessageMoveTask", "CreateQueue", "DeleteQueue", "ListDeadLetterSourceQueues", "ListMessageMoveTasks",
	"ListQueueTags", "RemovePermission", "SendMessage", "SendMessageBatch", "SetQueueAttributes", "StartMessageMoveTask", "TagQueue", "UntagQueue",
}

var model = func() awsjson.Service {
	s := awsjson.Service{
		TargetPrefix: targetPrefix,
		Version:      "1.0",
		Operations: map[string]*awsjson.Shape{
			"ListQueues":         structure("ListQueuesRequest", member("QueueNamePrefix", text), member("NextToken", text), member("MaxResults", integer)),
			"GetQueueUrl":        structure("GetQueueUrlRequest", member("QueueName", text), member("QueueOwnerAWSAccountId", text)),
			"GetQueueAttributes": structure("GetQueueAttributesRequest", member("QueueUrl", text), member("AttributeNames", texts)),
			"ReceiveMessage": structure("ReceiveMessageRequest", member("QueueUrl", text), member("AttributeNames", texts),
				member("MessageSystemAttributeNames", texts), member("MessageAttributeNames", texts),
				member("MaxNumberOfMessages", integer), member("VisibilityTimeout", integer), member("WaitTimeSeconds", integer)),
			"DeleteMessage":                structure("DeleteMessageRequest", member("QueueUrl", text), member("ReceiptHandle", text)),
			"DeleteMessageBatch":           structure("DeleteMessageBatchRequest", member("QueueUrl", text), member("Entries", entries)),
			"ChangeMessageVisibility":      structure("ChangeMessageVisibilityRequest", member("QueueUrl", text), member("ReceiptHandle", text), member("VisibilityTimeout", integer)),
			"ChangeMessageVisibilityBatch": structure("ChangeMessageVisibilityBatchRequest", member("QueueUrl", text), member("Entries", entries)),
			"PurgeQueue":                   structure("PurgeQueueRequest", member("QueueUrl", text)),
		},
	}
	for _, operation := range unsupported {
		s.Operations[operation] = structure(operation + "Request")
	}
	return s
}()
