// Package retry says what became of an attempt to deliver an event, whether it
// is tried again, and when (X2 to X7).
//
// An attempt that did not succeed is a [Failure]: the ERROR_CODE that a dead
// letter would carry, a sentence for people, and whether trying again can help.
// [FromResponse] and [FromError] make one of what came back; a [Policy] decides
// on it.
//
// Everything here is a pure function of its arguments and safe for concurrent
// use; the clock and the source of randomness are the caller's.
package retry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A Code is the ERROR_CODE of a dead letter. The names are those of AWS.
type Code string

// The codes, each with the failures it stands for.
const (
	Throttling         Code = "THROTTLING"            // the endpoint answered 429
	Timeout            Code = "TIMEOUT"               // the request was not over within its time limit (X1)
	ConnectionFailure  Code = "CONNECTION_FAILURE"    // refused, reset, broken off, TLS, name look-up
	NoPermissions      Code = "NO_PERMISSIONS"        // the endpoint answered 401 or 403, or an egress rule forbids its address
	NoResource         Code = "NO_RESOURCE"           // the API, stage, rule or target is not there
	ErrorFromTarget    Code = "ERROR_FROM_TARGET"     // any other status outside 2xx
	InvalidParameter   Code = "INVALID_PARAMETER"     // a parameter cannot be rendered
	InvalidJSON        Code = "INVALID_JSON"          // the input is not valid JSON after its transformation
	FailedToAssumeRole Code = "FAILED_TO_ASSUME_ROLE" // there are no credentials for the role

	ThirdAccountHop Code = "THIRD_ACCOUNT_HOP_DETECTED" // the event came from another event bus already
	ThirdRegionHop  Code = "THIRD_REGION_HOP_DETECTED"  // the event came from another region already

	InternalError Code = "INTERNAL_ERROR" // a fault of Bailey's own
)

// Codes returns all codes, in the order of the list above.
func Codes() []Code {
	return []Code{
		Throttling, Timeout, ConnectionFailure, NoPermissions, NoResource, ErrorFromTarget, InvalidParameter, InvalidJSON, FailedToAssumeRole,
		ThirdAccountHop, ThirdRegionHop, InternalError,
	}
}

// ParseCode reads a code, in either case. The error names those that there are.
func ParseCode(text string) (Code, error) {
	code := Code(strings.ToUpper(text))
	names := make([]string, 0, len(Codes()))
	for _, c := range Codes() {
		if c == code {
			return c, nil
		}
		names = append(names, string(c))
	}
	return "", fmt.Errorf("%q is none of %s", text, strings.Join(names, ", "))
}

// A Failure says why one attempt did not succeed. It is an error and a value:
// it is stored with the delivery and shown to people.
type Failure struct {
	Code       Code
	Message    string        // one sentence with nothing of the event and no secret in it; at most 512 bytes where made here
	Retryable  bool          // whether another attempt may succeed (X2, X3)
	StatusCode int           // of the response; 0 where there was none
	RetryAfter time.Duration // the least wait the endpoint asked for (X6); 0 where it did not
	// Unreached says that there was no connection to send the request on: the
	// name was not found, connecting failed or took too long, or TLS did. It
	// tells of the host, and nothing of what the request asked it for.
	Unreached bool
}

// Error returns the code and the message.
func (f *Failure) Error() string { return string(f.Code) + ": " + f.Message }

// maxMessage bounds what the network and the endpoint may make Bailey store for
// every attempt, in bytes.
const maxMessage = 512

// maxRetryAfter bounds what an endpoint may ask for: no event lives longer (X4).
const maxRetryAfter = MaxEventAge

// FromResponse returns what a response's status means (X2, X3), and nil for
// 2xx. It reads Retry-After where X6 heeds it, a date in it relative to now.
func FromResponse(statusCode int, header http.Header, now time.Time) *Failure {
	if statusCode >= 200 && statusCode <= 299 {
		return nil
	}
	f := &Failure{Code: ErrorFromTarget, StatusCode: statusCode}
	switch {
	case statusCode == http.StatusTooManyRequests:
		f.Code, f.Retryable = Throttling, true
	case statusCode == http.StatusUnauthorized, statusCode == http.StatusForbidden:
		f.Code = NoPermissions
	case statusCode >= 500 && statusCode <= 599:
		f.Retryable = true
	}
	if statusCode == http.StatusTooManyRequests || statusCode == http.StatusServiceUnavailable {
		f.RetryAfter = retryAfter(header.Get("Retry-After"), now)
	}
	f.Message = "the endpoint answered " + strconv.Itoa(statusCode)
	if text := http.StatusText(statusCode); text != "" {
		f.Message += " " + text
	}
	if statusCode >= 300 && statusCode <= 399 {
		f.Message += "; redirects are not followed"
	}
	return f
}

