package input_test

import (
	"bytes"
	"encoding/json"
	"errors"
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
	`"controls":"\t\r\b\f\u0001\u001f","empties":[],"json":"{\"a\":[1]}","more":[{"k":[]}],"injected":"x\", \"admin\": \"yes","nested":{"a":"say \"hi\"","b":"C:\\new\n","c":"\\"}}}`

var ctx = input.Context{
	RuleARN:  "arn:aws:events:us-east-1:123456789012:rule/orders/example",
	RuleName: "example",
	Ingested: time.Date(2015, 11, 11, 22, 29, 55, 123_999_999, time.FixedZone("CET", 3600)),
}

var paths = map[string]string{
	"detail-type": "$.detail-type", "timestamp": "$.time", "command": "$.detail.command", "missing": "$.detail.notinmessage",
	"userId": "$.detail.payload.acc_id", "payload": "$.detail.payload", "systemstring": "$.detail.awsAccountId",
	"listsingle": "$.detail.listsingle", "listmulti": "$.detail.listmulti", "numbers": "$.detail.numbers", "mixed": "$.detail.mixed", "empty": "$.detail.empty",
	"valid": "$.detail.valid", "no": "$.detail.no", "nothing": "$.detail.nothing", "price": "$.detail.price", "big": "$.detail.big",
	"blank": "$.detail.blank", "quoted": "$.detail.quoted", "backslash": "$.detail.backslash", "lines": "$.detail.lines",
	"slash": "$.detail.slash", "accent": "$.detail.accent", "injected": "$.detail.injected", "nested": "$.detail.nested",
	"controls": "$.detail.controls", "empties": "$.detail.empties", "json": "$.detail.json", "more": "$.detail.more",
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
		{"string template, predefined", `"<aws.events.rule-arn> <aws.events.rule-name> <aws.events.event.ingestion-time>"`, `"arn:aws:events:us-east-1:123456789012:rule/orders/example example 2015-11-11T21:29:55.123Z"`},
		{"JSON, the whole event", `{"e": <aws.events.event.json>}`, `{"e": ` + event + `}`},
		{"JSON, the event without detail", `{"originalEvent": <aws.events.event>}`, `{"originalEvent": {"id":"7bf73129-1428-4cd3-a780-95db273d1602","account":"123456789012","detailType":"core.update-account-command","time":1447277394000,"source":"aws.ec2","region":"us-east-1","resources":["arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111"],"version":"0"}}`},

		// Documented by AWS.
		{"JSON, predefined as values", `{"ruleArn" : <aws.events.rule-arn>, "ruleName" : <aws.events.rule-name>, "at":<aws.events.event.ingestion-time>}`, `{"ruleArn" : "arn:aws:events:us-east-1:123456789012:rule/orders/example", "ruleName" : "example", "at":"2015-11-11T21:29:55.123Z"}`},
		{"JSON, predefined in a string", `{"x": "rule <aws.events.rule-name>"}`, `{"x": "rule example"}`},
		{"JSON, values and constants", `{"instance" : <resource>, "state": [ 9, <command>, true ], "Transformed" : "Yes"}`, `{"instance" : "arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111", "state": [ 9, "update-account", true ], "Transformed" : "Yes"}`},
		{"JSON, quotation marks in a string", `{"status": "instance \"<userId>\" is in <command>"}`, `{"status": "instance \"0a787ecb-4015\" is in update-account"}`},
		{"string template, quotation marks", `"instance \"<userId>\" is in <command>"`, `"instance \"0a787ecb-4015\" is in update-account"`},

		// What follows from them.
		{"JSON, numbers keep their text", `{"price": <price>, "big": <big>, "text": "<price> of <big>"}`, `{"price": 1.0, "big": 9007199254740993, "text": "1.0 of 9007199254740993"}`},
		{"JSON, booleans and null", `{"a": <valid>, "b": <no>, "c": <nothing>, "d": "<valid> <no> <nothing>"}`, `{"a": true, "b": false, "c": null, "d": "true false null"}`},
		{"JSON, a value that needs escapes", `{"a": <quoted>, "b": <backslash>, "c": <lines>}`, `{"a": "say \"hi\"", "b": "C:\\new", "c": "one\ntwo"}`},
		{"JSON, nothing in a string", `{"a": "users/<missing>/x", "b": "<blank>"}`, `{"a": "users//x", "b": ""}`},
		{"JSON, escapes that need not be", `{"a": "<slash> <accent>"}`, `{"a": "a/b café <b>"}`},
		{"JSON, nothing in an array", `{"a": [<missing>, <missing>]}`, `{"a": ["", ""]}`},
		{"JSON, a value that needs escapes in a string", `{"a": "he did <quoted> <lines> in <backslash>"}`, `{"a": "he did say \"hi\" one\ntwo in C:\\new"}`},
		{"JSON, quotation marks that would make members", `{"a": "<injected>"}`, `{"a": "x\", \"admin\": \"yes"}`},
		{"JSON, control characters in a string", `{"a": "<controls>"}`, `{"a": "\t\r\b\f\u0001\u001f"}`},
		{"JSON, array without strings in a string", `{"a": "<numbers> <empty>"}`, `{"a": "[1,2] {}"}`},
		{"JSON, every item", `{"all": <every>}`, `{"all": [false]}`},
		{"JSON, the whole event by its path", `{"e": <whole>}`, `{"e": ` + event + `}`},
		{"JSON, line breaks and escapes of the template", "{\n  \"a\": \"x\\n\\u0041<userId>\",\n  \"b\": <valid>\n}\n", "{\n  \"a\": \"x\\n\\u00410a787ecb-4015\",\n  \"b\": true\n}\n"},
		{"JSON, no variables", `{"constant": true}`, `{"constant": true}`},
		{"JSON, signs that are no variables", `{"a": "1 < 2 > <userId> <> a<b < "}`, `{"a": "1 < 2 > 0a787ecb-4015 <> a<b < "}`},
		{"JSON, escaped backslash before a variable", `{"a": "\\<userId>"}`, `{"a": "\\0a787ecb-4015"}`},
		{"JSON, braces within strings", `{"a": "{<userId>}, [<valid>", "b": {"c": "x: <no>", "d": "<blank>"}}`, `{"a": "{0a787ecb-4015}, [true", "b": {"c": "x: false", "d": ""}}`},
		{"JSON, space before", " \n\t{\"a\": <userId>}", " \n\t{\"a\": \"0a787ecb-4015\"}"},
		{"JSON, ingestion time in a string", `{"a": "<aws.events.event.ingestion-time>"}`, `{"a": "2015-11-11T21:29:55.123Z"}`},

		// Anything that begins with neither { nor a quotation mark is text.
		{"text, a number", `<price>`, `1.0`},
		{"text, a boolean", `<valid>`, `true`},
		{"text, null", ` <nothing> `, ` null `},
		{"text, numbers, booleans and null in an array", `[<price>,<valid>,<nothing>,<big>]`, `[1.0,true,null,9007199254740993]`},
		{"text, values without strings", `[<empty>,<empties>,<numbers>]`, `[{},[],[1,2]]`},
		{"text, a string in quotation marks", `["<userId>", {"k": "<blank>"}]`, `["0a787ecb-4015", {"k": ""}]`},
		{"text, a string that is JSON itself", `[<json>]`, `[{"a":[1]}]`},
		{"text, a variable as a name", `[{"<userId>": <price>}]`, `[{"0a787ecb-4015": 1.0}]`},
		{"text, no variables", `[1, "x"]`, `[1, "x"]`},

		{"string template, null and number", `"<nothing> <price>"`, `"null 1.0"`},
		{"string template, nested values", `"<mixed>"`, `"[1.0,a,null,{b:false}]"`},
		{"string template, line break as an escape", `"<valid>\n<no>"`, `"true\nfalse"`},
		{"string template, empty lines between", "\n\"<valid>\"\r\n\n  \"<no>\"\n", "\n\"true\"\r\n\n  \"false\"\n"},
		{"string template, the event without detail", `"<aws.events.event>"`, `"{id:7bf73129-1428-4cd3-a780-95db273d1602,account:123456789012,detailType:core.update-account-command,time:1447277394000,source:aws.ec2,region:us-east-1,resources:[arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111],version:0}"`},
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

// What comes out as no JSON is an error that holds what came out and says which
// part of the template it is.
func TestTransformerFails(t *testing.T) {
	const (
		at         = ", at line 1, column "
		misfit     = " of the InputTemplate, has a quotation mark, a backslash or a control character, and cannot be put into a string"
		misfitList = " of the InputTemplate, has strings in it, and cannot be put into a string"
		asText     = " of the InputTemplate, is not JSON where it is put as text"
		isEmpty    = " of the InputTemplate, is empty, which is not JSON there"
		notDefined = " of the InputTemplate, is not defined"
	)
	tests := []struct{ name, template, broken, want string }{
		// Recorded on AWS: nothing is delivered.
		{"text, one item then text", `<listsingle> single list item`, `[HIGH] single list item`, "the value of <listsingle>" + at + "1" + asText},
		{"text, items then text", `<listmulti> multiple list items`, `[ACTIVE,INACTIVE] multiple list items`, "the value of <listmulti>" + at + "1" + asText},
		{"text, a string in an array", `[<command>]`, `[update-account]`, "the value of <command>" + at + "2" + asText},
		{"text, an object", `<payload>`, `{acc_id:0a787ecb-4015,sf_id:baz}`, "the value of <payload>" + at + "1" + asText},
		{"text, nothing in an array", `[1,<missing>,2]`, `[1,,2]`, "<missing>" + at + "4" + isEmpty},
		{"JSON, object in a string", `{"not_valid": "users-service/users/<payload>", "bod": <payload>}`,
			`{"not_valid": "users-service/users/{"acc_id":"0a787ecb-4015","sf_id":"baz"}", "bod": {"acc_id": "0a787ecb-4015", "sf_id": "baz"}}`,
			"the value of <payload>" + at + "36" + misfitList},
		{"JSON, object as a whole string", `{"payload": "<payload>"}`, `{"payload": "{"acc_id":"0a787ecb-4015","sf_id":"baz"}"}`, "the value of <payload>" + at + "14" + misfitList},
		{"JSON, array as a whole string", `{"singlelistitem": "<listsingle>"}`, `{"singlelistitem": "["HIGH"]"}`, "the value of <listsingle>" + at + "21" + misfitList},
		{"JSON, arrays as whole strings", `{"a": "<listsingle>", "b": "<listmulti>"}`, `{"a": "["HIGH"]", "b": "["ACTIVE","INACTIVE"]"}`, "the value of <listsingle>" + at + "8" + misfitList},
		{"string template, quotation mark", `"<quoted>"`, `"say "hi""`, "the value of <quoted>" + at + "2" + misfit},
		{"string template, line break", `"<lines>"`, "\"one\ntwo\"", "the value of <lines>" + at + "2" + misfit},
		{"string template, tab", `"<controls>"`, "\"\t\r\b\f\x01\x1f\"", "the value of <controls>" + at + "2" + misfit},

		{"text, text after a value", `<price> text`, `1.0 text`, "the InputTemplate is not JSON from line 1, column 9 on"},
		{"text, two values", `<price> <valid>`, `1.0 true`, "the value of <valid>" + at + "9" + asText},
		{"text, a string", ` <command> `, ` update-account `, "the value of <command>" + at + "2" + asText},
		{"text, nothing", `<missing>`, ``, "<missing>" + at + "1" + isEmpty},
		{"text, nothing but space", ` `, ` `, "the InputTemplate is not JSON from line 1, column 2 on"},
		{"text, a quotation mark in a string", `["<quoted>"]`, `["say "hi""]`, "the value of <quoted>" + at + "3" + misfit},
		{"text, on the second line", "[1,\n <command>]", "[1,\n update-account]", "the value of <command>, at line 2, column 2" + asText},
		{"JSON, the event in a string", `{"a": "<aws.events.event.json>"}`, "", "the value of <aws.events.event.json>" + at + "8" + misfitList},
		{"JSON, the event without detail in a string", `{"a": "<aws.events.event>"}`, "", "the value of <aws.events.event>" + at + "8" + misfitList},
		{"JSON, text after it", `{"a": <valid>} x`, `{"a": true} x`, "the InputTemplate is not JSON from line 1, column 16 on"},
		{"string template, backslash", `"<backslash>"`, `"C:\new"`, "the value of <backslash>" + at + "2" + misfit},
		{"string template, quotation mark within an object", `"<nested>"`, `"{a:say "hi",b:C:\\new\n,c:\\}"`, "the value of <nested>" + at + "2 of the InputTemplate, has a quotation mark, and cannot be put into a string"},
		{"string template, two strings on a line", `"<valid>" "b"`, `"true" "b"`, "the InputTemplate is not JSON from line 1, column 11 on"},
		{"string template, a line that is no string", "\"a\"\n  <price>", "\"a\"\n  1.0", "the value of <price>, at line 2, column 3" + asText},
		{"not defined, without a map, JSON", `{"a": <undefined>}`, `{"a": <undefined>}`, "<undefined>" + at + "7" + notDefined},
		{"not defined, without a map, JSON in a string", `{"a": "<undefined>"}`, `{"a": "<undefined>"}`, "<undefined>" + at + "8" + notDefined},
		{"not defined, without a map, text", `[<undefined>]`, `[<undefined>]`, "<undefined>" + at + "2" + notDefined + ", and what is written there is not JSON"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			transformer := input.Transformer{InputPathsMap: paths, InputTemplate: test.template}
			if strings.HasPrefix(test.name, "not defined") {
				transformer.InputPathsMap = nil
			}
			r, err := input.Compile("t", nil, nil, &transformer)
			if err != nil {
				t.Fatal(err)
			}
			got, err := r.Render([]byte(event), ctx)
			broken, ok := errors.AsType[*input.InvalidJSONError](err)
			if !ok || got != nil {
				t.Fatalf("got %q, %v; want an InvalidJSONError", got, err)
			}
			if broken.Reason != test.want {
				t.Errorf("got the reason  %s\nwant            %s", broken.Reason, test.want)
			}
			if test.broken != "" && string(broken.Body) != test.broken || test.want == "" && len(broken.Body) > 0 {
				t.Errorf("got the text  %s\nwant          %s", broken.Body, test.broken)
			}
		})
	}
}

// Without an InputPathsMap what is not defined stays as it is written in text.
func TestUndefinedStays(t *testing.T) {
	for _, template := range []string{`"a <b> c <aws.events.rule> <$.detail>"`, `["<b>"]`} {
		if got, err := renderWith(t, nil, template); err != nil || string(got) != template {
			t.Errorf("%s: got %s, %v; want it unchanged", template, got, err)
		}
	}
}

func TestInputAndInputPath(t *testing.T) {
	tests := []struct {
		name             string
		input, inputPath *string
		want             string
	}{
		{name: "none of them", want: event},
		{name: "Input", input: new(` {"constant": 1.0, "b": "<userId>"} `), want: ` {"constant": 1.0, "b": "<userId>"} `},
		{name: "Input that is a string", input: new(`"text"`), want: `"text"`},
		{name: "Input of the greatest length", input: new(`"` + strings.Repeat("é", 8190) + `"`), want: `"` + strings.Repeat("é", 8190) + `"`},
		{name: "InputPath of the event", inputPath: new(`$`), want: event},
		{name: "InputPath of an object", inputPath: new(`$.detail.payload`), want: `{"acc_id": "0a787ecb-4015", "sf_id": "baz"}`},
		{name: "InputPath of a string", inputPath: new(`$.detail.payload.sf_id`), want: `"baz"`},
		{name: "InputPath of a number", inputPath: new(`$.detail.price`), want: `1.0`},
		{name: "InputPath of null", inputPath: new(`$.detail.nothing`), want: `{}`},
		{name: "InputPath of every item", inputPath: new(`$.detail.listmulti[*]`), want: `["ACTIVE","INACTIVE"]`},
		{name: "InputPath that finds nothing", inputPath: new(`$.detail.none`), want: `{}`},
		{name: "InputPath that is empty", inputPath: new(``), want: `{}`},
		{name: "InputPath of every item of nothing", inputPath: new(`$.detail.none[*]`), want: `{}`},
		{name: "InputPath of the empty string", inputPath: new(`$.detail.blank`), want: `""`},
		{name: "InputPath of an item", inputPath: new(`$.detail.listmulti[1]`), want: `"INACTIVE"`},
		{name: "InputPath of an empty array", inputPath: new(`$.detail.empties[*]`), want: `[]`},
		{name: "Input that is empty", input: new(``), want: ``},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, err := input.Compile("t", test.input, test.inputPath, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := r.Render([]byte(event), ctx)
			if string(got) != test.want || err != nil {
				t.Errorf("got  %s, %v\nwant %s", got, err, test.want)
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

// One variable may stand in a template thousands of times, and an event may
// have a megabyte; the body must not have gigabytes.
func TestBodyIsBounded(t *testing.T) {
	r, err := input.Compile("t", nil, nil, &input.Transformer{
		InputPathsMap: map[string]string{"v": "$.detail"},
		InputTemplate: `{"a": [` + strings.Repeat("<v>,", 2000) + "0]}",
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
	return renderWith(t, paths, template)
}

func renderWith(t testing.TB, paths map[string]string, template string) ([]byte, error) {
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
