package event

import (
	"encoding/json"
	"errors"
	"time"
)

// What TestEventPattern says of an event that it does not take, in AWS's words.
var (
	errNoEnvelope  = errors.New("Parameter Event is not valid.")
	errInvalidTime = errors.New("Parameter Event is not valid. Reason: Invalid time.")
)

// required are the members that an event must have. AWS's reference names
// resources too, which the service does not ask for.
var required = []string{"id", "account", "source", "time", "region", "detail-type"}

// CheckEnvelope says why TestEventPattern does not take text as an event: it is
// not one JSON object, it lacks one of the members of an envelope, or its time is
// no time (RFC 3339). What else the members hold is not looked at. The error is
// the message of AWS's ValidationException. It returns nil for an event.
func CheckEnvelope(text []byte) error {
	if !IsObject(text) {
		return errNoEnvelope
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return errNoEnvelope
	}
	for _, name := range required {
		if _, ok := members[name]; !ok {
			return errNoEnvelope
		}
	}
	var at string
	if err := json.Unmarshal(members["time"], &at); err != nil {
		return errInvalidTime
	}
	if _, err := time.Parse(time.RFC3339, at); err != nil {
		return errInvalidTime
	}
	return nil
}
