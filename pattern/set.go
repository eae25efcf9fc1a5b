package pattern

import (
	"maps"
	"sync"
	"sync/atomic"
)

// A Set matches events against many patterns at once. The zero Set is empty
// and ready to use. Any number of goroutines may use it; AppendMatches never
// waits for Add and Remove.
type Set[ID comparable] struct {
	mu       sync.Mutex
	patterns atomic.Pointer[map[ID]*Pattern]
}

// Add puts a pattern into the set under id, in place of the one that was.
func (s *Set[ID]) Add(id ID, p *Pattern) error {
	s.change(func(m map[ID]*Pattern) { m[id] = p })
	return nil
}

// Remove takes the pattern of id out of the set, if there is one.
func (s *Set[ID]) Remove(id ID) {
	s.change(func(m map[ID]*Pattern) { delete(m, id) })
}

func (s *Set[ID]) change(f func(map[ID]*Pattern)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := map[ID]*Pattern{}
	if old := s.patterns.Load(); old != nil {
		maps.Copy(m, *old)
	}
	f(m)
	s.patterns.Store(&m)
}

// Len returns the number of patterns in the set.
func (s *Set[ID]) Len() int {
	if m := s.patterns.Load(); m != nil {
		return len(*m)
	}
	return 0
}

// AppendMatches appends to dst the ids of the patterns that match an event,
// which must be known to be valid JSON, and returns it.
func (s *Set[ID]) AppendMatches(dst []ID, event []byte) []ID {
	if m := s.patterns.Load(); m != nil {
		for id, p := range *m {
			if p.Match(event) {
				dst = append(dst, id)
			}
		}
	}
	return dst
}
