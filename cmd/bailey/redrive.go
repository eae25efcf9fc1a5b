package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"bailey/internal/admin"
	"bailey/internal/client"
)

// redriveCommands send again what was given up.
type redriveCommands struct {
	Begin  redriveCommand       `cmd:"" default:"withargs" help:"Send again what was given up. That is what redrive alone does."`
	List   redriveListCommand   `cmd:"" help:"List redrives that are running, and those that have ended of late."`
	Cancel redriveCancelCommand `cmd:"" help:"End a redrive. What it has put back to be sent stays so."`
}

type redriveCommand struct {
	connection
	undelivered
	Event      string  `arg:"" optional:"" help:"Send again what was given up of this event, whoever has taken its messages, and send now what of it waits for a later attempt."`
	DeadLetter int64   `help:"Send again the delivery of the message with this id." placeholder:"ID"`
	All        bool    `help:"Send again all that was given up; in one region, where one is said."`
	Rate       float64 `help:"How many to send again in a second; no limit if left out." placeholder:"N"`
	Wait       bool    `help:"Wait until all are put back to be sent; not until they have arrived."`
	JSON       bool    `name:"json" help:"Print JSON."`
}

// Help is what --help says beyond the list of flags.
func (redriveCommand) Help() string {
	return `What is sent again goes to its target as it is now, so mend that first. Attempts and age count anew; the history is kept, and so
is the Idempotency-Key. Messages about it leave their dead-letter queues. Where a message was taken out of its queue by somebody,
that delivery is dealt with and is left alone, unless its event is named.

Of an event that is named, what waits for a later attempt, after a failure or because the API asked for it, is sent now; its attempts
and age go on counting. A pause and an open circuit still hold it.`
}

// Run begins a redrive.
func (c *redriveCommand) Run(ctx context.Context, t *terminal) error {
	ways := 0
	for _, way := range []bool{c.Event != "", c.DeadLetter != 0, c.All, c.Event == "" && c.named()} {
		if way {
			ways++
		}
	}
	if ways != 1 || c.DeadLetter != 0 && c.named() {
		return &usageError{"say what to send again: an event's id, --dead-letter ID, which ones (--rule, --queue, ...), or --all"}
	}
	if c.Rate < 0 {
		return &usageError{"--rate must not be negative"}
	}
	ask := admin.RedriveRequest{RatePerSecond: c.Rate, All: c.All}
	switch {
	case c.DeadLetter != 0:
		ask.ID = c.DeadLetter
	case c.Event != "":
		ask.Undelivered = c.of(c.Event, "")
	default:
		ask.Undelivered = c.of("", c.Region)
	}
	server := c.client()
	var one admin.Redrive
	if err := server.Admin(ctx, http.MethodPost, "/dead-letters/redrive", nil, ask, &one); err != nil {
		return err
	}
	if c.Wait {
		if err := awaitRedrive(ctx, server, &one); err != nil {
			return err
		}
	}
	if c.JSON {
		return t.out.json(&one)
	}
	return c.print(t.out, &one)
}

// print says what was begun or done: that deliveries were put back, not that they arrived.
func (c *redriveCommand) print(out *output, one *admin.Redrive) error {
	switch {
	case one.Matched+one.Hurried > 0 || c.DeadLetter != 0:
	case c.Event != "":
		return fmt.Errorf("nothing of event %s was given up or waits for a later attempt, so nothing is sent again; bailey event %s says what became of it", c.Event, c.Event)
	default:
		out.println("Nothing is selected, so nothing is sent again. What somebody took out of its queue is sent again where its event is named.")
		return nil
	}
	if one.State == "running" {
		out.printf("Redrive %d has begun: %s. bailey redrive list shows how far it is.\n", one.ID, deliveriesCount(one.Matched))
		return nil
	}
	if one.Hurried > 0 {
		out.printf("%s sent now instead of later, unless the API is paused or its circuit open: bailey endpoints.\n", deliveriesCount(one.Hurried))
	}
	if one.Matched > 0 {
		log, them := "deliveries", "them"
		if c.Event != "" {
			log = "event " + c.Event
		}
		if one.Redriven == 1 {
			them = "it"
		}
		out.printf("%s put back to be sent again; bailey %s says what becomes of %s.\n", deliveriesCount(one.Redriven), log, them)
	}
	return nil
}

func deliveriesCount(n int64) string { return count(int(n), "delivery") }

// redriveEvery is how often a redrive that is waited for is looked at.
const redriveEvery = 200 * time.Millisecond

// awaitRedrive looks at a redrive until it has ended.
func awaitRedrive(ctx context.Context, server *client.Client, one *admin.Redrive) error {
	again := time.NewTicker(redriveEvery)
	defer again.Stop()
	for one.State == "running" {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-again.C:
		}
		if err := server.Admin(ctx, http.MethodGet, "/redrives/"+itoa(one.ID), nil, nil, one); err != nil {
			return err
		}
	}
	return nil
}

type redriveListCommand struct {
	connection
	JSON bool `name:"json" help:"Print JSON."`
}

// Run prints the redrives, newest first.
func (c *redriveListCommand) Run(ctx context.Context, t *terminal) error {
	var all admin.Redrives
	if err := c.client().Admin(ctx, http.MethodGet, "/redrives", nil, nil, &all); err != nil {
		return err
	}
	if c.JSON {
		return t.out.json(&all)
	}
	if len(all.Redrives) == 0 {
		t.out.println("There are none.")
		return nil
	}
	rows := newTable(t.out, "ID", "BEGUN (UTC)", "STATE", "PUT BACK", "SELECTED", "RATE", "ENDED (UTC)")
	for i := range all.Redrives {
		r := &all.Redrives[i]
		rate := "-"
		if r.RatePerSecond > 0 {
			rate = fmt.Sprintf("%g/s", r.RatePerSecond)
		}
		rows.row(itoa(r.ID), moment(&r.CreatedAt), r.State, itoa(r.Redriven), itoa(r.Matched), rate, moment(r.EndedAt))
	}
	rows.flush()
	return nil
}

type redriveCancelCommand struct {
	connection
	ID int64 `arg:"" help:"Id of the redrive."`
}

// Run ends a redrive.
func (c *redriveCancelCommand) Run(ctx context.Context, t *terminal) error {
	var one admin.Redrive
	if err := c.client().Admin(ctx, http.MethodDelete, "/redrives/"+url.PathEscape(itoa(c.ID)), nil, nil, &one); err != nil {
		return err
	}
	t.out.printf("Redrive %d is %s: %s of %d put back to be sent again.\n", one.ID, one.State, itoa(one.Redriven), one.Matched)
	return nil
}
