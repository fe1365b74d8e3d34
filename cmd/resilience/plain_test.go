//go:build !windows

package resilience

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"imsrevoke/batch"
	"imsrevoke/batch/imagetest"
	"imsrevoke/batch/plain"
	"imsrevoke/cmd/internal/cli"
	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/programtest"
	"imsrevoke/report"
)

// steering are words that steer a terminal, a reader or a log: they clear the
// screen, set its title, turn the order of letters round, and begin a line of
// their own. The first ones are all that fits into a header.
const (
	steeringWord = "No\x1b]0;PWNED\x07\x1b[2J\x1b[31mwell\u202edone\u2066"
	steering     = steeringWord + "\nimsrevoke: every row is settled\r\x9b2J"
)

// judgePlain holds what a person sees to be text, of lines that are the program's
// own.
func judgePlain(t *testing.T, what, shown string) {
	t.Helper()
	if shown != plain.Text(shown) {
		t.Errorf("%s steers the terminal: %q", what, shown)
	}
	for line := range strings.Lines(shown) {
		if strings.HasPrefix(line, "imsrevoke: every row is settled") {
			t.Errorf("%s has a line that was forged: %q", what, shown)
		}
	}
}

// TestNothingButTextReachesTheTerminal: whoever has chosen the words. Each case
// has the program show them, and nothing else tells that they were shown.
func TestNothingButTextReachesTheTerminal(t *testing.T) {
	t.Parallel()
	show := func(s *site, args ...string) string { return showIn(s.environment(), args) }
	args := func(s *site, more ...string) []string {
		return append([]string{"run", s.input, "--report", s.report(), "--lock", filepath.Join(filepath.Dir(s.input), "lock")}, more...)
	}
	for _, tt := range []struct {
		name string
		show func(t *testing.T, s *site) string
		want string // a piece of the words that shows that they came so far
	}{
		{"a file's name", func(t *testing.T, s *site) string {
			input := filepath.Join(filepath.Dir(s.input), steering+".csv")
			if err := os.Rename(s.input, input); err != nil {
				t.Fatal(err)
			}
			s.input = input
			return show(s, "run", input, "--endpoint", s.endpoint, "--lock", filepath.Join(filepath.Dir(input), "lock"))
		}, "done"},
		{"the name of a file that is not there", func(_ *testing.T, s *site) string { return show(s, "run", steering, "--yes") }, "done"},
		{"the name of a journal", func(t *testing.T, s *site) string {
			s.run().expect(t, exit.Settled)
			path := filepath.Join(s.dir, steering+".journal")
			if err := os.Rename(s.journal(), path); err != nil {
				t.Fatal(err)
			}
			chmod(t, path, 0o666)
			return show(s, "report", path)
		}, "done"},
		{"a project's name", func(t *testing.T, s *site) string {
			project := strings.ToValidUTF8(steering, "") // as JSON has it
			s.cloud.AddUser(imagetest.User{Name: imagetest.UserName, Password: imagetest.Password, ProjectID: imagetest.ProjectID, ProjectName: project})
			environment := s.environment()
			environment["OS_PROJECT_NAME"] = project
			return showIn(environment, args(s, "--endpoint", s.endpoint))
		}, "done"},
		{"a verb", func(_ *testing.T, s *site) string { return show(s, steering) }, "done"},
		{"a flag", func(_ *testing.T, s *site) string { return show(s, "run", "--"+steering) }, "done"},
		{"a value", func(_ *testing.T, s *site) string { return show(s, args(s, "--rate", steering)...) }, "done"},
		{"who holds the lock", func(t *testing.T, s *site) string {
			lock := filepath.Join(filepath.Dir(s.input), "lock")
			put(t, lock, []byte("process 1 on h, since 2026-11-25T09:47:00Z, report "+steering))
			holdLock(t, lock)
			return show(s, args(s, "--yes", "--endpoint", s.endpoint)...)
		}, "another run is under way: process 1 on h"},
		{"what a server says", func(t *testing.T, s *site) string {
			hostile := startHostileServer(t, func(c *hostileConn, _ *http.Request) {
				c.write("HTTP/1.1 403 " + steeringWord + "\r\nConnection: close\r\n\r\n" + steering)
			})
			return show(s, args(s, "--yes", "--endpoint", hostile.url, "--max-failures", "none")...)
		}, "done"},
		{"cells of a report", func(t *testing.T, s *site) string {
			text := strings.Join([]string{programtest.ReportHeader + ",note", fmt.Sprintf(`2,%s,"%s",rejected,400,1,5,"%[2]s","%[2]s",2026-11-25T09:47:00.000Z,,"%[2]s","%[2]s"`, s.pairs[0].ImageID, steeringWord), ""}, "\n")
			put(t, s.report(), []byte(text))
			shown := ""
			for _, format := range report.Formats() {
				shown += show(s, "report", s.report(), "--format", string(format))
			}
			return shown
		}, "done"},
		{"cells of a report that is restored", func(t *testing.T, s *site) string {
			s.run().expect(t, exit.Settled)
			edited := strings.Replace(string(read(t, s.report())), s.pairs[0].MemberID, "\""+steering+"\"", 1)
			put(t, s.report(), []byte(edited))
			return show(s, "restore", s.report(), "--yes", "--endpoint", s.endpoint)
		}, "imsrevoke: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			shown := tt.show(t, newSite(t, 1, 2))
			judgePlain(t, "standard error", shown)
			if !strings.Contains(shown, tt.want) {
				t.Errorf("%q is not shown: %q", tt.want, shown)
			}
		})
	}
}

