package retry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

func TestFromResponse(t *testing.T) {
	cases := []struct {
		name      string
		status    int
		code      Code
		retryable bool
	}{
		{"X3 a redirect", 302, ErrorFromTarget, false},
		{"X3 not modified", 304, ErrorFromTarget, false},
		{"X3 bad request", 400, ErrorFromTarget, false},
		{"X3 unauthorized", 401, NoPermissions, false},
		{"X3 forbidden", 403, NoPermissions, false},
		{"X3 not found", 404, ErrorFromTarget, false},
		{"X3 request timeout is a 4xx", 408, ErrorFromTarget, false},
		{"X3 the last 4xx", 499, ErrorFromTarget, false},
		{"X2 too many requests", 429, Throttling, true},
		{"X2 internal server error", 500, ErrorFromTarget, true},
		{"X2 not implemented", 501, ErrorFromTarget, true},
		{"X2 service unavailable", 503, ErrorFromTarget, true},
		{"X2 gateway timeout is a 5xx", 504, ErrorFromTarget, true},
		{"X2 the last 5xx", 599, ErrorFromTarget, true},
		{"X3 switching protocols", 101, ErrorFromTarget, false},
		{"X3 no such class", 600, ErrorFromTarget, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := FromResponse(c.status, http.Header{}, noon)
			if f == nil || f.Code != c.code || f.Retryable != c.retryable || f.StatusCode != c.status {
				t.Fatalf("status %d: got %+v, want code %s, retryable %v", c.status, f, c.code, c.retryable)
			}
			if want := fmt.Sprintf("the endpoint answered %d", c.status); !strings.HasPrefix(f.Message, want) {
				t.Errorf("message: got %q, want it to begin with %q", f.Message, want)
			}
		})
	}
	for status := 200; status <= 299; status++ {
		if f := FromResponse(status, http.Header{}, noon); f != nil {
			t.Errorf("status %d: got %v, want none", status, f)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	cases := []struct {
		name   string
		status int
		value  string
		want   time.Duration
	}{
		{"X6 seconds on 429", 429, "120", 2 * time.Minute},
		{"X6 seconds on 503", 503, " 7 ", 7 * time.Second},
		{"X6 a date", 503, "Sat, 14 Mar 2026 12:05:00 GMT", 5 * time.Minute},
		{"X6 an old form of date", 503, "Saturday, 14-Mar-26 12:05:00 GMT", 5 * time.Minute},
		{"X6 a date in the past", 429, "Sat, 14 Mar 2026 11:00:00 GMT", 0},
		{"X6 zero", 429, "0", 0},
		{"X6 none", 429, "", 0},
		{"X6 a negative number", 429, "-5", 0},
		{"X6 a fraction", 429, "1.5", 0},
		{"X6 words", 429, "soon", 0},
		{"X6 more than an event's life", 429, "86401", 24 * time.Hour},
		{"X6 more than a number holds", 429, "99999999999999999999", 24 * time.Hour},
		{"X6 a date years away", 429, "Sat, 14 Mar 2099 12:05:00 GMT", 24 * time.Hour},
		{"X6 not on another 5xx", 500, "120", 0},
		{"X6 not on another 4xx", 404, "120", 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := FromResponse(c.status, http.Header{"Retry-After": {c.value}}, noon)
			if f.RetryAfter != c.want {
				t.Errorf("got %v, want %v", f.RetryAfter, c.want)
			}
		})
	}
}

type forbidden struct{}

func (forbidden) Error() string   { return "address 169.254.169.254 may not be called" }
func (forbidden) Forbidden() bool { return true }

