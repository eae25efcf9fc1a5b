package rule

import (
	"slices"
	"strings"
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
