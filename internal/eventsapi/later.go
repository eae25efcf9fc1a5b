package eventsapi

import (
	"context"

	"bailey/internal/awsjson"
)

// later are the operations that are in the model and not built. Their requests
// are checked all the same, so that a caller learns of a wrong one; a right one
// is told that it cannot be done here.
var later = []string{
	// API destinations and their connections, the other kind of HTTP target.
	"CreateApiDestination",
	"DeleteApiDestination",
	"DescribeApiDestination",
	"ListApiDestinations",
	"UpdateApiDestination",
	"CreateConnection",
	"DeauthorizeConnection",
	"DeleteConnection",
	"DescribeConnection",
	"ListConnections",
	"UpdateConnection",
	// Global endpoints, which fail over from one region to another.
	"CreateEndpoint",
	"DeleteEndpoint",
	"DescribeEndpoint",
	"ListEndpoints",
	"UpdateEndpoint",
}

// refuse answers a right request for an operation of later.
func refuse(_ context.Context, c *awsjson.Call) ([]byte, error) {
	if err := c.Decode(nil); err != nil {
		return nil, err
	}
	return nil, &awsjson.Error{
		Code:    "OperationDisabledException",
		Message: "Operation " + c.Operation + " is not supported by this server.",
	}
}
