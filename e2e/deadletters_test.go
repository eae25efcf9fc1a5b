package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"
)

// Code that reads EventBridge's dead-letter queues from SQS reads Bailey's, by the AWS CLI and by boto3. boto3 checks each
// message's MD5 itself.
func TestSQS(t *testing.T) {
	t.Parallel()
	server := Start(t)
	cli := NewCLI(t, server)
	s := newStage(t, server, cli)

	clients := map[string]func(*testing.T) func(operation string, input Object) Answered{
		"AWS CLI": func(t *testing.T) func(string, Object) Answered {
			t.Helper()
			return func(operation string, input Object) Answered {
				t.Helper()
				text, err := json.Marshal(input)
				if err != nil {
					t.Fatal(err)
				}
				// Version 1 goes to AWS by an old name of SQS where only the environment says where to go.
				return cli.Run(t, "sqs", kebab(operation), "--endpoint-url", server.URL, "--cli-input-json", string(text))
			}
		},
		"boto3": func(t *testing.T) func(string, Object) Answered {
			t.Helper()
			client := startScript(t, server, ".", pythonWithBoto3(t), "boto3_client.py", "sqs")
			return func(operation string, input Object) Answered {
				t.Helper()
				return client.Call(t, operation, input)
			}
		},
	}
	for name, connect := range clients {
		t.Run(name, func(t *testing.T) {
			call := connect(t)
			queue := "failed-" + strconv.Itoa(len(name))
			url := server.URL + "/000000000000/" + queue
			arn := "arn:aws:sqs:us-east-1:000000000000:" + queue
			s.target(t, s.arn("prod/POST/orders"), Object{"DeadLetterConfig": Object{"Arn": arn}})
			for range 3 {
				s.sink.Answer(Answer{Status: http.StatusNotFound})
			}
			ids := map[string]bool{}
			for range 3 {
				id := s.event(t, `{"what": "größer <&>"}`)
				server.Settled(t, id)
				ids[id] = true
			}

			must := func(operation string, input, want Object) Object {
				t.Helper()
				output := call(operation, input).OK(t)
				if difference := Mismatch(output, want); difference != "" {
					t.Errorf("%s: %s", operation, difference)
				}
				return output
			}
			must("ListQueues", Object{"QueueNamePrefix": queue}, Object{"QueueUrls": List{url}})
			must("GetQueueUrl", Object{"QueueName": queue}, Object{"QueueUrl": url})
			must("GetQueueAttributes", Object{"QueueUrl": url, "AttributeNames": List{"All"}}, Object{"Attributes": Object{
				"QueueArn": arn, "ApproximateNumberOfMessages": "3", "ApproximateNumberOfMessagesNotVisible": "0", "VisibilityTimeout": "30"}})
			output := must("ReceiveMessage", Object{"QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1, "VisibilityTimeout": 3600, // clients may be slow
				"AttributeNames": List{"All"}, "MessageAttributeNames": List{"All"}}, Object{})
			messages, _ := output["Messages"].(List)
			if len(messages) != 3 {
				t.Fatalf("got %d messages, want 3", len(messages))
			}
			var handles List
			for _, m := range messages {
				if difference := Mismatch(m, Object{
					"Attributes": Object{"ApproximateReceiveCount": "1"},
					"MessageAttributes": Object{
						"RULE_ARN":       Object{"DataType": "String", "StringValue": "arn:aws:events:us-east-1:000000000000:rule/" + s.rule},
						"TARGET_ARN":     Object{"DataType": "String", "StringValue": s.arn("prod/POST/orders")},
						"ERROR_CODE":     Object{"DataType": "String", "StringValue": "ERROR_FROM_TARGET"},
						"RETRY_ATTEMPTS": nil,
					}}); difference != "" {
					t.Errorf("a message: %s", difference)
				}
				message, _ := m.(Object)
				var event struct {
					ID     string `json:"id"`
					Detail Object `json:"detail"`
				}
				body, _ := message["Body"].(string)
				if err := json.Unmarshal([]byte(body), &event); err != nil || !ids[event.ID] || event.Detail["what"] != "größer <&>" {
					t.Errorf("got a message with the body %s, %v", body, err)
				}
				handles = append(handles, message["ReceiptHandle"])
			}
			must("ReceiveMessage", Object{"QueueUrl": url}, Object{"Messages": nil})
			must("DeleteMessage", Object{"QueueUrl": url, "ReceiptHandle": handles[0]}, Object{})
			must("ChangeMessageVisibility", Object{"QueueUrl": url, "ReceiptHandle": handles[1], "VisibilityTimeout": 0}, Object{})
			must("GetQueueAttributes", Object{"QueueUrl": url, "AttributeNames": List{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"}},
				Object{"Attributes": Object{"ApproximateNumberOfMessages": "1", "ApproximateNumberOfMessagesNotVisible": "1"}})
			must("DeleteMessageBatch", Object{"QueueUrl": url, "Entries": List{Object{"Id": "a", "ReceiptHandle": handles[1]}}},
				Object{"Successful": List{Object{"Id": "a"}}})
			must("PurgeQueue", Object{"QueueUrl": url}, Object{})
			must("GetQueueAttributes", Object{"QueueUrl": url, "AttributeNames": List{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"}},
				Object{"Attributes": Object{"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "0"}})

			for _, wrong := range []struct {
				operation string
				input     Object
				code      string
			}{
				{"GetQueueUrl", Object{"QueueName": "none"}, "AWS.SimpleQueueService.NonExistentQueue"},
				{"DeleteMessage", Object{"QueueUrl": url, "ReceiptHandle": "none"}, "ReceiptHandleIsInvalid"},
				{"ReceiveMessage", Object{"QueueUrl": url, "MaxNumberOfMessages": 11}, "InvalidParameterValue"},
				{"ReceiveMessage", Object{"QueueUrl": url, "AttributeNames": List{"Size"}}, "InvalidAttributeName"},
				{"GetQueueAttributes", Object{"QueueUrl": url, "AttributeNames": List{"Size"}}, "InvalidAttributeName"},
				{"SendMessage", Object{"QueueUrl": url, "MessageBody": "x"}, "AWS.SimpleQueueService.UnsupportedOperation"},
			} {
				if answered := call(wrong.operation, wrong.input); answered.Error == nil || answered.Error.Code != wrong.code {
					t.Errorf("%s: got %+v, want %s", wrong.operation, answered, wrong.code)
				}
			}
		})
	}
}

// A redrive survives kills: by independent books, every delivery that was given up arrives, and what arrives twice had been
// answered just before a kill.
func TestRedriveKilled(t *testing.T) {
	t.Parallel()
	const events = 2000
	kills := 6
	if testing.Short() {
		kills = 2
	}
	refuses := httptest.NewServer(http.NotFoundHandler())
	defer refuses.Close()
	ledger := NewLedger(t)
	dir := t.TempDir()
	s := StartIn(t, dir)
	ledger.Route(t, s)
	s.PutAPI(t, "ledger", map[string]any{"url": refuses.URL})
	for range events / 10 {
		if code, err := ledger.Put(t.Context(), s, 10, 100); err != nil || code != "" {
			t.Fatalf("PutEvents: %s, %v", code, err)
		}
	}
	type redrive struct {
		ID                int
		State             string
		Matched, Redriven int
	}
	ask := func(method, path string, body any) (r redrive) {
		t.Helper()
		status, answer := s.request(t, method, "/_bailey/v1"+path, body)
		if status/100 != 2 {
			t.Fatalf("%s %s: got %d: %s", method, path, status, answer)
		}
		if err := json.Unmarshal(answer, &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	for len(s.deliveries(t, "/_bailey/v1/deliveries?status=pending&limit=1")) > 0 {
		time.Sleep(10 * time.Millisecond)
	}
	s.PutAPI(t, "ledger", map[string]any{"url": ledger.URL})
	r := ask(http.MethodPost, "/dead-letters/redrive", Object{"rule": "ledger", "ratePerSecond": 500})
	if r.Matched != events {
		t.Fatalf("got %+v, want %d selected", r, events)
	}
	path := "/redrives/" + strconv.Itoa(r.ID)
	for i := range kills {
		for want := (i + 1) * events / (kills + 2); ask(http.MethodGet, path, nil).Redriven < want; {
			time.Sleep(5 * time.Millisecond)
		}
		s.Kill(t)
		ledger.Killed(t)
		s = StartIn(t, dir)
		if r = ask(http.MethodGet, path, nil); r.State != "running" {
			t.Fatalf("got %+v after kill %d, want it to go on", r, i+1)
		}
	}
	for r.State == "running" {
		r = ask(http.MethodGet, path, nil)
		time.Sleep(10 * time.Millisecond)
	}
	if r.State != "done" || r.Redriven != events {
		t.Errorf("got %+v, want all redriven", r)
	}
	ledger.Balance(t, s, 5*time.Minute, 10*time.Second)
	if dead := s.deliveries(t, "/_bailey/v1/deliveries?status=dead&limit=1"); len(dead) > 0 {
		t.Errorf("got %+v, want none dead", dead[0])
	}
	s.Stop(t)
}
