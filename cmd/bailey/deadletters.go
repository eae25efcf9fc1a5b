package main

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"bailey/internal/admin"
)

// deadLettersCommand lists dead letters.
type deadLettersCommand struct {
	connection
	Queue string `help:"Only those of the queue with this ARN." placeholder:"ARN"`
	Limit int    `short:"n" default:"50" help:"How many at most."`
	JSON  bool   `name:"json" help:"Print JSON."`
}

// Run prints the dead letters, oldest first.
func (c *deadLettersCommand) Run(ctx context.Context, t *terminal) error {
	if c.Limit < 1 {
		return &usageError{"--limit must be 1 or more"}
	}
	query := url.Values{}
	if c.Queue != "" {
		query.Set("queue", c.Queue)
	}
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
	rows := newTable(t.out, "GIVEN UP (UTC)", "EVENT", "QUEUE", "RETRIES", "ERROR", "MESSAGE")
	for i := range all.DeadLetters {
		d := &all.DeadLetters[i]
		rows.row(moment(&d.At), d.EventID, d.Queue, d.Attributes["RETRY_ATTEMPTS"], d.Attributes["ERROR_CODE"], d.Attributes["ERROR_MESSAGE"])
	}
	rows.flush()
	if all.Next != "" {
		t.err.printf("There are more; --limit %d shows twice as many.\n", 2*c.Limit)
	}
	return nil
}
