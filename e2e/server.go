// Package e2e drives the real bailey program with the AWS clients that people have: the AWS CLI, boto3 and AWS's SDKs for Go
// and JavaScript. It is a module of its own, so that those are no requirement of Bailey's.
//
// A test starts a [Server], which is the program built with the race detector, and a [Sink], the API behind it, registers
// the one with the other, and then speaks to the server through a [Client].
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// When a test gives up waiting: long after what it waits for, also with the race detector on a machine that does much else.
const (
	startLimit = 3 * time.Minute
	stopLimit  = 3 * time.Minute
	callLimit  = 5 * time.Minute
)

// programFolder is where the program is built; Main makes and removes it.
var programFolder string

// program builds bailey the first time that it is asked for and returns where it is. It is built in its own module's
// folder, so that this module's requirements have no part in it. The race detector watches all of it but SQLite, which is
// translated C and would take most of the time.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(programFolder, "bailey")
	build := exec.CommandContext(context.Background(), "go", "build", "-race", "-gcflags=modernc.org/...=-race=false", "-o", path, "./cmd/bailey")
	build.Dir = ".."
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building bailey: %w\n%s", err, output)
	}
	return path, nil
})

// Main runs the tests and returns their exit code. TestMain calls it.
func Main(m *testing.M) int {
	folder, err := os.MkdirTemp("", "bailey-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "making a place for the program:", err)
		return 1
	}
	programFolder = folder
	code := m.Run()
	if err := os.RemoveAll(folder); err != nil {
		fmt.Fprintln(os.Stderr, "removing the program:", err)
		return 1
	}
	return code
}

// Server is a running bailey serve. It is stopped when its test ends, which fails the test if that is not done in good order.
type Server struct {
	URL     string // http://127.0.0.1:port
	DataDir string
	Account string // whose buses and APIs it has

	process *exec.Cmd
	exited  chan struct{} // closed when the process has been waited for
	output  *output
	stopped bool
}

// Start runs bailey serve with the flags on a free port and a data directory of its own, and waits until it is ready.
func Start(t *testing.T, flags ...string) *Server {
	t.Helper()
	return StartIn(t, t.TempDir(), flags...)
}

// StartIn is [Start] with a data directory that is there already.
func StartIn(t *testing.T, dataDir string, flags ...string) *Server {
	t.Helper()
	s := launch(t, dataDir, flags...)
	s.awaitReady(t)
	return s
}

// launch starts bailey serve and does not wait for it.
func launch(t *testing.T, dataDir string, flags ...string) *Server {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return launchProgram(t, path, nil, dataDir, flags...)
}

// launchProgram is launch with a program of the caller's and more environment variables.
func launchProgram(t *testing.T, path string, environment []string, dataDir string, flags ...string) *Server {
	t.Helper()
	address := freeAddress(t)
	s := &Server{
		URL:     "http://" + address,
		DataDir: dataDir,
		Account: "000000000000",
		process: exec.Command(path, append([]string{"serve", "--data", dataDir, "--listen", address}, flags...)...), //nolint:noctx // ended by Stop and Kill, never by a context
		exited:  make(chan struct{}),
		output:  new(output),
	}
	if i := slices.Index(flags, "--account"); i >= 0 {
		s.Account = flags[i+1]
	}
	s.process.Env = append(os.Environ(), environment...)
	s.process.Stdout, s.process.Stderr = s.output, s.output
	if err := s.process.Start(); err != nil {
		t.Fatalf("starting bailey: %v", err)
	}
	go func() {
		defer close(s.exited)
		_ = s.process.Wait() // Stop reads the exit code
	}()
	t.Cleanup(func() {
		s.Stop(t)
		if t.Failed() {
			t.Logf("what bailey said:\n%s", s.output.tail())
		}
	})
	return s
}

// freeAddress returns a loopback address on which nobody listens. Somebody else may take it before bailey does; the start
// then fails and says so.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return address
}

func (s *Server) awaitReady(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		if status, _, err := s.do(ctx, http.MethodGet, "/readyz", nil); err == nil && status == http.StatusOK {
			return
		}
		select {
		case <-s.exited:
			t.Fatalf("bailey ended before it was ready: %v", s.process.ProcessState)
		case <-ctx.Done():
			t.Fatalf("bailey was not ready after %v", startLimit)
		case <-again.C:
		}
	}
}

// Stop asks the server to shut down and fails the test unless it does so with exit code 0, within its time, and without the
// race detector having found anything. A server that was stopped or killed is left alone.
func (s *Server) Stop(t *testing.T) {
	t.Helper()
	if s.stopped {
		return
	}
	s.stopped = true
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("stopping bailey: %v", err)
	}
	select {
	case <-s.exited:
	case <-time.After(stopLimit):
		t.Errorf("bailey was still there %v after SIGTERM", stopLimit)
		_ = s.process.Process.Kill()
		<-s.exited
	}
	if state := s.process.ProcessState; !state.Success() {
		t.Errorf("bailey ended with %v, want exit code 0", state)
	}
	s.checkOutput(t)
}

