package request

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"bailey/internal/retry"
)

const eventJSON = `{"version":"0","id":"e1","detail-type":"Order","source":"shop","account":"112233445566",` +
	`"time":"2026-03-14T12:00:00Z","region":"us-east-1","resources":["arn:a","arn:b"],` +
	`"detail":{"state":"open","n":1.0,"big":12345678901234567890,"yes":true,"no":false,"nil":null,"empty":"",` +
	`"slash":"a/b?c#d","dot":".","dots":"..","space":"a b","uni":"Zoë \u20ac","crlf":"a\r\nX-Evil: 1","tab":"a\tb","nul":"a\u0000",` +
	`"obj":{"a": 1, "b": [ 1, 2 ]},"items":[{"id":"i1"},{"id":"i2"}],"weird key":"w","percent":"%2e%2e","key":"k","stage":"beta","star":"*"}}`

var attempt = Attempt{
	Event:          []byte(eventJSON),
	Body:           []byte(`{"some":"body"}`),
	RuleARN:        "arn:aws:events:us-east-1:112233445566:rule/orders",
	Account:        "112233445566",
	IdempotencyKey: "d1",
	UserAgent:      "Bailey/1.2.3",
	Attempt:        1,
}

func compile(t testing.TB, resource string, p *Parameters) *Template {
	t.Helper()
	template, err := Compile(arnPrefix+resource, p)
	if err != nil {
		t.Fatal(err)
	}
	return template
}

func build(t *testing.T, template *Template, api *API, a Attempt) *http.Request {
	t.Helper()
	req, f := template.Build(t.Context(), api, a, nil)
	if f != nil {
		t.Fatal(f)
	}
	return req
}

