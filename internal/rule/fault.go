package rule

import "slices"

// A Fault is something in a stored rule that is refused today: an earlier version
// took it. The rule is kept and shown as it was put, and is without that part: a
// pattern that matches nothing, a schedule that never runs, a target that is sent
// nothing, a dead-letter queue that takes nothing. Putting the part again mends it.
type Fault struct {
	Rule   Key    // without a rule where it is the event bus's own dead-letter queue
	Target string // empty where it is the rule's own pattern or schedule
	Err    error  // what a call that put it would answer
}

// fault notes what of a rule, or of the target that is named, cannot be used.
func (c *compiled) fault(target string, err error) {
	c.faults = append(c.faults, Fault{Key{c.rule.Region, c.rule.EventBusName, c.rule.Name}, target, err})
}

// Faults returns the faults of the rules that were read when the registry was
// opened, by region, event bus and rule.
func (r *Registry) Faults() []Fault { return slices.Clone(r.faults) }