// Kill ends the server as a crash would, with SIGKILL.
func (s *Server) Kill(t *testing.T) {
	t.Helper()
	s.stopped = true
	if err := s.process.Process.Kill(); err != nil {
		t.Errorf("killing bailey: %v", err)
	}
	<-s.exited
	s.checkOutput(t)
}

// Crashed waits until the server has ended by itself, as by SIGKILL.
func (s *Server) Crashed(t *testing.T) {
	t.Helper()
	select {
	case <-s.exited:
	case <-time.After(startLimit):
		t.Fatal("bailey is still there")
	}
	s.stopped = true
	if status, ok := s.process.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Errorf("bailey ended with %v, want SIGKILL", s.process.ProcessState)
	}
	s.checkOutput(t)
}

func (s *Server) checkOutput(t *testing.T) {
	t.Helper()
	for _, bad := range []string{"WARNING: DATA RACE", "panic: "} {
		if strings.Contains(s.Output(), bad) {
			t.Errorf("bailey said %q", bad)
		}
	}
}

// Output returns what the server has written to its standard output and standard error so far.
func (s *Server) Output() string { return s.output.String() }

// PutAPI registers a REST API under the id, or registers it anew. The registration is that of PUT /_bailey/v1/apis/{id}.
func (s *Server) PutAPI(t *testing.T, id string, registration map[string]any) {
	t.Helper()
	status, body := s.request(t, http.MethodPut, "/_bailey/v1/apis/"+url.PathEscape(id), registration)
	if status/100 != 2 {
		t.Fatalf("registering API %s: got status %d: %s", id, status, body)
	}
}

// Delivery is an event's way to one target, as the admin API shows it.
type Delivery struct {
	EventID        string    `json:"eventId"`
	Rule           string    `json:"rule"`
	TargetID       string    `json:"targetId"`
	API            string    `json:"api"`
	Status         string    `json:"status"` // pending, delivered or dead
	Attempts       int       `json:"attempts"`
	NextAttemptAt  time.Time `json:"nextAttemptAt"`
	LastStatusCode int       `json:"lastStatusCode"`
	LastErrorCode  string    `json:"lastErrorCode"`
	LastError      string    `json:"lastError"`
}

// Settled waits until all deliveries of an event are settled and returns them.
func (s *Server) Settled(t *testing.T, eventID string) []Delivery {
	t.Helper()
	return s.deliveries(t, "/_bailey/v1/events/"+url.PathEscape(eventID)+"/wait?timeout=4m")
}

// Deliveries returns an event's deliveries as they are now.
func (s *Server) Deliveries(t *testing.T, eventID string) []Delivery {
	t.Helper()
	return s.deliveries(t, "/_bailey/v1/deliveries?eventId="+url.QueryEscape(eventID))
}

func (s *Server) deliveries(t *testing.T, path string) []Delivery {
	t.Helper()
	status, body := s.request(t, http.MethodGet, path, nil)
	if status != http.StatusOK {
		t.Fatalf("GET %s: got status %d: %s", path, status, body)
	}
	var answer struct {
		Deliveries []Delivery `json:"deliveries"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("GET %s: %v: %s", path, err, body)
	}
	return answer.Deliveries
}

// Metric returns the value that /metrics shows for a series, written as it is there with its labels, or "" where there is no
// such series.
func (s *Server) Metric(t *testing.T, series string) string {
	t.Helper()
	status, body := s.request(t, http.MethodGet, "/metrics", nil)
	if status != http.StatusOK {
		t.Fatalf("GET /metrics: got status %d", status)
	}
	for line := range strings.Lines(string(body)) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// request sends value as JSON, or nothing where it is nil, and returns the answer's status and body.
func (s *Server) request(t *testing.T, method, path string, value any) (int, []byte) {
	t.Helper()
	var body []byte
	if value != nil {
		var err error
		if body, err = json.Marshal(value); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), callLimit)
	defer cancel()
	status, answer, err := s.do(ctx, method, path, body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return status, answer
}

func (s *Server) do(ctx context.Context, method, path string, body []byte) (int, []byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, callLimit, fmt.Errorf("%s %s was not answered within %v", method, path, callLimit))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, s.URL+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// output keeps what a process writes. It is safe for concurrent use.
type output struct {
	mu     sync.Mutex
	buffer bytes.Buffer // mu
}

// Write keeps p.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.String()
}

// tail is what of the output is worth reading in a test's log.
func (o *output) tail() string {
	const most = 32 << 10
	text := o.String()
	if len(text) > most {
		return "...\n" + text[len(text)-most:]
	}
	return text
}
