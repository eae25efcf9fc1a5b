package rule

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"bailey/internal/request"
)

func TestPutRule(t *testing.T) {
	for _, tt := range []struct {
		name    string
		rule    Rule
		arn     string
		kind    Kind
		message string
	}{
		{"pattern", Rule{Name: "r", EventPattern: `{"source":["a"]}`}, "arn:aws:events:us-east-1:000000000000:rule/r", 0, ""},
		{"on a bus", Rule{EventBusName: "orders", Name: "r", EventPattern: `{"source":["a"]}`}, "arn:aws:events:us-east-1:000000000000:rule/orders/r", 0, ""},
		{"on a bus by ARN", Rule{EventBusName: "arn:aws:events:us-east-1:000000000000:event-bus/orders", Name: "r", EventPattern: `{"source":["a"]}`}, "arn:aws:events:us-east-1:000000000000:rule/orders/r", 0, ""},
		{"schedule", Rule{Name: "r", ScheduleExpression: "rate(5 minutes)"}, "arn:aws:events:us-east-1:000000000000:rule/r", 0, ""},
		{"both", Rule{Name: "r", EventPattern: `{"source":["a"]}`, ScheduleExpression: "cron(0 12 * * ? *)"}, "arn:aws:events:us-east-1:000000000000:rule/r", 0, ""},
		{"neither", Rule{Name: "r"}, "", Invalid, "Parameter(s) EventPattern or ScheduleExpression must be specified."},
		{"schedule on another bus", Rule{EventBusName: "orders", Name: "r", ScheduleExpression: "rate(5 minutes)"}, "", Invalid, "ScheduleExpression is supported only on the default event bus."},
		{"malformed schedule", Rule{Name: "r", ScheduleExpression: "rate(1 minutes)"}, "", Invalid, "Parameter ScheduleExpression is not valid."},
		{"unknown bus", Rule{EventBusName: "nope", Name: "r", EventPattern: `{"source":["a"]}`}, "", NotFound, "Event bus nope does not exist."},
		{"a tag twice", Rule{Name: "r", EventPattern: `{"source":["a"]}`, Tags: []Tag{{"k", ""}, {"k", ""}}}, "", Invalid, "Invalid parameter: Duplicated keys are not allowed."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRegistry(t)
			must(t, r.CreateBus(t.Context(), Bus{Region: region, Name: "orders"}))
			tt.rule.Region = region
			got, err := r.PutRule(t.Context(), tt.rule)
			want(t, err, tt.kind, tt.message)
			if got != tt.arn {
				t.Errorf("got ARN %q, want %q", got, tt.arn)
			}
			rule, err := r.Rule(region, tt.rule.EventBusName, "r")
			if there := err == nil; there != (tt.kind == 0) {
				t.Fatalf("got rule %v, %v", rule, err)
			}
			if err == nil && (rule.State != Enabled || rule.CreatedBy != "000000000000" || rule.EventBusName != r.BusName(region, tt.rule.EventBusName)) {
				t.Errorf("got %+v, want it enabled, its creator and the name of its bus", rule)
			}
		})
	}
}

func TestPutRulePattern(t *testing.T) {
	r := newRegistry(t)
	_, err := r.PutRule(t.Context(), Rule{Region: region, Name: "r", EventPattern: `{"source":[]}`})
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind != InvalidPattern || !strings.HasPrefix(e.Message, "Event pattern is not valid. Reason: Empty arrays are not allowed") {
		t.Errorf("got %v, want the pattern refused for its empty array", err)
	}
}

// TestPutRuleReplaces puts a rule again: all that PutRule says is replaced,
// missing parts too; tags and targets stay.
func TestPutRuleReplaces(t *testing.T) {
	now := began
	r := open(t, new(memory), Quotas{}, &now)
	putRule(t, r, Rule{Name: "r", EventPattern: `{"source":["a"]}`, ScheduleExpression: "rate(5 minutes)", Description: "d", RoleARN: "role", State: Disabled, Tags: []Tag{{"k", "1"}}})
	must(t, r.PutTargets(t.Context(), region, "", "r", []Target{{ID: "t", ARN: "arn:aws:sqs:us-east-1:0:q"}}))
	now = now.Add(time.Minute)
	putRule(t, r, Rule{Name: "r", EventPattern: `{"source":["b"]}`, Tags: []Tag{{"k", "2"}, {"l", "3"}}})
	got, err := r.Rule(region, "", "r")
	must(t, err)
	want := &Rule{Region: region, EventBusName: "default", Name: "r", EventPattern: `{"source":["b"]}`, State: Enabled,
		CreatedBy: "000000000000", Tags: []Tag{{"k", "1"}}, Targets: []Target{{ID: "t", ARN: "arn:aws:sqs:us-east-1:0:q"}}, Since: now}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if routes := r.AppendRoutes(nil, region, "", []byte(`{"source":"a"}`)); len(routes) != 0 {
		t.Errorf("the pattern from before still matches")
	}
	if routes := r.AppendRoutes(nil, region, "", []byte(`{"source":"b"}`)); len(routes) != 1 {
		t.Errorf("got %d routes for the new pattern, want 1", len(routes))
	}
}

