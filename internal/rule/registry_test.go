package rule

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bailey/internal/request"
	"bailey/internal/store"
)

// A memory is a store for tests that refuses every change while fail is set.
type memory struct {
	mu        sync.Mutex
	documents map[string]store.Document
	fail      error
}

func (m *memory) Apply(_ context.Context, documents []store.Document) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	for _, d := range documents {
		key := d.Kind + " " + d.Key
		if d.Body == nil {
			delete(m.documents, key)
			continue
		}
		if m.documents == nil {
			m.documents = make(map[string]store.Document)
		}
		m.documents[key] = d
	}
	return nil
}

func (m *memory) Documents(_ context.Context, each func(store.Document) error) error {
	// Rules before buses: the order is nobody's promise.
	for _, key := range slices.Backward(slices.Sorted(maps.Keys(m.documents))) {
		if err := each(m.documents[key]); err != nil {
			return err
		}
	}
	return nil
}

const region = "us-east-1"

var began = time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)

// open returns a registry over m whose clock stands at *now.
func open(t testing.TB, m *memory, quotas Quotas, now *time.Time) *Registry {
	t.Helper()
	r, err := Open(t.Context(), Config{Store: m, Quotas: quotas, Now: func() time.Time { return *now }})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func newRegistry(t testing.TB) *Registry {
	t.Helper()
	return open(t, new(memory), Quotas{}, new(began))
}

// want fails the test unless err is an *Error of this kind and message, or nil
// for neither.
func want(t testing.TB, err error, kind Kind, message string) {
	t.Helper()
	if kind == 0 {
		if err != nil {
			t.Errorf("got error %q, want none", err)
		}
		return
	}
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind != kind || e.Message != message {
		t.Errorf("got error %v, want kind %d %q", err, kind, message)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func putRule(t testing.TB, r *Registry, rule Rule) {
	t.Helper()
	if rule.Region == "" {
		rule.Region = region
	}
	if rule.EventPattern == "" && rule.ScheduleExpression == "" {
		rule.EventPattern = `{"source":["orders"]}`
	}
	_, err := r.PutRule(t.Context(), rule)
	must(t, err)
}

func TestCreateBus(t *testing.T) {
	for _, tt := range []struct {
		name    string
		bus     Bus
		kind    Kind
		message string
	}{
		{"new", Bus{Name: "orders"}, 0, ""},
		{"the same name in another region", Bus{Region: "eu-west-1", Name: "there"}, 0, ""},
		{"there already", Bus{Name: "there"}, Exists, "Event bus there already exists."},
		{"default", Bus{Name: "default"}, Exists, "Event bus default already exists."},
		{"a slash", Bus{Name: "a/b"}, Invalid, "Event bus name must not contain '/'."},
		{"a partner's that is not there", Bus{Name: "aws.partner/x/y", EventSourceName: "aws.partner/x/y"}, NotFound, "Event source aws.partner/x/y does not exist."},
		{"a tag twice", Bus{Name: "t", Tags: []Tag{{"k", "1"}, {"k", "2"}}}, Invalid, "Invalid parameter: Duplicated keys are not allowed."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRegistry(t)
			must(t, r.CreateBus(t.Context(), Bus{Region: region, Name: "there"}))
			if tt.bus.Region == "" {
				tt.bus.Region = region
			}
			want(t, r.CreateBus(t.Context(), tt.bus), tt.kind, tt.message)
			_, err := r.Bus(tt.bus.Region, tt.bus.Name)
			if there := err == nil; tt.kind == 0 && !there {
				t.Errorf("the bus is not there: %v", err)
			} else if tt.kind == Invalid && there {
				t.Error("the bus is there although it was refused")
			}
		})
	}
}

func TestBusQuota(t *testing.T) {
	r := open(t, new(memory), Quotas{BusesPerRegion: 2}, new(began))
	must(t, r.CreateBus(t.Context(), Bus{Region: region, Name: "a"}))
	must(t, r.CreateBus(t.Context(), Bus{Region: region, Name: "b"}))
	must(t, r.CreateBus(t.Context(), Bus{Region: "eu-west-1", Name: "c"}))
	want(t, r.CreateBus(t.Context(), Bus{Region: region, Name: "c"}), LimitExceeded, "The requested resource exceeds the maximum number allowed.")
	must(t, r.DeleteBus(t.Context(), region, "a"))
	must(t, r.CreateBus(t.Context(), Bus{Region: region, Name: "c"}))
}

func TestBus(t *testing.T) {
	r := newRegistry(t)
	must(t, r.CreateBus(t.Context(), Bus{Region: region, Name: "orders"}))
	for _, tt := range []struct {
		name, bus, want string
		kind            Kind
		message         string
	}{
		{"by name", "orders", "orders", 0, ""},
		{"by ARN", "arn:aws:events:us-east-1:000000000000:event-bus/orders", "orders", 0, ""},
		{"none is default", "", "default", 0, ""},
		{"default by ARN", "arn:aws:events:us-east-1:000000000000:event-bus/default", "default", 0, ""},
		{"unknown", "nope", "", NotFound, "Event bus nope does not exist."},
		{"ARN of another region", "arn:aws:events:eu-west-1:000000000000:event-bus/orders", "", Invalid, "Cross-region api call is not allowed."},
		{"ARN of another account", "arn:aws:events:us-east-1:111111111111:event-bus/orders", "", NotFound, "Event bus orders does not exist."},
		{"ARN of a rule", "arn:aws:events:us-east-1:000000000000:rule/orders", "", NotFound, "Event bus arn:aws:events:us-east-1:000000000000:rule/orders does not exist."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := r.Bus(region, tt.bus)
			if tt.message != "" {
				want(t, err, tt.kind, tt.message)
				if name := r.BusName(region, tt.bus); name != tt.bus {
					t.Errorf("BusName: got %q, want it as it was", name)
				}
				return
			}
			if err != nil || b.Name != tt.want || !b.Created.Equal(began) {
				t.Errorf("got %+v, %v, want bus %s created at %v", b, err, tt.want, began)
			}
			if name := r.BusName(region, tt.bus); name != tt.want {
				t.Errorf("BusName: got %q, want %q", name, tt.want)
			}
		})
	}
}

func TestDeleteBus(t *testing.T) {
	r := newRegistry(t)
	must(t, r.CreateBus(t.Context(), Bus{Region: region, Name: "orders"}))
	putRule(t, r, Rule{EventBusName: "orders", Name: "r"})
	want(t, r.DeleteBus(t.Context(), region, "default"), Invalid, "Cannot delete event bus default.")
	must(t, r.DeleteBus(t.Context(), region, "nope"))
	want(t, r.DeleteBus(t.Context(), region, "orders"), Invalid, "EventBus can't be deleted since it has rules.")
	must(t, r.DeleteRule(t.Context(), region, "orders", "r", false))
	must(t, r.DeleteBus(t.Context(), region, "orders"))
	_, err := r.Bus(region, "orders")
	want(t, err, NotFound, "Event bus orders does not exist.")
}

func TestUpdateBus(t *testing.T) {
	now := began
	r := open(t, new(memory), Quotas{}, &now)
	now = now.Add(time.Hour)
	for _, name := range []string{"default", "arn:aws:events:eu-west-1:000000000000:event-bus/default"} {
		_, err := r.UpdateBus(t.Context(), "eu-west-1", name, func(b *Bus) error {
			b.Description += "x"
			return nil
		})
		must(t, err)
	}
	refused := errors.New("no")
	if _, err := r.UpdateBus(t.Context(), "eu-west-1", "", func(b *Bus) error {
		b.Description = "never"
		return refused
	}); !errors.Is(err, refused) {
		t.Errorf("got %v, want the change's own error", err)
	}
	b, err := r.Bus("eu-west-1", "default")
	if err != nil || b.Description != "xx" || !b.Created.Equal(began) || !b.Modified.Equal(now) {
		t.Errorf("got %+v, %v, want both changes, made at %v", b, err, now)
	}
	if b, err := r.Bus(region, "default"); err != nil || b.Description != "" {
		t.Errorf("another region: got %+v, %v, want its default bus untouched", b, err)
	}
	_, err = r.UpdateBus(t.Context(), region, "nope", nil)
	want(t, err, NotFound, "Event bus nope does not exist.")
}

// pages collects a list page by page.
func pages[T any](t *testing.T, limit int, list func(Page) ([]T, string, error)) [][]T {
	t.Helper()
	var all [][]T
	page := Page{Limit: limit}
	const most = 100 // pages: a list that never ends fails, and does not fill memory
	for range most {
		items, next, err := list(page)
		must(t, err)
		all = append(all, items)
		if next == "" {
			return all
		}
		page.Token = next
	}
	t.Fatalf("the list goes on after %d pages", most)
	return nil
}

func TestBuses(t *testing.T) {
	r := newRegistry(t)
	for _, name := range []string{"b2", "a", "b1", "z"} {
		must(t, r.CreateBus(t.Context(), Bus{Region: region, Name: name}))
	}
	must(t, r.CreateBus(t.Context(), Bus{Region: "eu-west-1", Name: "elsewhere"}))
	for _, tt := range []struct {
		name, prefix string
		limit        int
		want         string
	}{
		{"all", "", 0, "a b1 b2 default z"},
		{"pages", "", 2, "a b1, b2 default, z"},
		{"prefix", "b", 1, "b1, b2"},
		{"full last page", "b", 2, "b1 b2"},
		{"none", "nope", 1, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, page := range pages(t, tt.limit, func(p Page) ([]*Bus, string, error) { return r.Buses(region, tt.prefix, p) }) {
				var names []string
				for _, b := range page {
					names = append(names, b.Name)
				}
				got = append(got, strings.Join(names, " "))
			}
			if text := strings.Join(got, ", "); text != tt.want {
				t.Errorf("got %q, want %q", text, tt.want)
			}
		})
	}
}

