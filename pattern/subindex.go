package pattern

import "slices"

// A subIndex files candidates that share a bucket under their other fields.
type subIndex struct {
	fields []subField // by id of the place
	rest   []*candidate
}

type subField struct {
	id    int32
	index *fieldIndex
}

func (s *subIndex) field(id int32) *fieldIndex {
	if i, ok := s.find(id); ok {
		return s.fields[i].index
	}
	return nil
}

func (s *subIndex) find(id int32) (int, bool) {
	return slices.BinarySearchFunc(s.fields, id, func(f subField, id int32) int { return int(f.id - id) })
}

func (s *subIndex) with(ids *namer, c *candidate, used []int32) *subIndex {
	n := *s
	i := c.choose(used, s.field)
	if i < 0 {
		n.rest = append(n.rest, c)
		return &n
	}
	cl := &c.clauses[i]
	j, ok := s.find(cl.id)
	if ok {
		n.fields = slices.Clone(n.fields)
		n.fields[j].index = n.fields[j].index.with(ids, c, cl, used)
		return &n
	}
	var x *fieldIndex
	n.fields = insertAt(n.fields, j, subField{cl.id, x.with(ids, c, cl, used)})
	return &n
}

func (s *subIndex) without(ids *namer, c *candidate, used []int32) (*subIndex, bool) {
	n := *s
	if i := slices.Index(n.rest, c); i >= 0 {
		n.rest = deleteAt(n.rest, i)
		return &n, true
	}
	for i := range c.clauses {
		cl := &c.clauses[i]
		if cl.optional || slices.Contains(used, cl.id) {
			continue
		}
		j, ok := s.find(cl.id)
		if !ok {
			continue
		}
		x, found := s.fields[j].index.without(ids, c, cl, used)
		if !found {
			continue
		}
		if x == nil {
			n.fields = deleteAt(n.fields, j)
		} else {
			n.fields = slices.Clone(n.fields)
			n.fields[j].index = x
		}
		return &n, true
	}
	return s, false
}
