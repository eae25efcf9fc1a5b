package baileytest

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"bailey/internal/arn"
	"bailey/internal/request"
)

// API is a REST API that keeps the requests that it gets and answers as it is
// told. Its methods may be called by several goroutines at once.
type API struct {
	// ID is under what the API is registered.
	ID string
	// URL is where it is. To register it otherwise than [Server.API] does, with
	// a rate limit or an API key, say, put the registration yourself:
	// PUT /_bailey/v1/apis/{id}.
	URL string

	s    *Server
	http *httptest.Server

	mu       sync.Mutex
	requests []Request               // mu
	respond  func(*Request) Response // mu
}

// Request is a request that an API got.
type Request struct {
	Method string
	URL    *url.URL // path and query, as they were sent
	Header http.Header
	Body   []byte
	// Time is when it came, on the server's clock.
	Time time.Time
	// EventID is the event that it is about, and Attempt which attempt of the
	// delivery it is, from 1.
	EventID string
	Attempt int
}

// Response is what an API answers.
type Response struct {
	Status int // 200 to 999; 0 means 200
	Header http.Header
	Body   string
	// Hang makes the API not answer at all. The attempt fails when its time
	// limit is over: five seconds, of real time.
	Hang bool
}

// registry is the APIs of a server.
type registry struct {
	mu   sync.Mutex
	byID map[string]*API
}

func (r *registry) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.byID {
		a.http.Close()
	}
}

// API starts a REST API and registers it under the id, which is 1 to 128
// letters, digits, hyphens and underscores. The API of an id that was asked for
// before is the same one.
func (s *Server) API(id string) *API {
	s.t.Helper()
	s.apis.mu.Lock()
	defer s.apis.mu.Unlock()
	if a := s.apis.byID[id]; a != nil {
		return a
	}
	a := &API{ID: id, s: s}
	a.Respond(Response{})
	a.http = httptest.NewServer(a)
	a.URL = a.http.URL
	if err := s.server.Router().Rules().PutAPI(s.ctx, &request.API{ID: id, URL: a.URL}); err != nil {
		a.http.Close()
		s.t.Fatalf("registering API %q: %v", id, err)
	}
	if s.apis.byID == nil {
		s.apis.byID = map[string]*API{}
	}
	s.apis.byID[id] = a
	return a
}

// ARN is the ARN of one of the API's methods, for a rule's target. In the path,
// an asterisk stands for a path parameter.
func (a *API) ARN(method, path string) string {
	return "arn:" + arn.Partition(a.s.Region) + ":execute-api:" + a.s.Region + ":" + a.s.Account + ":" + a.ID +
		"/test/" + method + "/" + strings.TrimPrefix(path, "/")
}

// Respond makes the API answer the next requests with these responses, one
// each, and all further requests with the last one. It takes the place of what
// was said before.
func (a *API) Respond(responses ...Response) {
	if len(responses) == 0 {
		responses = []Response{{}}
	}
	var mu sync.Mutex
	rest := slices.Clone(responses)
	a.RespondFunc(func(*Request) Response {
		mu.Lock()
		defer mu.Unlock()
		next := rest[0]
		if len(rest) > 1 {
			rest = rest[1:]
		}
		return next
	})
}

// RespondFunc makes the API ask f for every response. f may be called by
// several goroutines at once, and must not change the request, nor call
// [Server.Advance] or [Server.Wait], which wait for its own answer. It may put
// events. A panic in f fails the test, except one with [http.ErrAbortHandler],
// which closes the connection without an answer. It takes the place of what was
// said before.
func (a *API) RespondFunc(f func(*Request) Response) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.respond = f
}

// Requests returns the requests so far, in the order in which they came.
func (a *API) Requests() []Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.requests)
}

// Forget makes the API forget the requests so far.
func (a *API) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests = nil
}

// ServeHTTP implements [http.Handler].
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	got := Request{Method: r.Method, URL: r.URL, Header: r.Header.Clone(), Body: bytes.Clone(body), Time: a.s.Now()}
	got.EventID, _, _ = strings.Cut(r.Header.Get("Idempotency-Key"), "/")
	got.Attempt, _ = strconv.Atoi(r.Header.Get("Bailey-Attempt")) // 0 for a request that Bailey did not send
	a.mu.Lock()
	a.requests = append(a.requests, got)
	respond := a.respond
	a.mu.Unlock()

	defer a.recovered()
	answer := respond(&got)
	if answer.Status != 0 && (answer.Status < 200 || answer.Status > 999) {
		a.s.t.Errorf("API %q is to answer with the status %d, which HTTP does not have", a.ID, answer.Status)
		answer.Status = http.StatusInternalServerError
	}
	if answer.Hang {
		select {
		case <-r.Context().Done():
		case <-a.s.closing:
		}
		return
	}
	maps.Copy(w.Header(), answer.Header)
	if answer.Status != 0 {
		w.WriteHeader(answer.Status)
	}
	_, _ = io.WriteString(w, answer.Body) // a caller that has gone needs no answer
}

// recovered fails the test if what answers a request has panicked: net/http
// would say so on the standard error, and the delivery would be tried again for
// a day. The connection is closed in any case.
func (a *API) recovered() {
	p := recover()
	if p == nil {
		return
	}
	if p != any(http.ErrAbortHandler) {
		a.s.t.Errorf("API %q: answering panicked: %v\n%s", a.ID, p, debug.Stack())
	}
	panic(http.ErrAbortHandler)
}
