package e2e

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// witness serves an API whose only client is a server that is killed, and can say when it has seen all that a dead one had
// sent: what still lies in the sockets, on a busy machine for a while, must not be taken for the next one's.
type witness struct {
	*httptest.Server
	mu   sync.Mutex
	open map[net.Conn]struct{}
}

const knock = "/-/knock" // is answered by the witness itself

// newWitness starts an API. It ends with the test.
func newWitness(t *testing.T, api http.Handler) *witness {
	t.Helper()
	w := &witness{open: map[net.Conn]struct{}{}}
	w.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		if r.URL.Path == knock {
			answer.WriteHeader(http.StatusNoContent)
			return
		}
		api.ServeHTTP(answer, r)
	}))
	w.Config.ConnState = func(c net.Conn, state http.ConnState) {
		w.mu.Lock()
		defer w.mu.Unlock()
		switch state {
		case http.StateNew:
			w.open[c] = struct{}{}
		case http.StateClosed, http.StateHijacked:
			delete(w.open, c)
		case http.StateActive, http.StateIdle:
		}
	}
	w.Start()
	t.Cleanup(w.Close)
	return w
}

// AwaitSilence waits until each request of a process that has ended was handled: its connections were accepted, read to
// their end, and closed.
func (w *witness) AwaitSilence(t *testing.T) {
	t.Helper()
	// Connections are accepted one after the other: those before this one have been.
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL+knock, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	deadline := time.Now().Add(time.Minute)
	for w.connections() > 0 {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections of a process that has ended stay open", w.connections())
		}
		time.Sleep(time.Millisecond)
	}
}

func (w *witness) connections() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.open)
}
