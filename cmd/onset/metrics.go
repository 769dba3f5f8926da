package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/sourcegraph/conc"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/evaluators"
	"github.com/onset-eval/onset/evaluators/runlog"
	"github.com/onset-eval/onset/evaluators/runner"
)

// runMetrics serves a run's counts to Prometheus while it lasts.
type runMetrics struct {
	set    *metrics.Set
	server *http.Server
	wait   conc.WaitGroup
}

var _ runner.Observer = (*runMetrics)(nil)

// serveMetrics serves a run's metrics at addr's /metrics, and says where on stderr.
func serveMetrics(ctx context.Context, a *app, addr string, total int64, s *spending, live *liveModel) (*runMetrics, error) {
	l, err := listen(ctx, addr)
	if err != nil {
		return nil, err
	}
	m := &runMetrics{set: metrics.NewSet()}
	m.set.NewGauge("onset_samples_planned", func() float64 { return float64(total) })
	m.set.NewGauge("onset_spent_usd", func() float64 { return s.meter.Spent() })
	m.set.NewGauge("onset_budget_usd", func() float64 { return s.meter.Budget() })
	m.set.NewGauge("onset_requests_answered_total", func() float64 { return float64(s.meter.Total().Requests) })
	for kind, of := range map[string]func() int64{
		"prompt":    func() int64 { return s.meter.Total().Usage.Prompt },
		"cached":    func() int64 { return s.meter.Total().Usage.Cached },
		"generated": func() int64 { return s.meter.Total().Usage.Completion },
		"reasoning": func() int64 { return s.meter.Total().Usage.Reasoning },
	} {
		m.set.NewGauge(fmt.Sprintf("onset_tokens_total{type=%q}", kind), func() float64 { return float64(of()) })
	}
	for name, of := range map[string]func(backends.Stats) float64{
		"onset_connections_level":     func(st backends.Stats) float64 { return float64(st.Level) },
		"onset_connections_in_flight": func(st backends.Stats) float64 { return float64(st.InFlight) },
		"onset_connections_waiting":   func(st backends.Stats) float64 { return float64(st.Waiting) },
		"onset_calls_sent_total":      func(st backends.Stats) float64 { return float64(st.Sent) },
		"onset_calls_refused_total":   func(st backends.Stats) float64 { return float64(st.Refused) },
		"onset_calls_failed_total":    func(st backends.Stats) float64 { return float64(st.Failed) },
		"onset_calls_retried_total":   func(st backends.Stats) float64 { return float64(st.Retried) },
	} {
		m.set.NewGauge(name, func() float64 {
			st, _ := live.stats()
			return of(st)
		})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		m.set.WritePrometheus(w)
		metrics.WriteProcessMetrics(w)
	})
	m.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	m.wait.Go(func() {
		if err := m.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintf(a.stderr, "onset: metrics are no longer served: %v\n", err)
		}
	})
	fmt.Fprintf(a.stderr, "onset: metrics at http://%s/metrics\n", l.Addr())
	return m, nil
}

// close ends the serving; nil may be closed.
func (m *runMetrics) close() error {
	if m == nil {
		return nil
	}
	err := m.server.Close()
	m.wait.Wait()
	return err
}

// ModelStarted counts the models of the run that were begun.
func (m *runMetrics) ModelStarted(model backends.Model, _ backends.Info) {
	m.set.GetOrCreateCounter(fmt.Sprintf("onset_models_started_total{model=%q}", model.Name)).Inc()
}

// Skipped counts records that were there before.
func (m *runMetrics) Skipped(n int) { m.set.GetOrCreateCounter("onset_samples_skipped_total").Add(n) }

// Recorded counts a record by model, task and the outcome of its first score, its attempts and its time.
func (m *runMetrics) Recorded(r *runlog.Record) {
	outcome := string(evaluators.Failed)
	if len(r.Scores) > 0 {
		outcome = string(r.Scores[0].Outcome)
	}
	m.set.GetOrCreateCounter(fmt.Sprintf("onset_samples_total{model=%q,task=%q,outcome=%q}", r.Model, r.Task, outcome)).Inc()
	m.set.GetOrCreateCounter("onset_attempts_total").Add(r.Attempts)
	if r.Error != nil {
		m.set.GetOrCreateCounter(fmt.Sprintf("onset_errors_total{kind=%q}", r.Error.Kind)).Inc()
	}
	for _, resp := range r.Responses {
		if resp.Cached {
			m.set.GetOrCreateCounter("onset_responses_cached_total").Inc()
		}
	}
	m.set.GetOrCreateHistogram("onset_sample_duration_seconds").Update(r.Latency.Seconds())
}

// observers tells several of a run.
type observers []runner.Observer

func (all observers) ModelStarted(m backends.Model, info backends.Info) {
	for _, o := range all {
		o.ModelStarted(m, info)
	}
}

func (all observers) Recorded(r *runlog.Record) {
	for _, o := range all {
		o.Recorded(r)
	}
}

func (all observers) Skipped(n int) {
	for _, o := range all {
		o.Skipped(n)
	}
}
