package admin_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"bailey"
	"bailey/internal/rule"
)

const queue = "arn:aws:sqs:us-east-1:000000000000:dead"

// give puts events that are given up, and returns their ids.
func (w *world) give(n int) []string {
	w.t.Helper()
	var ids []string
	for range n {
		results, err := w.router.PutEvents(w.t.Context(), "", []bailey.Entry{{Source: "shop", DetailType: "order", Detail: []byte(`{}`)}})
		if err != nil {
			w.t.Fatal(err)
		}
		id := results[0].ID.String()
		w.ask("GET", "/events/"+id+"/wait", "", 200)
		ids = append(ids, id)
	}
	return ids
}

func (w *world) letters(query string) []map[string]any {
	w.t.Helper()
	var all []map[string]any
	for _, l := range w.ask("GET", "/dead-letters"+query, "", 200)["deadLetters"].([]any) {
		all = append(all, l.(map[string]any))
	}
	return all
}

// A page of large events ends early; none is left out.
func TestDeadLetterPageEndsEarly(t *testing.T) {
	w := newWorld(t, 404, bailey.Config{})
	detail := []byte(`{"text": "` + strings.Repeat("x", 900<<10) + `"}`)
	want := 12
	for range want {
		results, err := w.router.PutEvents(t.Context(), "", []bailey.Entry{{Source: "shop", DetailType: "order", Detail: detail}})
		if err != nil {
			t.Fatal(err)
		}
		w.ask("GET", "/events/"+results[0].ID.String()+"/wait", "", 200)
	}
	ids, pages := map[any]bool{}, 0
	for next := any(""); next != nil; pages++ {
		page := w.ask("GET", fmt.Sprint("/dead-letters?limit=1000&next=", next), "", 200)
		letters := page["deadLetters"].([]any)
		if len(letters) == 0 || len(letters) > 10 {
			t.Fatalf("got a page of %d messages, want about 8 MiB of them", len(letters))
		}
		for _, l := range letters {
			ids[l.(map[string]any)["id"]] = true
		}
		next = page["next"]
	}
	if len(ids) != want || pages < 2 {
		t.Errorf("got %d messages in %d pages, want %d in a few", len(ids), pages, want)
	}
}

func TestDeadLetterSelections(t *testing.T) {
	w := newWorld(t, 404, bailey.Config{})
	ids := w.give(3)
	for query, want := range map[string]int{
		"":                                       3,
		"?queue=" + queue:                        3,
		"?queue=arn:aws:sqs:us-east-1:0:none":    0,
		"?eventId=" + ids[1]:                     1,
		"?rule=orders&target=api":                3,
		"?rule=others":                           0,
		"?target=nobody":                         0,
		"?api=orders":                            3,
		"?api=none":                              0,
		"?eventBusName=default&region=us-east-1": 3,
		"?region=eu-west-1":                      0,
		"?errorCode=ERROR_FROM_TARGET":           3,
		"?errorCode=error_from_target":           3,
		"?errorCode=TIMEOUT":                     0,
		"?since=1h":                              3,
		"?until=1h":                              0,
		"?since=1h&until=2100-01-01T00:00:00Z&limit=2": 2,
	} {
		if got := w.letters(query); len(got) != want {
			t.Errorf("%s: got %d, want %d", query, len(got), want)
		}
	}
	for _, query := range []string{"?quque=x", "?queue=dead", "?since=yesterday", "?errorCode=TIME_OUT", "?until=x", "?eventId=x", "?limit=0", "?limit=1001", "?next=x"} {
		w.ask("GET", "/dead-letters"+query, "", 400)
	}
	first := w.letters("?limit=1")
	second := w.letters(fmt.Sprint("?limit=1&next=", int(first[0]["id"].(float64))))
	if first[0]["eventId"] == second[0]["eventId"] {
		t.Errorf("got %v twice, want the next one", first[0])
	}

	for limit, more := range map[int]bool{1: true, 2: true, 3: false, 4: false, 1000: false} {
		if _, next := w.ask("GET", fmt.Sprint("/dead-letters?limit=", limit), "", 200)["next"]; next != more {
			t.Errorf("limit %d: the answer says that there are more: %v, want %v", limit, next, more)
		}
	}

	one := w.ask("GET", fmt.Sprint("/dead-letters/", int(first[0]["id"].(float64))), "", 200)
	attributes := one["attributes"].(map[string]any)
	if one["rule"] != "orders" || one["targetId"] != "api" || one["queue"] != queue ||
		attributes["ERROR_CODE"] != "ERROR_FROM_TARGET" || attributes["RETRY_ATTEMPTS"] != nil ||
		attributes["RULE_ARN"] != "arn:aws:events:us-east-1:000000000000:rule/orders" {
		t.Errorf("got %v", one)
	}
	if _, exhausted := attributes["EXHAUSTED_RETRY_CONDITION"]; exhausted {
		t.Error("no retry condition was exhausted")
	}
	delivery := func() map[string]any {
		t.Helper()
		return w.ask("GET", fmt.Sprint("/events/", first[0]["eventId"]), "", 200)["deliveries"].([]any)[0].(map[string]any)
	}
	if got := delivery()["deadLetterQueue"]; got != queue {
		t.Errorf("its delivery says that it lies in queue %v", got)
	}
	w.ask("DELETE", fmt.Sprint("/dead-letters/", int(first[0]["id"].(float64))), "", 204)
	if got, is := delivery()["deadLetterQueue"]; is {
		t.Errorf("its delivery says that it lies in queue %v, from which it was taken", got)
	}
	w.ask("GET", fmt.Sprint("/dead-letters/", int(first[0]["id"].(float64))), "", 404)
	w.ask("DELETE", fmt.Sprint("/dead-letters/", int(first[0]["id"].(float64))), "", 404)
	w.ask("GET", "/dead-letters/what", "", 404)

	w.ask("POST", "/dead-letters/purge", "", 400)
	w.ask("POST", "/dead-letters/purge", `{"rule": "orders", "since": "x"}`, 400)
	if got := w.ask("POST", "/dead-letters/purge", `{"rule": "others"}`, 200)["purged"]; got != 0.0 {
		t.Errorf("purged %v of a rule that has none", got)
	}
	if got := w.ask("POST", "/dead-letters/purge", `{"all": true}`, 200)["purged"]; got != 2.0 {
		t.Errorf("purged %v, want 2", got)
	}
	if got := w.letters(""); len(got) != 0 {
		t.Errorf("%d are left", len(got))
	}
}

