package eventsapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"bailey/internal/event"
	"bailey/internal/metrics"
	"bailey/internal/rule"
	"bailey/internal/store"
)

const sourceARN = "arn:aws:events:us-east-1::event-source/"

// source is an event source as the account sees it.
func source(name, state string) string {
	expires := ""
	if state == "PENDING" {
		expires = `,"ExpirationTime":T`
	}
	return `{"Arn":"` + sourceARN + name + `","CreatedBy":"shop.example","CreationTime":T` + expires + `,"Name":"` + name + `","State":"` + state + `"}`
}

func TestPartnerEventSources(t *testing.T) {
	h, _ := newAPI(t)
	const a, ab = "aws.partner/shop.example/a", "aws.partner/shop.example/a/b"
	const mine, theirs = "000000000000", "111111111111"
	named := func(name string) string { return `{"Name":"` + name + `"}` }
	offered := func(name, account string) string { return `{"Name":"` + name + `","Account":"` + account + `"}` }
	partner := func(names ...string) string {
		var list []string
		for _, n := range names {
			list = append(list, `{"Arn":"`+sourceARN+n+`","Name":"`+n+`"}`)
		}
		return strings.Join(list, ",")
	}
	for _, s := range []step{
		{"CreatePartnerEventSource", offered("shop/a", mine), `ValidationException: 1 validation error detected: Value 'shop/a' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: aws\.partner(/[\.\-_A-Za-z0-9]+){2,}`},
		{"DescribePartnerEventSource", named(a), `ResourceNotFoundException: Event source ` + a + ` does not exist.`},
		{"DescribeEventSource", named(a), `ResourceNotFoundException: Event source ` + a + ` does not exist.`},
		{"ListPartnerEventSourceAccounts", `{"EventSourceName":"` + a + `"}`, `ResourceNotFoundException: Event source ` + a + ` does not exist.`},
		{"ActivateEventSource", named(a), `ResourceNotFoundException: Event source ` + a + ` or event bus ` + a + ` does not exist.`},
		{"CreateEventBus", `{"Name":"` + a + `","EventSourceName":"` + a + `"}`, `ResourceNotFoundException: Event source ` + a + ` does not exist.`},
		{"CreateEventBus", named(a), `ValidationException: EventBus name starting with 'aws.' is not valid.`},
		{"CreateEventBus", `{"Name":"a","EventSourceName":"` + a + `"}`, `ValidationException: Event bus name must match event source name.`}, // which is not there yet
		{"DeletePartnerEventSource", offered(a, mine), ``},

		{"CreatePartnerEventSource", offered(a, mine), `{"EventSourceArn":"` + sourceARN + a + `"}`},
		{"CreatePartnerEventSource", offered(a, mine), `ResourceAlreadyExistsException: Event source ` + a + ` already exists.`},
		{"CreatePartnerEventSource", offered(a, theirs), `{"EventSourceArn":"` + sourceARN + a + `"}`},
		{"CreatePartnerEventSource", offered(ab, mine), `{"EventSourceArn":"` + sourceARN + ab + `"}`},
		{"CreatePartnerEventSource", offered("aws.partner/other.example/c", theirs), `{"EventSourceArn":"` + sourceARN + `aws.partner/other.example/c"}`},
		{"DescribePartnerEventSource", named(a), partner(a)},
		{"ListPartnerEventSources", `{"NamePrefix":"aws.partner/shop.example/"}`, `{"PartnerEventSources":[` + partner(a, ab) + `]}`},
		{"ListPartnerEventSources", `{"NamePrefix":"aws.partner/shop.example/","Limit":1}`, `{"PartnerEventSources":[` + partner(a) + `],"NextToken":"cGFydG5lciBldmVudCBzb3VyY2VzIGF3cy5wYXJ0bmVyL3Nob3AuZXhhbXBsZS9hIDAwMDAwMDAwMDAwMA"}`},
		{"ListPartnerEventSources", `{"NamePrefix":"aws.partner/shop.example/","NextToken":"cGFydG5lciBldmVudCBzb3VyY2VzIGF3cy5wYXJ0bmVyL3Nob3AuZXhhbXBsZS9hIDAwMDAwMDAwMDAwMA"}`, `{"PartnerEventSources":[` + partner(ab) + `]}`},
		{"ListPartnerEventSourceAccounts", `{"EventSourceName":"` + a + `"}`, `{"PartnerEventSourceAccounts":[{"Account":"000000000000","CreationTime":T,"ExpirationTime":T,"State":"PENDING"},{"Account":"111111111111","CreationTime":T,"ExpirationTime":T,"State":"PENDING"}]}`},
		{"ListEventSources", `{}`, `{"EventSources":[` + source(a, "PENDING") + `,` + source(ab, "PENDING") + `]}`},
		{"ListEventSources", `{"NamePrefix":"aws.partner/shop.example/a/"}`, `{"EventSources":[` + source(ab, "PENDING") + `]}`},
		{"ListEventSources", `{"NextToken":"x"}`, `ValidationException: Parameter NextToken is not valid.`},
		{"DeactivateEventSource", named(a), `ResourceNotFoundException: Event source ` + a + ` or event bus ` + a + ` does not exist.`},

		{"CreateEventBus", `{"Name":"a","EventSourceName":"` + a + `"}`, `ValidationException: Event bus name must match event source name.`},
		{"CreateEventBus", `{"Name":"` + a + `","EventSourceName":"` + a + `"}`, `{"EventBusArn":"` + busARN + a + `"}`},
		{"DescribeEventBus", named(a), `{"Name":"` + a + `","Arn":"` + busARN + a + `","CreationTime":T,"LastModifiedTime":T}`},
		{"DescribeEventSource", named(a), source(a, "ACTIVE")},
		{"ActivateEventSource", named(a), `InvalidStateException: Event source ` + a + ` is not in a valid state for this operation.`},
		{"DeactivateEventSource", named(a), ``},
		{"DescribeEventSource", named(a), source(a, "PENDING")},
		{"ActivateEventSource", named(a), ``},
		{"PutRule", `{"Name":"r","EventBusName":"` + a + `","EventPattern":"{\"account\":[\"000000000000\"]}"}`, `{"RuleArn":"arn:aws:events:us-east-1:000000000000:rule/` + a + `/r"}`},
		{"TagResource", `{"ResourceARN":"arn:aws:events:us-east-1:000000000000:rule/` + a + `/r","Tags":[{"Key":"k","Value":"v"}]}`, `{}`},
		{"DeleteRule", `{"Name":"r","EventBusName":"` + a + `"}`, ``},

		// The partner withdraws it: the account sees that as long as it has the bus.
		{"DeletePartnerEventSource", offered(a, mine), ``},
		{"DescribeEventSource", named(a), source(a, "DELETED")},
		{"ActivateEventSource", named(a), `InvalidStateException: Event source ` + a + ` is not in a valid state for this operation.`},
		{"DescribePartnerEventSource", named(a), partner(a)}, // as offered to the other account
		{"DeletePartnerEventSource", offered(a, theirs), ``},
		{"DescribePartnerEventSource", named(a), `ResourceNotFoundException: Event source ` + a + ` does not exist.`},
		{"DeleteEventBus", named(a), ``},
		{"DescribeEventSource", named(a), `ResourceNotFoundException: Event source ` + a + ` does not exist.`},

		// The account gives up the bus: the source waits again.
		{"CreateEventBus", `{"Name":"` + ab + `","EventSourceName":"` + ab + `"}`, `{"EventBusArn":"` + busARN + ab + `"}`},
		{"DeleteEventBus", named(ab), ``},
		{"DescribeEventSource", named(ab), source(ab, "PENDING")},
	} {
		s.run(t, h)
	}
}

