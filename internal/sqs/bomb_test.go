package sqs

import (
	"runtime"
	"strings"
	"testing"
)

// What a call holds does not come back at length, nor take much more memory
// than it has bytes.
func TestBombs(t *testing.T) {
	const (
		answer     = 64 << 10
		allocation = 60 * maxBody
	)
	w := newWorld(t)
	filled := func(before, item, after string) string {
		return before + strings.TrimSuffix(strings.Repeat(item+",", (maxBody-len(before)-len(after))/(len(item)+1)), ",") + after
	}
	long := strings.Repeat("x", maxBody-200)
	for _, tt := range [][2]string{
		{"GetQueueUrl", `{"QueueName":"` + long + `"}`},
		{"GetQueueUrl", `{"QueueName":"` + strings.Repeat(`\u0001`, maxBody/7) + `"}`},
		{"ListQueues", `{"QueueNamePrefix":"` + long + `"}`},
		{"ListQueues", `{"NextToken":"` + long + `"}`},
		{"GetQueueAttributes", filled(`{"QueueUrl":"`+deadURL+`","AttributeNames":[`, `""`, `]}`)},
		{"GetQueueAttributes", filled(`{"QueueUrl":"`+deadURL+`","AttributeNames":[`, `"All"`, `]}`)},
		{"ReceiveMessage", filled(`{"QueueUrl":"`+deadURL+`","MessageAttributeNames":[`, `"All"`, `]}`)},
		{"DeleteMessage", `{"QueueUrl":"` + deadURL + `","ReceiptHandle":"` + long + `"}`},
		{"DeleteMessageBatch", filled(`{"QueueUrl":"`+deadURL+`","Entries":[`, `{}`, `]}`)},
		{"DeleteMessageBatch", filled(`{"QueueUrl":"`+deadURL+`","Entries":[`, `{"Id":"a","ReceiptHandle":"b"}`, `]}`)},
		{"ChangeMessageVisibilityBatch", `{"QueueUrl":"` + deadURL + `","Entries":[{"Id":"` + long + `","ReceiptHandle":"b"}]}`},
		{"DeleteMessageBatch", `{"QueueUrl":"` + deadURL + `","Entries":[{"Id":"a","ReceiptHandle":"` + long + `"}]}`},
		{"PurgeQueue", strings.Repeat("[", maxBody)},
		{"PurgeQueue", filled(`{"x":[`, `[]`, `]}`)},
		{"PurgeQueue", `{"QueueUrl":"` + long + `"}`},
	} {
		t.Run(tt[0], func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			a := w.call(tt[0], "", tt[1])
			runtime.ReadMemStats(&after)
			if taken := after.TotalAlloc - before.TotalAlloc; taken > allocation || len(a.body) > answer {
				t.Errorf("%.80s: answered %d with %d bytes and took %d, want at most %d and %d: %.100s", tt[1], a.status, len(a.body), taken, answer, allocation, a.body)
			}
		})
	}
}
