package sqlite

import (
	"context"
	"errors"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"bailey/internal/event"
	"bailey/internal/store"
)

// Migrations is how many versions of the schema there are.
func Migrations() []string { return migrations }

// OnWriter runs f in a transaction of the writer's: nothing else is written
// meanwhile.
func (s *Store) OnWriter(f func(*sqlite.Conn) error) error { return s.submit(&put{do: f}) }

// Waiting counts the calls that wait for the writer.
func (s *Store) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.puts)
}

// LimitLog makes the log begin anew when it is that long, and looks at it after
// each commit.
func (s *Store) LimitLog(bytes int64) error {
	return s.OnWriter(func(*sqlite.Conn) error {
		s.logLimit, s.logLook, s.logLookAt = bytes, 1, 0
		return nil
	})
}

// ForgetNamesAndFail forgets the names without an event since the moment in a
// transaction that then fails.
func (s *Store) ForgetNamesAndFail(oldest time.Time, err error) error {
	return s.OnWriter(func(conn *sqlite.Conn) error {
		_, ferr := s.names.forget(conn, event.KeyAt(oldest), sweepChunk)
		return errors.Join(ferr, err)
	})
}

// StartCopying has the log copied into the database.
func (s *Store) StartCopying() { s.copier.start() }

// What lists look at, at most.
const (
	SearchRows    = searchRows
	SearchLetters = searchLetters
)

// Plan returns how SQLite finds the rows of the log, a step a line.
func (s *Store) Plan(status *store.Status) (plan string, err error) {
	err = s.read(context.Background(), func(conn *sqlite.Conn) error {
		return sqlitex.ExecuteTransient(conn, "EXPLAIN QUERY PLAN "+rowsQuery(status), &sqlitex.ExecOptions{
			Args:       []any{1, 0},
			ResultFunc: func(r *sqlite.Stmt) error { plan += r.ColumnText(3) + "\n"; return nil }})
	})
	return plan, err
}

// Checked is closed when the database has been looked through.
func (s *Store) Checked() <-chan struct{} { return s.checked }

// BreakClose makes closing fail.
func (s *Store) BreakClose() {
	if s.folder != nil {
		_ = s.folder.Close()
	}
}
