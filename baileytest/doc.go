// Package baileytest runs Bailey inside a Go test: a server that speaks
// EventBridge's API, the REST APIs that its targets lead to, and a clock that
// the test moves.
//
//	func TestOrdersReachTheWarehouse(t *testing.T) {
//		srv := baileytest.New(t)
//		warehouse := srv.API("warehouse")
//		srv.Rule("orders", `{"source": ["shop"]}`, warehouse.ARN("POST", "/orders"))
//
//		placeOrder(srv.URL) // the code under test, with an AWS SDK whose endpoint is srv.URL
//
//		srv.Advance(0) // all that is due has been done
//		if got := warehouse.Requests(); len(got) != 1 {
//			t.Errorf("the warehouse got %d requests, want 1", len(got))
//		}
//	}
//
// # The server
//
// [New] starts a server in the test's process, with an endpoint on a port of its
// own and data of its own, so tests may run in parallel. It ends with the test.
// What it logs is shown if the test fails.
//
// It is the whole of Bailey. Give its URL to an AWS SDK as the endpoint, with
// any credentials, and call EventBridge as ever:
//
//	client := eventbridge.New(eventbridge.Options{
//		BaseEndpoint: aws.String(srv.URL),
//		Region:       srv.Region,
//		Credentials:  credentials.NewStaticCredentialsProvider("any", "any", ""),
//	})
//
// Without an SDK, [Server.Rule] and [Server.Put] do what most tests need, and
// [Server.Call] calls any operation. The admin API is at srv.URL+"/_bailey/v1".
//
// # REST APIs
//
// [Server.API] starts a REST API and registers it under an id. It keeps every
// request, and answers 200 until [API.Respond] or [API.RespondFunc] says
// otherwise. [API.ARN] is the ARN of one of its methods, to be a rule's target.
//
// # Time
//
// The server's clock stands still, at [Config].At. It moves when the test says
// so: [Server.Advance] takes it through every moment at which something is due,
// in order: each retry is made at its own time and each schedule ticks, and all
// of it has been done when Advance returns. 24 hours of retries or a month of
// cron take a moment, and a failed delivery waits until the test lets time
// pass. Requests to the APIs themselves take real time, as long as they take.
//
// [Server.Wait] lets everything be done that is due now, and says what became
// of an event: its deliveries, and each of their attempts with its time. If no
// rule matched the event, it fails the test and says why; [Server.Deliveries]
// does not mind. [Server.DeadLetters] and [Server.Redrive] are for what was given
// up.
//
// So a test never sleeps and never polls.
package baileytest