// TestSince holds from when a rate counts: creation, enabling, a new schedule.
func TestSince(t *testing.T) {
	now := began
	r := open(t, new(memory), Quotas{}, &now)
	since := func() time.Duration {
		rule, err := r.Rule(region, "", "r")
		must(t, err)
		return rule.Since.Sub(began)
	}
	put := func(rule Rule) func() error {
		return func() error {
			rule.Region, rule.Name = region, "r"
			_, err := r.PutRule(t.Context(), rule)
			return err
		}
	}
	set := func(s State) func() error { return func() error { return r.SetState(t.Context(), region, "", "r", s) } }
	for i, tt := range []struct {
		name   string
		change func() error
		want   time.Duration
	}{
		{"created", put(Rule{ScheduleExpression: "rate(5 minutes)"}), 0},
		{"put again as it was", put(Rule{ScheduleExpression: "rate(5 minutes)", Description: "d"}), 0},
		{"enabled although it is", set(Enabled), 0},
		{"disabled", set(Disabled), 3 * time.Minute},
		{"enabled", set(Enabled), 4 * time.Minute},
		{"another schedule", put(Rule{ScheduleExpression: "rate(6 minutes)"}), 5 * time.Minute},
	} {
		now = began.Add(time.Duration(i) * time.Minute)
		must(t, tt.change())
		if got := since(); got != tt.want {
			t.Errorf("%s: got %v after the beginning, want %v", tt.name, got, tt.want)
		}
	}
}

func TestRuleQuota(t *testing.T) {
	r := open(t, new(memory), Quotas{RulesPerBus: 2}, new(began))
	putRule(t, r, Rule{Name: "a"})
	putRule(t, r, Rule{Name: "b"})
	_, err := r.PutRule(t.Context(), Rule{Region: region, Name: "c", EventPattern: `{"source":["a"]}`})
	want(t, err, LimitExceeded, "The requested resource exceeds the maximum number allowed.")
	putRule(t, r, Rule{Name: "b"})
	putRule(t, r, Rule{Region: "eu-west-1", Name: "c"})
}

func TestDeleteRule(t *testing.T) {
	r := newRegistry(t)
	putRule(t, r, Rule{Name: "r"})
	must(t, r.PutTargets(t.Context(), region, "", "r", []Target{{ID: "t", ARN: "arn:aws:sqs:us-east-1:0:q"}}))
	want(t, r.DeleteRule(t.Context(), region, "nope", "r", false), NotFound, "Event bus nope does not exist.")
	want(t, r.DeleteRule(t.Context(), region, "", "r", false), Invalid, "Rule can't be deleted since it has targets.")
	want(t, r.DeleteRule(t.Context(), region, "", "r", true), Invalid, "Rule can't be deleted since it has targets.")
	must(t, r.RemoveTargets(t.Context(), region, "", "r", []string{"t"}, false))
	must(t, r.DeleteRule(t.Context(), region, "", "r", false))
	must(t, r.DeleteRule(t.Context(), region, "", "r", false))
	_, err := r.Rule(region, "", "r")
	want(t, err, NotFound, "Rule r does not exist on EventBus default.")
	if routes := r.AppendRoutes(nil, region, "", []byte(`{"source":"orders"}`)); len(routes) != 0 {
		t.Errorf("got %d routes of a deleted rule, want none", len(routes))
	}
}

