//go:build !windows

package resilience

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"imsrevoke/cmd/internal/exit"
)

// TestAHomeThatCannotBeWrittenIsNone: uid 65534 in a container has HOME=/, and
// needs a lock all the same.
func TestAHomeThatCannotBeWrittenIsNone(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	put(t, file, nil)
	owned := t.TempDir()
	others := t.TempDir()
	for _, home := range []string{owned, others} {
		if err := os.MkdirAll(filepath.Join(home, ".local", "state", "imsrevoke"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	chmod(t, filepath.Join(others, ".local", "state", "imsrevoke"), 0o777)
	for _, tt := range []struct {
		name      string
		variables []string
		elsewhere bool // the lock is not below the home
		code      int
	}{
		{"a home", []string{"HOME=" + owned}, false, exit.Settled},
		{"a home in which others can write", []string{"HOME=" + others}, true, exit.Settled},
		{"no home", []string{"HOME="}, true, exit.Settled},
		{"a home below a file", []string{"HOME=" + filepath.Join(file, "home")}, true, exit.Settled},
		{"a home in which nothing can be made", []string{"HOME=/proc"}, true, exit.Settled},
		{"a state directory that cannot be written", []string{"HOME=" + owned, "XDG_STATE_HOME=/proc"}, false, exit.Usage},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 1, 1)
			temporary := t.TempDir()
			cmd := exec.Command("imsrevoke", "run", s.input, "--yes", "--endpoint", s.endpoint, "--report", s.report())
			var stderr strings.Builder
			cmd.Stderr = &stderr
			cmd.Env = append(os.Environ(), "XDG_STATE_HOME=", "STATE_DIRECTORY=", "TMPDIR="+temporary)
			for name, value := range s.environment() {
				cmd.Env = append(cmd.Env, name+"="+value)
			}
			cmd.Env = append(cmd.Env, tt.variables...)
			_ = cmd.Run()
			siteRun{code: cmd.ProcessState.ExitCode(), stderr: stderr.String()}.expect(t, tt.code)
			locks, err := filepath.Glob(filepath.Join(temporary, "imsrevoke-*", "*.lock"))
			if err != nil || len(locks) == 1 != tt.elsewhere {
				t.Errorf("locks among the temporary files: %v, %v", locks, err)
			}
		})
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// giveAway makes a file that of another user, which only root can do.
func giveAway(t *testing.T, path string) {
	t.Helper()
	if err := os.Chown(path, 65534, -1); err != nil {
		t.Skip(err)
	}
}

func pipe(t *testing.T, path string) {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestTheDefaultLockIsInADirectoryOfOurs: one that others can make or change is
// where they could keep every run from starting, or lead the lock elsewhere.
func TestTheDefaultLockIsInADirectoryOfOurs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, want string // empty: it is taken
		prepare    func(t *testing.T, dir string)
	}{
		{"there is none", "", func(*testing.T, string) {}},
		{"ours", "", func(t *testing.T, dir string) { mkdir(t, dir) }},
		{"others can write to it", "its group or others may write to it", func(t *testing.T, dir string) { mkdir(t, dir); chmod(t, dir, 0o777) }},
		{"another user's", "it is owned by uid 65534", func(t *testing.T, dir string) { mkdir(t, dir); giveAway(t, dir) }},
		{"a link", "is a symbolic link", func(t *testing.T, dir string) {
			mkdir(t, dir+".target")
			link(t, os.Symlink, dir+".target", dir)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 1, 1)
			temporary := t.TempDir()
			dir := filepath.Join(temporary, fmt.Sprintf("imsrevoke-%d", os.Getuid()))
			tt.prepare(t, dir)
			environment := s.environment()
			cmd := exec.Command("imsrevoke", "run", s.input, "--yes", "--endpoint", s.endpoint, "--report", s.report())
			cmd.Env = append(os.Environ(), "XDG_STATE_HOME=", "STATE_DIRECTORY=", "HOME=", "TMPDIR="+temporary)
			for name, value := range environment {
				cmd.Env = append(cmd.Env, name+"="+value)
			}
			var stderr strings.Builder
			cmd.Stderr = &stderr
			_ = cmd.Run()
			run := siteRun{code: cmd.ProcessState.ExitCode(), stderr: stderr.String()}
			if tt.want == "" {
				run.expect(t, exit.Settled)
				return
			}
			run.expect(t, exit.Usage, "imsrevoke: cannot write the lock file: "+dir, tt.want, "use --lock to name")
			if locks, _ := filepath.Glob(filepath.Join(temporary, "*", "*.lock")); len(locks) > 0 || s.requests() > 0 {
				t.Errorf("%d requests, and there are %v", s.requests(), locks)
			}
		})
	}
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
}
