package deliver

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"bailey/internal/request"
	"bailey/internal/rule"
)

// At the level debug the log names the paths that found nothing, and a delivery is
// none the worse for them.
func TestPathThatFindsNothingIsLogged(t *testing.T) {
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo} {
		t.Run(level.String(), func(t *testing.T) {
			var text bytes.Buffer
			log := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: level}))
			bubble(t, Config{Log: log}, func(t *testing.T, w *world) {
				w.network.serve("api", new(inbox).ServeHTTP)
				w.api(request.API{ID: "api", URL: "http://api"})
				w.target("api", func(to *rule.Target) { to.InputPath = new("$.detail.chanel") })
				w.ended(w.put("api", `{"channel": "web"}`)[0])
				w.delivered("api")
			})
			if logged := strings.Contains(text.String(), "$.detail.chanel found nothing"); logged != (level == slog.LevelDebug) {
				t.Errorf("the log is\n%s", text.String())
			}
		})
	}
}

func TestNotesAreBounded(t *testing.T) {
	query := make(map[string]string)
	for n := range maxNotes + 2 {
		query[fmt.Sprint("q", n)] = fmt.Sprintf("$.detail.p%02d", n)
	}
	template, err := request.Compile("arn:aws:execute-api:us-east-1:000000000000:api/prod/POST", &request.Parameters{
		QueryStringParameters: query, HeaderParameters: map[string]string{"X-Same": "$.detail.p00", "X-There": "$.id"},
	})
	if err != nil {
		t.Fatal(err)
	}
	notes := Notes(&rule.Route{Request: template}, []byte(`{"id":"1","detail":{}}`))
	if len(notes) != maxNotes+1 || notes[0] != "$.detail.p00 found nothing" || notes[1] != "$.detail.p01 found nothing" || notes[maxNotes] != "2 other paths found nothing" {
		t.Errorf("got %d notes: %q", len(notes), notes)
	}
	if notes := Notes(&rule.Route{}, []byte(`{}`)); notes != nil {
		t.Errorf("a target that is no API has the notes %q", notes)
	}
}
