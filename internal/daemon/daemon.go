// Package daemon puts the engine and its endpoints together into one process:
// the AWS API, the admin API, metrics and health, on one port.
package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"bailey"
	"bailey/internal/admin"
	"bailey/internal/awsjson"
	"bailey/internal/clock"
	"bailey/internal/cloudwatch"
	"bailey/internal/eventsapi"
	"bailey/internal/request"
	"bailey/internal/sqs"
	"bailey/internal/store"
	"bailey/internal/unserved"
)

// Config says what to serve. The zero value serves what is in Router.Dir on
// the default address.
type Config struct {
	Router bailey.Config
	// Listen is the address; "" means 127.0.0.1:4566. Port 0 takes a free one.
	Listen string
	// AllowUnauthenticated permits an address that is not loopback. Whoever
	// reaches it can do everything: callers are not verified yet.
	AllowUnauthenticated bool
	// APIs are registered at start, each in the place of one with its id.
	APIs []*request.API
	// Origins are those whose web pages may call the AWS API from a browser,
	// beside pages that loopback itself serves; "*" means all.
	Origins []string
	// Hosts are the names by which a server on a loopback address may be called,
	// beside addresses, localhost, and the host of Listen; one that begins with
	// a dot stands for all names that end so.
	Hosts []string
	// GraceTime is how long requests under way may finish when the server is
	// to stop; 0 means 10 s.
	GraceTime time.Duration
	// MaxBodyBytes bounds the body of an AWS call; 0 means 8 MiB.
	MaxBodyBytes int64
	// MaxBodiesBytes bounds the bodies of all AWS calls together, but for
	// 64 KiB of each; 0 means 64 MiB. Who would be over it waits a moment and
	// is then refused with ThrottlingException.
	MaxBodiesBytes int64
	// MaxConnections bounds the connections that are open at once; 0 means
	// 4,096. When there are as many, a new one gets the place of one that is
	// idle, or has been sending its request for long. Health and metrics are
	// answered on 32 more.
	MaxConnections int
}

// maxStreams is how many requests one HTTP/2 connection may have under way: with
// more, a few connections would count for thousands.
const maxStreams = 32

// DefaultListen is where a server listens by default.
const DefaultListen = "127.0.0.1:4566"

// Server is a router that listens.
type Server struct {
	cfg      Config
	log      *slog.Logger
	router   *bailey.Router
	listener net.Listener
	http     *http.Server
	stopping chan struct{}
	serving  chan error                   // how the HTTP server ended
	handler  atomic.Pointer[http.Handler] // nil while the router is being opened
	waiting  atomic.Pointer[error]        // what the start waits for
}

