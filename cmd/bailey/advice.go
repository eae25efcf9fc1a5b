package main

import "bailey/internal/retry"

// advice says what to do about a failure, in one sentence. docs/operations.md says more.
func advice(code string) string {
	switch retry.Code(code) {
	case retry.Throttling:
		return "The API asks for fewer requests: give it a --rate-limit or a --max-concurrency with bailey api put. Or it was paused: bailey resume."
	case retry.Timeout:
		return "The API was too slow: look at the API, or register it with a longer --timeout."
	case retry.ConnectionFailure:
		return "The API could not be reached: see that it runs and that its URL is right (bailey api list)."
	case retry.NoPermissions:
		return "The API, or Bailey's egress rules, refused: check the authorization of its registration, and the address it leads to. Or the target's ARN is another account's: an API needs a RoleArn then, and event buses of other accounts are not Bailey's to reach."
	case retry.NoResource:
		return "The API, its stage, the rule or the target is not there, or the ARN is of another region: see bailey api list and aws events list-targets-by-rule."
	case retry.ErrorFromTarget:
		return "The API refused the request or failed: its answer is above, its own log says more."
	case retry.InvalidParameter:
		return "A parameter of the target cannot be made from this event: see bailey preview, and mend the target or the event."
	case retry.InvalidJSON:
		return "What the input transformer makes of this event is no JSON: see bailey preview, and mend its template."
	case retry.FailedToAssumeRole:
		return "There are no credentials for the target's role: put them under credentials in the config file."
	case retry.ThirdAccountHop:
		return "An event goes from one event bus to another once: put the target on a rule of the first bus."
	case retry.ThirdRegionHop:
		return "An event goes to another region once: put the target on a rule of the first region."
	case retry.InternalError:
		return "That is a fault of Bailey's: please report it with what the server's log says."
	}
	return "See the server's log."
}
