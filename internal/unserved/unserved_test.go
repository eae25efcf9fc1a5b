package unserved_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"bailey/internal/unserved"
)

const form = "application/x-www-form-urlencoded; charset=utf-8"

// request makes a request signed for a service; for none if service is empty.
func request(service, method, target string, header ...string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(strings.Repeat("x", 1000)))
	if service != "" {
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AK/ID/20261123/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func TestTakes(t *testing.T) {
	for _, tt := range []struct {
		name string
		r    *http.Request
		want bool
	}{
		{"EventBridge", request("events", "POST", "/", "X-Amz-Target", "AWSEvents.PutEvents"), false},
		{"an operation that EventBridge does not have", request("events", "POST", "/", "X-Amz-Target", "AWSEvents.Nope"), false},
		{"no operation", request("events", "POST", "/"), false},
		{"S1: unsigned", request("", "POST", "/", "X-Amz-Target", "DynamoDB_20120810.ListTables"), false},
		{"a browser", request("", "GET", "/"), false},
		{"SQS", request("sqs", "POST", "/", "X-Amz-Target", "AmazonSQS.ListQueues"), false},
		{"SQS as it was", request("sqs", "POST", "/", "Content-Type", form), true},
		{"CloudWatch", request("monitoring", "POST", "/", "Content-Type", form), false},
		{"CloudWatch in CBOR", request("monitoring", "POST", "/service/GraniteServiceVersion20100801/operation/ListMetrics", "smithy-protocol", "rpc-v2-cbor"), false},
		{"EventBridge's operation, signed for another service", request("dynamodb", "POST", "/", "X-Amz-Target", "AWSEvents.PutEvents"), false},
		{"DynamoDB", request("dynamodb", "POST", "/", "X-Amz-Target", "DynamoDB_20120810.ListTables"), true},
		{"S3", request("s3", "GET", "/"), true},
		{"S3, presigned", request("", "GET", "/bucket/key?X-Amz-Credential=AKID%2F20261123%2Fus-east-1%2Fs3%2Faws4_request"), true},
		{"a bucket of the name of a page", request("s3", "GET", "/metrics"), true},
		{"what is no service's name", request("<s3>", "GET", "/"), false},
	} {
		if got := unserved.Takes(tt.r); got != tt.want {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
}

// Each protocol's error has the code and the message where its clients look for them.
func TestProtocols(t *testing.T) {
	type fault struct{ Code, Message string }
	inJSON := func(a *http.Response, text []byte) (fault, error) {
		var e struct {
			Type    string `json:"__type"`
			Message string `json:"message"`
		}
		err := json.Unmarshal(text, &e)
		return fault{e.Type, e.Message}, err
	}
	for _, tt := range []struct {
		name    string
		service string
		r       *http.Request
		code    string
		kind    string
		read    func(*http.Response, []byte) (fault, error)
	}{
		{"AWS JSON 1.0", "dynamodb", request("dynamodb", "POST", "/", "X-Amz-Target", "DynamoDB_20120810.ListTables", "Content-Type", "application/x-amz-json-1.0"),
			"UnknownOperationException", "application/x-amz-json-1.0", inJSON},
		{"AWS JSON 1.1", "logs", request("logs", "POST", "/", "X-Amz-Target", "Logs_20140328.DescribeLogGroups", "Content-Type", "application/x-amz-json-1.1"),
			"UnknownOperationException", "application/x-amz-json-1.1", inJSON},
		{"REST with JSON", "lambda", request("lambda", "GET", "/2015-03-31/functions/"), "UnknownOperationException", "application/json",
			func(a *http.Response, text []byte) (fault, error) {
				e, err := inJSON(a, text)
				for name, values := range a.Header {
					if strings.EqualFold(name, "x-amzn-ErrorType") { // AWS does not write it as net/http does
						e.Code = values[0]
					}
				}
				return e, err
			}},
		{"query", "sts", request("sts", "POST", "/", "Content-Type", form), "InvalidAction", "application/xml",
			func(_ *http.Response, text []byte) (fault, error) {
				var e struct {
					XMLName xml.Name `xml:"ErrorResponse"`
					Error   fault
					ID      string `xml:"RequestId"`
				}
				err := xml.Unmarshal(text, &e)
				return e.Error, err
			}},
		{"query by GET", "iam", request("iam", "GET", "/?Action=ListUsers"), "InvalidAction", "application/xml",
			func(_ *http.Response, text []byte) (fault, error) {
				var e struct{ Error fault }
				err := xml.Unmarshal(text, &e)
				return e.Error, err
			}},
		{"EC2's query", "ec2", request("ec2", "POST", "/", "Content-Type", form), "InvalidAction", "application/xml",
			func(_ *http.Response, text []byte) (fault, error) {
				var e struct {
					XMLName xml.Name `xml:"Response"`
					Errors  struct{ Error fault }
				}
				err := xml.Unmarshal(text, &e)
				return e.Errors.Error, err
			}},
		{"REST with XML", "s3", request("s3", "PUT", "/bucket/key"), "NotImplemented", "application/xml",
			func(_ *http.Response, text []byte) (fault, error) {
				var e struct {
					XMLName xml.Name `xml:"Error"`
					fault
				}
				err := xml.Unmarshal(text, &e)
				return e.fault, err
			}},
		{"CBOR", "arc-region-switch", request("arc-region-switch", "POST", "/service/ArcRegionSwitch/operation/ListPlans", "smithy-protocol", "rpc-v2-cbor"),
			"UnknownOperationException", "application/cbor",
			func(_ *http.Response, text []byte) (fault, error) {
				var e struct {
					Type    string `cbor:"__type"`
					Message string `cbor:"message"`
				}
				err := cbor.Unmarshal(text, &e)
				return fault{e.Type, e.Message}, err
			}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !unserved.Takes(tt.r) {
				t.Fatal("it is not taken")
			}
			w := httptest.NewRecorder()
			unserved.Handler(nil).ServeHTTP(w, tt.r)
			answer := w.Result()
			text, err := io.ReadAll(answer.Body)
			if err != nil {
				t.Fatal(err)
			}
			got, err := tt.read(answer, text)
			if want := (fault{tt.code, unserved.Message(tt.service)}); err != nil || got != want {
				t.Errorf("got %+v, %v of\n%s\nwant %+v", got, err, text, want)
			}
			if kind := answer.Header.Get("Content-Type"); answer.StatusCode != http.StatusBadRequest || kind != tt.kind {
				t.Errorf("got %d %s", answer.StatusCode, kind)
			}
			if answer.ContentLength != int64(len(text)) || !slices.Contains(slices.Collect(keys(answer.Header)), "x-amzn-RequestId") {
				t.Errorf("got headers %v", answer.Header)
			}
		})
	}
}

func keys(h http.Header) func(func(string) bool) {
	return func(yield func(string) bool) {
		for key := range h {
			if !yield(key) {
				return
			}
		}
	}
}

func TestMessageNamesBaileyAndTheService(t *testing.T) {
	for service, parts := range map[string][]string{
		"s3":  {"Bailey", " s3.", "EventBridge", "AWS_ENDPOINT_URL_EVENTBRIDGE"},
		"sqs": {"Bailey", "AWS JSON", "query protocol"},
	} {
		for _, part := range parts {
			if got := unserved.Message(service); !strings.Contains(got, part) {
				t.Errorf("%s: %q does not say %q", service, got, part)
			}
		}
	}
}

// Whatever a caller writes, the answer can be read, and repeats nothing but a name.
func FuzzHandler(f *testing.F) {
	f.Add("GET", "/", "s3", "", "")
	f.Add("POST", "/?Action=x", "iam", form, "")
	f.Add("POST", "/service/x", "a<b", "application/cbor", "Some.Target")
	f.Fuzz(func(t *testing.T, method, path, service, contentType, target string) {
		r, err := http.NewRequest(method, path, strings.NewReader("x"))
		if err != nil || r.URL == nil {
			return
		}
		r.Header.Set("Authorization", fmt.Sprintf("Credential=a/b/c/%s/aws4_request", service))
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("X-Amz-Target", target)
		if !unserved.Takes(r) {
			return
		}
		w := httptest.NewRecorder()
		unserved.Handler(nil).ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest {
			t.Errorf("got %d", w.Code)
		}
		switch kind := w.Header().Get("Content-Type"); kind {
		case "application/xml":
			err = xml.Unmarshal(w.Body.Bytes(), new(struct{}))
		default:
			err = json.Unmarshal(w.Body.Bytes(), new(map[string]string))
		}
		if err != nil {
			t.Errorf("%v of %s", err, w.Body)
		}
	})
}
