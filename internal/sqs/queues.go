package sqs

import (
	"context"
	"encoding/base64"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"bailey/internal/arn"
	"bailey/internal/awsjson"
	"bailey/internal/store"
)

// A queue is known by its region, account and name.
type queue struct{ region, account, name string }

func (q queue) arn() string {
	return arn.Queue{Region: q.region, Account: q.account, Name: q.name}.String()
}

// url is where clients address the queue. They are told the host by which they
// reached the server, so that they reach it again.
func (q queue) url(host string) string {
	return "http://" + host + "/" + q.account + "/" + q.name
}

// parseARN reads the ARN of an SQS queue.
func parseARN(text string) (queue, bool) {
	q, err := arn.ParseQueue(text)
	return queue{q.Region, q.Account, q.Name}, err == nil
}

// parseURL reads the URL of a queue: the account and the name are the last two
// segments of its path, whatever the host. The region is the caller's.
func parseURL(text, region string) (queue, bool) {
	u, err := url.Parse(text)
	if err != nil {
		return queue{}, false
	}
	segments := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(segments) < 2 {
		return queue{}, false
	}
	q := queue{region, segments[len(segments)-2], segments[len(segments)-1]}
	return q, q.account != "" && arn.ValidQueueName(q.name)
}

// remembered knows for a while that queues are there. SQS too takes a minute to
// say that one is not any more.
type remembered struct {
	mu    sync.Mutex
	until map[queue]time.Time
}

const (
	knownFor = time.Minute
	maxKnown = 10_000
)

func (k *remembered) has(q queue, now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return now.Before(k.until[q])
}

func (k *remembered) add(queues []queue, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.until == nil || len(k.until) > maxKnown {
		k.until = make(map[queue]time.Time, len(queues))
	}
	for _, q := range queues {
		k.until[q] = now.Add(knownFor)
	}
}

// queue returns the queue that a call is about.
func (a *api) queue(ctx context.Context, c *awsjson.Call, queueURL string) (queue, error) {
	if queueURL == "" {
		return queue{}, missing("QueueUrl")
	}
	q, ok := parseURL(queueURL, c.Region)
	if !ok {
		return queue{}, refuse("InvalidAddress", "InvalidAddress", "The address "+queueURL+" is not valid for this endpoint.")
	}
	return q, a.mustExist(ctx, q)
}

func (a *api) mustExist(ctx context.Context, q queue) error {
	if a.known.has(q, time.Now()) {
		return nil
	}
	all, err := a.queues(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(all, q) {
		return noQueue()
	}
	return nil
}

// queues returns all queues of all regions.
func (a *api) queues(ctx context.Context) ([]queue, error) {
	arns, err := a.router.DeadLetterQueues(ctx)
	if err != nil {
		return nil, err
	}
	var all []queue
	for _, text := range arns {
		if q, ok := parseARN(text); ok {
			all = append(all, q)
		}
	}
	a.known.add(all, time.Now())
	return all, nil
}

type listQueuesInput struct {
	QueueNamePrefix, NextToken string
	MaxResults                 *int
}

type listQueuesOutput struct {
	QueueURLs []string `json:"QueueUrls,omitempty"`
	NextToken string   `json:",omitempty"`
}

// listQueues lists the queues of the caller's region by account and name.
func (a *api) listQueues(ctx context.Context, c *awsjson.Call, in *listQueuesInput) (*listQueuesOutput, error) {
	limit, err := within("MaxResults", in.MaxResults, 1000, 1, 1000)
	if err != nil {
		return nil, err
	}
	after, err := base64.RawURLEncoding.DecodeString(in.NextToken)
	if err != nil {
		return nil, invalid("Invalid or expired next token.")
	}
	all, err := a.queues(ctx)
	if err != nil {
		return nil, err
	}
	paths := map[string]queue{}
	for _, q := range all {
		if path := q.account + "/" + q.name; q.region == c.Region && strings.HasPrefix(q.name, in.QueueNamePrefix) && path > string(after) {
			paths[path] = q
		}
	}
	out := new(listQueuesOutput)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		if len(out.QueueURLs) == limit {
			if in.MaxResults != nil { // SQS gives a token to those who ask for pages
				out.NextToken = base64.RawURLEncoding.EncodeToString(after)
			}
			break
		}
		out.QueueURLs, after = append(out.QueueURLs, paths[path].url(c.Host)), []byte(path)
	}
	return out, nil
}

type getQueueURLInput struct {
	QueueName              string
	QueueOwnerAWSAccountID string `json:"QueueOwnerAWSAccountId"`
}

