package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"bailey/internal/admin"
	"bailey/internal/client"
	"bailey/internal/colour"
)

// tour tells the way of each event.
type tour struct {
	cfg    Config
	url    string
	shop   *shop
	client *client.Client
	paint  colour.Painter
	shown  map[string]bool // rules whose target was explained
}

const source = "demo.shop"

// settleTime is how long the tour waits for an event's deliveries to end.
const settleTime = time.Minute

func (t *tour) run(ctx context.Context) error {
	if err := t.register(ctx); err != nil {
		return err
	}
	ids := make(map[string]string) // the last event by detail type
	for i := range scenes {
		s := &scenes[i]
		id, err := t.play(ctx, i+1, s)
		if err != nil {
			return err
		}
		ids[s.detailType] = id
	}
	t.goodbye(ids)
	if t.cfg.Once {
		return nil
	}
	return t.stream(ctx)
}

// put puts an event and returns its id.
func (t *tour) put(ctx context.Context, detailType, detail string) (string, error) {
	var answer struct {
		Entries []struct {
			EventID      string `json:"EventId"`
			ErrorMessage string
		}
	}
	entry := map[string]string{"Source": source, "DetailType": detailType, "Detail": detail}
	if err := t.aws(ctx, "PutEvents", map[string]any{"Entries": []any{entry}}, &answer); err != nil {
		return "", err
	}
	if len(answer.Entries) != 1 || answer.Entries[0].EventID == "" {
		return "", fmt.Errorf("the demo's server did not take an event: %v", answer.Entries)
	}
	return answer.Entries[0].EventID, nil
}

// play puts a scene's event and tells its way, request by request as they arrive.
func (t *tour) play(ctx context.Context, number int, s *scene) (string, error) {
	t.title(number, s.title)
	t.line("event", t.paint.Bold(s.detailType)+"  "+s.detail)
	id, err := t.put(ctx, s.detailType, s.detail)
	if err != nil {
		return "", err
	}
	type outcome struct {
		view *admin.Event
		err  error
	}
	ended := make(chan outcome, 1)
	go func() {
		view, err := t.client.Wait(ctx, id, settleTime)
		ended <- outcome{view, err}
	}()

	var held []visit
	last := make(map[string]time.Time) // the arrival of the last attempt, by rule
	for {
		select {
		case v := <-t.shop.visits:
			if v.eventID != id {
				continue
			}
			if s.together {
				held = append(held, v)
				continue
			}
			t.visit(s, &v, last)
		case o := <-ended:
			if o.err != nil {
				return "", fmt.Errorf("waiting for an event: %w", o.err)
			}
			for range len(t.shop.visits) { // those that arrived before it ended
				if v := <-t.shop.visits; v.eventID == id {
					held = append(held, v)
				}
			}
			slices.SortStableFunc(held, func(a, b visit) int { return strings.Compare(a.rule, b.rule) })
			for i := range held {
				t.visit(s, &held[i], last)
			}
			return id, t.outcome(id, o.view)
		}
	}
}

// outcome tells what became of an event in the end.
func (t *tour) outcome(id string, view *admin.Event) error {
	if !view.Settled {
		return fmt.Errorf("the deliveries of event %s have not ended after %v", id, settleTime)
	}
	if len(view.Deliveries) == 0 {
		t.line("rule", "none matches")
		t.verdict(t.paint.Yellow("NOT SENT"), "why: "+t.command("explain", id))
		return nil
	}
	slices.SortFunc(view.Deliveries, func(a, b admin.Delivery) int { return strings.Compare(a.Rule, b.Rule) })
	for i := range view.Deliveries {
		d := &view.Deliveries[i]
		what := "by rule " + d.Rule + ", at the first attempt"
		if d.Attempts > 1 {
			what = fmt.Sprintf("by rule %s, at attempt %d", d.Rule, d.Attempts)
		}
		if d.Status == "delivered" {
			t.verdict(t.paint.Green("DELIVERED"), what)
			continue
		}
		t.verdict(t.paint.Red("DEAD LETTER"), d.LastErrorCode+", kept in queue petshop-failed: "+t.command("dead-letters"))
	}
	return nil
}

// stream goes on with an event now and then, a line for each request, until ctx is done.
func (t *tour) stream(ctx context.Context) error {
	tick := time.NewTicker(t.cfg.Every)
	defer tick.Stop()
	for n := 1; ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case v := <-t.shop.visits:
			t.streamed(&v)
		case <-tick.C:
			detailType, detail := streamEvent(n)
			n++
			if _, err := t.put(ctx, detailType, detail); err != nil {
				return err
			}
		}
	}
}

// streamEvent returns the n-th event of the stream.
func streamEvent(n int) (detailType, detail string) {
	customers := []string{"ada", "grace", "edsger", "barbara"}
	switch n % 4 {
	case 0:
		return "Payment Due", fmt.Sprintf(`{"paymentId":"P-%d","amount":%d}`, 2001+n, 10+n)
	case 3:
		return "Stock Low", fmt.Sprintf(`{"item":"ball-%d"}`, n)
	}
	total := 20 + n*7%90
	if n%8 == 1 {
		total += 1000
	}
	return "Order Placed", fmt.Sprintf(`{"orderId":"A-%d","customer":%q,"channel":"app","total":%d,"currency":"EUR"}`, 1002+n, customers[n%len(customers)], total)
}

// bodyOf is a request's body as it is told: the envelope is too long for that.
func bodyOf(body string) string {
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &members); err == nil && members["detail-type"] != nil {
		return fmt.Sprintf("the event itself, %d bytes of JSON", len(body))
	}
	return body
}
