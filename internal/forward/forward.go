// Package forward passes messages of dead-letter queues on to Amazon SQS, or
// to what speaks its API, by the queues' ARNs.
//
// A message stays in the store until SQS has taken it, across restarts, and is
// tried again after ever longer waits. SQS may have taken a message whose
// answer was lost: it is then sent twice. Each queue is apart from the others.
package forward

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"bailey/internal/clock"
	"bailey/internal/metrics"
	"bailey/internal/retry"
	"bailey/internal/sigv4"
	"bailey/internal/store"
	"bailey/internal/store/sqlite"
)

const (
	// together is how many messages of a queue are under way at once while all
	// is well. While it is not, there is one.
	together = 8
	// sendTime is the limit of one request, in real time.
	sendTime = 10 * time.Second
	// longest is the longest wait before a queue is tried again; a message that
	// was refused for what it is waits as long as any retry.
	longest = time.Minute
	// tryAgain is how long to wait after the store failed.
	tryAgain = time.Second
)

// Config puts a [Forwarder] together. Store, Metrics, Clock and Credentials
// are required.
type Config struct {
	Store   *sqlite.Store
	Metrics *metrics.Metrics
	Clock   clock.Clock
	// Endpoint is the URL of the service for every queue; "" means AWS's own
	// in the region of each.
	Endpoint    string
	Credentials sigv4.Credentials
	UserAgent   string
	// Log receives what is refused; nil means slog.Default().
	Log *slog.Logger
}

// A Forwarder sends what dead-letter queues hold. Its methods may be called
// concurrently.
type Forwarder struct {
	cfg       Config
	signer    *sigv4.Signer
	transport *http.Transport
	stopping  chan struct{}   // closed when nothing more is to be begun
	ctx       context.Context // of what has begun
	cancel    context.CancelFunc
	running   sync.WaitGroup

	mu      sync.Mutex
	stopped bool
	queues  map[string]*sender
}

// New returns a forwarder that does nothing until Start.
func New(cfg Config) (*Forwarder, error) {
	cfg.Log = cmp.Or(cfg.Log, slog.Default())
	cfg.Endpoint = strings.TrimRight(cfg.Endpoint, "/")
	if cfg.Endpoint != "" {
		u, err := url.Parse(cfg.Endpoint)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" {
			return nil, fmt.Errorf("the endpoint to forward dead letters to is a URL such as https://sqs.eu-west-1.amazonaws.com, not %q", cfg.Endpoint)
		}
	}
	signer, err := sigv4.New(cfg.Credentials)
	if err != nil {
		return nil, fmt.Errorf("forwarding dead letters: %w", err)
	}
	f := &Forwarder{
		cfg:       cfg,
		signer:    signer,
		transport: &http.Transport{ForceAttemptHTTP2: true, MaxIdleConnsPerHost: together, IdleConnTimeout: 90 * time.Second},
		stopping:  make(chan struct{}),
		queues:    map[string]*sender{},
	}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f, nil
}

// Start sends what an earlier process left. It is called once.
func (f *Forwarder) Start(ctx context.Context) error {
	queues, err := f.cfg.Store.DeadLetterQueues(ctx)
	if err != nil {
		return err
	}
	for _, q := range queues {
		f.Arrived(q)
	}
	return nil
}

// Stop ends the work: no message is sent any more, and those under way are
// waited for, so that none that SQS has taken is sent again, until ctx is done;
// then they are cut off. What SQS has not taken is sent after the next Start.
// It is called once.
func (f *Forwarder) Stop(ctx context.Context) {
	f.mu.Lock()
	f.stopped = true
	f.mu.Unlock()
	close(f.stopping)
	defer context.AfterFunc(ctx, f.cancel)()
	f.running.Wait()
	f.cancel()
	f.transport.CloseIdleConnections()
}

// isStopping reports whether Stop was called.
func (f *Forwarder) isStopping() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stopped
}

// Arrived says that a queue holds a message. It does not block.
func (f *Forwarder) Arrived(queue string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		return
	}
	s := f.queues[queue]
	if s == nil {
		s = &sender{f: f, arn: queue, wake: make(chan struct{}, 1), busy: true}
		f.queues[queue] = s
		f.running.Go(s.run)
	}
	s.more = true
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Idle reports whether nothing is under way and nothing is to be sent before a
// later moment, for which an alarm is set.
func (f *Forwarder) Idle() bool {
	now := f.cfg.Clock.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.queues {
		if s.busy || s.more && !s.paused || !s.until.IsZero() && !s.until.After(now) {
			return false
		}
	}
	return true
}

