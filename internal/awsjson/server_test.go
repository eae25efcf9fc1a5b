package awsjson

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

type putInput struct {
	Name  string
	Limit *int
	Since *Time
}

type putOutput struct {
	Text string
	When *Time `json:",omitempty"`
}

// newTestServer serves four operations of a small model: Put echoes its input,
// Nothing answers without output, Fail fails, Raw answers its body's length;
// Later is in the model only.
func newTestServer(t *testing.T, config Config) (*httptest.Server, *bytes.Buffer) {
	t.Helper()
	config.Service = &Service{TargetPrefix: "Test", Operations: map[string]*Shape{
		"Put": inputShape, "Nothing": inputShape, "Fail": inputShape, "Raw": inputShape, "Later": inputShape,
	}}
	var logged bytes.Buffer
	config.Logger = slog.New(slog.NewTextHandler(&logged, nil))
	s := NewServer(config)
	Handle(s, "Put", func(_ context.Context, c *Call, in *putInput) (*putOutput, error) {
		return &putOutput{Text: "<" + in.Name + "> in " + c.Region, When: in.Since}, nil
	})
	Handle(s, "Nothing", func(context.Context, *Call, *putInput) (*struct{}, error) { return nil, nil })
	Handle(s, "Fail", func(_ context.Context, _ *Call, in *putInput) (*putOutput, error) {
		if in.Name == "mine" {
			return nil, errors.New("the disk is full")
		}
		return nil, fmt.Errorf("failing: %w", &Error{Code: "ResourceNotFoundException", Message: "No <" + in.Name + ">."})
	})
	s.HandleRaw("Raw", func(_ context.Context, c *Call) ([]byte, error) {
		return fmt.Appendf(nil, `{"Length":%d}`, len(c.Body)), nil
	})
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server, &logged
}

func post(t *testing.T, url, target, body string, header ...string) (*http.Response, string) {
	t.Helper()
	return do(t, http.MethodPost, url, body, append([]string{"X-Amz-Target", target, "Content-Type", "application/x-amz-json-1.1"}, header...)...)
}

func do(t *testing.T, method, url, body string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}