// TestPutPartnerEvents holds where a partner's events go.
func TestPutPartnerEvents(t *testing.T) {
	h, router := newAPI(t)
	const bus = "aws.partner/shop.example/a"
	for _, s := range []step{
		{"CreatePartnerEventSource", `{"Name":"` + bus + `","Account":"000000000000"}`, `{"EventSourceArn":"` + sourceARN + bus + `"}`},
		{"CreateEventBus", `{"Name":"` + bus + `","EventSourceName":"` + bus + `"}`, `{"EventBusArn":"` + busARN + bus + `"}`},
		{"CreateArchive", `{"ArchiveName":"a","EventSourceArn":"` + busARN + bus + `","EventPattern":"{\"source\":[\"` + bus + `\"],\"account\":[\"000000000000\"]}"}`, `{"ArchiveArn":"` + archiveARN + `a","State":"ENABLED","CreationTime":T}`},
	} {
		s.run(t, h)
	}
	entry := `{"Time":1.5,"Source":"` + bus + `","DetailType":"t","Detail":"{}","Resources":["r"]}`
	const unknown = `{"ErrorCode":"InvalidArgument","ErrorMessage":"Parameter Source is not valid. Reason: Event source aws.partner/shop.example/z does not exist."}`
	body := `{"Entries":[` + entry + `,{"Source":"aws.partner/shop.example/z","DetailType":"t","Detail":"{}"},{"Source":"` + bus + `","DetailType":"t"},{"DetailType":"t","Detail":"{}"}]}`
	status, got := call(t, h, "PutPartnerEvents", body)
	var answer struct {
		FailedEntryCount int
		Entries          []struct {
			ID           string `json:"EventId"`
			ErrorCode    string
			ErrorMessage string
		}
	}
	if err := json.Unmarshal([]byte(got), &answer); err != nil || status != http.StatusOK || len(answer.Entries) != 4 || answer.FailedEntryCount != 3 {
		t.Fatalf("got %d %s", status, got)
	}
	want := `{"FailedEntryCount":3,"Entries":[{"EventId":"` + answer.Entries[0].ID + `"},` + unknown +
		`,{"ErrorCode":"InvalidArgument","ErrorMessage":"Parameter Detail is not valid. Reason: Detail is a required argument."}` +
		`,{"ErrorCode":"InvalidArgument","ErrorMessage":"Parameter Source is not valid. Reason: Source is a required argument."}]}`
	if _, err := event.ParseID(answer.Entries[0].ID); err != nil || got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	count := func(want int64) {
		t.Helper()
		a, err := router.Rules().Archive("us-east-1", "a")
		if err != nil {
			t.Fatal(err)
		}
		if n, _, err := router.ArchiveTotals(t.Context(), a); err != nil || n != want {
			t.Errorf("%d events arrived on the bus, %v, want %d", n, err, want)
		}
	}
	count(1)
	step{"DeactivateEventSource", `{"Name":"` + bus + `"}`, ``}.run(t, h)
	if status, got := call(t, h, "PutPartnerEvents", `{"Entries":[`+entry+`]}`); status != http.StatusOK || !strings.Contains(got, `"FailedEntryCount":0`) {
		t.Errorf("to a source that is not active: got %d %s, want it taken", status, got)
	}
	count(1)
	large := strings.Repeat("x", 300<<10)
	one := `{"Source":"` + bus + `","DetailType":"t","Detail":"{\"a\":\"` + large + `\"}"}`
	step{"PutPartnerEvents", `{"Entries":[` + one + `,` + one + `,` + one + `,` + one + `]}`, `ValidationException: Total size of the entries in the request is over the limit.`}.run(t, h)
}

