package sqlite

import (
	"context"
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"bailey/internal/store"
)

// Probe returns one pending delivery of the endpoint that is due at now: of the
// route whose turn it is after the one given, the delivery that has waited
// longest, without those to skip. Where there is none it is nil, and next is
// when the next one after now is due, or the zero time.
func (s *Store) Probe(ctx context.Context, e store.Endpoint, now time.Time, after store.Route, skip map[store.Ref]struct{}) (probe *store.Parked, next time.Time, err error) {
	end, ok := s.names.endpointNo(e)
	if !ok {
		return nil, time.Time{}, nil
	}
	last, _ := s.names.routeNo(after)
	err = s.readFrom(ctx, s.loader, func(conn *sqlite.Conn) (err error) {
		defer sqlitex.Transaction(conn)(&err) // all is read as it was at one moment
		ref, found, err := probeRef(conn, end, last, now, skip)
		if err != nil {
			return err
		}
		if !found {
			next, err = nextDue(conn, end, now)
			return err
		}
		stmt, err := conn.Prepare(selectParked)
		if err != nil {
			return err
		}
		p, err := s.parked(stmt, ref)
		probe = &p
		return err
	})
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("reading a delivery to probe with: %w", err)
	}
	return probe, next, nil
}

// probeRef goes from route to route by the index, each route once, and begins
// after the one whose turn was last. For CAST, see dueRefs.
func probeRef(conn *sqlite.Conn, endpoint, last int64, now time.Time, skip map[store.Ref]struct{}) (ref store.Ref, found bool, err error) {
	for route, wrapped := last, false; ; {
		following, err := nextRoute(conn, endpoint, route)
		if err != nil {
			return ref, false, err
		}
		switch {
		case following < 0 && !wrapped:
			route, wrapped = -1, true
			continue
		case following < 0 || wrapped && following > last:
			return ref, false, nil
		}
		route = following
		err = sqlitex.Execute(conn, `
			SELECT event, n FROM delivery WHERE status = 0 AND endpoint = CAST(? AS INTEGER) AND route = CAST(? AS INTEGER) AND due <= ?
			ORDER BY due, event, n LIMIT CAST(? AS INTEGER)`, &sqlitex.ExecOptions{
			Args: []any{endpoint, route, now.UnixMilli(), len(skip) + 1},
			ResultFunc: func(row *sqlite.Stmt) error {
				r := store.Ref{Event: row.ColumnInt64(0), N: row.ColumnInt(1)}
				if _, in := skip[r]; !in && !found {
					ref, found = r, true
				}
				return nil
			}})
		if err != nil || found {
			return ref, found, err
		}
	}
}

// nextRoute is the first route after the one given of which something waits for
// the endpoint, or -1.
func nextRoute(conn *sqlite.Conn, endpoint, after int64) (int64, error) {
	stmt, err := conn.Prepare("SELECT route FROM delivery WHERE status = 0 AND endpoint = CAST(? AS INTEGER) AND route > ? ORDER BY route LIMIT 1")
	if err != nil {
		return 0, err
	}
	defer stmt.Reset()
	stmt.BindInt64(1, endpoint)
	stmt.BindInt64(2, after)
	row, err := stmt.Step()
	if err != nil || !row {
		return -1, err
	}
	return stmt.ColumnInt64(0), nil
}
