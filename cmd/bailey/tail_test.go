package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bailey"
	"bailey/internal/admin"
	"bailey/internal/client"
	"bailey/internal/daemon"
	"bailey/internal/request"
)

// startServer runs a server in this process, with an API whose first answer is 503, and returns its URL. One rule sends all
// events of the source shop to it.
func startServer(t *testing.T) string {
	t.Helper()
	var asked atomic.Int32
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(api.Close)
	server, err := daemon.Listen(t.Context(), daemon.Config{
		Router: bailey.Config{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)},
		Listen: "127.0.0.1:0",
		APIs:   []*request.API{{ID: "petstore", URL: api.URL}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("stopping the server: %v", err)
		}
	})
	c := &client.Client{Endpoint: server.URL()}
	for _, call := range []struct{ operation, in string }{
		{"PutRule", `{"Name": "orders", "EventPattern": "{\"source\": [\"shop\"]}"}`},
		{"PutTargets", `{"Rule": "orders", "Targets": [{"Id": "take", "Arn": "arn:aws:execute-api:us-east-1:000000000000:petstore/prod/POST/orders"}]}`},
	} {
		if err := c.AWS(t.Context(), call.operation, json.RawMessage(call.in), nil); err != nil {
			t.Fatal(err)
		}
	}
	return server.URL()
}

// TestTailFollowsADeliveryToItsEnd runs tail in this process, because a script cannot wait for a line of a program that goes on.
func TestTailFollowsADeliveryToItsEnd(t *testing.T) {
	url := startServer(t)
	ctx, interrupt := context.WithCancel(t.Context())
	read, write := io.Pipe()
	ended := make(chan int, 1)
	var complaint strings.Builder
	go func() {
		ended <- run(ctx, []string{"tail", "--endpoint", url, "--since", "1h"}, &terminal{out: &output{to: write}, err: &output{to: &complaint}})
		write.Close()
	}()

	var entry struct {
		Entries []struct {
			EventID string `json:"EventId"`
		}
	}
	err := (&client.Client{Endpoint: url}).AWS(t.Context(), "PutEvents",
		json.RawMessage(`{"Entries": [{"Source": "shop", "DetailType": "d", "Detail": "{}"}]}`), &entry)
	if err != nil {
		t.Fatal(err)
	}

	failed, delivered := false, false
	lines := bufio.NewScanner(read)
	for !delivered && lines.Scan() {
		line := lines.Text()
		if !strings.Contains(line, entry.Entries[0].EventID) || !strings.Contains(line, "orders/take") {
			t.Errorf("got line %q, want one about event %s and target orders/take", line, entry.Entries[0].EventID)
		}
		failed = failed || strings.Contains(line, "attempt 1: 503 ERROR_FROM_TARGET") && strings.Contains(line, "next at")
		delivered = strings.Contains(line, "delivered") && strings.Contains(line, "attempt 2: 200")
	}
	if !failed || !delivered {
		t.Errorf("got a failed attempt %v and a delivery %v, want both", failed, delivered)
	}
	interrupt()
	if code := <-ended; code != 0 {
		t.Errorf("interrupted: got exit code %d, want 0: %s", code, complaint.String())
	}
}

func TestTailJSON(t *testing.T) {
	url := startServer(t)
	ctx, interrupt := context.WithCancel(t.Context())
	read, write := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"tail", "--json", "--endpoint", url, "--since", "1h"}, &terminal{out: &output{to: write}, err: &output{to: io.Discard}})
	}()
	err := (&client.Client{Endpoint: url}).AWS(t.Context(), "PutEvents",
		json.RawMessage(`{"Entries": [{"Source": "shop", "DetailType": "d", "Detail": "{}"}]}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	var delivery struct{ Rule, TargetID string }
	if err := json.NewDecoder(read).Decode(&delivery); err != nil {
		t.Fatal(err)
	}
	if delivery.Rule != "orders" || delivery.TargetID != "take" {
		t.Errorf("got %+v, want rule orders and target take", delivery)
	}
	interrupt()
	read.Close() // whatever it still wants to print
	<-ended
}

// TestFollowerIsBounded holds that tail remembers no more than it may, whatever comes.
func TestFollowerIsBounded(t *testing.T) {
	f := &follower{command: &tailCommand{}, out: &output{to: io.Discard}, seen: map[string]*followed{}}
	for i := range maxFollowed + 100 {
		d := admin.Delivery{IdempotencyKey: strconv.Itoa(i), Status: "pending"}
		if err := f.show(&d, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if len(f.seen) != maxFollowed {
		t.Errorf("got %d remembered, want %d", len(f.seen), maxFollowed)
	}
}
