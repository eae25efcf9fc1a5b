package admin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"bailey/internal/event"
	"bailey/internal/redrive"
	"bailey/internal/retry"
	"bailey/internal/store"
)

// Undelivered selects deliveries that were given up. Empty members select
// everything.
type Undelivered struct {
	Queue        string `json:"queue,omitempty"` // ARN of the dead-letter queue that holds the message
	EventID      string `json:"eventId,omitempty"`
	Region       string `json:"region,omitempty"`
	EventBusName string `json:"eventBusName,omitempty"`
	Rule         string `json:"rule,omitempty"`
	Target       string `json:"target,omitempty"`
	API          string `json:"api,omitempty"`
	ErrorCode    string `json:"errorCode,omitempty"`
	// Since and Until bound when it was given up, each a time or how long ago.
	Since string `json:"since,omitempty"`
	Until string `json:"until,omitempty"`
}

// RedriveRequest asks to send again what was given up: the delivery of one
// message, those of one event, what is selected, or, where nothing is, all if
// that is said.
type RedriveRequest struct {
	ID int64 `json:"id,omitempty"` // of a dead letter; stands alone
	Undelivered
	// RatePerSecond bounds how many are sent again in a second; 0 is no bound
	// but what their endpoints take.
	RatePerSecond float64 `json:"ratePerSecond,omitempty"`
	All           bool    `json:"all,omitempty"`
}

// PurgeRequest asks to remove messages from dead-letter queues: what is
// selected, or, where nothing is, all if that is said.
type PurgeRequest struct {
	Undelivered
	All bool `json:"all,omitempty"`
}

// Purged is the answer to a [PurgeRequest].
type Purged struct {
	Purged int `json:"purged"`
}

// Redrive is how far a redrive has come.
type Redrive struct {
	ID            int64        `json:"id,omitempty"`      // none where it was done at once, or nothing was to be done
	State         string       `json:"state"`             // running, done or cancelled
	Matched       int64        `json:"matched"`           // selected when it began
	Redriven      int64        `json:"redriven"`          // put back to be sent again so far
	Hurried       int64        `json:"hurried,omitempty"` // of one event: those that waited for a later moment and are due now
	RatePerSecond float64      `json:"ratePerSecond,omitempty"`
	CreatedAt     time.Time    `json:"createdAt"`
	EndedAt       *time.Time   `json:"endedAt,omitempty"`
	Selected      *Undelivered `json:"selected,omitempty"`
}

// Redrives lists redrives, newest first.
type Redrives struct {
	Redrives []Redrive `json:"redrives"`
}

func redriveOf(r *store.Redrive) Redrive {
	of := Undelivered{
		Queue: r.Of.Queue, Region: r.Of.Region, EventBusName: r.Of.Bus, Rule: r.Of.Rule, Target: r.Of.Target,
		API: r.Of.API, ErrorCode: r.Of.ErrorCode, Since: rfc3339(r.Of.Since), Until: rfc3339(r.Of.Until),
	}
	return Redrive{
		ID: r.ID, State: string(r.State), Matched: r.Matched, Redriven: r.Redriven, RatePerSecond: r.Rate,
		CreatedAt: r.Created, EndedAt: optional(r.Ended), Selected: &of,
	}
}

