package event

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"sync"
	"time"
)

// ID identifies one event: a UUID of version 7 (RFC 9562), whose first 64
// bits grow with every event that one [IDs] stamps. Those 64 bits are the
// event's key in the store, so that an event is found by its id without an
// index, and events lie on disk in the order in which they came.
type ID [16]byte

// Key is the first half of the id as a number: 48 bits of Unix milliseconds,
// the version, and a 12-bit counter within the millisecond.
func (id ID) Key() int64 { return int64(binary.BigEndian.Uint64(id[:8])) }

// String is the usual form of a UUID, 36 characters in lower case.
func (id ID) String() string {
	var text [36]byte
	id.encode(text[:])
	return string(text[:])
}

// Append appends what [ID.String] returns.
func (id ID) Append(dst []byte) []byte {
	dst = append(dst, "00000000-0000-0000-0000-000000000000"...)
	id.encode(dst[len(dst)-36:])
	return dst
}

func (id ID) encode(dst []byte) {
	hex.Encode(dst[0:8], id[0:4])
	dst[8] = '-'
	hex.Encode(dst[9:13], id[4:6])
	dst[13] = '-'
	hex.Encode(dst[14:18], id[6:8])
	dst[18] = '-'
	hex.Encode(dst[19:23], id[8:10])
	dst[23] = '-'
	hex.Encode(dst[24:36], id[10:16])
}

var errID = errors.New("an event id is a UUID: 8-4-4-4-12 hexadecimal digits")

// ParseID reads the form that [ID.String] writes, in either letter case. Any
// UUID is read, of whatever version: an id that no [IDs] stamped is simply
// found nowhere.
func ParseID(text string) (ID, error) {
	var id ID
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return id, errID
	}
	digits := text[0:8] + text[9:13] + text[14:18] + text[19:23] + text[24:36]
	if _, err := hex.Decode(id[:], []byte(digits)); err != nil {
		return ID{}, errID
	}
	return id, nil
}

// KeyAt is the smallest key that an id stamped at t can have. It turns a
// moment into a bound for a search by key.
func KeyAt(t time.Time) int64 {
	ms := max(t.UnixMilli(), 0)
	return ms<<16 | 7<<12
}

// KeyTime is the moment, to the millisecond, that a key carries.
func KeyTime(key int64) time.Time { return time.UnixMilli(key >> 16).UTC() }

// IDs stamps ids whose keys never repeat and never go back, also when the
// clock does. The zero value is ready to use. Its methods may be called by
// any number of goroutines.
type IDs struct {
	mu   sync.Mutex
	last int64 // milliseconds<<12 | counter of the newest id
	pool [512]byte
	free []byte
}

// StartAfter makes every further id's key larger than key. A server calls it
// with the largest key of its store, so that a clock set back while it was
// down cannot make it use a key twice.
func (g *IDs) StartAfter(key int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last = max(g.last, key>>16<<12|key&0xfff)
}

// New stamps an id for the moment now. More than 4,096 ids in a millisecond
// borrow from the next one.
func (g *IDs) New(now time.Time) ID {
	var id ID
	g.mu.Lock()
	g.last = max(g.last+1, max(now.UnixMilli(), 0)<<12)
	stamp := g.last
	if len(g.free) < 8 {
		// Never fails: crypto/rand ends the program if the system has no
		// randomness.
		_, _ = rand.Read(g.pool[:])
		g.free = g.pool[:]
	}
	copy(id[8:], g.free[:8])
	g.free = g.free[8:]
	g.mu.Unlock()

	binary.BigEndian.PutUint64(id[:8], uint64(stamp>>12<<16|7<<12|stamp&0xfff))
	id[8] = id[8]&0x3f | 0x80
	return id
}
