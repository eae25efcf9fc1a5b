package cloudwatch

import (
	"context"
	"slices"
	"time"

	"bailey/internal/history"
	"bailey/internal/metrics"
	"bailey/internal/rule"
	"bailey/internal/store"
)

type dimension struct{ Name, Value string }

const (
	ruleName     = "RuleName"
	eventBusName = "EventBusName"
)

// ruleOnly are the metrics that AWS publishes for rules and not for all rules
// together.
var ruleOnly = []string{"FailedInvocations", "InvocationsSentToDlq", "InvocationsFailedToBeSentToDlq"}

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
// EventBusName too. Neither of them is all rules, and EventBusName alone those of
// one event bus.
func choose(region, namespace, name string, dimensions []dimension) (selection, bool) {
	m, ok := metrics.ParseMetric(name)
	if !ok || namespace != Namespace {
		return selection{}, false
	}
	s := selection{m, store.MinuteQuery{Region: region}}
	given := make(map[string]string)
	for _, d := range dimensions {
		if _, twice := given[d.Name]; twice || d.Value == "" || d.Name != ruleName && d.Name != eventBusName {
			return selection{}, false
		}
		given[d.Name] = d.Value
	}
	q := &s.query
	q.Bus, q.Rule = given[eventBusName], given[ruleName]
	switch {
	case !m.OfRules():
		return s, len(given) == 0
	case q.Rule != "":
		if q.Bus == "" {
			q.Bus = rule.DefaultBus
		}
		return s, true
	case slices.Contains(ruleOnly, name):
		return selection{}, false
	}
	q.AllBuses = q.Bus == ""
	q.AllRules = m != metrics.MatchedEvents // that is counted by event buses, too
	return s, true
}

// names returns the dimensions under which a metric of a series is found. There
// are several, because AWS publishes sums as well. None of them is a metric of
// what [metrics.Other] stands for.
func names(k history.Kept) [][]dimension {
	s := k.Series
	if s.Bus == "" {
		return [][]dimension{{}}
	}
	bus := dimension{eventBusName, s.Bus}
	sums := [][]dimension{{}, {bus}}
	if s.Rule == "" {
		return sums
	}
	own := []dimension{bus, {ruleName, s.Rule}}
	if s.Bus == rule.DefaultBus {
		own = own[1:]
	}
	if k.Metric == metrics.MatchedEvents || slices.Contains(ruleOnly, k.Metric.String()) {
		return [][]dimension{own}
	}
	return append(sums, own)
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
