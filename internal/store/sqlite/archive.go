package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"bailey/internal/event"
	"bailey/internal/store"
)

// forgetChunk is how many archived events one transaction forgets: few, so that
// nobody waits long for it.
const forgetChunk = 1000

// tally is what a transaction adds to what an archive holds.
type tally struct{ events, bytes int64 }

// writeArchived puts an event into its archives, without its trace, which no
// replay has. Their totals are written once, at the end of the transaction.
func (s *Store) writeArchived(r *store.Record) error {
	for _, id := range r.Archived.Archives {
		no, err := s.names.archive(s.writer, id)
		if err != nil {
			return err
		}
		stmt, err := s.writer.Prepare("INSERT INTO archived (archive, ingested, at, size, json) VALUES (?, ?, ?, ?, ?)")
		if err != nil {
			return err
		}
		stmt.BindInt64(1, no)
		stmt.BindInt64(2, r.Event.Ingested.UnixMilli())
		stmt.BindInt64(3, r.Archived.Time.UnixMilli())
		stmt.BindInt64(4, r.Archived.Size)
		stmt.BindBytes(5, r.Event.JSON)
		if err := run(stmt); err != nil {
			return err
		}
		t := s.tallies[no]
		s.tallies[no] = tally{t.events + 1, t.bytes + r.Archived.Size}
	}
	return nil
}

func (s *Store) writeTallies() error {
	for no, t := range s.tallies {
		stmt, err := s.writer.Prepare("UPDATE archive SET events = events + ?, bytes = bytes + ? WHERE no = ?")
		if err != nil {
			return err
		}
		stmt.BindInt64(1, t.events)
		stmt.BindInt64(2, t.bytes)
		stmt.BindInt64(3, no)
		if err := run(stmt); err != nil {
			return err
		}
	}
	return nil
}

// writeReplayMark is in the transaction of the events that a replay has come
// to: after a crash it goes on after them, and none is replayed twice.
func (s *Store) writeReplayMark(m *store.ReplayMark) error {
	stmt, err := s.writer.Prepare("INSERT OR REPLACE INTO replay (id, at, no) VALUES (?, ?, ?)")
	if err != nil {
		return err
	}
	stmt.BindText(1, m.Replay)
	stmt.BindInt64(2, m.Time.UnixMilli())
	stmt.BindInt64(3, m.No)
	return run(stmt)
}

// ArchiveTotals returns how many events an archive holds and what they count
// for. An archive that has never had one holds none.
func (s *Store) ArchiveTotals(ctx context.Context, id string) (events, bytes int64, err error) {
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		return sqlitex.Execute(conn, "SELECT events, bytes FROM archive WHERE id = ?", &sqlitex.ExecOptions{
			Args: []any{id},
			ResultFunc: func(r *sqlite.Stmt) error {
				events, bytes = r.ColumnInt64(0), r.ColumnInt64(1)
				return nil
			}})
	})
	if err != nil {
		return 0, 0, fmt.Errorf("reading what archive %s holds: %w", id, err)
	}
	return events, bytes, nil
}

// Archived returns events of an archive whose own time is not before one moment
// and before another, in the order of that time: those that come after the mark, up to
// limit, and no more after those that make up maxBytes.
func (s *Store) Archived(ctx context.Context, id string, from, until time.Time, after store.ReplayMark, limit, maxBytes int) (list []store.ArchivedEvent, err error) {
	begin := from.UnixMilli()
	if after.No > 0 {
		begin = max(begin, after.Time.UnixMilli())
	}
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		stmt, err := conn.Prepare(`
			SELECT no, at, json FROM archived
			WHERE archive = (SELECT no FROM archive WHERE id = ?1) AND at >= ?2 AND at < ?3 AND (at > ?4 OR no > ?5)
			ORDER BY at, no`)
		if err != nil {
			return err
		}
		defer stmt.Reset()
		stmt.BindText(1, id)
		stmt.BindInt64(2, begin)
		stmt.BindInt64(3, until.UnixMilli())
		stmt.BindInt64(4, begin)
		if after.No > 0 && begin == after.Time.UnixMilli() {
			stmt.BindInt64(5, after.No)
		} else {
			stmt.BindInt64(5, 0)
		}
		for size := 0; size < maxBytes && len(list) < limit; {
			row, err := stmt.Step()
			if err != nil || !row {
				return err
			}
			e := store.ArchivedEvent{No: stmt.ColumnInt64(0), Time: millis(stmt, 1), JSON: columnBytes(stmt, 2)}
			if _, err := event.IDOf(e.JSON); err != nil || legible(e.JSON) != nil {
				s.setAside("archived event", e.No, strconv.FormatInt(e.No, 10), cmp.Or(err, legible(e.JSON)))
				continue
			}
			size += len(e.JSON)
			list = append(list, e)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading archive %s: %w", id, err)
	}
	return list, nil
}

