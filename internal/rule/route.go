package rule

import (
	"errors"
	"fmt"
	"strings"

	"bailey/internal/arn"
	"bailey/internal/event"
	"bailey/internal/input"
	"bailey/internal/metrics"
	"bailey/internal/request"
	"bailey/internal/retry"
	"bailey/internal/schedule"
	"bailey/pattern"
)

// A RouteKey names one target of one rule.
type RouteKey struct{ Region, Bus, Rule, Target string }

// A Route is a target made ready to be sent to. Routes do not change: a change
// of a target makes a new one.
type Route struct {
	Key     RouteKey
	RuleARN string
	Target  *Target
	// Input makes the body; nil sends the event itself.
	Input *input.Renderer
	// Archive is the id of the archive that takes the event, BusRegion and Bus
	// the region and name of the account's bus that does, where the target is
	// one of these.
	Archive   string
	BusRegion string
	Bus       string
	// Request makes the request. It is nil for a target that is not a method of
	// API Gateway: such targets are kept and matched, and whoever delivers
	// decides what becomes of them.
	Request *request.Template
	// Refused says why nothing can be sent although the target was taken once: by
	// an earlier version, which refused less. It has neither Input nor Request.
	// nil for all others.
	Refused error
	Retry   retry.Policy
	// DeadLetterARN is where undeliverable events go; empty if nowhere.
	DeadLetterARN string
	// DeadLettersRefused says why they go nowhere although the target names a
	// queue: it was put before such queues were refused. nil for all others.
	DeadLettersRefused error
	// Metrics counts what becomes of the rule's deliveries.
	Metrics *metrics.Rule
}

// A compiled rule. It is not changed once it is seen.
type compiled struct {
	rule     *Rule
	arn      string
	pattern  *pattern.Pattern     // nil if the rule has none
	schedule *schedule.Expression // nil if the rule has none
	routes   []*Route
	metrics  *metrics.Rule
	faults   []Fault // of what was stored by an earlier version
}

// matches reports whether events of the bus are matched against the rule.
func (c *compiled) matches() bool { return c.pattern != nil && c.rule.State != Disabled }

// otherBus returns the region and name of the bus that a target is, if it is one
// of the same account.
func (r *Registry) otherBus(targetARN string) (region, name string) {
	a, err := arn.Parse(targetARN)
	if err != nil || !isBus(a) || a.Account != r.account {
		return "", ""
	}
	return a.Region, strings.TrimPrefix(a.Resource, "event-bus/")
}

// HasBus reports whether a region has a bus of that name.
func (r *Registry) HasBus(region, name string) bool {
	return name == DefaultBus || (*r.buses.Load())[busKey{region, name}] != nil
}

// compile makes a rule ready for routing. What of it cannot be used is among the
// faults of the result, and the rule is without it: what is new in a rule was
// checked before, so that only an earlier version can have stored it.
func (r *Registry) compile(rule *Rule) *compiled {
	c := &compiled{
		rule: rule,
		arn:  r.RuleARN(rule.Region, rule.EventBusName, rule.Name),
	}
	if rule.ScheduleExpression != "" {
		if schedule, err := r.scheduleOf(rule); err != nil {
			c.fault("", err)
		} else {
			c.schedule = schedule
			rule.ScheduleExpression = schedule.String()
		}
	}
	if !isNoPattern(rule.EventPattern) {
		if p, err := pattern.Parse(rule.EventPattern); err != nil {
			c.fault("", PatternError(err))
		} else {
			c.pattern = p
		}
	}
	for i := range rule.Targets {
		t := &rule.Targets[i]
		route := &Route{Target: t, Archive: rule.Archive}
		if rule.Archive == "" {
			sendable, err := compileTarget(t)
			if err != nil {
				c.fault(t.ID, err)
				route.Refused = err
			} else {
				route = sendable
				r.share(route)
			}
			route.BusRegion, route.Bus = r.otherBus(t.ARN)
		}
		route.Key = RouteKey{rule.Region, rule.EventBusName, rule.Name, rule.Targets[i].ID}
		route.deadLetters()
		route.RuleARN = c.arn
		if route.DeadLettersRefused != nil {
			c.fault(t.ID, route.DeadLettersRefused)
		}
		c.routes = append(c.routes, route)
	}
	return c
}

// scheduleOf compiles the schedule of a rule that has one. The error is an *Error.
func (r *Registry) scheduleOf(rule *Rule) (*schedule.Expression, error) {
	if rule.EventBusName != DefaultBus {
		return nil, refuse(Invalid, "ScheduleExpression is supported only on the default event bus.")
	}
	expression, err := r.schedule(rule.ScheduleExpression)
	if err != nil {
		return nil, refuse(Invalid, "Parameter ScheduleExpression is not valid.")
	}
	return expression, nil
}

// schedule compiles a schedule expression, or returns the one that was compiled
// last where it is the same: thousands of rules that tick together then hold one.
// The caller holds Registry.mu, or is alone.
func (r *Registry) schedule(text string) (*schedule.Expression, error) {
	if last := r.tick; last != nil && last.String() == text {
		return last, nil
	}
	expression, err := schedule.Parse(text)
	if err != nil {
		return nil, err
	}
	r.tick = &expression
	return &expression, nil
}

