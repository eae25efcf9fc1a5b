package sqlite

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"zombiezen.com/go/sqlite"

	"bailey/internal/event"
	"bailey/internal/store"
)

// A row can be damaged, by a disk or by a program that is not Bailey, although
// the database as a whole can be read. Such a row is set aside: it is named in
// the log and counted, once, and what reads it goes on with the next. A delivery
// whose event is damaged ends as INTERNAL_ERROR when its turn comes.

// maxAside bounds the rows that are remembered for having been named. What is
// found beyond it is named each time, which is better than not at all.
const maxAside = 10_000

// aside is the rows that were set aside. The zero value is ready.
type aside struct {
	count atomic.Int64

	mu   sync.Mutex
	rows map[asideRow]struct{}
}

type asideRow struct {
	kind string
	key  int64
}

// setAside names a row that cannot be read in the log, and counts it.
func (s *Store) setAside(kind string, key int64, id string, cause error) {
	row := asideRow{kind, key}
	s.aside.mu.Lock()
	_, known := s.aside.rows[row]
	if !known && len(s.aside.rows) < maxAside {
		if s.aside.rows == nil {
			s.aside.rows = map[asideRow]struct{}{}
		}
		s.aside.rows[row] = struct{}{}
	}
	s.aside.mu.Unlock()
	if !known {
		s.aside.count.Add(1)
		s.log.Error("a row of the store cannot be read: it is set aside", "row", kind, "id", id, "error", cause)
	}
}

// setEventAside is setAside for the event with the key.
func (s *Store) setEventAside(key int64, cause error) {
	s.setAside("event", key, idAt(key).String(), cause)
}

// Unreadable counts the rows that were found damaged since the store was opened.
func (s *Store) Unreadable() int64 { return s.aside.count.Load() }

// idAt is the id that stands for an event whose own cannot be read: its first
// half is the key, by which the event is found, and the rest is zero.
func idAt(key int64) (id event.ID) {
	binary.BigEndian.PutUint64(id[:8], uint64(key))
	return id
}

// errDamaged says that an event is there and cannot be read.
var errDamaged = errors.New("the store cannot read the event")

// errMissing says that an event is not there although something refers to it.
var errMissing = errors.New("the event is missing")

// legible says what is wrong with an event's envelope, if anything is: whoever is
// sent it must be able to read it.
func legible(envelope []byte) error {
	if !json.Valid(envelope) {
		return errors.New("the event is damaged: it is not JSON")
	}
	return nil
}

// identity is the id that an event has in the store, under its key, and, where
// it came of another, that one's: self is what the store has in the column of
// this name, the one of both that is not in the envelope.
func identity(key int64, envelope, self []byte) (id, origin event.ID, err error) {
	if id, err = event.IDOf(envelope); err != nil {
		return id, event.ID{}, fmt.Errorf("the event is damaged: %w", err)
	}
	if self != nil && len(self) != len(id) {
		return id, origin, fmt.Errorf("the second id of an event is damaged: %x", self)
	}
	switch {
	case id.Key() == key && self == nil:
		return id, event.ID{}, nil
	case id.Key() == key:
		return id, event.ID(self), nil // it is replayed
	case self != nil && event.ID(self).Key() == key:
		return event.ID(self), id, nil // it is a copy
	}
	return id, origin, fmt.Errorf("the event is damaged: its id %s is not the one that it is kept by", id)
}

// identityOf is identity for a list, which must show the row even so: an
// event that is missing, or damaged, is set aside and has the id of its key.
func (s *Store) identityOf(key int64, envelope, self []byte) (id, origin event.ID) {
	id, origin, err := identity(key, envelope, self)
	if len(envelope) == 0 {
		err = errMissing
	}
	if err != nil {
		s.setEventAside(key, err)
		return idAt(key), event.ID{}
	}
	return id, origin
}

// spoilt reports whether an error says that what was read is damaged, so that
// reading it again would end the same.
func spoilt(err error) bool {
	return err != nil && sqlite.ErrCode(err).ToPrimary() == sqlite.ResultCorrupt
}

// unreadable makes a delivery of what can still be said of it, so that it can be
// ended.
func (s *Store) unreadable(ref store.Ref, cause error) store.Parked {
	s.setEventAside(ref.Event, cause)
	return store.Parked{Event: &event.Event{ID: idAt(ref.Event)}, N: ref.N, Unreadable: cause}
}
