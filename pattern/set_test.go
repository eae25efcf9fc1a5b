package pattern

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func mustParse(t testing.TB, text string) *Pattern {
	t.Helper()
	p, err := Parse(text)
	if err != nil {
		t.Fatalf("Parse(%s): %v", text, err)
	}
	return p
}

// TestSetAgainstReference adds, replaces and removes generated patterns, and
// compares what the set finds for generated events with what the reference
// matcher says of each pattern in it.
func TestSetAgainstReference(t *testing.T) {
	for seed := range uint64(24) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			g := generator{rand.New(rand.NewPCG(seed, 7))}
			var set Set[int]
			in := map[int]*Pattern{}
			for round := range 150 {
				id := g.IntN(60 + round)
				if g.IntN(3) == 0 {
					set.Remove(id)
					delete(in, id)
				} else {
					p := mustParse(t, g.pattern(0))
					if err := set.Add(id, p); err != nil {
						t.Fatal(err)
					}
					in[id] = p
				}
				if set.Len() != len(in) {
					t.Fatalf("got %d patterns, want %d", set.Len(), len(in))
				}
				event := g.event(0, seed%2 == 0)
				got := set.AppendMatches(nil, []byte(event))
				slices.Sort(got)
				var want []int
				for id, p := range in {
					if referenceMatch(p, event) {
						want = append(want, id)
					}
				}
				slices.Sort(want)
				if !slices.Equal(got, want) {
					for id, p := range in {
						if slices.Contains(got, id) != slices.Contains(want, id) {
							t.Errorf("pattern %s", p)
						}
					}
					t.Fatalf("event %s\ngot %v, want %v", event, got, want)
				}
			}
			for id := range in {
				set.Remove(id)
			}
			b := set.builder
			if n := b.engine.paths.children(); n != 0 || len(b.named) != 0 || len(b.engine.rest) != 0 {
				t.Errorf("the empty set has %d paths, %d names, %d patterns left", n, len(b.named), len(b.engine.rest))
			}
			if got, want := len(b.ids.free), int(b.ids.count); got != want {
				t.Errorf("the empty set has %d of %d ids free", got, want)
			}
			if got, want := len(b.places.free), int(b.places.count)-1; got != want { // the root keeps its own
				t.Errorf("the empty set has %d of %d places free", got, want)
			}
		})
	}
}

// TestSharedBuckets has many patterns share a value, so that buckets become
// indexes, and takes them out again.
func TestSharedBuckets(t *testing.T) {
	var set Set[string]
	for i := range 40 {
		for j := range 40 {
			text := fmt.Sprintf(`{"x":["x%d"],"y":[{"prefix":"y%d-"}],"z":[%d]}`, i, j, i+j)
			if err := set.Add(fmt.Sprint(i, " ", j), mustParse(t, text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	check := func(want ...string) {
		t.Helper()
		event := `{"x":["x3","x4"],"y":["y5-1","y6-2"],"z":9}`
		got := set.AppendMatches(nil, []byte(event))
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	check("3 6", "4 5")
	for i := range 40 {
		for j := range 40 {
			event := fmt.Sprintf(`{"x":"x%d","y":"y%d-1","z":[0,%d.0]}`, i, j, i+j)
			if got, want := set.AppendMatches(nil, []byte(event)), fmt.Sprint(i, " ", j); !slices.Equal(got, []string{want}) {
				t.Errorf("%s: got %v, want %v", event, got, want)
			}
		}
	}
	for i := range 40 {
		for j := range 40 {
			if (i+j)%2 == 0 || i == 3 {
				set.Remove(fmt.Sprint(i, " ", j))
			}
		}
	}
	check("4 5")
	for i := range 40 {
		for j := range 40 {
			set.Remove(fmt.Sprint(i, " ", j))
		}
	}
	if b := set.builder; len(b.ids.free) != int(b.ids.count) {
		t.Errorf("the empty set has %d of %d ids free", len(b.ids.free), b.ids.count)
	}
}

// TestManyChildren has an object with more keys than a node keeps in a list.
func TestManyChildren(t *testing.T) {
	var set Set[int]
	for i := range 1000 {
		if err := set.Add(i, mustParse(t, fmt.Sprintf(`{"detail":{"k%d":[%d]}}`, i, i))); err != nil {
			t.Fatal(err)
		}
	}
	got := set.AppendMatches(nil, []byte(`{"detail":{"k7":7,"k8":7,"k999":999.0,"k1000":1000}}`))
	slices.Sort(got)
	if want := []int{7, 999}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for i := range 999 {
		set.Remove(i)
	}
	if got := set.AppendMatches(nil, []byte(`{"detail.k999":[999]}`)); !slices.Equal(got, []int{999}) {
		t.Errorf("got %v, want [999]", got)
	}
}

// TestReadersSeeChangesWhole has patterns replaced while others match: each
// match sees the old pattern or the new one, never neither and never both.
func TestReadersSeeChangesWhole(t *testing.T) {
	var set Set[string]
	even := mustParse(t, `{"$or":[{"a":[1]},{"b":[{"anything-but":"x"}]}]}`)
	odd := mustParse(t, `{"a":[1,{"prefix":"y"}],"b":["y"]}`)
	if err := set.Add("always", even); err != nil {
		t.Fatal(err)
	}
	var stop atomic.Bool
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			var got []string
			for !stop.Load() {
				got = set.AppendMatches(got[:0], []byte(`{"a":1,"b":"y"}`))
				if n := len(got) - strings.Count(strings.Join(got, ""), "other"); n != 1 {
					t.Errorf("got %v, want always once", got)
					return
				}
			}
		})
	}
	for i := range 3000 {
		p := even
		if i%2 == 1 {
			p = odd
		}
		if err := set.Add("always", p); err != nil {
			t.Error(err)
		}
		other := fmt.Sprint("other", i%50)
		if i%100 < 50 {
			if err := set.Add(other, odd); err != nil {
				t.Error(err)
			}
		} else {
			set.Remove(other)
		}
	}
	stop.Store(true)
	readers.Wait()
}
