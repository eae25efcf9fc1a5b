package http1

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// A request has the same bytes as one that net/http sends.
func TestSameBytesAsNetHTTP(t *testing.T) {
	long := strings.Repeat("a long body ", 10_000)
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		for _, address := range []string{"http://shop", "http://shop:8080/a%2Fb/c?d=e%20f", "http://[2001:db8::1]:80/?", "http://192.0.2.1/ä"} {
			for _, body := range []string{"", `{"n":1}`, long} {
				request := func() *http.Request {
					var content io.Reader = http.NoBody
					if body != "" {
						content = bytes.NewReader([]byte(body))
					}
					req, err := http.NewRequestWithContext(t.Context(), method, address, content)
					if err != nil {
						t.Fatal(err)
					}
					req.Header = http.Header{
						"X-Team": {"orders", " spaced\t"}, "Content-Type": {"application/json"}, "User-Agent": {"Bailey/1"}, "A": {""},
						"Host": {"other"}, "Content-Length": {"7"}, "Transfer-Encoding": {"chunked"}, "Trailer": {"A"}, "Idempotency-Key": {"ü"},
					}
					return req
				}
				got := make(chan string, 1)
				dial := func(context.Context, string, string) (net.Conn, error) {
					near, far := net.Pipe()
					go func() {
						defer far.Close()
						got <- string(receive(far))
						_, _ = io.WriteString(far, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
					}()
					return near, nil
				}
				if !Speaks(request()) {
					t.Fatalf("%s %s is left to net/http", method, address)
				}
				if _, _, err := send(&Client{Dial: dial}, request()); err != nil {
					t.Fatal(err)
				}
				ours := <-got
				transport := &http.Transport{DialContext: dial, DisableCompression: true}
				resp, err := transport.RoundTrip(request())
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if theirs := <-got; ours != theirs || ours == "" {
					t.Errorf("%s %s: sent\n%.500q, net/http sends\n%.500q", method, address, ours, theirs)
				}
			}
		}
	}
}

// What would make two requests of one is not sent.
func TestAppendHeadRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*http.Request)
	}{
		{"method", func(r *http.Request) { r.Method = "GET / HTTP/1.1\r\nA:" }},
		{"empty method", func(r *http.Request) { r.Method = "" }},
		{"line feed in the query", func(r *http.Request) { r.URL.RawQuery = "a=b\nc" }},
		{"space in the query", func(r *http.Request) { r.URL.RawQuery = "a HTTP/1.1" }},
		{"carriage return in a header", func(r *http.Request) { r.Header["A"] = []string{"b\rc"} }},
		{"line feed in a header", func(r *http.Request) { r.Header["A"] = []string{"b\nSECRET: d"} }},
		{"NUL in a header", func(r *http.Request) { r.Header["A"] = []string{"b\x00"} }},
		{"line feed in the user agent", func(r *http.Request) { r.Header["User-Agent"] = []string{"b\nSECRET: d"} }},
		{"header name", func(r *http.Request) { r.Header["A: b\r\nC"] = []string{"d"} }},
		{"empty header name", func(r *http.Request) { r.Header[""] = []string{"d"} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req := post(t, "http://shop/orders", "{}")
			tt.change(req)
			c, dials := servedBy(t, func(_ int64, c net.Conn) { receive(c) })
			if _, _, err := send(c, req); err == nil || strings.Contains(err.Error(), "SECRET") {
				t.Errorf("got %v, want an error that does not show it", err)
			}
			if dials.Load() > 0 {
				t.Error("a connection was made")
			}
		})
	}
	// A path cannot do it: it is escaped on the way.
	head, err := appendHead(nil, &http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "http", Host: "shop", Path: "/a b\r\nc", RawPath: "/a b\r\nc"}})
	if err != nil || !strings.HasPrefix(string(head), "GET /a%20b%0D%0Ac HTTP/1.1\r\n") {
		t.Errorf("got %q, %v", head, err)
	}
}

// What is not plain HTTP/1.1 is left to net/http.
func TestSpeaks(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*http.Request)
		want   bool
	}{
		{"plain", func(*http.Request) {}, true},
		{"without a body", func(r *http.Request) { r.Body, r.ContentLength = http.NoBody, 0 }, true},
		{"TLS", func(r *http.Request) { r.URL.Scheme = "https" }, false},
		{"a zone", func(r *http.Request) { r.URL.Host = "[fe80::1%25eth0]" }, false},
		{"a name that is to be encoded", func(r *http.Request) { r.URL.Host = "schön.example" }, false},
		{"another host with a line break", func(r *http.Request) { r.Host = "shop\r\nA: b" }, false},
		{"no host", func(r *http.Request) { r.URL.Host = "" }, false},
		{"opaque", func(r *http.Request) { r.URL.Opaque = "//shop/a" }, false},
		{"a body of unknown length", func(r *http.Request) { r.ContentLength = -1 }, false},
		{"a body that cannot be read again", func(r *http.Request) { r.GetBody = nil }, false},
		{"a length without a body", func(r *http.Request) { r.Body = nil }, false},
		{"a connection of its own", func(r *http.Request) { r.Close = true }, false},
		{"a header that asks for it", func(r *http.Request) { r.Header.Set("Connection", "close") }, false},
		{"chunks", func(r *http.Request) { r.TransferEncoding = []string{"chunked"} }, false},
		{"a tunnel", func(r *http.Request) { r.Method = http.MethodConnect }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			req := post(t, "http://shop/orders", "{}")
			tt.change(req)
			if got := Speaks(req); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
