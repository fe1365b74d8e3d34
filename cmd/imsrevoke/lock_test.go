//go:build !windows

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gofrs/flock"

	"imsrevoke/report"
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
		{"a home", []string{"HOME=" + owned}, false, exitSettled},
		{"a home in which others can write", []string{"HOME=" + others}, true, exitSettled},
		{"no home", []string{"HOME="}, true, exitSettled},
		{"a home below a file", []string{"HOME=" + filepath.Join(file, "home")}, true, exitSettled},
		{"a home in which nothing can be made", []string{"HOME=/proc"}, true, exitSettled},
		{"a state directory that cannot be written", []string{"HOME=" + owned, "XDG_STATE_HOME=/proc"}, false, exitUsage},
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

// TestALockIsSignedOnlyWhereItIsOne: the holder is written into no other
// file than the one that is locked, and is ours.
func TestALockIsSignedOnlyWhereItIsOne(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(t *testing.T, victim, path string){
		"a link":         func(t *testing.T, victim, path string) { link(t, os.Symlink, victim, path) },
		"another name":   func(t *testing.T, victim, path string) { link(t, os.Link, victim, path) },
		"another file":   func(t *testing.T, _, path string) { put(t, path, nil) },
		"others write":   func(t *testing.T, _, path string) { put(t, path, nil); chmod(t, path, 0o666) },
		"another user's": func(t *testing.T, _, path string) { put(t, path, nil); giveAway(t, path) },
		"a pipe":         func(t *testing.T, _, path string) { pipe(t, path) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			victim, path := filepath.Join(dir, "victim"), filepath.Join(dir, "lock")
			put(t, victim, nil)
			prepare(t, victim, path)
			locked := path
			if name == "another file" {
				locked = victim
			}
			lock := flock.New(locked, flock.SetFlag(os.O_RDWR|report.OpenNoFollow))
			defer lock.Close()
			_, _ = lock.TryLock() // which is refused already where the path is a link
			o := &output{kindLock, path, "--lock", true, ""}
			if err := o.sign(lock, "report.csv"); err == nil || !strings.Contains(err.Error(), "cannot write the lock file") {
				t.Errorf("it was signed: %v", err)
			}
			if text, err := os.ReadFile(victim); err != nil || len(text) > 0 {
				t.Errorf("the victim holds %q, %v", text, err)
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
				run.expect(t, exitSettled)
				return
			}
			run.expect(t, exitUsage, "imsrevoke: cannot write the lock file: "+dir, tt.want, "use --lock to name")
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
