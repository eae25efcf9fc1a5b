package e2e

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// arrivalLimit is how long a test waits for a request: long after any machine has sent it.
const arrivalLimit = 3 * time.Minute

// Request is a request that a [Sink] received.
type Request struct {
	Method  string
	URI     string // path and query as they were sent, escapes and all
	Header  http.Header
	Host    string
	Body    []byte
	Arrived time.Time
	// Cut is sent the time at which the caller went away, where it did not wait for the answer.
	Cut <-chan time.Time
}

// Answer is what a [Sink] answers.
type Answer struct {
	Status int // 0 means 200
	Header map[string]string
	Body   string
	Never  bool // no answer at all, until the caller goes away
}

// Sink is the API at the other end: it records what it receives and answers as it is told. It is safe for concurrent use.
type Sink struct {
	URL string

	arrivals chan *Request
	closing  chan struct{}

	mu      sync.Mutex
	answers []Answer // mu; the next first
}

// maxArrivals bounds what is kept of requests that nobody asks for; past it the sink answers 507, which makes a test fail.
const maxArrivals = 10_000

// NewSink starts a sink that answers 200 to everything. It ends with the test.
func NewSink(t *testing.T) *Sink {
	t.Helper()
	s := &Sink{arrivals: make(chan *Request, maxArrivals), closing: make(chan struct{})}
	server := httptest.NewServer(s)
	s.URL = server.URL
	t.Cleanup(func() {
		close(s.closing) // before Close, which waits for the requests under way
		server.Close()
	})
	return s
}

// Answer says how the next requests are answered, in their order. When the answers are used up it is 200 again.
func (s *Sink) Answer(answers ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = append(s.answers, answers...)
}

func (s *Sink) nextAnswer() Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.answers) == 0 {
		return Answer{}
	}
	answer := s.answers[0]
	s.answers = s.answers[1:]
	return answer
}

// Next returns the next request that arrived and was not returned yet, and waits for it where there is none.
func (s *Sink) Next(t *testing.T) *Request {
	t.Helper()
	select {
	case request := <-s.arrivals:
		return request
	case <-time.After(arrivalLimit):
		t.Fatalf("no request arrived within %v", arrivalLimit)
		return nil
	}
}

// None fails the test if a request has arrived that Next has not returned.
func (s *Sink) None(t *testing.T) {
	t.Helper()
	select {
	case request := <-s.arrivals:
		t.Errorf("got a request nobody asked for: %s %s %s", request.Method, request.URI, request.Body)
	default:
	}
}

// ServeHTTP implements [http.Handler].
func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	arrived := time.Now()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	cut := make(chan time.Time, 1)
	request := &Request{
		Method: r.Method, URI: r.RequestURI, Header: r.Header.Clone(), Host: r.Host, Body: bytes.Clone(body), Arrived: arrived, Cut: cut,
	}
	// Taken before the request is seen, so that a test that has it can program the next answer.
	answer := s.nextAnswer()
	select {
	case s.arrivals <- request:
	default:
		http.Error(w, "the sink is full", http.StatusInsufficientStorage)
		return
	}
	if answer.Never {
		select {
		case <-r.Context().Done():
			cut <- time.Now()
		case <-s.closing:
		}
		return
	}
	for name, value := range answer.Header {
		w.Header().Set(name, value)
	}
	if answer.Status != 0 {
		w.WriteHeader(answer.Status)
	}
	_, _ = io.WriteString(w, answer.Body) // a caller that has gone away needs no answer
}
