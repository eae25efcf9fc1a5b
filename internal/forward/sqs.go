package forward

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"bailey/internal/arn"
	"bailey/internal/sigv4"
	"bailey/internal/store"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 10

// A queue is where the messages of one dead-letter queue go.
type queue struct {
	region   string
	endpoint string // of the service
	url      string // of the queue
}

// parseQueue says where a queue is. endpoint is "" for AWS's own of its region.
func parseQueue(text, endpoint string) (queue, error) {
	a, err := arn.ParseQueue(text)
	if err != nil {
		return queue{}, fmt.Errorf("the dead-letter queue is not one of SQS: %w", err)
	}
	q := queue{region: a.Region, endpoint: endpoint}
	if q.endpoint == "" {
		q.endpoint = "https://sqs." + a.Region + "." + arn.DNSSuffix(a.Region)
	}
	q.url = q.endpoint + "/" + url.PathEscape(a.Account) + "/" + url.PathEscape(a.Name)
	return q, nil
}

// refusal is why a message was not taken.
type refusal struct {
	code    string
	message string
	// one says that it is about this message, and not about the queue or the
	// way there.
	one bool
}

func (r *refusal) Error() string { return cmp.Or(r.code, "no answer") + ": " + r.message }

// aboutOne are the errors of SendMessage that another message may not meet.
var aboutOne = []string{"InvalidMessageContents", "InvalidParameterValue", "InvalidParameterValueException", "InvalidAttributeValue", "MessageTooLong"}

type messageAttribute struct {
	DataType    string
	StringValue string
}

// trace is the event's trace header as the one system attribute that SQS takes.
// SQS would refuse the message for an invalid one, so that is left out.
func trace(header string) map[string]messageAttribute {
	if !strings.HasPrefix(header, "Root=1-") {
		return nil
	}
	return map[string]messageAttribute{"AWSTraceHeader": {"String", header}}
}

// post sends one message. nil says that SQS has it.
func (f *Forwarder) post(arn string, d *store.DeadLetter) *refusal {
	q, err := parseQueue(arn, f.cfg.Endpoint)
	if err != nil {
		return &refusal{message: err.Error(), one: true}
	}
	ctx, cancel := context.WithTimeout(f.ctx, sendTime)
	defer cancel()
	attributes := map[string]messageAttribute{}
	for name, value := range d.Attributes() {
		attributes[name] = messageAttribute{"String", value}
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	err = encoder.Encode(struct {
		QueueURL          string `json:"QueueUrl"`
		MessageBody       string
		MessageAttributes map[string]messageAttribute
		System            map[string]messageAttribute `json:"MessageSystemAttributes,omitempty"`
	}{q.url, string(d.Body), attributes, trace(d.TraceHeader)})
	if err != nil {
		return &refusal{message: err.Error(), one: true}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, q.endpoint+"/", bytes.NewReader(body.Bytes()))
	if err != nil {
		return &refusal{message: err.Error()}
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Target", "AmazonSQS.SendMessage")
	req.Header.Set("User-Agent", f.cfg.UserAgent)
	// A signature says when it was made by the world's time, whatever the
	// engine's clock is.
	if err := f.signer.Sign(req, body.Bytes(), sigv4.Scope{Region: q.region, Service: "sqs"}, time.Now()); err != nil {
		return &refusal{message: err.Error()}
	}
	resp, err := f.transport.RoundTrip(req)
	if err != nil {
		return &refusal{message: err.Error()}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return &refusal{message: err.Error()}
	}
	return verdict(resp.StatusCode, text)
}

// verdict reads an answer to SendMessage.
func verdict(status int, text []byte) *refusal {
	var answer struct {
		MessageID string `json:"MessageId"`
		Type      string `json:"__type"`
		Message   string `json:"message"`
		Old       string `json:"Message"`
	}
	err := json.Unmarshal(text, &answer)
	switch {
	case err != nil:
		return &refusal{code: fmt.Sprint("status ", status), message: "what answered is no SQS"}
	case status == http.StatusOK && answer.MessageID != "":
		return nil
	case status == http.StatusOK:
		return &refusal{message: "the answer has no MessageId"}
	}
	code := answer.Type[strings.LastIndexByte(answer.Type, '#')+1:]
	return &refusal{code: cmp.Or(code, fmt.Sprint("status ", status)), message: cmp.Or(answer.Message, answer.Old), one: slices.Contains(aboutOne, code)}
}
