package rule

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"bailey/internal/metrics"
)

// series are those that the metrics show of rules and event buses.
func series(t *testing.T, m *metrics.Metrics) []string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	var all []string
	for line := range strings.Lines(w.Body.String()) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && (strings.Contains(name, "event_bus=") || strings.Contains(name, "source=")) {
			all = append(all, name+" "+value)
		}
	}
	slices.Sort(all)
	return all
}

// Only what is there has series: reads of two thousand regions and changes that are refused make none, and those of what is
// deleted end.
func TestOnlyWhatIsThereHasSeries(t *testing.T) {
	m := metrics.New(metrics.Config{})
	store := new(memory)
	r, err := Open(t.Context(), Config{Store: store, Metrics: m, Quotas: Quotas{RulesPerBus: 1}})
	must(t, err)
	for i := range 2100 {
		region := fmt.Sprintf("region-%d", i)
		_, _, err := r.Rules(region, "", "", Page{})
		must(t, err)
		_, err = r.Rule(region, "", "x")
		want(t, err, NotFound, "Rule x does not exist on EventBus default.")
		_, _, err = r.Buses(region, "", Page{})
		must(t, err)
		r.AppendRoutes(nil, region, "", []byte(`{"source":"x"}`))
	}
	refused := func(rule Rule) {
		t.Helper()
		if _, err := r.PutRule(t.Context(), rule); err == nil {
			t.Errorf("%+v is not refused", rule)
		}
	}
	for i := range 100 {
		name := fmt.Sprint("rule-", i)
		refused(Rule{Region: "us-east-1", Name: name, EventPattern: "{"})
		refused(Rule{Region: "us-east-1", Name: name, ScheduleExpression: "never"})
		refused(Rule{Region: "us-east-1", Name: name, EventBusName: "nope", EventPattern: `{"source":["x"]}`})
	}
	store.fail = fmt.Errorf("the disk is full")
	refused(Rule{Region: "us-east-1", Name: "x", EventPattern: `{"source":["x"]}`})
	if err := r.CreateBus(t.Context(), Bus{Region: "us-east-1", Name: "b"}); err == nil {
		t.Error("an event bus that the store did not take is there")
	}
	store.fail = nil
	if got := series(t, m); got != nil {
		t.Errorf("got %q, want none", got)
	}

	_, err = r.PutRule(t.Context(), Rule{Region: "us-east-1", Name: "x", EventPattern: `{"source":["shop"]}`})
	must(t, err)
	refused(Rule{Region: "us-east-1", Name: "over-the-quota", EventPattern: `{"source":["x"]}`})
	if got := series(t, m); len(got) != 13 { // ten of the rule, and three of its event bus
		t.Errorf("got %q, want those of rule x and its event bus", got)
	}
	r.AppendRoutes(nil, "us-east-1", "", []byte(`{"version":"0","detail-type":",\"source\":\"no\"","source":"shop","detail":{}}`))
	r.AppendRoutes(nil, "us-east-1", "", []byte(`{"version":"0","detail-type":"","source":"other","detail":{}}`))
	if got := series(t, m); !slices.Contains(got, `bailey_source_matched_events_total{region="us-east-1",source="shop"} 1`) || len(got) != 14 {
		t.Errorf("got %q, want one event of source shop that matched", got)
	}
	must(t, r.DeleteRule(t.Context(), "us-east-1", "", "x", false))
	if got := series(t, m); len(got) != 4 {
		t.Errorf("got %q, want those of the event bus and the source", got)
	}
}

// A replay that names its rules counts for those alone.
func TestRoutesOfSomeRulesCountForThose(t *testing.T) {
	m := metrics.New(metrics.Config{})
	r, err := Open(t.Context(), Config{Store: new(memory), Metrics: m})
	must(t, err)
	for _, name := range []string{"a", "b"} {
		_, err := r.PutRule(t.Context(), Rule{Region: region, Name: name, EventPattern: `{"source":["shop"]}`})
		must(t, err)
		must(t, r.PutTargets(t.Context(), region, "", name, queues("1", "2")))
	}
	envelope := []byte(`{"source":"shop","detail":{}}`)
	routes := r.AppendRoutesOf(nil, region, DefaultBus, envelope, func(arn string) bool { return strings.HasSuffix(arn, "/a") })
	if len(routes) != 2 || routes[0].Key.Rule != "a" || routes[0].Metrics == nil {
		t.Errorf("got %d routes, want rule a's two", len(routes))
	}
	r.AppendRoutes(nil, region, DefaultBus, envelope)
	got := series(t, m)
	for _, want := range []string{
		`bailey_matched_events_total{event_bus="default",region="us-east-1",rule="a"} 2`,
		`bailey_matched_events_total{event_bus="default",region="us-east-1",rule="b"} 1`,
		`bailey_event_bus_matched_events_total{event_bus="default",region="us-east-1"} 2`,
		`bailey_event_bus_triggered_rules_total{event_bus="default",region="us-east-1"} 3`,
		`bailey_invocations_created_total{event_bus="default",region="us-east-1"} 6`,
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no %s in %q", want, got)
		}
	}
}
