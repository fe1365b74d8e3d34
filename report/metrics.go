package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"imsrevoke/batch"
)

// Metrics are what is told to Prometheus of the last run of a scheduled job, in
// a file for the textfile collector of its node_exporter. Nothing in it names
// an image or a member: labels are for what has few values.
type Metrics struct {
	// Verb is what was run, Version the version of the program.
	Verb, Version string
	// Finished is when the run ended, Duration how long it took.
	Finished time.Time
	Duration time.Duration
	// ExitCode is what the run ended with; 0 is a success.
	ExitCode int
	// Unknown says that there is no report to count: Outcomes and Requests mean
	// nothing and are left out.
	Unknown bool
	// Outcomes counts the rows of the report by outcome.
	Outcomes map[batch.Outcome]int
	// Requests counts the requests of the run.
	Requests batch.Summary
}

const (
	metricsPrefix     = "imsrevoke_"
	lastSuccessMetric = metricsPrefix + "last_success_timestamp_seconds"
)

// WriteFile writes the metrics to path, where everybody can read them. The file
// appears whole or not at all. From the file of an earlier run the time of the
// last success is taken over when this run was none. A file that holds anything
// but such metrics is left alone, and that is an error.
func (m *Metrics) WriteFile(path string) error {
	success, err := lastSuccess(path)
	if err != nil {
		return err
	}
	if m.ExitCode == 0 {
		success = seconds(m.Finished)
	}
	registry := prometheus.NewRegistry()
	// A node_exporter refuses two files with the same series, and file names in
	// one folder differ.
	task := strings.ToValidUTF8(strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), "?")
	m.register(prometheus.WrapRegistererWith(prometheus.Labels{"task": task}, registry), success)
	return prometheus.WriteToTextfile(path, registry)
}

// register makes one gauge of each number. They are no counters, because each
// run begins again at 0.
func (m *Metrics) register(r prometheus.Registerer, success float64) {
	gauge := func(name, help string, value float64) {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
		g.Set(value)
		r.MustRegister(g)
	}
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: metricsPrefix + "info",
		Help: "Always 1; the labels say what was run, and by which version of imsrevoke.",
	}, []string{"verb", "version"})
	info.WithLabelValues(m.Verb, m.Version).Set(1)
	r.MustRegister(info)
	gauge(lastSuccessMetric, "When the last run ended that ended with exit code 0; 0 when none has.", success)

	const last = metricsPrefix + "last_run_"
	gauge(last+"timestamp_seconds", "When the last run ended.", seconds(m.Finished))
	gauge(last+"duration_seconds", "How long the last run took.", m.Duration.Seconds())
	gauge(last+"exit_code", "The exit code of the last run.", float64(m.ExitCode))
	if m.Unknown {
		return
	}
	rows := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: last + "rows",
		Help: "The rows of the last run's report, by outcome.",
	}, []string{"outcome"})
	for _, o := range batch.Outcomes() {
		rows.WithLabelValues(string(o)).Set(float64(m.Outcomes[o]))
	}
	r.MustRegister(rows)
	gauge(last+"requests", "The requests of the last run, every attempt and every read counted.", float64(m.Requests.Requests))
	gauge(last+"retries", "Those of the last run's requests that tried again what an earlier one had not settled.", float64(m.Requests.Retries))
	gauge(last+"throttled", "Those of the last run's requests that were answered by 429, too many requests.", float64(m.Requests.Throttled))
}

// seconds is a time in the seconds of Prometheus.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// lastSuccess is the time of the last success that the file of an earlier run
// tells, 0 when there is no such file.
func lastSuccess(path string) (float64, error) {
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil
	case err != nil:
		return 0, err
	case !info.Mode().IsRegular():
		return 0, fmt.Errorf("%s is no regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(file)
	if err != nil {
		return 0, fmt.Errorf("%s is there and holds no metrics, and is left alone: %w", path, err)
	}
	for name := range families {
		if !strings.HasPrefix(name, metricsPrefix) {
			return 0, fmt.Errorf("%s is there and holds somebody else's metrics, %s, and is left alone", path, name)
		}
	}
	for _, metric := range families[lastSuccessMetric].GetMetric() {
		return metric.GetGauge().GetValue(), nil
	}
	return 0, nil
}
