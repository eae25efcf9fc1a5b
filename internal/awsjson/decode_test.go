package awsjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// The shapes of a small service, enough of every kind.
var (
	nameShape  = &Shape{Name: "Name", Kind: String, Min: new(int64(1)), Max: new(int64(8)), Pattern: MustPattern(`[\.\-_A-Za-z0-9]+`)}
	textShape  = &Shape{Name: "Text", Kind: String}
	stateShape = &Shape{Name: "State", Kind: String, Enum: []string{"ON", "OFF"}}
	limitShape = &Shape{Name: "Limit", Kind: Integer, Min: new(int64(1)), Max: new(int64(100))}
	entryShape = &Shape{Name: "Entry", Kind: Structure, Hidden: []string{"internal"}, Members: []Member{
		{Name: "Id", Shape: nameShape, Required: true},
		{Name: "Time", Shape: &Shape{Kind: Timestamp}},
		{Name: "Words", Shape: &Shape{Kind: List, Element: textShape}},
		{Name: "Params", Shape: &Shape{Kind: Map, Key: nameShape, Element: textShape}},
		{Name: "Nested", Shape: &Shape{Name: "Inner", Kind: Structure, Members: []Member{{Name: "Flag", Shape: &Shape{Kind: Boolean}}}}},
		{Name: "Password", Shape: &Shape{Kind: String, Max: new(int64(3)), Sensitive: true}},
	}}
	inputShape = &Shape{Name: "PutRequest", Kind: Structure, Members: []Member{
		{Name: "Name", Shape: nameShape, Required: true},
		{Name: "State", Shape: stateShape},
		{Name: "Limit", Shape: limitShape},
		{Name: "Count", Shape: &Shape{Kind: Integer}},
		{Name: "Size", Shape: &Shape{Kind: Long}},
		{Name: "Force", Shape: &Shape{Kind: Boolean}},
		{Name: "Since", Shape: &Shape{Kind: Timestamp}},
		{Name: "Entries", Shape: &Shape{Kind: List, Max: new(int64(2)), Element: entryShape}},
		{Name: "Ids", Shape: &Shape{Kind: List, Min: new(int64(1)), Element: nameShape}},
		{Name: "Tags", Shape: &Shape{Kind: Map, Max: new(int64(2)), Key: nameShape, Element: limitShape}},
		{Name: "ResourceARN", Shape: nameShape},
		{Name: "Connection", Shape: &Shape{Name: "Connection", Kind: String, Max: new(int64(8)), Pattern: nameShape.Pattern, PatternFirst: true}},
	}}
)

const namePattern = `Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+`

