//go:build !windows

package resilience

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"imsrevoke/cmd/internal/cli"
	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/output"
	"imsrevoke/report"
)

// An outputRow is one output of one command.
type outputRow struct {
	command, flag string
	kind          report.Kind
	// args is the command line with which it is written to path.
	args func(s *site, input, path string) []string
	// replaces lists the flags with which one that is there is replaced; every
	// other flag of modes leaves it alone. An output that is always replaced has
	// the empty one, too.
	modes, replaces []string
	// other is a flag for another output of the same command.
	other string
	// prepare makes what the command needs, and returns its input.
	prepare func(*testing.T, *site) string
}

var (
	anew      = []string{"", "--overwrite"}
	anewOrOn  = []string{"", "--overwrite", "--resume"}
	overwrite = []string{"--overwrite"}
	orResume  = []string{"--overwrite", "--resume"}
)

// runArgs writes one output of a verb to path, and the others to files beside.
func runArgs(verb, flag string, more ...string) func(*site, string, string) []string {
	return func(s *site, input, path string) []string {
		args := append([]string{verb, input, "--rate", "unlimited", "--endpoint", s.endpoint}, more...)
		if flag != "report" {
			args = append(args, "--report", s.report())
		}
		if verb != "check" {
			args = append(args, "--yes")
			if flag != "lock" {
				args = append(args, "--lock", filepath.Join(s.dir, "lock"))
			}
		}
		return append(args, "--"+flag, path)
	}
}

// journalArgs lets the journal of a verb be path.
func journalArgs(verb string) func(*site, string, string) []string {
	return func(s *site, input, path string) []string {
		return runArgs(verb, "report")(s, input, strings.TrimSuffix(path, ".journal"))
	}
}

func formArgs(format report.Format) func(*site, string, string) []string {
	return func(s *site, input, path string) []string {
		return []string{"report", input, "--format", string(format), "--output", path}
	}
}

// listArgs writes one output of a list, of what the pairs do not name.
func listArgs(flag string) func(*site, string, string) []string {
	return func(s *site, input, path string) []string {
		return []string{"list", "--not-in", input, "--rate", "unlimited", "--endpoint", s.endpoint, "--" + flag, path}
	}
}

func pairsInput(_ *testing.T, s *site) string { return s.input }

// reportInput makes the report of a run that is not in the way of another one.
func reportInput(t *testing.T, s *site) string {
	path := filepath.Join(filepath.Dir(s.input), "earlier.csv")
	s.run("--report", path).expect(t, exit.Settled)
	return path
}

func shardInput(t *testing.T, s *site) string {
	path := filepath.Join(filepath.Dir(s.input), "shard.csv")
	s.run("--report", path, "--shard", "0/1").expect(t, exit.Settled)
	return path
}