func TestServer(t *testing.T) {
	server, _ := newTestServer(t, Config{Region: "eu-west-1", MaxBody: 200})
	for _, tt := range []struct {
		name, target, body string
		header             []string
		status             int
		want               string
	}{
		{"typed", "Test.Put", `{"Name":"a","Since":1.5}`, nil, 200, `{"Text":"<a> in eu-west-1","When":1.500}`},
		{"a charset with the content type", "Test.Put", `{"Name":"a"}`, []string{"Content-Type", "application/x-amz-json-1.1; charset=utf-8"}, 200, `{"Text":"<a> in eu-west-1"}`},
		{"no output", "Test.Nothing", `{"Name":"a"}`, nil, 200, ``},
		{"raw", "Test.Raw", `no JSON`, nil, 200, `{"Length":7}`},
		{"region of the credential scope", "Test.Put", `{"Name":"a"}`, []string{"Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20250101/ap-southeast-2/events/aws4_request, SignedHeaders=host, Signature=00"}, 200, `{"Text":"<a> in ap-southeast-2"}`},
		{"an access key with slashes", "Test.Put", `{"Name":"a"}`, []string{"Authorization", "AWS4-HMAC-SHA256 Credential=AK/I/D/20250101/us-west-2/events/aws4_request"}, 200, `{"Text":"<a> in us-west-2"}`},
		{"a scope without a region", "Test.Put", `{"Name":"a"}`, []string{"Authorization", "Bearer x"}, 200, `{"Text":"<a> in eu-west-1"}`},
		{"a scope that is none", "Test.Put", `{"Name":"a"}`, []string{"Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20250101/<script>/events/aws4_request"}, 200, `{"Text":"<a> in eu-west-1"}`},
		{"validation", "Test.Put", `{}`, nil, 400, `{"__type":"ValidationException","message":"1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null"}`},
		{"types", "Test.Put", `{"Name":1}`, nil, 400, `{"__type":"SerializationException","message":"NUMBER_VALUE can not be converted to a String"}`},
		{"no JSON", "Test.Put", `{`, nil, 400, `{"__type":"SerializationException"}`},
		{"a timestamp out of range", "Test.Put", `{"Name":"a","Since":1e300}`, nil, 400, `{"__type":"SerializationException"}`},
		{"a handler's error", "Test.Fail", `{"Name":"x"}`, nil, 400, `{"__type":"ResourceNotFoundException","message":"No <x>."}`},
		{"not there yet", "Test.Later", `{"Name":"x"}`, nil, 400, `{"__type":"OperationDisabledException","message":"Operation Later is not supported by this server."}`},
		{"unknown operation", "Test.Never", `{}`, nil, 400, `{"__type":"UnknownOperationException"}`},
		{"another service", "Other.Put", `{}`, nil, 400, `{"__type":"UnknownOperationException"}`},
		{"no target", "", `{}`, nil, 400, `{"__type":"UnknownOperationException"}`},
		{"too large", "Test.Put", strings.Repeat(" ", 201), nil, 413, `{"__type":"RequestEntityTooLargeException","message":"The request's body is larger than 200 bytes."}`},
		{"an encoding that is not known", "Test.Put", `{}`, []string{"Content-Encoding", "br"}, 415, `{"__type":"UnsupportedMediaTypeException","message":"Content-Encoding \"br\" is not supported."}`},
		{"gzip that is none", "Test.Put", `{}`, []string{"Content-Encoding", "gzip"}, 400, `{"__type":"SerializationException"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer, body := post(t, server.URL, tt.target, tt.body, tt.header...)
			if answer.StatusCode != tt.status || body != tt.want {
				t.Errorf("got  %d %s\nwant %d %s", answer.StatusCode, body, tt.status, tt.want)
			}
			if got := answer.Header.Get("Content-Type"); got != "application/x-amz-json-1.1" {
				t.Errorf("got content type %q, want application/x-amz-json-1.1", got)
			}
			uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
			if got := answer.Header.Get("x-amzn-RequestId"); !uuid.MatchString(got) {
				t.Errorf("got request id %q, want a random UUID", got)
			}
		})
	}
}

func TestServerPresignedRegion(t *testing.T) {
	server, _ := newTestServer(t, Config{})
	_, body := post(t, server.URL+"/?X-Amz-Credential=AKID%2F20250101%2Feu-north-1%2Fevents%2Faws4_request", "Test.Put", `{"Name":"a"}`)
	if want := `{"Text":"<a> in eu-north-1"}`; body != want {
		t.Errorf("got %s, want %s", body, want)
	}
}

func TestServerLogsItsOwnFaults(t *testing.T) {
	server, logged := newTestServer(t, Config{})
	answer, body := post(t, server.URL, "Test.Fail", `{"Name":"mine"}`)
	id := answer.Header.Get("x-amzn-RequestId")
	want := `{"__type":"InternalException","message":"An internal error occurred. Request ID: ` + id + `"}`
	if answer.StatusCode != 500 || body != want {
		t.Errorf("got %d %s, want 500 %s", answer.StatusCode, body, want)
	}
	for _, part := range []string{"the disk is full", id, "Test.Fail"} {
		if !strings.Contains(logged.String(), part) {
			t.Errorf("log %q does not say %q", logged.String(), part)
		}
	}
}

func TestServerMethods(t *testing.T) {
	server, _ := newTestServer(t, Config{})
	for path, status := range map[string]int{"/": 400, "/elsewhere": 404} {
		answer, body := do(t, http.MethodGet, server.URL+path, "", "X-Amz-Target", "Test.Put")
		if want := `{"__type":"UnknownOperationException"}`; answer.StatusCode != status || body != want {
			t.Errorf("GET %s: got %d %s, want %d %s", path, answer.StatusCode, body, status, want)
		}
	}
}

func TestServerGzip(t *testing.T) {
	server, _ := newTestServer(t, Config{MaxBody: 1000})
	pack := func(text string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	answer, body := post(t, server.URL, "Test.Raw", pack(strings.Repeat("x", 1000)), "Content-Encoding", "gzip")
	if want := `{"Length":1000}`; answer.StatusCode != 200 || body != want {
		t.Errorf("at the limit: got %d %s, want 200 %s", answer.StatusCode, body, want)
	}
	answer, _ = post(t, server.URL, "Test.Raw", pack(strings.Repeat("x", 1001)), "Content-Encoding", "gzip")
	if answer.StatusCode != 413 {
		t.Errorf("a byte more than the limit once unpacked: got %d, want 413", answer.StatusCode)
	}
	packed := pack(`{"Name":"a"}`)
	answer, _ = post(t, server.URL, "Test.Raw", packed[:len(packed)-4], "Content-Encoding", "gzip")
	if answer.StatusCode != 400 {
		t.Errorf("cut off: got %d, want 400", answer.StatusCode)
	}
}

// TestServerChunked sends bodies of unannounced length.
func TestServerChunked(t *testing.T) {
	server, _ := newTestServer(t, Config{MaxBody: 1000})
	for _, tt := range []struct{ length, status int }{{1000, 200}, {1001, 413}} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, io.MultiReader(strings.NewReader(strings.Repeat("x", tt.length))))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Amz-Target", "Test.Raw")
		r.Header.Set("Expect", "100-continue")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != tt.status {
			t.Errorf("%d bytes: got %d, want %d", tt.length, answer.StatusCode, tt.status)
		}
	}
}

func TestServerOrigins(t *testing.T) {
	server, _ := newTestServer(t, Config{Origins: []string{"https://app.example"}})
	for _, tt := range []struct {
		origin string
		status int
	}{
		{"https://app.example", 200},
		{"http://localhost:3000", 200},
		{"http://127.0.0.1:3000", 200},
		{"http://[::1]:3000", 200},
		{server.URL, 200},
		{"https://evil.example", 403},
		{"https://localhost.evil.example", 403},
		{"null", 403},
	} {
		t.Run(tt.origin, func(t *testing.T) {
			answer, _ := post(t, server.URL, "Test.Put", `{"Name":"a"}`, "Origin", tt.origin)
			allowed := answer.Header.Get("Access-Control-Allow-Origin")
			if answer.StatusCode != tt.status || (tt.status == 200) != (allowed == tt.origin) {
				t.Errorf("got %d and allowed origin %q, want %d", answer.StatusCode, allowed, tt.status)
			}
			answer, body := do(t, http.MethodOptions, server.URL, "", "Origin", tt.origin,
				"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "x-amz-target,x-new")
			if answer.StatusCode != tt.status {
				t.Errorf("preflight: got %d, want %d", answer.StatusCode, tt.status)
			}
			if tt.status != 200 {
				return
			}
			if got := answer.Header.Get("Access-Control-Allow-Headers"); got != "x-amz-target,x-new" || body != "" {
				t.Errorf("preflight: got headers %q and body %q, want those asked for and none", got, body)
			}
		})
	}
}

func TestHandlePanics(t *testing.T) {
	s := NewServer(Config{Service: &Service{Operations: map[string]*Shape{"Put": inputShape}}})
	none := func(context.Context, *Call) ([]byte, error) { return nil, nil }
	s.HandleRaw("Put", none)
	for _, operation := range []string{"Put", "Never"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("registering %s: got no panic, want one", operation)
				}
			}()
			s.HandleRaw(operation, none)
		}()
	}
}
