package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// The sentences about which events become requests, and what is in a request.

func sendsEvents(t *testing.T, s *stage) {
	s.target(t, s.arn("prod/PUT/pets"), nil)
	s.event(t, `{}`)
	if got := s.sink.Next(t); got.Method != http.MethodPut || got.URI != "/pets" {
		t.Errorf("got %s %s, want PUT /pets", got.Method, got.URI)
	}
}

// T1: each event is one request to each target that it is sent to.
func mapsEachEvent(t *testing.T, s *stage) {
	s.target(t, s.arn("prod/POST/pets"), nil)
	output := s.aws(t, "put-events", "--entries", text(t, List{
		Object{"Source": s.source, "DetailType": "Sample", "Detail": `{"n":0}`},
		Object{"Source": s.source, "DetailType": "Sample", "Detail": `{"n":1}`},
		Object{"Source": s.source, "DetailType": "Sample", "Detail": `{"n":2}`},
	}))
	want := make(map[string]bool)
	for i := range 3 {
		id := entryID(t, output, i)
		want[id] = true
		if d := s.settled(t, id); d.Status != "delivered" || d.Attempts != 1 {
			t.Errorf("event %d: got %+v, want it delivered at once", i, d)
		}
	}
	for range 3 {
		id := payload(t, s.sink.Next(t)).ID
		if !want[id] {
			t.Errorf("got a request for event %s, want one for each of the events put", id)
		}
		delete(want, id)
	}
	s.sink.None(t)
}

// T6.
func refusesPrivateEndpoints(t *testing.T, s *stage) {
	s.server.PutAPI(t, s.api, Object{"url": s.sink.URL, "endpointType": "PRIVATE"})
	s.put(t)
	if message := s.refused(t, s.arn("prod/POST/pets"), nil); !strings.Contains(strings.ToLower(message), "private") {
		t.Errorf("got message %q, want it to say that the endpoint is private", message)
	}
	s.noTargets(t)
}

func matchesEvents(t *testing.T, s *stage) {
	s.target(t, s.arn("prod/POST/pets"), nil)
	output := s.aws(t, "put-events", "--entries", text(t, List{
		Object{"Source": s.source + ".other", "DetailType": "Sample", "Detail": `{"matches":false}`},
		Object{"Source": s.source, "DetailType": "Sample", "Detail": `{"matches":true}`},
	}))
	if got := payload(t, s.sink.Next(t)); string(got.Detail) != `{"matches":true}` {
		t.Errorf("got an event with detail %s, want the one that the rule's pattern matches", got.Detail)
	}
	if other := s.server.Settled(t, entryID(t, output, 0)); len(other) != 0 {
		t.Errorf("the event that does not match: got deliveries %+v, want none", other)
	}
	s.sink.None(t)
}

// Real minutes pass: the first tick comes a minute after the rule was put.
func followsSchedule(t *testing.T, s *stage) {
	refused := s.cli.Run(t, "events", "put-rule", "--name", s.rule+"-refused", "--schedule-expression", "rate(1 minutes)")
	if want := "Parameter ScheduleExpression is not valid."; refused.Error == nil || refused.Error.Message != want {
		t.Errorf("a schedule that is none: got %+v, want %s", refused, want)
	}
	put := s.aws(t, "put-rule", "--name", s.rule, "--schedule-expression", "rate(1 minute)")
	s.aws(t, "put-targets", "--rule", s.rule, "--targets", targets(t, s.arn("prod/POST/ticks"), nil))
	got := s.sink.Next(t)
	if got.URI != "/ticks" {
		t.Errorf("got a request to %s, want /ticks", got.URI)
	}
	var tick any
	if err := json.Unmarshal(got.Body, &tick); err != nil {
		t.Fatal(err)
	}
	want := Object{"source": "aws.events", "detail-type": "Scheduled Event", "resources": List{put["RuleArn"]}, "detail": Object{}}
	if difference := Mismatch(tick, want); difference != "" {
		t.Errorf("the tick's event: %s", difference)
	}
	s.counted(t, "triggered_rules", "1")
	s.counted(t, "invocations", "1")
}

