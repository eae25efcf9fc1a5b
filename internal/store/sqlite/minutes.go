package sqlite

import (
	"context"
	"fmt"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"bailey/internal/store"
)

// PutMinutes adds minutes, all or none of them. A minute that comes again, for
// a series that has it, is kept beside the first.
func (s *Store) PutMinutes(ctx context.Context, minutes []store.Minute) error {
	if err := ctx.Err(); err != nil || len(minutes) == 0 {
		return err
	}
	return s.submit(&put{do: func(conn *sqlite.Conn) error {
		for i := range minutes {
			if err := putMinute(conn, &minutes[i]); err != nil {
				return fmt.Errorf("keeping a minute: %w", err)
			}
		}
		return nil
	}})
}

func putMinute(conn *sqlite.Conn, m *store.Minute) error {
	stmt, err := conn.Prepare(`INSERT INTO series (region, bus, rule, latest) VALUES (?, ?, ?, ?)
		ON CONFLICT (region, bus, rule) DO UPDATE SET latest = excluded.latest RETURNING no`)
	if err != nil {
		return err
	}
	stmt.BindText(1, m.Series.Region)
	stmt.BindText(2, m.Series.Bus)
	stmt.BindText(3, m.Series.Rule)
	stmt.BindBytes(4, m.Latest)
	no, err := sqlitex.ResultInt64(stmt)
	if err != nil {
		return err
	}
	stmt, err = conn.Prepare(`INSERT INTO minute (series, at, part, body)
		VALUES (?1, ?2, (SELECT coalesce(max(part) + 1, 0) FROM minute WHERE series = CAST(?1 AS INTEGER) AND at = CAST(?2 AS INTEGER)), ?3)`)
	if err != nil {
		return err
	}
	stmt.BindInt64(1, no)
	stmt.BindInt64(2, m.At)
	stmt.BindBytes(3, m.Body)
	return run(stmt)
}

// Minutes calls each for every minute that the query selects, each series' in
// order of time.
func (s *Store) Minutes(ctx context.Context, q store.MinuteQuery, each func(store.Minute) error) error {
	err := s.read(ctx, func(conn *sqlite.Conn) error {
		return sqlitex.Execute(conn, `
			SELECT s.bus, s.rule, m.at, m.body FROM series s CROSS JOIN minute m ON m.series = s.no
			WHERE s.region = ?1 AND (?3 OR s.bus = ?2) AND CASE WHEN ?5 THEN s.rule <> '' ELSE s.rule = ?4 END
				AND m.at >= ?6 AND m.at < ?7
			ORDER BY m.series, m.at, m.part`, &sqlitex.ExecOptions{
			Args: []any{q.Region, q.Bus, q.AllBuses, q.Rule, q.AllRules, q.From, q.To},
			ResultFunc: func(r *sqlite.Stmt) error {
				return each(store.Minute{
					Series: store.Series{Region: q.Region, Bus: r.ColumnText(0), Rule: r.ColumnText(1)},
					At:     r.ColumnInt64(2),
					Body:   columnBytes(r, 3),
				})
			}})
	})
	if err != nil {
		return fmt.Errorf("reading minutes: %w", err)
	}
	return nil
}

// Series calls each for every series that has minutes, with what was kept for
// it as a whole.
func (s *Store) Series(ctx context.Context, each func(s store.Series, latest []byte) error) error {
	err := s.read(ctx, func(conn *sqlite.Conn) error {
		return sqlitex.Execute(conn, "SELECT region, bus, rule, latest FROM series", &sqlitex.ExecOptions{
			ResultFunc: func(r *sqlite.Stmt) error {
				return each(store.Series{Region: r.ColumnText(0), Bus: r.ColumnText(1), Rule: r.ColumnText(2)}, columnBytes(r, 3))
			}})
	})
	if err != nil {
		return fmt.Errorf("reading what minutes there are: %w", err)
	}
	return nil
}

// ForgetMinutes removes the minutes before one, and series that have none then.
func (s *Store) ForgetMinutes(ctx context.Context, before int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := s.submit(&put{do: func(conn *sqlite.Conn) error {
		// Series by series, each a range of its own in the table.
		err := sqlitex.Execute(conn, "DELETE FROM minute WHERE (series, at, part) IN (SELECT m.series, m.at, m.part FROM series s CROSS JOIN minute m ON m.series = s.no WHERE m.at < ?)",
			&sqlitex.ExecOptions{Args: []any{before}})
		if err != nil {
			return err
		}
		return sqlitex.Execute(conn, "DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM minute WHERE minute.series = series.no)", nil)
	}})
	if err != nil {
		return fmt.Errorf("forgetting old minutes: %w", err)
	}
	return nil
}
