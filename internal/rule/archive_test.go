package rule

import (
	"errors"
	"reflect"
	"testing"
	"time"
)

const defaultBusARN = "arn:aws:events:us-east-1:000000000000:event-bus/default"

// routed are the archives and buses that the routes of an event name.
func routed(r *Registry, envelope string) (names []string) {
	for _, route := range r.AppendRoutes(nil, region, "default", []byte(envelope)) {
		names = append(names, route.Archive+route.Bus)
	}
	return names
}

// TestArchiveRoutes holds which events an archive's rule finds, through changes
// of the archive and a restart.
func TestArchiveRoutes(t *testing.T) {
	m := new(memory)
	now := began
	r := open(t, m, Quotas{}, &now)
	a, err := r.CreateArchive(t.Context(), Archive{Region: region, Name: "a"}, defaultBusARN)
	must(t, err)
	for _, tt := range []struct{ name, pattern string }{
		{"of everything", ``},
		{"with a pattern", `{"source":["a"],"$or":[{"x":[1]},{"detail-type":["b"]}]}`},
		{"that asks for replays", `{"replay-name":["r"],"source":["a"]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := r.UpdateArchive(t.Context(), region, "a", ArchiveChange{EventPattern: &tt.pattern})
			must(t, err)
			for range 2 {
				if got := routed(r, `{"source":"a","detail-type":"b"}`); !reflect.DeepEqual(got, []string{a.ID}) {
					t.Errorf("an event goes to %q, want the archive", got)
				}
				if got := routed(r, `{"source":"a","detail-type":"b","replay-name":"r"}`); got != nil {
					t.Errorf("an event that is replayed goes to %q", got)
				}
				r = open(t, m, Quotas{}, &now)
			}
			if got := routed(r, `{"source":"c","detail-type":"b"}`); (got == nil) == (tt.pattern == "") {
				t.Errorf("another event goes to %q", got)
			}
		})
	}
	must(t, r.DeleteArchive(t.Context(), region, "a"))
	if got := routed(r, `{"source":"a","detail-type":"b"}`); got != nil {
		t.Errorf("after the archive was deleted, an event goes to %q", got)
	}
	if r = open(t, m, Quotas{}, &now); len(r.AllArchives()) != 0 {
		t.Errorf("after a restart there is %v", r.AllArchives())
	}
}

// TestArchiveForcedAway removes an archive's target and its rule by force: from
// the first on nothing is archived, through a restart, until the archive is
// changed.
func TestArchiveForcedAway(t *testing.T) {
	m := new(memory)
	now := began
	r := open(t, m, Quotas{}, &now)
	must(t, r.CreateBus(t.Context(), Bus{Region: region, Name: "orders"}))
	a, err := r.CreateArchive(t.Context(), Archive{Region: region, Name: "a"}, r.BusARN(region, "orders"))
	must(t, err)
	const rule = "Events-Archive-a"
	check := func(step string, state ArchiveState, reason string) {
		t.Helper()
		for range 2 {
			got, err := r.Archive(region, "a")
			must(t, err)
			if got.State() != state || got.Disabled != reason {
				t.Errorf("%s: the archive is %s %q, want %s %q", step, got.State(), got.Disabled, state, reason)
			}
			var routes []string
			for _, route := range r.AppendRoutes(nil, region, "orders", []byte(`{"source":"a"}`)) {
				routes = append(routes, route.Archive)
			}
			if archived := len(routes) == 1 && routes[0] == a.ID; archived != (state == ArchiveEnabled) {
				t.Errorf("%s: an event goes to %q", step, routes)
			}
			r = open(t, m, Quotas{}, &now)
		}
	}
	const reason = "Managed rule for the archive was forcefully deleted."
	repair := func() error {
		_, err := r.UpdateArchive(t.Context(), region, "a", ArchiveChange{RetentionDays: new(1)})
		return err
	}
	must(t, r.RemoveTargets(t.Context(), region, "orders", rule, []string{"nobody"}, true))
	check("a target that is not there is removed", ArchiveEnabled, "")
	must(t, r.RemoveTargets(t.Context(), region, "orders", rule, []string{rule}, true))
	check("the target is removed", ArchiveDisabled, reason)
	must(t, repair())
	check("it is changed", ArchiveEnabled, "")
	must(t, r.RemoveTargets(t.Context(), region, "orders", rule, []string{rule}, true))
	must(t, r.DeleteRule(t.Context(), region, "orders", rule, true))
	check("the rule is deleted", ArchiveDisabled, reason)
	// Somebody else's rule of that name is not taken over.
	putRule(t, r, Rule{Name: rule, EventBusName: "orders"})
	want(t, repair(), Exists, "A rule with the pattern 'Events-Archive-a' already exists. Please choose a different archive name or delete your rule, then, try again.")
	must(t, r.DeleteRule(t.Context(), region, "orders", rule, false))
	must(t, repair())
	check("it is changed again", ArchiveEnabled, "")

	must(t, r.RemoveTargets(t.Context(), region, "orders", rule, []string{rule}, true))
	must(t, r.DeleteRule(t.Context(), region, "orders", rule, true))
	must(t, r.DeleteBus(t.Context(), region, "orders"))
	check("the bus is deleted", ArchiveDisabled, reason)
	want(t, repair(), NotFound, "Archive a managed rule does not exist.")
	must(t, r.DeleteArchive(t.Context(), region, "a"))
	// A rule of the same name that is no archive's disables none.
	_, err = r.CreateArchive(t.Context(), Archive{Region: region, Name: "a"}, defaultBusARN)
	must(t, err)
	must(t, r.CreateBus(t.Context(), Bus{Region: region, Name: "orders"}))
	putRule(t, r, Rule{Name: rule, EventBusName: "orders", ManagedBy: "service"})
	must(t, r.DeleteRule(t.Context(), region, "orders", rule, true))
	if got, err := r.Archive(region, "a"); err != nil || got.State() != ArchiveEnabled {
		t.Errorf("got %+v, %v, want the archive as it was", got, err)
	}
}

// TestArchivedBus holds what an archive can be made of.
func TestArchivedBus(t *testing.T) {
	r := newRegistry(t)
	const invalid = "Parameter EventSourceArn is not valid. Reason: "
	for _, tt := range []struct {
		name, arn string
		kind      Kind
		message   string
	}{
		{"no ARN", "default", Invalid, invalid + "Must contain an event bus ARN."},
		{"a rule", "arn:aws:events:us-east-1:000000000000:rule/orders/r", Invalid, invalid + "Must contain an event bus ARN."},
		{"no account", "arn:aws:events:us-east-1::event-bus/default", Invalid, invalid + "Must contain an event bus ARN."},
		{"another partition", "arn:aws-cn:events:us-east-1:000000000000:event-bus/default", Invalid, invalid + "Creating cross-partition archive is not permitted."},
		{"another account", "arn:aws:events:us-east-1:111111111111:event-bus/default", Invalid, invalid + "Creating cross-account archive is not permitted."},
		{"another region", "arn:aws:events:us-west-2:000000000000:event-bus/default", Invalid, invalid + "Creating cross-region archive is not permitted."},
		{"an unknown bus", "arn:aws:events:us-east-1:000000000000:event-bus/nope", NotFound, "Event bus nope does not exist."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := r.CreateArchive(t.Context(), Archive{Region: region, Name: "a"}, tt.arn)
			want(t, err, tt.kind, tt.message)
		})
	}
	_, _, err := r.Archives(region, "", "", "arn:aws:events:us-west-2:000000000000:event-bus/default", Page{})
	want(t, err, NotFound, "Event bus default does not exist.")
}

// TestArchivesCountAsRules holds the quota of a bus.
func TestArchivesCountAsRules(t *testing.T) {
	r := open(t, new(memory), Quotas{RulesPerBus: 2}, new(began))
	for _, name := range []string{"a", "b"} {
		_, err := r.CreateArchive(t.Context(), Archive{Region: region, Name: name}, defaultBusARN)
		must(t, err)
	}
	_, err := r.CreateArchive(t.Context(), Archive{Region: region, Name: "c"}, defaultBusARN)
	want(t, err, LimitExceeded, "The requested resource exceeds the maximum number allowed.")
}

func TestOtherBus(t *testing.T) {
	r := newRegistry(t)
	for arn, want := range map[string]string{
		defaultBusARN: "us-east-1/default",
		"arn:aws:events:us-east-1:000000000000:event-bus/orders":  "us-east-1/orders",
		"arn:aws:events:us-east-1:111111111111:event-bus/default": "/",
		"arn:aws:events:eu-west-1:000000000000:event-bus/default": "eu-west-1/default",
		"arn:aws:events:us-east-1:000000000000:rule/r":            "/",
		"arn:aws:sqs:us-east-1:000000000000:event-bus/default":    "/",
	} {
		if region, name := r.otherBus(arn); region+"/"+name != want {
			t.Errorf("%s is bus %q of %q, want %q", arn, name, region, want)
		}
	}
}

// TestFailedChanges makes the store fail at every change of archives, replays
// and event sources: none of them is seen.
func TestFailedChanges(t *testing.T) {
	m := new(memory)
	now := began
	r := open(t, m, Quotas{}, &now)
	const source = "aws.partner/p/s"
	steps := []func() error{
		func() error {
			_, err := r.CreateArchive(t.Context(), Archive{Region: region, Name: "a"}, defaultBusARN)
			return err
		},
		func() error {
			return r.RemoveTargets(t.Context(), region, "", "Events-Archive-a", []string{"Events-Archive-a"}, true)
		},
		func() error { return r.DeleteRule(t.Context(), region, "", "Events-Archive-a", true) },
		func() error {
			_, err := r.UpdateArchive(t.Context(), region, "a", ArchiveChange{RetentionDays: new(3)})
			return err
		},
		func() error {
			_, err := r.StartReplay(t.Context(), Replay{Region: region, Name: "r", Until: began}, r.ArchiveARN(region, "a"), defaultBusARN)
			return err
		},
		func() error { _, err := r.CancelReplay(t.Context(), region, "r"); return err },
		func() error {
			p, err := r.Replay(region, "r")
			must(t, err)
			return r.AdvanceReplay(t.Context(), p, Cancelled, "")
		},
		func() error { return r.DeleteArchive(t.Context(), region, "a") },
		func() error { return r.CreateSource(t.Context(), region, source, "000000000000") },
		func() error {
			return r.CreateBus(t.Context(), Bus{Region: region, Name: source, EventSourceName: source})
		},
		func() error { return r.DeactivateSource(t.Context(), region, source) },
		func() error { return r.DeleteSource(t.Context(), region, source, "000000000000") },
		func() error { return r.DeleteBus(t.Context(), region, source) },
	}
	seen := func(r *Registry) any {
		sources, _, err := r.Sources(region, "", Page{})
		must(t, err)
		buses, _, err := r.Buses(region, "", Page{})
		must(t, err)
		rules, _, err := r.Rules(region, "", "", Page{})
		must(t, err)
		return []any{r.AllArchives(), r.AllReplays(), sources, len(buses), len(rules)}
	}
	for i, change := range steps {
		before := seen(r)
		m.fail = errors.New("no disk")
		if err := change(); !errors.Is(err, m.fail) {
			t.Fatalf("change %d: got %v, want the store's error", i, err)
		}
		if after := seen(r); !reflect.DeepEqual(before, after) {
			t.Errorf("change %d failed, and there is\n%+v\nwant\n%+v", i, after, before)
		}
		m.fail = nil
		must(t, change())
		if again := seen(open(t, m, Quotas{}, &now)); !reflect.DeepEqual(seen(r), again) {
			t.Errorf("change %d: after a restart there is\n%+v\nwant\n%+v", i, again, seen(r))
		}
	}
}

// TestForgetReplays holds that a replay is remembered until some time after its
// end.
func TestForgetReplays(t *testing.T) {
	m := new(memory)
	now := began
	r := open(t, m, Quotas{}, &now)
	_, err := r.CreateArchive(t.Context(), Archive{Region: region, Name: "a"}, defaultBusARN)
	must(t, err)
	for _, name := range []string{"active", "old", "new"} {
		p, err := r.StartReplay(t.Context(), Replay{Region: region, Name: name, Until: began}, r.ArchiveARN(region, "a"), defaultBusARN)
		must(t, err)
		if name != "active" {
			must(t, r.AdvanceReplay(t.Context(), p, Completed, ""))
		}
		now = now.Add(time.Hour)
	}
	must(t, r.ForgetReplays(t.Context(), began.Add(90*time.Minute)))
	for range 2 {
		if got := len(r.AllReplays()); got != 2 {
			t.Errorf("got %d replays, want the active one and the new one", got)
		}
		_, err = r.Replay(region, "old")
		want(t, err, NotFound, "Replay old does not exist.")
		r = open(t, m, Quotas{}, &now)
	}
}