// R1, R2.
func sendsPayload(t *testing.T, s *stage) {
	s.target(t, s.arn("prod/GET/pets"), nil)
	const detail = `{ "b":1.0, "a":"<é>", "big":12345678901234567890 }`
	output := s.aws(t, "put-events", "--entries", text(t, List{Object{
		"Source": s.source, "DetailType": "Sample", "Detail": detail, "Time": "2026-01-02T03:04:05Z", "Resources": List{"r1"},
	}}))
	got := s.sink.Next(t)
	want := `{"version":"0","id":"` + entryID(t, output, 0) + `","detail-type":"Sample","source":"` + s.source + `","account":"112233445566",` +
		`"time":"2026-01-02T03:04:05Z","region":"us-east-1","resources":["r1"],"detail":` + detail + `}`
	if got.Method != http.MethodGet || string(got.Body) != want {
		t.Errorf("got %s with body\n%s\nwant GET with body\n%s", got.Method, got.Body, want)
	}
	if kind := got.Header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("got Content-Type %q, want application/json", kind)
	}
}

// T2, and T4 with the document's own example: the stage of its ARN is a wildcard too.
func fillsPathVariables(t *testing.T, s *stage) {
	s.api = "myapi"
	s.server.PutAPI(t, s.api, Object{
		"url": s.sink.URL, "defaultStage": "prod",
		"stages": Object{"prod": Object{"url": s.sink.URL + "/prod"}, "beta": Object{"url": s.sink.URL + "/beta"}},
	})
	for _, test := range []struct {
		arn    string
		values List
		want   string
	}{
		{"*/POST/pets/*", List{"cat"}, "/prod/pets/cat"},
		{"*/POST/pets/*", List{"beta", "cat"}, "/beta/pets/cat"},
		{"prod/POST/pets/*/toys/*", List{"cat", "ball of wool/red"}, "/prod/pets/cat/toys/ball%20of%20wool%2Fred"},
	} {
		s.target(t, s.arn(test.arn), Object{"HttpParameters": Object{"PathParameterValues": test.values}})
		s.event(t, `{}`)
		if got := s.sink.Next(t); got.URI != test.want {
			t.Errorf("%s with %v: got %s, want %s", test.arn, test.values, got.URI, test.want)
		}
	}
}

