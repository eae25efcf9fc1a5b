package sqlite

import (
	"context"
	"fmt"
	"math"
	"slices"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"bailey/internal/event"
	"bailey/internal/store"
)

// searchRows is how many rows of deliveries one page of the log looks at, at
// most, and the rest of the last event's: what is asked for may be rare, and
// the page is to take no longer in a large store than in a small one.
const searchRows = 20000

// searchOpen is searchRows for the rows that are found by the index of those
// not delivered: each is looked up on its own.
const searchOpen = 2000

// bottom is a key below that of every event.
const bottom int64 = -1

// Deliveries returns one page of the delivery log, newest event first, and
// the token of the next page, or "". A page looks at a bounded part of the
// store: it may have fewer deliveries than asked for, or none, and a token.
func (s *Store) Deliveries(ctx context.Context, q store.Query) ([]store.Delivery, string, error) {
	limit, before, err := pageOf(q.Limit, q.Next)
	if err != nil {
		return nil, "", err
	}
	if before.n == math.MaxInt32 { // all of this event has been looked at
		before = token{before.key - 1, -1}
	}
	if q.Region+q.Bus+q.Rule+q.Target != "" && len(s.names.routesWhere(q.Selects)) == 0 {
		return nil, "", nil
	}
	var page []store.Delivery
	end := bottom // all events down to it have been looked at
	err = s.read(ctx, func(conn *sqlite.Conn) (err error) {
		// One snapshot for both halves, so that a delivery that gets its row
		// meanwhile is seen exactly once.
		defer sqlitex.Transaction(conn)(&err)
		refs, reached, err := s.rowsOf(conn, q, before, limit+1)
		if err != nil {
			return err
		}
		if page, err = s.withRows(conn, refs); err != nil {
			return err
		}
		end = reached
		if q.Status != nil && *q.Status != store.Pending || q.API != "" && q.APIOf == nil {
			return nil
		}
		fresh, reached, err := s.withoutRows(conn, q, before, limit+1)
		page, end = append(page, fresh...), max(end, reached)
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("reading the delivery log: %w", err)
	}
	slices.SortStableFunc(page, func(a, b store.Delivery) int {
		if a.Event.Key() != b.Event.Key() {
			if a.Event.Key() > b.Event.Key() {
				return -1
			}
			return 1
		}
		return a.N - b.N
	})
	// Where one half looked further than the other, the next page has the rest.
	if i := slices.IndexFunc(page, func(d store.Delivery) bool { return d.Event.Key() < end }); i >= 0 {
		page = page[:i]
	}
	switch {
	case len(page) > limit:
		page = page[:limit]
		last := page[limit-1]
		return page, token{last.Event.Key(), last.N}.String(), nil
	case end > bottom:
		return page, token{end, math.MaxInt32}.String(), nil
	}
	return page, "", nil
}

// rowsOf finds the rows that a query selects among those after a place in the
// log, in the log's order: limit of them or a few more, or fewer where as many
// rows as a page may look at do not have them. All events down to the key that
// is returned have been looked at.
func (s *Store) rowsOf(conn *sqlite.Conn, q store.Query, before token, limit int) (refs []store.Ref, end int64, err error) {
	oldest := bottom
	if !q.Since.IsZero() {
		oldest = event.KeyAt(q.Since)
	}
	if q.Event != nil {
		return s.rowsOfEvent(conn, q, before, oldest, limit)
	}
	stmt, err := conn.Prepare(rowsQuery(q.Status))
	if err != nil {
		return nil, 0, err
	}
	defer stmt.Reset()
	stmt.BindInt64(1, before.key)
	stmt.BindInt64(2, oldest)
	most := searchRows
	if q.Status != nil && *q.Status != store.Delivered {
		most = searchOpen
	}
	c := collector{s: s, q: q, before: before, routes: map[int64]bool{}, endpoints: map[int64]bool{}}
	for looked := 0; ; looked++ {
		row, err := stmt.Step()
		if err != nil {
			return nil, 0, err
		}
		if !row {
			c.turn()
			return c.refs, bottom, nil
		}
		if key := stmt.ColumnInt64(0); key != c.key {
			c.turn()
			if looked > 0 && (len(c.refs) >= limit || looked >= most) {
				return c.refs, c.key, nil
			}
			c.key = key
		}
		c.look(stmt)
	}
}

// rowsQuery reads rows backwards. The key of the table and that of the partial
// index lead from one event to the one before, their deliveries backwards too, so
// nothing is sorted. Deliveries that are not delivered have the index; the status
// is written out, so that the planner sees that it may be used.
func rowsQuery(status *store.Status) string {
	where := ""
	if status != nil && *status != store.Delivered {
		where = fmt.Sprintf(" AND status = %d AND status <> 1", *status)
	}
	return "SELECT event, n, route, endpoint, status FROM delivery WHERE event <= ? AND event >= ?" + where + " ORDER BY event DESC, n DESC"
}

// rowsOfEvent is rowsOf of an event and those that came of it.
func (s *Store) rowsOfEvent(conn *sqlite.Conn, q store.Query, before token, oldest int64, limit int) ([]store.Ref, int64, error) {
	// As many events as a page may look at are more than it has room for.
	keys := []int64{q.Event.Key()}
	err := sqlitex.Execute(conn, "SELECT key FROM event WHERE origin = CAST(? AS INTEGER) AND key <= ? ORDER BY key DESC LIMIT CAST(? AS INTEGER)", &sqlitex.ExecOptions{
		Args:       []any{q.Event.Key(), before.key, searchEvents},
		ResultFunc: func(r *sqlite.Stmt) error { keys = append(keys, r.ColumnInt64(0)); return nil }})
	if err != nil {
		return nil, 0, err
	}
	more := len(keys) > searchEvents // the event itself is older than what came of it
	slices.SortFunc(keys, func(a, b int64) int { return int(min(max(b-a, -1), 1)) })
	if more {
		keys = keys[:searchEvents]
	}
	c := collector{s: s, q: q, before: before, routes: map[int64]bool{}, endpoints: map[int64]bool{}}
	for i, key := range keys {
		if key > before.key || key < oldest {
			continue
		}
		c.key = key
		err := sqlitex.Execute(conn, "SELECT event, n, route, endpoint, status FROM delivery WHERE event = CAST(? AS INTEGER) ORDER BY n DESC", &sqlitex.ExecOptions{
			Args: []any{key}, ResultFunc: func(r *sqlite.Stmt) error { c.look(r); return nil }})
		if err != nil {
			return nil, 0, err
		}
		c.turn()
		if len(c.refs) >= limit && (i < len(keys)-1 || more) {
			return c.refs, key, nil
		}
	}
	if more {
		return c.refs, keys[len(keys)-1], nil
	}
	return c.refs, bottom, nil
}

// A collector takes the rows that a query selects, event by event.
type collector struct {
	s                 *Store
	q                 store.Query
	before            token
	refs              []store.Ref
	key               int64          // of the event whose rows come
	from              int            // where its rows begin in refs
	routes, endpoints map[int64]bool // by number: whether they are selected
}

// look takes the row that a statement is at, if it is selected: its event,
// number, route, endpoint and status.
func (c *collector) look(row *sqlite.Stmt) {
	ref := store.Ref{Event: row.ColumnInt64(0), N: row.ColumnInt(1)}
	if ref.Event == c.before.key && ref.N <= c.before.n || c.q.Status != nil && store.Status(row.ColumnInt(4)) != *c.q.Status {
		return
	}
	no := row.ColumnInt64(2)
	selected, known := c.routes[no]
	if !known {
		selected = c.q.Selects(c.s.names.routeName(no))
		c.routes[no] = selected
	}
	if selected && c.q.API != "" {
		no := row.ColumnInt64(3)
		if selected, known = c.endpoints[no]; !known {
			selected = c.s.names.endpointName(no).API == c.q.API
			c.endpoints[no] = selected
		}
	}
	if selected {
		c.refs = append(c.refs, ref)
	}
}

// turn ends an event, whose rows came backwards.
func (c *collector) turn() {
	slices.Reverse(c.refs[c.from:])
	c.from = len(c.refs)
}
