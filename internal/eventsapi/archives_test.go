package eventsapi

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"bailey"
)

const (
	archiveARN = "arn:aws:events:us-east-1:000000000000:archive/"
	replayARN  = "arn:aws:events:us-east-1:000000000000:replay/"
)

// listedArchive is an archive of the default bus in a list.
func listedArchive(name, rest string) string {
	return `{"ArchiveName":"` + name + `","EventSourceArn":"` + busARN + `default","State":"ENABLED",` + rest + `,"CreationTime":T}`
}

func TestArchives(t *testing.T) {
	h, _ := newAPI(t)
	const created = `{"ArchiveArn":"` + archiveARN + `a","State":"ENABLED","CreationTime":T}`
	const empty = `"RetentionDays":0,"SizeBytes":0,"EventCount":0`
	for _, s := range []step{
		{"CreateArchive", `{"ArchiveName":"a","EventSourceArn":"` + busARN + `nope"}`, `ResourceNotFoundException: Event bus nope does not exist.`},
		{"CreateArchive", `{"ArchiveName":"a","EventSourceArn":"arn:aws:events:us-east-1:000000000000:rule/r"}`, `ValidationException: Parameter EventSourceArn is not valid. Reason: Must contain an event bus ARN.`},
		{"CreateArchive", `{"ArchiveName":"a","EventSourceArn":"` + busARN + `default","EventPattern":"x"}`, `InvalidEventPatternException: Event pattern is not valid. Reason: Unrecognized token 'x': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')` + "\n" + ` at [Source: (String)"x"; line: 1, column: 2]`},
		{"CreateArchive", `{"ArchiveName":"` + strings.Repeat("a", 49) + `","EventSourceArn":"` + busARN + `default"}`,
			`ValidationException: 1 validation error detected: Value '` + strings.Repeat("a", 49) + `' at 'archiveName' failed to satisfy constraint: Member must have length less than or equal to 48`},
		{"CreateArchive", `{"ArchiveName":"a","EventSourceArn":"` + busARN + `default","Description":"d","EventPattern":"{\"source\": [\"a\"]}","RetentionDays":1,"KmsKeyIdentifier":"alias/k"}`, created},
		{"CreateArchive", `{"ArchiveName":"a","EventSourceArn":"` + busARN + `default"}`, `ResourceAlreadyExistsException: Archive a already exists.`},
		{"DescribeArchive", `{"ArchiveName":"a"}`, `{"ArchiveArn":"` + archiveARN + `a",` + listedArchive("a", `"RetentionDays":1,"SizeBytes":0,"EventCount":0`)[1:len(listedArchive("a", `"RetentionDays":1,"SizeBytes":0,"EventCount":0`))-1] +
			`,"Description":"d","EventPattern":"{\"source\": [\"a\"]}","KmsKeyIdentifier":"alias/k"}`},
		{"DescribeArchive", `{"ArchiveName":"nope"}`, `ResourceNotFoundException: Archive nope does not exist.`},
		{"UpdateArchive", `{"ArchiveName":"nope"}`, `ValidationException: At least one of EventPattern, RetentionDays or Description must be provided.`},
		{"UpdateArchive", `{"ArchiveName":"nope","RetentionDays":2}`, `ResourceNotFoundException: Archive nope does not exist.`},
		{"UpdateArchive", `{"ArchiveName":"a","EventPattern":"{\"a\":[]}"}`, `InvalidEventPatternException: Event pattern is not valid. Reason: Empty arrays are not allowed` + "\n" + ` at [Source: (String)"{"a":[]}"; line: 1, column: 8]`},
		{"UpdateArchive", `{"ArchiveName":"a","RetentionDays":0,"Description":"","KmsKeyIdentifier":"","EventPattern":"{ \"source\" : [ \"b\" ] }"}`, created},
		{"DescribeArchive", `{"ArchiveName":"a"}`, `{"ArchiveArn":"` + archiveARN + `a",` + strings.Trim(listedArchive("a", empty), "{}") + `,"EventPattern":"{ \"source\" : [ \"b\" ] }"}`},

		// The rule that fills it belongs to AWS.
		{"DescribeRule", `{"Name":"Events-Archive-a"}`, `{"Name":"Events-Archive-a","Arn":"arn:aws:events:us-east-1:000000000000:rule/Events-Archive-a","EventPattern":"{\"replay-name\":[{\"exists\":false}],\"source\":[\"b\"]}","State":"ENABLED","ManagedBy":"prod.vhs.events.aws.internal","EventBusName":"default","CreatedBy":"000000000000"}`},
		{"DeleteRule", `{"Name":"Events-Archive-a"}`, `ManagedRuleException: Events-Archive-a is a managed rule. Set 'force' parameter to true to override.`},
		{"RemoveTargets", `{"Rule":"Events-Archive-a","Ids":["Events-Archive-a"]}`, `ManagedRuleException: Events-Archive-a is a managed rule. Set 'force' parameter to true to override.`},
		{"PutTargets", `{"Rule":"Events-Archive-a","Targets":[{"Id":"1","Arn":"arn:aws:sqs:us-east-1:000000000000:q"}]}`, `ManagedRuleException: Events-Archive-a is a managed rule.`},
		{"EnableRule", `{"Name":"Events-Archive-a"}`, `ManagedRuleException: Events-Archive-a is a managed rule.`},
		{"UntagResource", `{"ResourceARN":"arn:aws:events:us-east-1:000000000000:rule/Events-Archive-a","TagKeys":["a"]}`, `ManagedRuleException: Tag related operations on the managed rule Events-Archive-a is not allowed.`},
		{"ListTagsForResource", `{"ResourceARN":"arn:aws:events:us-east-1:000000000000:rule/Events-Archive-a"}`, `{"Tags":[]}`},
		{"DisableRule", `{"Name":"Events-Archive-a"}`, `ManagedRuleException: Events-Archive-a is a managed rule.`},
		{"PutRule", `{"Name":"Events-Archive-a","EventPattern":"{\"source\":[\"b\"]}"}`, `ManagedRuleException: Events-Archive-a is a managed rule.`},
		{"TagResource", `{"ResourceARN":"arn:aws:events:us-east-1:000000000000:rule/Events-Archive-a","Tags":[]}`, `ManagedRuleException: Tag related operations on the managed rule Events-Archive-a is not allowed.`},
		{"PutRule", `{"Name":"Events-Archive-mine","EventPattern":"{\"source\":[\"b\"]}"}`, `{"RuleArn":"arn:aws:events:us-east-1:000000000000:rule/Events-Archive-mine"}`},
		{"CreateArchive", `{"ArchiveName":"mine","EventSourceArn":"` + busARN + `default"}`, `ResourceAlreadyExistsException: A rule with the pattern 'Events-Archive-mine' already exists. Please choose a different archive name or delete your rule, then, try again.`},

		// A number beyond an integer is the largest one.
		{"CreateArchive", `{"ArchiveName":"z","EventSourceArn":"` + busARN + `default","RetentionDays":2147483648}`, `{"ArchiveArn":"` + archiveARN + `z","State":"ENABLED","CreationTime":T}`},
		{"DescribeArchive", `{"ArchiveName":"z"}`, `{"ArchiveArn":"` + archiveARN + `z",` + listedArchive("z", `"RetentionDays":2147483647,"SizeBytes":0,"EventCount":0`)[1:]},
		{"DeleteArchive", `{"ArchiveName":"z"}`, `{}`},
		{"CreateArchive", `{"ArchiveName":"","EventSourceArn":"` + busARN + `default"}`, `ValidationException: 2 validation errors detected: Value '' at 'archiveName' failed to satisfy constraint: Member must have length greater than or equal to 1; Value '' at 'archiveName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+`},

		// Lists.
		{"CreateEventBus", `{"Name":"orders"}`, `{"EventBusArn":"` + busARN + `orders"}`},
		{"CreateArchive", `{"ArchiveName":"of-orders","EventSourceArn":"` + busARN + `orders"}`, `{"ArchiveArn":"` + archiveARN + `of-orders","State":"ENABLED","CreationTime":T}`},
		{"CreateArchive", `{"ArchiveName":"ab","EventSourceArn":"` + busARN + `default"}`, `{"ArchiveArn":"` + archiveARN + `ab","State":"ENABLED","CreationTime":T}`},
		{"ListArchives", `{"NamePrefix":"a"}`, `{"Archives":[` + listedArchive("a", empty) + `,` + listedArchive("ab", empty) + `]}`},
		{"ListArchives", `{"State":"DISABLED"}`, `{"Archives":[]}`},
		{"ListArchives", `{"NamePrefix":"nope"}`, `{"Archives":[]}`},
		{"ListArchives", `{"EventSourceArn":"` + busARN + `nope"}`, `ResourceNotFoundException: Event bus nope does not exist.`},
		{"ListArchives", `{"NamePrefix":"a","State":"ENABLED"}`, `ValidationException: At most one filter is allowed for ListArchives. Use either : State, EventSourceArn, or NamePrefix.`},
		{"ListArchives", `{"State":"x"}`, `ValidationException: 1 validation error detected: Value 'x' at 'state' failed to satisfy constraint: Member must satisfy enum value set: [CREATE_FAILED, ENABLED, UPDATING, UPDATE_FAILED, CREATING, DISABLED]`},

		{"DeleteArchive", `{"ArchiveName":"a"}`, `{}`},
		{"DeleteArchive", `{"ArchiveName":"a"}`, `ResourceNotFoundException: Archive a does not exist.`},
		{"DescribeRule", `{"Name":"Events-Archive-a"}`, `ResourceNotFoundException: Rule Events-Archive-a does not exist on EventBus default.`},
		{"DeleteEventBus", `{"Name":"orders"}`, `ValidationException: EventBus can't be deleted since it has rules.`},
		{"DeleteArchive", `{"ArchiveName":"of-orders"}`, `{}`},
		{"DeleteEventBus", `{"Name":"orders"}`, ``},
	} {
		s.run(t, h)
	}
}

