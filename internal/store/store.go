// Package store says what Bailey keeps: events, their deliveries, what went
// wrong, dead letters and configuration. The tables and queries are in its
// sub-packages; package sqlite is the one that every server uses by default.
//
// An event is one row, written once. A delivery (one event on its way to one
// target) gets a row only when there is something to say about it: that it
// was delivered, that it waits for a moment, that it is dead. One that was
// committed and is on its way for the first time is known by its event's row
// alone, which names the targets; a restart finds it there. So the life of an
// event that is delivered at once costs two inserts at the end of two tables
// and no update.
package store

import (
	"errors"
	"fmt"
	"time"

	"bailey/internal/event"
)

// Status is where a delivery stands.
type Status uint8

// The three states of a delivery. Pending is the only one that changes by
// itself.
const (
	Pending   Status = iota // under way, or waiting for its next attempt
	Delivered               // answered with a status of 2xx
	Dead                    // given up; see its error code
)

var statusNames = [...]string{"pending", "delivered", "dead"}

func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return fmt.Sprintf("status %d", uint8(s))
}

// ParseStatus reads what [Status.String] writes.
func ParseStatus(text string) (Status, error) {
	for i, name := range statusNames {
		if name == text {
			return Status(i), nil
		}
	}
	return 0, fmt.Errorf("status %q is none of pending, delivered, dead", text)
}

// Route names one target of one rule.
type Route struct{ Region, Bus, Rule, Target string }

// Endpoint is what deliveries queue for: a REST API and stage, and of that one
// route, a method and path such as "POST /orders/*". The stage is empty where
// the API's one URL serves every stage. The zero Endpoint stands for deliveries
// that lead nowhere and fail when they are looked at.
//
// The route is empty where the API and stage as a whole are meant, and in rows
// of a Bailey that did not tell routes apart.
type Endpoint struct {
	API, Stage string
	Route      string `json:",omitempty"`
}

// Whole is the endpoint without its route: the API and stage.
func (e Endpoint) Whole() Endpoint { return Endpoint{API: e.API, Stage: e.Stage} }

// Record is one event to be committed, with its deliveries. An event that no
// rule matched has none; it is kept all the same, so that one can see that it
// came.
type Record struct {
	Event      *event.Event
	Region     string
	Bus        string
	Deliveries []Fresh
	// Origin is set for an event that came of another one, Origin. One that was
	// put on another bus is a copy: it has an id of its own in the store,
	// Event.ID, and that of the original in its envelope. One that is replayed
	// has its own in both.
	Origin event.ID
	// Tick is set for the event of a schedule: it is remembered with it.
	Tick *Tick
	// Archived, when not nil, is what archives keep of the event.
	Archived *Archived
	// Replayed is set for the last event of a batch that a replay puts: how far
	// the replay has come is remembered with them.
	Replayed *ReplayMark
	// Ticket is set by a successful Put. An [Outcome] of one of the
	// deliveries that were not parked hands it back.
	Ticket *Ticket
}

// Tick is a moment at which a rule ran because its schedule said so.
type Tick struct {
	Region, Bus, Rule string
	At                time.Time // kept to the millisecond
}

// Archived says which archives an event goes into, and what they need to know.
type Archived struct {
	Archives []string  // by id
	Time     time.Time // of the event itself, by which it is replayed
	Size     int64     // what it counts for
}

// ArchivedEvent is an event as an archive has it.
type ArchivedEvent struct {
	No   int64 // grows in the order in which events came
	Time time.Time
	JSON []byte
}

// ReplayMark is the event that a replay came to last.
type ReplayMark struct {
	Replay string    // by id
	Time   time.Time // of the event; zero before the first
	No     int64
}

// Fresh is a delivery that is being committed with its event.
type Fresh struct {
	Route    Route
	Endpoint Endpoint
	// Parked deliveries get a row, due at once, and are read back from the
	// store when there is room. The others are delivered from memory.
	Parked bool
	// Done deliveries are delivered by being committed: those to another bus,
	// whose copy of the event is in the same transaction.
	Done bool
}

// Ticket stands for the deliveries of one commit that have no rows yet. The
// store's writer owns it.
type Ticket struct {
	Oldest int64 // the smallest key among its events
	Open   int   // its deliveries without a row
}

// Outcome is what is to be remembered of a delivery after an attempt.
type Outcome struct {
	Event    int64 // key of the event
	N        int   // which of the event's deliveries, from 0
	Route    Route
	Endpoint Endpoint
	Ticket   *Ticket // of a delivery that had no row before, else nil

	Status     Status
	Due        time.Time // next attempt, when pending
	Attempts   int       // made so far, since it was last redriven
	Earlier    int       // made before that
	At         time.Time // of this outcome
	Latency    time.Duration
	StatusCode int // of the last answer, 0 when there was none
	ErrorCode  string
	Error      string

	// From is the API that the delivery waited for, and Bytes the length of its
	// event: what the API holds of the store no longer once it has ended, or
	// waits for another.
	From  string
	Bytes int

	// Failed says that the last attempt is to be kept in the history of
	// attempts, with the fields above.
	Failed bool
	// DeadLetter, when not nil, is put into its queue with this outcome.
	DeadLetter *DeadLetter

	// Durable, when not nil, is called once the outcome is committed, by the
	// store's writer: it must not block and must not call the store.
	Durable func(*Outcome)
}

