package policy

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

var orders = Bus{Region: "us-east-1", Account: "123456789012", Name: "orders"}

const (
	ordersARN = "arn:aws:events:us-east-1:123456789012:event-bus/orders"
	rulesARN  = "arn:aws:events:us-east-1:123456789012:rule/"
)

// with puts statements into a policy.
func with(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

// statement is one with the members that it is given, and usual ones for those
// that it is not.
func statement(members ...string) string {
	usual := []string{`"Sid":"s"`, `"Effect":"Allow"`, `"Principal":"*"`, `"Action":"events:PutEvents"`, `"Resource":"` + ordersARN + `"`}
	for _, m := range members {
		name, _, _ := strings.Cut(m, ":")
		for i, u := range usual {
			if strings.HasPrefix(u, name+":") {
				usual[i] = m
				name = ""
				break
			}
		}
		if name != "" {
			usual = append(usual, m)
		}
	}
	return `{` + strings.Join(usual, ",") + `}`
}

// without is the usual statement without a member.
func without(member string) string {
	return strings.Replace(strings.Replace(statement(`"`+member+`":0`), `"`+member+`":0,`, "", 1), `,"`+member+`":0`, "", 1)
}

// TestRefusedPolicies holds AWS's answers to whole policies (P4, P5, P7).
func TestRefusedPolicies(t *testing.T) {
	const at = "Invalid statement at line 1 column 38: "
	for _, tt := range []struct{ name, text, want string }{
		{"empty", ``, "This policy contains invalid Json"},
		{"no JSON", `{`, "This policy contains invalid Json"},
		{"two values", `{}{}`, "This policy contains invalid Json"},
		{"a list", `[]`, "This policy contains invalid Json"},
		{"a string", `"x"`, "This policy contains invalid Json"},
		{"a name twice", `{"Version":"2012-10-17","Version":"2012-10-17"}`, "This policy contains invalid Json"},
		{"nested without end", strings.Repeat("[", 20000), "This policy contains invalid Json"},
		{"null", `null`, "This text appears not to be a policy"},
		{"null with white space", " null\n", "This text appears not to be a policy"},
		{"no version", `{}`, "Missing required field Version"},
		{"no version, statements", `{"Statement":[]}`, "Missing required field Version"},
		{"another version", `{"Version":"2020-01-01","Statement":[]}`, "The policy must contain a valid version string"},
		{"a number as version", `{"Version":2012,"Statement":[]}`, "The policy must contain a valid version string"},
		{"no statement", `{"Version":"2012-10-17"}`, "Missing required field Statement"},
		{"no statements", with(), "Could not parse the policy: Statement is empty!"},
		{"a statement that is none", with(`1`), "Syntax error at position (1,38)"},
		{"statements that are none", `{"Version":"2012-10-17","Statement":1}`, "Syntax error at position (1,37)"},
		{"an unknown member", `{"Version":"2012-10-17","Statements":[]}`, "Missing required field Statement"},
		{"an unknown member beside", "{\"Version\":\"2012-10-17\",\n \"x\":1,\"Statement\":[]}", "Syntax error at position (2,6)"},

		{"no Sid", with(without("Sid")), "Missing required field Sid"},
		{"an empty Sid", with(statement(`"Sid":""`)), "Missing required field Sid"},
		{"no Effect", with(without("Effect")), "Missing required field Effect"},
		{"another Effect", with(statement(`"Effect":"allow"`)), "Invalid effect: allow"},
		{"no Principal", with(without("Principal")), "Missing required field Principal"},
		{"no Action", with(without("Action")), "Missing required field Action"},
		{"no Resource", with(without("Resource")), "Missing required field Resource"},
		{"NotAction", with(`{"Sid":"s","Effect":"Allow","Principal":"*","NotAction":"events:PutEvents","Resource":"*"}`), "Has prohibited field NotAction"},
		{"NotResource", with(`{"Sid":"s","Effect":"Allow","Principal":"*","Action":"events:PutEvents","NotResource":"*"}`), "Has prohibited field NotResource"},
		{"NotPrincipal", with(`{"Sid":"s","Effect":"Deny","NotPrincipal":"*","Action":"events:PutEvents","Resource":"*"}`), "Has prohibited field NotPrincipal"},
		{"a member of another policy", with(statement(`"Foo":1`)), "Syntax error at position (1,184)"},
		{"a Condition that is none", with(statement(`"Condition":[]`)), "Syntax error at position (1,190)"},

		{"a Sid twice", with(statement(), statement()), "Invalid statement at line 1 column 178: The Statement Ids in the policy are not unique"},
		{"a Sid twice, with white space", "{\"Version\":\"2012-10-17\",\"Statement\":[\n" + statement() + "\n,\n" + statement() + "]}", "Invalid statement at line 2 column 141: The Statement Ids in the policy are not unique"},
		{"an unknown action", with(statement(`"Action":"events:X"`)), at + `The following action names are invalid: "events:X"`},
		{"an action that no bus has", with(statement(`"Action":"events:CreateEventBus"`)), at + `The following action names are invalid: "events:CreateEventBus"`},
		{"a pattern of no action", with(statement(`"Action":"events:NoSuch*"`)), at + `The following action names are invalid: "events:NoSuch*"`},
		{"two unknown actions", with(statement(`"Action":["events:PutPermission","events:PutEvents","events:RemovePermission"]`)),
			at + `The following action names are invalid: "events:RemovePermission", "events:PutPermission"`},
		{"an unknown action in a statement alone", `{"Version":"2012-10-17","Statement":` + statement(`"Action":"events:X"`) + `}`, at + `The following action names are invalid: "events:X"`},
		{"an action in the second statement", with(statement(), statement(`"Sid":"t"`, `"Action":"events:X"`)), `Invalid statement at line 1 column 178: The following action names are invalid: "events:X"`},
		{"another service's action", with(statement(`"Action":"iam:ListUsers"`)), at + "Action field includes AWS services that are inconsistent with specified vendor"},
		{"an action of no service", with(statement(`"Action":"PutEvents"`)), at + "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
		{"no actions", with(statement(`"Action":[]`)), "Syntax error at position (1,91)"},

		{"another bus", with(statement(`"Resource":"` + ordersARN + `-other"`)), `The relative-id "event-bus/orders-other" is invalid for ARN "` + ordersARN + `-other"`},
		{"another bus in a list", with(statement(`"Resource":["` + ordersARN + `","` + ordersARN + `-other"]`)), `The relative-id "event-bus/orders-other" is invalid for ARN "` + ordersARN + `-other"`},
		{"every bus", with(statement(`"Resource":"arn:aws:events:us-east-1:123456789012:event-bus/*"`)), `The relative-id "event-bus/*" is invalid for ARN "arn:aws:events:us-east-1:123456789012:event-bus/*"`},
		{"every rule", with(statement(`"Resource":"` + rulesARN + `*"`)), `The relative-id "rule/*" is invalid for ARN "` + rulesARN + `*"`},
		{"another bus's rules", with(statement(`"Resource":"` + rulesARN + `other/*"`)), `The relative-id "rule/other/*" is invalid for ARN "` + rulesARN + `other/*"`},
		{"every account", with(statement(`"Resource":"arn:aws:events:us-east-1:*:event-bus/orders"`)), `The namespace "*" is invalid for ARN "arn:aws:events:us-east-1:*:event-bus/orders"`},
		{"another region", with(statement(`"Resource":"arn:aws:events:eu-west-1:123456789012:event-bus/orders"`)), `The region "eu-west-1" is invalid for ARN "arn:aws:events:eu-west-1:123456789012:event-bus/orders"`},
		{"another service's resource", with(statement(`"Resource":"arn:aws:sqs:us-east-1:123456789012:orders"`)), `The vendor "sqs" is invalid for ARN "arn:aws:sqs:us-east-1:123456789012:orders"`},
		{"a name", with(statement(`"Resource":"orders"`)), `Resource orders must be in ARN format or "*".`},

		{"an account that nobody has", with(statement(`"Principal":{"AWS":"000000000000"}`)), "Policy contains an invalid principal"},
		{"its ARN", with(statement(`"Principal":{"AWS":"arn:aws:iam::000000000000:root"}`)), "Policy contains an invalid principal"},
		{"a name as principal", with(statement(`"Principal":"222222222222"`)), "Policy contains an invalid principal"},
		{"a short account", with(statement(`"Principal":{"AWS":"123"}`)), "Policy contains an invalid principal"},
		{"a pattern of accounts", with(statement(`"Principal":{"AWS":["222222222222","arn:aws:iam::222222222222:*"]}`)), "Policy contains an invalid principal"},
		{"another partition's account", with(statement(`"Principal":{"AWS":"arn:aws-cn:iam::222222222222:root"}`)), "Policy contains an invalid principal"},
		{"a service that is none", with(statement(`"Principal":{"Service":"events"}`)), "Policy contains an invalid principal"},
		{"an unknown kind of principal", with(statement(`"Principal":{"Group":"x"}`)), "Policy contains an invalid principal"},
		{"an empty principal", with(statement(`"Principal":{}`)), "Missing required field Principal cannot be empty!"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Check(tt.text, orders)
			e, ok := errors.AsType[*Error](err)
			if !ok {
				t.Fatalf("got %v, %v, want an *Error", p, err)
			}
			if e.Message != tt.want {
				t.Errorf("%s\ngot  %s\nwant %s", tt.text, e.Message, tt.want)
			}
		})
	}
}

// TestPlaceOfAStatement holds the column that was recorded for a second
// statement: it is that of the comma before it.
func TestPlaceOfAStatement(t *testing.T) {
	bus := Bus{Region: "us-east-1", Account: "123456789012", Name: strings.Repeat("b", 36)}
	s := `{"Sid":"duplicate","Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"events:PutEvents","Resource":"` + bus.arn() + `"}`
	_, err := Check(with(s, s), bus)
	if want := "Invalid statement at line 1 column 235: The Statement Ids in the policy are not unique"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestKeptPolicies holds what becomes of a policy that is taken (P3, P4, P5).
func TestKeptPolicies(t *testing.T) {
	const id = `"arn:aws:iam::222222222222:root"`
	for _, tt := range []struct{ name, text, want string }{
		{"the usual", with(statement()), with(statement())},
		{"white space", "  {\"Version\" : \"2012-10-17\",\n\"Statement\" : [ " + statement() + " ] } ", with(statement())},
		{"one statement without a list", `{"Version":"2012-10-17","Statement":` + statement() + `}`, with(statement())},
		{"an id, an older version", `{"Statement":[` + statement() + `],"Id":"p","Version":"2008-10-17"}`, `{"Version":"2008-10-17","Id":"p","Statement":[` + statement() + `]}`},
		{"members in another order", with(`{"Resource":"*","Condition":{"StringEquals":{"events:source":["a", "b"]}},"Action":"*","Principal":"*","Effect":"Deny","Sid":"s"}`),
			with(`{"Sid":"s","Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"StringEquals":{"events:source":["a","b"]}}}`)},
		{"an account", with(statement(`"Principal":{"AWS":"222222222222"}`)), with(statement(`"Principal":{"AWS":` + id + `}`))},
		{"accounts", with(statement(`"Principal":{"AWS":["222222222222","*"],"Service":"222222222222.amazonaws.com"}`)),
			with(statement(`"Principal":{"AWS":[` + id + `,"*"],"Service":"222222222222.amazonaws.com"}`))},
		{"a role, a user, a session, one that is gone", with(statement(`"Principal":{"AWS":["arn:aws:iam::222222222222:role/a/b","arn:aws:iam::222222222222:user/u","arn:aws:sts::222222222222:assumed-role/r/s","AROAOWNEDFIRSTROLEID"]}`)),
			with(statement(`"Principal":{"AWS":["arn:aws:iam::222222222222:role/a/b","arn:aws:iam::222222222222:user/u","arn:aws:sts::222222222222:assumed-role/r/s","AROAOWNEDFIRSTROLEID"]}`))},
		{"a federated principal", with(statement(`"Principal":{"Federated":"accounts.google.com"}`)), with(statement(`"Principal":{"Federated":"accounts.google.com"}`))},
		{"every action", with(statement(`"Action":"*"`)), with(statement(`"Action":"*"`))},
		{"every action of events, in another case", with(statement(`"Action":["Events:*","events:Put*","events:describerule","events:?utRule"]`)), with(statement(`"Action":["Events:*","events:Put*","events:describerule","events:?utRule"]`))},
		{"every region", with(statement(`"Resource":"arn:aws:events:*:123456789012:event-bus/orders"`)), with(statement(`"Resource":"arn:aws:events:*:123456789012:event-bus/orders"`))},
		{"every partition", with(statement(`"Resource":"arn:*:events:us-east-1:123456789012:event-bus/orders"`)), with(statement(`"Resource":"arn:*:events:us-east-1:123456789012:event-bus/orders"`))},
		{"the bus's rules", with(statement(`"Resource":["` + rulesARN + `orders/r","` + rulesARN + `orders/*"]`)), with(statement(`"Resource":["` + rulesARN + `orders/r","` + rulesARN + `orders/*"]`))},
		{"text that HTML would escape", with(statement(`"Condition":{"StringLike":{"events:source":"<&>\u2028"}}`)), with(statement(`"Condition":{"StringLike":{"events:source":"<&>\u2028"}}`))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Check(tt.text, orders)
			if err != nil {
				t.Fatalf("%s: %v", tt.text, err)
			}
			got, err := p.Text()
			if err != nil || got != tt.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, tt.want)
			}
		})
	}
}

