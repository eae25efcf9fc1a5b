package pattern

import (
	"math/bits"
	"slices"
)

// A prefixNode is a node of the tree of what stands before the first stars of
// a set's wildcards; the root stands for the opening quote. Tests are bits of a
// mask.
type prefixNode struct {
	children map[byte]*prefixNode
	tests    uint16           // that have a wildcard that begins so
	starred  uint16           // that have a wildcard whose first star is here
	whole    uint16           // that have a wildcard without a star that ends here
	rests    map[byte][]*rest // of the wildcards whose first star is here, by their next byte
}

// A rest is a wildcard behind its first star.
type rest struct {
	parts []string // between the stars; only the last may be empty
	test  uint16
	times int
}

const closingQuote = '"'

func (n *prefixNode) insert(test uint16, times int, parts []string) {
	n.tests |= test
	for _, c := range []byte(parts[0]) {
		if n.children == nil {
			n.children = map[byte]*prefixNode{}
		}
		if n.children[c] == nil {
			n.children[c] = &prefixNode{}
		}
		n = n.children[c]
		n.tests |= test
	}
	if len(parts) == 1 {
		n.whole |= test
		return
	}
	n.starred |= test
	if n.rests == nil {
		n.rests = map[byte][]*rest{}
	}
	next := byte(closingQuote)
	if parts[1] != "" {
		next = parts[1][0]
	}
	n.rests[next] = append(n.rests[next], &rest{parts: parts[1:], test: test, times: times})
}

// A prefixWalk looks at strings: one by one at those that some wildcard matches
// before its first star, and at all longer ones together. It stops when it has
// found more than complexLimit.
type prefixWalk struct {
	most   int
	path   []*prefixNode // from the root to where it is, those with a first star
	stars  int           // the beginnings that end in these stars
	beyond map[*prefixNode]int
}

// A front is what a string has come to behind first stars.
type front struct {
	at    []progress // within or after parts
	stars []progress // at stars other than first ones
}

// A progress is how far a string has come in a rest: so many bytes are taken of a part. At none it
// is the star before the part.
type progress struct {
	*rest
	part, bytes int
}

func (f front) count() int {
	n := 0
	for _, p := range f.at {
		n += p.times
	}
	for _, p := range f.stars {
		n += p.times
	}
	return n
}

// enter looks at the string that leads to a node, and at longer ones. whole are
// the tests of which the string matches a wildcard with its closing quote.
func (w *prefixWalk) enter(n *prefixNode, f front, whole uint16) {
	if n.starred != 0 {
		more := bits.OnesCount16(n.starred)
		w.path = append(w.path, n)
		w.stars += more
		defer func() {
			w.path = w.path[:len(w.path)-1]
			w.stars -= more
		}()
	}
	w.note(bits.OnesCount16(n.tests) + w.stars + f.count() + bits.OnesCount16(whole))
	for c, child := range n.children {
		if w.most > complexLimit {
			return
		}
		g, whole := w.step(f, c)
		if c == closingQuote {
			whole |= n.whole
		}
		w.enter(child, g, whole)
	}
	if n.children[closingQuote] == nil {
		g, whole := w.step(f, closingQuote)
		w.note(w.stars + g.count() + bits.OnesCount16(whole|n.whole))
	}
	if len(n.children) == 0 {
		w.note(w.longer())
	}
}

func (w *prefixWalk) note(n int) { w.most = max(w.most, n) }

// step takes one byte more.
func (w *prefixWalk) step(f front, c byte) (next front, whole uint16) {
	next.stars = slices.Clip(f.stars)
	take := func(p progress) {
		part, last := p.parts[p.part], p.part == len(p.parts)-1
		switch {
		case p.bytes < len(part) && part[p.bytes] == c:
			p.bytes++
			next.at = append(next.at, p)
			star := progress{p.rest, p.part + 1, 0}
			if p.bytes == len(part) && !last && !slices.Contains(next.stars, star) {
				next.stars = append(next.stars, star)
			}
		case p.bytes == len(part) && last && c == closingQuote:
			whole |= p.test
		}
	}
	for _, p := range f.at {
		take(p)
	}
	for _, p := range f.stars {
		take(p)
	}
	for _, n := range w.path {
		for _, r := range n.rests[c] {
			take(progress{rest: r})
		}
	}
	return next, whole
}

// longer counts in the strings that go on behind the first stars of the path.
// Among them are some that reach all stars of these wildcards, and end as one
// likes: a star that is reached stays reached. Beside the stars only the
// string's end counts, and which end is best the wildcards' parts say.
func (w *prefixWalk) longer() int {
	if len(w.path) == 0 {
		return 0
	}
	deepest := w.path[len(w.path)-1]
	if n, ok := w.beyond[deepest]; ok {
		return n
	}
	n := w.stars
	var ends endTree
	for _, node := range w.path {
		for _, list := range node.rests {
			for _, r := range list {
				if n += r.times * (len(r.parts) - 1); n > complexLimit {
					return n
				}
				ends.insert(r)
			}
		}
	}
	if w.beyond == nil {
		w.beyond = map[*prefixNode]int{}
	}
	n += ends.most()
	w.beyond[deepest] = n
	return n
}
