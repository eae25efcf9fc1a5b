package demo

import (
	"bailey/internal/rule"
)

// A demoRule is a rule of the demo with its one target.
type demoRule struct {
	name    string
	pattern string
	target  rule.Target
	words   []string // what the target says, for people
}

// deadLetters is where the demo's failed deliveries go. The queue is Bailey's own.
const deadLetters = "arn:aws:sqs:us-east-1:000000000000:petshop-failed"

// rules use every kind of parameter between them.
var rules = []demoRule{
	{
		name:    "orders",
		pattern: `{"detail-type": ["Order Placed"]}`,
		target: rule.Target{
			ID:  "take-order",
			ARN: "arn:aws:execute-api:us-east-1:000000000000:petshop/*/POST/orders/*",
			HTTPParameters: &rule.HTTPParameters{
				PathParameterValues:   []string{"$.detail.orderId"},
				QueryStringParameters: map[string]string{"channel": "$.detail.channel", "via": "bailey"},
				HeaderParameters:      map[string]string{"X-Customer": "$.detail.customer", "X-Shop": "demo"},
			},
		},
		words: []string{"POST /orders/*", "* = $.detail.orderId", "?channel = $.detail.channel", "?via = bailey", "X-Customer: $.detail.customer", "X-Shop: demo"},
	},
	{
		name:    "big-orders",
		pattern: `{"detail-type": ["Order Placed"], "detail": {"total": [{"numeric": [">=", 1000]}]}}`,
		target: rule.Target{
			ID:  "alert",
			ARN: "arn:aws:execute-api:us-east-1:000000000000:petshop/prod/POST/alerts",
			HTTPParameters: &rule.HTTPParameters{
				QueryStringParameters: map[string]string{"$.detail.currency": "$.detail.total"},
			},
			InputTransformer: &rule.InputTransformer{
				InputPathsMap: map[string]string{"who": "$.detail.customer", "total": "$.detail.total"},
				InputTemplate: `{"text": "<who> spends <total>", "total": <total>}`,
			},
		},
		words: []string{"POST /alerts", "?$.detail.currency = $.detail.total", `body = {"text": "<who> spends <total>", ...}`},
	},
	{
		name:    "payments",
		pattern: `{"detail-type": ["Payment Due"]}`,
		target: rule.Target{
			ID:  "take-payment",
			ARN: "arn:aws:execute-api:us-east-1:000000000000:petshop/*/PUT/payments/*",
			HTTPParameters: &rule.HTTPParameters{
				PathParameterValues: []string{"prod", "$.detail.paymentId"},
			},
			InputPath: new("$.detail"),
		},
		words: []string{"PUT /payments/*", "stage = prod", "* = $.detail.paymentId", "body = $.detail"},
	},
	{
		name:    "stock",
		pattern: `{"detail-type": ["Stock Low"]}`,
		target: rule.Target{
			ID:  "count",
			ARN: "arn:aws:execute-api:us-east-1:000000000000:warehouse/prod/POST/stock/*/count",
			HTTPParameters: &rule.HTTPParameters{
				PathParameterValues: []string{"$.detail.item"},
			},
			Input: new(`{"urgent": true}`),
		},
		words: []string{"POST /stock/*/count", "* = $.detail.item", `body = {"urgent": true}`},
	},
	{
		name:    "returns",
		pattern: `{"detail-type": ["Pet Returned"]}`,
		target: rule.Target{
			ID:  "strike-off",
			ARN: "arn:aws:execute-api:us-east-1:000000000000:petshop/prod/DELETE/pets/*",
			HTTPParameters: &rule.HTTPParameters{
				PathParameterValues: []string{"$.detail.pet"},
			},
			RetryPolicy:      &rule.RetryPolicy{MaximumRetryAttempts: new(3)},
			DeadLetterConfig: &rule.DeadLetterConfig{ARN: deadLetters},
		},
		words: []string{"DELETE /pets/*", "* = $.detail.pet", "3 retries", "dead-letter queue petshop-failed"},
	},
}

// A scene is an event of the tour.
type scene struct {
	title      string
	detailType string
	detail     string
	together   bool // several requests, told in one order once all have ended
	headers    []string
}

// scenes are the tour.
var scenes = []scene{
	{
		title:      "An order becomes a request: parts of the event fill the path, the query and a header.",
		detailType: "Order Placed",
		detail:     `{"orderId":"A-1001","customer":"ada","channel":"web","total":42.5,"currency":"EUR"}`,
		headers:    []string{"X-Customer", "X-Shop"},
	},
	{
		title:      "Two rules match a big order. The second makes a body of its own, and a query key out of the event.",
		detailType: "Order Placed",
		detail:     `{"orderId":"A-1002","customer":"grace","channel":"app","total":1200,"currency":"EUR"}`,
		together:   true,
		headers:    []string{"X-Customer", "X-Shop"},
	},
	{
		title:      "The API fails. Bailey tries again, with longer and longer waits, for 24 hours if need be.",
		detailType: "Payment Due",
		detail:     `{"paymentId":"P-2001","amount":42.5}`,
	},
	{
		title:      "The API is too slow. This one is registered with a limit of 1 second; the default is 5.",
		detailType: "Stock Low",
		detail:     `{"item":"leash"}`,
	},
	{
		title:      "The API refuses. A 404 is not tried again: the event goes to the dead-letter queue.",
		detailType: "Pet Returned",
		detail:     `{"pet":"rex"}`,
	},
	{
		title:      "No rule matches. Nothing is sent, and one can ask why.",
		detailType: "Pet Admired",
		detail:     `{"pet":"rex"}`,
	},
}
