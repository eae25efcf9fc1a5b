package awsjson_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"bailey/internal/awsjson"
)

func ExampleHandle() {
	name := &awsjson.Shape{Name: "Name", Kind: awsjson.String, Max: new(int64(5))}
	server := awsjson.NewServer(awsjson.Config{Service: &awsjson.Service{
		TargetPrefix: "Greeter",
		Operations: map[string]*awsjson.Shape{
			"Greet": {Name: "GreetRequest", Kind: awsjson.Structure, Members: []awsjson.Member{
				{Name: "Name", Shape: name, Required: true},
			}},
		},
	}})
	type input struct{ Name string }
	type output struct{ Text string }
	awsjson.Handle(server, "Greet", func(_ context.Context, call *awsjson.Call, in *input) (*output, error) {
		return &output{Text: "Hello, " + in.Name + ", in " + call.Region}, nil
	})

	for _, body := range []string{`{"Name": "Ada"}`, `{"Name": "Nobody"}`} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("X-Amz-Target", "Greeter.Greet")
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 {"Text":"Hello, Ada, in us-east-1"}
	// 400 {"__type":"ValidationException","message":"1 validation error detected: Value 'Nobody' at 'name' failed to satisfy constraint: Member must have length less than or equal to 5"}
}
