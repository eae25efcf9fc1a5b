package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"bailey/internal/admin"
	"bailey/internal/client"
	"bailey/internal/colour"
)

// eventCommand shows an event and all that became of it.
type eventCommand struct {
	connection
	ID   string `arg:"" help:"Id of the event."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Run prints the event, each delivery, each attempt that failed, and what happens next.
func (c *eventCommand) Run(ctx context.Context, t *terminal) error {
	server := c.client()
	view, err := readEvent(ctx, server, c.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		return t.out.json(view)
	}
	now, err := serverTime(ctx, server)
	if err != nil {
		return err
	}
	if err := printEvent(t, view, now); err != nil || len(view.Deliveries) > 0 {
		return err
	}
	// The rules of its own bus are explained elsewhere; that they are all in another
	// region is what nobody looks for.
	lines, err := whyNone(ctx, server, view)
	if problem, ok := errors.AsType[*client.Error](err); ok && problem.Code == "NotFound" {
		lines, err = []string{problem.Message}, nil
	}
	if err == nil && len(lines) > 0 && !strings.HasPrefix(lines[0], "rule ") {
		for _, line := range lines {
			t.out.printf("           %s\n", printable(line))
		}
	}
	return err
}

// errNoID is for scripts in whose variable no id is.
var errNoID = &usageError{"the event's id is empty"}

func readEvent(ctx context.Context, server *client.Client, id string) (*admin.Event, error) {
	if id == "" {
		return nil, errNoID
	}
	view := new(admin.Event)
	return view, server.Admin(ctx, http.MethodGet, "/events/"+url.PathEscape(id), nil, nil, view)
}

// envelope is what of an event's envelope is shown.
type envelope struct {
	Source     string          `json:"source"`
	DetailType string          `json:"detail-type"`
	ReplayName string          `json:"replay-name"`
	Detail     json.RawMessage `json:"detail"`
}

// maxShown bounds how much of a detail is shown, in bytes; --json has all of it.
const maxShown = 1000

func printEvent(t *terminal, view *admin.Event, now time.Time) error {
	var e envelope
	if err := json.Unmarshal(view.Event, &e); err != nil {
		return fmt.Errorf("reading the event: %w", err)
	}
	t.out.printf("%s  %s from %s\n", t.paint.Bold("Event "+view.EventID), printable(e.DetailType), printable(e.Source))
	t.out.printf("  taken    %s UTC on event bus %s in %s\n", moment(&view.IngestedAt), view.EventBusName, view.Region)
	switch {
	case view.OriginalID == "":
	case e.ReplayName != "":
		t.out.printf("  replays  event %s, by replay %s\n", view.OriginalID, printable(e.ReplayName))
	default:
		t.out.printf("  copy     of event %s, which another event bus handed on\n", view.OriginalID)
	}
	t.out.printf("  detail   %s\n", shown(e.Detail))
	if len(view.Deliveries) == 0 {
		t.out.printf("  matched  no rule that had a target, so nothing was sent. Why: bailey explain %s\n", view.EventID)
		return nil
	}
	t.out.printf("  matched  %s\n", targets(view.Deliveries))
	for i := range view.Deliveries {
		t.out.println()
		d := &view.Deliveries[i]
		printDelivery(t.out, t.paint, d, now)
		if d.EventID != view.EventID {
			t.out.printf("  event    %s, which came of event %s: bailey event %s\n", d.EventID, d.OriginalID, d.EventID)
		}
	}
	return nil
}

// shown is a detail as it is printed: no more of it than maxShown, and no half
// of a character.
func shown(detail []byte) string {
	if len(detail) <= maxShown {
		return printable(string(detail))
	}
	end := maxShown
	for !utf8.RuneStart(detail[end]) {
		end--
	}
	return printable(string(detail[:end])) + "... (--json shows all of it)"
}

// targets counts targets and the rules that they belong to.
func targets(deliveries []admin.Delivery) string {
	rules := map[string]bool{}
	for i := range deliveries {
		rules[deliveries[i].Rule] = true
	}
	return fmt.Sprintf("%s with %s", count(len(rules), "rule"), count(len(deliveries), "target"))
}

// count returns "1 rule", "2 rules".
func count(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "y"):
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(noun, "y"))
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func printDelivery(out *output, p colour.Painter, d *admin.Delivery, now time.Time) {
	out.printf("%s  rule %s, target %s\n", paintStatus(p, d.Status), d.Rule, d.TargetID)
	to := "no registered API"
	if d.API != "" {
		to = "API " + d.API
		if d.Stage != "" {
			to += ", stage " + d.Stage
		}
	}
	out.printf("  to       %s; Idempotency-Key %s\n", to, d.IdempotencyKey)
	for _, note := range d.Notes {
		out.printf("  note     %s\n", printable(note))
	}
	for _, a := range d.FailedAttempts {
		status := ""
		if a.StatusCode != 0 {
			status = fmt.Sprint(a.StatusCode, " ")
		}
		out.printf("  attempt  %d failed at %s, after %s: %s%s: %s\n",
			a.Number, moment(&a.At), milliseconds(a.LatencyMs), status, a.ErrorCode, printable(a.Error))
	}
	if d.RedrivenAt != nil {
		out.printf("  redriven at %s, after %s\n", moment(d.RedrivenAt), count(d.EarlierAttempts, "attempt"))
	}
	switch d.Status {
	case "delivered":
		out.printf("  attempt  %d succeeded at %s, after %s: %d\n", d.EarlierAttempts+d.Attempts, moment(d.LastAttemptAt), milliseconds(d.LatencyMs), d.LastStatusCode)
	case "dead":
		if len(d.FailedAttempts) == 0 {
			out.printf("  failed   %s: %s\n", d.LastErrorCode, printable(d.LastError))
		}
		out.printf("  next     nothing: given up after %s\n", count(d.EarlierAttempts+d.Attempts, "attempt"))
		if d.DeadLetterQueue != "" {
			out.printf("  queued   in dead-letter queue %s: bailey dead-letters --event %s\n", d.DeadLetterQueue, d.EventID)
		} else {
			out.println("  queued   in no dead-letter queue: the target has none, or the message was taken out of it")
		}
		out.printf("  to do    %s\n", advice(d.LastErrorCode))
		out.printf("  again    bailey redrive %s, once that is mended\n", d.EventID)
	default:
		out.printf("  next     %s\n", next(d, now))
		if d.LastErrorCode != "" {
			out.printf("  to do    %s\n", advice(d.LastErrorCode))
		}
		if d.NextAttemptAt != nil && d.NextAttemptAt.After(now) {
			out.printf("  sooner   bailey redrive %s, once that is mended\n", d.EventID)
		}
	}
}

// next says what happens to a pending delivery.
func next(d *admin.Delivery, now time.Time) string {
	attempt := d.EarlierAttempts + d.Attempts + 1
	switch {
	case d.Endpoint != nil && d.Endpoint.State == "paused":
		return fmt.Sprintf("attempt %d, once the API is resumed: it is paused. bailey resume %s", attempt, d.API)
	case d.Endpoint != nil && d.Endpoint.ProbeAt != nil:
		return fmt.Sprintf("attempt %d, once the API is well: its circuit is open, and is tried with one delivery at %s; bailey resume %s closes it", attempt, moment(d.Endpoint.ProbeAt), d.API)
	case d.Endpoint != nil:
		return fmt.Sprintf("attempt %d, once the API is well: its circuit is open; bailey resume %s closes it", attempt, d.API)
	case d.NextAttemptAt == nil:
		return fmt.Sprintf("attempt %d, under way or about to be", attempt)
	case d.NextAttemptAt.After(now):
		return fmt.Sprintf("attempt %d at %s, in %s", attempt, moment(d.NextAttemptAt), d.NextAttemptAt.Sub(now).Round(100*time.Millisecond))
	}
	return fmt.Sprintf("attempt %d, due since %s: it waits for its turn at the API", attempt, moment(d.NextAttemptAt))
}
