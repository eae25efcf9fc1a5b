package request

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

const arnPrefix = "arn:aws:execute-api:us-east-1:112233445566:"

func TestCompileRefuses(t *testing.T) {
	headers := func(key, value string) *Parameters {
		return &Parameters{HeaderParameters: map[string]string{key: value}}
	}
	query := func(key, value string) *Parameters {
		return &Parameters{QueryStringParameters: map[string]string{key: value}}
	}
	path := func(values ...string) *Parameters { return &Parameters{PathParameterValues: values} }
	long := strings.Repeat("a", 513)
	cases := []struct {
		name, resource string
		parameters     *Parameters
		want           string
	}{
		{"T3 a method that is none", "myapi/prod/TRACE", nil, `the method "TRACE"`},
		{"T5 too few", "myapi/prod/GET/*/*", path("1"), "has 2 path variables, but PathParameterValues has 1 value."},
		{"T5 none", "myapi/prod/GET/*", nil, "has 1 path variable, but PathParameterValues has 0 values."},
		{"T5 too many", "myapi/prod/GET/pets", path("1"), "has 0 path variables, but PathParameterValues has 1 value."},
		{"T4 T5 too few for an open stage", "myapi/*/GET/*/*", path("1"), "has 2 path variables and an open stage, but PathParameterValues has 1 value;"},
		{"T4 T5 too many for an open stage", "myapi/*/GET/*", path("1", "2", "3"), "has 1 path variable and an open stage, but PathParameterValues has 3 values;"},
		{"R6 names the key", "myapi/prod/GET", headers("x-aMz-Meta", "1"), "The key x-aMz-Meta of HeaderParameters is not permitted."},
		{"R7 header key", "myapi/prod/GET", headers("X A", "1"), `The key "X A" of HeaderParameters`},
		{"R7 header key with a comma", "myapi/prod/GET", headers("X,A", "1"), "has a comma"},
		{"R7 header key too long", "myapi/prod/GET", headers(long, "1"), "1 to 512 characters"},
		{"R7 header value too long", "myapi/prod/GET", headers("X-A", long), "at most 512 characters"},
		{"R7 query key", "myapi/prod/GET", query("a\n", "1"), "A key of QueryStringParameters must"},
		{"R7 query key empty", "myapi/prod/GET", query("", "1"), "A key of QueryStringParameters must"},
		{"R7 query key too long", "myapi/prod/GET", query(long, "1"), "A key of QueryStringParameters must"},
		{"R7 query value", "myapi/prod/GET", query("a", "\x00"), `The value of "a" in QueryStringParameters must`},
		{"R7 query value too long", "myapi/prod/GET", query("a", long), `The value of "a" in QueryStringParameters must`},
		{"R7 path value blank", "myapi/prod/GET/*", path(" \t"), "PathParameterValues member 1 must not be blank"},
		{"R7 path value with a line break", "myapi/prod/GET/*/*", path("a", "a\nb"), "PathParameterValues member 2 must not be blank and must not have a line break"},
		{"P9 a dot segment as a value", "myapi/prod/GET/*", path(".."), `PathParameterValues member 1 must not be ".."`},
		{"P9 a dot segment as a stage", "myapi/*/GET/*", path(".", "1"), `PathParameterValues member 1 must not be "."`},
		{"P9 an encoded dot segment in the ARN", "myapi/prod/GET/%2E%2e/x", nil, `the segment "%2E%2e"`},
		{"P11 path value", "myapi/prod/GET/*", path("$.a..b["), "PathParameterValues member 1 is not a valid JSON path"},
		{"P11 header value", "myapi/prod/GET", headers("X-A", "$.a..b["), "The value of X-A in HeaderParameters is not a valid JSON path"},
		{"P11 query key", "myapi/prod/GET", query("$.a..b[", "1"), `The key "$.a..b[" of QueryStringParameters is not a valid JSON path`},
		{"P11 query value", "myapi/prod/GET", query("q", "$["), `The value of "q" in QueryStringParameters is not a valid JSON path`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Compile(arnPrefix+c.resource, c.parameters)
			e, ok := errors.AsType[*Error](err)
			if !ok || !strings.Contains(e.Message, c.want) {
				t.Errorf("got %v, want an *Error with %q", err, c.want)
			}
		})
	}
	if _, err := Compile("arn:aws:lambda:us-east-1:1:function:f", nil); err == nil || !strings.HasPrefix(err.Error(), "Parameter arn:aws:lambda:us-east-1:1:function:f is not valid. Reason: ") {
		t.Errorf("P5 another service: got %v, want an error that names the ARN", err)
	}
}

