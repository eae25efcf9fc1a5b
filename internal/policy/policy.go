// Package policy reads, checks and changes the policies of event buses: the
// JSON that says who may do what on a bus. A policy that a caller has written is
// checked by [Check], and a permission in its short form by [Permission.Statement].
// Both answer in AWS's words.
//
// Nothing here decides who may do what. Everything is a pure function of its
// arguments and safe for concurrent use.
package policy

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"bailey/internal/arn"
)

// MaxLength is how many characters a policy may have as it is kept.
const MaxLength = 10240

// version is that of the policy language, which every policy names.
const version = "2012-10-17"

// A Bus is the event bus that a policy is about.
type Bus struct{ Region, Account, Name string }

// arn returns the bus's ARN.
func (b Bus) arn() string {
	return arn.EventBus(arn.Partition(b.Region), b.Region, b.Account, b.Name)
}

// An Error is why a policy or a permission is refused, in AWS's words.
type Error struct{ Message string }

// Error returns the message.
func (e *Error) Error() string { return e.Message }

func refuse(format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...)}
}

// ErrTooLong refuses a policy that would have more than [MaxLength] characters.
var ErrTooLong = refuse("Policy size would be larger than the maximum allowed.")

// A Policy is the policy of a bus. The zero value has no statements and is no
// policy.
type Policy struct {
	Version    string
	ID         json.RawMessage // a string; nil if it has none
	Statements []Statement
}

// A Statement grants or denies something. It is JSON without white space, its
// members in AWS's order.
type Statement json.RawMessage

// ID returns the statement's Sid, empty if it has none.
func (s Statement) ID() string {
	var named struct{ Sid string }
	if json.Unmarshal(s, &named) != nil {
		return ""
	}
	return named.Sid
}

// Read reads a policy as the store keeps it; the empty text is none. An error
// means that the stored text is broken, which is not the caller's fault.
func Read(text string) (*Policy, error) {
	p := new(Policy)
	if text == "" {
		return p, nil
	}
	var kept struct {
		Version   string
		ID        json.RawMessage `json:"Id"`
		Statement json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &kept); err != nil {
		return nil, fmt.Errorf("reading the policy of an event bus: %w", err)
	}
	p.Version, p.ID = kept.Version, kept.ID
	// Before policies were checked, one statement could stand without a list.
	if bytes.HasPrefix(kept.Statement, []byte("{")) {
		p.Statements = []Statement{Statement(kept.Statement)}
		return p, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(kept.Statement, &list); err != nil {
		return nil, fmt.Errorf("reading the statements of an event bus's policy: %w", err)
	}
	for _, s := range list {
		p.Statements = append(p.Statements, Statement(s))
	}
	return p, nil
}

// Text returns the policy as it is kept and shown: without white space, and
// empty if it has no statement. The error is ErrTooLong.
func (p *Policy) Text() (string, error) {
	if len(p.Statements) == 0 {
		return "", nil
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"Version":%q,`, cmp.Or(p.Version, version))
	if p.ID != nil {
		fmt.Fprintf(&b, `"Id":%s,`, p.ID)
	}
	b.WriteString(`"Statement":[`)
	for i, s := range p.Statements {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(s)
	}
	b.WriteString("]}")
	if utf8.RuneCount(b.Bytes()) > MaxLength {
		return "", ErrTooLong
	}
	return b.String(), nil
}

// Put adds a statement, in the place of the one with its id if there is one.
func (p *Policy) Put(s Statement) {
	if i := p.index(s.ID()); i >= 0 {
		p.Statements[i] = s
		return
	}
	p.Statements = append(p.Statements, s)
}

// Remove removes the statement with the id, and reports whether it was there.
func (p *Policy) Remove(id string) bool {
	i := p.index(id)
	if i < 0 {
		return false
	}
	p.Statements = slices.Delete(p.Statements, i, i+1)
	return true
}

func (p *Policy) index(id string) int {
	return slices.IndexFunc(p.Statements, func(s Statement) bool { return s.ID() == id })
}
