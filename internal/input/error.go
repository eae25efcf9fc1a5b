package input

// An InvalidJSONError says that a target's input came out as no JSON, so that
// nothing can be sent (INVALID_JSON).
type InvalidJSONError struct {
	// Body is what came out, for the dead letter. It may share memory with the
	// event: callers must not write to it.
	Body []byte
	// Reason says which part of the template made it invalid. It names variables
	// and places, never what the event holds.
	Reason string
}

// Error returns the reason.
func (e *InvalidJSONError) Error() string { return e.Reason }
