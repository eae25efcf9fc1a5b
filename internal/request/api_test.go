package request

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"bailey/internal/retry"
	"bailey/internal/sigv4"
)

func TestValidate(t *testing.T) {
	base := func(change func(*API)) *API {
		a := &API{ID: "petstore", URL: "http://127.0.0.1:9000"}
		change(a)
		return a
	}
	many := map[string]Stage{}
	for i := range 101 {
		many[fmt.Sprint("s", i)] = Stage{"http://h"}
	}
	cases := []struct {
		name string
		api  *API
		want string // "" if it is valid
	}{
		{"a URL", base(func(*API) {}), ""},
		{"stages alone", base(func(a *API) { a.URL, a.Stages = "", map[string]Stage{"prod": {"https://h/x?y=1"}} }), ""},
		{"everything", base(func(a *API) {
			a.Stages = map[string]Stage{"prod": {"https://h/x"}, "$default": {"http://[::1]:80"}}
			a.DefaultStage, a.EndpointType, a.TimeoutSeconds, a.MaxConcurrency, a.RateLimitPerSecond = "prod", "EDGE", 300, 64, 0.5
			a.Authorization, a.OpenAPI = &Authorization{Type: "AWS_IAM"}, json.RawMessage(` {"openapi":"3.0.0"}`)
		}), ""},
		{"T4 a default stage that the URL serves", base(func(a *API) { a.DefaultStage = "prod" }), ""},
		{"T6 private may be registered", base(func(a *API) { a.EndpointType = "PRIVATE" }), ""},
		{"no id", base(func(a *API) { a.ID = "" }), "the id"},
		{"an id with a slash", base(func(a *API) { a.ID = "a/b" }), "the id"},
		{"neither URL nor stages", base(func(a *API) { a.URL = "" }), "needs a url, stages, or both"},
		{"a relative URL", base(func(a *API) { a.URL = "/v1" }), "http://"},
		{"another scheme", base(func(a *API) { a.URL = "ftp://h" }), "http://"},
		{"an address", base(func(a *API) { a.URL = "127.0.0.1:9000" }), "http://"},
		{"a scheme alone", base(func(a *API) { a.URL = "http" }), "http://"},
		{"no scheme", base(func(a *API) { a.URL = "localhost:9000" }), "http://"},
		{"no host", base(func(a *API) { a.URL = "http://:80" }), "no host"},
		{"no parse", base(func(a *API) { a.URL = "http://h/%zz" }), "cannot be parsed"},
		{"an empty port", base(func(a *API) { a.URL = "http://h:/" }), "port"},
		{"port 0", base(func(a *API) { a.URL = "http://h:0" }), "port"},
		{"a port too high", base(func(a *API) { a.URL = "http://h:65536" }), "port"},
		{"a user", base(func(a *API) { a.URL = "http://user:secret@h" }), "has a user"},
		{"a fragment", base(func(a *API) { a.URL = "http://h/#x" }), "fragment"},
		{"a query that is none", base(func(a *API) { a.URL = "http://h/?a=%zz" }), "query"},
		{"a long URL", base(func(a *API) { a.URL = "http://h/" + strings.Repeat("a", 2048) }), "bytes"},
		{"a stage without URL", base(func(a *API) { a.Stages = map[string]Stage{"prod": {}} }), "the url of stage prod"},
		{"a stage's name", base(func(a *API) { a.Stages = map[string]Stage{"a b": {"http://h"}} }), `the stage "a b"`},
		{"too many stages", base(func(a *API) { a.Stages = many }), "101 stages"},
		{"T4 a default stage that is not there", base(func(a *API) {
			a.URL, a.Stages, a.DefaultStage = "", map[string]Stage{"prod": {"http://h"}}, "beta"
		}), "the defaultStage beta"},
		{"T4 a default stage that is none", base(func(a *API) { a.DefaultStage = "*" }), "the defaultStage"},
		{"regions", base(func(a *API) { a.Regions = []string{"eu-west-1", "us-gov-west-1", "*"} }), ""},
		{"a region that is none", base(func(a *API) { a.Regions = []string{"eu-west-1", "EU West"} }), `the region "EU West"`},
		{"an empty region", base(func(a *API) { a.Regions = []string{""} }), `the region ""`},
		{"too many regions", base(func(a *API) { a.Regions = slices.Repeat([]string{"eu-west-1"}, 101) }), "101 regions"},
		{"an endpoint type", base(func(a *API) { a.EndpointType = "edge" }), "endpointType"},
		{"X1 a negative timeout", base(func(a *API) { a.TimeoutSeconds = -1 }), "timeoutSeconds"},
		{"X1 no time at all", base(func(a *API) { a.TimeoutSeconds = 1e-9 }), "timeoutSeconds"},
		{"X1 a long timeout", base(func(a *API) { a.TimeoutSeconds = 300.1 }), "timeoutSeconds"},
		{"X1 not a number", base(func(a *API) { a.TimeoutSeconds = math.NaN() }), "timeoutSeconds"},
		{"negative concurrency", base(func(a *API) { a.MaxConcurrency = -1 }), "maxConcurrency"},
		{"too much concurrency", base(func(a *API) { a.MaxConcurrency = 10001 }), "maxConcurrency"},
		{"a negative rate", base(func(a *API) { a.RateLimitPerSecond = -0.1 }), "rateLimitPerSecond"},
		{"a rate without end", base(func(a *API) { a.RateLimitPerSecond = math.Inf(1) }), "rateLimitPerSecond"},
		{"OpenAPI that is no object", base(func(a *API) { a.OpenAPI = json.RawMessage(`"x"`) }), "openapi"},
		{"OpenAPI that is no JSON", base(func(a *API) { a.OpenAPI = json.RawMessage(`{`) }), "openapi"},
		{"OpenAPI too large", base(func(a *API) { a.OpenAPI = make(json.RawMessage, 6<<20+1) }), "openapi"},
		{"authorization", base(func(a *API) { a.Authorization = &Authorization{} }), "the authorization is not valid: the type"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := c.api.Validate()
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error %q shows the URL", err)
			}
		})
	}
}

