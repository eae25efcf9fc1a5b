// Package sqlite keeps Bailey's store in one SQLite database, in pure Go.
//
// One goroutine writes: it takes whatever waits, commits it in one
// transaction, and only then answers those who wait for it. Readers have
// connections of their own and never wait for the writer.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"bailey/internal/store"
)

// Config says where a store is and how it behaves. Only Dir is required.
type Config struct {
	// Dir is the data folder. It is made if it is not there, readable by its
	// owner only.
	Dir string
	// SettleDelay is how long an outcome may wait for others, or for an
	// event, to share a commit with; 0 means 10 ms, and less that none waits.
	// An outcome that is lost in a crash meanwhile means one more attempt of
	// that delivery.
	SettleDelay time.Duration
	// MaxQueuedBytes bounds the events that wait for the writer; 0 means
	// 64 MiB. Beyond it, Put answers [store.ErrBusy].
	MaxQueuedBytes int64
	// MaxOutcomes bounds the outcomes that are not committed yet; 0 means
	// 16,384. Beyond it, Settle blocks.
	MaxOutcomes int
	// MaxMessageBytes bounds the dead letters among those outcomes; 0 means 64
	// MiB. Beyond it, Settle blocks too.
	MaxMessageBytes int64
	// MaxBytes is what the shares of APIs are shares of, see [Store.Reserve]; 0
	// is no bound.
	MaxBytes int64
	// Patient, when not nil, is called each time that something cannot be written
	// for want of room on the disk, until [Store.Started]; it waits a while, and
	// reports whether to try once more. Its error says how much room is needed.
	Patient func(error) bool
	// Clock is the time of a virtual clock; nil means the machine's clock.
	// Every transaction keeps what time it was, and is not synced: a store on
	// a virtual clock is for tests, and survives its process but perhaps not
	// its machine.
	Clock func() time.Time
	// Rested, when not nil, is called each time that the writer is about to
	// look for more to do. It must not block.
	Rested func()
	// Log receives what goes wrong; nil means slog.Default().
	Log *slog.Logger
}

// Store is an open store. All methods may be called concurrently.
type Store struct {
	log         *slog.Logger
	settleDelay time.Duration
	maxQueued   int64
	maxOutcomes int
	maxMessages int64            // bytes
	clock       func() time.Time // of a virtual clock, or nil
	rested      func()
	path        string

	lock    *sqlite.Conn  // held while the store is open, see lockDir
	folder  *os.File      // likewise, see lockFolder; nil where folders cannot be locked
	place   place         // of its files
	readers *sqlitex.Pool // for whoever asks
	loader  *sqlitex.Pool // one, for what is due: it stands in nobody's queue
	gate    gate          // through which they go
	copier  *copier       // from the log into the database

	// The writer's queue.
	mu       sync.Mutex
	puts     []*put
	queued   int64 // bytes of events in puts
	outcomes []store.Outcome
	settling int       // outcomes of the transaction under way, which wait again if it fails
	messages int64     // bytes of the dead letters of outcomes and of those
	room     sync.Cond // signalled when outcomes were committed
	closing  bool
	hurried  bool          // nobody waits for room any more
	writing  bool          // a transaction is under way, or its outcomes' owners are being told
	wake     chan struct{} // one token: there is work
	done     chan struct{} // closed when the writer has ended

	// Owned by the writer goroutine.
	writer  *sqlite.Conn
	tickets []*store.Ticket
	opening *store.Ticket // of the transaction under way
	mark    int64         // as committed
	newest  int64         // the largest key committed

	logLimit, logLook int64 // see boundLog
	logLookAt         int64 // commits
	logStopped        bool  // readers are stopped for it
	copyLookAt        int64 // commits; see copyLog
	tallies           map[int64]tally
	stood             time.Time // where the virtual clock stood, as committed

	names names
	aside aside // rows that cannot be read

	damaged atomic.Pointer[error] // what check found
	checked chan struct{}         // closed when check has ended
	missing bool                  // the database was missing beside its lock

	patient atomic.Pointer[func(error) bool]

	shares  shares
	sharing []share // of the transaction under way; the writer's

	markSeen  atomic.Int64 // mark, for readers of the log
	failing   atomic.Pointer[error]
	broken    atomic.Pointer[error]
	brokenOff chan struct{} // closed when broken is set
	commits   atomic.Int64
	closed    sync.Once
	closeErr  error
}

