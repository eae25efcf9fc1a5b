package deliver

import (
	"errors"
	"fmt"
	"time"

	"bailey/internal/event"
	"bailey/internal/input"
	"bailey/internal/retry"
	"bailey/internal/rule"
	"bailey/internal/store"
)

// render makes the body that the target is sent of the event (R1).
func render(x *delivery, rt *rule.Route) ([]byte, error) {
	return rt.Input.Render(x.event.JSON, input.Context{RuleARN: rt.RuleARN, RuleName: x.route.Rule, Ingested: x.event.Ingested})
}

// bury makes an outcome final, with a message for the target's dead-letter
// queue if it has one, or had one when it was removed (X7).
func (d *Dispatcher) bury(o *store.Outcome, x *delivery, rt *rule.Route, f *retry.Failure, exhausted string) {
	o.Status = store.Dead
	var note string
	switch {
	case rt == nil:
	case rt.DeadLettersRefused != nil:
		d.cfg.Metrics.Find(x.route.Region, x.route.Bus, x.route.Rule).DeadLetterFailed()
		note = fmt.Sprintf("; there is no dead letter, because the target's dead-letter queue cannot be used: %v", rt.DeadLettersRefused)
	case rt.DeadLetterARN != "" && len(x.event.JSON) == 0:
		d.cfg.Metrics.Find(x.route.Region, x.route.Bus, x.route.Rule).DeadLetterFailed()
		note = "; nothing is left of it for the dead-letter queue"
	case rt.DeadLetterARN != "":
		o.DeadLetter, note = newLetter(x, rt, f, exhausted, o.At)
	}
	o.Error += note
	d.log.Warn("delivery given up", "rule", x.route.Rule, "target", x.route.Target, "event_id", x.event.ID,
		"attempts", x.attempts, "error_code", f.Code, "error", f.Message+note, "exhausted", exhausted)
}

// invalidInput is AWS's ERROR_MESSAGE of INVALID_JSON. What is wrong with the
// input is in the delivery log.
const invalidInput = "Invalid input for target."

// newLetter makes the message for a dead-letter queue: what the target was to be
// sent, as its input is now, or was when the target was removed. Where
// transforming gave no JSON, that is the broken text. In place of what SQS could
// not hold (too long, or empty) or what was never made there is the event; note
// then says so, for the log.
func newLetter(x *delivery, rt *rule.Route, f *retry.Failure, exhausted string, at time.Time) (letter *store.DeadLetter, note string) {
	letter = &store.DeadLetter{
		Queue: rt.DeadLetterARN, Event: x.event.ID, TraceHeader: x.event.TraceHeader, RuleARN: rt.RuleARN, TargetARN: rt.Target.ARN,
		ErrorCode: string(f.Code), ErrorMessage: f.Message, RetryAttempts: max(x.attempts-1, 0), Exhausted: exhausted, At: at,
	}
	if id, err := event.IDOf(x.event.JSON); err == nil {
		letter.Event = id // a copy's is that of the original, as whoever reads the event sees it
	}
	if f.Code == retry.InvalidJSON {
		letter.ErrorMessage = invalidInput
	}
	if x.unreadable != nil {
		letter.Body = store.Permitted(x.event.JSON)
		return letter, "; the dead letter holds what is left of the event"
	}
	body, err := render(x, rt)
	broken, isBroken := errors.AsType[*input.InvalidJSONError](err)
	switch {
	case isBroken:
		body = broken.Body
	case err != nil:
		letter.Body = x.event.JSON
		return letter, fmt.Sprintf("; the dead letter holds the event: %v", err)
	}
	if len(body) == 0 {
		letter.Body = x.event.JSON
		return letter, "; the dead letter holds the event: what was to be sent is empty, and SQS takes no empty message"
	}
	letter.Body = body
	if size := letter.Size(); size > store.MaxMessage && len(body) > len(x.event.JSON) {
		letter.Body = x.event.JSON
		return letter, fmt.Sprintf("; the dead letter holds the event: with what was to be sent it has %d bytes, and SQS takes %d", size, store.MaxMessage)
	}
	if isBroken {
		letter.Body = store.Permitted(body)
	}
	return letter, ""
}
