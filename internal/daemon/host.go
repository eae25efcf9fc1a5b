package daemon

import (
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// hosts are the names by which a server on a loopback address may be called,
// beside those that always lead there. One that begins with a dot stands for all
// names that end so.
//
// A web page cannot reach across origins: [awsjson.Origins] and
// http.CrossOriginProtection see to that. But a page of evil.example can have
// its own name resolved to 127.0.0.1 after it was loaded, and is then of the
// same origin as the server. The name is still evil.example's, and the browser
// sends it as the Host. Whoever listens on other addresses says what protects
// them; only they know by which names they are called.
type hosts []string

// guard answers requests for other names with an error and hands on the rest.
func (h hosts) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name := hostname(r.Host); !h.allowed(name) {
			refuseHost(w, name)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// suffixes are of names that lead to this machine by agreement, or by the hosts
// file of whoever administers it, and that nobody who serves web pages can have
// resolved: those of localhost, what containers call their host, AWS's own, and
// the one that users of another emulator have in their configuration.
var suffixes = []string{
	".localhost", ".docker.internal", ".containers.internal",
	".amazonaws.com", ".amazonaws.com.cn", ".localhost.localstack.cloud",
}

// allowed reports whether nobody can have the name resolve to this machine but
// who administers it: an address, a name as above, and what the configuration
// says. Whoever names no host is no browser.
func (h hosts) allowed(name string) bool {
	if name == "" {
		return true
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	known := func(own string) bool {
		if strings.HasPrefix(own, ".") {
			return strings.HasSuffix(name, strings.ToLower(own))
		}
		return strings.EqualFold(own, name)
	}
	for _, suffix := range suffixes {
		if strings.HasSuffix("."+name, suffix) {
			return true
		}
	}
	return slices.ContainsFunc(h, known)
}

// hostname is the name in a Host header: without port, brackets, the dot at the
// end, and capital letters.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// refuseHost answers in a form that AWS's clients and those of the admin API
// both show to people.
func refuseHost(w http.ResponseWriter, name string) {
	message := "This server is called by a name that is not known to be its own: " + name +
		". If it is, put it under hosts in the config file; else call 127.0.0.1."
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusForbidden)
	// A caller who has gone does not need the text.
	_ = json.NewEncoder(w).Encode(map[string]string{
		"__type": "AccessDeniedException", "error": "UnknownHost", "message": message,
	})
}
