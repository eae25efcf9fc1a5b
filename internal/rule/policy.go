package rule

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"bailey/internal/arn"
)

// maxPolicy is how many bytes a bus's policy may have.
const maxPolicy = 10240

// A Permission lets an account put events on a bus: one statement of the bus's
// policy, or, where Policy is not empty, all of the policy.
type Permission struct {
	Action      string
	Principal   string // an account, or * for every one
	StatementID string
	Condition   *Condition
	Policy      string
}

// A Condition narrows a permission for every account to those of an
// organization.
type Condition struct{ Type, Key, Value string }

// policy is a bus's policy. Statements stay as they came.
type policy struct {
	Version   string            `json:",omitempty"`
	ID        string            `json:"Id,omitempty"`
	Statement []json.RawMessage `json:",omitempty"`
}

// statement is one that PutPermission makes, its members in AWS's order.
type statement struct {
	Sid       string
	Effect    string
	Principal any
	Action    string
	Resource  string
	Condition map[string]map[string]string `json:",omitempty"`
}

// PutPermission adds a statement to a bus's policy, in the place of the one
// with its id if there is one, or replaces the whole policy.
func (r *Registry) PutPermission(ctx context.Context, region, bus string, p Permission) error {
	_, err := r.UpdateBus(ctx, region, bus, func(b *Bus) error {
		if p.Policy != "" {
			return b.setPolicy(p)
		}
		s, err := r.statement(b, p)
		if err != nil {
			return err
		}
		old, err := b.policy()
		if err != nil {
			return err
		}
		raw, err := marshal(s)
		if err != nil {
			return err
		}
		if i := old.index(p.StatementID); i >= 0 {
			old.Statement[i] = raw
		} else {
			old.Statement = append(old.Statement, raw)
		}
		old.Version = cmp.Or(old.Version, "2012-10-17")
		return b.keepPolicy(old)
	})
	return err
}

// RemovePermission removes the statement with the id from a bus's policy, or,
// with all, every statement.
func (r *Registry) RemovePermission(ctx context.Context, region, bus, id string, all bool) error {
	_, err := r.UpdateBus(ctx, region, bus, func(b *Bus) error {
		switch {
		case all && b.Policy == "":
			return refuse(NotFound, "EventBus does not have a policy.")
		case all:
			b.Policy = ""
			return nil
		case id == "":
			return refuse(Invalid, "Parameter StatementId is required.")
		}
		p, err := b.policy()
		if err != nil {
			return err
		}
		i := p.index(id)
		if i < 0 {
			return refuse(NotFound, "Statement with the provided id does not exist.")
		}
		p.Statement = slices.Delete(p.Statement, i, i+1)
		if len(p.Statement) == 0 {
			b.Policy = ""
			return nil
		}
		return b.keepPolicy(p)
	})
	return err
}

// setPolicy takes a policy that a caller has written, as it is but for white
// space.
func (b *Bus) setPolicy(p Permission) error {
	if p.Action != "" || p.Principal != "" || p.StatementID != "" || p.Condition != nil {
		return refuse(Invalid, "Parameter Policy cannot be specified together with Action, Principal, StatementId or Condition.")
	}
	var text bytes.Buffer
	if json.Compact(&text, []byte(p.Policy)) != nil {
		return refuse(Invalid, "This policy contains invalid Json")
	}
	written := Bus{Policy: text.String()}
	if _, err := written.policy(); err != nil {
		return err
	}
	if text.Len() > maxPolicy {
		return policyTooLong()
	}
	b.Policy = written.Policy
	return nil
}

// policy reads the bus's policy. A single statement may stand without a list.
func (b *Bus) policy() (*policy, error) {
	p := new(policy)
	if b.Policy == "" {
		return p, nil
	}
	var read struct {
		Version   string
		ID        string `json:"Id"`
		Statement json.RawMessage
	}
	malformed := refuse(Invalid, "This policy contains invalid Json")
	if json.Unmarshal([]byte(b.Policy), &read) != nil {
		return nil, malformed
	}
	p.Version, p.ID = read.Version, read.ID
	switch {
	case bytes.HasPrefix(read.Statement, []byte("{")):
		p.Statement = []json.RawMessage{read.Statement}
	case json.Unmarshal(read.Statement, &p.Statement) != nil || len(p.Statement) == 0:
		return nil, malformed
	}
	for _, s := range p.Statement {
		if !bytes.HasPrefix(s, []byte("{")) {
			return nil, malformed
		}
	}
	return p, nil
}

// index finds a statement by its id; -1 if there is none.
func (p *policy) index(id string) int {
	return slices.IndexFunc(p.Statement, func(raw json.RawMessage) bool {
		var s struct{ Sid string }
		return json.Unmarshal(raw, &s) == nil && s.Sid == id
	})
}

func (b *Bus) keepPolicy(p *policy) error {
	text, err := marshal(p)
	if err != nil {
		return err
	}
	if len(text) > maxPolicy {
		return policyTooLong()
	}
	b.Policy = string(text)
	return nil
}

func policyTooLong() *Error {
	return refuse(PolicyTooLong, "The policy exceeds the maximum length of %d bytes.", maxPolicy)
}

// statement makes the statement of a permission on a bus.
func (r *Registry) statement(b *Bus, p Permission) (*statement, error) {
	switch {
	case p.Principal == "":
		return nil, refuse(Invalid, "Parameter Principal must be specified.")
	case p.Condition != nil && p.Principal != "*":
		return nil, refuse(Invalid, "Value of the parameter 'principal' must be '*' when the parameter 'condition' is set.")
	case p.Action != "events:PutEvents":
		return nil, refuse(Invalid, "Provided value in parameter 'action' is not supported.")
	case p.StatementID == "":
		return nil, refuse(Invalid, "Parameter StatementId must be specified.")
	}
	s := &statement{
		Sid:       p.StatementID,
		Effect:    "Allow",
		Principal: p.Principal,
		Action:    p.Action,
		Resource:  r.BusARN(b.Region, b.Name),
	}
	if p.Principal != "*" {
		s.Principal = map[string]string{"AWS": "arn:" + arn.Partition(b.Region) + ":iam::" + p.Principal + ":root"}
	}
	if c := p.Condition; c != nil {
		s.Condition = map[string]map[string]string{c.Type: {c.Key: c.Value}}
	}
	return s, nil
}

// marshal writes v as JSON without escaping what only HTML minds: what came
// from a caller goes back as it was.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
