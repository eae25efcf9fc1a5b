package sigv4

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"
)

var suite = Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}

var suiteTime = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)

const suiteToken = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="

func ExampleSigner_Sign() {
	signer, err := New(Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"})
	if err != nil {
		fmt.Println(err)
		return
	}
	req := &http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "https", Host: "example.amazonaws.com", Path: "/"}, Header: http.Header{}}
	at := time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)
	if err := signer.Sign(req, nil, Scope{Region: "us-east-1", Service: "service"}, at); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(req.Header.Get("X-Amz-Date"))
	for part := range strings.SplitSeq(req.Header.Get("Authorization"), ", ") {
		fmt.Println(part)
	}
	// Output:
	// 20150830T123600Z
	// AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request
	// SignedHeaders=host;x-amz-date
	// Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31
}

func sign(t *testing.T, c Credentials, req *http.Request, body string, scope Scope, at time.Time) {
	t.Helper()
	signer, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := signer.Sign(req, []byte(body), scope, at); err != nil {
		t.Fatal(err)
	}
}

// The signatures are those of the test suite that AWS published.
func TestPublishedSignatures(t *testing.T) {
	cases := []struct {
		name, method, url string
		header            http.Header
		token             string
		signed, signature string
	}{
		{"get-vanilla", "GET", "https://example.amazonaws.com/", nil, "", "host;x-amz-date",
			"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"post-vanilla", "POST", "https://example.amazonaws.com/", nil, "", "host;x-amz-date",
			"5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		{"get-vanilla-query-order-key-case", "GET", "https://example.amazonaws.com/?Param2=value2&Param1=value1", nil, "", "host;x-amz-date",
			"b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
		{"get-vanilla-query-unreserved", "GET",
			"https://example.amazonaws.com/?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
			nil, "", "host;x-amz-date",
			"9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
		{"get-unreserved", "GET", "https://example.amazonaws.com/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", nil, "", "host;x-amz-date",
			"07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
		{"post-header-key-sort", "POST", "https://example.amazonaws.com/", http.Header{"My-Header1": {"value1"}}, "", "host;my-header1;x-amz-date",
			"c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
		{"post-sts-header-before", "POST", "https://example.amazonaws.com/", nil, suiteToken, "host;x-amz-date;x-amz-security-token",
			"85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), c.method, c.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			maps.Copy(req.Header, c.header)
			credentials := suite
			credentials.SessionToken = c.token
			sign(t, credentials, req, "", Scope{"us-east-1", "service"}, suiteTime)
			want := "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=" + c.signed + ", Signature=" + c.signature
			if got := req.Header.Get("Authorization"); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if got := req.Header.Get("X-Amz-Security-Token"); got != c.token {
				t.Errorf("X-Amz-Security-Token: got %q, want %q", got, c.token)
			}
		})
	}
}

// botocoreSign has the Python SDK sign each request read from standard input.
const botocoreSign = `
import datetime, json, sys
import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

at = datetime.datetime(2015, 8, 30, 12, 36, 0, tzinfo=datetime.timezone.utc)
class fixed(datetime.datetime):
    @classmethod
    def utcnow(cls): return at.replace(tzinfo=None)
    @classmethod
    def now(cls, tz=None): return at
class module: datetime = fixed
botocore.auth.datetime = module  # what older versions read the time from
botocore.auth.get_current_datetime = lambda remove_tzinfo=True: at.replace(tzinfo=None) if remove_tzinfo else at

out = []
for r in json.load(sys.stdin):
    request = AWSRequest(method=r["Method"], url=r["URL"], headers=r["Headers"], data=r["Body"].encode())
    credentials = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", r["Token"] or None)
    botocore.auth.SigV4Auth(credentials, "execute-api", "eu-central-1").add_auth(request)
    out.append(request.headers["Authorization"])
json.dump(out, sys.stdout)
`

// Two SDKs of AWS that share no code agree on the requests that Bailey makes.
func TestAgainstBotocore(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	if err := exec.CommandContext(t.Context(), python, "-c", "import botocore").Run(); err != nil {
		t.Skip("python3 has no botocore")
	}
	type request struct {
		name, Method, URL, Body, Token string
		Headers                        map[string]string
	}
	requests := []request{
		{name: "root", Method: "GET", URL: "https://abc.execute-api.eu-central-1.amazonaws.com/"},
		{name: "body", Method: "POST", URL: "https://abc.execute-api.eu-central-1.amazonaws.com/prod/pets", Body: `{"detail":{"a":"é"}}`},
		{name: "escaped path", Method: "PUT", URL: "https://abc.execute-api.eu-central-1.amazonaws.com/prod/a%2Fb%20c/%C3%A9%25/~x", Body: "{}"},
		{name: "query", Method: "POST", URL: "https://abc.execute-api.eu-central-1.amazonaws.com/prod?b=2&a=1&a=0&c=%20%2B%26%3D%C3%A9&d=", Body: "{}"},
		{name: "headers", Method: "PATCH", URL: "https://abc.execute-api.eu-central-1.amazonaws.com/prod/pets", Body: "{}",
			Headers: map[string]string{"X-Many": "a  b   c", "Idempotency-Key": "k", "X-Amz-Source-Arn": "arn:aws:events:eu-central-1:1:rule/r"}},
		{name: "port", Method: "POST", URL: "http://127.0.0.1:9000/prod/pets", Body: "[]"},
		{name: "token", Method: "DELETE", URL: "https://abc.execute-api.eu-central-1.amazonaws.com/prod/pets/1", Body: "{}", Token: "a/token=="},
		{name: "not signed", Method: "POST", URL: "https://abc.execute-api.eu-central-1.amazonaws.com/prod", Body: "{}",
			Headers: map[string]string{"User-Agent": "Bailey/1", "X-Amzn-Trace-Id": "Root=1-2-3"}},
	}
	got := make([]string, len(requests))
	for i := range requests {
		r := &requests[i]
		req, err := http.NewRequestWithContext(t.Context(), r.Method, r.URL, strings.NewReader(r.Body))
		if err != nil {
			t.Fatal(err)
		}
		for key, value := range r.Headers {
			req.Header.Set(key, value)
		}
		if r.Body != "" {
			// The Go SDK signs the length that net/http sends; the Python SDK signs the headers it is given.
			if r.Headers == nil {
				r.Headers = map[string]string{}
			}
			r.Headers["Content-Length"] = fmt.Sprint(len(r.Body))
		}
		credentials := suite
		credentials.SessionToken = r.Token
		sign(t, credentials, req, r.Body, Scope{"eu-central-1", ExecuteAPI}, suiteTime)
		got[i] = req.Header.Get("Authorization")
	}
	input, err := json.Marshal(requests)
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), python, "-c", botocoreSign)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("running botocore: %v\n%s", err, &stderr)
	}
	var want []string
	if err := json.Unmarshal(output, &want); err != nil {
		t.Fatal(err)
	}
	for i, r := range requests {
		if got[i] != want[i] {
			t.Errorf("%s:\ngot  %s\nwant %s", r.name, got[i], want[i])
		}
	}
}