// TestForcedAway holds what is shown of an archive whose rule was removed by
// force.
func TestForcedAway(t *testing.T) {
	h, _ := newAPI(t)
	const forced = `"Rule":"Events-Archive-a","EventBusName":"orders","Ids":["Events-Archive-a"],"Force":true}`
	archive := func(state string) string {
		return `"ArchiveName":"a","EventSourceArn":"` + busARN + `orders",` + state + `,"RetentionDays":0,"SizeBytes":0,"EventCount":0,"CreationTime":T`
	}
	described := func(state, rest string) string {
		return `{"ArchiveArn":"` + archiveARN + `a",` + archive(state) + rest + `}`
	}
	const on, off = `"State":"ENABLED"`, `"State":"DISABLED","StateReason":"Managed rule for the archive was forcefully deleted."`
	const answer = `{"ArchiveArn":"` + archiveARN + `a","State":"ENABLED","CreationTime":T}`
	for _, s := range []step{
		{"CreateEventBus", `{"Name":"orders"}`, `{"EventBusArn":"` + busARN + `orders"}`},
		{"CreateArchive", `{"ArchiveName":"a","EventSourceArn":"` + busARN + `orders"}`, answer},
		{"CreateArchive", `{"ArchiveName":"b","EventSourceArn":"` + busARN + `default"}`, strings.Replace(answer, "/a", "/b", 1)},
		{"DeleteRule", `{"Name":"Events-Archive-a","EventBusName":"orders","Force":true}`, `ValidationException: Rule can't be deleted since it has targets.`},
		{"RemoveTargets", `{` + forced, `{"FailedEntryCount":0,"FailedEntries":[]}`},
		{"DescribeArchive", `{"ArchiveName":"a"}`, described(off, "")},
		{"ListArchives", `{"State":"DISABLED"}`, `{"Archives":[{` + archive(off) + `}]}`},
		{"ListArchives", `{"State":"ENABLED"}`, `{"Archives":[` + listedArchive("b", `"RetentionDays":0,"SizeBytes":0,"EventCount":0`) + `]}`},
		{"ListArchives", `{"State":"UPDATING"}`, `{"Archives":[]}`},
		{"UpdateArchive", `{"ArchiveName":"a","Description":"d"}`, answer},
		{"DescribeArchive", `{"ArchiveName":"a"}`, described(on, `,"Description":"d"`)},
		{"RemoveTargets", `{` + forced, `{"FailedEntryCount":0,"FailedEntries":[]}`},
		{"DeleteRule", `{"Name":"Events-Archive-a","EventBusName":"orders","Force":true}`, ``},
		{"DeleteEventBus", `{"Name":"orders"}`, ``},
		{"UpdateArchive", `{"ArchiveName":"a","Description":"e"}`, `ResourceNotFoundException: Archive a managed rule does not exist.`},
		{"DescribeArchive", `{"ArchiveName":"a"}`, described(off, `,"Description":"d"`)},
		{"ListArchives", `{"EventSourceArn":"` + busARN + `orders"}`, `ResourceNotFoundException: Event bus orders does not exist.`},
		{"ListArchives", `{"NamePrefix":"a"}`, `{"Archives":[{` + archive(off) + `}]}`},
		{"DeleteArchive", `{"ArchiveName":"a"}`, `{}`},
	} {
		s.run(t, h)
	}
}

