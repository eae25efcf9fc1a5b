package rule

import (
	"strings"
	"testing"

	"bailey/internal/input"
)

const (
	deadARN = "arn:aws:sqs:us-east-1:000000000000:dead"
	shopARN = "arn:aws:execute-api:us-east-1:000000000000:shop/prod/POST/orders"
)

// Every call that takes a DeadLetterConfig takes and refuses the same, but that
// a bus answers otherwise of another region.
func TestDeadLetterConfig(t *testing.T) {
	const badARN = "Parameter %s is not valid. Reason: Provided Arn is not in correct format."
	for _, tt := range []struct {
		name, arn string
		kind      Kind
		message   string // %s is the ARN
		ofBus     Kind   // where it differs
	}{
		{name: "a queue", arn: deadARN},
		{name: "another account's queue", arn: "arn:aws:sqs:us-east-1:112233445566:dead"},
		{name: "none", arn: ""},
		{name: "a topic", arn: "arn:aws:sns:us-east-1:000000000000:dead", kind: Invalid, message: "sns is not supported as a dead letter resource"},
		{name: "a function", arn: "arn:aws:lambda:us-east-1:000000000000:function:dead", kind: Invalid, message: "lambda is not supported as a dead letter resource"},
		{name: "another region's topic", arn: "arn:aws:sns:eu-west-1:000000000000:dead", kind: Invalid, message: "sns is not supported as a dead letter resource"},
		{name: "a bucket", arn: "arn:aws:s3:::dead", kind: Invalid, message: "s3 is not supported as a dead letter resource"},
		{name: "a FIFO queue", arn: "arn:aws:sqs:us-east-1:000000000000:dead.fifo", kind: Invalid, message: "SQS FIFO is not supported by Dead Letter Queues"},
		{name: "another region's queue", arn: "arn:aws:sqs:eu-west-1:000000000000:dead", kind: Invalid, ofBus: AccessDenied,
			message: "Access to the resource %s is denied. Reason: You must specify a dead letter queue in the same region."},
		{name: "no ARN", arn: "garbage", kind: Invalid, message: badARN},
		{name: "a URL", arn: "https://sqs.us-east-1.amazonaws.com/000000000000/dead", kind: Invalid, message: badARN},
		{name: "no account", arn: "arn:aws:sqs:us-east-1::dead", kind: Invalid, message: badARN},
		{name: "no name", arn: "arn:aws:sqs:us-east-1:000000000000:", kind: Invalid, message: badARN},
		{name: "no queue's name", arn: "arn:aws:sqs:us-east-1:000000000000:a/b", kind: Invalid, message: badARN},
		{name: "another partition", arn: "arn:aws-cn:sqs:us-east-1:000000000000:dead", kind: Invalid, message: badARN},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRegistry(t)
			putRule(t, r, Rule{Name: "r"})
			must(t, r.CreateBus(t.Context(), Bus{Region: region, Name: "old"}))
			config := &DeadLetterConfig{tt.arn}
			target := Target{ID: "t", ARN: shopARN, DeadLetterConfig: config}
			message := strings.ReplaceAll(tt.message, "%s", tt.arn)
			ofBus := tt.kind
			if tt.ofBus != 0 {
				ofBus = tt.ofBus
			}
			want(t, r.PutTargets(t.Context(), region, "", "r", []Target{target}), tt.kind, message)
			_, err := r.Compile(target, r.RuleARN(region, DefaultBus, "preview"))
			want(t, err, tt.kind, message)
			want(t, r.CreateBus(t.Context(), Bus{Region: region, Name: "new", DeadLetterConfig: config}), ofBus, message)
			_, err = r.UpdateBus(t.Context(), region, "old", func(b *Bus) error { b.DeadLetterConfig = config; return nil })
			want(t, err, ofBus, message)
			if tt.kind != 0 {
				if targets, _, err := r.Targets(region, "", "r", Page{}); err != nil || len(targets) != 0 {
					t.Errorf("kept the targets %v, %v", targets, err)
				}
				if b, err := r.Bus(region, "old"); err != nil || b.DeadLetterConfig != nil {
					t.Errorf("kept %+v, %v", b, err)
				}
			}
			if queues := r.DeadLetterQueues(); (len(queues) > 0) != (tt.kind == 0 && tt.arn != "") {
				t.Errorf("the queues are %v", queues)
			}
		})
	}
}