func TestFromError(t *testing.T) {
	dial := func(err error) error {
		return &url.Error{Op: "Post", URL: "http://api.test/secret", Err: &net.OpError{Op: "dial", Net: "tcp", Err: err}}
	}
	cases := []struct {
		name      string
		err       error
		code      Code
		retryable bool
		message   string
	}{
		{"X2 deadline", &url.Error{Op: "Post", URL: "http://api.test/secret", Err: context.DeadlineExceeded}, Timeout, true, "did not answer in full"},
		{"X2 a read that timed out", fmt.Errorf("reading: %w", os.ErrDeadlineExceeded), Timeout, true, "did not answer in full"},
		{"X2 connecting timed out", dial(os.ErrDeadlineExceeded), Timeout, true, "connecting"},
		{"X2 look-up timed out", dial(&net.DNSError{Err: "i/o timeout", Name: "api.test", IsTimeout: true}), Timeout, true, "looking up api.test"},
		{"X2 look-up failed for now", dial(&net.DNSError{Err: "server misbehaving", Name: "api.test", IsTemporary: true}), ConnectionFailure, true, "server misbehaving"},
		{"X2 look-up failed for now, and found nothing", dial(&net.DNSError{Err: "server misbehaving", Name: "api.test", IsTemporary: true, IsNotFound: true}), ConnectionFailure, true, "server misbehaving"},
		{"X2 look-up failed otherwise", dial(&net.DNSError{Err: "cannot unmarshal DNS message", Name: "api.test"}), ConnectionFailure, true, "cannot unmarshal"},
		{"X3 no such name", dial(&net.DNSError{Err: "no such host", Name: "api.test", IsNotFound: true}), ConnectionFailure, false, "the name api.test does not exist"},
		{"X2 refused", dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)), ConnectionFailure, true, "connection refused"},
		{"X2 reset", &url.Error{Op: "Post", URL: "http://api.test/secret", Err: &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}}, ConnectionFailure, true, "connection reset"},
		{"X2 broken off", &url.Error{Op: "Post", URL: "http://api.test/secret", Err: io.ErrUnexpectedEOF}, ConnectionFailure, true, "in the middle of its answer"},
		{"X3 egress rule", dial(forbidden{}), NoPermissions, false, "169.254.169.254"},
		{"a verdict within", fmt.Errorf("building: %w", Invalid("header %s", "X-A")), InvalidParameter, false, "header X-A"},
		{"line breaks and control characters", errors.New("malformed \"\x00\r\nHTTP\xff\""), ConnectionFailure, true, "malformed \"   HTTP\uFFFD\""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := FromError(c.err)
			if f == nil || f.Code != c.code || f.Retryable != c.retryable {
				t.Fatalf("got %+v, want code %s, retryable %v", f, c.code, c.retryable)
			}
			if !strings.Contains(f.Message, c.message) {
				t.Errorf("message: got %q, want one with %q", f.Message, c.message)
			}
			if strings.Contains(f.Message, "secret") {
				t.Errorf("message %q has the URL in it", f.Message)
			}
		})
	}
	if f := FromError(nil); f != nil {
		t.Errorf("no error: got %v, want none", f)
	}
}

// What came before there was a connection tells of the host; what came after may
// be the doing of one of its routes.
func TestFromErrorUnreached(t *testing.T) {
	op := func(op string, err error) error { return &net.OpError{Op: op, Net: "tcp", Err: err} }
	for _, c := range []struct {
		name string
		err  error
		want bool
	}{
		{"refused", op("dial", syscall.ECONNREFUSED), true},
		{"connecting timed out", op("dial", os.ErrDeadlineExceeded), true},
		{"a name that is not there", op("dial", &net.DNSError{Err: "no such host", IsNotFound: true}), true},
		{"a look-up that timed out", &net.DNSError{Err: "i/o timeout", IsTimeout: true}, true},
		{"a certificate", &tls.CertificateVerificationError{Err: errors.New("x509: unknown authority")}, true},
		{"a TLS alert", op("remote error", tls.AlertError(40)), true},
		{"no TLS at all", errors.New("http: server gave HTTP response to HTTPS client"), true},
		{"reset", op("read", syscall.ECONNRESET), false},
		{"closed without an answer", io.EOF, false},
		{"no answer in time", context.DeadlineExceeded, false},
		{"not HTTP", errors.New("malformed HTTP response"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if f := FromError(c.err); f.Unreached != c.want {
				t.Errorf("got %v for %+v, want %v", f.Unreached, f, c.want)
			}
		})
	}
}

func TestFromErrorBoundsMessage(t *testing.T) {
	f := FromError(errors.New(strings.Repeat("é", 1000)))
	if len(f.Message) > maxMessage || !utf8.ValidString(f.Message) || len(f.Message) < maxMessage-utf8.UTFMax {
		t.Errorf("got %d bytes, valid UTF-8 %v, want at most %d and valid", len(f.Message), utf8.ValidString(f.Message), maxMessage)
	}
}

