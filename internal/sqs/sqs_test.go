package sqs

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"bailey"
	"bailey/internal/arn"
	"bailey/internal/clock"
	"bailey/internal/request"
	"bailey/internal/rule"
	"bailey/internal/store"
)

const (
	account = "000000000000"
	dead    = "arn:aws:sqs:us-east-1:000000000000:dead"
	deadURL = "http://bailey.test:4566/000000000000/dead"
)

// began is when the tests' clock begins.
var began = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// world is the API over a router whose target refuses everything.
type world struct {
	t        *testing.T
	dir      string
	clock    *clock.Virtual
	refuses  *httptest.Server
	router   *bailey.Router
	api      http.Handler
	stopping chan struct{}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), clock: clock.NewVirtual(began)}
	w.refuses = httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(w.refuses.Close)
	w.open()
	t.Cleanup(w.close)
	if err := w.router.Rules().PutAPI(t.Context(), &request.API{ID: "shop", URL: w.refuses.URL}); err != nil {
		t.Fatal(err)
	}
	for region, queue := range map[string]string{"us-east-1": dead, "eu-west-1": "arn:aws:sqs:eu-west-1:111111111111:other"} {
		r := rule.Rule{Region: region, EventBusName: "default", Name: "all", EventPattern: `{"source": ["shop"]}`, State: rule.Enabled}
		if _, err := w.router.Rules().PutRule(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		err := w.router.Rules().PutTargets(t.Context(), region, "default", "all", []rule.Target{{
			ID: "api", ARN: "arn:aws:execute-api:us-east-1:000000000000:shop/prod/POST/orders", DeadLetterConfig: &rule.DeadLetterConfig{ARN: queue},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *world) open() {
	w.t.Helper()
	log := slog.New(slog.DiscardHandler)
	var err error
	if w.router, err = bailey.Open(context.Background(), bailey.Config{Dir: w.dir, Clock: w.clock, Log: log}); err != nil {
		w.t.Fatal(err)
	}
	w.stopping = make(chan struct{})
	w.api = New(Config{Router: w.router, Clock: w.clock, Account: account, Region: "us-east-1", Retention: time.Hour, Stopping: w.stopping, Log: log})
}

func (w *world) close() {
	if err := w.router.Close(); err != nil {
		w.t.Error(err)
	}
}

// give puts events that are given up.
func (w *world) give(n int) {
	w.t.Helper()
	for i := range n {
		results, err := w.router.PutEvents(w.t.Context(), "", []bailey.Entry{{Source: "shop", DetailType: "order", Detail: fmt.Appendf(nil, `{"n": %d}`, i)}})
		if err != nil {
			w.t.Fatal(err)
		}
		if _, err := w.router.Wait(w.t.Context(), results[0].ID); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) pass(d time.Duration) {
	w.t.Helper()
	if err := w.router.Advance(w.t.Context(), d); err != nil {
		w.t.Fatal(err)
	}
}

// answer is what came back from a call.
type answer struct {
	status int
	header http.Header
	body   string
}

func (w *world) call(operation, region, body string) answer {
	w.t.Helper()
	req := httptest.NewRequest(http.MethodPost, deadURL, strings.NewReader(body))
	req.Header.Set("X-Amz-Target", "AmazonSQS."+operation)
	if region != "" {
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=A/20261123/"+region+"/sqs/aws4_request, SignedHeaders=host, Signature=0")
	}
	if !Serves(req) {
		w.t.Errorf("%s is not taken for a call of SQS", operation)
	}
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, req)
	if got := rec.Header().Get("Content-Type"); got != "application/x-amz-json-1.0" {
		w.t.Errorf("%s: got an answer of type %s", operation, got)
	}
	return answer{rec.Code, rec.Header(), rec.Body.String()}
}

func (w *world) ok(operation, body string) string {
	w.t.Helper()
	a := w.call(operation, "", body)
	if a.status != http.StatusOK {
		w.t.Fatalf("%s %s: got %d %s", operation, body, a.status, a.body)
	}
	return a.body
}

// receive receives messages, with more members of the request.
func (w *world) receive(members string) []message {
	w.t.Helper()
	var out receiveOutput
	if err := json.Unmarshal([]byte(w.ok("ReceiveMessage", `{"QueueUrl": "`+deadURL+`"`+members+`}`)), &out); err != nil {
		w.t.Fatal(err)
	}
	return out.Messages
}

func (w *world) attributes(names string) map[string]string {
	w.t.Helper()
	var out getQueueAttributesOutput
	if err := json.Unmarshal([]byte(w.ok("GetQueueAttributes", `{"QueueUrl": "`+deadURL+`", "AttributeNames": [`+names+`]}`)), &out); err != nil {
		w.t.Fatal(err)
	}
	return out.Attributes
}

// counts are the messages that are visible, and those in flight.
func (w *world) counts(want string) {
	w.t.Helper()
	a := w.attributes(`"All"`)
	if got := a["ApproximateNumberOfMessages"] + " " + a["ApproximateNumberOfMessagesNotVisible"]; got != want {
		w.t.Errorf("got %s messages visible and in flight, want %s", got, want)
	}
}

func TestQueues(t *testing.T) {
	w := newWorld(t)
	for _, test := range []struct{ name, operation, region, body, want string }{
		{"a region's queues", "ListQueues", "", `{}`, `{"QueueUrls":["` + deadURL + `"]}`},
		{"another's", "ListQueues", "eu-west-1", `{}`, `{"QueueUrls":["http://bailey.test:4566/111111111111/other"]}`},
		{"none of them", "ListQueues", "", `{"QueueNamePrefix": "x"}`, `{}`},
		{"a region without queues", "ListQueues", "cn-north-1", `{}`, `{}`},
		{"a URL", "GetQueueUrl", "", `{"QueueName": "dead"}`, `{"QueueUrl":"` + deadURL + `"}`},
		{"another account's", "GetQueueUrl", "eu-west-1", `{"QueueName": "other", "QueueOwnerAWSAccountId": "111111111111"}`, `{"QueueUrl":"http://bailey.test:4566/111111111111/other"}`},
		{"no attributes", "GetQueueAttributes", "", `{"QueueUrl": "` + deadURL + `"}`, `{}`},
		{"some", "GetQueueAttributes", "", `{"QueueUrl": "` + deadURL + `", "AttributeNames": ["QueueArn", "MessageRetentionPeriod", "Policy"]}`,
			`{"Attributes":{"MessageRetentionPeriod":"3600","QueueArn":"` + dead + `"}}`},
		{"since when", "GetQueueAttributes", "", `{"QueueUrl": "` + deadURL + `", "AttributeNames": ["CreatedTimestamp", "LastModifiedTimestamp"]}`,
			fmt.Sprintf(`{"Attributes":{"CreatedTimestamp":"%[1]d","LastModifiedTimestamp":"%[1]d"}}`, began.Unix())},
		{"any host", "GetQueueAttributes", "", `{"QueueUrl": "https://sqs.us-east-1.amazonaws.com/000000000000/dead", "AttributeNames": ["QueueArn"]}`,
			`{"Attributes":{"QueueArn":"` + dead + `"}}`},
		{"no message", "ReceiveMessage", "", `{"QueueUrl": "` + deadURL + `"}`, `{}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := w.call(test.operation, test.region, test.body); got.status != http.StatusOK || got.body != test.want {
				t.Errorf("got %d %s, want %s", got.status, got.body, test.want)
			}
		})
	}
	// A queue that nobody names any more is there while it holds messages.
	w.give(1)
	if err := w.router.Rules().RemoveTargets(t.Context(), "us-east-1", "default", "all", []string{"api"}, false); err != nil {
		t.Fatal(err)
	}
	w.close()
	w.open()
	if got := w.ok("ListQueues", `{}`); !strings.Contains(got, deadURL) {
		t.Errorf("got %s, want the queue that holds a message", got)
	}
	w.ok("PurgeQueue", `{"QueueUrl": "`+deadURL+`"}`)
	if got := w.ok("ListQueues", `{}`); got != `{}` {
		t.Errorf("got %s, want none", got)
	}
}

func TestListQueuesByPages(t *testing.T) {
	w := newWorld(t)
	var names []string
	targets := []rule.Target{{ID: "api", ARN: "arn:aws:execute-api:us-east-1:000000000000:shop/prod/POST/orders"}}
	for i := range 4 {
		name := fmt.Sprint("more", i)
		names = append(names, name)
		more := targets[0]
		more.ID, more.DeadLetterConfig = name, &rule.DeadLetterConfig{ARN: "arn:aws:sqs:us-east-1:000000000000:" + name}
		targets = append(targets, more)
	}
	if err := w.router.Rules().PutTargets(t.Context(), "us-east-1", "default", "all", targets); err != nil {
		t.Fatal(err)
	}
	var got []string
	for token := ""; ; {
		var page listQueuesOutput
		if err := json.Unmarshal([]byte(w.ok("ListQueues", `{"MaxResults": 3, "NextToken": "`+token+`"}`)), &page); err != nil {
			t.Fatal(err)
		}
		for _, u := range page.QueueURLs {
			got = append(got, u[strings.LastIndexByte(u, '/')+1:])
		}
		if token = page.NextToken; token == "" {
			break
		}
		if len(got) > len(names) {
			t.Fatalf("the list of %d queues goes on: %v", len(names), got)
		}
	}
	if !slices.Equal(got, names) {
		t.Errorf("got %v, want %v", got, names)
	}
}

func TestErrors(t *testing.T) {
	w := newWorld(t)
	w.give(1)
	held := w.receive("")[0].ReceiptHandle
	url := `"QueueUrl": "` + deadURL + `"`
	entry := `{"Id": "a", "ReceiptHandle": "` + held + `"}`
	for _, test := range []struct{ name, operation, body, code, query string }{
		{"no such queue", "GetQueueUrl", `{"QueueName": "none"}`, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"},
		{"no such queue's URL", "ReceiveMessage", `{"QueueUrl": "http://x/000000000000/none"}`, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"},
		{"no name", "GetQueueUrl", `{}`, "MissingRequiredParameterException", "MissingParameter"},
		{"no URL", "ReceiveMessage", `{}`, "MissingRequiredParameterException", "MissingParameter"},
		{"a URL that is none", "PurgeQueue", `{"QueueUrl": "dead"}`, "InvalidAddress", "InvalidAddress"},
		{"an attribute that there is not", "GetQueueAttributes", `{` + url + `, "AttributeNames": ["Size"]}`, "InvalidAttributeName", "InvalidAttributeName"},
		{"a queue's attribute, of messages", "ReceiveMessage", `{` + url + `, "MessageSystemAttributeNames": ["Policy"]}`, "InvalidAttributeName", "InvalidAttributeName"},
		{"an attribute that messages do not have", "ReceiveMessage", `{` + url + `, "MessageSystemAttributeNames": ["All", "Size"]}`, "InvalidAttributeName", "InvalidAttributeName"},
		{"the same by the older name", "ReceiveMessage", `{` + url + `, "AttributeNames": ["senderId"]}`, "InvalidAttributeName", "InvalidAttributeName"},
		{"too many messages", "ReceiveMessage", `{` + url + `, "MaxNumberOfMessages": 11}`, "InvalidParameterValueException", "InvalidParameterValue"},
		{"no messages", "ReceiveMessage", `{` + url + `, "MaxNumberOfMessages": 0}`, "InvalidParameterValueException", "InvalidParameterValue"},
		{"too long a wait", "ReceiveMessage", `{` + url + `, "WaitTimeSeconds": 21}`, "InvalidParameterValueException", "InvalidParameterValue"},
		{"invisible for too long", "ReceiveMessage", `{` + url + `, "VisibilityTimeout": 43201}`, "InvalidParameterValueException", "InvalidParameterValue"},
		{"a token that is none", "ListQueues", `{"NextToken": "!"}`, "InvalidParameterValueException", "InvalidParameterValue"},
		{"no handle", "DeleteMessage", `{` + url + `}`, "MissingRequiredParameterException", "MissingParameter"},
		{"a handle that is none", "DeleteMessage", `{` + url + `, "ReceiptHandle": "AAAA"}`, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid"},
		{"no timeout", "ChangeMessageVisibility", `{` + url + `, "ReceiptHandle": "` + held + `"}`, "MissingRequiredParameterException", "MissingParameter"},
		{"no entries", "DeleteMessageBatch", `{` + url + `, "Entries": []}`, "EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest"},
		{"too many entries", "DeleteMessageBatch", `{` + url + `, "Entries": [` + strings.Repeat(entry+",", 10) + entry + `]}`, "TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"},
		{"an entry twice", "ChangeMessageVisibilityBatch", `{` + url + `, "Entries": [` + entry + `,` + entry + `]}`, "BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"},
		{"an entry without an id", "DeleteMessageBatch", `{` + url + `, "Entries": [{"Id": "a b"}]}`, "InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId"},
		{"what is not here", "SendMessage", `{` + url + `, "MessageBody": "x"}`, "UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := w.call(test.operation, "", test.body)
			if got.status != http.StatusBadRequest || !strings.Contains(got.body, `"__type":"com.amazonaws.sqs#`+test.code+`"`) {
				t.Errorf("got %d %s, want %s", got.status, got.body, test.code)
			}
			if q := got.header["x-amzn-query-error"]; !slices.Equal(q, []string{test.query + ";Sender"}) { //nolint:staticcheck // in lower case, as AWS sends it
				t.Errorf("got x-amzn-query-error %q, want %s;Sender", q, test.query)
			}
		})
	}
	if got := w.call("ReceiveMessage", "", `{`+url+`, "AttributeNames": ["Size"]}`); !strings.Contains(got.body, `"message":"Unknown Attribute Size."`) {
		t.Errorf("an unknown attribute: got %s, want SQS's words", got.body)
	}
	if got := w.call("ReceiveMessage", "", `{"QueueUrl": 1}`); got.status != http.StatusBadRequest || !strings.Contains(got.body, "SerializationException") {
		t.Errorf("a URL that is a number: got %d %s", got.status, got.body)
	}
}

// The event's trace is a system attribute of its dead letter, by either way of
// asking and across restarts.
func TestTraceHeader(t *testing.T) {
	const trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
	w := newWorld(t)
	entry := bailey.Entry{Source: "shop", DetailType: "order", Detail: []byte(`{}`), TraceHeader: trace}
	results, err := w.router.PutEvents(t.Context(), "", []bailey.Entry{entry})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.router.Wait(t.Context(), results[0].ID); err != nil {
		t.Fatal(err)
	}
	for _, asked := range []string{
		`"AttributeNames": ["AWSTraceHeader"]`, `"MessageSystemAttributeNames": ["AWSTraceHeader"]`, `"AttributeNames": ["All"]`, `"MessageSystemAttributeNames": ["All"]`,
	} {
		w.close()
		w.open()
		if m := w.receive(`, ` + asked + `, "VisibilityTimeout": 0`)[0]; m.Attributes["AWSTraceHeader"] != trace || len(m.MessageAttributes) != 0 {
			t.Errorf("%s: got %v and %v, want the trace", asked, m.Attributes, m.MessageAttributes)
		}
	}
	if m := w.receive(`, "AttributeNames": ["SenderId"], "VisibilityTimeout": 0`)[0]; m.Attributes["AWSTraceHeader"] != "" {
		t.Errorf("got %v, which nobody asked for", m.Attributes)
	}
}

func TestMessage(t *testing.T) {
	w := newWorld(t)
	w.give(1)
	m := w.receive(`, "AttributeNames": ["All"], "MessageAttributeNames": ["All"], "VisibilityTimeout": 0`)[0]
	if !strings.Contains(m.Body, `"detail":{"n": 0}`) || m.MD5OfBody != md5Hex([]byte(m.Body)) {
		t.Errorf("got %s with MD5 %s, want the event, which nothing transforms", m.Body, m.MD5OfBody)
	}
	want := map[string]messageAttribute{
		"RULE_ARN":      {"String", "arn:aws:events:us-east-1:000000000000:rule/all"},
		"TARGET_ARN":    {"String", "arn:aws:execute-api:us-east-1:000000000000:shop/prod/POST/orders"},
		"ERROR_CODE":    {"String", "ERROR_FROM_TARGET"},
		"ERROR_MESSAGE": {"String", "the endpoint answered 404 Not Found"},
	}
	if len(m.MessageAttributes) != len(want) {
		t.Errorf("got %v, want %v", m.MessageAttributes, want)
	}
	for name, a := range want {
		if m.MessageAttributes[name] != a {
			t.Errorf("%s: got %v, want %v", name, m.MessageAttributes[name], a)
		}
	}
	if _, traced := m.Attributes["AWSTraceHeader"]; traced {
		t.Error("there is a trace, of an event that has none")
	}
	if m.Attributes["ApproximateReceiveCount"] != "1" || m.Attributes["SentTimestamp"] != "1795435200000" ||
		m.Attributes["ApproximateFirstReceiveTimestamp"] != "1795435200000" || m.Attributes["SenderId"] != account {
		t.Errorf("got %v", m.Attributes)
	}
	for asked, want := range map[string]int{
		`"All"`: 4, `".*"`: 4, `"ERROR.*"`: 2, `"RULE_ARN", "ERROR_CODE"`: 2, `"none"`: 0, ``: 0,
	} {
		again := w.receive(`, "VisibilityTimeout": 0, "MessageAttributeNames": [` + asked + `]`)[0]
		if len(again.MessageAttributes) != want || (again.MD5OfMessageAttributes == "") != (want == 0) {
			t.Errorf("%s: got %v with MD5 %q, want %d", asked, again.MessageAttributes, again.MD5OfMessageAttributes, want)
		}
		if again.MessageID != m.MessageID || again.ReceiptHandle == m.ReceiptHandle || again.Attributes != nil {
			t.Errorf("got %s by %s after %s by %s, want the same message by another handle", again.MessageID, again.ReceiptHandle, m.MessageID, m.ReceiptHandle)
		}
	}
	if m := w.receive(`, "MessageSystemAttributeNames": ["ApproximateReceiveCount"]`)[0]; len(m.Attributes) != 1 || m.Attributes["ApproximateReceiveCount"] != "8" {
		t.Errorf("got %v, want the eighth time", m.Attributes)
	}
	// The sum was made by another program.
	sum := md5OfAttributes(map[string]messageAttribute{
		"ERROR_CODE": {"String", "TIMEOUT"}, "RETRY_ATTEMPTS": {"String", "185"}, "ERROR_MESSAGE": {"String", "grün"},
	})
	if sum != "573a2df3f95c1007d100e2f6890e9e98" {
		t.Errorf("got MD5 %s", sum)
	}
}

func TestVisibility(t *testing.T) {
	w := newWorld(t)
	w.give(12)
	first := w.receive(`, "MaxNumberOfMessages": 10`)
	if len(first) != 10 || !strings.Contains(first[9].Body, `"n": 9`) {
		t.Fatalf("got %d, want the 10 oldest", len(first))
	}
	w.counts("2 10")
	rest := w.receive(`, "MaxNumberOfMessages": 10, "VisibilityTimeout": 100`)
	if len(rest) != 2 || len(w.receive("")) != 0 {
		t.Fatalf("got %d, want the 2 others, and then none", len(rest))
	}
	url := `"QueueUrl": "` + deadURL + `", "ReceiptHandle": `
	w.ok("DeleteMessage", `{`+url+`"`+first[0].ReceiptHandle+`"}`)
	w.ok("DeleteMessage", `{`+url+`"`+first[0].ReceiptHandle+`"}`)
	w.ok("ChangeMessageVisibility", `{`+url+`"`+first[1].ReceiptHandle+`", "VisibilityTimeout": 60}`)
	w.counts("0 11")
	w.pass(30 * time.Second)
	w.counts("8 3")
	if a := w.call("ChangeMessageVisibility", "", `{`+url+`"`+first[2].ReceiptHandle+`", "VisibilityTimeout": 60}`); !strings.Contains(a.body, "MessageNotInflight") {
		t.Errorf("one that is visible again: got %d %s", a.status, a.body)
	}
	again := w.receive(`, "AttributeNames": ["ApproximateReceiveCount"]`)
	if len(again) != 1 || again[0].Attributes["ApproximateReceiveCount"] != "2" {
		t.Errorf("got %+v, want one for the second time", again)
	}
	// The handle of an earlier flight does not move the later one, but deletes.
	var earlier string
	for _, m := range first {
		if m.MessageID == again[0].MessageID {
			earlier = m.ReceiptHandle
		}
	}
	if a := w.call("ChangeMessageVisibility", "", `{`+url+`"`+earlier+`", "VisibilityTimeout": 0}`); !strings.Contains(a.body, "MessageNotInflight") {
		t.Errorf("an earlier flight's handle: got %d %s", a.status, a.body)
	}
	w.ok("DeleteMessage", `{`+url+`"`+earlier+`"}`)
	w.counts("7 3")
	// Redriven while in flight: it does not come back.
	letters, err := w.router.DeadLetters(t.Context(), store.Undelivered{}, 0, 100)
	if err != nil || len(letters) != 10 {
		t.Fatalf("got %d, %v", len(letters), err)
	}
	w.ok("PurgeQueue", `{"QueueUrl": "`+deadURL+`"}`)
	w.pass(time.Hour)
	if got := w.receive(`, "MaxNumberOfMessages": 10`); len(got) != 0 || len(w.room().flights) != 0 {
		t.Errorf("got %d messages and %d flights of a queue that was purged", len(got), len(w.room().flights))
	}
}

func (w *world) room() *waitingRoom { return w.api.(*api).room(dead) }

// Whoever looks at messages without hiding them gets each of them once in an
// answer, however often they look.
func TestPeek(t *testing.T) {
	w := newWorld(t)
	w.give(3)
	for look, members := range []string{``, `, "MaxNumberOfMessages": 2`, `, "MaxNumberOfMessages": 10`, `, "MaxNumberOfMessages": 10`} {
		got := w.receive(`, "VisibilityTimeout": 0` + members)
		ids := map[string]bool{}
		for _, m := range got {
			ids[m.MessageID] = true
		}
		if want := min(look+1, 3); len(got) != want || len(ids) != want {
			t.Errorf("look %d: got %d messages of which %d are different, want %d", look, len(got), len(ids), want)
		}
	}
	w.counts("3 0")
}

// What comes after a purge is visible, and what was in flight before it no
// longer counts.
func TestPurgeEndsFlights(t *testing.T) {
	w := newWorld(t)
	w.give(3)
	held := w.receive(`, "MaxNumberOfMessages": 10`)
	w.ok("PurgeQueue", `{"QueueUrl": "`+deadURL+`"}`)
	if total := w.api.(*api).total; total != 0 {
		t.Errorf("%d messages are in flight after the purge, want none", total)
	}
	w.give(2)
	w.counts("2 0")
	w.ok("DeleteMessage", `{"QueueUrl": "`+deadURL+`", "ReceiptHandle": "`+held[0].ReceiptHandle+`"}`)
	if got := w.receive(`, "MaxNumberOfMessages": 10`); len(got) != 2 {
		t.Errorf("got %d messages, want the two that came after the purge", len(got))
	}
}

// After a restart what was in flight is visible, and handles still delete.
func TestRestart(t *testing.T) {
	w := newWorld(t)
	w.give(2)
	held := w.receive(`, "MaxNumberOfMessages": 10`)
	w.close()
	w.open()
	w.counts("2 0")
	again := w.receive(`, "MaxNumberOfMessages": 10, "AttributeNames": ["All"]`)
	if len(again) != 2 || again[0].MessageID != held[0].MessageID || again[0].Attributes["ApproximateReceiveCount"] != "1" {
		t.Errorf("got %+v, want both again", again)
	}
	batch := `{"QueueUrl": "` + deadURL + `", "Entries": [{"Id": "a", "ReceiptHandle": "` + held[0].ReceiptHandle + `"}, {"Id": "b", "ReceiptHandle": "x"}]}`
	want := `{"Successful":[{"Id":"a"}],"Failed":[{"Id":"b","SenderFault":true,"Code":"ReceiptHandleIsInvalid","Message":"The input receipt handle is invalid."}]}`
	if got := w.ok("DeleteMessageBatch", batch); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	w.counts("0 1")
}

// Whoever waits is answered as soon as there is something, or when the server
// stops.
func TestLongPoll(t *testing.T) {
	w := newWorld(t)
	poll := func(members string) <-chan []message {
		got := make(chan []message, 1)
		go func() { got <- w.receive(`, "WaitTimeSeconds": 20` + members) }()
		return got
	}
	arrives := poll(`, "VisibilityTimeout": 5`)
	w.give(1)
	m := <-arrives
	if len(m) != 1 {
		t.Fatalf("got %d messages, want the one that came", len(m))
	}
	returns := poll(``)
	w.ok("ChangeMessageVisibility", `{"QueueUrl": "`+deadURL+`", "ReceiptHandle": "`+m[0].ReceiptHandle+`", "VisibilityTimeout": 0}`)
	if m := <-returns; len(m) != 1 {
		t.Errorf("got %d messages, want the one that was given back", len(m))
	}
	stops := poll(``)
	close(w.stopping)
	if m := <-stops; len(m) != 0 {
		t.Errorf("got %d messages, want none: the server stops", len(m))
	}
}

func TestOverLimit(t *testing.T) {
	w := newWorld(t)
	w.give(2)
	a := w.api.(*api)
	a.total = maxFlights - 1
	if got := w.receive(`, "MaxNumberOfMessages": 10`); len(got) != 1 {
		t.Errorf("got %d, want the one that there is room for", len(got))
	}
	if got := w.call("ReceiveMessage", "", `{"QueueUrl": "`+deadURL+`"}`); !strings.Contains(got.body, "#OverLimit") {
		t.Errorf("got %d %s, want OverLimit", got.status, got.body)
	}
}

func FuzzParseHandle(f *testing.F) {
	f.Add("", dead)
	f.Add(handle{1, 2}.text(dead), dead)
	f.Add(handle{1, 2}.text(dead), "arn:other")
	f.Add("AAAAAAAAAAEAAAAAAAAAAgAAAAA=", dead)
	f.Fuzz(func(t *testing.T, text, arn string) {
		h, ok := parseHandle(text, arn)
		if ok && h.text(arn) != text {
			t.Errorf("%q reads as %v, which is %q", text, h, h.text(arn))
		}
		if back, ok := parseHandle(h.text(arn), arn); !ok || back != h {
			t.Errorf("%v is read as %v, %v", h, back, ok)
		}
		if _, ok := parseHandle(h.text(arn), arn+"x"); ok {
			t.Errorf("the handle %v of %q is taken by another queue", h, arn)
		}
	})
}

func FuzzParseURL(f *testing.F) {
	f.Add(deadURL, "us-east-1")
	f.Add("/1/q", "eu-west-1")
	f.Add("http://h/%2F/..", "")
	f.Fuzz(func(t *testing.T, text, region string) {
		q, ok := parseURL(text, region)
		if !ok {
			return
		}
		if strings.Contains(q.account, "/") || !arn.ValidQueueName(q.name) || q.region != region {
			t.Errorf("%q reads as %+v", text, q)
		}
	})
}
