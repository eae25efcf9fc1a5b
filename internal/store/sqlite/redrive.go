package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"bailey/internal/event"
	"bailey/internal/store"
)

// Bounds of redrives: how many may run, and how many that have ended are
// remembered.
const (
	maxRedrives  = 16
	pastRedrives = 100
)

// redrivable is what a delivery d must be to be made pending by a redrive: it
// was given up, and nobody has taken the message about it out of its queue.
const redrivable = "d.status = 2 AND d.status <> 1 AND (d.queued IS NULL OR EXISTS (SELECT 1 FROM dead_letter l WHERE l.event = d.event AND l.n = d.n))"

// dead is the condition of deliveries d that a redrive selects.
func (s *Store) dead(dead *store.Undelivered) (c condition, some bool) {
	if dead.Queue != "" {
		c.add("EXISTS (SELECT 1 FROM dead_letter l WHERE l.event = d.event AND l.n = d.n AND l.queue = ?)", dead.Queue)
	}
	return c, c.common(s, dead, "d")
}

// BeginRedrive creates a redrive of what was given up until now. Where that is
// nothing, the redrive is done and is not kept: it has no id. BeginRedrive
// returns [store.ErrRedrives] while too many are running. Deliveries become
// pending by [Store.RedriveNext].
func (s *Store) BeginRedrive(ctx context.Context, dead store.Undelivered, rate float64, now time.Time) (*store.Redrive, error) {
	r := &store.Redrive{Of: dead, Rate: rate, State: store.RedriveRunning, Created: now.UTC().Truncate(time.Millisecond), After: store.Ref{Event: -1}}
	text, err := json.Marshal(dead)
	if err != nil {
		return nil, fmt.Errorf("encoding what to redrive: %w", err)
	}
	where, some := s.dead(&dead)
	if some {
		err = s.read(ctx, func(conn *sqlite.Conn) error {
			return sqlitex.ExecuteTransient(conn, "SELECT count(*) FROM delivery d WHERE "+redrivable+" AND d.at <= ?"+where.text, &sqlitex.ExecOptions{
				Args:       append([]any{r.Created.UnixMilli()}, where.args...),
				ResultFunc: func(row *sqlite.Stmt) error { r.Matched = row.ColumnInt64(0); return nil }})
		})
		if err != nil {
			return nil, fmt.Errorf("counting what to redrive: %w", err)
		}
	}
	if r.Matched == 0 {
		r.State, r.Ended = store.RedriveDone, r.Created
		return r, nil
	}
	full := false
	err = s.submit(&put{do: func(conn *sqlite.Conn) error {
		running, err := sqlitex.ResultInt64(conn.Prep("SELECT count(*) FROM redrive WHERE state = 'running'"))
		if full = running >= maxRedrives; err != nil || full {
			return err
		}
		err = sqlitex.Execute(conn, `DELETE FROM redrive WHERE state <> 'running' AND id NOT IN
			(SELECT id FROM redrive WHERE state <> 'running' ORDER BY id DESC LIMIT ?)`, &sqlitex.ExecOptions{Args: []any{pastRedrives - 1}})
		if err != nil {
			return err
		}
		err = sqlitex.Execute(conn, "INSERT INTO redrive (dead, rate, state, created, matched) VALUES (?, ?, ?, ?, ?)", &sqlitex.ExecOptions{
			Args: []any{string(text), rate, string(r.State), r.Created.UnixMilli(), r.Matched}})
		r.ID = conn.LastInsertRowID()
		return err
	}})
	switch {
	case err != nil:
		return nil, fmt.Errorf("beginning a redrive: %w", err)
	case full:
		return nil, store.ErrRedrives
	}
	return r, nil
}

// Redrives returns the redrives that are running, and the latest that have
// ended, newest first.
func (s *Store) Redrives(ctx context.Context) ([]store.Redrive, error) {
	return s.listRedrives(ctx, "ORDER BY id DESC")
}

// Redrive returns one redrive, or [store.ErrNotFound].
func (s *Store) Redrive(ctx context.Context, id int64) (*store.Redrive, error) {
	all, err := s.listRedrives(ctx, "WHERE id = ?", id)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, store.ErrNotFound
	}
	return &all[0], nil
}

func (s *Store) listRedrives(ctx context.Context, rest string, args ...any) (all []store.Redrive, err error) {
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		query := "SELECT id, dead, rate, state, created, ended, matched, redriven, event, n FROM redrive " + rest
		return sqlitex.Execute(conn, query, &sqlitex.ExecOptions{Args: args, ResultFunc: func(row *sqlite.Stmt) error {
			r := store.Redrive{
				ID:       row.ColumnInt64(0),
				Rate:     row.ColumnFloat(2),
				State:    store.RedriveState(row.ColumnText(3)),
				Created:  millis(row, 4),
				Ended:    optionalMillis(row, 5),
				Matched:  row.ColumnInt64(6),
				Redriven: row.ColumnInt64(7),
				After:    store.Ref{Event: row.ColumnInt64(8), N: row.ColumnInt(9)},
			}
			if err := json.Unmarshal([]byte(row.ColumnText(1)), &r.Of); err != nil {
				s.setAside("redrive", r.ID, strconv.FormatInt(r.ID, 10), err)
				return nil
			}
			all = append(all, r)
			return nil
		}})
	})
	if err != nil {
		return nil, fmt.Errorf("reading redrives: %w", err)
	}
	return all, nil
}

