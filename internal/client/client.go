// Package client talks to a running server: to its admin API, and to the AWS API, whose calls it signs as an SDK does.
package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"bailey/internal/admin"
	"bailey/internal/sigv4"
)

// DefaultEndpoint is where a server is looked for by default.
const DefaultEndpoint = "http://127.0.0.1:4566"

// Limits of a call.
const (
	callTime  = 30 * time.Second // beyond what the call itself is asked to wait
	maxAnswer = 64 << 20         // bytes
)

// A Client calls one server. The zero value calls a server on this machine. It is safe for concurrent use.
type Client struct {
	// Endpoint is the server's URL; "" means [DefaultEndpoint].
	Endpoint string
	// Region is where AWS calls belong; "" means the server's own region, or us-east-1 where there are credentials.
	Region string
	// Credentials sign AWS calls. Without them a signature is made only to say the region.
	Credentials sigv4.Credentials
	// UserAgent says who calls; "" means net/http's.
	UserAgent string
}

// An Error is a refusal by the server.
type Error struct {
	Status  int // of HTTP
	Code    string
	Message string
}

// Error returns the code and the message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Admin calls the admin API: path begins after [admin.Prefix], in and out are JSON and may be nil. An answer of 408, which
// is a state and no refusal, is read into out as well.
func (c *Client) Admin(ctx context.Context, method, path string, query url.Values, in, out any) error {
	address := admin.Prefix + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, body, err := c.request(ctx, method, address, in)
	if err != nil {
		return err
	}
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	status, answer, err := c.do(req)
	if err != nil {
		return err
	}
	if status/100 != 2 && status != http.StatusRequestTimeout {
		var refusal admin.Error
		if err := json.Unmarshal(answer, &refusal); err != nil || refusal.Code == "" {
			return c.notBailey(status)
		}
		return &Error{Status: status, Code: refusal.Code, Message: refusal.Message}
	}
	return c.decode(answer, out)
}

// Wait returns an event once all its deliveries have ended, or as it is when the time is up.
func (c *Client) Wait(ctx context.Context, eventID string, timeout time.Duration) (*admin.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout+callTime)
	defer cancel()
	event := new(admin.Event)
	query := url.Values{"timeout": {timeout.String()}}
	if err := c.Admin(ctx, http.MethodGet, "/events/"+url.PathEscape(eventID)+"/wait", query, nil, event); err != nil {
		return nil, err
	}
	return event, nil
}

// AWS calls an operation of the EventBridge API. in and out are JSON; out may be nil.
func (c *Client) AWS(ctx context.Context, operation string, in, out any) error {
	req, body, err := c.request(ctx, http.MethodPost, "/", in)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AWSEvents."+operation)
	if err := c.sign(req, body); err != nil {
		return fmt.Errorf("signing %s: %w", operation, err)
	}
	status, answer, err := c.do(req)
	if err != nil {
		return err
	}
	if status/100 == 2 {
		return c.decode(answer, out)
	}
	var refusal struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(answer, &refusal); err != nil || refusal.Type == "" {
		return c.notBailey(status)
	}
	return &Error{Status: status, Code: refusal.Type[strings.LastIndexByte(refusal.Type, '#')+1:], Message: refusal.Message}
}

// sign puts the region into an AWS call, which it belongs to by the scope of its signature.
func (c *Client) sign(req *http.Request, body []byte) error {
	credentials := c.Credentials
	if credentials.AccessKeyID == "" || credentials.SecretAccessKey == "" {
		if c.Region == "" {
			return nil
		}
		credentials = sigv4.Credentials{AccessKeyID: "bailey", SecretAccessKey: "bailey"}
	}
	signer, err := sigv4.New(credentials)
	if err != nil {
		return err
	}
	return signer.Sign(req, body, sigv4.Scope{Region: cmp.Or(c.Region, "us-east-1"), Service: "events"}, time.Now())
}

func (c *Client) endpoint() string {
	return strings.TrimRight(cmp.Or(c.Endpoint, DefaultEndpoint), "/")
}

func (c *Client) request(ctx context.Context, method, path string, in any) (*http.Request, []byte, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return nil, nil, fmt.Errorf("encoding what to ask: %w", err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.endpoint()+path, bytes.NewReader(body))
	if err != nil {
		return nil, nil, fmt.Errorf("the endpoint %q: %w", c.endpoint(), err)
	}
	if c.UserAgent != "" {
		req.Header.Set("User-Agent", c.UserAgent)
	}
	return req, body, nil
}

// do sends a request and reads the whole answer. A caller whose context has no deadline gets callTime.
func (c *Client) do(req *http.Request) (int, []byte, error) {
	if _, ok := req.Context().Deadline(); !ok {
		ctx, cancel := context.WithTimeout(req.Context(), callTime)
		defer cancel()
		req = req.WithContext(ctx)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) {
			return 0, nil, fmt.Errorf("no server answers at %s: start one with bailey serve, or say where it is with --endpoint", c.endpoint())
		}
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return 0, nil, fmt.Errorf("asking %s: %w", c.endpoint(), err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return 0, nil, fmt.Errorf("reading the answer of %s: %w", c.endpoint(), err)
	}
	if len(answer) > maxAnswer {
		return 0, nil, fmt.Errorf("the answer of %s has more than %d bytes", c.endpoint(), maxAnswer)
	}
	return resp.StatusCode, answer, nil
}

func (c *Client) decode(answer []byte, out any) error {
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("reading the answer of %s: %w", c.endpoint(), err)
	}
	return nil
}

func (c *Client) notBailey(status int) error {
	return fmt.Errorf("what answers at %s is no Bailey server: it answered %d %s", c.endpoint(), status, http.StatusText(status))
}
