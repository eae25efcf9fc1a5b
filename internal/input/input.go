// Package input makes what a target receives from an event: the event itself,
// the constant Input, the part that InputPath names, or what an
// InputTransformer puts together.
//
// A target's input is compiled once, when the target is put, which is also when
// AWS's refusals are made. Rendering it for an event either gives a body that
// is JSON or fails; it never gives a body that is silently another one than its
// author meant.
//
// # Templates
//
// In a template `<name>` stands for a variable: one of InputPathsMap or a
// predefined one. A template that begins with `{` is filled with typed values:
// where a value belongs, a variable becomes the JSON that was found, and `""`
// where nothing was. Inside a string it becomes the text of what was found,
// escaped, or nothing.
//
// Every other template is filled with text: that of what was found, unescaped,
// and nothing where nothing was found. An object or an array becomes its text
// without the quotation marks. What comes out must be JSON. A template that
// begins with a quotation mark is one or more JSON strings, each on a line of its
// own, which the body keeps as they are.
//
// What would end the string that it is put into, or change what that says, makes
// rendering fail: an array of strings inside a string, and in a template of text
// a quotation mark, a backslash or a control character.
//
// A `<` begins a variable when a `>` follows with neither white space, nor a
// quotation mark, nor another `<` between them; any other is itself.
package input

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"bailey/internal/jsonpath"
)

// The limits of a target's input, in characters where they are lengths.
const (
	MaxInput         = 8192 // of Input
	MaxTemplate      = 8192 // of an InputTemplate
	MaxPath          = 256  // of InputPath and of each path of an InputPathsMap
	MaxVariables     = 100  // entries of an InputPathsMap
	MaxVariableName  = 256  // of a name of an InputPathsMap
	MaxRenderedBytes = 10 << 20
)

// A Transformer is a target's InputTransformer as the API has it.
type Transformer struct {
	InputPathsMap map[string]string `json:"InputPathsMap,omitempty"`
	InputTemplate string            `json:"InputTemplate"`
}

// An Error is why a target's input is refused. Message is that of the
// ValidationException, in AWS's words where these are known.
type Error struct {
	Message string
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

func refuse(format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...)}
}

// A Context is what a template may say about an event that the event does not
// say itself.
type Context struct {
	RuleARN  string    // <aws.events.rule-arn>
	RuleName string    // <aws.events.rule-name>
	Ingested time.Time // <aws.events.event.ingestion-time>, to the millisecond, in UTC
	// Room, where it is not nil, is asked before a template makes a body, with
	// about how many bytes that will have. Its error is that of Render.
	Room func(bytes int) error
}

// A Renderer makes the bodies for one target. It is immutable and may be used by
// several goroutines at once. A nil Renderer renders each event as itself.
type Renderer struct {
	kind     kind
	constant []byte
	path     jsonpath.Path
	template *template
}

type kind uint8

const (
	wholeEvent kind = iota
	constant
	partOfEvent
	transformed
)

// Compile checks the input of the target with this id and prepares it for
// rendering. At most one of input, inputPath and t may be given; with none of
// them the target receives the event. An error is always an *Error.
func Compile(targetID string, input, inputPath *string, t *Transformer) (*Renderer, error) {
	given := 0
	for _, is := range []bool{input != nil, inputPath != nil, t != nil} {
		if is {
			given++
		}
	}
	if given > 1 {
		return nil, refuse("Only one of Input, InputPath, or InputTransformer must be provided for target %s.", targetID)
	}
	switch {
	case input != nil:
		return compileInput(targetID, *input)
	case inputPath != nil:
		if *inputPath == "" {
			return &Renderer{kind: constant, constant: []byte(emptyObject)}, nil
		}
		path, err := parsePath(*inputPath)
		if err != nil {
			return nil, refuse("InputPath for target %s is invalid.", targetID)
		}
		return &Renderer{kind: partOfEvent, path: path}, nil
	case t != nil:
		compiled, err := compileTransformer(targetID, t)
		if err != nil {
			return nil, err
		}
		return &Renderer{kind: transformed, template: compiled}, nil
	}
	return whole, nil
}

// whole is what most targets have: one for all of them.
var whole = new(Renderer)

func compileInput(targetID, input string) (*Renderer, error) {
	if n := utf8.RuneCountInString(input); n > MaxInput {
		return nil, refuse("Input for target %s is longer than %d characters.", targetID, MaxInput)
	}
	end, err := readJSON(input)
	if err == nil {
		// Bailey looks at the rest, too: no target could read it.
		if rest := strings.TrimLeft(input[end:], space); rest != "" {
			err = &syntaxError{at: len(input) - len(rest)}
		}
	}
	if err != nil {
		return nil, refuse("JSON syntax error in input for target %s: %s", targetID, location(input, err.inInput(input)))
	}
	return &Renderer{kind: constant, constant: []byte(input)}, nil
}

// emptyObject is what an InputPath sends that finds nothing.
const emptyObject = `{}`

// parsePath reads a path of a length and of the steps that the API allows.
func parsePath(text string) (jsonpath.Path, error) {
	if utf8.RuneCountInString(text) > MaxPath {
		return jsonpath.Path{}, fmt.Errorf("JSON path is longer than %d characters", MaxPath)
	}
	return jsonpath.ParseDotted(text)
}

// Render makes the body for an event, which must be a valid JSON envelope. An
// error says why there is none (INVALID_JSON); it names variables and paths,
// never what the event holds. It is an [*InvalidJSONError] where what came out is
// no JSON, or another error where there is nothing that could be sent.
//
// The body is JSON, or several JSON strings on lines of their own, of at most
// MaxRenderedBytes where it comes from a template, or it is blank where Input is.
// It may share memory with event or r: callers must not write to it.
func (r *Renderer) Render(event []byte, ctx Context) (body []byte, err error) {
	if r == nil {
		return event, nil
	}
	switch r.kind {
	case constant:
		return r.constant, nil
	case partOfEvent:
		found, ok := r.path.Find(event)
		if !ok || string(found) == "null" {
			return []byte(emptyObject), nil
		}
		return found, nil
	case transformed:
		return r.template.render(event, ctx)
	}
	return event, nil
}

// AppendMissing appends the paths that are looked for in an event and find
// nothing, each once for every variable that has it.
func (r *Renderer) AppendMissing(dst []string, event []byte) []string {
	if r == nil {
		return dst
	}
	switch r.kind {
	case partOfEvent:
		return appendIfMissing(dst, &r.path, event)
	case transformed:
		for i := range r.template.variables {
			if v := &r.template.variables[i]; v.source == fromPath {
				dst = appendIfMissing(dst, &v.path, event)
			}
		}
	}
	return dst
}

func appendIfMissing(dst []string, path *jsonpath.Path, event []byte) []string {
	if _, ok := path.Find(event); ok {
		return dst
	}
	return append(dst, path.String())
}
