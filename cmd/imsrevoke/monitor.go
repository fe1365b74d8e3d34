package main

import (
	"log/slog"
	"time"

	"imsrevoke/report"
)

// A monitor tells those who watch over a scheduled job how it went. It never
// changes how the job ends: what cannot be told is logged as a warning. A nil
// monitor tells nobody.
type monitor struct {
	verb    string
	options *runOptions
	log     *slog.Logger
	began   time.Time
	summary *summary // of a job that came so far as to have one
}

// monitored does the job of a verb under the eyes of its monitor. A dry run is
// not the job, and is not told of.
func (c *cli) monitored(verb string, o *runOptions, job func(*cli) error) error {
	if o.dryRun || o.metrics == "" {
		return job(c)
	}
	ours := *c
	ours.monitor = &monitor{verb: verb, options: o, log: c.logger(o.logLevel.word, o.logFormat.word), began: time.Now()}
	err := job(&ours)
	ours.monitor.ended(exitCode(err))
	return err
}

// concluded takes the summary of the job.
func (m *monitor) concluded(s *summary) {
	if m != nil {
		m.summary = s
	}
}

// ended tells how the job has ended. One that found the lock taken is not told
// of: the run that holds the lock tells of itself.
func (m *monitor) ended(code int) {
	if code == exitLocked {
		return
	}
	if err := m.metrics(code).WriteFile(m.options.metrics); err != nil {
		m.log.Warn("the metrics cannot be written", "file", m.options.metrics, "error", err)
	}
}

// metrics are what is known of a job that has ended. One without a summary has
// sent nothing, unless the report could not be kept.
func (m *monitor) metrics(code int) *report.Metrics {
	told := &report.Metrics{Verb: m.verb, Version: programVersion(), ExitCode: code}
	if s := m.summary; s != nil {
		told.Finished, told.Duration = s.Finished, s.Finished.Sub(s.Started)
		told.Outcomes, told.Requests = s.Outcomes, s.counts
		return told
	}
	told.Finished, told.Duration = time.Now(), time.Since(m.began)
	told.Unknown = code == exitRecord
	return told
}