func TestTokens(t *testing.T) {
	r := newRegistry(t)
	for _, bad := range []string{"x", "!!", token("rules", "a")} {
		_, _, err := r.Buses(region, "", Page{Token: bad})
		want(t, err, Invalid, "Parameter NextToken is not valid.")
	}
	_, _, err := r.Rules(region, "", "", Page{Token: token("buses", "a")})
	want(t, err, Invalid, "Parameter NextToken is not valid.")
	putRule(t, r, Rule{Name: "r"})
	_, _, err = r.Targets(region, "", "r", Page{Token: token("buses", "a")})
	want(t, err, Invalid, "Parameter NextToken is not valid.")
}

// TestBoundTokens holds for which lists a token holds for what was asked for
// alone, and what AWS says of another.
func TestBoundTokens(t *testing.T) {
	r := newRegistry(t)
	const q, other = "arn:aws:sqs:us-east-1:000000000000:q", "arn:aws:sqs:us-east-1:000000000000:other"
	must(t, r.CreateBus(t.Context(), Bus{Region: region, Name: "orders"}))
	for _, name := range []string{"a", "b", "c"} {
		putRule(t, r, Rule{Name: name})
		must(t, r.PutTargets(t.Context(), region, "", name, []Target{{ID: "1", ARN: q}, {ID: "2", ARN: other}}))
		_, err := r.CreateArchive(t.Context(), Archive{Region: region, Name: name}, defaultBusARN)
		must(t, err)
		_, err = r.StartReplay(t.Context(), Replay{Region: region, Name: name, Until: began}, r.ArchiveARN(region, name), defaultBusARN)
		must(t, err)
	}
	byTarget := func(bus, arn string) func(Page) (int, string, error) {
		return func(p Page) (int, string, error) {
			list, next, err := r.RuleNamesByTarget(region, bus, arn, p)
			return len(list), next, err
		}
	}
	archives := func(prefix string, state ArchiveState, bus string) func(Page) (int, string, error) {
		return func(p Page) (int, string, error) {
			list, next, err := r.Archives(region, prefix, state, bus, p)
			return len(list), next, err
		}
	}
	replays := func(prefix string, state ReplayState, archive string) func(Page) (int, string, error) {
		return func(p Page) (int, string, error) {
			list, next, err := r.Replays(region, prefix, state, archive, p)
			return len(list), next, err
		}
	}
	const plain = "Parameter NextToken is not valid."
	for _, tt := range []struct {
		name               string
		list               func(Page) (int, string, error)
		others             []func(Page) (int, string, error)
		malformed, another string
	}{
		{"rule names by target", byTarget("", q), []func(Page) (int, string, error){byTarget("", other), byTarget("orders", q)}, plain, plain},
		{"archives", archives("", "", ""), []func(Page) (int, string, error){archives("b", "", ""), archives("", ArchiveEnabled, ""), archives("", "", defaultBusARN)},
			plain + " Reason: Malformed request.", plain + " Reason: Token invalid."},
		{"replays", replays("", "", ""), []func(Page) (int, string, error){replays("b", "", ""), replays("", Starting, ""), replays("", "", r.ArchiveARN(region, "a"))},
			plain + " Reason: Malformed request.", plain + " Reason: Token invalid."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n, next, err := tt.list(Page{Limit: 1})
			must(t, err)
			if n != 1 || next == "" {
				t.Fatalf("got %d and token %q, want one of three", n, next)
			}
			// It may be used again, and with another limit.
			for range 2 {
				if n, _, err = tt.list(Page{Token: next, Limit: 2}); err != nil || n != 2 {
					t.Errorf("got %d, %v after the first, want two", n, err)
				}
			}
			for i, other := range tt.others {
				if _, _, err = other(Page{Token: next}); err == nil || err.Error() != tt.another {
					t.Errorf("question %d: got %v, want %s", i, err, tt.another)
				}
			}
			for _, bad := range []string{"bogus", "!!", token("buses", "a")} {
				_, _, err = tt.list(Page{Token: bad})
				want(t, err, Invalid, tt.malformed)
			}
		})
	}
	// One that calls the bus by its ARN asks for the same.
	_, next, err := r.RuleNamesByTarget(region, "", q, Page{Limit: 1})
	must(t, err)
	names, _, err := r.RuleNamesByTarget(region, defaultBusARN, q, Page{Token: next})
	if err != nil || len(names) != 2 {
		t.Errorf("got %q, %v, want the other two", names, err)
	}
}