// outputRows has a row for each output. What decides about those of restore is
// what decides about those of run, so that one mode is enough for them. A flag that names one and has no row
// fails TestEveryFileFlagHasARow.
var outputRows = []outputRow{
	{"run", "report", report.KindReport, runArgs("run", "report"), anewOrOn, orResume, "html", pairsInput},
	{"run", "journal", report.KindJournal, journalArgs("run"), anewOrOn, orResume, "html", pairsInput},
	{"run", "html", report.KindHTML, runArgs("run", "html"), anewOrOn, orResume, "metrics", pairsInput},
	{"run", "metrics", report.KindMetrics, runArgs("run", "metrics"), anewOrOn, anewOrOn, "html", pairsInput},
	{"run", "lock", output.KindLock, runArgs("run", "lock"), anewOrOn, anewOrOn, "html", pairsInput},
	{"run --dry-run", "report", report.KindReport, runArgs("run", "report", "--dry-run"), anew, overwrite, "", pairsInput},
	{"check", "report", report.KindReport, runArgs("check", "report"), anew, overwrite, "html", pairsInput},
	{"check", "html", report.KindHTML, runArgs("check", "html"), anew, overwrite, "metrics", pairsInput},
	{"check", "metrics", report.KindMetrics, runArgs("check", "metrics"), anew, anew, "html", pairsInput},
	{"restore", "report", report.KindReport, runArgs("restore", "report"), overwrite, overwrite, "html", reportInput},
	{"restore", "journal", report.KindJournal, journalArgs("restore"), overwrite, overwrite, "html", reportInput},
	{"restore", "html", report.KindHTML, runArgs("restore", "html"), overwrite, overwrite, "metrics", reportInput},
	{"restore", "metrics", report.KindMetrics, runArgs("restore", "metrics"), overwrite, overwrite, "html", reportInput},
	{"restore", "lock", output.KindLock, runArgs("restore", "lock"), overwrite, overwrite, "html", reportInput},
	{"list", "output", report.KindList, listArgs("output"), anew, overwrite, "metrics", pairsInput},
	{"list", "metrics", report.KindMetrics, listArgs("metrics"), anew, anew, "output", pairsInput},
	{"report", "output", report.KindReport, formArgs(report.FormatCSV), anew, overwrite, "", reportInput},
	{"report", "output", report.KindJSON, formArgs(report.FormatJSON), overwrite, overwrite, "", reportInput},
	{"report", "output", report.KindJSONL, formArgs(report.FormatJSONL), overwrite, overwrite, "", reportInput},
	{"report", "output", report.KindHTML, formArgs(report.FormatHTML), anew, overwrite, "", reportInput},
	{"report merge", "output", report.KindReport, func(_ *site, input, path string) []string {
		return []string{"report", "merge", "--output", path, input}
	}, anew, overwrite, "html", shardInput},
	{"report merge", "html", report.KindHTML, func(s *site, input, path string) []string {
		return []string{"report", "merge", "--output", filepath.Join(s.dir, "merged.csv"), "--html", path, input}
	}, anew, overwrite, "", shardInput},
}

// outputStates are what can be at the path of an output. Each puts it there, and
// returns the input and more flags. The kind is that of the output, ours what one
// of the kind holds.
var outputStates = []struct {
	name string
	// gives says that the file gives way to one that may replace it; absent that
	// there is none.
	gives, absent bool
	// mistake says that the command line is to blame, also for metrics.
	mistake bool
	put     func(t *testing.T, row outputRow, path, input string, ours []byte) (string, []string)
}{
	{name: "absent", gives: true, absent: true, put: func(*testing.T, outputRow, string, string, []byte) (string, []string) { return "", nil }},
	{name: "ours", gives: true, put: func(t *testing.T, _ outputRow, path, _ string, ours []byte) (string, []string) {
		return put(t, path, ours)
	}},
	{name: "empty", gives: true, put: func(t *testing.T, _ outputRow, path, _ string, _ []byte) (string, []string) {
		return put(t, path, nil)
	}},
	{name: "foreign", put: func(t *testing.T, _ outputRow, path, _ string, _ []byte) (string, []string) {
		return put(t, path, []byte("process of law\nimage_id,member_id\n"))
	}},
	{name: "a few digits", put: func(t *testing.T, _ outputRow, path, _ string, _ []byte) (string, []string) {
		return put(t, path, []byte("deadbeef"))
	}},
	{name: "of another kind", put: func(t *testing.T, row outputRow, path, _ string, _ []byte) (string, []string) {
		if row.kind == report.KindJournal {
			return put(t, path, written(t)[report.KindReport])
		}
		return put(t, path, written(t)[report.KindJournal])
	}},
	{name: "a directory", put: func(t *testing.T, _ outputRow, path, _ string, _ []byte) (string, []string) {
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		return "", nil
	}},
	{name: "a symbolic link to ours", put: func(t *testing.T, _ outputRow, path, _ string, ours []byte) (string, []string) {
		put(t, path+".target", ours)
		return link(t, os.Symlink, path+".target", path)
	}},
	{name: "a symbolic link to nothing", put: func(t *testing.T, _ outputRow, path, _ string, _ []byte) (string, []string) {
		return link(t, os.Symlink, path+".target", path)
	}},
	{name: "a hard link to a foreign file", put: func(t *testing.T, _ outputRow, path, _ string, _ []byte) (string, []string) {
		put(t, path+".target", []byte("dear diary\n"))
		return link(t, os.Link, path+".target", path)
	}},
	{name: "the input", mistake: true, put: func(t *testing.T, _ outputRow, path, input string, _ []byte) (string, []string) {
		text, err := os.ReadFile(input)
		if err != nil {
			t.Fatal(err)
		}
		put(t, path, text)
		return path, nil
	}},
	{name: "a symbolic link to the input", mistake: true, put: func(t *testing.T, _ outputRow, path, input string, _ []byte) (string, []string) {
		return link(t, os.Symlink, input, path)
	}},
	{name: "a hard link to the input", mistake: true, put: func(t *testing.T, _ outputRow, path, input string, _ []byte) (string, []string) {
		return link(t, os.Link, input, path)
	}},
	{name: "another output", absent: true, mistake: true, put: func(t *testing.T, row outputRow, path, _ string, _ []byte) (string, []string) {
		return "", []string{"--" + row.other, path}
	}},
	{name: "another output by another path", absent: true, mistake: true, put: func(t *testing.T, row outputRow, path, _ string, _ []byte) (string, []string) {
		link(t, os.Symlink, filepath.Dir(path), filepath.Dir(path)+".link")
		return "", []string{"--" + row.other, filepath.Join(filepath.Dir(path)+".link", filepath.Base(path))}
	}},
	{name: "another output that is there", mistake: true, put: func(t *testing.T, row outputRow, path, _ string, ours []byte) (string, []string) {
		put(t, path, ours)
		return "", []string{"--" + row.other, path}
	}},
}

