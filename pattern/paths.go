package pattern

import (
	"slices"
	"strings"
)

// A place is a path that some pattern of a set names, or a step on the way to
// one. Its id is a small number that indexes tables.
type place struct {
	id     int32
	parent *place
}

// within reports whether p is the place or below it.
func (p *place) within(outer *place) bool {
	for ; p != nil; p = p.parent {
		if p == outer {
			return true
		}
	}
	return false
}

// A pathNode is a node of the immutable tree of the paths that patterns name,
// one level per step. Steps are what dots separate, in a pattern's names
// and in an event's alike.
type pathNode struct {
	*place
	used  bool   // a pattern tests the values at this path
	plain *place // as used, for patterns that take no note of empty keys; see walker.empty

	first [4]uint64 // the bytes that children's names begin with, as a set
	few   []pathChild
	many  hamt[pathNode] // instead of few from fewChildren on
}

type pathChild struct {
	name string
	node *pathNode
}

const fewChildren = 12

// child returns the child of that name, or nil.
func (n *pathNode) child(name string) *pathNode {
	if n.many.root != nil {
		return n.many.get(name)
	}
	for i := range n.few {
		if n.few[i].name == name {
			return n.few[i].node
		}
	}
	return nil
}

// descend returns the node of a key of an event, in which dots separate steps,
// or nil.
func (n *pathNode) descend(key string) *pathNode {
	child := n.child(key)
	for child == nil {
		step, rest, more := strings.Cut(key, ".")
		if n = n.child(step); n == nil || !more {
			return n
		}
		key = rest
	}
	return child
}

// begins reports whether some child's name begins with c.
func (n *pathNode) begins(c byte) bool { return n.first[c>>6]&(1<<(c&63)) != 0 }

// children is the number of children.
func (n *pathNode) children() int { return len(n.few) + n.many.size }

// withChild returns the node with one child replaced, or removed if nil.
func (n *pathNode) withChild(name string, child *pathNode) *pathNode {
	c := *n
	if child != nil {
		begin := byte('.') // an empty step is met in a key that begins with a dot
		if name != "" {
			begin = name[0]
		}
		c.first[begin>>6] |= 1 << (begin & 63)
	}
	if c.many.root != nil {
		c.many = c.many.with(name, child)
		return &c
	}
	i := slices.IndexFunc(c.few, func(o pathChild) bool { return o.name == name })
	switch {
	case child == nil:
		c.few = deleteAt(c.few, i)
	case i >= 0:
		c.few = slices.Clone(c.few)
		c.few[i].node = child
	case len(c.few) < fewChildren:
		c.few = append(slices.Clip(c.few), pathChild{name, child})
	default:
		for _, o := range c.few {
			c.many = c.many.with(o.name, o.node)
		}
		c.many = c.many.with(name, child)
		c.few = nil
	}
	return &c
}

// A namer gives places their ids. Ids of places that are gone are given again.
type namer struct {
	free  []int32
	count int32
}

func (n *namer) take() int32 {
	if last := len(n.free) - 1; last >= 0 {
		id := n.free[last]
		n.free = n.free[:last]
		return id
	}
	n.count++
	return n.count - 1
}

func (n *namer) release(id int32) { n.free = append(n.free, id) }

// withPath returns the tree with the path of name used, and its place.
func (n *pathNode) withPath(ids *namer, name string, plain bool) (*pathNode, *place) {
	step, rest, more := strings.Cut(name, ".")
	c := n.child(step)
	if c == nil {
		c = &pathNode{place: &place{id: ids.take(), parent: n.place}}
	}
	if more {
		c, p := c.withPath(ids, rest, plain)
		return n.withChild(step, c), p
	}
	d := *c
	p := d.place
	if plain {
		if d.plain == nil {
			d.plain = &place{id: ids.take(), parent: d.place}
		}
		p = d.plain
	} else {
		d.used = true
	}
	return n.withChild(step, &d), p
}

// withoutPath returns the tree with the path of name, which it has, unused, or
// nil if nothing is left of it.
func (n *pathNode) withoutPath(ids *namer, name string, plain bool) *pathNode {
	step, rest, more := strings.Cut(name, ".")
	c := n.child(step)
	if more {
		c = c.withoutPath(ids, rest, plain)
	} else {
		d := *c
		if plain {
			ids.release(d.plain.id)
			d.plain = nil
		} else {
			d.used = false
		}
		c = &d
	}
	if c != nil && !c.used && c.plain == nil && c.children() == 0 {
		ids.release(c.id)
		c = nil
	}
	return n.withChild(step, c)
}
