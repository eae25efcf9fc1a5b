package event

import (
	"bytes"
	"fmt"
	"time"
)

// Forwarded returns the event that an event bus of another region gets of e: the
// same with an id and a time of its own. Account and region stay those of where
// it came from. A bus of the same region gets the event as it is.
func Forwarded(e *Event, id ID) (*Event, error) {
	// What is between the quotation marks of a string cannot hold this text: in
	// there they would be escaped. So the first one is the envelope's own.
	const before = `,"time":"`
	at := bytes.Index(e.JSON, []byte(before))
	const length = len(time.RFC3339) - len("07:00") // with Z for the zone
	if _, err := IDOf(e.JSON); err != nil || at < 0 || len(e.JSON) < at+len(before)+length {
		return nil, fmt.Errorf("not an envelope: %.40q", e.JSON)
	}
	b := bytes.Clone(e.JSON)
	id.encode(b[len(idPrefix):])
	at += len(before)
	e.Ingested.UTC().AppendFormat(b[at:at], "2006-01-02T15:04:05Z")
	return &Event{ID: id, JSON: b, Ingested: e.Ingested, TraceHeader: e.TraceHeader}, nil
}
