package awsjson

import (
	"net/http"
	"strings"
)

// maxName is longer than any region's or service's name.
const maxName = 32

// ScopeRegion returns the region of the request's credential scope,
// AKID/date/region/service/aws4_request, which stands in the Authorization
// header or, in a presigned request, in the query. It is empty where there is
// none or where what stands there is no region's name.
func ScopeRegion(r *http.Request) string { return scope(r, 3) }

// ScopeService is [ScopeRegion] for the service of the scope.
func ScopeService(r *http.Request) string { return scope(r, 2) }

// scope returns a part of the credential scope, counted from its end.
func scope(r *http.Request, fromEnd int) string {
	credential := r.Header.Get("Authorization")
	if _, rest, ok := strings.Cut(credential, "Credential="); ok {
		credential, _, _ = strings.Cut(rest, ",")
	} else if credential = ""; strings.Contains(r.URL.RawQuery, "X-Amz-Credential") {
		credential = r.URL.Query().Get("X-Amz-Credential")
	}
	parts := strings.Split(strings.TrimSpace(credential), "/")
	// The access key may hold slashes; the four parts after it do not.
	if len(parts) < 5 {
		return ""
	}
	name := parts[len(parts)-fromEnd]
	if !isName(name) {
		return ""
	}
	return name
}

// isName reports whether s is made like a region's or a service's name, so that
// it can stand in an ARN, in an answer and in a log.
func isName(s string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
