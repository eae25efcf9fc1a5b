package http1

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"
)

const (
	maxHead          = 64 << 10 // of an answer, in bytes
	maxInformational = 5        // answers before the answer
	maxChunkLine     = 1 << 10  // the size of a chunk and its extensions
	maxOverhead      = 64 << 10 // of all lines between the chunks of an answer, and its trailers
)

// awaitWriter is how long the end of a long request is waited for when its
// answer has come, before the connection is given up.
const awaitWriter = 50 * time.Millisecond

// framing is how the end of a body is known.
type framing int

const (
	byLength framing = iota
	byChunks
	byEnd // of the connection
)

// A Response is the answer to a request. Its body is what Read returns: at most
// what Content-Length says, and an error if the connection ends before. It must
// be closed, and not be used after that; it is not safe for concurrent use.
type Response struct {
	StatusCode    int
	ContentLength int64 // of the body that follows; -1 if it is not known

	client    *Client
	conn      *conn
	buffers   *buffers
	written   <-chan error // tells how the writing of a long request ended; nil if it was short
	unwritten error        // why not all of a short one could be written
	heard     bool         // something came back
	keep      bool         // the server leaves the connection open

	head    []byte // in buffers.in
	base    int    // where it ends, and the room for what follows begins
	r, w    int    // of buffers.in, what is to be read is between
	framing framing
	left    int64 // of the body, or of its chunk
	begun   bool  // the first chunk was read
	over    int   // bytes of the lines between the chunks so far
	err     error // what Read returns from now on; io.EOF after the body
}

// readHead reads the answer's head, past the informational ones.
func (r *Response) readHead(method string) error {
	for n := 0; ; n++ {
		end, err := r.fillHead()
		if err != nil {
			if r.unwritten != nil && isTimeout(err) {
				return r.unwritten
			}
			return err
		}
		b := r.buffers.in[r.r:end]
		h, err := parseHead(b)
		if err != nil {
			return err
		}
		r.r = end
		if h.status >= 200 || h.status == http.StatusSwitchingProtocols {
			r.head, r.base = b, end
			r.frame(method, h)
			return nil
		}
		if n == maxInformational {
			return errInformational
		}
	}
}

// frame decides how much of a body follows (RFC 9112, 6.3).
func (r *Response) frame(method string, h head) {
	r.StatusCode = h.status
	r.keep = !h.last && r.unwritten == nil
	switch {
	case h.status == http.StatusSwitchingProtocols: // what follows is not HTTP
		r.keep = false
		r.err = io.EOF
	case method == http.MethodHead, h.status == http.StatusNoContent, h.status == http.StatusNotModified, h.length == 0:
		r.err = io.EOF
	case h.chunked:
		r.framing, r.ContentLength = byChunks, -1
	case h.length > 0:
		r.left, r.ContentLength = h.length, h.length
	default:
		r.framing, r.ContentLength, r.keep = byEnd, -1, false
	}
}

// fillHead reads until there is a whole head, and returns where it ends.
func (r *Response) fillHead() (int, error) {
	next := 0
	for {
		b := r.buffers.in[r.r:r.w]
		if !beginsLikeHTTP(b) {
			return 0, errNotHTTP
		}
		var end int
		if end, next = findHead(b, next); end > 0 {
			return r.r + end, nil
		}
		if len(b) >= maxHead {
			return 0, errHeadTooLong
		}
		if r.w == len(r.buffers.in) {
			r.makeRoom()
		}
		if err := r.fill(); err != nil {
			if errors.Is(err, io.EOF) && len(b) > 0 {
				return 0, io.ErrUnexpectedEOF
			}
			return 0, err
		}
	}
}

// makeRoom moves what is to be read to the beginning, and takes more memory if
// that is not enough.
func (r *Response) makeRoom() {
	to := r.buffers.in
	if unread := r.w - r.r; unread > len(to)/2 {
		to = make([]byte, 2*len(to))
	}
	r.w = copy(to, r.buffers.in[r.r:r.w])
	r.r, r.buffers.in = 0, to
}

