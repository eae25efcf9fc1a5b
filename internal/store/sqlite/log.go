package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"bailey/internal/event"
	"bailey/internal/store"
)

// Documents calls f for each piece of configuration, by kind and key.
func (s *Store) Documents(ctx context.Context, f func(store.Document) error) error {
	return s.read(ctx, func(conn *sqlite.Conn) error {
		err := sqlitex.Execute(conn, "SELECT kind, key, body FROM document ORDER BY kind, key", &sqlitex.ExecOptions{
			ResultFunc: func(r *sqlite.Stmt) error {
				return f(store.Document{Kind: r.ColumnText(0), Key: r.ColumnText(1), Body: columnBytes(r, 2)})
			}})
		if err != nil {
			return err
		}
		// They are read once, at start, and need not stay in the connection's cache.
		return sqlitex.ExecuteTransient(conn, "PRAGMA shrink_memory", nil)
	})
}

// Event returns one event, or [store.ErrNotFound]. Where the original is not
// kept any more, its id finds the newest of its copies.
func (s *Store) Event(ctx context.Context, id event.ID) (e *store.StoredEvent, err error) {
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		e, err = s.event(conn, id.Key())
		if errors.Is(err, store.ErrNotFound) {
			newest := int64(-1)
			err = sqlitex.Execute(conn, "SELECT key FROM event WHERE origin = ? ORDER BY key DESC LIMIT 1", &sqlitex.ExecOptions{
				Args:       []any{id.Key()},
				ResultFunc: func(r *sqlite.Stmt) error { newest = r.ColumnInt64(0); return nil }})
			if err == nil {
				e, err = s.event(conn, newest)
			}
		}
		if err == nil && e.ID != id && e.Origin != id {
			err = store.ErrNotFound
		}
		return err
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		err = fmt.Errorf("reading event %s: %w", id, err)
	}
	return e, err
}

// Attempts returns the attempts of an event's deliveries that failed, delivery
// by delivery and in order.
func (s *Store) Attempts(ctx context.Context, id event.ID) (all []store.Attempt, err error) {
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		return sqlitex.Execute(conn, "SELECT number, at, latency_us, status_code, error_code, error, n FROM attempt WHERE event = ? ORDER BY n, number", &sqlitex.ExecOptions{
			Args: []any{id.Key()},
			ResultFunc: func(r *sqlite.Stmt) error {
				all = append(all, store.Attempt{
					N:          r.ColumnInt(6),
					Number:     r.ColumnInt(0),
					At:         millis(r, 1),
					Latency:    time.Duration(r.ColumnInt64(2)) * time.Microsecond,
					StatusCode: r.ColumnInt(3),
					ErrorCode:  r.ColumnText(4),
					Error:      r.ColumnText(5),
				})
				return nil
			}})
	})
	if err != nil {
		return nil, fmt.Errorf("reading the attempts of %s: %w", id, err)
	}
	return all, nil
}

// defaultLimit and maxLimit bound a page of the log.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// pageOf bounds a page, and finds where it begins.
func pageOf(limit int, next string) (int, token, error) {
	if limit <= 0 {
		limit = defaultLimit
	}
	before, err := parseToken(next)
	return min(limit, maxLimit), before, err
}

// withRows reads the deliveries of the references, in their order.
func (s *Store) withRows(conn *sqlite.Conn, refs []store.Ref) ([]store.Delivery, error) {
	var page []store.Delivery
	query := `
		SELECT d.event, d.n, d.route, d.endpoint, d.status, d.attempts, d.at, d.due, d.latency_us, d.status_code,
			d.error_code, d.error, e.ingested, substr(e.json, 1, 64), e.self, d.since, d.earlier,
			CASE WHEN d.queued IS NOT NULL THEN (SELECT l.queue FROM dead_letter l WHERE l.event = d.event AND l.n = d.n) END
		FROM delivery d LEFT JOIN event e ON e.key = d.event
		WHERE d.event = CAST(? AS INTEGER) AND d.n = CAST(? AS INTEGER)`
	read := &sqlitex.ExecOptions{ResultFunc: func(r *sqlite.Stmt) error {
		id, origin := s.identityOf(r.ColumnInt64(0), columnBytes(r, 13), columnBytes(r, 14))
		d := store.Delivery{
			Event:      id,
			Origin:     origin,
			N:          r.ColumnInt(1),
			Route:      s.names.routeName(r.ColumnInt64(2)),
			Endpoint:   s.names.endpointName(r.ColumnInt64(3)),
			Status:     store.Status(r.ColumnInt(4)),
			Attempts:   r.ColumnInt(5),
			At:         millis(r, 6),
			Latency:    time.Duration(r.ColumnInt64(8)) * time.Microsecond,
			StatusCode: r.ColumnInt(9),
			ErrorCode:  r.ColumnText(10),
			Error:      r.ColumnText(11),
			Ingested:   millis(r, 12),
			Redriven:   optionalMillis(r, 15),
			Earlier:    r.ColumnInt(16),
			Queue:      r.ColumnText(17),
		}
		if !r.ColumnIsNull(7) {
			d.Due = millis(r, 7)
		}
		page = append(page, d)
		return nil
	}}
	for _, ref := range refs {
		read.Args = []any{ref.Event, ref.N}
		if err := sqlitex.Execute(conn, query, read); err != nil {
			return nil, err
		}
	}
	return page, nil
}

