package http1

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
)

// What is wrong with an answer. None of these errors quotes it: it may be the
// request, sent back, and so what the request carried.
var (
	errNotHTTP       = errors.New("malformed HTTP response")
	errHeadTooLong   = fmt.Errorf("the head of the answer is longer than %d bytes", maxHead)
	errInformational = fmt.Errorf("more than %d informational answers came before the answer", maxInformational)
	errLength        = errors.New("the answer has a Content-Length that is no length, or two that differ")
	errEncoding      = errors.New("the answer has a Transfer-Encoding other than chunked")
	errTwoLengths    = errors.New("the answer has both Content-Length and Transfer-Encoding")
	errChunk         = errors.New("the chunks of the answer are malformed")
)

// head is what the head of an answer says that the client heeds.
type head struct {
	status  int
	length  int64 // Content-Length; -1 if there is none
	chunked bool
	last    bool // no request may follow over the same connection
}

// findHead returns where the head at the beginning of b ends. If it is not whole
// yet, end is 0, and the search goes on at next when more has come. A line may
// end with a line feed alone (RFC 9112, 2.2), as net/http takes it too.
func findHead(b []byte, from int) (end, next int) {
	for {
		i := bytes.IndexByte(b[from:], '\n')
		if i < 0 {
			return 0, len(b)
		}
		i += from
		switch rest := b[i+1:]; {
		case len(rest) > 0 && rest[0] == '\n':
			return i + 2, 0
		case len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n':
			return i + 3, 0
		case len(rest) == 0 || len(rest) == 1 && rest[0] == '\r':
			return 0, i
		}
		from = i + 1
	}
}

// beginsLikeHTTP reports whether b may be the beginning of an answer.
func beginsLikeHTTP(b []byte) bool {
	const begin = "HTTP/1."
	n := min(len(b), len(begin))
	return string(b[:n]) == begin[:n]
}

// parseHead reads a head that findHead found. It unfolds folded values in place.
func parseHead(b []byte) (head, error) {
	h := head{length: -1}
	line, b := cutLine(b)
	const shortest = "HTTP/1.1 200"
	if len(line) < len(shortest) || !beginsLikeHTTP(line) || line[8] != ' ' || len(line) > len(shortest) && line[len(shortest)] != ' ' {
		return h, errNotHTTP
	}
	switch line[7] {
	case '1':
	case '0':
		h.last = true
	default:
		return h, errNotHTTP
	}
	for _, c := range line[9:12] {
		if c < '0' || c > '9' {
			return h, errNotHTTP
		}
		h.status = 10*h.status + int(c-'0')
	}
	if h.status < 100 || !areFieldBytes(line) || b[0] == ' ' || b[0] == '\t' {
		return h, errNotHTTP
	}
	for {
		name, value, rest, err := cutField(b)
		if err != nil || name == nil {
			if err == nil && h.chunked && h.length >= 0 {
				err = errTwoLengths
			}
			return h, err
		}
		if err := h.heed(name, value); err != nil {
			return h, err
		}
		b = rest
	}
}

// heed takes in a header, if it is one that the client heeds.
func (h *head) heed(name, value []byte) error {
	switch len(name) {
	case len("Content-Length"):
		if !is(name, "Content-Length") {
			return nil
		}
		n, ok := parseLength(value)
		if !ok || h.length >= 0 && n != h.length {
			return errLength
		}
		h.length = n
	case len("Transfer-Encoding"):
		if !is(name, "Transfer-Encoding") {
			return nil
		}
		if h.chunked || h.last || !is(value, "chunked") { // HTTP/1.0 knows none
			return errEncoding
		}
		h.chunked = true
	case len("Connection"):
		if !is(name, "Connection") {
			return nil
		}
		for option := range bytes.SplitSeq(value, []byte(",")) {
			if is(bytes.Trim(option, " \t"), "close") {
				h.last = true
			}
		}
	}
	return nil
}

// is reports whether b is the word, in any letter case.
func is(b []byte, word string) bool { return len(b) == len(word) && strings.EqualFold(string(b), word) }

// parseLength reads digits.
func parseLength(b []byte) (n int64, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' || n > (math.MaxInt64-9)/10 {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return n, len(b) > 0
}

// cutLine returns the first line, without its end, and what follows. There must
// be one.
func cutLine(b []byte) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n')
	return bytes.TrimSuffix(b[:i], []byte("\r")), b[i+1:]
}

// cutField returns the first header and what follows, or a nil name at the empty
// line. A value that goes on in the next line, which begins with a space then,
// is made one line in place, as RFC 9112, 5.2, asks.
func cutField(b []byte) (name, value, rest []byte, err error) {
	end := bytes.IndexByte(b, '\n')
	for end+1 < len(b) && (b[end+1] == ' ' || b[end+1] == '\t') && len(bytes.Trim(b[:end], "\r")) > 0 {
		if b[end-1] == '\r' {
			b[end-1] = ' '
		}
		b[end] = ' '
		end += 1 + bytes.IndexByte(b[end+1:], '\n')
	}
	line, rest := bytes.TrimSuffix(b[:end], []byte("\r")), b[end+1:]
	if len(line) == 0 {
		return nil, nil, rest, nil
	}
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || !isToken(name) || !areFieldBytes(value) {
		return nil, nil, nil, errNotHTTP
	}
	return name, bytes.Trim(value, " \t"), rest, nil
}

func areFieldBytes(b []byte) bool {
	for _, c := range b {
		if !isFieldByte(c) {
			return false
		}
	}
	return true
}

// fields returns the headers of a head that parseHead has read without an
// error.
func fields(b []byte) http.Header {
	_, b = cutLine(b)
	all := http.Header{}
	for {
		name, value, rest, err := cutField(b)
		if err != nil || name == nil {
			return all
		}
		all.Add(string(name), string(value))
		b = rest
	}
}
