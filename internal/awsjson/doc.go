// Package awsjson speaks AWS JSON 1.0 and 1.1, the protocols of SQS's and
// EventBridge's APIs, as a server: POST requests to one path, the operation in
// X-Amz-Target, JSON in and out, errors as {"__type": code, "message": text}.
//
// A [Service] is the part of a service's model that the protocol needs: the
// shape of each operation's input. From it the package checks every request
// before a handler sees it, first that each value has the JSON type of its
// shape (SerializationException), then every length, range, pattern,
// enumeration and required member (ValidationException), in AWS's words.
//
// [Handle] registers an operation with typed input and output, which is what
// nearly all of them want. [Server.HandleRaw] is for the operation whose speed
// matters: it is given the body's bytes and asks for the checks itself with
// [Call.Decode].
package awsjson
