package pattern

import (
	"cmp"
	"math/bits"
	"slices"
)

// An endTree finds the string at whose end most beginnings of parts stand: the
// automaton of Aho and Corasick over the parts. Its nodes are the beginnings of
// parts, the first the empty one.
type endTree struct {
	nodes []endNode
	edges map[endEdge]int32
}

type endEdge struct {
	from int32
	byte byte
}

type endNode struct {
	count int    // how many parts begin so; after most, also with what its own ends are
	whole uint16 // the tests of which a wildcard ends here, with its closing quote; likewise
	in    endEdge
	depth int32
	end   int32 // the longest node that is an end of this one
}

func (t *endTree) child(from int32, c byte) int32 {
	e := endEdge{from, c}
	n, ok := t.edges[e]
	if !ok {
		n = int32(len(t.nodes))
		t.edges[e] = n
		t.nodes = append(t.nodes, endNode{in: e, depth: t.nodes[from].depth + 1})
	}
	return n
}

func (t *endTree) insert(r *rest) {
	if t.nodes == nil {
		t.nodes, t.edges = make([]endNode, 1), map[endEdge]int32{}
	}
	for i, part := range r.parts {
		n := int32(0)
		for _, c := range []byte(part) {
			n = t.child(n, c)
			t.nodes[n].count += r.times
		}
		if i == len(r.parts)-1 {
			n = t.child(n, closingQuote)
			t.nodes[n].whole |= r.test
		}
	}
}

// most returns how many beginnings one string can end in. It is called once.
func (t *endTree) most() int {
	order := make([]int32, len(t.nodes))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(t.nodes[a].depth, t.nodes[b].depth) })
	most := 0
	for _, i := range order {
		n := &t.nodes[i]
		if n.depth > 1 {
			n.end = t.longestEnd(t.nodes[n.in.from].end, n.in.byte)
		}
		if n.depth > 0 {
			n.count += t.nodes[n.end].count
			n.whole |= t.nodes[n.end].whole
		}
		most = max(most, n.count+bits.OnesCount16(n.whole))
	}
	return most
}

// longestEnd follows a byte from a node, or from the longest of its ends that
// has it.
func (t *endTree) longestEnd(from int32, c byte) int32 {
	for {
		if n, ok := t.edges[endEdge{from, c}]; ok {
			return n
		}
		if from == 0 {
			return 0
		}
		from = t.nodes[from].end
	}
}
