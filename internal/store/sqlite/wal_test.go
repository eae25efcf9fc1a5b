package sqlite_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"bailey/internal/event"
	"bailey/internal/store"
)

// The log stays within its bound although there is never a moment without a
// reader.
func TestLogIsBounded(t *testing.T) {
	const limit = 1 << 20
	dir := t.TempDir()
	ids = new(event.IDs)
	s := openQuiet(t, dir)
	if err := s.LimitLog(limit); err != nil {
		t.Fatal(err)
	}
	put(t, s, large("a"))
	stop := make(chan struct{})
	var readers sync.WaitGroup
	var mu sync.Mutex
	reading, gaps := 0, 0
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				mu.Lock()
				reading++
				mu.Unlock()
				if _, _, err := s.Deliveries(context.Background(), store.Query{Limit: 20}); err != nil {
					t.Error(err)
				}
				mu.Lock()
				if reading--; reading == 0 {
					gaps++
				}
				mu.Unlock()
			}
		})
	}
	var most int64
	const puts = 80
	for range puts {
		put(t, s, large("a"))
		log, err := os.Stat(filepath.Join(dir, "bailey.db-wal"))
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, log.Size())
	}
	close(stop)
	readers.Wait()
	// Some commits, each of more than 100 KiB, come while the last readers go.
	if most > 5*limit {
		t.Errorf("the log grew to %d KiB, its limit is %d KiB; %d gaps between readers", most>>10, limit>>10, gaps)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if left := unfinished(t, dir); len(left) != puts+1 {
		t.Errorf("%d deliveries are unfinished, want %d", len(left), puts+1)
	}
}

// A reader that waits for another reader is not kept out for ever.
func TestReaderWithinReader(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.LimitLog(1); err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(t.Context(), []store.Document{{Kind: "rule", Key: "a", Body: []byte("1")}}); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		put(t, s, record(noon))
	}
	r := record(noon)
	err := s.Documents(t.Context(), func(store.Document) error {
		for range 100 {
			put(t, s, record(noon))
		}
		put(t, s, r)
		_, err := s.Event(t.Context(), r.Event.ID)
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// The log begins anew although nothing but the copier and the writer's last
// little bit see to it, while commits go on.
func TestLogIsCopied(t *testing.T) {
	dir := t.TempDir()
	s := openQuiet(t, dir)
	if err := s.LimitLog(math.MaxInt64); err != nil {
		t.Fatal(err)
	}
	conn, err := sqlite.OpenConn(filepath.Join(dir, "bailey.db"), sqlite.OpenReadWrite|sqlite.OpenWAL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	length := func() (pages int64) {
		t.Helper()
		err := sqlitex.ExecuteTransient(conn, "PRAGMA wal_checkpoint(NOOP)", &sqlitex.ExecOptions{
			ResultFunc: func(stmt *sqlite.Stmt) error {
				pages = stmt.ColumnInt64(1)
				return nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		return pages
	}
	const most = 1000 // puts of some 300 pages
	ten := make([]*store.Record, 10)
	longest := int64(0)
	for puts := 1; ; puts++ {
		for i := range ten {
			ten[i] = large("a")
		}
		put(t, s, ten...)
		now := length()
		if now < longest {
			t.Logf("it began anew after %d pages and %d puts", longest, puts)
			return
		}
		if longest = now; puts == most {
			t.Fatalf("the log has %d pages and has not begun anew", longest)
		}
	}
}