// Open opens the store in cfg.Dir, making it if there is none. It fails if
// another process has it open, or if a newer program wrote it.
func Open(cfg Config) (*Store, error) {
	s := &Store{
		log:         cfg.Log,
		settleDelay: cfg.SettleDelay,
		maxQueued:   cfg.MaxQueuedBytes,
		maxOutcomes: cfg.MaxOutcomes,
		maxMessages: cfg.MaxMessageBytes,
		clock:       cfg.Clock,
		rested:      cfg.Rested,
		path:        filepath.Join(cfg.Dir, databaseName),
		logLimit:    logLimit,
		logLook:     logLook,
		wake:        make(chan struct{}, 1),
		done:        make(chan struct{}),
		brokenOff:   make(chan struct{}),
		checked:     make(chan struct{}),
		tallies:     map[int64]tally{},
		shares:      shares{max: cfg.MaxBytes, held: map[string]int64{}, over: map[string]bool{}},
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.settleDelay == 0 {
		s.settleDelay = 10 * time.Millisecond
	}
	if s.maxQueued == 0 {
		s.maxQueued = 64 << 20
	}
	if s.maxOutcomes == 0 {
		s.maxOutcomes = 16384
	}
	if s.maxMessages == 0 {
		s.maxMessages = 64 << 20
	}
	if s.rested == nil {
		s.rested = func() {}
	}
	s.room.L = &s.mu
	if cfg.Patient != nil {
		s.patient.Store(&cfg.Patient)
	}

	s.missing = databaseMissing(cfg.Dir)
	shared, err := makePrivate(cfg.Dir, lockName)
	if err != nil {
		return nil, err
	}
	if shared {
		s.log.Warn("other users can write to the data folder, and so can remove or replace what is in it: run chmod go-w", "data", cfg.Dir)
	}
	if s.lock, err = lockDir(cfg.Dir); err != nil {
		return nil, noRoom(cfg.Dir, err)
	}
	if s.folder, err = lockFolder(cfg.Dir); err != nil {
		return nil, errors.Join(err, s.release())
	}
	if err := s.open(cfg.Dir); err != nil {
		return nil, errors.Join(noRoom(cfg.Dir, err), s.release())
	}
	if s.missing {
		s.log.Error("the data folder has a lock and had no database: a new one was made, with nothing in it. If there was one, stop, and put it back", "data", cfg.Dir)
	}
	go s.check()
	go s.write()
	go s.watch()
	return s, nil
}

func (s *Store) open(dir string) (err error) {
	if s.clock == nil {
		if err := rewriteLog(s.path); err != nil {
			return err
		}
	}
	if _, err := makePrivate(dir, databaseName); err != nil {
		return err
	}
	if s.writer, err = sqlite.OpenConn(s.path, sqlite.OpenReadWrite|sqlite.OpenCreate|sqlite.OpenWAL); err != nil {
		return fmt.Errorf("opening the store: %w", err)
	}
	if err := prepare(s.writer); err != nil {
		return err
	}
	if s.clock != nil {
		if err := sqlitex.ExecuteTransient(s.writer, "PRAGMA synchronous = NORMAL", nil); err != nil {
			return fmt.Errorf("opening the store: %w", err)
		}
	}
	if err := migrate(s.writer); err != nil {
		return err
	}
	if s.copier, err = newCopier(s.path, s.signal, s.copyFailed, s.isBroken); err != nil {
		return err
	}
	if s.mark, err = sqlitex.ResultInt64(s.writer.Prep("SELECT key FROM mark")); err != nil {
		return fmt.Errorf("opening the store: %w", err)
	}
	s.markSeen.Store(s.mark)
	if s.newest, err = sqlitex.ResultInt64(s.writer.Prep("SELECT coalesce(max(key), 0) FROM event")); err != nil {
		return fmt.Errorf("opening the store: %w", err)
	}
	if err := s.names.load(s.writer, s.newest); err != nil {
		return fmt.Errorf("opening the store: %w", err)
	}
	// The database and its log must be found again after a power cut: their
	// names are made durable before anything is acknowledged.
	if err := syncDir(dir); err != nil {
		return err
	}
	if s.place, err = newPlace(s.path, s.path+"-wal"); err != nil {
		return err
	}
	for pool, size := range map[**sqlitex.Pool]int{&s.readers: 4, &s.loader: 1} {
		*pool, err = sqlitex.NewPool(s.path, sqlitex.PoolOptions{
			Flags:       sqlite.OpenReadWrite | sqlite.OpenWAL,
			PoolSize:    size,
			PrepareConn: prepare,
		})
		if err != nil {
			return fmt.Errorf("opening the store for reading: %w", err)
		}
	}
	return nil
}

func prepare(conn *sqlite.Conn) error {
	for _, pragma := range pragmas {
		if err := sqlitex.ExecuteTransient(conn, pragma, nil); err != nil {
			return fmt.Errorf("opening the store: %s: %w", pragma, err)
		}
	}
	return nil
}

// The names of the database and of the lock in the data folder.
const (
	databaseName = "bailey.db"
	lockName     = "bailey.lock"
)

// lockDir makes sure that one process at a time works in dir. The lock is an
// exclusive SQLite transaction on a database that holds nothing: it works
// wherever SQLite does, and the system frees it however the process ends.
func lockDir(dir string) (*sqlite.Conn, error) {
	conn, err := sqlite.OpenConn(filepath.Join(dir, lockName), sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		return nil, lockError(dir, err)
	}
	conn.SetBusyTimeout(0)
	if err := sqlitex.ExecuteTransient(conn, "BEGIN EXCLUSIVE", nil); err != nil {
		return nil, errors.Join(lockError(dir, err), conn.Close())
	}
	return conn, nil
}

// lockError says what to do about a folder that could not be locked.
func lockError(dir string, err error) error {
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultBusy:
		return fmt.Errorf("the data folder %s is in use by another bailey", dir)
	case sqlite.ResultCantOpen, sqlite.ResultReadOnly, sqlite.ResultPerm:
		return fmt.Errorf("the data folder %s cannot be written: see who may, and whether it is mounted read-only (%w)", dir, err)
	}
	return fmt.Errorf("locking the data folder: %w", err)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("syncing the data folder: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("syncing the data folder: %w", err)
	}
	return nil
}

