package sqlite

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"time"

	"zombiezen.com/go/sqlite"

	"bailey/internal/crashpoint"
	"bailey/internal/store"
)

// Bounds of one transaction. They keep a commit, and so everybody's wait for
// it, short; what is left over is in the next one.
const (
	maxGroupBytes    = 8 << 20
	maxGroupOutcomes = 2048
	// retryPause is how long the writer waits after a commit failed before
	// it tries the outcomes again.
	retryPause = 250 * time.Millisecond
)

// put is one call that waits for its commit: events, or documents.
type put struct {
	records   []*store.Record
	documents []store.Document
	do        func(*sqlite.Conn) error // any other change
	bytes     int64
	done      chan error
}

// Put commits the records in one transaction, together with whatever else
// waits, and returns when they are durable. An error means that nothing of
// them was kept. The context is not looked at once the call has been queued:
// what may have been committed must be answered.
func (s *Store) Put(ctx context.Context, records []*store.Record) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p := &put{records: records}
	for _, r := range records {
		p.bytes += int64(len(r.Event.JSON))
	}
	return s.submit(p)
}

// Apply commits changes of the configuration in one transaction and returns
// when they are durable.
func (s *Store) Apply(ctx context.Context, documents []store.Document) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.submit(&put{documents: documents})
}

// submit has the writer commit something and returns when that is durable.
// During a start it is patient with a disk that is full.
func (s *Store) submit(p *put) error {
	for {
		err := s.submitOnce(p)
		patient := s.patient.Load()
		if _, full := errors.AsType[*store.FullError](err); !full || patient == nil || !(*patient)(noRoom(filepath.Dir(s.path), err)) {
			return err
		}
	}
}

func (s *Store) submitOnce(p *put) error {
	p.done = make(chan error, 1)
	s.mu.Lock()
	switch {
	case s.closing:
		s.mu.Unlock()
		return store.ErrClosed
	case p.bytes > 0 && s.queued > 0 && s.queued+p.bytes > s.maxQueued:
		s.mu.Unlock()
		return store.ErrBusy
	}
	s.puts = append(s.puts, p)
	s.queued += p.bytes
	s.mu.Unlock()
	s.signal()
	return <-p.done
}

// Idle reports whether nothing waits to be committed and everybody has been
// told of what was.
func (s *Store) Idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.writing && len(s.puts) == 0 && len(s.outcomes) == 0
}

func (s *Store) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// write is the writer goroutine. It ends when the store is closing and
// nothing waits, or what waits cannot be written.
func (s *Store) write() {
	defer close(s.done)
	timer := time.NewTimer(time.Hour) // lets few outcomes wait for others
	timer.Stop()
	var armed, ripe, failed, last bool
	for {
		if !s.isBroken() {
			s.copyLog()
			s.boundLog()
		}
		puts, outcomes, waiting, closing := s.next(ripe, failed)
		if len(puts) == 0 && len(outcomes) == 0 {
			if closing && waiting > 0 && !last {
				last, ripe = true, true // the disk did not take them; once more
				continue
			}
			if closing {
				if waiting > 0 {
					s.log.Error("closing with outcomes that could not be stored: those deliveries will be tried again",
						"outcomes", waiting, "error", s.Failing())
				}
				return
			}
			if waiting > 0 && !armed {
				armed = true
				if failed {
					timer.Reset(retryPause)
				} else {
					timer.Reset(s.settleDelay)
				}
			}
			select {
			case <-s.wake:
			case <-timer.C:
				armed, ripe = false, true
			}
			continue
		}
		if armed {
			timer.Stop()
		}
		armed, ripe = false, false
		failed = !s.commitAll(puts, outcomes)
		s.mu.Lock()
		s.writing, s.settling = false, 0
		if !failed {
			for i := range outcomes {
				s.messages -= messageSize(&outcomes[i])
			}
		}
		s.mu.Unlock()
		s.room.Broadcast()
		s.rested()
	}
}

