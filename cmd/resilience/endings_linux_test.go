package resilience

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"imsrevoke/batch/imagetest"
	"imsrevoke/cmd/imsrevoke/docs"
	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/programtest"
)

// A stream is what standard output or standard error can be.
type stream string

const (
	normal stream = "read by somebody"
	full   stream = "/dev/full"
	closed stream = "closed"
	gone   stream = "a pipe whose reader has gone"
)

// An endingCase is one way in which the program can end.
type endingCase struct {
	name string
	code int
	// args replace those of a run of the site's file.
	args func(*site) []string
	// flags come behind them.
	flags []string
	// arrange prepares the site.
	arrange func(*testing.T, *site)
	// signal is sent when the cloud has had a request for a member.
	signal syscall.Signal
	// prints says that the command prints on standard output what was asked
	// for, also without --summary json.
	prints bool
	// anyReader says that it ends like other programs when its reader has gone.
	anyReader bool
}

func faults(policy imagetest.Policy) func(*testing.T, *site) {
	return func(_ *testing.T, s *site) { s.cloud.SetFaults(policy) }
}

func other(verb string) func(*site) []string {
	return func(s *site) []string {
		return []string{verb, s.input, "--rate", "unlimited", "--endpoint", s.endpoint, "--report", s.report() + "." + verb}
	}
}

// withReport lets a run make the site's report first.
func withReport(t *testing.T, s *site) { s.run().expect(t, exit.Settled) }

// endings has a row for each way to end. Every exit code that the documentation promises
// must be among them.
var endings = []endingCase{
	{name: "settled", code: exit.Settled},
	{name: "not settled", code: exit.Unsettled, arrange: faults(imagetest.Always(imagetest.Status(http.StatusForbidden)))},
	{name: "a dry run", code: exit.Settled, flags: []string{"--dry-run"}},
	{name: "wrong usage", code: exit.Usage, flags: []string{"--workers", "0"}},
	{name: "a refused input", code: exit.Usage, flags: []string{"--max-rows", "1"}},
	{name: "a mistake in the set-up", code: exit.Usage, flags: []string{"--endpoint", "http://glance..invalid"}},
	{name: "too many failures", code: exit.Stopped, flags: []string{"--max-failures", "0"}, arrange: faults(imagetest.Always(imagetest.Status(http.StatusForbidden)))},
	{name: "refused credentials", code: exit.Credentials, arrange: faults(imagetest.Always(imagetest.Status(http.StatusUnauthorized)))},
	{name: "a report that cannot be begun", code: exit.Record, flags: []string{"--report", "/proc/no/report.csv"}},
	{name: "a report that cannot be written in the end", code: exit.Record, arrange: onFirstRequest(func(t *testing.T, s *site) {
		if err := os.Mkdir(s.report(), 0o700); err != nil {
			t.Error(err)
		}
	})},
	{name: "a journal that was taken away", code: exit.Record, arrange: onFirstRequest(func(t *testing.T, s *site) {
		if err := os.Truncate(s.journal(), 0); err != nil {
			t.Error(err)
		}
	})},
	{name: "another run", code: exit.Locked, arrange: func(t *testing.T, s *site) {
		lock := flock.New(filepath.Join(filepath.Dir(s.input), "lock"))
		if err := lock.Lock(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { lock.Unlock() })
	}},
	{name: "SIGHUP", code: exit.Signal + int(syscall.SIGHUP), signal: syscall.SIGHUP, flags: []string{"--drain", "50ms"}, arrange: faults(imagetest.Always(imagetest.Hang()))},
	{name: "SIGINT", code: exit.Signal + int(syscall.SIGINT), signal: syscall.SIGINT, flags: []string{"--drain", "50ms"}, arrange: faults(imagetest.Always(imagetest.Hang()))},
	{name: "SIGTERM", code: exit.Signal + int(syscall.SIGTERM), signal: syscall.SIGTERM, flags: []string{"--drain", "50ms"}, arrange: faults(imagetest.Always(imagetest.Hang()))},
	{name: "a check, all gone", code: exit.Settled, args: other("check"), arrange: withReport},
	{name: "a check, all shared", code: exit.Unsettled, args: other("check")},
	{name: "a restore", code: exit.Settled, arrange: withReport, args: func(s *site) []string {
		return []string{"restore", s.report(), "--yes", "--rate", "unlimited", "--endpoint", s.endpoint, "--report", s.report() + ".restored",
			"--lock", filepath.Join(filepath.Dir(s.input), "lock")}
	}},
	{name: "a report that is shown", code: exit.Settled, arrange: withReport, prints: true, anyReader: true, args: func(s *site) []string {
		return []string{"report", s.report()}
	}},
	{name: "the version", code: exit.Settled, prints: true, anyReader: true, args: func(*site) []string { return []string{"version"} }},
	{name: "a help", code: exit.Settled, prints: true, anyReader: true, args: func(*site) []string { return []string{"run", "--help"} }},
	{name: "a completion", code: exit.Settled, prints: true, anyReader: true, args: func(*site) []string { return []string{"completion", "bash"} }},
}

