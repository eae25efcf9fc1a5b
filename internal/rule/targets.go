package rule

import (
	"context"
	"slices"
	"strings"

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
	}
	return r.changeRule(ctx, region, bus, name, func(rule *Rule) error {
		if rule.ManagedBy != "" {
			return rule.managed()
		}
		merged := slices.Clone(rule.Targets)
		for i := range targets {
			at, there := slices.BinarySearchFunc(merged, targets[i].ID, compareID)
			if there {
				merged[at] = targets[i]
			} else {
				merged = slices.Insert(merged, at, targets[i])
			}
		}
		if len(merged) > r.quotas.TargetsPerRule && len(merged) > len(rule.Targets) {
			return limitExceeded()
		}
		rule.Targets = merged
		return nil
	})
}

func compareID(t Target, id string) int { return strings.Compare(t.ID, id) }

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

// Targets returns a rule's targets by id.
func (r *Registry) Targets(region, bus, name string, page Page) ([]Target, string, error) {
	rule, err := r.Rule(region, bus, name)
	if err != nil {
		return nil, "", err
	}
	after, invalid := page.after("targets")
	if invalid != nil {
		return nil, "", invalid
	}
	begin, _ := slices.BinarySearchFunc(rule.Targets, following(after), compareID)
	rest := rule.Targets[begin:]
	if len(rest) <= page.limit() {
		return rest, "", nil
	}
	rest = rest[:page.limit()]
	return rest, token("targets", rest[len(rest)-1].ID), nil
}
