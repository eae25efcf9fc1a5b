package request

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"bailey/internal/retry"
)

// The headers that Bailey sets by itself, in canonical form.
const (
	contentType    = "Content-Type"
	userAgent      = "User-Agent"
	idempotencyKey = "Idempotency-Key"
	baileyAttempt  = "Bailey-Attempt"
	sourceARN      = "X-Amz-Source-Arn"
	sourceAccount  = "X-Amz-Source-Account"
	traceID        = "X-Amzn-Trace-Id"
	apiKey         = "X-Api-Key"
)

// An Attempt is what a request carries beside the target and the API.
type Attempt struct {
	Event          []byte // the event's envelope, which paths look into (P4)
	Body           []byte // what is sent (R1); not copied, so it must not change until the request is over
	RuleARN        string // X-Amz-Source-Arn (R8)
	Account        string // X-Amz-Source-Account (R8)
	TraceHeader    string // X-Amzn-Trace-Id, if not empty (R8)
	IdempotencyKey string // the same for every attempt of one delivery (R9); no header if empty
	RoleARN        string // whose credentials sign the request to an AWS_IAM API
	UserAgent      string // "Bailey/{version}" (R9); "Bailey" if empty
	Attempt        int    // 1 for the first (R9)
}

// An endpoint is where the requests of a template go for one API and stage.
type endpoint struct {
	api   *API
	stage string
	url   url.URL // where the path is dynamic, the API's own path alone, without a slash at its end
}

// Endpoint returns the stage of the registration that the request goes to: a
// key of api.Stages, or "" where the API's own URL serves it. For a nil API, or
// one without that stage, it is NO_RESOURCE.
func (t *Template) Endpoint(api *API, event []byte) (stage string, f *retry.Failure) {
	stage, _, f = t.endpoint(api, event)
	return stage, f
}

// endpoint returns the key of the registration and the name of the stage, which
// is the same or, where the API's own URL serves the stage, may be anything. The
// name is "" for the default stage of an API that does not name it.
func (t *Template) endpoint(api *API, event []byte) (key, name string, f *retry.Failure) {
	if api == nil {
		return "", "", retry.Missing("API %s is not registered", t.api)
	}
	if api.EndpointType == Private {
		return "", "", retry.Missing("API %s is a private endpoint, which is not supported", t.api)
	}
	switch {
	case t.defaultStage:
		name = api.defaultStage()
	case !t.stage.dynamic:
		name = t.stage.text
	default:
		text, ok := t.stage.append(nil, event)
		if !ok || len(text) == 0 || isDots(text) {
			return "", "", retry.Invalid("the stage, %s, found nothing or is empty, a dot segment or longer than %d bytes", t.stage.text, maxFilled)
		}
		name = string(text)
	}
	if _, ok := api.Stages[name]; ok {
		return name, name, nil
	}
	if api.URL != "" && (name != "" || !api.StageInPath) {
		return "", name, nil
	}
	switch {
	case t.defaultStage:
		return "", "", retry.Missing("API %s has no default stage", t.api)
	case t.stage.dynamic: // its name is the event's
		return "", "", retry.Missing("API %s has no stage of the name at %s", t.api, t.stage.text)
	default:
		return "", "", retry.Missing("API %s has no stage %s", t.api, name)
	}
}

// blank is what all requests have in common.
var blank = http.Request{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}

// Build makes the request of one attempt (T1). The context bounds it. The API
// must not be changed once it was built for: a new registration is a new *API.
// A nil signer has no credentials.
//
// The failure is INVALID_PARAMETER where the event cannot fill the parameters,
// NO_RESOURCE where the API or stage is not there, FAILED_TO_ASSUME_ROLE where
// nothing can sign. It never has a value of the event in it.
//
// The request can be sent once more by whoever sends it when an idle connection
// turns out to be closed, because it has an Idempotency-Key and a GetBody; that
// is one attempt.
func (t *Template) Build(ctx context.Context, api *API, a Attempt, s *Signer) (*http.Request, *retry.Failure) {
	key, name, f := t.endpoint(api, a.Event)
	if f != nil {
		return nil, f
	}
	to, f := t.locate(api, key, name)
	if f != nil {
		return nil, f
	}
	// One allocation for what every request has of its own.
	own := &struct {
		url  url.URL
		body bytes.Reader
	}{url: to.url}
	if t.dynamicPath {
		if f := t.fillPath(&own.url, api.TrailingSlash, a.Event); f != nil {
			return nil, f
		}
	}
	if t.dynamicQuery {
		if f := t.fillQuery(&own.url, a.Event); f != nil {
			return nil, f
		}
	}
	req := blank.WithContext(ctx)
	req.Method, req.URL, req.Host = t.method, &own.url, own.url.Host
	if req.Header, f = t.header(&a); f != nil {
		return nil, f
	}
	req.Body = http.NoBody
	if content := a.Body; len(content) > 0 { // what the closure keeps, and no more
		own.body.Reset(content)
		// A bytes.Reader within NopCloser, and nothing else, is what net/http
		// knows to be in memory: it sends the header and the body in one
		// write, and otherwise in two.
		req.Body, req.ContentLength = io.NopCloser(&own.body), int64(len(content))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	}
	return t.authorize(req, api, &a, s)
}