// TestManagedRule holds what may be done to a rule that belongs to a service.
func TestManagedRule(t *testing.T) {
	const refused = "r is a managed rule."
	const unforced = refused + " Set 'force' parameter to true to override."
	r := newRegistry(t)
	putRule(t, r, Rule{Name: "r", ManagedBy: "service"})
	target := []Target{{ID: "t", ARN: "arn:aws:sqs:us-east-1:0:q"}}
	_, err := r.PutRule(t.Context(), Rule{Region: region, Name: "r", EventPattern: `{"source":["a"]}`})
	want(t, err, Managed, refused)
	want(t, r.SetState(t.Context(), region, "", "r", Disabled), Managed, refused)
	want(t, r.SetState(t.Context(), region, "", "r", Enabled), Managed, refused)
	const ruleARN = "arn:aws:events:us-east-1:000000000000:rule/r"
	want(t, r.Tag(t.Context(), region, ruleARN, []Tag{{"k", "v"}}), Managed, "Tag related operations on the managed rule r is not allowed.")
	want(t, r.Untag(t.Context(), region, ruleARN, []string{"k"}), Managed, "Tag related operations on the managed rule r is not allowed.")
	want(t, r.PutTargets(t.Context(), region, "", "r", target), Managed, refused)
	want(t, r.RemoveTargets(t.Context(), region, "", "r", []string{"t"}, false), Managed, unforced)
	must(t, r.RemoveTargets(t.Context(), region, "", "r", []string{"t"}, true))
	want(t, r.DeleteRule(t.Context(), region, "", "r", false), Managed, unforced)
	must(t, r.DeleteRule(t.Context(), region, "", "r", true))
}

func TestRules(t *testing.T) {
	r := newRegistry(t)
	for _, name := range []string{"b2", "a", "b1", "b3", "c"} {
		putRule(t, r, Rule{Name: name})
	}
	for _, tt := range []struct {
		name, prefix string
		limit        int
		want         string
	}{
		{"all", "", 0, "a b1 b2 b3 c"},
		{"pages", "", 2, "a b1, b2 b3, c"},
		{"prefix", "b", 2, "b1 b2, b3"},
		{"full last page", "b", 3, "b1 b2 b3"},
		{"none", "nope", 1, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, page := range pages(t, tt.limit, func(p Page) ([]*Rule, string, error) { return r.Rules(region, "", tt.prefix, p) }) {
				var names []string
				for _, rule := range page {
					names = append(names, rule.Name)
				}
				got = append(got, strings.Join(names, " "))
			}
			if text := strings.Join(got, ", "); text != tt.want {
				t.Errorf("got %q, want %q", text, tt.want)
			}
		})
	}
	_, _, err := r.Rules(region, "nope", "", Page{})
	want(t, err, NotFound, "Event bus nope does not exist.")
}

// TestPageGoesOn deletes the rule at which a page ended: the next page goes on
// after it all the same.
func TestPageGoesOn(t *testing.T) {
	r := newRegistry(t)
	for _, name := range []string{"a", "b", "c"} {
		putRule(t, r, Rule{Name: name})
	}
	_, next, err := r.Rules(region, "", "", Page{Limit: 2})
	must(t, err)
	must(t, r.DeleteRule(t.Context(), region, "", "b", false))
	rest, next, err := r.Rules(region, "", "", Page{Limit: 2, Token: next})
	if err != nil || len(rest) != 1 || rest[0].Name != "c" || next != "" {
		t.Errorf("got %v, %q, %v, want c and no further page", rest, next, err)
	}
}

// fullTarget has every field that a target of API Gateway can have.
func fullTarget() Target {
	raw := json.RawMessage(`{"A":[1,"<x>"]}`)
	return Target{
		ID:      "t",
		ARN:     "arn:aws:execute-api:us-east-1:000000000000:shop/prod/POST/orders/*",
		RoleARN: "arn:aws:iam::000000000000:role/r",
		InputTransformer: &InputTransformer{
			InputPathsMap: map[string]string{"id": "$.detail.id"},
			InputTemplate: `{"id": <id>}`,
		},
		HTTPParameters: &HTTPParameters{
			PathParameterValues:   []string{"$.detail.id"},
			HeaderParameters:      map[string]string{"X-State": "$.detail.state"},
			QueryStringParameters: map[string]string{"q": "$.source"},
		},
		DeadLetterConfig: &DeadLetterConfig{"arn:aws:sqs:us-east-1:000000000000:dead"},
		RetryPolicy:      &RetryPolicy{MaximumRetryAttempts: new(0), MaximumEventAgeInSeconds: new(60)},
		Elsewhere:        &Elsewhere{SqsParameters: raw},
	}
}