func put(t *testing.T, path string, text []byte) (string, []string) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return "", nil
}

func link(t *testing.T, make func(string, string) error, from, to string) (string, []string) {
	t.Helper()
	if err := make(from, to); err != nil {
		t.Fatal(err)
	}
	return "", nil
}

// written are files as the program writes them.
func written(t *testing.T) map[report.Kind][]byte {
	t.Helper()
	ownFiles.Do(func() {
		s := newSite(t, 2, 2)
		page, metrics := filepath.Join(s.dir, "page"), filepath.Join(s.dir, "metrics")
		s.run("--html", page, "--metrics", metrics).expect(t, exit.Settled)
		paths := map[report.Kind]string{
			report.KindReport: s.report(), report.KindJournal: s.journal(), report.KindHTML: page, report.KindMetrics: metrics,
			output.KindLock: filepath.Join(filepath.Dir(s.input), "lock"),
		}
		paths[report.KindList] = filepath.Join(s.dir, "list")
		runInProcess(nil, s.environment(), []string{"list", "--endpoint", s.endpoint, "--output", paths[report.KindList]}).expect(t, exit.Settled)
		for _, format := range []report.Format{report.FormatJSON, report.FormatJSONL} {
			paths[format.Kind()] = filepath.Join(s.dir, string(format))
			runInProcess(nil, nil, []string{"report", s.report(), "--format", string(format), "--output", paths[format.Kind()]}).expect(t, exit.Settled)
		}
		ownFiles.written = make(map[report.Kind][]byte)
		for kind, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			ownFiles.written[kind] = text
		}
	})
	return ownFiles.written
}

var ownFiles struct {
	sync.Once
	written map[report.Kind][]byte
}

// TestNoFlagTouchesWhatIsNotOurs: whatever is at the path of an output, an output
// is only created, or put in the place of one of its own kind when the flags say
// so. Everything else is refused before anything is sent, and stays as it is.
func TestNoFlagTouchesWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	written(t)
	for _, row := range outputRows {
		for _, mode := range row.modes {
			for i, state := range outputStates {
				if strings.HasPrefix(state.name, "another output") && row.other == "" {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s %s/%s/%s", row.command, row.flag, row.kind, mode, state.name), func(t *testing.T) {
					t.Parallel()
					row.judge(t, mode, i)
				})
			}
		}
	}
}