// sender sends the messages of one queue. There are as many as there are
// dead-letter queues. The forwarder's mutex guards what stands after wake.
type sender struct {
	f    *Forwarder
	arn  string
	wake chan struct{}

	busy   bool
	more   bool      // a message has come since the store was read
	paused bool      // the queue takes nothing at present: messages that come wait too
	until  time.Time // what the alarm is set for
}

func (s *sender) run() {
	f := s.f
	alarm := f.cfg.Clock.NewAlarm()
	defer alarm.Stop()
	for failures := 0; !f.isStopping(); {
		limit := together
		if failures > 0 {
			limit = 1
		}
		f.mu.Lock()
		s.more = false
		f.mu.Unlock()
		letters, next, err := f.cfg.Store.Forwardable(f.ctx, s.arn, f.cfg.Clock.Now(), limit)
		switch {
		case err != nil:
			if f.ctx.Err() == nil {
				f.cfg.Log.Error("dead letters could not be read; trying again", "queue", s.arn, "error", err)
			}
			s.wait(alarm, f.cfg.Clock.Now().Add(tryAgain), true)
		case len(letters) == 0:
			s.wait(alarm, next, false)
		case s.send(letters):
			failures = 0
		default:
			failures++
			s.wait(alarm, f.cfg.Clock.Now().Add(pause(failures)), true)
		}
	}
}

// pause is how long a queue rests after so many failures in a row.
func pause(failures int) time.Duration {
	return min(retry.Backoff(failures, rand.Float64), longest)
}

// wait returns when the moment has come (never, for the zero time) or, unless
// the queue is paused, when a message has.
func (s *sender) wait(alarm clock.Alarm, until time.Time, paused bool) {
	wake := s.wake
	if paused {
		wake = nil
	}
	alarm.Set(until)
	s.f.mu.Lock()
	s.busy, s.paused, s.until = false, paused, until
	s.f.mu.Unlock()
	select {
	case <-s.f.stopping:
	case <-alarm.C():
	case <-wake:
	}
	s.f.mu.Lock()
	s.busy = true
	s.f.mu.Unlock()
}

// send sends messages together and reports whether the queue takes any.
func (s *sender) send(letters []store.DeadLetter) bool {
	var refused atomic.Bool
	var all sync.WaitGroup
	for i := range letters {
		all.Go(func() {
			if !s.sendOne(&letters[i]) {
				refused.Store(true)
			}
		})
	}
	all.Wait()
	return !refused.Load()
}

// sendOne sends one message and remembers what came of it. It returns false if
// another message would have met the same.
func (s *sender) sendOne(d *store.DeadLetter) bool {
	f := s.f
	rule := f.cfg.Metrics.Find(d.Route.Region, d.Route.Bus, d.Route.Rule)
	why := f.post(s.arn, d)
	if why == nil {
		rule.DeadLettered()
		s.keep("forwarded", func() error {
			_, err := f.cfg.Store.DeleteDeadLetter(f.ctx, d.ID)
			return err
		})
		return true
	}
	if f.ctx.Err() != nil {
		return false // cut off by Stop
	}
	if d.Tries == 0 {
		rule.DeadLetterFailed()
		f.cfg.Log.Warn("a dead letter could not be forwarded; it stays here and is tried again", "queue", s.arn, "dead_letter", d.ID, "event_id", d.Event, "error", why)
	}
	rest := pause(d.Tries + 1)
	if why.one {
		rest = retry.Backoff(d.Tries+1, rand.Float64)
	}
	s.keep("postponed", func() error {
		return f.cfg.Store.PostponeDeadLetter(f.ctx, d.ID, f.cfg.Clock.Now().Add(rest))
	})
	return why.one
}

// keep writes to the store until that succeeds: a message that was taken must
// not be sent again because the disk was full for a moment.
func (s *sender) keep(what string, write func() error) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-s.f.ctx.Done():
			return
		case <-timer.C:
		}
		err := write()
		if err == nil || s.f.ctx.Err() != nil {
			return
		}
		s.f.cfg.Log.Error("what became of a dead letter could not be stored; trying again", "became", what, "queue", s.arn, "error", err)
		timer.Reset(tryAgain)
	}
}
