package main

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"bailey/internal/admin"
	"bailey/internal/client"
)

// eventsCommand finds events.
type eventsCommand struct {
	connection
	Text      string `arg:"" optional:"" help:"Only events whose JSON has this text in it, such as an order's number."`
	Pattern   string `short:"p" help:"Only events that this event pattern matches." placeholder:"JSON"`
	Unmatched bool   `help:"Only events that went to no target."`
	Bus       string `help:"Only events on this event bus." placeholder:"NAME"`
	Since     string `help:"Only events taken since then: a time (RFC 3339) or how long ago, such as 15m." placeholder:"WHEN"`
	Limit     int    `short:"n" default:"50" help:"How many at most."`
	JSON      bool   `name:"json" help:"Print JSON."`
}

// Help is what --help says beyond the list of flags.
func (eventsCommand) Help() string {
	return `Events are kept for the retention, 72 hours if nobody said otherwise. bailey event ID shows all about one of them.`
}

// Run prints the events, newest first.
func (c *eventsCommand) Run(ctx context.Context, t *terminal) error {
	if c.Limit < 1 {
		return &usageError{"--limit must be 1 or more"}
	}
	query := url.Values{}
	for name, value := range map[string]string{
		"containing": c.Text, "pattern": c.Pattern, "eventBusName": c.Bus, "since": c.Since, "region": c.Region,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if c.Unmatched {
		query.Set("unmatched", "true")
	}
	list, err := events(ctx, c.client(), query, c.Limit)
	if err != nil {
		return err
	}
	if c.JSON {
		return t.out.json(list)
	}
	if len(list.Events) == 0 {
		t.out.println(c.none())
		return nil
	}
	rows := newTable(t.out, "TAKEN (UTC)", "EVENT", "BUS", "SOURCE", "DETAIL TYPE", "FOR")
	for i := range list.Events {
		e := &list.Events[i]
		targets := make([]string, len(e.Targets))
		for j, to := range e.Targets {
			targets[j] = to.Rule + "/" + to.TargetID
		}
		rows.row(moment(&e.IngestedAt), e.EventID, e.EventBusName, e.Source, e.DetailType, dash(strings.Join(targets, " ")))
	}
	rows.flush()
	if list.Next != "" {
		t.err.printf("There may be more; --limit %d looks for twice as many.\n", 2*c.Limit)
	}
	return nil
}

// events reads pages until there are limit events or no more.
func events(ctx context.Context, server *client.Client, query url.Values, limit int) (*admin.Events, error) {
	all := &admin.Events{Events: []admin.FoundEvent{}}
	for {
		query.Set("limit", strconv.Itoa(min(limit-len(all.Events), maxPage)))
		var page admin.Events
		if err := server.Admin(ctx, http.MethodGet, "/events", query, nil, &page); err != nil {
			return nil, err
		}
		all.Events = append(all.Events, page.Events...)
		all.Next = page.Next
		if page.Next == "" || len(all.Events) >= limit {
			return all, nil
		}
		query.Set("next", page.Next)
	}
}
