// Package demo shows Bailey at work: a server, a small REST API behind it, rules and targets that use every kind of
// parameter, and events, each of whose ways is told on the terminal.
//
// It does all of it as its users do: it registers the API with the admin API and does the rest by the AWS API, over HTTP.
package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"bailey"
	"bailey/internal/client"
	"bailey/internal/colour"
	"bailey/internal/daemon"
)

// Config says how the demo runs. Out is required.
type Config struct {
	// Out is where the account of each event goes, and Paint colours it.
	Out   io.Writer
	Paint colour.Painter
	// Log is where the server's errors go; nil means nowhere.
	Log io.Writer
	// Listen is the server's address; "" means 127.0.0.1:4566. Where it is taken, a free port is.
	Listen string
	// Data is the data folder; "" means a new one in a temporary place. It is not removed.
	Data string
	// Once ends the demo after the tour, before the stream of events that otherwise follows.
	Once bool
	// Program is how the program was called, for the commands that the demo suggests; "" means bailey.
	Program string
	// Version is the program's, for the User-Agent of requests.
	Version string
	// Every is the time between two events of the stream; 0 means 3 s.
	Every time.Duration
}

// graceTime is how long requests under way may take at the end.
const graceTime = 3 * time.Second

// Run gives the tour and goes on with a slow stream of events until ctx is done.
func Run(ctx context.Context, cfg Config) (err error) {
	cfg.Program = cmp.Or(cfg.Program, "bailey")
	cfg.Every = cmp.Or(cfg.Every, 3*time.Second)
	if cfg.Log == nil {
		cfg.Log = io.Discard
	}
	if cfg.Data == "" {
		if cfg.Data, err = os.MkdirTemp("", "bailey-demo-"); err != nil {
			return fmt.Errorf("making a data folder: %w", err)
		}
	}
	shop, err := openShop(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shop.close()) }()

	server, taken, err := listen(ctx, cfg)
	if err != nil {
		return err
	}
	t := &tour{
		cfg:    cfg,
		url:    server.URL(),
		shop:   shop,
		client: &client.Client{Endpoint: server.URL()},
		paint:  cfg.Paint,
		shown:  make(map[string]bool),
	}
	serving, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() {
		defer stop() // a server that fails ends the tour
		served <- server.Serve(serving)
	}()
	defer func() {
		stop()
		err = errors.Join(err, <-served)
		if err == nil {
			t.printf("\nStopped. All that is left is %s; remove it when you like.\n", cfg.Data)
		}
	}()

	t.welcome(taken)
	if err := t.run(serving); err != nil && ctx.Err() == nil {
		return err
	}
	return nil // interrupted, which is how it is meant to end, or at the end of the tour
}

// listen starts the server at the address, or at a free port where that one is taken.
func listen(ctx context.Context, cfg Config) (server *daemon.Server, taken bool, err error) {
	settings := daemon.Config{
		Router: bailey.Config{
			Dir: cfg.Data,
			// What happens to deliveries is the demo's to tell.
			Log:     slog.New(slog.NewTextHandler(cfg.Log, &slog.HandlerOptions{Level: slog.LevelError})),
			Version: cfg.Version,
		},
		Listen:    cmp.Or(cfg.Listen, daemon.DefaultListen),
		GraceTime: graceTime,
	}
	server, err = daemon.Listen(ctx, settings)
	if errors.Is(err, syscall.EADDRINUSE) {
		host, _, splitErr := net.SplitHostPort(settings.Listen)
		if splitErr != nil {
			return nil, false, err
		}
		taken = true
		settings.Listen = net.JoinHostPort(host, "0")
		server, err = daemon.Listen(ctx, settings)
	}
	return server, taken, err
}

// admin calls the admin API of the demo's server.
func (t *tour) admin(ctx context.Context, method, path string, in any) error {
	if err := t.client.Admin(ctx, method, path, nil, in, nil); err != nil {
		return fmt.Errorf("the demo's server, %s %s: %w", method, path, err)
	}
	return nil
}

// aws calls the AWS API of the demo's server.
func (t *tour) aws(ctx context.Context, operation string, in, out any) error {
	if err := t.client.AWS(ctx, operation, in, out); err != nil {
		return fmt.Errorf("the demo's server, %s: %w", operation, err)
	}
	return nil
}

// register makes the API known to the server, and puts the rules and targets.
func (t *tour) register(ctx context.Context) error {
	for id, registration := range t.shop.registrations() {
		if err := t.admin(ctx, http.MethodPut, "/apis/"+id, registration); err != nil {
			return err
		}
	}
	for i := range rules {
		r := &rules[i]
		if err := t.aws(ctx, "PutRule", map[string]any{"Name": r.name, "EventPattern": r.pattern}, nil); err != nil {
			return err
		}
		if err := t.aws(ctx, "PutTargets", map[string]any{"Rule": r.name, "Targets": []any{r.target}}, nil); err != nil {
			return err
		}
	}
	return nil
}