// R3.
func appendsQuery(t *testing.T, s *stage) {
	s.target(t, s.arn("prod/POST/pets"), Object{"HttpParameters": Object{
		"QueryStringParameters": Object{"size": "large & small", "colour": "blå"},
	}})
	s.event(t, `{}`)
	if got, want := s.sink.Next(t).URI, "/pets?colour=bl%C3%A5&size=large%20%26%20small"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// R4, and R2's exception.
func addsHeaders(t *testing.T, s *stage) {
	s.target(t, s.arn("prod/POST/pets"), Object{"HttpParameters": Object{
		"HeaderParameters": Object{"X-Colour": "red, green", "Content-Type": "application/cloudevents+json"},
	}})
	s.event(t, `{}`)
	got := s.sink.Next(t)
	for name, want := range map[string]string{"X-Colour": "red, green", "Content-Type": "application/cloudevents+json"} {
		if value := got.Header.Get(name); value != want {
			t.Errorf("got %s %q, want %q", name, value, want)
		}
	}
}

// R5, R6: in any letter case.
func refusesHeaders(t *testing.T, s *stage) {
	s.put(t)
	for _, name := range []string{
		"X-Amz-Anything", "x-amzn-anything", "Authorization", "connection", "CONTENT-ENCODING", "Content-Length", "hOST", "Max-Forwards",
		"TE", "te", "Transfer-Encoding", "Trailer", "Upgrade", "Via", "WWW-Authenticate", "X-Forwarded-For",
	} {
		message := s.refused(t, s.arn("prod/POST/pets"), Object{"HttpParameters": Object{"HeaderParameters": Object{name: "1"}}})
		if !strings.Contains(message, name) {
			t.Errorf("%s: got message %q, want it to name the key", name, message)
		}
	}
	s.noTargets(t)
}

// P1: path values, query keys, query values and header values; a header's key stays what it is.
func takesPathsEverywhere(t *testing.T, s *stage) {
	s.target(t, s.arn("prod/POST/pets/*"), Object{"HttpParameters": Object{
		"PathParameterValues":   List{"$.detail.state"},
		"QueryStringParameters": Object{"$.detail.key": "$.detail.state", "static": "state-$.detail.state"}, // P2: the whole value or none
		"HeaderParameters":      Object{"X-State": "$.detail.state", "$": "$.source"},
	}})
	s.event(t, `{"state":"adopted","key":"k"}`)
	got := s.sink.Next(t)
	// A dollar sign need not be escaped in a query.
	if uri, want := strings.ReplaceAll(got.URI, "%24", "$"), "/pets/adopted?k=adopted&static=state-$.detail.state"; uri != want {
		t.Errorf("got %s, want %s", uri, want)
	}
	if values := got.Header["X-State"]; len(values) != 1 || values[0] != "adopted" {
		t.Errorf("got X-State %q, want adopted", values)
	}
	if values := got.Header["$"]; len(values) != 1 || values[0] != s.source {
		t.Errorf("got header $ %q, want %s", values, s.source)
	}
}

// P4, P6, P7.
func replacesPathsAtRuntime(t *testing.T, s *stage) {
	s.target(t, s.arn("prod/POST/pets"), Object{
		"Input": `{"detail":{"text":"not this"}}`,
		"HttpParameters": Object{"QueryStringParameters": Object{
			"text": "$.detail.text", "number": "$.detail.number", "truth": "$.detail.truth", "none": "$.detail.none", "list": "$.detail.list",
			"missing": "$.detail.missing", "source": "$.source",
		}},
	})
	for _, test := range []struct{ detail, want string }{
		{`{"text":"a b","number":1.0,"truth":true,"none":null,"list":[1, {"x":"y"}]}`,
			`list=[1,{"x":"y"}] missing= none=null number=1.0 source=` + s.source + ` text=a b truth=true`},
		{`{"text":"c"}`, `list= missing= none= number= source=` + s.source + ` text=c truth=`},
	} {
		s.event(t, test.detail)
		got := s.sink.Next(t)
		target, err := url.ParseRequestURI(got.URI)
		if err != nil {
			t.Fatal(err)
		}
		var values strings.Builder
		for _, name := range []string{"list", "missing", "none", "number", "source", "text", "truth"} {
			values.WriteString(" " + name + "=" + target.Query().Get(name))
		}
		if values.String()[1:] != test.want {
			t.Errorf("detail %s: got %s, want %s", test.detail, values.String()[1:], test.want)
		}
	}
}

// P3: what a path finds for a parameter it finds for an input transformer, and what is no path for one is none for the other.
// Only a parameter's may have names in brackets besides.
func sharesSyntax(t *testing.T, s *stage) {
	s.target(t, s.arn("prod/POST/pets"), Object{
		"HttpParameters": Object{"QueryStringParameters": Object{
			"dots": "$.detail.a.b", "index": "$.detail.list[1]", "key": "$.detail['a key'].c", "all": "$.detail.list[*]",
		}},
		"InputTransformer": Object{
			"InputPathsMap": Object{
				"dots": "$.detail.a.b", "index": "$.detail.list[1]", "key": "$.detail.a-key.c", "all": "$.detail.list[*]",
			},
			"InputTemplate": `{"all":<all>,"dots":<dots>,"index":<index>,"key":<key>}`,
		},
	})
	s.event(t, `{"a":{"b":"B"},"list":["l0","l1"],"a key":{"c":"C"},"a-key":{"c":"C"}}`)
	got := s.sink.Next(t)
	if want := `{"all":["l0","l1"],"dots":"B","index":"l1","key":"C"}`; string(got.Body) != want {
		t.Errorf("got body %s, want %s", got.Body, want)
	}
	target, err := url.ParseRequestURI(got.URI)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"all": `["l0","l1"]`, "dots": "B", "index": "l1", "key": "C"} {
		if value := target.Query().Get(name); value != want {
			t.Errorf("got parameter %s %q, want %q", name, value, want)
		}
	}
	s.rule += "-refused"
	s.put(t)
	for _, members := range []Object{
		{"HttpParameters": Object{"QueryStringParameters": Object{"q": "$.detail.a["}}}, // P11
		{"InputTransformer": Object{"InputPathsMap": Object{"q": "$.detail.a["}, "InputTemplate": `{"q":<q>}`}},
		{"InputTransformer": Object{"InputPathsMap": Object{"q": "$.detail['a key']"}, "InputTemplate": `{"q":<q>}`}},
	} {
		s.refused(t, s.arn("prod/POST/pets"), members)
	}
	s.noTargets(t)
}

// P5: of a target's fields it is those of HttpParameters that are replaced.
func leavesOtherFieldsAlone(t *testing.T, s *stage) {
	s.target(t, s.arn("prod/POST/pets"), Object{"Input": `"$.detail.state"`})
	s.event(t, `{"state":"adopted"}`)
	if got := s.sink.Next(t); string(got.Body) != `"$.detail.state"` {
		t.Errorf("got body %s, want the constant as it is", got.Body)
	}
}
