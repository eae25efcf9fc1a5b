package metrics_test

import (
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"bailey/internal/metrics"
)

// A source's name is the caller's: it is shown as it is, and what JSON escapes in it makes no second series.
func TestSources(t *testing.T) {
	m := metrics.New(metrics.Config{})
	m.Source("r", []byte(`say \"hello\"`)).Matched()
	m.Source("r", []byte(`say \"hello\"`)).Matched()
	m.Source("r", []byte(`not " in JSON`)).Matched() // no event has it
	m.Source("r", []byte("aws.partner/example.com/1")).Ingested()
	want := map[string]string{
		`bailey_source_matched_events_total{region="r",source="say \"hello\""}`:            "2",
		`bailey_source_matched_events_total{region="(other)",source="(other)"}`:            "1",
		`bailey_partner_events_total{event_source="aws.partner/example.com/1",region="r"}`: "1",
	}
	if got := scrape(t, m); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A call that was refused makes no series, except in the server's own region and in one that has some.
func TestRefusedCallsMakeNoSeries(t *testing.T) {
	m := metrics.New(metrics.Config{Region: "eu-west-1"})
	for _, region := range []string{"eu-west-1", "r1", "r2", "r3"} {
		m.Called(region, metrics.Call{Refused: true})
	}
	m.Called("r3", metrics.Call{Entries: 1})
	m.Called("r3", metrics.Call{Refused: true})
	got := scrape(t, m)
	for series, want := range map[string]string{
		`{region="eu-west-1"}`: "1", `{region="r3"}`: "2", `{region="(other)"}`: "3", `{region="r1"}`: "", `{region="r2"}`: "",
	} {
		if n := got["bailey_put_events_calls_total"+series]; n != want {
			t.Errorf("%s: got %q, want %q", series, n, want)
		}
	}
}

// What a deleted rule's deliveries took stays in the histograms of its region.
func TestLatenciesOutliveTheirRule(t *testing.T) {
	m := metrics.New(metrics.Config{})
	m.Rule("r", "b", "x").Attempted(attempt(1, metrics.Delivered))
	m.Rule("r", "b", "y").Attempted(attempt(1, metrics.Delivered))
	m.Forget("r", "b", "x")
	m.Rule("r", "b", "x").Attempted(attempt(1, metrics.Delivered))
	const series = `bailey_ingestion_to_invocation_success_latency_seconds_count{region="r"}`
	if got := scrape(t, m)[series]; got != "3" {
		t.Errorf("got %q, want 3", got)
	}
}

// Retries happen between seconds and 24 hours after an event: a histogram that has no buckets there says nothing of them.
func TestBucketsWhereRetriesAre(t *testing.T) {
	m := metrics.New(metrics.Config{})
	m.Rule("r", "b", "x").Attempted(attempt(1, metrics.Delivered))
	last := 0.0
	for _, line := range regexp.MustCompile(`bailey_ingestion_to_invocation_success_latency_seconds_bucket{region="r",le="([0-9.e+]+)"}`).FindAllStringSubmatch(page(t, m), -1) {
		bound, err := strconv.ParseFloat(line[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		if last > 0 && bound > 2*last*1.001 {
			t.Errorf("nothing between %v and %v seconds", last, bound)
		}
		last = bound
	}
	if last < 24*60*60 {
		t.Errorf("the last bound is %v seconds", last)
	}
}

// A thousand rules that have done everything there is, in a region that has had every latency, are less than 2 MB.
func TestAThousandRulesAreASmallPage(t *testing.T) {
	m := metrics.New(metrics.Config{})
	for i := range 1000 {
		r := m.Rule("us-east-1", "default", fmt.Sprintf("orders-to-warehouse-%04d", i))
		for range 100 {
			r.Matched()
			r.Throttled()
			for n, outcome := range []metrics.Outcome{metrics.Retrying, metrics.Failed, metrics.Delivered} {
				r.Attempted(metrics.Attempt{Number: n + 1, Outcome: outcome, Ingested: start, Started: start.Add(1234 * time.Microsecond), Ended: start.Add(98765 * time.Microsecond)})
			}
			r.DeadLettered()
			r.DeadLetterFailed()
		}
	}
	if n := len(page(t, m)); n >= 2_000_000 {
		t.Errorf("got %d bytes", n)
	} else {
		t.Logf("%d bytes", n)
	}
}

// The bounds that a server has: one more of each kind goes under (other).
func TestSeriesAreBoundedByDefault(t *testing.T) {
	const rules, buses, regions, sources = 2000, 2000, 100, 500
	m := metrics.New(metrics.Config{Region: "region 0"})
	for i := range rules + 1 {
		m.Rule("r", "b", fmt.Sprint("rule ", i)).Matched()
	}
	for i := range buses + 1 {
		m.Bus("r", fmt.Sprint("bus ", i)).Matched(1, 1)
	}
	for i := range regions + 1 {
		m.Called(fmt.Sprint("region ", i), metrics.Call{Entries: 1})
	}
	for i := range sources + 1 {
		m.Source("r", fmt.Append(nil, "source ", i)).Matched()
	}
	got := scrape(t, m)
	for _, tt := range []struct {
		prefix, other string
		most          int
	}{
		{"bailey_triggered_rules_total{", `event_bus="(other)",region="(other)",rule="(other)"}`, rules},
		{"bailey_event_bus_matched_events_total{", `event_bus="(other)",region="(other)"}`, buses},
		{"bailey_put_events_entries_total{", `region="(other)"}`, regions},
		{"bailey_source_matched_events_total{", `region="(other)",source="(other)"}`, sources},
	} {
		count := 0
		for series := range got {
			if strings.HasPrefix(series, tt.prefix) {
				count++
			}
		}
		if count != tt.most+1 || got[tt.prefix+tt.other] != "1" {
			t.Errorf("%s: got %d series and %q under (other), want %d and one more", tt.prefix, count, got[tt.prefix+tt.other], tt.most)
		}
	}
}
