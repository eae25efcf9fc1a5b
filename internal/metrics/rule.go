package metrics

import (
	"sync/atomic"
	"time"
)

// Rule counts what becomes of one rule's events and their deliveries: every metric that has the dimension RuleName.
type Rule struct {
	counts    [ruleCounters]atomic.Uint64
	latencies [ruleLatencies]histogram
	taken     takenRule
	region    *region // to which its latencies belong; of one that was forgotten, where they were added
}

// Indexes into Rule.counts. The names that are published are in series.go, in the same order; so are the numbers in
// metric.go, which are stored: what is new comes last.
const (
	matchedEvents = iota
	triggeredRules
	throttledRules
	invocations
	failedInvocations
	invocationAttempts
	retryInvocationAttempts
	successfulInvocationAttempts
	invocationsSentToDLQ
	invocationsFailedToBeSentToDLQ
	ruleCounters
)

// Indexes into Rule.latencies, likewise.
const (
	startLatency = iota
	completeLatency
	successLatency
	ruleLatencies
)

// Matched says that an event matched the rule, and so the rule ran. A tick of the rule's schedule is such an event.
func (r *Rule) Matched() {
	r.add(matchedEvents)
	r.add(triggeredRules)
}

// Throttled says that a delivery had to wait because its endpoint has as many requests under way, or as many a second, as
// it may have.
func (r *Rule) Throttled() { r.add(throttledRules) }

// Outcome is what an attempt came to, for the delivery that it belongs to.
type Outcome int

const (
	// Retrying is an attempt that failed, of a delivery that may still succeed.
	Retrying Outcome = iota
	// Delivered is an attempt that the target answered with success. The delivery is over.
	Delivered
	// Failed is an attempt that failed and is the last: its failure is not retried, or retries have run out. The delivery
	// is over.
	Failed
)

// Attempt is one attempt to invoke a target. One that ends before a request is sent, because the request cannot be
// rendered or the API is not there, is an attempt as well.
type Attempt struct {
	Number   int // 1 for a delivery's first
	Outcome  Outcome
	Ingested time.Time // when the event was taken: its age counts from here (X4)
	Started  time.Time
	Ended    time.Time
}

// Attempted counts an attempt that has ended. Invocations and FailedInvocations move with the attempt that ends a delivery,
// not with those that may be followed by another (X7).
func (r *Rule) Attempted(a Attempt) {
	if a.Number > 1 {
		r.add(retryInvocationAttempts)
	} else {
		r.latencies[startLatency].latency(a.Ingested, a.Started)
		r.latencies[completeLatency].latency(a.Ingested, a.Ended)
	}
	switch a.Outcome {
	case Delivered:
		r.add(successfulInvocationAttempts)
		r.add(invocations)
		r.latencies[successLatency].latency(a.Ingested, a.Ended)
	case Failed:
		r.Abandoned()
	case Retrying:
	}
	r.add(invocationAttempts) // the last: whoever sees it finds the latencies
}

// Archived says that an event was put into the archive whose rule this is, in the commit that ended then. As on AWS, that
// is an invocation, without the latencies of a first attempt.
func (r *Rule) Archived(ingested, ended time.Time) {
	r.add(successfulInvocationAttempts)
	r.add(invocations)
	r.latencies[successLatency].latency(ingested, ended)
	r.add(invocationAttempts) // the last, as in Attempted
}

// Abandoned says that a delivery ended in failure between two attempts: its event is too old by now, or its rule or target
// was removed (X4, X8).
func (r *Rule) Abandoned() {
	r.add(invocations)
	r.add(failedInvocations)
}

// DeadLettered says that a failed delivery's event is in the target's dead-letter queue.
func (r *Rule) DeadLettered() { r.add(invocationsSentToDLQ) }

// DeadLetterFailed says that a failed delivery's event could not be put in the target's dead-letter queue.
func (r *Rule) DeadLetterFailed() { r.add(invocationsFailedToBeSentToDLQ) }

func (r *Rule) add(counter int) { r.counts[counter].Add(1) }
