package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"bailey"
	"bailey/internal/clock"
	"bailey/internal/daemon"
	"bailey/internal/request"
	"bailey/internal/rule"
)

// serveCommand runs the server. A flag that is not given leaves its setting to the environment, then to the config file, then
// to the default.
type serveCommand struct {
	Config               string        `short:"c" env:"BAILEY_CONFIG" help:"Config file (YAML). Flags and environment variables come before it." placeholder:"FILE"`
	Data                 string        `env:"BAILEY_DATA" help:"Data folder; ./bailey-data if left out." placeholder:"DIR"`
	Listen               string        `env:"BAILEY_LISTEN" help:"Address to listen on; 127.0.0.1:4566 if left out. Port 0 takes a free one." placeholder:"ADDR"`
	Account              string        `env:"BAILEY_ACCOUNT" help:"AWS account id that events and ARNs carry; 000000000000 if left out." placeholder:"ID"`
	Region               string        `env:"BAILEY_REGION" help:"Region of calls that name none; us-east-1 if left out." placeholder:"REGION"`
	AllowUnauthenticated bool          `env:"BAILEY_ALLOW_UNAUTHENTICATED" help:"Permit an address that other machines can reach. Whoever reaches it can read and send everything."`
	PassThrough          bool          `env:"BAILEY_PASS_THROUGH" help:"Send what names an API that is not registered to the real API Gateway, signed."`
	Grace                time.Duration `env:"BAILEY_GRACE" help:"How long requests under way may take when the server is to stop; 10s if left out." placeholder:"DURATION"`
	Retention            time.Duration `env:"BAILEY_RETENTION" help:"How long an event is kept once its deliveries have ended; 72h if left out." placeholder:"DURATION"`
	DeadRetention        time.Duration `env:"BAILEY_DEAD_RETENTION" help:"How long an event with a dead delivery, and a dead letter, is kept; 336h if left out." placeholder:"DURATION"`
	MaxBytes             byteSize      `env:"BAILEY_MAX_BYTES" help:"Size of the store from which on the oldest ended events are forgotten early; 2GiB if left out." placeholder:"SIZE"`
	Clock                string        `env:"BAILEY_CLOCK" enum:"real,virtual" default:"real" help:"real, or virtual: a clock that stands still until bailey clock advance moves it, for tests."`
	At                   time.Time     `env:"BAILEY_AT" help:"With --clock virtual: where the clock stands at first (RFC 3339); where it stood in the data folder, or now, if left out." placeholder:"TIME"`
	LogFormat            string        `env:"BAILEY_LOG_FORMAT" help:"text or json; text if left out." placeholder:"FORMAT"`
	LogLevel             string        `env:"BAILEY_LOG_LEVEL" help:"debug, info, warn or error; info if left out." placeholder:"LEVEL"`
	Check                bool          `help:"Check the config file and the flags, and serve nothing."`

	level  *slog.LevelVar // of the log
	signer *request.Signer
}

// Help is what --help says beyond the list of flags.
func (serveCommand) Help() string {
	return `The first SIGINT or SIGTERM stops the server in good order, within the grace time; it then exits with 0. A second one ends
it at once. Nothing that was acknowledged is lost either way: it is delivered after the next start.

SIGHUP makes it read its config file again: APIs, credentials and the log's level change at once. Its log says what changed and what
needs a restart; a file with a mistake changes nothing.`
}

// Run serves until it is told to stop.
func (c *serveCommand) Run(ctx context.Context, t *terminal) error {
	if c.Clock != "virtual" && !c.At.IsZero() {
		return &usageError{"--at is where a virtual clock begins; it needs --clock virtual"}
	}
	file := &config{}
	if c.Config != "" {
		var err error
		if file, err = readConfig(c.Config, os.LookupEnv); err != nil {
			return err
		}
	}
	settings, err := c.settings(file, t.err)
	if err != nil {
		return err
	}
	if c.Check {
		t.out.printf("The settings are in order, with %s.\n", count(len(file.apis), "API"))
		return nil
	}
	// Before anything listens, so that a signal that comes early does not end it.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	// A log whose reader has gone, such as a pipe's, is no reason to stop. The
	// other commands end with their readers.
	signal.Ignore(syscall.SIGPIPE)
	server, err := daemon.Listen(ctx, *settings)
	if err != nil {
		return err
	}
	makeWayForDisk()
	resting, stop := context.WithCancel(ctx)
	var giving sync.WaitGroup
	giving.Go(func() { giveBack(resting) })
	giving.Go(func() { c.reloadOn(resting, hangups, file, server, settings.Router.Log) })
	defer giving.Wait()
	defer stop()
	return server.Serve(ctx)
}