func TestRegions(t *testing.T) {
	for _, c := range []struct {
		name        string
		regions     []string
		region, own string
		want        bool
	}{
		{"the rule's own, where nobody says", nil, "us-east-1", "us-east-1", true},
		{"another, where nobody says", nil, "eu-west-1", "us-east-1", false},
		{"one of those said", []string{"us-east-1", "eu-west-1"}, "eu-west-1", "us-east-1", true},
		{"none of those said", []string{"eu-west-1"}, "us-west-2", "us-east-1", false},
		{"the rule's own, but others are said", []string{"eu-west-1"}, "us-east-1", "us-east-1", false},
		{"any", []string{"*"}, "ap-south-1", "us-east-1", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := (&API{Regions: c.regions}).In(c.region, c.own); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	if got := (&API{Regions: []string{"a", "b", "c", "d", "e", "f", "g"}}).RegionList(); got != "a, b, c, d, e and 2 more" {
		t.Errorf("got %s", got)
	}
}

func TestValidateAuthorization(t *testing.T) {
	cases := []struct {
		name string
		auth Authorization
		want string // "" if it is valid
	}{
		{"none", Authorization{Type: "NONE"}, ""},
		{"signature", Authorization{Type: "AWS_IAM"}, ""},
		{"key", Authorization{Type: "API_KEY", APIKey: "k"}, ""},
		{"header", Authorization{Type: "HEADER", Name: "Authorization", Value: "Bearer x"}, ""},
		{"another header", Authorization{Type: "HEADER", Name: "X-Token", Value: "x"}, ""},
		{"no type", Authorization{}, "the type"},
		{"another type", Authorization{Type: "BASIC"}, "the type"},
		{"none with a key", Authorization{Type: "NONE", APIKey: "k"}, "NONE takes no"},
		{"key without key", Authorization{Type: "API_KEY"}, "lacks"},
		{"key with a name", Authorization{Type: "API_KEY", APIKey: "k", Name: "n"}, "API_KEY takes"},
		{"key with a line break", Authorization{Type: "API_KEY", APIKey: "secret\n"}, "printable"},
		{"key as it is shown", Authorization{Type: "API_KEY", APIKey: "***"}, "stands for a secret"},
		{"header without value", Authorization{Type: "HEADER", Name: "X-A"}, "lacks"},
		{"header without name", Authorization{Type: "HEADER", Value: "secret"}, "name of its header"},
		{"header with a key", Authorization{Type: "HEADER", Name: "X-A", Value: "secret", APIKey: "k"}, "HEADER takes"},
		{"header that HTTP sets", Authorization{Type: "HEADER", Name: "host", Value: "secret"}, "name of its header"},
		{"header that Bailey sets", Authorization{Type: "HEADER", Name: "x-amz-source-arn", Value: "secret"}, "name of its header"},
		{"header that deliveries need", Authorization{Type: "HEADER", Name: "idempotency-key", Value: "secret"}, "name of its header"},
		{"header with a comma", Authorization{Type: "HEADER", Name: "a,b", Value: "secret"}, "name of its header"},
		{"value too long", Authorization{Type: "HEADER", Name: "X-A", Value: strings.Repeat("s", 8193)}, "8192 bytes"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := c.auth.validate()
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret\n") {
				t.Errorf("the error %q shows the secret", err)
			}
		})
	}
}