// CancelRedrive ends a redrive that is running and reports whether it was.
// What it has made pending stays so.
func (s *Store) CancelRedrive(ctx context.Context, id int64, now time.Time) (was bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	err = s.submit(&put{do: func(conn *sqlite.Conn) error {
		err := sqlitex.Execute(conn, "UPDATE redrive SET state = 'cancelled', ended = ? WHERE id = ? AND state = 'running'", &sqlitex.ExecOptions{
			Args: []any{now.UnixMilli(), id}})
		was = conn.Changes() > 0
		return err
	}})
	if err != nil {
		return false, fmt.Errorf("cancelling a redrive: %w", err)
	}
	return was, nil
}

// corpse is a delivery that is about to be made pending.
type corpse struct {
	ref      store.Ref
	route    int64
	endpoint store.Endpoint
	bytes    int // of the event
}

// RedriveNext makes the next of a redrive's deliveries pending, up to limit of
// them and due now, takes the messages about them out of their queues, and
// remembers how far it has come: all in one transaction. endpoint says where a
// delivery queues as its target is now. It updates r and returns what is due.
func (s *Store) RedriveNext(ctx context.Context, r *store.Redrive, limit int, now time.Time, endpoint func(store.Route, []byte) store.Endpoint) ([]store.Backlog, error) {
	var found []corpse
	if where, some := s.dead(&r.Of); some {
		where.add("d.at <= ?", r.Created.UnixMilli())
		where.add("(d.event, d.n) > (?, ?)", r.After.Event, r.After.N)
		var err error
		if found, err = s.corpses(ctx, redrivable+where.text, where.args, limit, endpoint); err != nil {
			return nil, fmt.Errorf("looking for what to redrive: %w", err)
		}
	}
	next := *r
	if len(found) < limit {
		next.State, next.Ended = store.RedriveDone, now
	}
	if len(found) > 0 {
		next.After = found[len(found)-1].ref
	}
	var due []store.Backlog
	var state string
	err := s.submit(&put{do: func(conn *sqlite.Conn) error {
		err := sqlitex.Execute(conn, "SELECT state FROM redrive WHERE id = ?", &sqlitex.ExecOptions{
			Args: []any{r.ID}, ResultFunc: func(row *sqlite.Stmt) error { state = row.ColumnText(0); return nil }})
		if err != nil || state != string(store.RedriveRunning) {
			return err // cancelled meanwhile
		}
		if due, err = s.raise(conn, found, now, redrivable); err != nil {
			return err
		}
		next.Redriven = r.Redriven
		for _, b := range due {
			next.Redriven += b.Count
		}
		var ended any
		if !next.Ended.IsZero() {
			ended = next.Ended.UnixMilli()
		}
		return sqlitex.Execute(conn, "UPDATE redrive SET state = ?, ended = ?, redriven = ?, event = ?, n = ? WHERE id = ?", &sqlitex.ExecOptions{
			Args: []any{string(next.State), ended, next.Redriven, next.After.Event, next.After.N, r.ID}})
	}})
	if err != nil {
		return nil, fmt.Errorf("redriving: %w", err)
	}
	if state != string(store.RedriveRunning) {
		next.State = store.RedriveCancelled
	}
	*r = next
	return due, nil
}

// RedriveEvent makes pending, due now, those deliveries of an event that were
// given up and are selected, whoever has taken the messages about them. It
// returns what is due; the event may have no such delivery.
func (s *Store) RedriveEvent(ctx context.Context, id event.ID, dead store.Undelivered, now time.Time, endpoint func(store.Route, []byte) store.Endpoint) ([]store.Backlog, error) {
	dead.Event = &id
	where, some := s.dead(&dead)
	if !some {
		return nil, nil
	}
	var all []store.Backlog
	for {
		due, err := s.redriveNow(ctx, "d.status = 2 AND d.status <> 1"+where.text, where.args, now, endpoint)
		all = append(all, due...)
		var n int64
		for _, b := range due {
			n += b.Count
		}
		if err != nil || n < maxLimit {
			return all, err
		}
	}
}

