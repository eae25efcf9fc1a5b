package event_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"bailey/internal/event"
)

const (
	root   = "Root=1-5759e988-bd862e3fe1be46a994272793"
	parent = "Parent=53995c3f42cd8ad8"
)

func TestTrace(t *testing.T) {
	tests := []struct{ name, header, want string }{
		{"none", "", ""},
		{"whole", root + ";" + parent + ";Sampled=1", root + ";" + parent + ";Sampled=1"},
		{"a root alone", root, root},
		{"in another order", "Sampled=1;" + parent + ";" + root, root + ";" + parent + ";Sampled=1"},
		{"other keys, the last first", "A=1;" + root + ";B=2;Sampled=0;Lineage=a87bd80c:0", root + ";Sampled=0;Lineage=a87bd80c:0;B=2;A=1"},
		{"the load balancer's own", "Self=1-67891234-12456789abcdef012345678;" + root, root + ";Self=1-67891234-12456789abcdef012345678"},
		{"spaces go", " Root = 1-5759e988-bd862e3fe1be46a994272793 ; " + parent + "; Sampled=1; A=x y", root + ";" + parent + ";Sampled=1;A=xy"},
		{"a root in capitals", "Root=1-5759E988-BD862E3FE1BE46A994272793", root},
		{"a parent in capitals stays", root + ";Parent=53995C3F42CD8AD8", root + ";Parent=53995C3F42CD8AD8"},
		{"parts without =", root + ";garbage;;Sampled", root},
		{"a part with more than one =", root + ";A=b=c", root + ";A=b=c"},
		{"a part without a value", root + ";A=", root + ";A="},
		{"a parent too short", root + ";Parent=53995c3f42cd8ad", root},
		{"a parent too long", root + ";Parent=53995c3f42cd8ad80", root},
		{"a parent that is no number", root + ";Parent=53995c3f42cd8adx", root},
		{"a bad parent beside a good one", root + ";" + parent + ";Parent=x", root + ";" + parent},
		{"sampled is asked for", root + ";Sampled=?", root + ";Sampled=?"},
		{"sampled by a word", root + ";Sampled=true", root},
		{"sampled twice", root + ";Sampled=2", root},
		{"the last Sampled counts", root + ";Sampled=1;Sampled=0", root + ";Sampled=0"},
		{"the last Sampled counts, though it is none", root + ";Sampled=1;Sampled=7", root},
		{"a parent in capitals, sampled", root + ";Parent=53995C3F42CD8AD8;Sampled=1", ""},
		{"a parent in capitals, not sampled", root + ";Parent=53995C3F42CD8AD8;Sampled=0", root + ";Parent=53995C3F42CD8AD8;Sampled=0"},
		{"a parent in capitals, sampled if asked", root + ";Parent=53995C3F42CD8AD8;Sampled=?", root + ";Parent=53995C3F42CD8AD8;Sampled=?"},
		{"the last root counts", "Root=1-00000000-000000000000000000000000;" + root, root},
		{"the last root counts, though it is none", root + ";Root=garbage", ""},
		{"garbage", "garbage", ""},
		{"no root", parent + ";Sampled=1", ""},
		{"a root of another version", "Root=2-5759e988-bd862e3fe1be46a994272793;Sampled=1", ""},
		{"a root too short", root[:len(root)-1], ""},
		{"a root too long", root + "0", ""},
		{"a root that is no number", "Root=1-5759e98x-bd862e3fe1be46a994272793", ""},
		{"a root with its dashes elsewhere", "Root=1-5759e98-8bd862e3fe1be46a994272793", ""},
		{"the letter case of keys counts", "root=1-5759e988-bd862e3fe1be46a994272793", ""},
		{"what no header may have", root + ";A=x\r\ny\x00\u00e9\x7fz", root + ";A=xyz"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := event.Trace(tt.header, time.Unix(1, 0)); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// Whoever says that a trace is not sampled gets a root, were his own none.
func TestTraceNewRoot(t *testing.T) {
	now := time.Unix(0x0759e988, 0)
	tests := []struct{ name, header, rest string }{
		{"nothing else", "Sampled=0", ";Sampled=0"},
		{"a bad root", "Root=garbage;Sampled=0", ";Sampled=0"},
		{"the rest stays", "A=1;B=2;" + parent + ";Sampled=0", ";" + parent + ";Sampled=0;B=2;A=1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, again := event.Trace(tt.header, now), event.Trace(tt.header, now)
			if want := regexp.MustCompile(`^Root=1-0759e988-[0-9a-f]{24}` + regexp.QuoteMeta(tt.rest) + `$`); !want.MatchString(got) {
				t.Errorf("got %q, want %s", got, want)
			}
			if got == again {
				t.Errorf("two events have one new root: %q", got)
			}
		})
	}
}

// The trace is of the entry, and every event is made with it.
func TestNewTrace(t *testing.T) {
	entry := event.Entry{Source: "a", DetailType: "b", Detail: []byte(`{}`), TraceHeader: "Sampled=1 ; " + root}
	if got, want := event.New(event.ID{}, &entry, "", "", time.Now()).TraceHeader, root+";Sampled=1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

var headerText = regexp.MustCompile(`^[!-~]*$`)

func FuzzTrace(f *testing.F) {
	for _, seed := range []string{"", "garbage", root + ";" + parent + ";Sampled=1", "A=1;B=2;" + root, "Sampled=0", root + ";Parent=x;;=; a = \x00\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		once := event.Trace(header, time.Unix(1, 0))
		if !headerText.MatchString(once) {
			t.Fatalf("%q gives %q, which no header may have", header, once)
		}
		if once == "" {
			return
		}
		if !strings.HasPrefix(once, "Root=1-") {
			t.Fatalf("%q gives %q, which begins with no root", header, once)
		}
		// A second time turns the other keys round, and a third time back: what
		// comes first stays.
		twice := event.Trace(once, time.Unix(2, 0))
		if thrice := event.Trace(twice, time.Unix(3, 0)); thrice != once || len(twice) != len(once) {
			t.Fatalf("%q gives %q, then %q, then %q", header, once, twice, thrice)
		}
	})
}

func BenchmarkTrace(b *testing.B) {
	for _, header := range []string{"", root + ";" + parent + ";Sampled=1"} {
		b.Run("of "+header, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				event.Trace(header, time.Time{})
			}
		})
	}
}
