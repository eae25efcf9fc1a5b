package sqs

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"bailey/internal/arn"
	"bailey/internal/awsjson"
)

// Bounds of a call, as SQS has them, in seconds and messages.
const (
	defaultVisibility = 30
	maxVisibility     = 12 * 60 * 60
	maxWait           = 20
	maxMessages       = 10
)

type receiveInput struct {
	QueueURL                    string `json:"QueueUrl"`
	AttributeNames              []string
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
	MaxNumberOfMessages         *int
	VisibilityTimeout           *int
	WaitTimeSeconds             *int
}

type receiveOutput struct {
	Messages []message `json:",omitempty"`
}

func (a *api) receiveMessage(ctx context.Context, c *awsjson.Call, in *receiveInput) (*receiveOutput, error) {
	n, err := within("MaxNumberOfMessages", in.MaxNumberOfMessages, 1, 1, maxMessages)
	if err != nil {
		return nil, err
	}
	visibility, err := within("VisibilityTimeout", in.VisibilityTimeout, defaultVisibility, 0, maxVisibility)
	if err != nil {
		return nil, err
	}
	wait, err := within("WaitTimeSeconds", in.WaitTimeSeconds, 0, 0, maxWait)
	if err != nil {
		return nil, err
	}
	q, err := a.queue(ctx, c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	// AttributeNames has the model's names of a queue's attributes too, which a
	// message does not have.
	if err := known(slices.Concat(systemAttributes, queueAttributes), in.AttributeNames); err != nil {
		return nil, err
	}
	if err := known(systemAttributes, in.MessageSystemAttributeNames); err != nil {
		return nil, err
	}
	all, err := a.await(ctx, q.arn(), n, time.Duration(visibility)*time.Second, time.Duration(wait)*time.Second)
	if err != nil {
		return nil, err
	}
	system := slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames)
	out := &receiveOutput{Messages: make([]message, len(all))}
	for i := range all {
		out.Messages[i] = all[i].message(q.arn(), a.cfg.Account, system, in.MessageAttributeNames)
	}
	return out, nil
}

// await takes messages, and waits for one where there is none: until the time
// is up, the caller has gone, or the server is about to stop.
func (a *api) await(ctx context.Context, arn string, n int, visibility, wait time.Duration) ([]received, error) {
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	alarm := a.cfg.Clock.NewAlarm()
	defer alarm.Stop()
	for {
		arrived := a.router.NextDeadLetter(arn) // asked for first, so that none is missed
		all, next, err := a.take(ctx, arn, n, visibility)
		if len(all) > 0 {
			a.router.WakeDeadLetter(arn) // others wait for what is visible again before what they know of
		}
		if err != nil || len(all) > 0 || wait == 0 {
			return all, err
		}
		alarm.Set(next)
		select {
		case <-arrived:
		case <-alarm.C():
		case <-timeout.C:
			return nil, nil
		case <-ctx.Done():
			return nil, nil
		case <-a.cfg.Stopping:
			return nil, nil
		}
	}
}

type deleteInput struct {
	QueueURL      string `json:"QueueUrl"`
	ReceiptHandle string
}

func (a *api) deleteMessage(ctx context.Context, c *awsjson.Call, in *deleteInput) (*none, error) {
	q, err := a.queue(ctx, c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	return nil, a.delete(ctx, q.arn(), in.ReceiptHandle)
}

// delete deletes a message. As in SQS, one that is gone already is deleted.
func (a *api) delete(ctx context.Context, arn, receiptHandle string) error {
	h, err := a.handle(arn, receiptHandle)
	if err != nil {
		return err
	}
	if _, err := a.router.DeleteDeadLetter(ctx, h.id); err != nil {
		return err
	}
	a.landed(arn, h.id)
	return nil
}

func (a *api) handle(arn, text string) (handle, error) {
	if text == "" {
		return handle{}, missing("ReceiptHandle")
	}
	h, ok := parseHandle(text, arn)
	if !ok {
		return h, refuse("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
	}
	return h, nil
}

type changeVisibilityInput struct {
	QueueURL          string `json:"QueueUrl"`
	ReceiptHandle     string
	VisibilityTimeout *int
}

func (a *api) changeVisibility(ctx context.Context, c *awsjson.Call, in *changeVisibilityInput) (*none, error) {
	q, err := a.queue(ctx, c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	return nil, a.setVisibility(q.arn(), in.ReceiptHandle, in.VisibilityTimeout)
}

func (a *api) setVisibility(arn, receiptHandle string, seconds *int) error {
	if seconds == nil {
		return missing("VisibilityTimeout")
	}
	visibility, err := within("VisibilityTimeout", seconds, 0, 0, maxVisibility)
	if err != nil {
		return err
	}
	h, err := a.handle(arn, receiptHandle)
	if err != nil {
		return err
	}
	if !a.change(arn, h, time.Duration(visibility)*time.Second) {
		return refuse("MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", "The message is not in flight by this receipt handle.")
	}
	a.router.WakeDeadLetter(arn)
	return nil
}

type batchEntry struct {
	ID                string `json:"Id"`
	ReceiptHandle     string
	VisibilityTimeout *int
}

type batchInput struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []batchEntry
}

type batchSuccess struct {
	ID string `json:"Id"`
}

type batchFailure struct {
	ID          string `json:"Id"`
	SenderFault bool
	Code        string
	Message     string
}

type batchOutput struct {
	Successful []batchSuccess
	Failed     []batchFailure
}

func (a *api) deleteMessageBatch(ctx context.Context, c *awsjson.Call, in *batchInput) (*batchOutput, error) {
	return a.batch(ctx, c, in, "DeleteMessageBatchRequestEntry", func(arn string, e *batchEntry) error {
		return a.delete(ctx, arn, e.ReceiptHandle)
	})
}

func (a *api) changeVisibilityBatch(ctx context.Context, c *awsjson.Call, in *batchInput) (*batchOutput, error) {
	return a.batch(ctx, c, in, "ChangeMessageVisibilityBatchRequestEntry", func(arn string, e *batchEntry) error {
		return a.setVisibility(arn, e.ReceiptHandle, e.VisibilityTimeout)
	})
}

// batch does the same to up to ten messages, each for itself.
func (a *api) batch(ctx context.Context, c *awsjson.Call, in *batchInput, entry string, do func(string, *batchEntry) error) (*batchOutput, error) {
	q, err := a.queue(ctx, c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	ids := map[string]bool{}
	for _, e := range in.Entries {
		if !arn.ValidQueueName(e.ID) || strings.Contains(e.ID, ".") {
			return nil, refuse("InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId",
				"A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		ids[e.ID] = true
	}
	switch {
	case len(in.Entries) == 0:
		return nil, refuse("EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest", "There should be at least one "+entry+" in the request.")
	case len(in.Entries) > maxMessages:
		return nil, refuse("TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
			"Maximum number of entries per request are 10. You have sent "+strconv.Itoa(len(in.Entries))+".")
	case len(ids) < len(in.Entries):
		return nil, refuse("BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.")
	}
	out := &batchOutput{Successful: []batchSuccess{}, Failed: []batchFailure{}}
	for i := range in.Entries {
		e := &in.Entries[i]
		err := do(q.arn(), e)
		if refused, ok := errors.AsType[*awsjson.Error](err); ok {
			out.Failed = append(out.Failed, batchFailure{ID: e.ID, SenderFault: true, Code: refused.Query, Message: refused.Message})
			continue
		}
		if err != nil {
			return nil, err
		}
		out.Successful = append(out.Successful, batchSuccess{e.ID})
	}
	return out, nil
}
