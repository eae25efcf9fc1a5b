package input

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"bailey/internal/jsonpath"
)

// A template is an InputTemplate taken apart.
type template struct {
	text      string
	kind      templateKind
	parts     []part
	tail      string // what follows the last part
	variables []variable
	proven    bool // every event gives JSON, but for values that cannot be put where they belong
}

// templateKind is how a template is filled, which its first character decides.
type templateKind uint8

const (
	textTemplate   templateKind = iota // any other
	objectTemplate                     // begins with a {
	stringTemplate                     // begins with a quotation mark
)

// A part is text that is taken as it stands, and the variable after it.
type part struct {
	before   string
	at       int  // where the variable's < is in the template
	variable int  // index into variables
	inString bool // the variable is inside a JSON string
}

type variable struct {
	name   string
	source source
	path   jsonpath.Path // of fromPath
}

// source is where a variable's value comes from.
type source uint8

const (
	fromPath source = iota
	ruleARN
	ruleName
	ingestionTime
	eventWithoutDetail
	eventJSON
	undefined // from nowhere: it stays as it is written
)

// predefined are the variables that every template has.
var predefined = map[string]source{
	"aws.events.rule-arn":             ruleARN,
	"aws.events.rule-name":            ruleName,
	"aws.events.event.ingestion-time": ingestionTime,
	"aws.events.event":                eventWithoutDetail,
	"aws.events.event.json":           eventJSON,
}

func compileTransformer(targetID string, t *Transformer) (*template, error) {
	if len(t.InputPathsMap) > MaxVariables {
		return nil, refuse("InputPathsMap for target %s has more than %d entries.", targetID, MaxVariables)
	}
	var paths map[string]jsonpath.Path
	if t.InputPathsMap != nil {
		paths = make(map[string]jsonpath.Path, len(t.InputPathsMap))
	}
	for _, name := range slices.Sorted(maps.Keys(t.InputPathsMap)) {
		if !validName(name) {
			return nil, refuse("InputPathsMap for target %s has the name %q, which does not have 1 to %d letters, digits, _ and -.", targetID, name, MaxVariableName)
		}
		path, err := parsePath(t.InputPathsMap[name])
		if err != nil {
			return nil, refuse("InputPath for target %s is invalid.", targetID)
		}
		paths[name] = path
	}
	if n := utf8.RuneCountInString(t.InputTemplate); n < 1 || n > MaxTemplate {
		return nil, refuse("InputTemplate for target %s must have 1 to %d characters.", targetID, MaxTemplate)
	}
	s := split(t.InputTemplate, paths)
	compiled := &s.template
	switch wholeEvent := "aws.events.event.json"; {
	case s.unknown != "":
		return nil, refuse("InputTemplate for target %s contains invalid placeholder %s.", targetID, s.unknown)
	case compiled.kind != objectTemplate && compiled.uses(eventJSON):
		return nil, refuse("InputTemplate for target %s contains placeholder %s valid only for JSON template.", targetID, wholeEvent)
	case compiled.kind == objectTemplate && s.key:
		return nil, refuse("InputTemplate placeholder present as a JSON object key for target %s.", targetID)
	}
	text := compiled.withNulls()
	if _, err := readJSON(text); err != nil {
		return nil, refuse("Invalid InputTemplate for target %s : %s.", targetID, location(text, err.token))
	}
	compiled.proven = compiled.prove()
	return compiled, nil
}

// validName reports whether a name of an InputPathsMap is one. Predefined
// variables have dots and so cannot be defined.
func validName(name string) bool {
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return 1 <= len(name) && len(name) <= MaxVariableName
}

func (t *template) uses(origin source) bool {
	return slices.ContainsFunc(t.variables, func(v variable) bool { return v.source == origin })
}

// withNulls returns the template with null for each of its variables, as AWS
// looks at it.
func (t *template) withNulls() string {
	var b strings.Builder
	for _, p := range t.parts {
		b.WriteString(p.before)
		b.WriteString("null")
	}
	b.WriteString(t.tail)
	return b.String()
}

// prove reports whether the template is JSON whatever its variables are. For
// that a variable is taken as an empty array where a value belongs, which cannot
// run into its neighbours, and as a space inside strings.
func (t *template) prove() bool {
	var filled []byte
	for _, p := range t.parts {
		filled = append(filled, p.before...)
		switch {
		case p.inString:
			filled = append(filled, ' ')
		case t.kind == objectTemplate && t.variables[p.variable].source != undefined:
			filled = append(filled, "[]"...)
		default:
			return false
		}
	}
	_, ok := t.check(append(filled, t.tail...))
	return ok
}
