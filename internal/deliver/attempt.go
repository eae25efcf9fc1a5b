package deliver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"bailey/internal/arn"
	"bailey/internal/crashpoint"
	"bailey/internal/event"
	"bailey/internal/metrics"
	"bailey/internal/request"
	"bailey/internal/retry"
	"bailey/internal/rule"
	"bailey/internal/store"
)

// lastFailure is what the newest attempt of a delivery came to.
type lastFailure struct {
	code, message string
	statusCode    int
}

// lateness is how long after its due time a retry is made although its event
// has grown too old meanwhile: one that Retry-After put at the very end of the
// event's age (X6) is read back a moment later.
const lateness = time.Second

// ready returns the target of a delivery as it is now, not as it was when the
// event came or at the attempt before (X8). It returns false, and has seen to
// the delivery, where no attempt may follow, or not here.
func (d *Dispatcher) ready(x *delivery) (*rule.Route, bool) {
	rt, ok := d.cfg.Rules.Route(rule.RouteKey(x.route))
	if x.unreadable != nil {
		if !ok {
			rt = d.cfg.Rules.RemovedRoute(rule.RouteKey(x.route))
		}
		d.abandon(x, rt, nil, "")
		return nil, false
	}
	if !ok {
		d.abandon(x, d.cfg.Rules.RemovedRoute(rule.RouteKey(x.route)), retry.Missing("the rule or its target was removed"), "")
		return nil, false
	}
	if rt.Request == nil {
		d.abandon(x, rt, d.unreachable(rt), "")
		return nil, false
	}
	now := d.clock.Now()
	// What the target's RetryPolicy bounds are retries (X4): what was not
	// attempted yet is, however long it had to wait for that. But what waits for
	// an API that is paused or down ends with its age, see expire.
	if x.attempts > 0 {
		f := &retry.Failure{Code: retry.Code(x.last.code), Message: x.last.message, StatusCode: x.last.statusCode}
		switch {
		case now.Sub(x.born()) >= rt.Retry.MaximumEventAge+lateness:
			d.abandon(x, rt, f, retry.ExhaustedAge)
			return nil, false
		case x.attempts > rt.Retry.MaximumRetryAttempts:
			d.abandon(x, rt, f, retry.ExhaustedAttempts)
			return nil, false
		}
	}
	if to := d.endpointOf(rt, x.event.JSON); to != x.end.key {
		// The target leads elsewhere by now: it queues there.
		d.park(x, to, now)
		return nil, false
	}
	return rt, true
}

// attempt makes one attempt of a delivery and decides what follows. It returns
// what this says of the endpoint.
func (d *Dispatcher) attempt(x *delivery) verdict {
	rt, ok := d.ready(x)
	if !ok {
		return verdict{}
	}
	// To wait for memory is no attempt, and takes nothing of its time.
	room := share{api: x.end.key.API}
	defer d.bodies.release(&room)
	body, invalid := d.body(x, rt, &room)
	switch {
	case errors.Is(invalid, errNoRoom):
		d.log.Debug("a delivery goes back to the store: no memory was free for its body", "rule", x.route.Rule, "target", x.route.Target, "event_id", x.event.ID)
		d.park(x, x.end.key, d.clock.Now())
		return verdict{}
	case errors.Is(invalid, errStopping):
		return verdict{} // it is made at the next start
	}
	if x.throttled {
		rt.Metrics.Throttled()
	}

	now := d.clock.Now()
	x.attempts++
	began := time.Now()
	answer, failure := d.send(x, rt, body, invalid)
	latency := time.Since(began)
	crashpoint.Reach("attempted")
	if d.log.Enabled(d.ctx, slog.LevelDebug) {
		if notes := Notes(rt, x.event.JSON); len(notes) > 0 {
			d.log.Debug("a path found nothing and was sent empty", "rule", x.route.Rule, "target", x.route.Target, "event_id", x.event.ID, "notes", notes)
		}
	}
	if failure != nil && d.ctx.Err() != nil {
		return verdict{} // cut off by Stop: it was no attempt, and is made again
	}
	ended := d.clock.Now()

	o := store.Outcome{
		Event: x.event.ID.Key(), N: x.n, Route: x.route, Endpoint: x.end.key, Ticket: x.ticket,
		Status: store.Delivered, Attempts: x.attempts, Earlier: x.earlier, At: ended, Latency: latency,
		StatusCode: answer.status, Durable: x.durable, From: x.end.key.API, Bytes: len(x.event.JSON),
	}
	m := metrics.Attempt{Number: x.earlier + x.attempts, Outcome: metrics.Delivered, Ingested: x.event.Ingested, Started: now, Ended: ended}
	if failure != nil {
		decision := rt.Retry.Decide(failure, x.attempts, x.born(), ended, random)
		o.Failed = true
		o.StatusCode, o.ErrorCode, o.Error = failure.StatusCode, string(failure.Code), failure.Message
		if answer.began != "" {
			o.Error += "; the answer began: " + answer.began
		}
		if decision.Retry {
			m.Outcome = metrics.Retrying
			o.Status, o.Due = store.Pending, decision.At
			d.log.Debug("delivery failed and will be tried again", "rule", x.route.Rule, "target", x.route.Target, "event_id", x.event.ID,
				"attempt", x.attempts, "error_code", failure.Code, "error", failure.Message, "due", decision.At)
		} else {
			m.Outcome = metrics.Failed
			d.bury(&o, x, rt, failure, decision.Exhausted)
		}
	}
	rt.Metrics.Attempted(m)
	d.cfg.Store.Settle(o)
	return verdict{sent: true, failure: failure, latency: latency}
}

