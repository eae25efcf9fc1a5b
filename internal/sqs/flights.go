package sqs

import (
	"container/heap"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"bailey"
	"bailey/internal/clock"
	"bailey/internal/store"
)

// maxFlights bounds the messages in flight of all queues together. SQS has the
// same bound for each.
const maxFlights = 120_000

// errOverLimit says that there are so many.
var errOverLimit = refuse("OverLimit", "OverLimit", "Too many messages in flight.")

// A flight is what is known of a message that was received and not deleted. It
// is invisible until a moment; after that it is visible again.
type flight struct {
	id       int64
	until    time.Time
	received int
	first    time.Time // received
	nonce    uint64    // of the latest receipt handle
	index    int       // in the queue's heap
}

// waitingRoom is one queue's flights.
type waitingRoom struct {
	mu      sync.Mutex
	next    int64 // messages up to this one are in flight, or gone
	flights map[int64]*flight
	byTime  flightHeap
}

// flights are those of all queues.
type flights struct {
	router *bailey.Router
	clock  clock.Clock

	mu    sync.Mutex
	rooms map[string]*waitingRoom // by the queue's ARN
	total int
}

func (f *flights) init(router *bailey.Router, c clock.Clock) {
	f.router, f.clock, f.rooms = router, c, map[string]*waitingRoom{}
}

func (f *flights) room(arn string) *waitingRoom {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.rooms[arn]
	if w == nil {
		w = &waitingRoom{flights: map[int64]*flight{}}
		f.rooms[arn] = w
	}
	return w
}

// reserve takes up to n places for flights.
func (f *flights) reserve(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n = min(n, maxFlights-f.total)
	f.total += n
	return n
}

func (f *flights) release(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.total -= n
}

// received is a message on its way to a consumer.
type received struct {
	letter store.DeadLetter
	flight flight // as it was then
}

// take receives up to n visible messages of a queue, which are invisible from
// then on for the time given: those that were received before and are visible
// again, then the oldest of the others. next is when another becomes visible
// again, or the zero time.
func (f *flights) take(ctx context.Context, arn string, n int, visibility time.Duration) (all []received, next time.Time, err error) {
	w := f.room(arn)
	w.mu.Lock()
	defer w.mu.Unlock()
	now := f.clock.Now()
	// Whichever are visible again are taken out of the heap before any of them
	// flies: one that flies for no time is visible at once, and would be taken
	// again and again.
	var again []*flight
	defer func() {
		for _, x := range again { // an error: they are as they were
			heap.Push(&w.byTime, x)
		}
	}()
	for len(again) < n && len(w.byTime) > 0 && !w.byTime[0].until.After(now) {
		letter, err := f.router.DeadLetter(ctx, w.byTime[0].id)
		if errors.Is(err, store.ErrNotFound) { // redriven, purged, or too old
			f.land(w, w.byTime[0])
			continue
		}
		if err != nil {
			return nil, time.Time{}, err
		}
		again = append(again, heap.Pop(&w.byTime).(*flight))
		all = append(all, received{letter: *letter})
	}
	var letters []store.DeadLetter
	if len(all) < n {
		places := f.reserve(n - len(all))
		if places > 0 {
			letters, err = f.router.DeadLetters(ctx, store.Undelivered{Queue: arn}, w.next, places)
		}
		f.release(places - len(letters))
		if err != nil {
			return nil, time.Time{}, err
		}
		if places == 0 && len(all) == 0 {
			return nil, time.Time{}, errOverLimit
		}
	}
	for i, x := range again {
		all[i].flight = w.fly(x, now, visibility)
	}
	again = nil
	for i := range letters {
		first := &flight{id: letters[i].ID, first: now, index: -1}
		w.flights[first.id], w.next = first, first.id
		all = append(all, received{letters[i], w.fly(first, now, visibility)})
	}
	if len(w.byTime) > 0 {
		next = w.byTime[0].until
	}
	return all, next, nil
}

// fly makes a message invisible. The caller holds mu.
func (w *waitingRoom) fly(x *flight, now time.Time, visibility time.Duration) flight {
	x.received++
	x.until = now.Add(visibility)
	var nonce [8]byte
	_, _ = rand.Read(nonce[:]) // never fails: crypto/rand ends the program instead
	x.nonce = binary.BigEndian.Uint64(nonce[:])
	if x.index < 0 {
		heap.Push(&w.byTime, x)
	} else {
		heap.Fix(&w.byTime, x.index)
	}
	return *x
}

// land forgets a flight. The caller holds the room's mu.
func (f *flights) land(w *waitingRoom, x *flight) {
	heap.Remove(&w.byTime, x.index)
	delete(w.flights, x.id)
	f.release(1)
}

// landed forgets the flight of a message that was deleted.
func (f *flights) landed(arn string, id int64) {
	w := f.room(arn)
	w.mu.Lock()
	defer w.mu.Unlock()
	if x := w.flights[id]; x != nil {
		f.land(w, x)
	}
}

// reset forgets all flights of a queue: whatever it holds is visible. A purge
// leaves nothing but what came while it went on, which may come twice.
func (f *flights) reset(arn string) {
	w := f.room(arn)
	w.mu.Lock()
	defer w.mu.Unlock()
	f.release(len(w.flights))
	clear(w.flights)
	w.byTime, w.next = nil, 0
}

// change sets anew for how long a message is invisible, and reports whether
// the handle is that of its latest flight, which is under way.
func (f *flights) change(arn string, h handle, visibility time.Duration) bool {
	w := f.room(arn)
	w.mu.Lock()
	defer w.mu.Unlock()
	now := f.clock.Now()
	x := w.flights[h.id]
	if x == nil || x.nonce != h.nonce || !x.until.After(now) {
		return false
	}
	x.until = now.Add(visibility)
	heap.Fix(&w.byTime, x.index)
	return true
}

// inFlight counts a queue's messages that are invisible now.
func (f *flights) inFlight(arn string) (n int64) {
	w := f.room(arn)
	w.mu.Lock()
	defer w.mu.Unlock()
	now := f.clock.Now()
	for _, x := range w.byTime {
		if x.until.After(now) {
			n++
		}
	}
	return n
}

// flightHeap orders flights by the moment at which each is visible again.
type flightHeap []*flight

func (h flightHeap) Len() int           { return len(h) }
func (h flightHeap) Less(i, j int) bool { return h[i].until.Before(h[j].until) }
func (h flightHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push and Pop are for package heap.
func (h *flightHeap) Push(x any) {
	f := x.(*flight)
	f.index = len(*h)
	*h = append(*h, f)
}

func (h *flightHeap) Pop() any {
	last := len(*h) - 1
	f := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	f.index = -1
	return f
}
