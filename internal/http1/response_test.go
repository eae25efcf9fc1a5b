package http1

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"bailey/internal/retry"
)

// canned is a connection over which an answer comes in pieces, and then its
// end.
type canned struct {
	net.Conn
	answer io.Reader
	piece  int
	closed bool
}

func (c *canned) Write(p []byte) (int, error)     { return len(p), nil }
func (c *canned) SetDeadline(time.Time) error     { return nil }
func (c *canned) SetReadDeadline(time.Time) error { return nil }
func (c *canned) Read(p []byte) (int, error)      { return c.answer.Read(p[:min(len(p), c.piece)]) }
func (c *canned) Close() error                    { c.closed = true; return nil }

// answered is what a client makes of an answer.
type answered struct {
	status int
	header http.Header
	body   string
	kept   bool // the connection
}

// ask has the client read an answer that comes in pieces of a size.
func ask(t *testing.T, method string, answer io.Reader, piece int) (answered, error) {
	t.Helper()
	conn := &canned{answer: answer, piece: piece}
	c := &Client{MaxIdle: 1, MaxIdlePerHost: 1, Dial: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}
	defer c.Close()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://shop/", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req, time.Now().Add(patience))
	if err != nil {
		if !conn.closed {
			t.Error("the connection of an answer that is none is kept")
		}
		return answered{}, err
	}
	got := answered{status: resp.StatusCode, header: resp.Header()}
	var body []byte
	for p := make([]byte, 700); ; { // of no round size
		var n int
		n, err = resp.Read(p)
		body = append(body, p[:n]...)
		if err != nil {
			break
		}
	}
	if again := resp.Header(); !maps.EqualFunc(got.header, again, slices.Equal) {
		t.Errorf("the header is %v after the body was read, was %v", again, got.header)
	}
	resp.Close()
	got.body, got.kept = string(body), !conn.closed
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err != nil && got.kept {
		t.Error("the connection of a body that broke off is kept")
	}
	return got, err
}

