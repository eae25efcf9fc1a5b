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

// Matched says that an event matched the rule's pattern, and so the rule ran.
func (r *Rule) Matched() {
	r.add(matchedEvents)
	r.add(triggeredRules)
}

// Ticked says that the rule ran because its schedule said so, without an event to match.
func (r *Rule) Ticked() { r.add(triggeredRules) }

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

// Bus counts what only an event bus can: the other metrics with the dimension EventBusName are sums over its rules.
type Bus struct {
	matchedEvents atomic.Uint64
	taken         uint64 // of them; Metrics.taking
}

// Matched says that an event matched at least one rule of the bus. It is said once for the event, and [Rule.Matched] once
// for each rule.
func (b *Bus) Matched() { b.matchedEvents.Add(1) }

// PutEvents counts the calls of PutEvents in one region. Its metrics have no dimension.
type PutEvents struct {
	entries       histogram
	failedEntries histogram
	requestSize   histogram
	latency       histogram
	taken         [4]takenHistogram
}

// Call is one call of PutEvents, answered or refused.
type Call struct {
	Entries       int // in the request
	FailedEntries int // of them, those that were not taken: all of them where the call was refused
	RequestSize   int // bytes of the request's body
	Started       time.Time
	Ended         time.Time
}

// Called counts a call that has ended.
func (p *PutEvents) Called(c Call) {
	p.entries.observe(uint64(c.Entries), countUnit)
	p.failedEntries.observe(uint64(c.FailedEntries), countUnit)
	p.requestSize.observe(uint64(c.RequestSize), sizeUnit)
	p.latency.latency(c.Started, c.Ended)
}
