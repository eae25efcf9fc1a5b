package sqlite

import (
	"context"
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"

	"bailey/internal/event"
	"bailey/internal/store"
)

// What one page of a search looks at, at most: the rest is for the next.
const (
	searchEvents = 5000
	searchBytes  = 16 << 20
)

// Events returns a page of the events that a query selects, newest first, and
// the token of the next page, or "" when there are no more. A page looks at a
// bounded part of the store: it may have fewer events than asked for, or none,
// and a token.
func (s *Store) Events(ctx context.Context, q store.EventQuery) ([]store.StoredEvent, string, error) {
	limit, before, err := pageOf(q.Limit, q.Next)
	if err != nil {
		return nil, "", err
	}
	oldest := int64(-1)
	if !q.Since.IsZero() {
		oldest = event.KeyAt(q.Since)
	}
	var page []store.StoredEvent
	next := ""
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		stmt, err := conn.Prepare("SELECT key, bus, ingested, routes, trace, json, self FROM event WHERE key < ? AND key >= ? ORDER BY key DESC LIMIT ?")
		if err != nil {
			return err
		}
		defer stmt.Reset()
		stmt.BindInt64(1, before.key)
		stmt.BindInt64(2, oldest)
		stmt.BindInt64(3, searchEvents)
		var envelope []byte // of the event looked at
		for looked, bytes := 0, 0; ; {
			row, err := stmt.Step()
			if err != nil {
				return err
			}
			if !row {
				return nil
			}
			n := stmt.ColumnLen(5)
			if cap(envelope) < n {
				envelope = make([]byte, n)
			}
			envelope = envelope[:n]
			stmt.ColumnBytes(5, envelope)
			e, ok, err := s.selected(stmt, &q, envelope)
			if err != nil {
				s.setEventAside(stmt.ColumnInt64(0), err)
			} else if ok {
				page = append(page, *e)
			}
			looked, bytes = looked+1, bytes+n
			if len(page) == limit || looked == searchEvents || bytes >= searchBytes {
				next = token{key: stmt.ColumnInt64(0)}.String()
				return nil
			}
		}
	})
	if err != nil {
		return nil, "", fmt.Errorf("searching the events: %w", err)
	}
	return page, next, nil
}

// selected reads the event of a row if the query selects it.
func (s *Store) selected(stmt *sqlite.Stmt, q *store.EventQuery, envelope []byte) (*store.StoredEvent, bool, error) {
	bus := s.names.busName(stmt.ColumnInt64(1))
	ingested := time.UnixMilli(stmt.ColumnInt64(2)).UTC()
	switch {
	case q.Region != "" && q.Region != bus.region, q.Bus != "" && q.Bus != bus.name,
		q.Unmatched && stmt.ColumnLen(3) > 0,
		ingested.Before(q.Since),
		q.Match != nil && !q.Match(envelope):
		return nil, false, nil
	}
	e := &store.StoredEvent{
		Event:  event.Event{Ingested: ingested, TraceHeader: stmt.ColumnText(4), JSON: columnBytes(stmt, 5)},
		Region: bus.region,
		Bus:    bus.name,
	}
	var err error
	if e.ID, e.Origin, err = identity(stmt.ColumnInt64(0), e.JSON, columnBytes(stmt, 6)); err != nil {
		return nil, false, err
	}
	if err = legible(e.JSON); err != nil {
		return nil, false, err
	}
	err = eachRoute(columnBytes(stmt, 3), func(_ int, no int64) {
		e.Routes = append(e.Routes, s.names.routeName(no))
	})
	return e, err == nil, err
}