func TestURL(t *testing.T) {
	at := func(u string) *API { return &API{ID: "myapi", URL: u} }
	slash := func(u string) *API { return &API{ID: "myapi", URL: u, TrailingSlash: true} }
	path := func(values ...string) *Parameters { return &Parameters{PathParameterValues: values} }
	query := func(q map[string]string) *Parameters { return &Parameters{QueryStringParameters: q} }
	cases := []struct {
		name, resource string
		parameters     *Parameters
		api            *API
		want           string
	}{
		{"T1 the path is appended", "myapi/prod/GET/pets/1", nil, at("http://h:9000"), "http://h:9000/pets/1"},
		{"T1 after the URL's own path", "myapi/prod/GET/pets", nil, at("http://h/v1"), "http://h/v1/pets"},
		{"T1 after the URL's own path and slash", "myapi/prod/GET/pets", nil, at("http://h/v1/"), "http://h/v1/pets"},
		{"T1 the URL's own escapes stay", "myapi/prod/GET/pets", nil, at("http://h/a%2Fb%20c/"), "http://h/a%2Fb%20c/pets"},
		{"T1 an escaped slash at the URL's end stays", "myapi/prod/GET/pets", nil, at("http://h/a%2F"), "http://h/a%2F/pets"},
		{"T1 the URL's own query stays, first", "myapi/prod/GET/pets", query(map[string]string{"a": "1"}), at("http://h/?z=2&y=%20"), "http://h/pets?z=2&y=%20&a=1"},
		{"T1 the URL's own query alone", "myapi/prod/GET/pets", nil, at("http://h?z=2"), "http://h/pets?z=2"},
		{"T1 the URL's own query, encoded where it must be", "myapi/prod/GET/pets", query(map[string]string{"a": "1"}), at("http://h?z=b c&é=[1]\""), "http://h/pets?z=b%20c&%C3%A9=[1]\"&a=1"},
		{"T1 what must be encoded in the ARN", "myapi/prod/GET/a?b#c\"é[x]", nil, at("http://h"), "http://h/a%3Fb%23c%22%C3%A9%5Bx%5D"},
		{"T1 what is encoded in the ARN", "myapi/prod/GET/a%20b%2Fc%zz", nil, at("http://h"), "http://h/a%20b%2Fc%25zz"},
		{"T1 what may stand in the ARN", "myapi/prod/GET/a!$&'()*+,;=:@~", nil, at("http://h"), "http://h/a!$&'()*+,;=:@~"},
		{"T2 in order", "myapi/prod/GET/pets/*/toys/*", path("1", "2"), at("http://h"), "http://h/pets/1/toys/2"},
		{"T2 dynamic, in order", "myapi/prod/GET/*/pets/*/*", path("$.detail.state", "x", "$.id"), at("http://h/v1"), "http://h/v1/open/pets/x/e1"},
		{"T7 no path", "myapi/prod/GET", nil, at("http://h"), "http://h/"},
		{"T7 no path, the URL's own", "myapi/prod/GET/", nil, at("http://h/v1"), "http://h/v1"},
		{"T7 no path, the URL's own with a slash", "myapi/prod/GET", nil, at("http://h/v1/"), "http://h/v1"},
		{"T7 no slash", "myapi/prod/GET/pets/", nil, at("http://h"), "http://h/pets"},
		{"T7 trailingSlash", "myapi/prod/GET/pets", nil, slash("http://h"), "http://h/pets/"},
		{"T7 trailingSlash, dynamic", "myapi/prod/GET/pets/*", path("$.id"), slash("http://h"), "http://h/pets/e1/"},
		{"T7 trailingSlash, no path", "myapi/prod/GET", nil, slash("http://h"), "http://h/"},
		{"T7 trailingSlash, the URL's own path", "myapi/prod/GET", nil, slash("http://h/v1"), "http://h/v1/"},
		{"P1 query keys and values", "myapi/prod/GET", query(map[string]string{"$.detail.key": "$.detail.state"}), at("http://h"), "http://h/?k=open"},
		{"P2 the whole value or none of it", "myapi/prod/GET/*", path("state-$.detail.state"), at("http://h"), "http://h/state-%24.detail.state"},
		{"P2 not a path", "myapi/prod/GET", query(map[string]string{"a": "$x", "$b": "1"}), at("http://h"), "http://h/?%24b=1&a=%24x"},
		{"P3 index and brackets", "myapi/prod/GET/*/*", path("$.resources[1]", "$.detail['weird key']"), at("http://h"), "http://h/arn%3Ab/w"},
		{"P3 all items", "myapi/prod/GET", query(map[string]string{"ids": "$.detail.items[*].id"}), at("http://h"), "http://h/?ids=%5B%22i1%22%2C%22i2%22%5D"},
		{"P4 the original event", "myapi/prod/GET/*", path("$.source"), at("http://h"), "http://h/shop"},
		{"P6 a number keeps its text", "myapi/prod/GET/*/*", path("$.detail.n", "$.detail.big"), at("http://h"), "http://h/1.0/12345678901234567890"},
		{"P6 words", "myapi/prod/GET/*/*/*", path("$.detail.yes", "$.detail.no", "$.detail.nil"), at("http://h"), "http://h/true/false/null"},
		{"P6 compact JSON", "myapi/prod/GET", query(map[string]string{"o": "$.detail.obj"}), at("http://h"), "http://h/?o=%7B%22a%22%3A1%2C%22b%22%3A%5B1%2C2%5D%7D"},
		{"P7 nothing found in a query", "myapi/prod/GET", query(map[string]string{"a": "$.detail.gone", "b": "$.detail.empty"}), at("http://h"), "http://h/?a=&b="},
		{"P9 one segment, dynamic", "myapi/prod/GET/*/x", path("$.detail.slash"), at("http://h"), "http://h/a%2Fb%3Fc%23d/x"},
		{"P9 one segment, static", "myapi/prod/GET/*/x", path("a/b?c#d%2F"), at("http://h"), "http://h/a%2Fb%3Fc%23d%252F/x"},
		{"P9 escapes are escaped", "myapi/prod/GET/*", path("$.detail.percent"), at("http://h"), "http://h/%252e%252e"},
		{"P9 a star is a star", "myapi/prod/GET/*/*", path("$.detail.star", "*"), at("http://h"), "http://h/%2A/%2A"},
		{"R3 sorted by key, space is %20", "myapi/prod/GET", query(map[string]string{"b": "x y+z", "a": "&=", "B": "~-._"}), at("http://h"), "http://h/?B=~-._&a=%26%3D&b=x%20y%2Bz"},
		{"R3 not ASCII", "myapi/prod/GET", query(map[string]string{"é": "$.detail.uni"}), at("http://h"), "http://h/?%C3%A9=Zo%C3%AB%20%E2%82%AC"},
		{"R3 line breaks", "myapi/prod/GET", query(map[string]string{"a": "x\r\ny", "b": "$.detail.crlf"}), at("http://h"), "http://h/?a=x%0D%0Ay&b=a%0D%0AX-Evil%3A%201"},
		{"R3 sorted after keys are known", "myapi/prod/GET", query(map[string]string{"$.detail.key": "1", "a": "2", "z": "3"}), at("http://h"), "http://h/?a=2&k=1&z=3"},
		{"R3 two keys that become one", "myapi/prod/GET", query(map[string]string{"$.detail.key": "2", "k": "1", "$.detail['key']": "3"}), at("http://h"), "http://h/?k=1&k=2&k=3"},
		{"R3 dynamic after the URL's own", "myapi/prod/GET", query(map[string]string{"a": "$.id"}), at("http://h?z=1"), "http://h/?z=1&a=e1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			template := compile(t, c.resource, c.parameters)
			// Twice: the second request is built from what the first one left.
			for range 2 {
				req := build(t, template, c.api, attempt)
				if got := req.URL.String(); got != c.want {
					t.Errorf("got  %s\nwant %s", got, c.want)
				}
				if u, err := url.Parse(c.want); err != nil || u.Path != req.URL.Path || u.Host != req.Host {
					t.Errorf("got path %q, host %q, want %q, %q", req.URL.Path, req.Host, u.Path, u.Host)
				}
			}
		})
	}
}

