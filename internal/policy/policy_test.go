package policy

import (
	"testing"
)

// TestPermissions holds the short form (P1, P2, P3): what is asked for, in which
// order, and the statement that comes of it.
func TestPermissions(t *testing.T) {
	const resource = `,"Action":"events:PutEvents","Resource":"` + ordersARN + `"`
	organization := func(typ, key, value string) *Condition { return &Condition{typ, key, value} }
	for _, tt := range []struct {
		name string
		p    Permission
		want string
	}{
		{"nothing", Permission{}, "Parameter(s) Action must be specified."},
		{"no principal", Permission{Action: "events:PutEvents", StatementID: "s"}, "Parameter(s) Principal must be specified."},
		{"no id", Permission{Action: "events:PutEvents", Principal: "*"}, "Parameter(s) StatementId must be specified."},
		{"another action", Permission{"events:PutRule", "*", "s", nil}, "Provided value in parameter 'action' is not supported."},
		{"an account", Permission{"events:PutEvents", "222222222222", "s", nil}, `{"Sid":"s","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"}` + resource + `}`},
		{"an account that nobody has", Permission{"events:PutEvents", "000000000000", "s", nil}, `{"Sid":"s","Effect":"Allow","Principal":{"AWS":"000000000000"}` + resource + `}`},
		{"everybody", Permission{"events:PutEvents", "*", "s", nil}, `{"Sid":"s","Effect":"Allow","Principal":"*"` + resource + `}`},
		{"an organization", Permission{"events:PutEvents", "*", "s", organization("StringEquals", "aws:PrincipalOrgID", "o-1234567890")},
			`{"Sid":"s","Effect":"Allow","Principal":"*"` + resource + `,"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1234567890"}}}`},
		{"an account of an organization", Permission{"events:PutEvents", "222222222222", "s", organization("StringEquals", "aws:PrincipalOrgID", "o-1234567890")},
			"Value of the parameter 'principal' must be '*' when the parameter 'condition' is set."},
		{"another condition", Permission{"events:PutEvents", "*", "s", organization("StringLike", "aws:PrincipalOrgID", "o-*")}, "Provided value in parameter 'condition.type' is not supported."},
		{"another key", Permission{"events:PutEvents", "*", "s", organization("StringEquals", "events:source", "a")}, "Provided value in parameter 'condition.key' is not supported."},
		{"no organization", Permission{"events:PutEvents", "*", "s", organization("StringEquals", "aws:PrincipalOrgID", "not-an-org")}, "Provided value in parameter 'condition.value' is invalid."},
		{"a short organization", Permission{"events:PutEvents", "*", "s", organization("StringEquals", "aws:PrincipalOrgID", "o-123456789")}, "Provided value in parameter 'condition.value' is invalid."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := tt.p.Check(); err != nil {
				got = err.Error()
			} else if s, err := tt.p.Statement(orders); err != nil {
				t.Fatal(err)
			} else {
				got = string(s)
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestPolicy puts statements and removes them.
func TestPolicy(t *testing.T) {
	p, err := Read("")
	if err != nil {
		t.Fatal(err)
	}
	text := func(want string) {
		t.Helper()
		got, err := p.Text()
		if err != nil || got != want {
			t.Errorf("got  %s, %v\nwant %s", got, err, want)
		}
		if p, err = Read(got); err != nil {
			t.Fatal(err)
		}
	}
	text("")
	one, two := statement(`"Sid":"one"`), statement(`"Sid":"two"`)
	p.Put(Statement(one))
	p.Put(Statement(two))
	text(with(one, two))
	one = statement(`"Sid":"one"`, `"Effect":"Deny"`)
	p.Put(Statement(one))
	text(with(one, two))
	if p.Remove("three") || !p.Remove("one") {
		t.Error("removed what is not there, or not what is")
	}
	text(with(two))
	if !p.Remove("two") {
		t.Error("two is not there")
	}
	text("")
}

// TestRead reads what was kept before policies were checked.
func TestRead(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"without a list and a version", `{"Statement":{"Sid":"s"}}`, with(`{"Sid":"s"}`)},
		{"without a Sid", `{"Id":"p","Statement":[{"Effect":"Allow"}]}`, `{"Version":"2012-10-17","Id":"p","Statement":[{"Effect":"Allow"}]}`},
	} {
		p, err := Read(tt.text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.Text(); err != nil || got != tt.want {
			t.Errorf("%s: got %s, %v, want %s", tt.name, got, err, tt.want)
		}
	}
	for _, text := range []string{`{`, `{"Statement":1}`} {
		if p, err := Read(text); err == nil {
			t.Errorf("%s: got %+v", text, p)
		}
	}
}
