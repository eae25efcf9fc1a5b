package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"bailey"
	"bailey/internal/request"
	"bailey/internal/retry"
	"bailey/internal/sigv4"
)

// environment stands for the process's.
func environment(name string) (string, bool) {
	value, ok := map[string]string{"SECRET": "s3cret", "DIR": "/data", "EMPTY": ""}[name]
	return value, ok
}

const wholeConfig = `
data: ${DIR}
listen: 0.0.0.0:4566
account: 012345678901
region: eu-central-1
allowUnauthenticated: true
passThrough: true
grace: 20s
log: {format: json, level: debug}
retention: {settled: 24h, dead: 720h, maxBytes: 10GiB}
quotas: {busesPerRegion: 10, rulesPerBus: 2000, targetsPerRule: 20, eventPattern: 4096}
limits: {bodyBytes: 1MiB, bodiesBytes: 32MiB, connections: 100, queuedDeliveries: 1000, queuedBytes: 33554432, inFlight: 500, renderedBytes: 16MiB}
egress:
  allow: [10.0.0.0/8]
  deny: [10.9.0.0/16, 10.8.0.1]
replays: {starting: 5s}
origins: ["https://console.example.com"]
hosts: [bailey.example.com]
credentials:
  "*": {accessKeyId: AKIDANY, secretAccessKey: "${SECRET}"}
  arn:aws:iam::012345678901:role/deliver:
    accessKeyId: AKIDDELIVER
    secretAccessKey: plain
    sessionToken: token
deadLetters:
  forward: {endpoint: "https://sqs.eu-central-1.amazonaws.com", accessKeyId: AKIDSEND, secretAccessKey: "${SECRET}", sessionToken: t}
apis:
  petstore: &petstore
    url: http://127.0.0.1:9000
    stages: {prod: {url: "https://pets.example.com"}}
    defaultStage: prod
    endpointType: EDGE
    timeoutSeconds: 2.5
    maxConcurrency: 8
    rateLimitPerSecond: 10
    trailingSlash: true
    authorization: {type: HEADER, name: X-Token, value: "${SECRET}"}
    openapi: {openapi: "3.0.1", info: {version: 2026-01-02}, paths: {/pets: {get: {responses: {200: {description: ok}}}}}}
  again:
    url: http://127.0.0.1:9001
`

func TestParseConfigReadsEverything(t *testing.T) {
	c, err := parseConfig([]byte(wholeConfig), environment)
	if err != nil {
		t.Fatal(err)
	}
	settings, err := (&serveCommand{}).settings(c, &output{})
	if err != nil {
		t.Fatal(err)
	}
	router := settings.Router
	for _, tt := range []struct {
		name      string
		got, want any
	}{
		{"forward", *router.Forward, bailey.Forward{Endpoint: "https://sqs.eu-central-1.amazonaws.com",
			Credentials: sigv4.Credentials{AccessKeyID: "AKIDSEND", SecretAccessKey: "s3cret", SessionToken: "t"}}},
		{"data", router.Dir, "/data"},
		{"listen", settings.Listen, "0.0.0.0:4566"},
		{"account", router.Account, "012345678901"},
		{"region", router.Region, "eu-central-1"},
		{"allowUnauthenticated", settings.AllowUnauthenticated, true},
		{"passThrough", router.PassThrough, true},
		{"grace", settings.GraceTime, 20 * time.Second},
		{"retention.settled", router.Retention, 24 * time.Hour},
		{"retention.dead", router.DeadRetention, 720 * time.Hour},
		{"retention.maxBytes", router.MaxBytes, int64(10 << 30)},
		{"quotas.busesPerRegion", router.Quotas.BusesPerRegion, 10},
		{"quotas.rulesPerBus", router.Quotas.RulesPerBus, 2000},
		{"quotas.targetsPerRule", router.Quotas.TargetsPerRule, 20},
		{"quotas.eventPattern", router.Quotas.EventPattern, 4096},
		{"limits.bodyBytes", settings.MaxBodyBytes, int64(1 << 20)},
		{"limits.bodiesBytes", settings.MaxBodiesBytes, int64(32 << 20)},
		{"limits.connections", settings.MaxConnections, 100},
		{"limits.queuedDeliveries", router.MaxQueued, 1000},
		{"limits.queuedBytes", router.MaxQueuedBytes, int64(32 << 20)},
		{"limits.inFlight", router.MaxInFlight, 500},
		{"limits.renderedBytes", router.MaxRenderedBytes, int64(16 << 20)},
		{"egress.allow", router.Allow, []string{"10.0.0.0/8"}},
		{"egress.deny", router.Deny, []string{"10.9.0.0/16", "10.8.0.1"}},
		{"replays.starting", router.ReplayStart, 5 * time.Second},
		{"origins", settings.Origins, []string{"https://console.example.com"}},
		{"hosts", settings.Hosts, []string{"bailey.example.com"}},
		{"credentials", c.credentials, map[string]sigv4.Credentials{
			"*":                                      {AccessKeyID: "AKIDANY", SecretAccessKey: "s3cret"},
			"arn:aws:iam::012345678901:role/deliver": {AccessKeyID: "AKIDDELIVER", SecretAccessKey: "plain", SessionToken: "token"},
		}},
		{"apis", settings.APIs, []*request.API{
			{ID: "again", URL: "http://127.0.0.1:9001"},
			{
				ID: "petstore", URL: "http://127.0.0.1:9000", Stages: map[string]request.Stage{"prod": {URL: "https://pets.example.com"}},
				DefaultStage: "prod", EndpointType: "EDGE", TimeoutSeconds: 2.5, MaxConcurrency: 8, RateLimitPerSecond: 10, TrailingSlash: true,
				Authorization: &request.Authorization{Type: "HEADER", Name: "X-Token", Value: "s3cret"},
				OpenAPI:       json.RawMessage(`{"openapi":"3.0.1","info":{"version":"2026-01-02"},"paths":{"/pets":{"get":{"responses":{"200":{"description":"ok"}}}}}}`),
			},
		}},
	} {
		if !reflect.DeepEqual(tt.got, tt.want) {
			t.Errorf("%s: got %#v, want %#v", tt.name, tt.got, tt.want)
		}
	}
	if router.Signer == nil {
		t.Error("credentials: there is no signer")
	}
}