// TestEventSourceExpires holds that a source that nobody takes up is gone after
// two weeks, from the store too.
func TestEventSourceExpires(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	kept := map[string]bool{}
	rules, err := rule.Open(t.Context(), rule.Config{Store: documents(kept), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	const name = "aws.partner/shop.example/a"
	if err := rules.CreateSource(t.Context(), "us-east-1", name, "000000000000"); err != nil {
		t.Fatal(err)
	}
	now = now.Add(14*24*time.Hour - 1)
	if _, err := rules.Source("us-east-1", name); err != nil {
		t.Errorf("before two weeks are over: %v", err)
	}
	now = now.Add(1)
	if s, err := rules.Source("us-east-1", name); err == nil {
		t.Errorf("after two weeks: %+v", s)
	}
	if err := rules.ForgetSources(t.Context()); err != nil || kept["us-east-1/"+name+" 000000000000"] {
		t.Errorf("it is kept: %v, %v", kept, err)
	}
}

// documents are a store that knows what keys it has.
type documents map[string]bool

func (d documents) Apply(_ context.Context, changes []store.Document) error {
	for _, c := range changes {
		d[c.Key] = c.Body != nil
	}
	return nil
}

func (d documents) Documents(context.Context, func(store.Document) error) error { return nil }

// A partner's events count by their source: those that were taken, whether or not a rule matched.
func TestPartnerEventsAreCounted(t *testing.T) {
	counts := metrics.New(metrics.Config{})
	rules, err := rule.Open(t.Context(), rule.Config{Store: new(memory), Metrics: counts})
	if err != nil {
		t.Fatal(err)
	}
	h := New(Config{Events: new(events), Rules: rules, Metrics: counts, Logger: slog.New(slog.DiscardHandler)})
	const name = "aws.partner/shop.example/a"
	entry := func(source string) string { return `{"Source":"` + source + `","DetailType":"d","Detail":"{}"}` }
	for _, s := range []step{
		{"CreatePartnerEventSource", `{"Name":"` + name + `","Account":"000000000000"}`, `{"EventSourceArn":"` + sourceARN + name + `"}`},
		{"CreateEventBus", `{"Name":"` + name + `","EventSourceName":"` + name + `"}`, `{"EventBusArn":"arn:aws:events:us-east-1:000000000000:event-bus/` + name + `"}`},
	} {
		s.run(t, h)
	}
	_, _ = call(t, h, "PutPartnerEvents", `{"Entries":[`+entry(name)+`,`+entry("aws.partner/shop.example/nope")+`,`+entry(name)+`]}`)
	w := httptest.NewRecorder()
	counts.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	want := "\nbailey_partner_events_total{event_source=\"" + name + "\",region=\"us-east-1\"} 2\n"
	if page := w.Body.String(); !strings.Contains(page, want) || strings.Contains(page, "nope") {
		t.Errorf("no %s, or others", want)
	}
}
