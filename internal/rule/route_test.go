package rule

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"bailey/internal/request"
	"bailey/internal/retry"
	"bailey/pattern"
)

const method = "arn:aws:execute-api:us-east-1:000000000000:shop/prod/POST/orders"

func TestAppendRoutes(t *testing.T) {
	r := newRegistry(t)
	must(t, r.CreateBus(t.Context(), Bus{Region: region, Name: "orders"}))
	add := func(rule Rule, ids ...string) {
		putRule(t, r, rule)
		var targets []Target
		for _, id := range ids {
			targets = append(targets, Target{ID: id, ARN: method})
		}
		place := region
		if rule.Region != "" {
			place = rule.Region
		}
		must(t, r.PutTargets(t.Context(), place, rule.EventBusName, rule.Name, targets))
	}
	add(Rule{EventBusName: "orders", Name: "all", EventPattern: `{"source":[{"prefix":""}]}`}, "1", "2")
	add(Rule{EventBusName: "orders", Name: "new", EventPattern: `{"detail":{"state":["new"]}}`}, "1")
	add(Rule{EventBusName: "orders", Name: "off", EventPattern: `{"source":[{"prefix":""}]}`, State: Disabled}, "1")
	add(Rule{EventBusName: "orders", Name: "management", EventPattern: `{"source":["aws.x"]}`, State: EnabledForManagement}, "1")
	add(Rule{Name: "default", EventPattern: `{"source":[{"prefix":""}]}`}, "1")
	add(Rule{Name: "scheduled", ScheduleExpression: "rate(1 minute)"}, "1")
	add(Rule{Region: "eu-west-1", Name: "there", EventPattern: `{"source":[{"prefix":""}]}`}, "1")

	for _, tt := range []struct{ name, region, bus, event, want string }{
		{"one rule", region, "orders", `{"source":"a","detail":{"state":"old"}}`, "all/1 all/2"},
		{"two rules", region, "orders", `{"source":"a","detail":{"state":"new"}}`, "all/1 all/2 new/1"},
		{"a rule for management events", region, "orders", `{"source":"aws.x"}`, "all/1 all/2 management/1"},
		{"none", region, "orders", `{"detail":{"state":"old"}}`, ""},
		{"the default bus by name", region, "default", `{"source":"a"}`, "default/1"},
		{"the default bus by no name", region, "", `{"source":"a"}`, "default/1"},
		{"another region", "eu-west-1", "default", `{"source":"a"}`, "there/1"},
		{"a bus of another region", "eu-west-1", "orders", `{"source":"a"}`, ""},
		{"no such bus", region, "nope", `{"source":"a"}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, route := range r.AppendRoutes(nil, tt.region, tt.bus, []byte(tt.event)) {
				got = append(got, route.Key.Rule+"/"+route.Key.Target)
			}
			slices.Sort(got)
			if text := strings.Join(got, " "); text != tt.want {
				t.Errorf("got %q, want %q", text, tt.want)
			}
		})
	}
}

// TestAppendRoutesState follows a rule through its states.
func TestAppendRoutesState(t *testing.T) {
	r := newRegistry(t)
	putRule(t, r, Rule{Name: "r"})
	must(t, r.PutTargets(t.Context(), region, "", "r", []Target{{ID: "t", ARN: method}}))
	for _, tt := range []struct {
		state State
		want  int
	}{{Disabled, 0}, {Disabled, 0}, {Enabled, 1}, {EnabledForManagement, 1}, {Disabled, 0}} {
		must(t, r.SetState(t.Context(), region, "", "r", tt.state))
		if got := len(r.AppendRoutes(nil, region, "", []byte(`{"source":"orders"}`))); got != tt.want {
			t.Errorf("%s: got %d routes, want %d", tt.state, got, tt.want)
		}
		if _, ok := r.Route(RouteKey{region, "default", "r", "t"}); !ok {
			t.Errorf("%s: the route for pending retries is not there", tt.state)
		}
	}
	want(t, r.SetState(t.Context(), region, "", "nope", Enabled), NotFound, "Rule nope does not exist on EventBus default.")
	want(t, r.SetState(t.Context(), region, "nope", "r", Enabled), NotFound, "Event bus nope does not exist.")
}

// TestRoute holds what is compiled into a route.
func TestRoute(t *testing.T) {
	r := newRegistry(t)
	must(t, r.CreateBus(t.Context(), Bus{Region: region, Name: "orders"}))
	putRule(t, r, Rule{EventBusName: "orders", Name: "r"})
	must(t, r.PutTargets(t.Context(), region, "orders", "r", []Target{
		fullTarget(),
		{ID: "lambda", ARN: "arn:aws:lambda:us-east-1:000000000000:function:f"},
		{ID: "plain", ARN: method},
	}))
	full, _ := r.Route(RouteKey{region, "orders", "r", "t"})
	if full.RuleARN != "arn:aws:events:us-east-1:000000000000:rule/orders/r" || full.Input == nil || full.Request == nil ||
		full.Request.APIID() != "shop" || full.DeadLetterARN != "arn:aws:sqs:us-east-1:000000000000:dead" {
		t.Errorf("got %+v", full)
	}
	if want := (retry.Policy{MaximumRetryAttempts: 0, MaximumEventAge: retry.MinEventAge}); full.Retry != want {
		t.Errorf("got policy %+v, want %+v", full.Retry, want)
	}
	if lambda, _ := r.Route(RouteKey{region, "orders", "r", "lambda"}); lambda.Request != nil {
		t.Error("a target that is no method of API Gateway has a request")
	}
	plain, _ := r.Route(RouteKey{region, "orders", "r", "plain"})
	if plain.Retry != retry.DefaultPolicy() || plain.DeadLetterARN != "" {
		t.Errorf("got %+v, want the default policy and no dead-letter queue", plain)
	}
}

func TestAPIs(t *testing.T) {
	r := newRegistry(t)
	must(t, r.PutAPI(t.Context(), &request.API{ID: "b", URL: "http://127.0.0.1:1"}))
	must(t, r.PutAPI(t.Context(), &request.API{ID: "a", URL: "http://127.0.0.1:2"}))
	must(t, r.PutAPI(t.Context(), &request.API{ID: "b", URL: "http://127.0.0.1:3"}))
	var got []string
	for api := range r.APIs() {
		got = append(got, api.ID+" "+api.URL)
	}
	if text := strings.Join(got, ", "); text != "a http://127.0.0.1:2, b http://127.0.0.1:3" {
		t.Errorf("got %q", text)
	}
	if err := r.PutAPI(t.Context(), &request.API{ID: "c"}); err == nil {
		t.Error("an API that leads nowhere: got no error, want one")
	}
	want(t, r.DeleteAPI(t.Context(), "c"), NotFound, "API c is not registered.")
	must(t, r.DeleteAPI(t.Context(), "a"))
	if _, ok := r.API("a"); ok {
		t.Error("a deleted API is there")
	}
}

// TestAppendRoutesDoesNotAllocate compares with matching alone, which is package
// pattern's.
func TestAppendRoutesDoesNotAllocate(t *testing.T) {
	r := newRegistry(t)
	putRule(t, r, Rule{Name: "r"})
	must(t, r.PutTargets(t.Context(), region, "", "r", queues("1", "2", "3")))
	event := []byte(`{"source":"orders"}`)
	var set pattern.Set[int]
	p, err := pattern.Parse(`{"source":["orders"]}`)
	must(t, err)
	must(t, set.Add(1, p))
	ids := make([]int, 0, 8)
	// The fewest of many single runs: under the race detector pools lose, at
	// random, some of what is put into them.
	fewest := func(f func()) float64 {
		n := testing.AllocsPerRun(1, f)
		for range 200 {
			n = min(n, testing.AllocsPerRun(1, f))
		}
		return n
	}
	matching := fewest(func() { ids = set.AppendMatches(ids[:0], event) })
	routes := make([]*Route, 0, 8)
	all := fewest(func() { routes = r.AppendRoutes(routes[:0], region, "default", event) })
	if len(routes) != 3 || all > matching {
		t.Errorf("got %d routes with %.0f allocations, want 3 with the %.0f of matching", len(routes), all, matching)
	}
}

// BenchmarkPutRule adds and deletes a rule on a bus that has many.
func BenchmarkPutRule(b *testing.B) {
	for _, n := range []int{1000, 100000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			now := began
			r := open(b, new(memory), Quotas{RulesPerBus: n + 1}, &now)
			bus := newBus(busKey{region, "default"})
			for i := range n {
				must(b, bus.put(r.compile(&Rule{Region: region, EventBusName: "default", Name: fmt.Sprintf("r%06d", i), ScheduleExpression: "rate(1 minute)"}), r.metrics))
			}
			r.publish(bus)
			for b.Loop() {
				putRule(b, r, Rule{Name: "r050000x", ScheduleExpression: "rate(1 minute)"})
				must(b, r.DeleteRule(b.Context(), region, "", "r050000x", false))
			}
		})
	}
}
