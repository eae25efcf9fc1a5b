// Package rule is the configuration in force: event buses, rules, their targets
// and the registry of REST APIs, compiled for routing.
//
// A [Registry] holds all of it. Changes are made one at a time: each is checked
// in AWS's words, written to the store, and only then seen by readers. Reading
// takes no lock and does not wait for changes, so that [Registry.AppendRoutes],
// which every event passes, costs no more than matching.
//
// Buses and rules belong to a region and do not see those of another; every
// region has a bus named default without anybody creating it. The registry of
// REST APIs is one for all regions.
package rule
