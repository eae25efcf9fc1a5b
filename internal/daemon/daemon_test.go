package daemon_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"bailey"
	"bailey/internal/daemon"
	"bailey/internal/request"
)

// start runs a server until the test ends, or until the returned function is
// called, which returns what Serve did.
func start(t *testing.T, cfg daemon.Config) (*daemon.Server, func() error) {
	t.Helper()
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	if cfg.Router.Dir == "" {
		cfg.Router.Dir = t.TempDir()
	}
	cfg.Router.Log = slog.New(slog.DiscardHandler)
	s, err := daemon.Listen(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	stopped := false
	stop := func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	return s, stop
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url) //nolint:gosec // the test's own server
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// call makes a call of the AWS API that must go well.
func call(t *testing.T, s *daemon.Server, operation, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AWSEvents."+operation)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s, %v", operation, resp.StatusCode, text, err)
	}
	return string(text)
}

// A rule whose target is this server would feed itself, and call it as one who may.
func TestTargetIsNotTheServerItself(t *testing.T) {
	s, _ := start(t, daemon.Config{})
	api := &request.API{ID: "self", URL: s.URL()}
	if err := s.Router().Rules().PutAPI(t.Context(), api); err != nil {
		t.Fatal(err)
	}
	call(t, s, "PutRule", `{"Name": "orders", "EventPattern": "{\"source\": [\"shop\"]}"}`)
	call(t, s, "PutTargets", `{"Rule": "orders", "Targets": [{"Id": "api", "Arn": "arn:aws:execute-api:us-east-1:000000000000:self/prod/DELETE/_bailey/v1/apis/self"}]}`)
	put := call(t, s, "PutEvents", `{"Entries": [{"Source": "shop", "DetailType": "d", "Detail": "{}"}]}`)
	id := put[strings.Index(put, `"EventId":"`)+len(`"EventId":"`):][:36]
	_, body := get(t, s.URL()+"/_bailey/v1/events/"+id+"/wait?timeout=30s")
	if !strings.Contains(body, `"lastErrorCode":"NO_PERMISSIONS"`) || !strings.Contains(body, "it is Bailey's own") {
		t.Errorf("got %s, want the delivery ended by the egress rule", body)
	}
}

func TestEndpoints(t *testing.T) {
	s, _ := start(t, daemon.Config{APIs: []*request.API{{ID: "petstore", URL: "http://127.0.0.1:9000"}}})
	for _, tt := range []struct {
		path   string
		status int
		part   string
	}{
		{"/", 200, "Bailey"},
		{"/healthz", 200, "ok"},
		{"/readyz", 200, "ok"},
		{"/metrics", 200, "bailey_store_commits_total"},
		{"/_bailey/v1/apis", 200, `"petstore"`},
		{"/_bailey/v1/deliveries", 200, `{"deliveries":[]}`},
		{"/_bailey/v1/nothing", 404, `"error":"NotFound"`},
		{"/_bailey", 404, ""},
	} {
		if status, body := get(t, s.URL()+tt.path); status != tt.status || !strings.Contains(body, tt.part) {
			t.Errorf("GET %s: got %d %q, want %d with %q", tt.path, status, body, tt.status, tt.part)
		}
	}
}

// Callers are not verified, so only this machine may call unless somebody says
// otherwise.
func TestListensOnLoopback(t *testing.T) {
	for _, tt := range []struct {
		listen string
		allow  bool
		ok     bool
	}{
		{"127.0.0.1:0", false, true},
		{"localhost:0", false, true},
		{"0.0.0.0:0", false, false},
		{":0", false, false},
		{"0.0.0.0:0", true, true},
		{"nonsense", false, false},
	} {
		s, err := daemon.Listen(t.Context(), daemon.Config{
			Listen: tt.listen, AllowUnauthenticated: tt.allow,
			Router: bailey.Config{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)},
		})
		if (err == nil) != tt.ok {
			t.Errorf("%s, allowed %v: got %v", tt.listen, tt.allow, err)
		}
		if err == nil {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := s.Serve(ctx); err != nil {
				t.Errorf("%s: %v", tt.listen, err)
			}
		}
	}
}

func TestAddressInUse(t *testing.T) {
	s, _ := start(t, daemon.Config{})
	_, err := daemon.Listen(t.Context(), daemon.Config{Listen: s.Addr().String(), Router: bailey.Config{Dir: t.TempDir()}})
	if err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("got %v, want that the address is in use", err)
	}
}

// A server that is told to stop answers those who wait, lets the request to a
// target finish, and ends without an error.
func TestGracefulShutdown(t *testing.T) {
	arrived, answer := make(chan struct{}), make(chan struct{})
	api := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-answer
	}))
	defer api.Close()
	dir := t.TempDir()
	s, stop := start(t, daemon.Config{Router: bailey.Config{Dir: dir}, APIs: []*request.API{{ID: "orders", URL: api.URL}}})
	call(t, s, "PutRule", `{"Name": "orders", "EventPattern": "{\"source\": [\"shop\"]}"}`)
	call(t, s, "PutTargets", `{"Rule": "orders", "Targets": [{"Id": "api", "Arn": "arn:aws:execute-api:us-east-1:000000000000:orders/prod/POST/o"}]}`)
	put := call(t, s, "PutEvents", `{"Entries": [{"Source": "shop", "DetailType": "d", "Detail": "{}"}]}`)
	id := put[strings.Index(put, `"EventId":"`)+len(`"EventId":"`):][:36]
	<-arrived

	waited := make(chan int, 1)
	go func() {
		resp, err := http.Get(s.URL() + "/_bailey/v1/events/" + id + "/wait?timeout=1m") //nolint:gosec // the test's own server
		if err != nil {
			waited <- 0
			return
		}
		_ = resp.Body.Close()
		waited <- resp.StatusCode
	}()
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	for { // until it takes no more calls
		c, err := net.DialTimeout("tcp", s.Addr().String(), time.Second)
		if err != nil {
			break
		}
		_ = c.Close()
	}
	close(answer)
	if err := <-ended; err != nil {
		t.Errorf("stopping: %v", err)
	}
	if status := <-waited; status != http.StatusRequestTimeout && status != http.StatusOK && status != 0 {
		t.Errorf("who waited got %d", status)
	}
	s, _ = start(t, daemon.Config{Router: bailey.Config{Dir: dir}})
	if _, body := get(t, s.URL()+"/_bailey/v1/deliveries?eventId="+id); !strings.Contains(body, `"status":"delivered"`) {
		t.Errorf("the request under way was not finished: %s", body)
	}
}
