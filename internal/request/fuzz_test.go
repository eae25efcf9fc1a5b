package request

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"bailey/internal/retry"
)

// Whatever an event has in it, a server reads the request it was meant to read:
// as many segments and parameters as the target has, each with the value of the
// event, and no header that the target does not have (P8, P9, P10, R3).
func FuzzBuild(f *testing.F) {
	for _, seed := range []string{
		"plain", "", ".", "..", "a/b", "../..", "%2e%2e", "%2F", "a?b", "a#b", "a&b=c", "a;b", "a+b", " ", "\t", "\r\nX-Evil: 1",
		"a\nb", "\x00", "é", "\u2028", "//", `\`, "http://evil", "a\x7fb", strings.Repeat("x", 9000), "{}", "\u00a0", "\U0001F600",
	} {
		f.Add(seed)
	}
	template := compile(f, "myapi/prod/POST/before/*/after/*", &Parameters{
		PathParameterValues:   []string{"$.detail.v", "fixed"},
		QueryStringParameters: map[string]string{"q": "$.detail.v"},
	})
	keys := compile(f, "myapi/prod/POST/x", &Parameters{QueryStringParameters: map[string]string{"$.detail.v": "1", "q": "2"}})
	headers := compile(f, "myapi/prod/POST/x", &Parameters{HeaderParameters: map[string]string{"X-V": "$.detail.v"}})
	api := &API{URL: "http://h/base"}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "")
		detail, err := json.Marshal(map[string]string{"v": text})
		if err != nil {
			t.Fatal(err)
		}
		a := attempt
		a.Event = []byte(`{"detail":` + string(detail) + `}`)

		received := serve(t, template, api, a)
		if refused := text == "" || text == "." || text == ".." || len(text) > maxFilled; refused != (received == nil) {
			t.Fatalf("P8 P9 %q: got refused %v, want %v", text, received == nil, refused)
		}
		if received != nil {
			segments := strings.Split(received.URL.EscapedPath(), "/")
			if len(segments) != 6 || segments[1] != "base" || segments[2] != "before" || segments[4] != "after" || segments[5] != "fixed" {
				t.Fatalf("P9 %q: got the path %s", text, received.URL.EscapedPath())
			}
			if got, err := url.PathUnescape(segments[3]); err != nil || got != text {
				t.Errorf("P9: got the segment %q, %v, want %q", got, err, text)
			}
			query, err := url.ParseQuery(received.URL.RawQuery)
			if err != nil || len(query) != 1 || len(query["q"]) != 1 || query["q"][0] != text {
				t.Errorf("R3 %q: got the query %s, %v", text, received.URL.RawQuery, err)
			}
		}

		received = serve(t, keys, api, a)
		if refused := text == "" || len(text) > maxFilled; refused != (received == nil) {
			t.Fatalf("R3 %q as a key: got refused %v, want %v", text, received == nil, refused)
		}
		if received != nil {
			query, err := url.ParseQuery(received.URL.RawQuery)
			if got := query[text]; err != nil || len(got) == 0 || got[0] != "1" {
				t.Errorf("R3 %q as a key: got the query %s, %v", text, received.URL.RawQuery, err)
			}
		}

		received = serve(t, headers, api, a)
		if refused := len(text) > maxFilled || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }); refused != (received == nil) {
			t.Fatalf("P10 %q: got refused %v, want %v", text, received == nil, refused)
		}
		// 6 of Bailey's own, X-V and Content-Length; Host is not in the map.
		if received != nil && (len(received.Header) != 8 || received.Header.Get("X-V") != strings.Trim(text, " ")) {
			t.Errorf("P10 %q: got the header %v", text, received.Header)
		}
	})
}

// serve builds a request and returns it as net/http's server reads it from the
// wire, or nil where it could not be built.
func serve(t *testing.T, template *Template, api *API, a Attempt) *http.Request {
	t.Helper()
	req, f := template.Build(t.Context(), api, a, nil)
	if f != nil {
		if f.Code != retry.InvalidParameter || f.Retryable {
			t.Fatalf("got %v, want INVALID_PARAMETER, not retryable", f)
		}
		return nil
	}
	var wire bytes.Buffer
	if err := req.Write(&wire); err != nil {
		t.Fatalf("writing the request: %v", err)
	}
	received, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		t.Fatalf("a server could not read the request: %v", err)
	}
	return received
}

// What Compile takes, Build makes into a URL that leads to the API's host and no
// other.
func FuzzCompile(f *testing.F) {
	f.Add("myapi/prod/GET/pets/*", "1", "q", "v")
	f.Add("myapi/*/*/a%2fb/%2e/*/", "$.detail", "$.id", "$.detail.x[*]")
	f.Add("a/b/POST/?#[]", "", "", "")
	f.Fuzz(func(t *testing.T, resource, value, key, text string) {
		template, err := Compile(arnPrefix+resource, &Parameters{
			PathParameterValues:   []string{value},
			QueryStringParameters: map[string]string{key: text},
			HeaderParameters:      map[string]string{"X-" + key: text},
		})
		if err != nil {
			return
		}
		req, failure := template.Build(t.Context(), &API{URL: "http://h/base"}, attempt, nil)
		if failure != nil {
			return
		}
		again, err := url.Parse(req.URL.String())
		if err != nil || again.Host != "h" || again.Path != req.URL.Path || !strings.HasPrefix(again.EscapedPath(), "/base") {
			t.Errorf("got %s, %v", req.URL, err)
		}
		for segment := range strings.SplitSeq(again.EscapedPath(), "/") {
			if decoded, err := url.PathUnescape(segment); err != nil || decoded == "." || decoded == ".." {
				t.Errorf("got %s, with the segment %q", req.URL, segment)
			}
		}
	})
}
