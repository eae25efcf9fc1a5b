// Package bailey is an embeddable, durable event router: Amazon EventBridge's
// rules and its API Gateway target, for one's own machines.
//
// A [Router] takes events, matches them against the rules of an event bus, and
// delivers each match as an HTTP request to a REST API, with retries for 24
// hours and dead letters:
//
//	router, err := bailey.Open(ctx, bailey.Config{Dir: "data"})
//	...
//	defer router.Close()
//	results, err := router.PutEvents(ctx, "", []bailey.Entry{{
//		Source: "shop", DetailType: "Order Placed", Detail: []byte(`{"id": "o-1"}`),
//	}})
//
// When PutEvents returns, the events and all their deliveries are on disk.
//
// # The way of an event
//
// An event goes one way through these packages, and no stage goes back:
//
//	admit    event     checks the entry, stamps id, time, account and region
//	match    rule      asks the bus's compiled patterns (pattern) which targets
//	commit   store     one durable transaction: the event and its deliveries
//	queue    deliver   in memory, by endpoint; what does not fit waits in the store
//	render   input     what the target receives of the event
//	         request   event + target + API registration -> http.Request
//	send     deliver   within the time limit, to addresses that egress allows
//	decide   retry     done, again at a time, or dead
//
// A rule may also put the event into an archive, or onto another bus; both are
// part of the commit. Package replay reads archives and has their events
// admitted once more.
//
// The decision joins a later commit. The fast path does not read the store: it
// is read at start, for what did not fit in memory, for retries that are due,
// and for people who ask.
//
// Package bailey/pattern, the language of event patterns, can be used alone.
// The program that speaks AWS's API is in cmd/bailey.
package bailey