// verdict is what an attempt says of its endpoint: nothing, where no request
// was sent.
type verdict struct {
	sent    bool
	failure *retry.Failure // nil for a success
	latency time.Duration
}

// abandon ends a delivery between two attempts. One whose event cannot be read
// ends for that, whatever else there is.
func (d *Dispatcher) abandon(x *delivery, rt *rule.Route, f *retry.Failure, exhausted string) {
	if x.unreadable != nil {
		f, exhausted = &retry.Failure{Code: retry.InternalError, Message: x.unreadable.Error()}, ""
	}
	o := store.Outcome{
		Event: x.event.ID.Key(), N: x.n, Route: x.route, Endpoint: x.end.key, Ticket: x.ticket,
		Attempts: x.attempts, Earlier: x.earlier, At: d.clock.Now(), StatusCode: f.StatusCode, ErrorCode: string(f.Code), Error: f.Message,
		Durable: x.durable, From: x.end.key.API, Bytes: len(x.event.JSON),
	}
	d.bury(&o, x, rt, f, exhausted)
	d.cfg.Metrics.Find(x.route.Region, x.route.Bus, x.route.Rule).Abandoned()
	d.cfg.Store.Settle(o)
}

// answer is what came back: its status, and for a status outside 2xx how the
// body began.
type answer struct {
	status int
	began  string
}

// build makes the request of one attempt (T1, R1 to R9).
// body is what the input made of the event, or invalid why it made nothing.
func (d *Dispatcher) build(ctx context.Context, x *delivery, rt *rule.Route, api *request.API, body []byte, invalid error) (*http.Request, *retry.Failure) {
	if invalid != nil {
		return nil, &retry.Failure{Code: retry.InvalidJSON, Message: invalid.Error()}
	}
	return rt.Request.Build(ctx, api, request.Attempt{
		Event:          x.event.JSON,
		Body:           body,
		RuleARN:        rt.RuleARN,
		Account:        d.cfg.Account,
		TraceHeader:    x.event.TraceHeader,
		IdempotencyKey: IdempotencyKey(x.event.ID.String(), x.n),
		RoleARN:        rt.Target.RoleARN,
		Attempt:        x.earlier + x.attempts,
		UserAgent:      d.cfg.UserAgent,
	}, d.cfg.Signer)
}

// Preview returns the request that a route would be sent for an envelope.
func (d *Dispatcher) Preview(ctx context.Context, rt *rule.Route, envelope []byte) (*request.Preview, *retry.Failure, error) {
	if rt.Request == nil {
		return nil, d.unreachable(rt), nil
	}
	api, unreachable := d.reach(rt)
	if unreachable != nil {
		return nil, unreachable, nil
	}
	x := &delivery{event: &event.Event{JSON: envelope, Ingested: d.clock.Now()}, route: store.Route(rt.Key), attempts: 1}
	x.event.ID, _ = event.IDOf(envelope) // an envelope that a user made up may have another
	body, invalid := render(x, rt)
	req, failure := d.build(ctx, x, rt, api, body, invalid)
	if failure != nil {
		return nil, failure, nil
	}
	p, err := request.Describe(req, api)
	if err != nil {
		return nil, nil, fmt.Errorf("describing a request: %w", err)
	}
	p.Notes = Notes(rt, envelope)
	return &p, nil, nil
}

// unreachable says why nothing is sent to a target that is not an API. A bus of
// the account gets its events with the commit, so that one found here is one that
// an event may not go on to.
func (d *Dispatcher) unreachable(rt *rule.Route) *retry.Failure {
	target, err := arn.Parse(rt.Target.ARN)
	switch {
	case rt.Refused != nil && rt.Bus == "":
		return &retry.Failure{Code: retry.InvalidParameter, Message: fmt.Sprintf("The target was put with an earlier version of Bailey and is refused by this one: %v Put it again with PutTargets.", rt.Refused)}
	case rt.Bus != "" && rt.BusRegion != rt.Key.Region:
		return &retry.Failure{Code: retry.ThirdRegionHop, Message: "An event can be sent to an event bus of another region only once. This event came from another region already."}
	case rt.Bus != "":
		return &retry.Failure{Code: retry.ThirdAccountHop, Message: "An event can be sent to an event bus target only once. This event was previously delivered to an event bus target."}
	case err == nil && target.Service == "events" && strings.HasPrefix(target.Resource, "event-bus/"):
		return &retry.Failure{Code: retry.NoPermissions, Message: "Lack of permissions to invoke cross account target."}
	case err == nil:
		return retry.Missing("the target is of %s, and Bailey delivers to API Gateway (execute-api) and event buses only", target.Service)
	}
	return retry.Missing("the target is neither a method of API Gateway nor an event bus, and Bailey delivers to those only")
}

// send makes the request and sends it, within the API's time limit (X1).
func (d *Dispatcher) send(x *delivery, rt *rule.Route, body []byte, invalid error) (answer, *retry.Failure) {
	api, unreachable := d.reach(rt)
	if unreachable != nil {
		return answer{}, unreachable
	}
	until := time.Now().Add(api.Timeout())
	req, failure := d.build(d.ctx, x, rt, api, body, invalid)
	if failure != nil {
		return answer{}, failure
	}
	d.inFlight.Add(1)
	defer d.inFlight.Add(-1)
	return d.transport.exchange(req, until)
}

// IdempotencyKey is the same for every attempt of one delivery (R9): the
// event's id and which of its deliveries it is.
func IdempotencyKey(eventID string, n int) string { return eventID + "/" + strconv.Itoa(n) }
