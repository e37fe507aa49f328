// Package serve is the life of a service: configuration from the environment, HTTP server,
// health, logs, metrics, traces, background work and a shutdown that finishes what was begun.
package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sidecart/sidecart/services/internal/dapr"
	"github.com/sidecart/sidecart/services/internal/problem"
)

// Service is one service's process. Fill Router, add background work, then Run it.
type Service struct {
	ID       string
	Router   *mux.Router
	Log      *slog.Logger
	Registry *prometheus.Registry
	Sidecar  *dapr.Client

	getenv func(string) string
	wrong  error // with the configuration
	addr   string
	starts []func(context.Context) error
	loops  []func(context.Context)
	ready  atomic.Bool
	flush  func(context.Context) error
}

// New reads the configuration that the Dapr CLI and the injector give an app: APP_PORT (0
// picks one), APP_HOST (127.0.0.1), DAPR_HTTP_PORT, DAPR_GRPC_PORT, DAPR_API_TOKEN, APP_API_TOKEN; LOG_LEVEL,
// and OTEL_EXPORTER_OTLP_ENDPOINT to export traces. public services take requests that did not
// come through the sidecar, so they ask for no app API token.
func New(id string, public bool, getenv func(string) string, stdout io.Writer) (*Service, error) {
	log, badLevel := newLogger(id, cmp.Or(getenv("LOG_LEVEL"), "info"), stdout)
	flush, badEndpoint := startTracing(id, getenv("OTEL_EXPORTER_OTLP_ENDPOINT"))
	sidecar, badPort := dapr.Dial("127.0.0.1", cmp.Or(getenv("DAPR_HTTP_PORT"), "3500"), cmp.Or(getenv("DAPR_GRPC_PORT"), "50001"), getenv("DAPR_API_TOKEN"))
	if err := errors.Join(badLevel, badEndpoint, badPort); err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s := &Service{
		ID: id, Router: mux.NewRouter(), Log: log, Registry: registry, Sidecar: sidecar, getenv: getenv, flush: flush,
		addr: net.JoinHostPort(cmp.Or(getenv("APP_HOST"), "127.0.0.1"), cmp.Or(getenv("APP_PORT"), "8080")),
	}
	s.Router.Use(observe(registry))
	if !public {
		s.Router.Use(requireToken(getenv("APP_API_TOKEN")))
	}
	s.Router.NotFoundHandler = Handler(func(http.ResponseWriter, *http.Request) error { return problem.New(problem.NotFound, "no such path") })
	s.Router.MethodNotAllowedHandler = Handler(func(http.ResponseWriter, *http.Request) error {
		return problem.New(problem.MethodNotAllowed, "this path does not know that method")
	})
	return s, nil
}

// Duration reads a setting such as 5s from the environment. What is wrong with it, Run answers.
func (s *Service) Duration(name string, standard time.Duration) time.Duration {
	text := s.getenv(name)
	if text == "" {
		return standard
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		s.wrong = errors.Join(s.wrong, fmt.Errorf("%s: %s: %q is not a duration above 0, such as 5s", s.ID, name, text))
	}
	return d
}

// OnStart adds work that must succeed before the service is ready; it is tried until it does.
func (s *Service) OnStart(do func(context.Context) error) { s.starts = append(s.starts, do) }

// Loop adds work that runs beside the requests, from when the service is ready until it stops; it must end when its context does.
func (s *Service) Loop(do func(context.Context)) { s.loops = append(s.loops, do) }

// Every adds work that is done when the service is ready and then again and again, interval apart. Its errors are logged.
func (s *Service) Every(interval time.Duration, what string, do func(context.Context) error) {
	s.Loop(func(ctx context.Context) {
		for tick := time.Tick(interval); ctx.Err() == nil; {
			if err := do(ctx); err != nil && ctx.Err() == nil {
				s.Log.WarnContext(ctx, "background work failed, it is tried again", "work", what, "error", err)
			}
			select {
			case <-ctx.Done():
			case <-tick:
			}
		}
	})
}

// Run serves until ctx ends, then stops in order: not ready, no new requests, finish those
// under way (35 s at most, longer than any Prefer: wait), stop background work, flush.
func (s *Service) Run(ctx context.Context) error {
	if s.wrong != nil {
		return s.wrong
	}
	listener, err := net.Listen("tcp", s.addr)
	if err != nil {
		return fmt.Errorf("%s: %w", s.ID, err)
	}
	server := &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 60 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn),
	}
	s.Log.Info("listening", "address", listener.Addr().String())
	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBackground()
	var work sync.WaitGroup
	work.Go(func() { s.start(background, &work) })
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("%s: %w", s.ID, err)
	case <-ctx.Done():
	}
	s.ready.Store(false)
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 35*time.Second)
	defer cancel()
	err = server.Shutdown(stopping)
	stopBackground()
	work.Wait()
	err = errors.Join(err, s.flush(stopping), s.Sidecar.Close())
	s.Log.Info("stopped")
	return err
}

// start tries each start until it succeeds, then begins the background work.
func (s *Service) start(ctx context.Context, work *sync.WaitGroup) {
	for _, start := range append([]func(context.Context) error{s.Sidecar.Ready}, s.starts...) {
		for pause := 50 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
			err := start(ctx)
			if err == nil {
				break
			}
			s.Log.Debug("not ready yet", "error", err)
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return
			}
		}
	}
	for _, loop := range s.loops {
		work.Go(func() { loop(ctx) })
	}
	s.ready.Store(true)
	s.Log.Info("ready")
}

func (s *Service) handler() http.Handler {
	outer := http.NewServeMux()
	outer.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_ = problem.WriteJSON(w, http.StatusOK, map[string]string{"status": "alive"})
	})
	outer.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !s.ready.Load() {
			problem.Write(w, problem.New(problem.Unavailable, "starting or stopping"))
			return
		}
		_ = problem.WriteJSON(w, http.StatusOK, map[string]string{"status": "ready"})
	})
	outer.Handle("GET /metrics", promhttp.HandlerFor(s.Registry, promhttp.HandlerOpts{}))
	outer.Handle("/", s.Router)
	return outer
}

// Main runs a service until SIGINT or SIGTERM and is its exit code: 0 when it stopped in order.
func Main(run func(ctx context.Context, getenv func(string) string, stdout io.Writer) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Getenv, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
