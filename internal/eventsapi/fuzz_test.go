package eventsapi

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"bailey"
	"bailey/internal/rule"
)

// ours are the goroutines that run code of Bailey, but for tests.
func ours() []string {
	stacks := make([]byte, 1<<20)
	all := strings.Split(string(stacks[:runtime.Stack(stacks, true)]), "\n\n")
	return slices.DeleteFunc(all, func(stack string) bool {
		return !strings.Contains(stack, "bailey") || strings.Contains(stack, "_test.go")
	})
}

// FuzzEngine sends any body to any operation, with the engine behind it and
// things there that bodies may be about. The answer is JSON, and never the
// server's fault; nothing runs on when the engine is closed.
func FuzzEngine(f *testing.F) {
	router, err := bailey.Open(f.Context(), bailey.Config{Dir: f.TempDir(), Quotas: rule.Quotas{TargetsPerRule: 10}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	h := New(Config{Events: router, Rules: router.Rules(), Logger: slog.New(slog.DiscardHandler)})
	f.Cleanup(func() {
		if err := router.Close(); err != nil {
			f.Error(err)
		}
		// Goroutines end a moment after what they were for.
		for end := time.Now().Add(time.Minute); ; runtime.Gosched() {
			left := ours()
			if len(left) == 0 {
				break
			}
			if time.Now().After(end) {
				f.Errorf("%d goroutines are left:\n%s", len(left), strings.Join(left, "\n\n"))
				break
			}
		}
	})

	operations := make([]string, 0, len(model.Operations))
	for operation := range model.Operations {
		operations = append(operations, operation)
	}
	slices.Sort(operations)
	add := func(operation, body string) {
		f.Add(uint8(slices.Index(operations, operation)), body)
	}
	const partner = `{"Name":"aws.partner/shop.example/b","Account":"000000000000"}`
	call(f, h, "CreatePartnerEventSource", partner)
	for _, c := range describedThings() {
		if status, got := call(f, h, c.operation, c.body); status != http.StatusOK {
			f.Fatalf("%s: got %d %s", c.operation, status, got)
		}
		add(c.operation, c.body)
		for operation, body := range c.described {
			add(operation, body)
		}
	}
	for operation, body := range map[string]string{
		"CreatePartnerEventSource": partner,
		"PutEvents":                `{"Entries":[{"Time":1.5,"Source":"a","Resources":["r"],"DetailType":"b","Detail":"{\"a\":1}","EventBusName":"default","TraceHeader":"t"}]}`,
		"PutPartnerEvents":         `{"Entries":[{"Time":1.5,"Source":"aws.partner/shop.example/b","Resources":["r"],"DetailType":"b","Detail":"{\"a\":1}"}]}`,
		"PutPermission":            `{"Action":"events:PutEvents","Principal":"*","StatementId":"s","Condition":{"Type":"StringEquals","Key":"aws:PrincipalOrgID","Value":"o"}}`,
		"RemovePermission":         `{"StatementId":"s","RemoveAllPermissions":false}`,
		"UntagResource":            `{"ResourceARN":"` + busARN + `default","TagKeys":["a"]}`,
		"TestEventPattern":         `{"EventPattern":"{\"a\":[1]}","Event":"{\"a\":1}"}`,
		"ListRuleNamesByTarget":    `{"TargetArn":"arn:aws:sqs:us-east-1:000000000000:q","Limit":1,"NextToken":"x"}`,
		"ListReplays":              `{"EventSourceArn":"` + archiveARN + `a"}`,
		"ListArchives":             `{"EventSourceArn":"` + busARN + `default"}`,
	} {
		add(operation, body)
	}
	for _, operation := range operations {
		add(operation, `{"Name":"default","ArchiveName":"a","ReplayName":"p","NamePrefix":"a","Rule":"r","EventBusName":"default","Limit":3,"Force":true,"Ids":["t"]}`)
	}
	f.Fuzz(func(t *testing.T, operation uint8, body string) {
		status, got := call(t, h, operations[int(operation)%len(operations)], body)
		if status >= 500 || got != "" && !json.Valid([]byte(got)) {
			t.Fatalf("got %d %s", status, got)
		}
	})
}