func (row outputRow) judge(t *testing.T, mode string, i int) {
	state := outputStates[i]
	s := newSite(t, 2, 2)
	input := row.prepare(t, s)
	path := filepath.Join(s.dir, "output.journal") // which has an ending for the journal's sake
	ours := written(t)[row.kind]
	if mode == "--resume" {
		ours = row.begin(t, s, input, path, ours)
	}
	its, more := state.put(t, row, path, input, ours)
	if its != "" {
		input = its
	}
	before := snapshot(t, filepath.Dir(s.dir))
	sent := s.requests()
	args := append(row.args(s, input, path), more...)
	if mode != "" {
		args = append(args, mode)
	}
	run := runInProcess(strings.NewReader(""), s.environment(), args)
	after := snapshot(t, filepath.Dir(s.dir))

	may := state.gives && (state.absent || slices.Contains(row.replaces, mode))
	switch {
	case may:
		if run.code != exit.Settled && run.code != exit.Unsettled {
			t.Errorf("exit code %d\n%s", run.code, run.stderr)
		}
		text, err := os.ReadFile(path)
		if kind := kindOfText(text); err != nil || kind != row.kind {
			t.Errorf("it is now a %q, %v; want a %s", kind, err, row.kind)
		}
	case row.kind == report.KindMetrics && !state.mistake:
		if run.code != exit.Settled && run.code != exit.Unsettled || !strings.Contains(run.stderr, "cannot write the metrics") {
			t.Errorf("exit code %d\n%s", run.code, run.stderr)
		}
	default:
		if run.code != exit.Usage && run.code != exit.Record || !strings.Contains(run.stderr, "cannot write the ") {
			t.Errorf("exit code %d\n%s", run.code, run.stderr)
		}
		if n := s.requests(); n != sent {
			t.Errorf("%d requests were sent", n-sent)
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("what is there has changed:\n%s", diff)
		}
	}
	// Whatever was done, nothing else was touched.
	for name, text := range before {
		own := name == path && may || mode != "" && row.ownBeside(s, name)
		if !own && after[name] != text {
			t.Errorf("%s was touched:\n%s", name, cmp.Diff(text, after[name]))
		}
	}
}

// begin makes what a run leaves that was cut off, but for the output itself, and
// returns what an output of the kind holds that it goes on with.
func (row outputRow) begin(t *testing.T, s *site, input, path string, ours []byte) []byte {
	t.Helper()
	runInProcess(strings.NewReader(""), s.environment(), row.args(s, input, path)).expect(t, exit.Settled)
	if row.flag == "journal" {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		ours = text
		if err := os.Remove(strings.TrimSuffix(path, ".journal")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	return ours
}

// ownBeside reports whether a file is one of the run that is replaced or resumed.
func (row outputRow) ownBeside(s *site, name string) bool {
	return name == s.report() || name == s.journal() || name == filepath.Join(s.dir, "lock") || name == filepath.Join(s.dir, "output.journal.journal")
}

func kindOfText(text []byte) report.Kind {
	return output.KindOf(text[:min(len(text), report.KindHead)])
}

// snapshot is what is in a directory: the text of each file, and where each link
// leads.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	there := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		text := entry.Type().String()
		switch {
		case entry.Type().IsRegular():
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text = string(content)
		case entry.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			text += " to " + target
		}
		there[path] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return there
}

// TestOutputsThatCannotBeWritten: a place where nothing can be written is said
// before anything is sent. Root may write wherever there is a directory.
func TestOutputsThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, row := range outputRows {
		for _, below := range []string{"a-file", "no-directory"} {
			if row.flag == "lock" && below == "no-directory" {
				continue // it is made
			}
			t.Run(fmt.Sprintf("%s/%s %s/%s", row.command, row.flag, row.kind, below), func(t *testing.T) {
				t.Parallel()
				s := newSite(t, 2, 2)
				input := row.prepare(t, s)
				put(t, filepath.Join(s.dir, "a-file"), []byte("text"))
				before := snapshot(t, filepath.Dir(s.dir))
				sent := s.requests()
				path := filepath.Join(s.dir, below, "output.journal")
				run := runInProcess(strings.NewReader(""), s.environment(), row.args(s, input, path))
				if row.kind == report.KindMetrics {
					if run.code != exit.Settled && run.code != exit.Unsettled || !strings.Contains(run.stderr, "cannot write the metrics") {
						t.Errorf("exit code %d\n%s", run.code, run.stderr)
					}
					return
				}
				want := exit.Record
				if row.kind == output.KindLock {
					want = exit.Usage
				}
				run.expect(t, want, "cannot write the ", "use a name in a directory that can be written with --")
				if n := s.requests(); n != sent {
					t.Errorf("%d requests were sent", n-sent)
				}
				if diff := cmp.Diff(before, snapshot(t, filepath.Dir(s.dir))); diff != "" {
					t.Errorf("what is there has changed:\n%s", diff)
				}
			})
		}
	}
}

