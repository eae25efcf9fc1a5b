package admin_test

import (
	"testing"
	"time"

	"bailey"
	"bailey/internal/rule"
)

// What is replayed says of which event it is a replay, as an event and in the
// log; and each delivery has the attempts of its own event.
func TestReplayNamesItsOriginal(t *testing.T) {
	w := newWorld(t, 404, bailey.Config{ReplayStart: -1})
	ctx, rules := t.Context(), w.router.Rules()
	busARN := rules.BusARN("us-east-1", rule.DefaultBus)
	if _, err := rules.CreateArchive(ctx, rule.Archive{Region: "us-east-1", Name: "a"}, busARN); err != nil {
		t.Fatal(err)
	}
	id := w.put()
	w.ask("GET", "/events/"+id+"/wait?timeout=30s", "", 200)
	p, err := rules.StartReplay(ctx, rule.Replay{Region: "us-east-1", Name: "again", Until: time.Now().Add(time.Hour)}, rules.ArchiveARN("us-east-1", "a"), busARN)
	if err != nil {
		t.Fatal(err)
	}
	for p.Active() {
		w.router.AwaitReplay(ctx, p)
		if p, err = rules.Replay("us-east-1", "again"); err != nil {
			t.Fatal(err)
		}
	}
	view := w.ask("GET", "/events/"+id+"/wait?timeout=30s", "", 200)
	if got, there := view["originalEventId"]; there {
		t.Errorf("the event has the original %v", got)
	}
	deliveries := view["deliveries"].([]any)
	if len(deliveries) != 2 {
		t.Fatalf("got %v, want the delivery of the replay and that of the event", deliveries)
	}
	replayed := deliveries[0].(map[string]any)["eventId"].(string)
	for i, want := range []struct {
		id       string
		original any
	}{{replayed, id}, {id, nil}} {
		d := deliveries[i].(map[string]any)
		if d["eventId"] != want.id || d["originalEventId"] != want.original || len(d["failedAttempts"].([]any)) != 1 {
			t.Errorf("delivery %d: got %v, want that of %s, of %v, with one attempt", i, d, want.id, want.original)
		}
	}
	view = w.ask("GET", "/events/"+replayed, "", 200)
	if view["eventId"] != replayed || view["originalEventId"] != id || len(view["deliveries"].([]any)) != 1 {
		t.Errorf("got %v, want the replay of %s", view, id)
	}
	log := w.ask("GET", "/deliveries?eventId="+replayed, "", 200)["deliveries"].([]any)
	if len(log) != 1 || log[0].(map[string]any)["originalEventId"] != id {
		t.Errorf("got %v in the log, want the delivery of the replay of %s", log, id)
	}
}