func TestPutTargets(t *testing.T) {
	api := func(path string, p *HTTPParameters) Target {
		return Target{ID: "t", ARN: "arn:aws:execute-api:us-east-1:000000000000:" + path, HTTPParameters: p}
	}
	for _, tt := range []struct {
		name   string
		target Target
		kind   Kind
		part   string // of the message
	}{
		{"everything", fullTarget(), 0, ""},
		{"an API that is not registered", api("unknown/prod/POST/x", nil), 0, ""},
		{"no API Gateway target", Target{ID: "t", ARN: "arn:aws:lambda:us-east-1:000000000000:function:f"}, 0, ""},
		{"no ARN", Target{ID: "t", ARN: "test-bucket"}, Invalid, "Parameter test-bucket is not valid. Reason: Provided Arn is not in correct format."},
		{"T5 too few values", api("shop/prod/POST/orders/*", nil), Invalid, "1"},
		{"T5 too many values", api("shop/prod/POST/orders", &HTTPParameters{PathParameterValues: []string{"a"}}), Invalid, "1"},
		{"T6 a private endpoint", api("private/prod/POST/orders", nil), Invalid, "API private is a private endpoint."},
		{"R6 a forbidden header", api("shop/prod/POST/orders", &HTTPParameters{HeaderParameters: map[string]string{"hOsT": "x"}}), Invalid, "hOsT"},
		{"P11 no path", api("shop/prod/POST/orders", &HTTPParameters{QueryStringParameters: map[string]string{"q": "$.a..b["}}), Invalid, "$.a..b["},
		{"two inputs", Target{ID: "t", ARN: "arn:aws:sqs:us-east-1:0:q", Input: new("{}"), InputPath: new("$.detail")}, Invalid, "Only one of Input, InputPath, or InputTransformer must be provided for target t."},
		{"an unknown placeholder", Target{ID: "t", ARN: "arn:aws:sqs:us-east-1:0:q", InputTransformer: &InputTransformer{InputPathsMap: map[string]string{"w": "$.detail"}, InputTemplate: `{"k": <v>}`}}, Invalid, "InputTemplate for target t contains invalid placeholder v."},
		{"a retry policy out of bounds", Target{ID: "t", ARN: "arn:aws:sqs:us-east-1:0:q", RetryPolicy: &RetryPolicy{MaximumRetryAttempts: new(186)}}, Invalid, "Parameter RetryPolicy of target t is not valid."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRegistry(t)
			must(t, r.PutAPI(t.Context(), &request.API{ID: "private", URL: "http://127.0.0.1:9000", EndpointType: "PRIVATE"}))
			putRule(t, r, Rule{Name: "r"})
			good := Target{ID: "good", ARN: "arn:aws:sqs:us-east-1:0:q"}
			err := r.PutTargets(t.Context(), region, "", "r", []Target{good, tt.target})
			got, _, listErr := r.Targets(region, "", "r", Page{})
			must(t, listErr)
			if tt.kind == 0 {
				want(t, err, 0, "")
				if len(got) != 2 || !reflect.DeepEqual(got[1], tt.target) {
					t.Errorf("got  %+v\nwant %+v", got, tt.target)
				}
				return
			}
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Kind != tt.kind || !strings.Contains(e.Message, tt.part) {
				t.Errorf("got %v, want kind %d with %q", err, tt.kind, tt.part)
			}
			if len(got) != 0 {
				t.Errorf("got targets %v, want nothing stored", got)
			}
		})
	}
}

// TestPutTargetsOrder holds which error comes first: a target is refused before
// its rule is looked for.
func TestPutTargetsOrder(t *testing.T) {
	r := newRegistry(t)
	want(t, r.PutTargets(t.Context(), region, "", "nope", []Target{{ID: "t", ARN: "x"}}), Invalid, "Parameter x is not valid. Reason: Provided Arn is not in correct format.")
	want(t, r.PutTargets(t.Context(), region, "", "nope", []Target{{ID: "t", ARN: "arn:aws:sqs:us-east-1:0:q"}}), NotFound, "Rule nope does not exist on EventBus default.")
	want(t, r.PutTargets(t.Context(), region, "nope", "nope", []Target{{ID: "t", ARN: "arn:aws:sqs:us-east-1:0:q"}}), NotFound, "Event bus nope does not exist.")
	want(t, r.RemoveTargets(t.Context(), region, "", "nope", []string{"t"}, false), NotFound, "Rule nope does not exist on EventBus default.")
	_, _, err := r.Targets(region, "", "nope", Page{})
	want(t, err, NotFound, "Rule nope does not exist on EventBus default.")
}

func queues(ids ...string) []Target {
	var targets []Target
	for _, id := range ids {
		targets = append(targets, Target{ID: id, ARN: "arn:aws:sqs:us-east-1:0:" + id})
	}
	return targets
}