func TestDecode(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       string // the canonical form, or the error as Code: Message
	}{
		{"as it is", `{"Name":"a","Limit":5}`, `{"Limit":5,"Name":"a"}`},
		{"unknown members are ignored", `{"Name":"a","Other":{"x":[1]}}`, `{"Name":"a"}`},
		{"names are case-sensitive", `{"Name":"a","name":7}`, `{"Name":"a"}`},
		{"the last of a repeated member counts", `{"Name":"a","Name":"b"}`, `{"Name":"b"}`},
		{"null is absent", `{"Name":"a","Limit":null,"Ids":["x",null],"Tags":{"k":null}}`, `{"Ids":["x"],"Name":"a","Tags":{}}`},
		{"a fraction is cut off", `{"Name":"a","Limit":5.9}`, `{"Limit":5,"Name":"a"}`},
		{"an exponent is worked out", `{"Name":"a","Limit":1e1}`, `{"Limit":10,"Name":"a"}`},
		{"booleans as words", `{"Name":"a","Force":"Yes"}`, `{"Force":true,"Name":"a"}`},
		{"a timestamp keeps its digits", `{"Name":"a","Since":1736349846.123}`, `{"Name":"a","Since":1736349846.123}`},
		{"characters stay as they are", `{"Name":"a","Entries":[{"Id":"i","Words":["<é>","\u00e9\n"]}]}`,
			`{"Entries":[{"Id":"i","Words":["<é>","é\n"]}],"Name":"a"}`},

		{"no JSON", `{`, `SerializationException`},
		{"nothing", ``, `SerializationException`},
		{"text after it", `{"Name":"a"} {}`, `SerializationException`},
		{"null itself", `null`, `SerializationException`},
		{"a string itself", `"x"`, `SerializationException`},
		{"a list itself", `[]`, `SerializationException: Start of list found where not expected`},
		{"number for string", `{"Name":1}`, `SerializationException: NUMBER_VALUE can not be converted to a String`},
		{"true for string", `{"Name":true}`, `SerializationException: TRUE_VALUE can not be converted to a String`},
		{"false for integer", `{"Name":"a","Limit":false}`, `SerializationException: FALSE_VALUE can not be converted to an Integer`},
		{"string for integer", `{"Name":"a","Limit":"5"}`, `SerializationException: STRING_VALUE can not be converted to an Integer`},
		{"string for long", `{"Name":"a","Size":"5"}`, `SerializationException: STRING_VALUE can not be converted to a Long`},
		{"number for boolean", `{"Name":"a","Force":1}`, `SerializationException: NUMBER_VALUE can not be converted to a Boolean`},
		{"word for boolean", `{"Name":"a","Force":"perhaps"}`, `SerializationException: STRING_VALUE can not be converted to an Boolean`},
		{"string for timestamp", `{"Name":"a","Since":"2025-01-01"}`, `SerializationException: STRING_VALUE can not be converted to milliseconds since epoch`},
		{"list for string", `{"Name":["a"]}`, `SerializationException: Start of list found where not expected`},
		{"object for string", `{"Name":{"a":1}}`, `SerializationException: Start of structure or map found where not expected.`},
		{"string for list", `{"Name":"a","Ids":"x"}`, `SerializationException: Expected list or null`},
		{"object for list", `{"Name":"a","Ids":{}}`, `SerializationException: Start of structure or map found where not expected.`},
		{"number for map", `{"Name":"a","Tags":1}`, `SerializationException: Expected map or null`},
		{"list for map", `{"Name":"a","Tags":[]}`, `SerializationException: Start of list found where not expected`},
		{"string for structure", `{"Name":"a","Entries":["x"]}`, `SerializationException: Expected null`},
		{"list for structure", `{"Name":"a","Entries":[[]]}`, `SerializationException: Start of list found where not expected`},
		{"types come before constraints", `{"Name":"","Limit":"5"}`, `SerializationException: STRING_VALUE can not be converted to an Integer`},

		{"required", `{}`, `ValidationException: 1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null`},
		{"too long", `{"Name":"123456789"}`, `ValidationException: 1 validation error detected: Value '123456789' at 'name' failed to satisfy constraint: Member must have length less than or equal to 8`},
		{"length is in characters", `{"Name":"a","ResourceARN":"éééééééé"}`, `ValidationException: 1 validation error detected: Value 'éééééééé' at 'resourceARN' failed to satisfy constraint: ` + namePattern},
		{"two on one member, and another member", `{"Name":"not a name","State":"BROKEN"}`,
			`ValidationException: 3 validation errors detected: ` +
				`Value 'not a name' at 'name' failed to satisfy constraint: Member must have length less than or equal to 8; ` +
				`Value 'not a name' at 'name' failed to satisfy constraint: ` + namePattern + `; ` +
				`Value 'BROKEN' at 'state' failed to satisfy constraint: Member must satisfy enum value set: [ON, OFF]`},
		{"empty", `{"Name":""}`, `ValidationException: 2 validation errors detected: ` +
			`Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1; ` +
			`Value '' at 'name' failed to satisfy constraint: ` + namePattern},
		{"two on a member that AWS reads the other way round", `{"Name":"a","Connection":"not a name"}`, `ValidationException: 2 validation errors detected: ` +
			`Value 'not a name' at 'connection' failed to satisfy constraint: ` + namePattern + `; ` +
			`Value 'not a name' at 'connection' failed to satisfy constraint: Member must have length less than or equal to 8`},
		{"too large", `{"Name":"a","Limit":101}`, `ValidationException: 1 validation error detected: Value '101' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 100`},
		{"too small", `{"Name":"a","Limit":0}`, `ValidationException: 1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1`},
		{"beyond 64 bits", `{"Name":"a","Limit":1e30}`, `ValidationException: 1 validation error detected: Value '2147483647' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 100`},
		{"beyond an integer", `{"Name":"a","Count":3000000000}`, `{"Count":2147483647,"Name":"a"}`},
		{"before an integer", `{"Name":"a","Count":-1e300}`, `{"Count":-2147483648,"Name":"a"}`},
		{"beyond an integer with a limit", `{"Name":"a","Limit":3000000000}`, `ValidationException: 1 validation error detected: Value '2147483647' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 100`},
		{"in a list of structures", `{"Name":"a","Entries":[{"Id":"x"},{"Id":"!@#"}]}`, `ValidationException: 1 validation error detected: Value '!@#' at 'entries.2.member.id' failed to satisfy constraint: ` + namePattern},
		{"missing in a list of structures", `{"Name":"a","Entries":[{}]}`, `ValidationException: 1 validation error detected: Value null at 'entries.1.member.id' failed to satisfy constraint: Member must not be null`},
		{"in a list of strings", `{"Name":"a","Ids":["x","!"]}`, `ValidationException: 1 validation error detected: Value '[x, !]' at 'ids' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 8, Member must have length greater than or equal to 1, ` + namePattern + `]`},
		{"an empty list", `{"Name":"a","Ids":[]}`, `ValidationException: 1 validation error detected: Value '[]' at 'ids' failed to satisfy constraint: Member must have length greater than or equal to 1`},
		{"map keys", `{"Name":"a","Tags":{"k k":1}}`, `ValidationException: 1 validation error detected: Value '{k k=1}' at 'tags' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 8, Member must have length greater than or equal to 1, ` + namePattern + `]`},
		{"map values", `{"Name":"a","Tags":{"b":2,"a":0}}`, `ValidationException: 1 validation error detected: Value '{a=0, b=2}' at 'tags' failed to satisfy constraint: Map value must satisfy constraint: [Member must have value less than or equal to 100, Member must have value greater than or equal to 1]`},
		{"structures as Java prints them", `{"Name":"a","Entries":[{"Id":"x","Time":1736349846,"Words":["v","w"],"Params":{"p":"q"},"Nested":{"Flag":true},"Password":"abc"},{"Id":"y"},{"Id":"z"}]}`,
			`ValidationException: 1 validation error detected: Value '[` +
				`Entry(id=x, time=Wed Jan 08 15:24:06 UTC 2025, words=[v, w], params={p=q}, nested=Inner(flag=true), password=***Sensitive Data Redacted***, internal=null), ` +
				`Entry(id=y, time=null, words=null, params=null, nested=null, password=null, internal=null), ` +
				`Entry(id=z, time=null, words=null, params=null, nested=null, password=null, internal=null)]' ` +
				`at 'entries' failed to satisfy constraint: Member must have length less than or equal to 2`},
		{"a secret is not shown", `{"Name":"a","Entries":[{"Id":"x","Password":"hunter2"}]}`, `ValidationException: 1 validation error detected: Value at 'entries.1.member.password' failed to satisfy constraint: Member must have length less than or equal to 3`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := inputShape.Decode([]byte(tt.body))
			text := string(got)
			if err != nil {
				text = err.Error()
			}
			if text != tt.want {
				t.Errorf("got  %s\nwant %s", text, tt.want)
			}
		})
	}
}

