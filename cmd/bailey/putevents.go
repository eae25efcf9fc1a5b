package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"bailey/internal/client"
	"bailey/internal/event"
)

// putEventsCommand puts events on a bus.
type putEventsCommand struct {
	connection
	Source      string    `help:"Source of the event. Without it, entries are read from standard input." placeholder:"TEXT"`
	DetailType  string    `help:"Detail type of the event." placeholder:"TEXT"`
	Detail      string    `help:"Detail of the event, a JSON object." default:"{}" placeholder:"JSON"`
	Bus         string    `help:"Event bus, by name or ARN; default if left out." placeholder:"BUS"`
	Resource    []string  `sep:"none" help:"A resource of the event; may be repeated." placeholder:"TEXT"`
	Time        time.Time `help:"When it happened (RFC 3339); now if left out." placeholder:"TIME"`
	TraceHeader string    `help:"X-Ray trace header, passed on to targets." placeholder:"TEXT"`
	JSON        bool      `name:"json" help:"Print JSON, a line for each entry."`
}

// Help is what --help says beyond the list of flags.
func (putEventsCommand) Help() string {
	return `Prints the id of each event that was taken, in the order of the entries; when it prints one, that event is on disk with all
its deliveries. An entry on standard input is a JSON object with the members of the AWS API: Source, DetailType, Detail
(an object, or a string that holds one), EventBusName, Resources, Time, TraceHeader. Entries may stand one after the
other, in an array, or in {"Entries": [...]}. They are put ten at a time.`
}

// putEntry is an entry of PutEvents as AWS's API has it.
type putEntry struct {
	Source       string          `json:",omitempty"`
	DetailType   string          `json:",omitempty"`
	Detail       json.RawMessage `json:",omitempty"` // a string by the time it is sent
	EventBusName string          `json:",omitempty"`
	Resources    []string        `json:",omitempty"`
	Time         json.RawMessage `json:",omitempty"` // a number or a text
	TraceHeader  string          `json:",omitempty"`
}

// Run puts the events.
func (c *putEventsCommand) Run(ctx context.Context, t *terminal) error {
	p := &putter{client: c.client(), out: t.out, err: t.err, json: c.JSON}
	if c.Source != "" {
		entry, err := c.entry()
		if err != nil {
			return err
		}
		if err := p.add(ctx, entry); err != nil {
			return err
		}
		return p.end(ctx)
	}
	if c.DetailType != "" {
		return &usageError{"--detail-type needs --source"}
	}
	decoder := json.NewDecoder(t.in)
	for {
		var next json.RawMessage
		err := decoder.Decode(&next)
		if errors.Is(err, io.EOF) {
			return p.end(ctx)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("reading entries from standard input: %w", err), p.end(ctx))
		}
		entries, err := readEntries(next, c.Bus)
		if err != nil {
			return errors.Join(err, p.end(ctx))
		}
		for _, entry := range entries {
			if err := p.add(ctx, entry); err != nil {
				return err
			}
		}
		// Where input trickles in, nothing waits for the tenth entry.
		if idle(decoder) {
			if err := p.flush(ctx); err != nil {
				return err
			}
		}
	}
}

// idle reports whether all that was read so far has been decoded.
func idle(decoder *json.Decoder) bool {
	rest, err := io.ReadAll(decoder.Buffered())
	return err == nil && strings.TrimSpace(string(rest)) == ""
}

func (c *putEventsCommand) entry() (*putEntry, error) {
	entry := &putEntry{
		Source: c.Source, DetailType: c.DetailType, EventBusName: c.Bus, Resources: c.Resource, TraceHeader: c.TraceHeader,
	}
	var err error
	if entry.Detail, err = json.Marshal(c.Detail); err != nil {
		return nil, fmt.Errorf("encoding the detail: %w", err)
	}
	if !c.Time.IsZero() {
		entry.Time = json.RawMessage(fmt.Sprint(c.Time.Unix()))
	}
	return entry, nil
}

// readEntries reads an entry, an array of entries, or a whole request. An entry without an event bus gets bus.
func readEntries(text json.RawMessage, bus string) ([]*putEntry, error) {
	var request struct{ Entries []*putEntry }
	switch {
	case text[0] == '[':
		if err := json.Unmarshal(text, &request.Entries); err != nil {
			return nil, fmt.Errorf("reading entries: %w", err)
		}
	default:
		if err := json.Unmarshal(text, &request); err != nil {
			return nil, fmt.Errorf("reading an entry: %w", err)
		}
		if request.Entries == nil {
			entry := new(putEntry)
			if err := json.Unmarshal(text, entry); err != nil {
				return nil, fmt.Errorf("reading an entry: %w", err)
			}
			request.Entries = []*putEntry{entry}
		}
	}
	for i, entry := range request.Entries {
		if entry == nil {
			return nil, fmt.Errorf("entry %d is null", i+1)
		}
		if len(entry.Detail) > 0 && entry.Detail[0] == '{' {
			detail, err := json.Marshal(string(entry.Detail))
			if err != nil {
				return nil, fmt.Errorf("encoding a detail: %w", err)
			}
			entry.Detail = detail
		}
		if entry.EventBusName == "" {
			entry.EventBusName = bus
		}
	}
	return request.Entries, nil
}

// putter puts entries, as many in one call as the API takes.
type putter struct {
	client  *client.Client
	out     *output
	err     *output
	json    bool
	entries []*putEntry
	size    int // of their JSON, which is not less than what the API counts
	number  int // of the entries before them
	failed  int
}

func (p *putter) add(ctx context.Context, entry *putEntry) error {
	size := len(entry.Source) + len(entry.DetailType) + len(entry.Detail) + 14
	for _, resource := range entry.Resources {
		size += len(resource)
	}
	if len(p.entries) == event.MaxEntries || p.size+size > event.MaxTotalSize {
		if err := p.flush(ctx); err != nil {
			return err
		}
	}
	p.entries = append(p.entries, entry)
	p.size += size
	return nil
}

func (p *putter) flush(ctx context.Context) error {
	if len(p.entries) == 0 {
		return nil
	}
	var answer struct{ Entries []putResult }
	if err := p.client.AWS(ctx, "PutEvents", map[string]any{"Entries": p.entries}, &answer); err != nil {
		return fmt.Errorf("putting entries %d to %d: %w", p.number+1, p.number+len(p.entries), err)
	}
	if len(answer.Entries) != len(p.entries) {
		return fmt.Errorf("the server answered for %d entries, not for %d", len(answer.Entries), len(p.entries))
	}
	for _, result := range answer.Entries {
		p.number++
		if err := p.print(result); err != nil {
			return err
		}
	}
	p.entries, p.size = p.entries[:0], 0
	return nil
}

// putResult is the API's answer for one entry.
type putResult struct {
	EventID      string `json:"EventId,omitempty"`
	ErrorCode    string `json:",omitempty"`
	ErrorMessage string `json:",omitempty"`
}

func (p *putter) print(result putResult) error {
	if result.EventID == "" {
		p.failed++
		if !p.json {
			p.err.printf("entry %d was not taken: %s: %s\n", p.number, result.ErrorCode, result.ErrorMessage)
			return nil
		}
	}
	if p.json {
		return p.out.jsonLine(result)
	}
	p.out.println(result.EventID)
	return nil
}

// end puts what is left, and returns an error if any entry was not taken.
func (p *putter) end(ctx context.Context) error {
	if err := p.flush(ctx); err != nil {
		return err
	}
	if p.failed > 0 {
		return fmt.Errorf("%d of %d entries were not taken", p.failed, p.number)
	}
	return nil
}
