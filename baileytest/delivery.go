package baileytest

import (
	"context"
	"time"

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
// With [Config].RealClock, Wait waits until all deliveries of the event have
// ended, for a minute at most.
func (s *Server) Wait(eventID string) []Delivery {
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
