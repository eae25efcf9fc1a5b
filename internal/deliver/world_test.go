package deliver

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"bailey/internal/event"
	"bailey/internal/metrics"
	"bailey/internal/request"
	"bailey/internal/rule"
	"bailey/internal/store"
	"bailey/internal/store/sqlite"
)

const (
	testRegion = "us-east-1"
	testQueue  = "arn:aws:sqs:us-east-1:000000000000:dead"
)

// A world is a dispatcher with the real store and the real registry, on a
// network in memory. Within a synctest bubble its days pass at once.
type world struct {
	t       *testing.T
	cfg     Config
	dir     string
	network *network
	// maxOutcomes is the store's bound; 0 leaves it at its default.
	maxOutcomes int

	store   *sqlite.Store
	rules   *rule.Registry
	metrics *metrics.Metrics
	d       *Dispatcher
	ids     *event.IDs

	mu      sync.Mutex
	changed chan struct{} // replaced each time that a delivery ends
}

// newWorld opens a world that ends with the test. cfg is completed.
func newWorld(t *testing.T, cfg Config) *world {
	t.Helper()
	w := &world{t: t, cfg: cfg, dir: t.TempDir(), network: newNetwork(), ids: new(event.IDs), changed: make(chan struct{})}
	w.open()
	t.Cleanup(func() {
		w.close(context.Background())
		w.network.close()
	})
	return w
}

