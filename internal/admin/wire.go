package admin

import (
	"encoding/json"
	"time"

	"bailey/internal/deliver"
	"bailey/internal/event"
	"bailey/internal/rule"
	"bailey/internal/store"
)

// Error is the body of every answer that is not a success.
type Error struct {
	Code    string `json:"error"`
	Message string `json:"message"`
}

// Delivery is one event on its way to one target. In JSON nextAttemptAt,
// lastStatusCode, lastErrorCode and lastError are always there, null where there
// is none.
type Delivery struct {
	EventID      string `json:"eventId"`
	OriginalID   string `json:"originalEventId,omitempty"` // what the event is a replay of, or a copy on another bus
	Region       string `json:"region"`
	EventBusName string `json:"eventBusName"`
	Rule         string `json:"rule"`
	TargetID     string `json:"targetId"`
	API          string `json:"api"` // of the last attempt; before one, what the target names now
	Stage        string `json:"stage,omitempty"`
	Status       string `json:"status"`   // pending, delivered or dead
	Attempts     int    `json:"attempts"` // since it was last redriven

	// EarlierAttempts were made before it was last redriven, at RedrivenAt.
	EarlierAttempts int        `json:"earlierAttempts,omitempty"`
	RedrivenAt      *time.Time `json:"redrivenAt,omitempty"`

	IngestedAt     time.Time  `json:"ingestedAt"`
	NextAttemptAt  *time.Time `json:"nextAttemptAt,omitempty"` // of a pending one that waits
	LastAttemptAt  *time.Time `json:"lastAttemptAt,omitempty"` // when it ended
	LastStatusCode int        `json:"lastStatusCode,omitempty"`
	LastErrorCode  string     `json:"lastErrorCode,omitempty"`
	LastError      string     `json:"lastError,omitempty"`
	LatencyMs      float64    `json:"latencyMs"` // of the last attempt
	IdempotencyKey string     `json:"idempotencyKey"`

	// DeadLetterQueue is the ARN of the queue that holds a message about it.
	DeadLetterQueue string `json:"deadLetterQueue,omitempty"`

	// Endpoint is given with a single event, of a pending delivery whose API is
	// paused or has an open circuit: it waits for that.
	Endpoint *HoldingEndpoint `json:"endpoint,omitempty"`

	// FailedAttempts are given with a single event only.
	FailedAttempts []Attempt `json:"failedAttempts,omitempty"`

	// Notes say what the target's author may not have meant, such as a path that
	// finds nothing in the event. They are of the target as it is now, and given
	// with a single event only.
	Notes []string `json:"notes,omitempty"`
}

// MarshalJSON writes null for what there is none of: clients that look for a
// member find it.
func (d Delivery) MarshalJSON() ([]byte, error) {
	type plain Delivery
	return json.Marshal(struct {
		plain
		NextAttemptAt  *time.Time `json:"nextAttemptAt"`
		LastStatusCode *int       `json:"lastStatusCode"`
		LastErrorCode  *string    `json:"lastErrorCode"`
		LastError      *string    `json:"lastError"`
	}{plain(d), d.NextAttemptAt, optional(d.LastStatusCode), optional(d.LastErrorCode), optional(d.LastError)})
}

// HoldingEndpoint is why an API and stage gets nothing at present.
type HoldingEndpoint struct {
	State   string     `json:"state"`             // paused or open
	ProbeAt *time.Time `json:"probeAt,omitempty"` // when one delivery tries an open one
}

// Attempt is one attempt that failed.
type Attempt struct {
	Number     int       `json:"number"`
	At         time.Time `json:"at"` // when it ended
	StatusCode int       `json:"statusCode,omitempty"`
	ErrorCode  string    `json:"errorCode"`
	Error      string    `json:"error"`
	LatencyMs  float64   `json:"latencyMs"`
}

// Deliveries is a page of the delivery log, newest event first.
type Deliveries struct {
	Deliveries []Delivery `json:"deliveries"`
	Next       string     `json:"next,omitempty"`
}

// Event is an event with everything that became of it.
type Event struct {
	EventID      string          `json:"eventId"`
	OriginalID   string          `json:"originalEventId,omitempty"` // what it is a replay of, or a copy on another bus
	Region       string          `json:"region"`
	EventBusName string          `json:"eventBusName"`
	IngestedAt   time.Time       `json:"ingestedAt"`
	Event        json.RawMessage `json:"event"`
	Settled      bool            `json:"settled"` // no delivery is pending
	Deliveries   []Delivery      `json:"deliveries"`
}

// APIs lists the REST API registry, secrets masked.
type APIs struct {
	APIs []json.RawMessage `json:"apis"`
}

// PreviewRequest asks what would be sent.
type PreviewRequest struct {
	Target  rule.Target     `json:"target"`
	Event   json.RawMessage `json:"event"`
	RuleARN string          `json:"ruleArn,omitempty"`
	Region  string          `json:"region,omitempty"`
}

