package deliver

import (
	"fmt"
	"slices"
	"testing"

	"bailey/internal/store"
)

// sharing is a number of routes of one endpoint that have work without end, and
// leave every request unanswered.
type sharing struct {
	shares
	routes []*apiRoute
}

func (s *sharing) add(kind standing) *apiRoute {
	r := newRoute(&endpoint{}, store.Endpoint{API: "api", Route: fmt.Sprint("POST /", len(s.routes))})
	r.standing = kind
	s.known[kind]++
	s.place(r, kind, true)
	s.routes = append(s.routes, r)
	return r
}

// take lets as many requests begin as may, and returns how many each route has.
func (s *sharing) take(most int) []int {
	for {
		r := s.next(most, len(s.routes) == 1)
		if r == nil {
			break
		}
		s.took(r)
		s.place(r, r.standing, true)
	}
	under := make([]int, len(s.routes))
	for i, r := range s.routes {
		under[i] = r.inFlight
	}
	return under
}

func TestShares(t *testing.T) {
	for _, tt := range []struct {
		name   string
		most   int
		routes []standing // one after the other
		want   []int
	}{
		{"alone, and it has answered", 64, []standing{sound}, []int{64}},
		{"alone and unknown", 64, []standing{unknown}, []int{32}},
		{"alone and unknown, of one", 1, []standing{unknown}, []int{1}},
		{"alone, and it hangs", 4, []standing{doubtful}, []int{4}}, // its governor says how many
		{"a quarter is kept back", 64, []standing{sound, sound}, []int{64, 0}},
		{"two that hang one after the other", 8, []standing{doubtful, doubtful, doubtful}, []int{8, 0, 0}},
		{"unknown ones leave what is kept back, but for the first of each", 8, []standing{unknown, unknown, unknown, unknown}, []int{4, 1, 1, 1}},
		{"of one request the newcomer has none", 1, []standing{sound, sound}, []int{1, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s sharing
			var got []int
			for _, kind := range tt.routes {
				s.add(kind)
				got = s.take(tt.most)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// However many routes hang, one that is well finds a free request; and those
// that are known to hang have a quarter at the most.
func TestSharesAmongMany(t *testing.T) {
	for _, most := range []int{2, 3, 4, 8, 64, 1000} {
		for _, kind := range []standing{sound, unknown, doubtful} {
			var s sharing
			healthy := s.add(sound)
			s.place(healthy, sound, false) // it has nothing to do yet
			for range 3 {
				s.add(kind)
				s.take(most)
			}
			for range 5 * most * int(kind) { // sound ones come one at a time, as they begin to hang
				s.add(kind)
				s.take(most)
			}
			if kind == doubtful && s.total > max(1, most/4) {
				t.Errorf("of %d, routes that hang have %d", most, s.total)
			}
			s.place(healthy, sound, true)
			if kind != sound && s.next(most, false) != healthy {
				t.Errorf("of %d, routes of standing %d left none for the one that is well", most, kind)
			}
			if kind == sound && most >= 16 && s.next(most, false) != healthy {
				t.Errorf("of %d, three that began to hang left none for the one that is well", most)
			}
		}
	}
}

// Routes take turns, and so do the kinds.
func TestSharesTakeTurns(t *testing.T) {
	var s sharing
	a, b, c := s.add(sound), s.add(sound), s.add(unknown)
	var turns []*apiRoute
	for range 12 {
		r := s.next(64, false)
		s.took(r)
		s.ended(r)
		s.place(r, r.standing, true)
		turns = append(turns, r)
	}
	for r, want := range map[*apiRoute]int{a: 3, b: 3, c: 6} {
		got := 0
		for _, turn := range turns {
			if turn == r {
				got++
			}
		}
		if got != want {
			t.Errorf("%s had %d turns of 12, want %d", r.key.Route, got, want)
		}
	}
}

// What is known of a route may change while it has requests under way: the sums
// follow.
func TestSharesFollowStanding(t *testing.T) {
	var s sharing
	r := s.add(unknown)
	s.add(sound)
	s.take(8)
	n := r.inFlight
	for _, kind := range []standing{doubtful, sound, unknown, doubtful} {
		s.place(r, kind, true)
		if s.under[kind] < n || s.under[unknown]+s.under[sound]+s.under[doubtful] != s.total {
			t.Errorf("as one of standing %d: %+v", kind, s.under)
		}
	}
}
