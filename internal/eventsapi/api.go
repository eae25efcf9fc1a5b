// Package eventsapi answers the operations of Amazon EventBridge's API over AWS
// JSON 1.1, in AWS's words. It holds no state: configuration is package rule's,
// and events go to the router.
//
// Its file model_gen.go holds the service's model, from which every request is
// checked before an operation sees it. Operations that are in the model and not
// here answer OperationDisabledException with their name.
package eventsapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"bailey/internal/awsjson"
	"bailey/internal/event"
	"bailey/internal/metrics"
	"bailey/internal/rule"
	"bailey/internal/store"
)

//go:generate go run ./genmodel -model $BOTOCORE_EVENTS_MODEL -o model_gen.go

// Events takes events: the router, or whoever stands before it.
type Events interface {
	// PutEvents takes the entries into a region, each with the name of its bus.
	// What it returns without an error is durable. There is a result for each
	// entry, in their order. Their details are its own only until it returns.
	PutEvents(ctx context.Context, region string, entries []event.Entry) ([]event.Result, error)
	// ArchiveTotals returns how many events an archive holds, and their size.
	ArchiveTotals(ctx context.Context, a *rule.Archive) (events, bytes int64, err error)
	// LastReplayed returns the last minute that a replay has looked at,
	// zero if it has come to none.
	LastReplayed(ctx context.Context, p *rule.Replay) (time.Time, error)
	// AwaitReplay waits a moment for the end of a replay that has just begun.
	AwaitReplay(ctx context.Context, p *rule.Replay)
}

// Config says what the API works on.
type Config struct {
	Events Events         // required
	Rules  *rule.Registry // required

	// Region is the region of callers that name none; "us-east-1" if empty.
	Region string
	// MaxBody limits a request's body in bytes; awsjson.DefaultMaxBody if 0.
	MaxBody int64
	// Origins are those whose pages may call from a browser, beside loopback
	// ones; see awsjson.Config.
	Origins []string
	// Budget bounds the bodies of all requests together; nil does not.
	Budget *awsjson.Budget
	// Metrics counts calls of PutEvents; one of its own if nil.
	Metrics *metrics.Metrics
	// Now is the time that they are measured by; time.Now if nil.
	Now func() time.Time
	// Logger takes the server's own faults; slog.Default() if nil.
	Logger *slog.Logger
}

type api struct {
	*awsjson.Server
	events  Events
	rules   *rule.Registry
	metrics *metrics.Metrics
	now     func() time.Time
	readers sync.Pool // of *entryReader
}

// New returns the handler of the API. It answers on whatever path it is given.
func New(config Config) http.Handler {
	a := &api{
		Server: awsjson.NewServer(awsjson.Config{
			Service: &model,
			Region:  config.Region,
			MaxBody: config.MaxBody,
			Origins: config.Origins,
			Budget:  config.Budget,
			Logger:  config.Logger,
		}),
		events:  config.Events,
		rules:   config.Rules,
		metrics: config.Metrics,
		now:     config.Now,
		readers: sync.Pool{New: func() any { return new(entryReader) }},
	}
	if a.metrics == nil {
		a.metrics = metrics.New(metrics.Config{})
	}
	if a.now == nil {
		a.now = time.Now
	}
	a.HandleRaw("PutEvents", a.putEvents)
	handle(a, "TestEventPattern", a.testEventPattern)

	handle(a, "CreateEventBus", a.createEventBus)
	handle(a, "DeleteEventBus", a.deleteEventBus)
	handle(a, "DescribeEventBus", a.describeEventBus)
	handle(a, "ListEventBuses", a.listEventBuses)
	handle(a, "UpdateEventBus", a.updateEventBus)
	handle(a, "PutPermission", a.putPermission)
	handle(a, "RemovePermission", a.removePermission)

	handle(a, "TagResource", a.tagResource)
	handle(a, "UntagResource", a.untagResource)
	handle(a, "ListTagsForResource", a.listTagsForResource)

	handle(a, "PutRule", a.putRule)
	handle(a, "DeleteRule", a.deleteRule)
	handle(a, "DescribeRule", a.describeRule)
	handle(a, "ListRules", a.listRules)
	handle(a, "EnableRule", a.enableRule)
	handle(a, "DisableRule", a.disableRule)
	handle(a, "ListRuleNamesByTarget", a.listRuleNamesByTarget)

	handle(a, "PutTargets", a.putTargets)
	handle(a, "RemoveTargets", a.removeTargets)
	handle(a, "ListTargetsByRule", a.listTargetsByRule)

	handle(a, "CreateArchive", a.createArchive)
	handle(a, "DeleteArchive", a.deleteArchive)
	handle(a, "DescribeArchive", a.describeArchive)
	handle(a, "ListArchives", a.listArchives)
	handle(a, "UpdateArchive", a.updateArchive)
	handle(a, "StartReplay", a.startReplay)
	handle(a, "CancelReplay", a.cancelReplay)
	handle(a, "DescribeReplay", a.describeReplay)
	handle(a, "ListReplays", a.listReplays)

	handle(a, "CreatePartnerEventSource", a.createPartnerEventSource)
	handle(a, "DeletePartnerEventSource", a.deletePartnerEventSource)
	handle(a, "DescribePartnerEventSource", a.describePartnerEventSource)
	handle(a, "ListPartnerEventSources", a.listPartnerEventSources)
	handle(a, "ListPartnerEventSourceAccounts", a.listPartnerEventSourceAccounts)
	handle(a, "ActivateEventSource", a.activateEventSource)
	handle(a, "DeactivateEventSource", a.deactivateEventSource)
	handle(a, "DescribeEventSource", a.describeEventSource)
	handle(a, "ListEventSources", a.listEventSources)
	handle(a, "PutPartnerEvents", a.putPartnerEvents)

	for _, operation := range later {
		a.HandleRaw(operation, refuse)
	}
	return a
}