func rfc3339(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

// store reads a selection.
func (u *Undelivered) store(now time.Time) (which store.Undelivered, err error) {
	which = store.Undelivered{
		Queue: u.Queue, Region: u.Region, Bus: u.EventBusName, Rule: u.Rule, Target: u.Target, API: u.API,
	}
	if u.ErrorCode != "" {
		code, err := retry.ParseCode(u.ErrorCode)
		if err != nil {
			return which, badRequest("errorCode: %v.", err)
		}
		which.ErrorCode = string(code)
	}
	if u.Queue != "" && !strings.HasPrefix(u.Queue, "arn:") {
		return which, badRequest("queue is the ARN of a dead-letter queue, such as arn:aws:sqs:us-east-1:000000000000:failed, not %q.", u.Queue)
	}
	if u.EventID != "" {
		if which.Event, err = eventID(u.EventID); err != nil {
			return which, err
		}
	}
	for _, bound := range []struct {
		name, text string
		to         *time.Time
	}{{"since", u.Since, &which.Since}, {"until", u.Until, &which.Until}} {
		if bound.text == "" {
			continue
		}
		if *bound.to, err = moment(bound.name, bound.text, now); err != nil {
			return which, err
		}
	}
	return which, nil
}

// members are the names of a selection's members, as parameters of a query.
func (u *Undelivered) members() map[string]*string {
	return map[string]*string{
		"queue": &u.Queue, "eventId": &u.EventID, "region": &u.Region, "eventBusName": &u.EventBusName, "rule": &u.Rule,
		"target": &u.Target, "api": &u.API, "errorCode": &u.ErrorCode, "since": &u.Since, "until": &u.Until,
	}
}

// query fills the selection from parameters, and refuses those that are
// neither its own nor known.
func (u *Undelivered) query(params url.Values, known ...string) error {
	members := u.members()
	for _, name := range known {
		members[name] = new(string)
	}
	for name := range params {
		member := members[name]
		if member == nil {
			return badRequest("There is no parameter %q here.", name)
		}
		*member = params.Get(name)
	}
	return nil
}

// decodeOptional is decode, but no body at all is an empty object.
func decodeOptional(r *http.Request, v any) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return fmt.Errorf("reading the body: %w", err)
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return decode(r, v)
}

func noDeadLetter(id any) error {
	return &problem{http.StatusNotFound, "NotFound", fmt.Sprint("There is no dead letter ", id) + ": it was taken, redriven, or is older than the retention."}
}

func deadLetterID(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return 0, noDeadLetter(r.PathValue("id"))
	}
	return id, nil
}

func (a *api) deadLetters(r *http.Request) (any, error) {
	params := r.URL.Query()
	var selected Undelivered
	if err := selected.query(params, "limit", "next"); err != nil {
		return nil, err
	}
	which, err := selected.store(a.router.Now())
	if err != nil {
		return nil, err
	}
	var after int64
	limit := 100
	if text := params.Get("next"); text != "" {
		if after, err = strconv.ParseInt(text, 10, 64); err != nil {
			return nil, badRequest("next: %q is not a token of this list.", text)
		}
	}
	if text := params.Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > 1000 {
			return nil, badRequest("limit is a number from 1 to 1000, not %q.", text)
		}
	}
	letters, next, err := a.deadLetterPage(r.Context(), which, after, limit)
	if err != nil {
		return nil, err
	}
	answer := DeadLetters{DeadLetters: make([]DeadLetter, len(letters))}
	for i := range letters {
		answer.DeadLetters[i] = deadLetterOf(&letters[i])
	}
	if next > 0 {
		answer.Next = strconv.FormatInt(next, 10)
	}
	return answer, nil
}

// Bounds of a page of dead letters: the events in it, beyond which it ends
// early, and how many are read at once.
const (
	maxLetterBytes = 8 << 20
	lettersAtOnce  = 32
)

// deadLetterPage returns up to limit messages, and after which id there are
// more, or 0. Like those of other lists, it looks at a bounded part of the store,
// and may be empty and not the last.
func (a *api) deadLetterPage(ctx context.Context, which store.Undelivered, after int64, limit int) (page []store.DeadLetter, next int64, err error) {
	for size := 0; ; {
		var more []store.DeadLetter
		ask := min(limit-len(page), lettersAtOnce)
		if more, next, err = a.router.DeadLetterPage(ctx, which, after, ask); err != nil {
			return nil, 0, err
		}
		for i := range more {
			page = append(page, more[i])
			if size += len(more[i].Body); size >= maxLetterBytes {
				return page, more[i].ID, nil
			}
		}
		if next == 0 || len(page) == limit || len(more) < ask {
			return page, next, nil
		}
		after = next
	}
}

func (a *api) deadLetter(r *http.Request) (any, error) {
	id, err := deadLetterID(r)
	if err != nil {
		return nil, err
	}
	d, err := a.router.DeadLetter(r.Context(), id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, noDeadLetter(id)
	}
	if err != nil {
		return nil, err
	}
	return deadLetterOf(d), nil
}

func (a *api) deleteDeadLetter(r *http.Request) (any, error) {
	id, err := deadLetterID(r)
	if err != nil {
		return nil, err
	}
	there, err := a.router.DeleteDeadLetter(r.Context(), id)
	if err == nil && !there {
		err = noDeadLetter(id)
	}
	return nil, err
}

