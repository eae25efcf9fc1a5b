package baileytest_test

import (
	"fmt"
	"net/http"
	"time"

	"bailey/baileytest"
)

// An event that a rule matches is sent to the rule's target.
func Example() {
	t := newT() // in a test, this is its *testing.T
	defer t.end()

	srv := baileytest.New(t)
	warehouse := srv.API("warehouse")
	srv.Rule("orders", `{"source": ["shop"], "detail": {"total": [{"numeric": [">", 100]}]}}`, warehouse.ARN("POST", "/orders"))

	srv.Put("shop", "Order Placed", `{"id": "o-1", "total": 250}`)
	srv.Put("shop", "Order Placed", `{"id": "o-2", "total": 20}`)
	srv.Advance(0) // let all that is due be done

	for _, r := range warehouse.Requests() {
		fmt.Println(r.Method, r.URL.Path)
	}
	// Output:
	// POST /orders
}

// An API that is down for 20 hours: the event is delivered when it is back, and
// nobody waits for it.
func ExampleServer_Advance() {
	t := newT() // in a test, this is its *testing.T
	defer t.end()

	srv := baileytest.New(t)
	warehouse := srv.API("warehouse")
	srv.Rule("orders", `{"source": ["shop"]}`, warehouse.ARN("POST", "/orders"))

	back := srv.Now().Add(20 * time.Hour)
	warehouse.RespondFunc(func(r *baileytest.Request) baileytest.Response {
		if r.Time.Before(back) {
			return baileytest.Response{Status: http.StatusServiceUnavailable}
		}
		return baileytest.Response{}
	})

	id := srv.Put("shop", "Order Placed", `{"id": "o-1"}`)
	fmt.Println(srv.Wait(id)[0].Status)

	srv.Advance(24 * time.Hour)
	d := srv.Wait(id)[0]
	last := d.Attempts[len(d.Attempts)-1]
	fmt.Println(d.Status, last.StatusCode, last.Time.Sub(back) < 10*time.Minute)
	// Output:
	// pending
	// delivered 200 true
}

// A rule with a schedule ticks as the clock moves.
func ExampleServer_Rule_schedule() {
	t := newT() // in a test, this is its *testing.T
	defer t.end()

	srv := baileytest.NewWith(t, baileytest.Config{At: time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC)}) // a Friday
	reports := srv.API("reports")
	srv.Rule("daily", "cron(0 9 ? * MON-FRI *)", reports.ARN("POST", "/reports"))

	srv.Advance(4 * 24 * time.Hour)
	for _, r := range reports.Requests() {
		fmt.Println(r.Time.Format("Mon 15:04"))
	}
	// Output:
	// Mon 09:00
	// Tue 09:00
}

// The API fails twice and then works.
func ExampleAPI_Respond() {
	t := newT() // in a test, this is its *testing.T
	defer t.end()

	srv := baileytest.New(t)
	warehouse := srv.API("warehouse")
	warehouse.Respond(
		baileytest.Response{Status: 429, Header: http.Header{"Retry-After": {"60"}}},
		baileytest.Response{Status: 503},
		baileytest.Response{Status: 202},
	)
	srv.Rule("orders", `{"source": ["shop"]}`, warehouse.ARN("POST", "/orders"))

	id := srv.Put("shop", "Order Placed", `{"id": "o-1"}`)
	srv.Advance(time.Hour)
	for _, a := range srv.Wait(id)[0].Attempts {
		fmt.Println(a.StatusCode, a.ErrorCode)
	}
	// Output:
	// 429 THROTTLING
	// 503 ERROR_FROM_TARGET
	// 202
}

// What the admin API and an SDK can do, Call can too: here a target with an
// input of its own.
func ExampleServer_Call() {
	t := newT() // in a test, this is its *testing.T
	defer t.end()

	srv := baileytest.New(t)
	api := srv.API("greeter")
	srv.Rule("greet", "rate(1 hour)")
	err := srv.Call("PutTargets", map[string]any{
		"Rule":    "greet",
		"Targets": []map[string]any{{"Id": "api", "Arn": api.ARN("POST", "/greetings"), "Input": `{"hello": "world"}`}},
	}, nil)
	fmt.Println(err)

	srv.Advance(time.Hour)
	fmt.Printf("%s\n", api.Requests()[0].Body)

	err = srv.Call("DescribeRule", map[string]any{"Name": "nobody"}, nil)
	fmt.Println(err)
	// Output:
	// <nil>
	// {"hello": "world"}
	// ResourceNotFoundException: Rule nobody does not exist on EventBus default.
}

// What is given up goes to the target's dead-letter queue, and is sent again once
// its cause is mended.
func ExampleServer_Redrive() {
	t := newT() // in a test, this is its *testing.T
	defer t.end()

	srv := baileytest.New(t)
	warehouse := srv.API("warehouse")
	warehouse.Respond(baileytest.Response{Status: http.StatusNotFound})
	srv.Rule("orders", `{"source": ["shop"]}`)
	err := srv.Call("PutTargets", map[string]any{
		"Rule": "orders",
		"Targets": []map[string]any{{
			"Id": "api", "Arn": warehouse.ARN("POST", "/orders"),
			"DeadLetterConfig": map[string]string{"Arn": "arn:aws:sqs:us-east-1:000000000000:failed"},
		}},
	}, nil)
	fmt.Println(err)

	id := srv.Put("shop", "Order Placed", `{"id": "o-1"}`)
	for _, d := range srv.DeadLetters() {
		fmt.Println(d.EventID == id, d.Queue, d.ErrorCode)
	}

	warehouse.Respond(baileytest.Response{Status: http.StatusCreated})
	fmt.Println(srv.Redrive(id))
	fmt.Println(srv.Wait(id)[0].Status, len(srv.DeadLetters()))
	// Output:
	// <nil>
	// true arn:aws:sqs:us-east-1:000000000000:failed ERROR_FROM_TARGET
	// 1
	// delivered 0
}

// Which rules there are, and why an event did not match them.
func ExampleServer_Explain() {
	t := newT() // in a test, this is its *testing.T
	defer t.end()

	srv := baileytest.New(t)
	srv.Rule("orders", `{"source": ["shop"]}`, srv.API("warehouse").ARN("POST", "/orders"))
	id := srv.Put("shop.test", "Order Placed", `{}`)
	fmt.Println(len(srv.Deliveries(id)))
	fmt.Println(srv.Explain(id))
	// Output:
	// 0
	// rule orders: source is "shop.test", where the pattern wants "shop"
}