func TestRedriveCalls(t *testing.T) {
	w := newWorld(t, 404, bailey.Config{Clock: bailey.NewVirtualClock(time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC))})
	ids := w.give(4)

	// One event, one message.
	for call, body := range map[string]string{
		"/events/" + ids[0] + "/redrive": "",
		"/dead-letters/redrive":          `{"eventId": "` + ids[1] + `", "rule": "orders"}`,
	} {
		if got := w.ask("POST", call, body, 200); got["redriven"] != 1.0 || got["state"] != "done" {
			t.Errorf("%s: got %v, want one sent again", call, got)
		}
	}
	for _, id := range ids[:2] {
		w.ask("GET", "/events/"+id+"/wait", "", 200)
	}
	d := w.ask("GET", "/events/"+ids[0], "", 200)["deliveries"].([]any)[0].(map[string]any)
	if d["attempts"] != 1.0 || d["earlierAttempts"] != 1.0 || d["redrivenAt"] == nil || len(d["failedAttempts"].([]any)) != 2 {
		t.Errorf("got %v, want a second attempt in the history", d)
	}
	if got := w.ask("POST", "/events/"+ids[0]+"/redrive", `{"rule": "others"}`, 200); got["redriven"] != 0.0 {
		t.Errorf("another rule's: got %v, want none", got)
	}
	id := int(w.letters("?eventId=" + ids[2])[0]["id"].(float64))
	if got := w.ask("POST", "/dead-letters/redrive", fmt.Sprintf(`{"id": %d}`, id), 200); got["redriven"] != 1.0 {
		t.Errorf("got %v, want one sent again", got)
	}
	w.ask("POST", "/dead-letters/redrive", fmt.Sprintf(`{"id": %d}`, id), 404)

	// A selection, in its own time.
	w.ask("GET", "/events/"+ids[2]+"/wait", "", 200)
	begun := w.ask("POST", "/dead-letters/redrive", `{"queue": "`+queue+`", "ratePerSecond": 1}`, 202)
	path := fmt.Sprint("/redrives/", int(begun["id"].(float64)))
	if begun["state"] != "running" || begun["matched"] != 4.0 || begun["selected"].(map[string]any)["queue"] != queue {
		t.Errorf("got %v, want 4 selected", begun)
	}
	w.ask("POST", "/clock/advance", `{"by": "2s"}`, 200)
	if got := w.ask("GET", path, "", 200); got["redriven"] != 3.0 {
		t.Errorf("got %v after 2 s, want 3 sent again", got)
	}
	if got := w.ask("DELETE", path, "", 200); got["state"] != "cancelled" || got["endedAt"] == nil {
		t.Errorf("got %v, want it cancelled", got)
	}
	if got := w.ask("GET", "/redrives", "", 200)["redrives"].([]any); len(got) != 1 {
		t.Errorf("got %v, want one", got)
	}

	// One of nothing is done, and is not kept.
	if got := w.ask("POST", "/dead-letters/redrive", `{"errorCode": "timeout"}`, 200); got["state"] != "done" || got["matched"] != 0.0 || got["id"] != nil || got["endedAt"] == nil {
		t.Errorf("got %v, want nothing done", got)
	}
	if got := w.ask("GET", "/redrives", "", 200)["redrives"].([]any); len(got) != 1 {
		t.Errorf("got %v, want one", got)
	}

	for body, want := range map[string]int{
		`{"id": 1, "rule": "orders"}`: 400,
		`{"ratePerSecond": -1}`:       400,
		`{"since": "soon"}`:           400,
		`{"errorCode": "TIME_OUT"}`:   400,
		`{"eventId": "x"}`:            400,
		`{"rul": "orders"}`:           400,
		`[]`:                          400,
		`{"eventId": "00000000-0000-0000-0000-000000000000"}`: 404,
		`{"id": 4711}`: 404,
	} {
		w.ask("POST", "/dead-letters/redrive", body, want)
	}
	w.ask("GET", "/redrives/4711", "", 404)
	w.ask("DELETE", "/redrives/x", "", 404)
	w.ask("POST", "/events/x/redrive", "", 400)
	// Everything has to be said.
	for _, body := range []string{"", `{}`, `{"ratePerSecond": 5}`, `{"all": false}`, `{"all": true, "id": 1}`} {
		w.ask("POST", "/dead-letters/redrive", body, 400)
	}
	if got := w.ask("POST", "/dead-letters/redrive", `{"all": true}`, 202); got["matched"] != 4.0 {
		t.Errorf("got %v, want all 4", got)
	}
}

