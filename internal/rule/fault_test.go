package rule

import (
	"context"
	"encoding/json"
	"testing"

	"bailey/internal/store"
)

// stored is a rule as an earlier version kept it.
func stored(t testing.TB, m *memory, documents ...any) {
	t.Helper()
	for _, value := range documents {
		d := store.Document{Kind: kindRule}
		switch v := value.(type) {
		case *Rule:
			d.Key = v.document()
		case *Bus:
			d.Kind, d.Key = kindBus, busKey{v.Region, v.Name}.document()
		}
		body, err := json.Marshal(value)
		must(t, err)
		d.Body = body
		must(t, m.Apply(context.Background(), []store.Document{d}))
	}
}

// What an earlier version took and this one refuses does not keep the server from
// starting: the rule is there, without the part, and the fault is told.
func TestFaultsOfStoredRules(t *testing.T) {
	ofTarget := func(change func(*Target)) *Rule {
		target := Target{ID: "t", ARN: shopARN}
		change(&target)
		return &Rule{EventPattern: `{"source":["s"]}`, Targets: []Target{target, {ID: "u", ARN: shopARN}}}
	}
	tests := []struct {
		name, target, want string
		rule               *Rule
	}{
		{"a path with brackets", "t", "InputPath for target t is invalid.", ofTarget(func(t *Target) { t.InputPath = new("$['a']") })},
		{"a template that is text", "t", `Invalid InputTemplate for target t : [Source: (String)"hello null"; line: 1, column: 1].`,
			ofTarget(func(t *Target) {
				t.InputTransformer = &InputTransformer{InputPathsMap: map[string]string{"v": "$.id"}, InputTemplate: "hello <v>"}
			})},
		{"an input that is no JSON", "t", `JSON syntax error in input for target t: [Source: (String)"hello"; line: 1, column: 6]`, ofTarget(func(t *Target) { t.Input = new("hello") })},
		{"an ARN that is none", "t", "Parameter garbage is not valid. Reason: Provided Arn is not in correct format.", ofTarget(func(t *Target) { t.ARN = "garbage" })},
		{"too many retries", "t", "Parameter RetryPolicy of target t is not valid. Reason: MaximumRetryAttempts is 200; it must be from 0 to 185.", ofTarget(func(t *Target) { t.RetryPolicy = &RetryPolicy{MaximumRetryAttempts: new(200)} })},
		{"a dead-letter queue that is none", "t", "lambda is not supported as a dead letter resource", ofTarget(func(t *Target) {
			t.DeadLetterConfig = &DeadLetterConfig{"arn:aws:lambda:us-east-1:000000000000:function:f"}
		})},
		{"a pattern", "", `Event pattern is not valid. Reason: Unrecognized match type like` + "\n" + ` at [Source: (String)"{"source":[{"like":"x"}]}"; line: 1, column: 21]`, &Rule{EventPattern: `{"source":[{"like":"x"}]}`}},
		{"a schedule", "", "Parameter ScheduleExpression is not valid.", &Rule{ScheduleExpression: "rate(0 minutes)"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m, now := new(memory), began
			test.rule.Region, test.rule.EventBusName, test.rule.Name, test.rule.State = region, DefaultBus, "old", Enabled
			stored(t, m, test.rule)
			r := open(t, m, Quotas{}, &now)
			key := Key{region, DefaultBus, "old"}
			if f := r.Faults(); len(f) != 1 || f[0].Rule != key || f[0].Target != test.target || f[0].Err.Error() != test.want {
				t.Fatalf("the faults are %v, want one of %v and target %q: %s", f, key, test.target, test.want)
			}
			shown, err := r.Rule(region, "", "old")
			must(t, err)
			if shown.EventPattern != test.rule.EventPattern || shown.ScheduleExpression != test.rule.ScheduleExpression || len(shown.Targets) != len(test.rule.Targets) {
				t.Errorf("the rule is shown as %+v, want it as it was put", shown)
			}
			if test.target != "" {
				route, ok := r.Route(RouteKey{region, DefaultBus, "old", "t"})
				if unsendable := test.rule.Targets[0].DeadLetterConfig == nil; !ok || (route.Refused != nil) != unsendable || (route.Request == nil) != unsendable {
					t.Errorf("the route is %+v, want it to say why nothing is sent: %v", route, unsendable)
				}
				if other, ok := r.Route(RouteKey{region, DefaultBus, "old", "u"}); !ok || other.Refused != nil || other.Request == nil {
					t.Errorf("the target beside it is %+v, want it as ever", other)
				}
			}

			// Other changes of the rule go on, and putting the part anew mends it.
			must(t, r.SetState(t.Context(), region, "", "old", Disabled))
			must(t, r.PutTargets(t.Context(), region, "", "old", []Target{{ID: "v", ARN: shopARN}}))
			must(t, r.PutTargets(t.Context(), region, "", "old", []Target{{ID: "t", ARN: shopARN}}))
			putRule(t, r, Rule{Name: "old"})
			if f := open(t, m, Quotas{}, &now).Faults(); len(f) != 0 {
				t.Errorf("mended, the faults are %v", f)
			}
		})
	}
}

// An event bus's queue is told of likewise.
func TestFaultOfStoredBus(t *testing.T) {
	m, now := new(memory), began
	stored(t, m, &Bus{Region: region, Name: "b", DeadLetterConfig: &DeadLetterConfig{"garbage"}})
	f := open(t, m, Quotas{}, &now).Faults()
	const want = "Parameter garbage is not valid. Reason: Provided Arn is not in correct format."
	if len(f) != 1 || f[0].Rule != (Key{region, "b", ""}) || f[0].Err.Error() != want {
		t.Errorf("the faults are %v, want %s", f, want)
	}
}
