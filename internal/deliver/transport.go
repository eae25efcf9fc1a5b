package deliver

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode"

	"bailey/internal/egress"
	"bailey/internal/http1"
	"bailey/internal/request"
	"bailey/internal/retry"
)

// transport is HTTP as Bailey speaks it: no proxy, no redirects (X3), no cookies
// and no transparent compression. Plain HTTP goes through a client made for it,
// and what may become HTTP/2, or is unusual, through net/http. Both connect in
// the same way. See docs/decisions/0008-http-client.md.
type transport struct {
	*http.Transport // for what plain does not speak
	plain           *http1.Client
}

// Connections that are kept for later are bounded for all endpoints together:
// thousands of endpoints, each with some, would take every descriptor that the
// process may have. maxIdle leaves one to each of 8,192.
const (
	maxIdle        = 8192
	maxIdlePerHost = 256
	idleTimeout    = 90 * time.Second
)

// newTransport returns a transport that connects by dial. Every time limit is
// the request's own (X1), but that a TLS handshake that nobody waits for any
// longer ends by a limit of its own.
func newTransport(dial dialFunc) *transport {
	return &transport{
		Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            inTime(dial),
			TLSHandshakeTimeout:    request.MaxTimeout,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true,
			MaxIdleConns:           maxIdle,
			MaxIdleConnsPerHost:    maxIdlePerHost,
			IdleConnTimeout:        idleTimeout,
			MaxResponseHeaderBytes: 64 << 10,
		},
		plain: &http1.Client{Dial: dial, MaxIdle: maxIdle, MaxIdlePerHost: maxIdlePerHost, IdleTimeout: idleTimeout},
	}
}

// exchange sends a request and reads the answer, all of it until the moment. A
// request whose context ends earlier is cut off by cutOff, which must follow.
func (t *transport) exchange(req *http.Request, until time.Time) (answer, *retry.Failure) {
	if http1.Speaks(req) {
		resp, err := t.plain.Do(req, until)
		if err != nil {
			return answer{}, retry.FromError(err)
		}
		defer resp.Close()
		began, err := readAnswer(resp, resp.StatusCode, resp.ContentLength)
		if err != nil {
			return answer{}, retry.FromError(err)
		}
		if resp.StatusCode/100 == 2 {
			return answer{status: resp.StatusCode}, nil
		}
		return newAnswer(resp.StatusCode, resp.Header(), began)
	}
	ctx, cancel := context.WithDeadline(req.Context(), until)
	defer cancel()
	// RoundTrip, not a Client: redirects are never followed, and there are no
	// cookies.
	resp, err := t.RoundTrip(req.WithContext(attemptContext{ctx}))
	if err != nil {
		return answer{}, retry.FromError(err)
	}
	defer resp.Body.Close()
	began, err := readAnswer(resp.Body, resp.StatusCode, resp.ContentLength)
	if err != nil {
		return answer{}, retry.FromError(err)
	}
	return newAnswer(resp.StatusCode, resp.Header, began)
}

// cutOff closes all connections, those of requests under way too, whose context
// the caller has ended. Nothing is sent any more.
func (t *transport) cutOff() {
	t.plain.Close()
	t.CloseIdleConnections()
}

// newAnswer returns an answer and what it means.
func newAnswer(status int, header http.Header, began []byte) (answer, *retry.Failure) {
	a := answer{status: status}
	failure := retry.FromResponse(status, header, time.Now())
	if failure != nil {
		a.began = excerpt(began)
	}
	return a, failure
}

// Of an answer's body, maxAnswer bytes are read; what is longer is not waited
// for, and its connection is closed.
const (
	maxAnswer  = 64 << 10
	maxExcerpt = 256
)

// readAnswer reads the body to its end or its limit, so that the connection
// can be used again, and returns how it began.
func readAnswer(body io.Reader, status int, length int64) ([]byte, error) {
	if length == 0 {
		return nil, nil
	}
	var began []byte
	if status/100 != 2 {
		var head [maxExcerpt]byte
		n, err := io.ReadFull(body, head[:])
		began = head[:n]
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return began, nil
		}
		if err != nil {
			return began, fmt.Errorf("reading the answer: %w", err)
		}
	}
	if _, err := io.Copy(io.Discard, io.LimitReader(body, maxAnswer)); err != nil {
		return began, fmt.Errorf("reading the answer: %w", err)
	}
	return began, nil
}

// excerpt makes the beginning of an answer fit to be shown on a terminal.
func excerpt(body []byte) string {
	text := strings.ToValidUTF8(string(bytes.TrimSpace(body)), "")
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
}

// attemptContext is the context of one attempt. When the attempt is over,
// net/http goes on connecting, for the sake of a later request, and of the
// context it keeps the values only. So the time limit is one of them.
type attemptContext struct{ context.Context }

// timeLimit is the key under which an attemptContext is its own value.
type timeLimit struct{}

// Value returns the context itself for timeLimit.
func (c attemptContext) Value(key any) any {
	if key == (timeLimit{}) {
		return c
	}
	return c.Context.Value(key)
}

// dialFunc is a net.Dialer's DialContext.
type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// inTime gives up connecting when the attempt's time is over (X1). An endpoint
// whose network swallows everything would gather connections otherwise: Linux
// tries each for two minutes.
func inTime(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if a, ok := ctx.Value(timeLimit{}).(attemptContext); ok {
			if until, ok := a.Deadline(); ok {
				limited, cancel := context.WithDeadline(ctx, until)
				defer cancel()
				ctx = limited
			}
		}
		return dial(ctx, network, address)
	}
}

// newDialer connects to addresses that the policy allows. It looks at each as
// it is about to be connected to, so a name that resolves to a forbidden one is
// caught as well.
func newDialer(policy *egress.Policy) *net.Dialer {
	return &net.Dialer{Control: policy.Control, KeepAlive: 30 * time.Second}
}
