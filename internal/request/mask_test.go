package request

import (
	"strings"
	"testing"
)

// The values in the query of a registered URL are shown nowhere, and what is shown in their place cannot be registered.
func TestQueryOfARegisteredURLIsMasked(t *testing.T) {
	api := &API{ID: "petstore", URL: "http://h/p?key=s3cret&plain&empty=", Stages: map[string]Stage{"prod": {URL: "https://p/?code=s3cret&x=s3cret%20"}}}
	if err := api.Validate(); err != nil {
		t.Fatal(err)
	}
	shown := api.Redacted()
	if want := "http://h/p?key=***&plain&empty="; shown.URL != want {
		t.Errorf("got %s, want %s", shown.URL, want)
	}
	if got, want := shown.Stages["prod"].URL, "https://p/?code=***&x=***"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !strings.Contains(api.URL+api.Stages["prod"].URL, "s3cret") {
		t.Errorf("the registration itself was changed: %+v", *api)
	}
	for _, masked := range []*API{shown, {ID: "petstore", URL: api.URL, Stages: shown.Stages}} {
		if err := masked.Validate(); err == nil || !strings.Contains(err.Error(), "is ***, which Bailey shows in place of the real value") {
			t.Errorf("got %v, want what is shown refused", err)
		}
	}

	query := &Parameters{QueryStringParameters: map[string]string{"a": "1", "key": "of the target"}}
	for stage, want := range map[string]string{
		"prod": "https://p/pets?code=***&x=***&a=1&key=of%20the%20target",
		"dev":  "http://h/p/pets?key=***&plain&empty=&a=1&key=of%20the%20target",
	} {
		preview, err := Describe(build(t, compile(t, "myapi/"+stage+"/GET/pets", query), api, attempt), api)
		if err != nil || preview.URL != want {
			t.Errorf("got %s, %v; want %s", preview.URL, err, want)
		}
	}
}
