package sqlite

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"bailey/internal/event"
	"bailey/internal/store"
)

// purgeChunk is how many dead letters one transaction forgets: few, so that
// nobody waits long for it.
const purgeChunk = 1000

// condition gathers the conditions of a query.
type condition struct {
	text string // each with AND before it
	args []any
}

func (c *condition) add(text string, args ...any) {
	c.text += " AND " + text
	c.args = append(c.args, args...)
}

// routes adds that a column holds the number of a route that is selected. It
// returns false where there is none.
func (c *condition) routes(s *Store, column string, selects func(store.Route) bool) bool {
	nos := s.names.routesWhere(selects)
	if len(nos) == 0 {
		return false
	}
	list := make([]string, len(nos))
	for i, no := range nos {
		list[i] = strconv.FormatInt(no, 10)
	}
	c.add(column + " IN (" + strings.Join(list, ",") + ")")
	return true
}

// common adds what is asked alike of deliveries, d, and of dead letters; of is
// the one of the two that has the column at.
func (c *condition) common(s *Store, dead *store.Undelivered, of string) (some bool) {
	if dead.Event != nil {
		c.add("("+of+".event = ? OR "+of+".event IN (SELECT key FROM event WHERE origin = ?))", dead.Event.Key(), dead.Event.Key())
	}
	if dead.API != "" {
		c.add("d.endpoint IN (SELECT no FROM endpoint WHERE api = ?)", dead.API)
	}
	if dead.ErrorCode != "" {
		c.add(of+".error_code = ?", dead.ErrorCode)
	}
	if !dead.Since.IsZero() {
		c.add(of+".at >= ?", dead.Since.UnixMilli())
	}
	if !dead.Until.IsZero() {
		c.add(of+".at < ?", dead.Until.UnixMilli())
	}
	return dead.Region+dead.Bus+dead.Rule+dead.Target == "" || c.routes(s, "d.route", dead.Selects)
}

// letters is the condition of dead letters l with their deliveries d.
func (s *Store) letters(dead *store.Undelivered) (c condition, some bool) {
	if dead.Queue != "" {
		c.add("l.queue = ?", dead.Queue)
	}
	return c, c.common(s, dead, "l")
}

const selectLetter = `
	SELECT l.id, l.queue, l.at, l.rule_arn, l.target_arn, l.error_code, l.error_message, l.retry_attempts, l.exhausted, l.body, l.tries, d.route, l.event_id, l.trace, l.event
	FROM dead_letter l LEFT JOIN delivery d ON d.event = l.event AND d.n = l.n `

func (s *Store) letter(r *sqlite.Stmt) store.DeadLetter {
	d := store.DeadLetter{
		ID:            r.ColumnInt64(0),
		Queue:         r.ColumnText(1),
		At:            millis(r, 2),
		RuleARN:       r.ColumnText(3),
		TargetARN:     r.ColumnText(4),
		ErrorCode:     r.ColumnText(5),
		ErrorMessage:  r.ColumnText(6),
		RetryAttempts: r.ColumnInt(7),
		Exhausted:     r.ColumnText(8),
		Body:          columnBytes(r, 9),
		Tries:         r.ColumnInt(10),
	}
	if !r.ColumnIsNull(11) {
		d.Route = s.names.routeName(r.ColumnInt64(11))
	}
	d.TraceHeader = r.ColumnText(13)
	var err error
	if n := r.ColumnLen(12); r.ColumnIsNull(12) {
		d.Event, err = event.IDOf(d.Body)
	} else if n != len(d.Event) {
		err = fmt.Errorf("the id of its event has %d bytes", n)
	} else {
		r.ColumnBytes(12, d.Event[:])
	}
	if err != nil {
		// The message is what was to be sent, whatever it was sent for.
		s.setAside("dead letter", d.ID, strconv.FormatInt(d.ID, 10), err)
		d.Event = idAt(r.ColumnInt64(14))
	}
	return d
}

// DeadLetters returns up to limit messages of dead-letter queues, oldest
// first, that come after the message with the id.
func (s *Store) DeadLetters(ctx context.Context, dead store.Undelivered, after int64, limit int) (all []store.DeadLetter, err error) {
	if limit <= 0 {
		limit = defaultLimit
	}
	where, some := s.letters(&dead)
	if !some {
		return nil, nil
	}
	where.add("l.id > ?", after)
	where.args = append(where.args, min(limit, maxLimit))
	return s.listLetters(ctx, "WHERE TRUE"+where.text+" ORDER BY l.id LIMIT ?", where.args...)
}

// searchLetters is how many dead letters [Store.DeadLetterPage] looks at.
const searchLetters = 1000

