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
	mu     sync.Mutex
	open   map[net.Conn]struct{}
	silent chan struct{} // closed when open becomes empty; nil if nobody waits for that
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
			if len(w.open) == 0 && w.silent != nil {
				close(w.silent)
				w.silent = nil
			}
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
	select {
	case <-w.silence():
	case <-time.After(time.Minute):
		t.Fatal("connections of a process that has ended stay open")
	}
}

// silence returns a channel that is closed once no connection is open. One caller at a time may wait for it.
func (w *witness) silence() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	silent := make(chan struct{})
	if len(w.open) == 0 {
		close(silent)
	} else {
		w.silent = silent
	}
	return silent
}
