package forward_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bailey"
	"bailey/internal/forward"
	"bailey/internal/request"
	"bailey/internal/rule"
	"bailey/internal/sigv4"
	"bailey/internal/store"
)

const queue = "arn:aws:sqs:us-east-1:123456789012:failed"

// elsewhere is an SQS that takes messages, or answers as it is told.
type elsewhere struct {
	*httptest.Server
	mu     sync.Mutex
	refuse string        // the type of the error to answer with; "" takes
	hold   chan struct{} // where not nil, answers wait for its end
	calls  []call
	took   chan call
	denied chan struct{}
	held   chan struct{}
}

// call is a request to send a message.
type call struct {
	header            http.Header
	QueueURL          string `json:"QueueUrl"`
	MessageBody       string
	MessageAttributes map[string]struct{ DataType, StringValue string }
	System            map[string]struct{ DataType, StringValue string } `json:"MessageSystemAttributes"`
}

func newElsewhere(t *testing.T) *elsewhere {
	t.Helper()
	e := &elsewhere{took: make(chan call, 1000), denied: make(chan struct{}, 1000), held: make(chan struct{}, 1000)}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := call{header: r.Header}
		if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		e.mu.Lock()
		refuse, hold := e.refuse, e.hold
		e.calls = append(e.calls, c)
		e.mu.Unlock()
		if hold != nil {
			e.held <- struct{}{}
			<-hold
		}
		if refuse != "" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, `{"__type": "com.amazonaws.sqs#%s", "message": "no"}`, refuse)
			e.denied <- struct{}{}
			return
		}
		_, _ = io.WriteString(w, `{"MessageId": "5fea7756-0ea4-451a-a703-a558b933e274"}`)
		e.took <- c
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *elsewhere) answer(refuse string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refuse, e.calls = refuse, nil
}

func (e *elsewhere) called() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.calls)
}

// world is a router on a virtual clock whose target refuses everything.
type world struct {
	t      *testing.T
	cfg    bailey.Config
	router *bailey.Router
}

