package daemon

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"bailey"
)

// These tests hold the wire as AWS's SDKs and their users' pages expect it, through the whole server.

const (
	putOne = `{"Entries":[{"Source":"shop","DetailType":"Order","Detail":"{}"}]}`
	putBad = `{"Entries":[]}`
)

func wireServer(t *testing.T) *Server {
	t.Helper()
	return serve(t, Config{Router: bailey.Config{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)}, MaxBodyBytes: 64 << 10})
}

// mustTake checks the answer to putOne.
func mustTake(t *testing.T, resp *http.Response) {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || !strings.Contains(string(body), `"FailedEntryCount":0`) {
		t.Errorf("got %s %s, want an event taken", resp.Status, body)
	}
	if got := resp.Header.Get("Content-Type"); got != "application/x-amz-json-1.1" {
		t.Errorf("got content type %q", got)
	}
	if len(resp.Header.Get("x-amzn-RequestId")) != 36 {
		t.Errorf("got request id %q", resp.Header.Get("x-amzn-RequestId"))
	}
}

// putRequest is a call of PutEvents that a test changes.
func putRequest(t *testing.T, s *Server, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "AWSEvents.PutEvents")
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	return r
}

func do(t *testing.T, r *http.Request) *http.Response {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func gzipped(t *testing.T, text string) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

func TestContentTypes(t *testing.T) {
	s := wireServer(t)
	for _, kind := range []string{"application/x-amz-json-1.1", "application/x-amz-json-1.1; charset=utf-8", "application/json", "text/plain;charset=UTF-8", ""} {
		r := putRequest(t, s, strings.NewReader(putOne))
		r.Header.Set("Content-Type", kind)
		mustTake(t, do(t, r))
	}
}

// What calls find on the way to an operation: S1 and S2 as AWS was seen to answer, and other services' calls.
func TestCallsOfNoOperation(t *testing.T) {
	s := wireServer(t)
	scope := func(service string) string {
		return "AWS4-HMAC-SHA256 Credential=AKID/20261123/us-east-1/" + service + "/aws4_request, SignedHeaders=host, Signature=0"
	}
	const s1, s2 = `{"__type":"UnknownOperationException"}`, `{"__type":"SerializationException"}`
	for _, tt := range []struct {
		name, method, path, service, target, body string // the target "form" is none, and the body called a form
		status                                    int
		want                                      string // all of it, or a part where it begins and ends with *
	}{
		{"S1: no operation", "POST", "/", "", "", "{}", 400, s1},
		{"S1: unknown operation", "POST", "/", "", "AWSEvents.Nope", "{}", 400, s1},
		{"S1: unknown service, unsigned", "POST", "/", "", "DynamoDB_20120810.ListTables", "{}", 400, s1},
		{"S1: signed for EventBridge", "POST", "/", "events", "Nope.Nope", "{}", 400, s1},
		{"S1: a name without a dot", "POST", "/", "", "AWSEvents", "{}", 400, s1},
		{"S1: no operation, with curl's content type", "POST", "/", "", "form", "{}", 400, s1},
		{"S2: no JSON", "POST", "/", "", "AWSEvents.ListRules", "{", 400, s2},
		{"S2: no JSON, to PutEvents", "POST", "/", "", "AWSEvents.PutEvents", "x", 400, s2},
		{"S3: not POST", "PUT", "/", "", "AWSEvents.ListRules", "{}", 400, s1},
		{"a slash too many", "POST", "//", "", "AWSEvents.ListRules", "{}", 200, `{"Rules":[]}`},
		{"more of them", "POST", "///", "events", "AWSEvents.ListRules", "{}", 200, `{"Rules":[]}`},
		{"a slash too many, for a page", "GET", "//healthz", "", "", "", 200, "ok\n"},
		{"another service", "POST", "/", "dynamodb", "DynamoDB_20120810.ListTables", "{}", 400, "*Bailey does not have the service dynamodb.*"},
		{"S3's list of buckets", "GET", "/", "s3", "", "", 400, "*<Code>NotImplemented</Code><Message>Bailey does not have the service s3.*"},
		{"a bucket of the name of a page", "GET", "/metrics", "s3", "", "", 400, "*Bailey does not have the service s3.*"},
		{"a browser", "GET", "/", "", "", "", 200, "*Bailey: Amazon EventBridge*"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), tt.method, s.URL()+tt.path, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		if tt.service != "" {
			r.Header.Set("Authorization", scope(tt.service))
		}
		switch tt.target {
		case "":
		case "form":
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		default:
			r.Header.Set("X-Amz-Target", tt.target)
			r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		}
		answer := do(t, r)
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		part := strings.Trim(tt.want, "*")
		if answer.StatusCode != tt.status || !strings.Contains(string(text), part) || part == tt.want && string(text) != part {
			t.Errorf("%s: got %d %q, want %d %q", tt.name, answer.StatusCode, text, tt.status, tt.want)
		}
	}
}

func TestBodiesAsTheyCome(t *testing.T) {
	s := wireServer(t)

	r := putRequest(t, s, gzipped(t, putOne))
	r.Header.Set("Content-Encoding", "gzip")
	mustTake(t, do(t, r))

	chunked := io.MultiReader(strings.NewReader(putOne[:20]), strings.NewReader(putOne[20:])) // of no known length
	mustTake(t, do(t, putRequest(t, s, chunked)))

	r = putRequest(t, s, io.MultiReader(gzipped(t, putOne)))
	r.Header.Set("Content-Encoding", "gzip")
	mustTake(t, do(t, r))

	for _, tt := range []struct {
		name, encoding string
		body           io.Reader
		status         int
		code           string
	}{
		{"no gzip", "gzip", strings.NewReader(putOne), 400, "SerializationException"},
		{"another encoding", "br", strings.NewReader(putOne), 415, "UnsupportedMediaTypeException"},
		{"too long", "", strings.NewReader(putOne + strings.Repeat(" ", 64<<10)), 413, "RequestEntityTooLargeException"},
		{"too long in chunks", "", io.MultiReader(strings.NewReader(putOne + strings.Repeat(" ", 64<<10))), 413, "RequestEntityTooLargeException"},
		{"too long unpacked", "gzip", gzipped(t, putOne+strings.Repeat(" ", 1<<20)), 413, "RequestEntityTooLargeException"},
	} {
		r := putRequest(t, s, tt.body)
		if tt.encoding != "" {
			r.Header.Set("Content-Encoding", tt.encoding)
		}
		resp := do(t, r)
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != tt.status || !strings.Contains(string(body), `"__type":"`+tt.code+`"`) {
			t.Errorf("%s: got %s %s, want %d %s", tt.name, resp.Status, body, tt.status, tt.code)
		}
	}
}

// A conn speaks HTTP/1.1 line by line.
type conn struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func dial(t *testing.T, s *Server) *conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", s.Addr().String(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(5 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	return &conn{c, t, bufio.NewReader(c)}
}