// One access key id with two secrets, as after a mistake was mended, gives two signatures.
func TestSecretsAreNotMixedUp(t *testing.T) {
	signature := func(secret string) string {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://example.amazonaws.com/", nil)
		if err != nil {
			t.Fatal(err)
		}
		sign(t, Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: secret}, req, "", Scope{"us-east-1", "service"}, suiteTime)
		return req.Header.Get("Authorization")
	}
	if signature("one") == signature("two") {
		t.Error("two secrets gave one signature")
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []Credentials{{}, {AccessKeyID: "a"}, {SecretAccessKey: "s"}} {
		if _, err := New(c); err == nil {
			t.Errorf("%v: got no error, want one", c)
		}
	}
}

func TestCredentialsAreNotPrinted(t *testing.T) {
	c := Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret", SessionToken: "secret token"}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("loaded", "credentials", c)
	slog.New(slog.NewTextHandler(&log, nil)).Info("loaded", "credentials", &c, "list", []Credentials{c})
	slog.New(slog.NewJSONHandler(&log, nil)).Info("loaded", "list", []Credentials{c})
	shown := log.String() + fmt.Sprintf("%v %+v %#v %s %q %v", c, c, c, &c, c, []any{c, &c, map[string]Credentials{"r": c}})
	if strings.Contains(shown, "secret") {
		t.Errorf("a secret was printed: %s", shown)
	}
	if !strings.Contains(shown, "AKIDEXAMPLE") {
		t.Errorf("the access key id was not printed: %s", shown)
	}
}
