package pattern

import (
	"math"
	"slices"
)

// How a set finds the patterns that may match an event without looking at the
// others: each alternative is filed under one of its fields, the one whose
// tests set it apart best, in a bucket for each test of that field. A value of
// the event leads to the buckets of the tests it may pass: by its hash, by the
// hash of its beginnings and endings, by where it lies among ranges. A bucket
// that many alternatives share is an index again, over their other fields.
// What is found is then compared with the event in full, once each.
//
// All of it is immutable; a change copies the way to what changes.

// A candidate is one alternative of one pattern of a set.
type candidate struct {
	member  *member
	id      int32 // indexes the marks of an event's walk; buckets share the numbers
	clauses []clause
	nested  bool // one clause's place lies below another's
}

// A clause is one field of a candidate: its place and the tests of which a
// value there must pass one.
type clause struct {
	*place
	optional bool  // one of the tests is exists: false
	words    int32 // see field
	shared   int32 // counts, from one, the member's clauses that several candidates have; 0 if only one has it
	tests    []test
}

// A member is a pattern of a set.
type member struct {
	key        any // the caller's ID
	id         int32
	pattern    *Pattern
	candidates []*candidate
	shared     int32 // the number of clauses that several candidates have
}

// splitAt is how many candidates a bucket holds before it becomes an index.
const splitAt = 16

// A bucket holds the candidates filed under one test, as a list or an index.
type bucket struct {
	list []*candidate
	sub  *subIndex
	size int
	id   int32 // of the index
}

// A fieldIndex files candidates under tests of the values of one place.
type fieldIndex struct {
	tables []table // by kind
	ranges *rangeNode
	spans  int // number of ranges
	others []*candidate
}

// A table is a map from keys of one kind to buckets.
type table struct {
	kind    tableKind
	buckets hamt[bucket]
	lengths []keyLength // of the keys, in bytes or, for addresses, bits, ascending
}

type keyLength struct{ length, keys int }

// with returns the bucket with a candidate more. used are the places whose
// tests led here.
func (b *bucket) with(ids *namer, c *candidate, used []int32) *bucket {
	if b == nil {
		return &bucket{list: []*candidate{c}, size: 1, id: -1}
	}
	n := *b
	n.size++
	if n.sub != nil {
		n.sub = n.sub.with(ids, c, used)
		return &n
	}
	// Appending in place is safe: readers of older buckets look at shorter
	// slices of the same array, and only the newest bucket is appended to.
	n.list = append(n.list, c)
	if len(n.list) > splitAt && c.choose(used, nil) >= 0 {
		n.sub, n.id = &subIndex{}, ids.take()
		for _, c := range n.list {
			n.sub = n.sub.with(ids, c, used)
		}
		n.list = nil
	}
	return &n
}

// without returns the bucket without a candidate, nil if it was the last, and
// whether it was there.
func (b *bucket) without(ids *namer, c *candidate, used []int32) (*bucket, bool) {
	if b == nil {
		return nil, false
	}
	n := *b
	found := false
	if n.sub != nil {
		n.sub, found = n.sub.without(ids, c, used)
	} else if i := slices.Index(n.list, c); i >= 0 {
		n.list, found = deleteAt(n.list, i), true
	}
	if !found {
		return b, false
	}
	if n.size--; n.size == 0 {
		if n.id >= 0 {
			ids.release(n.id)
		}
		return nil, true
	}
	return &n, true
}

// choose returns the clause to file a candidate under, of those whose place is
// not used, or -1: the one whose tests fewest events would pass, as far as
// what is filed already tells. index gives the index of a place, if any.
func (c *candidate) choose(used []int32, index func(id int32) *fieldIndex) int {
	best, least := -1, math.MaxInt
	for i := range c.clauses {
		cl := &c.clauses[i]
		if cl.optional || slices.Contains(used, cl.id) {
			continue
		}
		var x *fieldIndex
		if index != nil {
			x = index(cl.id)
		}
		cost := 0
		for j := range cl.tests {
			cost += x.cost(&cl.tests[j])
		}
		if cost < least {
			best, least = i, cost
		}
	}
	return best
}

// Tests that no table holds are filed under only where a candidate has nothing
// better, however full the tables are: a bucket that leads too far becomes an
// index, while all ranges around a number, and all others at a place, are
// looked at one by one.
const (
	rangeCost = 1 << 20
	otherCost = 1 << 30
)

// cost estimates how many other candidates will be looked at for an event that
// has this one looked at under a test.
func (x *fieldIndex) cost(t *test) int {
	kind, key := tableKey(t)
	switch {
	case kind == notInTable && t.op == opRange:
		if x == nil {
			return rangeCost
		}
		return rangeCost + x.spans
	case kind == notInTable:
		return otherCost
	}
	size := 1
	switch kind {
	case tablePrefix, tableSuffix, tablePrefixFold, tableSuffixFold:
		size = 3 + 16>>min(len(key), 5)
	}
	if x != nil {
		if tb := x.table(kind); tb != nil {
			if b := tb.buckets.get(key); b != nil {
				size += b.size
			}
		}
	}
	return size
}

