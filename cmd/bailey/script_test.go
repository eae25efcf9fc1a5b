package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"bailey/internal/client"
)

// A script's commands beyond testscript's own:
//
//	serve [FLAGS]         starts bailey serve on a free port, says where it is in BAILEY_ENDPOINT, and what it says in serve.log;
//	                      with LOG=nobody it talks into a pipe that nobody reads
//	halt                  stops that server, which has to end in good order; so does the end of the script. (Not stop,
//	                      which is testscript's own and ends the script there, with nothing said.)
//	reload WORDS          has that server read its config file again, and waits until serve.log says so with the words
//	sink                  starts an API whose URL is in SINK: /status/N answers N, everything else 200
//	aws OPERATION FILE    calls the AWS API with the JSON of a file
//	exits CODE PROGRAM... runs a program that has to end with this exit code
//	capture NAME          sets an environment variable to what the last program printed
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"bailey": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Values[running{}] = new(server)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": serveScript, "halt": haltScript, "reload": reloadScript, "sink": sinkScript, "aws": awsScript, "exits": exitsScript, "capture": captureScript,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// program returns the path of the program that scripts run as bailey.
func program(ts *testscript.TestScript) string {
	for _, folder := range filepath.SplitList(ts.Getenv("PATH")) {
		path := filepath.Join(folder, "bailey")
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return path
		}
	}
	ts.Fatalf("there is no bailey in the script's PATH")
	return ""
}

const (
	startLimit = 3 * time.Minute
	stopLimit  = 3 * time.Minute
)

// server is a bailey serve that runs; running is the key of the script's one.
type server struct {
	process *exec.Cmd // nil where none runs
	ended   chan error
}

type running struct{}

func serveScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: serve [FLAGS]")
	}
	s := ts.Value(running{}).(*server)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	address := listener.Addr().String()
	ts.Check(listener.Close())

	log, err := os.Create(ts.MkAbs("serve.log"))
	ts.Check(err)
	if ts.Getenv("LOG") == "nobody" {
		ts.Check(log.Close())
		reader, writer, err := os.Pipe()
		ts.Check(err)
		ts.Check(reader.Close())
		log = writer
	}
	defer log.Close()
	process := exec.Command(program(ts), append([]string{"serve", "--data", ts.MkAbs("data"), "--listen", address}, args...)...)
	process.Dir, process.Stdout, process.Stderr = ts.MkAbs("."), log, log
	process.Env = []string{"PETSTORE_KEY=" + ts.Getenv("PETSTORE_KEY")}
	ts.Check(process.Start())
	ended := make(chan error, 1)
	go func() { ended <- process.Wait() }()
	s.process, s.ended = process, ended
	ts.Defer(func() {
		if err := s.stop(); err != nil {
			ts.Logf("bailey serve: %v\n%s", err, ts.ReadFile("serve.log"))
		}
	})
	url := "http://" + address
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	for !ready(ctx, url) {
		select {
		case err := <-ended:
			s.process = nil
			ts.Fatalf("bailey serve ended before it was ready: %v\n%s", err, ts.ReadFile("serve.log"))
		case <-ctx.Done():
			ts.Fatalf("bailey serve was not ready after %v", startLimit)
		case <-time.After(10 * time.Millisecond):
		}
	}
	ts.Setenv("BAILEY_ENDPOINT", url)
}

func haltScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: halt")
	}
	ts.Check(ts.Value(running{}).(*server).stop())
}

func reloadScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: reload WORDS")
	}
	s := ts.Value(running{}).(*server)
	ts.Check(s.process.Process.Signal(syscall.SIGHUP))
	for deadline := time.Now().Add(startLimit); !strings.Contains(ts.ReadFile("serve.log"), args[0]); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("after %v the log does not say %q:\n%s", startLimit, args[0], ts.ReadFile("serve.log"))
		}
	}
}

// stop asks the server to end and returns an error unless it does so with exit code 0 and in time.
func (s *server) stop() error {
	if s.process == nil {
		return nil
	}
	process := s.process.Process
	s.process = nil
	if err := process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-s.ended:
		return err
	case <-time.After(stopLimit):
		_ = process.Kill()
		return fmt.Errorf("bailey serve did not end within %v", stopLimit)
	}
}

func ready(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func sinkScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: sink")
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		if status, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/status/")); err == nil {
			http.Error(w, "as you wish", status)
		}
	}))
	ts.Defer(server.Close)
	ts.Setenv("SINK", server.URL)
}

func awsScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: aws OPERATION FILE")
	}
	var answer json.RawMessage
	server := &client.Client{Endpoint: ts.Getenv("BAILEY_ENDPOINT")}
	ts.Check(server.AWS(context.Background(), args[0], json.RawMessage(ts.ReadFile(args[1])), &answer))
	_, err := fmt.Fprintln(ts.Stdout(), string(answer))
	ts.Check(err)
}

func exitsScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARGS]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("%s: got exit code %d, want %s", strings.Join(args[1:], " "), code, args[0])
	}
}

func captureScript(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: capture NAME")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}