func (c *conn) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
}

func (c *conn) response() *http.Response {
	c.t.Helper()
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp
}

func head(body string, more ...string) string {
	lines := append([]string{"POST / HTTP/1.1", "Host: localhost", "X-Amz-Target: AWSEvents.PutEvents",
		"Content-Type: application/x-amz-json-1.1", fmt.Sprintf("Content-Length: %d", len(body))}, more...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// boto3 waits for 100 Continue before it sends a body.
func TestExpectContinue(t *testing.T) {
	c := dial(t, wireServer(t))
	c.send(head(putOne, "Expect: 100-continue"))
	if line, err := c.r.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	if line, err := c.r.ReadString('\n'); err != nil || line != "\r\n" {
		t.Fatalf("got %q, %v after 100 Continue", line, err)
	}
	c.send(putOne)
	mustTake(t, c.response())
}

// A connection is kept through good answers and bad ones, and requests that are sent ahead are answered in order.
func TestKeepAlive(t *testing.T) {
	c := dial(t, wireServer(t))
	for range 3 {
		c.send(head(putOne) + putOne)
		mustTake(t, c.response())
		c.send(head(putBad) + putBad)
		resp := c.response()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusBadRequest || resp.Close {
			t.Fatalf("got %s, connection kept: %v", resp.Status, !resp.Close)
		}
	}
	c.send(strings.Repeat(head(putOne)+putOne, 3))
	for range 3 {
		mustTake(t, c.response())
	}
}

func TestHTTP2InTheClear(t *testing.T) {
	s := wireServer(t)
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	for range 3 {
		r := putRequest(t, s, gzipped(t, putOne))
		r.Header.Set("Content-Encoding", "gzip")
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if resp.ProtoMajor != 2 {
			t.Errorf("got %s", resp.Proto)
		}
		mustTake(t, resp)
	}
}

// TestPages holds what a browser asks and is told before a page's SDK may call.
func TestPages(t *testing.T) {
	s := wireServer(t)
	const asked = "amz-sdk-invocation-id,amz-sdk-request,authorization,content-type,x-amz-content-sha256,x-amz-date,x-amz-target,x-amz-user-agent"
	for _, tt := range []struct {
		name, path, origin string
		allowed            bool
	}{
		{"a page on this machine", "/", "http://localhost:3000", true},
		{"by its address", "/", "http://127.0.0.1:5173", true},
		{"CloudWatch's path", "/service/GraniteServiceVersion20100801/operation/ListMetrics", "http://localhost:3000", true},
		{"a page from elsewhere", "/", "https://evil.example", false},
		{"a page from elsewhere, on CloudWatch's path", "/service/GraniteServiceVersion20100801/operation/ListMetrics", "https://evil.example", false},
		{"a sandboxed page", "/", "null", false},
	} {
		preflight, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, s.URL()+tt.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		preflight.Header.Set("Origin", tt.origin)
		preflight.Header.Set("Access-Control-Request-Method", "POST")
		preflight.Header.Set("Access-Control-Request-Headers", asked)
		resp := do(t, preflight)
		h := resp.Header
		if !tt.allowed {
			if resp.StatusCode != http.StatusForbidden || h.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s: got %s %v, want 403", tt.name, resp.Status, h)
			}
			continue
		}
		if resp.StatusCode != http.StatusOK || h.Get("Access-Control-Allow-Origin") != tt.origin ||
			h.Get("Access-Control-Allow-Headers") != asked || h.Get("Access-Control-Allow-Methods") != "POST" || h.Get("Vary") != "Origin" {
			t.Errorf("%s: got %s %v", tt.name, resp.Status, h)
		}
	}

	r := putRequest(t, s, strings.NewReader(putOne))
	r.Header.Set("Origin", "http://localhost:3000")
	resp := do(t, r)
	if got := resp.Header.Get("Access-Control-Expose-Headers"); got != "x-amzn-RequestId" {
		t.Errorf("a page may read %q", got)
	}
	mustTake(t, resp)
	r = putRequest(t, s, strings.NewReader(putOne))
	r.Header.Set("Origin", "https://evil.example")
	if resp := do(t, r); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a page from elsewhere: got %s", resp.Status)
	}
}

