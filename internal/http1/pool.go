package http1

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// pool has all connections of a client: those in use, so that they can be cut
// off, and those that are kept for later, the latest of a host to be used first.
type pool struct {
	mu     sync.Mutex
	closed bool
	hosts  map[string]*host   // those to which there are connections
	all    map[*conn]struct{} // in use or idle
	idle   int
	oldest *conn // of those that are idle
	newest *conn
	timer  *time.Timer // rings when the oldest has been idle for too long; nil if none does
}

// host is what the pool has of one host.
type host struct {
	name string
	open int
	idle []*conn // the latest last
}

// take returns a connection to a host that was kept, or nil.
func (p *pool) take(name string) *conn {
	for {
		p.mu.Lock()
		h := p.hosts[name]
		if h == nil || len(h.idle) == 0 {
			p.mu.Unlock()
			return nil
		}
		k := h.idle[len(h.idle)-1]
		p.unlink(k, len(h.idle)-1)
		p.mu.Unlock()
		if k.usable() {
			return k
		}
		p.drop(k)
	}
}

// add takes in a new connection, which is in use. It returns false if the
// client is closed.
func (p *pool) add(name string, k *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	if p.hosts == nil {
		p.hosts, p.all = map[string]*host{}, map[*conn]struct{}{}
	}
	h := p.hosts[name]
	if h == nil {
		h = &host{name: name}
		p.hosts[name] = h
	}
	h.open++
	k.host = h
	p.all[k] = struct{}{}
	return true
}

// drop closes a connection that is in use.
func (p *pool) drop(k *conn) {
	p.mu.Lock()
	p.remove(k)
	p.mu.Unlock()
	_ = k.Close()
}

// remove forgets a connection that is not idle. The caller holds mu.
func (p *pool) remove(k *conn) {
	if _, ok := p.all[k]; !ok {
		return // Close was there first
	}
	delete(p.all, k)
	if k.host.open--; k.host.open == 0 {
		delete(p.hosts, k.host.name)
	}
}

// put keeps a connection for later, within the client's bounds. In the place of
// one that is too many in all, the one that has been idle longest is closed.
func (c *Client) put(k *conn) {
	p := &c.pool
	p.mu.Lock()
	if p.closed || len(k.host.idle) >= c.MaxIdlePerHost || c.MaxIdle <= 0 {
		p.remove(k)
		p.mu.Unlock()
		_ = k.Close()
		return
	}
	var surplus *conn
	if p.idle >= c.MaxIdle {
		surplus = p.oldest
		p.unlink(surplus, 0)
		p.remove(surplus)
	}
	k.since = time.Now()
	k.host.idle = append(k.host.idle, k)
	k.prev, k.next = p.newest, nil
	if p.newest != nil {
		p.newest.next = k
	} else {
		p.oldest = k
	}
	p.newest = k
	p.idle++
	if p.timer == nil {
		p.timer = time.AfterFunc(c.idleTimeout(), c.expire)
	}
	p.mu.Unlock()
	if surplus != nil {
		_ = surplus.Close()
	}
}

func (c *Client) idleTimeout() time.Duration { return cmp.Or(c.IdleTimeout, 90*time.Second) }

// unlink takes out an idle connection, the i-th of its host. The caller holds
// mu.
func (p *pool) unlink(k *conn, i int) {
	k.host.idle = slices.Delete(k.host.idle, i, i+1)
	if k.prev != nil {
		k.prev.next = k.next
	} else {
		p.oldest = k.next
	}
	if k.next != nil {
		k.next.prev = k.prev
	} else {
		p.newest = k.prev
	}
	k.prev, k.next = nil, nil
	p.idle--
}

// expire closes what has been idle for too long.
func (c *Client) expire() {
	p := &c.pool
	p.mu.Lock()
	var old []*conn
	p.timer = nil
	now := time.Now()
	for k := p.oldest; k != nil; k = p.oldest {
		if left := k.since.Add(c.idleTimeout()).Sub(now); left > 0 {
			p.timer = time.AfterFunc(left, c.expire)
			break
		}
		old = append(old, k)
		p.unlink(k, 0) // the oldest of all is the oldest of its host
		p.remove(k)
	}
	p.mu.Unlock()
	for _, k := range old {
		_ = k.Close()
	}
}

func (p *pool) closeIdle() {
	p.mu.Lock()
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	var all []*conn
	for k := p.oldest; k != nil; k = p.oldest {
		all = append(all, k)
		p.unlink(k, 0)
		p.remove(k)
	}
	p.mu.Unlock()
	for _, k := range all {
		_ = k.Close()
	}
}

func (p *pool) close() {
	p.closeIdle()
	p.mu.Lock()
	p.closed = true
	all := make([]*conn, 0, len(p.all))
	for k := range p.all {
		all = append(all, k)
	}
	p.mu.Unlock()
	for _, k := range all {
		_ = k.Close() // whoever uses it drops it
	}
}