// authorize adds what the API's registration asks for.
func (t *Template) authorize(req *http.Request, api *API, a *Attempt, s *Signer) (*http.Request, *retry.Failure) {
	switch auth := api.Authorization; {
	case auth == nil:
	case auth.Type == AuthAPIKey:
		req.Header[apiKey] = []string{auth.APIKey}
	case auth.Type == AuthHeader:
		req.Header[http.CanonicalHeaderKey(auth.Name)] = []string{auth.Value}
	case auth.Type == AuthIAM:
		if f := s.sign(req, a.Body, a.RoleARN, t.Region()); f != nil {
			return nil, f
		}
	}
	return req, nil
}

// locate returns the endpoint, remembered from the last request if it is the same.
func (t *Template) locate(api *API, key, name string) (*endpoint, *retry.Failure) {
	if !api.StageInPath {
		name = key
	}
	if e := t.last.Load(); e != nil && e.api == api && e.stage == name {
		return e, nil
	}
	address := api.URL
	if key != "" {
		address = api.Stages[key].URL
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, unusableURL(t.api)
	}
	raw := []byte(strings.TrimRight(u.EscapedPath(), "/"))
	decoded, err := url.PathUnescape(string(raw))
	if err != nil {
		return nil, unusableURL(t.api)
	}
	path := []byte(decoded)
	if api.StageInPath && key == "" {
		path, raw = append(append(path, '/'), name...), appendEscaped(append(raw, '/'), name)
	}
	if !t.dynamicPath {
		for i := range t.path {
			path, raw = append(path, t.path[i].path...), append(raw, t.path[i].raw...)
		}
		path, raw = endPath(path, raw, api.TrailingSlash)
	}
	u.Path, u.RawPath = string(path), string(raw)
	u.RawQuery = joinQuery(string(appendOwnQuery(nil, u.RawQuery)), t.staticQuery)
	e := &endpoint{api: api, stage: name, url: *u}
	t.last.Store(e)
	return e, nil
}

// unusableURL is the failure of a registration that Validate would have refused.
// It does not show the URL, which may have a secret in it.
func unusableURL(id string) *retry.Failure {
	return &retry.Failure{Code: retry.InternalError, Message: "the URL registered for API " + id + " cannot be parsed"}
}

// endPath gives a path its slash at the end, where it needs one (T7).
func endPath(path, raw []byte, slash bool) (newPath, newRaw []byte) {
	if slash || len(path) == 0 {
		return append(path, '/'), append(raw, '/')
	}
	return path, raw
}

