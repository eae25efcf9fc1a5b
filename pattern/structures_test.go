package pattern

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// TestHAMT compares versions of the map with copies of a built-in one: old
// versions do not change.
func TestHAMT(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var h hamt[int]
	want := map[string]int{}
	type version struct {
		h    hamt[int]
		want map[string]int
	}
	var versions []version
	for i := range 20_000 {
		key := strconv.Itoa(r.IntN(3000))
		if r.IntN(5) < 2 || i > 15_000 {
			h = h.with(key, nil)
			delete(want, key)
		} else {
			h = h.with(key, new(i))
			want[key] = i
		}
		if i%1000 == 0 {
			versions = append(versions, version{h, maps.Clone(want)})
		}
	}
	versions = append(versions, version{h, want})
	for i, v := range versions {
		if v.h.size != len(v.want) {
			t.Errorf("version %d: got size %d, want %d", i, v.h.size, len(v.want))
		}
		for k := range 3000 {
			got, key := v.h.get(strconv.Itoa(k)), strconv.Itoa(k)
			if value, ok := v.want[key]; ok != (got != nil) || ok && *got != value {
				t.Fatalf("version %d, key %s: got %v, want %v, %v", i, key, got, value, ok)
			}
		}
	}
}

// TestHAMTCollisions has keys with one hash: below its last bits a node is a
// list.
func TestHAMTCollisions(t *testing.T) {
	var n *hamtNode[int]
	for i := range 5 {
		n = n.with(hamtEntry[int]{strconv.Itoa(i % 4), new(i)}, 0, hamtEnd)
	}
	if len(n.entries) != 4 || *n.entries[0].value != 4 || *n.entries[3].value != 3 {
		t.Errorf("got %v, want four entries, the first replaced", n.entries)
	}
	for i := range 4 {
		n = n.without(strconv.Itoa(i), 0, hamtEnd)
	}
	if n != nil {
		t.Errorf("got %v, want nothing left", n)
	}
}

// TestRanges compares the tree with a list.
func TestRanges(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	in := map[rangeKey]*bucket{}
	var tree *rangeNode
	for round := range 1000 {
		k := rangeKey{low: float64(r.IntN(40)), openLow: r.IntN(2) == 0, openHigh: r.IntN(2) == 0}
		k.high = k.low + float64(r.IntN(8))
		switch r.IntN(20) {
		case 0:
			k.low = math.Inf(-1)
		case 1:
			k.high = math.Inf(1)
		}
		if in[k] != nil && r.IntN(3) > 0 {
			tree = tree.without(k)
			delete(in, k)
		} else {
			in[k] = &bucket{size: round}
			tree = tree.with(k, in[k])
		}
		at := float64(r.IntN(100)) / 2
		var got []int
		var visit func(n *rangeNode)
		visit = func(n *rangeNode) {
			if n == nil || n.reach < at {
				return
			}
			visit(n.left)
			if n.key.contains(at) {
				got = append(got, n.bucket.size)
			}
			visit(n.right)
		}
		visit(tree)
		var want []int
		for k, b := range in {
			if k.contains(at) {
				want = append(want, b.size)
			}
			if tree.get(k) != b {
				t.Fatalf("%v is lost", k)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("at %v: got %v, want %v", at, got, want)
		}
	}
}

func TestManyRangesInASet(t *testing.T) {
	var set Set[int]
	for i := range 2000 {
		if err := set.Add(i, mustParse(t, fmt.Sprintf(`{"n":[{"numeric":[">=",%d,"<",%d]}]}`, i, i+3))); err != nil {
			t.Fatal(err)
		}
	}
	got := set.AppendMatches(nil, []byte(`{"n":1000.5}`))
	slices.Sort(got)
	if want := []int{998, 999, 1000}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestParseNumber(t *testing.T) {
	for _, c := range []struct {
		text string
		want float64
		ok   bool
	}{
		{"0", 0, true},
		{"-0", 0, true},
		{"-0.00e7", 0, true},
		{"0e2147483647", 0, true},
		{"0e2147483648", 0, false},
		{"0.0e-2147483647", 0, false},
		{"300", 300, true},
		{"3.0e2", 300, true},
		{"30000e-2", 300, true},
		{"0.1", 0.1, true},
		{"0.10000000000000000000", 0.1, true},
		{"0.1000000000000000055511151231257827", 0, false},
		{"0.30000000000000004", 0.30000000000000004, true},
		{"123456789012345678", 0, false},
		{"123456789012345680", 123456789012345680, true},
		{"9007199254740992", 1 << 53, true},
		{"9007199254740993", 0, false},
		{"1e22", 1e22, true},
		{"1e400", 0, false},
		{"1e-400", 0, false},
		{"1.7976931348623157e308", math.MaxFloat64, true},
		{"4.9e-324", math.SmallestNonzeroFloat64, true},
		{"5e-324", 0, false},
		{"1e99999999999999999999", 0, false},
	} {
		got, ok := parseNumber(c.text)
		if ok != c.ok || ok && (got != c.want || math.Signbit(got)) {
			t.Errorf("%s: got %v, %v, want %v, %v", c.text, got, ok, c.want, c.ok)
		}
	}
}