func TestTimeout(t *testing.T) {
	for seconds, want := range map[float64]time.Duration{0: 5 * time.Second, 0.25: 250 * time.Millisecond, 300: 5 * time.Minute} {
		if got := (&API{TimeoutSeconds: seconds}).Timeout(); got != want {
			t.Errorf("X1 timeoutSeconds %v: got %v, want %v", seconds, got, want)
		}
	}
}

func TestAPIJSON(t *testing.T) {
	const text = `{"id":"petstore","url":"http://h","stages":{"prod":{"url":"http://p"}},"defaultStage":"prod","endpointType":"REGIONAL",` +
		`"timeoutSeconds":5,"maxConcurrency":64,"rateLimitPerSecond":1.5,"trailingSlash":true,` +
		`"authorization":{"type":"HEADER","name":"Authorization","value":"Bearer secret"},"openapi":{"a":1}}`
	var api API
	if err := json.Unmarshal([]byte(text), &api); err != nil {
		t.Fatal(err)
	}
	if again, err := json.Marshal(&api); err != nil || string(again) != text {
		t.Errorf("got %s, %v, want %s", again, err, text)
	}
	shown, err := json.Marshal(api.Redacted())
	if want := strings.ReplaceAll(text, "Bearer secret", "***"); err != nil || string(shown) != want {
		t.Errorf("redacted: got %s, %v, want %s", shown, err, want)
	}
	if api.Authorization.Value != "Bearer secret" {
		t.Error("Redacted changed what it was asked of")
	}
	key := API{Authorization: &Authorization{Type: AuthAPIKey, APIKey: "secret"}}
	if got := key.Redacted().Authorization.APIKey; got != Mask {
		t.Errorf("redacted key: got %q, want %q", got, Mask)
	}
	if got := (&API{ID: "a"}).Redacted(); !reflect.DeepEqual(got, &API{ID: "a"}) {
		t.Errorf("without authorization: got %+v", got)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	api := API{ID: "petstore", URL: "http://h", Authorization: &Authorization{Type: AuthHeader, Name: "X-Token", Value: "secret", APIKey: "secret"}}
	var log bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		slog.New(handler).Info("put", "api", api, "same", &api, "authorization", api.Authorization, "value", *api.Authorization)
	}
	shown := log.String() + fmt.Sprintf("%v %+v %#v %s %v %+v %#v %v", api, api, api, &api, api.Authorization, *api.Authorization, *api.Authorization, []any{api, &api})
	if strings.Contains(shown, "secret") {
		t.Errorf("a secret was printed: %s", shown)
	}
	if !strings.Contains(shown, "petstore") || !strings.Contains(shown, "HEADER X-Token") {
		t.Errorf("what is not secret was not printed: %s", shown)
	}
}

func TestAuthorize(t *testing.T) {
	p := &Parameters{HeaderParameters: map[string]string{"X-Api-Key": "theirs", "X-Token": "theirs"}}
	cases := []struct {
		name         string
		auth         *Authorization
		key, token   string
		header, want string
	}{
		{"none", nil, "theirs", "theirs", "Authorization", ""},
		{"NONE", &Authorization{Type: AuthNone}, "theirs", "theirs", "Authorization", ""},
		{"API_KEY", &Authorization{Type: AuthAPIKey, APIKey: "ours"}, "ours", "theirs", "Authorization", ""},
		{"HEADER", &Authorization{Type: AuthHeader, Name: "x-token", Value: "ours"}, "theirs", "ours", "Authorization", ""},
		{"HEADER Authorization", &Authorization{Type: AuthHeader, Name: "Authorization", Value: "Bearer ours"}, "theirs", "theirs", "Authorization", "Bearer ours"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			req := build(t, compile(t, "myapi/prod/POST", p), &API{URL: "http://h", Authorization: c.auth}, attempt)
			if got := req.Header["X-Api-Key"]; !reflect.DeepEqual(got, []string{c.key}) {
				t.Errorf("X-Api-Key: got %q, want %q", got, c.key)
			}
			if got := req.Header["X-Token"]; !reflect.DeepEqual(got, []string{c.token}) {
				t.Errorf("X-Token: got %q, want %q", got, c.token)
			}
			if got := req.Header.Get(c.header); got != c.want {
				t.Errorf("%s: got %q, want %q", c.header, got, c.want)
			}
		})
	}
}