// Listen binds the address and opens the router. Until that is open, which may
// wait for room on the disk, health and readiness are answered and all else is
// refused with 503. Serve must be called to release both.
func Listen(ctx context.Context, cfg Config) (*Server, error) {
	cfg.Listen = cmp.Or(cfg.Listen, DefaultListen)
	cfg.GraceTime = cmp.Or(cfg.GraceTime, 10*time.Second)
	cfg.MaxConnections = cmp.Or(cfg.MaxConnections, 4096)
	if cfg.Router.Log == nil {
		cfg.Router.Log = slog.Default()
	}
	if cfg.Router.Clock == nil {
		cfg.Router.Clock = clock.Real()
	}
	s := &Server{cfg: cfg, log: cfg.Router.Log, stopping: make(chan struct{}), serving: make(chan error, 1)}

	if !cfg.AllowUnauthenticated {
		if err := mustBeLoopback(ctx, cfg.Listen); err != nil {
			return nil, err
		}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("something else listens on %s already, perhaps another bailey: stop it, or choose another address with --listen: %w", cfg.Listen, err)
	} else if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	connections := newConnections(listener, cfg.MaxConnections)
	s.listener = connections
	if own, ok := listener.Addr().(*net.TCPAddr); ok {
		cfg.Router.Own = append(slices.Clip(cfg.Router.Own), own.AddrPort())
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	s.http = &http.Server{
		Handler:           connections.watch(s.guarded(http.HandlerFunc(s.dispatch))),
		ConnState:         connections.track,
		ConnContext:       connections.remember,
		Protocols:         protocols,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      admin.MaxWait + time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	go func() { s.serving <- s.http.Serve(s.listener) }()
	if err := s.open(ctx, cfg); err != nil {
		return nil, errors.Join(err, s.http.Close())
	}
	handler := s.handle()
	s.handler.Store(&handler)
	return s, nil
}

// open opens the router and registers the APIs of the config.
func (s *Server) open(ctx context.Context, cfg Config) (err error) {
	told := false
	cfg.Router.Starting = func(why error) {
		s.waiting.Store(&why)
		if !told {
			told = true
			s.log.Error("starting waits for room on the disk, and goes on by itself when there is some", "url", s.URL(), "error", why)
		}
	}
	if s.router, err = bailey.Open(ctx, cfg.Router); err != nil {
		return err
	}
	if told {
		s.log.Info("there is room on the disk: starting goes on")
	}
	for _, api := range cfg.APIs {
		if err := s.register(ctx, api, cfg.Router.Starting); err != nil {
			return errors.Join(fmt.Errorf("registering API %s: %w", api.ID, err), s.router.Close())
		}
	}
	return nil
}

// register registers an API, as soon as the disk has room for that.
func (s *Server) register(ctx context.Context, api *request.API, starting func(error)) error {
	for {
		err := s.router.Rules().PutAPI(ctx, api)
		if _, full := errors.AsType[*store.FullError](err); !full {
			return err
		}
		starting(err)
		again := time.NewTimer(time.Second)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return err
		}
	}
}

// dispatch answers by the handler once there is one.
func (s *Server) dispatch(w http.ResponseWriter, r *http.Request) {
	if handler := s.handler.Load(); handler != nil {
		(*handler).ServeHTTP(w, r)
		return
	}
	if r.URL.Path == "/healthz" {
		reply(w, http.StatusOK, "ok")
		return
	}
	why := "starting: the store is being opened"
	if err := s.waiting.Load(); err != nil {
		why = "starting: " + (*err).Error()
	}
	w.Header().Set("Retry-After", "1")
	reply(w, http.StatusServiceUnavailable, why)
}

// guarded lets only those names through by which a server on a loopback address
// is called by right.
func (s *Server) guarded(next http.Handler) http.Handler {
	if addr, ok := s.listener.Addr().(*net.TCPAddr); !ok || !addr.IP.IsLoopback() {
		return next
	}
	return append(hosts{hostname(s.cfg.Listen)}, s.cfg.Hosts...).guard(next)
}

// mustBeLoopback refuses an address that others than this machine can reach.
func mustBeLoopback(ctx context.Context, listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("the address to listen on is host:port, not %q: %w", listen, err)
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if host == "" {
		addresses, err = []netip.Addr{netip.IPv4Unspecified()}, nil
	}
	if err != nil {
		return fmt.Errorf("looking up the address to listen on: %w", err)
	}
	for _, a := range addresses {
		if !a.Unmap().IsLoopback() {
			return fmt.Errorf("%s can be reached from other machines, and callers are not verified: "+
				"anybody there could read and send everything. Listen on a loopback address, or say --allow-unauthenticated", listen)
		}
	}
	return nil
}

// Addr is the address that the server listens on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// URL is where clients on this machine reach it.
func (s *Server) URL() string {
	addr := s.listener.Addr().String()
	if host, port, err := net.SplitHostPort(addr); err == nil {
		if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
			addr = net.JoinHostPort("127.0.0.1", port)
		}
	}
	return "http://" + addr
}

// Router is the engine.
func (s *Server) Router() *bailey.Router { return s.router }

// Serve answers until ctx is done. Then it takes no more calls, finishes those
// that it has (for half of the grace time at most), lets requests to targets
// finish, and closes the store, all within the grace time. It returns nil when that went well. Deliveries that
// did not end are in the store. It ends by itself, with an error, when no more
// can be taken until the program is started anew: see [bailey.Router.Broken].
func (s *Server) Serve(ctx context.Context) error {
	s.log.Info("bailey is listening", "url", s.URL(), "data", s.cfg.Router.Dir, "account", s.cfg.Router.Account, "region", s.cfg.Router.Region)

	var err error
	select {
	case err = <-s.serving:
		err = fmt.Errorf("serving: %w", err)
	case <-s.router.Broken():
		err = s.router.Failing()
	case <-ctx.Done():
	}
	s.log.Info("stopping", "grace", s.cfg.GraceTime.String())
	close(s.stopping)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.GraceTime)
	defer cancel()
	// A caller who is slow must not use up the time of requests to targets.
	callers, cancelCallers := context.WithTimeout(grace, s.cfg.GraceTime/2)
	defer cancelCallers()
	if serr := s.http.Shutdown(callers); serr != nil {
		s.log.Warn("callers were cut off", "error", serr)
		err = errors.Join(err, s.http.Close())
	}
	err = errors.Join(err, s.router.Shutdown(grace))
	s.log.Info("stopped")
	return err
}

