package rule

import (
	"context"
	"slices"
	"strings"

	"bailey/internal/arn"
)

// maxTags is how many tags a resource may have.
const maxTags = 50

// newTags returns old with the tags of added put over it, by key.
func newTags(old, added []Tag) ([]Tag, *Error) {
	merged := make(map[string]string, len(old)+len(added))
	for _, t := range old {
		merged[t.Key] = t.Value
	}
	seen := make(map[string]bool, len(added))
	for _, t := range added {
		if seen[t.Key] {
			return nil, refuse(Invalid, "Invalid parameter: Duplicated keys are not allowed.")
		}
		if strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return nil, refuse(Invalid, "aws: prefixed tag key names are not allowed for external use.")
		}
		seen[t.Key] = true
		merged[t.Key] = t.Value
	}
	if len(merged) > maxTags {
		return nil, limitExceeded()
	}
	if len(merged) == 0 {
		return nil, nil
	}
	tags := make([]Tag, 0, len(merged))
	for key, value := range merged {
		tags = append(tags, Tag{key, value})
	}
	slices.SortFunc(tags, func(a, b Tag) int { return strings.Compare(a.Key, b.Key) })
	return tags, nil
}

// taggable says what an ARN names: a bus, or a rule on it.
func taggable(resourceARN string) (busARN, rule string, err *Error) {
	a, parseErr := arn.Parse(resourceARN)
	if parseErr != nil || a.Service != "events" {
		return "", "", refuse(Invalid, "Parameter ResourceARN is not valid. Reason: Provided Arn is not in correct format.")
	}
	kind, name, _ := strings.Cut(a.Resource, "/")
	switch {
	case name != "" && kind == "event-bus":
		return resourceARN, "", nil
	case name != "" && kind == "rule":
		bus := DefaultBus
		// The name of a partner's bus has slashes of its own.
		if i := strings.LastIndexByte(name, '/'); i >= 0 {
			bus, name = name[:i], name[i+1:]
		}
		a.Resource = "event-bus/" + bus
		return a.String(), name, nil
	}
	return "", "", refuse(Invalid, "Parameter ResourceARN is not valid. Reason: Only event buses and rules have tags.")
}

// Tags returns the tags of the bus or rule with the ARN, by key.
func (r *Registry) Tags(region, resourceARN string) ([]Tag, error) {
	bus, name, err := taggable(resourceARN)
	if err != nil {
		return nil, err
	}
	if name == "" {
		b, err := r.Bus(region, bus)
		if err != nil {
			return nil, err
		}
		return b.Tags, nil
	}
	rule, notFound := r.Rule(region, bus, name)
	if notFound != nil {
		return nil, notFound
	}
	return rule.Tags, nil
}

// Tag adds tags to the bus or rule with the ARN; one whose key is there already
// gets the new value.
func (r *Registry) Tag(ctx context.Context, region, resourceARN string, tags []Tag) error {
	return r.changeTags(ctx, region, resourceARN, func(old []Tag) ([]Tag, *Error) { return newTags(old, tags) })
}

// Untag removes the tags with these keys, as far as they are there.
func (r *Registry) Untag(ctx context.Context, region, resourceARN string, keys []string) error {
	return r.changeTags(ctx, region, resourceARN, func(old []Tag) ([]Tag, *Error) {
		return slices.DeleteFunc(slices.Clone(old), func(t Tag) bool { return slices.Contains(keys, t.Key) }), nil
	})
}

func (r *Registry) changeTags(ctx context.Context, region, resourceARN string, change func([]Tag) ([]Tag, *Error)) error {
	bus, name, invalid := taggable(resourceARN)
	if invalid != nil {
		return invalid
	}
	if name == "" {
		_, err := r.UpdateBus(ctx, region, bus, func(b *Bus) error {
			tags, err := change(b.Tags)
			if err != nil {
				return err
			}
			b.Tags = tags
			return nil
		})
		return err
	}
	return r.changeRule(ctx, region, bus, name, func(rule *Rule) error {
		if rule.ManagedBy != "" {
			return refuse(Managed, "Tag related operations on the managed rule %s is not allowed.", name)
		}
		tags, err := change(rule.Tags)
		if err != nil {
			return err
		}
		rule.Tags = tags
		return nil
	})
}