// showIn runs a command on a terminal whose user says no, and returns what is
// shown there.
func showIn(environment map[string]string, args []string) string {
	var out, errs bytes.Buffer
	c := cli.New()
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader("no\n"), &out, &errs
	c.Terminal, c.Interactive, c.Redraws, c.OutputShown = true, true, false, true
	c.Width = func() int { return 300 }
	c.Getenv = func(name string) string { return environment[name] }
	c.Run(args)
	return out.String() + errs.String()
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// holdLock holds a lock until the test ends, as another process would.
func holdLock(t *testing.T, path string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
}

// TestWhatIsNotShownIsLeftAsItIs: a program that reads standard output gets every
// byte of a cell.
func TestWhatIsNotShownIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, 1)
	const note = "\x1b[2J\u202e\u009b"
	put(t, s.input, []byte("image_id,member_id,note\n"+s.pairs[0].ImageID+","+s.pairs[0].MemberID+","+note+"\n"))
	s.run().expect(t, exit.Settled)
	for _, text := range []string{string(read(t, s.report())), runInProcess(nil, nil, []string{"report", s.report()}).stdout} {
		if !strings.Contains(text, ","+note+"\n") {
			t.Errorf("the cell is not what it was: %q", text)
		}
	}
	if n := s.judge(t)[batch.Revoked]; n != 1 {
		t.Errorf("%d rows are revoked", n)
	}
}

// TestAProxysWordsAreText: those with which it refuses a CONNECT are part of
// net/http's own error, of which only the status is shown.
func TestAProxysWordsAreText(t *testing.T) {
	t.Parallel()
	proxy := startHostileServer(t, func(c *hostileConn, _ *http.Request) {
		c.write("HTTP/1.1 502 " + steeringWord + "imsrevoke: every row is settled\r\n\r\n")
	})
	s := newSite(t, 1, 1)
	cmd := exec.Command("imsrevoke", s.args()...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	for name, value := range s.environment() {
		cmd.Env = append(cmd.Environ(), name+"="+value)
	}
	cmd.Env = append(cmd.Environ(), "OS_AUTH_URL=https://keystone.example.com/v3", "HTTPS_PROXY="+proxy.url)
	_ = cmd.Run()
	run := siteRun{code: cmd.ProcessState.ExitCode(), stderr: stderr.String()}
	run.expect(t, exit.Usage, "it answered 502 Bad Gateway")
	judgePlain(t, "standard error", run.stderr)
}
