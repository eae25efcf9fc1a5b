package arn

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func ExampleRule() {
	fmt.Println(Rule(Partition("us-east-1"), "us-east-1", "000000000000", DefaultBus, "orders"))
	fmt.Println(Rule(Partition("cn-north-1"), "cn-north-1", "000000000000", "shop", "orders"))
	// Output:
	// arn:aws:events:us-east-1:000000000000:rule/orders
	// arn:aws-cn:events:cn-north-1:000000000000:rule/shop/orders
}

func ExampleParseExecuteAPI() {
	e, err := ParseExecuteAPI("arn:aws:execute-api:us-east-1:112233445566:myapi/*/POST/pets/*")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(e.API, e.Stage, e.Method, e.Path, e.Variables())
	// Output: myapi * POST [pets *] 1
}

func TestEventBus(t *testing.T) {
	got := EventBus("aws", "eu-central-1", "111122223333", "shop")
	if want := "arn:aws:events:eu-central-1:111122223333:event-bus/shop"; got != want {
		t.Errorf("EventBus: got %s, want %s", got, want)
	}
}

func TestParse(t *testing.T) {
	cases := []struct {
		name, text string
		want       ARN
	}{
		{"rule", "arn:aws:events:us-east-1:123456789012:rule/r", ARN{"aws", "events", "us-east-1", "123456789012", "rule/r"}},
		{"no region, no account", "arn:aws:s3:::bucket/key", ARN{"aws", "s3", "", "", "bucket/key"}},
		{"colons in the resource", "arn:aws:logs:us-east-1:1:log-group:/a:*", ARN{"aws", "logs", "us-east-1", "1", "log-group:/a:*"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := Parse(c.text)
			if err != nil || got != c.want {
				t.Fatalf("Parse(%q): got %+v, %v, want %+v", c.text, got, err, c.want)
			}
			if got.String() != c.text {
				t.Errorf("String: got %s, want %s", got, c.text)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	cases := []struct{ name, text, want string }{
		{"empty", "", "does not have the form"},
		{"not an ARN", "urn:aws:events:r:a:rule/r", "does not have the form"},
		{"five parts", "arn:aws:events:us-east-1:123456789012", "does not have the form"},
		{"no partition", "arn::events:r:a:rule/r", "lacks"},
		{"no service", "arn:aws::r:a:rule/r", "lacks"},
		{"no resource", "arn:aws:events:r:a:", "lacks"},
		{"space", "arn:aws:events:r:a:rule/a b", "space"},
		{"line break", "arn:aws:events:r:a:rule/a\n", "control character"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(c.text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Parse(%q): got error %v, want one with %q", c.text, err, c.want)
			}
		})
	}
}

func TestParseExecuteAPI(t *testing.T) {
	const prefix = "arn:aws:execute-api:us-east-1:112233445566:"
	cases := []struct {
		name, resource     string
		api, stage, method string
		path               []string
		variables          int
	}{
		{"T2 path variables in order", "myapi/prod/GET/pets/*/toys/*", "myapi", "prod", "GET", []string{"pets", "*", "toys", "*"}, 2},
		{"T2 only a whole segment is a variable", "myapi/prod/GET/pets*/a*b", "myapi", "prod", "GET", []string{"pets*", "a*b"}, 0},
		{"T3 any method", "myapi/prod/*/pets", "myapi", "prod", "*", []string{"pets"}, 0},
		{"T4 open stage", "myapi/*/POST/pets/*", "myapi", "*", "POST", []string{"pets", "*"}, 1},
		{"T4 the default stage of an HTTP API", "myapi/$default/POST/pets", "myapi", "$default", "POST", []string{"pets"}, 0},
		{"T7 no path", "myapi/prod/PUT", "myapi", "prod", "PUT", nil, 0},
		{"T7 an empty path", "myapi/prod/PUT/", "myapi", "prod", "PUT", nil, 0},
		{"T7 a slash at the end", "myapi/prod/PATCH/pets/", "myapi", "prod", "PATCH", []string{"pets"}, 0},
		{"colon in the path", "myapi/prod/DELETE/pets:all", "myapi", "prod", "DELETE", []string{"pets:all"}, 0},
		{"HEAD", "a/b/HEAD", "a", "b", "HEAD", nil, 0},
		{"OPTIONS", "a/b/OPTIONS", "a", "b", "OPTIONS", nil, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseExecuteAPI(prefix + c.resource)
			if err != nil {
				t.Fatal(err)
			}
			want := ExecuteAPI{ARN: got.ARN, API: c.api, Stage: c.stage, Method: c.method, Path: c.path}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if n := got.Variables(); n != c.variables {
				t.Errorf("Variables: got %d, want %d", n, c.variables)
			}
		})
	}
}

func TestParseExecuteAPIRefuses(t *testing.T) {
	cases := []struct{ name, text, want string }{
		{"no ARN", "myapi/prod/GET", "does not have the form"},
		{"another service", "arn:aws:lambda:us-east-1:1:function:f", "not of execute-api"},
		{"no region", "arn:aws:execute-api::1:a/b/GET", "lacks its region"},
		{"no account", "arn:aws:execute-api:us-east-1::a/b/GET", "lacks its region or account"},
		{"API alone", "arn:aws:execute-api:us-east-1:1:myapi", "api-id/stage/METHOD/path"},
		{"no method", "arn:aws:execute-api:us-east-1:1:myapi/prod", "api-id/stage/METHOD/path"},
		{"empty API id", "arn:aws:execute-api:us-east-1:1:/prod/GET", "API id"},
		{"API id open", "arn:aws:execute-api:us-east-1:1:*/prod/GET", "API id"},
		{"API id with a dot", "arn:aws:execute-api:us-east-1:1:a.b/prod/GET", "API id"},
		{"empty stage", "arn:aws:execute-api:us-east-1:1:a//GET", "stage"},
		{"stage with a percent sign", "arn:aws:execute-api:us-east-1:1:a/%2e/GET", "stage"},
		{"T3 small letters", "arn:aws:execute-api:us-east-1:1:a/b/get", "method"},
		{"T3 ANY in words", "arn:aws:execute-api:us-east-1:1:a/b/ANY", "method"},
		{"T3 CONNECT", "arn:aws:execute-api:us-east-1:1:a/b/CONNECT", "method"},
		{"empty segment", "arn:aws:execute-api:us-east-1:1:a/b/GET/pets//1", "empty segment"},
		{"two slashes at the end", "arn:aws:execute-api:us-east-1:1:a/b/GET/pets//", "empty segment"},
		{"dot segment", "arn:aws:execute-api:us-east-1:1:a/b/GET/pets/./1", `segment "."`},
		{"dot-dot segment", "arn:aws:execute-api:us-east-1:1:a/b/GET/pets/..", `segment ".."`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseExecuteAPI(c.text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("ParseExecuteAPI(%q): got error %v, want one with %q", c.text, err, c.want)
			}
		})
	}
}

func TestPartition(t *testing.T) {
	cases := []struct{ region, partition, suffix string }{
		{"us-east-1", "aws", "amazonaws.com"},
		{"us-isolated-1", "aws", "amazonaws.com"},
		{"cn-north-1", "aws-cn", "amazonaws.com.cn"},
		{"us-gov-west-1", "aws-us-gov", "amazonaws.com"},
		{"us-iso-east-1", "aws-iso", "c2s.ic.gov"},
		{"us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov"},
		{"eu-isoe-west-1", "aws-iso-e", "cloud.adc-e.uk"},
		{"us-isof-south-1", "aws-iso-f", "csp.hci.ic.gov"},
		{"eusc-de-east-1", "aws-eusc", "amazonaws.eu"},
		{"", "aws", "amazonaws.com"},
	}
	for _, c := range cases {
		if got := Partition(c.region); got != c.partition {
			t.Errorf("Partition(%q): got %s, want %s", c.region, got, c.partition)
		}
		if got := DNSSuffix(c.region); got != c.suffix {
			t.Errorf("DNSSuffix(%q): got %s, want %s", c.region, got, c.suffix)
		}
	}
}

func FuzzParseExecuteAPI(f *testing.F) {
	f.Add("arn:aws:execute-api:us-east-1:112233445566:myapi/*/POST/pets/*")
	f.Add("arn:aws:execute-api:us-east-1:1:a/b/GET/")
	f.Add("arn:aws:execute-api:us-east-1:1:a/b/GET/c:d/../e")
	f.Fuzz(func(t *testing.T, text string) {
		e, err := ParseExecuteAPI(text)
		if err != nil {
			return
		}
		// What was taken apart, put together, is the text, but for a slash at its end.
		resource := strings.Join(append([]string{e.API, e.Stage, e.Method}, e.Path...), "/")
		a := e.ARN
		a.Resource = resource
		if got := a.String(); got != strings.TrimSuffix(text, "/") {
			t.Errorf("got %q put together, want %q", got, text)
		}
		for _, segment := range e.Path {
			if segment == "" || segment == "." || segment == ".." {
				t.Errorf("%q was accepted with the segment %q", text, segment)
			}
		}
	})
}
