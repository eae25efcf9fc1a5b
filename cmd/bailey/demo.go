package main

import (
	"context"
	"os"

	"bailey/internal/demo"
)

// demoCommand shows Bailey at work.
type demoCommand struct {
	Listen string `default:"127.0.0.1:4566" help:"Address of the server. Where it is taken, a free port is." placeholder:"ADDR"`
	Data   string `help:"Data folder; a new one in a temporary place if left out." placeholder:"DIR"`
	Once   bool   `help:"End after the tour instead of going on."`
}

// Run gives the tour, and goes on until it is interrupted.
func (c *demoCommand) Run(ctx context.Context, t *terminal) error {
	return demo.Run(ctx, demo.Config{
		Listen: c.Listen, Data: c.Data, Once: c.Once,
		Out: t.out, Log: t.err, Paint: t.paint, Program: os.Args[0], Version: version(),
	})
}
