package rule

import (
	"context"
	"slices"

	"bailey/internal/request"
)

// PutTargets adds targets to a rule, each in the place of the target with its id
// if there is one. All of them are put or, when one of them is refused, none.
func (r *Registry) PutTargets(ctx context.Context, region, bus, name string, targets []Target) error {
	for i := range targets {
		route, err := compileTarget(&targets[i])
		if err != nil {
			return err
		}
		if err := r.reachable(route.Request); err != nil {
			return err
		}
		if refused := checkDeadLetters(region, targets[i].DeadLetterConfig, Invalid); refused != nil {
			return refused
		}
	}
	return r.changeRule(ctx, region, bus, name, func(rule *Rule) error {
		if rule.ManagedBy != "" {
			return rule.managed()
		}
		merged := slices.Clone(rule.Targets)
		for i := range targets {
			if at := indexOf(merged, targets[i].ID); at >= 0 {
				merged[at] = targets[i]
			} else {
				merged = append(merged, targets[i])
			}
		}
		if len(merged) > r.quotas.TargetsPerRule && len(merged) > len(rule.Targets) {
			return limitExceeded()
		}
		rule.Targets = merged
		return nil
	})
}

// indexOf finds a target by its id; -1 if there is none.
func indexOf(targets []Target, id string) int {
	return slices.IndexFunc(targets, func(t Target) bool { return t.ID == id })
}

// reachable refuses a target whose API is registered as private (T6). An API
// that is not registered is left to the delivery.
func (r *Registry) reachable(t *request.Template) error {
	if t == nil {
		return nil
	}
	if api, ok := r.API(t.APIID()); ok && api.EndpointType == "PRIVATE" {
		return refuse(Invalid, "%s", request.PrivateEndpoint(api.ID))
	}
	return nil
}

// RemoveTargets removes the targets with these ids from a rule; what is not
// there is removed already. Targets of a managed rule are removed only with
// force.
func (r *Registry) RemoveTargets(ctx context.Context, region, bus, name string, ids []string, force bool) error {
	return r.changeRule(ctx, region, bus, name, func(rule *Rule) error {
		if rule.ManagedBy != "" && !force {
			return rule.managed()
		}
		rule.Targets = slices.DeleteFunc(slices.Clone(rule.Targets), func(t Target) bool {
			return slices.Contains(ids, t.ID)
		})
		return nil
	})
}

// Targets returns a rule's targets in the order in which they were put. A token
// names the target that the next page begins with; should that be gone by then,
// the list begins anew, so that nothing is left out.
func (r *Registry) Targets(region, bus, name string, page Page) ([]Target, string, error) {
	rule, err := r.Rule(region, bus, name)
	if err != nil {
		return nil, "", err
	}
	first, invalid := page.after("targets")
	if invalid != nil {
		return nil, "", invalid
	}
	rest := rule.Targets[max(indexOf(rule.Targets, first), 0):]
	if len(rest) <= page.limit() {
		return rest, "", nil
	}
	return rest[:page.limit()], token("targets", rest[page.limit()].ID), nil
}