// All violations are counted, and as many are listed as there is room for.
func TestDecodeBoundsViolations(t *testing.T) {
	body := `{"Name":"a","Ids":["` + strings.Repeat("x", 200<<10) + `"],"Entries":[` + strings.TrimSuffix(strings.Repeat(`{},`, 500000), ",") + `]}`
	_, err := inputShape.Decode([]byte(body))
	refused, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("got %v, want an *Error", err)
	}
	message := refused.Message
	// The length of the list, its first items without an id, and the words.
	if !strings.HasPrefix(message, "1004 validation errors detected: Value '[Entry(id=null, ") || !strings.HasSuffix(message, " more") {
		t.Errorf("got %.100s...%s", message, message[len(message)-40:])
	}
	answer, err := encode(message)
	if err != nil || len(answer) > maxMessage {
		t.Errorf("the message takes %d bytes, %v, want at most %d", len(answer), err, maxMessage)
	}
}

// A value is shown whole up to the bound, and cut at a character beyond it.
func TestTextBound(t *testing.T) {
	for _, tt := range []struct {
		name, value, want string
	}{
		{"short", "a", "a"},
		{"as long as it may be", strings.Repeat("a", maxShown), strings.Repeat("a", maxShown)},
		{"longer", strings.Repeat("a", maxShown+1), strings.Repeat("a", maxShown) + cutMark},
		{"a character that does not fit", strings.Repeat("a", maxShown-1) + "é", strings.Repeat("a", maxShown-1) + cutMark},
		{"escapes count as JSON writes them", strings.Repeat("\x01", maxShown), strings.Repeat("\x01", maxShown/6) + cutMark},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := textShape.text(tt.value); got != tt.want {
				t.Errorf("got %d bytes that end in %q, want %d", len(got), got[max(0, len(got)-20):], len(tt.want))
			}
		})
	}
}

// FuzzDecode holds Decode to its word on any input: an *Error, or JSON that is
// its own canonical form.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"Name":"a","Entries":[{"Id":"x","Time":1.5,"Words":["<>"],"Params":{"p":"q"},"Nested":{"Flag":"t"}}],"Tags":{"k":1e1}}`))
	f.Add([]byte(`{"Name":null,"Limit":-1e400,"Ids":[{}]}`))
	f.Add([]byte("{\"Name\":\"\xff\"}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		canonical, err := inputShape.Decode(body)
		if err != nil {
			if e, ok := errors.AsType[*Error](err); !ok || e.Code != "SerializationException" && e.Code != "ValidationException" {
				t.Fatalf("got error %v, want a SerializationException or a ValidationException", err)
			}
			return
		}
		var v map[string]json.RawMessage
		if err := json.Unmarshal(canonical, &v); err != nil {
			t.Fatalf("canonical form %s is no object: %v", canonical, err)
		}
		again, err := inputShape.Decode(canonical)
		if err != nil || !bytes.Equal(again, canonical) {
			t.Fatalf("decoding %s again: got %s, %v", canonical, again, err)
		}
	})
}
