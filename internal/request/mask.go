package request

import (
	"maps"
	"net/url"
	"strings"
)

// The query of a registered URL often holds a key of the API's. So its values
// are shown to nobody; their names are.

// maskQuery returns a registered URL with [Mask] for each value of its query.
func maskQuery(text string) string {
	at := strings.IndexByte(text, '?')
	if at < 0 {
		return text
	}
	return text[:at+1] + maskValues(text[at+1:])
}

func maskValues(query string) string {
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		if name, value, _ := strings.Cut(pair, "="); value != "" {
			pairs[i] = name + "=" + Mask
		}
	}
	return strings.Join(pairs, "&")
}

// maskedURLs sets the URLs of a copy of a registration to what may be shown.
func (a *API) maskedURLs() {
	a.URL = maskQuery(a.URL)
	a.Stages = maps.Clone(a.Stages)
	for name, stage := range a.Stages {
		stage.URL = maskQuery(stage.URL)
		a.Stages[name] = stage
	}
}

// masked returns the URL of a request for the API with [Mask] for what the
// query has of the registered URL's, which comes first in it.
func (a *API) masked(u *url.URL) string {
	own := func(registered string) string {
		parsed, err := url.Parse(registered)
		if err != nil {
			return ""
		}
		return string(appendOwnQuery(nil, parsed.RawQuery))
	}
	registered := []string{a.URL}
	for _, stage := range a.Stages {
		registered = append(registered, stage.URL)
	}
	longest := ""
	for _, r := range registered {
		q := own(r)
		if len(q) > len(longest) && (u.RawQuery == q || strings.HasPrefix(u.RawQuery, q+"&")) {
			longest = q
		}
	}
	if longest == "" {
		return u.String()
	}
	shown := *u
	shown.RawQuery = maskValues(longest) + u.RawQuery[len(longest):]
	return shown.String()
}
