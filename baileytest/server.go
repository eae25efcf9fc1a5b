package baileytest

import (
	"cmp"
	"context"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"bailey"
	"bailey/internal/client"
	"bailey/internal/daemon"
	"bailey/internal/rule"
)

// Config says what [NewWith] starts. The zero value is what [New] starts.
type Config struct {
	// At is where the clock stands at first; the zero time means midnight on 1
	// January 2026, UTC, so that a test does the same on every day.
	At time.Time
	// RealClock makes the server run on the machine's clock, which cannot be
	// moved.
	RealClock bool
	// Account and Region are those of the server; "" means 000000000000 and
	// us-east-1.
	Account, Region string
	// RulesPerBus, TargetsPerRule and EventPattern, the characters of a rule's
	// pattern, are quotas; 0 means AWS's: 300, 5 and 2,048.
	RulesPerBus, TargetsPerRule, EventPattern int
}

// Server is a running Bailey. Its methods may be called by several goroutines
// at once, but those that can fail the test only by that of the test. It runs
// until the cleanups are over that were registered after [New], so they can use
// it.
type Server struct {
	// URL is the endpoint for AWS SDKs.
	URL string
	// Account and Region are the server's.
	Account, Region string

	t       testing.TB
	ctx     context.Context // done when the server is stopped; the test's own is before its cleanups
	virtual bool
	server  *daemon.Server
	client  *client.Client
	closing chan struct{} // closed when the test has ended

	apis registry
}

// New starts a server with a clock that only the test moves. It is stopped, and
// its data removed, when the test ends.
func New(t testing.TB) *Server {
	t.Helper()
	return NewWith(t, Config{})
}

// NewWith starts a server as cfg says.
func NewWith(t testing.TB, cfg Config) *Server {
	t.Helper()
	log := new(tail)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("what bailey logged:\n%s", log)
		}
	})
	router := bailey.Config{
		Dir:     t.TempDir(),
		Account: cmp.Or(cfg.Account, "000000000000"),
		Region:  cmp.Or(cfg.Region, "us-east-1"),
		Quotas:  rule.Quotas{RulesPerBus: cfg.RulesPerBus, TargetsPerRule: cfg.TargetsPerRule, EventPattern: cfg.EventPattern},
		Log:     slog.New(slog.NewTextHandler(log, nil)),
		Version: "test",
	}
	if !cfg.RealClock {
		if cfg.At.IsZero() {
			cfg.At = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		}
		router.Clock = bailey.NewVirtualClock(cfg.At)
	}
	server, err := daemon.Listen(context.Background(), daemon.Config{Router: router, Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatalf("starting bailey: %v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{
		URL:     server.URL(),
		Account: router.Account,
		Region:  router.Region,
		t:       t,
		ctx:     ctx,
		virtual: !cfg.RealClock,
		server:  server,
		client:  &client.Client{Endpoint: server.URL(), Region: router.Region},
		closing: make(chan struct{}),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx) }()
	t.Cleanup(func() {
		close(s.closing) // lets go of requests that hang
		stop()
		if err := <-ended; err != nil {
			t.Errorf("stopping bailey: %v", err)
		}
		s.apis.close()
	})
	return s
}

// Now is the server's time.
func (s *Server) Now() time.Time { return s.server.Router().Now() }

// Advance moves the clock by d. It stops at every moment at which something is
// due, in order, and goes on when that has been done; so when Advance returns,
// everything due until the new time has been done. By 0, it only waits for what
// is due now. It fails the test if the clock is the machine's, or if the server
// is stopped meanwhile.
func (s *Server) Advance(d time.Duration) {
	s.t.Helper()
	if err := s.server.Router().Advance(s.ctx, d); err != nil {
		s.t.Fatalf("advancing the clock by %v: %v", d, err)
	}
}

// Rule puts a rule on the default bus, with a target for each ARN. The
// expression is an event pattern, or a schedule such as "rate(5 minutes)".
// What [API.ARN] returns is a target; more than ARN and id it takes
// [Server.Call] or an SDK to say.
func (s *Server) Rule(name, expression string, targetARNs ...string) {
	s.t.Helper()
	put := map[string]any{"Name": name, "EventPattern": expression}
	if strings.HasPrefix(expression, "rate(") || strings.HasPrefix(expression, "cron(") {
		put = map[string]any{"Name": name, "ScheduleExpression": expression}
	}
	s.mustCall("PutRule", put, nil)
	if len(targetARNs) == 0 {
		return
	}
	var targets []map[string]string
	for i, arn := range targetARNs {
		targets = append(targets, map[string]string{"Id": strconv.Itoa(i + 1), "Arn": arn})
	}
	var failed struct {
		FailedEntries []struct{ ErrorMessage string }
	}
	s.mustCall("PutTargets", map[string]any{"Rule": name, "Targets": targets}, &failed)
	for _, f := range failed.FailedEntries {
		s.t.Fatalf("putting the targets of rule %s: %s", name, f.ErrorMessage)
	}
}

// Put puts an event on the default bus and returns its id. The detail is a
// JSON object.
func (s *Server) Put(source, detailType, detail string) (eventID string) {
	s.t.Helper()
	var answer struct {
		Entries []struct{ EventID, ErrorCode, ErrorMessage string }
	}
	s.mustCall("PutEvents", map[string]any{
		"Entries": []map[string]string{{"Source": source, "DetailType": detailType, "Detail": detail}},
	}, &answer)
	if e := answer.Entries[0]; e.ErrorCode != "" {
		s.t.Fatalf("putting an event: %s: %s", e.ErrorCode, e.ErrorMessage)
	}
	return answer.Entries[0].EventID
}

// Call calls an operation of EventBridge's API, such as "PutRule". The input
// and the output are what encoding/json makes of them; the output may be nil.
// The text of an error begins with AWS's code.
func (s *Server) Call(operation string, input, output any) error {
	return s.client.AWS(s.ctx, operation, input, output)
}

func (s *Server) mustCall(operation string, input, output any) {
	s.t.Helper()
	if err := s.Call(operation, input, output); err != nil {
		s.t.Fatalf("%s: %v", operation, err)
	}
}
