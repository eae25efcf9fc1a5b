package metrics

import (
	"sync/atomic"
	"time"
)

// Bus counts what only an event bus can: the other metrics with the dimension EventBusName are sums over its rules.
type Bus struct {
	matchedEvents atomic.Uint64
	taken         uint64 // of them; Metrics.taking

	events      [busValues]histogram
	takenEvents [busValues]takenHistogram
}

// Indexes into Bus.events.
const (
	rulesTriggered = iota
	invocationsCreated
	busValues
)

// Matched says that an event of the bus ran so many rules, one at least, and that so many invocations come of it. It is said
// once for the event, and [Rule.Matched] once for each rule.
func (b *Bus) Matched(rules, invocations int) {
	b.matchedEvents.Add(1)
	b.events[rulesTriggered].observe(uint64(rules), countUnit)
	b.events[invocationsCreated].observe(uint64(invocations), countUnit)
}

// Source counts the events of one source, as they call it themselves.
type Source struct {
	region, name string

	matchedEvents, events           atomic.Uint64
	takenMatchedEvents, takenEvents uint64 // of them; Metrics.taking
}

// Matched says that an event of the source matched at least one rule.
func (s *Source) Matched() { s.matchedEvents.Add(1) }

// Ingested says that an event of the source, which is a partner's event source, was taken.
func (s *Source) Ingested() { s.events.Add(1) }

// PutEvents counts the calls of PutEvents in one region. Its metrics have no dimension.
type PutEvents struct {
	counts      [callCounters]atomic.Uint64
	values      [callValues]histogram
	takenCounts [callCounters]uint64
	takenValues [callValues]takenHistogram
}

// Indexes into PutEvents.counts.
const (
	callsReceived = iota
	callsSucceeded
	callsFailed
	callsThrottled
	callCounters
)

// Indexes into PutEvents.values.
const (
	callEntries = iota
	callFailedEntries
	callSize
	callLatency
	callValues
)

// Call is one call of PutEvents.
type Call struct {
	// Refused is a call that was answered with an error: none of its entries was taken.
	Refused   bool
	Throttled bool // of those that were refused: for the time being

	Entries       int // in the request
	FailedEntries int // of them, those that were not taken
	RequestSize   int // bytes of its entries, as they are counted towards the limit of a call
	Started       time.Time
	Ended         time.Time
}

// called counts a call that has ended. As on AWS, one that was refused as a whole has a size of zero, and no entries and no
// latency at all.
func (p *PutEvents) called(c Call) {
	p.counts[callsReceived].Add(1)
	if c.Refused {
		p.counts[callsFailed].Add(1)
		if c.Throttled {
			p.counts[callsThrottled].Add(1)
		}
		p.values[callSize].observe(0, sizeUnit)
		return
	}
	p.counts[callsSucceeded].Add(1)
	p.values[callEntries].observe(uint64(c.Entries), countUnit)
	p.values[callFailedEntries].observe(uint64(c.FailedEntries), countUnit)
	p.values[callSize].observe(uint64(c.RequestSize), sizeUnit)
	p.values[callLatency].latency(c.Started, c.Ended)
}