func TestFlagsComeBeforeTheFile(t *testing.T) {
	c, err := parseConfig([]byte(wholeConfig), environment)
	if err != nil {
		t.Fatal(err)
	}
	command := &serveCommand{Data: "elsewhere", Listen: "127.0.0.1:0", Account: "999999999999", Region: "us-west-2", Grace: time.Second,
		Retention: time.Hour, DeadRetention: 2 * time.Hour, MaxBytes: 1 << 20}
	settings, err := command.settings(c, &output{})
	if err != nil {
		t.Fatal(err)
	}
	router := settings.Router
	for _, tt := range []struct {
		name      string
		got, want any
	}{
		{"data", router.Dir, "elsewhere"},
		{"listen", settings.Listen, "127.0.0.1:0"},
		{"account", router.Account, "999999999999"},
		{"region", router.Region, "us-west-2"},
		{"grace", settings.GraceTime, time.Second},
		{"retention", router.Retention, time.Hour},
		{"dead retention", router.DeadRetention, 2 * time.Hour},
		{"max bytes", router.MaxBytes, int64(1 << 20)},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, tt.got, tt.want)
		}
	}
}

// The time for which a replay is starting may be none, which is not the default.
func TestReplaysStarting(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "replays: {}": 0, "replays: {starting: 0s}": -1, "replays: {starting: 0}": -1, "replays: {starting: 90s}": 90 * time.Second,
	} {
		c, err := parseConfig([]byte(text), environment)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.replayStart(); err != nil || got != want {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
}

func TestSettingsWithoutAFile(t *testing.T) {
	settings, err := (&serveCommand{}).settings(&config{}, &output{})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{settings.Router.Dir, settings.Listen, settings.Router.Account, settings.Router.Region}
	want := []string{"bailey-data", "127.0.0.1:4566", "000000000000", "us-east-1"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("defaults: got %q, want %q", got, want)
	}
	if settings.AllowUnauthenticated || settings.Router.PassThrough || settings.Router.Clock != nil {
		t.Errorf("defaults: got %+v, want nothing permitted that nobody asked for", settings)
	}
	// There is a signer, for a reload to give it credentials. It has none.
	target, err := request.Compile("arn:aws:execute-api:us-east-1:000000000000:orders/prod/POST", nil)
	if err != nil {
		t.Fatal(err)
	}
	api := &request.API{ID: "orders", URL: "http://orders.example", Authorization: &request.Authorization{Type: request.AuthIAM}}
	_, failure := target.Build(t.Context(), api, request.Attempt{RoleARN: "arn:aws:iam::000000000000:role/deliver"}, settings.Router.Signer)
	if failure == nil || failure.Code != retry.FailedToAssumeRole {
		t.Errorf("defaults: got %+v of a request to be signed, want that there are no credentials", failure)
	}
}

func TestParseConfigRefuses(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a misspelt setting", "account: x\nlisen: y\n", `line 2: there is no setting "lisen" here`},
		{"a misspelt setting further in", "log:\n  formt: json\n", `line 2: there is no setting "formt" here`},
		{"a setting that is there twice", "data: a\ndata: b\n", `line 2: mapping key "data" already defined at line 1`},
		{"a number where a duration is wanted", "grace: 10\n", "line 1: `10` stands where a duration such as 10s is expected"},
		{"a size that is none", "retention:\n  maxBytes: 10 GB\n", "line 2: "},
		{"a list", "- data\n", "line 1: a list stands where a mapping is expected"},
		{"a mapping for a text", "hosts: [{a: b}]\n", "line 1: a mapping stands where a text is expected"},
		{"text for a number", "limits: {connections: many}\n", "line 1: `many` stands where a number is expected"},
		{"text for a list", "origins: all\n", "line 1: `all` stands where a list is expected"},
		{"text for true or false", "passThrough: maybe\n", "line 1: `maybe` stands where true or false is expected"},
		{"not YAML", "data: [\n", "line 2: did not find expected node content"},
		{"two documents", "data: a\n---\ndata: b\n", "more than one YAML document"},
		{"a variable that is not set", "region: x\ndata: ${NOWHERE}\n", "line 2: the environment variable NOWHERE is not set"},
		{"a misspelt member of an API", "apis:\n  p:\n    url: http://a\n    timeoutSecs: 1\n", `line 4: API p: unknown field "timeoutSecs"`},
		{"a member of the wrong type", "apis:\n  p:\n    url: http://a\n    timeoutSeconds: long\n", "line 4: API p: cannot unmarshal string"},
		{"an API that leads nowhere", "apis:\n  p: {}\n", "line 2: API p: an API needs a url, stages, or both"},
		{"an API of another id", "apis:\n  p: {id: q, url: http://a}\n", "line 2: API p says that its id is q"},
		{"an id that is none", "apis:\n  \"p q\": {url: http://a}\n", `API p q: the id "p q" is not valid`},
		{"a merge key in an API", "apis:\n  p: &p {url: http://a}\n  q: {<<: *p}\n", "line 3: a key must be plain text here"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseConfig([]byte(tt.text), environment)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one that says %q", err, tt.want)
			}
		})
	}
}

