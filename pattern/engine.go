package pattern

import (
	"slices"
	"strings"
)

// An engine is one state of a set: everything a match needs, immutable.
type engine struct {
	paths  *pathNode
	fields idTable      // by id of the place: the index of its values
	rest   []*candidate // filed under nothing: an event may match with no value at all
	ids    int32        // ids of members, candidates and buckets are below
	places int32        // ids of places are below
}

// An idTable is an immutable table of field indexes, in chunks so that a
// change copies little.
type idTable [][]*fieldIndex

const chunk = 64

func (t idTable) get(id int32) *fieldIndex {
	if i := int(id) / chunk; i < len(t) {
		return t[i][id%chunk]
	}
	return nil
}

func (t idTable) with(id int32, x *fieldIndex) idTable {
	i := int(id) / chunk
	t = slices.Clone(t)
	for len(t) <= i {
		t = append(t, make([]*fieldIndex, chunk))
	}
	t[i] = slices.Clone(t[i])
	t[i][id%chunk] = x
	return t
}

// A builder makes one engine from another. It belongs to the one writer.
type builder struct {
	engine engine
	ids    namer                // of members, candidates, buckets
	places namer                // of places
	named  map[pathName]*naming // the paths in use
}

// A pathName is a path as a pattern uses it; see walker.empty for plain.
type pathName struct {
	name  string
	plain bool
}

type naming struct {
	place *place
	users int
}

func newBuilder() *builder {
	b := &builder{named: map[pathName]*naming{}}
	b.engine.paths = &pathNode{place: &place{id: b.places.take()}}
	return b
}

// snapshot returns the engine as it is now.
func (b *builder) snapshot() *engine {
	e := b.engine
	e.ids, e.places = b.ids.count, b.places.count
	return &e
}

// plain reports whether a pattern's path has to be reached without empty keys:
// AWS's matcher passes over an empty key unless some path of the pattern has
// an empty step other than at its end.
func (p *Pattern) plain(name string) bool {
	return !p.emptyStep && strings.HasSuffix(name, ".")
}

// add files a pattern.
func (b *builder) add(key any, p *Pattern) *member {
	m := &member{key: key, id: b.ids.take(), pattern: p, candidates: make([]*candidate, len(p.alternatives))}
	for i, a := range p.alternatives {
		c := &candidate{member: m, id: b.ids.take(), clauses: make([]clause, len(a)), nested: isNested(a)}
		for j, f := range a {
			c.clauses[j] = clause{place: b.name(pathName{f.name, p.plain(f.name)}), tests: f.tests, words: int32(f.words)}
			c.clauses[j].optional = slices.ContainsFunc(f.tests, func(t test) bool { return t.op == opAbsent })
		}
		m.candidates[i] = c
	}
	if len(m.candidates) > 1 {
		m.share()
	}
	for _, c := range m.candidates {
		b.file(c)
	}
	return m
}

// share numbers the clauses that several candidates have.
func (m *member) share() {
	type identity struct {
		place *place
		tests *test
	}
	users := map[identity]int{}
	for _, c := range m.candidates {
		for i := range c.clauses {
			users[identity{c.clauses[i].place, &c.clauses[i].tests[0]}]++
		}
	}
	numbers := map[identity]int32{}
	for _, c := range m.candidates {
		for i := range c.clauses {
			cl := &c.clauses[i]
			id := identity{cl.place, &cl.tests[0]}
			if users[id] < 2 {
				continue
			}
			if numbers[id] == 0 {
				m.shared++
				numbers[id] = m.shared
			}
			cl.shared = numbers[id]
		}
	}
}

// isNested reports whether a path of the alternative lies below another.
func isNested(a alternative) bool {
	for _, f := range a {
		for i := range len(f.name) {
			if f.name[i] != '.' {
				continue
			}
			if _, ok := slices.BinarySearchFunc(a, f.name[:i], func(f field, name string) int { return compareUTF16(f.name, name) }); ok {
				return true
			}
		}
	}
	return false
}

func (b *builder) file(c *candidate) {
	i := c.choose(nil, b.engine.fields.get)
	if i < 0 {
		b.engine.rest = append(b.engine.rest, c)
		return
	}
	cl := &c.clauses[i]
	b.engine.fields = b.engine.fields.with(cl.id, b.engine.fields.get(cl.id).with(&b.ids, c, cl, nil))
}

// remove takes a pattern out.
func (b *builder) remove(m *member) {
	for i, c := range m.candidates {
		b.unfile(c)
		b.ids.release(c.id)
		for _, f := range m.pattern.alternatives[i] {
			b.unname(pathName{f.name, m.pattern.plain(f.name)})
		}
	}
	b.ids.release(m.id)
}

func (b *builder) unfile(c *candidate) {
	if i := slices.Index(b.engine.rest, c); i >= 0 {
		b.engine.rest = deleteAt(b.engine.rest, i)
		return
	}
	for i := range c.clauses {
		cl := &c.clauses[i]
		if cl.optional {
			continue
		}
		if x, found := b.engine.fields.get(cl.id).without(&b.ids, c, cl, nil); found {
			b.engine.fields = b.engine.fields.with(cl.id, x)
			return
		}
	}
}

// name takes a path into use.
func (b *builder) name(p pathName) *place {
	n := b.named[p]
	if n == nil {
		n = &naming{}
		b.engine.paths, n.place = b.engine.paths.withPath(&b.places, p.name, p.plain)
		b.named[p] = n
	}
	n.users++
	return n.place
}

func (b *builder) unname(p pathName) {
	n := b.named[p]
	if n.users--; n.users == 0 {
		b.engine.paths = b.engine.paths.withoutPath(&b.places, p.name, p.plain)
		delete(b.named, p)
	}
}