func TestEndpoints(t *testing.T) {
	w := newWorld(t, 200, bailey.Config{})
	w.give(1)
	state := func(path, method string, status int) string {
		answer := w.ask(method, path, "", status)
		if status != 200 {
			return ""
		}
		var b strings.Builder
		for _, e := range answer["endpoints"].([]any) {
			e := e.(map[string]any)
			fmt.Fprint(&b, e["api"], "/", e["stage"], " ", e["state"], " ", e["waiting"], "; ")
		}
		return b.String()
	}
	if got := state("/endpoints", "GET", 200); got != "orders/<nil> closed 0; " {
		t.Errorf("got %s", got)
	}
	if got := state("/endpoints/orders/pause", "POST", 200); got != "orders/<nil> paused 0; " {
		t.Errorf("got %s", got)
	}
	results, err := w.router.PutEvents(t.Context(), "", []bailey.Entry{{Source: "shop", DetailType: "order", Detail: []byte(`{}`)}})
	if err != nil {
		t.Fatal(err)
	}
	id := results[0].ID.String()
	w.ask("GET", "/events/"+id+"/wait?timeout=0s", "", 408)
	if got := state("/endpoints", "GET", 200); got != "orders/<nil> paused 1; " {
		t.Errorf("got %s", got)
	}
	if got := state("/endpoints/orders/resume?stage=", "POST", 200); !strings.HasPrefix(got, "orders/<nil> closed") {
		t.Errorf("got %s", got)
	}
	w.ask("GET", "/events/"+id+"/wait", "", 200)
	w.ask("PUT", "/apis/staged", `{"stages": {"a": {"url": "http://127.0.0.1:1"}, "b": {"url": "http://127.0.0.1:1"}}}`, 201)
	if got := state("/endpoints/staged/pause", "POST", 200); got != "staged/a paused 0; staged/b paused 0; " {
		t.Errorf("got %s", got)
	}
	if got := state("/endpoints/staged/resume?stage=b", "POST", 200); got != "staged/b closed 0; " {
		t.Errorf("got %s", got)
	}
	state("/endpoints/staged/resume?stage=c", "POST", 404)
	state("/endpoints/nobody/pause", "POST", 404)
	state("/endpoints/orders/pause?stages=x", "POST", 400)
}

// One call sends again what was given up of an event and sends now what of it
// waits, and says how many of each.
func TestRedriveEventHurries(t *testing.T) {
	w := newWorld(t, 503, bailey.Config{Clock: bailey.NewVirtualClock(time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC))})
	if err := w.router.Rules().PutTargets(t.Context(), "us-east-1", "default", "orders", []rule.Target{{
		ID: "none", ARN: "arn:aws:execute-api:us-east-1:000000000000:none/prod/POST/orders",
	}}); err != nil {
		t.Fatal(err)
	}
	id := w.put()
	w.ask("POST", "/clock/advance", `{"by": "0s"}`, 200)
	if got := w.ask("POST", "/events/"+id+"/redrive", `{"target": "api"}`, 200); got["hurried"] != 1.0 || got["redriven"] != 0.0 {
		t.Errorf("got %v, want one hurried", got)
	}
	w.ask("POST", "/clock/advance", `{"by": "0s"}`, 200)
	if got := w.ask("POST", "/dead-letters/redrive", `{"eventId": "`+id+`"}`, 200); got["hurried"] != 1.0 || got["redriven"] != 1.0 || got["matched"] != 1.0 {
		t.Errorf("got %v, want one redriven and one hurried", got)
	}
}

