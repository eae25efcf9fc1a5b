package pattern

import (
	"hash/maphash"
	"math/bits"
	"slices"
)

// A hamt is an immutable map from strings to *V: a hash array mapped trie, 32
// ways to a node. A change copies the few nodes on the way to the key and
// shares the rest, so that readers keep what they have while a writer goes on.
// The zero hamt is empty.
type hamt[V any] struct {
	root *hamtNode[V]
	size int
}

// A hamtNode has up to 32 places, each empty, a key with its value, or a node
// for the next five bits of the hash. Below the last bits it is a plain list.
type hamtNode[V any] struct {
	keyMap, nodeMap uint32
	entries         []hamtEntry[V]
	nodes           []*hamtNode[V]
}

type hamtEntry[V any] struct {
	key   string
	value *V
}

const (
	hamtBits = 5
	hamtEnd  = 60 // the shift from which a node is a list
)

var hamtSeed = maphash.MakeSeed()

func hashOf(key string) uint64 { return maphash.String(hamtSeed, key) }

// get returns the value of key, or nil.
func (h hamt[V]) get(key string) *V {
	if h.root == nil {
		return nil
	}
	n, hash := h.root, hashOf(key)
	for shift := 0; shift < hamtEnd; shift += hamtBits {
		bit := uint32(1) << (hash >> shift & 31)
		if n.keyMap&bit != 0 {
			if e := &n.entries[bits.OnesCount32(n.keyMap&(bit-1))]; e.key == key {
				return e.value
			}
			return nil
		}
		if n.nodeMap&bit == 0 {
			return nil
		}
		n = n.nodes[bits.OnesCount32(n.nodeMap&(bit-1))]
	}
	for i := range n.entries {
		if n.entries[i].key == key {
			return n.entries[i].value
		}
	}
	return nil
}

// with returns the map with key set to value, or without key if value is nil.
func (h hamt[V]) with(key string, value *V) hamt[V] {
	old := h.get(key)
	switch {
	case value == nil && old == nil:
		return h
	case value == nil:
		root := h.root.without(key, hashOf(key), 0)
		return hamt[V]{root, h.size - 1}
	case old == nil:
		h.size++
	}
	return hamt[V]{h.root.with(hamtEntry[V]{key, value}, hashOf(key), 0), h.size}
}

func (n *hamtNode[V]) with(e hamtEntry[V], hash uint64, shift int) *hamtNode[V] {
	if n == nil {
		n = &hamtNode[V]{}
	}
	c := *n
	if shift >= hamtEnd {
		i := slices.IndexFunc(c.entries, func(o hamtEntry[V]) bool { return o.key == e.key })
		if c.entries = slices.Clone(c.entries); i >= 0 {
			c.entries[i] = e
		} else {
			c.entries = append(c.entries, e)
		}
		return &c
	}
	bit := uint32(1) << (hash >> shift & 31)
	i, j := bits.OnesCount32(c.keyMap&(bit-1)), bits.OnesCount32(c.nodeMap&(bit-1))
	switch {
	case c.nodeMap&bit != 0:
		c.nodes = slices.Clone(c.nodes)
		c.nodes[j] = c.nodes[j].with(e, hash, shift+hamtBits)
	case c.keyMap&bit == 0:
		c.keyMap |= bit
		c.entries = insertAt(c.entries, i, e)
	case c.entries[i].key == e.key:
		c.entries = slices.Clone(c.entries)
		c.entries[i] = e
	default: // two keys in one place: both move down
		old := c.entries[i]
		var below *hamtNode[V]
		below = below.with(old, hashOf(old.key), shift+hamtBits).with(e, hash, shift+hamtBits)
		c.keyMap &^= bit
		c.entries = deleteAt(c.entries, i)
		c.nodeMap |= bit
		c.nodes = insertAt(c.nodes, j, below)
	}
	return &c
}

// without returns the node without a key that it has, or nil if it is empty
// then.
func (n *hamtNode[V]) without(key string, hash uint64, shift int) *hamtNode[V] {
	c := *n
	bit := uint32(1) << (hash >> shift & 31)
	j := bits.OnesCount32(c.nodeMap & (bit - 1))
	switch {
	case shift >= hamtEnd:
		c.entries = deleteAt(c.entries, slices.IndexFunc(c.entries, func(o hamtEntry[V]) bool { return o.key == key }))
	case c.nodeMap&bit == 0:
		c.entries = deleteAt(c.entries, bits.OnesCount32(c.keyMap&(bit-1)))
		c.keyMap &^= bit
	default:
		below := c.nodes[j].without(key, hash, shift+hamtBits)
		if below != nil {
			c.nodes = slices.Clone(c.nodes)
			c.nodes[j] = below
			break
		}
		c.nodes = deleteAt(c.nodes, j)
		c.nodeMap &^= bit
	}
	if len(c.entries) == 0 && len(c.nodes) == 0 {
		return nil
	}
	return &c
}

// insertAt and deleteAt copy: the slice they are given is shared.
func insertAt[E any](s []E, i int, e E) []E {
	c := make([]E, len(s)+1)
	copy(c, s[:i])
	c[i] = e
	copy(c[i+1:], s[i:])
	return c
}

func deleteAt[E any](s []E, i int) []E {
	c := make([]E, len(s)-1)
	copy(c, s[:i])
	copy(c[i:], s[i+1:])
	return c
}