func newWorld(t *testing.T, e *elsewhere) *world {
	t.Helper()
	w := &world{t: t, cfg: bailey.Config{
		Dir:     filepath.Join(t.TempDir(), "data"),
		Log:     slog.New(slog.DiscardHandler),
		Clock:   bailey.NewVirtualClock(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)),
		Forward: &bailey.Forward{Endpoint: e.URL + "/", Credentials: sigv4.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}},
	}}
	w.open()
	t.Cleanup(w.close)
	refuses := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(refuses.Close)
	ctx := t.Context()
	if err := w.router.Rules().PutAPI(ctx, &request.API{ID: "shop", URL: refuses.URL}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.router.Rules().PutRule(ctx, rule.Rule{Region: "us-east-1", EventBusName: "default", Name: "orders", EventPattern: `{"source": ["shop"]}`, State: rule.Enabled}); err != nil {
		t.Fatal(err)
	}
	err := w.router.Rules().PutTargets(ctx, "us-east-1", "default", "orders", []rule.Target{{
		ID: "api", ARN: "arn:aws:execute-api:us-east-1:000000000000:shop/prod/POST/orders", DeadLetterConfig: &rule.DeadLetterConfig{ARN: queue},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) open() {
	w.t.Helper()
	var err error
	if w.router, err = bailey.Open(context.Background(), w.cfg); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) close() {
	if err := w.router.Close(); err != nil {
		w.t.Error(err)
	}
}

func (w *world) give(n int) {
	w.t.Helper()
	for i := range n {
		_, err := w.router.PutEvents(w.t.Context(), "", []bailey.Entry{{Source: "shop", DetailType: "order", Detail: fmt.Appendf(nil, `{"n": %d, "text": "<ü>"}`, i)}})
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// pass lets time pass, and everything be done that is due.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	if err := w.router.Advance(w.t.Context(), d); err != nil {
		w.t.Fatal(err)
	}
}

// counts checks how many messages are kept here, and what the metrics say.
func (w *world) counts(kept int64, sent, failed string) {
	w.t.Helper()
	if n, err := w.router.CountDeadLetters(w.t.Context(), queue); err != nil || n != kept {
		w.t.Errorf("%d messages are here, %v, want %d", n, err, kept)
	}
	rec := httptest.NewRecorder()
	w.router.Metrics().Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for name, want := range map[string]string{"sent_to_dlq": sent, "failed_to_be_sent_to_dlq": failed} {
		series := `bailey_invocations_` + name + `_total{event_bus="default",region="us-east-1",rule="orders"} `
		_, rest, _ := strings.Cut(rec.Body.String(), series)
		if got, _, _ := strings.Cut(rest, "\n"); got != want {
			w.t.Errorf("invocations_%s: got %q, want %s", name, got, want)
		}
	}
}

func TestForward(t *testing.T) {
	e := newElsewhere(t)
	w := newWorld(t, e)
	w.give(20)
	w.pass(0)
	w.counts(0, "20", "0")
	var bodies []string
	for range 20 {
		c := <-e.took
		bodies = append(bodies, c.MessageBody)
		if c.QueueURL != e.URL+"/123456789012/failed" {
			t.Errorf("sent to %s", c.QueueURL)
		}
		if a := c.MessageAttributes["ERROR_CODE"]; a.StringValue != "ERROR_FROM_TARGET" || a.DataType != "String" || len(c.MessageAttributes) != 4 {
			t.Errorf("sent with %+v", c.MessageAttributes)
		}
		if len(c.System) != 0 {
			t.Errorf("sent with %+v, for an event without a trace", c.System)
		}
		if auth := c.header.Get("Authorization"); !strings.Contains(auth, "/us-east-1/sqs/aws4_request") ||
			c.header.Get("X-Amz-Target") != "AmazonSQS.SendMessage" || c.header.Get("Content-Type") != "application/x-amz-json-1.0" {
			t.Errorf("sent with %v", c.header)
		}
	}
	slices.Sort(bodies)
	if !strings.Contains(bodies[0], `"detail":{"n": `) || !strings.Contains(bodies[0], `"text": "<ü>"}`) {
		t.Errorf("sent %s, want the event as it is", bodies[0])
	}
	for i := range bodies[1:] {
		if bodies[i] == bodies[i+1] {
			t.Errorf("sent twice: %s", bodies[i])
		}
	}
	// What was taken is dealt with.
	one, err := w.router.Redrive(t.Context(), store.Undelivered{}, 0)
	if err != nil || one.Matched != 0 {
		t.Errorf("got %+v, %v, want nothing to redrive", one, err)
	}
}

// The event's trace goes along as a system attribute; what is none is left out,
// for SQS would refuse the message.
func TestForwardTrace(t *testing.T) {
	const trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
	e := newElsewhere(t)
	w := newWorld(t, e)
	for header, want := range map[string]string{trace: trace, "": "", "garbage": ""} {
		entry := bailey.Entry{Source: "shop", DetailType: "order", Detail: []byte(`{}`), TraceHeader: header}
		if _, err := w.router.PutEvents(t.Context(), "", []bailey.Entry{entry}); err != nil {
			t.Fatal(err)
		}
		w.pass(0)
		if c := <-e.took; c.System["AWSTraceHeader"].StringValue != want || want != "" && c.System["AWSTraceHeader"].DataType != "String" {
			t.Errorf("%q: sent with %+v, want %q", header, c.System, want)
		}
	}
}

// While a queue takes nothing, its messages are kept, across restarts, and it
// is asked ever less often.
func TestQueueRefuses(t *testing.T) {
	e := newElsewhere(t)
	w := newWorld(t, e)
	e.answer("QueueDoesNotExist")
	w.give(30)
	w.pass(0)
	if n := e.called(); n == 0 || n > 8 {
		t.Errorf("a queue that is not there was asked %d times at once", n)
	}
	e.answer("QueueDoesNotExist")
	w.pass(10 * time.Minute)
	if n := e.called(); n < 9 || n > 40 {
		t.Errorf("asked %d times in 10 minutes, want once in a while", n)
	}
	if n, err := w.router.CountDeadLetters(t.Context(), queue); err != nil || n != 30 {
		t.Errorf("%d are kept, %v, want 30", n, err)
	}
	w.close()
	e.answer("")
	w.open()
	w.pass(2 * time.Minute)
	if n, err := w.router.CountDeadLetters(t.Context(), queue); err != nil || n != 0 || len(e.took) != 30 {
		t.Errorf("%d are kept, %v, and %d taken, want all taken", n, err, len(e.took))
	}
}

// A message that is refused for what it is stands in no other's way, and is
// counted once.
func TestMessageRefused(t *testing.T) {
	e := newElsewhere(t)
	w := newWorld(t, e)
	e.answer("InvalidMessageContents")
	w.give(1)
	w.pass(0)
	w.counts(1, "0", "1")
	w.pass(time.Minute)
	w.counts(1, "0", "1")
	if n := e.called(); n < 4 || n > 8 {
		t.Errorf("tried %d times in a minute, want ever longer waits", n)
	}
	letters, err := w.router.DeadLetters(t.Context(), store.Undelivered{}, 0, 10)
	if err != nil || len(letters) != 1 || letters[0].Tries < 4 {
		t.Errorf("got %+v, %v", letters, err)
	}
	e.answer("")
	w.give(1)
	w.pass(0)
	w.counts(1, "1", "1")
	w.pass(time.Hour)
	w.counts(0, "2", "1")
}

func TestUnreachable(t *testing.T) {
	e := newElsewhere(t)
	w := newWorld(t, e)
	e.Close()
	w.give(3)
	w.pass(time.Minute)
	if n, err := w.router.CountDeadLetters(t.Context(), queue); err != nil || n != 3 {
		t.Errorf("%d are kept, %v, want 3", n, err)
	}
}

// A stop in good order waits for the answer to what is under way, so that
// nothing is sent twice; but no longer than it is let.
func TestStopWaits(t *testing.T) {
	for name, test := range map[string]struct {
		patient bool
		kept    int64 // after the stop
	}{
		"answered in time": {true, 0},
		"no time is left":  {false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			e := newElsewhere(t)
			w := newWorld(t, e)
			hold := make(chan struct{})
			e.mu.Lock()
			e.hold = hold
			e.mu.Unlock()
			w.give(1)
			<-e.held
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			stopped := make(chan error)
			go func() { stopped <- w.router.Shutdown(ctx) }()
			if test.patient {
				close(hold)
			} else {
				cancel()
			}
			if err := <-stopped; err != nil {
				t.Fatal(err)
			}
			e.mu.Lock()
			e.hold = nil
			e.mu.Unlock()
			if !test.patient {
				close(hold)
				e.answer("InternalError")
			}
			w.open()
			if n, err := w.router.CountDeadLetters(t.Context(), queue); err != nil || n != test.kept {
				t.Errorf("%d messages are here after the stop, %v, want %d", n, err, test.kept)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	good := sigv4.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}
	for _, test := range []struct {
		name string
		cfg  forward.Config
		want string
	}{
		{"no credentials", forward.Config{}, "credentials"},
		{"no URL", forward.Config{Endpoint: "sqs.eu-west-1.amazonaws.com", Credentials: good}, "is a URL such as"},
		{"another protocol", forward.Config{Endpoint: "ftp://sqs", Credentials: good}, "is a URL such as"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := forward.New(test.cfg); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}
