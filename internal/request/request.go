// Package request makes the HTTP request that an event is for its target: the
// target's ARN and HttpParameters, the registration of the API the ARN names,
// and the event become one *http.Request, the same for every attempt (T1).
//
// A target is compiled once, when it is put:
//
//	template, err := request.Compile(targetARN, parameters)
//
// and the request is built once for each attempt:
//
//	req, failure := template.Build(ctx, api, request.Attempt{...}, signer)
//
// What can be wrong with a target alone is an [*Error] of Compile, for the
// caller who puts it. What only an event can make wrong, or an API that is not
// there, is a [*retry.Failure] of Build.
//
// # Who decides a header
//
// HeaderParameters come before what Bailey would send by itself: Content-Type
// (R2), User-Agent, Idempotency-Key and Bailey-Attempt (R9). So a target may
// make $.detail.orderId the Idempotency-Key. What the API's registration asks
// for as authorization comes before HeaderParameters.
//
// # Limits
//
// What a path of the event puts in one place may have 8,192 bytes there, before
// it is percent-encoded; more is a failure. API Gateway itself takes no more
// than 10,240 bytes of request line and headers.
package request

import (
	"fmt"
	"hash/maphash"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"bailey/internal/arn"
)

// Parameters are a target's HttpParameters. Each value of the list and of the
// maps, and each key of QueryStringParameters, may be a JSON path into the
// event (P1).
type Parameters struct {
	PathParameterValues   []string          `json:"PathParameterValues,omitempty"`
	HeaderParameters      map[string]string `json:"HeaderParameters,omitempty"`
	QueryStringParameters map[string]string `json:"QueryStringParameters,omitempty"`
}

// An Error says what is wrong with a target. Its message is that of the
// ValidationException that PutTargets answers.
type Error struct{ Message string }

// Error returns the message.
func (e *Error) Error() string { return e.Message }

func refuse(format string, args ...any) *Error { return &Error{fmt.Sprintf(format, args...)} }

// PrivateEndpoint returns the error of a target that leads to an API registered
// as PRIVATE (T6). The registry is the caller's, so the check is as well.
func PrivateEndpoint(id string) *Error {
	return refuse("API %s is a private endpoint. Private endpoints are not supported as targets.", id)
}

// A Template is a target's ARN and HttpParameters, compiled. It does not change
// and is safe for concurrent use.
type Template struct {
	api     string // the id in the target's ARN
	region  string // of that ARN
	account string // of that ARN
	method  string // what is sent; POST for any (T3)

	stage        value // where openStage is false
	defaultStage bool  // the stage is whatever the API's default is (T4)

	path        []part // of the request, after the API's own
	dynamicPath bool
	route       string // the method, and the path as it stands in the ARN
	pathKey     uint64 // of the variables where none is dynamic; 0 where there are none

	query        []pair // sorted by key, as far as the keys are known
	staticQuery  string // the whole query, encoded, where nothing of it is dynamic
	dynamicQuery bool
	dynamicKeys  bool

	headers []header // sorted by name, so that one name's values stand together
	own     ownHeaders

	// last is the endpoint that was built for last. Nearly every template has
	// only one, so it saves parsing the API's URL for every event.
	last atomic.Pointer[endpoint]
}

// A part is one or more segments of the path: either fixed ones, each with its
// slash before it, or one variable.
type part struct {
	path, raw string // decoded and as sent, for fixed segments
	variable  value
	number    int // of the variable, from 1; 0 for fixed segments
}

type header struct {
	name  string // in canonical form
	value value
}

type pair struct {
	key, value value
	encoded    string // "key=" where the key is fixed
}

// ownHeaders says which of the headers that Bailey sets by itself the target
// leaves to it.
type ownHeaders struct{ contentType, userAgent, idempotencyKey, attempt bool }