// TestEveryFileFlagHasARow: a new flag that takes a text must be said to be an
// output, and have a row above, or not to be one.
func TestEveryFileFlagHasARow(t *testing.T) {
	t.Parallel()
	noOutputs := map[string]bool{
		"cacert": true, "token-file": true, // inputs, which are only read
		"image-column": true, "member-column": true, "encoding": true, "endpoint": true, "os-cloud": true, "region": true, "ping": true, "owner": true,
		"expect-sha256": true, "expect-project": true, "ticket": true, "reason": true, "input": true,
	}
	rows := make(map[string]bool)
	for _, row := range outputRows {
		rows[row.command+" --"+row.flag] = true
	}
	flags := make(map[string]bool)
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			name := strings.TrimPrefix(cmd.CommandPath(), "imsrevoke ") + " --" + f.Name
			flags[name] = true
			if f.Value.Type() == "string" && !noOutputs[f.Name] && !rows[name] {
				t.Errorf("%s has no row", name)
			}
		})
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit((&cli.Program{}).RootCommand())
	for name := range maps.Keys(rows) {
		if !flags[name] && !strings.HasSuffix(name, "--journal") && !strings.Contains(name, "--dry-run") {
			t.Errorf("there is no %s", name)
		}
	}
}

// TestAFileThatAppearsDuringARunIsNotReplaced: the decision of the start is not
// good for the end of a run that takes hours.
func TestAFileThatAppearsDuringARunIsNotReplaced(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{nil, {"--overwrite"}} {
		t.Run(fmt.Sprint(flags), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 2, 2)
			page := filepath.Join(s.dir, "page.html")
			onFirstRequest(func(t *testing.T, s *site) {
				put(t, s.report(), []byte("somebody's notes"))
				put(t, page, []byte("somebody's page"))
			})(t, s)
			run := s.run(append(flags, "--html", page)...)
			run.expect(t, exit.Record, "cannot write the report: "+s.report()+": it is not a report of imsrevoke; what is known is in "+s.journal())
			for path, want := range map[string]string{s.report(): "somebody's notes", page: "somebody's page"} {
				if text, err := os.ReadFile(path); err != nil || string(text) != want {
					t.Errorf("%s is now %.50q, %v", path, text, err)
				}
			}
			if err := os.Remove(s.report()); err != nil {
				t.Fatal(err)
			}
			s.run("--resume").expect(t, exit.Settled)
			s.judgeSettled(t)
		})
	}
}

// TestStandardStreamsAreFilesToo: what a shell has opened is an input or an
// output like any other.
func TestStandardStreamsAreFilesToo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		args  func(s *site) []string
		stdin bool // the report is standard input, and not standard output
	}{
		{name: "a report shown at its own end", args: func(s *site) []string { return []string{"report", s.report()} }},
		{name: "a summary at the end of the input", args: func(s *site) []string {
			return []string{"run", s.report(), "--dry-run", "--summary", "json"}
		}},
		{name: "a summary at the end of the report", args: func(s *site) []string { return s.args("--overwrite", "--summary", "json") }},
		{name: "a report in the place of standard input", stdin: true, args: func(s *site) []string {
			return []string{"run", "-", "--yes", "--overwrite", "--endpoint", s.endpoint, "--report", s.report()}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 1, 2)
			s.run().expect(t, exit.Settled)
			before, sent := snapshot(t, filepath.Dir(s.dir)), s.requests()
			file, err := os.OpenFile(s.report(), os.O_RDWR|os.O_APPEND, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			cmd := exec.Command("imsrevoke", tt.args(s)...)
			if tt.stdin {
				cmd.Stdin = file
			} else {
				cmd.Stdout = file
			}
			var stderr strings.Builder
			cmd.Stderr = &stderr
			for name, value := range s.environment() {
				cmd.Env = append(cmd.Environ(), name+"="+value)
			}
			_ = cmd.Run()
			siteRun{code: cmd.ProcessState.ExitCode(), stderr: stderr.String()}.expect(t, exit.Usage, "imsrevoke: cannot write ")
			if diff := cmp.Diff(before, snapshot(t, filepath.Dir(s.dir))); diff != "" || s.requests() != sent {
				t.Errorf("%d requests were sent; what is there has changed:\n%s", s.requests()-sent, diff)
			}
		})
	}
}
