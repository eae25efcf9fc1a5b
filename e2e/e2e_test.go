package e2e

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestSink(t *testing.T) {
	sink := NewSink(t)
	sink.Answer(Answer{Status: http.StatusTeapot, Header: map[string]string{"Retry-After": "7"}, Body: "short and stout"})
	for _, want := range []struct {
		status     int
		retryAfter string
		body       string
	}{
		{http.StatusTeapot, "7", "short and stout"},
		{http.StatusOK, "", ""},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, sink.URL+"/a%2Fb?x=%20", strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Colour", "red")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != want.status || response.Header.Get("Retry-After") != want.retryAfter || string(body) != want.body {
			t.Errorf("got %d %q %q, want %+v", response.StatusCode, response.Header.Get("Retry-After"), body, want)
		}
		got := sink.Next(t)
		if got.Method != http.MethodPost || got.URI != "/a%2Fb?x=%20" || got.Header.Get("X-Colour") != "red" || string(got.Body) != "body" {
			t.Errorf("recorded %+v", got)
		}
	}
	sink.None(t)
}

// A request that is never answered ends when its caller goes away, and the sink tells when that was.
func TestSinkThatNeverAnswers(t *testing.T) {
	sink := NewSink(t)
	sink.Answer(Answer{Never: true})
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, sink.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			response.Body.Close()
		}
		failed <- err
	}()
	got := sink.Next(t)
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if cut := <-got.Cut; cut.Before(got.Arrived) {
		t.Errorf("cut at %v, before it arrived at %v", cut, got.Arrived)
	}
}

func TestMismatch(t *testing.T) {
	for _, test := range []struct {
		name      string
		got, want any
		mismatch  string
	}{
		{"equal", Object{"a": List{1, "b", true}}, Object{"a": List{1.0, "b", true}}, ""},
		{"more members than wanted", Object{"a": 1, "b": 2}, Object{"a": 1}, ""},
		{"a member is missing", Object{}, Object{"a": Object{"b": 1}}, ".a: is missing, want map[b:1]"},
		{"a member that must not be there is not", Object{}, Object{"a": nil}, ""},
		{"a member that must not be there is", Object{"a": 1}, Object{"a": nil}, ".a: got 1, want <nil>"},
		{"a longer list", Object{"a": List{1, 2}}, Object{"a": List{1}}, ".a: got [1 2], want a list of 1"},
		{"no list", Object{"a": "x"}, Object{"a": List{}}, ".a: got x, want a list of 0"},
		{"deep inside", List{Object{"a": List{1, 2}}}, List{Object{"a": List{1, 3}}}, "[0].a[1]: got 2, want 3"},
		{"no object", 1, Object{}, ": got 1, want an object"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Mismatch(test.got, test.want); got != test.mismatch {
				t.Errorf("got %q, want %q", got, test.mismatch)
			}
		})
	}
}

func TestKebab(t *testing.T) {
	for name, want := range map[string]string{
		"PutRule": "put-rule", "ListTargetsByRule": "list-targets-by-rule", "Ids": "ids", "EventBusName": "event-bus-name",
	} {
		if got := kebab(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestCLIError(t *testing.T) {
	for _, test := range []struct{ name, stderr, code, message string }{
		{"version 1", "\nAn error occurred (ValidationException) when calling the PutRule operation: No: such (thing)\n",
			"ValidationException", "No: such (thing)"},
		{"version 2, after retries", "aws: [ERROR]: An error occurred (InternalException) when calling the PutRule operation (reached max retries: 2): x",
			"InternalException", "x"},
	} {
		t.Run(test.name, func(t *testing.T) {
			parts := cliError.FindStringSubmatch(test.stderr)
			if parts == nil || parts[1] != test.code || strings.TrimSpace(parts[2]) != test.message {
				t.Errorf("got %q, want %s: %s", parts, test.code, test.message)
			}
		})
	}
}
