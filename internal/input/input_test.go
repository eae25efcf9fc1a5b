package input_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"bailey/internal/input"
)

// event is the event of AWS's documentation with the detail of the events that
// others have recorded on AWS.
const event = `{"version":"0","id":"7bf73129-1428-4cd3-a780-95db273d1602","detail-type":"core.update-account-command",` +
	`"source":"aws.ec2","account":"123456789012","time":"2015-11-11T21:29:54Z","region":"us-east-1","resources":["arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111"],` +
	`"detail":{"command":"update-account","payload": {"acc_id": "0a787ecb-4015", "sf_id": "baz"},` +
	`"listsingle":["HIGH"],"listmulti":["ACTIVE", "INACTIVE"],"numbers":[1, 2],"mixed":[1.0,"a",null,{"b":false}],"empty":{},"valid":true,"no":false,"nothing":null,` +
	`"price":1.0,"big":9007199254740993,"blank":"","quoted":"say \"hi\"","backslash":"C:\\new","lines":"one\ntwo","slash":"a\/b","accent":"caf\u00e9 <b>",` +
	`"injected":"x\", \"admin\": \"yes","nested":{"a":"say \"hi\"","b":"C:\\new\n","c":"\\"}}}`

var ctx = input.Context{
	RuleARN:  "arn:aws:events:us-east-1:123456789012:rule/orders/example",
	RuleName: "example",
	Ingested: time.Date(2015, 11, 11, 22, 29, 55, 999, time.FixedZone("CET", 3600)),
}

var paths = map[string]string{
	"detail-type": "$.detail-type", "timestamp": "$.time", "command": "$.detail.command", "missing": "$.detail.notinmessage",
	"userId": "$.detail.payload.acc_id", "payload": "$.detail.payload", "systemstring": "$.detail.awsAccountId",
	"listsingle": "$.detail.listsingle", "listmulti": "$.detail.listmulti", "numbers": "$.detail.numbers", "mixed": "$.detail.mixed", "empty": "$.detail.empty",
	"valid": "$.detail.valid", "no": "$.detail.no", "nothing": "$.detail.nothing", "price": "$.detail.price", "big": "$.detail.big",
	"blank": "$.detail.blank", "quoted": "$.detail.quoted", "backslash": "$.detail.backslash", "lines": "$.detail.lines",
	"slash": "$.detail.slash", "accent": "$.detail.accent", "injected": "$.detail.injected", "nested": "$.detail.nested",
	"resource": "$.resources[0]", "every": "$.detail.mixed[*].b", "whole": "$",
}

