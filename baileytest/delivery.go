package baileytest

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"bailey/internal/admin"
	"bailey/internal/event"
	"bailey/internal/store"
)

// The states of a delivery.
const (
	Pending   = "pending"   // it waits for its next attempt
	Delivered = "delivered" // it was answered with a status of 2xx
	Dead      = "dead"      // it was given up
)

// Delivery is an event on its way to one target.
type Delivery struct {
	Rule, Target string
	API          string // the id of the REST API
	Status       string // [Pending], [Delivered] or [Dead]
	// Attempts are those made so far, in order.
	Attempts []Attempt
	// Next is when the next attempt is due, of one that is pending.
	Next time.Time
	// ErrorCode and Error say what the last attempt failed with, or why the
	// delivery was given up: THROTTLING, TIMEOUT, CONNECTION_FAILURE,
	// NO_PERMISSIONS, NO_RESOURCE, ERROR_FROM_TARGET, INVALID_PARAMETER or
	// INVALID_JSON, and text for people. They are empty once it is delivered.
	ErrorCode, Error string
}

// Attempt is one attempt of a delivery.
type Attempt struct {
	Time       time.Time // on the server's clock, to the millisecond
	StatusCode int       // of the answer, 0 if there was none
	ErrorCode  string    // empty if it succeeded
	Error      string
}

// realWait is how long Wait waits on the machine's clock.
const realWait = time.Minute

// Wait lets everything be done that is due, and returns what became of an event
// so far, its deliveries in the order of rules and targets. One that failed
// waits for a later moment, which only [Server.Advance] brings: it is pending.
//
// Where the event has no delivery, Wait fails the test, and says which rules
// there are and why each did not match. [Server.Deliveries] is for events that
// need not match.
//
// With [Config].RealClock, Wait waits until all deliveries of the event have
// ended, for a minute at most.
func (s *Server) Wait(eventID string) []Delivery {
	s.t.Helper()
	deliveries := s.Deliveries(eventID)
	if len(deliveries) == 0 {
		s.t.Fatalf("event %s has no delivery:\n%s", eventID, s.Explain(eventID))
	}
	return deliveries
}

// Deliveries is [Server.Wait] for an event that may have none.
func (s *Server) Deliveries(eventID string) []Delivery {
	s.t.Helper()
	id, err := event.ParseID(eventID)
	if err != nil {
		s.t.Fatalf("waiting for event %q: %v", eventID, err)
	}
	router := s.server.Router()
	if s.virtual {
		s.Advance(0)
	} else {
		ctx, cancel := context.WithTimeout(s.ctx, realWait)
		defer cancel()
		if _, err := router.Wait(ctx, id); err != nil {
			s.t.Fatalf("waiting for event %s: %v", eventID, err)
		}
	}
	view, err := router.Event(s.ctx, id)
	if err != nil {
		s.t.Fatalf("looking for event %s: %v", eventID, err)
	}
	failed, err := router.Attempts(s.ctx, id)
	if err != nil {
		s.t.Fatalf("looking for the attempts of event %s: %v", eventID, err)
	}
	var deliveries []Delivery
	for i := range view.Deliveries {
		deliveries = append(deliveries, deliveryOf(&view.Deliveries[i], failed))
	}
	return deliveries
}

// Explain says of each rule of an event's bus why it does not match the event, a
// line each, or where rules are if the bus has none. The rules are those of now.
func (s *Server) Explain(eventID string) string {
	s.t.Helper()
	var view admin.Event
	if err := s.client.Admin(s.ctx, http.MethodGet, "/events/"+url.PathEscape(eventID), nil, nil, &view); err != nil {
		s.t.Fatalf("looking for event %s: %v", eventID, err)
	}
	var answer admin.Explanations
	ask := admin.ExplainRequest{EventBusName: view.EventBusName, Region: view.Region, Event: view.Event}
	if err := s.client.Admin(s.ctx, http.MethodPost, "/explain", nil, ask, &answer); err != nil {
		s.t.Fatalf("explaining event %s: %v", eventID, err)
	}
	return strings.Join(answer.WhyNone(view.Region, view.EventBusName), "\n")
}

// DeadLetter is a message in a dead-letter queue.
type DeadLetter struct {
	Queue            string // ARN
	EventID          string
	Rule, Target     string
	ErrorCode, Error string
	Time             time.Time // when the delivery was given up
	Body             []byte    // what was to be sent
}

// DeadLetters lets everything be done that is due, and returns the messages of
// all dead-letter queues, oldest first. A target has a queue where PutTargets
// gave it a DeadLetterConfig, see [Server.Call].
func (s *Server) DeadLetters() []DeadLetter {
	s.t.Helper()
	if s.virtual {
		s.Advance(0)
	}
	var all []DeadLetter
	for after := int64(0); ; {
		page, next, err := s.server.Router().DeadLetterPage(s.ctx, store.Undelivered{}, after, 100)
		if err != nil {
			s.t.Fatalf("listing the dead letters: %v", err)
		}
		for i := range page {
			d := &page[i]
			all = append(all, DeadLetter{
				Queue: d.Queue, EventID: d.Event.String(), Rule: d.Route.Rule, Target: d.Route.Target,
				ErrorCode: d.ErrorCode, Error: d.ErrorMessage, Time: d.At, Body: d.Body,
			})
		}
		if next == 0 {
			return all
		}
		after = next
	}
}

// Redrive sends again what was given up of an event, and sends now what of it
// waits for a later attempt. It returns how many deliveries that is; what became
// of them says [Server.Wait]. It fails the test where there is none.
func (s *Server) Redrive(eventID string) int {
	s.t.Helper()
	var answer admin.Redrive
	if err := s.client.Admin(s.ctx, http.MethodPost, "/events/"+url.PathEscape(eventID)+"/redrive", nil, nil, &answer); err != nil {
		s.t.Fatalf("redriving event %s: %v", eventID, err)
	}
	n := int(answer.Redriven + answer.Hurried)
	if n == 0 {
		s.t.Fatalf("redriving event %s: nothing of it was given up or waits for a later attempt", eventID)
	}
	return n
}

func deliveryOf(d *store.Delivery, failed []store.Attempt) Delivery {
	to := Delivery{
		Rule: d.Route.Rule, Target: d.Route.Target, API: d.Endpoint.API, Status: d.Status.String(), Next: d.Due,
		ErrorCode: d.ErrorCode, Error: d.Error,
	}
	for _, a := range failed {
		if a.N != d.N {
			continue
		}
		to.Attempts = append(to.Attempts, Attempt{Time: a.At, StatusCode: a.StatusCode, ErrorCode: a.ErrorCode, Error: a.Error})
	}
	if d.Status == store.Delivered {
		to.Attempts = append(to.Attempts, Attempt{Time: d.At, StatusCode: d.StatusCode})
		to.ErrorCode, to.Error = "", ""
	}
	return to
}