// commitAll commits, answers those who wait, and tells the outcomes' owners.
// It reports whether the outcomes are in the store; if not, they wait again.
func (s *Store) commitAll(puts []*put, outcomes []store.Outcome) bool {
	err := s.commit(puts, outcomes)
	if err == nil {
		err = s.look() // nobody is told of what was written where nobody finds it
	}
	apart := len(puts) > 1 && !s.isBroken() && oneFailed(err)
	for _, p := range puts {
		if apart {
			// What one caller asked for failed: that is not the others' fault.
			own := s.commit([]*put{p}, nil)
			if own == nil {
				own = s.look()
			}
			p.done <- own
			continue
		}
		p.done <- err
	}
	crashpoint.Reach("answered")
	if err != nil && len(puts) > 0 && len(outcomes) > 0 {
		// The outcomes are smaller: they may fit where the events did not.
		err = s.commit(nil, outcomes)
	}
	if err != nil {
		s.copier.start() // where the disk is full, the log may begin anew in the room that it has
		s.mu.Lock()
		s.outcomes, s.settling = append(outcomes, s.outcomes...), 0
		s.mu.Unlock()
		return false
	}
	for i := range outcomes {
		if o := &outcomes[i]; o.Durable != nil {
			o.Durable(o)
		}
	}
	return true
}

// oneFailed reports whether an error of a transaction is that of a statement,
// not of the disk, which would fail for everybody.
func oneFailed(err error) bool {
	if err == nil {
		return false
	}
	if _, full := errors.AsType[*store.FullError](err); full {
		return false
	}
	code := sqlite.ErrCode(err).ToPrimary()
	return code != sqlite.ResultIOErr && code != sqlite.ResultReadOnly && code != sqlite.ResultCantOpen
}

// next takes what the next transaction is to hold: puts first, and outcomes
// with them. Without puts, few outcomes are left to wait for company unless
// ripe says that they have waited long enough. After a commit that failed they
// also wait, for better times. It returns how many outcomes were left.
func (s *Store) next(ripe, failed bool) (puts []*put, outcomes []store.Outcome, waiting int, closing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var bytes int64
	n := 0
	for n < len(s.puts) && (n == 0 || bytes+s.puts[n].bytes <= maxGroupBytes) {
		bytes += s.puts[n].bytes
		n++
	}
	puts, s.puts = s.puts[:n:n], s.puts[n:]
	if len(s.puts) == 0 {
		s.puts = nil
	}
	s.queued -= bytes
	if n > 0 || ripe || !failed && (s.closing || s.settleDelay < 0 || len(s.outcomes) >= maxGroupOutcomes) {
		m := min(len(s.outcomes), maxGroupOutcomes)
		outcomes, s.outcomes = s.outcomes[:m:m], s.outcomes[m:]
		if len(s.outcomes) == 0 {
			s.outcomes = nil
		}
		s.settling = m
	}
	s.writing = len(puts) > 0 || len(outcomes) > 0
	return puts, outcomes, len(s.outcomes), s.closing
}

