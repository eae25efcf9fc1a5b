package bailey

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"bailey/internal/event"
	"bailey/internal/forward"
	"bailey/internal/redrive"
	"bailey/internal/sigv4"
	"bailey/internal/store"
)

// Forward says where messages for dead-letter queues are sent. Each goes to
// the queue that its target's dead-letter config names; it stays here until it
// was taken there.
type Forward struct {
	// Endpoint is the URL of the service for every queue; "" means AWS's own
	// in the region of each.
	Endpoint string
	// Credentials may send to the queues. They are required.
	Credentials sigv4.Credentials
}

// newDeadLetters makes what sends dead letters again, and elsewhere. It is
// called before anything is delivered.
func (r *Router) newDeadLetters() (err error) {
	r.redriver = redrive.New(redrive.Config{
		Store: r.store, Clock: r.clock, Endpoint: r.dispatcher.EndpointOf, Due: r.dispatcher.Due, Log: r.log,
	})
	r.metrics.Counter("bailey_redriven_deliveries_total", "Deliveries that were given up and sent again by an operator.",
		func() float64 { return float64(r.redriver.Redriven()) })
	if r.cfg.Forward == nil {
		return nil
	}
	r.forwarder, err = forward.New(forward.Config{
		Store: r.store, Metrics: r.metrics, Clock: r.clock, Log: r.log, UserAgent: "Bailey/" + r.cfg.Version,
		Endpoint: r.cfg.Forward.Endpoint, Credentials: r.cfg.Forward.Credentials,
	})
	return err
}

func (r *Router) startDeadLetters(ctx context.Context) error {
	if err := r.redriver.Start(ctx); err != nil {
		return err
	}
	if r.forwarder == nil {
		return nil
	}
	if err := r.forwarder.Start(ctx); err != nil {
		r.redriver.Stop()
		return fmt.Errorf("going on with forwarding dead letters: %w", err)
	}
	return nil
}

func (r *Router) stopForwarding(ctx context.Context) {
	if r.forwarder != nil {
		r.forwarder.Stop(ctx)
	}
}

// deadLettersIdle reports whether nothing is due that has to do with dead
// letters.
func (r *Router) deadLettersIdle() bool {
	return r.redriver.Idle() && (r.forwarder == nil || r.forwarder.Idle())
}

// deadLettered is told by the store's writer that a queue has a new message.
func (r *Router) deadLettered(queue string) {
	if r.forwarder != nil {
		r.forwarder.Arrived(queue)
	}
	r.arrivals.tell(queue)
}

// DeadLetters returns up to limit messages of dead-letter queues, oldest
// first, that come after the one with the id.
func (r *Router) DeadLetters(ctx context.Context, which store.Undelivered, after int64, limit int) ([]store.DeadLetter, error) {
	return r.store.DeadLetters(ctx, which, after, limit)
}

// DeadLetterPage is DeadLetters within bounds: it may return fewer than limit,
// or none, and the id that the next page comes after; 0 where there are no more.
func (r *Router) DeadLetterPage(ctx context.Context, which store.Undelivered, after int64, limit int) ([]store.DeadLetter, int64, error) {
	return r.store.DeadLetterPage(ctx, which, after, limit)
}

// DeadLetter returns one message of a dead-letter queue, or
// [store.ErrNotFound].
func (r *Router) DeadLetter(ctx context.Context, id int64) (*store.DeadLetter, error) {
	return r.store.DeadLetter(ctx, id)
}

// DeleteDeadLetter removes one message from its queue and reports whether it
// was there. Its delivery stays in the log as dead; it is redriven no more
// unless its event is named.
func (r *Router) DeleteDeadLetter(ctx context.Context, id int64) (bool, error) {
	return r.store.DeleteDeadLetter(ctx, id)
}

// PurgeDeadLetters removes messages from dead-letter queues and returns how
// many.
func (r *Router) PurgeDeadLetters(ctx context.Context, which store.Undelivered) (int, error) {
	return r.store.PurgeDeadLetters(ctx, which)
}

