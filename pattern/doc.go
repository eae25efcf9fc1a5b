// Package pattern is the language of Amazon EventBridge's event patterns: it
// compiles patterns and reports which of them match an event.
package pattern
