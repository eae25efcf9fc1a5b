package deliver

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bailey/internal/request"
	"bailey/internal/retry"
	"bailey/internal/rule"
	"bailey/internal/store"
)

// Each way in which an attempt can end: whether it is tried again (X2, X3),
// under which ERROR_CODE it is given up (X7), and how long it may take (X1).
// The target allows one retry, so a failure that is retried arrives twice.
func TestOutcome(t *testing.T) {
	type outcome struct {
		name string
		// One of these makes the API.
		answer func(int, http.ResponseWriter, *http.Request)
		raw    func(net.Conn)
		dial   func(context.Context) (net.Conn, error)
		api    request.API
		target func(*rule.Target)
		detail string
		body   string // of the dead letter, where it is not the event

		code    retry.Code // "" is delivered
		status  int
		retried bool
		took    time.Duration // each attempt
		sent    bool          // whether requests arrive
	}
	answers := func(code int, want retry.Code, retried bool) outcome {
		return outcome{name: "status " + strconv.Itoa(code), answer: status(code), code: want, status: code, retried: retried, sent: true}
	}
	var cases []outcome
	for _, code := range []int{200, 201, 202, 204, 205, 226, 299} {
		cases = append(cases, answers(code, "", false))
	}
	for _, code := range []int{300, 304, 400, 402, 404, 405, 408, 409, 410, 413, 415, 418, 422, 425, 431, 451, 499, 600, 999} {
		cases = append(cases, answers(code, retry.ErrorFromTarget, false))
	}
	for _, code := range []int{401, 403} {
		cases = append(cases, answers(code, retry.NoPermissions, false))
	}
	for _, code := range []int{500, 501, 502, 503, 504, 505, 507, 511, 599} {
		cases = append(cases, answers(code, retry.ErrorFromTarget, true))
	}
	cases = append(cases, answers(429, retry.Throttling, true))
	for _, code := range []int{301, 302, 303, 307, 308} {
		to := answers(code, retry.ErrorFromTarget, false)
		to.name += " with a Location"
		to.answer = func(_ int, w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "http://api/elsewhere", code) }
		cases = append(cases, to)
	}

	hang := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	reply := func(parts ...string) func(net.Conn) {
		return func(c net.Conn) {
			if !readRequest(c) {
				return
			}
			for _, p := range parts {
				if _, err := io.WriteString(c, p); err != nil {
					return
				}
			}
		}
	}
	replyAndHang := func(text string) func(net.Conn) {
		return func(c net.Conn) {
			reply(text)(c)
			hang(c)
		}
	}
	drip := func(head, drop string) func(net.Conn) {
		return func(c net.Conn) {
			reply(head)(c)
			for {
				time.Sleep(time.Second)
				if _, err := io.WriteString(c, drop); err != nil {
					return
				}
			}
		}
	}
	const limit = 5 * time.Second
	block := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	cases = append(cases, []outcome{
		{name: "no such name (X3)", dial: func(context.Context) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "api", IsNotFound: true}}
		}, code: retry.ConnectionFailure},
		{name: "look-up fails for now (X2)", dial: func(context.Context) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "server misbehaving", Name: "api", IsTemporary: true}}
		}, code: retry.ConnectionFailure, retried: true},
		{name: "look-up takes too long", dial: func(ctx context.Context) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{UnwrapErr: block(ctx), Err: "i/o timeout", Name: "api", IsTimeout: true}}
		}, code: retry.Timeout, retried: true, took: limit},
		{name: "connection refused", dial: func(context.Context) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		}, code: retry.ConnectionFailure, retried: true},
		{name: "connecting takes too long", dial: func(ctx context.Context) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: block(ctx)}
		}, code: retry.Timeout, retried: true, took: limit},
		{name: "TLS with somebody who does not speak it", api: request.API{URL: "https://api"}, raw: func(c net.Conn) {
			var hello [512]byte
			_, _ = c.Read(hello[:])
			go hang(c)
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
		}, code: retry.ConnectionFailure, retried: true},
		{name: "TLS handshake without an answer", api: request.API{URL: "https://api"}, raw: hang, code: retry.Timeout, retried: true, took: limit},
		{name: "closed before the answer", raw: reply(), code: retry.ConnectionFailure, retried: true, sent: true},
		{name: "not HTTP", raw: reply("SSH-2.0-OpenSSH_9.9\r\n"), code: retry.ConnectionFailure, retried: true, sent: true},
		{name: "a head without end", raw: func(c net.Conn) {
			reply("HTTP/1.1 200 OK\r\n")(c)
			for {
				if _, err := io.WriteString(c, "X: "+strings.Repeat("x", 4000)+"\r\n"); err != nil {
					return
				}
			}
		}, code: retry.ConnectionFailure, retried: true, sent: true},
		{name: "request is not read", raw: func(c net.Conn) {
			var some [1000]byte
			_, _ = io.ReadFull(c, some[:])
			time.Sleep(time.Minute)
		}, detail: `{"long": "` + strings.Repeat("x", 200<<10) + `"}`, code: retry.Timeout, retried: true, took: limit},
		{name: "no answer", raw: hang, code: retry.Timeout, retried: true, took: limit},
		{name: "no answer within the API's own limit", api: request.API{TimeoutSeconds: 12.5}, raw: hang, code: retry.Timeout, retried: true, took: 12500 * time.Millisecond},
		{name: "head drips", raw: drip("HTTP/1.1 200 OK\r\n", "X: y\r\n"), code: retry.Timeout, retried: true, took: limit, sent: true},
		{name: "body hangs", raw: replyAndHang("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), code: retry.Timeout, retried: true, took: limit, sent: true},
		{name: "body drips", raw: drip("HTTP/1.1 200 OK\r\n\r\n", "a"), code: retry.Timeout, retried: true, took: limit, sent: true},
		{name: "body of an error hangs", raw: replyAndHang("HTTP/1.1 500 Oh\r\nContent-Length: 9\r\n\r\nabc"), code: retry.Timeout, retried: true, took: limit, sent: true},
		{name: "body breaks off", raw: reply("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), code: retry.ConnectionFailure, retried: true, sent: true},
		{name: "chunked body breaks off", raw: reply("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), code: retry.ConnectionFailure, retried: true, sent: true},
		{name: "body is large", answer: func(_ int, w http.ResponseWriter, _ *http.Request) {
			_, _ = io.CopyN(w, zeros{}, 10<<20)
		}, sent: true},
		{name: "body has no end", answer: func(_ int, w http.ResponseWriter, _ *http.Request) { _, _ = io.Copy(w, zeros{}) }, sent: true},
		{name: "body of an error has no end", answer: func(_ int, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.Copy(w, zeros{})
		}, code: retry.ErrorFromTarget, status: 400, sent: true},
		{name: "informational answers first", raw: reply("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), sent: true},
		{name: "another protocol, without being asked", raw: replyAndHang("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n"),
			code: retry.ErrorFromTarget, status: 101, sent: true},

		{name: "path value that finds nothing (P8)", target: func(t *rule.Target) {
			t.ARN = "arn:aws:execute-api:us-east-1:000000000000:api/prod/POST/orders/*"
			t.HTTPParameters = &rule.HTTPParameters{PathParameterValues: []string{"$.detail.id"}}
		}, code: retry.InvalidParameter},
		{name: "header value with a line break (P10)", target: func(t *rule.Target) {
			t.HTTPParameters = &rule.HTTPParameters{HeaderParameters: map[string]string{"X-Note": "$.detail.note"}}
		}, detail: `{"note": "a\r\nHost: b"}`, code: retry.InvalidParameter},
		{name: "input that is not JSON", target: func(t *rule.Target) {
			t.InputTransformer = &rule.InputTransformer{InputPathsMap: map[string]string{"n": "$.detail.n"}, InputTemplate: `"number <n>"`}
		}, detail: `{"n": "\""}`, body: `"number ""`, code: retry.InvalidJSON},
		{name: "another region's API", target: func(t *rule.Target) {
			t.ARN = "arn:aws:execute-api:eu-west-1:000000000000:api/prod/POST/orders"
		}, code: retry.NoResource},
		{name: "another region's API, registered for a third", api: request.API{Regions: []string{"us-east-1", "us-west-2"}}, target: func(t *rule.Target) {
			t.ARN = "arn:aws:execute-api:eu-west-1:000000000000:api/prod/POST/orders"
		}, code: retry.NoResource},
		{name: "an API of this region that is registered for another", api: request.API{Regions: []string{"eu-west-1"}}, code: retry.NoResource},
		{name: "another region's API, registered for it", api: request.API{Regions: []string{"us-east-1", "eu-west-1"}}, target: func(t *rule.Target) {
			t.ARN = "arn:aws:execute-api:eu-west-1:000000000000:api/prod/POST/orders"
		}, sent: true},
		{name: "another region's API, registered for all", api: request.API{Regions: []string{"*"}}, target: func(t *rule.Target) {
			t.ARN = "arn:aws:execute-api:eu-west-1:000000000000:api/prod/POST/orders"
		}, sent: true},
		{name: "another account's API, without a role", target: func(t *rule.Target) {
			t.ARN = "arn:aws:execute-api:us-east-1:112233445566:api/prod/POST/orders"
		}, code: retry.NoPermissions},
		{name: "another account's API, with a role", target: func(t *rule.Target) {
			t.ARN, t.RoleARN = "arn:aws:execute-api:us-east-1:112233445566:api/prod/POST/orders", "arn:aws:iam::000000000000:role/caller"
		}, sent: true},
		{name: "API not registered", target: func(t *rule.Target) {
			t.ARN = "arn:aws:execute-api:us-east-1:000000000000:other/prod/POST/orders"
		}, code: retry.NoResource},
		{name: "stage not there", api: request.API{Stages: map[string]request.Stage{"test": {URL: "http://api"}}}, code: retry.NoResource},
		{name: "no credentials for the role", api: request.API{Authorization: &request.Authorization{Type: request.AuthIAM}},
			target: func(t *rule.Target) { t.RoleARN = "arn:aws:iam::000000000000:role/caller" }, code: retry.FailedToAssumeRole},
	}...)

	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, Config{}, func(t *testing.T, w *world) {
				box := &inbox{answer: tt.answer}
				var connections atomic.Int64
				switch {
				case tt.dial != nil:
					w.network.host("api", tt.dial)
				case tt.raw != nil:
					w.network.raw("api", func(c net.Conn) {
						connections.Add(1)
						tt.raw(c)
					})
				default:
					w.network.serve("api", box.ServeHTTP)
				}
				tt.api.ID = "api"
				w.api(tt.api)
				w.target("api", retries(1, -1), func(to *rule.Target) {
					if tt.target != nil {
						tt.target(to)
					}
				})
				detail := tt.detail
				if detail == "" {
					detail = `{"n": 1}`
				}
				id := w.put("api", detail)[0]
				d := w.ended(id)

				attempts := 1
				if tt.retried {
					attempts = 2
				}
				arrived := len(box.arrivals())
				if tt.raw != nil && tt.sent {
					arrived = int(connections.Load())
				}
				if tt.sent && arrived != attempts || !tt.sent && len(box.arrivals()) != 0 {
					t.Errorf("%d requests arrived", arrived)
				}
				if tt.code == "" {
					if d.Status != store.Delivered || d.Attempts != attempts {
						t.Errorf("got %+v, want delivered", d)
					}
					if n := w.metric("bailey_successful_invocation_attempts_total", "api"); n != "1" {
						t.Errorf("SuccessfulInvocationAttempts is %s, want 1", n)
					}
					return
				}
				if d.Status != store.Dead || d.Attempts != attempts || d.ErrorCode != string(tt.code) || d.StatusCode != tt.status {
					t.Errorf("got %+v, want dead after %d attempts with %s, status %d", d, attempts, tt.code, tt.status)
				}
				history := w.attempts(id)
				if len(history) != attempts {
					t.Fatalf("history: %+v, want %d attempts", history, attempts)
				}
				for i, a := range history {
					if a.Number != i+1 || a.ErrorCode != string(tt.code) || a.StatusCode != tt.status || a.Latency.Round(time.Millisecond) != tt.took {
						t.Errorf("attempt %d: %+v, want %s after %v", i+1, a, tt.code, tt.took)
					}
				}
				if tt.retried {
					// X5: the first wait is from half a second to a second.
					wait := history[1].At.Add(-tt.took).Sub(history[0].At)
					if wait < 499*time.Millisecond || wait > 1010*time.Millisecond {
						t.Errorf("the retry came after %v", wait)
					}
				}
				letters := w.deadLetters()
				if len(letters) != 1 {
					t.Fatalf("dead letters: %+v, want one", letters)
				}
				exhausted := ""
				if tt.retried {
					exhausted = retry.ExhaustedAttempts
				}
				l := letters[0]
				if tt.body != "" {
					detail = tt.body
				}
				if tt.code == retry.InvalidJSON && (l.ErrorMessage != "Invalid input for target." || !strings.Contains(d.Error, "<n>")) {
					t.Errorf("the dead letter says %q and the log %q, want AWS's words and what is wrong", l.ErrorMessage, d.Error)
				}
				if l.ErrorCode != string(tt.code) || l.RetryAttempts != attempts-1 || l.Exhausted != exhausted || l.ErrorMessage == "" ||
					l.RuleARN != "arn:aws:events:us-east-1:000000000000:rule/api" || l.Event != id || !strings.Contains(string(l.Body), detail) {
					l.Body = nil
					t.Errorf("dead letter: %+v", l)
				}
				for name, want := range map[string]string{
					"bailey_failed_invocations_total":             "1",
					"bailey_invocations_total":                    "1",
					"bailey_invocation_attempts_total":            strconv.Itoa(attempts),
					"bailey_retry_invocation_attempts_total":      strconv.Itoa(attempts - 1),
					"bailey_invocations_sent_to_dlq_total":        "1",
					"bailey_successful_invocation_attempts_total": "0",
				} {
					if got := w.metric(name, "api"); got != want {
						t.Errorf("%s is %s, want %s", name, got, want)
					}
				}
			})
		})
	}
}

// readRequest reads one request and reports whether it came whole.
func readRequest(c net.Conn) bool {
	var all []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := c.Read(buf)
		all = append(all, buf[:n]...)
		if i := strings.Index(string(all), "\r\n\r\n"); i >= 0 {
			length := 0
			for line := range strings.SplitSeq(string(all[:i]), "\r\n") {
				if v, ok := strings.CutPrefix(line, "Content-Length: "); ok {
					length, _ = strconv.Atoi(v)
				}
			}
			if len(all) >= i+4+length {
				return true
			}
		}
		if err != nil {
			return errors.Is(err, io.EOF) && len(all) > 0
		}
	}
}

// zeros has no end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// Paths see the event as it came, whatever the target makes of it for the body
// (P4), and a dead letter has what it makes (X7).
func TestPathsSeeTheEvent(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		api := &inbox{answer: status(200, 404)}
		w.network.serve("shop", api.ServeHTTP)
		w.api(request.API{ID: "shop"})
		w.target("shop", func(t *rule.Target) {
			t.ARN += "/*"
			t.HTTPParameters = &rule.HTTPParameters{PathParameterValues: []string{"$.detail.n"}}
			t.InputTransformer = &rule.InputTransformer{
				InputPathsMap: map[string]string{"n": "$.detail.n"}, InputTemplate: `{"detail": {"n": "not <n>"}}`,
			}
		})
		w.ended(w.one("shop"))
		w.ended(w.one("shop"))
		for _, got := range api.arrivals() {
			if got.path != "/orders/1" || got.body != `{"detail": {"n": "not 1"}}` {
				t.Errorf("got %s with %s", got.path, got.body)
			}
		}
		letters := w.deadLetters()
		if len(letters) != 1 || string(letters[0].Body) != `{"detail": {"n": "not 1"}}` {
			t.Errorf("got the dead letters %+v, want one with what was sent", letters)
		}
	})
}
