package request_test

import (
	"context"
	"fmt"

	"bailey/internal/request"
)

func Example() {
	template, err := request.Compile("arn:aws:execute-api:us-east-1:112233445566:petstore/*/POST/pets/*", &request.Parameters{
		PathParameterValues:   []string{"$.detail.name"},
		QueryStringParameters: map[string]string{"state": "$.detail.state"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	api := &request.API{ID: "petstore", URL: "http://127.0.0.1:9000/v1"}
	event := []byte(`{"source":"shop","detail":{"name":"Rex/2","state":"sold out"}}`)
	req, failure := template.Build(context.Background(), api, request.Attempt{Event: event, Body: event, Attempt: 1}, nil)
	if failure != nil {
		fmt.Println(failure)
		return
	}
	fmt.Println(req.Method, req.URL)
	// Output: POST http://127.0.0.1:9000/v1/pets/Rex%2F2?state=sold%20out
}
