package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
	if _, err := parser.TextToMetricFamilies(strings.NewReader(string(text))); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
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
		"plain":         `task="plain"`,
		"two.dots.prom": `task="two.dots"`,
		`a"b\c.prom`:    `task="a\"b\\c"`,
		"离职.prom":       `task="离职"`,
		"bad\xff.prom":  `task="bad?"`,
	} {
		m := &Metrics{Verb: "run", Version: "v1", Outcomes: map[batch.Outcome]int{batch.Revoked: 3}}
		if text := writeMetrics(t, filepath.Join(dir, name), m); !strings.Contains(text, label) {
			t.Errorf("%q: no label %s in:\n%s", name, label, text)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 5 {
		t.Errorf("%d files, want 5: %v", len(entries), err)
	}
}

// TestMetricsOfADamagedFile: what a power cut has left of a file is no reason
// to write over something that may be somebody's, unless there is nothing in it.
func TestMetricsOfADamagedFile(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"zeros": strings.Repeat("\x00", 100), "prose": "dear diary\n", "csv": "image_id,member_id\na,b\n"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := (&Metrics{}).WriteFile(path)
		if err == nil || !strings.Contains(err.Error(), "left alone") {
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