// retryAfter reads the value of a Retry-After header: whole seconds or an HTTP
// date. What is neither, or lies in the past, asks for nothing.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0
	}
	if strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil || seconds > int64(maxRetryAfter/time.Second) {
			return maxRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}

// FromError returns what an error of sending a request means (X2, X3): a
// timeout, an egress rule that forbids the address (an error with a method
// Forbidden that answers true), a name that does not exist, and everything else
// a connection that failed or broke. Of these, the egress rule and the name are
// not tried again. A *Failure within err is returned as it is, nil for nil.
//
// A request cut off because Bailey itself stops looks like a broken connection;
// the caller, who knows that it stops, does not ask.
func FromError(err error) *Failure {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	// The URL in net/http's own error carries what the parameters were filled
	// with, which is the event's business and nobody else's.
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if f, ok := errors.AsType[interface {
		error
		Forbidden() bool
	}](err); ok && f.Forbidden() {
		return &Failure{Code: NoPermissions, Message: sentence(f.Error())}
	}
	// A resolver that could not tell, because a server failed or did not answer,
	// has not found the name either, but says that this may pass.
	if d, ok := errors.AsType[*net.DNSError](err); ok && d.IsNotFound && !d.IsTemporary && !d.IsTimeout {
		return &Failure{Code: ConnectionFailure, Unreached: true, Message: sentence("the name " + d.Name + " does not exist")}
	}
	if isTimeout(err) {
		return &Failure{Code: Timeout, Retryable: true, Message: timeoutMessage(err), Unreached: unreached(err)}
	}
	return &Failure{Code: ConnectionFailure, Retryable: true, Message: connectionMessage(err), Unreached: unreached(err)}
}

// unreached reports whether the error came before there was a connection.
func unreached(err error) bool {
	if o, ok := errors.AsType[*net.OpError](err); ok && (o.Op == "dial" || o.Op == "remote error") { // the latter is TLS's
		return true
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return true
	}
	text := err.Error()
	return strings.HasPrefix(text, "tls: ") || strings.HasPrefix(text, "x509: ") ||
		strings.Contains(text, "TLS handshake timeout") || strings.Contains(text, "gave HTTP response to HTTPS client")
}

// connectionMessage says what broke a connection, in the words of whoever looks
// after the endpoint. What came back in place of HTTP is not quoted: it may be
// the request, and so the event.
func connectionMessage(err error) string {
	switch text := err.Error(); {
	case errors.Is(err, io.EOF):
		return "the endpoint closed the connection without an answer"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the endpoint closed the connection in the middle of its answer"
	case strings.Contains(text, "malformed HTTP"), strings.Contains(text, "malformed MIME"):
		return "what the endpoint answered is not HTTP"
	default:
		return sentence(strings.TrimPrefix(text, "net/http: HTTP/1.x transport connection broken: "))
	}
}

func isTimeout(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}

// timeoutMessage says how far the request came, which is the first question
// that an endpoint's owner asks.
func timeoutMessage(err error) string {
	if d, ok := errors.AsType[*net.DNSError](err); ok {
		return sentence("looking up " + d.Name + " took longer than the time limit")
	}
	if o, ok := errors.AsType[*net.OpError](err); ok && o.Op == "dial" {
		return "connecting to the endpoint took longer than the time limit"
	}
	return "the endpoint did not answer in full within the time limit"
}

// sentence makes of an error's text what may be stored and shown: valid UTF-8
// of one line and at most maxMessage bytes.
func sentence(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if len(text) > maxMessage {
		end := maxMessage
		for !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end]
	}
	return cmp.Or(text, "the connection failed")
}

// Invalid returns the failure of a parameter that cannot be rendered, which no
// further attempt mends (X3). The format must not let a value of the event in.
func Invalid(format string, args ...any) *Failure {
	return &Failure{Code: InvalidParameter, Message: sentence(fmt.Sprintf(format, args...))}
}

// Missing returns the failure of an API, stage, rule or target that is not
// there (X3, X8).
func Missing(format string, args ...any) *Failure {
	return &Failure{Code: NoResource, Message: sentence(fmt.Sprintf(format, args...))}
}
