package sqlite

import "bailey/internal/store"

// Settle hands over the outcome of an attempt. It returns at once unless very
// many wait, and the outcome is committed soon after: see
// [Config.SettleDelay]. The store never drops one: while commits fail, it
// tries again.
func (s *Store) Settle(o store.Outcome) {
	size := messageSize(&o)
	s.mu.Lock()
	for s.crowded(size) && !s.closing && !s.hurried && !s.isBroken() {
		s.room.Wait()
	}
	s.messages += size
	first := len(s.outcomes) == 0
	full := len(s.outcomes) == maxGroupOutcomes
	s.outcomes = append(s.outcomes, o)
	s.mu.Unlock()
	if first || full {
		s.signal()
	}
}

// crowded reports whether there is no room for another outcome. One message
// alone always has room, however long it is. The caller holds mu.
func (s *Store) crowded(message int64) bool {
	return len(s.outcomes)+s.settling >= s.maxOutcomes || message > 0 && s.messages > 0 && s.messages+message > s.maxMessages
}

// messageSize is how many bytes an outcome holds for a dead-letter queue.
func messageSize(o *store.Outcome) int64 {
	if o.DeadLetter == nil {
		return 0
	}
	return int64(len(o.DeadLetter.Body))
}

// Hurry makes Settle wait for room no longer: whoever is in it, or calls it
// from now on, returns at once. It is for a shutdown whose time is over while
// the disk is full.
func (s *Store) Hurry() {
	s.mu.Lock()
	s.hurried = true
	s.mu.Unlock()
	s.room.Broadcast()
}