type getQueueURLOutput struct {
	QueueURL string `json:"QueueUrl"`
}

func (a *api) getQueueURL(ctx context.Context, c *awsjson.Call, in *getQueueURLInput) (*getQueueURLOutput, error) {
	if in.QueueName == "" {
		return nil, missing("QueueName")
	}
	q := queue{c.Region, in.QueueOwnerAWSAccountID, in.QueueName}
	if q.account == "" {
		q.account = a.cfg.Account
	}
	if err := a.mustExist(ctx, q); err != nil {
		return nil, err
	}
	return &getQueueURLOutput{q.url(c.Host)}, nil
}

type getQueueAttributesInput struct {
	QueueURL       string `json:"QueueUrl"`
	AttributeNames []string
}

type getQueueAttributesOutput struct {
	Attributes map[string]string `json:",omitempty"`
}

// queueAttributes are SQS's names. What a queue here does not have is not in
// the answer, as in SQS's.
var queueAttributes = []string{
	"All", "Policy", "VisibilityTimeout", "MaximumMessageSize", "MessageRetentionPeriod", "ApproximateNumberOfMessages",
	"ApproximateNumberOfMessagesNotVisible", "CreatedTimestamp", "LastModifiedTimestamp", "QueueArn", "ApproximateNumberOfMessagesDelayed",
	"DelaySeconds", "ReceiveMessageWaitTimeSeconds", "RedrivePolicy", "FifoQueue", "ContentBasedDeduplication", "KmsMasterKeyId",
	"KmsDataKeyReusePeriodSeconds", "DeduplicationScope", "FifoThroughputLimit", "RedriveAllowPolicy", "SqsManagedSseEnabled",
}

func (a *api) getQueueAttributes(ctx context.Context, c *awsjson.Call, in *getQueueAttributesInput) (*getQueueAttributesOutput, error) {
	q, err := a.queue(ctx, c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	if err := known(queueAttributes, in.AttributeNames); err != nil {
		return nil, err
	}
	out := &getQueueAttributesOutput{}
	if len(in.AttributeNames) == 0 {
		return out, nil
	}
	total, err := a.router.CountDeadLetters(ctx, q.arn())
	if err != nil {
		return nil, err
	}
	inFlight := min(a.inFlight(q.arn()), total)
	// Nobody creates a queue here: they are as old as the default bus, which is
	// as old as the configuration.
	bus, err := a.router.Rules().Bus(q.region, "")
	if err != nil {
		return nil, err
	}
	created := strconv.FormatInt(bus.Created.Unix(), 10)
	out.Attributes = map[string]string{
		"QueueArn":                              q.arn(),
		"ApproximateNumberOfMessages":           strconv.FormatInt(total-inFlight, 10),
		"ApproximateNumberOfMessagesNotVisible": strconv.FormatInt(inFlight, 10),
		"ApproximateNumberOfMessagesDelayed":    "0",
		"CreatedTimestamp":                      created,
		"LastModifiedTimestamp":                 created,
		"VisibilityTimeout":                     strconv.Itoa(defaultVisibility),
		"MaximumMessageSize":                    "1048576",
		"MessageRetentionPeriod":                strconv.Itoa(int(a.cfg.Retention / time.Second)),
		"DelaySeconds":                          "0",
		"ReceiveMessageWaitTimeSeconds":         "0",
	}
	if !slices.Contains(in.AttributeNames, "All") {
		maps.DeleteFunc(out.Attributes, func(name, _ string) bool { return !slices.Contains(in.AttributeNames, name) })
	}
	return out, nil
}

type purgeQueueInput struct {
	QueueURL string `json:"QueueUrl"`
}

func (a *api) purgeQueue(ctx context.Context, c *awsjson.Call, in *purgeQueueInput) (*none, error) {
	q, err := a.queue(ctx, c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	if _, err = a.router.PurgeDeadLetters(ctx, store.Undelivered{Queue: q.arn()}); err != nil {
		return nil, err
	}
	a.reset(q.arn())
	return nil, nil
}

// within is a number that a request may leave out.
func within(parameter string, n *int, otherwise, least, most int) (int, error) {
	switch {
	case n == nil:
		return otherwise, nil
	case *n < least || *n > most:
		return 0, invalid("Value " + strconv.Itoa(*n) + " for parameter " + parameter + " is invalid. Reason: Must be between " +
			strconv.Itoa(least) + " and " + strconv.Itoa(most) + ", if provided.")
	}
	return *n, nil
}
