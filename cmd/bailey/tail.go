package main

import (
	"context"
	"fmt"
	"time"

	"bailey/internal/admin"
	"bailey/internal/client"
	"bailey/internal/clock"
)

// tailCommand follows the delivery log.
type tailCommand struct {
	connection
	selection
	Since string `default:"0s" help:"Begin with events taken since then: a time (RFC 3339) or how long ago, such as 15m or 7d."`
	JSON  bool   `name:"json" help:"Print JSON, a line for each change."`
}

// Help is what --help says beyond the list of flags.
func (tailCommand) Help() string {
	return "A delivery is printed when it is first seen and after each attempt, until it has ended. Ctrl-C ends it."
}

const (
	// pollEvery is how often the log is asked for what is new.
	pollEvery = 500 * time.Millisecond
	// overlap is how far back it is asked each time: an event is in the log a little after the moment that it carries.
	overlap = 10 * time.Second
	// maxFollowed bounds the deliveries that are followed to their end, and those that are remembered as printed. Beyond it
	// a delivery's further attempts are not printed.
	maxFollowed = 10_000
	// maxPoll bounds what one look at the log prints.
	maxPoll = 5000
)

// Run prints what happens until it is interrupted.
func (c *tailCommand) Run(ctx context.Context, t *terminal) error {
	f := &follower{client: c.client(), command: c, out: t.out, seen: map[string]*followed{}}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if err := f.look(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// follower remembers what of the log was printed.
type follower struct {
	client  *client.Client
	command *tailCommand
	out     *output
	since   time.Time            // where the next look begins, on the server's clock; zero before the first
	seen    map[string]*followed // by idempotency key
}

type followed struct {
	eventID  string
	ingested time.Time
	attempts int
	pending  bool
	check    time.Time // when to look at a pending one again
}

// look prints what is new in the log, and what became of pending deliveries that are not new any more.
func (f *follower) look(ctx context.Context) error {
	now, err := serverTime(ctx, f.client)
	if err != nil {
		return err
	}
	if f.since.IsZero() {
		if f.since, err = clock.ParseMoment(f.command.Since, now); err != nil {
			return &usageError{fmt.Sprintf("--since is %v", err)}
		}
	}
	query := f.command.query(f.command.Region)
	query.Set("since", f.since.UTC().Format(time.RFC3339Nano))
	list, err := deliveries(ctx, f.client, query, maxPoll)
	if err != nil {
		return err
	}
	for i := len(list.Deliveries) - 1; i >= 0; i-- { // oldest first
		if err := f.show(&list.Deliveries[i], now); err != nil {
			return err
		}
	}
	if len(list.Deliveries) > 0 {
		if since := list.Deliveries[0].IngestedAt.Add(-overlap); since.After(f.since) {
			f.since = since
		}
	}
	return f.lookAgain(ctx, now)
}

// lookAgain asks for pending deliveries whose next attempt should have been made, one event at a time.
func (f *follower) lookAgain(ctx context.Context, now time.Time) error {
	for key, x := range f.seen {
		if !x.pending {
			if x.ingested.Before(f.since) {
				delete(f.seen, key) // never listed again
			}
			continue
		}
		if x.check.After(now) || !x.ingested.Before(f.since) {
			continue
		}
		query := f.command.query(f.command.Region)
		query.Set("eventId", x.eventID)
		list, err := deliveries(ctx, f.client, query, maxPage)
		if err != nil {
			return err
		}
		if len(list.Deliveries) == 0 { // forgotten meanwhile
			delete(f.seen, key)
		}
		for i := range list.Deliveries {
			if err := f.show(&list.Deliveries[i], now); err != nil {
				return err
			}
		}
	}
	return nil
}

// show prints a delivery if anything has changed since it was printed.
func (f *follower) show(d *admin.Delivery, now time.Time) error {
	pending := d.Status == "pending"
	x := f.seen[d.IdempotencyKey]
	changed := x == nil || x.attempts != d.Attempts || x.pending != pending
	if x == nil {
		if len(f.seen) >= maxFollowed {
			for key := range f.seen { // any: what is followed is bounded, whatever comes
				delete(f.seen, key)
				break
			}
		}
		x = &followed{eventID: d.EventID, ingested: d.IngestedAt}
		f.seen[d.IdempotencyKey] = x
	}
	x.attempts, x.pending = d.Attempts, pending
	x.check = now.Add(pollEvery)
	if pending && d.NextAttemptAt != nil && d.NextAttemptAt.After(x.check) {
		x.check = *d.NextAttemptAt
	}
	if !changed {
		return nil
	}
	if f.command.JSON {
		return f.out.jsonLine(d)
	}
	f.out.println(tailLine(d))
	return nil
}

// tailLine says on one line where a delivery stands.
func tailLine(d *admin.Delivery) string {
	at := &d.IngestedAt
	if d.LastAttemptAt != nil {
		at = d.LastAttemptAt
	}
	line := fmt.Sprintf("%s  %-9s  %s  %s/%s", moment(at), d.Status, d.EventID, d.Rule, d.TargetID)
	if d.API != "" {
		line += " -> " + d.API
	}
	if d.Attempts > 0 {
		line += fmt.Sprintf("  attempt %d: %s in %s", d.Attempts, lastAnswer(d), milliseconds(d.LatencyMs))
	}
	if d.NextAttemptAt != nil {
		line += "  next at " + moment(d.NextAttemptAt)
	}
	return printable(line)
}
