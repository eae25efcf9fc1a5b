package request

import (
	"strings"
	"testing"
)

func BenchmarkBuild(b *testing.B) {
	large := strings.Replace(eventJSON, `"state"`, `"text":"`+strings.Repeat("lorem ipsum ", 40)+`","state"`, 1)
	static := &Parameters{
		PathParameterValues:   []string{"1"},
		HeaderParameters:      map[string]string{"X-Team": "orders"},
		QueryStringParameters: map[string]string{"from": "events"},
	}
	dynamic := &Parameters{
		PathParameterValues:   []string{"$.detail.state"},
		HeaderParameters:      map[string]string{"X-State": "$.detail.state"},
		QueryStringParameters: map[string]string{"id": "$.id"},
	}
	for _, c := range []struct {
		name       string
		parameters *Parameters
	}{{"static", static}, {"dynamic", dynamic}} {
		b.Run(c.name, func(b *testing.B) {
			template := compile(b, "myapi/prod/POST/pets/*", c.parameters)
			api := &API{URL: "http://127.0.0.1:9000/v1"}
			a := attempt
			a.Event = []byte(large)
			a.Body = a.Event
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				if _, f := template.Build(ctx, api, a, nil); f != nil {
					b.Fatal(f)
				}
			}
		})
	}
}

func BenchmarkEndpoint(b *testing.B) {
	template := compile(b, "myapi/prod/POST/pets", nil)
	api := &API{URL: "http://127.0.0.1:9000/v1"}
	b.ReportAllocs()
	for b.Loop() {
		if _, f := template.Endpoint(api, attempt.Event); f != nil {
			b.Fatal(f)
		}
	}
}