// Compile checks a target's ARN and parameters, which may be nil, and makes
// them into a template (T2 to T5, T7, R5 to R7, P2, P11). The error is an
// [*Error].
func Compile(targetARN string, p *Parameters) (*Template, error) {
	if p == nil {
		p = &Parameters{}
	}
	e, err := arn.ParseExecuteAPI(targetARN)
	if err != nil {
		return nil, refuse("Parameter %s is not valid. Reason: %v.", targetARN, err)
	}
	t := &Template{api: e.API, region: e.ARN.Region, account: e.ARN.Account, method: e.Method}
	if t.method == arn.Any {
		t.method = http.MethodPost
	}
	if err := t.compilePath(&e, p); err != nil {
		return nil, err
	}
	for _, step := range []func(*Parameters) *Error{t.compileQuery, t.compileHeaders} {
		if err := step(p); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Route names the method and path of the API that the target's ARN names, such
// as "POST /orders/*": what API Gateway calls a route key.
func (t *Template) Route() string { return t.route }

// PathKey returns a number for the path that the event's variables make of the
// route: the same for the same path, and as good as never the same for another.
// It is 0 where the route has no variables and so but one path.
func (t *Template) PathKey(event []byte) uint64 {
	if !t.dynamicPath {
		return t.pathKey
	}
	var h maphash.Hash
	h.SetSeed(pathSeed)
	var space [256]byte
	for i := range t.path {
		p := &t.path[i]
		_, _ = h.WriteString(p.raw) // a Hash takes everything
		if p.number > 0 {
			filled, _ := p.variable.append(space[:0], event) // too long is too long for Build as well
			_, _ = h.Write(filled)
			_ = h.WriteByte('/')
		}
	}
	return max(1, h.Sum64())
}

var pathSeed = maphash.MakeSeed()

// APIID returns the id of the API that the target's ARN names.
func (t *Template) APIID() string { return t.api }

// Region returns the region of the API that the target's ARN names.
func (t *Template) Region() string { return t.region }

// Account returns the account of the API that the target's ARN names.
func (t *Template) Account() string { return t.account }

func (t *Template) compilePath(e *arn.ExecuteAPI, p *Parameters) *Error {
	values := make([]value, len(p.PathParameterValues))
	for i, text := range p.PathParameterValues {
		if !validPathValue(text) {
			return refuse("PathParameterValues member %d must not be blank and must not have a line break.", i+1)
		}
		v, err := parseValue(text)
		if err != nil {
			return refuse("PathParameterValues member %d is not a valid JSON path: %v.", i+1, err)
		}
		if isDots(text) {
			return refuse("PathParameterValues member %d must not be %q, which would lead to another path.", i+1, text)
		}
		values[i] = v
	}
	variables := e.Variables()
	switch {
	case e.Stage != arn.Any:
		if len(values) != variables {
			return refuse("The target's ARN has %s, but PathParameterValues has %s.",
				count(variables, "path variable"), count(len(values), "value"))
		}
		t.stage = value{text: e.Stage}
	case len(values) == variables:
		t.defaultStage = true
	case len(values) == variables+1:
		t.stage, values = values[0], values[1:]
	default:
		return refuse("The target's ARN has %s and an open stage, but PathParameterValues has %s; it must have as many as path variables, or one more, the first, for the stage.",
			count(variables, "path variable"), count(len(values), "value"))
	}

	var path, raw []byte
	flush := func() {
		if len(path) > 0 {
			t.path = append(t.path, part{path: string(path), raw: string(raw)})
			path, raw = path[:0], raw[:0]
		}
	}
	number := 0
	for _, segment := range e.Path {
		path, raw = append(path, '/'), append(raw, '/')
		if segment != arn.Any {
			from := len(path)
			path, raw = appendSegment(path, raw, segment)
			if decoded := string(path[from:]); isDots(decoded) {
				return refuse("The path of the target's ARN has the segment %q, which would lead to another path.", segment)
			}
			continue
		}
		v := values[number]
		number++
		if !v.dynamic {
			path, raw = append(path, v.text...), appendEscaped(raw, v.text)
			continue
		}
		flush()
		t.path = append(t.path, part{variable: v, number: number})
		t.dynamicPath = true
	}
	flush()
	t.route = t.method + " /" + strings.Join(e.Path, "/")
	if variables > 0 && !t.dynamicPath {
		t.pathKey = max(1, maphash.String(pathSeed, t.path[0].raw))
	}
	return nil
}

func (t *Template) compileQuery(p *Parameters) *Error {
	for key, text := range p.QueryStringParameters {
		if !validQueryKey(key) {
			return refuse("A key of QueryStringParameters must have 1 to %d characters and no control character; this has not: %q.", maxStored, key)
		}
		if !validQueryValue(text) {
			return refuse("The value of %q in QueryStringParameters must have 1 to %d characters and no control character but line breaks.", key, maxStored)
		}
		k, err := parseValue(key)
		if err != nil {
			return refuse("The key %q of QueryStringParameters is not a valid JSON path: %v.", key, err)
		}
		v, err := parseValue(text)
		if err != nil {
			return refuse("The value of %q in QueryStringParameters is not a valid JSON path: %v.", key, err)
		}
		q := pair{key: k, value: v}
		if !k.dynamic {
			q.encoded = string(append(appendEscaped(nil, key), '='))
		}
		t.query = append(t.query, q)
		t.dynamicKeys = t.dynamicKeys || k.dynamic
		t.dynamicQuery = t.dynamicQuery || k.dynamic || v.dynamic
	}
	slices.SortFunc(t.query, func(a, b pair) int { return strings.Compare(a.key.text, b.key.text) })
	if !t.dynamicQuery {
		query, _ := t.appendQuery(nil, nil) // nothing in it can fail
		t.staticQuery = string(query)
	}
	return nil
}

func (t *Template) compileHeaders(p *Parameters) *Error {
	t.own = ownHeaders{true, true, true, true}
	for key, text := range p.HeaderParameters {
		switch {
		case !validHeaderKey(key):
			return refuse("The key %q of HeaderParameters must have 1 to %d characters, each a letter, a digit or one of !#$%%&'*+-.^_`|~.", key, maxStored)
		case strings.Contains(key, ","):
			// The API's pattern lets a comma through, but no HTTP header's name has one.
			return refuse("The key %q of HeaderParameters has a comma, which HTTP does not allow in the name of a header.", key)
		case notPermitted(key):
			return refuse("The key %s of HeaderParameters is not permitted.", key)
		case !validHeaderValue(text):
			return refuse("The value of %s in HeaderParameters must have at most %d characters.", key, maxStored)
		}
		v, err := parseValue(text)
		if err != nil {
			return refuse("The value of %s in HeaderParameters is not a valid JSON path: %v.", key, err)
		}
		name := http.CanonicalHeaderKey(key)
		switch name {
		case contentType:
			t.own.contentType = false
		case userAgent:
			t.own.userAgent = false
		case idempotencyKey:
			t.own.idempotencyKey = false
		case baileyAttempt:
			t.own.attempt = false
		}
		t.headers = append(t.headers, header{name, v})
	}
	// Keys that differ only in letter case are one header with several values.
	slices.SortFunc(t.headers, func(a, b header) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return strings.Compare(a.value.text, b.value.text)
	})
	return nil
}

// count returns "1 value", "2 values".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
