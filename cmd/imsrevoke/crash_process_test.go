//go:build !windows

package main_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// build builds the program and returns the path of it.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "imsrevoke")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	return path
}

// A victim is a running program that is about to be killed.
type victim struct {
	t      *testing.T
	cmd    *exec.Cmd
	output bytes.Buffer  // to be read when it has ended
	ended  chan struct{} // closed when it has ended
}

// setOff starts the program.
func setOff(t *testing.T, program string, environment []string, args ...string) *victim {
	t.Helper()
	v := &victim{t: t, cmd: exec.Command(program, args...), ended: make(chan struct{})}
	v.cmd.Env, v.cmd.Stdout, v.cmd.Stderr = environment, &v.output, &v.output
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(v.ended)
		_ = v.cmd.Wait() // how it ended is in ProcessState
	}()
	t.Cleanup(func() { v.signal(syscall.SIGKILL); <-v.ended })
	return v
}

func (v *victim) running() bool {
	select {
	case <-v.ended:
		return false
	default:
		return true
	}
}

// until waits until something is so, or the program has ended.
func (v *victim) until(so func() bool) {
	for v.running() && !so() {
		time.Sleep(100 * time.Microsecond)
	}
}

// live lets the program live for d, or for as long as it does.
func (v *victim) live(d time.Duration) {
	select {
	case <-v.ended:
	case <-time.After(d):
	}
}

// signal sends a signal to the program, which may have ended.
func (v *victim) signal(s syscall.Signal) {
	v.t.Helper()
	if err := v.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		v.t.Errorf("send %v: %v", s, err)
	}
}

// wait waits for the end and returns the exit code; or what signal it was that
// ended the program, 0 for none.
func (v *victim) wait() (code int, by syscall.Signal) {
	v.t.Helper()
	const patience = 5 * time.Minute // it has hung, whatever the machine is busy with
	v.live(patience)
	if v.running() {
		v.t.Fatalf("the program does not end")
	}
	if status, ok := v.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return -1, status.Signal()
	}
	return v.cmd.ProcessState.ExitCode(), 0
}
