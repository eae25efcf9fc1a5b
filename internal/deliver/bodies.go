package deliver

import (
	"errors"
	"sync"
	"time"

	"bailey/internal/input"
	"bailey/internal/rule"
)

// What becomes of an attempt that finds no memory for its body.
var (
	errNoRoom   = errors.New("no memory is free for the request's body")
	errStopping = errors.New("the dispatcher stops")
)

const (
	// smallBody is the size up to which a body takes no share: the number of
	// requests under way bounds these.
	smallBody = 4 << 10
	// roomWait is how long an attempt waits for its share before the delivery
	// goes back to the store, so that its worker can see to others.
	roomWait = 5 * time.Second
)

// bodies bounds the memory of what templates make for the requests under way:
// each request has a body of its own then, while events as they came are shared
// by all their deliveries.
//
// An API may hold as many bytes as are still free, or one body: an API that takes
// what it can get has half of the memory, two have a third each, and there is
// room left for one that has nothing yet.
type bodies struct {
	size int64

	mu    sync.Mutex
	used  int64
	held  map[string]int64 // by API; those that hold something
	freed chan struct{}    // closed when something is given back; nil if nobody waits
}

// share is what one attempt holds.
type share struct {
	api  string
	size int64
}

// take takes n bytes for an API. It waits for them until done is closed, or
// for roomWait.
func (b *bodies) take(s *share, n int64, done <-chan struct{}) error {
	if n <= smallBody {
		return nil
	}
	n = min(n, b.size)
	var late *time.Timer
	for {
		freed, ok := b.try(s, n)
		if ok {
			return nil
		}
		if late == nil {
			late = time.NewTimer(roomWait)
			defer late.Stop()
		}
		select {
		case <-freed:
		case <-late.C:
			return errNoRoom
		case <-done:
			return errStopping
		}
	}
}

// try takes n bytes if the API may have them, and otherwise says when to try
// again.
func (b *bodies) try(s *share, n int64) (freed <-chan struct{}, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	free := b.size - b.used - n
	if held := b.held[s.api]; free >= 0 && (held == 0 || held+n <= free) {
		b.add(s, n)
		return nil, true
	}
	if b.freed == nil {
		b.freed = make(chan struct{})
	}
	return b.freed, false
}

// add changes what an attempt holds. The caller holds mu.
func (b *bodies) add(s *share, n int64) {
	if b.held == nil {
		b.held = map[string]int64{}
	}
	s.size += n
	b.used += n
	if b.held[s.api] += n; b.held[s.api] == 0 {
		delete(b.held, s.api)
	}
}

// settle corrects what was taken to what a body really has: more where values
// had to be escaped.
func (b *bodies) settle(s *share, n int64) {
	if s.size == 0 || n <= s.size {
		return
	}
	b.mu.Lock()
	b.add(s, n-s.size)
	b.mu.Unlock()
}

// release gives back what an attempt holds.
func (b *bodies) release(s *share) {
	if s.size == 0 {
		return
	}
	b.mu.Lock()
	b.add(s, -s.size)
	if b.freed != nil {
		close(b.freed)
		b.freed = nil
	}
	b.mu.Unlock()
}

// body makes what is to be sent, within the memory for that. The error is
// errNoRoom, errStopping, or what is wrong with the input.
func (d *Dispatcher) body(x *delivery, rt *rule.Route, s *share) ([]byte, error) {
	body, err := rt.Input.Render(x.event.JSON, input.Context{
		RuleARN: rt.RuleARN, RuleName: x.route.Rule, Ingested: x.event.Ingested,
		Room: func(n int) error { return d.bodies.take(s, int64(n), d.loader.done) },
	})
	d.bodies.settle(s, int64(cap(body)))
	return body, err
}
