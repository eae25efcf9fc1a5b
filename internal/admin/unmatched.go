package admin

import (
	"fmt"
	"strings"
)

// maxReasons is how many rules are named of a bus whose rules all did not match.
const maxReasons = 20

// WhyNone says, a line each, why an event on a bus had no delivery: which rules
// there are and why each did not match, or where rules are if there is none. The
// rules are those of now.
func (e *Explanations) WhyNone(region, bus string) []string {
	if len(e.Rules) == 0 {
		lines := []string{fmt.Sprintf("event bus %s in %s has no rules", bus, region)}
		if len(e.Elsewhere) > 0 {
			lines = append(lines, Elsewhere(e.Elsewhere))
		}
		return lines
	}
	var lines []string
	for i, r := range e.Rules {
		if i == maxReasons {
			return append(lines, fmt.Sprintf("and %d more rules", len(e.Rules)-i))
		}
		reason := r.Reason
		switch {
		case r.Matched && r.Targets == 0:
			reason = "it matches, and has no target"
		case r.Matched && r.Buses == r.Targets:
			reason = "it matches, and its targets are event buses or archives, which have no delivery"
		case r.Matched:
			reason = "it matches as it is now; when the event came, it or its target was not there, different, or disabled"
		}
		lines = append(lines, "rule "+r.Rule+": "+reason)
	}
	return lines
}

// Elsewhere says in words where rules are.
func Elsewhere(buses []RulesElsewhere) string {
	if len(buses) == 0 {
		return "There are no rules in any region."
	}
	places := make([]string, len(buses))
	for i, b := range buses {
		places[i] = fmt.Sprintf("%d on %s in %s", b.Rules, b.EventBusName, b.Region)
	}
	return "Rules there are: " + strings.Join(places, ", ") + "."
}