// handle registers an operation whose errors are put into AWS's codes.
func handle[In, Out any](a *api, operation string, h func(context.Context, *awsjson.Call, *In) (*Out, error)) {
	awsjson.Handle(a.Server, operation, func(ctx context.Context, c *awsjson.Call, in *In) (*Out, error) {
		out, err := h(ctx, c, in)
		return out, answer(err)
	})
}

// none is the output of an operation that has none.
type none struct{}

// codes are AWS's names of the kinds of errors.
var codes = map[rule.Kind]string{
	rule.Invalid:           "ValidationException",
	rule.InvalidPattern:    "InvalidEventPatternException",
	rule.InternalFailure:   "InternalFailure",
	rule.NotFound:          "ResourceNotFoundException",
	rule.Exists:            "ResourceAlreadyExistsException",
	rule.LimitExceeded:     "LimitExceededException",
	rule.Managed:           "ManagedRuleException",
	rule.PolicyTooLong:     "PolicyLengthExceededException",
	rule.IllegalState:      "IllegalStatusException",
	rule.InvalidState:      "InvalidStateException",
	rule.OperationDisabled: "OperationDisabledException",
	rule.AccessDenied:      "AccessDeniedException",
}

// answer is the one place where errors become AWS's. What is not the caller's
// to mend stays as it is: package awsjson logs it and answers
// InternalException.
func answer(err error) error {
	if e, ok := errors.AsType[*rule.Error](err); ok {
		status := http.StatusBadRequest
		if e.Kind == rule.InternalFailure {
			status = http.StatusInternalServerError
		}
		return &awsjson.Error{Code: codes[e.Kind], Message: e.Message, Status: status}
	}
	if errors.Is(err, store.ErrBusy) {
		return &awsjson.Error{Code: "ThrottlingException", Message: "Rate exceeded"}
	}
	if full, ok := errors.AsType[*store.FullError](err); ok {
		// SDKs try again after a while, and there may be room by then. The
		// store has logged the cause.
		limit := "its disk is full"
		if full.Limit != "" {
			limit = full.Limit + " is reached"
		}
		return &awsjson.Error{Code: "ThrottlingException", Message: "Rate exceeded: the server has no room for more events: " + limit + "."}
	}
	return err
}

// invalid is a ValidationException.
func invalid(message string) error {
	return &awsjson.Error{Code: "ValidationException", Message: message}
}

// page is the part of a list that a request asks for.
type page struct {
	NextToken string
	Limit     int
}

func (p page) page() rule.Page { return rule.Page{Token: p.NextToken, Limit: p.Limit} }
