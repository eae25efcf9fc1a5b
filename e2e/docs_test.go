package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// block is a fenced block of a page: its language and its text.
var block = regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$")

// pageLimit is how long the commands of one page may take.
const pageLimit = 10 * time.Minute

// prologue makes of what a reader does at several terminals one script: serve goes to the background, and what goes on
// until it is interrupted ends by itself. make is asked only whether it knows how.
const prologue = `
set -euo pipefail
server=
stop_server() {
	if [[ -n $server ]]; then kill -TERM "$server"; wait "$server"; server=; fi
}
trap 'stop_server; kill $(jobs -p) 2>/dev/null || true' EXIT
make() { command make -n -C "$REPOSITORY" "$@" >/dev/null; }
bailey() {
	case ${1-} in
	serve)
		stop_server
		"$BAILEY" "$@" --listen "$ADDRESS" >>"$WORK/serve.log" 2>&1 &
		server=$!
		for ((i = 0; i < 600; i++)); do
			if curl -sf "http://$ADDRESS/readyz" >/dev/null; then return; fi
			kill -0 "$server" || break
			sleep 0.05
		done
		cat "$WORK/serve.log"
		return 1
		;;
	demo) "$BAILEY" "$@" --once --listen 127.0.0.1:0 --data "$WORK/demo" ;;
	tail) timeout --foreground --preserve-status --signal=INT 2 "$BAILEY" "$@" ;;
	*) "$BAILEY" "$@" ;;
	esac
}
`

// TestPages runs the commands of the README and the docs, page by page, as a reader would, and looks for some of what the
// pages say that comes of it.
func TestPages(t *testing.T) {
	for _, tt := range []struct {
		page  string
		says  []string // in the output
		gets  []string // requests to the API, in order
		kinds string   // of blocks that run
	}{
		{page: "README.md", kinds: "sh python", says: []string{"DEAD LETTER", "orders  take-order"},
			gets: []string{"POST /orders/A-1?channel=web", "POST /orders/A-2?channel=app"}},
		{page: "docs/getting-started.md", kinds: "sh", says: []string{
			"POST http://API/orders/x%2F1", `{"orderId":"x/1","total":12.50}`,
			"attempt  1 failed at", "503 ERROR_FROM_TARGET", "attempt  2 succeeded at",
			"orders  no       ", "INVALID_PARAMETER", "bailey_invocations_total{"}},
		{page: "docs/targets.md", kinds: "sh", says: []string{
			"POST http://API/beta/orders/A%201?channel=web&gift=on", "X-Api-Key: ***", `{"text": "ada spends 1.0", "total": 1.0}`}},
		{page: "docs/patterns.md", kinds: "sh", says: []string{"true"}},
		{page: "docs/schedules.md", kinds: "sh", says: []string{"RuleArn", "at 12:00 UTC on Monday to Friday", "12:00:00 UTC", `"DAY-FRIDAY" after MON is ignored`}},
		{page: "docs/testing.md", kinds: "sh", says: []string{
			"CONNECTION_FAILURE", "pending", "delivered", "2026-01-01T20:", "2026-01-02 00:00:00"}},
		{page: "docs/operations.md", kinds: "sh", says: []string{"matched  no rule that had a target, so nothing was sent", "The event bus has no rules.", "There are none."}},
	} {
		t.Run(tt.page, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("..", tt.page))
			if err != nil {
				t.Fatal(err)
			}
			output, sink := runPage(t, string(text), tt.kinds)
			for _, want := range tt.says {
				if !strings.Contains(output, want) {
					t.Errorf("the output does not say %q:\n%s", want, output)
				}
			}
			for _, want := range tt.gets {
				if r := sink.Next(t); r.Method+" "+r.URI != want {
					t.Errorf("got request %s %s, want %s", r.Method, r.URI, want)
				}
			}
		})
	}
}

// runPage runs the blocks of a page one after the other and returns what they printed. The addresses that the page names
// are replaced by ones that are free; an API that the page does not start itself is the sink.
func runPage(t *testing.T, page, kinds string) (string, *Sink) {
	t.Helper()
	bailey, err := program()
	if err != nil {
		t.Fatal(err)
	}
	sink := NewSink(t)
	var script strings.Builder
	script.WriteString(prologue)
	ran := 0
	for _, b := range block.FindAllStringSubmatch(page, -1) {
		language, commands := b[1], b[2]
		if !strings.Contains(kinds, language) {
			continue
		}
		ran++
		switch language {
		case "python":
			fmt.Fprintf(&script, "%s - <<'END_OF_PYTHON'\n%sEND_OF_PYTHON\n", pythonWithBoto3(t), commands)
		default:
			script.WriteString(commands)
		}
	}
	if ran == 0 {
		t.Fatal("the page has no commands")
	}
	commands := strings.ReplaceAll(script.String(), "./bailey ", "bailey ")
	if strings.Contains(commands, "\naws ") {
		NewCLI(t, &Server{}) // skips where there is none
	}
	if !strings.Contains(commands, "\nbailey serve") {
		commands = strings.Replace(commands, prologue, prologue+"bailey serve\n", 1)
	}
	address, api := freeAddress(t), strings.TrimPrefix(sink.URL, "http://")
	if strings.Contains(commands, "127.0.0.1\", 9000)") { // the page has an API of its own
		api = freeAddress(t)
		commands = strings.ReplaceAll(commands, `"127.0.0.1", 9000`, `"127.0.0.1", `+api[strings.LastIndexByte(api, ':')+1:])
	}
	commands = strings.NewReplacer("127.0.0.1:4566", address, "127.0.0.1:9000", api).Replace(commands)

	repository, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), pageLimit)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-c", commands)
	shell.Dir = t.TempDir()
	shell.Env = append(environment(&Server{URL: "http://" + address}),
		"BAILEY="+bailey, "ADDRESS="+address, "WORK="+shell.Dir, "REPOSITORY="+repository)
	output, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("running the page's commands: %v\n%s", err, output)
	}
	return strings.ReplaceAll(string(output), api, "API"), sink
}