// open starts the process, so to speak.
func (w *world) open() {
	w.t.Helper()
	log := cmp.Or(w.cfg.Log, slog.New(slog.DiscardHandler))
	var err error
	if w.store, err = sqlite.Open(sqlite.Config{Dir: w.dir, MaxOutcomes: w.maxOutcomes, Log: log}); err != nil {
		w.t.Fatal(err)
	}
	w.ids.StartAfter(w.store.NewestKey())
	w.metrics = metrics.New(metrics.Config{})
	if w.rules, err = rule.Open(context.Background(), rule.Config{Store: w.store, Metrics: w.metrics}); err != nil {
		w.t.Fatal(err)
	}
	cfg := w.cfg
	cfg.Store, cfg.Rules, cfg.Metrics, cfg.Log = w.store, w.rules, w.metrics, log
	cfg.UserAgent, cfg.Account, cfg.Settled = "Bailey/test", "000000000000", w.settled
	w.d = New(cfg)
	w.d.transport = newTransport(w.network.dial)
	if err := w.d.Start(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

// close ends the process in good order; what is under way has until grace
// ends.
func (w *world) close(grace context.Context) {
	w.t.Helper()
	w.d.Stop(grace)
	if err := w.store.Close(); err != nil {
		w.t.Error(err)
	}
}

func (w *world) settled(int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.changed)
	w.changed = make(chan struct{})
}

// api registers an API, at http://{id} where it says nothing else.
func (w *world) api(api request.API) {
	w.t.Helper()
	if api.URL == "" && api.Stages == nil {
		api.URL = "http://" + api.ID
	}
	if err := w.rules.PutAPI(context.Background(), &api); err != nil {
		w.t.Fatal(err)
	}
}

// target makes a rule for the events of a source, with one target that sends
// them to the API of the same name, unless change says otherwise.
func (w *world) target(source string, change ...func(*rule.Target)) {
	w.t.Helper()
	ctx := context.Background()
	_, err := w.rules.PutRule(ctx, rule.Rule{
		Region: testRegion, EventBusName: rule.DefaultBus, Name: source, State: rule.Enabled,
		EventPattern: fmt.Sprintf(`{"source": [%q]}`, source),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	target := rule.Target{
		ID: "api", ARN: "arn:aws:execute-api:us-east-1:000000000000:" + source + "/prod/POST/orders",
		DeadLetterConfig: &rule.DeadLetterConfig{ARN: testQueue},
	}
	for _, f := range change {
		f(&target)
	}
	if err := w.rules.PutTargets(ctx, testRegion, rule.DefaultBus, source, []rule.Target{target}); err != nil {
		w.t.Fatal(err)
	}
}

// retries sets a target's RetryPolicy; a negative number leaves a bound at its
// default.
func retries(attempts, age int) func(*rule.Target) {
	return func(t *rule.Target) {
		t.RetryPolicy = &rule.RetryPolicy{}
		if attempts >= 0 {
			t.RetryPolicy.MaximumRetryAttempts = &attempts
		}
		if age >= 0 {
			t.RetryPolicy.MaximumEventAgeInSeconds = &age
		}
	}
}

// put takes one event for each detail in one commit and returns their ids.
func (w *world) put(source string, details ...string) []event.ID {
	w.t.Helper()
	ids := make([]event.ID, len(details))
	records := make([]*store.Record, len(details))
	admissions := make([]*Admission, len(details))
	for i, detail := range details {
		now := time.Now()
		e := event.New(w.ids.New(now), &event.Entry{Source: source, DetailType: "Order Placed", Detail: []byte(detail)}, "000000000000", testRegion, now)
		routes := w.rules.AppendRoutes(nil, testRegion, rule.DefaultBus, e.JSON)
		admissions[i] = w.d.Admit(e, testRegion, rule.DefaultBus, routes)
		records[i], ids[i] = &admissions[i].Record, e.ID
	}
	if err := w.store.Put(context.Background(), records); err != nil {
		w.t.Fatal(err)
	}
	for _, a := range admissions {
		w.d.Commit(a)
	}
	return ids
}

// one puts one event.
func (w *world) one(source string) event.ID {
	w.t.Helper()
	return w.put(source, `{"n": 1}`)[0]
}

// delivery returns what became of an event's first delivery so far.
func (w *world) delivery(id event.ID) store.Delivery {
	w.t.Helper()
	all, _, err := w.store.Deliveries(context.Background(), store.Query{Event: &id})
	if err != nil {
		w.t.Fatal(err)
	}
	if len(all) == 0 {
		w.t.Fatalf("event %s has no delivery", id)
	}
	return all[0]
}

// ended waits until an event's first delivery has ended and returns it.
func (w *world) ended(id event.ID) store.Delivery {
	w.t.Helper()
	for {
		w.mu.Lock()
		changed := w.changed
		w.mu.Unlock()
		if d := w.delivery(id); d.Status != store.Pending {
			return d
		}
		<-changed
	}
}

// delivered waits until every delivery has ended, those of one rule if it is
// named, and fails the test unless all of them were delivered.
func (w *world) delivered(rule ...string) {
	w.t.Helper()
	for {
		w.mu.Lock()
		changed := w.changed
		w.mu.Unlock()
		if len(w.withStatus(store.Pending, rule...)) == 0 {
			break
		}
		<-changed
	}
	if dead := w.withStatus(store.Dead, rule...); len(dead) > 0 {
		w.t.Errorf("given up: %+v", dead[0])
	}
}

// withStatus returns one of the deliveries with the status, if there is any.
func (w *world) withStatus(s store.Status, rule ...string) []store.Delivery {
	w.t.Helper()
	q := store.Query{Status: &s, Limit: 1}
	if len(rule) > 0 {
		q.Rule = rule[0]
	}
	all, _, err := w.store.Deliveries(context.Background(), q)
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

func (w *world) attempts(id event.ID) []store.Attempt {
	w.t.Helper()
	all, err := w.store.Attempts(context.Background(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

func (w *world) deadLetters() []store.DeadLetter {
	w.t.Helper()
	all, err := w.store.DeadLetters(context.Background(), store.Undelivered{Queue: testQueue}, 0, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// metric returns a counter of the rule with the name, as Prometheus sees it.
func (w *world) metric(name, rule string) string {
	w.t.Helper()
	answer := httptest.NewRecorder()
	w.metrics.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(answer.Body.String()) {
		if strings.HasPrefix(line, name+"{") && strings.Contains(line, fmt.Sprintf("rule=%q", rule)) {
			return strings.TrimSpace(line[strings.LastIndexByte(line, ' '):])
		}
	}
	return ""
}

// network is a network in memory. A host that nobody has made is not found.
type network struct {
	mu      sync.Mutex
	hosts   map[string]func(context.Context) (net.Conn, error)
	servers []*http.Server
	dials   map[string]int
	raws    sync.WaitGroup
}

func newNetwork() *network {
	return &network{hosts: map[string]func(context.Context) (net.Conn, error){}, dials: map[string]int{}}
}

func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	dial := n.hosts[host]
	n.dials[host]++
	n.mu.Unlock()
	if dial == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}}
	}
	return dial(ctx)
}

// host says what connecting to a host comes to.
func (n *network) host(name string, dial func(context.Context) (net.Conn, error)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[name] = dial
}

// raw lets f speak on each connection to a host; it is closed when f returns.
func (n *network) raw(name string, f func(net.Conn)) {
	n.host(name, func(context.Context) (net.Conn, error) {
		client, server := net.Pipe()
		n.raws.Go(func() {
			defer server.Close()
			f(server)
		})
		return client, nil
	})
}

// serve puts an HTTP server behind a host.
func (n *network) serve(name string, h http.HandlerFunc) {
	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	s := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)} //nolint:gosec // its clients are this test
	go func() { _ = s.Serve(l) }()
	n.mu.Lock()
	n.servers = append(n.servers, s)
	n.mu.Unlock()
	n.host(name, l.dial)
}

func (n *network) close() {
	for _, s := range n.servers {
		_ = s.Close()
	}
	n.raws.Wait()
}

// pipeListener is the listening end of a host.
type pipeListener struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: fmt.Errorf("connection refused")}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// An arrival is a request that an inbox received.
type arrival struct {
	at      time.Time
	key     string // Idempotency-Key
	attempt string // Bailey-Attempt
	path    string
	body    string
}

// inbox is an API that answers as it is told and remembers what came.
type inbox struct {
	mu     sync.Mutex
	came   []arrival
	answer func(n int, w http.ResponseWriter, r *http.Request) // n counts from 1; nil answers 200
}

func (b *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // what is cut off is seen as it came
	b.mu.Lock()
	b.came = append(b.came, arrival{
		at: time.Now(), key: r.Header.Get("Idempotency-Key"), attempt: r.Header.Get("Bailey-Attempt"),
		path: r.URL.Path, body: string(body),
	})
	n, answer := len(b.came), b.answer
	b.mu.Unlock()
	if answer != nil {
		answer(n, w, r)
	}
}

func (b *inbox) arrivals() []arrival {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]arrival(nil), b.came...)
}

// status answers with these statuses, one after the other, and then with the
// last of them for ever.
func status(codes ...int) func(int, http.ResponseWriter, *http.Request) {
	return func(n int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(codes[min(n, len(codes))-1]) }
}

// bubble runs a test with a world on a clock of its own, beside other tests:
// they wait for disks much of the time.
func bubble(t *testing.T, cfg Config, f func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { f(t, newWorld(t, cfg)) })
}