func TestMethod(t *testing.T) {
	for _, method := range []string{"*", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		want := method
		if method == "*" {
			want = "POST"
		}
		req := build(t, compile(t, "myapi/prod/"+method, nil), &API{URL: "http://h"}, attempt)
		if req.Method != want {
			t.Errorf("T3 %s: got %s, want %s", method, req.Method, want)
		}
	}
}

func TestStage(t *testing.T) {
	path := func(values ...string) *Parameters { return &Parameters{PathParameterValues: values} }
	stages := map[string]Stage{"prod": {"http://prod"}, "beta": {"http://beta"}}
	one := map[string]Stage{"prod": {"http://prod"}}
	const gateway = "https://myapi.execute-api.us-east-1.amazonaws.com"
	cases := []struct {
		name, resource string
		parameters     *Parameters
		api            *API
		stage, url     string // "" for the failure
		code           retry.Code
		message        string
	}{
		{"T1 the stage's own URL", "myapi/prod/GET/p", nil, &API{URL: "http://any", Stages: stages}, "prod", "http://prod/p", "", ""},
		{"T1 the API's URL leads to any stage", "myapi/dev/GET/p", nil, &API{URL: "http://any", Stages: stages}, "", "http://any/p", "", ""},
		{"T1 no such stage", "myapi/dev/GET/p", nil, &API{Stages: stages}, "", "", retry.NoResource, "API myapi has no stage dev"},
		{"T1 no such API", "myapi/dev/GET/p", nil, nil, "", "", retry.NoResource, "API myapi is not registered"},
		{"T4 * is the default stage", "myapi/*/GET/p/*", path("1"), &API{URL: "http://any", Stages: stages, DefaultStage: "beta"}, "beta", "http://beta/p/1", "", ""},
		{"T4 * is the default stage, which the API's URL serves", "myapi/*/GET/p", nil, &API{URL: "http://any", Stages: stages, DefaultStage: "dev"}, "", "http://any/p", "", ""},
		{"T4 * without a default stage", "myapi/*/GET/p", nil, &API{URL: "http://any", Stages: stages}, "", "http://any/p", "", ""},
		{"T4 * is the only stage", "myapi/*/GET/p", nil, &API{Stages: one}, "prod", "http://prod/p", "", ""},
		{"T4 * is none of two stages", "myapi/*/GET/p", nil, &API{Stages: stages}, "", "", retry.NoResource, "API myapi has no default stage"},
		{"T4 one more value is the stage", "myapi/*/GET/p/*", path("beta", "1"), &API{Stages: stages, DefaultStage: "prod"}, "beta", "http://beta/p/1", "", ""},
		{"T4 one value and no path variable", "myapi/*/GET/p", path("beta"), &API{Stages: stages}, "beta", "http://beta/p", "", ""},
		{"T4 P1 a dynamic stage", "myapi/*/GET/p/*", path("$.detail.stage", "1"), &API{Stages: stages}, "beta", "http://beta/p/1", "", ""},
		{"T4 a dynamic stage that is not there", "myapi/*/GET/p", path("$.detail.state"), &API{Stages: stages}, "", "", retry.NoResource, "no stage of the name at $.detail.state"},
		{"T4 P8 a dynamic stage that is empty", "myapi/*/GET/p", path("$.detail.gone"), &API{Stages: stages}, "", "", retry.InvalidParameter, "the stage, $.detail.gone"},
		{"T6 a private endpoint", "myapi/prod/GET/p", nil, &API{URL: "http://any", EndpointType: Private}, "", "", retry.NoResource, "private endpoint"},
		{"pass-through has the stage in the path", "myapi/prod/GET/p", nil, &API{URL: gateway, StageInPath: true}, "", gateway + "/prod/p", "", ""},
		{"pass-through to a dynamic stage", "myapi/*/GET/p", path("$.detail.slash"), &API{URL: gateway, StageInPath: true}, "", gateway + "/a%2Fb%3Fc%23d/p", "", ""},
		{"pass-through without a default stage", "myapi/*/GET/p", nil, &API{URL: gateway, StageInPath: true}, "", "", retry.NoResource, "API myapi has no default stage"},
		{"pass-through to a dot segment", "myapi/*/GET/p", path("$.detail.dots"), &API{URL: gateway, StageInPath: true}, "", "", retry.InvalidParameter, "the stage"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			template := compile(t, c.resource, c.parameters)
			stage, f := template.Endpoint(c.api, attempt.Event)
			req, buildFailure := template.Build(t.Context(), c.api, attempt, nil)
			if c.code != "" {
				for _, got := range []*retry.Failure{f, buildFailure} {
					if got == nil || got.Code != c.code || got.Retryable || !strings.Contains(got.Message, c.message) {
						t.Errorf("got %v, want %s, not retryable, with %q", got, c.code, c.message)
					}
				}
				return
			}
			if f != nil || buildFailure != nil || stage != c.stage || req.URL.String() != c.url {
				t.Errorf("got stage %q, URL %v, failures %v, %v, want %q, %s", stage, req.URL, f, buildFailure, c.stage, c.url)
			}
		})
	}
}

