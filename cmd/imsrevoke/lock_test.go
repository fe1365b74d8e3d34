//go:build !windows

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestAHomeThatCannotBeWrittenIsNone: uid 65534 in a container has HOME=/, and
// needs a lock all the same.
func TestAHomeThatCannotBeWrittenIsNone(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	put(t, file, nil)
	owned := t.TempDir()
	if err := os.MkdirAll(filepath.Join(owned, ".local", "state", "imsrevoke"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name      string
		variables []string
		elsewhere bool // the lock is not below the home
		code      int
	}{
		{"a home", []string{"HOME=" + owned}, false, exitSettled},
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
			locks, err := filepath.Glob(filepath.Join(temporary, "state-*", "imsrevoke", "*.lock"))
			if err != nil || len(locks) == 1 != tt.elsewhere {
				t.Errorf("locks among the temporary files: %v, %v", locks, err)
			}
		})
	}
}

// TestALockIsSignedOnlyWhereItIsOne: the holder is written into no other
// file than the one that was judged.
func TestALockIsSignedOnlyWhereItIsOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	victim, path := filepath.Join(dir, "victim"), filepath.Join(dir, "lock")
	put(t, victim, nil)
	link(t, os.Symlink, victim, path)
	o := &output{kindLock, path, "--lock", true, ""}
	if err := signLock(o, "report.csv"); err == nil || !strings.Contains(err.Error(), "cannot write the lock file") {
		t.Errorf("a link was signed: %v", err)
	}
	if text, err := os.ReadFile(victim); err != nil || len(text) > 0 {
		t.Errorf("it leads to %q, %v", text, err)
	}
}
