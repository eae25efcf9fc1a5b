package awsjson

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
)

// A body takes room when it comes, not when it is announced.
func TestReadBodyTrustsLittle(t *testing.T) {
	const announced = 8 << 20
	var dst bytes.Buffer
	r := httptest.NewRequest(http.MethodPost, "/", iotest.ErrReader(http.ErrBodyReadAfterClose))
	r.ContentLength = announced
	if _, err := (*Budget)(nil).ReadBody(&dst, httptest.NewRecorder(), r, announced); err == nil {
		t.Error("a body that breaks off was taken")
	}
	if dst.Cap() > 1<<20 {
		t.Errorf("%d bytes were made room for, and none came", dst.Cap())
	}

	text := strings.Repeat("x", 1<<20)
	r = httptest.NewRequest(http.MethodPost, "/", strings.NewReader(text))
	if _, err := (*Budget)(nil).ReadBody(&dst, httptest.NewRecorder(), r, announced); err != nil || dst.String() != text {
		t.Errorf("a large body: %v, %d bytes", err, dst.Len())
	}
}
