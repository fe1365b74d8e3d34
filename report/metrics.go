package report

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"imsrevoke/batch"
)

// Metrics are the Prometheus metrics of the last run of a scheduled job, in a file for
// the textfile collector of node_exporter. No label names an image or a member, since
// labels should have few values.
type Metrics struct {
	// Verb is the command, Version the version of the program.
	Verb, Version string
	// Finished is when the run ended, Duration how long it took.
	Finished time.Time
	Duration time.Duration
	// ExitCode is the exit code of the run; 0 is a success.
	ExitCode int
	// Unknown says that there is no report to count. Outcomes and Requests are left out
	// then.
	Unknown bool
	// Outcomes counts the rows of the report by outcome; Unsettled is how many of
	// them are not settled, AlsoShared how many images are also shared with
	// accounts or organizations.
	Outcomes              map[batch.Outcome]int
	Unsettled, AlsoShared int
	// Requests counts the requests of the run.
	Requests batch.Summary
	// List is set for a list instead of the outcomes, and nil for other commands.
	List *ListCounts
}

// ListCounts are the numbers of a list of shares.
type ListCounts struct {
	// Images counts the images by their state: see ImageStates.
	Images map[ImageState]int
	// Shares counts the shares that were found, Listed those in the list, and Unused the
	// entries of allow lists that match none of them.
	Shares, Listed, Unused int
}

// An ImageState says how much of the member list of an image could be read.
type ImageState string

// The states of images.
const (
	// ImageRead: the whole member list was read.
	ImageRead ImageState = "read"
	// ImageNotShared: the image has no members, because it is not of the shared kind.
	ImageNotShared ImageState = "not_shared"
	// ImageDeleted: the image was deleted during the run.
	ImageDeleted ImageState = "deleted"
	// ImageUnread: the list could not be read, or not all of it.
	ImageUnread ImageState = "unread"
)

// ImageStates lists all states.
func ImageStates() []ImageState {
	return []ImageState{ImageRead, ImageNotShared, ImageDeleted, ImageUnread}
}

// Each name of a metric begins with metricsPrefix.
const (
	metricsPrefix = "imsrevoke_"
	lastSuccess   = "last_success_timestamp_seconds"
)

