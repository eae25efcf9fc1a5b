package deliver

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"bailey/internal/event"
	"bailey/internal/request"
	"bailey/internal/retry"
	"bailey/internal/rule"
	"bailey/internal/store"
)

// What a dead letter holds: the target's input, whatever made it (X7).
func TestLetterBody(t *testing.T) {
	const detail = `{"n": 1, "quoted": "say \"hi\""}`
	long := strings.Repeat("x", 1<<20)
	for _, tt := range []struct {
		name   string
		target func(*rule.Target)
		detail string
		want   string // "" is the event
		log    string // in the delivery log
	}{
		{name: "the event"},
		{name: "a constant", target: func(t *rule.Target) { t.Input = new(`{"constant": true}`) }, want: `{"constant": true}`},
		{name: "a part of the event", target: func(t *rule.Target) { t.InputPath = new("$.detail.n") }, want: "1"},
		{name: "what a template makes", target: func(t *rule.Target) {
			t.InputTransformer = &rule.InputTransformer{
				InputPathsMap: map[string]string{"n": "$.detail.n"}, InputTemplate: `{"n": <n>, "by": "<aws.events.rule-name>"}`,
			}
		}, want: `{"n": 1, "by": "api"}`},
		{name: "the broken text", target: func(t *rule.Target) {
			t.InputTransformer = &rule.InputTransformer{InputPathsMap: map[string]string{"q": "$.detail.quoted"}, InputTemplate: `"it is <q>"`}
		}, want: `"it is say "hi""`},
		{name: "the event, where SQS could not hold what was to be sent", detail: `{"long": "` + long[:1<<19] + `"}`, target: func(t *rule.Target) {
			t.InputTransformer = &rule.InputTransformer{
				InputPathsMap: map[string]string{"l": "$.detail.long"}, InputTemplate: `{"once": <l>, "twice": <l>, "thrice": <l>}`,
			}
		}, log: "; the dead letter holds the event: with what was to be sent it has 157"},
		{name: "the event, where nothing was to be sent", target: func(t *rule.Target) { t.Input = new("") },
			log: "; the dead letter holds the event: what was to be sent is empty"},
		{name: "the event, where nothing could be made of it", detail: `{"long": "` + long[:1<<19] + `"}`, target: func(t *rule.Target) {
			t.InputTransformer = &rule.InputTransformer{
				InputPathsMap: map[string]string{"l": "$.detail.long"}, InputTemplate: `{"all": [` + strings.Repeat("<l>, ", 30) + `1]}`,
			}
		}, log: "; the dead letter holds the event: the body is longer than"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, Config{}, func(t *testing.T, w *world) {
				box := &inbox{answer: status(404)}
				w.network.serve("api", box.ServeHTTP)
				w.api(request.API{ID: "api"})
				change := tt.target
				if change == nil {
					change = func(*rule.Target) {}
				}
				w.target("api", change)
				given := tt.detail
				if given == "" {
					given = detail
				}
				id := w.put("api", given)[0]
				d := w.ended(id)
				letters := w.deadLetters()
				if len(letters) != 1 || letters[0].Event != id {
					t.Fatalf("got %d dead letters, want one of the event", len(letters))
				}
				want := tt.want
				if want == "" {
					want = string(w.stored(id).JSON)
				}
				if got := string(letters[0].Body); got != want {
					t.Errorf("got %.200s, want %.200s", got, want)
				}
				if got := letters[0].Size(); got > store.MaxMessage {
					t.Errorf("it has %d bytes, more than SQS takes", got)
				}
				if strings.Contains(d.Error, "dead letter") != (tt.log != "") || !strings.Contains(d.Error, tt.log) {
					t.Errorf("the log says %q, want %q", d.Error, tt.log)
				}
				if strings.Contains(letters[0].ErrorMessage, "dead letter") {
					t.Errorf("ERROR_MESSAGE is %q, which is of the failure alone", letters[0].ErrorMessage)
				}
			})
		})
	}
}

