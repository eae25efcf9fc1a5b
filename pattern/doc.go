// Package pattern is the language of Amazon EventBridge's event patterns: it
// compiles patterns and reports which of them match an event. It depends on
// nothing else here and may be used by itself.
//
// # Which function to use
//
// [Parse] compiles one pattern, and refuses a bad one with AWS's reason.
// [Pattern.Match] answers yes or no for one event, [Explain] says in words why
// not. A [Set] holds many patterns and finds those that match an event, in a
// time that hardly depends on how many there are; patterns come and go while
// others match. Events are JSON text and are taken to be valid: [ValidEvent]
// says whether one is. Check an event once, where it comes in.
//
// # The language
//
// A pattern is a JSON object shaped like the events it wants. It names the
// fields that matter; all others may be anything. At the end of each path
// stands an array of what the field may be:
//
//	{
//	  "source": ["orders"],
//	  "detail": {
//	    "state":  ["placed", "paid"],
//	    "amount": [{"numeric": [">=", 100]}]
//	  }
//	}
//
// All fields must match; a field matches when any element of its array does.
// The elements are strings, numbers, true, false and null, which match
// themselves, and objects with one operator:
//
//	{"prefix": "ord"}                          begins with
//	{"suffix": ".png"}                         ends with
//	{"equals-ignore-case": "ok"}               but for case
//	{"prefix": {"equals-ignore-case": "ord"}}  and suffix likewise
//	{"wildcard": "*/bin/*.jar"}                a star is any run of characters; \* and \\ are star and backslash
//	{"numeric": [">", 0, "<=", 5]}             = < <= > >=, one or two bounds
//	{"cidr": "10.0.0.0/8"}                     an address in the block, version 4 or 6
//	{"exists": true}                           some value, even null; false: none
//	{"anything-but": "x"}                      a value, but not this: a string or number, or a list of either
//	{"anything-but": {"prefix": "x"}}          nor such: prefix, suffix, equals-ignore-case, wildcard, with a string or list
//	{"exactly": "10.0.0.1"}                    this string, even if it is an address
//
// Alternatives across fields go into $or, an array of two or more patterns, at
// any level. What stands beside it must match as well:
//
//	{"source": ["orders"], "$or": [{"detail": {"state": ["paid"]}}, {"detail": {"vip": [true]}}]}
//
// # What is easily got wrong
//
// An array in an event is a set of values: the pattern ["a"] matches "a" and
// ["b", "a"]. But the fields of one pattern must be found within the same
// element of an array of objects:
//
//	{"items": {"sku": ["A"], "qty": [2]}}
//
// does not match {"items": [{"sku": "A", "qty": 1}, {"sku": "B", "qty": 2}]}.
//
// Null, the empty string and a missing field are three different things.
// Anything-but wants a value to be there. Exists is about values, not about
// objects: {"a": [{"exists": false}]} matches {"a": {"b": 1}} and {"a": []}.
//
// Numbers are compared as doubles, so that 300 matches 300.0 and 3e2, and never
// match strings. A number whose text stands for no double exactly is refused in
// an operator. By itself an integer such as 9007199254740993 is compared by its
// text alone, and any other, such as 1e400, matches nothing. A string that is an address matches its other spellings.
//
// Keys are case-sensitive. A dot in a key is as good as a level:
// {"a.b": [1]} and {"a": {"b": [1]}} are one pattern and match the same
// events. Of a key repeated in a pattern the last array counts, and
// objects merge. Of a key repeated in an object of an event the last counts, as
// for whoever reads the event by a common parser; AWS counts all.
//
// A number of oddities of AWS's matcher are kept, because rules should do here
// what they do there; they are in the comments where they are kept, and in
// the corpus under testdata. Where AWS's matcher is plainly
// broken, testdata/README.md says what is done instead.
//
// # Limits
//
// A pattern has at most [MaxLength] characters, its $or arrays at most
// [MaxAlternatives] combinations, each of at most 256 fields.
// A wildcard may have as many stars as fit: they are compared one after the
// other, in time linear in the value, and make no automaton that could blow
// up. AWS has such an automaton and refuses what it takes for too complex:
// [Pattern.Refused] says so. [Pattern.Size] tells the memory a pattern takes.
package pattern
