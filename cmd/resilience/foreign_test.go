//go:build !windows

package resilience

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"imsrevoke/batch"
	"imsrevoke/cmd/internal/exit"
)

// foreignFiles are what somebody else can put in the place of one of our files.
// Each is made of a sound one at path.
var foreignFiles = []struct {
	name, want string
	prepare    func(t *testing.T, path string)
}{
	{"others can write to it", "its group or others may write to it (mode 0666); run chmod go-w on it", func(t *testing.T, path string) { chmod(t, path, 0o666) }},
	{"its group can write to it", "its group or others may write to it (mode 0660)", func(t *testing.T, path string) { chmod(t, path, 0o660) }},
	{"another user's", "it is owned by uid 65534; chown it to yourself", giveAway},
	{"it has another name", "it has 2 hard links; copy it to a file of its own", func(t *testing.T, path string) { link(t, os.Link, path, path+".too") }},
}

// TestAJournalThatOthersMayHaveWrittenIsNotResumed: by its word rows would be
// called revoked of which none was sent.
func TestAJournalThatOthersMayHaveWrittenIsNotResumed(t *testing.T) {
	t.Parallel()
	for _, tt := range foreignFiles {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 2, 2)
			s.run().expect(t, exit.Settled)
			if err := os.Remove(s.report()); err != nil {
				t.Fatal(err)
			}
			tt.prepare(t, s.journal())
			before, sent := snapshot(t, s.dir), s.requests()
			s.run("--resume").expect(t, exit.Usage, "imsrevoke: cannot resume: "+s.journal()+": it cannot be trusted: "+tt.want, "; or discard it with --overwrite")
			if after := snapshot(t, s.dir); len(after) != len(before) || after[s.journal()] != before[s.journal()] || s.requests() != sent {
				t.Errorf("%d requests; there is now %v", s.requests()-sent, after)
			}
			// What it says can be looked at, with a word of warning.
			runInProcess(nil, nil, []string{"report", s.journal(), "--format", "jsonl"}).expect(t, exit.Settled, "imsrevoke: warning: "+s.journal()+": it cannot be trusted: "+tt.want)
			s.run("--overwrite").expect(t, exit.Settled)
			if n := s.judge(t)[batch.Absent]; n != len(s.pairs) || s.requests() == sent {
				t.Errorf("%d of %d rows are absent after %d requests", n, len(s.pairs), s.requests()-sent)
			}
		})
	}
}

// TestAForeignJournalProvesNothing: neither whose report it is, nor that shards
// are whole.
func TestAForeignJournalProvesNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range foreignFiles {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 2, 2)
			s.run("--shard", "0/1").expect(t, exit.Settled)
			tt.prepare(t, s.journal())
			shown := runInProcess(nil, nil, []string{"report", s.report(), "--format", "json"})
			shown.expect(t, exit.Settled)
			if strings.Contains(shown.stdout, `"digest"`) {
				t.Error("the report tells by that journal which run it is of")
			}
			merged := filepath.Join(s.dir, "merged.csv")
			runInProcess(nil, nil, []string{"report", "merge", "--output", merged, s.report()}).expect(t, exit.Usage, "it cannot be trusted: "+tt.want)
			run := runInProcess(strings.NewReader(""), s.environment(), []string{"restore", s.report(), "--yes", "--trust-report", "--endpoint", s.endpoint})
			run.expect(t, exit.Usage, "cannot prove what "+s.report()+" says: "+s.journal()+": it cannot be trusted: "+tt.want)
		})
	}
}

// TestNothingHeldByOthersIsWaitedFor: a pipe in the place of a file would keep a
// run for ever.
func TestNothingHeldByOthersIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, 1)
	pipe(t, s.journal())
	s.run("--resume").expect(t, exit.Record, "it is not a regular file")
	if n := s.requests(); n > 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// TestFilesAreTheirOwnersAlone: whatever the umask leaves.
func TestFilesAreTheirOwnersAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, 2)
	page := filepath.Join(s.dir, "page.html")
	args := append(s.args(), "--html", page)
	s.runProcess(t, "sh", append([]string{"-c", `umask 0; exec "$@"`, "sh", "imsrevoke"}, args...)...).expect(t, exit.Settled)
	for _, path := range []string{s.report(), s.journal(), page, filepath.Join(filepath.Dir(s.input), "lock")} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want 0600", filepath.Base(path), fmt.Sprint(info.Mode()), err)
		}
	}
}

// TestACloudsFileOfOthersIsNotTaken: whoever can write to the directory that a
// scheduled job is started in could send it to a cloud of his own.
func TestACloudsFileOfOthersIsNotTaken(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, 1)
	clouds := filepath.Join(s.dir, "clouds.yaml")
	put(t, clouds, []byte("clouds: {prod: {auth: {auth_url: "+s.endpoint+"/v3, username: u, password: p, project_name: p}}}\n"))
	chmod(t, clouds, 0o600)
	giveAway(t, clouds)
	cmd := exec.Command("imsrevoke", "run", s.input, "--yes", "--os-cloud", "prod", "--report", s.report(), "--lock", filepath.Join(s.dir, "lock"))
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	_ = cmd.Run()
	siteRun{code: cmd.ProcessState.ExitCode(), stderr: stderr.String()}.expect(t, exit.Usage, "clouds.yaml in the current directory belongs to another user (uid 65534)")
	if n := s.requests(); n > 0 {
		t.Errorf("%d requests were sent", n)
	}
}
