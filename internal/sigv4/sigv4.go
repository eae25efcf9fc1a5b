// Package sigv4 makes AWS signatures, version 4: it signs the requests that
// Bailey sends to APIs that ask for one.
//
// The algorithm is that of the AWS SDK for Go. This package says which
// credentials, scope and time go into it, and keeps the secret ones from being
// printed.
package sigv4

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// ExecuteAPI is the name by which API Gateway's invocations are signed.
const ExecuteAPI = "execute-api"

// Credentials are what a request is signed with. However they are formatted or
// logged, only the access key id is shown.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string // of temporary credentials; otherwise empty
}

// String returns the access key id and nothing secret.
func (c Credentials) String() string { return "credentials " + c.AccessKeyID }

// GoString returns what String does, for %#v.
func (c Credentials) GoString() string { return c.String() }

// LogValue returns what String does, for slog.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON refuses: credentials are read from a configuration and not
// written anywhere.
func (c Credentials) MarshalJSON() ([]byte, error) {
	return nil, errors.New("credentials are not written as JSON")
}

// A Scope is where a signature holds.
type Scope struct {
	Region  string
	Service string
}

// A Signer signs requests with one set of credentials. It is safe for
// concurrent use.
//
// It is not shared between credentials: the SDK remembers the key of the day by
// the access key id alone, so that two secrets with one id would be mixed up.
type Signer struct {
	credentials aws.Credentials
	signer      *v4.Signer
}

// New returns a signer for the credentials, which need an access key id and a
// secret.
func New(c Credentials) (*Signer, error) {
	if c.AccessKeyID == "" || c.SecretAccessKey == "" {
		return nil, errors.New("credentials need an access key id and a secret access key")
	}
	return &Signer{
		credentials: aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken},
		signer:      v4.NewSigner(),
	}, nil
}

// Sign adds to the request the headers Authorization, X-Amz-Date and, with a
// session token, X-Amz-Security-Token, for a signature made at that time. body
// is the request's whole body; it is hashed and not kept. Every header that the
// request has by then is signed, except User-Agent, X-Amzn-Trace-Id and Expect,
// which what lies in between may change. The query is sorted and written in the
// form that is signed. The signature holds for some minutes, so a retry must be
// signed anew.
func (s *Signer) Sign(req *http.Request, body []byte, scope Scope, at time.Time) error {
	hash := sha256.Sum256(body)
	err := s.signer.SignHTTP(context.Background(), s.credentials, req, hex.EncodeToString(hash[:]), scope.Service, scope.Region, at)
	if err != nil {
		return fmt.Errorf("signing the request: %w", err)
	}
	return nil
}
