package rule

import (
	"strings"
	"testing"
	"time"
)

// X7, X8: a target that is gone still has its dead-letter queue, across
// restarts, until it is put again or nothing of it can be under way any longer.
func TestRemovedTarget(t *testing.T) {
	m, now := new(memory), began
	r := open(t, m, Quotas{}, &now)
	putRule(t, r, Rule{Name: "r"})
	const arn, queue = "arn:aws:execute-api:us-east-1:000000000000:a/prod/GET/", "arn:aws:sqs:us-east-1:000000000000:q"
	put := func(ids ...string) {
		t.Helper()
		for _, id := range ids {
			target := Target{ID: id, ARN: arn, DeadLetterConfig: &DeadLetterConfig{queue}}
			if strings.HasPrefix(id, "plain") {
				target.DeadLetterConfig = nil
			}
			must(t, r.PutTargets(t.Context(), region, "", "r", []Target{target}))
		}
	}
	remove := func(ids ...string) {
		t.Helper()
		must(t, r.RemoveTargets(t.Context(), region, "", "r", ids, false))
	}
	check := func(step, remembered string) {
		t.Helper()
		var got []string
		for _, id := range []string{"a", "b", "c", "plain"} {
			if route := r.RemovedRoute(RouteKey{region, DefaultBus, "r", id}); route != nil {
				got = append(got, id)
				if route.DeadLetterARN != queue || route.Target.ARN != arn || route.RuleARN != "arn:aws:events:us-east-1:000000000000:rule/r" {
					t.Errorf("%s: got %+v", step, route)
				}
			}
		}
		if strings.Join(got, " ") != remembered {
			t.Errorf("%s: it remembers %v, want %s", step, got, remembered)
		}
		kept := 0
		for key := range m.documents {
			if strings.HasPrefix(key, kindRemoved) {
				kept++
			}
		}
		if kept != len(got) || len(r.removedInOrder) != len(got) {
			t.Errorf("%s: %d documents and %d in order for %v", step, kept, len(r.removedInOrder), got)
		}
	}

	put("a", "b", "plain")
	check("all there", "")
	remove("a", "plain")
	check("removed", "a")
	now = now.Add(24 * time.Hour)
	remove("b")
	must(t, r.DeleteRule(t.Context(), region, "", "r", false))
	check("the rule too", "a b")
	r = open(t, m, Quotas{}, &now)
	check("restarted", "a b")
	putRule(t, r, Rule{Name: "r"})
	put("a")
	check("put again", "b")
	now = now.Add(rememberRemoved - 24*time.Hour)
	put("c")
	check("nearly forgotten", "b")
	now = now.Add(24 * time.Hour)
	remove("c")
	check("forgotten", "c")
}