func (x *fieldIndex) table(kind tableKind) *table {
	for i := range x.tables {
		if x.tables[i].kind == kind {
			return &x.tables[i]
		}
	}
	return nil
}

// with files a candidate under all tests of a clause. x may be nil.
func (x *fieldIndex) with(ids *namer, c *candidate, cl *clause, used []int32) *fieldIndex {
	n := &fieldIndex{}
	if x != nil {
		*n = *x
	}
	used = append(slices.Clip(used), cl.id)
	for i := range cl.tests {
		t := &cl.tests[i]
		kind, key := tableKey(t)
		switch {
		case repeats(cl.tests[:i], t):
		case kind != notInTable:
			n.change(kind, key, func(b *bucket) *bucket { return b.with(ids, c, used) })
		case t.op == opRange:
			k := t.more.rangeKey()
			old := n.ranges.get(k)
			if old == nil {
				n.spans++
			}
			n.ranges = n.ranges.with(k, old.with(ids, c, used))
		default:
			if len(n.others) == 0 || n.others[len(n.others)-1] != c {
				n.others = append(n.others, c)
			}
		}
	}
	return n
}

// repeats reports whether a test leads to the same bucket as one before it.
func repeats(before []test, t *test) bool {
	kind, key := tableKey(t)
	for i := range before {
		k, other := tableKey(&before[i])
		switch {
		case k != kind:
		case k != notInTable:
			if key == other {
				return true
			}
		case t.op == opRange && before[i].op == opRange && t.more.rangeKey() == before[i].more.rangeKey():
			return true
		}
	}
	return false
}

func (o *operands) rangeKey() rangeKey {
	return rangeKey{low: o.low, high: o.high, openLow: o.openLow, openHigh: o.openHigh}
}

// without takes a candidate out from under all tests of a clause, and reports
// whether it was there. The result is nil when nothing is left.
func (x *fieldIndex) without(ids *namer, c *candidate, cl *clause, used []int32) (*fieldIndex, bool) {
	if x == nil {
		return nil, false
	}
	n, found := *x, false
	used = append(slices.Clip(used), cl.id)
	for i := range cl.tests {
		t := &cl.tests[i]
		kind, key := tableKey(t)
		switch {
		case kind != notInTable:
			n.change(kind, key, func(b *bucket) *bucket {
				b, ok := b.without(ids, c, used)
				found = found || ok
				return b
			})
		case t.op == opRange:
			k := t.more.rangeKey()
			b, ok := n.ranges.get(k).without(ids, c, used)
			if found = found || ok; !ok {
				break
			}
			if b != nil {
				n.ranges = n.ranges.with(k, b)
			} else {
				n.ranges = n.ranges.without(k)
				n.spans--
			}
		default:
			if j := slices.Index(n.others, c); j >= 0 {
				n.others, found = deleteAt(n.others, j), true
			}
		}
	}
	if len(n.tables) == 0 && n.ranges == nil && len(n.others) == 0 {
		return nil, found
	}
	return &n, found
}

// change replaces one bucket of a table. x is a copy nobody else has.
func (x *fieldIndex) change(kind tableKind, key string, f func(*bucket) *bucket) {
	i := slices.IndexFunc(x.tables, func(t table) bool { return t.kind == kind })
	t := table{kind: kind}
	if i >= 0 {
		t = x.tables[i]
	}
	old := t.buckets.get(key)
	b := f(old)
	if b == old {
		return
	}
	length := len(key)
	if kind == tableAddress {
		length = int(key[0])
	}
	switch {
	case old == nil:
		t.lengths = changeLength(t.lengths, length, 1)
	case b == nil:
		t.lengths = changeLength(t.lengths, length, -1)
	}
	t.buckets = t.buckets.with(key, b)
	switch {
	case i < 0:
		x.tables = append(slices.Clip(x.tables), t)
	case t.buckets.size == 0:
		x.tables = deleteAt(x.tables, i)
	default:
		x.tables = slices.Clone(x.tables)
		x.tables[i] = t
	}
}

func changeLength(lengths []keyLength, length, by int) []keyLength {
	i, ok := slices.BinarySearchFunc(lengths, length, func(l keyLength, n int) int { return l.length - n })
	if !ok {
		return insertAt(lengths, i, keyLength{length, by})
	}
	if lengths[i].keys+by == 0 {
		return deleteAt(lengths, i)
	}
	lengths = slices.Clone(lengths)
	lengths[i].keys += by
	return lengths
}
