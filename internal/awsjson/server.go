package awsjson

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// DefaultMaxBody is how large a request's body may be, in bytes, both as sent
// and unpacked. EventBridge takes 1 MiB of entries, counted before JSON escapes
// them; escaping makes up to six bytes of one, so 8 MiB holds every call that
// the count lets through.
const DefaultMaxBody = 8 << 20

// Config says what a [Server] serves and for whom.
type Config struct {
	// Service is the model; required.
	Service *Service
	// Region is the region of a call whose credential scope names none;
	// "us-east-1" if empty.
	Region string
	// MaxBody limits a body's bytes; DefaultMaxBody if 0.
	MaxBody int64
	// Budget bounds the bodies of all calls together; nil does not.
	Budget *Budget
	// Origins lists the origins whose pages may call the server from a browser
	// ("https://app.example"); "*" allows every one. Pages that come from a
	// loopback address or from the server itself always may. A page needs no
	// credentials to reach a server on its user's machine, which is why others
	// have to be named.
	Origins Origins
	// Logger takes faults of the server's own; slog.Default() if nil.
	Logger *slog.Logger
}

// A Server answers the calls of one service. Register its operations with
// [Handle] and [Server.HandleRaw] before it serves; it is safe for concurrent
// use after that.
type Server struct {
	config   Config
	handlers map[string]rawHandler
	bodies   sync.Pool // of *bytes.Buffer
}

type rawHandler = func(context.Context, *Call) ([]byte, error)

// NewServer returns a server that knows no operation yet.
func NewServer(config Config) *Server {
	config.Region = cmp.Or(config.Region, "us-east-1")
	config.MaxBody = cmp.Or(config.MaxBody, DefaultMaxBody)
	config.Logger = cmp.Or(config.Logger, slog.Default())
	return &Server{
		config:   config,
		handlers: make(map[string]rawHandler),
		bodies:   sync.Pool{New: func() any { return new(bytes.Buffer) }},
	}
}

// A Call is one request for an operation.
type Call struct {
	Operation string
	Region    string // of the credential scope, or the default
	Host      string // that was called, as the client knows it: name or address, and port
	RequestID string
	Trace     string // the header X-Amzn-Trace-Id, empty if there is none
	// Body is the request's body, unpacked but not checked. It is the call's own
	// only until the handler returns.
	Body []byte

	input *Shape
}

// Decode checks the body with [Shape.Decode] and stores it in the value that in
// points to. A nil in only checks.
func (c *Call) Decode(in any) error {
	canonical, err := c.input.Decode(c.Body)
	if err != nil || in == nil {
		return err
	}
	if err := json.Unmarshal(canonical, in); err != nil {
		return serializationError("")
	}
	return nil
}

// Handle registers an operation: its input is decoded and checked, its output
// encoded. A nil output is an empty answer, which is what AWS gives for
// operations without one. It panics if the model does not have the operation or
// it is registered already.
func Handle[In, Out any](s *Server, operation string, h func(context.Context, *Call, *In) (*Out, error)) {
	s.HandleRaw(operation, func(ctx context.Context, c *Call) ([]byte, error) {
		in := new(In)
		if err := c.Decode(in); err != nil {
			return nil, err
		}
		out, err := h(ctx, c, in)
		if err != nil || out == nil {
			return nil, err
		}
		return encode(out)
	})
}

// encode writes v as JSON, with <, > and & as they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encoding an answer: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// HandleRaw registers an operation whose handler is given the body as it came
// and returns the answer's JSON. It panics if the model does not have the
// operation or it is registered already.
func (s *Server) HandleRaw(operation string, h func(context.Context, *Call) ([]byte, error)) {
	if s.config.Service.Operations[operation] == nil {
		panic("awsjson: no operation " + operation + " in the model")
	}
	if s.handlers[operation] != nil {
		panic("awsjson: operation " + operation + " is registered twice")
	}
	s.handlers[operation] = h
}

// ServeHTTP answers one call. The path does not matter: routing is the caller's.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := NewRequestID()
	// Set past http.Header's own spelling: this is how AWS writes it.
	w.Header()["x-amzn-RequestId"] = []string{id}
	if !s.config.Origins.Allow(w, r) {
		s.writeError(w, &Error{Code: "AccessDeniedException", Status: http.StatusForbidden,
			Message: "Calls from pages of origin " + r.Header.Get("Origin") + " are not allowed."})
		return
	}
	if r.Method == http.MethodOptions {
		return // the answer to a preflight is its headers
	}
	answer, err := s.call(w, r, id)
	if err != nil {
		s.fail(w, r, id, err)
		return
	}
	s.writeJSON(w, http.StatusOK, answer)
}

// call finds the operation, reads the body and runs the handler.
func (s *Server) call(w http.ResponseWriter, r *http.Request, id string) ([]byte, error) {
	unknown := &Error{Code: "UnknownOperationException"}
	if r.Method != http.MethodPost {
		if r.URL.Path != "/" {
			unknown.Status = http.StatusNotFound
		}
		return nil, unknown
	}
	prefix, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	input := s.config.Service.Operations[operation]
	if prefix != s.config.Service.TargetPrefix || input == nil {
		return nil, unknown
	}
	h := s.handlers[operation]
	if h == nil {
		return nil, &Error{Code: "OperationDisabledException",
			Message: "Operation " + operation + " is not supported by this server."}
	}
	buffer := s.bodies.Get().(*bytes.Buffer)
	defer func() {
		if buffer.Cap() <= maxPooledBody {
			buffer.Reset()
			s.bodies.Put(buffer)
		}
	}()
	release, err := s.config.Budget.ReadBody(buffer, w, r, s.config.MaxBody)
	defer release()
	if err != nil {
		return nil, err
	}
	return h(r.Context(), &Call{
		Operation: operation,
		Region:    cmp.Or(ScopeRegion(r), s.config.Region),
		Host:      r.Host,
		RequestID: id,
		Trace:     r.Header.Get("X-Amzn-Trace-Id"),
		Body:      buffer.Bytes(),
		input:     input,
	})
}

// fail answers with err's error if it is one for the client; any other is
// logged, unless the client has gone and nobody waits for it.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, id string, err error) {
	if e, ok := errors.AsType[*Error](err); ok {
		s.writeError(w, e)
		return
	}
	if r.Context().Err() == nil {
		s.config.Logger.Error("answering a call",
			"target", r.Header.Get("X-Amz-Target"), "request_id", id, "error", err)
	}
	s.writeError(w, &Error{Code: "InternalException", Status: http.StatusInternalServerError,
		Message: "An internal error occurred. Request ID: " + id})
}

func (s *Server) writeError(w http.ResponseWriter, e *Error) {
	body, err := encode(struct {
		Type    string `json:"__type"`
		Message string `json:"message,omitempty"`
	}{e.Code, Bounded(e.Message)})
	if err != nil {
		s.config.Logger.Error("answering with an error", "code", e.Code, "error", err)
	}
	if e.Query != "" {
		w.Header()["x-amzn-query-error"] = []string{e.Query + ";Sender"}
	}
	s.writeJSON(w, e.status(), body)
}

func (s *Server) writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/x-amz-json-"+cmp.Or(s.config.Service.Version, "1.1"))
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	// A client that does not read its answer is told nothing more.
	_, _ = w.Write(body)
}

// NewRequestID returns a random UUID.
func NewRequestID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails: crypto/rand ends the program instead
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[0:8], id[0:4])
	hex.Encode(text[9:13], id[4:6])
	hex.Encode(text[14:18], id[6:8])
	hex.Encode(text[19:23], id[8:10])
	hex.Encode(text[24:36], id[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}
