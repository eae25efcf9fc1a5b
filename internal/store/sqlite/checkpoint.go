package sqlite

import (
	"errors"
	"fmt"
	"sync/atomic"

	"zombiezen.com/go/sqlite"

	"bailey/internal/crashpoint"
)

// What is committed is in the log; sooner or later it is copied to its place in
// the database, so that the log can begin anew. SQLite would do that within the
// commit that makes the log too long: everybody who waits for that commit would
// wait for 16 MiB to be copied and synced. So a copier does it beside the
// commits, on a connection of its own. It never quite catches up with a writer
// that is busy, and the log begins anew only when all of it has been copied:
// the last little bit is the writer's, between two commits.
const (
	// copyAt is how many pages of 4 KiB wait in the log when they are copied,
	// and copyLook how many commits go by between two looks.
	copyAt   = 4000
	copyLook = 8
	// copyRounds is how often the copier goes on from where it came to, until
	// no more than littleBit pages are left to the writer.
	copyRounds = 4
	littleBit  = 500
)

// A copier copies from the log into the database when it is told to.
type copier struct {
	conn   *sqlite.Conn  // its goroutine's
	path   string        // of the database
	wake   chan struct{} // one token: there is something to copy
	nearly atomic.Bool   // all but a little bit has been copied
	ready  func()        // called when nearly becomes true
	failed func(error)   // called when it could not copy
	broken func() bool   // nothing may be copied any more
	done   chan struct{} // closed when its goroutine has ended
}

func newCopier(path string, ready func(), failed func(error), broken func() bool) (*copier, error) {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenWAL)
	if err != nil {
		return nil, fmt.Errorf("opening the store: %w", err)
	}
	if err := prepare(conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	c := &copier{conn: conn, path: path, wake: make(chan struct{}, 1), ready: ready, failed: failed, broken: broken, done: make(chan struct{})}
	go c.run()
	return c, nil
}

// start has the copier copy what is in the log. It does not wait for it.
func (c *copier) start() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// end waits for the copier to end, and leaves its connection open. Nobody may call
// start any more.
func (c *copier) end() {
	close(c.wake)
	<-c.done
}

func (c *copier) run() {
	defer close(c.done)
	for range c.wake {
		if err := c.copy(); err != nil {
			c.failed(err)
		}
	}
}

func (c *copier) copy() error {
	for range copyRounds {
		if c.broken() {
			return nil
		}
		if err := mayCopy(c.conn, c.path); err != nil {
			return err
		}
		if _, err := checkpoint(c.conn, "PASSIVE"); err != nil {
			return err
		}
		left, err := checkpoint(c.conn, "NOOP")
		if err != nil {
			return err
		}
		if left <= littleBit {
			c.nearly.Store(true)
			c.ready()
			return nil
		}
	}
	return nil // readers are in the way; see boundLog
}

// copyLog has the log copied when it is time. The writer calls it between two
// transactions.
func (s *Store) copyLog() {
	if s.copier.nearly.CompareAndSwap(true, false) {
		if err := mayCopy(s.writer, s.path); err != nil {
			s.copyFailed(err)
			return
		}
		if _, err := checkpoint(s.writer, "PASSIVE"); err != nil {
			s.copyFailed(err)
		}
		return
	}
	if s.commits.Load() < s.copyLookAt {
		return
	}
	s.copyLookAt = s.commits.Load() + copyLook
	left, err := checkpoint(s.writer, "NOOP")
	if err != nil {
		s.log.Debug("the length of the log is not known", "error", err)
		return
	}
	if left >= copyAt {
		s.copier.start()
	}
}

// checkpoint copies from the log by one of SQLite's ways of doing that, and
// returns how many pages are still to be copied. NOOP copies none.
func checkpoint(conn *sqlite.Conn, mode string) (left int64, err error) {
	stmt, err := conn.Prepare("PRAGMA wal_checkpoint(" + mode + ")")
	if err != nil {
		return 0, err
	}
	defer stmt.Reset()
	if _, err := stmt.Step(); err != nil {
		return 0, err
	}
	if mode != "NOOP" {
		crashpoint.Reach("copied")
	}
	return stmt.ColumnInt64(1) - stmt.ColumnInt64(2), nil
}
