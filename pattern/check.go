package pattern

import (
	"bytes"
	"encoding/json"
	"errors"
)

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
