package request

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"bailey/internal/arn"
)

// The types of endpoint that an API may be registered as.
const (
	Edge     = "EDGE"
	Regional = "REGIONAL"
	Private  = "PRIVATE" // cannot be a target (T6)
)

// AnyRegion stands for every region in the Regions of an API.
const AnyRegion = "*"

// The limits of a registration.
const (
	DefaultTimeout = 5 * time.Second // of a request (X1)
	MaxTimeout     = 5 * time.Minute // API Gateway gives an integration 29 s; a server of one's own may need more

	maxConcurrency = 10_000
	maxRate        = 1_000_000
	maxStages      = 100
	maxRegions     = 100
	maxURL         = 2048
	maxOpenAPI     = 6 << 20 // as much as API Gateway imports
)

// An API is the registration of a REST API: where its stages are, and how it
// wants to be called. It does not change once it is in use; a new registration
// is a new API.
type API struct {
	ID           string           `json:"id,omitempty"`           // as in the ARNs of targets
	URL          string           `json:"url,omitempty"`          // where a stage leads that has no URL of its own
	Stages       map[string]Stage `json:"stages,omitempty"`       // by name; may be empty where there is a URL
	DefaultStage string           `json:"defaultStage,omitempty"` // of a target whose ARN has * for the stage (T4)

	// Regions are those of ARNs that mean this API; AnyRegion among them is every
	// one. Without any it is the region of the target's rule alone: API Gateway
	// is never called across regions.
	Regions []string `json:"regions,omitempty"`

	EndpointType       string  `json:"endpointType,omitempty"`       // EDGE, REGIONAL or PRIVATE; "" is like REGIONAL
	TimeoutSeconds     float64 `json:"timeoutSeconds,omitempty"`     // of a request, up to 300; 0 is 5 (X1)
	MaxConcurrency     int     `json:"maxConcurrency,omitempty"`     // requests under way at once; 0 leaves it to Bailey
	RateLimitPerSecond float64 `json:"rateLimitPerSecond,omitempty"` // requests begun; 0 is no limit
	TrailingSlash      bool    `json:"trailingSlash,omitempty"`      // whether paths are sent with a slash at their end (T7)

	Authorization *Authorization  `json:"authorization,omitempty"`
	OpenAPI       json.RawMessage `json:"openapi,omitempty"` // the API's own description, an object; not looked into

	// StageInPath says that the stage is the first segment of the path after
	// the URL, as it is where API Gateway itself answers.
	StageInPath bool `json:"-"`
}

// A Stage is a stage that is somewhere else than the API's URL says.
type Stage struct {
	URL string `json:"url"`
}

// Timeout returns how long a request may take in all, 5 s where the
// registration does not say (X1).
func (a *API) Timeout() time.Duration {
	if a.TimeoutSeconds == 0 {
		return DefaultTimeout
	}
	return time.Duration(a.TimeoutSeconds * float64(time.Second))
}

// defaultStage returns the name of the stage that * stands for (T4): the one
// that is said to be, or else the only one that there is. It is "" where neither
// names one, and the URL serves it if there is one.
func (a *API) defaultStage() string {
	if a.DefaultStage == "" && a.URL == "" && len(a.Stages) == 1 {
		for name := range a.Stages {
			return name
		}
	}
	return a.DefaultStage
}

// In reports whether an ARN with this region means the API, for a target whose
// rule is in own.
func (a *API) In(region, own string) bool {
	if len(a.Regions) == 0 {
		return region == own
	}
	return slices.Contains(a.Regions, region) || slices.Contains(a.Regions, AnyRegion)
}

