package awsjson

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxPooledBody is the largest buffer kept for the next body.
const maxPooledBody = 1 << 20

// maxTrusted is how much room is made for a body that was announced and has not
// come: callers who announce much and send little must not use up the memory.
const maxTrusted = 64 << 10

// ReadBody appends the request's body to dst, unpacked if it is gzipped. Both
// the packed and the unpacked body are limited to limit bytes. The error is an
// *Error.
func ReadBody(dst *bytes.Buffer, w http.ResponseWriter, r *http.Request, limit int64) error {
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close") // the rest is not read
		return tooLarge(limit)
	}
	body := io.Reader(http.MaxBytesReader(w, r.Body, limit))
	switch encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
		if r.ContentLength > 0 {
			dst.Grow(int(min(r.ContentLength, maxTrusted)) + bytes.MinRead)
		}
	case "gzip":
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return bodyError(err, limit)
		}
		body = io.LimitReader(unpacked, limit+1)
	default:
		return &Error{Code: "UnsupportedMediaTypeException", Status: http.StatusUnsupportedMediaType,
			Message: fmt.Sprintf("Content-Encoding %q is not supported.", encoding)}
	}
	n, err := dst.ReadFrom(body)
	if err != nil {
		return bodyError(err, limit)
	}
	if n > limit {
		return tooLarge(limit)
	}
	return nil
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
