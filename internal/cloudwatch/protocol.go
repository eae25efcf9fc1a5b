package cloudwatch

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"bailey/internal/awsjson"
)

const (
	targetPrefix = "GraniteServiceVersion20100801."
	pathPrefix   = "/service/GraniteServiceVersion20100801/operation/"
	version      = "2010-08-01"
	xmlNamespace = "http://monitoring.amazonaws.com/doc/2010-08-01/"
)

// Serves reports whether a request is one for CloudWatch. For a browser's
// preflight, which says little, only the path can tell; on any other path it
// does not matter who answers it.
func Serves(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, pathPrefix) ||
		strings.HasPrefix(r.Header.Get("X-Amz-Target"), targetPrefix) ||
		r.Header.Get("X-Amz-Target") == "" && isForm(r)
}

func isForm(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/x-www-form-urlencoded"
}

// A protocol is one of the ways in which clients write a call.
type protocol interface {
	// operation is the name of the operation that is called.
	operation(r *http.Request, body []byte) string
	decode(body []byte, in any) error
	encode(operation, id string, out any) ([]byte, error)
	encodeError(e *apiError, id string) []byte
	headers() map[string]string
}

func protocolOf(r *http.Request) protocol {
	switch {
	case strings.HasPrefix(r.URL.Path, pathPrefix):
		return cborProtocol{}
	case r.Header.Get("X-Amz-Target") != "":
		return jsonProtocol{}
	}
	return queryProtocol{}
}

// The name of an error's type where it is a shape of the service's.
const shapePrefix = "com.amazonaws.cloudwatch#"

// errorBody is an error in CBOR and in JSON.
type errorBody struct {
	Type    string `json:"__type"`
	Message string `json:"message"`
}

func newErrorBody(e *apiError) errorBody {
	shape := e.shape
	if shape == "" {
		shape = e.code
	}
	return errorBody{shapePrefix + shape, awsjson.Bounded(e.message)}
}

// maxValues bounds the values of a call; 500 queries with 30
// dimensions each have half as many.
const maxValues = 1 << 16

var errTooMany = fmt.Errorf("more than %d values", maxValues)

// cborProtocol is Smithy RPC v2 CBOR: the operation is in the path.
type cborProtocol struct{}

var cborDecoding = func() cbor.DecMode {
	mode, err := cbor.DecOptions{
		MaxNestedLevels:  16,
		MaxArrayElements: 16 << 10,
		MaxMapPairs:      1 << 10,
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		TimeTag:          cbor.DecTagOptional,
	}.DecMode()
	if err != nil {
		panic("cloudwatch: " + err.Error()) // of constants
	}
	return mode
}()

func (cborProtocol) operation(r *http.Request, _ []byte) string {
	return strings.TrimPrefix(r.URL.Path, pathPrefix)
}

func (cborProtocol) decode(body []byte, in any) error {
	if len(body) == 0 {
		return nil
	}
	if items(body) > maxValues {
		return errTooMany
	}
	return cborDecoding.Unmarshal(body, in)
}

func (cborProtocol) encode(_, _ string, out any) ([]byte, error) {
	body, err := cbor.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encoding an answer: %w", err)
	}
	return body, nil
}

func (cborProtocol) encodeError(e *apiError, _ string) []byte {
	body, _ := cbor.Marshal(newErrorBody(e)) // two strings: it cannot fail
	return body
}

func (cborProtocol) headers() map[string]string {
	return map[string]string{"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
}

// jsonProtocol is AWS JSON 1.0: the operation is in a header.
type jsonProtocol struct{}

func (jsonProtocol) operation(r *http.Request, _ []byte) string {
	return strings.TrimPrefix(r.Header.Get("X-Amz-Target"), targetPrefix)
}

func (jsonProtocol) decode(body []byte, in any) error {
	if len(body) == 0 {
		return nil
	}
	if awsjson.Values(body) > maxValues {
		return errTooMany
	}
	return json.Unmarshal(body, in)
}

func (jsonProtocol) encode(_, _ string, out any) ([]byte, error) {
	body, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encoding an answer: %w", err)
	}
	return body, nil
}

func (jsonProtocol) encodeError(e *apiError, _ string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(newErrorBody(e)) // two strings, into a bytes.Buffer: it cannot fail
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func (jsonProtocol) headers() map[string]string {
	return map[string]string{"Content-Type": "application/x-amz-json-1.0"}
}

// queryProtocol is AWS's query protocol: a form comes in, XML goes out.
type queryProtocol struct{}

func (queryProtocol) operation(_ *http.Request, body []byte) string {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return ""
	}
	return form.Get("Action")
}

func (queryProtocol) decode(body []byte, in any) error {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return fmt.Errorf("reading a form: %w", err)
	}
	return decodeForm(form, in)
}

func (queryProtocol) encode(operation, id string, out any) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<%sResponse xmlns="%s"><%sResult>`, operation, xmlNamespace, operation)
	writeXML(&b, out)
	fmt.Fprintf(&b, "</%sResult><ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%sResponse>", operation, id, operation)
	return b.Bytes(), nil
}

func (queryProtocol) encodeError(e *apiError, id string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<ErrorResponse xmlns="%s"><Error><Type>%s</Type><Code>%s</Code><Message>`, xmlNamespace, e.fault(), e.code)
	_ = xml.EscapeText(&b, []byte(awsjson.Bounded(e.message))) // a bytes.Buffer takes everything
	fmt.Fprintf(&b, "</Message></Error><RequestId>%s</RequestId></ErrorResponse>", id)
	return b.Bytes()
}

func (queryProtocol) headers() map[string]string {
	return map[string]string{"Content-Type": "text/xml"}
}
