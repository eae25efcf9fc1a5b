package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"bailey/internal/event"
	"bailey/internal/store"
)

// Recover is called once, before anything is delivered. Every delivery that
// was committed and has no row (it was on its way for the first time when the
// process ended) gets one and is due at once; endpoint says where it queues.
// Then it returns what waits.
//
// A delivery whose request had been answered, but whose outcome was not yet
// committed, is made again: delivery is at least once (X9).
func (s *Store) Recover(ctx context.Context, endpoint func(store.Route, []byte) store.Endpoint) ([]store.Backlog, error) {
	after := s.markSeen.Load() - 1
	for {
		var lost []lostDelivery
		err := s.read(ctx, func(conn *sqlite.Conn) (err error) {
			lost, after, err = s.unfinished(conn, after, 1000)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("looking for unfinished deliveries: %w", err)
		}
		if len(lost) > 0 {
			if err := s.park(lost, endpoint); err != nil {
				return nil, fmt.Errorf("recovering unfinished deliveries: %w", err)
			}
		}
		if after < 0 {
			break
		}
	}
	if err := s.countShares(ctx); err != nil {
		return nil, err
	}
	return s.Backlog(ctx)
}

// Backlog returns what waits in the store, by endpoint and route.
func (s *Store) Backlog(ctx context.Context) (all []store.Backlog, err error) {
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		all, err = s.backlog(conn)
		return err
	})
	return all, err
}

