package rule

import (
	"maps"
	"slices"
)

// DeadLetterQueues returns the ARNs of the queues that targets and event buses
// name for what cannot be delivered, sorted.
func (r *Registry) DeadLetterQueues() []string {
	queues := map[string]struct{}{}
	for _, b := range *r.buses.Load() {
		if c := b.config.Load().DeadLetterConfig; c != nil && c.ARN != "" {
			queues[c.ARN] = struct{}{}
		}
		b.rules.Load().Ascend(func(item ruleItem) bool {
			for _, route := range item.compiled.Load().routes {
				if route.DeadLetterARN != "" {
					queues[route.DeadLetterARN] = struct{}{}
				}
			}
			return true
		})
	}
	return slices.Sorted(maps.Keys(queues))
}
