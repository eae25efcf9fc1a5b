// Package cloudwatch answers CloudWatch's reading operations for the metrics of
// namespace AWS/Events: GetMetricStatistics, GetMetricData and ListMetrics.
//
// It speaks the three protocols that AWS's clients choose from: Smithy RPC v2
// CBOR, AWS JSON 1.0, and the query protocol with its XML. [Serves] says which
// requests are CloudWatch's on a port that it shares with other services.
package cloudwatch

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"bailey/internal/awsjson"
	"bailey/internal/history"
)

// Namespace is that of EventBridge's metrics, the only one that has any.
const Namespace = "AWS/Events"

// maxBody bounds a request's body in bytes: 500 queries with 30 dimensions each.
const maxBody = 1 << 20

// Config says what the API reads.
type Config struct {
	History *history.Recorder // required
	// Now is the time; time.Now if nil.
	Now func() time.Time
	// Region is the region of callers that name none; "us-east-1" if empty.
	Region string
	// Origins are those whose pages may call from a browser, beside loopback
	// ones.
	Origins awsjson.Origins
	// Budget bounds the bodies of all requests together; nil does not.
	Budget *awsjson.Budget
	// Otherwise answers forms that name no action, whose bodies were read: they
	// are not calls of CloudWatch, since curl calls every body a form. If nil,
	// they get the error for an unknown operation.
	Otherwise http.Handler
	// Logger takes the server's own faults; slog.Default() if nil.
	Logger *slog.Logger
}

type api struct {
	config Config
}

// New returns the handler of the API. It answers on whatever path it is given.
func New(config Config) http.Handler {
	config.Region = cmp.Or(config.Region, "us-east-1")
	config.Logger = cmp.Or(config.Logger, slog.Default())
	if config.Now == nil {
		config.Now = time.Now
	}
	return &api{config}
}

// A call is one request for an operation.
type call struct {
	operation string
	region    string
	body      []byte
	protocol  protocol
}

// An operation takes the input out of a call and returns its output.
type operation func(*api, context.Context, *call) (any, error)

var operations = map[string]operation{
	"GetMetricData":       handle((*api).getMetricData),
	"GetMetricStatistics": handle((*api).getMetricStatistics),
	"ListMetrics":         handle((*api).listMetrics),
}

func handle[In, Out any](h func(*api, context.Context, string, *In) (*Out, error)) operation {
	return func(a *api, ctx context.Context, c *call) (any, error) {
		in := new(In)
		if err := c.protocol.decode(c.body, in); err != nil {
			return nil, &apiError{code: "SerializationException", message: "The request's body cannot be read."}
		}
		if err := checkTexts("", reflect.ValueOf(in)); err != nil {
			return nil, err
		}
		return h(a, ctx, c.region, in)
	}
}

// ServeHTTP answers one call.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := awsjson.NewRequestID()
	w.Header()["x-amzn-RequestId"] = []string{id} // as AWS writes it
	p := protocolOf(r)
	if !a.config.Origins.Allow(w, r) {
		a.write(w, p, id, "", nil, &apiError{code: "AccessDeniedException", status: http.StatusForbidden,
			message: "Calls from pages of origin " + r.Header.Get("Origin") + " are not allowed."})
		return
	}
	if r.Method == http.MethodOptions {
		return // the answer to a preflight is its headers
	}
	var body bytes.Buffer
	release, err := a.config.Budget.ReadBody(&body, w, r, maxBody)
	defer release()
	if err != nil {
		a.write(w, p, id, "", nil, err)
		return
	}
	c := &call{region: cmp.Or(awsjson.ScopeRegion(r), a.config.Region), body: body.Bytes(), protocol: p}
	c.operation = p.operation(r, c.body)
	if _, query := p.(queryProtocol); query && c.operation == "" && a.config.Otherwise != nil {
		a.config.Otherwise.ServeHTTP(w, r)
		return
	}
	h := operations[c.operation]
	if h == nil {
		a.write(w, p, id, c.operation, nil, unknownOperation(c.operation))
		return
	}
	out, err := h(a, r.Context(), c)
	if err != nil && r.Context().Err() != nil {
		return // nobody waits for the answer
	}
	a.write(w, p, id, c.operation, out, err)
}

// write sends the answer, or an error in its place. What is not the caller's to
// mend is logged and not shown.
func (a *api) write(w http.ResponseWriter, p protocol, id, operation string, out any, err error) {
	status := http.StatusOK
	var answer []byte
	if err == nil {
		answer, err = p.encode(operation, id, out)
	}
	if err != nil {
		e := a.errorOf(operation, id, err)
		status = cmp.Or(e.status, http.StatusBadRequest)
		w.Header().Set("x-amzn-query-error", e.code+";"+e.fault())
		answer = p.encodeError(e, id)
	}
	for name, value := range p.headers() {
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	w.WriteHeader(status)
	// A client that does not read its answer is told nothing more.
	_, _ = w.Write(answer)
}

func (a *api) errorOf(operation, id string, err error) *apiError {
	if e, ok := errors.AsType[*apiError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*awsjson.Error](err); ok { // of the body
		return &apiError{code: e.Code, message: e.Message, status: e.Status}
	}
	a.config.Logger.Error("answering a call", "target", "CloudWatch "+operation, "request_id", id, "error", err)
	return &apiError{code: "InternalServiceError", shape: "InternalServiceFault", status: http.StatusInternalServerError,
		message: "An internal error occurred. Request ID: " + id}
}

// An apiError is an error for the caller.
type apiError struct {
	code    string // as the query protocol has it
	shape   string // as the others have it; the code if empty
	message string
	status  int // 400 if 0
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

func (e *apiError) fault() string {
	if e.status >= 500 {
		return "Receiver"
	}
	return "Sender"
}

func missing(name string) error {
	return &apiError{code: "MissingParameter", shape: "MissingRequiredParameterException", message: "The parameter " + name + " is required."}
}

func invalidValue(message string) error {
	return &apiError{code: "InvalidParameterValue", shape: "InvalidParameterValueException", message: message}
}

func invalidCombination(message string) error {
	return &apiError{code: "InvalidParameterCombination", shape: "InvalidParameterCombinationException", message: message}
}

func invalid(message string) error {
	return &apiError{code: "ValidationError", shape: "ValidationException", message: message}
}

// maxOperation is how much of an operation's name is shown.
const maxOperation = 256

func unknownOperation(name string) error {
	if len(name) > maxOperation {
		name = name[:maxOperation] + "..."
	}
	return &apiError{code: "InvalidAction", shape: "UnknownOperationException", message: "Could not find operation " + name + " for version 2010-08-01"}
}