func TestAnswers(t *testing.T) {
	const crlf = "\r\n"
	long := strings.Repeat("0123456789", 10_000)
	for _, tt := range []struct {
		name   string
		method string
		answer string
		status int
		body   string
		kept   bool
		err    error
	}{
		{name: "length", answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok", kept: true},
		{name: "no length", answer: "HTTP/1.1 200 OK\r\n\r\nok", status: 200, body: "ok"},
		{name: "no reason", answer: "HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", status: 404, kept: true},
		{name: "the empty reason", answer: "HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n", status: 404, kept: true},
		{name: "line feeds alone", answer: "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", status: 200, body: "ok", kept: true},
		{name: "close", answer: "HTTP/1.1 200 OK\r\nConnection: Keep-Alive , CLOSE\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok"},
		{name: "HTTP/1.0", answer: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok"},
		{name: "long body", answer: "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + long, status: 200, body: long, kept: true},
		{name: "more than its length", answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n", status: 200, body: "ok"},
		{name: "the same length twice", answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\ncontent-length:2\r\n\r\nok", status: 200, body: "ok", kept: true},
		{name: "folded value", answer: "HTTP/1.1 200 OK\r\nX: a\r\n  b\r\nContent-Length:\r\n 2\r\n\r\nok", status: 200, body: "ok", kept: true},
		{name: "HEAD", method: "HEAD", answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", status: 200, kept: true},
		{name: "204 with a length", answer: "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", status: 204, kept: true},
		{name: "304 with chunks", answer: "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", status: 304, kept: true},
		{name: "204 with a body", answer: "HTTP/1.1 204 No Content\r\n\r\nok", status: 204},
		{name: "informational", answer: strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 5) + "HTTP/1.1 204 No Content\r\n\r\n", status: 204, kept: true},
		{name: "too many informational", answer: strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 6) + "HTTP/1.1 204 No Content\r\n\r\n", err: errInformational},
		{name: "another protocol", answer: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nxyz", status: 101},
		{name: "unusual status", answer: "HTTP/1.1 999 Oh\r\nContent-Length: 0\r\n\r\n", status: 999, kept: true},

		{name: "chunks", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nok\r\nA;x=\"y\"\r\n0123456789\r\n0\r\n\r\n", status: 200, body: "ok0123456789", kept: true},
		{name: "long chunk", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n" + long + "\r\n0\r\n\r\n", status: 200, body: long, kept: true},
		{name: "trailers", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 \r\nok\r\n000\r\nContent-Length: 5\r\nB: c\r\n\r\n", status: 200, body: "ok", kept: true},
		{name: "more than its chunks", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx", status: 200},
		{name: "chunks break off", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", status: 200, body: "ok", err: io.ErrUnexpectedEOF},
		{name: "trailers break off", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b", status: 200, err: io.ErrUnexpectedEOF},
		{name: "chunk longer than said", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nok\r\n0\r\n\r\n", status: 200, body: "o", err: errChunk},
		{name: "chunk size with a sign", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+2\r\nok\r\n0\r\n\r\n", status: 200, err: errChunk},
		{name: "chunk size 0x2", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nok\r\n0\r\n\r\n", status: 200, err: errChunk},
		{name: "chunk size beyond all bounds", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nok\r\n", status: 200, err: errChunk},
		{name: "no chunk size", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\nok", status: 200, err: errChunk},
		{name: "chunk with a line feed alone", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nok\r\n0\r\n\r\n", status: 200, err: errChunk},
		{name: "a chunk's line without end", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;" + long, status: 200, err: errChunk},
		{name: "extensions without end", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1;"+long[:1000]+"\r\nx\r\n", 100), status: 200, body: strings.Repeat("x", 65), err: errChunk},
		{name: "trailers without end", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("A: "+long[:1000]+"\r\n", 100), status: 200, err: errChunk},
		{name: "a trailer that is none", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHTTP/1.1 200 OK\r\n\r\n", status: 200, err: errChunk},

		{name: "body breaks off", answer: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", status: 200, body: "ok", err: io.ErrUnexpectedEOF},
		{name: "head breaks off", answer: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n", err: io.ErrUnexpectedEOF},
		{name: "nothing", answer: "", err: io.EOF},
		{name: "head without end", answer: "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 20_000), err: errHeadTooLong},
		{name: "line without end", answer: "HTTP/1.1 200 OK\r\nA: " + long, err: errHeadTooLong},

		{name: "two lengths", answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", err: errLength},
		{name: "list of lengths", answer: "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok", err: errLength},
		{name: "negative length", answer: "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok", err: errLength},
		{name: "length with a sign", answer: "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok", err: errLength},
		{name: "empty length", answer: "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\nok", err: errLength},
		{name: "length beyond all bounds", answer: "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok", err: errLength},
		{name: "length and chunks", answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", err: errTwoLengths},
		{name: "other encoding", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", err: errEncoding},
		{name: "chunks twice", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", err: errEncoding},
		{name: "chunks of HTTP/1.0", answer: "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", err: errEncoding},

		{name: "another protocol's greeting", answer: "SSH-2.0-OpenSSH_9.9\r\n", err: errNotHTTP},
		{name: "HTTP/2", answer: "HTTP/2.0 200 OK\r\n\r\n", err: errNotHTTP},
		{name: "HTTP/1.2", answer: "HTTP/1.2 200 OK\r\n\r\n", err: errNotHTTP},
		{name: "status of two digits", answer: "HTTP/1.1 20 OK\r\n\r\n", err: errNotHTTP},
		{name: "status of four digits", answer: "HTTP/1.1 2000 OK\r\n\r\n", err: errNotHTTP},
		{name: "status below 100", answer: "HTTP/1.1 099 OK\r\n\r\n", err: errNotHTTP},
		{name: "status with a sign", answer: "HTTP/1.1 +20 OK\r\n\r\n", err: errNotHTTP},
		{name: "NUL in the reason", answer: "HTTP/1.1 200 O\x00K\r\n\r\n", err: errNotHTTP},
		{name: "empty line first", answer: "\r\nHTTP/1.1 200 OK\r\n\r\n", err: errNotHTTP},
		{name: "no colon", answer: "HTTP/1.1 200 OK\r\nsecret\r\n\r\n", err: errNotHTTP},
		{name: "empty name", answer: "HTTP/1.1 200 OK\r\n: secret\r\n\r\n", err: errNotHTTP},
		{name: "space before the colon", answer: "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok", err: errNotHTTP},
		{name: "space before the first header", answer: "HTTP/1.1 200 OK\r\n A: b\r\n\r\nok", err: errNotHTTP},
		{name: "NUL in a value", answer: "HTTP/1.1 200 OK\r\nA: secret\x00\r\n\r\nok", err: errNotHTTP},
		{name: "carriage return in a value", answer: "HTTP/1.1 200 OK\r\nA: secret\rB: c\r\n\r\nok", err: errNotHTTP},
		{name: "carriage returns", answer: "HTTP/1.1 200 OK\r\n\r\r\n" + crlf, err: errNotHTTP},
	} {
		t.Run(tt.name, func(t *testing.T) {
			method := tt.method
			if method == "" {
				method = "GET"
			}
			for _, piece := range []int{1, 7, 1 << 20} {
				got, err := ask(t, method, strings.NewReader(tt.answer), piece)
				if !errors.Is(err, tt.err) || got.status != tt.status || got.body != tt.body {
					t.Fatalf("in pieces of %d: got %d %.100q, %v; want %d %.100q, %v", piece, got.status, got.body, err, tt.status, tt.body, tt.err)
				}
				// What follows an answer is seen if it came with it.
				if got.kept != tt.kept && (piece > 1000 || tt.kept) {
					t.Errorf("in pieces of %d: the connection is kept: %v, want %v", piece, got.kept, tt.kept)
				}
				if tt.err == nil {
					continue
				}
				f := retry.FromError(err)
				if f.Code != retry.ConnectionFailure || !f.Retryable || strings.Contains(f.Message, "secret") || strings.Contains(f.Message, "EOF") {
					t.Errorf("it means %+v, want CONNECTION_FAILURE, retryable, with nothing of the answer", f)
				}
			}
		})
	}
}

func TestAnswerHeader(t *testing.T) {
	const answer = "HTTP/1.1 503 No\r\nretry-after:  7 \r\nX-A: 1\r\nx-a: 2\r\nFolded: a\r\n\tb\r\nEmpty:\r\nTransfer-Encoding: chunked\r\n\r\n2000\r\n"
	got, err := ask(t, "GET", strings.NewReader(answer+strings.Repeat("x", 0x2000)+"\r\n0\r\n\r\n"), 3000)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{"Retry-After": {"7"}, "X-A": {"1", "2"}, "Empty": {""}} {
		if !slices.Equal(got.header[name], want) {
			t.Errorf("%s: got %q, want %q", name, got.header[name], want)
		}
	}
	if folded := strings.Fields(got.header.Get("Folded")); !slices.Equal(folded, []string{"a", "b"}) {
		t.Errorf("the folded header is %q", folded)
	}
}

// An answer never makes the client panic or read on for ever, and what both
// accept net/http reads alike.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\n\nok",
		"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nok",
		"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nok\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA: b\r\n  c\r\nContent-Length:\r\n 1\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 304 Not\r\nContent-Length: 2\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
		"HTTP/1.1 200 OK\r\nConnection: close, x\r\nPragma: no-cache\r\n\r\n",
	} {
		f.Add([]byte(seed), false, uint16(3))
		f.Add([]byte(seed), true, uint16(4096))
	}
	f.Fuzz(func(t *testing.T, answer []byte, head bool, piece uint16) {
		method := http.MethodGet
		if head {
			method = http.MethodHead
		}
		got, err := ask(t, method, bytes.NewReader(answer), int(piece)+1)
		if err != nil {
			return
		}
		whole, err := ask(t, method, bytes.NewReader(answer), 1<<20)
		if err != nil || whole.status != got.status || whole.body != got.body || !maps.EqualFunc(whole.header, got.header, slices.Equal) {
			t.Errorf("in one piece: got %+v, %v; in pieces %+v", whole, err, got)
		}
		want, body, err := netHTTP(t, method, answer)
		if err != nil {
			return
		}
		if got.status != want.StatusCode || got.body != body {
			t.Errorf("got %d %q, net/http has %d %q", got.status, got.body, want.StatusCode, body)
		}
		for name, values := range want.Header {
			if name == "Cache-Control" && len(got.header[name]) == 0 { // which net/http makes of Pragma
				continue
			}
			if name == "Content-Length" { // of which net/http drops the second
				values, got.header[name] = values[:1], got.header[name][:1]
			}
			if !slices.EqualFunc(got.header[name], values, func(a, b string) bool {
				return slices.Equal(strings.Fields(a), strings.Fields(b)) // folded values have more spaces
			}) {
				t.Errorf("%s: got %q, net/http has %q", name, got.header[name], values)
			}
		}
		if want.Close && got.kept {
			t.Error("the connection is kept, which net/http closes")
		}
	})
}

// netHTTP reads an answer as net/http does.
func netHTTP(t *testing.T, method string, answer []byte) (*http.Response, string, error) {
	t.Helper()
	r := bufio.NewReader(bytes.NewReader(answer))
	for {
		resp, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			return nil, "", err
		}
		if resp.StatusCode < 200 && resp.StatusCode != http.StatusSwitchingProtocols {
			continue
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusSwitchingProtocols {
			body = nil
		}
		return resp, string(body), err
	}
}
