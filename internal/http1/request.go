package http1

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Speaks reports whether the client can send a request as net/http would: plain
// HTTP, to a host that is an ASCII name or an address, with a body that is in
// memory if there is one, and with nothing that asks for a connection of its
// own.
func Speaks(req *http.Request) bool {
	u := req.URL
	if u.Scheme != "http" || u.Opaque != "" || req.Method == http.MethodConnect || req.Close || len(req.TransferEncoding) > 0 || len(req.Trailer) > 0 {
		return false
	}
	if !isPlainHost(u.Host) || req.Host != "" && req.Host != u.Host && !isPlainHost(req.Host) {
		return false
	}
	if _, ok := req.Header["Connection"]; ok {
		return false
	}
	if req.Body == nil || req.Body == http.NoBody {
		return req.ContentLength == 0
	}
	return req.ContentLength > 0 && req.GetBody != nil
}

// isPlainHost reports whether a host goes into a request as it is: it has
// neither a zone, which does not, nor anything that would have to be encoded.
func isPlainHost(host string) bool {
	for i := range len(host) {
		switch c := host[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-', c == '_', c == ':', c == '[', c == ']':
		default:
			return false
		}
	}
	return host != ""
}

// errRequestLine does not show the line, which has the event's values in it.
var errRequestLine = errors.New("the request's method or URL has a character that must not be sent")

// appendHead appends the request's head as net/http writes it: Host,
// User-Agent, Content-Length, and then the rest in order. No line break and no
// other control character gets into it, whatever made the request.
func appendHead(dst []byte, req *http.Request) ([]byte, error) {
	if !isToken(req.Method) {
		return dst, errRequestLine
	}
	dst = append(append(dst, req.Method...), ' ')
	from := len(dst)
	path := req.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	dst = append(dst, path...)
	if req.URL.ForceQuery || req.URL.RawQuery != "" {
		dst = append(append(dst, '?'), req.URL.RawQuery...)
	}
	for _, c := range dst[from:] {
		if c <= ' ' || c == 0x7F {
			return dst, errRequestLine
		}
	}
	host := req.Host
	if host == "" {
		host = req.URL.Host
	}
	dst = append(append(dst, " HTTP/1.1\r\nHost: "...), host...)
	dst = append(dst, "\r\n"...)

	var err error
	if agent := req.Header["User-Agent"]; len(agent) > 0 && agent[0] != "" {
		if dst, err = appendField(dst, "User-Agent", agent[0]); err != nil {
			return dst, err
		}
	}
	if req.ContentLength > 0 || req.Method == http.MethodPost || req.Method == http.MethodPut || req.Method == http.MethodPatch {
		dst = strconv.AppendInt(append(dst, "Content-Length: "...), req.ContentLength, 10)
		dst = append(dst, "\r\n"...)
	}
	var space [24]string
	names := space[:0]
	for name := range req.Header {
		switch name {
		case "Host", "User-Agent", "Content-Length", "Transfer-Encoding", "Trailer":
		default:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if !isToken(name) {
			return dst, errors.New("the request has a header whose name is none")
		}
		for _, value := range req.Header[name] {
			if dst, err = appendField(dst, name, value); err != nil {
				return dst, err
			}
		}
	}
	return append(dst, "\r\n"...), nil
}

// appendField appends one header. The error does not show the value.
func appendField(dst []byte, name, value string) ([]byte, error) {
	for i := range len(value) {
		if !isFieldByte(value[i]) {
			return dst, fmt.Errorf("the value of header %s has a character that must not be sent", name)
		}
	}
	dst = append(append(dst, name...), ": "...)
	dst = append(dst, strings.Trim(value, " \t")...)
	return append(dst, "\r\n"...), nil
}

// isFieldByte reports whether a byte may be in the value of a header: neither a
// control character nor a line break.
func isFieldByte(c byte) bool { return c >= ' ' && c != 0x7F || c == '\t' }

// isToken reports whether s is a token of RFC 9110, 5.6.2.
func isToken[T string | []byte](s T) bool {
	for i := range len(s) {
		if !tokenBytes[s[i]] {
			return false
		}
	}
	return len(s) > 0
}

var tokenBytes = func() (is [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		is[c] = true
	}
	return is
}()
