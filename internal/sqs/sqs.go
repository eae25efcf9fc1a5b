// Package sqs lets code that expects Amazon SQS read dead letters: it answers
// the operations that list queues and receive and delete messages, over AWS
// JSON 1.0, in SQS's words. Nothing can be sent to these queues but by a
// delivery that is given up; every other operation answers
// UnsupportedOperation.
//
// A queue is there when a target or an event bus names it, or while it holds
// messages. The messages are in the store. Which of them are in flight, and how
// often each was received, is in memory: after a restart all are visible again
// and their counts begin anew, which SQS's at-least-once delivery allows.
// Receipt handles outlive a restart, so a consumer that received a message
// before it can still delete it.
package sqs

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"bailey"
	"bailey/internal/awsjson"
	"bailey/internal/clock"
)

// targetPrefix begins X-Amz-Target.
const targetPrefix = "AmazonSQS"

// errorPrefix stands before the name of an error in __type.
const errorPrefix = "com.amazonaws.sqs#"

// Config says what the API works on. Router is required.
type Config struct {
	Router *bailey.Router
	// Clock is what visibility timeouts are measured by; nil means the
	// machine's. How long a caller waits for messages is real time always.
	Clock clock.Clock
	// Account is that of queues whose owner nobody names; "000000000000" if
	// empty.
	Account string
	// Region is the region of callers that name none; "us-east-1" if empty.
	Region string
	// Retention is how long a message is kept.
	Retention time.Duration
	// Origins are those whose pages may call from a browser, beside loopback
	// ones; see awsjson.Config.
	Origins awsjson.Origins
	// Budget bounds the bodies of all requests together; nil does not.
	Budget *awsjson.Budget
	// Stopping, when not nil, is closed when the server is about to stop:
	// those who wait for messages are answered then.
	Stopping <-chan struct{}
	// Log takes the server's own faults; nil means slog.Default().
	Log *slog.Logger
}

// api answers the operations.
type api struct {
	*awsjson.Server
	cfg    Config
	router *bailey.Router
	flights
	known remembered
}

// Serves reports whether a request is a call of SQS's API.
func Serves(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("X-Amz-Target"), targetPrefix+".")
}

// New returns the handler of the API. It answers on whatever path it is given:
// some clients call the queue's URL.
func New(cfg Config) http.Handler {
	if cfg.Clock == nil {
		cfg.Clock = clock.Real()
	}
	if cfg.Account == "" {
		cfg.Account = "000000000000"
	}
	a := &api{
		Server: awsjson.NewServer(awsjson.Config{Service: &model, Region: cfg.Region, Origins: cfg.Origins, Budget: cfg.Budget, Logger: cfg.Log, MaxBody: maxBody}),
		cfg:    cfg,
		router: cfg.Router,
	}
	a.flights.init(cfg.Router, cfg.Clock)
	awsjson.Handle(a.Server, "ListQueues", a.listQueues)
	awsjson.Handle(a.Server, "GetQueueUrl", a.getQueueURL)
	awsjson.Handle(a.Server, "GetQueueAttributes", a.getQueueAttributes)
	awsjson.Handle(a.Server, "ReceiveMessage", a.receiveMessage)
	awsjson.Handle(a.Server, "DeleteMessage", a.deleteMessage)
	awsjson.Handle(a.Server, "DeleteMessageBatch", a.deleteMessageBatch)
	awsjson.Handle(a.Server, "ChangeMessageVisibility", a.changeVisibility)
	awsjson.Handle(a.Server, "ChangeMessageVisibilityBatch", a.changeVisibilityBatch)
	awsjson.Handle(a.Server, "PurgeQueue", a.purgeQueue)
	for _, operation := range unsupported {
		a.HandleRaw(operation, func(context.Context, *awsjson.Call) ([]byte, error) {
			return nil, refuse("UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation",
				"Bailey's queues hold dead letters, which are received and deleted only: there is no "+operation+" here.")
		})
	}
	return a
}

// none is the output of an operation that has none.
type none struct{}

// refuse is an error in SQS's words. query is the code that it had in the
// query protocol; clients show that one.
func refuse(name, query, message string) error {
	return &awsjson.Error{Code: errorPrefix + name, Query: query, Message: message}
}

func missing(parameter string) error {
	return refuse("MissingRequiredParameterException", "MissingParameter", "The request must contain the parameter "+parameter+".")
}

func invalid(message string) error {
	return refuse("InvalidParameterValueException", "InvalidParameterValue", message)
}

func noQueue() error {
	return refuse("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
}
