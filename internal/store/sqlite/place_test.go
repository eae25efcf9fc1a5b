package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"bailey/internal/event"
	"bailey/internal/store"
	"bailey/internal/store/sqlite"
)

// A store whose files are no longer where they were acknowledges nothing, and says so although nobody writes.
func TestFilesThatAreMovedAway(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("open files cannot be moved there")
	}
	for _, tt := range []struct {
		name string
		move func(dir string) error
	}{
		{"the folder is moved", func(dir string) error { return os.Rename(dir, dir+".moved") }},
		{"the folder is removed", os.RemoveAll},
		{"the database is removed", func(dir string) error { return os.Remove(filepath.Join(dir, "bailey.db")) }},
		{"the log is removed", func(dir string) error { return os.Remove(filepath.Join(dir, "bailey.db-wal")) }},
		{"another database is in its place", func(dir string) error {
			path := filepath.Join(dir, "bailey.db")
			content, err := os.ReadFile(path)
			return errors.Join(err, os.WriteFile(path+".new", content, 0o600), os.Rename(path+".new", path))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			ids = new(event.IDs)
			s := openQuiet(t, dir)
			put(t, s, record(noon))
			if err := tt.move(dir); err != nil {
				t.Fatal(err)
			}
			if err := s.Put(t.Context(), []*store.Record{record(noon)}); !errors.Is(err, sqlite.ErrBroken) || !strings.Contains(err.Error(), "bailey.db") {
				t.Errorf("got %v, want an event refused and the file named", err)
			}
		})
		t.Run(tt.name+" while nothing is written", func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			s := openQuiet(t, dir)
			if err := tt.move(dir); err != nil {
				t.Fatal(err)
			}
			select {
			case <-s.BrokenOff():
			case <-time.After(time.Minute):
				t.Error("the store had not noticed it after a minute")
			}
		})
	}
}

// Removing the lock's file lets nobody else in.
func TestSecondProcessIsRefusedWithoutTheLocksFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("open files cannot be removed there")
	}
	dir := t.TempDir()
	open(t, dir)
	if err := os.Remove(filepath.Join(dir, "bailey.lock")); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(sqlite.Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("got %v, want a refusal that says the folder is in use", err)
	}
}

// What the store makes is its owner's alone, and so is what an earlier version made.
func TestFilesArePrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("it has no such modes")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the mode is what is tested
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		files, err := os.ReadDir(dir)
		if err != nil || len(files) < 3 {
			t.Fatalf("got %v, %v; want the database, its log and the lock", files, err)
		}
		for _, f := range files {
			if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: got %v, %v; want the mode 0600", f.Name(), info.Mode(), err)
			}
		}
	}
	s := open(t, dir)
	check()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bailey.db", "bailey.lock"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o644); err != nil { //nolint:gosec // as an earlier version left it
			t.Fatal(err)
		}
	}
	open(t, dir)
	check()
}
