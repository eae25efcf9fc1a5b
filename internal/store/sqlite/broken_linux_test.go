package sqlite_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"bailey/internal/event"
	"bailey/internal/store"
	"bailey/internal/store/sqlite"
)

// loseLog puts a file that cannot be synced in the place of the log in all hands that have it open.
func loseLog(t *testing.T, dir string) {
	t.Helper()
	const fds = "/proc/self/fd"
	all, err := os.ReadDir(fds)
	if err != nil {
		t.Skip(err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	replaced := 0
	for _, f := range all {
		if path, err := os.Readlink(filepath.Join(fds, f.Name())); err != nil || path != filepath.Join(dir, "bailey.db-wal") {
			continue
		}
		fd, err := strconv.Atoi(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Dup3(int(null.Fd()), fd, 0); err != nil {
			t.Fatal(err)
		}
		replaced++
	}
	if replaced == 0 {
		t.Fatal("nobody has the log open")
	}
}

// The disk fails to sync where the log is copied. What was copied earlier, and not synced then, may be gone, and nobody would copy
// it again: the store takes nothing more, and neither copies nor removes the log. Another process finds everything there.
func TestCopyingTheLogFailsToSync(t *testing.T) {
	dir := t.TempDir()
	ids = new(event.IDs)
	s := openQuiet(t, dir)
	first := record(noon, store.Fresh{Route: petsRoute, Endpoint: petsStage})
	put(t, s, first)
	loseLog(t, dir)

	s.StartCopying()
	<-s.BrokenOff()
	for range 3 {
		if err := s.Put(t.Context(), []*store.Record{record(noon)}); !errors.Is(err, sqlite.ErrBroken) {
			t.Errorf("got %v, want ErrBroken", err)
		}
	}
	if err := s.Failing(); !errors.Is(err, sqlite.ErrBroken) {
		t.Errorf("the store says of itself %v, want ErrBroken", err)
	}
	for range 20_000 { // more than wait for room at other times
		s.Settle(store.Outcome{Event: first.Event.ID.Key(), Route: petsRoute, Endpoint: petsStage, Status: store.Delivered, Attempts: 1, At: noon,
			Durable: func(*store.Outcome) { t.Error("an outcome is said to be durable") }})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	if _, err := sqlite.Open(sqlite.Config{Dir: dir}); err == nil {
		t.Error("the same process can open it again, and rest on what it has in memory")
	}
	next := t.TempDir()
	if err := picture(next, dir); err != nil {
		t.Fatal(err)
	}
	if left := unfinished(t, next); left[store.Ref{Event: first.Event.ID.Key()}] != 1 {
		t.Errorf("another process finds %v, want the event that was acknowledged", left)
	}
}

// After a sync that failed the kernel may have in memory what is not on the disk, and take it for written: that is what the next
// process reads. What is acknowledged from then on follows it in the log, so the log is written once more before, as it is.
func TestLogIsWrittenOnceMore(t *testing.T) {
	dir, next := t.TempDir(), t.TempDir()
	ids = new(event.IDs)
	s := openQuiet(t, dir)
	var records []*store.Record
	for range 20 {
		records = append(records, large("pets"))
		put(t, s, records[len(records)-1])
	}
	if err := picture(next, dir); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(next, "bailey.db-wal")
	want, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if len(want) < 2<<20 {
		t.Fatalf("the log has %d bytes", len(want))
	}
	if err := os.Chtimes(log, noon, noon); err != nil {
		t.Fatal(err)
	}
	s = openQuiet(t, next)
	if info, err := os.Stat(log); err != nil || info.ModTime().Equal(noon) {
		t.Errorf("the log was not written: %v", err)
	}
	if got, err := os.ReadFile(log); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the log was changed: %d bytes, want %d, %v", len(got), len(want), err)
	}
	put(t, s, record(noon))
	for _, r := range records {
		if _, err := s.Event(t.Context(), r.Event.ID); err != nil {
			t.Errorf("an event that was acknowledged: %v", err)
		}
	}
}