// appendOwnQuery appends the query of a registered URL as it is sent: as it was
// written, and percent-encoded where it has what must not stand in a request.
func appendOwnQuery(dst []byte, query string) []byte {
	for i := range len(query) {
		if c := query[i]; ' ' < c && c < 0x7F {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return dst
}

func joinQuery(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "&" + b
}

// fillPath completes the path from the event (P8, P9). u has the API's own.
func (t *Template) fillPath(u *url.URL, slash bool, event []byte) *retry.Failure {
	var pathSpace, rawSpace [256]byte
	path, raw := append(pathSpace[:0], u.Path...), append(rawSpace[:0], u.RawPath...)
	for i := range t.path {
		p := &t.path[i]
		path, raw = append(path, p.path...), append(raw, p.raw...)
		if p.number == 0 {
			continue
		}
		from := len(path)
		var ok bool
		path, ok = p.variable.append(path, event)
		switch filled := path[from:]; {
		case !ok:
			return retry.Invalid("path variable %d, %s, is longer than %d bytes", p.number, p.variable.text, maxFilled)
		case len(filled) == 0:
			return retry.Invalid("path variable %d, %s, %s", p.number, p.variable.text, p.variable.whyEmpty(event))
		case isDots(filled):
			return retry.Invalid("path variable %d, %s, is a dot segment, which would lead to another path", p.number, p.variable.text)
		default:
			raw = appendEscaped(raw, filled)
		}
	}
	path, raw = endPath(path, raw, slash)
	u.Path = string(path)
	u.RawPath = u.Path
	if !bytes.Equal(path, raw) {
		u.RawPath = string(raw)
	}
	return nil
}

// fillQuery completes the query from the event (R3, P7).
func (t *Template) fillQuery(u *url.URL, event []byte) *retry.Failure {
	var space [512]byte
	query := append(space[:0], u.RawQuery...)
	if len(query) > 0 {
		query = append(query, '&')
	}
	query, f := t.appendQuery(query, event)
	if f != nil {
		return f
	}
	u.RawQuery = string(query)
	return nil
}

// appendQuery appends the pairs, encoded, sorted by key and for one key by
// value.
func (t *Template) appendQuery(dst, event []byte) ([]byte, *retry.Failure) {
	if t.dynamicKeys {
		return t.appendSortedQuery(dst, event)
	}
	var space [256]byte
	for i := range t.query {
		q := &t.query[i]
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(dst, q.encoded...)
		if !q.value.dynamic {
			dst = appendEscaped(dst, q.value.text)
			continue
		}
		filled, ok := q.value.append(space[:0], event)
		if !ok {
			return nil, retry.Invalid("the value of query parameter %q, %s, is longer than %d bytes", q.key.text, q.value.text, maxFilled)
		}
		dst = appendEscaped(dst, filled)
	}
	return dst, nil
}

// appendSortedQuery is appendQuery where the order depends on the event.
func (t *Template) appendSortedQuery(dst, event []byte) ([]byte, *retry.Failure) {
	type filled struct{ key, value string }
	pairs := make([]filled, len(t.query))
	for i := range t.query {
		q := &t.query[i]
		key, keyOK := q.key.append(nil, event)
		text, textOK := q.value.append(nil, event)
		switch {
		case !keyOK || !textOK:
			return nil, retry.Invalid("the key or the value of query parameter %q, %s, is longer than %d bytes", q.key.text, q.value.text, maxFilled)
		case len(key) == 0:
			return nil, retry.Invalid("the key of query parameter %q %s", q.key.text, q.key.whyEmpty(event))
		}
		pairs[i] = filled{string(key), string(text)}
	}
	slices.SortFunc(pairs, func(a, b filled) int {
		return cmp.Or(strings.Compare(a.key, b.key), strings.Compare(a.value, b.value))
	})
	for i, p := range pairs {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(appendEscaped(dst, p.key), '=')
		dst = appendEscaped(dst, p.value)
	}
	return dst, nil
}

// header makes the request's header but for the authorization (R2, R4, R8, R9,
// P10).
func (t *Template) header(a *Attempt) (http.Header, *retry.Failure) {
	const own = 6 // to 8 with a trace header and an authorization, as many as the smallest map holds
	size := len(t.headers) + own
	header := make(http.Header, size)
	values := make([]string, 0, size+1)
	// add gives one value to a header that has none, or to the one it gave a
	// value to last.
	add := func(name, text string) {
		from := len(values) - len(header[name])
		values = append(values, text)
		header[name] = values[from:len(values):len(values)]
	}
	var space [256]byte
	for i := range t.headers {
		h := &t.headers[i]
		if !h.value.dynamic {
			if !isHeaderText(h.value.text) {
				return nil, retry.Invalid("the value of header %s has a character that is not printable ASCII", h.name)
			}
			add(h.name, h.value.text)
			continue
		}
		filled, ok := h.value.append(space[:0], a.Event)
		if !ok {
			return nil, retry.Invalid("the value of header %s, %s, is longer than %d bytes", h.name, h.value.text, maxFilled)
		}
		for _, c := range filled {
			if !isPrintable(c) {
				return nil, retry.Invalid("the value of header %s, %s, has a character that is not printable ASCII", h.name, h.value.text)
			}
		}
		add(h.name, string(filled))
	}
	if t.own.contentType {
		add(contentType, "application/json")
	}
	if t.own.userAgent {
		add(userAgent, cmp.Or(a.UserAgent, "Bailey"))
	}
	if t.own.idempotencyKey && a.IdempotencyKey != "" {
		add(idempotencyKey, a.IdempotencyKey)
	}
	if t.own.attempt {
		add(baileyAttempt, strconv.Itoa(a.Attempt))
	}
	add(sourceARN, a.RuleARN)
	add(sourceAccount, a.Account)
	// What is no header's value was never a trace header; it must not keep the
	// event from its target.
	if a.TraceHeader != "" && isHeaderText(a.TraceHeader) {
		add(traceID, a.TraceHeader)
	}
	return header, nil
}
