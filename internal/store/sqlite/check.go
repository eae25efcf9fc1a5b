package sqlite

import (
	"errors"
	"fmt"
	"os"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// A start has the database looked through for damage, beside everything else: a
// disk that returns what was never written to it is found before somebody misses
// an event. It is done table by table, on a connection of its own, and given up
// for a while when the log grows meanwhile: as long as somebody reads it cannot
// begin anew.
const (
	checkLook  = 500 * time.Millisecond // between two looks at the log
	checkPause = 10 * time.Minute       // before what was given up is begun anew
	checkTimes = 6                      // how often it is begun at most
)

var errCheckInterrupted = errors.New("looking through the database was interrupted")

// Damaged says what is wrong with the database, nil if nothing was found so far.
func (s *Store) Damaged() error {
	if err := s.damaged.Load(); err != nil {
		return *err
	}
	return nil
}

// check looks through the database, until the writer ends.
func (s *Store) check() {
	defer close(s.checked)
	for range checkTimes {
		err := s.checkOnce()
		switch {
		case err == nil:
			return
		case errors.Is(err, errCheckInterrupted):
		default:
			s.damaged.Store(&err)
			s.log.Error("the database is damaged: see docs/operations.md", "error", err)
			return
		}
		again := time.NewTimer(checkPause)
		select {
		case <-s.done:
			again.Stop()
			return
		case <-again.C:
		}
	}
	s.log.Warn("the database could not be looked through for damage: too much is written to it")
}

func (s *Store) checkOnce() error {
	conn, err := sqlite.OpenConn(s.path, sqlite.OpenReadWrite|sqlite.OpenWAL)
	if err != nil {
		return fmt.Errorf("%w: %w", errCheckInterrupted, err)
	}
	defer conn.Close() //nolint:errcheck // it has only read
	stop, over := make(chan struct{}), make(chan struct{})
	defer close(over)
	go func() {
		tick := time.NewTicker(checkLook)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-s.done:
				close(stop)
				return
			case <-tick.C:
				if log, err := os.Stat(s.path + "-wal"); err == nil && log.Size() > logLimit/2 {
					close(stop)
					return
				}
			}
		}
	}()
	conn.SetInterrupt(stop)
	var tables []string
	err = sqlitex.ExecuteTransient(conn, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name", &sqlitex.ExecOptions{
		ResultFunc: func(r *sqlite.Stmt) error { tables = append(tables, r.ColumnText(0)); return nil }})
	for _, table := range tables {
		if err != nil {
			break
		}
		err = sqlitex.ExecuteTransient(conn, fmt.Sprintf("PRAGMA quick_check(%q)", table), &sqlitex.ExecOptions{
			ResultFunc: func(r *sqlite.Stmt) error {
				if text := r.ColumnText(0); text != "ok" {
					return fmt.Errorf("table %s: %.500s", table, text)
				}
				return nil
			}})
	}
	select {
	case <-stop:
		return errCheckInterrupted
	default:
	}
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultBusy, sqlite.ResultLocked, sqlite.ResultInterrupt, sqlite.ResultIOErr, sqlite.ResultFull, sqlite.ResultNoMem:
		return fmt.Errorf("%w: %w", errCheckInterrupted, err)
	}
	return err
}