// TestActions holds every action that a policy can name, and some of the others
// (P5).
func TestActions(t *testing.T) {
	for action := range strings.FieldsSeq(`PutEvents DescribeEventBus ListRules ListRuleNamesByTarget ListTagsForResource ListTargetsByRule TagResource UntagResource
		PutRule DeleteRule DescribeRule EnableRule DisableRule PutTargets RemoveTargets`) {
		if got := checkActions([]string{"events:" + action}); got != "" {
			t.Errorf("%s: got %s", action, got)
		}
	}
	for action := range strings.FieldsSeq(`ActivateEventSource CreateArchive CreateEventBus DeleteEventBus DescribeArchive DescribeReplay InvokeApiDestination ListEventBuses ListReplays
		PutPartnerEvents PutPermission RemovePermission RetrieveConnectionCredentials StartReplay TestEventPattern UpdateArchive UpdateEventBus Put[E]vents`) {
		if got := checkActions([]string{"events:" + action}); got == "" {
			t.Errorf("%s is taken", action)
		}
	}
}

// TestDefaultBus holds which rules a policy of the default bus can name: their
// ARNs do not name it.
func TestDefaultBus(t *testing.T) {
	bus := Bus{Region: "cn-north-1", Account: "000000000000", Name: "default"}
	const prefix = "arn:aws-cn:events:cn-north-1:000000000000:"
	for resource, want := range map[string]bool{
		"event-bus/default": true, "rule/r": true, "rule/*": true, "rule/default/*": true,
		"event-bus/orders": false, "rule/orders/r": false, "rule/": false, "rule/default/": false, "archive/a": false,
	} {
		if err := bus.checkResource(prefix + resource); (err == nil) != want {
			t.Errorf("%s: got %v", resource, err)
		}
	}
	// The account of the server is there, whatever it is.
	p, err := Check(`{"Version":"2012-10-17","Statement":{"Sid":"s","Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"*","Resource":"*"}}`, bus)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := p.Text(); !strings.Contains(got, `{"AWS":"arn:aws-cn:iam::000000000000:root"}`) {
		t.Errorf("got %s", got)
	}
}

