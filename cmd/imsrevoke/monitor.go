package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"imsrevoke/batch"
	"imsrevoke/report"
)

// A monitor tells those who watch over a scheduled job how it goes: Prometheus
// by a file of metrics, and a service that misses the job by pings. It never
// changes how the job ends: what cannot be told is logged as a warning. A nil
// monitor tells nobody.
type monitor struct {
	verb    string
	options *runOptions
	log     *slog.Logger
	pinger  *pinger
	began   time.Time
	summary *summary     // of a job that came so far as to have one
	list    *listSummary // of a list that did
	// exitCode is that of the program for an error.
	exitCode func(error) int
	// files are those of the job; nil when it did not come so far.
	files *files
}

// monitored does the job of a verb under the eyes of its monitor. A dry run is
// not the job, and is not told of.
func (c *cli) monitored(ctx context.Context, verb string, o *runOptions, job func(*cli) error) error {
	// A log or a summary that nobody reads any more must not end a run.
	signal.Ignore(syscall.SIGPIPE)
	if o.dryRun || o.metrics == "" && o.ping == "" {
		return job(c)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true // a few pings, far apart
	// Over HTTP/2 net/http would repeat a ping by itself.
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetHTTP1(true)
	log := c.logger(o.logLevel.word, o.logFormat.word)
	ours := *c
	ours.monitor = &monitor{
		verb:    verb,
		options: o,
		log:     log,
		pinger:  newPinger(o.ping, transport, log),
		began:   time.Now(),

		exitCode: c.exitCode,
	}
	err := job(&ours)
	ours.monitor.ended(ctx, err)
	return err
}

// begins is told when the first request of the job is near.
func (m *monitor) begins(ctx context.Context) {
	if m != nil {
		m.pinger.begin(ctx)
	}
}

// decidesBy takes what decides whether the metrics may be written.
func (m *monitor) decidesBy(f *files) {
	if m != nil {
		m.files = f
	}
}

// writeMetrics writes the metrics, unless that would touch another file.
func (m *monitor) writeMetrics(code int) error {
	f := m.files
	if f == nil {
		f = &files{outputs: &outputs{}}
		f.metricsFile = f.add(output{report.KindMetrics, m.options.metrics, "--metrics", true, ""})
	}
	if err := f.mayWrite(f.metricsFile); err != nil {
		return err
	}
	return m.metrics(code).WriteFile(m.options.metrics)
}

// concluded takes the summary of the job.
func (m *monitor) concluded(s *summary) {
	if m != nil {
		m.summary = s
	}
}

// ended tells how the job has ended. One that found the lock taken is not told
// of: the run that holds the lock tells of itself.
func (m *monitor) ended(ctx context.Context, err error) {
	code := m.exitCode(err)
	if code == exitLocked {
		return
	}
	if path := m.options.metrics; path != "" {
		if err := m.writeMetrics(code); err != nil {
			m.log.Warn("cannot write the metrics", "file", path, "error", err)
		}
	}
	m.pinger.end(ctx, code, m.message(code, err))
}

// metrics are what is known of a job that has ended. One without a report has
// sent nothing, unless the report could not be written.
func (m *monitor) metrics(code int) *report.Metrics {
	told := &report.Metrics{Verb: m.verb, Version: programVersion(), ExitCode: code}
	if s := m.summary; s != nil && s.tally != nil {
		told.Finished, told.Duration = s.Finished, s.took()
		told.Outcomes, told.Requests = s.Outcomes, s.counts
		told.Unsettled, told.AlsoShared = s.Rows-s.Settled, len(s.AlsoShared)
		return told
	}
	if s := m.list; s != nil {
		told.Finished, told.Duration = s.Finished, s.Finished.Sub(s.Started)
		told.List, told.Requests = s.listCounts(), s.counts
		return told
	}
	told.Finished, told.Duration = time.Now(), time.Since(m.began)
	told.Unknown = code == exitRecord
	return told
}

// message is what is told to a service outside: how the job ended, and numbers.
// Neither ids nor what servers and files say go there.
func (m *monitor) message(code int, err error) string {
	var b strings.Builder
	fmt.Fprintf(&b, "imsrevoke %s %s: exit code %d, %s\n", programVersion(), m.verb, code, endInWords(m.verb, code, err))
	switch {
	case m.summary != nil:
		b.WriteString(m.summary.numbers())
		if digest := m.summary.ReportDigest; digest != "" {
			fmt.Fprintf(&b, "SHA-256 of the report: %s\n", digest)
		}
	case m.list != nil:
		b.WriteString(m.list.numbers())
	}
	return b.String()
}

// endInWords is why a job ended, in words that hold nothing of the job.
func endInWords(verb string, code int, err error) string {
	switch code {
	case exitSettled, exitUnsettled, exitStopped:
		if verb == verbList {
			return listEnd(code, err)
		}
	}
	switch code {
	case exitSettled:
		return "every row is settled"
	case exitUnsettled:
		return errUnsettled.Error()
	case exitStopped:
		return shortReason(err).Error()
	case exitCredentials:
		return batch.ErrUnauthorized.Error()
	case exitRecord:
		if errors.Is(err, errRecord) || errors.Is(err, batch.ErrRecorder) {
			return errRecord.Error()
		}
		return "an error, see standard error"
	case exitUsage:
		return "nothing was sent, see standard error"
	}
	return "interrupted"
}
