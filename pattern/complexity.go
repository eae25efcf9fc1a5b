package pattern

import "slices"

// complexLimit is the most beginnings of wildcards that EventBridge lets one
// string match at once, in one automaton of one field.
const complexLimit = 10

const tooComplex = "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character"

// Refused says why EventBridge refuses the pattern although [Parse] does not:
// wildcards that are too much for its automaton, or an operator in anything-but
// with an empty list, on which it fails. It returns nil where it takes the
// pattern. This package has no need to refuse any: a wildcard is matched by
// reading the value once, and an operator with an empty list excludes nothing.
func (p *Pattern) Refused() *Error {
	for _, a := range p.alternatives {
		for _, f := range a {
			if slices.ContainsFunc(f.tests, func(t test) bool { return t.excludesNothing() }) {
				return &Error{Reason: "an operator in anything-but has an empty list", internal: true}
			}
		}
	}
	if p.tooComplex() {
		return &Error{Reason: tooComplex}
	}
	return nil
}

// excludesNothing reports whether the test is an operator in anything-but with
// an empty list.
func (t *test) excludesNothing() bool {
	switch t.op {
	case opNotFold, opNotPrefix, opNotSuffix, opNotWildcard:
		return len(t.more.list) == 0
	}
	return false
}

// tooComplex reports whether the wildcards are too much for AWS's automaton.
//
// AWS counts how many states its automaton can be in at once; see
// [wildcardSet.most]. It looks at the wildcards of one field together, those of
// the branches of $or included if the fields before it are alike; see
// [nameState].
func (p *Pattern) tooComplex() bool {
	judged := map[string]bool{}
	for _, set := range wildcardSets(p.alternatives) {
		key := set.key()
		if !judged[key] && set.most() > complexLimit {
			return true
		}
		judged[key] = true
	}
	return false
}

// wildcards returns what stands between the stars of each wildcard of the test.
func (t *test) wildcards() [][]string {
	switch t.op {
	case opWildcard:
		return [][]string{t.more.list}
	case opNotWildcard:
		return t.more.wildcards
	}
	return nil
}
