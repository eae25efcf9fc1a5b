// Package unserved answers calls to AWS services that Bailey does not have, so
// that the caller learns which server it reached, and why.
//
// With AWS_ENDPOINT_URL a client sends the calls of every service to one
// address. Each service has a protocol of its own, and a client understands an
// error in no other: [Handler] answers in the caller's. Which service that is, a
// request's signature says.
package unserved

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"bailey/internal/awsjson"
)

// served are the services that Bailey has, by the names in signatures.
var served = []string{"events", "sqs", "monitoring"}

// maxBody is how much of a request's body is read, though nothing is done with
// it: a client that is cut off in the middle sees a broken connection, and tries
// again.
const maxBody = 8 << 20

// Takes reports whether a request is a call of a service that Bailey does not
// have. One that is not signed is not, nor is one that names an operation of
// Bailey's own, whatever its signature says.
func Takes(r *http.Request) bool {
	service := awsjson.ScopeService(r)
	if service == "" || slices.Contains(served, service) && (service != "sqs" || !isQuery(r)) {
		return false
	}
	switch target, _, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "."); target {
	case "AWSEvents", "AmazonSQS", "GraniteServiceVersion20100801":
		return false
	}
	return !strings.HasPrefix(r.URL.Path, "/service/GraniteServiceVersion20100801/")
}

// Handler answers what [Takes] says yes to. Pages of these origins may read the
// answers.
func Handler(origins awsjson.Origins) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origins.Allow(w, r) // that a page may not read this is no reason to say something else
		if r.Header.Get("Expect") == "" {
			// What cannot be read need not be.
			_, _ = io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, maxBody))
		}
		service := awsjson.ScopeService(r)
		id := awsjson.NewRequestID()
		answer := protocolOf(r, service)(Message(service), id)
		h := w.Header()
		h["x-amzn-RequestId"] = []string{id} // as AWS writes it
		for name, value := range answer.header {
			h[name] = []string{value}
		}
		h.Set("Content-Length", strconv.Itoa(len(answer.body)))
		// 4xx, so that clients do not try again; not 404, which would say that
		// something of the service's is not there.
		w.WriteHeader(http.StatusBadRequest)
		// A client that does not read its answer is told nothing more.
		_, _ = w.Write(answer.body)
	})
}

// Message is what the caller is told.
func Message(service string) string {
	if service == "sqs" {
		return "Bailey is Amazon EventBridge with its dead-letter queues, and takes calls of SQS in AWS JSON only, " +
			"not in the older query protocol: use a client from November 2023 or later."
	}
	return "Bailey does not have the service " + service + ". It is Amazon EventBridge: event buses, rules, API Gateway targets, " +
		"and with them the dead-letter queues (SQS) and metrics (CloudWatch). " +
		"Where AWS_ENDPOINT_URL sends the calls of all services here, set AWS_ENDPOINT_URL_EVENTBRIDGE, " +
		"AWS_ENDPOINT_URL_SQS and AWS_ENDPOINT_URL_CLOUDWATCH instead."
}

// response is an error as a protocol has it.
type response struct {
	header map[string]string
	body   []byte
}

// protocol writes an error.
type protocol func(message, id string) response

// restXML are the services whose protocol is REST with XML; s3 among them is
// different from the rest.
var restXML = []string{"s3", "s3-outposts", "s3express", "s3-object-lambda", "cloudfront", "route53"}

// protocolOf finds out in which protocol a call came.
func protocolOf(r *http.Request, service string) protocol {
	switch {
	case r.Header.Get("smithy-protocol") == "rpc-v2-cbor":
		return inCBOR
	case r.Header.Get("X-Amz-Target") != "":
		return func(message, _ string) response { return inJSON(r.Header.Get("Content-Type"), message) }
	case service == "ec2":
		return inEC2
	case slices.Contains(restXML, service):
		return inS3
	case isQuery(r):
		return inQuery
	}
	return inRESTJSON
}

// isQuery reports whether a call came in the query protocol.
func isQuery(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/x-www-form-urlencoded" || r.URL.Query().Has("Action")
}

const unknown = "UnknownOperationException"

type body struct {
	Type    string `json:"__type"`
	Message string `json:"message"`
}

func inJSON(contentType, message string) response {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "application/x-amz-json-1.0" {
		kind = "application/x-amz-json-1.1"
	}
	text, _ := json.Marshal(body{unknown, message}) // two strings: it cannot fail
	return response{map[string]string{"Content-Type": kind}, text}
}

func inRESTJSON(message, _ string) response {
	text, _ := json.Marshal(body{unknown, message}) // likewise
	return response{map[string]string{"Content-Type": "application/json", "x-amzn-ErrorType": unknown}, text}
}

func inCBOR(message, _ string) response {
	text := []byte{0xa2} // a map of two
	for _, s := range []string{"__type", unknown, "message", message} {
		text = appendCBOR(text, s)
	}
	return response{map[string]string{"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}, text}
}

// appendCBOR appends a text string of less than 64 KiB.
func appendCBOR(dst []byte, s string) []byte {
	const text = 3 << 5 // the major type
	switch n := len(s); {
	case n < 24:
		dst = append(dst, byte(text|n))
	case n < 1<<8:
		dst = append(dst, text|24, byte(n))
	default:
		dst = append(dst, text|25, byte(n>>8), byte(n))
	}
	return append(dst, s...)
}

func inQuery(message, id string) response {
	return inXML("<ErrorResponse><Error><Type>Sender</Type><Code>InvalidAction</Code><Message>%s</Message></Error><RequestId>%s</RequestId></ErrorResponse>", message, id)
}

func inEC2(message, id string) response {
	return inXML("<Response><Errors><Error><Code>InvalidAction</Code><Message>%s</Message></Error></Errors><RequestID>%s</RequestID></Response>", message, id)
}

// inS3 is S3's own form, which the clients of the other services with REST and
// XML understand as well.
func inS3(message, id string) response {
	return inXML("<Error><Code>NotImplemented</Code><Message>%s</Message><RequestId>%s</RequestId></Error>", message, id)
}

func inXML(format, message, id string) response {
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(message)) // a strings.Builder takes everything
	return response{map[string]string{"Content-Type": "application/xml"}, fmt.Appendf([]byte(xml.Header), format, escaped.String(), id)}
}
