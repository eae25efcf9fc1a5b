package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// A database that was removed, or moved elsewhere, while it is open goes on
// taking what is written to it: into files that nobody will find. So the store
// looks, after each commit and before anybody is told of it, and now and then
// where there are none, whether its files are still where they were opened.

// lookEvery is how often the store looks for its files while nothing is written.
const lookEvery = 500 * time.Millisecond

// place is the files of an open store, as they were when it was opened.
type place struct {
	files map[string]fs.FileInfo // by path
}

// newPlace notes which files are at the paths now.
func newPlace(paths ...string) (place, error) {
	p := place{map[string]fs.FileInfo{}}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return place{}, fmt.Errorf("looking for the store's files: %w", err)
		}
		p.files[path] = info
	}
	return p, nil
}

// look says which of the files is not where it was, if one is not.
func (p place) look() error {
	for path, opened := range p.files {
		now, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("%s was removed or moved while it was open", path)
		case err != nil:
			return fmt.Errorf("%s cannot be found any more: %w", path, err)
		case !os.SameFile(opened, now):
			return fmt.Errorf("another file was put in the place of %s while it was open", path)
		}
	}
	return nil
}

// look breaks the store off if its files are not where they were.
func (s *Store) look() error {
	if err := s.place.look(); err != nil {
		s.breakOff(err)
	}
	return s.Broken()
}

// watch looks for the store's files until the writer ends.
func (s *Store) watch() {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-s.brokenOff:
			return
		case <-tick.C:
			_ = s.look() // who is interested is told by breakOff
		}
	}
}

// makePrivate makes the data folder and its files, so that they can be read and
// written by their owner only: they hold events, and the keys of APIs. Files of
// an earlier version, which others could read, are closed to them. It returns
// whether others may write to the folder itself, which is the user's to mend.
func makePrivate(dir string, files ...string) (shared bool, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, fmt.Errorf("making the data folder: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return false, fmt.Errorf("looking at the data folder: %w", err)
	}
	for _, name := range files {
		path := filepath.Join(dir, name)
		// SQLite gives its log the mode of the database.
		f, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE, 0o600)
		if err != nil {
			continue // opening it as a database fails as well, and says what to do
		}
		now, err := f.Stat()
		if err == nil && now.Mode().Perm()&0o077 != 0 {
			err = f.Chmod(0o600)
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return false, fmt.Errorf("making the store's files private: %w", err)
		}
	}
	return info.Mode().Perm()&0o022 != 0, nil
}