// stored returns an event as the store has it.
func (w *world) stored(id event.ID) *store.StoredEvent {
	w.t.Helper()
	e, err := w.store.Event(context.Background(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

// Where retries ran out, a dead letter holds what the target would be sent as it
// is then; where the target was removed meanwhile, what it was sent.
func TestLetterOfChangedTarget(t *testing.T) {
	input := func(text string) func(*rule.Target) {
		return func(t *rule.Target) { t.Input = &text }
	}
	for _, tt := range []struct {
		name   string
		change func(w *world)
		code   retry.Code
		want   string
	}{
		{"changed", func(w *world) { w.target("api", retries(2, -1), input(`"after"`)) }, retry.ErrorFromTarget, `"after"`},
		{"removed", func(w *world) {
			if err := w.rules.RemoveTargets(context.Background(), testRegion, rule.DefaultBus, "api", []string{"api"}, false); err != nil {
				w.t.Fatal(err)
			}
		}, retry.NoResource, `"before"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, Config{}, func(t *testing.T, w *world) {
				box := &inbox{answer: status(503)}
				box.answer = func(n int, rw http.ResponseWriter, _ *http.Request) {
					if n == 1 {
						tt.change(w)
					}
					rw.WriteHeader(http.StatusServiceUnavailable)
				}
				w.network.serve("api", box.ServeHTTP)
				w.api(request.API{ID: "api"})
				w.target("api", retries(2, -1), input(`"before"`))
				w.ended(w.one("api"))
				l := w.deadLetters()
				if len(l) != 1 || string(l[0].Body) != tt.want || l[0].ErrorCode != string(tt.code) {
					t.Fatalf("got %+v, want one with %s", l, tt.want)
				}
				if a := l[0].Attributes(); (a["RETRY_ATTEMPTS"] == "2") != (tt.name == "changed") || (a["EXHAUSTED_RETRY_CONDITION"] == "") != (tt.name == "removed") || len(a) != 4 && len(a) != 6 {
					t.Errorf("the attributes are %v", a)
				}
			})
		})
	}
}

// A dead letter has the event's trace, also when it was read back from the
// store.
func TestLetterTrace(t *testing.T) {
	const trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
	bubble(t, Config{}, func(t *testing.T, w *world) {
		box := &inbox{answer: status(503)}
		w.network.serve("api", box.ServeHTTP)
		w.api(request.API{ID: "api"})
		w.target("api", retries(1, -1))
		now := time.Now()
		e := event.New(w.ids.New(now), &event.Entry{Source: "api", DetailType: "d", Detail: []byte(`{}`), TraceHeader: trace}, "000000000000", testRegion, now)
		admission := w.d.Admit(e, testRegion, rule.DefaultBus, w.rules.AppendRoutes(nil, testRegion, rule.DefaultBus, e.JSON))
		if err := w.store.Put(context.Background(), []*store.Record{&admission.Record}); err != nil {
			t.Fatal(err)
		}
		w.d.Commit(admission)
		w.ended(e.ID)
		if l := w.deadLetters(); len(l) != 1 || l[0].TraceHeader != trace {
			t.Errorf("got %+v, want one with the trace", l)
		}
	})
}

// A queue that nothing can be put into, from before such were refused, is not
// counted as one that took the event.
func TestLetterForNoQueue(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, w *world) {
		box := &inbox{answer: status(404)}
		w.network.serve("api", box.ServeHTTP)
		w.api(request.API{ID: "api"})
		w.target("api")
		w.sql("UPDATE document SET body = CAST(replace(CAST(body AS TEXT), '" + testQueue + "', 'garbage') AS BLOB) WHERE kind = 'rule'")
		w.close(context.Background())
		w.open()
		d := w.ended(w.one("api"))
		if l := w.deadLetters(); len(l) != 0 || d.Queue != "" || !strings.Contains(d.Error, "the target's dead-letter queue cannot be used: Parameter garbage is not valid") {
			t.Errorf("got %+v and %+v, want no message, and why", d, l)
		}
		for name, want := range map[string]string{"bailey_invocations_sent_to_dlq_total": "0", "bailey_invocations_failed_to_be_sent_to_dlq_total": "1"} {
			if got := w.metric(name, "api"); got != want {
				t.Errorf("%s is %s, want %s", name, got, want)
			}
		}
	})
}

// With pass-through too, an ARN of another region than the rule's leads nowhere
// where AWS's would not, and one of another account needs a role.
func TestReachWithPassThrough(t *testing.T) {
	bubble(t, Config{PassThrough: true}, func(t *testing.T, w *world) {
		for name, tt := range map[string]struct {
			region, account, role string
			code                  retry.Code
			message               string
		}{
			"another region":  {"eu-west-1", "000000000000", "arn:aws:iam::000000000000:role/r", retry.NoResource, "the target's ARN has the region eu-west-1 and the rule is in us-east-1"},
			"another account": {testRegion, "112233445566", "", retry.NoPermissions, "give the target a RoleArn"},
			// There is a role, and no credentials for it.
			"with a role": {testRegion, "112233445566", "arn:aws:iam::000000000000:role/r", retry.FailedToAssumeRole, "no credentials"},
		} {
			target := rule.Target{ID: "t", ARN: "arn:aws:execute-api:" + tt.region + ":" + tt.account + ":abc/prod/POST/orders", RoleARN: tt.role}
			rt, err := w.rules.Compile(target, w.rules.RuleARN(testRegion, rule.DefaultBus, "r"))
			if err != nil {
				t.Fatal(err)
			}
			_, failure, err := w.d.Preview(context.Background(), rt, []byte(`{"version":"0","id":"","detail":{}}`))
			if err != nil || failure == nil || failure.Code != tt.code || failure.Retryable || !strings.Contains(failure.Message, tt.message) {
				t.Errorf("%s: got %+v, %v, want %s, %q", name, failure, err, tt.code, tt.message)
			}
		}
	})
}
