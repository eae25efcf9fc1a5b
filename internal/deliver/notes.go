package deliver

import (
	"fmt"
	"slices"

	"bailey/internal/rule"
)

// maxNotes bounds the notes about one delivery.
const maxNotes = 50

// Notes says which paths of a target, in its input and in its parameters, find
// nothing in an event. That is not a failure: such a path is sent as empty, as AWS
// does. But it is what a misspelt path looks like.
//
// It looks for each path anew, so that deliveries need not keep account.
func Notes(rt *rule.Route, envelope []byte) []string {
	if rt.Request == nil {
		return nil
	}
	missing := rt.Request.AppendMissing(rt.Input.AppendMissing(nil, envelope), envelope)
	slices.Sort(missing)
	missing = slices.Compact(missing)
	more := len(missing) - maxNotes
	if more > 0 {
		missing = missing[:maxNotes]
	}
	for i, path := range missing {
		missing[i] = path + " found nothing"
	}
	if more > 0 {
		missing = append(missing, fmt.Sprintf("%d other paths found nothing", more))
	}
	return missing
}