// commit writes one transaction. On an error nothing of it is in the store.
func (s *Store) commit(puts []*put, outcomes []store.Outcome) (err error) {
	if err := s.Broken(); err != nil {
		return err
	}
	defer func() { s.report(err) }()
	if err := exec(s.writer, "BEGIN IMMEDIATE"); err != nil {
		return wrap("beginning a transaction", err)
	}
	crashpoint.Reach("begun")
	defer func() {
		if err == nil {
			return
		}
		s.names.rolledBack()
		// SQLite may have rolled back by itself.
		if !s.writer.AutocommitEnabled() {
			if rerr := exec(s.writer, "ROLLBACK"); rerr != nil {
				err = errors.Join(err, rerr)
			}
		}
	}()
	clear(s.tallies)
	s.sharing = s.sharing[:0]
	var ticket *store.Ticket
	defer func() { s.opening = nil }()
	newest := s.newest
	for _, p := range puts {
		switch {
		case p.do != nil:
			err = p.do(s.writer)
		case p.documents != nil:
			err = s.writeDocuments(p.documents)
		default:
			for _, r := range p.records {
				if ticket == nil {
					ticket = new(store.Ticket)
					s.opening = ticket
				}
				if err = s.writeRecord(r, ticket); err != nil {
					break
				}
				newest = max(newest, r.Event.ID.Key())
			}
		}
		if err != nil {
			return wrap("writing", err)
		}
	}
	for i := range outcomes {
		if err := s.writeOutcome(&outcomes[i]); err != nil {
			return wrap("writing an outcome", err)
		}
	}
	if err := s.writeTallies(); err != nil {
		return wrap("counting what archives hold", err)
	}
	// The tickets change only when the commit has succeeded, so the new mark
	// is computed as if it had.
	mark := s.markAfter(outcomes, ticket, newest)
	if mark != s.mark {
		stmt, err := s.writer.Prepare("UPDATE mark SET key = ?")
		if err != nil {
			return wrap("writing the mark", err)
		}
		stmt.BindInt64(1, mark)
		if err := run(stmt); err != nil {
			return wrap("writing the mark", err)
		}
	}

	stood, err := s.writeClock()
	if err != nil {
		return wrap("writing the clock", err)
	}

	crashpoint.Reach("written")
	// With journal_mode=WAL and synchronous=FULL, COMMIT appends the
	// transaction to the log and syncs the log before it returns: this line
	// is what makes an acknowledged event durable.
	if err := exec(s.writer, "COMMIT"); err != nil {
		return wrap("committing", err)
	}
	crashpoint.Reach("committed")

	s.names.committed()
	s.shares.settled(outcomes)
	s.shares.addAll(s.sharing)
	s.commits.Add(1)
	for i := range outcomes {
		if t := outcomes[i].Ticket; t != nil {
			t.Open--
		}
	}
	if ticket != nil {
		for _, p := range puts {
			for _, r := range p.records {
				r.Ticket = ticket
			}
		}
		if ticket.Open > 0 {
			s.tickets = append(s.tickets, ticket)
		}
	}
	open := s.tickets[:0]
	for _, t := range s.tickets {
		if t.Open > 0 {
			open = append(open, t)
		}
	}
	clear(s.tickets[len(open):])
	s.tickets = open
	s.mark, s.newest, s.stood = mark, newest, stood
	s.markSeen.Store(mark)
	return nil
}

// markAfter is the mark once the transaction with these outcomes and this
// ticket of its own is committed: the smallest key of an event that still has
// a delivery without a row.
//
// Events are stamped before they are committed, so one with a smaller key
// than the mark may still come: the mark goes back for it, in the transaction
// that holds it.
func (s *Store) markAfter(outcomes []store.Outcome, ticket *store.Ticket, newest int64) int64 {
	for i := range outcomes {
		if t := outcomes[i].Ticket; t != nil {
			t.Open--
		}
	}
	mark := newest + 1
	for _, t := range s.tickets {
		if t.Open > 0 {
			mark = min(mark, t.Oldest)
		}
	}
	for i := range outcomes {
		if t := outcomes[i].Ticket; t != nil {
			t.Open++
		}
	}
	if ticket != nil && ticket.Open > 0 {
		mark = min(mark, ticket.Oldest)
	}
	return mark
}

// oldestOpen is the smallest key of an event with a delivery that has no row,
// those of the transaction under way included. Only the writer may ask.
func (s *Store) oldestOpen() int64 {
	oldest := int64(math.MaxInt64)
	if s.opening != nil && s.opening.Open > 0 {
		oldest = s.opening.Oldest
	}
	for _, t := range s.tickets {
		if t.Open > 0 {
			oldest = min(oldest, t.Oldest)
		}
	}
	return oldest
}

// report logs when commits begin to fail and when they succeed again.
func (s *Store) report(err error) {
	was := s.failing.Load()
	if err != nil {
		s.failing.Store(&err)
		if was == nil {
			s.log.Error("the store cannot be written; trying on", "error", err)
		}
		return
	}
	if was != nil {
		s.failing.Store(nil)
		s.log.Info("the store can be written again")
	}
}
