package forward

import "testing"

func TestParseQueue(t *testing.T) {
	for _, test := range []struct{ arn, endpoint, wantEndpoint, wantURL string }{
		{"arn:aws:sqs:eu-west-1:123456789012:failed", "", "https://sqs.eu-west-1.amazonaws.com", "https://sqs.eu-west-1.amazonaws.com/123456789012/failed"},
		{"arn:aws-cn:sqs:cn-north-1:123456789012:failed", "", "https://sqs.cn-north-1.amazonaws.com.cn", "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/failed"},
		{"arn:aws:sqs:eu-west-1:123456789012:failed", "http://127.0.0.1:9324", "http://127.0.0.1:9324", "http://127.0.0.1:9324/123456789012/failed"},
	} {
		if q, err := parseQueue(test.arn, test.endpoint); err != nil || q.endpoint != test.wantEndpoint || q.url != test.wantURL || q.region == "" {
			t.Errorf("%s: got %+v, %v, want %s", test.arn, q, err, test.wantURL)
		}
	}
	for _, arn := range []string{"", "failed", "arn:aws:sns:eu-west-1:123456789012:failed", "arn:aws:sqs::123456789012:failed"} {
		if q, err := parseQueue(arn, ""); err == nil {
			t.Errorf("%q: got %+v, want it refused", arn, q)
		}
	}
}

func TestVerdict(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		text   string
		want   *refusal
	}{
		{"taken", 200, `{"MessageId": "x", "MD5OfMessageBody": "y"}`, nil},
		{"no SQS at all", 200, `<html>`, &refusal{code: "status 200", message: "what answered is no SQS"}},
		{"a proxy's page", 502, `<html>`, &refusal{code: "status 502", message: "what answered is no SQS"}},
		{"no SQS, but JSON", 200, `{}`, &refusal{message: "the answer has no MessageId"}},
		{"the queue", 400, `{"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "gone"}`, &refusal{code: "QueueDoesNotExist", message: "gone"}},
		{"the message", 400, `{"__type": "com.amazonaws.sqs#InvalidMessageContents", "Message": "odd"}`, &refusal{code: "InvalidMessageContents", message: "odd", one: true}},
		{"not SQS's own", 503, `{}`, &refusal{code: "status 503"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := verdict(test.status, []byte(test.text))
			if (got == nil) != (test.want == nil) || got != nil && *got != *test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
	if got := (&refusal{message: "x"}).Error(); got != "no answer: x" {
		t.Errorf("got %s", got)
	}
}
