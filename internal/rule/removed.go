package rule

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"bailey/internal/input"
)

// A target that is removed may still have deliveries under way, which then end
// (X8) and go to its dead-letter queue (X7). So the queue's ARN, and the input
// that a message there holds, stay for as long as a delivery may wait, or be a
// dead letter that somebody redrives.
// rememberRemoved is how long that is by default.
const rememberRemoved = 15 * 24 * time.Hour

// removed is what is remembered of a target that had a dead-letter queue.
type removed struct {
	Region, Bus, Rule, Target string
	ARN, Queue                string
	Input                     *string           `json:",omitempty"`
	InputPath                 *string           `json:",omitempty"`
	InputTransformer          *InputTransformer `json:",omitempty"`
	At                        time.Time
}

func (m *removed) name() string { return m.Bus + "/" + m.Rule + "/" + m.Target }

func (m *removed) document() string { return key(m.Region, m.name()) }

// RemovedRoute returns what is left of the route of a target that was removed:
// its Key, RuleARN, Input, DeadLetterARN, and the ARN of its Target. It returns
// nil for a target that had no dead-letter queue, or was removed longer ago than
// [Config].Remember.
func (r *Registry) RemovedRoute(k RouteKey) *Route {
	m := r.removed.get(k.Region, (&removed{Bus: k.Bus, Rule: k.Rule, Target: k.Target}).name())
	if m == nil {
		return nil
	}
	route := &Route{
		Key:     k,
		RuleARN: r.RuleARN(k.Region, k.Bus, k.Rule),
		Target:  &Target{ID: k.Target, ARN: m.ARN, DeadLetterConfig: &DeadLetterConfig{m.Queue}},
	}
	// What was taken once and is not any more leaves the event as it was.
	if rendered, err := input.Compile(k.Target, m.Input, m.InputPath, m.InputTransformer.transformer()); err == nil {
		route.Input = rendered
	}
	route.deadLetters()
	return route
}

// forgetting returns what has to be remembered of the targets that a rule loses
// when it changes, and what is not needed any longer: because the target is
// there again, or by its age. The caller holds mu, and calls remember when the
// changes are durable.
func (r *Registry) forgetting(from, to *Rule) (remember, forget []*removed) {
	there := make(map[string]bool, len(to.Targets))
	for i := range to.Targets {
		there[to.Targets[i].ID] = true
	}
	for i := range from.Targets {
		t := &from.Targets[i]
		if !there[t.ID] && t.DeadLetterConfig != nil && t.DeadLetterConfig.ARN != "" {
			remember = append(remember, &removed{
				from.Region, from.EventBusName, from.Name, t.ID, t.ARN, t.DeadLetterConfig.ARN,
				t.Input, t.InputPath, t.InputTransformer, r.now().UTC(),
			})
		}
	}
	for i := range to.Targets {
		m := &removed{Region: to.Region, Bus: to.EventBusName, Rule: to.Name, Target: to.Targets[i].ID}
		if old := r.removed.get(m.Region, m.name()); old != nil {
			forget = append(forget, old)
		}
	}
	for _, m := range r.removedInOrder {
		if r.now().Sub(m.At) < r.keep {
			break
		}
		forget = append(forget, m)
	}
	return remember, forget
}

// remember carries out what forgetting returned.
func (r *Registry) remember(remember, forget []*removed) {
	for _, m := range forget {
		r.removed.set(m.Region, m.name(), nil)
	}
	for _, m := range remember {
		r.removed.set(m.Region, m.name(), m)
	}
	if len(forget) > 0 {
		r.removedInOrder = slices.DeleteFunc(r.removedInOrder, func(m *removed) bool { return slices.Contains(forget, m) })
	}
	r.removedInOrder = append(r.removedInOrder, remember...)
}

// loadRemoved puts in order what was loaded.
func (r *Registry) loadRemoved() {
	r.removedInOrder = slices.SortedFunc(r.removed.all(), func(x, y *removed) int {
		return cmp.Or(x.At.Compare(y.At), strings.Compare(x.document(), y.document()))
	})
}