// share lets a route have the request template of the route that was compiled
// before it where both are the same: thousands of rules that send to one method
// of an API then hold one. The caller holds Registry.mu, or is alone.
func (r *Registry) share(route *Route) {
	t := route.Target
	if route.Request == nil || t.HTTPParameters != nil {
		return
	}
	if last := r.last; last != nil && last.Target.ARN == t.ARN {
		t.ARN, route.Request = last.Target.ARN, last.Request
	}
	r.last = route
}

// PatternError is an error of pattern.Parse as an *Error, in all of AWS's words.
func PatternError(err error) error {
	if e, ok := errors.AsType[*pattern.Error](err); ok {
		if e.Code() == "InternalFailure" {
			return &Error{InternalFailure, e.Message()}
		}
		return &Error{InvalidPattern, e.Message()}
	}
	return fmt.Errorf("compiling an event pattern: %w", err)
}

// ParsePattern compiles a pattern that somebody wants to use, and refuses what
// AWS refuses. The error is an *Error, in all of AWS's words.
func ParsePattern(text string) (*pattern.Pattern, error) {
	p, err := pattern.Parse(text)
	if err != nil {
		return nil, PatternError(err)
	}
	if refused := p.Refused(); refused != nil {
		return nil, PatternError(refused)
	}
	return p, nil
}

// compileTarget makes the part of a target's route that does not depend on the
// rule. Errors are *Error. What PutTargets asks of a target besides is
// checkTarget's.
func compileTarget(t *Target) (*Route, error) {
	a, err := arn.Parse(t.ARN)
	if err != nil {
		return nil, malformedARN(t.ARN)
	}
	route := &Route{Target: t}
	if route.Input, err = input.Compile(t.ID, t.Input, t.InputPath, t.InputTransformer.transformer()); err != nil {
		return nil, refuse(Invalid, "%s", err)
	}
	if a.Service == "execute-api" {
		if route.Request, err = request.Compile(t.ARN, t.HTTPParameters.parameters()); err != nil {
			return nil, refuse(Invalid, "%s", err)
		}
	}
	var policy RetryPolicy
	if t.RetryPolicy != nil {
		policy = *t.RetryPolicy
	}
	if route.Retry, err = retry.NewPolicy(policy.MaximumRetryAttempts, policy.MaximumEventAgeInSeconds); err != nil {
		return nil, refuse(Invalid, "Parameter RetryPolicy of target %s is not valid. Reason: %s.", t.ID, err)
	}
	return route, nil
}

// AppendRoutes appends the routes of an event: every target of every enabled
// rule on the bus whose pattern matches it. A bus that is not there has none.
// The event is an envelope as package event makes it. AppendRoutes counts what
// matches, does not allocate where dst has room, and waits for no change.
func (r *Registry) AppendRoutes(dst []*Route, region, bus string, envelope []byte) []*Route {
	return r.AppendRoutesOf(dst, region, bus, envelope, nil)
}

// AppendRoutesOf is [Registry.AppendRoutes] for those rules alone that takes
// says yes to, by their ARNs; nil takes all.
func (r *Registry) AppendRoutesOf(dst []*Route, region, bus string, envelope []byte, takes func(ruleARN string) bool) []*Route {
	if bus == "" {
		bus = DefaultBus
	}
	b := (*r.buses.Load())[busKey{region, bus}]
	if b == nil {
		return dst
	}
	return r.appendMatches(dst, b, envelope, nil, takes)
}

// appendMatches appends the routes of ticked, if there is such a rule, which has
// the event without matching it, and of the bus's other rules that match it and
// that takes, where it is not nil, says yes to.
func (r *Registry) appendMatches(dst []*Route, b *bus, envelope []byte, ticked *compiled, takes func(ruleARN string) bool) []*Route {
	scratch := r.scratch.Get().(*[]*entry)
	matched := b.patterns.AppendMatches((*scratch)[:0], envelope)
	rules, before := 0, len(dst)
	if ticked != nil {
		ticked.metrics.Matched()
		rules++
		dst = append(dst, ticked.routes...)
	}
	for _, e := range matched {
		// A rule disabled just now may still be in the set.
		if c := e.compiled.Load(); c.matches() && (ticked == nil || c.rule.Name != ticked.rule.Name) && (takes == nil || takes(c.arn)) {
			c.metrics.Matched()
			rules++
			dst = append(dst, c.routes...)
		}
	}
	if rules > 0 {
		b.metrics.Matched(rules, len(dst)-before)
		r.metrics.Source(b.key.region, event.SourceOf(envelope)).Matched()
	}
	clear(matched) // so that the pool keeps no deleted rule alive
	*scratch = matched[:0]
	r.scratch.Put(scratch)
	return dst
}

// Route returns a route as it is now (X8); false if its bus, rule or target is
// not there any more. That a rule is disabled does not matter: what it matched
// before is still delivered.
func (r *Registry) Route(key RouteKey) (*Route, bool) {
	for _, route := range r.routes(key) {
		if route.Key.Target == key.Target {
			return route, true
		}
	}
	return nil, false
}

func (r *Registry) routes(key RouteKey) []*Route {
	b := (*r.buses.Load())[busKey{key.Region, key.Bus}]
	if b == nil {
		return nil
	}
	item, ok := b.rules.Load().Get(ruleItem{name: key.Rule})
	if !ok {
		return nil
	}
	return item.compiled.Load().routes
}
