package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"imsrevoke/batch"
	"imsrevoke/report"
)

// Monitoring says who is told how a job goes: by a file of metrics, and by pings
// of a URL. What is empty is not told.
type Monitoring struct{ Metrics, Ping string }

// A monitor tells those who watch over a scheduled job how it goes: Prometheus
// by a file of metrics, and a service that misses the job by pings. It never
// changes how the job ends: what cannot be told is logged as a warning. A nil
// monitor tells nobody.
type monitor struct {
	Monitoring
	verb string
	// success says what it means that the job ends with 0.
	success string
	log     *slog.Logger
	pinger  *pinger
	began   time.Time
	summary Outcome // of a job that came so far as to have one
	// mayWrite says why the file of metrics must not be written.
	mayWrite func() error
}

// An Outcome is what is known of a job that has ended.
type Outcome interface {
	// Message is what may be told to a service outside: numbers, and neither ids
	// nor what servers and files say.
	Message() string
	// Count puts the numbers into metrics; it reports whether there are any.
	Count(*report.Metrics) bool
}

// newMonitor returns the monitor of a job, nil when nobody is to be told.
// mayWrite says why the file of metrics must not be written.
func newMonitor(to Monitoring, verb, success string, mayWrite func() error, log *slog.Logger) *monitor {
	if to == (Monitoring{}) {
		return nil
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true // a few pings, far apart
	// Over HTTP/2 net/http would repeat a ping by itself.
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetHTTP1(true)
	return &monitor{
		Monitoring: to,
		verb:       verb,
		success:    success,
		log:        log,
		pinger:     newPinger(to.Ping, transport, log),
		began:      time.Now(),
		mayWrite:   mayWrite,
	}
}

// begins is told when the first request of the job is near.
func (m *monitor) begins(ctx context.Context) {
	if m != nil {
		m.pinger.begin(ctx)
	}
}

// decidesBy takes what decides whether the metrics may be written, once the other
// files of the job are known.
func (m *monitor) decidesBy(mayWrite func() error) {
	if m != nil {
		m.mayWrite = mayWrite
	}
}

// concluded takes what is known of the job.
func (m *monitor) concluded(s Outcome) {
	if m != nil {
		m.summary = s
	}
}

// ended tells how the job has ended. One that found the lock taken is not told
// of: the run that holds the lock tells of itself.
func (m *monitor) ended(ctx context.Context, code int, err error) {
	if m == nil || code == exitLocked {
		return
	}
	if path := m.Metrics; path != "" {
		if err := m.writeMetrics(code); err != nil {
			m.log.Warn("the metrics cannot be written", "file", path, "error", err)
		}
	}
	m.pinger.end(ctx, code, m.message(code, err))
}

// writeMetrics writes the metrics, unless that would touch another file.
func (m *monitor) writeMetrics(code int) error {
	if err := m.mayWrite(); err != nil {
		return err
	}
	return m.metrics(code).WriteFile(m.Metrics)
}

// metrics are what is known of a job that has ended. One without a report has
// sent nothing, unless the report could not be written.
func (m *monitor) metrics(code int) *report.Metrics {
	told := &report.Metrics{Verb: m.verb, Version: programVersion(), ExitCode: code}
	if m.summary == nil || !m.summary.Count(told) {
		told.Finished, told.Duration = time.Now(), time.Since(m.began)
		told.Unknown = code == exitRecord
	}
	return told
}

// message is what is told to a service outside: how the job ended, and numbers.
// Neither ids nor what servers and files say go there.
func (m *monitor) message(code int, err error) string {
	var b strings.Builder
	fmt.Fprintf(&b, "imsrevoke %s %s: exit code %d, %s\n", programVersion(), m.verb, code, m.endInWords(code, err))
	if m.summary != nil {
		b.WriteString(m.summary.Message())
	}
	return b.String()
}

// endInWords is why the job ended, in words that hold nothing of the job.
func (m *monitor) endInWords(code int, err error) string {
	switch code {
	case exitSettled:
		return m.success
	case exitUnsettled, exitStopped:
		return shortReason(err).Error()
	case exitCredentials:
		return batch.ErrUnauthorized.Error()
	case exitRecord:
		if errors.Is(err, errRecord) || errors.Is(err, batch.ErrRecorder) {
			return errRecord.Error()
		}
		return "an error; standard error says which"
	case exitUsage:
		return "nothing was sent; standard error says why"
	}
	return "interrupted"
}
