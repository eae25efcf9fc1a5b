package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"bailey/internal/request"
)

// The ids that the REST API is registered under. It is one program; the warehouse is the part of it that is slow.
const (
	shopID      = "petshop"
	warehouseID = "warehouse"
)

// patience is how long Bailey waits for the warehouse, and slowness how long that takes the first time.
const (
	patience = time.Second
	slowness = 3 * time.Second
)

// A visit is a request as the REST API saw it, and what it answered.
type visit struct {
	eventID string
	rule    string
	attempt string
	method  string
	uri     string
	header  http.Header
	body    string
	status  int // 0 where it did not answer in time
	arrived time.Time
}

// shop is a small REST API: it takes orders at once, fails at the first try of each payment, is slow with the first try of
// each count of the stock, and does not know a single pet.
type shop struct {
	url    string
	server *http.Server
	visits chan visit
	served chan error

	mu    sync.Mutex
	tried map[string]bool // mu; payments and counts that were asked for before
}

// maxTried and maxVisits bound what the shop remembers.
const (
	maxTried  = 1000
	maxVisits = 1000
	maxBody   = 64 << 10
)

// openShop starts the API on a free port of this machine.
func openShop(ctx context.Context) (*shop, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the demo's REST API: %w", err)
	}
	s := &shop{
		url:    "http://" + listener.Addr().String(),
		visits: make(chan visit, maxVisits),
		served: make(chan error, 1),
		tried:  make(map[string]bool),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders/{order}", s.answer(func(*http.Request) int { return http.StatusCreated }))
	mux.HandleFunc("POST /alerts", s.answer(func(*http.Request) int { return http.StatusAccepted }))
	mux.HandleFunc("PUT /payments/{payment}", s.answer(func(r *http.Request) int {
		if s.first("payment " + r.PathValue("payment")) {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	}))
	mux.HandleFunc("DELETE /pets/{pet}", s.answer(func(*http.Request) int { return http.StatusNotFound }))
	mux.HandleFunc("POST /stock/{item}/count", s.answer(func(r *http.Request) int {
		if s.first("stock " + r.PathValue("item")) {
			return 0
		}
		return http.StatusOK
	}))
	s.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { s.served <- s.server.Serve(listener) }()
	return s, nil
}

func (s *shop) close() error {
	err := s.server.Close()
	if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// registrations are what the admin API is told of the shop, by id.
func (s *shop) registrations() map[string]request.API {
	return map[string]request.API{
		shopID:      {Stages: map[string]request.Stage{"prod": {URL: s.url}}, DefaultStage: "prod"},
		warehouseID: {URL: s.url, TimeoutSeconds: patience.Seconds()},
	}
}

// first reports whether a thing is asked for for the first time.
func (s *shop) first(what string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tried[what] {
		return false
	}
	if len(s.tried) >= maxTried {
		clear(s.tried)
	}
	s.tried[what] = true
	return true
}

// answer makes a handler that records each request and answers with the status that decide gives, or not for a long time
// where that is 0.
func (s *shop) answer(decide func(*http.Request) int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		key, _, _ := strings.Cut(r.Header.Get("Idempotency-Key"), "/")
		source := r.Header.Get("X-Amz-Source-Arn")
		v := visit{
			eventID: key,
			rule:    source[strings.LastIndexByte(source, '/')+1:],
			attempt: r.Header.Get("Bailey-Attempt"),
			method:  r.Method, uri: r.RequestURI, header: r.Header.Clone(), body: string(body),
			status: decide(r), arrived: time.Now(),
		}
		select {
		case s.visits <- v: // before the answer, so that whoever sees the delivery ended finds it
		default: // nobody listens any more
		}
		if v.status != 0 {
			w.WriteHeader(v.status)
			return
		}
		late := time.NewTimer(slowness)
		defer late.Stop()
		select {
		case <-late.C:
		case <-r.Context().Done():
		}
	}
}
