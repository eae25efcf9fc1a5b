package sqlite

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"bailey/internal/store"
)

// What waits for an API that does not answer must not take all of the store: no
// event would be taken any more, wherever it goes. So the store counts, for each
// API, the bytes of what waits for it, and of the messages about it in
// dead-letter queues. An API may hold as many as are still free: one alone has
// half of the store, two have a third each, and there is always room left for
// one that has nothing yet.
//
// An event counts for each of its deliveries. That is more than it takes on the
// disk where several go to one API, and never less.

// shares is what each API holds. It is in memory only: a start counts anew.
type shares struct {
	mu    sync.Mutex
	max   int64            // of all together; 0 is no bound
	held  map[string]int64 // bytes, by API
	total int64            // the sum of those
	other int64            // what else must be kept: archives
	over  map[string]bool  // APIs that were refused something, until they get something again
}

// footprint is about how many bytes of the database an event takes with one of
// its deliveries: a row that does not fit into a page has pages of its own.
func footprint(envelope int) int64 {
	const page, rest = 4096, 160
	switch n := envelope + rest; {
	case n > page:
		return int64((n+page-1)/page)*page + rowBytes
	default:
		return int64(page/(page/n)) + rowBytes
	}
}

// A ShareError says that one API holds its whole share of the store.
type ShareError struct{ API string }

func (e *ShareError) Error() string {
	return fmt.Sprintf("what waits for API %s, and what its dead letters hold, has reached its share of retention.maxBytes", e.API)
}

// Reserve counts what the records are going to hold, before they are put. It
// returns a [*ShareError], and counts nothing, if an API would hold more than
// its share.
func (s *Store) Reserve(records []*store.Record) error {
	return s.reserve(records, true)
}

// Hold is Reserve for what is taken whatever an API holds.
func (s *Store) Hold(records []*store.Record) { _ = s.reserve(records, false) }

func (s *Store) reserve(records []*store.Record, bounded bool) error {
	h := &s.shares
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, r := range records {
		size := footprint(len(r.Event.JSON))
		for n := range r.Deliveries {
			d := &r.Deliveries[n]
			if d.Done || d.Endpoint.API == "" {
				continue
			}
			api := d.Endpoint.API
			// One event alone has room, however small the store is to be.
			if bounded && h.max > 0 && h.held[api] > 0 && h.held[api]+size > h.max-h.other-h.total-size {
				// What this call has counted so far is given back.
				h.addRecord(r, n, -1)
				for _, before := range records[:i] {
					h.addRecord(before, len(before.Deliveries), -1)
				}
				if !h.over[api] {
					h.over[api] = true
					s.log.Warn("an API holds its share of the store: events that go there are refused until less waits for it",
						"api", api, "bytes", h.held[api], "limit", "retention.maxBytes")
				}
				return &ShareError{API: api}
			}
			h.add(api, size)
			if h.over[api] {
				delete(h.over, api)
				s.log.Info("events that go to an API are taken again", "api", api, "bytes", h.held[api])
			}
		}
	}
	return nil
}

// Release gives back what was reserved for records that were not put.
func (s *Store) Release(records []*store.Record) {
	h := &s.shares
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range records {
		h.addRecord(r, len(r.Deliveries), -1)
	}
}

// addRecord counts the first n deliveries of a record. The caller holds mu.
func (h *shares) addRecord(r *store.Record, n int, sign int64) {
	size := footprint(len(r.Event.JSON))
	for i := range r.Deliveries[:n] {
		if d := &r.Deliveries[i]; !d.Done {
			h.add(d.Endpoint.API, sign*size)
		}
	}
}

// add counts bytes of an API. What leads nowhere is nobody's, and ends at once.
// The caller holds mu.
func (h *shares) add(api string, bytes int64) {
	if api == "" {
		return
	}
	now := h.held[api] + bytes
	if now < 0 {
		bytes, now = bytes-now, 0
	}
	h.total += bytes
	if now == 0 {
		delete(h.held, api)
		return
	}
	h.held[api] = now
}

// settled counts what has become of deliveries, once this is committed.
func (h *shares) settled(outcomes []store.Outcome) {
	if len(outcomes) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range outcomes {
		o := &outcomes[i]
		size := footprint(o.Bytes)
		switch {
		case o.Bytes == 0:
		case o.Status == store.Pending && o.Endpoint.API == o.From:
		case o.Status == store.Pending:
			h.add(o.From, -size)
			h.add(o.Endpoint.API, size)
		default:
			h.add(o.From, -size)
		}
		if o.DeadLetter != nil {
			h.add(o.Endpoint.API, footprint(len(o.DeadLetter.Body)))
		}
	}
}

// later counts bytes of APIs once the transaction under way is committed. The
// writer calls it.
func (s *Store) later(api string, bytes int64) {
	s.sharing = append(s.sharing, share{api, bytes})
}

type share struct {
	api   string
	bytes int64
}

func (h *shares) addAll(all []share) {
	if len(all) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, one := range all {
		h.add(one.api, one.bytes)
	}
}

// Shares returns how many bytes of the store each API holds.
func (s *Store) Shares() map[string]int64 {
	h := &s.shares
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make(map[string]int64, len(h.held))
	maps.Copy(all, h.held)
	return all
}

// countShares counts what each API holds, at start.
func (s *Store) countShares(ctx context.Context) error {
	held := map[string]int64{}
	err := s.read(ctx, func(conn *sqlite.Conn) error {
		for _, query := range []string{
			"SELECT d.endpoint, coalesce(length(e.json), 0) FROM delivery d LEFT JOIN event e ON e.key = d.event WHERE d.status = 0 AND d.status <> 1",
			"SELECT d.endpoint, length(l.body) FROM dead_letter l JOIN delivery d ON d.event = l.event AND d.n = l.n",
		} {
			err := sqlitex.ExecuteTransient(conn, query, &sqlitex.ExecOptions{ResultFunc: func(r *sqlite.Stmt) error {
				held[s.names.endpointName(r.ColumnInt64(0)).API] += footprint(r.ColumnInt(1))
				return nil
			}})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("counting what waits for each API: %w", err)
	}
	h := &s.shares
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held, h.total = map[string]int64{}, 0
	for api, bytes := range held {
		h.add(api, bytes)
	}
	return nil
}
