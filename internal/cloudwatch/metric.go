package cloudwatch

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"bailey/internal/history"
	"bailey/internal/metrics"
	"bailey/internal/rule"
	"bailey/internal/store"
)

type dimension struct{ Name, Value string }

const (
	ruleName        = "RuleName"
	eventBusName    = "EventBusName"
	source          = "Source"
	eventSourceName = "EventSourceName"
)

// partnerPrefix is what the names of partners' event sources begin with.
const partnerPrefix = "aws.partner/"

// The metrics that AWS publishes for rules and not for all rules together, and
// those that it publishes for an account and not for one event bus.
var (
	ruleOnly = []string{"FailedInvocations", "InvocationsSentToDlq", "InvocationsFailedToBeSentToDlq"}
	notOfBus = []string{"Invocations", "InvocationsCreated"}
)

// A selection is the series whose minutes make up one metric with its
// dimensions.
type selection struct {
	metric metrics.Metric
	query  store.MinuteQuery // without its times
}

// choose returns what a caller names by a metric's name and its dimensions;
// false if that is nothing that there can be.
//
// A rule of the default event bus has dimension RuleName, one of any other has
// EventBusName too: the default event bus has no rule under its name. Neither of
// them is all rules, and EventBusName alone those of one event bus. A source
// stands alone.
func choose(region, namespace, name string, dimensions []dimension) (selection, bool) {
	m, ok := metrics.ParseMetric(name)
	if !ok || namespace != Namespace {
		return selection{}, false
	}
	s := selection{m, store.MinuteQuery{Region: region}}
	given := make(map[string]string)
	for _, d := range dimensions {
		if _, twice := given[d.Name]; twice || d.Value == "" {
			return selection{}, false
		}
		given[d.Name] = d.Value
	}
	bus, named := given[eventBusName], given[ruleName]
	alone := len(given) == 1
	switch {
	case m == metrics.Events:
		s.query.Rule = given[eventSourceName]
		return s, alone && s.query.Rule != ""
	case m == metrics.MatchedEvents && alone && given[source] != "":
		s.query.Rule = given[source]
		return s, true
	case m == metrics.MatchedEvents && alone && given[eventSourceName] != "":
		s.query.Rule = given[eventSourceName]
		return s, strings.HasPrefix(s.query.Rule, partnerPrefix)
	}
	for dimension := range given {
		if dimension != ruleName && dimension != eventBusName {
			return selection{}, false
		}
	}
	if named != "" {
		return s.ofRule(bus, named)
	}
	return s.ofAll(bus)
}

// ofRule selects the series of one rule.
func (s selection) ofRule(bus, name string) (selection, bool) {
	s.query.Bus, s.query.Rule = cmp.Or(bus, rule.DefaultBus), name
	return s, s.metric.OfRules() && bus != rule.DefaultBus
}

// ofAll selects what is published of all rules together, of one event bus or, if
// bus is empty, of all.
func (s selection) ofAll(bus string) (selection, bool) {
	name := s.metric.String()
	if slices.Contains(ruleOnly, name) || bus != "" && slices.Contains(notOfBus, name) {
		return selection{}, false
	}
	if s.metric == metrics.TriggeredRules {
		s.metric = metrics.RulesTriggered
	}
	switch s.metric {
	case metrics.MatchedEvents, metrics.RulesTriggered, metrics.InvocationsCreated: // counted by event buses
		s.query.Bus, s.query.AllBuses = bus, bus == ""
		return s, true
	}
	if !s.metric.OfRules() {
		return s, bus == "" // counted by calls
	}
	s.query.Bus, s.query.AllBuses, s.query.AllRules = bus, bus == "", true
	return s, true
}

// names returns the dimensions under which a metric of a series is found. There
// are several, because AWS publishes sums as well. None of them is a metric of
// what [metrics.Other] stands for.
func names(k history.Kept) [][]dimension {
	s := k.Series
	all := []dimension{}
	bus := []dimension{{eventBusName, s.Bus}}
	switch {
	case s.Bus == "" && s.Rule == "":
		return [][]dimension{all}
	case s.Bus == "":
		if k.Metric == metrics.Events {
			return [][]dimension{{{eventSourceName, s.Rule}}}
		}
		of := [][]dimension{{{source, s.Rule}}}
		if strings.HasPrefix(s.Rule, partnerPrefix) {
			of = append(of, []dimension{{eventSourceName, s.Rule}})
		}
		return of
	case s.Rule == "" && k.Metric == metrics.InvocationsCreated:
		return [][]dimension{all}
	case s.Rule == "":
		return [][]dimension{all, bus}
	}
	own := []dimension{{eventBusName, s.Bus}, {ruleName, s.Rule}}
	if s.Bus == rule.DefaultBus {
		own = own[1:]
	}
	name := k.Metric.String()
	switch {
	case k.Metric == metrics.MatchedEvents, k.Metric == metrics.TriggeredRules, slices.Contains(ruleOnly, name):
		return [][]dimension{own}
	case slices.Contains(notOfBus, name):
		return [][]dimension{all, own}
	}
	return [][]dimension{all, bus, own}
}

// window is a stretch of time, cut into periods. It begins with a whole minute.
type window struct {
	start  int64 // seconds since 1970
	end    int64 // not in it
	period int64 // seconds
}

func newWindow(start, end time.Time, period int64) window {
	return window{start.Truncate(time.Minute).Unix(), end.Unix(), period}
}

// read returns what the selection came to in each period that has anything, by
// when the period begins, in seconds since 1970.
func (a *api) read(ctx context.Context, s selection, w window) (map[int64]metrics.Values, error) {
	periods := make(map[int64]metrics.Values)
	if w.period%60 != 0 {
		return periods, nil // nothing is published more often than once a minute
	}
	s.query.From = w.start / 60
	s.query.To = (w.end + 59) / 60
	err := a.config.History.Read(ctx, s.query, s.metric, func(at int64, v metrics.Values) {
		begin := w.start + (at*60-w.start)/w.period*w.period
		sum := periods[begin]
		sum.Add(v)
		periods[begin] = sum
	})
	if err != nil {
		return nil, err
	}
	return periods, nil
}