func TestTargets(t *testing.T) {
	r := newRegistry(t)
	putRule(t, r, Rule{Name: "r"})
	must(t, r.PutTargets(t.Context(), region, "", "r", queues("c", "a")))
	must(t, r.PutTargets(t.Context(), region, "", "r", queues("e", "b", "d")))
	want(t, r.PutTargets(t.Context(), region, "", "r", queues("f")), LimitExceeded, "The requested resource exceeds the maximum number allowed.")
	must(t, r.PutTargets(t.Context(), region, "", "r", []Target{{ID: "b", ARN: "arn:aws:sqs:us-east-1:0:another"}}))
	must(t, r.RemoveTargets(t.Context(), region, "", "r", []string{"d", "not there"}, false))
	var got []string
	for _, page := range pages(t, 2, func(p Page) ([]Target, string, error) { return r.Targets(region, "", "r", p) }) {
		got = append(got, fmt.Sprintf("%d %s", len(page), page[0].ID))
	}
	if text := strings.Join(got, ", "); text != "2 a, 2 c" {
		t.Errorf("got pages %q, want a b, c e", text)
	}
	if route, ok := r.Route(RouteKey{region, "default", "r", "b"}); !ok || route.Target.ARN != "arn:aws:sqs:us-east-1:0:another" {
		t.Errorf("got route %+v, %v, want the target as it is now (X8)", route, ok)
	}
	for _, key := range []RouteKey{{region, "default", "r", "d"}, {region, "default", "s", "b"}, {region, "nope", "r", "b"}, {"eu-west-1", "default", "r", "b"}} {
		if _, ok := r.Route(key); ok {
			t.Errorf("got a route for %v, want none", key)
		}
	}
}

// TestTargetsRemovedWhileListed is how tools empty a rule: page by page.
func TestTargetsRemovedWhileListed(t *testing.T) {
	r := newRegistry(t)
	putRule(t, r, Rule{Name: "r"})
	must(t, r.PutTargets(t.Context(), region, "", "r", queues("c", "a", "e", "b", "d")))
	page, next, err := r.Targets(region, "", "r", Page{Limit: 2})
	must(t, err)
	must(t, r.RemoveTargets(t.Context(), region, "", "r", []string{page[0].ID, page[1].ID}, false))
	page, _, err = r.Targets(region, "", "r", Page{Limit: 2, Token: next})
	if err != nil || len(page) != 2 || page[0].ID != "c" {
		t.Errorf("got %v, %v, want the page that begins with c", page, err)
	}
	must(t, r.RemoveTargets(t.Context(), region, "", "r", []string{"c", "d", "e"}, false))
	if page, next, err = r.Targets(region, "", "r", Page{Limit: 2, Token: next}); err != nil || len(page) != 0 || next != "" {
		t.Errorf("got %v, %q, %v where nothing is left, want an empty page and no token", page, next, err)
	}
}

func TestRuleNamesByTarget(t *testing.T) {
	r := newRegistry(t)
	for _, name := range []string{"c", "a", "b"} {
		putRule(t, r, Rule{Name: name})
		// Two targets of one ARN are one rule.
		must(t, r.PutTargets(t.Context(), region, "", name, []Target{{ID: "1", ARN: "arn:aws:sqs:us-east-1:0:q"}, {ID: "2", ARN: "arn:aws:sqs:us-east-1:0:q"}, {ID: "3", ARN: "arn:aws:sqs:us-east-1:0:q2"}}))
	}
	list := func(arn string) string {
		var got []string
		for _, page := range pages(t, 2, func(p Page) ([]string, string, error) { return r.RuleNamesByTarget(region, "", arn, p) }) {
			got = append(got, strings.Join(page, " "))
		}
		return strings.Join(got, ", ")
	}
	if got := list("arn:aws:sqs:us-east-1:0:q"); got != "a b, c" {
		t.Errorf("got %q, want a b, c", got)
	}
	must(t, r.RemoveTargets(t.Context(), region, "", "b", []string{"1"}, false))
	if got := list("arn:aws:sqs:us-east-1:0:q"); got != "a b, c" {
		t.Errorf("one of two targets removed: got %q, want a b, c", got)
	}
	must(t, r.RemoveTargets(t.Context(), region, "", "b", []string{"2", "3"}, false))
	must(t, r.DeleteRule(t.Context(), region, "", "b", false))
	if got := list("arn:aws:sqs:us-east-1:0:q"); got != "a c" {
		t.Errorf("got %q, want a c", got)
	}
	if got := list("arn:aws:sqs:us-east-1:0:none"); got != "" {
		t.Errorf("got %q for an ARN that no rule has, want none", got)
	}
	_, _, err := r.RuleNamesByTarget(region, "nope", "arn", Page{})
	want(t, err, NotFound, "Event bus nope does not exist.")
}