// DeadLetterPage is DeadLetters within bounds: it looks at a bounded number of
// messages, and may return fewer than limit, or none, and the id that the next
// page comes after; 0 where there are no more.
func (s *Store) DeadLetterPage(ctx context.Context, dead store.Undelivered, after int64, limit int) (all []store.DeadLetter, next int64, err error) {
	where, some := s.letters(&dead)
	if !some {
		return nil, 0, nil
	}
	where.add("l.id > ?", after)
	if dead.Event == nil { // those of an event have an index, and are few
		ids := "SELECT id FROM dead_letter WHERE id > ?"
		args := []any{after}
		if dead.Queue != "" {
			ids, args = ids+" AND queue = ?", append(args, dead.Queue)
		}
		last, err := s.ids(ctx, ids+" ORDER BY id LIMIT 1 OFFSET ?", append(args, searchLetters-1))
		if err != nil {
			return nil, 0, err
		}
		if len(last) > 0 {
			next = last[0]
			where.add("l.id <= ?", next)
		}
	}
	all, err = s.listLetters(ctx, "WHERE TRUE"+where.text+" ORDER BY l.id LIMIT ?", append(where.args, limit+1)...)
	if len(all) > limit {
		all, next = all[:limit], all[limit-1].ID
	}
	return all, next, err
}

// DeadLetter returns one message of a dead-letter queue, or
// [store.ErrNotFound].
func (s *Store) DeadLetter(ctx context.Context, id int64) (*store.DeadLetter, error) {
	all, err := s.listLetters(ctx, "WHERE l.id = ?", id)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, store.ErrNotFound
	}
	return &all[0], nil
}

// Forwardable returns up to limit messages of a dead-letter queue, oldest
// first, that are to be forwarded now: those that were not tried yet, and
// those whose time to be tried again has come. Where there is none, next is
// when that time comes for one, or the zero time.
func (s *Store) Forwardable(ctx context.Context, queue string, now time.Time, limit int) (all []store.DeadLetter, next time.Time, err error) {
	all, err = s.listLetters(ctx, "WHERE l.queue = ? AND (l.due IS NULL OR l.due <= ?) ORDER BY l.id LIMIT ?", queue, now.UnixMilli(), limit)
	if err != nil || len(all) > 0 {
		return all, time.Time{}, err
	}
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		return sqlitex.Execute(conn, "SELECT min(due) FROM dead_letter WHERE queue = ? AND due > ?", &sqlitex.ExecOptions{
			Args:       []any{queue, now.UnixMilli()},
			ResultFunc: func(r *sqlite.Stmt) error { next = optionalMillis(r, 0); return nil }})
	})
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("reading when to forward dead letters: %w", err)
	}
	return nil, next, nil
}

func (s *Store) listLetters(ctx context.Context, rest string, args ...any) (all []store.DeadLetter, err error) {
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		return sqlitex.ExecuteTransient(conn, selectLetter+rest, &sqlitex.ExecOptions{Args: args, ResultFunc: func(r *sqlite.Stmt) error {
			all = append(all, s.letter(r))
			return nil
		}})
	})
	if err != nil {
		return nil, fmt.Errorf("reading dead letters: %w", err)
	}
	return all, nil
}

// CountDeadLetters returns how many messages a dead-letter queue holds.
func (s *Store) CountDeadLetters(ctx context.Context, queue string) (n int64, err error) {
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		return sqlitex.Execute(conn, "SELECT count(*) FROM dead_letter WHERE queue = ?", &sqlitex.ExecOptions{
			Args:       []any{queue},
			ResultFunc: func(r *sqlite.Stmt) error { n = r.ColumnInt64(0); return nil }})
	})
	if err != nil {
		return 0, fmt.Errorf("counting dead letters: %w", err)
	}
	return n, nil
}

// DeadLetterQueues returns the ARNs of the queues that hold messages, sorted.
func (s *Store) DeadLetterQueues(ctx context.Context) (all []string, err error) {
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		// From one queue to the next by the index, past their messages.
		return sqlitex.Execute(conn, `
			WITH RECURSIVE q(queue) AS (
				SELECT min(queue) FROM dead_letter
				UNION ALL
				SELECT (SELECT min(queue) FROM dead_letter WHERE queue > q.queue) FROM q WHERE q.queue IS NOT NULL
			) SELECT queue FROM q WHERE queue IS NOT NULL`, &sqlitex.ExecOptions{
			ResultFunc: func(r *sqlite.Stmt) error { all = append(all, r.ColumnText(0)); return nil }})
	})
	if err != nil {
		return nil, fmt.Errorf("reading which dead-letter queues hold messages: %w", err)
	}
	return all, nil
}

// DeleteDeadLetter removes one message from its queue and reports whether it
// was there: somebody has dealt with it. The delivery stays in the log, and is
// not redriven any more unless its event is named.
func (s *Store) DeleteDeadLetter(ctx context.Context, id int64) (there bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	err = s.submit(&put{do: func(conn *sqlite.Conn) error {
		n, err := s.deleteLetter(conn, "", "id = ?", id)
		there = n > 0
		return err
	}})
	if err != nil {
		return false, fmt.Errorf("deleting a dead letter: %w", err)
	}
	return there, nil
}

