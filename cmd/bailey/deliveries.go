package main

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"bailey/internal/admin"
	"bailey/internal/client"
)

// selection says which deliveries are meant.
type selection struct {
	Rule   string `help:"Only deliveries of this rule." placeholder:"NAME"`
	Target string `help:"Only deliveries to the target with this id." placeholder:"ID"`
	API    string `name:"api" help:"Only deliveries to this API." placeholder:"ID"`
	Bus    string `help:"Only deliveries from this event bus." placeholder:"NAME"`
}

func (s *selection) query(region string) url.Values {
	query := url.Values{}
	for name, value := range map[string]string{
		"rule": s.Rule, "target": s.Target, "api": s.API, "eventBusName": s.Bus, "region": region,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}

// deliveriesCommand lists the delivery log.
type deliveriesCommand struct {
	connection
	selection
	Event  string `help:"Only deliveries of this event." placeholder:"ID"`
	Status string `help:"Only deliveries that are pending, delivered or dead." placeholder:"STATUS"`
	Since  string `help:"Only events taken since then: a time (RFC 3339) or how long ago, such as 15m or 7d." placeholder:"WHEN"`
	Limit  int    `short:"n" default:"50" help:"How many at most."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// maxPage is how many deliveries the admin API gives at once.
const maxPage = 1000

// Run prints the deliveries, newest event first.
func (c *deliveriesCommand) Run(ctx context.Context, t *terminal) error {
	if c.Limit < 1 {
		return &usageError{"--limit must be 1 or more"}
	}
	query := c.query(c.Region)
	for name, value := range map[string]string{"eventId": c.Event, "status": c.Status, "since": c.Since} {
		if value != "" {
			query.Set(name, value)
		}
	}
	list, err := deliveries(ctx, c.client(), query, c.Limit)
	if err != nil {
		return err
	}
	if c.JSON {
		return t.out.json(list)
	}
	if len(list.Deliveries) == 0 {
		t.out.println(c.none())
		return nil
	}
	printDeliveries(t.out, list.Deliveries)
	if list.Next != "" {
		t.err.printf("There are more; --limit %d shows twice as many.\n", 2*c.Limit)
	}
	return nil
}

// deliveries reads pages of the log until there are limit deliveries or no more.
func deliveries(ctx context.Context, server *client.Client, query url.Values, limit int) (*admin.Deliveries, error) {
	all := &admin.Deliveries{Deliveries: []admin.Delivery{}}
	for {
		query.Set("limit", strconv.Itoa(min(limit-len(all.Deliveries), maxPage)))
		var page admin.Deliveries
		if err := server.Admin(ctx, http.MethodGet, "/deliveries", query, nil, &page); err != nil {
			return nil, err
		}
		all.Deliveries = append(all.Deliveries, page.Deliveries...)
		all.Next = page.Next
		if page.Next == "" || len(all.Deliveries) >= limit {
			return all, nil
		}
		query.Set("next", page.Next)
	}
}