func (a *api) purge(r *http.Request) (any, error) {
	var ask PurgeRequest
	if err := decodeOptional(r, &ask); err != nil {
		return nil, err
	}
	if ask.Undelivered == (Undelivered{}) && !ask.All {
		return nil, badRequest(`Nothing is selected. To remove all messages from all queues, say {"all": true}.`)
	}
	which, err := ask.store(a.router.Now())
	if err != nil {
		return nil, err
	}
	n, err := a.router.PurgeDeadLetters(r.Context(), which)
	if err != nil {
		return nil, err
	}
	return Purged{n}, nil
}

// redrive sends again: one message or event at once, a selection in its own
// time.
func (a *api) redrive(r *http.Request) (any, error) {
	var ask RedriveRequest
	if err := decodeOptional(r, &ask); err != nil {
		return nil, err
	}
	if ask.ID != 0 {
		if ask.Undelivered != (Undelivered{}) || ask.All {
			return nil, badRequest("id is of one message: nothing else is to be selected with it.")
		}
		err := a.router.RedriveDeadLetter(r.Context(), ask.ID)
		if errors.Is(err, store.ErrNotFound) {
			err = noDeadLetter(ask.ID)
		}
		return a.redriven(1, 0, err)
	}
	if ask.Undelivered == (Undelivered{}) && !ask.All {
		return nil, badRequest(`Nothing is selected. To send again all that was given up, say {"all": true}.`)
	}
	which, err := ask.store(a.router.Now())
	if err != nil {
		return nil, err
	}
	if which.Event != nil {
		return a.redriveNow(r.Context(), *which.Event, which)
	}
	begun, err := a.router.Redrive(r.Context(), which, ask.RatePerSecond)
	if wrong, ok := errors.AsType[*redrive.RateError](err); ok {
		return nil, badRequest("ratePerSecond: %v.", wrong)
	}
	if errors.Is(err, store.ErrRedrives) {
		return nil, &problem{http.StatusConflict, "TooManyRedrives", "As many redrives are running as may: wait for one of them, or cancel it."}
	}
	if err != nil {
		return nil, err
	}
	if begun.ID == 0 {
		return redriveOf(begun), nil
	}
	return withStatus{http.StatusAccepted, redriveOf(begun)}, nil
}

// redriven is the answer where it was done at once.
func (a *api) redriven(n, hurried int64, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	now := a.router.Now()
	return Redrive{State: string(store.RedriveDone), Matched: n, Redriven: n, Hurried: hurried, CreatedAt: now, EndedAt: &now}, nil
}

// redriveNow sends again what was given up of an event, and sends now what of
// it waits for a later moment.
func (a *api) redriveNow(ctx context.Context, id event.ID, which store.Undelivered) (any, error) {
	n, err := a.router.RedriveEvent(ctx, id, which)
	if err != nil {
		return nil, err
	}
	hurried, err := a.router.HurryEvent(ctx, id, which)
	return a.redriven(n, hurried, err)
}

// redriveEvent is redriveNow of the event that the path names.
func (a *api) redriveEvent(r *http.Request) (any, error) {
	id, err := eventID(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	var ask Undelivered
	if err := decodeOptional(r, &ask); err != nil {
		return nil, err
	}
	which, err := ask.store(a.router.Now())
	if err != nil {
		return nil, err
	}
	return a.redriveNow(r.Context(), *id, which)
}

func (a *api) redrives(r *http.Request) (any, error) {
	all, err := a.router.Redrives(r.Context())
	if err != nil {
		return nil, err
	}
	answer := Redrives{Redrives: make([]Redrive, len(all))}
	for i := range all {
		answer.Redrives[i] = redriveOf(&all[i])
	}
	return answer, nil
}

func (a *api) redriveStatus(r *http.Request) (any, error) {
	return a.oneRedrive(r, a.router.RedriveStatus)
}

func (a *api) cancelRedrive(r *http.Request) (any, error) {
	return a.oneRedrive(r, a.router.CancelRedrive)
}

func (a *api) oneRedrive(r *http.Request, f func(context.Context, int64) (*store.Redrive, error)) (any, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		err = store.ErrNotFound
	}
	var one *store.Redrive
	if err == nil {
		one, err = f(r.Context(), id)
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil, &problem{http.StatusNotFound, "NotFound", "There is no redrive " + r.PathValue("id") + ", or it ended long ago."}
	}
	if err != nil {
		return nil, err
	}
	return redriveOf(one), nil
}
