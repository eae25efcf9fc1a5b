package rule

import (
	"maps"
	"slices"

	"bailey/internal/arn"
)

// checkDeadLetters refuses a dead-letter queue that cannot take events: it has to
// be a standard SQS queue of the region. elsewhere is the kind of the error for a
// queue of another region, which differs between targets and buses. A config
// without an ARN is accepted.
func checkDeadLetters(region string, c *DeadLetterConfig, elsewhere Kind) *Error {
	if c == nil || c.ARN == "" {
		return nil
	}
	a, err := arn.Parse(c.ARN)
	if err == nil && a.Service != "sqs" {
		return refuse(Invalid, "%s is not supported as a dead letter resource", a.Service)
	}
	q, err := arn.ParseQueue(c.ARN)
	switch {
	case err != nil:
		return refuse(Invalid, "Parameter %s is not valid. Reason: Provided Arn is not in correct format.", c.ARN)
	case q.IsFIFO():
		return refuse(Invalid, "SQS FIFO is not supported by Dead Letter Queues")
	case q.Region != region:
		return refuse(elsewhere, "Access to the resource %s is denied. Reason: You must specify a dead letter queue in the same region.", c.ARN)
	}
	return nil
}

// deadLetters sets where the route's undeliverable events go. A config from
// before it was checked may name one that cannot be used.
func (route *Route) deadLetters() {
	c := route.Target.DeadLetterConfig
	if c == nil || c.ARN == "" {
		return
	}
	if refused := checkDeadLetters(route.Key.Region, c, Invalid); refused != nil {
		route.DeadLettersRefused = refused
		return
	}
	route.DeadLetterARN = c.ARN
}

// DeadLetterQueues returns the ARNs of the queues that targets and event buses
// name for what cannot be delivered, sorted.
func (r *Registry) DeadLetterQueues() []string {
	queues := map[string]struct{}{}
	for _, b := range *r.buses.Load() {
		if c := b.config.Load().DeadLetterConfig; c != nil && c.ARN != "" && checkDeadLetters(b.key.region, c, Invalid) == nil {
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