// TestLength holds the most characters that a policy has as it is kept (P6).
func TestLength(t *testing.T) {
	filled := func(length int) string {
		text := with(statement(`"Condition":{"StringEquals":{"events:source":"ü"}}`))
		return strings.Replace(text, "ü", strings.Repeat("ü", length-len([]rune(text))+1), 1)
	}
	for length, want := range map[int]error{10240: nil, 10241: ErrTooLong} {
		p, err := Check(strings.Repeat(" ", MaxLength)+filled(length), orders)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Text(); !errors.Is(err, want) {
			t.Errorf("%d characters: got %v, want %v", length, err, want)
		}
	}
}

// FuzzCheck holds that no text makes Check panic, and that what is kept is
// compact JSON which is taken as it is, and read again as it is.
func FuzzCheck(f *testing.F) {
	for _, text := range []string{
		``, `null`, `{}`, `[]`, with(), with(statement()), with(without("Sid")), with(statement(), statement(`"Sid":"t"`, `"Principal":{"AWS":["222222222222"]}`)),
		with(statement(`"Condition":{"StringEquals":{"a":"b"}}`)), `{"Version":"2008-10-17","Id":"\u2028","Statement":` + statement() + `}`,
		"{\"Version\":\"2012-10-17\",\n\"Statement\":[ \xff ]}",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Check(text, orders)
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("got %v, which is not the caller's", err)
			}
			return
		}
		kept, err := p.Text()
		if err != nil {
			return
		}
		if !json.Valid([]byte(kept)) {
			t.Fatalf("kept %q, which is not JSON", kept)
		}
		again, err := Check(kept, orders)
		if err != nil {
			t.Fatalf("kept %q, which is refused: %v", kept, err)
		}
		if text, err := again.Text(); err != nil || text != kept {
			t.Fatalf("kept %q, and of that %q, %v", kept, text, err)
		}
		read, err := Read(kept)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := read.Text(); err != nil || text != kept {
			t.Fatalf("kept %q, read %q, %v", kept, text, err)
		}
	})
}
