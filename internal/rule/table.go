package rule

import (
	"iter"
	"strings"
	"sync/atomic"

	"github.com/google/btree"
)

// A table holds one kind of configuration by region and name. Reading takes no
// lock; changes are made by whoever holds Registry.mu. A value is replaced, and
// never changed, once it is in a table.
type table[T any] struct {
	tree atomic.Pointer[btree.BTreeG[row[T]]]
}

type row[T any] struct {
	key   string // region/name
	value *T
}

func newTable[T any]() *table[T] {
	t := new(table[T])
	t.tree.Store(btree.NewG(degree, func(x, y row[T]) bool { return x.key < y.key }))
	return t
}

// key is where a name of a region stands, and the key of its document.
func key(region, name string) string { return region + "/" + name }

func (t *table[T]) get(region, name string) *T {
	r, _ := t.tree.Load().Get(row[T]{key: key(region, name)})
	return r.value
}

// set puts a value in the place of the one of that name; nil removes it.
func (t *table[T]) set(region, name string, value *T) {
	tree := t.tree.Load().Clone()
	if value == nil {
		tree.Delete(row[T]{key: key(region, name)})
	} else {
		tree.ReplaceOrInsert(row[T]{key(region, name), value})
	}
	t.tree.Store(tree)
}

// all returns the values of every region, as they are when it is called.
func (t *table[T]) all() iter.Seq[*T] {
	tree := t.tree.Load()
	return func(yield func(*T) bool) {
		tree.Ascend(func(r row[T]) bool { return yield(r.value) })
	}
}

// list returns a page of a region's values, by name: those whose names begin
// with prefix and that keep keeps.
func (t *table[T]) list(as listing, region, prefix string, keep func(*T) bool, page Page) ([]*T, string, error) {
	after, invalid := as.after(page)
	if invalid != nil {
		return nil, "", invalid
	}
	var list []*T
	next, last := "", ""
	from := max(key(region, prefix), following(key(region, after)))
	if after == "" {
		from = key(region, prefix)
	}
	t.tree.Load().AscendGreaterOrEqual(row[T]{key: from}, func(r row[T]) bool {
		if !strings.HasPrefix(r.key, key(region, prefix)) {
			return false
		}
		if !keep(r.value) {
			return true
		}
		if len(list) == page.limit() {
			next = as.token(last)
			return false
		}
		list, last = append(list, r.value), r.key[len(region)+1:]
		return true
	})
	return list, next, nil
}
