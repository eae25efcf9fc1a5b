package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"bailey/internal/admin"
	"bailey/internal/request"
)

// apiCommands work on the registry of REST APIs.
type apiCommands struct {
	Put    apiPutCommand    `cmd:"" help:"Register a REST API, or register it anew."`
	Get    apiGetCommand    `cmd:"" help:"Show a registration."`
	List   apiListCommand   `cmd:"" help:"List registrations."`
	Delete apiDeleteCommand `cmd:"" help:"Remove a registration. Deliveries that wait for it end as NO_RESOURCE."`
}

type apiPutCommand struct {
	connection
	ID             string            `arg:"" help:"Id, as in the ARN of targets."`
	URL            string            `name:"url" help:"Where a stage leads that has no URL of its own." placeholder:"URL"`
	Stage          map[string]string `mapsep:"none" help:"A stage with a URL of its own; may be repeated." placeholder:"NAME=URL"`
	DefaultStage   string            `help:"Stage of targets whose ARN has * for it." placeholder:"NAME"`
	Regions        []string          `help:"Regions whose ARNs lead to this API, or * for all; that of the target's rule if left out." placeholder:"REGION,..."`
	EndpointType   string            `help:"EDGE, REGIONAL or PRIVATE." placeholder:"TYPE"`
	Timeout        time.Duration     `help:"Limit of one request, up to 300s; 5s if left out." placeholder:"DURATION"`
	MaxConcurrency int               `help:"Requests under way at once; 64 if left out." placeholder:"N"`
	RateLimit      float64           `help:"Requests begun in a second; no limit if left out." placeholder:"N"`
	TrailingSlash  bool              `help:"Send paths with a slash at their end."`
	IAM            bool              `name:"iam" help:"Sign requests with the credentials of the target's role (AWS_IAM)."`
	From           string            `help:"File with a registration as JSON, - for standard input; flags come before it." placeholder:"FILE"`
}

// Help is what --help says beyond the list of flags.
func (apiPutCommand) Help() string {
	return `A registration with a secret (API_KEY, HEADER) comes from a file or standard input, so that the secret is not seen in the
list of processes: {"url": "...", "authorization": {"type": "API_KEY", "apiKey": "..."}}`
}

// Run registers the API.
func (c *apiPutCommand) Run(ctx context.Context, t *terminal) error {
	api, err := c.registration(t)
	if err != nil {
		return err
	}
	if err := c.client().Admin(ctx, http.MethodPut, "/apis/"+url.PathEscape(c.ID), nil, api, nil); err != nil {
		return err
	}
	t.out.printf("API %s is registered. The ARN of a target: arn:aws:execute-api:REGION:ACCOUNT:%s/STAGE/METHOD/PATH\n", c.ID, c.ID)
	return nil
}

func (c *apiPutCommand) registration(t *terminal) (*request.API, error) {
	api := &request.API{}
	if c.From != "" {
		text, err := readInput(t, c.From)
		if err != nil {
			return nil, err
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		err = decoder.Decode(api)
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("the registration in %s: there is none", c.From)
		}
		if err != nil {
			return nil, fmt.Errorf("the registration in %s: %s", c.From, strings.TrimPrefix(err.Error(), "json: "))
		}
		if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("the registration in %s: there is more after it", c.From)
		}
	}
	api.ID = c.ID
	if c.URL != "" {
		api.URL = c.URL
	}
	for name, address := range c.Stage {
		if api.Stages == nil {
			api.Stages = make(map[string]request.Stage)
		}
		api.Stages[name] = request.Stage{URL: address}
	}
	if c.DefaultStage != "" {
		api.DefaultStage = c.DefaultStage
	}
	if len(c.Regions) > 0 {
		api.Regions = c.Regions
	}
	if c.EndpointType != "" {
		api.EndpointType = c.EndpointType
	}
	if c.Timeout != 0 {
		api.TimeoutSeconds = c.Timeout.Seconds()
	}
	if c.MaxConcurrency != 0 {
		api.MaxConcurrency = c.MaxConcurrency
	}
	if c.RateLimit != 0 {
		api.RateLimitPerSecond = c.RateLimit
	}
	api.TrailingSlash = api.TrailingSlash || c.TrailingSlash
	if c.IAM {
		api.Authorization = &request.Authorization{Type: request.AuthIAM}
	}
	return api, nil
}

type apiGetCommand struct {
	connection
	ID string `arg:"" help:"Id of the API."`
}

// Run prints the registration as JSON, its secret masked.
func (c *apiGetCommand) Run(ctx context.Context, t *terminal) error {
	var api request.API
	if err := c.client().Admin(ctx, http.MethodGet, "/apis/"+url.PathEscape(c.ID), nil, nil, &api); err != nil {
		return err
	}
	return t.out.json(&api)
}

type apiListCommand struct {
	connection
	JSON bool `name:"json" help:"Print JSON."`
}

// Run prints the registrations, a line for each place that one leads to.
func (c *apiListCommand) Run(ctx context.Context, t *terminal) error {
	var list admin.APIs
	if err := c.client().Admin(ctx, http.MethodGet, "/apis", nil, nil, &list); err != nil {
		return err
	}
	if c.JSON {
		return t.out.json(list)
	}
	if len(list.APIs) == 0 {
		t.out.println("No API is registered. Register one: bailey api put petstore --url http://127.0.0.1:9000")
		return nil
	}
	rows := newTable(t.out, "API", "STAGE", "URL", "TYPE", "AUTHORIZATION")
	for _, text := range list.APIs {
		var api request.API
		if err := json.Unmarshal(text, &api); err != nil {
			return fmt.Errorf("reading a registration: %w", err)
		}
		authorization := request.AuthNone
		if api.Authorization != nil {
			authorization = api.Authorization.String()
		}
		kind := api.EndpointType
		if kind == "" {
			kind = request.Regional
		}
		if api.URL != "" {
			rows.row(api.ID, "any", api.URL, kind, authorization)
		}
		for _, name := range sortedKeys(api.Stages) {
			rows.row(api.ID, name, api.Stages[name].URL, kind, authorization)
		}
	}
	rows.flush()
	return nil
}

type apiDeleteCommand struct {
	connection
	ID string `arg:"" help:"Id of the API."`
}

// Run removes the registration.
func (c *apiDeleteCommand) Run(ctx context.Context, t *terminal) error {
	if err := c.client().Admin(ctx, http.MethodDelete, "/apis/"+url.PathEscape(c.ID), nil, nil, nil); err != nil {
		return err
	}
	t.out.printf("API %s is not registered any more.\n", c.ID)
	return nil
}
