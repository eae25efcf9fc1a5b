package rule

import (
	"context"
	"slices"
	"strings"

	"bailey/internal/request"
)

// PutTargets adds targets to a rule, each in the place of the target with its id
// if there is one. All of them are put or, when one of them is refused, none:
// what is wrong with a target is found before the rule is looked for.
func (r *Registry) PutTargets(ctx context.Context, region, bus, name string, targets []Target) error {
	if refused := checkIDs(targets); refused != nil {
		return refused
	}
	for i := range targets {
		if refused := checkTarget(&targets[i]); refused != nil {
			return refused
		}
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
			if refused := r.checkForRule(&targets[i], rule); refused != nil {
				return refused
			}
			if at := indexOf(merged, targets[i].ID); at >= 0 {
				merged[at] = targets[i]
			} else {
				merged = append(merged, targets[i])
			}
		}
		if len(merged) > r.quotas.TargetsPerRule && len(merged) > len(rule.Targets) {
			return limitExceeded()
		}
		sortTargets(merged)
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
			return rule.managedUnlessForced()
		}
		rule.Targets = slices.DeleteFunc(slices.Clone(rule.Targets), func(t Target) bool {
			return slices.Contains(ids, t.ID)
		})
		return nil
	})
}

// sortTargets puts targets into the order of their ids.
func sortTargets(targets []Target) {
	slices.SortFunc(targets, func(a, b Target) int { return strings.Compare(a.ID, b.ID) })
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
	rest := rule.Targets
	if page.Token != "" {
		from := slices.IndexFunc(rest, func(t Target) bool { return t.ID > after })
		if from < 0 {
			return nil, "", nil
		}
		rest = rest[from:]
	}
	if len(rest) <= page.limit() {
		return rest, "", nil
	}
	rest = rest[:page.limit()]
	return rest, token("targets", rest[len(rest)-1].ID), nil
}
