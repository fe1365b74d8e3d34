// Package notify tells those who watch over a scheduled job how it goes.
package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"imsrevoke/batch"
	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/version"
	"imsrevoke/report"
)

// Targets says who is told how a job goes: by a file of metrics, and by pings
// of a URL. What is empty is not told.
type Targets struct{ Metrics, Ping string }

// A Monitor tells those who watch over a scheduled job how it goes: Prometheus
// by a file of metrics, and a service that misses the job by pings. It never
// changes how the job ends: what cannot be told is logged as a warning. A nil
// monitor tells nobody.
type Monitor struct {
	Targets
	verb string
	// success says what it means that the job ends with 0.
	success string
	log     *slog.Logger
	pinger  *pinger
	began   time.Time
	summary Summary // of a job that came so far as to have one
	// mayWrite says why the file of metrics must not be written.
	mayWrite func() error
}

// An Summary is what is known of a job that has ended.
type Summary interface {
	// Message is what may be told to a service outside: numbers, and neither ids
	// nor what servers and files say.
	Message() string
	// Count puts the numbers into metrics; it reports whether there are any.
	Count(*report.Metrics) bool
}

// New returns the monitor of a job, nil when nobody is to be told.
// mayWrite says why the file of metrics must not be written.
func New(to Targets, verb, success string, mayWrite func() error, log *slog.Logger) *Monitor {
	if to == (Targets{}) {
		return nil
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true // a few pings, far apart
	// Over HTTP/2 net/http would repeat a ping by itself.
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetHTTP1(true)
	return &Monitor{
		Targets:  to,
		verb:     verb,
		success:  success,
		log:      log,
		pinger:   newPinger(to.Ping, transport, log),
		began:    time.Now(),
		mayWrite: mayWrite,
	}
}

// Start is told when the first request of the job is near.
func (m *Monitor) Start(ctx context.Context) {
	if m != nil {
		m.pinger.start(ctx)
	}
}

// GuardMetrics takes what decides whether the metrics may be written, once the other
// files of the job are known.
func (m *Monitor) GuardMetrics(mayWrite func() error) {
	if m != nil {
		m.mayWrite = mayWrite
	}
}

// SetSummary takes what is known of the job.
func (m *Monitor) SetSummary(s Summary) {
	if m != nil {
		m.summary = s
	}
}

// End tells how the job has ended. One that found the lock taken is not told
// of: the run that holds the lock tells of itself.
func (m *Monitor) End(ctx context.Context, code int, err error) {
	if m == nil || code == exit.Locked {
		return
	}
	if path := m.Metrics; path != "" {
		if err := m.writeMetrics(code); err != nil {
			m.log.Warn("cannot write the metrics", "file", path, "error", err)
		}
	}
	m.pinger.end(ctx, code, m.message(code, err))
}

// writeMetrics writes the metrics, unless that would touch another file.
func (m *Monitor) writeMetrics(code int) error {
	if err := m.mayWrite(); err != nil {
		return err
	}
	return m.metrics(code).WriteFile(m.Metrics)
}

// metrics are what is known of a job that has ended. One without a report has
// sent nothing, unless the report could not be written.
func (m *Monitor) metrics(code int) *report.Metrics {
	metrics := &report.Metrics{Verb: m.verb, Version: version.Program(), ExitCode: code}
	if m.summary == nil || !m.summary.Count(metrics) {
		metrics.Finished, metrics.Duration = time.Now(), time.Since(m.began)
		metrics.Unknown = code == exit.Record
	}
	return metrics
}

// message is what is told to a service outside: how the job ended, and numbers.
// Neither ids nor what servers and files say go there.
func (m *Monitor) message(code int, err error) string {
	var b strings.Builder
	fmt.Fprintf(&b, "imsrevoke %s %s: exit code %d, %s\n", version.Program(), m.verb, code, m.endInWords(code, err))
	if m.summary != nil {
		b.WriteString(m.summary.Message())
	}
	return b.String()
}

// endInWords is why the job ended, in words that hold nothing of the job.
func (m *Monitor) endInWords(code int, err error) string {
	switch code {
	case exit.Settled:
		return m.success
	case exit.Unsettled, exit.Stopped:
		return exit.Reason(err).Error()
	case exit.Credentials:
		return batch.ErrUnauthorized.Error()
	case exit.Record:
		if errors.Is(err, exit.ErrRecord) || errors.Is(err, batch.ErrRecorder) {
			return exit.ErrRecord.Error()
		}
		return "an error, see standard error"
	case exit.Usage:
		return "nothing was sent, see standard error"
	}
	return "interrupted"
}