// TestListArchivesTokens holds what AWS says of tokens.
func TestListArchivesTokens(t *testing.T) {
	h, _ := newAPI(t)
	for name := range strings.SplitSeq("abc", "") {
		step{"CreateArchive", `{"ArchiveName":"` + name + `","EventSourceArn":"` + busARN + `default"}`, `{"ArchiveArn":"` + archiveARN + name + `","State":"ENABLED","CreationTime":T}`}.run(t, h)
	}
	_, body := call(t, h, "ListArchives", `{"NamePrefix":"a","Limit":1}`)
	if strings.Contains(body, "NextToken") {
		t.Errorf("a full last page has a token: %s", body)
	}
	_, body = call(t, h, "ListArchives", `{"Limit":1}`)
	var first struct{ NextToken string }
	if err := json.Unmarshal([]byte(body), &first); err != nil || first.NextToken == "" {
		t.Fatalf("got %s, %v, want a token", body, err)
	}
	const rest = `"RetentionDays":0,"SizeBytes":0,"EventCount":0`
	for _, s := range []step{
		{"ListArchives", `{"NextToken":"` + first.NextToken + `"}`, `{"Archives":[` + listedArchive("b", rest) + `,` + listedArchive("c", rest) + `]}`},
		{"ListArchives", `{"NextToken":"` + first.NextToken + `","NamePrefix":"b"}`, `ValidationException: Parameter NextToken is not valid. Reason: Token invalid.`},
		{"ListArchives", `{"NextToken":"` + first.NextToken + `","State":"ENABLED"}`, `ValidationException: Parameter NextToken is not valid. Reason: Token invalid.`},
		{"ListArchives", `{"NextToken":"bogus"}`, `ValidationException: Parameter NextToken is not valid. Reason: Malformed request.`},
		{"ListReplays", `{"NextToken":"` + first.NextToken + `"}`, `ValidationException: Parameter NextToken is not valid. Reason: Malformed request.`},
		{"ListArchives", `{"NextToken":""}`, `ValidationException: 1 validation error detected: Value '' at 'nextToken' failed to satisfy constraint: Member must have length greater than or equal to 1`},
		{"ListEventBuses", `{"NextToken":"bogus"}`, `ValidationException: Parameter NextToken is not valid.`},
	} {
		s.run(t, h)
	}
}