// LastArchived returns the time of the last event of an archive whose own time is
// not before one moment and before another; zero if there is none.
func (s *Store) LastArchived(ctx context.Context, id string, from, until time.Time) (last time.Time, err error) {
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		stmt, err := conn.Prepare(`
			SELECT at FROM archived
			WHERE archive = (SELECT no FROM archive WHERE id = ?1) AND at >= ?2 AND at < ?3
			ORDER BY at DESC LIMIT 1`)
		if err != nil {
			return err
		}
		defer stmt.Reset()
		stmt.BindText(1, id)
		stmt.BindInt64(2, from.UnixMilli())
		stmt.BindInt64(3, until.UnixMilli())
		row, err := stmt.Step()
		if row && err == nil {
			last = millis(stmt, 0)
		}
		return err
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("reading archive %s: %w", id, err)
	}
	return last, nil
}

// ForgetArchived forgets what came into an archive before the moment; the zero
// time stands for the end of all times. It returns how many events are gone.
func (s *Store) ForgetArchived(ctx context.Context, id string, before time.Time) (gone int, err error) {
	limit := int64(1<<63 - 1)
	if !before.IsZero() {
		limit = before.UnixMilli()
	}
	for n := forgetChunk; n == forgetChunk; gone += n {
		if err := ctx.Err(); err != nil {
			return gone, err
		}
		some, err := s.anyArchived(ctx, id, limit)
		if err != nil || !some {
			return gone, err
		}
		err = s.submit(&put{do: func(conn *sqlite.Conn) (err error) {
			n, err = forgetArchived(conn, id, limit)
			return err
		}})
		if err != nil {
			return gone, fmt.Errorf("forgetting what archive %s holds: %w", id, err)
		}
	}
	return gone, nil
}

// anyArchived spares the writer a transaction for nothing.
func (s *Store) anyArchived(ctx context.Context, id string, before int64) (some bool, err error) {
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		return sqlitex.Execute(conn, "SELECT 1 FROM archived WHERE archive = (SELECT no FROM archive WHERE id = ?) AND ingested < ? LIMIT 1", &sqlitex.ExecOptions{
			Args:       []any{id, before},
			ResultFunc: func(*sqlite.Stmt) error { some = true; return nil }})
	})
	if err != nil {
		return false, fmt.Errorf("looking for old events of archive %s: %w", id, err)
	}
	return some, nil
}

func forgetArchived(conn *sqlite.Conn, id string, before int64) (int, error) {
	const chunk = "SELECT no FROM archived WHERE archive = (SELECT no FROM archive WHERE id = ?1) AND ingested < ?2 ORDER BY ingested, no LIMIT ?3"
	args := []any{id, before, forgetChunk}
	err := sqlitex.Execute(conn, `
		UPDATE archive SET
			events = events - (SELECT count(*) FROM (`+chunk+`)),
			bytes = bytes - (SELECT coalesce(sum(size), 0) FROM archived WHERE no IN (`+chunk+`))
		WHERE id = ?1`, &sqlitex.ExecOptions{Args: args})
	if err != nil {
		return 0, err
	}
	err = sqlitex.Execute(conn, "DELETE FROM archived WHERE no IN ("+chunk+")", &sqlitex.ExecOptions{Args: args})
	return conn.Changes(), err
}

// ForgetArchives forgets all of the archives that known does not know.
func (s *Store) ForgetArchives(ctx context.Context, known func(id string) bool) error {
	var gone []string
	err := s.read(ctx, func(conn *sqlite.Conn) error {
		return sqlitex.Execute(conn, "SELECT id FROM archive WHERE events > 0", &sqlitex.ExecOptions{ResultFunc: func(r *sqlite.Stmt) error {
			if id := r.ColumnText(0); !known(id) {
				gone = append(gone, id)
			}
			return nil
		}})
	})
	if err != nil {
		return fmt.Errorf("looking for archives that are gone: %w", err)
	}
	for _, id := range gone {
		if _, err := s.ForgetArchived(ctx, id, time.Time{}); err != nil {
			return err
		}
	}
	return nil
}

// ReplayMark returns how far a replay has come; the mark of one that has not
// begun names no event.
func (s *Store) ReplayMark(ctx context.Context, id string) (m store.ReplayMark, err error) {
	m.Replay = id
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		return sqlitex.Execute(conn, "SELECT at, no FROM replay WHERE id = ?", &sqlitex.ExecOptions{
			Args: []any{id},
			ResultFunc: func(r *sqlite.Stmt) error {
				m.Time, m.No = millis(r, 0), r.ColumnInt64(1)
				return nil
			}})
	})
	if err != nil {
		return m, fmt.Errorf("reading how far replay %s has come: %w", id, err)
	}
	return m, nil
}

// ForgetReplays forgets how far the replays came that known does not know.
func (s *Store) ForgetReplays(ctx context.Context, known func(id string) bool) error {
	var gone []string
	err := s.read(ctx, func(conn *sqlite.Conn) error {
		return sqlitex.Execute(conn, "SELECT id FROM replay", &sqlitex.ExecOptions{ResultFunc: func(r *sqlite.Stmt) error {
			if id := r.ColumnText(0); !known(id) {
				gone = append(gone, id)
			}
			return nil
		}})
	})
	if err != nil || len(gone) == 0 {
		return err
	}
	return s.submit(&put{do: func(conn *sqlite.Conn) error {
		for _, id := range gone {
			if err := sqlitex.Execute(conn, "DELETE FROM replay WHERE id = ?", &sqlitex.ExecOptions{Args: []any{id}}); err != nil {
				return fmt.Errorf("forgetting a replay: %w", err)
			}
		}
		return nil
	}})
}
