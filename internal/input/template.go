package input

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"bailey/internal/jsonpath"
)

// A template is an InputTemplate taken apart.
type template struct {
	parts     []part
	tail      string // what follows the last part
	variables []variable
	isString  bool // a string template
	valid     bool // every event gives JSON, as far as the template's own text goes
}

// A part is text that is taken as it stands, and the variable after it.
type part struct {
	before   string
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
	paths := make(map[string]jsonpath.Path, len(t.InputPathsMap))
	for _, name := range slices.Sorted(maps.Keys(t.InputPathsMap)) {
		if err := checkName(name); err != nil {
			return nil, refuse("Invalid InputPathsMap for target %s : %v.", targetID, err)
		}
		path, err := parsePath(t.InputPathsMap[name])
		if err != nil {
			return nil, refuse("Invalid InputPathsMap for target %s : %s: %v.", targetID, name, err)
		}
		paths[name] = path
	}
	if n := utf8.RuneCountInString(t.InputTemplate); n < 1 || n > MaxTemplate {
		return nil, refuse("InputTemplate for target %s must have 1 to %d characters.", targetID, MaxTemplate)
	}
	compiled, unknown := split(t.InputTemplate, paths)
	if unknown != "" {
		return nil, refuse("InputTemplate for target %s contains invalid placeholder %s.", targetID, unknown)
	}
	if offset, ok := compiled.check(); !ok {
		// What is plainly meant as JSON or as a string is refused here, as AWS does.
		// AWS takes some templates that are neither and fails to deliver them.
		if begin := strings.TrimLeft(t.InputTemplate, space); strings.IndexAny(begin, `{["`) == 0 {
			return nil, refuse("Invalid InputTemplate for target %s : %s", targetID, place(t.InputTemplate, offset))
		}
		return compiled, nil
	}
	compiled.valid = true
	return compiled, nil
}

// checkName says what is wrong with a name of an InputPathsMap.
func checkName(name string) error {
	if _, ok := predefined[name]; ok {
		return fmt.Errorf("the predefined variable %s cannot be defined", name)
	}
	if strings.HasPrefix(name, "AWS") {
		return fmt.Errorf("the name %s begins with AWS", name)
	}
	if len(name) < 1 || len(name) > MaxVariableName {
		return fmt.Errorf("a name must have 1 to %d characters", MaxVariableName)
	}
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return fmt.Errorf("the name %s has characters other than letters, digits, _ and -", name)
		}
	}
	return nil
}

// space is JSON's white space.
const space = " \t\r\n"

// split takes a template apart. It returns the name of the first variable that
// is neither predefined nor one of paths, if there is one.
func split(text string, paths map[string]jsonpath.Path) (t *template, unknown string) {
	t = &template{isString: strings.HasPrefix(strings.TrimLeft(text, space), `"`)}
	index := make(map[string]int)
	inString, begin := false, 0
	for at := 0; at < len(text); at++ {
		switch c := text[at]; {
		case c == '"':
			inString = !inString
		case c == '\\' && inString:
			at++
		case c == '<':
			name, ok := placeholder(text[at+1:])
			if !ok {
				continue
			}
			n, seen := index[name]
			if !seen {
				v := variable{name: name}
				path, defined := paths[name]
				origin, isPredefined := predefined[name]
				switch {
				case isPredefined:
					v.source = origin
				case defined:
					v.path = path
				default:
					return nil, name
				}
				n = len(t.variables)
				index[name] = n
				t.variables = append(t.variables, v)
			}
			t.parts = append(t.parts, part{before: text[begin:at], variable: n, inString: inString})
			at += len(name) + 1
			begin = at + 1
		}
	}
	t.tail = text[begin:]
	return t, ""
}

// placeholder returns the name that text begins with, up to a >.
func placeholder(text string) (name string, ok bool) {
	end := strings.IndexAny(text, "<>\""+space)
	if end < 1 || text[end] != '>' {
		return "", false
	}
	return text[:end], true
}

// check reports whether the template is JSON when its variables are, and if not,
// how many bytes it is until that shows. For that a variable is taken as an empty
// array where a value belongs, which cannot run into its neighbours nor pass for
// a member's name, and as spaces inside strings.
func (t *template) check() (offset int, ok bool) {
	var filled []byte
	for _, p := range t.parts {
		filled = append(filled, p.before...)
		width := len("<" + t.variables[p.variable].name + ">")
		if !p.inString {
			filled = append(filled, "[]"...)
			width -= len("[]")
		}
		filled = append(filled, strings.Repeat(" ", width)...)
	}
	filled = append(filled, t.tail...)
	if !t.isString {
		return checkJSON(filled)
	}
	begin := 0
	for line := range bytes.Lines(filled) {
		if start := bytes.TrimLeft(line, space); len(start) > 0 {
			if start[0] != '"' {
				return begin + len(line) - len(start) + 1, false
			}
			if offset, ok := checkJSON(line); !ok {
				return begin + offset, false
			}
		}
		begin += len(line)
	}
	return 0, true
}

// checkJSON reports whether text is JSON, and if not, how many bytes it is until
// that shows.
func checkJSON(text []byte) (offset int, ok bool) {
	var checked json.RawMessage
	err := json.Unmarshal(text, &checked)
	if syntax, is := errors.AsType[*json.SyntaxError](err); is {
		return min(int(syntax.Offset), len(text)), false
	}
	return len(text), err == nil
}

// place says where text stops being JSON, after offset bytes, in the form that
// AWS's messages have.
func place(text string, offset int) string {
	before := text[:offset]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return fmt.Sprintf("[Source: (String)\"%s\"; line: %d, column: %d]", text, line, max(column, 1))
}