// Every header that the founding document names, and some that it does not.
func TestNotPermittedHeaders(t *testing.T) {
	refused := []string{
		"X-Amz", "X-Amz-Date", "X-Amzn", "X-Amzn-Trace-Id", "X-Amzing",
		"Authorization", "Connection", "Content-Encoding", "Content-Length", "Host", "Max-Forwards", "TE",
		"Transfer-Encoding", "Trailer", "Upgrade", "Via", "WWW-Authenticate", "X-Forwarded-For",
	}
	for _, key := range refused {
		for _, spelled := range []string{key, strings.ToLower(key), strings.ToUpper(key), strings.ReplaceAll(key, "-", "_")} {
			_, err := Compile(arnPrefix+"myapi/prod/GET", &Parameters{HeaderParameters: map[string]string{spelled: "1"}})
			if want := "The key " + spelled + " of HeaderParameters is not permitted."; err == nil || err.Error() != want {
				t.Errorf("R5 R6 %s: got %v, want %q", spelled, err, want)
			}
		}
	}
	for _, key := range []string{"Accept", "Content-Type", "User-Agent", "X-Api-Key", "X-Am", "XAmz", "Forwarded", "Cookie", "Teapot", "Tea_pot", "Idempotency-Key", "$.a"} {
		if _, err := Compile(arnPrefix+"myapi/prod/GET", &Parameters{HeaderParameters: map[string]string{key: "1"}}); err != nil {
			t.Errorf("R5 %s: got %v, want it permitted", key, err)
		}
	}
}

// The patterns of the service model, which the hand-written checks stand for.
var (
	headerKeyPattern  = regexp.MustCompile("^[!#$%&'*+-.^_`|~0-9a-zA-Z]+$")
	queryKeyPattern   = regexp.MustCompile(`^[^\x00-\x1F\x7F]+$`)
	queryValuePattern = regexp.MustCompile(`^[^\x00-\x09\x0B\x0C\x0E-\x1F\x7F]+$`)
	// The negative look-ahead is the second, which must not match. A dot is what
	// it is in Java: anything but a line terminator.
	pathValuePattern = regexp.MustCompile(`^[^\n\r\x{85}\x{2028}\x{2029}]+$`)
	blankPattern     = regexp.MustCompile(`^[ \t\n\v\f\r]*$`)
)

func checkAgainstPatterns(t *testing.T, s string) {
	t.Helper()
	short := len([]rune(s)) <= 512
	if got, want := validHeaderKey(s), short && headerKeyPattern.MatchString(s); got != want {
		t.Errorf("R7 header key %q: got %v, want %v", s, got, want)
	}
	if got := validHeaderValue(s); got != short {
		t.Errorf("R7 header value %q: got %v, want %v", s, got, short)
	}
	if got, want := validQueryKey(s), short && queryKeyPattern.MatchString(s); got != want {
		t.Errorf("R7 query key %q: got %v, want %v", s, got, want)
	}
	if got, want := validQueryValue(s), short && queryValuePattern.MatchString(s); got != want {
		t.Errorf("R7 query value %q: got %v, want %v", s, got, want)
	}
	if got, want := validPathValue(s), pathValuePattern.MatchString(s) && !blankPattern.MatchString(s); got != want {
		t.Errorf("R7 path value %q: got %v, want %v", s, got, want)
	}
}

func TestPatterns(t *testing.T) {
	for c := range rune(0x100) {
		checkAgainstPatterns(t, string(c))
		checkAgainstPatterns(t, "a"+string(c)+"b")
	}
	for _, s := range []string{
		"", " ", "\t", " \t ", "\ta", "a\t", "a\t\tb", "a \t b", "\u2028", "a\u2029b", "日本語", "Content-Type", "$.detail['é']",
		strings.Repeat("a", 512), strings.Repeat("a", 513), strings.Repeat("é", 512), strings.Repeat("é", 513),
	} {
		checkAgainstPatterns(t, s)
	}
}

func FuzzPatterns(f *testing.F) {
	f.Add("a\tb")
	f.Add("X-Header,")
	f.Add("\u0085")
	f.Fuzz(func(t *testing.T, s string) { checkAgainstPatterns(t, strings.ToValidUTF8(s, "")) })
}

func TestRoute(t *testing.T) {
	const arn = "arn:aws:execute-api:us-east-1:123456789012:api/prod/"
	compile := func(resource string, values ...string) *Template {
		t.Helper()
		tmpl, err := Compile(arn+resource, &Parameters{PathParameterValues: values})
		if err != nil {
			t.Fatal(err)
		}
		return tmpl
	}
	for _, tt := range []struct {
		resource string
		values   []string
		want     string
	}{
		{"POST/orders", nil, "POST /orders"},
		{"*/orders", nil, "POST /orders"},
		{"GET", nil, "GET /"},
		{"PUT/tenants/*/orders/*", []string{"$.detail.tenant", "7"}, "PUT /tenants/*/orders/*"},
	} {
		if got := compile(tt.resource, tt.values...).Route(); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.resource, got, tt.want)
		}
	}
	a, b := []byte(`{"detail": {"tenant": "a"}}`), []byte(`{"detail": {"tenant": "b"}}`)
	dynamic := compile("PUT/tenants/*", "$.detail.tenant")
	if k := dynamic.PathKey(a); k == 0 || k != dynamic.PathKey(a) || k == dynamic.PathKey(b) {
		t.Error("the paths of two tenants are not told apart")
	}
	if compile("PUT/tenants/*", "x").PathKey(a) == compile("PUT/tenants/*", "y").PathKey(a) {
		t.Error("two fixed paths of one route are not told apart")
	}
	if k := compile("PUT/tenants").PathKey(a); k != 0 {
		t.Errorf("a route without variables has the path %d", k)
	}
}
