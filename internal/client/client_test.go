package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"bailey/internal/admin"
	"bailey/internal/client"
	"bailey/internal/sigv4"
)

// answering starts a server that answers everything alike, and returns a client of it and the last request with its body.
func answering(t *testing.T, status int, answer string) (*client.Client, *http.Request, *string) {
	t.Helper()
	last, body := new(http.Request), new(string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("reading a request: %v", err)
		}
		*last, *body = *r, string(text)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	return &client.Client{Endpoint: server.URL + "/", UserAgent: "test"}, last, body
}

func TestAWS(t *testing.T) {
	c, last, body := answering(t, http.StatusOK, `{"RuleArn": "arn:x"}`)
	var out struct{ RuleArn string }
	if err := c.AWS(t.Context(), "PutRule", map[string]string{"Name": "r"}, &out); err != nil {
		t.Fatal(err)
	}
	if out.RuleArn != "arn:x" || *body != `{"Name":"r"}` {
		t.Errorf("got answer %q to %s, want arn:x to {\"Name\":\"r\"}", out.RuleArn, *body)
	}
	for name, want := range map[string]string{
		"X-Amz-Target": "AWSEvents.PutRule", "Content-Type": "application/x-amz-json-1.1", "User-Agent": "test", "Authorization": "",
	} {
		if got := last.Header.Get(name); got != want {
			t.Errorf("header %s: got %q, want %q", name, got, want)
		}
	}
	if last.Method != http.MethodPost || last.URL.Path != "/" {
		t.Errorf("got %s %s, want POST /", last.Method, last.URL.Path)
	}
}

func TestAWSSaysTheRegion(t *testing.T) {
	for _, tt := range []struct {
		name        string
		region      string
		credentials sigv4.Credentials
		want        string // in the scope of the signature; "" where there is none
	}{
		{"the server's own", "", sigv4.Credentials{}, ""},
		{"a region", "eu-west-1", sigv4.Credentials{}, "Credential=bailey/"},
		{"a region and credentials", "eu-west-1", sigv4.Credentials{AccessKeyID: "AKID", SecretAccessKey: "s"}, "Credential=AKID/"},
		{"credentials", "", sigv4.Credentials{AccessKeyID: "AKID", SecretAccessKey: "s"}, "/us-east-1/events/aws4_request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, last, _ := answering(t, http.StatusOK, `{}`)
			c.Region, c.Credentials = tt.region, tt.credentials
			if err := c.AWS(t.Context(), "ListRules", struct{}{}, nil); err != nil {
				t.Fatal(err)
			}
			got := last.Header.Get("Authorization")
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) || !strings.Contains(got, tt.region) {
				t.Errorf("got Authorization %q, want %q and region %q in it", got, tt.want, tt.region)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		answer string
		aws    bool
		want   client.Error // zero where it is no refusal
		text   string
	}{
		{"AWS refuses", 400, `{"__type": "com.amazonaws.events#ValidationException", "message": "no"}`, true,
			client.Error{Status: 400, Code: "ValidationException", Message: "no"}, "ValidationException: no"},
		{"the admin API refuses", 404, `{"error": "NotFound", "message": "no such"}`, false,
			client.Error{Status: 404, Code: "NotFound", Message: "no such"}, "NotFound: no such"},
		{"another server, AWS call", 404, "<html>", true, client.Error{}, "is no Bailey server: it answered 404 Not Found"},
		{"another server, admin call", 502, `{}`, false, client.Error{}, "is no Bailey server: it answered 502 Bad Gateway"},
		{"an answer that is no JSON", 200, "ok", false, client.Error{}, "reading the answer of http://"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, _, _ := answering(t, tt.status, tt.answer)
			var err error
			var out json.RawMessage
			if tt.aws {
				err = c.AWS(t.Context(), "PutRule", struct{}{}, &out)
			} else {
				err = c.Admin(t.Context(), http.MethodGet, "/apis", nil, nil, &out)
			}
			if err == nil || !strings.Contains(err.Error(), tt.text) {
				t.Fatalf("got error %v, want one that says %q", err, tt.text)
			}
			refusal, ok := errors.AsType[*client.Error](err)
			if ok != (tt.want != client.Error{}) || ok && *refusal != tt.want {
				t.Errorf("got refusal %+v, want %+v", refusal, tt.want)
			}
		})
	}
}

func TestWaitReadsAStateAlsoWhenTheTimeIsUp(t *testing.T) {
	c, last, _ := answering(t, http.StatusRequestTimeout, `{"eventId": "e", "settled": false, "deliveries": [{"status": "pending"}]}`)
	event, err := c.Wait(t.Context(), "e/1", 1500*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if event.Settled || len(event.Deliveries) != 1 || event.Deliveries[0].Status != "pending" {
		t.Errorf("got %+v, want one pending delivery", event)
	}
	if got, want := last.URL.EscapedPath()+"?"+last.URL.RawQuery, admin.Prefix+"/events/e%2F1/wait?timeout=1.5s"; got != want {
		t.Errorf("got path %s, want %s", got, want)
	}
}

func TestNobodyListens(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	err := (&client.Client{Endpoint: server.URL}).Admin(t.Context(), http.MethodGet, "/apis", nil, nil, nil)
	if err == nil || !strings.Contains(err.Error(), "no server answers at "+server.URL) {
		t.Errorf("got error %v, want one that says where no server answers", err)
	}
	err = (&client.Client{Endpoint: "127.0.0.1:4566"}).Admin(t.Context(), http.MethodGet, "/apis", nil, nil, nil)
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:4566") {
		t.Errorf("an endpoint without a scheme: got error %v, want one that names it", err)
	}
}

func TestInterrupted(t *testing.T) {
	c, _, _ := answering(t, http.StatusOK, `{}`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Admin(ctx, http.MethodGet, "/apis", nil, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want context.Canceled", err)
	}
}

func ExampleClient_AWS() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"RuleNames": ["orders"]}`)
	}))
	defer server.Close()

	c := &client.Client{Endpoint: server.URL, Region: "eu-central-1"}
	var out struct{ RuleNames []string }
	in := map[string]string{"TargetArn": "arn:aws:execute-api:eu-central-1:000000000000:petstore/prod/POST/orders"}
	if err := c.AWS(context.Background(), "ListRuleNamesByTarget", in, &out); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(out.RuleNames)
	// Output: [orders]
}
