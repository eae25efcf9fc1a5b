package e2e

import (
	"bytes"
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Who sends the calls of another service here, in whichever of AWS's protocols, is told by the AWS CLI that this is Bailey,
// and at once: the CLI, with its retries as they are by default, does not try again.
func TestServicesBaileyDoesNotHave(t *testing.T) {
	t.Parallel()
	server := Start(t)
	cli := NewCLI(t, server)
	retrying := slices.DeleteFunc(slices.Clone(cli.environment), func(setting string) bool { return strings.HasPrefix(setting, "AWS_MAX_ATTEMPTS=") })
	for _, test := range []struct{ name, arguments, service string }{
		{"REST with XML", "s3 ls", "s3"},
		{"REST with XML, a bucket", "s3 ls s3://metrics", "s3"},
		{"REST with XML, of another service", "route53 list-hosted-zones", "route53"},
		{"REST with JSON", "lambda list-functions", "lambda"},
		{"REST with JSON, of a neighbour", "scheduler list-schedules", "scheduler"},
		{"query", "sts get-caller-identity", "sts"},
		{"query, of another service", "sns list-topics", "sns"},
		{"EC2's query", "ec2 describe-instances", "ec2"},
		{"AWS JSON 1.0", "dynamodb list-tables", "dynamodb"},
		{"AWS JSON 1.1", "logs describe-log-groups", "logs"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), callLimit)
			defer cancel()
			command := exec.CommandContext(ctx, "aws", append(strings.Fields(test.arguments), "--debug")...)
			command.Env = retrying
			var stderr bytes.Buffer
			command.Stderr = &stderr
			if err := command.Run(); err == nil {
				t.Fatal("got success")
			}
			lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
			if last := lines[len(lines)-1]; !strings.Contains(last, "Bailey does not have the service "+test.service+". It is Amazon EventBridge") {
				t.Errorf("the last line does not name Bailey: %s", last)
			}
			if n := strings.Count(stderr.String(), "Sending http request:"); n != 1 {
				t.Errorf("got %d requests, want 1", n)
			}
		})
	}
}

// What says no more than S3's HEAD must not look like a bucket that is not there: that answer people act on.
func TestHeadOfABucketIsNotNotFound(t *testing.T) {
	t.Parallel()
	cli := NewCLI(t, Start(t))
	answer := cli.Run(t, "s3api", "head-bucket", "--bucket", "orders")
	if answer.Error == nil || answer.Error.Code == "404" {
		t.Errorf("got %+v", answer)
	}
}