func TestSign(t *testing.T) {
	const role, other = "arn:aws:iam::1:role/invoke", "arn:aws:iam::1:role/other"
	at := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	signer := func(roles map[string]sigv4.Credentials) *Signer {
		s, err := NewSigner(roles, func() time.Time { return at })
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	mine := sigv4.Credentials{AccessKeyID: "MINE", SecretAccessKey: "s"}
	anyone := sigv4.Credentials{AccessKeyID: "ANY", SecretAccessKey: "s", SessionToken: "t"}
	cases := []struct {
		name   string
		signer *Signer
		role   string
		want   string // the access key; "" if there is none
	}{
		{"the role's own", signer(map[string]sigv4.Credentials{role: mine, AnyRole: anyone}), role, "MINE"},
		{"those of any role", signer(map[string]sigv4.Credentials{role: mine, AnyRole: anyone}), other, "ANY"},
		{"another role's", signer(map[string]sigv4.Credentials{role: mine}), other, ""},
		{"no role", signer(map[string]sigv4.Credentials{AnyRole: anyone}), "", ""},
		{"no signer", nil, role, ""},
	}
	template := compile(t, "myapi/prod/POST/pets/*", &Parameters{PathParameterValues: []string{"$.detail.space"}, QueryStringParameters: map[string]string{"b": "2", "a": "x y"}})
	api := &API{URL: "http://h", Authorization: &Authorization{Type: AuthIAM}}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := attempt
			a.RoleARN = c.role
			req, f := template.Build(t.Context(), api, a, c.signer)
			if c.want == "" {
				if f == nil || f.Code != retry.FailedToAssumeRole || f.Retryable {
					t.Errorf("got %v, want FAILED_TO_ASSUME_ROLE, not retryable", f)
				}
				return
			}
			if f != nil {
				t.Fatal(f)
			}
			want := "AWS4-HMAC-SHA256 Credential=" + c.want + "/20260314/us-east-1/execute-api/aws4_request, SignedHeaders="
			if got := req.Header.Get("Authorization"); !strings.HasPrefix(got, want) {
				t.Errorf("got %q, want it to begin with %q", got, want)
			}
			if got := req.Header.Get("X-Amz-Date"); got != "20260314T120000Z" {
				t.Errorf("X-Amz-Date: got %q", got)
			}
			if got, want := req.URL.String(), "http://h/pets/a%20b?a=x%20y&b=2"; got != want {
				t.Errorf("signing changed the URL: got %s, want %s", got, want)
			}
		})
	}
	if _, err := NewSigner(map[string]sigv4.Credentials{role: {}}, time.Now); err == nil || !strings.Contains(err.Error(), role) {
		t.Errorf("credentials without a key: got %v, want an error that names the role", err)
	}
}

func TestPassThrough(t *testing.T) {
	cases := []struct{ name, id, region, want string }{
		{"commercial", "a1b2c3d4e5", "eu-central-1", "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"},
		{"China", "a1b2c3d4e5", "cn-north-1", "https://a1b2c3d4e5.execute-api.cn-north-1.amazonaws.com.cn"},
		{"an id that is no host's name", "My_API", "us-east-1", ""},
		{"a region that is none", "a1b2c3d4e5", "evil.example/", ""},
		{"no region", "a1b2c3d4e5", "", ""},
		{"a hyphen at the end", "a-", "us-east-1", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			api, err := PassThrough(c.id, c.region)
			if c.want == "" {
				if err == nil {
					t.Errorf("got %+v, want an error", api)
				}
				return
			}
			if err != nil || api.URL != c.want || !api.StageInPath || api.Authorization.Type != AuthIAM {
				t.Fatalf("got %+v, %v, want %s, signed", api, err, c.want)
			}
			if err := api.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPrivateEndpoint(t *testing.T) {
	if got := PrivateEndpoint("petstore").Error(); !strings.Contains(got, "petstore") || !strings.Contains(got, "not supported") {
		t.Errorf("T6: got %q, want it to name the API and to say that it is not supported", got)
	}
}

func TestDescribe(t *testing.T) {
	api := &API{URL: "http://h:9000", Authorization: &Authorization{Type: AuthHeader, Name: "x-token", Value: "secret"}}
	p := &Parameters{HeaderParameters: map[string]string{"X-Api-Key": "secret", "x-a": "1", "X-A": "2"}}
	req := build(t, compile(t, "myapi/prod/*/pets", p), api, attempt)
	req.Header.Set("Authorization", "secret")
	req.Header.Set("X-Amz-Security-Token", "secret")
	got, err := Describe(req, api)
	if err != nil {
		t.Fatal(err)
	}
	want := Preview{Method: http.MethodPost, URL: "http://h:9000/pets", Body: `{"some":"body"}`, Headers: map[string]string{
		"Host": "h:9000", "Content-Length": "15", "Content-Type": "application/json", "User-Agent": "Bailey/1.2.3",
		"Idempotency-Key": "d1", "Bailey-Attempt": "1", "X-Amz-Source-Arn": attempt.RuleARN, "X-Amz-Source-Account": attempt.Account,
		"X-A": "1, 2", "X-Api-Key": Mask, "X-Token": Mask, "Authorization": Mask, "X-Amz-Security-Token": Mask,
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	a := attempt
	a.Body = nil
	if got, err := Describe(build(t, compile(t, "myapi/prod/GET", nil), api, a), api); err != nil || got.Body != "" {
		t.Errorf("no body: got %+v, %v", got, err)
	}
}
