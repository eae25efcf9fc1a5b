package pattern

import (
	"errors"
	"math"
	"sync"
	"sync/atomic"
)

// A Set matches events against many patterns at once, each under an identifier
// of the caller's. The time a match takes depends on the event and on the
// patterns that match or nearly do, hardly on how many others there are.
//
// The zero Set is empty and ready to use. Any number of goroutines may use
// one; it must not be copied. Add and Remove wait for each other;
// AppendMatches waits for nobody and sees every change whole or not at all.
type Set[ID comparable] struct {
	engine atomic.Pointer[engine]
	size   atomic.Int64

	mu      sync.Mutex // held by the one writer; guards what follows
	builder *builder
	members map[ID]*member
}

// maxIDs bounds the patterns and combinations of a set.
const maxIDs = math.MaxInt32 / 2

// Add puts a pattern into the set, in place of the one that was there under
// the same id. It returns an error, and leaves the set as it was, if the
// pattern is nil or the set full, at about a billion combinations.
func (s *Set[ID]) Add(id ID, p *Pattern) error {
	if p == nil {
		return errors.New("adding to a pattern set: no pattern")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.builder == nil {
		s.builder, s.members = newBuilder(), map[ID]*member{}
	}
	if s.builder.ids.count > maxIDs {
		return errors.New("adding to a pattern set: the set is full")
	}
	if old := s.members[id]; old != nil {
		s.builder.remove(old)
	}
	s.members[id] = s.builder.add(id, p)
	s.publish()
	return nil
}

// Remove takes the pattern of id out of the set, if there is one.
func (s *Set[ID]) Remove(id ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.members[id]
	if old == nil {
		return
	}
	s.builder.remove(old)
	delete(s.members, id)
	s.publish()
}

// publish lets readers see what the builder has made. The caller holds s.mu.
func (s *Set[ID]) publish() {
	s.engine.Store(s.builder.snapshot())
	s.size.Store(int64(len(s.members)))
}

// Len returns the number of patterns in the set.
func (s *Set[ID]) Len() int { return int(s.size.Load()) }

// AppendMatches appends to dst the ids of the patterns that match an event, in
// no particular order and each once, and returns the extended slice. The event
// must be known to be valid JSON, see [ValidEvent]: of text that is not, parts
// are read as if they were, and the result means nothing. The event must not
// change meanwhile; it is not kept.
func (s *Set[ID]) AppendMatches(dst []ID, event []byte) []ID {
	e := s.engine.Load()
	if e == nil {
		return dst
	}
	w := e.match(event)
	for _, m := range w.matched {
		dst = append(dst, m.key.(ID))
	}
	w.done()
	return dst
}
