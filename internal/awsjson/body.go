package awsjson

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxPooledBody is the largest buffer kept for the next body.
const maxPooledBody = 1 << 20

// maxTrusted is how much room is made for a body that was announced and has not
// come: callers who announce much and send little must not use up the memory.
const maxTrusted = 64 << 10

// ReadBody appends the request's body to dst, unpacked if it is gzipped. Both
// the packed and the unpacked body are limited to limit bytes. A large one takes
// a share of the budget, which release gives back: the caller calls it, also
// after an error, when it needs the body no longer. The error is an *Error.
func (b *Budget) ReadBody(dst *bytes.Buffer, w http.ResponseWriter, r *http.Request, limit int64) (release func(), err error) {
	release = func() {}
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close") // the rest is not read
		return release, tooLarge(limit)
	}
	body := io.Reader(http.MaxBytesReader(w, r.Body, limit))
	size := limit // as far as is known
	switch encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
		if r.ContentLength > 0 {
			size = r.ContentLength
			dst.Grow(int(min(size, maxTrusted)) + bytes.MinRead)
		}
	case "gzip":
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return release, bodyError(err, limit)
		}
		body = unpacked
	default:
		return release, &Error{Code: "UnsupportedMediaTypeException", Status: http.StatusUnsupportedMediaType,
			Message: fmt.Sprintf("Content-Encoding %q is not supported.", encoding)}
	}
	n, err := dst.ReadFrom(io.LimitReader(body, smallBody))
	if err != nil {
		return release, bodyError(err, limit)
	}
	switch {
	case n > limit:
		return release, tooLarge(limit)
	case n < smallBody || n == r.ContentLength:
		return release, nil
	}
	share, err := b.take(r.Context(), size-smallBody)
	if err != nil {
		return release, err
	}
	// A writer that cannot set deadlines is a test's; the server's own can.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime))
	rest, err := dst.ReadFrom(io.LimitReader(body, limit+1-n))
	if err != nil {
		return share.release, bodyError(err, limit)
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	if n+rest > limit {
		return share.release, tooLarge(limit)
	}
	return share.release, nil
}

// bodyError words a failure to read a body: it is too long, it is not the gzip
// that it says it is, or its sender went away.
func bodyError(err error, limit int64) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(limit)
	}
	return serializationError("")
}

func tooLarge(limit int64) *Error {
	return &Error{Code: "RequestEntityTooLargeException", Status: http.StatusRequestEntityTooLarge,
		Message: fmt.Sprintf("The request's body is larger than %d bytes.", limit)}
}