// CountDeadLetters returns how many messages a dead-letter queue holds.
func (r *Router) CountDeadLetters(ctx context.Context, queue string) (int64, error) {
	return r.store.CountDeadLetters(ctx, queue)
}

// DeadLetterQueues returns the ARNs of the dead-letter queues that there are,
// sorted: those that targets and event buses name, and those that hold
// messages.
func (r *Router) DeadLetterQueues(ctx context.Context) ([]string, error) {
	holding, err := r.store.DeadLetterQueues(ctx)
	if err != nil {
		return nil, err
	}
	return union(holding, r.rules.DeadLetterQueues()), nil
}

// DeadRetention is how long a message in a dead-letter queue is kept.
func (r *Router) DeadRetention() time.Duration { return r.cfg.DeadRetention }

// NextDeadLetter returns a channel that is closed when the queue has got
// another message.
func (r *Router) NextDeadLetter(queue string) <-chan struct{} { return r.arrivals.next(queue) }

// WakeDeadLetter closes the channel that NextDeadLetter has returned for the
// queue: somebody who waits for a message should look again.
func (r *Router) WakeDeadLetter(queue string) { r.arrivals.tell(queue) }

// Redrive begins to send again the deliveries that were given up until now and
// are selected, at so many a second; 0 is as fast as their endpoints take them.
// Those whose message in a dead-letter queue was taken out of it are left:
// somebody has dealt with them. A delivery goes to its target as that is by
// then, and its attempts and its age count anew; the history of its attempts is
// kept. What has begun goes on across restarts; where nothing is selected, it is
// done and has no id.
func (r *Router) Redrive(ctx context.Context, which store.Undelivered, rate float64) (*store.Redrive, error) {
	return r.redriver.Begin(ctx, which, rate)
}

// RedriveEvent sends again at once those deliveries of one event that were
// given up and are selected, whoever has dealt with the messages about them,
// and returns how many. The error is [store.ErrNotFound] where there is no such
// event.
func (r *Router) RedriveEvent(ctx context.Context, id event.ID, which store.Undelivered) (int64, error) {
	if _, err := r.store.Event(ctx, id); err != nil {
		return 0, err
	}
	return r.redriver.Event(ctx, id, which)
}

// HurryEvent sends now those deliveries of one event that are selected and wait
// for a later moment, such as the end of a backoff, and returns how many. Their
// attempts and age go on counting. What else holds them, as a pause of their API
// or its open circuit does, still does.
func (r *Router) HurryEvent(ctx context.Context, id event.ID, which store.Undelivered) (int64, error) {
	return r.redriver.Hurry(ctx, id, which)
}

// RedriveDeadLetter sends again at once the delivery of one message in a
// dead-letter queue, or returns [store.ErrNotFound].
func (r *Router) RedriveDeadLetter(ctx context.Context, id int64) error {
	return r.redriver.DeadLetter(ctx, id)
}

// Redrives returns the redrives that are running, and the latest that have
// ended, newest first.
func (r *Router) Redrives(ctx context.Context) ([]store.Redrive, error) { return r.store.Redrives(ctx) }

// RedriveStatus returns how far a redrive has come, or [store.ErrNotFound].
func (r *Router) RedriveStatus(ctx context.Context, id int64) (*store.Redrive, error) {
	return r.store.Redrive(ctx, id)
}

// CancelRedrive ends a redrive and returns it. What it has sent again is under
// way.
func (r *Router) CancelRedrive(ctx context.Context, id int64) (*store.Redrive, error) {
	return r.redriver.Cancel(ctx, id)
}

// arrivals wakes those who wait for messages in dead-letter queues. The zero
// value is ready.
type arrivals struct {
	mu     sync.Mutex
	queues map[string]chan struct{} // of queues that somebody has waited for
}

func (a *arrivals) next(queue string) <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.queues[queue]
	if c == nil {
		if a.queues == nil {
			a.queues = map[string]chan struct{}{}
		}
		c = make(chan struct{})
		a.queues[queue] = c
	}
	return c
}

func (a *arrivals) tell(queue string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.queues[queue]; c != nil {
		close(c)
		delete(a.queues, queue)
	}
}

// union puts sorted lists together.
func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}
