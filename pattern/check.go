package pattern

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// Check answers one line of the check that the bailey match command runs: true
// or false for a pattern and an event given as text, or error, the code of
// AWS's error and its message, on one line.
func Check(pattern, event string) string {
	p, err := Parse(pattern)
	if err != nil {
		return "error InvalidEventPatternException " + oneLine(err.Error())
	}
	if err := ValidEvent([]byte(event)); err != nil {
		return "error ValidationException " + oneLine(err.Error())
	}
	if p.Match([]byte(event)) {
		return "true"
	}
	return "false"
}

// errEvent is AWS's message for an event that is no JSON object.
var errEvent = errors.New("Parameter Event is not valid.")

// ValidEvent returns an error with AWS's message if event is not one JSON
// object and nothing else.
func ValidEvent(event []byte) error {
	trimmed := bytes.TrimLeft(event, " \t\r\n")
	if len(trimmed) == 0 || trimmed[0] != '{' || !json.Valid(trimmed) {
		return errEvent
	}
	return nil
}

func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s)
}
