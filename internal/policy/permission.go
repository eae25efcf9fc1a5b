package policy

import (
	"encoding/json"
	"regexp"
	"strings"

	"bailey/internal/arn"
)

// A Permission is the short form of a statement: it lets an account, or every
// one, put events on a bus. An empty member was not given.
type Permission struct {
	Action      string
	Principal   string // an account, or * for every one
	StatementID string
	Condition   *Condition
}

// A Condition narrows a permission for every account to those of an
// organization.
type Condition struct{ Type, Key, Value string }

// organization is the form of an organization's id.
var organization = regexp.MustCompile(`^o-[a-z0-9]{10,32}$`)

// Check refuses a permission that lacks something or asks for what the short
// form does not have. The error is an *Error.
func (p Permission) Check() error {
	for _, member := range []struct{ name, value string }{
		{"Action", p.Action}, {"Principal", p.Principal}, {"StatementId", p.StatementID},
	} {
		if member.value == "" {
			return refuse("Parameter(s) %s must be specified.", member.name)
		}
	}
	if p.Action != "events:PutEvents" {
		return refuse("Provided value in parameter 'action' is not supported.")
	}
	c := p.Condition
	switch {
	case c == nil:
		return nil
	case p.Principal != "*":
		return refuse("Value of the parameter 'principal' must be '*' when the parameter 'condition' is set.")
	case c.Type != "StringEquals":
		return refuse("Provided value in parameter 'condition.type' is not supported.")
	case c.Key != "aws:PrincipalOrgID":
		return refuse("Provided value in parameter 'condition.key' is not supported.")
	case !organization.MatchString(c.Value):
		return refuse("Provided value in parameter 'condition.value' is invalid.")
	}
	return nil
}

// Statement returns the statement that a permission which Check accepts is on a
// bus.
func (p Permission) Statement(bus Bus) (Statement, error) {
	s := struct {
		Sid       string
		Effect    string
		Principal any
		Action    string
		Resource  string
		Condition map[string]map[string]string `json:",omitempty"`
	}{
		Sid:       p.StatementID,
		Effect:    "Allow",
		Principal: p.Principal,
		Action:    p.Action,
		Resource:  bus.arn(),
	}
	if p.Principal != "*" {
		s.Principal = map[string]string{"AWS": account(p.Principal, bus)}
	}
	if c := p.Condition; c != nil {
		s.Condition = map[string]map[string]string{c.Type: {c.Key: c.Value}}
	}
	// Nothing in it is a character that JSON for HTML would escape.
	text, err := json.Marshal(s)
	return Statement(text), err
}

// account returns the ARN that an account's id stands for in a policy. An
// account that is not there stays an id.
func account(id string, bus Bus) string {
	if !exists(id, bus) {
		return id
	}
	return "arn:" + arn.Partition(bus.Region) + ":iam::" + id + ":root"
}

// nobody is an account that AWS gives to no one. What other accounts there are
// is not known here, so that they all exist.
const nobody = "000000000000"

func exists(account string, bus Bus) bool { return account != nobody || account == bus.Account }

// isAccount reports whether text is an account's id.
func isAccount(text string) bool {
	return len(text) == 12 && strings.Trim(text, "0123456789") == ""
}
