package deliver

import "testing"

// The paths of one route, as many requests as that may have, and what may go.
func TestPaths(t *testing.T) {
	const allowed, room = 16, 8
	var s paths
	under := 0
	hash := func(n uint64) uint64 { return n * 0x9E3779B97F4A7C15 } // keys are hashes
	send := func(n uint64, want passage) {
		t.Helper()
		key := hash(n)
		got := s.admits(key, allowed, under, room, false)
		if got != want {
			t.Fatalf("path %d with %d under way: got %d, want %d", n, under, got, want)
		}
		switch got {
		case goes:
			s.began(key)
			under++
		case waits:
			s.setAside(&delivery{path: key})
		case putOff:
		}
	}
	again := 0
	end := func(n uint64, how result) {
		under--
		s.ended(hash(n), how, allowed-under, allowed/4, func(*delivery) { again++ })
	}

	for range allowed { // as long as there is one path, it has all of it
		send(1, goes)
	}
	for range allowed {
		end(1, answered)
	}

	send(2, goes)
	send(2, goes)
	send(2, waits) // two until it has answered
	for key := uint64(3); key < 13; key++ {
		send(key, goes)
	}
	send(20, waits) // a quarter is kept for those that are known to answer
	send(1, goes)
	send(1, goes)
	send(1, waits) // of that, as many as it leaves
	for key := uint64(2); key < 13; key++ {
		end(key, unanswered)
	}
	end(2, unanswered)
	if again != 2 { // of path 2, and what was stalled
		t.Errorf("%d were let go, want 2", again)
	}
	if got := s.hanging(); got != 11 {
		t.Errorf("%d paths hang, want 11", got)
	}
	for key := uint64(3); key < 7; key++ {
		send(key, goes) // one each
		send(key, waits)
	}
	send(8, putOff) // and together a quarter
	for range mostAside {
		if s.admits(hash(3), allowed, under, room, false) == waits {
			send(3, waits)
		}
	}
	send(3, putOff)
	end(3, answered)
	if s.hanging() != 10 || !s.knows(hash(3)) {
		t.Error("a path that answers hangs no longer")
	}
	n := 0
	left := s.aside
	s.empty(func(*delivery) { n++ })
	if n != left || s.aside != 0 {
		t.Errorf("%d of %d were taken out, and %d are left", n, left, s.aside)
	}
}

// What is remembered is bounded, whatever paths there are.
func TestPathsAreBounded(t *testing.T) {
	var s paths
	for key := uint64(1); key < 10*mostHanging; key++ {
		if s.admits(key, 64, 0, 8, true) != goes {
			t.Fatalf("path %d has to wait", key)
		}
		s.began(key)
		s.ended(key, unanswered, 64, 16, func(*delivery) {})
		if len(s.of) > mostHanging {
			t.Fatalf("%d paths are remembered, want %d at most", len(s.of), mostHanging)
		}
	}
	if s.hung != 0 {
		t.Errorf("%d requests to paths that hang are under way, want none", s.hung)
	}
}
