package rule

import "fmt"

// Kind says which of the API's exceptions an [Error] is.
type Kind uint8

// The kinds of errors. ConcurrentModification and the like cannot occur: changes
// are made one at a time.
const (
	Invalid           Kind = iota + 1 // a value or a combination of values is not allowed
	InvalidPattern                    // an event pattern cannot be compiled
	InternalFailure                   // an event pattern on which AWS fails
	NotFound                          // a bus, rule or other resource is not there
	Exists                            // a resource is there already
	LimitExceeded                     // a quota is used up
	Managed                           // the rule belongs to a service
	PolicyTooLong                     // a bus's policy would be
	IllegalState                      // not in the state that the resource is in
	InvalidState                      // the same, of an event source
	OperationDisabled                 // not to be had here
	AccessDenied                      // the account may not
)

// An Error is why a change or a question is refused. Message is in AWS's words
// where these are known; it may be shown to the caller. Errors of other types
// are faults of the store.
type Error struct {
	Kind    Kind
	Message string
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

func refuse(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

func busNotFound(name string) *Error {
	return refuse(NotFound, "Event bus %s does not exist.", name)
}

func ruleNotFound(bus, name string) *Error {
	return refuse(NotFound, "Rule %s does not exist on EventBus %s.", name, bus)
}

func limitExceeded() *Error {
	return refuse(LimitExceeded, "The requested resource exceeds the maximum number allowed.")
}
