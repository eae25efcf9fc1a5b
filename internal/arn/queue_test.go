package arn

import (
	"strings"
	"testing"
)

func TestParseQueue(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       Queue
		fifo       bool
	}{
		{"standard", "arn:aws:sqs:us-east-1:123456789012:dead", Queue{"us-east-1", "123456789012", "dead"}, false},
		{"FIFO", "arn:aws:sqs:us-east-1:123456789012:dead.fifo", Queue{"us-east-1", "123456789012", "dead.fifo"}, true},
		{"another partition", "arn:aws-cn:sqs:cn-north-1:123456789012:Dead_1-x", Queue{"cn-north-1", "123456789012", "Dead_1-x"}, false},
		{"the longest name", "arn:aws:sqs:us-east-1:123456789012:" + strings.Repeat("q", 80), Queue{"us-east-1", "123456789012", strings.Repeat("q", 80)}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseQueue(c.text)
			if err != nil || got != c.want || got.IsFIFO() != c.fifo || got.String() != c.text {
				t.Errorf("got %+v, %v, FIFO %v, %s; want %+v, FIFO %v", got, err, got.IsFIFO(), got, c.want, c.fifo)
			}
		})
	}
	for _, c := range []struct{ name, text, want string }{
		{"no ARN", "garbage", "does not have the form"},
		{"no name", "arn:aws:sqs:us-east-1:123456789012:", "lacks its"},
		{"another service", "arn:aws:sns:us-east-1:123456789012:dead", "of the service sns"},
		{"no region", "arn:aws:sqs::123456789012:dead", "lacks its region"},
		{"no account", "arn:aws:sqs:us-east-1::dead", "lacks its region or account"},
		{"the wrong partition", "arn:aws-cn:sqs:us-east-1:123456789012:dead", "partition"},
		{"an account with a slash", "arn:aws:sqs:us-east-1:12/34:dead", "URL"},
		{"a name with a colon", "arn:aws:sqs:us-east-1:123456789012:a:b", "queue name"},
		{"a name with a slash", "arn:aws:sqs:us-east-1:123456789012:a/b", "queue name"},
		{"a dot elsewhere", "arn:aws:sqs:us-east-1:123456789012:a.b", "queue name"},
		{"nothing before .fifo", "arn:aws:sqs:us-east-1:123456789012:.fifo", "queue name"},
		{"a name that is too long", "arn:aws:sqs:us-east-1:123456789012:" + strings.Repeat("q", 81), "queue name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := ParseQueue(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, %v; want an error with %q", got, err, c.want)
			}
		})
	}
}

// FuzzParseQueue checks that what is taken is a queue whose ARN says the same.
func FuzzParseQueue(f *testing.F) {
	f.Add("arn:aws:sqs:us-east-1:123456789012:dead")
	f.Add("arn:aws-cn:sqs:cn-north-1:1:q.fifo")
	f.Add("arn:aws:sqs:us-east-1:1:a/b")
	f.Fuzz(func(t *testing.T, text string) {
		q, err := ParseQueue(text)
		if err != nil {
			return
		}
		if q.String() != text || !ValidQueueName(q.Name) || q.Region == "" || q.Account == "" {
			t.Errorf("%q is %+v, whose ARN is %s", text, q, q)
		}
	})
}