// withoutRows returns the deliveries that are on their way for the first
// time: those of events not older than the mark that have no row. One delivery
// that takes long holds back the mark, so the number of events is bounded like
// that of rows: all down to the key that is returned have been looked at.
func (s *Store) withoutRows(conn *sqlite.Conn, q store.Query, before token, limit int) ([]store.Delivery, int64, error) {
	// The mark of this snapshot: the newest may have passed an event whose rows
	// are too new for it.
	from, err := sqlitex.ResultInt64(conn.Prep("SELECT key FROM mark"))
	if err != nil {
		return nil, 0, err
	}
	if !q.Since.IsZero() {
		from = max(from, event.KeyAt(q.Since))
	}
	of := ""
	if q.Event != nil {
		of = "AND key IN (SELECT ?3 UNION ALL SELECT key FROM event WHERE origin = ?3)"
	}
	var page []store.Delivery
	stmt, err := conn.Prepare(`
		SELECT key, ingested, routes, substr(json, 1, 64), (SELECT group_concat(n) FROM delivery WHERE event = key), self
		FROM event WHERE key BETWEEN ?1 AND ?2 ` + of + ` AND routes IS NOT NULL ORDER BY key DESC`)
	if err != nil {
		return nil, 0, err
	}
	defer stmt.Reset()
	stmt.BindInt64(1, from)
	stmt.BindInt64(2, before.key)
	if q.Event != nil {
		stmt.BindInt64(3, q.Event.Key())
	}
	for looked := 0; ; looked++ {
		row, err := stmt.Step()
		if err != nil {
			return nil, 0, err
		}
		if !row {
			return page, bottom, nil
		}
		key := stmt.ColumnInt64(0)
		id, origin := s.identityOf(key, columnBytes(stmt, 3), columnBytes(stmt, 5))
		known := numbers(stmt.ColumnText(4))
		err = eachRoute(columnBytes(stmt, 2), func(n int, no int64) {
			r := s.names.routeName(no)
			if known[n] || !q.Selects(r) || key == before.key && n <= before.n {
				return
			}
			if q.API != "" && q.APIOf(r) != q.API {
				return
			}
			page = append(page, store.Delivery{Event: id, Origin: origin, N: n, Route: r, Ingested: millis(stmt, 1)})
		})
		if err != nil {
			s.setEventAside(key, err)
		}
		if len(page) >= limit || looked == searchEvents {
			return page, key, nil
		}
	}
}

func millis(r *sqlite.Stmt, col int) time.Time { return time.UnixMilli(r.ColumnInt64(col)).UTC() }

// optionalMillis is the zero time where the column is NULL.
func optionalMillis(r *sqlite.Stmt, col int) time.Time {
	if r.ColumnIsNull(col) {
		return time.Time{}
	}
	return millis(r, col)
}

// token is a place in the log: after delivery n of the event with the key.
type token struct {
	key int64
	n   int
}

func (t token) String() string { return fmt.Sprintf("%x.%d", t.key, t.n) }

func parseToken(text string) (token, error) {
	if text == "" {
		return token{key: 1<<63 - 1, n: -1}, nil
	}
	key, n, ok := strings.Cut(text, ".")
	if ok {
		k, err1 := strconv.ParseInt(key, 16, 64)
		i, err2 := strconv.Atoi(n)
		if err1 == nil && err2 == nil {
			return token{k, i}, nil
		}
	}
	return token{}, fmt.Errorf("next: %q: %w", text, store.ErrToken)
}

// Ticks returns when each rule with a schedule last ran.
func (s *Store) Ticks(ctx context.Context) (all []store.Tick, err error) {
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		return sqlitex.Execute(conn, "SELECT region, bus, rule, at FROM tick", &sqlitex.ExecOptions{
			ResultFunc: func(r *sqlite.Stmt) error {
				all = append(all, store.Tick{Region: r.ColumnText(0), Bus: r.ColumnText(1), Rule: r.ColumnText(2), At: millis(r, 3)})
				return nil
			}})
	})
	if err != nil {
		return nil, fmt.Errorf("reading when schedules last ran: %w", err)
	}
	return all, nil
}

// ForgetTicks removes what is known of rules that have no schedule any more.
func (s *Store) ForgetTicks(ctx context.Context, ticks []store.Tick) error {
	if err := ctx.Err(); err != nil || len(ticks) == 0 {
		return err
	}
	return s.submit(&put{do: func(conn *sqlite.Conn) error {
		for _, t := range ticks {
			err := sqlitex.Execute(conn, "DELETE FROM tick WHERE region = ? AND bus = ? AND rule = ?", &sqlitex.ExecOptions{Args: []any{t.Region, t.Bus, t.Rule}})
			if err != nil {
				return fmt.Errorf("forgetting a schedule: %w", err)
			}
		}
		return nil
	}})
}
