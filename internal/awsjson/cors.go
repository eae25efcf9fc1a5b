package awsjson

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Origins are those whose pages may call from a browser, as [Config] has them.
type Origins []string

// Allow applies the same-origin policy to a request that a browser sent for a
// page: it sets the headers that let the page read the answer, or reports that
// the page may not call. Requests that name no origin come from no page. The
// answer to a preflight, which is an OPTIONS request, is these headers alone.
func (o Origins) Allow(w http.ResponseWriter, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	w.Header().Add("Vary", "Origin")
	if !o.allowed(origin, r.Host) {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "x-amzn-RequestId")
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", http.MethodPost)
		// SDKs add headers of their own from one release to the next.
		h.Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
		h.Set("Access-Control-Max-Age", "7200")
		if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
			h.Set("Access-Control-Allow-Private-Network", "true")
		}
	}
	return true
}

func (o Origins) allowed(origin, host string) bool {
	if slices.Contains(o, origin) || slices.Contains(o, "*") {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false // "null" among them: a sandboxed page or a local file
	}
	return u.Host == host || isLoopback(u.Hostname())
}

func isLoopback(name string) bool {
	if ip := net.ParseIP(name); ip != nil {
		return ip.IsLoopback()
	}
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}
