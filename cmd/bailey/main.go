// Command bailey runs Bailey: Amazon EventBridge's rules and its API Gateway target on one's own machines.
//
//	bailey demo     shows it at work, with a small REST API behind it
//	bailey serve    runs the server
//
// Every other command asks a running server, or checks a pattern or a schedule without one. bailey --help lists them, and
// docs/getting-started.md walks through them.
//
// It exits with 0 when all went well, 1 when something failed, and 2 when it was not understood. What failed is one line on
// standard error.
package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"bailey/internal/client"
	"bailey/internal/colour"
)

// commands are what the program can be asked to do. Each has its file.
type commands struct {
	Serve       serveCommand        `cmd:"" group:"run" help:"Run the server."`
	Demo        demoCommand         `cmd:"" group:"run" help:"Show Bailey at work: a server, a small REST API behind it, rules, events."`
	API         apiCommands         `cmd:"" group:"configure" help:"Register REST APIs, so that targets can name them."`
	PutEvents   putEventsCommand    `cmd:"" group:"events" help:"Put events on an event bus."`
	Wait        waitCommand         `cmd:"" group:"events" help:"Wait until all deliveries of an event have ended."`
	Event       eventCommand        `cmd:"" group:"events" help:"Show everything about one event: what matched, what was tried, what happens next."`
	Events      eventsCommand       `cmd:"" group:"events" help:"Find events, by text in them or by a pattern, newest first."`
	Deliveries  deliveriesCommand   `cmd:"" group:"events" help:"List deliveries, newest event first."`
	Tail        tailCommand         `cmd:"" group:"events" help:"Follow deliveries as they happen."`
	DeadLetters deadLettersCommands `cmd:"" group:"events" help:"List, show or purge what dead-letter queues hold."`
	Redrive     redriveCommands     `cmd:"" group:"events" help:"Send again what was given up: an event, a selection, or all, at a rate."`
	Endpoints   endpointsCommand    `cmd:"" group:"endpoints" help:"Show how each API and stage is doing: what waits for it, and whether its circuit is open."`
	Pause       pauseCommand        `cmd:"" group:"endpoints" help:"Hold deliveries to an API back; they wait in the store, and their events grow older."`
	Resume      resumeCommand       `cmd:"" group:"endpoints" help:"Send what was held back, by pause or by an open circuit. What has failed still waits for its next attempt."`
	Preview     previewCommand      `cmd:"" group:"check" help:"Show the request that a target would get for an event. Nothing is sent."`
	Explain     explainCommand      `cmd:"" group:"check" help:"Say of each rule of an event bus whether it matches an event, and why not."`
	Clock       clockCommands       `cmd:"" group:"check" help:"Show the server's clock, or move a virtual one."`
	Match       matchCommand        `cmd:"" group:"check" help:"Match patterns and events given as JSON lines on standard input. Needs no server."`
	Schedule    scheduleCommand     `cmd:"" group:"check" help:"Say in words, and in times, when a schedule expression fires. Needs no server."`
	Version     versionCommand      `cmd:"" group:"check" help:"Print the version; --version does too."`
}

// terminal is what a command reads from and writes to.
type terminal struct {
	in    io.Reader
	out   *output
	err   *output
	paint colour.Painter // for out
}

func main() {
	// The first signal ends things in good order. AfterFunc gives signals their usual effect back, so that a second one ends
	// the process at once; nothing that was acknowledged is lost by it.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	unsetEmpty()
	os.Exit(run(ctx, os.Args[1:], &terminal{
		in: os.Stdin, out: &output{to: os.Stdout}, err: &output{to: os.Stderr}, paint: colour.For(os.Stdout),
	}))
}

// unsetEmpty makes of environment variables that are empty, as containers are often given them, ones that are not set.
func unsetEmpty() {
	for _, variable := range os.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		if value == "" && (strings.HasPrefix(name, "BAILEY_") || strings.HasPrefix(name, "AWS_")) {
			_ = os.Unsetenv(name) // fails only for names that cannot be
		}
	}
}

const (
	exitFailed = 1
	exitUsage  = 2
)

// run runs the command that args ask for and returns the process's exit code.
func run(ctx context.Context, args []string, t *terminal) int {
	exit := -1
	parser, err := kong.New(&commands{},
		kong.Name("bailey"),
		kong.Description("Amazon EventBridge's rules and its API Gateway target, on your own machines.\n\nNew here? Run: bailey demo"),
		kong.Writers(t.out, t.err),
		kong.Exit(func(code int) { exit = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.ExplicitGroups([]kong.Group{
			{Key: "run", Title: "Run:"},
			{Key: "configure", Title: "Configure:"},
			{Key: "events", Title: "Events and deliveries:"},
			{Key: "endpoints", Title: "APIs in trouble:"},
			{Key: "check", Title: "Look and check:"},
		}),
		kong.Vars{"endpoint": client.DefaultEndpoint},
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(t),
	)
	if err != nil {
		t.err.println("bailey: its command line is not in order:", err)
		return exitFailed
	}
	switch {
	case len(args) == 0, len(args) == 1 && args[0] == "help":
		args = []string{"--help"}
	case len(args) == 1 && args[0] == "--version": // what programs are asked by those who do not know them yet
		args = []string{"version"}
	}
	command, err := parser.Parse(args)
	switch {
	case exit >= 0: // --help has been printed
		return exit
	case err != nil:
		t.err.printf("bailey: %s; bailey --help says more\n", oneLine(err))
		return exitUsage
	}
	if err := cmp.Or(command.Run(), t.out.failed); err != nil {
		t.err.println("bailey:", oneLine(err))
		if _, ok := errors.AsType[*usageError](err); ok {
			return exitUsage
		}
		return exitFailed
	}
	return 0
}

// usageError is an error of the command line that only the command itself can see.
type usageError struct{ message string }

// Error returns the message.
func (e *usageError) Error() string { return e.message }

func oneLine(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}
