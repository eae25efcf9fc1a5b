package sqlite

import (
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"

	"bailey/internal/event"
	"bailey/internal/store"
)

// writeRecord inserts the event, and rows for those of its deliveries that
// are parked.
func (s *Store) writeRecord(r *store.Record, ticket *store.Ticket) error {
	key := r.Event.ID.Key()
	bus, err := s.names.bus(s.writer, r.Region, r.Bus, key)
	if err != nil {
		return err
	}
	var packed [64]byte
	routes := packed[:0]
	open := 0
	for i := range r.Deliveries {
		d := &r.Deliveries[i]
		route, err := s.names.route(s.writer, d.Route, key)
		if err != nil {
			return err
		}
		routes = appendRoute(routes, route)
		if !d.Parked && !d.Done {
			open++
			continue
		}
		endpoint, err := s.names.endpoint(s.writer, d.Endpoint, key)
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
		return run(stmt)
	}
	other, err := otherID(r)
	if err != nil {
		return err
	}
	stmt.BindBytes(7, other[:])
	stmt.BindInt64(8, r.Origin.Key())
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
	route, err := s.names.route(s.writer, o.Route, o.Event)
	if err != nil {
		return err
	}
	endpoint, err := s.names.endpoint(s.writer, o.Endpoint, o.Event)
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
	stmt, err := s.writer.Prepare("INSERT INTO dead_letter (queue, event, n, at, rule_arn, target_arn, error_code, error_message, retry_attempts, exhausted, body, event_id, trace) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
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
	stmt.BindBytes(12, d.Event[:])
	bindText(stmt, 13, d.TraceHeader)
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