// DeadLetter is a message in a dead-letter queue: what a target was to be sent
// and did not take, with the attributes that AWS gives it.
type DeadLetter struct {
	ID    int64 // set by the store; never used again
	Queue string
	Event event.ID // as in the event's envelope
	Route Route    // set by the store; zero where the delivery is forgotten
	// Body is the target's input: the envelope where nothing transforms it. It
	// need not be JSON.
	Body []byte
	// TraceHeader is the event's, empty where it has none.
	TraceHeader  string
	RuleARN      string
	TargetARN    string
	ErrorCode    string
	ErrorMessage string
	// RetryAttempts counts the retries, not the first attempt.
	RetryAttempts int
	// Exhausted is MaximumRetryAttempts, MaximumEventAgeInSeconds or empty.
	Exhausted string
	At        time.Time
	// Tries counts how often it could not be forwarded to its queue elsewhere.
	Tries int
}

// Parked is a delivery read back from the store to be tried.
type Parked struct {
	Event    *event.Event
	N        int
	Route    Route
	Attempts int // since it was last redriven
	Due      time.Time
	// Since is when it was last redriven, and Earlier counts the attempts made
	// before: both zero for one that never was.
	Since   time.Time
	Earlier int
	// What the last attempt came to, if there was one.
	StatusCode int
	ErrorCode  string
	Error      string
	// Unreadable, when not nil, says why the event cannot be read: nothing can
	// be sent. Event then has as much as there is, and the event's key in its id.
	Unreadable error
}

// Window says how much is read of what is due.
type Window struct {
	Most  int              // deliveries, those to skip not among them
	Bytes int64            // of their events, the last of which may go beyond; 0 leaves it to the store, which has a limit too
	Skip  map[Ref]struct{} // those that are in memory already
}

// Ref names a delivery.
type Ref struct {
	Event int64
	N     int
}

// Backlog says what waits in the store for one endpoint, of one route.
type Backlog struct {
	Endpoint Endpoint
	Route    Route
	Count    int64
	NextDue  time.Time
}

// Delivery is one line of the delivery log.
type Delivery struct {
	Event      event.ID
	Origin     event.ID // what the event is a copy or a replay of, else zero
	N          int
	Route      Route
	Endpoint   Endpoint
	Status     Status
	Attempts   int       // since it was last redriven
	Earlier    int       // made before that
	Redriven   time.Time // when that was; zero for one that never was
	Due        time.Time // zero unless pending
	At         time.Time // of the last outcome; zero before the first
	Ingested   time.Time
	Latency    time.Duration
	StatusCode int
	ErrorCode  string
	Error      string
	Queue      string // ARN of the dead-letter queue that holds a message about it, or ""
}

// Attempt is one attempt that failed.
type Attempt struct {
	N          int // which of the event's deliveries
	Number     int // from 1
	At         time.Time
	Latency    time.Duration
	StatusCode int
	ErrorCode  string
	Error      string
}

// Query selects from the delivery log. Zero fields select everything.
type Query struct {
	Event  *event.ID
	Region string
	Bus    string
	Rule   string
	Target string
	API    string
	// APIOf says to which API a delivery goes that is on its way for the first
	// time, and has no row yet; nil leaves these out where an API is asked for.
	APIOf  func(Route) string
	Status *Status
	Since  time.Time // events ingested at or after
	Limit  int       // at most this many; 0 means 100, never more than 1,000
	Next   string    // continues a page
}

// StoredEvent is an event as the store has it.
type StoredEvent struct {
	event.Event
	Origin event.ID // what it is a copy or a replay of, else zero
	Region string
	Bus    string
	Routes []Route
}

// EventQuery selects events. The zero value selects all.
type EventQuery struct {
	Region, Bus string
	Since       time.Time
	Unmatched   bool                       // only those that went to no target
	Match       func(envelope []byte) bool // must not keep the envelope; nil matches all
	Limit       int                        // of the events of a page; 0 means 100, the most is 1,000
	Next        string                     // the token of the page before
}

// Document is one piece of configuration. A nil Body deletes it.
type Document struct {
	Kind string
	Key  string
	Body []byte
}

// ErrNotFound is returned for an event that the store does not have.
var ErrNotFound = errors.New("not in the store")

// ErrToken is returned for a token that is none of the list's.
var ErrToken = errors.New("not a token of this list")

// ErrClosed is returned once the store is being closed.
var ErrClosed = errors.New("the store is closed")

// ErrBusy is returned while more waits to be committed than the store takes.
var ErrBusy = errors.New("too much waits to be committed")

// A FullError says that the store has no room: the disk, or a limit.
type FullError struct {
	Limit string // the setting that bounds it, as the config has it; "" for the disk
	Cause error
}

func (e *FullError) Error() string {
	if e.Limit != "" {
		return "the store has no room, by " + e.Limit + ": " + e.Cause.Error()
	}
	return "the store has no room: " + e.Cause.Error()
}

// Unwrap returns what the database said.
func (e *FullError) Unwrap() error { return e.Cause }

// Selects says whether the query, as far as it names routes, selects r.
func (q *Query) Selects(r Route) bool {
	return (q.Region == "" || q.Region == r.Region) && (q.Bus == "" || q.Bus == r.Bus) &&
		(q.Rule == "" || q.Rule == r.Rule) && (q.Target == "" || q.Target == r.Target)
}

// With is the endpoint of one of its routes.
func (e Endpoint) With(route string) Endpoint {
	e.Route = route
	return e
}
