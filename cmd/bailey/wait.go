package main

import (
	"context"
	"fmt"
	"time"
)

// waitCommand waits for an event's deliveries.
type waitCommand struct {
	connection
	ID      string        `arg:"" help:"Id of the event."`
	Timeout time.Duration `default:"10s" help:"How long to wait, up to 5m."`
	JSON    bool          `name:"json" help:"Print JSON."`
}

// Help is what --help says beyond the list of flags.
func (waitCommand) Help() string {
	return "It exits with 0 when all deliveries succeeded, and 1 when one is dead or still pending at the end of the time."
}

// Run waits and prints the deliveries.
func (c *waitCommand) Run(ctx context.Context, t *terminal) error {
	if c.ID == "" {
		return errNoID
	}
	view, err := c.client().Wait(ctx, c.ID, c.Timeout)
	if err != nil {
		return err
	}
	switch {
	case c.JSON:
		if err := t.out.json(view); err != nil {
			return err
		}
	case len(view.Deliveries) == 0:
		t.out.println("No rule that had a target matched, so there is nothing to wait for.")
	default:
		printDeliveries(t.out, view.Deliveries)
	}
	dead, pending := 0, 0
	for i := range view.Deliveries {
		switch view.Deliveries[i].Status {
		case "dead":
			dead++
		case "pending":
			pending++
		}
	}
	switch {
	case pending > 0:
		return fmt.Errorf("%d of %s still pending after %v", pending, count(len(view.Deliveries), "delivery"), c.Timeout)
	case dead > 0:
		return fmt.Errorf("%d of %s given up; bailey event %s says why", dead, count(len(view.Deliveries), "delivery"), c.ID)
	}
	return nil
}
