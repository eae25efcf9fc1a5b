package request

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// A Preview is a request to look at, with [Mask] in place of what is secret.
type Preview struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"` // several values of one header are joined by ", "
	Body    string            `json:"body"`
	// Notes are what the target's author may not have meant, such as a path that
	// found nothing in the event.
	Notes []string `json:"notes,omitempty"`
}

// AppendMissing appends the paths of the target's parameters that find nothing in
// an event, each once for every place that has it.
func (t *Template) AppendMissing(dst []string, event []byte) []string {
	add := func(v *value) {
		if v.missing(event) {
			dst = append(dst, v.path.String())
		}
	}
	add(&t.stage)
	for i := range t.path {
		add(&t.path[i].variable)
	}
	for i := range t.query {
		add(&t.query[i].key)
		add(&t.query[i].value)
	}
	for i := range t.headers {
		add(&t.headers[i].value)
	}
	return dst
}

// Describe returns the preview of a request that Build made for the API: what
// goes over the wire, with the headers Host and Content-Length that net/http
// derives. It holds for a transport that does not ask for compression by itself,
// as Bailey's does not. The request can still be sent afterwards.
func Describe(req *http.Request, api *API) (Preview, error) {
	p := Preview{Method: req.Method, URL: api.masked(req.URL), Headers: make(map[string]string, len(req.Header)+2)}
	secret := map[string]bool{"Authorization": true, apiKey: true, "X-Amz-Security-Token": true}
	if auth := api.Authorization; auth != nil && auth.Type == AuthHeader {
		secret[http.CanonicalHeaderKey(auth.Name)] = true
	}
	for name, values := range req.Header {
		p.Headers[name] = strings.Join(values, ", ")
		if secret[name] {
			p.Headers[name] = Mask
		}
	}
	p.Headers["Host"] = req.Host
	if req.GetBody == nil {
		return p, nil
	}
	p.Headers["Content-Length"] = strconv.FormatInt(req.ContentLength, 10)
	body, err := req.GetBody()
	if err != nil {
		return Preview{}, fmt.Errorf("reading the request's body: %w", err)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return Preview{}, fmt.Errorf("reading the request's body: %w", err)
	}
	p.Body = string(text)
	return p, nil
}
