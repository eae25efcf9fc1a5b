package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// Client is an AWS client that people have: each has its own way to write a request and to read an answer.
type Client interface {
	// Call calls an operation by its name in the API, with its input as the API has it. Timestamps are RFC 3339 text.
	Call(t *testing.T, operation string, input Object) Answered
}

// Answered is what a client made of the answer to a call.
type Answered struct {
	Output Object       `json:"output"`
	Error  *ClientError `json:"error"`
}

// ClientError is an error answer as a client shows it to its user.
type ClientError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Status  int    `json:"status"` // of the HTTP answer; 0 where the client does not say
}

// OK returns the output of a call and fails the test where there is none.
func (a Answered) OK(t *testing.T) Object {
	t.Helper()
	if a.Error != nil {
		t.Fatalf("got %s: %s, want success", a.Error.Code, a.Error.Message)
	}
	return a.Output
}

// Clients are the clients by name. Each is made for a server, and skips the test where it is not installed.
var Clients = map[string]func(*testing.T, *Server) Client{
	"AWS CLI":        func(t *testing.T, s *Server) Client { t.Helper(); return NewCLI(t, s) },
	"boto3":          func(t *testing.T, s *Server) Client { t.Helper(); return NewBoto3(t, s) },
	"Go SDK":         func(_ *testing.T, s *Server) Client { return newGoSDK(s) },
	"JavaScript SDK": func(t *testing.T, s *Server) Client { t.Helper(); return newJavaScriptSDK(t, s) },
}

const (
	testRegion    = "us-east-1"
	testAccessKey = "AKIDEXAMPLE"
	testSecretKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

// environment is what an AWS client runs in: only the server's address differs from what its user would have. Settings of the
// machine's own user do not get in.
func environment(s *Server) []string {
	ours := slices.DeleteFunc(os.Environ(), func(setting string) bool {
		name, _, _ := strings.Cut(setting, "=")
		return strings.HasPrefix(name, "AWS_") || strings.HasSuffix(strings.ToLower(name), "_proxy")
	})
	return append(ours,
		"AWS_ENDPOINT_URL="+s.URL,
		"AWS_REGION="+testRegion, "AWS_DEFAULT_REGION="+testRegion,
		"AWS_ACCESS_KEY_ID="+testAccessKey, "AWS_SECRET_ACCESS_KEY="+testSecretKey,
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull,
		"AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=", "AWS_DEFAULT_OUTPUT=json",
		"AWS_MAX_ATTEMPTS=1", // an error is seen as it comes
		"NO_PROXY=*",
	)
}

// CLI is the AWS CLI.
type CLI struct{ environment []string }

// NewCLI returns the AWS CLI, set up for a server.
func NewCLI(t *testing.T, s *Server) *CLI {
	t.Helper()
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("the AWS CLI is not installed")
	}
	return &CLI{environment(s)}
}

// Call runs aws events with the operation's command. A member of the input becomes an option: text as it is, anything else
// as JSON.
func (c *CLI) Call(t *testing.T, operation string, input Object) Answered {
	t.Helper()
	arguments := []string{"events", kebab(operation)}
	for _, name := range slices.Sorted(maps.Keys(input)) {
		switch value := input[name].(type) {
		case string:
			arguments = append(arguments, "--"+kebab(name), value)
		case bool:
			if value {
				arguments = append(arguments, "--"+kebab(name))
			} else {
				arguments = append(arguments, "--no-"+kebab(name))
			}
		default:
			text, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			arguments = append(arguments, "--"+kebab(name), string(text))
		}
	}
	return c.Run(t, arguments...)
}

var cliError = regexp.MustCompile(`(?s)An error occurred \(([\w.]+)\) when calling the \w+ operation(?: \([^)]*\))?: (.*)`)

