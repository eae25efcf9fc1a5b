package cloudwatch

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"bailey/internal/clock"
	"bailey/internal/history"
	"bailey/internal/metrics"
	"bailey/internal/store/sqlite"
)

var start = time.Date(2026, 11, 23, 12, 0, 30, 0, time.UTC)

// A world is the API over a history that a test makes.
type world struct {
	http.Handler
	t       testing.TB
	metrics *metrics.Metrics
	clock   *clock.Virtual
	history *history.Recorder
	store   *sqlite.Store
}

func newWorld(t testing.TB) *world {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	store, err := sqlite.Open(sqlite.Config{Dir: t.TempDir(), Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, store: store, metrics: metrics.New(metrics.Config{}), clock: clock.NewVirtual(start)}
	if w.history, err = history.Open(t.Context(), history.Config{Store: store, Metrics: w.metrics, Clock: w.clock, Log: quiet}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.history.Close(); err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	w.Handler = New(Config{History: w.history, Now: w.clock.Now, Logger: quiet})
	return w
}

func (w *world) forward(d time.Duration) {
	w.t.Helper()
	if err := w.clock.Advance(context.Background(), d, func(context.Context) error { w.history.Take(); return nil }); err != nil {
		w.t.Fatal(err)
	}
}

// delivered counts a delivery that took so long.
func (w *world) delivered(bus, rule string, d time.Duration) {
	now := w.clock.Now()
	r := w.metrics.Rule("us-east-1", bus, rule)
	r.Matched()
	r.Attempted(metrics.Attempt{Number: 1, Outcome: metrics.Delivered, Ingested: now, Started: now, Ended: now.Add(d)})
}

// object is a JSON object.
type object = map[string]any

// post sends a request and returns the answer.
func (w *world) post(path string, header map[string]string, body []byte) (*http.Response, []byte) {
	w.t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
	for name, value := range header {
		r.Header.Set(name, value)
	}
	if !Serves(r) {
		w.t.Fatalf("%s with %v is not CloudWatch's", path, header)
	}
	recorder := httptest.NewRecorder()
	w.ServeHTTP(recorder, r)
	answer := recorder.Result()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if requestID(answer) == "" {
		w.t.Error("the answer has no x-amzn-RequestId")
	}
	return answer, text
}

// requestID is the answer's, under the header's name as AWS writes it.
func requestID(answer *http.Response) string {
	for name, values := range answer.Header {
		if name == "x-amzn-RequestId" {
			return values[0]
		}
	}
	return ""
}

// callJSON calls an operation in AWS JSON 1.0.
func (w *world) callJSON(operation, body string) (status int, answer string) {
	w.t.Helper()
	response, text := w.post("/", map[string]string{"X-Amz-Target": targetPrefix + operation, "Content-Type": "application/x-amz-json-1.0"}, []byte(body))
	if got := response.Header.Get("Content-Type"); got != "application/x-amz-json-1.0" {
		w.t.Errorf("got content type %s", got)
	}
	return response.StatusCode, string(text)
}

// callCBOR calls an operation in CBOR, its input given as JSON in which
// timestamps are strings, and returns the output as JSON.
func (w *world) callCBOR(operation, body string) (response *http.Response, answer string) {
	w.t.Helper()
	var in any
	if err := json.Unmarshal([]byte(body), &in); err != nil {
		w.t.Fatal(err)
	}
	encoded, err := cbor.Marshal(tagged(in))
	if err != nil {
		w.t.Fatal(err)
	}
	response, text := w.post(pathPrefix+operation, map[string]string{"smithy-protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"}, encoded)
	if got := response.Header.Get("smithy-protocol"); got != "rpc-v2-cbor" {
		w.t.Errorf("got smithy-protocol %q", got)
	}
	var out any
	if err := cbor.Unmarshal(text, &out); err != nil {
		w.t.Fatal(err)
	}
	encoded, err = json.Marshal(untagged(out))
	if err != nil {
		w.t.Fatal(err)
	}
	return response, string(encoded)
}

// tagged makes the timestamps in a JSON value what CBOR clients send.
func tagged(v any) any {
	switch v := v.(type) {
	case object:
		for name := range v {
			if seconds, ok := v[name].(float64); ok && strings.HasSuffix(name, "Time") {
				v[name] = cbor.Tag{Number: 1, Content: int64(seconds)}
				continue
			}
			v[name] = tagged(v[name])
		}
	case []any:
		for i := range v {
			v[i] = tagged(v[i])
		}
	case float64:
		return int64(v)
	}
	return v
}

func untagged(v any) any {
	switch v := v.(type) {
	case map[any]any:
		out := make(object)
		for name, member := range v {
			out[fmt.Sprint(name)] = untagged(member)
		}
		return out
	case []any:
		for i := range v {
			v[i] = untagged(v[i])
		}
	case time.Time:
		return float64(v.UnixMilli()) / 1000
	}
	return v
}

func sameJSON(t testing.TB, got, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Fatalf("%v: %s", err, got)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("%v: %s", err, want)
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// at is a moment in seconds since 1970.
func at(d time.Duration) int64 { return start.Truncate(time.Minute).Add(d).Unix() }

func ask(members string, from, to time.Duration) string {
	return fmt.Sprintf(`{"Namespace":"AWS/Events","StartTime":%d,"EndTime":%d,%s}`, at(from), at(to), members)
}

// TestProtocols holds the same answer in the three protocols.
func TestProtocols(t *testing.T) {
	w := newWorld(t)
	w.delivered("default", "orders", 2*time.Millisecond)
	w.delivered("default", "orders", 4*time.Millisecond)
	w.forward(time.Minute)
	w.delivered("default", "orders", 8*time.Millisecond)

	const latency = `"MetricName":"IngestionToInvocationCompleteLatency","Dimensions":[{"Name":"RuleName","Value":"orders"}]`
	question := ask(latency+`,"Period":60,"Statistics":["Sum","SampleCount","Average","Minimum","Maximum"],"Unit":"Milliseconds"`, 0, 2*time.Minute)
	want := fmt.Sprintf(`{"Label":"IngestionToInvocationCompleteLatency","Datapoints":[
		{"Timestamp":%d,"SampleCount":2,"Average":3,"Sum":6,"Minimum":2,"Maximum":4,"Unit":"Milliseconds"},
		{"Timestamp":%d,"SampleCount":1,"Average":8,"Sum":8,"Minimum":8,"Maximum":8,"Unit":"Milliseconds"}]}`, at(0), at(time.Minute))
	status, got := w.callJSON("GetMetricStatistics", question)
	if status != http.StatusOK {
		t.Errorf("got status %d", status)
	}
	sameJSON(t, got, want)
	response, got := w.callCBOR("GetMetricStatistics", question)
	if response.StatusCode != http.StatusOK {
		t.Errorf("got status %d", response.StatusCode)
	}
	sameJSON(t, got, want)

	form := url.Values{
		"Action": {"GetMetricStatistics"}, "Version": {"2010-08-01"}, "Namespace": {"AWS/Events"}, "MetricName": {"IngestionToInvocationCompleteLatency"},
		"Dimensions.member.1.Name": {"RuleName"}, "Dimensions.member.1.Value": {"orders"}, "Period": {"60"},
		"StartTime": {"2026-11-23T12:00:00Z"}, "EndTime": {"2026-11-23T12:01:00Z"}, "ExtendedStatistics.member.1": {"p100"}, "ExtendedStatistics.member.2": {"p0"},
	}
	response, xml := w.post("/", map[string]string{"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}, []byte(form.Encode()))
	wantXML := `<GetMetricStatisticsResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/"><GetMetricStatisticsResult>` +
		`<Label>IngestionToInvocationCompleteLatency</Label><Datapoints><member><Timestamp>2026-11-23T12:00:00Z</Timestamp><Unit>Milliseconds</Unit>` +
		`<ExtendedStatistics><entry><key>p0</key><value>2.0</value></entry><entry><key>p100</key><value>4.0</value></entry></ExtendedStatistics></member></Datapoints>` +
		`</GetMetricStatisticsResult><ResponseMetadata><RequestId>` + requestID(response) + `</RequestId></ResponseMetadata></GetMetricStatisticsResponse>`
	if string(xml) != wantXML || response.Header.Get("Content-Type") != "text/xml" {
		t.Errorf("got  %s\nwant %s", xml, wantXML)
	}
}

// TestErrorsInEveryProtocol holds one error as each protocol has it.
func TestErrorsInEveryProtocol(t *testing.T) {
	w := newWorld(t)
	const message = "The parameter StartTime must be less than the parameter EndTime."
	const want = `{"__type":"com.amazonaws.cloudwatch#InvalidParameterValueException","message":"` + message + `"}`
	question := ask(`"MetricName":"Invocations","Period":60,"Statistics":["Sum"]`, time.Minute, 0)
	if status, got := w.callJSON("GetMetricStatistics", question); status != http.StatusBadRequest || got != want {
		t.Errorf("got %d %s, want 400 %s", status, got, want)
	}
	response, got := w.callCBOR("GetMetricStatistics", question)
	sameJSON(t, got, want)
	if e := response.Header.Get("x-amzn-query-error"); response.StatusCode != http.StatusBadRequest || e != "InvalidParameterValue;Sender" {
		t.Errorf("got %d and x-amzn-query-error %q", response.StatusCode, e)
	}
	response, xml := w.post("/", map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
		[]byte("Action=GetMetricStatistics&Namespace=AWS/Events&MetricName=Invocations&StartTime=2026-11-23T12:00:00Z&EndTime=2026-11-23T11:00:00%2B00:00&Period=60&Statistics.member.1=Sum"))
	wantXML := `<ErrorResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/"><Error><Type>Sender</Type><Code>InvalidParameterValue</Code><Message>` +
		message + `</Message></Error><RequestId>` + requestID(response) + `</RequestId></ErrorResponse>`
	if string(xml) != wantXML || response.StatusCode != http.StatusBadRequest {
		t.Errorf("got  %s\nwant %s", xml, wantXML)
	}

	for _, body := range []string{"{", `{"StartTime":"yesterday"}`, `{"StartTime":1e30}`, `[]`} {
		if status, got := w.callJSON("ListMetrics", body); body == "{" && (status != http.StatusBadRequest || !strings.Contains(got, "SerializationException")) {
			t.Errorf("%s: got %d %s", body, status, got)
		}
		if status, got := w.callJSON("GetMetricData", body); status != http.StatusBadRequest || !strings.Contains(got, "SerializationException") {
			t.Errorf("%s: got %d %s", body, status, got)
		}
	}
	if status, got := w.callJSON("PutMetricData", "{}"); status != http.StatusBadRequest || !strings.Contains(got, `"com.amazonaws.cloudwatch#UnknownOperationException"`) {
		t.Errorf("an operation that is not there: got %d %s", status, got)
	}
}

// TestFaults holds that a caller is told nothing of the server's own faults.
func TestFaults(t *testing.T) {
	w := newWorld(t)
	w.delivered("default", "orders", 0)
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	question := ask(`"MetricName":"Invocations","Period":60,"Statistics":["Sum"]`, 0, time.Minute)
	status, got := w.callJSON("GetMetricStatistics", question)
	if want := `{"__type":"com.amazonaws.cloudwatch#InternalServiceFault","message":"An internal error occurred. Request ID: `; status != http.StatusInternalServerError || !strings.HasPrefix(got, want) {
		t.Errorf("got %d %s, want 500 %s", status, got, want)
	}
	response, _ := w.callCBOR("GetMetricStatistics", question)
	if got := response.Header.Get("x-amzn-query-error"); got != "InternalServiceError;Receiver" {
		t.Errorf("got x-amzn-query-error %q", got)
	}
}

func TestServes(t *testing.T) {
	for _, tt := range []struct {
		name, path, target, kind string
		want                     bool
	}{
		{"CBOR", pathPrefix + "ListMetrics", "", "application/cbor", true},
		{"JSON", "/", "GraniteServiceVersion20100801.ListMetrics", "application/x-amz-json-1.0", true},
		{"query", "/", "", "application/x-www-form-urlencoded; charset=utf-8", true},
		{"EventBridge", "/", "AWSEvents.PutEvents", "application/x-amz-json-1.1", false},
		{"EventBridge with curl's content type", "/", "AWSEvents.PutEvents", "application/x-www-form-urlencoded", false},
		{"nobody", "/", "", "", false},
	} {
		r := httptest.NewRequest(http.MethodPost, tt.path, http.NoBody)
		r.Header.Set("X-Amz-Target", tt.target)
		r.Header.Set("Content-Type", tt.kind)
		if got := Serves(r); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// FuzzServe sends any body to any operation in any protocol: no answer is the
// server's fault.
func FuzzServe(f *testing.F) {
	w := newWorld(f)
	w.delivered("default", "orders", time.Millisecond)
	names := []string{"GetMetricData", "GetMetricStatistics", "ListMetrics"}
	data := fmt.Sprintf(`{"StartTime":%d,"EndTime":%d,"MetricDataQueries":[{"Id":"a","Expression":"-b*(2+1)^2"},{"Id":"b","MetricStat":{"Metric":{"Namespace":"AWS/Events","MetricName":"Invocations","Dimensions":[{"Name":"RuleName","Value":"orders"}]},"Period":60,"Stat":"p99"}}]}`, at(0), at(time.Hour))
	stats := ask(`"MetricName":"Invocations","Period":60,"Statistics":["Sum"]`, 0, time.Hour)
	for i, body := range []string{data, stats, `{"Namespace":"AWS/Events","RecentlyActive":"PT3H"}`} {
		f.Add(uint8(i), uint8(0), []byte(body))
		var in any
		if err := json.Unmarshal([]byte(body), &in); err != nil {
			f.Fatal(err)
		}
		encoded, err := cbor.Marshal(tagged(in))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), uint8(1), encoded)
	}
	f.Add(uint8(0), uint8(2), []byte("StartTime=2026-11-23T12:00:00Z&EndTime=2026-11-23T13:00:00Z&MetricDataQueries.member.1.Id=a&MetricDataQueries.member.1.MetricStat.Metric.Namespace=AWS/Events"))
	f.Fuzz(func(t *testing.T, operation, protocol uint8, body []byte) {
		w := &world{Handler: w.Handler, t: t}
		name := names[int(operation)%len(names)]
		path, header := "/", map[string]string{}
		switch protocol % 3 {
		case 0:
			header["X-Amz-Target"] = targetPrefix + name
		case 1:
			path = pathPrefix + name
		case 2:
			header["Content-Type"] = "application/x-www-form-urlencoded"
			body = append([]byte("Action="+name+"&"), body...)
		}
		if response, text := w.post(path, header, body); response.StatusCode >= 500 {
			t.Fatalf("got %d %s", response.StatusCode, text)
		}
	})
}
