package main

import (
	"bufio"
	"io"
	"strings"
	"testing"
)

// TestMatchLongLine answers a line that is too long and goes on with the next.
func TestMatchLongLine(t *testing.T) {
	const question = `{"event":"{\"id\":\"1\",\"account\":\"000000000000\",\"source\":\"shop\",\"time\":\"2026-09-01T10:00:00Z\",\"region\":\"us-east-1\",\"detail-type\":\"sold\",\"a\":1}","pattern":"{\"a\":[1]}"}` + "\n"
	var out strings.Builder
	in := question + strings.Repeat("x", maxMatchLine+1) + "\n" + question
	if err := (matchCommand{}).Run(&terminal{in: strings.NewReader(in), out: &output{to: &out}}); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "true\n"+badLine+"\ntrue\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestMatchAnswersAtOnce has a program that asks, waits for the answer, and has the next question half written.
func TestMatchAnswersAtOnce(t *testing.T) {
	in, ask := io.Pipe()
	answers, out := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- (matchCommand{}).Run(&terminal{in: in, out: &output{to: out}}) }()
	if _, err := io.WriteString(ask, `{"event":"{\"id\":\"1\",\"account\":\"000000000000\",\"source\":\"shop\",\"time\":\"2026-09-01T10:00:00Z\",\"region\":\"us-east-1\",\"detail-type\":\"sold\"}","pattern":"{\"a\":[1]}"}`+"\n"+`{"event":`); err != nil {
		t.Fatal(err)
	}
	if got, err := bufio.NewReader(answers).ReadString('\n'); got != "false\n" || err != nil {
		t.Errorf("got %q, %v, want false", got, err)
	}
	go io.Copy(io.Discard, answers)
	ask.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
