package sqlite

import (
	"context"
	"os"
	"sync"
	"time"

	"zombiezen.com/go/sqlite/sqlitex"
)

// The write-ahead log begins anew when all of it is in the database and nobody
// reads from it. SQLite sees to that by itself, but only at a moment at which
// nobody reads, and where readers follow one another without a gap there is
// none: the log would grow until the disk is full. So when it has outgrown
// logLimit, readers that come wait until those that are there have gone, and
// the writer begins the log anew. The writer itself waits for nobody.
const (
	logLimit = 96 << 20 // more than journal_size_limit, to which SQLite cuts it back by itself
	// logLook is how many commits go by between two looks at the log's size.
	logLook = 64
	// longestStop is how long a reader is kept waiting at most: one that was
	// there may be slow, or may itself wait for the one who comes.
	longestStop = time.Second
)

// gate counts the readers, and stops those that come.
type gate struct {
	mu      sync.Mutex
	reading int
	stopped chan struct{} // closed when readers may go on; nil while they may
}

// enter lets a reader in, after a stop if need be.
func (g *gate) enter(ctx context.Context) error {
	g.mu.Lock()
	stopped := g.stopped
	if stopped == nil {
		g.reading++
		g.mu.Unlock()
		return nil
	}
	g.mu.Unlock()
	longest := time.NewTimer(longestStop)
	defer longest.Stop()
	select {
	case <-stopped:
	case <-longest.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	g.mu.Lock()
	g.reading++
	g.mu.Unlock()
	return nil
}

// leave lets a reader out. It reports whether somebody waits for there to be
// none.
func (g *gate) leave() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.reading--
	return g.reading == 0 && g.stopped != nil
}

// stop stops those who come, and reports whether nobody is there.
func (g *gate) stop() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped == nil {
		g.stopped = make(chan struct{})
	}
	return g.reading == 0
}

// open lets everybody go on.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped != nil {
		close(g.stopped)
		g.stopped = nil
	}
}

// boundLog begins the log anew if it has grown too long and nobody reads. The
// writer calls it between two transactions.
func (s *Store) boundLog() {
	if !s.logStopped {
		if s.commits.Load() < s.logLookAt {
			return
		}
		s.logLookAt = s.commits.Load() + s.logLook
		log, err := os.Stat(s.path + "-wal")
		if err != nil || log.Size() <= s.logLimit {
			return // what cannot be looked at now is looked at later
		}
		if err := mayCopy(s.writer, s.path); err != nil {
			s.copyFailed(err)
			return
		}
		s.logStopped = true
	}
	if !s.gate.stop() {
		return // the last reader wakes the writer
	}
	defer s.gate.open()
	s.logStopped = false
	// Somebody else's program may read as well: it is not waited for. Its
	// readers, and any error, only put this off.
	for _, pragma := range []string{"PRAGMA busy_timeout = 0", "PRAGMA wal_checkpoint(TRUNCATE)", busyTimeout} {
		if err := sqlitex.ExecuteTransient(s.writer, pragma, nil); err != nil {
			s.copyFailed(err)
		}
	}
}