// WriteFile writes the metrics to path. Everybody can read the file, which appears whole
// or not at all. If this run was not a success, the time of the last one is taken from
// the existing file. It is an error if that holds anything but such metrics; it is left
// unchanged then.
func (m *Metrics) WriteFile(path string) error {
	success, err := lastSuccessIn(path)
	if err != nil {
		return err
	}
	if m.ExitCode == 0 {
		success = seconds(m.Finished)
	}
	// node_exporter refuses two files with the same series. The name of the file is
	// unique in its directory.
	task := strings.ToValidUTF8(strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), "?")
	text := m.text(task, success)
	return replaceFile(path, "metrics", everybody, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

// text returns the metrics. All are gauges, not counters, because each run starts at 0
// again.
func (m *Metrics) text(task string, success float64) string {
	w := metricsText{task: task}
	w.family("info", "Always 1; the labels say what was run, and by which version of imsrevoke.")
	w.sample("info", 1, label("verb", m.Verb), label("version", m.Version))
	w.gauge(lastSuccess, "Time of the last run that ended with exit code 0; 0 if there was none.", success)
	w.gauge("last_run_timestamp_seconds", "Time when the last run ended.", seconds(m.Finished))
	w.gauge("last_run_duration_seconds", "How long the last run took, without the time between its parts if it was resumed.", m.Duration.Seconds())
	w.gauge("last_run_exit_code", "The exit code of the last run.", float64(m.ExitCode))
	if m.Unknown {
		return w.String()
	}
	if m.List != nil {
		m.List.write(&w)
	} else {
		m.writeRows(&w)
	}
	w.gauge("last_run_requests", "Requests of the last run, of all its parts if it was resumed; every attempt and every read counts.", float64(m.Requests.Requests))
	w.gauge("last_run_retries", "Requests of the last run that retried an earlier one.", float64(m.Requests.Retries))
	w.gauge("last_run_throttled", "Requests of the last run that were answered with 429, too many requests.", float64(m.Requests.Throttled))
	return w.String()
}

// writeRows writes the outcomes of the rows of a run.
func (m *Metrics) writeRows(w *metricsText) {
	w.family("last_run_rows", "The rows of the last run's report, by outcome.")
	for _, o := range batch.Outcomes() {
		w.sample("last_run_rows", float64(m.Outcomes[o]), label("outcome", string(o)))
	}
	w.gauge("last_run_unsettled_rows", "The rows of the last run's report that are not settled.", float64(m.Unsettled))
	w.gauge("last_run_also_shared_images", "The images of the last run that are also shared with accounts or organizations.", float64(m.AlsoShared))
}

func (c *ListCounts) write(w *metricsText) {
	w.family("last_run_images", "The images of the last list, by what is known of their members.")
	for _, state := range ImageStates() {
		w.sample("last_run_images", float64(c.Images[state]), label("state", string(state)))
	}
	w.gauge("last_run_shares", "The shares of the images whose member lists were read.", float64(c.Shares))
	w.gauge("last_run_listed_shares", "Shares in the last list.", float64(c.Listed))
	w.gauge("last_run_unused_entries", "The entries of the allow lists that match no share.", float64(c.Unused))
}

// A metricsText is metrics in the text format of Prometheus, each with the label task:
// https://prometheus.io/docs/instrumenting/exposition_formats/. The client library would
// make each start of the program a quarter longer, even without metrics.
type metricsText struct {
	strings.Builder
	task string
}

// gauge adds a gauge with one sample.
func (w *metricsText) gauge(name, help string, value float64) {
	w.family(name, help)
	w.sample(name, value)
}

// family starts a gauge, whose samples come next. The help is one line without
// backslashes.
func (w *metricsText) family(name, help string) {
	fmt.Fprintf(w, "# HELP %[1]s%[2]s %[3]s\n# TYPE %[1]s%[2]s gauge\n", metricsPrefix, name, help)
}

// sample adds a sample with these labels.
func (w *metricsText) sample(name string, value float64, labels ...string) {
	labels = append(labels, label("task", w.task))
	slices.Sort(labels)
	fmt.Fprintf(w, "%s%s{%s} %s\n", metricsPrefix, name, strings.Join(labels, ","), strconv.FormatFloat(value, 'g', -1, 64))
}

func label(name, value string) string { return name + `="` + labelEscaper.Replace(value) + `"` }

var labelEscaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// seconds returns a time in seconds since 1970.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// lastSuccessIn returns the time of the last success from the file of an earlier run, 0
// if there is no such file.
func lastSuccessIn(path string) (float64, error) {
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil
	case err != nil:
		return 0, err
	case !info.Mode().IsRegular():
		return 0, fmt.Errorf("%s is not a regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	var success float64
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		name, value, ok := parseMetric(lines.Text())
		if !ok {
			return 0, fmt.Errorf("%s exists, and its line %d is not a metric of imsrevoke; it was left unchanged", path, n)
		}
		if name == lastSuccess {
			success = value
		}
	}
	if err := lines.Err(); err != nil {
		return 0, fmt.Errorf("%s exists and cannot be read as metrics; it was left unchanged: %w", path, err)
	}
	return success, nil
}

// parseMetric reads a line of a metricsText. The name is empty for a comment; ok is false
// for any other line.
func parseMetric(line string) (name string, value float64, ok bool) {
	for _, comment := range []string{"# HELP ", "# TYPE "} {
		if rest, ok := strings.CutPrefix(line, comment); ok {
			return "", 0, strings.HasPrefix(rest, metricsPrefix)
		}
	}
	end := strings.LastIndex(line, "} ")
	if end < 0 || !strings.HasPrefix(line, metricsPrefix) {
		return "", 0, false
	}
	name, _, labelled := strings.Cut(line[len(metricsPrefix):end], "{")
	value, err := strconv.ParseFloat(line[end+len("} "):], 64)
	return name, value, labelled && err == nil
}
