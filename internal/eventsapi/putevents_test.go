package eventsapi

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"bailey/internal/event"
	"bailey/internal/metrics"
	"bailey/internal/rule"
	"bailey/internal/store"
)

func TestPutEvents(t *testing.T) {
	h, _ := newAPI(t)
	step{"CreateEventBus", `{"Name":"orders"}`, `{"EventBusArn":"` + busARN + `orders"}`}.run(t, h)
	const id = `"EventId":"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"`
	good := func(more string) string { return `{"Source":"a","DetailType":"b","Detail":"{}"` + more + `}` }
	required := func(name string) string {
		return `{"ErrorCode":"InvalidArgument","ErrorMessage":"Parameter ` + name + ` is not valid. Reason: ` + name + ` is a required argument."}`
	}
	const malformed = `{"ErrorCode":"MalformedDetail","ErrorMessage":"Detail is malformed."}`
	for _, tt := range []struct{ name, entries, want string }{ // want is a regular expression
		{"one", good(``), `{"Entries":\[{` + id + `}\],"FailedEntryCount":0}`},
		{"every member", good(`,"Time":1736349846,"Resources":["r"],"EventBusName":"orders","TraceHeader":"Root=1"`), `{"Entries":\[{` + id + `}\],"FailedEntryCount":0}`},
		{"a bus by ARN", good(`,"EventBusName":"` + busARN + `orders"`), `{"Entries":\[{` + id + `}\],"FailedEntryCount":0}`},
		{"a bus that is not there", good(`,"EventBusName":"nope"`), `{"Entries":\[{` + id + `}\],"FailedEntryCount":0}`},
		{"no source", `{"DetailType":"b","Detail":"{}"}`, `{"Entries":\[` + required("Source") + `\],"FailedEntryCount":1}`},
		{"an empty source", `{"Source":"","DetailType":"b","Detail":"{}"}`, `{"Entries":\[` + required("Source") + `\],"FailedEntryCount":1}`},
		{"no detail type", `{"Source":"a"}`, `{"Entries":\[` + required("DetailType") + `\],"FailedEntryCount":1}`},
		{"no detail", `{"Source":"a","DetailType":"b"}`, `{"Entries":\[` + required("Detail") + `\],"FailedEntryCount":1}`},
		{"a detail that is text", `{"Source":"a","DetailType":"b","Detail":"text"}`, `{"Entries":\[` + malformed + `\],"FailedEntryCount":1}`},
		{"a detail that is a list", `{"Source":"a","DetailType":"b","Detail":"[{}]"}`, `{"Entries":\[` + malformed + `\],"FailedEntryCount":1}`},
		{"a detail that is a JSON string", `{"Source":"a","DetailType":"b","Detail":"\"{}\""}`, `{"Entries":\[` + malformed + `\],"FailedEntryCount":1}`},
		{"a detail of 1,000 levels", `{"Source":"a","DetailType":"b","Detail":"` + strings.Repeat(`{\"a\":`, 1000) + `1` + strings.Repeat(`}`, 1000) + `"}`, `{"Entries":\[{` + id + `}\],"FailedEntryCount":0}`},
		{"a detail of 1,001 levels", `{"Source":"a","DetailType":"b","Detail":"` + strings.Repeat(`{\"a\":`, 1001) + `1` + strings.Repeat(`}`, 1001) + `"}`, `{"Entries":\[` + malformed + `\],"FailedEntryCount":1}`},
		{"bad ones among good ones", good(``) + `,{},` + good(``) + `,{"Source":"a","DetailType":"b","Detail":"{"}`,
			`{"Entries":\[{` + id + `},` + required("Source") + `,{` + id + `},` + malformed + `\],"FailedEntryCount":2}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, got := call(t, h, "PutEvents", `{"Entries":[`+tt.entries+`]}`)
			if status != http.StatusOK || !regexp.MustCompile(`^`+tt.want+`$`).MatchString(got) {
				t.Errorf("got %d %s, want 200 %s", status, got, tt.want)
			}
		})
	}
}

// TestPutEventsRefused holds what is wrong with a call as a whole.
func TestPutEventsRefused(t *testing.T) {
	h, _ := newAPI(t)
	const entry = `{"Source":"core","DetailType":"command","Detail":"{\"command\": \"update\"}","EventBusName":"orders"}`
	const printed = `PutEventsRequestEntry(time=null, source=core, resources=null, detailType=command, detail={"command": "update"}, eventBusName=orders, traceHeader=null, kmsKeyIdentifier=null, internalMetadata=null)`
	const one = `ValidationException: 1 validation error detected: `
	sized := func(n int) string {
		return fmt.Sprintf(`{"Entries":[{"Time":0,"Source":"a","DetailType":"b","Detail":"{\"a\":\"%s\"}"}]}`, strings.Repeat("x", n-14-2-8))
	}
	for _, s := range []step{
		{"PutEvents", `{}`, one + `Value null at 'entries' failed to satisfy constraint: Member must not be null`},
		{"PutEvents", `{"Entries":[]}`, one + `Value '[]' at 'entries' failed to satisfy constraint: Member must have length greater than or equal to 1`},
		{"PutEvents", `{"Entries":[` + strings.Repeat(entry+`,`, 10) + entry + `]}`,
			one + `Value '[` + strings.Repeat(printed+`, `, 10) + printed + `]' at 'entries' failed to satisfy constraint: Member must have length less than or equal to 10`},
		{"PutEvents", `{"Entries":[{"EventBusName":"a bus"}]}`, one + `Value 'a bus' at 'entries.1.member.eventBusName' failed to satisfy constraint: Member must satisfy regular expression pattern: (arn:aws[\w-]*:events:[a-z]+-[a-z]+-[\w-]+:[0-9]{12}:event-bus\/)?[\.\-_A-Za-z0-9]+`},
		{"PutEvents", `{"Entries":[{"TraceHeader":""}]}`, one + `Value '' at 'entries.1.member.traceHeader' failed to satisfy constraint: Member must have length greater than or equal to 1`},
		{"PutEvents", `{"Entries":[{"Source":1}]}`, `SerializationException: NUMBER_VALUE can not be converted to a String`},
		{"PutEvents", `{"Entries":[{"Detail":{}}]}`, `SerializationException: Start of structure or map found where not expected.`},
		{"PutEvents", `{"Entries":[{"Time":"2025-01-01T00:00:00Z"}]}`, `SerializationException: STRING_VALUE can not be converted to milliseconds since epoch`},
		{"PutEvents", `{"Entries":"x"}`, `SerializationException: Expected list or null`},
		{"PutEvents", `{"Entries":[`, `SerializationException: `},
		{"PutEvents", sized(event.MaxTotalSize + 1), `ValidationException: Total size of the entries in the request is over the limit.`},
	} {
		s.run(t, h)
	}
	if status, got := call(t, h, "PutEvents", sized(event.MaxTotalSize)); status != http.StatusOK {
		t.Errorf("entries just at the limit: got %d %s, want 200", status, got)
	}
}

// TestPutEventsEntries holds what the router is given.
func TestPutEventsEntries(t *testing.T) {
	h, _, e := newFake(t)
	_, _ = call(t, h, "PutEvents", `{"EndpointId":"abc.def","Entries":[
		{"Time":1736349846.5,"Source":"s\u00e9\n","Resources":["r1","r2"],"DetailType":"d","Detail":"{\"a\": 1.0, \"b\":\"\\u00e9<\"}","EventBusName":"orders","TraceHeader":"t"},
		{"EventBusName":"arn:aws:events:us-east-1:000000000000:event-bus/x"},
		{"EventBusName":"arn:aws:events:us-west-2:000000000000:event-bus/x"},
		{"Source":null,"Unknown":[1]}]}`)
	want := []event.Entry{
		{Time: time.Date(2025, 1, 8, 15, 24, 6, 5e8, time.UTC), Source: "sé\n", Resources: []string{"r1", "r2"}, DetailType: "d",
			Detail: []byte(`{"a": 1.0, "b":"\u00e9<"}`), Bus: "orders", TraceHeader: "t"},
		{Bus: "x"},
		{Bus: "arn:aws:events:us-west-2:000000000000:event-bus/x"},
		{Bus: "default"},
	}
	for i := range e.got {
		if len(e.got[i].Detail) == 0 {
			e.got[i].Detail = nil
		}
		if len(e.got[i].Resources) == 0 {
			e.got[i].Resources = nil
		}
	}
	if !reflect.DeepEqual(e.got, want) {
		t.Errorf("got  %+v\nwant %+v", e.got, want)
	}
}

// TestPutEventsTrace holds whose trace header an entry has: its own, were it
// garbage, or else the call's, if that is no longer than an entry's may be.
func TestPutEventsTrace(t *testing.T) {
	const body = `{"Entries":[{"TraceHeader":"garbage"},{"TraceHeader":null},{"Source":"a"}]}`
	tests := []struct {
		name, body, header string
		want               []string
	}{
		{"no header", body, "", []string{"garbage", "", ""}},
		{"a header", body, "Root=1", []string{"garbage", "Root=1", "Root=1"}},
		{"a call that is unusual", strings.Replace(body, "Source", "Unknown", 1), "Root=1", []string{"garbage", "Root=1", "Root=1"}},
		{"a header of 500 characters", body, strings.Repeat("x", 500), []string{"garbage", strings.Repeat("x", 500), strings.Repeat("x", 500)}},
		{"a header that is longer", body, strings.Repeat("x", 501), []string{"garbage", "", ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, _, e := newFake(t)
			_, _ = call(t, h, "PutEvents", tt.body, "X-Amzn-Trace-Id", tt.header)
			var got []string
			for i := range e.got {
				got = append(got, e.got[i].TraceHeader)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestPutEventsMetrics holds what a call counts, in whatever way it ends.
func TestPutEventsMetrics(t *testing.T) {
	e, counts := new(events), metrics.New(metrics.Config{})
	rules, err := rule.Open(t.Context(), rule.Config{Store: new(memory)})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(0, 0)
	h := New(Config{Events: e, Rules: rules, Metrics: counts, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time {
		now = now.Add(time.Second)
		return now
	}})
	const good, bad = `{"Source":"a","DetailType":"b","Detail":"{}"}`, `{"Source":"a"}`
	for _, s := range []struct {
		body string
		fail error
	}{
		{`{"Entries":[` + good + `,` + bad + `,` + good + `]}`, nil}, // one of three fails
		{`{"Entries":[` + good + `,` + good + `]}`, store.ErrBusy},   // refused, for the time being
		{`{"Entries":[]}`, nil}, // refused
	} {
		e.fail = s.fail
		_, _ = call(t, h, "PutEvents", s.body)
	}
	w := httptest.NewRecorder()
	counts.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{
		`bailey_put_events_entries_total{region="us-east-1"} 3`,
		`bailey_put_events_failed_entries_total{region="us-east-1"} 1`,
		`bailey_put_events_latency_seconds_sum{region="us-east-1"} 1`,
		`bailey_put_events_latency_seconds_count{region="us-east-1"} 1`,
		`bailey_put_events_request_size_bytes_sum{region="us-east-1"} 9`, // two entries of 4 bytes, and one of 1
		`bailey_put_events_request_size_bytes_count{region="us-east-1"} 3`,
		`bailey_put_events_calls_total{region="us-east-1"} 3`,
		`bailey_put_events_successful_calls_total{region="us-east-1"} 1`,
		`bailey_put_events_failed_calls_total{region="us-east-1"} 2`,
		`bailey_put_events_throttled_calls_total{region="us-east-1"} 1`,
	} {
		if !strings.Contains(w.Body.String(), want+"\n") {
			t.Errorf("no %s", want)
		}
	}
}

func TestTestEventPattern(t *testing.T) {
	h, _ := newAPI(t)
	const members = `\"id\":\"1\",\"account\":\"0\",\"source\":\"a\",\"time\":\"2026-09-01T10:00:00Z\",\"region\":\"r\",\"detail-type\":\"d\"`
	for _, s := range []step{
		{"TestEventPattern", `{"EventPattern":"{\"source\":[\"a\"]}","Event":"{` + members + `,\"resources\":[]}"}`, `{"Result":true}`},
		{"TestEventPattern", `{"EventPattern":"{\"source\":[\"b\"]}","Event":"{` + members + `}"}`, `{"Result":false}`},
		{"TestEventPattern", `{"EventPattern":"{\"source\":[\"a\"]}","Event":"{\"source\":\"a\"}"}`, `ValidationException: Parameter Event is not valid.`},
		{"TestEventPattern", `{"EventPattern":"{\"source\":[\"a\"]}","Event":"text"}`, `ValidationException: Parameter Event is not valid.`},
		{"TestEventPattern", `{"EventPattern":"{\"source\":[\"a\"]}","Event":"[]"}`, `ValidationException: Parameter Event is not valid.`},
		{"TestEventPattern", `{"EventPattern":"{\"source\":[\"a\"]}","Event":"{\"id\":\"1\",\"account\":\"1\",\"source\":\"a\",\"time\":\"today\",\"region\":\"r\",\"detail-type\":\"d\"}"}`, `ValidationException: Parameter Event is not valid. Reason: Invalid time.`},
		{"TestEventPattern", `{"EventPattern":"{\"source\":[\"a\"]}"}`, `ValidationException: 1 validation error detected: Value null at 'event' failed to satisfy constraint: Member must not be null`},
	} {
		s.run(t, h)
	}
	// Recorded on AWS, and so elsewhere too where a pattern is given.
	const tooComplex = `InvalidEventPatternException: Event pattern is not valid. Reason: Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character`
	const wildcards = `{\"source\":[{\"wildcard\":\"*:*:*:*:*:event-bus/*\"}]}`
	for _, s := range []step{
		{"TestEventPattern", `{"EventPattern":"` + wildcards + `","Event":"{` + members + `}"}`, tooComplex},
		{"PutRule", `{"Name":"r","EventPattern":"` + wildcards + `"}`, tooComplex},
		{"CreateArchive", `{"ArchiveName":"a","EventSourceArn":"arn:aws:events:us-east-1:000000000000:event-bus/default","EventPattern":"` + wildcards + `"}`, tooComplex},
	} {
		s.run(t, h)
	}
	// Recorded too: AWS fails on an operator in anything-but with an empty list.
	for _, body := range []string{`{"EventPattern":"{\"source\":[{\"anything-but\":{\"prefix\":[]}}]}","Event":"{` + members + `}"}`} {
		if status, got := call(t, h, "TestEventPattern", body); status != 500 || !strings.HasPrefix(got, `{"__type":"InternalFailure"`) {
			t.Errorf("got %d %s, want 500 and an InternalFailure", status, got)
		}
	}
	status, got := call(t, h, "TestEventPattern", `{"EventPattern":"{\"source\":[]}","Event":"{`+members+`}"}`)
	if want := `{"__type":"InvalidEventPatternException","message":"Event pattern is not valid. Reason: Empty arrays are not allowed`; status != 400 || !strings.HasPrefix(got, want) {
		t.Errorf("got %d %s, want 400 %s...", status, got, want)
	}
}

// TestRecordedMessages are messages that others recorded on AWS, word for word.
func TestRecordedMessages(t *testing.T) {
	h, _ := newAPI(t)
	long := strings.Repeat("x", 65)
	for _, s := range []step{
		{"PutTargets", `{"Rule":"r","Targets":[{"Id":"!@#$@!#$","Arn":"arn:aws:sqs:us-east-1:0:q"}]}`,
			`ValidationException: 1 validation error detected: Value '!@#$@!#$' at 'targets.1.member.id' failed to satisfy constraint: Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+`},
		{"PutTargets", `{"Rule":"r","Targets":[{"Id":"` + long + `","Arn":"arn:aws:sqs:us-east-1:0:q"}]}`,
			`ValidationException: 1 validation error detected: Value '` + long + `' at 'targets.1.member.id' failed to satisfy constraint: Member must have length less than or equal to 64`},
		{"ListTargetsByRule", `{"Rule":"rule/x"}`,
			`ValidationException: 1 validation error detected: Value 'rule/x' at 'rule' failed to satisfy constraint: Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+`},
	} {
		s.run(t, h)
	}
	// Of operations that are not built yet, the check alone.
	for _, tt := range []struct{ operation, body, want string }{
		{"CreateConnection", `{"Name":"This should fail with two errors 123467890123412341234123412341234","AuthorizationType":"INVALID","AuthParameters":{}}`,
			`ValidationException: 3 validation errors detected: ` +
				`Value 'This should fail with two errors 123467890123412341234123412341234' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+; ` +
				`Value 'This should fail with two errors 123467890123412341234123412341234' at 'name' failed to satisfy constraint: Member must have length less than or equal to 64; ` +
				`Value 'INVALID' at 'authorizationType' failed to satisfy constraint: Member must satisfy enum value set: [BASIC, OAUTH_CLIENT_CREDENTIALS, API_KEY]`},
		{"CreateApiDestination", `{"Name":"n","ConnectionArn":"invalid-connection-arn","InvocationEndpoint":"https://example.com","HttpMethod":"INVALID_METHOD"}`,
			`ValidationException: 2 validation errors detected: Value 'invalid-connection-arn' at 'connectionArn' failed to satisfy constraint: Member must satisfy regular expression pattern: ^arn:aws([a-z]|\-)*:events:([a-z]|\d|\-)*:([0-9]{12})?:connection\/[\.\-_A-Za-z0-9]+\/[\-A-Za-z0-9]+$; ` +
				`Value 'INVALID_METHOD' at 'httpMethod' failed to satisfy constraint: Member must satisfy enum value set: [HEAD, POST, PATCH, DELETE, PUT, GET, OPTIONS]`},
	} {
		if _, err := model.Operations[tt.operation].Decode([]byte(tt.body)); err == nil || err.Error() != tt.want {
			t.Errorf("%s:\ngot  %v\nwant %s", tt.operation, err, tt.want)
		}
	}
}

// BenchmarkPutEvents is the API's own share of a call of ten entries of 1 KiB:
// all but the router and the network.
func BenchmarkPutEvents(b *testing.B) {
	h, _, _ := newFake(b)
	entry := `{"Source":"shop.orders","DetailType":"Order","EventBusName":"orders","Detail":"{\"id\":1,\"text\":\"` + strings.Repeat("x", 900) + `\"}"}`
	body := `{"Entries":[` + strings.Repeat(entry+`,`, 9) + entry + `]}`
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if status, got := call(b, h, "PutEvents", body); status != http.StatusOK {
			b.Fatal(got)
		}
	}
}
