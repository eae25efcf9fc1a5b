package daemon_test

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"

	"bailey/internal/daemon"
)

// A page whose own name was made to resolve to this machine is of the same
// origin as the server, so that nothing but the name it calls tells it apart.
func TestCalledByItsName(t *testing.T) {
	s, _ := start(t, daemon.Config{Hosts: []string{"Bailey.corp.example", ".Test.example"}})
	_, port, err := net.SplitHostPort(s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		host string
		ok   bool
	}{
		{"127.0.0.1:" + port, true},
		{"127.0.0.1", true},
		{"[::1]:" + port, true},
		{"192.0.2.1:80", true}, // an address is nobody's to point elsewhere
		{"localhost:" + port, true},
		{"LOCALHOST", true},
		{"localhost.:" + port, true},
		{"events.us-east-1.localhost:" + port, true},
		{"host.docker.internal:" + port, true},
		{"host.containers.internal:" + port, true},
		{"events.us-east-1.amazonaws.com", true}, // by the hosts file, or a proxy
		{"localhost.localstack.cloud:" + port, true},
		{"bailey.corp.example:" + port, true},
		{"a.b.test.example", true},
		{"eviltest.example", false},
		{"evil.example:" + port, false},
		{"evil.example", false},
		{"localhost.evil.example", false},
		{"127.0.0.1.evil.example:" + port, false},
		{"evil-localhost", false},
		{"evilamazonaws.com", false},
		{"docker.internal.evil.example", false},
	} {
		for _, call := range []struct{ method, path string }{
			{http.MethodPost, "/"},
			{http.MethodGet, "/_bailey/v1/deliveries"},
			{http.MethodPut, "/_bailey/v1/apis/petstore"},
			{http.MethodGet, "/metrics"},
		} {
			req, err := http.NewRequestWithContext(t.Context(), call.method, s.URL()+call.path, strings.NewReader(`{"url": "http://127.0.0.1:9000"}`))
			if err != nil {
				t.Fatal(err)
			}
			req.Host = tt.host
			// What a browser says of a page that calls its own origin.
			req.Header.Set("Origin", "http://"+tt.host)
			req.Header.Set("Sec-Fetch-Site", "same-origin")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			var refusal struct {
				Type    string `json:"__type"`
				Message string `json:"message"`
			}
			refused := resp.StatusCode == http.StatusForbidden
			if refused {
				if err := json.NewDecoder(resp.Body).Decode(&refusal); err != nil {
					t.Errorf("%s: the refusal is no JSON: %v", tt.host, err)
				}
			}
			_ = resp.Body.Close()
			if refused == tt.ok {
				t.Errorf("%s %s for %s: got %d %v, want it to be answered: %v", call.method, call.path, tt.host, resp.StatusCode, refusal, tt.ok)
			}
			if refused && (refusal.Type != "AccessDeniedException" || !strings.Contains(refusal.Message, "under hosts")) {
				t.Errorf("%s: got %+v, which does not say what to do", tt.host, refusal)
			}
		}
	}
}

// Who listens where other machines are has said who may call, and only they know
// by which names.
func TestCalledByAnyNameFromOtherMachines(t *testing.T) {
	s, _ := start(t, daemon.Config{Listen: "0.0.0.0:0", AllowUnauthenticated: true})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "bailey.corp.example"
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("got %d", resp.StatusCode)
	}
}