// fill reads from the connection what there is, behind what there was.
func (r *Response) fill() error {
	n, err := r.conn.Read(r.buffers.in[r.w:])
	r.w += n
	if n > 0 {
		r.heard = true
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// Header returns the answer's headers.
func (r *Response) Header() http.Header { return fields(r.head) }

// Read reads the body.
func (r *Response) Read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	if r.framing == byChunks && r.left == 0 {
		if r.left, r.err = r.nextChunk(); r.err != nil {
			return 0, r.err
		}
	}
	if r.framing != byEnd && int64(len(p)) > r.left {
		p = p[:r.left]
	}
	var n int
	if r.r < r.w {
		n = copy(p, r.buffers.in[r.r:r.w])
		r.r += n
	} else {
		var err error
		if n, err = r.conn.Read(p); n == 0 && err != nil {
			if errors.Is(err, io.EOF) && r.framing != byEnd {
				err = io.ErrUnexpectedEOF
			}
			r.err = err
			return 0, err
		}
	}
	if r.framing != byEnd {
		r.left -= int64(n)
		if r.left == 0 && r.framing == byLength {
			r.err = io.EOF
		}
	}
	return n, nil
}

// nextChunk reads what stands before a chunk, and returns its size. After the
// last one it is io.EOF.
func (r *Response) nextChunk() (int64, error) {
	if r.begun {
		line, err := r.readLine()
		if err != nil {
			return 0, err
		}
		if len(line) > 0 {
			return 0, errChunk
		}
	}
	r.begun = true
	line, err := r.readLine()
	if err != nil {
		return 0, err
	}
	size, ok := parseChunkSize(line)
	if !ok {
		return 0, errChunk
	}
	if size > 0 {
		return size, nil
	}
	for {
		line, err := r.readLine()
		switch {
		case err != nil:
			return 0, err
		case len(line) == 0:
			return 0, io.EOF
		}
		if name, _, ok := bytes.Cut(line, []byte(":")); !ok || !isToken(name) {
			return 0, errChunk
		}
	}
}

// parseChunkSize reads hexadecimal digits and passes over extensions.
func parseChunkSize(line []byte) (size int64, ok bool) {
	digits, extension, _ := bytes.Cut(line, []byte(";"))
	digits = bytes.TrimRight(digits, " \t")
	if len(digits) == 0 || len(digits) > 15 || !areFieldBytes(extension) {
		return 0, false
	}
	for _, c := range digits {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		size = size<<4 | int64(c)
	}
	return size, true
}

// readLine reads a line between chunks, which ends with CR LF and no less.
func (r *Response) readLine() ([]byte, error) {
	for {
		b := r.buffers.in[r.r:r.w]
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			r.r += i + 1
			r.over += i + 1
			if i == 0 || b[i-1] != '\r' || i > maxChunkLine || r.over > maxOverhead {
				return nil, errChunk
			}
			return b[:i-1], nil
		}
		if len(b) > maxChunkLine {
			return nil, errChunk
		}
		r.makeBodyRoom()
		if err := r.fill(); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}

// makeBodyRoom makes room for a line without touching the head.
func (r *Response) makeBodyRoom() {
	in := r.buffers.in
	if len(in)-r.base < 2*maxChunkLine {
		in = make([]byte, r.base+firstBuffer)
		copy(in, r.buffers.in[:r.base])
		r.head = in[r.base-len(r.head) : r.base]
	}
	r.w = r.base + copy(in[r.base:], r.buffers.in[r.r:r.w])
	r.r, r.buffers.in = r.base, in
}

// Close gives the connection back if the body was read to its end and another
// request may follow, and closes it otherwise.
func (r *Response) Close() {
	if r.conn == nil {
		return
	}
	keep := r.keep && errors.Is(r.err, io.EOF) && r.r == r.w
	writing := r.written != nil
	if keep && writing {
		late := time.NewTimer(awaitWriter)
		select {
		case err := <-r.written:
			keep, writing = err == nil, false
		case <-late.C:
			keep = false
		}
		late.Stop()
	}
	if keep {
		r.client.put(r.conn)
	} else {
		r.client.pool.drop(r.conn)
	}
	if writing {
		<-r.written //nolint:errcheck // the answer, or the lack of one, has said it
	}
	if r.buffers != nil {
		r.buffers.release()
	}
	r.conn, r.buffers, r.head = nil, nil, nil
	if r.err == nil {
		r.err = http.ErrBodyReadAfterClose
	}
}