// FuzzToken holds that a token is read as what it was made of, and that no other
// text makes reading it panic.
func FuzzToken(f *testing.F) {
	f.Add("a", "bogus")
	f.Add("a b", "YnVzZXMgYQ")
	f.Fuzz(func(t *testing.T, last, text string) {
		for _, l := range []listing{{name: "rules"}, {"archives", []string{"a", "", last}, true}} {
			if got, err := l.after(Page{Token: l.token(last)}); err != nil || got != last {
				t.Errorf("%v: got %q, %v, want %q", l, got, err, last)
			}
			got, err := l.after(Page{Token: text})
			if err != nil {
				continue
			}
			if again, err := l.after(Page{Token: l.token(got)}); err != nil || again != got {
				t.Errorf("%v: %q is read as %q, and that as %q, %v", l, text, got, again, err)
			}
		}
	})
}

// TestReopen holds that everything that was configured is there after a restart
// as it was before.
func TestReopen(t *testing.T) {
	m := new(memory)
	now := began
	r := open(t, m, Quotas{}, &now)
	must(t, r.CreateBus(t.Context(), Bus{Region: region, Name: "orders", Description: "d", KmsKeyIdentifier: "k",
		DeadLetterConfig: &DeadLetterConfig{"arn:aws:sqs:" + region + ":000000000000:q"}, LogConfig: &LogConfig{"FULL", "INFO"}, Tags: []Tag{{"a", "1"}}}))
	must(t, r.CreateBus(t.Context(), Bus{Region: region, Name: "gone"}))
	must(t, r.DeleteBus(t.Context(), region, "gone"))
	putRule(t, r, Rule{EventBusName: "orders", Name: "r", Description: "d", RoleARN: "arn:role", State: Disabled, Tags: []Tag{{"b", "2"}}})
	putRule(t, r, Rule{Region: "eu-west-1", Name: "s", ScheduleExpression: "rate(5 minutes)"})
	putRule(t, r, Rule{Name: "gone"})
	must(t, r.DeleteRule(t.Context(), region, "", "gone", false))
	must(t, r.PutTargets(t.Context(), region, "orders", "r", []Target{fullTarget()}))
	must(t, r.PutAPI(t.Context(), &request.API{ID: "shop", URL: "http://127.0.0.1:9000"}))
	must(t, r.PutAPI(t.Context(), &request.API{ID: "gone", URL: "http://127.0.0.1:9000"}))
	must(t, r.DeleteAPI(t.Context(), "gone"))
	now = now.Add(time.Hour)
	again := open(t, m, Quotas{}, &now)

	for _, name := range []string{"orders", "default"} {
		before, err := r.Bus(region, name)
		must(t, err)
		after, err := again.Bus(region, name)
		must(t, err)
		if !reflect.DeepEqual(after, before) {
			t.Errorf("bus %s: got %+v, want %+v", name, after, before)
		}
	}
	for _, key := range []RouteKey{{Region: region, Bus: "orders", Rule: "r"}, {Region: "eu-west-1", Bus: "default", Rule: "s"}} {
		before, err := r.Rule(key.Region, key.Bus, key.Rule)
		must(t, err)
		after, err := again.Rule(key.Region, key.Bus, key.Rule)
		must(t, err)
		if !reflect.DeepEqual(after, before) {
			t.Errorf("rule %s:\ngot  %+v\nwant %+v", key.Rule, after, before)
		}
	}
	if rules, _, err := again.Rules(region, "", "", Page{}); err != nil || len(rules) != 0 {
		t.Errorf("got rules %v, %v on the default bus, want none", rules, err)
	}
	if apis := slices.Collect(again.APIs()); len(apis) != 1 || apis[0].ID != "shop" {
		t.Errorf("got APIs %v, want shop alone", apis)
	}
	if _, ok := again.Route(RouteKey{region, "orders", "r", "t"}); !ok {
		t.Error("the target's route is not there")
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		d    store.Document
		want string
	}{
		{"a rule on no bus", store.Document{Kind: kindRule, Key: "k", Body: []byte(`{"Region":"us-east-1","EventBusName":"gone","Name":"r","EventPattern":"{\"source\":[\"a\"]}"}`)},
			"event bus gone in us-east-1 has rules and is not there"},
		{"no JSON: bus", store.Document{Kind: kindBus, Key: "k", Body: []byte(`{`)}, "event bus k: "},
		{"no JSON: rule", store.Document{Kind: kindRule, Key: "k", Body: []byte(`{`)}, "rule k: "},
		{"no JSON: API", store.Document{Kind: kindAPI, Key: "k", Body: []byte(`{`)}, "API k: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := new(memory)
			must(t, m.Apply(t.Context(), []store.Document{tt.d}))
			_, err := Open(t.Context(), Config{Store: m})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

// TestChangeThatIsNotKept makes every kind of change while the store refuses
// them: each fails, and nobody sees it.
func TestChangeThatIsNotKept(t *testing.T) {
	m := new(memory)
	r := open(t, m, Quotas{}, new(began))
	must(t, r.CreateBus(t.Context(), Bus{Region: region, Name: "orders"}))
	putRule(t, r, Rule{EventBusName: "orders", Name: "r"})
	putRule(t, r, Rule{EventBusName: "orders", Name: "empty"})
	must(t, r.PutTargets(t.Context(), region, "orders", "r", []Target{{ID: "t", ARN: "arn:aws:sqs:us-east-1:0:q"}}))
	must(t, r.PutAPI(t.Context(), &request.API{ID: "shop", URL: "http://127.0.0.1:9000"}))
	before := view(t, r)

	m.fail = errors.New("the disk is full")
	for name, change := range map[string]func() error{
		"CreateBus": func() error { return r.CreateBus(t.Context(), Bus{Region: region, Name: "new"}) },
		"UpdateBus": func() error {
			_, err := r.UpdateBus(t.Context(), region, "", func(b *Bus) error { b.Description = "new"; return nil })
			return err
		},
		"PutRule, new": func() error {
			_, err := r.PutRule(t.Context(), Rule{Region: region, Name: "new", EventPattern: `{"source":["a"]}`})
			return err
		},
		"PutRule, replacing": func() error {
			_, err := r.PutRule(t.Context(), Rule{Region: region, EventBusName: "orders", Name: "r", EventPattern: `{"source":["a"]}`})
			return err
		},
		"SetState":      func() error { return r.SetState(t.Context(), region, "orders", "r", Disabled) },
		"DeleteRule":    func() error { return r.DeleteRule(t.Context(), region, "orders", "empty", false) },
		"RemoveTargets": func() error { return r.RemoveTargets(t.Context(), region, "orders", "r", []string{"t"}, false) },
		"PutTargets": func() error {
			return r.PutTargets(t.Context(), region, "orders", "r", []Target{{ID: "u", ARN: "arn:aws:sqs:us-east-1:0:q"}})
		},
		"PutAPI":    func() error { return r.PutAPI(t.Context(), &request.API{ID: "new", URL: "http://127.0.0.1:9000"}) },
		"DeleteAPI": func() error { return r.DeleteAPI(t.Context(), "shop") },
	} {
		if err := change(); !errors.Is(err, m.fail) {
			t.Errorf("%s: got %v, want the store's error", name, err)
		}
		if after := view(t, r); !reflect.DeepEqual(after, before) {
			t.Errorf("%s was not kept and is seen:\ngot  %v\nwant %v", name, after, before)
		}
	}
	m.fail = nil
	must(t, r.SetState(t.Context(), region, "orders", "r", Disabled))
	if reflect.DeepEqual(view(t, r), before) {
		t.Error("a change that was kept is not seen")
	}
}

// view is what can be seen of a registry.
func view(t *testing.T, r *Registry) []any {
	t.Helper()
	var all []any
	buses, _, err := r.Buses(region, "", Page{})
	must(t, err)
	for _, b := range buses {
		all = append(all, *b)
		rules, _, err := r.Rules(region, b.Name, "", Page{})
		must(t, err)
		for _, rule := range rules {
			all = append(all, *rule)
		}
	}
	for api := range r.APIs() {
		all = append(all, api.ID)
	}
	routes := 0
	for range r.AppendRoutes(nil, region, "orders", []byte(`{"source":"orders"}`)) {
		routes++
	}
	return append(all, routes)
}

// TestChangeOutlivesItsCaller makes a change whose caller has gone: it is made,
// not left between made and not made.
func TestChangeOutlivesItsCaller(t *testing.T) {
	m := new(memory)
	r := open(t, m, Quotas{}, new(began))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	must(t, r.CreateBus(ctx, Bus{Region: region, Name: "orders"}))
	if _, err := open(t, m, Quotas{}, new(began)).Bus(region, "orders"); err != nil {
		t.Errorf("the bus is not kept: %v", err)
	}
}

// TestReadersDuringChanges is for the race detector: nobody who reads waits or
// sees anything torn.
func TestReadersDuringChanges(t *testing.T) {
	r := newRegistry(t)
	must(t, r.CreateBus(t.Context(), Bus{Region: region, Name: "orders"}))
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				for _, route := range r.AppendRoutes(nil, region, "orders", []byte(`{"source":"orders"}`)) {
					if route.Target.ID != "t" || route.Key.Rule == "" {
						t.Errorf("got route %+v, want one of target t", route.Key)
					}
				}
				if _, _, err := r.Rules(region, "orders", "r", Page{}); err != nil {
					t.Error(err)
				}
				r.Route(RouteKey{region, "orders", "r1", "t"})
				r.API("shop")
			}
		})
	}
	for i := range 50 {
		name := "r" + string(rune('0'+i%5))
		putRule(t, r, Rule{EventBusName: "orders", Name: name})
		must(t, r.PutTargets(t.Context(), region, "orders", name, []Target{{ID: "t", ARN: "arn:aws:execute-api:us-east-1:0:shop/prod/POST/x"}}))
		must(t, r.PutAPI(t.Context(), &request.API{ID: "shop", URL: "http://127.0.0.1:9000"}))
		must(t, r.RemoveTargets(t.Context(), region, "orders", name, []string{"t"}, false))
		must(t, r.DeleteRule(t.Context(), region, "orders", name, false))
	}
	close(done)
	readers.Wait()
}
