package main

import (
	"encoding/json"
	"fmt"
	"io"
)

// output is where a command prints. It remembers the first failure, so that whoever prints need not look: run does, in the
// end.
type output struct {
	to     io.Writer
	failed error
}

// Write writes, unless writing has failed before.
func (o *output) Write(p []byte) (int, error) {
	if o.failed != nil {
		return 0, o.failed
	}
	n, err := o.to.Write(p)
	if err != nil {
		o.failed = fmt.Errorf("printing: %w", err)
	}
	return n, o.failed
}

// The failures of these are remembered by Write.

func (o *output) printf(format string, args ...any) { _, _ = fmt.Fprintf(o, format, args...) }

func (o *output) println(args ...any) { _, _ = fmt.Fprintln(o, args...) }

// json prints a value as JSON of several lines.
func (o *output) json(value any) error { return o.encode(value, "  ") }

// jsonLine prints a value as JSON on one line.
func (o *output) jsonLine(value any) error { return o.encode(value, "") }

func (o *output) encode(value any, indent string) error {
	encoder := json.NewEncoder(o)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	return encoder.Encode(value)
}