// What PutEvents counts is read over CloudWatch's API, on the same port, in each of its protocols, and by Prometheus.
func TestMetricsOnTheSamePort(t *testing.T) {
	s := wireServer(t)
	mustTake(t, do(t, putRequest(t, s, strings.NewReader(putOne))))
	mustTake(t, do(t, putRequest(t, s, strings.NewReader(putOne))))
	now := time.Now()

	post := func(path, target, kind, body string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", kind)
		if target != "" {
			r.Header.Set("X-Amz-Target", target)
		}
		resp := do(t, r)
		answer, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("got %s %s, %v", resp.Status, answer, err)
		}
		return string(answer)
	}

	var out struct{ Datapoints []struct{ Sum float64 } }
	answer := post("/", "GraniteServiceVersion20100801.GetMetricStatistics", "application/x-amz-json-1.0",
		fmt.Sprintf(`{"Namespace":"AWS/Events","MetricName":"PutEventsEntriesCount","StartTime":%d,"EndTime":%d,"Period":3600,"Statistics":["Sum"]}`,
			now.Add(-30*time.Minute).Unix(), now.Add(30*time.Minute).Unix()))
	if err := json.Unmarshal([]byte(answer), &out); err != nil || len(out.Datapoints) != 1 || out.Datapoints[0].Sum != 2 {
		t.Errorf("JSON: got %s, %v", answer, err)
	}
	form := url.Values{"Action": {"ListMetrics"}, "Version": {"2010-08-01"}, "MetricName": {"PutEventsLatency"}}.Encode()
	if answer := post("/", "", "application/x-www-form-urlencoded; charset=utf-8", form); !strings.Contains(answer, "<MetricName>PutEventsLatency</MetricName>") {
		t.Errorf("query: got %s", answer)
	}
	if answer := post("/service/GraniteServiceVersion20100801/operation/ListMetrics", "", "application/cbor", "\xa0"); !strings.Contains(answer, "PutEventsLatency") {
		t.Errorf("CBOR: got %q", answer)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(do(t, r).Body)
	if err != nil || !strings.Contains(string(page), "\nbailey_put_events_entries_total{region=\"us-east-1\"} 2\n") {
		t.Errorf("Prometheus: %v, got %s", err, page)
	}
}
