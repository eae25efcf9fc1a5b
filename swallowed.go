package bailey

import (
	"log/slog"
	"sync"
	"time"

	"bailey/internal/event"
	"bailey/internal/rule"
)

// swallowed tells the log of events that went to event buses which do not exist:
// once a minute for each target, with how many there were since it told last. A
// rule that matches thousands of events a second would else fill the disk.
type swallowed struct {
	mu   sync.Mutex
	told map[rule.RouteKey]*told
}

// told is what the log was told of one target.
type told struct {
	at    time.Time
	since int // events since then
}

const (
	swallowedEvery = time.Minute
	swallowedMost  = 1000 // targets of which it is known when they were told of
)

// warn notes that an event went along a route to a bus that is not there.
func (s *swallowed) warn(log *slog.Logger, now time.Time, rt *rule.Route, id event.ID) {
	events, due := s.note(rt.Key, now)
	if !due {
		return
	}
	log.Warn("an event went to an event bus that does not exist, and nowhere else: create the bus, or change the target",
		"rule", rt.Key.Rule, "target", rt.Key.Target, "event_id", id, "bus", rt.Target.ARN, "events_since_last", events)
}

// note counts an event and reports whether the log is to be told of it now, and
// of how many.
func (s *swallowed) note(key rule.RouteKey, now time.Time) (events int, due bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.told[key]
	if t != nil && now.Sub(t.at) < swallowedEvery {
		t.since++
		return 0, false
	}
	if t == nil {
		t = s.add(key, now)
	}
	events = t.since + 1
	t.at, t.since = now, 0
	return events, true
}

// add makes room for one more target by forgetting those that were told of longer
// ago, or else all.
func (s *swallowed) add(key rule.RouteKey, now time.Time) *told {
	if len(s.told) >= swallowedMost {
		for k, t := range s.told {
			if now.Sub(t.at) >= swallowedEvery {
				delete(s.told, k)
			}
		}
		if len(s.told) >= swallowedMost {
			clear(s.told)
		}
	}
	if s.told == nil {
		s.told = map[rule.RouteKey]*told{}
	}
	t := new(told)
	s.told[key] = t
	return t
}