// PurgeDeadLetters removes the messages that are selected, as far as they were
// there when it was called. It returns how many are gone.
func (s *Store) PurgeDeadLetters(ctx context.Context, dead store.Undelivered) (gone int, err error) {
	where, some := s.letters(&dead)
	if !some {
		return 0, nil
	}
	var newest int64
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		newest, err = sqlitex.ResultInt64(conn.Prep("SELECT coalesce(max(id), 0) FROM dead_letter"))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("purging dead letters: %w", err)
	}
	query := `SELECT l.id FROM dead_letter l LEFT JOIN delivery d ON d.event = l.event AND d.n = l.n
		WHERE l.id > ? AND l.id <= ?` + where.text + " ORDER BY l.id LIMIT ?"
	after := int64(0)
	for {
		ids, err := s.ids(ctx, query, append([]any{after, newest}, append(where.args, purgeChunk)...))
		if err != nil || len(ids) == 0 {
			return gone, err
		}
		n, err := s.deleteLetters(ids)
		gone += n
		if err != nil {
			return gone, fmt.Errorf("purging dead letters: %w", err)
		}
		after = ids[len(ids)-1]
	}
}

// ids returns the numbers that a query finds.
func (s *Store) ids(ctx context.Context, query string, args []any) (all []int64, err error) {
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		return sqlitex.ExecuteTransient(conn, query, &sqlitex.ExecOptions{Args: args,
			ResultFunc: func(r *sqlite.Stmt) error { all = append(all, r.ColumnInt64(0)); return nil }})
	})
	if err != nil {
		return nil, fmt.Errorf("selecting dead letters: %w", err)
	}
	return all, nil
}

func (s *Store) deleteLetters(ids []int64) (gone int, err error) {
	err = s.submit(&put{do: func(conn *sqlite.Conn) error {
		gone = 0
		for _, id := range ids {
			n, err := s.deleteLetter(conn, "", "id = ?", id)
			if err != nil {
				return err
			}
			gone += n
		}
		return nil
	}})
	return gone, err
}

// deleteLetter deletes messages, and gives back what they held: to the API that
// is named, else to the one of the message's delivery. It returns how many there
// were.
func (s *Store) deleteLetter(conn *sqlite.Conn, api, where string, args ...any) (n int, err error) {
	var ref store.Ref
	var bytes int64
	err = sqlitex.Execute(conn, "DELETE FROM dead_letter WHERE "+where+" RETURNING event, n, length(body)", &sqlitex.ExecOptions{
		Args: args,
		ResultFunc: func(r *sqlite.Stmt) error {
			n++
			ref = store.Ref{Event: r.ColumnInt64(0), N: r.ColumnInt(1)} // a delivery has one message
			bytes += footprint(r.ColumnInt(2))
			return nil
		}})
	if err != nil || n == 0 {
		return n, err
	}
	if api == "" {
		api, err = s.apiOf(conn, ref.Event, ref.N)
	}
	s.later(api, -bytes)
	return n, err
}

// apiOf is the API that a delivery waits, or waited, for; "" where it is not
// known any more.
func (s *Store) apiOf(conn *sqlite.Conn, key int64, n int) (api string, err error) {
	err = sqlitex.Execute(conn, "SELECT endpoint FROM delivery WHERE event = ? AND n = ?", &sqlitex.ExecOptions{
		Args:       []any{key, n},
		ResultFunc: func(r *sqlite.Stmt) error { api = s.names.endpointName(r.ColumnInt64(0)).API; return nil }})
	return api, err
}

// SweepDeadLetters forgets the messages of dead-letter queues that are older
// than the moment.
func (s *Store) SweepDeadLetters(ctx context.Context, before time.Time) (gone int, err error) {
	for n := purgeChunk; n == purgeChunk; gone += n {
		ids, err := s.ids(ctx, "SELECT id FROM dead_letter WHERE at < ? ORDER BY at LIMIT ?", []any{before.UnixMilli(), purgeChunk})
		if err != nil || len(ids) == 0 {
			return gone, err
		}
		if n, err = s.deleteLetters(ids); err != nil {
			return gone, fmt.Errorf("forgetting old dead letters: %w", err)
		}
	}
	return gone, nil
}

// PostponeDeadLetter remembers that a message could not be forwarded, and when
// to try it again.
func (s *Store) PostponeDeadLetter(ctx context.Context, id int64, until time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := s.submit(&put{do: func(conn *sqlite.Conn) error {
		return sqlitex.Execute(conn, "UPDATE dead_letter SET tries = tries + 1, due = ? WHERE id = ?", &sqlitex.ExecOptions{Args: []any{until.UnixMilli(), id}})
	}})
	if err != nil {
		return fmt.Errorf("postponing a dead letter: %w", err)
	}
	return nil
}