// What was stored before it was checked is still there after a restart, can be
// changed otherwise, and names no queue.
func TestDeadLetterConfigFromBefore(t *testing.T) {
	m, now := new(memory), began
	r := open(t, m, Quotas{}, &now)
	putRule(t, r, Rule{Name: "r"})
	target := Target{ID: "t", ARN: shopARN, DeadLetterConfig: &DeadLetterConfig{deadARN}}
	must(t, r.PutTargets(t.Context(), region, "", "r", []Target{target}))
	must(t, r.CreateBus(t.Context(), Bus{Region: region, Name: "b", DeadLetterConfig: &DeadLetterConfig{deadARN}}))
	for key, d := range m.documents {
		d.Body = []byte(strings.ReplaceAll(string(d.Body), deadARN, "garbage"))
		m.documents[key] = d
	}
	r = open(t, m, Quotas{}, &now)
	key := RouteKey{region, DefaultBus, "r", "t"}
	route, ok := r.Route(key)
	if !ok || route.DeadLetterARN != "" || route.DeadLettersRefused == nil || route.Target.DeadLetterConfig.ARN != "garbage" {
		t.Errorf("got %+v, want the target as it was, and no queue", route)
	}
	if queues := r.DeadLetterQueues(); len(queues) != 0 {
		t.Errorf("the queues are %v, want none", queues)
	}
	putRule(t, r, Rule{Name: "r", Description: "changed"})
	_, err := r.UpdateBus(t.Context(), region, "b", func(b *Bus) error { b.Description = "changed"; return nil })
	want(t, err, 0, "")
	must(t, r.RemoveTargets(t.Context(), region, "", "r", []string{"t"}, false))
	if route := r.RemovedRoute(key); route == nil || route.DeadLetterARN != "" || route.DeadLettersRefused == nil {
		t.Errorf("removed: got %+v, want no queue", route)
	}
}

// A target that was removed has its input still, across restarts: that is what
// a dead letter holds.
func TestRemovedTargetHasItsInput(t *testing.T) {
	m, now := new(memory), began
	r := open(t, m, Quotas{}, &now)
	putRule(t, r, Rule{Name: "r"})
	event := []byte(`{"detail":{"n":1}}`)
	wants := map[string]string{"event": string(event), "input": `{"constant": 1}`, "path": `{"n":1}`, "template": `{"number": 1}`}
	for _, target := range []Target{
		{ID: "event"}, {ID: "input", Input: new(`{"constant": 1}`)}, {ID: "path", InputPath: new("$.detail")},
		{ID: "template", InputTransformer: &InputTransformer{InputPathsMap: map[string]string{"n": "$.detail.n"}, InputTemplate: `{"number": <n>}`}},
	} {
		target.ARN, target.DeadLetterConfig = shopARN, &DeadLetterConfig{deadARN}
		must(t, r.PutTargets(t.Context(), region, "", "r", []Target{target}))
		must(t, r.RemoveTargets(t.Context(), region, "", "r", []string{target.ID}, false))
	}
	for _, when := range []string{"at once", "restarted"} {
		for id, want := range wants {
			route := r.RemovedRoute(RouteKey{region, DefaultBus, "r", id})
			if route == nil {
				t.Fatalf("%s: %s is forgotten", when, id)
			}
			if body, err := route.Input.Render(event, input.Context{RuleARN: route.RuleARN}); err != nil || string(body) != want {
				t.Errorf("%s: %s gives %s, %v, want %s", when, id, body, err, want)
			}
		}
		r = open(t, m, Quotas{}, &now)
	}
}