// Run runs aws with the arguments.
func (c *CLI) Run(t *testing.T, arguments ...string) Answered {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), callLimit)
	defer cancel()
	command := exec.CommandContext(ctx, "aws", arguments...)
	command.Env = c.environment
	var stderr bytes.Buffer
	command.Stderr = &stderr
	stdout, err := command.Output()
	if err != nil {
		if parts := cliError.FindStringSubmatch(stderr.String()); parts != nil {
			return Answered{Error: &ClientError{Code: parts[1], Message: strings.TrimSpace(parts[2])}}
		}
		t.Fatalf("aws %q: %v: %s", arguments, err, &stderr)
	}
	output := Object{}
	if len(bytes.TrimSpace(stdout)) > 0 {
		if err := json.Unmarshal(stdout, &output); err != nil {
			t.Fatalf("aws %q: reading its output: %v: %s", arguments, err, stdout)
		}
	}
	return Answered{Output: output}
}

// kebab turns a name of the API into the AWS CLI's: ListTargetsByRule is list-targets-by-rule, ResourceARN is resource-arn.
func kebab(name string) string {
	var b strings.Builder
	letters := []rune(name)
	for i, r := range letters {
		if unicode.IsUpper(r) && i > 0 && (unicode.IsLower(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1])) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// scripted is a client in another language: a process that reads calls from its standard input, a line of JSON each, and
// writes the answers likewise.
type scripted struct {
	input   io.Writer
	answers *bufio.Reader
	stderr  *output
}

// call is one line for a scripted client. Target and Body, where given, are sent in place of what the client would send for
// the operation: they are how a test makes mistakes that the client would not.
type call struct {
	Operation string `json:"operation"`
	Input     Object `json:"input"`
	Target    string `json:"target,omitempty"`
	Body      string `json:"body,omitempty"`
}

func startScript(t *testing.T, s *Server, folder, name string, arguments ...string) scripted {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, arguments...)
	command.Dir = folder
	command.Env = environment(s)
	stderr := new(output)
	command.Stderr = stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
	t.Cleanup(func() {
		_ = stdin.Close() // it ends at the end of its input, or was ended with the test's context
		_ = command.Wait()
	})
	return scripted{input: stdin, answers: bufio.NewReader(stdout), stderr: stderr}
}

// Call passes the call to the process and returns its answer.
func (c scripted) Call(t *testing.T, operation string, input Object) Answered {
	t.Helper()
	return c.send(t, call{Operation: operation, Input: input})
}

func (c scripted) send(t *testing.T, call call) Answered {
	t.Helper()
	line, err := json.Marshal(call)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.input.Write(append(line, '\n')); err != nil {
		t.Fatalf("calling %s: %v: %s", call.Operation, err, c.stderr.tail())
	}
	answer, err := c.answers.ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) || len(answer) == 0 {
		t.Fatalf("calling %s: the client gave no answer: %v: %s", call.Operation, err, c.stderr.tail())
	}
	var answered Answered
	if err := json.Unmarshal(answer, &answered); err != nil {
		t.Fatalf("calling %s: reading the answer: %v: %s", call.Operation, err, answer)
	}
	return answered
}

// Boto3 is AWS's SDK for Python.
type Boto3 struct{ scripted }

// NewBoto3 returns a boto3 client for a server.
func NewBoto3(t *testing.T, s *Server) Boto3 {
	t.Helper()
	return Boto3{startScript(t, s, ".", pythonWithBoto3(t), "boto3_client.py")}
}

// pythonWithBoto3 returns a Python that has boto3, and skips the test where there is none.
func pythonWithBoto3(t *testing.T) string {
	t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), python, "-c", "import boto3").Run() == nil {
			return python
		}
	}
	t.Skip("boto3 is not installed")
	return ""
}

// Raw calls what target names, as X-Amz-Target has it, with a body that need not be JSON: so a test makes mistakes that
// boto3 would not let it make.
func (c Boto3) Raw(t *testing.T, target, body string) Answered {
	t.Helper()
	return c.send(t, call{Operation: "ListRules", Input: Object{}, Target: target, Body: body})
}

func newJavaScriptSDK(t *testing.T, s *Server) scripted {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is not installed")
	}
	if _, err := os.Stat(filepath.Join("js", "node_modules", "@aws-sdk", "client-eventbridge")); err != nil {
		t.Skip("the JavaScript SDK is not installed: e2e/install-clients does that")
	}
	return startScript(t, s, "js", "node", "client.mjs")
}
