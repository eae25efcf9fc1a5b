package event

import (
	"encoding/json"
	"testing"
	"time"
)

// Of an envelope that was made here the source is what JSON's own reader finds, whatever is in the members before it.
func FuzzSourceOf(f *testing.F) {
	f.Add("shop", "Order Placed")
	f.Add(`a"b\`, `","source":"x"`)
	f.Add("\x00é\xff", "")
	f.Fuzz(func(t *testing.T, source, detailType string) {
		e := New(ID{}, &Entry{Source: source, DetailType: detailType, Detail: []byte(`{"source":"no"}`)}, "000000000000", "us-east-1", time.Unix(0, 0))
		var want, got string
		var members map[string]json.RawMessage
		if err := json.Unmarshal(e.JSON, &members); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(members["source"], &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(`"`+string(SourceOf(e.JSON))+`"`), &got); err != nil || got != want {
			t.Errorf("got %q, %v, want %q of %s", got, err, want, e.JSON)
		}
	})
}

func TestSourceOfNoEnvelope(t *testing.T) {
	for _, text := range []string{"", "{}", `{"source":"first"}`, `{"a":1,"source":"open`, `{"a":1,"source":"open\`} {
		if got := SourceOf([]byte(text)); got != nil {
			t.Errorf("%s: got %q, want none", text, got)
		}
	}
}
