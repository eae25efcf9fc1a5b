package daemon

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// reservedConnections is how many connections are open at most beyond
// [Config.MaxConnections]: they are answered when they ask for health or
// metrics, so that a server that is full can still be looked at.
const reservedConnections = 32

// How long a connection may take to send the headers of its first request, and
// the body of any, before its place may be given to another. Nobody loses a
// place while there are free ones.
const (
	headerPatience   = time.Second
	bodyPatience     = 5 * time.Second
	reservedPatience = 250 * time.Millisecond // in a reserved place
)

// connections is a listener that bounds the connections that are open at once.
//
// When all places are taken, a new connection gets the place of one that does
// not need it: of the one that has been idle for the longest time, or else of
// one that takes too long to send its request. Where there is neither, it gets a
// reserved place, and is answered there if it asks for health or metrics. Where
// these are taken too, it waits.
type connections struct {
	net.Listener
	most, reserved int
	patience       func(c *connection) time.Duration // patience, but in tests

	mu     sync.Mutex
	open   map[*connection]struct{}
	extra  int           // of them, those in a reserved place
	freed  chan struct{} // holds a token when a place was given back
	once   sync.Once
	closed chan struct{}
}

func newConnections(l net.Listener, most int) *connections {
	return &connections{
		Listener: l, most: most, reserved: reservedConnections, patience: patience,
		open: map[*connection]struct{}{}, freed: make(chan struct{}, 1), closed: make(chan struct{}),
	}
}

// connection is a connection that has a place.
type connection struct {
	net.Conn
	of *connections

	// The fields below belong to of.mu.
	extra     bool      // its place is a reserved one
	waiting   bool      // for a request: nothing of one was read, or not all of its headers
	fresh     bool      // and it is the connection's first
	receiving int       // requests whose bodies are not here yet
	since     time.Time // when it began to wait or to receive
}

// Accept returns the next connection once there is a place for it.
func (l *connections) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	placed := &connection{Conn: c, of: l, waiting: true, fresh: true}
	for {
		ok, victim := l.place(placed)
		if victim != nil {
			_ = victim.Conn.Close() // its own goroutine reports what there is to report
		}
		if ok {
			return placed, nil
		}
		again := time.NewTimer(reservedPatience / 2)
		select {
		case <-l.freed:
		case <-again.C:
		case <-l.closed:
			again.Stop()
			_ = c.Close()
			return nil, net.ErrClosed
		}
		again.Stop()
	}
}

// place gives c a place if it can, and returns the connection that has lost its
// own for that, if one has, for the caller to close.
func (l *connections) place(c *connection) (ok bool, victim *connection) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.since = time.Now()
	if len(l.open)-l.extra >= l.most {
		if victim = l.dispensable(false); victim != nil {
			l.remove(victim)
		} else {
			if l.extra >= l.reserved {
				if victim = l.dispensable(true); victim == nil {
					return false, nil
				}
				l.remove(victim)
			}
			c.extra = true
			l.extra++
		}
	}
	l.open[c] = struct{}{}
	return true, victim
}

// dispensable returns the connection, of those in reserved places or of the
// others, whose place may be given to another, or nil. The caller holds mu.
func (l *connections) dispensable(extra bool) *connection {
	var found *connection
	idle := false // found is idle
	now := time.Now()
	for c := range l.open {
		if c.extra != extra {
			continue
		}
		isIdle := c.waiting && !c.fresh
		isLate := (c.waiting || c.receiving > 0) && now.Sub(c.since) >= l.patience(c)
		if !isIdle && !isLate || idle && !isIdle {
			continue
		}
		if found == nil || isIdle && !idle || c.since.Before(found.since) {
			found, idle = c, isIdle
		}
	}
	return found
}

// patience is how long a connection may take to send what it is sending.
func patience(c *connection) time.Duration {
	switch {
	case c.extra:
		return reservedPatience
	case c.waiting:
		return headerPatience
	}
	return bodyPatience
}

// remove takes a connection's place from it, once. The caller holds mu.
func (l *connections) remove(c *connection) {
	if _, ok := l.open[c]; !ok {
		return
	}
	delete(l.open, c)
	if c.extra {
		l.extra--
	}
	select {
	case l.freed <- struct{}{}:
	default:
	}
}

// Close ends Accept, also where it waits for a place.
func (l *connections) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// Close gives the place back.
func (c *connection) Close() error {
	c.of.mu.Lock()
	c.of.remove(c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// track is the http.Server's ConnState.
func (l *connections) track(nc net.Conn, state http.ConnState) {
	c, ok := nc.(*connection)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch state {
	case http.StateIdle:
		c.waiting, c.fresh, c.since = true, false, time.Now()
	case http.StateActive:
		c.waiting = false
	}
}

// connectionKey is the key of a request's connection in its context.
type connectionKey struct{}

// remember is the http.Server's ConnContext.
func (l *connections) remember(ctx context.Context, nc net.Conn) context.Context {
	if c, ok := nc.(*connection); ok {
		return context.WithValue(ctx, connectionKey{}, c)
	}
	return ctx
}

// watch hands requests on: those of connections in reserved places only where
// they ask for health or metrics. It notes how long each body takes to arrive.
func (l *connections) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := r.Context().Value(connectionKey{}).(*connection)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		if !always(r.URL.Path) && !c.promote() {
			w.Header().Set("Connection", "close")
			w.Header().Set("Content-Type", "application/json")
			reply(w, http.StatusServiceUnavailable, `{"__type":"ThrottlingException","error":"TooManyConnections","message":"The server has as many connections as it may: see limits.connections."}`)
			return
		}
		if len(r.TransferEncoding) > 0 && r.ProtoMajor == 1 {
			// Where such a body ends is what requests are smuggled by, past a
			// proxy that reads the headers in another way: nothing follows it.
			w.Header().Set("Connection", "close")
		}
		if r.Body != nil && r.Body != http.NoBody {
			body := &receivedBody{ReadCloser: r.Body, c: c}
			c.receive(+1)
			defer body.arrived()
			r.Body = body
		}
		next.ServeHTTP(w, r)
	})
}

// always reports whether a path is answered however full the server is.
func always(path string) bool {
	return path == "/healthz" || path == "/readyz" || path == "/metrics"
}

// promote moves a connection from a reserved place to another one, if there is
// one free, and reports whether it is not in a reserved place.
func (c *connection) promote() bool {
	l := c.of
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.extra && len(l.open)-l.extra < l.most {
		c.extra = false
		l.extra--
	}
	return !c.extra
}

// receive notes that one body more, or less, is on its way.
func (c *connection) receive(n int) {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if c.receiving == 0 {
		c.since = time.Now()
	}
	c.receiving += n
}

// receivedBody is a request's body; it notes when all of it was read.
type receivedBody struct {
	io.ReadCloser
	c    *connection
	done bool
}

// Read reads from the body.
func (b *receivedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.arrived()
	}
	return n, err
}

func (b *receivedBody) arrived() {
	if !b.done {
		b.done = true
		b.c.receive(-1)
	}
}
