package resilience

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"imsrevoke/batch"
	"imsrevoke/batch/imagetest"
	"imsrevoke/cmd/internal/cli"
)

// A site is a simulated cloud on the loopback interface, and a folder with a
// file that lists shares of it.
type site struct {
	cloud    *imagetest.Cloud
	server   *imagetest.Server
	pairs    []batch.Pair
	endpoint string // where the program looks for the Image API
	dir      string // of the report
	input    string
}

// siteBystander is a member of every image that no row names.
const siteBystander = "bystander-of-the-site"

// newSite shares some images, each with so many members.
func newSite(t *testing.T, images, members int) *site {
	t.Helper()
	s := &site{cloud: imagetest.NewCloud(), dir: t.TempDir()}
	var file strings.Builder
	file.WriteString("image_id,member_id\n")
	for i := range images {
		image := fmt.Sprintf("%08x-0000-4000-8000-%012x", i, i)
		s.cloud.Share(image, siteBystander)
		for m := range members {
			p := batch.Pair{ImageID: image, MemberID: fmt.Sprintf("%032x", m+1)}
			s.cloud.Share(p.ImageID, p.MemberID)
			s.pairs = append(s.pairs, p)
			fmt.Fprintf(&file, "%s,%s\n", p.ImageID, p.MemberID)
		}
	}
	s.input = filepath.Join(t.TempDir(), "pairs.csv")
	if err := os.WriteFile(s.input, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s.server = imagetest.NewServer(s.cloud)
	t.Cleanup(s.server.Close)
	s.endpoint = s.server.URL
	return s
}

func (s *site) report() string  { return filepath.Join(s.dir, "pairs.report.csv") }
func (s *site) journal() string { return s.report() + ".journal" }

// A siteRun is what a run of the program leaves to its caller.
type siteRun struct {
	code           int
	stdout, stderr string
}

// args is a command line for the site, at full speed.
func (s *site) args(flags ...string) []string {
	return append([]string{"run", s.input, "--yes", "--rate", "unlimited", "--endpoint", s.endpoint,
		"--report", s.report(), "--lock", filepath.Join(filepath.Dir(s.input), "lock")}, flags...)
}

func (s *site) environment() map[string]string { return imagetest.Login(s.server.AuthURL) }

// run runs the program without its process, off a terminal.
func (s *site) run(flags ...string) siteRun {
	return runInProcess(strings.NewReader(""), s.environment(), s.args(flags...))
}

func runInProcess(stdin io.Reader, environment map[string]string, args []string) siteRun {
	var stdout, stderr bytes.Buffer
	c := cli.New()
	c.Stdin, c.Stdout, c.Stderr = stdin, &stdout, &stderr
	c.Terminal, c.Interactive = false, false
	c.Getenv = func(name string) string { return environment[name] }
	code := c.Run(args)
	return siteRun{code, stdout.String(), stderr.String()}
}

// runProcess runs a program of the site's as a process. The command imsrevoke
// is this test's own program: see TestMain.
func (s *site) runProcess(t *testing.T, name string, args ...string) siteRun {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	for name, value := range s.environment() {
		cmd.Env = append(cmd.Environ(), name+"="+value)
	}
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	return siteRun{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// siteRow is a row of a report, as its reader sees it.
type siteRow struct {
	line     int
	pair     batch.Pair
	outcome  batch.Outcome
	attempts string
	message  string
}

// rows reads the report.
func (s *site) rows(t *testing.T) []siteRow {
	t.Helper()
	file, err := os.Open(s.report())
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	records, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []siteRow
	for _, r := range records[1:] {
		line, err := strconv.Atoi(r[0])
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, siteRow{line, batch.Pair{ImageID: r[1], MemberID: r[2]}, batch.Outcome(r[3]), r[5], r[8]})
	}
	return rows
}

// requests is how many requests for a member the cloud has received.
func (s *site) requests() int {
	n := 0
	for _, r := range s.cloud.Requests() {
		if r.MemberID != "" {
			n++
		}
	}
	return n
}

// judge holds the report to what the cloud did, and returns how many rows
// ended how.
func (s *site) judge(t *testing.T) map[batch.Outcome]int {
	t.Helper()
	applied := make(map[batch.Pair]bool)
	for _, r := range s.cloud.Requests() {
		if r.Applied && r.Method == http.MethodDelete {
			applied[batch.Pair{ImageID: r.ImageID, MemberID: r.MemberID}] = true
		}
	}
	rows := s.rows(t)
	if len(rows) != len(s.pairs) {
		t.Fatalf("the report has %d rows for %d pairs", len(rows), len(s.pairs))
	}
	counts := make(map[batch.Outcome]int)
	for i, r := range rows {
		counts[r.outcome]++
		if r.line != i+2 || r.pair != s.pairs[i] {
			t.Fatalf("row %d of the report is line %d, %v", i, r.line, r.pair)
		}
		shared := s.cloud.Shared(r.pair.ImageID, r.pair.MemberID)
		switch {
		case r.outcome.Settled() && shared:
			t.Errorf("line %d is called %s, and is still shared", r.line, r.outcome)
		case r.outcome == batch.Revoked && !applied[r.pair]:
			t.Errorf("line %d is called revoked, and was not asked for", r.line)
		case applied[r.pair] && slices.Contains([]batch.Outcome{batch.Failed, batch.Skipped, batch.Invalid}, r.outcome):
			t.Errorf("line %d is called %s, and its share was revoked", r.line, r.outcome)
		}
		if !s.cloud.Shared(r.pair.ImageID, siteBystander) {
			t.Errorf("image %s has lost a member that no row names", r.pair.ImageID)
		}
	}
	if n := s.cloud.Stats().ImagesDeleted; n > 0 {
		t.Errorf("%d images were deleted", n)
	}
	return counts
}

// judgeSettled holds the report to what the cloud did, and to rows that are
// all settled.
func (s *site) judgeSettled(t *testing.T) map[batch.Outcome]int {
	t.Helper()
	counts := s.judge(t)
	if n := counts[batch.Revoked] + counts[batch.Absent]; n != len(s.pairs) {
		t.Errorf("%d of %d rows are settled: %v", n, len(s.pairs), counts)
	}
	return counts
}

// expect fails the test when the run has ended otherwise than with the exit
// code and with the words on standard error.
func (r siteRun) expect(t *testing.T, code int, words ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d\n%s", r.code, code, r.stderr)
	}
	for _, w := range words {
		if !strings.Contains(r.stderr, w) {
			t.Errorf("standard error does not say %q:\n%s", w, r.stderr)
		}
	}
}

// interrupt returns when the cloud has received n requests for members of a run
// that it starts, and holds back those that follow until release is called. The
// run's end comes over the channel.
func (s *site) interrupt(t *testing.T, n int64, run func() siteRun) (ended <-chan siteRun, release func()) {
	t.Helper()
	var requests atomic.Int64
	reached, held := make(chan struct{}), make(chan struct{})
	s.cloud.SetFaults(func(r imagetest.Request) imagetest.Fault {
		if r.MemberID != "" {
			if count := requests.Add(1); count == n {
				close(reached)
			} else if count > n {
				<-held
			}
		}
		return imagetest.Fault{}
	})
	release = sync.OnceFunc(func() { close(held) })
	t.Cleanup(release)
	result := make(chan siteRun, 1)
	go func() { result <- run() }()
	select {
	case <-reached:
	case r := <-result:
		t.Fatalf("the run ended before %d requests, with exit code %d\n%s", n, r.code, r.stderr)
	}
	return result, release
}

// onFirstRequest does something when the first request for a member arrives.
func onFirstRequest(do func(*testing.T, *site)) func(*testing.T, *site) {
	return func(t *testing.T, s *site) {
		var once sync.Once
		s.cloud.SetFaults(func(r imagetest.Request) imagetest.Fault {
			if r.MemberID != "" {
				once.Do(func() { do(t, s) })
			}
			return imagetest.Fault{}
		})
	}
}