// Expired returns up to limit pending deliveries of a route that wait for an
// endpoint and whose events were taken, or which were last redriven, before the
// moment, oldest first, without those that skip names.
func (s *Store) Expired(ctx context.Context, e store.Endpoint, r store.Route, before time.Time, limit int, skip func(store.Ref) bool) (old []store.Parked, err error) {
	endpoint, ok := s.names.endpointNo(e)
	if !ok {
		return nil, nil
	}
	route, ok := s.names.routeNo(r)
	if !ok {
		return nil, nil
	}
	err = s.readFrom(ctx, s.loader, func(conn *sqlite.Conn) error {
		var keys []int64
		err := sqlitex.Execute(conn, `
			SELECT event, n, attempts, since, earlier, status_code, error_code, error FROM delivery
			WHERE status = 0 AND status <> 1 AND event < ? AND endpoint = CAST(? AS INTEGER) AND route = CAST(? AS INTEGER) AND (since IS NULL OR since < ?)
			ORDER BY event, n LIMIT CAST(? AS INTEGER)`, &sqlitex.ExecOptions{
			Args: []any{event.KeyAt(before), endpoint, route, before.UnixMilli(), limit},
			ResultFunc: func(row *sqlite.Stmt) error {
				old = append(old, store.Parked{
					Route: r, N: row.ColumnInt(1), Attempts: row.ColumnInt(2), Since: optionalMillis(row, 3), Earlier: row.ColumnInt(4),
					StatusCode: row.ColumnInt(5), ErrorCode: row.ColumnText(6), Error: row.ColumnText(7),
				})
				keys = append(keys, row.ColumnInt64(0))
				return nil
			}})
		if err != nil {
			return err
		}
		rows := old
		old = old[:0]
		for i, p := range rows {
			if skip(store.Ref{Event: keys[i], N: p.N}) {
				continue
			}
			e, err := s.event(conn, keys[i])
			switch {
			case err == nil:
				p.Event = &e.Event
			case spoilt(err), errors.Is(err, store.ErrNotFound), errors.Is(err, errDamaged):
				bad := s.unreadable(store.Ref{Event: keys[i], N: p.N}, err)
				p.Event, p.Unreadable = bad.Event, bad.Unreadable
			default:
				return err
			}
			old = append(old, p)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading expired deliveries: %w", err)
	}
	return old, nil
}

type lostDelivery struct {
	key      int64
	n        int
	route    int64
	ingested time.Time
	json     []byte
}

// unfinished returns the deliveries without rows of up to limit events that
// come after the key, and the key to go on from, or -1 at the end.
func (s *Store) unfinished(conn *sqlite.Conn, after int64, limit int) ([]lostDelivery, int64, error) {
	stmt, err := conn.Prepare(`
		SELECT key, ingested, routes, json, (SELECT group_concat(n) FROM delivery WHERE event = key)
		FROM event WHERE key > ? ORDER BY key LIMIT ?`)
	if err != nil {
		return nil, 0, err
	}
	defer stmt.Reset()
	stmt.BindInt64(1, after)
	stmt.BindInt64(2, int64(limit))
	var lost []lostDelivery
	rows := 0
	for {
		row, err := stmt.Step()
		if err != nil {
			return nil, 0, err
		}
		if !row {
			break
		}
		rows++
		after = stmt.ColumnInt64(0)
		if stmt.ColumnIsNull(2) {
			continue
		}
		var body []byte
		known := numbers(stmt.ColumnText(4))
		err = eachRoute(columnBytes(stmt, 2), func(n int, no int64) {
			if known[n] {
				return
			}
			if body == nil {
				body = columnBytes(stmt, 3)
			}
			lost = append(lost, lostDelivery{key: after, n: n, route: no, ingested: time.UnixMilli(stmt.ColumnInt64(1)).UTC(), json: body})
		})
		if err != nil {
			// What the readable part names is found; what the rest named cannot be.
			s.setEventAside(after, err)
		}
	}
	if rows < limit {
		after = -1
	}
	return lost, after, nil
}

// numbers reads "0,2,3".
func numbers(list string) map[int]bool {
	set := map[int]bool{}
	n, digits := 0, false
	for i := range len(list) {
		if c := list[i]; c == ',' {
			set[n], n, digits = true, 0, false
		} else {
			n, digits = n*10+int(c-'0'), true
		}
	}
	if digits {
		set[n] = true
	}
	return set
}

func (s *Store) park(lost []lostDelivery, endpoint func(store.Route, []byte) store.Endpoint) error {
	return s.submit(&put{do: func(conn *sqlite.Conn) error {
		for _, d := range lost {
			end, err := s.names.endpoint(conn, endpoint(s.names.routeName(d.route), d.json), d.key)
			if err != nil {
				return err
			}
			if err := s.writePending(d.key, d.n, d.route, end, d.ingested); err != nil {
				return err
			}
		}
		return nil
	}})
}

func (s *Store) backlog(conn *sqlite.Conn) ([]store.Backlog, error) {
	var all []store.Backlog
	err := sqlitex.Execute(conn, "SELECT endpoint, route, count(*), min(due) FROM delivery WHERE status = 0 GROUP BY endpoint, route", &sqlitex.ExecOptions{
		ResultFunc: func(r *sqlite.Stmt) error {
			all = append(all, store.Backlog{
				Endpoint: s.names.endpointName(r.ColumnInt64(0)),
				Route:    s.names.routeName(r.ColumnInt64(1)),
				Count:    r.ColumnInt64(2),
				NextDue:  time.UnixMilli(r.ColumnInt64(3)).UTC(),
			})
			return nil
		}})
	if err != nil {
		return nil, fmt.Errorf("counting what waits: %w", err)
	}
	return all, nil
}

// Due returns the pending deliveries of the endpoint that are due at now, as
// many as the window takes, the one that has waited longest first. It also
// returns when the next one after now is due, or the zero time; more says that
// the window cut the list, so that some that are due already were left.
func (s *Store) Due(ctx context.Context, e store.Endpoint, now time.Time, w store.Window) (due []store.Parked, next time.Time, more bool, err error) {
	no, ok := s.names.endpointNo(e)
	if !ok {
		return nil, time.Time{}, false, nil
	}
	err = s.readFrom(ctx, s.loader, func(conn *sqlite.Conn) (err error) {
		defer sqlitex.Transaction(conn)(&err) // all is read as it was at one moment
		due, more, err = s.due(conn, no, now, w)
		if err != nil {
			return err
		}
		next, err = nextDue(conn, no, now)
		return err
	})
	if err != nil {
		return nil, time.Time{}, false, fmt.Errorf("reading due deliveries: %w", err)
	}
	return due, next, more, nil
}

// maxDueBytes is how much of events one call of Due reads, and one event more.
const maxDueBytes = 4 << 20

func (s *Store) due(conn *sqlite.Conn, endpoint int64, now time.Time, w store.Window) ([]store.Parked, bool, error) {
	refs, more, err := dueRefs(conn, endpoint, now, w)
	if err != nil {
		return nil, false, err
	}
	stmt, err := conn.Prepare(selectParked)
	if err != nil {
		return nil, false, err
	}
	due := make([]store.Parked, 0, len(refs))
	most := int64(maxDueBytes)
	if w.Bytes > 0 {
		most = min(most, w.Bytes)
	}
	var bytes int64
	for i, ref := range refs {
		p, err := s.parked(stmt, ref)
		if err != nil {
			return nil, false, fmt.Errorf("event %s: %w", idAt(ref.Event), err)
		}
		due = append(due, p)
		if bytes += int64(len(p.Event.JSON)); bytes >= most {
			return due, more || i < len(refs)-1, nil
		}
	}
	return due, more, nil
}

// dueRefs finds what is due in the index alone: the deliveries to skip cost
// little, and they are as many as the others.
//
// SQLite plans a statement anew each time that a parameter is bound whose value
// the plan might depend on: one that a column is equal to, where there is an
// order or a join, and the one of LIMIT. That costs more than to run it, so the
// statements here that are run again and again say CAST, which hides the value.
func dueRefs(conn *sqlite.Conn, endpoint int64, now time.Time, w store.Window) (refs []store.Ref, more bool, err error) {
	stmt, err := conn.Prepare("SELECT event, n FROM delivery WHERE status = 0 AND endpoint = CAST(? AS INTEGER) AND due <= ? ORDER BY due, event, n")
	if err != nil {
		return nil, false, err
	}
	defer stmt.Reset()
	stmt.BindInt64(1, endpoint)
	stmt.BindInt64(2, now.UnixMilli())
	for {
		row, err := stmt.Step()
		if err != nil || !row {
			return refs, false, err
		}
		ref := store.Ref{Event: stmt.ColumnInt64(0), N: stmt.ColumnInt(1)}
		if _, in := w.Skip[ref]; in {
			continue
		}
		if len(refs) == w.Most {
			return refs, true, nil
		}
		refs = append(refs, ref)
	}
}

// selectParked is the statement that parked reads.
const selectParked = `
	SELECT d.route, d.attempts, d.due, d.status_code, d.error_code, d.error, d.since, d.earlier,
		e.ingested, e.trace, e.json, e.self
	FROM delivery d LEFT JOIN event e ON e.key = d.event WHERE d.event = CAST(? AS INTEGER) AND d.n = CAST(? AS INTEGER)`

// parked reads one delivery and its event by the statement selectParked. Where
// the event is missing or damaged, the delivery says so.
func (s *Store) parked(stmt *sqlite.Stmt, ref store.Ref) (p store.Parked, err error) {
	defer stmt.Reset()
	stmt.BindInt64(1, ref.Event)
	stmt.BindInt64(2, int64(ref.N))
	row, err := stmt.Step()
	if spoilt(err) {
		return s.unreadable(ref, err), nil
	}
	if err != nil {
		return p, err
	}
	if !row {
		return p, store.ErrNotFound
	}
	e := &event.Event{
		Ingested:    time.UnixMilli(stmt.ColumnInt64(8)).UTC(),
		TraceHeader: stmt.ColumnText(9),
		JSON:        columnBytes(stmt, 10),
	}
	if e.ID, _, err = identity(ref.Event, e.JSON, columnBytes(stmt, 11)); err == nil {
		err = legible(e.JSON)
	}
	route := s.names.routeName(stmt.ColumnInt64(0))
	switch {
	case len(e.JSON) == 0:
		err = errMissing
	case route == (store.Route{}):
		err = errors.New("the delivery is damaged: nobody knows its target")
	}
	if err != nil {
		s.setEventAside(ref.Event, err)
		e.ID = idAt(ref.Event)
	}
	return store.Parked{
		Event:      e,
		N:          ref.N,
		Route:      route,
		Attempts:   stmt.ColumnInt(1),
		Due:        time.UnixMilli(stmt.ColumnInt64(2)).UTC(),
		StatusCode: stmt.ColumnInt(3),
		ErrorCode:  stmt.ColumnText(4),
		Error:      stmt.ColumnText(5),
		Since:      optionalMillis(stmt, 6),
		Earlier:    stmt.ColumnInt(7),
		Unreadable: err,
	}, nil
}

func nextDue(conn *sqlite.Conn, endpoint int64, now time.Time) (time.Time, error) {
	stmt, err := conn.Prepare("SELECT due FROM delivery WHERE status = 0 AND endpoint = CAST(? AS INTEGER) AND due > ? ORDER BY due LIMIT 1")
	if err != nil {
		return time.Time{}, err
	}
	defer stmt.Reset()
	stmt.BindInt64(1, endpoint)
	stmt.BindInt64(2, now.UnixMilli())
	row, err := stmt.Step()
	if err != nil || !row {
		return time.Time{}, err
	}
	return time.UnixMilli(stmt.ColumnInt64(0)).UTC(), nil
}

// event reads one event by its key.
func (s *Store) event(conn *sqlite.Conn, key int64) (*store.StoredEvent, error) {
	stmt, err := conn.Prepare("SELECT bus, ingested, routes, trace, json, self FROM event WHERE key = ?")
	if err != nil {
		return nil, err
	}
	defer stmt.Reset()
	stmt.BindInt64(1, key)
	row, err := stmt.Step()
	if err != nil {
		return nil, err
	}
	if !row {
		return nil, store.ErrNotFound
	}
	bus := s.names.busName(stmt.ColumnInt64(0))
	e := &store.StoredEvent{
		Event: event.Event{
			Ingested:    time.UnixMilli(stmt.ColumnInt64(1)).UTC(),
			TraceHeader: stmt.ColumnText(3),
			JSON:        columnBytes(stmt, 4),
		},
		Region: bus.region,
		Bus:    bus.name,
	}
	if e.ID, e.Origin, err = identity(key, e.JSON, columnBytes(stmt, 5)); err == nil {
		err = legible(e.JSON)
	}
	if err == nil {
		err = eachRoute(columnBytes(stmt, 2), func(_ int, no int64) {
			e.Routes = append(e.Routes, s.names.routeName(no))
		})
	}
	if err != nil {
		s.setEventAside(key, err)
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return e, nil
}

// otherID is the id of an event that came of another which is not in its
// envelope: its own or that of the other. See identity.
func otherID(r *store.Record) (event.ID, error) {
	id, err := event.IDOf(r.Event.JSON)
	if err == nil && id == r.Event.ID {
		return r.Origin, nil
	}
	return r.Event.ID, err
}

func columnBytes(stmt *sqlite.Stmt, col int) []byte {
	n := stmt.ColumnLen(col)
	if n == 0 {
		return nil
	}
	b := make([]byte, n)
	stmt.ColumnBytes(col, b)
	return b
}