// The errors that net/http really makes are recognised, not only those made here.
func TestFromErrorOfRealConnections(t *testing.T) {
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/hang":
			<-hang
		case "/break":
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(http.StatusOK)
			panic(http.ErrAbortHandler)
		case "/close":
			panic(http.ErrAbortHandler)
		case "/echo": // what answers is no HTTP server, and sends back what it gets
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 "+r.URL.RequestURI()+"\r\n\r\n")
			_ = c.Close()
		}
	}))
	defer server.Close()
	defer close(hang)
	plain := httptest.NewUnstartedServer(nil)
	refused := "http://" + plain.Listener.Addr().String()
	plain.Close()
	tls := httptest.NewUnstartedServer(nil)
	tls.Config.ErrorLog = log.New(io.Discard, "", 0)
	tls.StartTLS()
	defer tls.Close()

	cases := []struct {
		name, url string
		code      Code
	}{
		{"X1 X2 no answer", server.URL + "/hang", Timeout},
		{"X2 broken off in the body", server.URL + "/break", ConnectionFailure},
		{"X2 no answer at all", server.URL + "/close", ConnectionFailure},
		{"X2 an answer that is not HTTP", server.URL + "/echo?secret=1", ConnectionFailure},
		{"X2 refused", refused, ConnectionFailure},
		{"X2 a certificate nobody knows", tls.URL, ConnectionFailure},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			if c.code != Timeout {
				ctx, cancel = context.WithCancel(t.Context())
			}
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			f := FromError(err)
			if f == nil || f.Code != c.code || !f.Retryable {
				t.Errorf("error %v: got %+v, want code %s, retryable", err, f, c.code)
			}
			if strings.Contains(f.Message, "secret") || strings.Contains(f.Message, "EOF") {
				t.Errorf("the message is for nobody: %q", f.Message)
			}
		})
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "120", "-1", "Sat, 14 Mar 2026 12:05:00 GMT", "99999999999999999999", "1e3"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if d := retryAfter(value, noon); d < 0 || d > MaxEventAge {
			t.Errorf("Retry-After %q: got %v, want from 0 to %v", value, d, MaxEventAge)
		}
	})
}

// No code is left out of the list that people are told.
func TestParseCode(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "failure.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	_, wrong := ParseCode("NONE")
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Code" {
			return true
		}
		declared++
		name, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		if code, err := ParseCode(strings.ToLower(name)); err != nil || string(code) != name {
			t.Errorf("%s: got %s, %v", name, code, err)
		}
		if !strings.Contains(fmt.Sprint(wrong), name) {
			t.Errorf("the error %v does not name %s", wrong, name)
		}
		return true
	})
	if declared == 0 || declared != len(Codes()) {
		t.Errorf("%d codes are declared, %d listed", declared, len(Codes()))
	}
}

// What a resolver really says of a name that does not exist, and of a server
// that cannot tell, is told apart.
func TestFromErrorOfRealLookUps(t *testing.T) {
	const noSuchName, serverFailure = 3, 2 // RCODEs of DNS
	for _, c := range []struct {
		name      string
		rcode     byte
		retryable bool
		message   string
	}{
		{"X3 no such name", noSuchName, false, "the name api.test. does not exist"},
		{"X2 the server failed", serverFailure, true, "lookup api.test."},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var done sync.WaitGroup
			defer done.Wait()
			defer server.Close()
			done.Go(func() {
				query := make([]byte, 1500)
				for {
					n, from, err := server.ReadFrom(query)
					if err != nil {
						return
					}
					query[2], query[3] = query[2]|0x80, query[3]&0xF0|c.rcode
					if _, err := server.WriteTo(query[:n], from); err != nil {
						return
					}
				}
			})
			dialer := net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, "udp", server.LocalAddr().String())
			}}}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err = dialer.DialContext(ctx, "tcp", "api.test.:80")
			if f := FromError(err); f == nil || f.Code != ConnectionFailure || f.Retryable != c.retryable || !strings.Contains(f.Message, c.message) {
				t.Errorf("%v: got %+v, want retryable %v, %q", err, f, c.retryable, c.message)
			}
		})
	}
}
