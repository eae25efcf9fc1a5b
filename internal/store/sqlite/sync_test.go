package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"bailey/internal/event"
	"bailey/internal/store"
	"bailey/internal/store/sqlite"
)

// X9: the power goes, and of the log is left what had been synced, and perhaps more. Everything that had been acknowledged
// is there, and what was said to be settled is not made again. Nothing else in these tests would notice an answer that comes
// before the sync: the kernel keeps what a killed process wrote.
func TestAcknowledgedIsSynced(t *testing.T) {
	dir := t.TempDir()
	ids = new(event.IDs)
	s := openQuiet(t, dir)
	var mu sync.Mutex
	acknowledged, settled := map[store.Ref]bool{}, map[store.Ref]bool{}
	type loss struct {
		image          string
		acknowledged   []store.Ref // by the time the image was all that was sure to be on the disk
		settled, later map[store.Ref]bool
	}
	var losses []loss
	synced, syncs := "", 0
	s.OnSync(func(sync func() error) error {
		image := t.TempDir()
		if err := picture(image, dir); err != nil {
			t.Error(err)
		}
		err := sync()
		// Whatever was told before this sync is over must be in what the one before it made durable.
		if syncs++; syncs%3 == 0 && synced != "" && len(losses) < 20 {
			l := loss{image: synced, settled: map[store.Ref]bool{}}
			mu.Lock()
			for ref := range acknowledged {
				l.acknowledged = append(l.acknowledged, ref)
			}
			for ref := range settled {
				l.settled[ref] = true
			}
			mu.Unlock()
			losses = append(losses, l)
		}
		synced = image
		return err
	})

	var load sync.WaitGroup
	outcomes := map[store.Ref]bool{} // that were handed over
	for range 4 {
		load.Go(func() {
			for i := range 60 {
				r := record(noon.Add(time.Duration(i)*time.Millisecond), store.Fresh{Route: petsRoute, Endpoint: petsStage})
				if err := s.Put(t.Context(), []*store.Record{r}); err != nil {
					t.Error(err)
					return
				}
				ref := store.Ref{Event: r.Event.ID.Key()}
				mu.Lock()
				acknowledged[ref] = true
				outcomes[ref] = i%2 == 0
				mu.Unlock()
				if i%2 == 0 {
					s.Settle(store.Outcome{Event: ref.Event, Route: petsRoute, Endpoint: petsStage, Ticket: r.Ticket, Status: store.Delivered, Attempts: 1, At: noon, Durable: func(*store.Outcome) {
						mu.Lock()
						defer mu.Unlock()
						settled[ref] = true
					}})
				}
			}
		})
	}
	load.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if len(losses) < 10 {
		t.Fatalf("the power went %d times, want 10", len(losses))
	}
	for i, l := range losses {
		left := unfinished(t, l.image)
		for _, ref := range l.acknowledged {
			if left[ref] != 1 && !outcomes[ref] {
				t.Errorf("loss %d: %v was acknowledged and is to be delivered %d times", i, ref, left[ref])
			}
			if l.settled[ref] && left[ref] != 0 {
				t.Errorf("loss %d: %v was settled and is to be delivered again", i, ref)
			}
		}
	}
}

// What is synced is the log that SQLite writes, wherever it is and after it began anew.
func TestSyncsTheLog(t *testing.T) {
	dir, linked := t.TempDir(), t.TempDir()
	put(t, open(t, dir), record(noon))
	if err := os.Symlink(filepath.Join(dir, "bailey.db"), filepath.Join(linked, "bailey.db")); err != nil {
		t.Skip(err)
	}
	s := openQuiet(t, linked)
	same := func(when string) {
		t.Helper()
		put(t, s, record(noon))
		want, err := os.Stat(filepath.Join(dir, "bailey.db-wal"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.LogFile().Stat(); err != nil || !os.SameFile(got, want) {
			t.Errorf("%s another file is synced than %s: %v", when, want.Name(), err)
		}
	}
	same("at first")
	if err := s.LimitLog(1); err != nil {
		t.Fatal(err)
	}
	same("once the log is to begin anew")
	same("after that")

	// Without the file there is no sync, and nobody is told that there was.
	if err := s.LogFile().Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), []*store.Record{record(noon)}); !errors.Is(err, sqlite.ErrBroken) {
		t.Errorf("got %v without a sync, want ErrBroken", err)
	}
}