func TestSettingsRefuses(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"an account", "account: 12\n", `the account "12" is not a number of 12 digits`},
		{"a region", "region: US East\n", `the region "US East" is not made of lower-case letters, digits and hyphens`},
		{"a log format", "log: {format: xml}\n", `the log format "xml" is neither text nor json`},
		{"a log level", "log: {level: loud}\n", `unknown log level "loud": it is debug, info, warn or error`},
		{"half of credentials", "credentials: {r: {accessKeyId: a}}\n", "role r: credentials need"},
		{"a negative time", "grace: -1s\n", "the setting grace must not be negative"},
		{"a negative time to start", "replays: {starting: -1s}\n", "the setting replays.starting must not be negative"},
		{"a negative number", "limits: {connections: -1}\n", "the setting limits.connections must not be negative"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := parseConfig([]byte(tt.text), environment)
			if err != nil {
				t.Fatal(err)
			}
			_, err = (&serveCommand{}).settings(c, &output{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one that says %q", err, tt.want)
			}
		})
	}
}

func TestParseConfigOfNothing(t *testing.T) {
	for _, text := range []string{"", "# nothing but a comment\n", "---\n", "apis:\n"} {
		if _, err := parseConfig([]byte(text), environment); err != nil {
			t.Errorf("parseConfig(%q): got error %v, want none", text, err)
		}
	}
}

// FuzzParseConfig holds that nothing that a config file says ends the program, and that what is read of APIs is what the
// admin API would have taken.
func FuzzParseConfig(f *testing.F) {
	f.Add(wholeConfig)
	f.Add("apis: {p: {url: http://a, openapi: {a: [1, 1.5, true, ~, 0x10, .inf]}}}")
	f.Add("apis: &a {p: *a}")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseConfig([]byte(text), environment)
		if err != nil {
			return
		}
		for _, api := range c.apis {
			if err := api.Validate(); err != nil {
				t.Errorf("API %q was read and is not valid: %v", api.ID, err)
			}
			if _, err := json.Marshal(api); err != nil {
				t.Errorf("API %q was read and cannot be written: %v", api.ID, err)
			}
		}
	})
}

func TestByteSize(t *testing.T) {
	for _, tt := range []struct {
		text string
		want byteSize
		ok   bool
	}{
		{"0", 0, true},
		{"1024", 1024, true},
		{"1KiB", 1 << 10, true},
		{"512MiB", 512 << 20, true},
		{"2 GiB", 2 << 30, true},
		{"8388607TiB", 8388607 << 40, true},
		{"8388608TiB", 0, false}, // one more than fits
		{"-1", 0, false},
		{"1.5GiB", 0, false},
		{"1GB", 0, false},
		{"GiB", 0, false},
		{"", 0, false},
	} {
		var got byteSize
		err := got.UnmarshalText([]byte(tt.text))
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("UnmarshalText(%q): got %d, %v, want %d, ok %v", tt.text, got, err, tt.want, tt.ok)
		}
	}
}