// settings puts flags, environment and file together.
func (c *serveCommand) settings(file *config, logTo io.Writer) (*daemon.Config, error) {
	level, err := c.levelOf(file)
	if err != nil {
		return nil, err
	}
	c.level = new(slog.LevelVar)
	c.level.Set(level)
	log, err := newLog(logTo, cmp.Or(c.LogFormat, file.Log.Format, "text"), c.level)
	if err != nil {
		return nil, err
	}
	account := cmp.Or(c.Account, file.Account, "000000000000")
	if len(account) != 12 || strings.Trim(account, "0123456789") != "" {
		return nil, fmt.Errorf("the account %q is not a number of 12 digits", account)
	}
	region := cmp.Or(c.Region, file.Region, "us-east-1")
	if len(region) > 32 || strings.Trim(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return nil, fmt.Errorf("the region %q is not made of lower-case letters, digits and hyphens, such as us-east-1", region)
	}
	if c.signer, err = request.NewSigner(file.credentials, time.Now); err != nil {
		return nil, fmt.Errorf("reading the credentials: %w", err)
	}
	replayStart, err := file.replayStart()
	if err != nil {
		return nil, err
	}
	settings := &daemon.Config{
		Router: bailey.Config{
			Dir:     cmp.Or(c.Data, file.Data, "bailey-data"),
			Account: account,
			Region:  region,
			Quotas: rule.Quotas{
				BusesPerRegion: file.Quotas.BusesPerRegion, RulesPerBus: file.Quotas.RulesPerBus, TargetsPerRule: file.Quotas.TargetsPerRule,
				EventPattern: file.Quotas.EventPattern,
			},
			Forward:          file.forward(),
			Retention:        cmp.Or(c.Retention, file.Retention.Settled),
			DeadRetention:    cmp.Or(c.DeadRetention, file.Retention.Dead),
			MaxBytes:         int64(cmp.Or(c.MaxBytes, file.Retention.MaxBytes)),
			Allow:            file.Egress.Allow,
			Deny:             file.Egress.Deny,
			PassThrough:      c.PassThrough || file.PassThrough,
			Signer:           c.signer,
			MaxQueued:        file.Limits.QueuedDeliveries,
			MaxQueuedBytes:   int64(file.Limits.QueuedBytes),
			MaxInFlight:      file.Limits.InFlight,
			MaxRenderedBytes: int64(file.Limits.RenderedBytes),
			ReplayStart:      replayStart,
			Clock:            c.clock(),
			Log:              log,
			Version:          version(),
		},
		Listen:               cmp.Or(c.Listen, file.Listen, daemon.DefaultListen),
		AllowUnauthenticated: c.AllowUnauthenticated || file.AllowUnauthenticated,
		APIs:                 file.apis,
		Origins:              file.Origins,
		Hosts:                file.Hosts,
		GraceTime:            cmp.Or(c.Grace, file.Grace),
		MaxBodyBytes:         int64(file.Limits.BodyBytes),
		MaxBodiesBytes:       int64(file.Limits.BodiesBytes),
		MaxConnections:       file.Limits.Connections,
	}
	for name, value := range map[string]int64{
		"grace": int64(settings.GraceTime), "retention.settled": int64(settings.Router.Retention), "retention.dead": int64(settings.Router.DeadRetention),
		"retention.maxBytes": settings.Router.MaxBytes, "limits.bodyBytes": settings.MaxBodyBytes, "limits.bodiesBytes": settings.MaxBodiesBytes,
		"limits.connections":      int64(settings.MaxConnections),
		"limits.queuedDeliveries": int64(settings.Router.MaxQueued), "limits.queuedBytes": settings.Router.MaxQueuedBytes,
		"limits.inFlight":       int64(settings.Router.MaxInFlight),
		"limits.renderedBytes":  settings.Router.MaxRenderedBytes,
		"quotas.busesPerRegion": int64(settings.Router.Quotas.BusesPerRegion), "quotas.rulesPerBus": int64(settings.Router.Quotas.RulesPerBus),
		"quotas.targetsPerRule": int64(settings.Router.Quotas.TargetsPerRule), "quotas.eventPattern": int64(settings.Router.Quotas.EventPattern),
	} {
		if value < 0 {
			return nil, fmt.Errorf("the setting %s must not be negative", name)
		}
	}
	return settings, nil
}

// clock returns the clock that was asked for; nil is the machine's.
func (c *serveCommand) clock() clock.Clock {
	if c.Clock == "virtual" {
		return bailey.NewVirtualClock(c.At)
	}
	return nil
}

// levelOf is how important a line must be for the log.
func (c *serveCommand) levelOf(file *config) (least slog.Level, err error) {
	level := cmp.Or(c.LogLevel, file.Log.Level, "info")
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return least, fmt.Errorf("unknown log level %q: it is debug, info, warn or error", level)
	}
	return least, nil
}

// newLog returns a log that writes lines of text or JSON.
func newLog(to io.Writer, format string, level slog.Leveler) (*slog.Logger, error) {
	options := &slog.HandlerOptions{Level: level}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(to, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(to, options)), nil
	}
	return nil, errors.New("the log format " + fmt.Sprintf("%q", format) + " is neither text nor json")
}
