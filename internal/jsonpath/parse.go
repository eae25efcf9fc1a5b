package jsonpath

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxIndexDigits bounds the index of an item: no event has so many.
const maxIndexDigits = 9

// Parse reads a path. The error says what is wrong with it and at which
// character (P11). The length is not bounded here: each use has its own limit.
func Parse(text string) (Path, error) {
	if !utf8.ValidString(text) {
		return Path{}, errors.New("JSON path is not valid UTF-8")
	}
	if text == "" || text[0] != '$' {
		return Path{}, fmt.Errorf("JSON path %q does not begin with $", text)
	}
	var steps []step
	quoted := false
	for at := 1; at < len(text); {
		s, next, err := parseStep(text, at)
		if err != nil {
			character := utf8.RuneCountInString(text[:at]) + 1
			return Path{}, fmt.Errorf("JSON path %q: at character %d: %w", text, character, err)
		}
		quoted = quoted || text[at] == '[' && s.kind == member
		steps = append(steps, s)
		at = next
	}
	return Path{text: text, steps: steps, quoted: quoted}, nil
}

// ParseDotted reads a path that has no names in brackets: AWS takes those
// nowhere but in dynamic parameters.
func ParseDotted(text string) (Path, error) {
	p, err := Parse(text)
	if err != nil {
		return Path{}, err
	}
	if p.quoted {
		return Path{}, fmt.Errorf("JSON path %q: a name in brackets is not allowed here", text)
	}
	return p, nil
}

// parseStep reads the step that begins at text[at] and returns the place after
// it.
func parseStep(text string, at int) (s step, next int, err error) {
	switch text[at] {
	case '.':
		return parseDotName(text, at)
	case '[':
		return parseBracket(text, at)
	}
	r, _ := utf8.DecodeRuneInString(text[at:])
	return step{}, 0, fmt.Errorf("%q is not allowed in a name after a dot; names with other characters are written ['name']", r)
}

func parseDotName(text string, at int) (s step, next int, err error) {
	name := text[at+1:]
	if end := strings.IndexFunc(name, isNotNameRune); end >= 0 {
		name = name[:end]
	}
	if name == "" {
		return step{}, 0, errors.New("there is no name after the dot")
	}
	return step{kind: member, name: name}, at + 1 + len(name), nil
}

// isNotNameRune reports whether r ends a name after a dot. EventBridge documents
// letters, digits, dashes, underscores and forward slashes.
func isNotNameRune(r rune) bool {
	switch r {
	case '_', '-', '/':
		return false
	}
	return !unicode.In(r, unicode.Letter, unicode.Mark, unicode.Number)
}

func parseBracket(text string, at int) (s step, next int, err error) {
	inside := text[at+1:]
	switch {
	case inside == "":
		return step{}, 0, errors.New("the bracket is not closed")
	case inside[0] == '\'' || inside[0] == '"':
		return parseQuotedName(text, at)
	}
	inside, _, closed := strings.Cut(inside, "]")
	if !closed {
		return step{}, 0, errors.New("the bracket is not closed")
	}
	next = at + len(inside) + 2
	if inside == "*" {
		return step{kind: everyItem}, next, nil
	}
	for _, c := range []byte(inside) {
		if c < '0' || c > '9' {
			return step{}, 0, errors.New("brackets hold a quoted name, an index from 0, or *")
		}
	}
	if inside == "" || inside[0] == '0' && len(inside) > 1 {
		return step{}, 0, errors.New("brackets hold a quoted name, an index from 0, or *")
	}
	if len(inside) > maxIndexDigits {
		return step{}, 0, errors.New("the index is too large")
	}
	index, err := strconv.Atoi(inside)
	if err != nil {
		return step{}, 0, fmt.Errorf("reading the index: %w", err)
	}
	return step{kind: item, index: index}, next, nil
}

// parseQuotedName reads ['name'] or ["name"].
func parseQuotedName(text string, at int) (s step, next int, err error) {
	quote := text[at+1]
	var name []byte
	for i := at + 2; i < len(text); {
		switch c := text[i]; {
		case c == quote:
			if i+1 >= len(text) || text[i+1] != ']' {
				return step{}, 0, errors.New("the bracket is not closed after the name")
			}
			return step{kind: member, name: string(name)}, i + 2, nil
		case c == '\\' && i+1 < len(text) && text[i+1] == '\'':
			name = append(name, '\'')
			i += 2
		case c == '\\':
			r, after, ok := unescape(text, i)
			if !ok {
				return step{}, 0, errors.New("the name has an escape that JSON does not know")
			}
			name = utf8.AppendRune(name, r)
			i = after
		default:
			name = append(name, c)
			i++
		}
	}
	return step{}, 0, errors.New("the name's quotation mark is not closed")
}