// RegionList returns the regions that the API is registered for, in words; only
// the first few where there are many.
func (a *API) RegionList() string {
	const few = 5
	if len(a.Regions) <= few {
		return strings.Join(a.Regions, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(a.Regions[:few], ", "), len(a.Regions)-few)
}

// String names the API and shows nothing of its authorization.
func (a API) String() string { return "API " + a.ID }

// LogValue returns what String does, for slog.
func (a API) LogValue() slog.Value { return slog.StringValue(a.String()) }

// Redacted returns a copy to be shown: with [Mask] in place of what is secret.
func (a *API) Redacted() *API {
	shown := *a
	if a.Authorization != nil {
		auth := a.Authorization.redacted()
		shown.Authorization = &auth
	}
	shown.maskedURLs()
	return &shown
}

// Validate reports the first thing that is wrong with a registration, in a
// sentence for who made it.
func (a *API) Validate() error {
	if !arn.ValidAPIID(a.ID) {
		return fmt.Errorf("the id %q is not valid: an id has 1 to 128 letters, digits, hyphens and underscores", a.ID)
	}
	if a.URL == "" && len(a.Stages) == 0 {
		return errors.New("an API needs a url, stages, or both")
	}
	if a.URL != "" {
		if err := validateURL(a.URL); err != nil {
			return fmt.Errorf("the url is not valid: %w", err)
		}
	}
	if len(a.Stages) > maxStages {
		return fmt.Errorf("there are %d stages; an API may have %d", len(a.Stages), maxStages)
	}
	for name, stage := range a.Stages {
		if !arn.ValidStage(name) {
			return fmt.Errorf("the stage %q is not valid: a stage has 1 to 128 letters, digits, hyphens and underscores, or is $default", name)
		}
		if err := validateURL(stage.URL); err != nil {
			return fmt.Errorf("the url of stage %s is not valid: %w", name, err)
		}
	}
	if d := a.DefaultStage; d != "" {
		if !arn.ValidStage(d) {
			return fmt.Errorf("the defaultStage %q is not valid: a stage has 1 to 128 letters, digits, hyphens and underscores, or is $default", d)
		}
		if _, ok := a.Stages[d]; !ok && a.URL == "" {
			return fmt.Errorf("the defaultStage %s is not one of the stages, and there is no url to lead there", d)
		}
	}
	if len(a.Regions) > maxRegions {
		return fmt.Errorf("there are %d regions; an API may have at most %d", len(a.Regions), maxRegions)
	}
	for _, region := range a.Regions {
		if region != AnyRegion && !isLabel(region) {
			return fmt.Errorf("the region %q is not valid: write one like eu-west-1, or %s for all", region, AnyRegion)
		}
	}
	switch a.EndpointType {
	case "", Edge, Regional, Private:
	default:
		return fmt.Errorf("the endpointType %q is not one of %s, %s, %s", a.EndpointType, Edge, Regional, Private)
	}
	// Written so that what is not a number fails too.
	if t := a.TimeoutSeconds; !(t >= 0 && t <= MaxTimeout.Seconds()) || t > 0 && a.Timeout() < time.Millisecond {
		return fmt.Errorf("timeoutSeconds is %v; it must be from 0.001 to %v, or 0 for the default of %v", t, MaxTimeout.Seconds(), DefaultTimeout.Seconds())
	}
	if n := a.MaxConcurrency; n < 0 || n > maxConcurrency {
		return fmt.Errorf("maxConcurrency is %d; it must be from 1 to %d, or 0 for the default", n, maxConcurrency)
	}
	if r := a.RateLimitPerSecond; !(r >= 0 && r <= maxRate) {
		return fmt.Errorf("rateLimitPerSecond is %v; it must be from 0, for no limit, to %d", r, maxRate)
	}
	if err := a.Authorization.validate(); err != nil {
		return fmt.Errorf("the authorization is not valid: %w", err)
	}
	if len(a.OpenAPI) > maxOpenAPI {
		return fmt.Errorf("openapi has %d bytes; it may have %d", len(a.OpenAPI), maxOpenAPI)
	}
	if doc := bytes.TrimLeft(a.OpenAPI, " \t\r\n"); len(doc) > 0 && (doc[0] != '{' || !json.Valid(doc)) {
		return errors.New("openapi is not a JSON object")
	}
	return nil
}

// validateURL checks where an API or a stage leads. Its errors do not show the
// URL, which may have a secret in it.
func validateURL(text string) error {
	if len(text) > maxURL {
		return fmt.Errorf("it has %d bytes; it may have %d", len(text), maxURL)
	}
	scheme, _, ok := strings.Cut(text, "://")
	if !ok || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return errors.New("it must begin with http:// or https://")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("it cannot be parsed")
	case u.Hostname() == "":
		return errors.New("it has no host")
	case !validPort(u):
		return errors.New("its port is not a number from 1 to 65535")
	case u.User != nil:
		return errors.New("it has a user in it; use authorization instead")
	case u.Fragment != "":
		return errors.New("it has a fragment, which is never sent")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New("its query cannot be parsed")
	}
	for name, values := range query {
		if slices.Contains(values, Mask) {
			return fmt.Errorf("the value of %s in its query is %s, which Bailey shows in place of the real value: give the real value", name, Mask)
		}
	}
	return nil
}

func validPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && n > 0
}

// PassThrough returns the registration of an API that API Gateway itself
// answers for: the id's own host name, the stage as the first segment, and
// requests signed with the role of the target.
func PassThrough(id, region string) (*API, error) {
	if !isLabel(id) || !isLabel(region) {
		return nil, fmt.Errorf("API %q in region %q cannot be one of API Gateway's: letters, digits and hyphens make a host name", id, region)
	}
	return &API{
		ID:            id,
		URL:           "https://" + id + ".execute-api." + region + "." + arn.DNSSuffix(region),
		EndpointType:  Regional,
		Authorization: &Authorization{Type: AuthIAM},
		StageInPath:   true,
	}, nil
}

// isLabel reports whether s can be one label of a host name.
func isLabel(s string) bool {
	for i := range len(s) {
		if c := s[i]; !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-') {
			return false
		}
	}
	return s != "" && len(s) <= 63 && s[0] != '-' && s[len(s)-1] != '-'
}