// What an endpoint was remembered for is not used for another one.
func TestEndpointChanges(t *testing.T) {
	template := compile(t, "myapi/*/GET/p", &Parameters{PathParameterValues: []string{"$.detail.stage"}})
	api := &API{Stages: map[string]Stage{"a": {"http://a"}, "b": {"http://b"}}}
	other := &API{Stages: map[string]Stage{"a": {"http://other"}}}
	for _, c := range []struct {
		api         *API
		stage, want string
	}{{api, "a", "http://a/p"}, {api, "a", "http://a/p"}, {api, "b", "http://b/p"}, {other, "a", "http://other/p"}, {api, "a", "http://a/p"}} {
		a := attempt
		a.Event = []byte(`{"detail":{"stage":"` + c.stage + `"}}`)
		if got := build(t, template, c.api, a).URL.String(); got != c.want {
			t.Errorf("stage %s: got %s, want %s", c.stage, got, c.want)
		}
	}
}

func TestHeader(t *testing.T) {
	own := map[string]string{
		"Content-Type": "application/json", "User-Agent": "Bailey/1.2.3", "Idempotency-Key": "d1", "Bailey-Attempt": "1",
		"X-Amz-Source-Arn": attempt.RuleARN, "X-Amz-Source-Account": "112233445566",
	}
	with := func(more map[string]string) map[string]string {
		all := maps.Clone(own)
		maps.Copy(all, more)
		return all
	}
	cases := []struct {
		name       string
		parameters map[string]string
		change     func(*Attempt)
		want       map[string]string
	}{
		{"R2 R8 R9 Bailey's own", nil, nil, own},
		{"R2 another Content-Type", map[string]string{"content-type": "text/plain"}, nil, with(map[string]string{"Content-Type": "text/plain"})},
		{"R4 added", map[string]string{"X-A": "1", "x-b": "a\tb"}, nil, with(map[string]string{"X-A": "1", "X-B": "a\tb"})},
		{"R8 trace header", nil, func(a *Attempt) { a.TraceHeader = "Root=1-5-a" }, with(map[string]string{"X-Amzn-Trace-Id": "Root=1-5-a"})},
		{"R8 what is no trace header", nil, func(a *Attempt) { a.TraceHeader = "a\r\nb" }, own},
		{"R9 another User-Agent", map[string]string{"USER-AGENT": "me"}, nil, with(map[string]string{"User-Agent": "me"})},
		{"R9 no version", nil, func(a *Attempt) { a.UserAgent = "" }, with(map[string]string{"User-Agent": "Bailey"})},
		{"R9 a later attempt", nil, func(a *Attempt) { a.Attempt = 186 }, with(map[string]string{"Bailey-Attempt": "186"})},
		{"R9 R4 the target's own Idempotency-Key", map[string]string{"Idempotency-Key": "$.id"}, nil, with(map[string]string{"Idempotency-Key": "e1"})},
		{"R9 R4 the target's own Bailey-Attempt", map[string]string{"Bailey-Attempt": "x"}, nil, with(map[string]string{"Bailey-Attempt": "x"})},
		{"P1 dynamic", map[string]string{"X-State": "$.detail.state"}, nil, with(map[string]string{"X-State": "open"})},
		{"P1 keys are not dynamic", map[string]string{"$.detail.key": "1"}, nil, with(map[string]string{"$.detail.key": "1"})},
		{"P2 only the whole value", map[string]string{"X-State": "state-$.detail.state"}, nil, with(map[string]string{"X-State": "state-$.detail.state"})},
		{"P6 compact JSON", map[string]string{"X-Obj": "$.detail.obj", "X-N": "$.detail.n"}, nil, with(map[string]string{"X-Obj": `{"a":1,"b":[1,2]}`, "X-N": "1.0"})},
		{"P7 nothing found", map[string]string{"X-Gone": "$.detail.gone"}, nil, with(map[string]string{"X-Gone": ""})},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := attempt
			if c.change != nil {
				c.change(&a)
			}
			req := build(t, compile(t, "myapi/prod/POST", &Parameters{HeaderParameters: c.parameters}), &API{URL: "http://h"}, a)
			got := map[string]string{}
			for name, values := range req.Header {
				got[name] = strings.Join(values, "|")
			}
			if !maps.Equal(got, c.want) {
				t.Errorf("got  %v\nwant %v", got, c.want)
			}
		})
	}
	t.Run("R4 keys that differ in letter case", func(t *testing.T) {
		p := &Parameters{HeaderParameters: map[string]string{"x-a": "2", "X-A": "1", "X-a": "$.id", "X-B": "4"}}
		req := build(t, compile(t, "myapi/prod/POST", p), &API{URL: "http://h"}, attempt)
		if got, want := req.Header["X-A"], []string{"e1", "1", "2"}; !slices.Equal(got, want) {
			t.Errorf("X-A: got %q, want %q", got, want)
		}
		if got, want := req.Header["X-B"], []string{"4"}; !slices.Equal(got, want) {
			t.Errorf("X-B: got %q, want %q", got, want)
		}
	})
}