func (s *Server) handle() http.Handler {
	mux := http.NewServeMux()
	budget := awsjson.NewBudget(s.cfg.MaxBodiesBytes)
	api := eventsapi.New(eventsapi.Config{
		Events:  s.router,
		Rules:   s.router.Rules(),
		Region:  s.cfg.Router.Region,
		MaxBody: s.cfg.MaxBodyBytes,
		Budget:  budget,
		Origins: s.cfg.Origins,
		Metrics: s.router.Metrics(),
		Now:     s.cfg.Router.Clock.Now,
		Logger:  s.log,
	})
	cloudWatch := cloudwatch.New(cloudwatch.Config{
		History:   s.router.History(),
		Budget:    budget,
		Now:       s.cfg.Router.Clock.Now,
		Region:    s.cfg.Router.Region,
		Origins:   s.cfg.Origins,
		Otherwise: api,
		Logger:    s.log,
	})
	deadLetters := sqs.New(sqs.Config{
		Router:    s.router,
		Budget:    budget,
		Clock:     s.cfg.Router.Clock,
		Account:   s.cfg.Router.Account,
		Region:    s.cfg.Router.Region,
		Retention: s.router.DeadRetention(),
		Origins:   s.cfg.Origins,
		Stopping:  s.stopping,
		Log:       s.log,
	})
	elsewhere := unserved.Handler(s.cfg.Origins)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		switch {
		case cloudwatch.Serves(r):
			cloudWatch.ServeHTTP(w, r)
		case sqs.Serves(r):
			deadLetters.ServeHTTP(w, r)
		default:
			api.ServeHTTP(w, r)
		}
	})
	mux.HandleFunc("GET /{$}", s.welcome)
	mux.Handle(admin.Prefix+"/", admin.Handler(admin.Config{
		Router:   s.router,
		Account:  cmp.Or(s.cfg.Router.Account, "000000000000"),
		Region:   cmp.Or(s.cfg.Router.Region, "us-east-1"),
		Stopping: s.stopping,
		Log:      s.log,
	}))
	mux.Handle("GET /metrics", s.router.Metrics().Handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", s.ready)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Clients join an endpoint that ends in a slash to a path that begins with one.
		if strings.HasPrefix(r.URL.Path, "//") {
			at := *r.URL
			at.Path, at.RawPath = "/"+strings.TrimLeft(at.Path, "/"), ""
			r = r.WithContext(r.Context())
			r.URL = &at
		}
		// Before the paths, which can be the names of S3's buckets.
		if unserved.Takes(r) {
			elsewhere.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// ready says whether events would be taken at this moment.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	select {
	case <-s.stopping:
		reply(w, http.StatusServiceUnavailable, "stopping")
		return
	default:
	}
	if err := s.router.Failing(); err != nil {
		reply(w, http.StatusServiceUnavailable, "no events are taken: "+err.Error())
		return
	}
	reply(w, http.StatusOK, "ok")
}

// welcome tells a person who comes with a browser what this is.
func (s *Server) welcome(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, "Bailey: Amazon EventBridge's rules and its API Gateway target.\n\n"+
		"POST /                    the AWS API: aws events list-rules --endpoint-url "+s.URL()+"\n"+
		admin.Prefix+"/deliveries   what was delivered\n"+
		admin.Prefix+"/apis         the REST APIs that targets lead to\n"+
		"/metrics                  for Prometheus\n"+
		"/healthz, /readyz         for load balancers")
}

func reply(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	// The status is what counts; a caller who has gone does not need the text.
	_, _ = w.Write([]byte(text + "\n"))
}
