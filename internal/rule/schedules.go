package rule

import (
	"time"

	"bailey/internal/schedule"
)

// Key names one rule.
type Key struct{ Region, Bus, Rule string }

// A Schedule says when a rule runs by itself.
type Schedule struct {
	Rule       Key
	Expression schedule.Expression
	Since      time.Time // what a rate counts from
}

// Watch calls set with the schedule of every enabled rule that has one, and
// from then on whenever a rule was put, enabled or given targets; it calls
// unset when a rule is disabled, deleted or has no schedule any more. They are
// called one at a time, in the order of the changes, and must neither block
// nor call the registry. There is one watcher; a later one takes its place.
func (r *Registry) Watch(set func(Schedule), unset func(Key)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.set, r.unset = set, unset
	for _, b := range *r.buses.Load() {
		b.rules.Load().Ascend(func(item ruleItem) bool {
			r.tell(item.compiled.Load())
			return true
		})
	}
}

// tell tells the watcher of a rule as it is now. The caller holds mu.
func (r *Registry) tell(c *compiled) {
	if r.set == nil {
		return
	}
	key := Key{c.rule.Region, c.rule.EventBusName, c.rule.Name}
	if c.schedule == nil || c.rule.State == Disabled {
		r.unset(key)
		return
	}
	r.set(Schedule{Rule: key, Expression: *c.schedule, Since: c.rule.Since})
}

// AppendTickRoutes appends the routes of a rule's tick: the rule's own, whatever
// its pattern, and those of every other rule of the bus whose pattern matches
// the tick, since it is an event of the bus like any other. The second result is
// false if the rule is not there or disabled by now: then there is no tick.
// Like [Registry.AppendRoutes] it counts what matches, and the rule with it.
func (r *Registry) AppendTickRoutes(dst []*Route, key Key, event []byte) ([]*Route, bool) {
	b := (*r.buses.Load())[busKey{key.Region, key.Bus}]
	if b == nil {
		return dst, false
	}
	item, ok := b.rules.Load().Get(ruleItem{name: key.Rule})
	if !ok {
		return dst, false
	}
	c := item.compiled.Load()
	if c.rule.State == Disabled {
		return dst, false
	}
	return r.appendMatches(dst, b, event, c, nil), true
}