// TestExitCodesAreTrueInEveryEnding: what the exit code says does not depend on
// whether anybody reads what is printed, but for one thing: what was asked for
// on standard output, and did not arrive, is no success. In particular 2, which
// says that nothing was sent, is not said of a run that has sent something.
func TestExitCodesAreTrueInEveryEnding(t *testing.T) {
	t.Parallel()
	programtest.HearHangups()
	for _, e := range endings {
		for _, summary := range []string{"text", "json"} {
			if e.prints && summary == "json" {
				continue
			}
			for _, streams := range [][2]stream{
				{normal, normal}, {full, normal}, {closed, normal}, {gone, normal}, {normal, full}, {normal, closed}, {normal, gone}, {full, full},
			} {
				if !e.prints && summary == "text" && (streams[0] == closed || streams[0] == gone) {
					continue // where nothing is written
				}
				t.Run(fmt.Sprintf("%s/%s/stdout %s, stderr %s", e.name, summary, streams[0], streams[1]), func(t *testing.T) {
					t.Parallel()
					e.judge(t, summary, streams[0], streams[1])
				})
			}
		}
	}
}

func (e endingCase) judge(t *testing.T, summary string, stdout, stderr stream) {
	s := newSite(t, 2, 2)
	if e.arrange != nil {
		e.arrange(t, s)
	}
	args := s.args()
	if e.args != nil {
		args = e.args(s)
	}
	args = append(args, e.flags...)
	prints := e.prints
	if summary == "json" {
		args = append(args, "--summary", "json")
		prints = true
	}
	sentBefore := s.requests()
	code, by, said := s.end(t, e.signal, stdout, stderr, args)
	want := e.code
	if prints && want == exit.Settled && (stdout == full || stdout == gone) {
		want = exit.Record
	}
	switch {
	case e.anyReader && stdout == gone:
		if by != syscall.SIGPIPE {
			t.Errorf("it ended with %d by %v; want SIGPIPE", code, by)
		}
	case code != want || by != 0:
		t.Errorf("it ended with %d by %v; want %d\n%s", code, by, want, said)
	case code == exit.Usage && s.requests() != sentBefore:
		t.Errorf("it says that nothing was sent after %d requests", s.requests())
	case code == exit.Record && stderr == normal && e.code == exit.Settled && !strings.Contains(said, "standard output"):
		t.Errorf("it does not say what is missing:\n%s", said)
	}
}

// end runs the program as a process, and returns its exit code, the signal that
// ended it, and what it said on standard error, if that is read.
func (s *site) end(t *testing.T, sig syscall.Signal, stdout, stderr stream, args []string) (code int, by syscall.Signal, said string) {
	t.Helper()
	var text bytes.Buffer
	script := `exec imsrevoke "$@"`
	if stdout == closed {
		script += " >&-"
	}
	if stderr == closed {
		script += " 2>&-"
	}
	cmd := exec.Command("sh", append([]string{"-c", script, "sh"}, args...)...)
	cmd.Stderr = &text
	if file := stdout.open(t); file != nil {
		cmd.Stdout = file
	}
	if file := stderr.open(t); file != nil {
		cmd.Stderr = file
	}
	for name, value := range s.environment() {
		cmd.Env = append(cmd.Environ(), name+"="+value)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if sig != 0 {
		go func() {
			for s.requests() == 0 {
				if cmd.Process.Signal(syscall.Signal(0)) != nil {
					return
				}
				time.Sleep(time.Millisecond)
			}
			_ = cmd.Process.Signal(sig)
		}()
	}
	if err := cmd.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
		by = status.Signal()
	}
	return cmd.ProcessState.ExitCode(), by, text.String()
}

// open is the file for a stream that is not read and not closed.
func (s stream) open(t *testing.T) *os.File {
	t.Helper()
	var file *os.File
	var err error
	switch s {
	case full:
		file, err = os.OpenFile("/dev/full", os.O_WRONLY, 0)
	case gone:
		var reader *os.File
		if reader, file, err = os.Pipe(); err == nil {
			err = reader.Close()
		}
	default:
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

// TestEveryExitCodeHasAnEnding: the table of the documentation and the one above
// agree.
func TestEveryExitCodeHasAnEnding(t *testing.T) {
	t.Parallel()
	topic, _ := docs.Find("exit-codes")
	promised := make(map[int]bool)
	for _, row := range regexp.MustCompile(`(?m)^\| ([0-9, ]+) \|`).FindAllStringSubmatch(topic.Text, -1) {
		for code := range strings.SplitSeq(row[1], ", ") {
			n, err := strconv.Atoi(code)
			if err != nil {
				t.Fatal(err)
			}
			promised[n] = true
		}
	}
	if len(promised) < 9 {
		t.Fatalf("the documentation promises the exit codes %v", promised)
	}
	tested := make(map[int]bool)
	for _, e := range endings {
		tested[e.code] = true
		if !promised[e.code] {
			t.Errorf("the documentation does not promise %d: %s", e.code, e.name)
		}
	}
	for code := range promised {
		if !tested[code] {
			t.Errorf("no ending has the exit code %d", code)
		}
	}
}
