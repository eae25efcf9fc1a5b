package http1

import (
	"net"
	"syscall"
	"time"
)

// conn is a connection that is in use or kept for later. The pool's mutex
// guards what is about its place there.
type conn struct {
	net.Conn
	raw   syscall.RawConn  // nil where it cannot be looked into
	look  func(fd uintptr) // sets quiet
	quiet bool             // nothing came over it

	host       *host
	since      time.Time // when it was put away
	prev, next *conn     // of all that are idle, by since
}

func newConn(nc net.Conn) *conn {
	k := &conn{Conn: nc}
	if sc, ok := nc.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			k.raw = raw
			k.look = func(fd uintptr) { k.quiet = isQuiet(fd) }
		}
	}
	return k
}

// usable reports whether an idle connection can take a request: the server has
// neither closed it nor sent what nobody asked for, which would be taken for
// the answer to the next request.
func (k *conn) usable() bool {
	if k.raw == nil {
		return true
	}
	k.quiet = false
	return k.raw.Control(k.look) == nil && k.quiet
}
