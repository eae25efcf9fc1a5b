package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"bailey/internal/admin"
)

// deadLettersCommands look at what dead-letter queues hold, and remove it. The redrive command sends it again.
type deadLettersCommands struct {
	List  deadLettersCommand      `cmd:"" default:"withargs" help:"List messages, oldest first. That is what dead-letters alone does."`
	Show  deadLettersShowCommand  `cmd:"" help:"Show one message with its attributes."`
	Purge deadLettersPurgeCommand `cmd:"" help:"Remove messages for good. Their deliveries stay in the log."`
}

// deadLettersCommand lists dead letters.
type deadLettersCommand struct {
	connection
	undelivered
	Event string `help:"Only those of this event." placeholder:"ID"`
	Limit int    `short:"n" default:"50" help:"How many at most."`
	JSON  bool   `name:"json" help:"Print JSON."`
}

// Run prints the dead letters, oldest first.
func (c *deadLettersCommand) Run(ctx context.Context, t *terminal) error {
	if c.Limit < 1 {
		return &usageError{"--limit must be 1 or more"}
	}
	query := c.query(c.Event, c.Region)
	all := &admin.DeadLetters{DeadLetters: []admin.DeadLetter{}}
	for server := c.client(); ; query.Set("next", all.Next) {
		query.Set("limit", strconv.Itoa(min(c.Limit-len(all.DeadLetters), maxPage)))
		var page admin.DeadLetters
		if err := server.Admin(ctx, http.MethodGet, "/dead-letters", query, nil, &page); err != nil {
			return err
		}
		all.DeadLetters = append(all.DeadLetters, page.DeadLetters...)
		if all.Next = page.Next; page.Next == "" || len(all.DeadLetters) >= c.Limit {
			break
		}
	}
	if c.JSON {
		return t.out.json(all)
	}
	if len(all.DeadLetters) == 0 {
		t.out.println("There are none.")
		return nil
	}
	rows := newTable(t.out, "ID", "GIVEN UP (UTC)", "EVENT", "RULE", "QUEUE", "RETRIES", "ERROR", "MESSAGE")
	for i := range all.DeadLetters {
		d := &all.DeadLetters[i]
		rows.row(itoa(d.ID), moment(&d.At), d.EventID, d.Rule, d.Queue, cmp.Or(d.Attributes["RETRY_ATTEMPTS"], "-"), d.Attributes["ERROR_CODE"], d.Attributes["ERROR_MESSAGE"])
	}
	rows.flush()
	if all.Next != "" {
		t.err.printf("There are more; --limit %d shows twice as many.\n", 2*c.Limit)
	}
	return nil
}

type deadLettersShowCommand struct {
	connection
	ID   int64 `arg:"" help:"Id of the message, as dead-letters list shows it."`
	JSON bool  `name:"json" help:"Print JSON."`
}

// Run prints one message.
func (c *deadLettersShowCommand) Run(ctx context.Context, t *terminal) error {
	var d admin.DeadLetter
	if err := c.client().Admin(ctx, http.MethodGet, "/dead-letters/"+itoa(c.ID), nil, nil, &d); err != nil {
		return err
	}
	if c.JSON {
		return t.out.json(&d)
	}
	t.out.printf("%s in %s\n", t.paint.Bold(fmt.Sprint("Dead letter ", d.ID)), printable(d.Queue))
	t.out.printf("  given up  %s UTC\n", moment(&d.At))
	t.out.printf("  event     %s\n", d.EventID)
	for _, name := range slices.Sorted(maps.Keys(d.Attributes)) {
		t.out.printf("  %s  %s\n", name, printable(d.Attributes[name]))
	}
	if d.TraceHeader != "" {
		t.out.printf("  trace     %s\n", printable(d.TraceHeader))
	}
	t.out.printf("  next      bailey redrive --dead-letter %d sends the event again; bailey event %s says what was tried\n", d.ID, d.EventID)
	text := d.Text
	if text == "" {
		text = string(d.Body)
	}
	t.out.printf("\n%s\n", printableLines(text))
	return nil
}

type deadLettersPurgeCommand struct {
	connection
	undelivered
	Event string `help:"Only those of this event." placeholder:"ID"`
	All   bool   `help:"All messages in all queues; of one region, where one is said."`
}

// Run removes messages.
func (c *deadLettersPurgeCommand) Run(ctx context.Context, t *terminal) error {
	if named := c.named() || c.Event != ""; named == c.All {
		return &usageError{"say which messages to remove, or --all, and not both"}
	}
	ask := admin.PurgeRequest{Undelivered: c.of(c.Event, c.Region), All: c.All}
	var purged admin.Purged
	if err := c.client().Admin(ctx, http.MethodPost, "/dead-letters/purge", nil, ask, &purged); err != nil {
		return err
	}
	where := ""
	if c.All && c.Region != "" {
		where = " of " + c.Region // which may be the environment's word
	}
	t.out.printf("%s%s removed.\n", count(purged.Purged, "message"), where)
	return nil
}
