package sqlite

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"zombiezen.com/go/sqlite"

	"bailey/internal/event"
	"bailey/internal/store"
)

// Bounds of one transaction. They keep a commit, and so everybody's wait for
// it, short; what is left over is in the next one.
const (
	maxGroupBytes    = 8 << 20
	maxGroupOutcomes = 2048
	// maxOutcomes bounds the outcomes that wait; beyond it Settle blocks.
	maxOutcomes = 16384
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

func (s *Store) submit(p *put) error {
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

// Settle hands over the outcome of an attempt. It returns at once unless very
// many wait, and the outcome is committed soon after: see
// [Config.SettleDelay]. The store never drops one: while commits fail, it
// tries again.
func (s *Store) Settle(o store.Outcome) {
	s.mu.Lock()
	for len(s.outcomes) >= maxOutcomes && !s.closing && !s.hurried {
		s.room.Wait()
	}
	first := len(s.outcomes) == 0
	full := len(s.outcomes) == maxGroupOutcomes
	s.outcomes = append(s.outcomes, o)
	s.mu.Unlock()
	if first || full {
		s.signal()
	}
}

// Hurry makes Settle wait for room no longer: whoever is in it, or calls it
// from now on, returns at once. It is for a shutdown whose time is over while
// the disk is full.
func (s *Store) Hurry() {
	s.mu.Lock()
	s.hurried = true
	s.mu.Unlock()
	s.room.Broadcast()
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
		s.writing = false
		s.mu.Unlock()
		s.rested()
	}
}

// commitAll commits, answers those who wait, and tells the outcomes' owners.
// It reports whether the outcomes are in the store; if not, they wait again.
func (s *Store) commitAll(puts []*put, outcomes []store.Outcome) bool {
	err := s.commit(puts, outcomes)
	for _, p := range puts {
		p.done <- err
	}
	if err != nil && len(puts) > 0 && len(outcomes) > 0 {
		// The outcomes are small: they may fit where the events did not.
		err = s.commit(nil, outcomes)
	}
	if err != nil {
		s.mu.Lock()
		s.outcomes = append(outcomes, s.outcomes...)
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
		s.room.Broadcast()
	}
	s.writing = len(puts) > 0 || len(outcomes) > 0
	return puts, outcomes, len(s.outcomes), s.closing
}

// commit writes one transaction. On an error nothing of it is in the store.
func (s *Store) commit(puts []*put, outcomes []store.Outcome) (err error) {
	defer func() { s.report(err) }()
	if err := exec(s.writer, "BEGIN IMMEDIATE"); err != nil {
		return wrap("beginning a transaction", err)
	}
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

	// With journal_mode=WAL and synchronous=FULL, COMMIT appends the
	// transaction to the log and syncs the log before it returns: this line
	// is what makes an acknowledged event durable.
	if err := exec(s.writer, "COMMIT"); err != nil {
		return wrap("committing", err)
	}

	s.names.committed()
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

// writeRecord inserts the event, and rows for those of its deliveries that
// are parked.
func (s *Store) writeRecord(r *store.Record, ticket *store.Ticket) error {
	key := r.Event.ID.Key()
	bus, err := s.names.bus(s.writer, r.Region, r.Bus)
	if err != nil {
		return err
	}
	var packed [64]byte
	routes := packed[:0]
	open := 0
	for i := range r.Deliveries {
		d := &r.Deliveries[i]
		route, err := s.names.route(s.writer, d.Route)
		if err != nil {
			return err
		}
		routes = appendRoute(routes, route)
		if !d.Parked && !d.Done {
			open++
			continue
		}
		endpoint, err := s.names.endpoint(s.writer, d.Endpoint)
		if err != nil {
			return err
		}
		if d.Done {
			err = s.writeDone(key, i, route, endpoint, r.Event.Ingested)
		} else {
			err = s.writePending(key, i, route, endpoint, r.Event.Ingested)
		}
		if err != nil {
			return err
		}
	}
	if open > 0 {
		if ticket.Open == 0 {
			ticket.Oldest = key
		}
		ticket.Oldest = min(ticket.Oldest, key)
		ticket.Open += open
	}
	if r.Tick != nil {
		if err := s.writeTick(r.Tick); err != nil {
			return err
		}
	}
	if r.Archived != nil {
		if err := s.writeArchived(r); err != nil {
			return err
		}
	}
	if r.Replayed != nil {
		if err := s.writeReplayMark(r.Replayed); err != nil {
			return err
		}
	}
	stmt, err := s.writer.Prepare("INSERT INTO event (key, bus, ingested, routes, trace, json, self, origin) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
	if err != nil {
		return err
	}
	stmt.BindInt64(1, key)
	stmt.BindInt64(2, bus)
	stmt.BindInt64(3, r.Event.Ingested.UnixMilli())
	if len(routes) > 0 {
		stmt.BindBytes(4, routes)
	} else {
		stmt.BindNull(4)
	}
	bindText(stmt, 5, r.Event.TraceHeader)
	stmt.BindBytes(6, r.Event.JSON)
	if r.Origin == (event.ID{}) {
		stmt.BindNull(7)
		stmt.BindNull(8)
	} else {
		stmt.BindBytes(7, r.Event.ID[:])
		stmt.BindInt64(8, r.Origin.Key())
	}
	return run(stmt)
}

// writeTick is in the transaction of the tick's event: either both are there
// after a crash or neither, so that no tick is lost and none happens twice.
func (s *Store) writeTick(t *store.Tick) error {
	stmt, err := s.writer.Prepare("INSERT OR REPLACE INTO tick (region, bus, rule, at) VALUES (?, ?, ?, ?)")
	if err != nil {
		return err
	}
	stmt.BindText(1, t.Region)
	stmt.BindText(2, t.Bus)
	stmt.BindText(3, t.Rule)
	stmt.BindInt64(4, t.At.UnixMilli())
	return run(stmt)
}

func (s *Store) writePending(key int64, n int, route, endpoint int64, at time.Time) error {
	stmt, err := s.writer.Prepare("INSERT INTO delivery (event, n, route, endpoint, status, attempts, at, due) VALUES (?, ?, ?, ?, 0, 0, ?, ?)")
	if err != nil {
		return err
	}
	stmt.BindInt64(1, key)
	stmt.BindInt64(2, int64(n))
	stmt.BindInt64(3, route)
	stmt.BindInt64(4, endpoint)
	stmt.BindInt64(5, at.UnixMilli())
	stmt.BindInt64(6, at.UnixMilli())
	return run(stmt)
}

// writeDone writes a delivery that the transaction itself makes.
func (s *Store) writeDone(key int64, n int, route, endpoint int64, at time.Time) error {
	stmt, err := s.writer.Prepare("INSERT INTO delivery (event, n, route, endpoint, status, attempts, at) VALUES (?, ?, ?, ?, 1, 1, ?)")
	if err != nil {
		return err
	}
	stmt.BindInt64(1, key)
	stmt.BindInt64(2, int64(n))
	stmt.BindInt64(3, route)
	stmt.BindInt64(4, endpoint)
	stmt.BindInt64(5, at.UnixMilli())
	return run(stmt)
}

func (s *Store) writeOutcome(o *store.Outcome) error {
	route, err := s.names.route(s.writer, o.Route)
	if err != nil {
		return err
	}
	endpoint, err := s.names.endpoint(s.writer, o.Endpoint)
	if err != nil {
		return err
	}
	// A delivery that is pending already has a row; a fresh one has none.
	stmt, err := s.writer.Prepare(`
		INSERT INTO delivery (event, n, route, endpoint, status, attempts, at, due, latency_us, status_code, error_code, error, queued)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (event, n) DO UPDATE SET endpoint = excluded.endpoint, status = excluded.status,
			attempts = excluded.attempts, at = excluded.at, due = excluded.due, latency_us = excluded.latency_us,
			status_code = excluded.status_code, error_code = excluded.error_code, error = excluded.error, queued = excluded.queued`)
	if err != nil {
		return err
	}
	stmt.BindInt64(1, o.Event)
	stmt.BindInt64(2, int64(o.N))
	stmt.BindInt64(3, route)
	stmt.BindInt64(4, endpoint)
	stmt.BindInt64(5, int64(o.Status))
	stmt.BindInt64(6, int64(o.Attempts))
	stmt.BindInt64(7, o.At.UnixMilli())
	if o.Status == store.Pending {
		stmt.BindInt64(8, o.Due.UnixMilli())
	} else {
		stmt.BindNull(8)
	}
	stmt.BindInt64(9, o.Latency.Microseconds())
	bindInt(stmt, 10, o.StatusCode)
	bindText(stmt, 11, o.ErrorCode)
	bindText(stmt, 12, o.Error)
	if o.DeadLetter != nil {
		stmt.BindInt64(13, 1)
	} else {
		stmt.BindNull(13)
	}
	if err := run(stmt); err != nil {
		return err
	}
	if o.Failed {
		if err := s.writeAttempt(o); err != nil {
			return err
		}
	}
	if o.DeadLetter != nil {
		return s.writeDeadLetter(o)
	}
	return nil
}

func (s *Store) writeAttempt(o *store.Outcome) error {
	// The same attempt is written twice when a crash came between the
	// request and its outcome; the later one counts.
	stmt, err := s.writer.Prepare("INSERT OR REPLACE INTO attempt (event, n, number, at, latency_us, status_code, error_code, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
	if err != nil {
		return err
	}
	stmt.BindInt64(1, o.Event)
	stmt.BindInt64(2, int64(o.N))
	stmt.BindInt64(3, int64(o.Earlier+o.Attempts))
	stmt.BindInt64(4, o.At.UnixMilli())
	stmt.BindInt64(5, o.Latency.Microseconds())
	bindInt(stmt, 6, o.StatusCode)
	bindText(stmt, 7, o.ErrorCode)
	bindText(stmt, 8, o.Error)
	return run(stmt)
}

func (s *Store) writeDeadLetter(o *store.Outcome) error {
	d := o.DeadLetter
	stmt, err := s.writer.Prepare("INSERT INTO dead_letter (queue, event, n, at, rule_arn, target_arn, error_code, error_message, retry_attempts, exhausted, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
	if err != nil {
		return err
	}
	stmt.BindText(1, d.Queue)
	stmt.BindInt64(2, o.Event)
	stmt.BindInt64(3, int64(o.N))
	stmt.BindInt64(4, d.At.UnixMilli())
	stmt.BindText(5, d.RuleARN)
	stmt.BindText(6, d.TargetARN)
	stmt.BindText(7, d.ErrorCode)
	stmt.BindText(8, d.ErrorMessage)
	stmt.BindInt64(9, int64(d.RetryAttempts))
	bindText(stmt, 10, d.Exhausted)
	stmt.BindBytes(11, d.Body)
	return run(stmt)
}

func (s *Store) writeDocuments(documents []store.Document) error {
	for _, d := range documents {
		query := "INSERT OR REPLACE INTO document (kind, key, body) VALUES (?, ?, ?)"
		if d.Body == nil {
			query = "DELETE FROM document WHERE kind = ? AND key = ?"
		}
		stmt, err := s.writer.Prepare(query)
		if err != nil {
			return err
		}
		stmt.BindText(1, d.Kind)
		stmt.BindText(2, d.Key)
		if d.Body != nil {
			stmt.BindBytes(3, d.Body)
		}
		if err := run(stmt); err != nil {
			return err
		}
	}
	return nil
}

func bindText(stmt *sqlite.Stmt, param int, text string) {
	if text == "" {
		stmt.BindNull(param)
		return
	}
	stmt.BindText(param, text)
}

func bindInt(stmt *sqlite.Stmt, param int, n int) {
	if n == 0 {
		stmt.BindNull(param)
		return
	}
	stmt.BindInt64(param, int64(n))
}

// run executes a statement that returns no rows and makes it ready for the
// next time.
func run(stmt *sqlite.Stmt) error {
	_, err := stmt.Step()
	if rerr := stmt.Reset(); err == nil {
		err = rerr
	}
	return err
}

func exec(conn *sqlite.Conn, query string) error {
	stmt, err := conn.Prepare(query)
	if err != nil {
		return err
	}
	return run(stmt)
}

func wrap(doing string, err error) error {
	if sqlite.ErrCode(err).ToPrimary() == sqlite.ResultFull {
		return &store.FullError{Cause: err}
	}
	return fmt.Errorf("%s: %w", doing, err)
}