// A message that is no JSON is shown as text, and its event is known all the
// same.
func TestDeadLetterThatIsNoJSON(t *testing.T) {
	w := newWorld(t, 404, bailey.Config{})
	for id, template := range map[string]string{"broken": `"it is <q>"`, "lines": "\"a\"\n\"b\""} {
		target := rule.Target{
			ID: id, ARN: "arn:aws:execute-api:us-east-1:000000000000:orders/prod/POST/orders", DeadLetterConfig: &rule.DeadLetterConfig{ARN: queue},
			InputTransformer: &rule.InputTransformer{InputPathsMap: map[string]string{"q": "$.detail.q"}, InputTemplate: template},
		}
		if err := w.router.Rules().PutTargets(t.Context(), "us-east-1", "default", "others", []rule.Target{target}); err != nil {
			t.Fatal(err)
		}
	}
	results, err := w.router.PutEvents(t.Context(), "", []bailey.Entry{{Source: "elsewhere", DetailType: "d", Detail: []byte(`{"q": "say \"hi\""}`)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.router.Wait(t.Context(), results[0].ID); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"broken": `"it is say "hi""`, "lines": "\"a\"\n\"b\""}
	letters := w.letters("")
	if len(letters) != len(want) {
		t.Fatalf("got %v, want %d", letters, len(want))
	}
	for _, l := range letters {
		if l["body"] != nil || l["text"] != want[l["targetId"].(string)] || l["eventId"] != results[0].ID.String() {
			t.Errorf("got %v, want its text", l)
		}
	}
}

// Explain and preview say what a delivery would end with: the API is another
// region's, another account's, or not there.
func TestUnreachableTargets(t *testing.T) {
	w := newWorld(t, 200, bailey.Config{})
	const event = `{"source": "elsewhere", "detail-type": "d", "detail": {}}`
	for _, tt := range []struct{ name, arn, code, message string }{
		{"another region", "arn:aws:execute-api:eu-west-1:000000000000:orders/prod/POST/o", "NO_RESOURCE",
			"the target's ARN has the region eu-west-1 and the rule is in us-east-1: correct the ARN, or register the API orders for eu-west-1 (its regions; bailey api put --regions)"},
		{"another account", "arn:aws:execute-api:us-east-1:112233445566:orders/prod/POST/o", "NO_PERMISSIONS",
			"the target's ARN has the account 112233445566 and the rule is of 000000000000: correct the ARN, or give the target a RoleArn, which a call to another account's API needs"},
		{"no such API", "arn:aws:execute-api:us-east-1:000000000000:none/prod/POST/o", "NO_RESOURCE", "the API none is not registered"},
		{"reached", "arn:aws:execute-api:us-east-1:000000000000:orders/prod/POST/o", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			target := rule.Target{ID: "t", ARN: tt.arn}
			if err := w.router.Rules().PutTargets(t.Context(), "us-east-1", "default", "others", []rule.Target{target}); err != nil {
				t.Fatal(err)
			}
			explained := w.ask("POST", "/explain", `{"rule": "others", "event": `+event+`}`, 200)["rules"].([]any)[0].(map[string]any)
			ask := `{"target": {"Id": "t", "Arn": "` + tt.arn + `"}, "event": ` + event + `}`
			if tt.code == "" {
				if explained["notes"] != nil {
					t.Errorf("explain: got %v, want nothing amiss", explained)
				}
				w.ask("POST", "/preview", ask, 200)
				return
			}
			note := map[string]any{"targetId": "t", "note": tt.code + ": " + tt.message}
			if notes, _ := explained["notes"].([]any); len(notes) != 1 || !reflect.DeepEqual(notes[0], note) {
				t.Errorf("explain: got %v, want %v", explained, note)
			}
			if got := w.ask("POST", "/preview", ask, 422); got["error"] != tt.code || got["message"] != tt.message {
				t.Errorf("preview: got %v, want %s: %s", got, tt.code, tt.message)
			}
		})
	}
	// Who asks of another region means a rule there.
	ask := `{"region": "eu-west-1", "target": {"Id": "t", "Arn": "arn:aws:execute-api:eu-west-1:000000000000:orders/prod/POST/o"}, "event": ` + event + `}`
	w.ask("POST", "/preview", ask, 200)
}
