package arn

import (
	"fmt"
	"strings"
)

// maxQueueName is the length that SQS allows the name of a queue.
const maxQueueName = 80

// A Queue is an SQS queue:
//
//	arn:{partition}:sqs:{region}:{account}:{name}
type Queue struct{ Region, Account, Name string }

// ParseQueue takes the ARN of an SQS queue apart. The partition has to be that
// of the region, so that String gives the same text again.
func ParseQueue(text string) (Queue, error) {
	a, err := Parse(text)
	if err != nil {
		return Queue{}, err
	}
	switch {
	case a.Service != "sqs":
		return Queue{}, fmt.Errorf("ARN %q is of the service %s, not of sqs", text, a.Service)
	case a.Region == "" || a.Account == "":
		return Queue{}, fmt.Errorf("ARN %q lacks its region or account", text)
	case a.Partition != Partition(a.Region):
		return Queue{}, fmt.Errorf("ARN %q has the partition %s, and %s is in %s", text, a.Partition, a.Region, Partition(a.Region))
	case strings.ContainsAny(a.Region+a.Account, "/?#%"):
		return Queue{}, fmt.Errorf("ARN %q has a region or an account that cannot be in a queue's URL", text)
	case !ValidQueueName(a.Resource):
		return Queue{}, fmt.Errorf("ARN %q has the queue name %q; a name has 1 to %d letters, digits, hyphens and underscores, of which .fifo may be the end", text, a.Resource, maxQueueName)
	}
	return Queue{a.Region, a.Account, a.Resource}, nil
}

// String returns the queue's ARN.
func (q Queue) String() string {
	return ARN{Partition: Partition(q.Region), Service: "sqs", Region: q.Region, Account: q.Account, Resource: q.Name}.String()
}

// IsFIFO reports whether the queue is a FIFO queue, which its name tells.
func (q Queue) IsFIFO() bool { return strings.HasSuffix(q.Name, ".fifo") }

// ValidQueueName reports whether a queue can have the name: 1 to 80 ASCII
// letters, digits, hyphens and underscores, of which .fifo may be the end.
func ValidQueueName(name string) bool {
	if len(name) > maxQueueName {
		return false
	}
	base := strings.TrimSuffix(name, ".fifo")
	for i := range len(base) {
		switch c := base[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return base != ""
}
