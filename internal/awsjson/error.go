package awsjson

import "net/http"

// An Error is an operation's answer that it did not do what was asked. A handler
// returns one to have the client see Code and Message; any other error is a
// fault of the server's own: it is logged and answered with
// InternalException, without its text.
type Error struct {
	Code    string // such as "ResourceNotFoundException"
	Message string
	Status  int // of the HTTP answer; 0 means 400
	// Query is the error's code in the query protocol that a service had before
	// this one, where that is another: clients go on showing it to their users.
	Query string
}

// Error returns the code and the message.
func (e *Error) Error() string {
	if e.Message == "" {
		return e.Code
	}
	return e.Code + ": " + e.Message
}

func (e *Error) status() int {
	if e.Status == 0 {
		return http.StatusBadRequest
	}
	return e.Status
}

// serializationError says that a body is not the JSON that the operation's
// shape wants. AWS gives no message where the body is no JSON at all.
func serializationError(message string) *Error {
	return &Error{Code: "SerializationException", Message: message}
}