// TestArchiveTarget holds what AWS shows of the target of an archive's rule.
func TestArchiveTarget(t *testing.T) {
	h, _ := newAPI(t)
	step{"CreateArchive", `{"ArchiveName":"a","EventSourceArn":"` + busARN + `default"}`, `{"ArchiveArn":"` + archiveARN + `a","State":"ENABLED","CreationTime":T}`}.run(t, h)
	_, body := call(t, h, "ListTargetsByRule", `{"Rule":"Events-Archive-a"}`)
	var got struct {
		Targets []struct {
			ID               string `json:"Id"`
			Arn              string
			InputTransformer struct {
				InputPathsMap map[string]string
				InputTemplate string
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || len(got.Targets) != 1 {
		t.Fatalf("got %s, %v", body, err)
	}
	target := got.Targets[0]
	if target.ID != "Events-Archive-a" || target.Arn != "arn:aws:events:us-east-1:::" || target.InputTransformer.InputPathsMap == nil ||
		!strings.HasPrefix(target.InputTransformer.InputTemplate, `{"archive-arn": "`+archiveARN+`a:`) ||
		!strings.HasSuffix(target.InputTransformer.InputTemplate, `","event": <aws.events.event.json>,"ingestion-time": <aws.events.event.ingestion-time>}`) {
		t.Errorf("got %s", body)
	}
}

// put puts n events whose size in an archive was recorded on AWS.
func put(t *testing.T, router *bailey.Router, n int) {
	t.Helper()
	entries := make([]bailey.Entry, n)
	for i := range entries {
		entries[i] = bailey.Entry{
			Source: "core.update-account-command", DetailType: "core.update-account-command",
			Detail: []byte(`{"command": "update-account", "payload": {"acc_id": "0a787ecb-4015", "sf_id": "baz"}}`),
		}
	}
	if _, err := router.PutEvents(t.Context(), "", entries); err != nil {
		t.Fatal(err)
	}
}

func TestArchiveCounts(t *testing.T) {
	h, router := newAPI(t)
	for name, pattern := range map[string]string{
		"all":  ``,
		"some": `,"EventPattern":"{\"source\":[\"core.update-account-command\"],\"detail\":{\"command\":[\"update-account\"]}}"`,
		"none": `,"EventPattern":"{\"source\":[\"other\"]}"`,
	} {
		step{"CreateArchive", `{"ArchiveName":"` + name + `","EventSourceArn":"` + busARN + `default"` + pattern + `}`, `{"ArchiveArn":"` + archiveARN + name + `","State":"ENABLED","CreationTime":T}`}.run(t, h)
	}
	put(t, router, 10)
	const ten, none = `"RetentionDays":0,"SizeBytes":1590,"EventCount":10`, `"RetentionDays":0,"SizeBytes":0,"EventCount":0`
	step{"ListArchives", `{}`, `{"Archives":[` + listedArchive("all", ten) + `,` + listedArchive("none", none) + `,` + listedArchive("some", ten) + `]}`}.run(t, h)
	// A new archive by the name of one that was deleted begins empty.
	step{"DeleteArchive", `{"ArchiveName":"all"}`, `{}`}.run(t, h)
	step{"CreateArchive", `{"ArchiveName":"all","EventSourceArn":"` + busARN + `default"}`, `{"ArchiveArn":"` + archiveARN + `all","State":"ENABLED","CreationTime":T}`}.run(t, h)
	step{"ListArchives", `{"NamePrefix":"all"}`, `{"Archives":[` + listedArchive("all", none) + `]}`}.run(t, h)
}

// started is the request for a replay of archive a.
func started(name, rest string) string {
	return `{"ReplayName":"` + name + `","EventSourceArn":"` + archiveARN + `a","EventStartTime":0,"EventEndTime":4102444800,"Destination":{"Arn":"` + busARN + `default"` + rest + `}}`
}

func TestReplays(t *testing.T) {
	h, router := newAPIOf(t, bailey.Config{ReplayStart: -1})
	listed := func(name, state string) string {
		return `{"ReplayName":"` + name + `","EventSourceArn":"` + archiveARN + `a","State":"` + state + `","EventStartTime":0,"EventEndTime":4102444800,"EventLastReplayedTime":T,"ReplayStartTime":T,"ReplayEndTime":T}`
	}
	start := func(archive, bus, from, until string) string {
		return `{"ReplayName":"r","EventSourceArn":"` + archive + `","EventStartTime":` + from + `,"EventEndTime":` + until + `,"Destination":{"Arn":"` + bus + `"}}`
	}
	for _, s := range []step{
		{"CreateEventBus", `{"Name":"orders"}`, `{"EventBusArn":"` + busARN + `orders"}`},
		{"CreateArchive", `{"ArchiveName":"a","EventSourceArn":"` + busARN + `default"}`, `{"ArchiveArn":"` + archiveARN + `a","State":"ENABLED","CreationTime":T}`},
		{"PutRule", `{"Name":"r","EventPattern":"{\"source\":[\"x\"]}"}`, `{"RuleArn":"arn:aws:events:us-east-1:000000000000:rule/r"}`},
		{"StartReplay", start(archiveARN+"a", "invalid", "1", "2"), `ValidationException: Parameter Destination.Arn is not valid. Reason: Must contain an event bus ARN.`},
		{"StartReplay", start(archiveARN+"nope", busARN+"nope", "1", "2"), `ResourceNotFoundException: Event bus nope does not exist.`},
		{"StartReplay", start(archiveARN+"nope", busARN+"default", "1", "2"), `ValidationException: Parameter EventSourceArn is not valid. Reason: Archive nope does not exist.`},
		{"StartReplay", start(busARN+"default", busARN+"default", "1", "2"), `ValidationException: Parameter EventSourceArn is not valid. Reason: Must contain an archive ARN.`},
		{"StartReplay", start(archiveARN+"a", busARN+"orders", "2", "2"), `ValidationException: Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.`},
		{"StartReplay", start(archiveARN+"a", busARN+"orders", "3", "2"), `ValidationException: Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.`},
		{"StartReplay", start(archiveARN+"a", busARN+"orders", "1", "2"), `ValidationException: Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.`},
		{"StartReplay", started("r", `,"FilterArns":["arn:aws:events:us-east-1:000000000000:rule/nope"]`), `ResourceNotFoundException: Rule nope does not exist on EventBus default.`},
		{"StartReplay", started("r", `,"FilterArns":["arn:aws:events:us-east-1:000000000000:rule/orders/r"]`), `ValidationException: Parameter Destination.FilterArns is not valid. Reason: arn:aws:events:us-east-1:000000000000:rule/orders/r is not the ARN of a rule on event bus default.`},
		{"DescribeReplay", `{"ReplayName":"r"}`, `ResourceNotFoundException: Replay r does not exist.`},
		{"CancelReplay", `{"ReplayName":"r"}`, `ResourceNotFoundException: Replay r does not exist.`},
	} {
		s.run(t, h)
	}
	put(t, router, 1)
	for _, s := range []step{
		{"StartReplay", strings.Replace(started("r", `,"FilterArns":["arn:aws:events:us-east-1:000000000000:rule/r"]`), "{", `{"Description":"d",`, 1), `{"ReplayArn":"` + replayARN + `r","State":"STARTING","ReplayStartTime":T}`},
		{"StartReplay", started("r", ""), `ResourceAlreadyExistsException: Replay r already exists.`},
		{"DescribeReplay", `{"ReplayName":"r"}`, `{"ReplayArn":"` + replayARN + `r",` + strings.Trim(listed("r", "COMPLETED"), "{}") + `,"Description":"d","Destination":{"Arn":"` + busARN + `default","FilterArns":["arn:aws:events:us-east-1:000000000000:rule/r"]}}`},
		{"CancelReplay", `{"ReplayName":"r"}`, `IllegalStatusException: Replay r is not in a valid state for this operation.`},
		{"StartReplay", started("s", ""), `{"ReplayArn":"` + replayARN + `s","State":"STARTING","ReplayStartTime":T}`},
		{"ListReplays", `{}`, `{"Replays":[` + listed("r", "COMPLETED") + `,` + listed("s", "COMPLETED") + `]}`},
		{"ListReplays", `{"Limit":1}`, `{"Replays":[` + listed("r", "COMPLETED") + `],"NextToken":"cmVwbGF5cyBiZTIzZmIwY2VhMjZmYzI1IHI"}`},
		{"ListReplays", `{"NextToken":"cmVwbGF5cyBiZTIzZmIwY2VhMjZmYzI1IHI"}`, `{"Replays":[` + listed("s", "COMPLETED") + `]}`},
		{"ListReplays", `{"State":"FAILED"}`, `{"Replays":[]}`},
		{"ListReplays", `{"NamePrefix":"s"}`, `{"Replays":[` + listed("s", "COMPLETED") + `]}`},
		{"ListReplays", `{"EventSourceArn":"` + archiveARN + `nope"}`, `{"Replays":[]}`},
		{"ListReplays", `{"EventSourceArn":"` + archiveARN + `a","Limit":1}`, `{"Replays":[` + listed("r", "COMPLETED") + `],"NextToken":"cmVwbGF5cyBjYzNhYTJmMzNjNmIxMTJjIHI"}`},
		{"ListReplays", `{"NamePrefix":"s","State":"FAILED"}`, `ValidationException: At most one filter is allowed for ListReplays. Use either : State, EventSourceArn, or NamePrefix.`},
		{"ListReplays", `{"State":"x"}`, `ValidationException: 1 validation error detected: Value 'x' at 'state' failed to satisfy constraint: Member must satisfy enum value set: [STARTING, COMPLETED, CANCELLING, CANCELLED, FAILED, RUNNING]`},
	} {
		s.run(t, h)
	}
}

// TestCancelReplay cancels one that is starting, which it is for a minute.
func TestCancelReplay(t *testing.T) {
	h, router := newAPI(t)
	step{"CreateArchive", `{"ArchiveName":"a","EventSourceArn":"` + busARN + `default"}`, `{"ArchiveArn":"` + archiveARN + `a","State":"ENABLED","CreationTime":T}`}.run(t, h)
	put(t, router, 1)
	cancelling := `{"ReplayArn":"` + replayARN + `r","ReplayName":"r","EventSourceArn":"` + archiveARN + `a","State":"CANCELLING","EventStartTime":0,"EventEndTime":4102444800,"ReplayStartTime":T,"Destination":{"Arn":"` + busARN + `default"}}`
	for _, s := range []step{
		{"StartReplay", started("r", `,"FilterArns":[]`), `{"ReplayArn":"` + replayARN + `r","State":"STARTING","ReplayStartTime":T}`},
		{"DescribeReplay", `{"ReplayName":"r"}`, strings.Replace(cancelling, "CANCELLING", "STARTING", 1)},
		{"CancelReplay", `{"ReplayName":"r"}`, `{"ReplayArn":"` + replayARN + `r","State":"CANCELLING"}`},
		{"CancelReplay", `{"ReplayName":"r"}`, `IllegalStatusException: Replay r is not in a valid state for this operation.`},
		{"DescribeReplay", `{"ReplayName":"r"}`, cancelling},
	} {
		s.run(t, h)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		p, err := router.Rules().Replay("us-east-1", "r")
		if err != nil || ctx.Err() != nil {
			t.Fatalf("got %+v, %v, want it cancelled in the end", p, err)
		}
		if !p.Active() {
			break
		}
		router.AwaitReplay(ctx, p)
	}
	cancelled := strings.Replace(strings.Replace(cancelling, "CANCELLING", "CANCELLED", 1), `"ReplayStartTime":T`, `"ReplayStartTime":T,"ReplayEndTime":T`, 1)
	step{"DescribeReplay", `{"ReplayName":"r"}`, cancelled}.run(t, h)
}

// TestActiveReplays holds that no more than ten replays are under way at a time.
func TestActiveReplays(t *testing.T) {
	h, _, _ := newFake(t) // which never ends one
	step{"CreateArchive", `{"ArchiveName":"a","EventSourceArn":"` + busARN + `default"}`, `{"ArchiveArn":"` + archiveARN + `a","State":"ENABLED","CreationTime":T}`}.run(t, h)
	for name := range strings.SplitSeq("abcdefghij", "") {
		step{"StartReplay", started(name, ""), `{"ReplayArn":"` + replayARN + name + `","State":"STARTING","ReplayStartTime":T}`}.run(t, h)
	}
	step{"StartReplay", started("k", ""), `LimitExceededException: The requested resource exceeds the maximum number allowed.`}.run(t, h)
	step{"CancelReplay", `{"ReplayName":"a"}`, `{"ReplayArn":"` + replayARN + `a","State":"CANCELLING"}`}.run(t, h)
}
