package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"bailey/internal/admin"
	"bailey/internal/client"
)

// waitCommand waits for an event's deliveries.
type waitCommand struct {
	connection
	ID      string        `arg:"" help:"Id of the event."`
	Timeout time.Duration `default:"10s" help:"How long to wait, up to 5m."`
	Expect  *int          `help:"How many deliveries there must be, 0 for none; at least one if left out." placeholder:"N"`
	JSON    bool          `name:"json" help:"Print JSON."`
}

// Help is what --help says beyond the list of flags.
func (waitCommand) Help() string {
	return "It exits with 0 when all deliveries succeeded, and 1 when one is dead or still pending at the end of the time, when there are " +
		"more or fewer than --expect says, or none and nobody said so. It then says why: for no delivery, which rules there are and why each did not match."
}

// Run waits and prints the deliveries.
func (c *waitCommand) Run(ctx context.Context, t *terminal) error {
	if c.ID == "" {
		return errNoID
	}
	if c.Expect != nil && *c.Expect < 0 {
		return &usageError{"--expect must not be negative"}
	}
	server := c.client()
	view, err := server.Wait(ctx, c.ID, c.Timeout)
	if err != nil {
		return err
	}
	switch {
	case c.JSON:
		if err := t.out.json(view); err != nil {
			return err
		}
	case len(view.Deliveries) == 0:
		t.out.println("No rule that had a target matched, so nothing was sent.")
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
	return c.expected(ctx, t, server, view)
}

// expected returns an error where there are not as many deliveries as there
// should be. Where there are none it says why, on standard error.
func (c *waitCommand) expected(ctx context.Context, t *terminal, server *client.Client, view *admin.Event) error {
	got := len(view.Deliveries)
	if c.Expect == nil && got > 0 || c.Expect != nil && *c.Expect == got {
		return nil
	}
	wanted := "at least 1"
	if c.Expect != nil {
		wanted = fmt.Sprint(*c.Expect)
	}
	if got > 0 {
		return fmt.Errorf("the event has %s, not %s", count(got, "delivery"), wanted)
	}
	lines, err := whyNone(ctx, server, view)
	if err != nil {
		return err
	}
	for _, line := range lines {
		t.err.println(printable(line))
	}
	return fmt.Errorf("the event has no delivery, and %s expected (--expect 0 expects none)", map[bool]string{true: wanted + " was", false: wanted + " were"}[wanted == "1" || c.Expect == nil])
}

// whyNone says why an event has no delivery.
func whyNone(ctx context.Context, server *client.Client, view *admin.Event) ([]string, error) {
	var answer admin.Explanations
	ask := admin.ExplainRequest{EventBusName: view.EventBusName, Region: view.Region, Event: view.Event}
	if err := server.Admin(ctx, http.MethodPost, "/explain", nil, ask, &answer); err != nil {
		return nil, err
	}
	return answer.WhyNone(view.Region, view.EventBusName), nil
}