// Close commits what waits, answers everybody, and closes the database. It
// may be called more than once, and returns the same. A store that is broken keeps its connections
// and its lock until the process ends.
func (s *Store) Close() error {
	s.closed.Do(func() {
		s.mu.Lock()
		s.closing = true
		s.mu.Unlock()
		s.room.Broadcast()
		s.signal()
		<-s.done
		<-s.checked
		s.closeErr = s.release()
	})
	return s.closeErr
}

func (s *Store) release() error {
	var errs []error
	if s.isBroken() {
		// To close the last connection is to copy the log and remove it.
		return nil
	}
	if s.copier != nil {
		s.copier.end()
		if err := mayCopy(s.writer, s.path); errors.Is(err, errNoRoomToCopy) {
			// SQLite would begin to copy, and use up the room that the next start
			// needs. What is open ends with the process.
			s.log.Warn("the log stays as it is", "error", err)
			return errors.Join(s.lock.Close(), s.closeFolder())
		}
		errs = append(errs, s.copier.conn.Close())
	}
	for _, pool := range []*sqlitex.Pool{s.readers, s.loader} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	for _, conn := range []*sqlite.Conn{s.writer, s.lock} {
		if conn != nil {
			errs = append(errs, conn.Close())
		}
	}
	errs = append(errs, s.closeFolder())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("closing the store: %w", err)
	}
	return nil
}

// closeFolder gives back the lock on the data folder.
func (s *Store) closeFolder() error {
	if s.folder == nil {
		return nil
	}
	return s.folder.Close()
}

// databaseMissing reports whether the folder was used and has no database.
func databaseMissing(dir string) bool {
	_, lock := os.Stat(filepath.Join(dir, lockName))
	_, database := os.Stat(filepath.Join(dir, databaseName))
	return lock == nil && errors.Is(database, fs.ErrNotExist)
}

// Missing reports whether the database was missing beside its lock when the store
// was opened, so that a new one was made.
func (s *Store) Missing() bool { return s.missing }

// Started says that the start is over: from now on whoever cannot be given room
// on the disk is told so at once.
func (s *Store) Started() { s.patient.Store(nil) }

// NewestKey is the largest key of an event in the store when it was opened.
func (s *Store) NewestKey() int64 { return s.newest }

// Commits counts the transactions that this Store has committed.
func (s *Store) Commits() int64 { return s.commits.Load() }

// Failing returns the error of the newest commit if it failed, else nil: the
// store recovers by itself when its cause is gone, unless it is [Store.Broken].
func (s *Store) Failing() error {
	if err := s.Broken(); err != nil {
		return err
	}
	if err := s.failing.Load(); err != nil {
		return *err
	}
	return nil
}

// read lends a connection for reading until f returns.
func (s *Store) read(ctx context.Context, f func(*sqlite.Conn) error) error {
	return s.readFrom(ctx, s.readers, f)
}

func (s *Store) readFrom(ctx context.Context, pool *sqlitex.Pool, f func(*sqlite.Conn) error) error {
	conn, err := pool.Take(ctx)
	if err != nil {
		return fmt.Errorf("reading the store: %w", err)
	}
	defer pool.Put(conn)
	if err := s.gate.enter(ctx); err != nil {
		return fmt.Errorf("reading the store: %w", err)
	}
	defer func() {
		if s.gate.leave() {
			s.signal()
		}
	}()
	return f(conn)
}
