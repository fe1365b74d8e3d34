//go:build !windows

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/rogpeppe/go-internal/testscript"
)

// metrics judges a file of metrics: that it is sound in the eyes of promtool's
// linter, that no image or member is named in it, and these of its numbers,
// rows by outcome and the others by the ends of their names. The last success
// is new, kept, or none.
func (s *script) metrics(ts *testscript.TestScript, args []string) {
	text := ts.ReadFile(args[0])
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	ts.Check(err)
	for _, p := range problems {
		ts.Fatalf("%s: %s: %s", args[0], p.Metric, p.Text)
	}
	s.namesNoPair(ts, args[0], text)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	ts.Check(err)
	got := metricNumbers(families)
	for _, arg := range args[1:] {
		name, want, _ := strings.Cut(arg, "=")
		if name == "success" {
			s.judgeSuccess(ts, args[0], got["last_success_timestamp_seconds"], want)
			continue
		}
		value, there := got[name]
		switch {
		case want == "unknown" && there:
			ts.Fatalf("%s is %v, want it left out", name, value)
		case want != "unknown" && !there:
			ts.Fatalf("there is no metric %s", name)
		case want != "unknown":
			judge(ts, name, int(value), want)
		}
	}
}

// metricNumbers are the values of metrics by the ends of their names; those of
// rows by outcome, and those of images by state.
func metricNumbers(families map[string]*dto.MetricFamily) map[string]float64 {
	numbers := make(map[string]float64)
	for name, family := range families {
		name = strings.TrimPrefix(strings.TrimPrefix(name, "imsrevoke_"), "last_run_")
		for _, metric := range family.GetMetric() {
			key := name
			for _, label := range metric.GetLabel() {
				if label.GetName() == "outcome" || label.GetName() == "state" {
					key = label.GetValue()
				}
			}
			numbers[key] = metric.GetGauge().GetValue()
		}
	}
	return numbers
}

// judgeSuccess compares the time of the last success with what the same file
// told before.
func (s *script) judgeSuccess(ts *testscript.TestScript, file string, at float64, want string) {
	is, before := "new", s.succeeded[file]
	switch at {
	case 0:
		is = "none"
	case before:
		is = "kept"
	}
	if is != want {
		ts.Fatalf("the last success is %s (%.3f, before %.3f), want %s", is, at, before, want)
	}
	s.succeeded[file] = at
}

// namesNoPair fails the script when the text holds an id of a pair.
func (s *script) namesNoPair(ts *testscript.TestScript, name, text string) {
	for _, p := range s.running(ts).pairs {
		if strings.Contains(text, p.ImageID) || strings.Contains(text, p.MemberID) {
			ts.Fatalf("%s names the pair %v", name, p)
		}
	}
}

// A scriptWatcher is a service that takes pings.
type scriptWatcher struct {
	mu    sync.Mutex
	pings []string // the paths, without the run ids
	runs  map[string]bool
	texts []string
}

func (w *scriptWatcher) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pings = append(w.pings, strings.TrimPrefix(r.URL.Path, watcherPath))
	w.runs[r.URL.Query().Get("rid")] = true
	w.texts = append(w.texts, string(text))
}

// watcherPath is a secret.
const watcherPath = "/ping/5f1b2c3d-the-secret-of-the-check"

func (s *script) startWatcher(ts *testscript.TestScript, _ []string) {
	s.watcher = &scriptWatcher{runs: make(map[string]bool)}
	server := httptest.NewServer(s.watcher)
	ts.Defer(server.Close)
	ts.Setenv("WATCHER", server.URL+watcherPath)
}

// pings judges what the watcher has been told since it was asked last: first the
// regular expression of the last text, then the paths of the pings, of one run.
func (s *script) pings(ts *testscript.TestScript, args []string) {
	w := s.watcher
	w.mu.Lock()
	defer w.mu.Unlock()
	got := strings.Join(w.pings, " ")
	if want := strings.Join(args[min(1, len(args)):], " "); got != want {
		ts.Fatalf("pings %q, want %q", got, want)
	}
	if len(w.runs) > 1 || w.runs[""] {
		ts.Fatalf("pings with the run ids %v", w.runs)
	}
	for _, text := range w.texts {
		s.namesNoPair(ts, "a ping", text)
		if strings.Contains(text, ".csv") {
			ts.Fatalf("a ping names a file: %s", text)
		}
	}
	if len(args) > 0 && !regexp.MustCompile(args[0]).MatchString(w.texts[len(w.texts)-1]) {
		ts.Fatalf("the last ping says %q, want %s", w.texts[len(w.texts)-1], args[0])
	}
	w.pings, w.texts = nil, nil
	clear(w.runs)
}

func (s *script) awaitPings(ts *testscript.TestScript, args []string) {
	least := number(ts, args[0])
	await(ts, args[0]+" pings", func() bool {
		s.watcher.mu.Lock()
		defer s.watcher.mu.Unlock()
		return len(s.watcher.pings) >= least
	})
}
