package sqlite

import (
	"context"
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"bailey/internal/event"
)

// kindClock is the kind of the one document that says where a virtual clock
// stands.
const kindClock = "clock"

// writeClock keeps the virtual clock's time in the transaction of what happens
// at that time: after a crash the clock is never before something that is in
// the store. It returns the time, which is kept once the transaction is
// committed.
func (s *Store) writeClock() (time.Time, error) {
	if s.clock == nil {
		return time.Time{}, nil
	}
	now := s.clock()
	if now.Equal(s.stood) {
		return now, nil
	}
	stmt, err := s.writer.Prepare("INSERT OR REPLACE INTO document (kind, key, body) VALUES (?, '', ?)")
	if err != nil {
		return now, err
	}
	stmt.BindText(1, kindClock)
	stmt.BindBytes(2, []byte(now.Format(time.RFC3339Nano)))
	return now, run(stmt)
}

// KeepClock keeps where the virtual clock stands although nothing else has
// happened.
func (s *Store) KeepClock() error {
	if s.clock == nil {
		return nil
	}
	if err := s.submit(&put{do: func(*sqlite.Conn) error { return nil }}); err != nil {
		return fmt.Errorf("keeping the clock's time: %w", err)
	}
	return nil
}

// Stood returns where the virtual clock stood that the store was last open
// with. Where there never was one, virtual is false, and the time is that of
// the newest event, or zero.
func (s *Store) Stood(ctx context.Context) (at time.Time, virtual bool, err error) {
	err = s.read(ctx, func(conn *sqlite.Conn) error {
		return sqlitex.Execute(conn, "SELECT body FROM document WHERE kind = ?", &sqlitex.ExecOptions{
			Args: []any{kindClock},
			ResultFunc: func(row *sqlite.Stmt) error {
				virtual = true
				at, err = time.Parse(time.RFC3339Nano, string(columnBytes(row, 0)))
				return err
			}})
	})
	if err != nil {
		return time.Time{}, false, fmt.Errorf("reading where the clock stood: %w", err)
	}
	if !virtual && s.NewestKey() > 0 {
		at = event.KeyTime(s.NewestKey())
	}
	return at, virtual, nil
}
