package pattern

import (
	"cmp"
	"hash/maphash"
)

// A rangeNode is a node of an immutable tree of numeric ranges, ordered by
// where they begin, each node knowing how far up its subtree reaches: the
// ranges that contain a number are found in the logarithm of their count. A
// treap: a parent's priority, a hash of its range, is not below its children's.
type rangeNode struct {
	key         rangeKey
	priority    uint64
	reach       float64 // the greatest key.high of the subtree
	bucket      *bucket
	left, right *rangeNode
}

type rangeKey struct {
	low, high         float64
	openLow, openHigh bool
}

func (k rangeKey) compare(o rangeKey) int {
	return cmp.Or(cmp.Compare(k.low, o.low), cmp.Compare(k.high, o.high), compareBool(k.openLow, o.openLow), compareBool(k.openHigh, o.openHigh))
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func (n *rangeNode) get(k rangeKey) *bucket {
	for n != nil {
		switch c := k.compare(n.key); {
		case c == 0:
			return n.bucket
		case c < 0:
			n = n.left
		default:
			n = n.right
		}
	}
	return nil
}

// with returns the tree with the bucket of k replaced.
func (n *rangeNode) with(k rangeKey, b *bucket) *rangeNode {
	if n == nil {
		return (&rangeNode{key: k, priority: maphash.Comparable(hamtSeed, k), bucket: b}).measured()
	}
	c := *n
	switch d := k.compare(n.key); {
	case d == 0:
		c.bucket = b
	case d < 0:
		if c.left = n.left.with(k, b); c.left.priority > c.priority {
			top := *c.left
			c.left = top.right
			top.right = c.measured()
			return top.measured()
		}
	default:
		if c.right = n.right.with(k, b); c.right.priority > c.priority {
			top := *c.right
			c.right = top.left
			top.left = c.measured()
			return top.measured()
		}
	}
	return c.measured()
}

// without returns the tree without k, which it has.
func (n *rangeNode) without(k rangeKey) *rangeNode {
	c := *n
	switch d := k.compare(n.key); {
	case d == 0:
		return merged(n.left, n.right)
	case d < 0:
		c.left = n.left.without(k)
	default:
		c.right = n.right.without(k)
	}
	return c.measured()
}

// merged joins two trees, all of a before all of b.
func merged(a, b *rangeNode) *rangeNode {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.priority >= b.priority:
		c := *a
		c.right = merged(a.right, b)
		return c.measured()
	}
	c := *b
	c.left = merged(a, b.left)
	return c.measured()
}

// measured sets the reach of a node that nobody else has yet.
func (n *rangeNode) measured() *rangeNode {
	n.reach = n.key.high
	if n.left != nil {
		n.reach = max(n.reach, n.left.reach)
	}
	if n.right != nil {
		n.reach = max(n.reach, n.right.reach)
	}
	return n
}
