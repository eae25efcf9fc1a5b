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

// sweepChunk is how many events one transaction of a sweep looks at at most, and
// how many names it forgets: few, so that nobody waits long for it.
const sweepChunk = 2000

// rowBytes is about what an event takes in the database beside its JSON: its own
// row and those of its deliveries, with their indexes.
const rowBytes = 300

// Sweep forgets settled events: those ingested before the moment, and then,
// oldest first, as many as it takes for the database to hold no more than
// maxBytes (0: no such bound). An event with a delivery that is pending stays,
// whatever its age; one with a dead delivery stays until the moment deadBefore
// has passed the delivery's end, and in any case as long as the message about it. It
// returns how many events are gone. The names of buses, routes and endpoints
// that no event has to do with any longer are forgotten with them.
func (s *Store) Sweep(ctx context.Context, before, deadBefore time.Time, maxBytes int64) (int, error) {
	gone := 0
	after := int64(-1)
	for {
		excess, err := s.excess(ctx, maxBytes)
		if err != nil {
			return gone, err
		}
		c := chunk{after: after, until: min(event.KeyAt(before), s.markSeen.Load()), deadBefore: deadBefore.UnixMilli(), bytes: math.MaxInt64}
		if excess > 0 {
			// Whatever is settled may go, but no more of it than it takes.
			c.until, c.bytes = s.markSeen.Load(), excess
		}
		n, next, err := s.sweepChunk(ctx, c)
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

// excess is by how many bytes the database holds more than maxBytes.
func (s *Store) excess(ctx context.Context, maxBytes int64) (int64, error) {
	if maxBytes <= 0 {
		return 0, nil
	}
	size, err := s.Size(ctx)
	return max(size.Used-maxBytes, 0), err
}

// Size is how large the database is.
type Size struct {
	// Used is how many bytes are in use.
	Used int64
	// Free is how many bytes of the file are not. The file does not shrink:
	// what comes next is written there.
	Free int64
}

// Size returns how large the database is.
func (s *Store) Size(ctx context.Context) (size Size, err error) {
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		var v [3]int64
		for i, pragma := range []string{"PRAGMA page_count", "PRAGMA freelist_count", "PRAGMA page_size"} {
			if v[i], err = sqlitex.ResultInt64(conn.Prep(pragma)); err != nil {
				return fmt.Errorf("measuring the store: %w", err)
			}
		}
		size = Size{Used: (v[0] - v[1]) * v[2], Free: v[1] * v[2]}
		archived, err := sqlitex.ResultInt64(conn.Prep("SELECT coalesce(sum(bytes) + sum(events) * 300, 0) FROM archive"))
		s.shares.mu.Lock()
		s.shares.other = archived
		s.shares.mu.Unlock()
		return err
	})
	return size, err
}

// chunk is what one transaction of a sweep looks at: events with keys between
// after and until, the oldest first, until they come to so many bytes.
type chunk struct {
	after, until int64
	deadBefore   int64
	bytes        int64
}

// sweepChunk forgets the settled ones among a chunk of events. It returns where
// the next chunk begins, or -1 if there is none.
func (s *Store) sweepChunk(ctx context.Context, c chunk) (gone int, next int64, err error) {
	last, next, err := s.lastOf(ctx, c)
	if err != nil || last == 0 {
		return 0, -1, err
	}
	if err := ctx.Err(); err != nil {
		return 0, -1, err
	}
	err = s.submit(&put{do: func(conn *sqlite.Conn) error {
		// An event that was stamped before those and committed since must stay:
		// its deliveries have no rows yet.
		args := []any{c.after, min(last, s.oldestOpen()-1), c.deadBefore}
		const kept = `SELECT event FROM delivery WHERE status = 0 AND status <> 1 AND event > ?1 AND event <= ?2
			UNION SELECT event FROM delivery WHERE status = 2 AND status <> 1 AND event > ?1 AND event <= ?2 AND at >= ?3
			UNION SELECT event FROM dead_letter WHERE event > ?1 AND event <= ?2`
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

// lastOf returns the key of the chunk's last event, or 0 where there is none, and
// the same as next if there may be more.
func (s *Store) lastOf(ctx context.Context, c chunk) (last, next int64, err error) {
	next = -1
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		stmt, err := conn.Prepare("SELECT key, length(json) FROM event WHERE key > ?1 AND key < ?2 ORDER BY key LIMIT CAST(?3 AS INTEGER)")
		if err != nil {
			return err
		}
		defer stmt.Reset()
		stmt.BindInt64(1, c.after)
		stmt.BindInt64(2, c.until)
		stmt.BindInt64(3, sweepChunk)
		rows, left := 0, c.bytes
		for left > 0 {
			row, err := stmt.Step()
			if err != nil {
				return err
			}
			if !row {
				break
			}
			rows, last = rows+1, stmt.ColumnInt64(0)
			left -= stmt.ColumnInt64(1) + rowBytes
		}
		if rows == sweepChunk || left <= 0 {
			next = last
		}
		return nil
	})
	return last, next, err
}