// HurryEvent makes those deliveries of an event due now that are selected and
// wait in the store for a later moment; their attempts and age go on counting.
// It returns what is due; the event may have no such delivery. One that is in
// memory or under way waits for none and is left alone.
func (s *Store) HurryEvent(ctx context.Context, id event.ID, which store.Undelivered, now time.Time) ([]store.Backlog, error) {
	which.Event = &id
	where, some := s.dead(&which)
	if !some {
		return nil, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	type place struct{ endpoint, route int64 }
	var counts map[place]int64
	err := s.submit(&put{do: func(conn *sqlite.Conn) error {
		counts = map[place]int64{}
		return sqlitex.ExecuteTransient(conn, "UPDATE delivery AS d SET due = ? WHERE d.status = 0 AND d.due > ?"+where.text+" RETURNING endpoint, route", &sqlitex.ExecOptions{
			Args: append([]any{now.UnixMilli(), now.UnixMilli()}, where.args...),
			ResultFunc: func(row *sqlite.Stmt) error {
				counts[place{row.ColumnInt64(0), row.ColumnInt64(1)}]++
				return nil
			}})
	}})
	if err != nil {
		return nil, fmt.Errorf("sending now what waits: %w", err)
	}
	due := make([]store.Backlog, 0, len(counts))
	for p, n := range counts {
		due = append(due, store.Backlog{Endpoint: s.names.endpointName(p.endpoint), Route: s.names.routeName(p.route), Count: n, NextDue: now})
	}
	return due, nil
}

// RedriveDeadLetter makes the delivery of one message pending, due now, and
// takes the message out of its queue. It returns [store.ErrNotFound] where
// there is no such message, or no delivery of it any more.
func (s *Store) RedriveDeadLetter(ctx context.Context, id int64, now time.Time, endpoint func(store.Route, []byte) store.Endpoint) ([]store.Backlog, error) {
	due, err := s.redriveNow(ctx, "d.status = 2 AND d.status <> 1 AND (d.event, d.n) = (SELECT l.event, l.n FROM dead_letter l WHERE l.id = ?)", []any{id}, now, endpoint)
	if err == nil && len(due) == 0 {
		err = store.ErrNotFound
	}
	return due, err
}

func (s *Store) redriveNow(ctx context.Context, where string, args []any, now time.Time, endpoint func(store.Route, []byte) store.Endpoint) ([]store.Backlog, error) {
	found, err := s.corpses(ctx, where, args, maxLimit, endpoint)
	if err != nil {
		return nil, fmt.Errorf("looking for what to redrive: %w", err)
	}
	if len(found) == 0 {
		return nil, nil
	}
	var due []store.Backlog
	err = s.submit(&put{do: func(conn *sqlite.Conn) error {
		due, err = s.raise(conn, found, now, "d.status = 2 AND d.status <> 1")
		return err
	}})
	if err != nil {
		return nil, fmt.Errorf("redriving: %w", err)
	}
	return due, nil
}

// corpses reads up to limit deliveries d, in order, and says where each queues.
// One event is in memory at a time.
func (s *Store) corpses(ctx context.Context, where string, args []any, limit int, endpoint func(store.Route, []byte) store.Endpoint) (found []corpse, err error) {
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		query := "SELECT d.event, d.n, d.route, e.json FROM delivery d JOIN event e ON e.key = d.event WHERE " + where + " ORDER BY d.event, d.n LIMIT ?"
		return sqlitex.ExecuteTransient(conn, query, &sqlitex.ExecOptions{Args: append(args, limit), ResultFunc: func(row *sqlite.Stmt) error {
			c := corpse{ref: store.Ref{Event: row.ColumnInt64(0), N: row.ColumnInt(1)}, route: row.ColumnInt64(2)}
			envelope := columnBytes(row, 3)
			c.endpoint, c.bytes = endpoint(s.names.routeName(c.route), envelope), len(envelope)
			found = append(found, c)
			return nil
		}})
	})
	return found, err
}

// raise makes deliveries pending that are still as the condition says.
func (s *Store) raise(conn *sqlite.Conn, found []corpse, now time.Time, condition string) ([]store.Backlog, error) {
	type place struct {
		endpoint store.Endpoint
		route    int64
	}
	counts := map[place]int64{}
	for _, c := range found {
		end, err := s.names.endpoint(conn, c.endpoint, c.ref.Event)
		if err != nil {
			return nil, err
		}
		before, err := s.apiOf(conn, c.ref.Event, c.ref.N)
		if err != nil {
			return nil, err
		}
		// What the last attempt came to stays to be seen until the next.
		err = sqlitex.Execute(conn, `
			UPDATE delivery AS d SET endpoint = ?, status = 0, due = ?, since = ?, earlier = earlier + attempts, attempts = 0, queued = NULL
			WHERE d.event = ? AND d.n = ? AND `+condition, &sqlitex.ExecOptions{
			Args: []any{end, now.UnixMilli(), now.UnixMilli(), c.ref.Event, c.ref.N}})
		if err != nil {
			return nil, err
		}
		if conn.Changes() == 0 {
			continue // redriven, or dealt with, by somebody else meanwhile
		}
		counts[place{c.endpoint, c.route}]++
		if _, err := s.deleteLetter(conn, before, "event = ? AND n = ?", c.ref.Event, c.ref.N); err != nil {
			return nil, err
		}
		s.later(c.endpoint.API, footprint(c.bytes))
	}
	due := make([]store.Backlog, 0, len(counts))
	for p, n := range counts {
		due = append(due, store.Backlog{Endpoint: p.endpoint, Route: s.names.routeName(p.route), Count: n, NextDue: now})
	}
	return due, nil
}
