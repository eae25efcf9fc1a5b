package bailey_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"bailey"
	"bailey/internal/rule"
)

// A tick is an event of the default bus: beside its rule, every rule has it
// whose pattern matches it, archives too; and a rule that matches its own tick
// has it once.
func TestTicksAreEvents(t *testing.T) {
	const all = `{"source":["aws.events"]}`
	tests := []struct {
		name    string
		rules   []rule.Rule // all with a target named as the rule
		targets []string    // of the rule of which the tick is
		want    string      // the rules that had the tick
	}{
		{"its rule alone", nil, []string{"ticks"}, "ticks"},
		{"another rule by source", []rule.Rule{{Name: "other", EventPattern: all}}, []string{"ticks"}, "other ticks"},
		{"the rule has no targets", []rule.Rule{{Name: "other", EventPattern: all}}, nil, "other"},
		{"by the rule's ARN", []rule.Rule{{Name: "other", EventPattern: `{"detail-type":["Scheduled Event"],"resources":[{"suffix":"rule/ticks"}],"detail":{"a":[{"exists":false}]}}`}}, nil, "other"},
		{"of another rule", []rule.Rule{{Name: "other", EventPattern: `{"resources":[{"suffix":"rule/tocks"}]}`}}, []string{"ticks"}, "ticks"},
		{"a rule that is disabled", []rule.Rule{{Name: "other", EventPattern: all, State: rule.Disabled}}, []string{"ticks"}, "ticks"},
		{"a rule that matches its own", []rule.Rule{{Name: "ticks", EventPattern: all, ScheduleExpression: "rate(1 hour)"}}, []string{"ticks"}, "ticks"},
		{"a rule that does not match its own", []rule.Rule{{Name: "ticks", EventPattern: `{"source":["shop"]}`, ScheduleExpression: "rate(1 hour)"}}, []string{"ticks"}, "ticks"},
		{"one of two of the like", []rule.Rule{{Name: "ticks", EventPattern: all, ScheduleExpression: "rate(1 hour)"}, {Name: "other", EventPattern: all}}, []string{"ticks"}, "other ticks"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := open(t, bailey.Config{Clock: bailey.NewVirtualClock(newYear)})
			s := newCollector(t)
			put := func(name string, p rule.Rule, targets ...string) {
				p.Region, p.Name = region, name
				_, err := r.Rules().PutRule(t.Context(), p)
				must(t, err)
				for _, id := range targets {
					must(t, r.Rules().PutTargets(t.Context(), region, "", name, []rule.Target{{ID: id, ARN: api(t, r, "api", s.URL), Input: new(`"` + name + `"`)}}))
				}
			}
			put("ticks", rule.Rule{ScheduleExpression: "rate(1 hour)"}, tt.targets...)
			for _, p := range tt.rules {
				put(p.Name, p, p.Name)
			}
			a := archive(t, r, "a", defaultARN, 0)
			elsewhere := rule.Bus{Region: region, Name: "elsewhere"}
			must(t, r.Rules().CreateBus(t.Context(), elsewhere))
			other := archive(t, r, "other", r.Rules().BusARN(region, elsewhere.Name), 0)

			must(t, r.Advance(t.Context(), time.Hour))
			got := s.take()
			for i := range got {
				got[i] = strings.Trim(got[i], `"`)
			}
			if got := sorted(got); got != tt.want {
				t.Errorf("the tick went to %q, want %q", got, tt.want)
			}
			if n := totals(t, r, a, other); n[0] != 1 || n[1] != 0 {
				t.Errorf("the archives hold %v events, want 1 of the default bus and 0 of the other", n)
			}
			if got := matched(t, r); got != "1" {
				t.Errorf("the tick counts as %s matched events of its bus, want 1", got)
			}
		})
	}
}

// What a tick makes is committed with it: after a restart no rule has a tick
// once more, whosever it is.
func TestTicksForOthersOnce(t *testing.T) {
	dir, s := t.TempDir(), newCollector(t)
	at := newYear
	r := open(t, bailey.Config{Dir: dir, Clock: bailey.NewVirtualClock(at)})
	_, err := r.Rules().PutRule(t.Context(), rule.Rule{Region: region, Name: "ticks", ScheduleExpression: "cron(* * * * ? *)"})
	must(t, err)
	_, err = r.Rules().PutRule(t.Context(), rule.Rule{Region: region, Name: "other", EventPattern: `{"source":["aws.events"]}`})
	must(t, err)
	must(t, r.Rules().PutTargets(t.Context(), region, "", "other", []rule.Target{{ID: "t", ARN: api(t, r, "api", s.URL), InputPath: new("$.time")}}))
	for range 5 {
		must(t, r.Advance(t.Context(), 2*time.Minute))
		at = r.Now()
		must(t, r.Close())
		r = open(t, bailey.Config{Dir: dir, Clock: bailey.NewVirtualClock(at)})
	}
	must(t, r.Advance(t.Context(), 0))
	times := map[string]int{}
	for _, body := range s.take() {
		times[body]++
	}
	for i := range 10 {
		if when := newYear.Add(time.Duration(i+1) * time.Minute).Format(`"` + time.RFC3339 + `"`); times[when] != 1 {
			t.Errorf("the tick of %s came %d times, want once", when, times[when])
		}
	}
	if len(times) != 10 {
		t.Errorf("there were %d ticks, want 10: %v", len(times), times)
	}
}

func sorted(texts []string) string {
	slices.Sort(texts)
	return strings.Join(texts, " ")
}

// matched is how many events of the default bus the router says matched a rule.
func matched(t *testing.T, r *bailey.Router) string {
	t.Helper()
	w := httptest.NewRecorder()
	r.Metrics().Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	const series = `bailey_event_bus_matched_events_total{event_bus="default",region="us-east-1"} `
	for line := range strings.Lines(w.Body.String()) {
		if n, ok := strings.CutPrefix(line, series); ok {
			return strings.TrimSpace(n)
		}
	}
	return "no series"
}
