package sqlite

import (
	"context"
	"fmt"
	"math"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"bailey/internal/event"
)

// sweepChunk is how many events one transaction of a sweep looks at, and how
// many names it forgets: few, so that nobody waits long for it.
const sweepChunk = 2000

// Sweep forgets settled events: those ingested before the moment, and then,
// oldest first, as many as it takes for the database to hold no more than
// maxBytes (0: no such bound). An event with a delivery that is pending stays,
// whatever its age; one with a dead delivery stays until the moment deadBefore
// has passed the delivery's end, and so as long as the message about it. It
// returns how many events are gone. The names of buses, routes and endpoints
// that no event has to do with any longer are forgotten with them.
func (s *Store) Sweep(ctx context.Context, before, deadBefore time.Time, maxBytes int64) (int, error) {
	gone := 0
	after := int64(-1)
	for {
		over, err := s.over(ctx, maxBytes)
		if err != nil {
			return gone, err
		}
		until := event.KeyAt(before)
		if over {
			// Whatever is settled may go.
			until = s.markSeen.Load()
		}
		n, next, err := s.sweepChunk(ctx, after, min(until, s.markSeen.Load()), deadBefore.UnixMilli())
		gone += n
		if err != nil {
			return gone, err
		}
		if next < 0 {
			return gone, s.forgetNames(ctx)
		}
		after = next
	}
}

// forgetNames forgets the names that no event has to do with any longer, few in
// one transaction.
func (s *Store) forgetNames(ctx context.Context) error {
	for n := sweepChunk; n == sweepChunk; {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := s.submit(&put{do: func(conn *sqlite.Conn) error {
			oldest, err := sqlitex.ResultInt64(conn.Prep(fmt.Sprintf("SELECT coalesce(min(key), %d) FROM event", int64(math.MaxInt64))))
			if err != nil {
				return fmt.Errorf("looking for the oldest event: %w", err)
			}
			n, err = s.names.forget(conn, oldest, sweepChunk)
			return err
		}})
		if err != nil {
			return err
		}
	}
	return nil
}

// over says whether the database holds more than maxBytes.
func (s *Store) over(ctx context.Context, maxBytes int64) (bool, error) {
	if maxBytes <= 0 {
		return false, nil
	}
	size, err := s.Size(ctx)
	return size > maxBytes, err
}

// Size is how many bytes of the database are in use.
func (s *Store) Size(ctx context.Context) (size int64, err error) {
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		var v [3]int64
		for i, pragma := range []string{"PRAGMA page_count", "PRAGMA freelist_count", "PRAGMA page_size"} {
			if v[i], err = sqlitex.ResultInt64(conn.Prep(pragma)); err != nil {
				return fmt.Errorf("measuring the store: %w", err)
			}
		}
		size = (v[0] - v[1]) * v[2]
		return nil
	})
	return size, err
}

func (s *Store) sweepChunk(ctx context.Context, after, until, deadBefore int64) (gone int, next int64, err error) {
	next = -1
	var last int64
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		rows := 0
		err := sqlitex.Execute(conn, "SELECT key FROM event WHERE key > ? AND key < ? ORDER BY key LIMIT CAST(? AS INTEGER)", &sqlitex.ExecOptions{
			Args: []any{after, until, sweepChunk},
			ResultFunc: func(r *sqlite.Stmt) error {
				rows, last = rows+1, r.ColumnInt64(0)
				return nil
			}})
		if rows == sweepChunk {
			next = last
		}
		return err
	})
	if err != nil || last == 0 {
		return 0, -1, err
	}
	if err := ctx.Err(); err != nil {
		return 0, -1, err
	}
	err = s.submit(&put{do: func(conn *sqlite.Conn) error {
		// An event that was stamped before those and committed since must stay:
		// its deliveries have no rows yet.
		args := []any{after, min(last, s.oldestOpen()-1), deadBefore}
		const kept = `SELECT event FROM delivery WHERE status = 0 AND status <> 1 AND event > ?1 AND event <= ?2
			UNION SELECT event FROM delivery WHERE status = 2 AND status <> 1 AND event > ?1 AND event <= ?2 AND at >= ?3`
		for _, query := range []string{
			"DELETE FROM attempt WHERE event > ?1 AND event <= ?2 AND event NOT IN (" + kept + ")",
			"DELETE FROM event WHERE key > ?1 AND key <= ?2 AND key NOT IN (" + kept + ")",
		} {
			if err := sqlitex.Execute(conn, query, &sqlitex.ExecOptions{Args: args}); err != nil {
				return err
			}
		}
		gone = conn.Changes()
		return sqlitex.Execute(conn, "DELETE FROM delivery WHERE event > ?1 AND event <= ?2 AND event NOT IN (SELECT key FROM event WHERE key > ?1 AND key <= ?2) AND ?3 = ?3",
			&sqlitex.ExecOptions{Args: args})
	}})
	if err != nil {
		return 0, -1, fmt.Errorf("forgetting old events: %w", err)
	}
	return gone, next, nil
}
