package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"

	"bailey/internal/admin"
)

// endpointsCommand lists how endpoints are doing.
type endpointsCommand struct {
	connection
	JSON bool `name:"json" help:"Print JSON."`
}

// Run prints the endpoints, a line each.
func (c *endpointsCommand) Run(ctx context.Context, t *terminal) error {
	var all admin.Endpoints
	if err := c.client().Admin(ctx, http.MethodGet, "/endpoints", nil, nil, &all); err != nil {
		return err
	}
	if c.JSON {
		return t.out.json(&all)
	}
	if len(all.Endpoints) == 0 {
		t.out.println("Nothing was sent to any API yet.")
		return nil
	}
	printEndpoints(t.out, all.Endpoints)
	return nil
}

// printEndpoints prints a line for each endpoint, and below one for each route of
// those that have more than one.
func printEndpoints(out *output, all []admin.Endpoint) {
	stage := func(e *admin.Endpoint) string { return cmp.Or(e.Stage, "any") }
	cells := func(of *admin.Traffic) []string {
		return []string{
			of.State, fmt.Sprint(of.InFlight), fmt.Sprint(of.Limit), fmt.Sprint(of.Queued), itoa(of.Waiting),
			fmt.Sprint(of.Failures), dash(of.ErrorCode), moment(of.ProbeAt),
		}
	}
	heads := []string{"STATE", "IN FLIGHT", "LIMIT", "QUEUED", "WAITING", "FAILURES", "LAST", "PROBE (UTC)"}
	rows := newTable(out, append([]string{"API", "STAGE"}, heads...)...)
	several := false
	for i := range all {
		e := &all[i]
		rows.row(append([]string{e.API, stage(e)}, cells(&e.Traffic)...)...)
		several = several || len(e.Routes) > 1
	}
	rows.flush()
	if !several {
		return
	}
	out.println("")
	rows = newTable(out, append([]string{"API", "STAGE", "ROUTE"}, heads...)...)
	more := 0
	for i := range all {
		e := &all[i]
		if len(e.Routes) < 2 {
			continue
		}
		for j := range e.Routes {
			rows.row(append([]string{e.API, stage(e), e.Routes[j].Route}, cells(&e.Routes[j].Traffic)...)...)
		}
		more += e.MoreRoutes
	}
	rows.flush()
	if more > 0 {
		out.println(fmt.Sprintf("%d more routes are not shown.", more))
	}
}

// endpointOf names an API, or one of its stages.
type endpointOf struct {
	connection
	API   string  `arg:"" name:"api" help:"Id of the API."`
	Stage *string `help:"Only this stage, one with a URL of its own; all of the API's if left out." placeholder:"NAME"`
}

func (e *endpointOf) tell(ctx context.Context, t *terminal, what string) error {
	query := url.Values{}
	if e.Stage != nil {
		query.Set("stage", *e.Stage)
	}
	var all admin.Endpoints
	if err := e.client().Admin(ctx, http.MethodPost, "/endpoints/"+url.PathEscape(e.API)+"/"+what, query, nil, &all); err != nil {
		return err
	}
	printEndpoints(t.out, all.Endpoints)
	return nil
}

type pauseCommand struct{ endpointOf }

// Run holds deliveries to an API back.
func (c *pauseCommand) Run(ctx context.Context, t *terminal) error { return c.tell(ctx, t, "pause") }

type resumeCommand struct{ endpointOf }

// Run sends what was held back.
func (c *resumeCommand) Run(ctx context.Context, t *terminal) error { return c.tell(ctx, t, "resume") }
