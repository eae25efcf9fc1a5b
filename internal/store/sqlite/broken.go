package sqlite

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"zombiezen.com/go/sqlite"
)

// A store that cannot keep what it is given breaks off: it takes nothing more,
// and leaves its files as they are to the process that opens them next. There
// are two reasons. Its files are not where they were opened, see place. Or the
// disk failed to sync what was copied from the log.
//
// When the disk fails to sync, the kernel says so once. It may keep in memory
// what is not on the disk, take that for written, and drop it at any time;
// syncing again succeeds and means nothing. Two things follow.
//
// What was copied from the log into the database, and could not be synced
// there, is not copied again: the log would begin anew, and it would be gone.
// So the store breaks off: the log stays as it is, and the next process copies
// all of it. A commit whose sync fails is another matter, since SQLite takes it
// back and its next commit writes over it.
//
// And what the next process finds in the log may be in memory only. Whatever it
// commits follows that in the log, and would be lost with it. So it writes the
// log once more before anything rests on it.

// ErrBroken is returned once the store has broken off: nothing more is taken
// until another process opens it. The error that wraps it says why.
var ErrBroken = errors.New("nothing more is taken until the program is started anew")

// copyFailed is told why the log could not be copied, or not be begun anew.
func (s *Store) copyFailed(err error) {
	if sqlite.ErrCode(err) == sqlite.ResultIOErrFsync {
		s.breakOff(fmt.Errorf("the disk failed to sync: %w", err))
		return
	}
	// Nothing is lost: it is in the log, and copied another time.
	s.log.Debug("the log could not be copied into the database", "error", err)
}

// breakOff ends all writing and copying.
func (s *Store) breakOff(cause error) {
	err := fmt.Errorf("%w: %w", ErrBroken, cause)
	if s.broken.CompareAndSwap(nil, &err) {
		s.log.Error("the store breaks off: nothing more is taken until the program is started anew", "error", cause)
		close(s.brokenOff)
		s.mu.Lock() // nobody is between looking for room and waiting for it
		s.room.Broadcast()
		s.mu.Unlock()
	}
}

// Broken returns an error that is an [ErrBroken] if the store takes nothing
// more, else nil.
func (s *Store) Broken() error {
	if err := s.broken.Load(); err != nil {
		return *err
	}
	return nil
}

func (s *Store) isBroken() bool { return s.broken.Load() != nil }

// BrokenOff is closed when the store is broken.
func (s *Store) BrokenOff() <-chan struct{} { return s.brokenOff }

// rewriteLog writes what an earlier process left in the log of the database at
// path once more, as it is, and syncs it.
func rewriteLog(path string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing the store's log once more: %w", err)
		}
	}()
	// SQLite has the log beside the database, also where the path is a link.
	path, err = filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	log, err := os.OpenFile(path+"-wal", os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	b := make([]byte, 1<<20)
	for at := int64(0); ; {
		n, err := log.ReadAt(b, at)
		if n == 0 && errors.Is(err, io.EOF) {
			return log.Sync()
		}
		if n == 0 {
			return err
		}
		if _, err := log.WriteAt(b[:n], at); err != nil {
			return err
		}
		at += int64(n)
	}
}
