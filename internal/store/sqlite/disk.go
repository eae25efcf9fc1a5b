package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"bailey/internal/store"
)

// What the disk has left goes to commits first. To copy the log into the database
// makes the database longer, and the log begins anew only when all of it has been
// copied: to copy a part where there is no room for the rest would use up what a
// commit could have had, and gain nothing. So nothing is copied unless there is
// room for all of it.

// startRoom is about what a start needs of the disk at most, beside the index of
// a log that is long.
const startRoom = 1 << 20

// startNeeds is how many bytes of the disk a start needs, about: SQLite keeps an
// index of the log in a file, 32 KiB for each 16 MiB.
func startNeeds(path string) int64 {
	needs := int64(startRoom)
	if log, err := os.Stat(path + "-wal"); err == nil {
		needs += (log.Size()>>24 + 1) << 15
	}
	return needs
}

// noRoom makes a [*store.FullError] of an error of a start for which the disk has no
// room, which says how much is needed. Any other error stays as it is.
func noRoom(dir string, err error) error {
	if err == nil {
		return nil
	}
	free, known := diskFree(dir)
	needs := startNeeds(filepath.Join(dir, databaseName))
	full, isFull := errors.AsType[*store.FullError](err)
	switch code := sqlite.ErrCode(err).ToPrimary(); {
	case isFull:
		err = full.Cause
	case code == sqlite.ResultFull:
	case (code == sqlite.ResultIOErr || code == sqlite.ResultCantOpen) && known && free < needs:
		// SQLite says no more where the index of the log could not be made.
	default:
		return err
	}
	if !known {
		return &store.FullError{Cause: fmt.Errorf("a start needs about %d KiB on the disk of %s: %w", needs>>10, dir, err)}
	}
	return &store.FullError{Cause: fmt.Errorf("a start needs about %d KiB on the disk of %s, which has %d KiB left: %w", needs>>10, dir, free>>10, err)}
}

// growth is by how many bytes the database is longer when all of the log has
// been copied into it.
func growth(conn *sqlite.Conn, path string) (int64, error) {
	var v [2]int64
	for i, pragma := range []string{"PRAGMA page_count", "PRAGMA page_size"} {
		var err error
		if v[i], err = sqlitex.ResultInt64(conn.Prep(pragma)); err != nil {
			return 0, fmt.Errorf("measuring the store: %w", err)
		}
	}
	now, err := os.Stat(path)
	if err != nil {
		return 0, fmt.Errorf("measuring the store: %w", err)
	}
	return max(v[0]*v[1]-now.Size(), 0), nil
}

// errNoRoomToCopy says why the log is not copied. Nothing is lost by that.
var errNoRoomToCopy = errors.New("the disk has not as much room as the database would grow by")

// mayCopy returns an error if the log is not to be copied now.
func mayCopy(conn *sqlite.Conn, path string) error {
	longer, err := growth(conn, path)
	if err != nil || longer == 0 {
		return nil //nolint:nilerr // what keeps it from being measured is found by copying
	}
	if free, known := diskFree(filepath.Dir(path)); known && free < longer {
		return fmt.Errorf("%w: %d KiB, and it has %d KiB", errNoRoomToCopy, longer>>10, free>>10)
	}
	return nil
}