func TestBuildFails(t *testing.T) {
	path := func(values ...string) *Parameters { return &Parameters{PathParameterValues: values} }
	headers := func(value string) *Parameters {
		return &Parameters{HeaderParameters: map[string]string{"X-Secret": value}}
	}
	query := func(key, value string) *Parameters {
		return &Parameters{QueryStringParameters: map[string]string{key: value}}
	}
	cases := []struct {
		name, resource string
		parameters     *Parameters
		message        string
	}{
		{"P8 not found", "myapi/prod/GET/*/*", path("$.id", "$.detail.gone"), "path variable 2, $.detail.gone, found nothing"},
		{"P8 empty", "myapi/prod/GET/*", path("$.detail.empty"), "path variable 1, $.detail.empty, is empty"},
		{"P9 dot", "myapi/prod/GET/*", path("$.detail.dot"), "path variable 1, $.detail.dot, is a dot segment"},
		{"P9 dots", "myapi/prod/GET/a/*/b", path("$.detail.dots"), "path variable 1, $.detail.dots, is a dot segment"},
		{"P10 CR and LF", "myapi/prod/GET", headers("$.detail.crlf"), "the value of header X-Secret, $.detail.crlf, has a character"},
		{"P10 NUL", "myapi/prod/GET", headers("$.detail.nul"), "the value of header X-Secret, $.detail.nul, has a character"},
		{"P10 tab", "myapi/prod/GET", headers("$.detail.tab"), "the value of header X-Secret, $.detail.tab, has a character"},
		{"P10 a line feed of the target's own", "myapi/prod/GET", headers("Evil\nX-B: 1"), "the value of header X-Secret has a character"},
		{"P10 R7 not ASCII of the target's own", "myapi/prod/GET", headers("Zoë"), "the value of header X-Secret has a character"},
		{"P10 R7 not ASCII", "myapi/prod/GET", headers("$.detail.uni"), "the value of header X-Secret, $.detail.uni, has a character"},
		{"too long for a path", "myapi/prod/GET/*", path("$.long"), "path variable 1, $.long, is longer than 8192 bytes"},
		{"too long for a header", "myapi/prod/GET", headers("$.long"), "the value of header X-Secret, $.long, is longer than 8192 bytes"},
		{"too long for a query", "myapi/prod/GET", query("q", "$.long"), `the value of query parameter "q", $.long, is longer than 8192 bytes`},
		{"too long for a query with dynamic keys", "myapi/prod/GET", query("$.long", "1"), `query parameter "$.long", 1, is longer than 8192 bytes`},
		{"R7 a query key that is not there", "myapi/prod/GET", query("$.gone", "1"), `the key of query parameter "$.gone" found nothing`},
	}
	a := attempt
	a.Event = []byte(strings.TrimSuffix(eventJSON, "}") + `,"long":"` + strings.Repeat("x", maxFilled+1) + `"}`)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, f := compile(t, c.resource, c.parameters).Build(t.Context(), &API{URL: "http://h"}, a, nil)
			if f == nil || f.Code != retry.InvalidParameter || f.Retryable || !strings.Contains(f.Message, c.message) {
				t.Fatalf("got %v, want INVALID_PARAMETER, not retryable, with %q", f, c.message)
			}
			for _, shown := range []string{"Evil", "Zo", "xxx"} {
				if strings.Contains(f.Message, shown) {
					t.Errorf("P10: the message %q shows the value", f.Message)
				}
			}
		})
	}
	longest := attempt
	longest.Event = []byte(`{"long":"` + strings.Repeat("x", maxFilled) + `"}`)
	if _, f := compile(t, "myapi/prod/GET/*", path("$.long")).Build(t.Context(), &API{URL: "http://h"}, longest, nil); f != nil {
		t.Errorf("a value of 8192 bytes: got %v, want none", f)
	}
	if _, f := compile(t, "myapi/prod/GET", nil).Build(t.Context(), &API{URL: "http://h/%zz?secret"}, attempt, nil); f == nil || f.Code != retry.InternalError || strings.Contains(f.Message, "secret") {
		t.Errorf("a URL that Validate would refuse: got %v, want INTERNAL_ERROR that does not show it", f)
	}
}

