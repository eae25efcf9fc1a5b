package request

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"bailey/internal/retry"
	"bailey/internal/sigv4"
)

// The kinds of authorization.
const (
	AuthNone   = "NONE"
	AuthIAM    = "AWS_IAM" // an AWS signature by the role of the target
	AuthAPIKey = "API_KEY" // the key in the header X-Api-Key
	AuthHeader = "HEADER"  // a header of any name with a fixed value
)

// Mask stands in place of what is secret wherever that is shown.
const Mask = "***"

// Authorization says how an API wants its callers to show who they are:
//
//	{"type": "NONE"}
//	{"type": "AWS_IAM"}
//	{"type": "API_KEY", "apiKey": "..."}
//	{"type": "HEADER", "name": "Authorization", "value": "Bearer ..."}
//
// Its JSON has the secret, for it is how it is kept; show [API.Redacted].
// However it is formatted or logged, the secret does not appear.
type Authorization struct {
	Type   string `json:"type"`
	APIKey string `json:"apiKey,omitempty"`
	Name   string `json:"name,omitempty"`
	Value  string `json:"value,omitempty"`
}

// String returns the kind and nothing secret.
func (a Authorization) String() string {
	if a.Type == AuthHeader {
		return a.Type + " " + a.Name
	}
	return a.Type
}

// GoString returns what String does, for %#v.
func (a Authorization) GoString() string { return a.String() }

// LogValue returns what String does, for slog.
func (a Authorization) LogValue() slog.Value { return slog.StringValue(a.String()) }

func (a Authorization) redacted() Authorization {
	if a.APIKey != "" {
		a.APIKey = Mask
	}
	if a.Value != "" {
		a.Value = Mask
	}
	return a
}

func (a *Authorization) validate() error {
	if a == nil {
		return nil
	}
	var secret string
	switch a.Type {
	case AuthNone, AuthIAM:
		if a.APIKey != "" || a.Name != "" || a.Value != "" {
			return fmt.Errorf("%s takes no apiKey, name or value", a.Type)
		}
		return nil
	case AuthAPIKey:
		if a.Name != "" || a.Value != "" {
			return errors.New("API_KEY takes an apiKey and no name or value")
		}
		secret = a.APIKey
	case AuthHeader:
		if a.APIKey != "" {
			return errors.New("HEADER takes a name and a value and no apiKey")
		}
		if !validHeaderKey(a.Name) || strings.Contains(a.Name, ",") || reserved(a.Name) {
			return fmt.Errorf("%q cannot be the name of its header", a.Name)
		}
		secret = a.Value
	default:
		return fmt.Errorf("the type %q is not one of %s, %s, %s, %s", a.Type, AuthNone, AuthIAM, AuthAPIKey, AuthHeader)
	}
	switch {
	case secret == "":
		return fmt.Errorf("%s lacks its secret", a.Type)
	case secret == Mask:
		return fmt.Errorf("the secret is %s, which stands for a secret where one is shown", Mask)
	case len(secret) > maxFilled || !isHeaderText(secret):
		return fmt.Errorf("the secret must be printable ASCII of at most %d bytes", maxFilled)
	}
	return nil
}

// reserved reports whether HTTP or Bailey sets a header by itself, so that it
// cannot be the one that authorizes.
func reserved(name string) bool {
	switch name = http.CanonicalHeaderKey(name); name {
	case "Authorization":
		return false
	case contentType, userAgent, idempotencyKey, baileyAttempt:
		return true
	}
	return notPermitted(name)
}

// AnyRole is the key under which [NewSigner] finds the credentials for roles
// that have none of their own.
const AnyRole = "*"

// A Signer signs requests to APIs that ask for AWS_IAM with the credentials
// configured for the target's role. Bailey does not assume roles: whoever
// configures it says what credentials a role stands for. It is safe for
// concurrent use.
type Signer struct {
	roles atomic.Pointer[map[string]*sigv4.Signer]
	now   func() time.Time
}

// NewSigner returns a signer from credentials by role ARN, [AnyRole] among
// them. now is the time that signatures are made at: the real one, whatever
// clock the deliveries run on, since the receiver compares it with its own.
func NewSigner(roles map[string]sigv4.Credentials, now func() time.Time) (*Signer, error) {
	s := &Signer{now: now}
	if err := s.Replace(roles); err != nil {
		return nil, err
	}
	return s, nil
}

// Replace puts other credentials in the place of those that the signer has. On
// an error it keeps them.
func (s *Signer) Replace(roles map[string]sigv4.Credentials) error {
	signers := make(map[string]*sigv4.Signer, len(roles))
	for role, credentials := range roles {
		signer, err := sigv4.New(credentials)
		if err != nil {
			return fmt.Errorf("role %s: %w", role, err)
		}
		signers[role] = signer
	}
	s.roles.Store(&signers)
	return nil
}

func (s *Signer) sign(req *http.Request, body []byte, roleARN, region string) *retry.Failure {
	if roleARN == "" {
		return &retry.Failure{Code: retry.FailedToAssumeRole, Message: "the API asks for AWS_IAM and the target has no RoleArn"}
	}
	var signer *sigv4.Signer
	if s != nil {
		roles := *s.roles.Load()
		if signer = roles[roleARN]; signer == nil {
			signer = roles[AnyRole]
		}
	}
	if signer == nil {
		return &retry.Failure{Code: retry.FailedToAssumeRole, Message: "no credentials are configured for role " + roleARN}
	}
	if err := signer.Sign(req, body, sigv4.Scope{Region: region, Service: sigv4.ExecuteAPI}, s.now()); err != nil {
		return &retry.Failure{Code: retry.InternalError, Message: "the request could not be signed"}
	}
	return nil
}
