package main

import (
	"context"
	"net/http"
	"time"

	"bailey/internal/admin"
	"bailey/internal/client"
)

// clockCommands look at a server's clock, and move a virtual one.
type clockCommands struct {
	Show    clockShowCommand    `cmd:"" help:"Print the server's time."`
	Advance clockAdvanceCommand `cmd:"" help:"Move the clock of a server started with --clock virtual, through all that is due on the way."`
}

type clockShowCommand struct {
	connection
}

// Run prints the time.
func (c *clockShowCommand) Run(ctx context.Context, t *terminal) error {
	now, err := serverTime(ctx, c.client())
	if err != nil {
		return err
	}
	t.out.println(moment(&now), "UTC")
	return nil
}

type clockAdvanceCommand struct {
	connection
	By time.Duration `arg:"" help:"By how much, such as 24h."`
}

// advanceTime is how long a clock may take to move: everything that is due on the way is done, requests among it.
const advanceTime = 15 * time.Minute

// Run moves the clock and prints the new time.
func (c *clockAdvanceCommand) Run(ctx context.Context, t *terminal) error {
	ctx, cancel := context.WithTimeout(ctx, advanceTime)
	defer cancel()
	var clock admin.Clock
	if err := c.client().Admin(ctx, http.MethodPost, "/clock/advance", nil, admin.AdvanceRequest{By: c.By.String()}, &clock); err != nil {
		return err
	}
	t.out.println(moment(&clock.Now), "UTC")
	return nil
}

// serverTime asks what time it is for the server, whose clock may be a virtual one.
func serverTime(ctx context.Context, server *client.Client) (time.Time, error) {
	var clock admin.Clock
	err := server.Admin(ctx, http.MethodGet, "/clock", nil, nil, &clock)
	return clock.Now, err
}
