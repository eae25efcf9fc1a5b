package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"sync/atomic"
	"testing"
	"time"
)

// stage is where one sentence of the founding document is played: its own API and its own rule, on a server that all share.
type stage struct {
	server *Server
	cli    *CLI
	sink   *Sink
	api    string // its id
	source string // of the events that its rule matches
	rule   string
}

var stages atomic.Int64

func newStage(t *testing.T, server *Server, cli *CLI) *stage {
	t.Helper()
	n := stages.Add(1)
	s := &stage{
		server: server, cli: cli, sink: NewSink(t),
		api: fmt.Sprint("api", n), source: fmt.Sprint("com.example.", n), rule: fmt.Sprint("rule", n),
	}
	server.PutAPI(t, s.api, Object{"url": s.sink.URL, "defaultStage": "prod"})
	return s
}

// aws runs an aws events command with the options, which has to succeed.
func (s *stage) aws(t *testing.T, arguments ...string) Object {
	t.Helper()
	return s.cli.Run(t, append([]string{"events"}, arguments...)...).OK(t)
}

// arn is that of the stage's API with the stage, method and path given.
func (s *stage) arn(rest string) string {
	return "arn:aws:execute-api:us-east-1:" + s.server.Account + ":" + s.api + "/" + rest
}

// put puts the rule.
func (s *stage) put(t *testing.T) {
	t.Helper()
	s.aws(t, "put-rule", "--name", s.rule, "--event-pattern", text(t, Object{"source": List{s.source}}))
}

// target puts the rule with one target.
func (s *stage) target(t *testing.T, arn string, members Object) {
	t.Helper()
	s.put(t)
	s.aws(t, "put-targets", "--rule", s.rule, "--targets", targets(t, arn, members))
}

// refused puts a target that the server has to refuse, and returns the message it does so with.
func (s *stage) refused(t *testing.T, arn string, members Object) string {
	t.Helper()
	answered := s.cli.Run(t, "events", "put-targets", "--rule", s.rule, "--targets", targets(t, arn, members))
	if answered.Error == nil || answered.Error.Code != "ValidationException" {
		t.Fatalf("got %+v, want a ValidationException", answered)
	}
	return answered.Error.Message
}

// noTargets fails the test if the rule has any.
func (s *stage) noTargets(t *testing.T) {
	t.Helper()
	kept := s.aws(t, "list-targets-by-rule", "--rule", s.rule)
	if difference := Mismatch(kept, Object{"Targets": List{}}); difference != "" {
		t.Errorf("after the refusal: %s", difference)
	}
}

// event puts an event that the rule matches and returns its id.
func (s *stage) event(t *testing.T, detail string) string {
	t.Helper()
	output := s.aws(t, "put-events", "--entries", text(t, List{Object{"Source": s.source, "DetailType": "Sample", "Detail": detail}}))
	return entryID(t, output, 0)
}

// settled waits for the one delivery of an event.
func (s *stage) settled(t *testing.T, eventID string) Delivery {
	t.Helper()
	deliveries := s.server.Settled(t, eventID)
	if len(deliveries) != 1 {
		t.Fatalf("got %d deliveries, want 1: %+v", len(deliveries), deliveries)
	}
	return deliveries[0]
}

// counted waits until one of the rule's metrics, as /metrics has it, is what it should be.
func (s *stage) counted(t *testing.T, name, want string) {
	t.Helper()
	series := fmt.Sprintf(`bailey_%s_total{event_bus="default",region="us-east-1",rule=%q}`, name, s.rule)
	eventually(t, name+" "+want, func() string { return name + " " + s.server.Metric(t, series) })
}

// eventually waits for what is seen a moment after what makes it so.
func eventually(t *testing.T, want string, look func() string) {
	t.Helper()
	deadline := time.After(arrivalLimit)
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		got := look()
		if got == want {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("after %v: got %s, want %s", arrivalLimit, got, want)
		case <-again.C:
		}
	}
}

func targets(t *testing.T, arn string, members Object) string {
	t.Helper()
	target := Object{"Id": "1", "Arn": arn}
	maps.Copy(target, members)
	return text(t, List{target})
}

func text(t *testing.T, value any) string {
	t.Helper()
	b, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The founding document, AWS's page on the API Gateway target, played from top to bottom through the AWS CLI. Each sentence
// that promises something is a test of that name.
func TestFoundingDocument(t *testing.T) {
	t.Parallel()
	server := Start(t, "--account", "112233445566")
	cli := NewCLI(t, server)
	for _, sentence := range []struct {
		text string
		play func(t *testing.T, s *stage)
	}{
		{"Amazon EventBridge supports sending events to an API Gateway REST endpoint.", sendsEvents},
		{"When you specify an API Gateway endpoint as a target, each event sent to the target maps to a request sent to the endpoint.", mapsEachEvent},
		{"EventBridge does not support using API Gateway private endpoints as targets.", refusesPrivateEndpoints},
		{"Invoke a customer-specified REST API hosted in API Gateway in an event-driven manner based on AWS or third-party events.", matchesEvents},
		{"Invoke an endpoint periodically based on a schedule.", followsSchedule},
		{"The EventBridge JSON event payload is sent as the body of the HTTP request to your endpoint.", sendsPayload},
		{"The PathParameterValues list values that correspond sequentially to any path variables in your endpoint ARN.", fillsPathVariables},
		{"The QueryStringParameters map represents keys/values of query string parameters that are appended to the invoked endpoint.", appendsQuery},
		{"The HeaderParameters map enables you to specify HTTP headers to add to the request.", addsHeaders},
		{"For security considerations, the following HTTP header keys are not currently permitted.", refusesHeaders},
		{"Any HttpParameters field value (except HeaderParameters map keys) can contain JSON paths instead of static values.", takesPathsEverywhere},
		{"Such paths are replaced dynamically at runtime with data from the event payload itself at the specified path.", replacesPathsAtRuntime},
		{"The supported syntax for dynamic parameter JSON paths is the same as for Target InputTransformers.", sharesSyntax},
		{"The dynamic parameter syntax is only supported for API Gateway target invocations.", leavesOtherFieldsAlone},
		{"As with all targets, EventBridge will retry some failed invocations.", retriesSomeFailures},
		{"For API Gateway, EventBridge will retry responses sent with a 5xx or 429 HTTP status code ...", retries5xxAnd429},
		{"... for up to 24 hours ...", retriesForADay},
		{"... with exponential backoff and jitter.", backsOff},
		{"After that, a FailedInvocations metric is published in Amazon CloudWatch.", countsFailures},
		{"Other 4xx errors are not retried.", doesNotRetryOther4xx},
		{"EventBridge API Gateway requests must have a maximum client execution timeout of 5 seconds.", cutsOffAfter5Seconds},
		{"If API Gateway takes longer than 5 seconds to respond, EventBridge will timeout the request and then retry.", retriesTimeouts},
	} {
		t.Run(sentence.text, func(t *testing.T) {
			t.Parallel()
			sentence.play(t, newStage(t, server, cli))
		})
	}
}

// envelope is what the tests read of an event.
type envelope struct {
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Detail     json.RawMessage `json:"detail"`
}

func payload(t *testing.T, r *Request) envelope {
	t.Helper()
	var e envelope
	if err := json.Unmarshal(r.Body, &e); err != nil {
		t.Fatalf("reading the event %s: %v", r.Body, err)
	}
	return e
}