func TestTransformer(t *testing.T) {
	tests := []struct{ name, template, want string }{
		// Recorded on AWS.
		{"string template, strings", `"Event of <detail-type> type, at time <timestamp>, info extracted from detail <command>"`, `"Event of core.update-account-command type, at time 2015-11-11T21:29:54Z, info extracted from detail update-account"`},
		{"string template, not found", `"Event of <detail-type> type, at time <timestamp>, info extracted from detail <missing>"`, `"Event of core.update-account-command type, at time 2015-11-11T21:29:54Z, info extracted from detail "`},
		{"string template that begins like JSON", `"{[/Check with special starting characters for event of <detail-type> type"`, `"{[/Check with special starting characters for event of core.update-account-command type"`},
		{"JSON, strings", `{"detailType": <detail-type>,  "time": <timestamp>, "command": <command>}`, `{"detailType": "core.update-account-command",  "time": "2015-11-11T21:29:54Z", "command": "update-account"}`},
		{"JSON, not found", `{"detailType": <detail-type>, "command": <missing>}`, `{"detailType": "core.update-account-command", "command": ""}`},
		{"JSON, object as a value, string in a string", `{"method": "PUT", "path": "users-service/users/<userId>", "bod": <payload>}`, `{"method": "PUT", "path": "users-service/users/0a787ecb-4015", "bod": {"acc_id": "0a787ecb-4015", "sf_id": "baz"}}`},
		{"string template, object", `"Payload of <payload> with path users-service/users/<userId> and <userId>"`, `"Payload of {acc_id:0a787ecb-4015,sf_id:baz} with path users-service/users/0a787ecb-4015 and 0a787ecb-4015"`},
		{"JSON, string as a value", `{"id" : <userId>}`, `{"id" : "0a787ecb-4015"}`},
		{"JSON, string as a whole string", `{"id" : "<userId>"}`, `{"id" : "0a787ecb-4015"}`},
		{"JSON, string in an array", `{"bod": [<userId>, "hardcoded"]}`, `{"bod": ["0a787ecb-4015", "hardcoded"]}`},
		{"JSON, string deep down", `{"nested": {"level1": {"level2": {"level3": "users-service/users/<userId>"} } }, "bod": "<userId>"}`, `{"nested": {"level1": {"level2": {"level3": "users-service/users/0a787ecb-4015"} } }, "bod": "0a787ecb-4015"}`},
		{"string template, array of one", `"<listsingle> single list item"`, `"[HIGH] single list item"`},
		{"string template, array of two", `"<listmulti> multiple list items"`, `"[ACTIVE,INACTIVE] multiple list items"`},
		{"JSON, array as a value", `{"singlelistitem": <listsingle>}`, `{"singlelistitem": ["HIGH"]}`},
		{"string template, everything", `"<listsingle> single list item <listmulti> multiple list items <systemstring> system account id <payload> payload <userId> user id"`, `"[HIGH] single list item [ACTIVE,INACTIVE] multiple list items  system account id {acc_id:0a787ecb-4015,sf_id:baz} payload 0a787ecb-4015 user id"`},
		{"string template of several lines", "\"<listsingle> single list item\"\n\"<listmulti> multiple list items\"\n\"<systemstring> system account id\"\n\"<payload> payload\"\n\"<userId> user id\"", "\"[HIGH] single list item\"\n\"[ACTIVE,INACTIVE] multiple list items\"\n\" system account id\"\n\"{acc_id:0a787ecb-4015,sf_id:baz} payload\"\n\"0a787ecb-4015 user id\""},
		{"JSON, one name twice in a string", `{"multi_replacement": "users/<userId>/second/<userId>"}`, `{"multi_replacement": "users/0a787ecb-4015/second/0a787ecb-4015"}`},
		{"string template, true", `"Command is <valid>!"`, `"Command is true!"`},
		{"string template, predefined", `"<aws.events.rule-arn> <aws.events.rule-name> <aws.events.event.ingestion-time>"`, `"arn:aws:events:us-east-1:123456789012:rule/orders/example example 2015-11-11T21:29:55Z"`},
		{"JSON, the whole event", `{"e": <aws.events.event.json>}`, `{"e": ` + event + `}`},
		{"JSON, the event without detail", `{"originalEvent": <aws.events.event>}`, `{"originalEvent": {"version":"0","id":"7bf73129-1428-4cd3-a780-95db273d1602","detailType":"core.update-account-command","source":"aws.ec2","account":"123456789012","time":"2015-11-11T21:29:54Z","region":"us-east-1","resources":["arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111"]}}`},

		// Documented by AWS.
		{"JSON, predefined as values", `{"ruleArn" : <aws.events.rule-arn>, "ruleName" : <aws.events.rule-name>, "at":<aws.events.event.ingestion-time>}`, `{"ruleArn" : "arn:aws:events:us-east-1:123456789012:rule/orders/example", "ruleName" : "example", "at":"2015-11-11T21:29:55Z"}`},
		{"JSON, predefined in a string", `{"x": "rule <aws.events.rule-name>"}`, `{"x": "rule example"}`},
		{"JSON, values and constants", `{"instance" : <resource>, "state": [ 9, <command>, true ], "Transformed" : "Yes"}`, `{"instance" : "arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111", "state": [ 9, "update-account", true ], "Transformed" : "Yes"}`},
		{"JSON, quotation marks in a string", `{"status": "instance \"<userId>\" is in <command>"}`, `{"status": "instance \"0a787ecb-4015\" is in update-account"}`},
		{"string template, quotation marks", `"instance \"<userId>\" is in <command>"`, `"instance \"0a787ecb-4015\" is in update-account"`},

		// What follows from them.
		{"JSON, numbers keep their text", `{"price": <price>, "big": <big>, "text": "<price> of <big>"}`, `{"price": 1.0, "big": 9007199254740993, "text": "1.0 of 9007199254740993"}`},
		{"JSON, booleans and null", `{"a": <valid>, "b": <no>, "c": <nothing>, "d": "<valid> <no> <nothing>"}`, `{"a": true, "b": false, "c": null, "d": "true false null"}`},
		{"JSON, a value that needs escapes", `{"a": <quoted>, "b": <backslash>, "c": <lines>}`, `{"a": "say \"hi\"", "b": "C:\\new", "c": "one\ntwo"}`},
		{"JSON, nothing in a string", `{"a": "users/<missing>/x", "b": "<blank>"}`, `{"a": "users//x", "b": ""}`},
		{"JSON, nothing in an array", `[<missing>, <missing>]`, `["", ""]`},
		{"JSON, escapes that need not be", `{"a": "<slash> <accent>"}`, `{"a": "a/b café <b>"}`},
		{"JSON, array without strings in a string", `{"a": "<numbers> <empty>"}`, `{"a": "[1,2] {}"}`},
		{"JSON, variable in a name", `{"is-<userId>": 1}`, `{"is-0a787ecb-4015": 1}`},
		{"JSON, every item", `{"all": <every>}`, `{"all": [false]}`},
		{"JSON, the whole event by its path", `{"e": <whole>}`, `{"e": ` + event + `}`},
		{"JSON, line breaks and escapes of the template", "{\n  \"a\": \"x\\n\\u0041<userId>\",\n  \"b\": <valid>\n}\n", "{\n  \"a\": \"x\\n\\u00410a787ecb-4015\",\n  \"b\": true\n}\n"},
		{"JSON, no variables", `{"constant": true}`, `{"constant": true}`},
		{"JSON, signs that are no variables", `{"a": "1 < 2 > <userId> <> a<b < "}`, `{"a": "1 < 2 > 0a787ecb-4015 <> a<b < "}`},
		{"JSON, escaped backslash before a variable", `{"a": "\\<userId>"}`, `{"a": "\\0a787ecb-4015"}`},
		{"JSON, one value", `<payload>`, `{"acc_id": "0a787ecb-4015", "sf_id": "baz"}`},
		{"JSON, one value that is a string", ` <command> `, ` "update-account" `},
		{"string template, null and number", `"<nothing> <price>"`, `"null 1.0"`},
		{"string template, nested values", `"<mixed>"`, `"[1.0,a,null,{b:false}]"`},
		{"string template, quotation marks within an object", `"<nested>"`, `"{a:say hi,b:C:\\new\n,c:\\}"`},
		{"string template, line break as an escape", `"<valid>\n<no>"`, `"true\nfalse"`},
		{"string template, empty lines between", "\n\"<valid>\"\r\n\n  \"<no>\"\n", "\n\"true\"\r\n\n  \"false\"\n"},
		{"string template, the event without detail", `"<aws.events.event>"`, `"{version:0,id:7bf73129-1428-4cd3-a780-95db273d1602,detailType:core.update-account-command,source:aws.ec2,account:123456789012,time:2015-11-11T21:29:54Z,region:us-east-1,resources:[arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111]}"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := render(t, test.template)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			checkBody(t, test.template, got)
		})
	}
}

func TestTransformerFails(t *testing.T) {
	const cannot = " has a quotation mark, a backslash or a control character, which cannot be put into a string of the InputTemplate"
	const neither = "the InputTemplate is neither JSON nor a quoted string"
	tests := []struct{ name, template, want string }{
		// Recorded on AWS: nothing is delivered.
		{"neither JSON nor quoted", `<listsingle> single list item`, neither},
		{"JSON, object in a string", `{"not_valid": "users-service/users/<payload>", "bod": <payload>}`, "the value of <payload>" + cannot},
		{"JSON, object as a whole string", `{"payload": "<payload>"}`, "the value of <payload>" + cannot},
		{"JSON, array as a whole string", `{"singlelistitem": "<listsingle>"}`, "the value of <listsingle>" + cannot},

		{"neither JSON nor quoted, text first", `text <command>`, neither},
		{"neither JSON nor quoted, no variables", `text`, neither},
		{"nothing but space", ` `, neither},
		{"digits beside a variable", `1<price>`, neither},
		{"JSON, quotation mark", `{"a": "<quoted>"}`, "the value of <quoted>" + cannot},
		{"JSON, quotation marks that would make members", `{"a": "<injected>"}`, "the value of <injected>" + cannot},
		{"JSON, backslash that would make a line break", `{"a": "<backslash>"}`, "the value of <backslash>" + cannot},
		{"JSON, line break", `{"a": "<lines>"}`, "the value of <lines>" + cannot},
		{"JSON, event in a string", `{"a": "<aws.events.event.json>"}`, "the value of <aws.events.event.json>" + cannot},
		{"string template, quotation mark", `"<quoted>"`, "the value of <quoted>" + cannot},
		{"string template, line break", `"<lines>"`, "the value of <lines>" + cannot},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := render(t, test.template)
			if err == nil || err.Error() != test.want {
				t.Errorf("got %q, %v\nwant the error %s", got, err, test.want)
			}
		})
	}
}

func TestInputAndInputPath(t *testing.T) {
	tests := []struct {
		name             string
		input, inputPath *string
		want, wantErr    string
	}{
		{name: "none of them", want: event},
		{name: "Input", input: new(` {"constant": 1.0, "b": "<userId>"} `), want: ` {"constant": 1.0, "b": "<userId>"} `},
		{name: "Input that is a string", input: new(`"text"`), want: `"text"`},
		{name: "Input of the greatest length", input: new(`"` + strings.Repeat("é", 8190) + `"`), want: `"` + strings.Repeat("é", 8190) + `"`},
		{name: "InputPath of the event", inputPath: new(`$`), want: event},
		{name: "InputPath of an object", inputPath: new(`$.detail.payload`), want: `{"acc_id": "0a787ecb-4015", "sf_id": "baz"}`},
		{name: "InputPath of a string", inputPath: new(`$.detail.payload.sf_id`), want: `"baz"`},
		{name: "InputPath of a number", inputPath: new(`$.detail.price`), want: `1.0`},
		{name: "InputPath of null", inputPath: new(`$.detail.nothing`), want: `null`},
		{name: "InputPath of every item", inputPath: new(`$.detail.listmulti[*]`), want: `["ACTIVE","INACTIVE"]`},
		{name: "InputPath that finds nothing", inputPath: new(`$.detail.none`), wantErr: `InputPath $.detail.none finds nothing in the event`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, err := input.Compile("t", test.input, test.inputPath, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := r.Render([]byte(event), ctx)
			if string(got) != test.want || (err == nil) != (test.wantErr == "") || err != nil && err.Error() != test.wantErr {
				t.Errorf("got  %s, %v\nwant %s, %s", got, err, test.want, test.wantErr)
			}
		})
	}
}

func TestNilRenderer(t *testing.T) {
	var r *input.Renderer
	body := []byte(event)
	if got, err := r.Render(body, ctx); err != nil || &got[0] != &body[0] {
		t.Errorf("got %s, %v; want the event itself", got, err)
	}
}

func TestCompileRefuses(t *testing.T) {
	manyPaths := make(map[string]string)
	for n := range 101 {
		manyPaths[fmt.Sprintf("n%d", n)] = "$.a"
	}
	tests := []struct {
		name             string
		input, inputPath *string
		paths            map[string]string
		template         *string
		want             string
	}{
		{name: "InputPath and InputTransformer", inputPath: new("$.detail"), template: new("{}"), want: `Only one of Input, InputPath, or InputTransformer must be provided for target t-1.`},
		{name: "Input and InputPath", input: new("{}"), inputPath: new("$.detail"), want: `Only one of Input, InputPath, or InputTransformer must be provided for target t-1.`},
		{name: "all three", input: new("{}"), inputPath: new("$.detail"), template: new("{}"), want: `Only one of Input, InputPath, or InputTransformer must be provided for target t-1.`},

		{name: "Input that is no JSON", input: new(`{"a": 1,` + "\n" + ` b: 2}`), want: `JSON syntax error in input for target t-1: [Source: (String)"{"a": 1,` + "\n" + ` b: 2}"; line: 2, column: 2]`},
		{name: "Input that is empty", input: new(``), want: `JSON syntax error in input for target t-1: [Source: (String)""; line: 1, column: 1]`},
		{name: "Input that ends too early", input: new(`{"a":`), want: `JSON syntax error in input for target t-1: [Source: (String)"{"a":"; line: 1, column: 5]`},
		{name: "Input that is too long", input: new(`"` + strings.Repeat("é", 8191) + `"`), want: `Input for target t-1 is longer than 8192 characters.`},

		{name: "InputPath that is none", inputPath: new(`$.a..b`), want: `Invalid InputPath for target t-1 : JSON path "$.a..b": at character 4: there is no name after the dot.`},
		{name: "InputPath that is empty", inputPath: new(``), want: `Invalid InputPath for target t-1 : JSON path "" does not begin with $.`},
		{name: "InputPath that is too long", inputPath: new("$." + strings.Repeat("é", 255)), want: `Invalid InputPath for target t-1 : JSON path is longer than 256 characters.`},

		{name: "a path that is none", paths: map[string]string{"ok": "$.a", "v": "a"}, template: new(`{}`), want: `Invalid InputPathsMap for target t-1 : v: JSON path "a" does not begin with $.`},
		{name: "a path that is too long", paths: map[string]string{"v": "$." + strings.Repeat("a", 255)}, template: new(`{}`), want: `Invalid InputPathsMap for target t-1 : v: JSON path is longer than 256 characters.`},
		{name: "too many paths", paths: manyPaths, template: new(`{}`), want: `InputPathsMap for target t-1 has more than 100 entries.`},
		{name: "an empty name", paths: map[string]string{"": "$.a"}, template: new(`{}`), want: `Invalid InputPathsMap for target t-1 : a name must have 1 to 256 characters.`},
		{name: "a long name", paths: map[string]string{strings.Repeat("a", 257): "$.a"}, template: new(`{}`), want: `Invalid InputPathsMap for target t-1 : a name must have 1 to 256 characters.`},
		{name: "a name with a dot", paths: map[string]string{"a.b": "$.a"}, template: new(`{}`), want: `Invalid InputPathsMap for target t-1 : the name a.b has characters other than letters, digits, _ and -.`},
		{name: "a name that begins with AWS", paths: map[string]string{"AWSid": "$.a"}, template: new(`{}`), want: `Invalid InputPathsMap for target t-1 : the name AWSid begins with AWS.`},
		{name: "a predefined name", paths: map[string]string{"aws.events.rule-arn": "$.a"}, template: new(`{}`), want: `Invalid InputPathsMap for target t-1 : the predefined variable aws.events.rule-arn cannot be defined.`},

		{name: "an unknown variable", paths: map[string]string{"detail-type": "$.detail-type"}, template: new(`"Event of <detail-type> type, with not defined key <notdefinedkey>"`), want: `InputTemplate for target t-1 contains invalid placeholder notdefinedkey.`},
		{name: "a path as a variable", template: new(`{"a": <$.detail>}`), want: `InputTemplate for target t-1 contains invalid placeholder $.detail.`},
		{name: "an unknown predefined variable", template: new(`{"a": <aws.events.rule>}`), want: `InputTemplate for target t-1 contains invalid placeholder aws.events.rule.`},
		{name: "an empty template", template: new(``), want: `InputTemplate for target t-1 must have 1 to 8192 characters.`},
		{name: "a long template", template: new(`"` + strings.Repeat("é", 8191) + `"`), want: `InputTemplate for target t-1 must have 1 to 8192 characters.`},
		{name: "JSON that ends too early", paths: map[string]string{"v": "$.a"}, template: new(`{"a": <v>`), want: `Invalid InputTemplate for target t-1 : [Source: (String)"{"a": <v>"; line: 1, column: 9]`},
		{name: "JSON without quotation marks", paths: map[string]string{"v": "$.a"}, template: new("{\"a\": <v>,\n \"b\": <v>, c}"), want: "Invalid InputTemplate for target t-1 : [Source: (String)\"{\"a\": <v>,\n \"b\": <v>, c}\"; line: 2, column: 12]"},
		{name: "JSON with a variable as a name", paths: map[string]string{"v": "$.a"}, template: new(`{<v>: 1}`), want: `Invalid InputTemplate for target t-1 : [Source: (String)"{<v>: 1}"; line: 1, column: 2]`},
		{name: "JSON with two variables as a value", paths: map[string]string{"v": "$.a"}, template: new(`{"a": <v><v>}`), want: `Invalid InputTemplate for target t-1 : [Source: (String)"{"a": <v><v>}"; line: 1, column: 10]`},
		{name: "JSON with an escaped variable", paths: map[string]string{"v": "$.a"}, template: new(`{"a": "\<v>"}`), want: `Invalid InputTemplate for target t-1 : [Source: (String)"{"a": "\<v>"}"; line: 1, column: 9]`},
		{name: "JSON with a variable in an escape", paths: map[string]string{"v": "$.a"}, template: new(`{"a": "\u00<v>"}`), want: `Invalid InputTemplate for target t-1 : [Source: (String)"{"a": "\u00<v>"}"; line: 1, column: 12]`},
		{name: "a string that is not closed", paths: map[string]string{"v": "$.a"}, template: new(`"a <v>`), want: `Invalid InputTemplate for target t-1 : [Source: (String)""a <v>"; line: 1, column: 6]`},
		{name: "a string over two lines", template: new("\"a\nb\""), want: "Invalid InputTemplate for target t-1 : [Source: (String)\"\"a\nb\"\"; line: 2, column: 1]"},
		{name: "two strings on a line", template: new(`"a" "b"`), want: `Invalid InputTemplate for target t-1 : [Source: (String)""a" "b""; line: 1, column: 5]`},
		{name: "a line that is not quoted", paths: map[string]string{"v": "$.a"}, template: new("\"a\"\n  <v>"), want: "Invalid InputTemplate for target t-1 : [Source: (String)\"\"a\"\n  <v>\"; line: 2, column: 3]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var transformer *input.Transformer
			if test.template != nil {
				transformer = &input.Transformer{InputPathsMap: test.paths, InputTemplate: *test.template}
			}
			_, err := input.Compile("t-1", test.input, test.inputPath, transformer)
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

// One variable may stand in a template thousands of times, and an event may
// have a megabyte; the body must not have gigabytes.
func TestBodyIsBounded(t *testing.T) {
	r, err := input.Compile("t", nil, nil, &input.Transformer{
		InputPathsMap: map[string]string{"v": "$.detail"},
		InputTemplate: "[" + strings.Repeat("<v>,", 2000) + "0]",
	})
	if err != nil {
		t.Fatal(err)
	}
	large := []byte(`{"detail":"` + strings.Repeat("x", 1<<20) + `"}`)
	if body, err := r.Render(large, ctx); err == nil || err.Error() != "the body is longer than 10485760 bytes" {
		t.Errorf("got %d bytes, %v; want an error", len(body), err)
	}
	small := []byte(`{"detail":"` + strings.Repeat("x", 5000) + `"}`)
	if body, err := r.Render(small, ctx); err != nil || !json.Valid(body) {
		t.Errorf("got %d bytes, %v; want a body", len(body), err)
	}
}

func ExampleCompile() {
	r, err := input.Compile("orders-api", nil, nil, &input.Transformer{
		InputPathsMap: map[string]string{"id": "$.detail.id", "total": "$.detail.total"},
		InputTemplate: `{"order": <id>, "note": "order <id> of rule <aws.events.rule-name>", "total": <total>}`,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	body, err := r.Render([]byte(`{"detail":{"id":"A-17","total":12.50}}`), input.Context{RuleName: "orders"})
	fmt.Printf("%s %v\n", body, err)
	// Output: {"order": "A-17", "note": "order A-17 of rule orders", "total": 12.50} <nil>
}

func render(t testing.TB, template string) ([]byte, error) {
	t.Helper()
	r, err := input.Compile("t", nil, nil, &input.Transformer{InputPathsMap: paths, InputTemplate: template})
	if err != nil {
		t.Fatal(err)
	}
	return r.Render([]byte(event), ctx)
}

// checkBody reports a body that is neither JSON nor, for a string template,
// strings on lines of their own.
func checkBody(t testing.TB, template string, body []byte) {
	t.Helper()
	if !strings.HasPrefix(strings.TrimSpace(template), `"`) {
		if !json.Valid(body) {
			t.Errorf("template %q gives %q, which is not JSON", template, body)
		}
		return
	}
	for line := range bytes.Lines(body) {
		var text string
		if len(bytes.TrimSpace(line)) > 0 && json.Unmarshal(line, &text) != nil {
			t.Errorf("template %q gives %q, whose line %q is not a JSON string", template, body, line)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	for name, template := range map[string]string{
		"string": `"Event of <detail-type> type, at time <timestamp>, for <userId>"`,
		"JSON":   `{"method": "PUT", "path": "users-service/users/<userId>", "rule": <aws.events.rule-name>, "body": <payload>}`,
	} {
		b.Run(name, func(b *testing.B) {
			r, err := input.Compile("t", nil, nil, &input.Transformer{InputPathsMap: paths, InputTemplate: template})
			if err != nil {
				b.Fatal(err)
			}
			body := []byte(event)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Render(body, ctx); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
