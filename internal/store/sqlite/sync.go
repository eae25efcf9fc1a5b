package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"bailey/internal/crashpoint"
	"bailey/internal/store"
)

// A transaction is written to the log, and then the log is synced: only that
// makes it durable, and only then is anybody told. SQLite can do both within
// COMMIT, but the writer would do nothing while the disk works. So it hands what
// it has written to a goroutine that syncs, and goes on with the next
// transaction. One at a time is synced, and one waits: a writer that is two
// ahead waits as well, and takes the more in its next transaction.
//
// What is synced later is later in the log, so after a crash of the machine
// the store is at some transaction at or after the last that was told of.

// ErrBroken is returned once the disk has failed to sync. Which of what was
// written is on it nobody can say then, and the kernel may have dropped it:
// syncing again would succeed and mean nothing. Opening the store anew reads
// the log from the disk, and checks it.
var ErrBroken = errors.New("the disk failed to sync, and the store must be opened anew")

// written is a transaction that is in the log.
type written struct {
	puts     []*put
	outcomes []store.Outcome
}

// openLog opens the write-ahead log of the database at path, for syncing.
func openLog(path string) (*os.File, error) {
	// SQLite puts it beside the database, also where the path is a link.
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, fmt.Errorf("opening the store's log: %w", err)
	}
	f, err := os.OpenFile(path+"-wal", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("opening the store's log: %w", err)
	}
	return f, nil
}

// syncWritten syncs what the writer has written and tells those who wait for
// it, until the writer has ended.
func (s *Store) syncWritten() {
	defer close(s.done)
	for w := range s.written {
		if s.Broken() == nil {
			// This line is what makes an acknowledged event durable.
			if err := s.syncLog(); err != nil {
				s.breakOff(err)
			}
		}
		crashpoint.Reach("synced")
		s.tell(w, s.Broken())
	}
}

// tell answers those who wait for a transaction. It is called when that is
// durable, or with the reason why nobody can say so.
func (s *Store) tell(w written, err error) {
	for _, p := range w.puts {
		p.done <- err
	}
	crashpoint.Reach("answered")
	if err == nil {
		for i := range w.outcomes {
			if o := &w.outcomes[i]; o.Durable != nil {
				o.Durable(o)
			}
		}
	}
	s.mu.Lock()
	s.untold--
	s.settling -= len(w.outcomes)
	s.mu.Unlock()
	s.room.Broadcast()
	s.rested()
}

// breakOff ends all writing.
func (s *Store) breakOff(cause error) {
	err := fmt.Errorf("%w: %w", ErrBroken, cause)
	s.log.Error("the disk failed to sync: nothing more is taken until the store is opened anew", "error", cause)
	s.broken.Store(&err)
	close(s.brokenOff)
}

// Broken returns an error that is an [ErrBroken] if the store takes nothing
// more until it is opened anew, else nil.
func (s *Store) Broken() error {
	if err := s.broken.Load(); err != nil {
		return *err
	}
	return nil
}

// BrokenOff is closed when the store is broken.
func (s *Store) BrokenOff() <-chan struct{} { return s.brokenOff }
