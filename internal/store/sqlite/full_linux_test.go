package sqlite_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	zombiezen "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"bailey/internal/event"
	"bailey/internal/store"
	"bailey/internal/store/sqlite"
)

// smallDisk is a folder on a disk of its own.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("a disk of one's own cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// ballast fills the disk of the folder but for so many bytes.
func ballast(t *testing.T, dir string, but int64) string {
	t.Helper()
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "ballast")
	size := int64(disk.Bfree)*disk.Bsize - but
	if info, err := os.Stat(path); err == nil {
		size += info.Size()
	}
	if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// fillUp puts events until the disk has no room for one more.
func fillUp(t *testing.T, s *sqlite.Store) (taken int) {
	t.Helper()
	for ; taken < 1000; taken++ {
		err := s.Put(t.Context(), []*store.Record{large(fmt.Sprint("rule ", taken))})
		if _, full := errors.AsType[*store.FullError](err); full {
			return taken
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the disk does not become full")
	return 0
}

// crashOnto copies the files of an open store to another disk: what a process
// that is killed leaves.
func crashOnto(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Mkdir(to, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bailey.db", "bailey.db-wal", "bailey.lock"} {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A start on a disk without room says how much it needs. With that much it
// starts, however long the log is that was never copied into the database, and
// what is left of the room is for events.
func TestStartOnAFullDisk(t *testing.T) {
	first := filepath.Join(t.TempDir(), "data")
	ids = new(event.IDs)
	s := openQuiet(t, first)
	release := holdLog(t, first) // nothing is copied
	for i := range 120 {
		put(t, s, large(fmt.Sprint("rule ", i)))
	}
	disk := smallDisk(t, "20m")
	dir := filepath.Join(disk, "data")
	crashOnto(t, first, dir)
	release()
	log, err := os.Stat(filepath.Join(dir, "bailey.db-wal"))
	if err != nil || log.Size() < 12<<20 {
		t.Fatalf("the log is %v, %v, want 12 MiB that were never copied", log, err)
	}

	for _, left := range []int64{0, 4 << 10, 16 << 10} {
		ballast(t, disk, left)
		_, err := sqlite.Open(sqlite.Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
		if err == nil {
			t.Fatalf("%d bytes are enough: the test is of nothing", left)
		}
		if _, full := errors.AsType[*store.FullError](err); !full || !strings.Contains(err.Error(), "a start needs about 1056 KiB on the disk") {
			t.Errorf("with %d bytes left: got %v, want a FullError that says how much it takes", left, err)
		}
	}

	ballast(t, disk, 1056<<10+4096)
	s = openQuiet(t, dir)
	backlog, err := s.Recover(t.Context(), func(store.Route, []byte) store.Endpoint { return petsStage })
	if err != nil || len(backlog) != 120 {
		t.Fatalf("got %d routes with something waiting, %v, want 120", len(backlog), err)
	}
	if taken := fillUp(t, s); taken == 0 {
		t.Error("there was room, and no event was taken: something else used it up")
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing on a full disk: %v", err)
	}
}

// holdLog keeps the log from being copied until it is called.
func holdLog(t *testing.T, dir string) (release func()) {
	t.Helper()
	conn, err := zombiezen.OpenConn(filepath.Join(dir, "bailey.db"), zombiezen.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{"BEGIN", "SELECT count(*) FROM event"} {
		if err := sqlitex.ExecuteTransient(conn, query, nil); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
