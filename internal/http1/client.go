// Package http1 is an HTTP/1.1 client for requests that are small, many, and in
// memory: plain HTTP to servers that mostly answer with little more than a
// status.
//
//	client := &http1.Client{Dial: dialer.DialContext, MaxIdle: 1024}
//	resp, err := client.Do(req, time.Now().Add(5*time.Second))
//	if err != nil {
//		return err
//	}
//	defer resp.Close()
//
// It writes the same bytes as net/http does and uses no goroutine, timer or
// context of its own where a connection is there already: whoever calls Do
// writes the request and reads the answer, and the connection has a deadline.
// docs/decisions/0008-http-client.md has the figures.
//
// What it leaves to net/http, see [Speaks], is everything that is not plain
// HTTP/1.1: TLS, where a server may choose HTTP/2, and hosts that are no plain
// names. It knows no proxies, redirects, cookies or compression.
//
// An answer is read strictly. One that can be understood in two ways is an
// error, and the connection that it came over is not used again.
package http1

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// A Client sends requests over connections that it keeps for later ones. Its
// methods may be called concurrently; its fields must not change once it is
// used. Dial is required.
type Client struct {
	// Dial connects to an address. The context ends with the request's time.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// MaxIdle and MaxIdlePerHost bound the connections that are kept for later
	// requests, in all and to one host. 0 means that none is.
	MaxIdle, MaxIdlePerHost int
	// IdleTimeout is how long one is kept; 0 means 90 s.
	IdleTimeout time.Duration

	pool pool
}

// smallRequest is up to how many bytes a request is written before its answer
// is read: as many as a connection takes without anybody who reads them. A
// longer one is written beside, so that an answer that comes before the end of
// the request, such as 413, is read.
const smallRequest = 16 << 10

// afterWriteFails is how long an answer is waited for that a server may have
// sent before it closed the connection to the rest of the request.
const afterWriteFails = 100 * time.Millisecond

// Do sends a request for which [Speaks] is true and reads the head of the
// answer. Everything, the reading of the answer's body included, must be over
// at the deadline. The request's context is heeded while a connection is made;
// to cut off requests at other times is what [Client.Close] is for.
//
// A connection that was kept may have been closed by the server meanwhile. If
// it ends before any byte of the answer has come, the request is sent once more,
// over a new connection. The server may have seen it the first time all the
// same: nobody can tell.
//
// The response must be closed.
func (c *Client) Do(req *http.Request, deadline time.Time) (*Response, error) {
	b := takeBuffers()
	if err := b.fill(req); err != nil {
		b.release()
		return nil, err
	}
	if k := c.pool.take(req.URL.Host); k != nil {
		resp, lost, err := c.exchange(k, b, req, deadline)
		if !lost {
			return resp, err
		}
		if b.rest != nil {
			if b.rest, err = req.GetBody(); err != nil {
				b.release()
				return nil, fmt.Errorf("reading the request's body again: %w", err)
			}
		}
	}
	k, err := c.connect(req, deadline)
	if err != nil {
		b.release()
		return nil, err
	}
	resp, lost, err := c.exchange(k, b, req, deadline)
	if lost {
		b.release()
	}
	return resp, err
}

// connect makes a new connection.
func (c *Client) connect(req *http.Request, deadline time.Time) (*conn, error) {
	ctx, cancel := context.WithDeadline(req.Context(), deadline)
	defer cancel()
	port := req.URL.Port()
	if port == "" {
		port = "80"
	}
	nc, err := c.Dial(ctx, "tcp", net.JoinHostPort(req.URL.Hostname(), port))
	if err != nil {
		return nil, err
	}
	k := newConn(nc)
	if !c.pool.add(req.URL.Host, k) {
		_ = nc.Close()
		return nil, net.ErrClosed
	}
	return k, nil
}

// exchange writes a request to a connection and reads the head of the answer.
// It has closed the connection if there is an error, and released the buffers,
// unless the request is lost: the connection ended without any answer.
func (c *Client) exchange(k *conn, b *buffers, req *http.Request, deadline time.Time) (resp *Response, lost bool, err error) {
	resp = &Response{client: c, conn: k, buffers: b}
	if err = k.SetDeadline(deadline); err == nil {
		err = resp.write(deadline)
	}
	if err == nil {
		err = resp.readHead(req.Method)
	}
	if err == nil {
		return resp, false, nil
	}
	lost = !resp.heard && !isTimeout(err)
	if lost {
		resp.buffers = nil // the next exchange has them
	}
	resp.keep = false
	resp.Close()
	return nil, lost, err
}

// write sends the request. A server may answer and close the connection before
// it has read all of it; so whether there is an answer decides, not whether
// all could be written.
func (r *Response) write(deadline time.Time) error {
	b := r.buffers
	if b.rest != nil {
		written := make(chan error, 1)
		r.written = written
		out, rest, k := b.out, b.rest, r.conn
		go func() { // ends at the deadline, or when the connection is closed; Close waits for it
			_, err := k.Write(out)
			if err == nil {
				_, err = io.Copy(k, rest)
			}
			written <- err
		}()
		return nil
	}
	_, err := r.conn.Write(b.out)
	if err == nil || isTimeout(err) {
		return err
	}
	r.keep, r.unwritten = false, err
	if soon := time.Now().Add(afterWriteFails); soon.Before(deadline) && r.conn.SetReadDeadline(soon) != nil {
		return err
	}
	return nil
}

// CloseIdle closes the connections that are kept for later.
func (c *Client) CloseIdle() { c.pool.closeIdle() }

// Close closes all connections, so that requests under way end with an error,
// and lets no new ones begin.
func (c *Client) Close() { c.pool.close() }

func isTimeout(err error) bool {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return true
	}
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}

// buffers are what an exchange needs of memory.
type buffers struct {
	out  []byte    // the request, or what comes before rest
	rest io.Reader // the body, where it is long
	in   []byte    // what has come
}

const (
	firstBuffer = 4 << 10
	// Longer buffers are not kept.
	lastOut = 2 * smallRequest
	lastIn  = 2 * firstBuffer
)

var bufferPool = sync.Pool{New: func() any {
	return &buffers{out: make([]byte, 0, firstBuffer), in: make([]byte, firstBuffer)}
}}

func takeBuffers() *buffers { return bufferPool.Get().(*buffers) }

func (b *buffers) release() {
	b.rest = nil
	if cap(b.out) <= lastOut && len(b.in) <= lastIn {
		b.out = b.out[:0]
		bufferPool.Put(b)
	}
}

// fill puts the request into the buffer to be written.
func (b *buffers) fill(req *http.Request) error {
	var err error
	if b.out, err = appendHead(b.out[:0], req); err != nil || req.ContentLength == 0 {
		return err
	}
	if int64(len(b.out))+req.ContentLength > smallRequest {
		b.rest = req.Body
		return nil
	}
	from := len(b.out)
	to := from + int(req.ContentLength)
	for cap(b.out) < to {
		b.out = append(b.out[:cap(b.out)], 0)
	}
	b.out = b.out[:to]
	if _, err := io.ReadFull(req.Body, b.out[from:]); err != nil {
		return fmt.Errorf("reading the request's body: %w", err)
	}
	return nil
}