// A store on a virtual clock does not sync.
func TestVirtualClockDoesNotSync(t *testing.T) {
	s, err := sqlite.Open(sqlite.Config{Dir: t.TempDir(), Clock: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.LogFile().Close(); err != nil {
		t.Fatal(err)
	}
	put(t, s, record(noon))
}

// The disk fails to sync: whoever waits is told, whoever comes is refused, nothing is said to be settled, even where syncing
// again would succeed. Opened anew, the store has everything that was acknowledged, and goes on.
func TestSyncFails(t *testing.T) {
	dir := t.TempDir()
	ids = new(event.IDs)
	s := openQuiet(t, dir)
	defect := errors.New("input/output error")
	fail := false // the goroutine that syncs reads it after what was written, which is after it is set
	s.OnSync(func(sync func() error) error {
		if fail {
			fail = false
			return defect
		}
		return sync()
	})
	first, other := record(noon, store.Fresh{Route: petsRoute, Endpoint: petsStage}), record(noon, store.Fresh{Route: petsRoute, Endpoint: petsStage})
	put(t, s, first, other)
	fail = true
	lost := record(noon, store.Fresh{Route: petsRoute, Endpoint: petsStage})
	if err := s.Put(t.Context(), []*store.Record{lost}); !errors.Is(err, sqlite.ErrBroken) || !errors.Is(err, defect) {
		t.Errorf("got %v, want an ErrBroken and its cause", err)
	}
	<-s.BrokenOff()
	s.Settle(store.Outcome{Event: first.Event.ID.Key(), Route: petsRoute, Endpoint: petsStage, Ticket: first.Ticket, Status: store.Delivered, Attempts: 1, At: noon,
		Durable: func(*store.Outcome) { t.Error("an outcome is said to be durable") }})
	for range 3 {
		if err := s.Put(t.Context(), []*store.Record{record(noon)}); !errors.Is(err, sqlite.ErrBroken) {
			t.Errorf("got %v afterwards, want an ErrBroken", err)
		}
	}
	if err := s.Failing(); !errors.Is(err, sqlite.ErrBroken) {
		t.Errorf("the store says of itself %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	left := unfinished(t, dir)
	for _, r := range []*store.Record{first, other} {
		if n := left[store.Ref{Event: r.Event.ID.Key()}]; n != 1 {
			t.Errorf("an event that was acknowledged is to be delivered %d times", n)
		}
	}
	s = openQuiet(t, dir)
	put(t, s, record(noon))
}

// While the disk syncs, the writer writes what has come meanwhile, once, and then waits: all that comes later shares one
// transaction.
func TestWritesWhileSyncing(t *testing.T) {
	s := openQuiet(t, t.TempDir())
	syncing, release := make(chan struct{}), make(chan struct{})
	s.OnSync(func(sync func() error) error {
		syncing <- struct{}{}
		<-release
		return sync()
	})
	var callers sync.WaitGroup
	before := s.Commits()
	caller := func() {
		callers.Go(func() {
			if err := s.Put(t.Context(), []*store.Record{record(noon)}); err != nil {
				t.Error(err)
			}
		})
	}
	caller()
	<-syncing
	caller()
	for s.Commits()-before < 2 {
		time.Sleep(time.Millisecond)
	}
	for range 50 {
		caller()
	}
	for s.Waiting() < 50 {
		time.Sleep(time.Millisecond)
	}
	release <- struct{}{}
	<-syncing // the second
	for s.Waiting() > 0 {
		time.Sleep(time.Millisecond)
	}
	release <- struct{}{}
	<-syncing // the third
	release <- struct{}{}
	callers.Wait()
	if got := s.Commits() - before; got != 3 {
		t.Errorf("%d transactions, want 3", got)
	}
}
