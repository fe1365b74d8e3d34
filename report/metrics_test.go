package report

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"imsrevoke/batch"
)

func writeMetrics(t *testing.T, path string, m *Metrics) string {
	t.Helper()
	if err := m.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(string(text)))
	if err != nil || len(families) == 0 {
		t.Fatalf("%v in:\n%s", err, text)
	}
	task := strings.ToValidUTF8(strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), "?")
	for name, family := range families {
		if family.GetType() != dto.MetricType_GAUGE || family.GetHelp() == "" || len(family.GetMetric()) == 0 {
			t.Errorf("%s is no gauge with help and samples in:\n%s", name, text)
		}
		for _, metric := range family.GetMetric() {
			if !slices.ContainsFunc(metric.GetLabel(), func(l *dto.LabelPair) bool { return l.GetName() == "task" && l.GetValue() == task }) {
				t.Errorf("%s is not of the task %q: %v", name, task, metric)
			}
		}
	}
	return string(text)
}

func TestMetricsKeepTheLastSuccess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.prom")
	success := func(text string) string {
		_, rest, _ := strings.Cut(text, `imsrevoke_last_success_timestamp_seconds{task="m"} `)
		value, _, _ := strings.Cut(rest, "\n")
		return value
	}
	first := noon.Add(time.Hour)
	for _, tt := range []struct {
		name string
		run  Metrics
		want string
	}{
		{"none before the first success", Metrics{ExitCode: 2, Finished: noon}, "0"},
		{"the first success", Metrics{ExitCode: 0, Finished: first}, "1.795438800001e+09"},
		{"kept by a failure", Metrics{ExitCode: 3, Finished: noon.Add(2 * time.Hour)}, "1.795438800001e+09"},
		{"kept by one without a report", Metrics{ExitCode: 5, Unknown: true, Finished: noon.Add(3 * time.Hour)}, "1.795438800001e+09"},
		{"the next success", Metrics{ExitCode: 0, Finished: noon.Add(4 * time.Hour)}, "1.795449600001e+09"},
	} {
		if got := success(writeMetrics(t, path, &tt.run)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestMetricsOfOddFiles: a file is named by a person, and its name is a label.
func TestMetricsOfOddFiles(t *testing.T) {
	dir := t.TempDir()
	for name, label := range map[string]string{
		"plain":          `task="plain"`,
		"two.dots.prom":  `task="two.dots"`,
		`a"b\c.prom`:     `task="a\"b\\c"`,
		"离职.prom":        `task="离职"`,
		"bad\xff.prom":   `task="bad?"`,
		"two\nlines":     `task="two\nlines"`,
		`{x="y"} 7.prom`: `task="{x=\"y\"} 7"`,
	} {
		m := &Metrics{Verb: "run", Version: "v1", Finished: noon, Outcomes: map[batch.Outcome]int{batch.Revoked: 3}}
		path := filepath.Join(dir, name)
		if text := writeMetrics(t, path, m); !strings.Contains(text, label) {
			t.Errorf("%q: no label %s in:\n%s", name, label, text)
		}
		if at, err := lastSuccessIn(path); at != seconds(noon) || err != nil {
			t.Errorf("%q: the last success is read as %v, %v", name, at, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 7 {
		t.Errorf("%d files, want 7: %v", len(entries), err)
	}
}

// TestMetricsOfADamagedFile: what a power cut has left of a file is no reason
// to write over something that may be somebody's, unless there is nothing in it.
func TestMetricsOfADamagedFile(t *testing.T) {
	dir := t.TempDir()
	ours := (&Metrics{}).text("m", 0)
	for name, text := range map[string]string{
		"zeros":    strings.Repeat("\x00", 100),
		"prose":    "dear diary\n",
		"csv":      "image_id,member_id\na,b\n",
		"a name":   metricsPrefix + lastSuccess + "\n",
		"no value": metricsPrefix + lastSuccess + "{task=\"m\"} \n",
		"cut":      ours[:len(ours)-len("0\n")],
		"theirs":   "# HELP node_boots Boots.\n# TYPE node_boots counter\nnode_boots{task=\"m\"} 1\n",
		"also":     ours + "node_boots{task=\"m\"} 1\n",
		"remark":   ours + "# by hand\n",
		"endless":  ours + metricsPrefix + strings.Repeat("x", 1<<20),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := (&Metrics{}).WriteFile(path)
		if err == nil || !strings.Contains(err.Error(), "left unchanged") {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%s is changed: %q, %v", name, got, err)
		}
	}
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	writeMetrics(t, empty, &Metrics{})
}