// ExplainRequest asks which rules of a bus match an event.
type ExplainRequest struct {
	EventBusName string          `json:"eventBusName,omitempty"`
	Region       string          `json:"region,omitempty"`
	Rule         string          `json:"rule,omitempty"` // only this one
	Event        json.RawMessage `json:"event"`
}

// Explanation says of one rule as it is now whether it matches, and if not,
// why; and how many targets get what it matches. Event buses and archives among
// them get it without a delivery.
type Explanation struct {
	Rule    string `json:"rule"`
	Matched bool   `json:"matched"`
	Reason  string `json:"reason,omitempty"`
	Targets int    `json:"targets"`
	Buses   int    `json:"buses,omitempty"` // how many targets are event buses or archives

	// Notes are about the targets of a rule that matches: why the event would not
	// be sent to one, and which paths find nothing in it.
	Notes []TargetNote `json:"notes,omitempty"`
}

// A TargetNote is a note about a target.
type TargetNote struct {
	TargetID string `json:"targetId"`
	Note     string `json:"note"`
}

// Explanations is the answer to an [ExplainRequest], by rule name.
type Explanations struct {
	Rules []Explanation `json:"rules"`
	// Elsewhere is given where the event bus has no rules: other buses, in this
	// region or another, that have some.
	Elsewhere []RulesElsewhere `json:"elsewhere,omitempty"`
}

// RulesElsewhere is an event bus that was not asked and has rules.
type RulesElsewhere struct {
	Region       string `json:"region"`
	EventBusName string `json:"eventBusName"`
	Rules        int    `json:"rules"`
}

// DeadLetter is a message in a dead-letter queue.
type DeadLetter struct {
	ID           int64             `json:"id"`
	Queue        string            `json:"queue"`
	EventID      string            `json:"eventId"`
	Region       string            `json:"region"`
	EventBusName string            `json:"eventBusName"`
	Rule         string            `json:"rule"`
	TargetID     string            `json:"targetId"`
	At           time.Time         `json:"at"`
	Attributes   map[string]string `json:"attributes"`
	TraceHeader  string            `json:"traceHeader,omitempty"`
	// Body is the message where that is JSON, else null, and then Text is it.
	Body json.RawMessage `json:"body"`
	Text string          `json:"text,omitempty"`
}

// DeadLetters is a page of dead letters, oldest first.
type DeadLetters struct {
	DeadLetters []DeadLetter `json:"deadLetters"`
	Next        string       `json:"next,omitempty"`
}

// Clock is the engine's time.
type Clock struct {
	Now time.Time `json:"now"`
}

// AdvanceRequest moves a virtual clock.
type AdvanceRequest struct {
	By string `json:"by"` // a duration such as 24h
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// optional returns nil for the zero value.
func optional[T comparable](v T) *T {
	var none T
	if v == none {
		return nil
	}
	return &v
}

// original is the id of an event of which another came, empty where it came of
// none.
func original(id event.ID) string {
	if id == (event.ID{}) {
		return ""
	}
	return id.String()
}

func (a *api) delivery(d *store.Delivery) Delivery {
	api := d.Endpoint.API
	if api == "" {
		if route, ok := a.router.Rules().Route(rule.RouteKey(d.Route)); ok && route.Request != nil {
			api = route.Request.APIID()
		}
	}
	return Delivery{
		EventID:         d.Event.String(),
		OriginalID:      original(d.Origin),
		Region:          d.Route.Region,
		EventBusName:    d.Route.Bus,
		Rule:            d.Route.Rule,
		TargetID:        d.Route.Target,
		API:             api,
		Stage:           d.Endpoint.Stage,
		Status:          d.Status.String(),
		Attempts:        d.Attempts,
		EarlierAttempts: d.Earlier,
		RedrivenAt:      optional(d.Redriven),
		IngestedAt:      d.Ingested,
		NextAttemptAt:   optional(d.Due),
		LastAttemptAt:   lastAttempt(d),
		LastStatusCode:  d.StatusCode,
		LastErrorCode:   d.ErrorCode,
		LastError:       d.Error,
		LatencyMs:       ms(d.Latency),
		IdempotencyKey:  deliver.IdempotencyKey(d.Event.String(), d.N),
		DeadLetterQueue: d.Queue,
	}
}

func lastAttempt(d *store.Delivery) *time.Time {
	if d.Attempts+d.Earlier == 0 {
		return nil
	}
	return optional(d.At)
}

func deadLetterOf(d *store.DeadLetter) DeadLetter {
	shown := DeadLetter{
		ID: d.ID, Queue: d.Queue, EventID: d.Event.String(), At: d.At, Attributes: d.Attributes(), TraceHeader: d.TraceHeader, Body: d.Body,
		Region: d.Route.Region, EventBusName: d.Route.Bus, Rule: d.Route.Rule, TargetID: d.Route.Target,
	}
	if !json.Valid(d.Body) {
		shown.Body, shown.Text = nil, string(d.Body)
	}
	return shown
}