// The request as a server receives it, with every method.
func TestOnTheWire(t *testing.T) {
	type received struct {
		method, target, body string
		length               int64
		header               http.Header
	}
	got := make(chan received, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- received{r.Method, r.RequestURI, string(body), r.ContentLength, r.Header}
	}))
	defer server.Close()
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	api := &API{ID: "myapi", URL: server.URL}
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		template := compile(t, "myapi/prod/"+method+"/pets/*", &Parameters{
			PathParameterValues:   []string{"$.detail.slash"},
			QueryStringParameters: map[string]string{"q": "$.detail.space"},
		})
		req := build(t, template, api, attempt)
		preview, err := Describe(req, api)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		r := <-got
		if r.method != method || r.target != "/pets/a%2Fb%3Fc%23d?q=a%20b" || r.body != `{"some":"body"}` || r.length != 15 {
			t.Errorf("R1 %s: got %s %s, %d bytes %q", method, r.method, r.target, r.length, r.body)
		}
		want := http.Header{}
		for name, value := range preview.Headers {
			if name != "Host" {
				want.Set(name, value)
			}
		}
		if !maps.EqualFunc(r.header, want, slices.Equal) {
			t.Errorf("%s: got header %v, want what the preview says, %v", method, r.header, want)
		}
	}
}

func TestBody(t *testing.T) {
	template := compile(t, "myapi/prod/POST", nil)
	req := build(t, template, &API{URL: "http://h"}, attempt)
	for range 2 {
		again, err := req.GetBody()
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(again); err != nil || string(text) != `{"some":"body"}` {
			t.Errorf("GetBody: got %q, %v", text, err)
		}
	}
	a := attempt
	a.Body = nil
	if req := build(t, template, &API{URL: "http://h"}, a); req.Body != http.NoBody || req.ContentLength != 0 || req.GetBody != nil {
		t.Errorf("no body: got %v, length %d, want http.NoBody", req.Body, req.ContentLength)
	}
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, 1)
	if req, f := template.Build(ctx, &API{URL: "http://h"}, attempt, nil); f != nil || req.Context() != ctx {
		t.Errorf("the request does not have the context it was built with: %v", f)
	}
}

// The names in a target's JSON are those of the AWS API.
func TestParametersJSON(t *testing.T) {
	const text = `{"PathParameterValues":["1"],"HeaderParameters":{"X-A":"1"},"QueryStringParameters":{"q":"1"}}`
	var p Parameters
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	if again, err := json.Marshal(p); err != nil || string(again) != text {
		t.Errorf("got %s, %v, want %s", again, err, text)
	}
}
