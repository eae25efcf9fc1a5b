package rule

import (
	"strings"

	"bailey/internal/arn"
)

// Compile makes a target ready to be sent to without putting it on a rule: for
// those who want to see what would be sent. The error is what PutTargets would
// answer.
func (r *Registry) Compile(target Target, ruleARN string) (*Route, error) {
	if refused := checkTarget(&target); refused != nil {
		return nil, refused
	}
	route, err := compileTarget(&target)
	if err != nil {
		return nil, err
	}
	a, err := arn.Parse(ruleARN)
	name, ok := strings.CutPrefix(a.Resource, "rule/")
	if err != nil || !ok {
		return nil, refuse(Invalid, "%s is not the ARN of a rule.", ruleARN)
	}
	bus := DefaultBus
	if b, n, ok := strings.Cut(name, "/"); ok {
		bus, name = b, n
	}
	route.Key = RouteKey{Region: a.Region, Bus: bus, Rule: name, Target: target.ID}
	route.RuleARN = ruleARN
	if refused := checkDeadLetters(a.Region, target.DeadLetterConfig, Invalid); refused != nil {
		return nil, refused
	}
	route.deadLetters()
	return route, nil
}
