//go:build !windows

// Package programtest builds imsrevoke and runs it, for the tests of the program
// as a whole.
package programtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Build returns the path of the program, which is built once for the tests of a
// package. Their TestMain must be [Main], which removes it.
func Build(t *testing.T) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatalf("build the program: %v", err)
	}
	return path
}

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "imsrevoke-test-")
	if err != nil {
		return "", err
	}
	atEnd = append(atEnd, func() error { return os.RemoveAll(dir) })
	path := filepath.Join(dir, "imsrevoke")
	if out, err := exec.Command("go", "build", "-o", path, "imsrevoke/cmd/imsrevoke").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

// A Process is the program as a process of its own. Its methods are for one
// goroutine.
type Process struct {
	t      *testing.T
	cmd    *exec.Cmd
	Output bytes.Buffer  // standard output and error; to be read when it has ended
	ended  chan struct{} // closed when it has ended
}

// Start starts a program. When the test ends, it is killed if it still runs.
func Start(t *testing.T, program string, environment []string, args ...string) *Process {
	t.Helper()
	p := &Process{t: t, cmd: exec.Command(program, args...), ended: make(chan struct{})}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = environment, &p.Output, &p.Output
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // how it ended is in ProcessState
	}()
	t.Cleanup(func() { p.Signal(syscall.SIGKILL); <-p.ended })
	return p
}

// Running reports whether the program has not ended yet.
func (p *Process) Running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// Until waits until something is so, or the program has ended.
func (p *Process) Until(so func() bool) {
	for p.Running() && !so() {
		time.Sleep(100 * time.Microsecond)
	}
}

// Live lets the program live for d, or for as long as it does.
func (p *Process) Live(d time.Duration) {
	select {
	case <-p.ended:
	case <-time.After(d):
	}
}

// Signal sends a signal to the program, which may have ended.
func (p *Process) Signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("send %v: %v", s, err)
	}
}

// Wait waits for the end and returns the exit code; or what signal it was that
// ended the program, 0 for none.
func (p *Process) Wait() (code int, by syscall.Signal) {
	p.t.Helper()
	const patience = 5 * time.Minute // it has hung, whatever the machine is busy with
	p.Live(patience)
	if p.Running() {
		p.t.Fatalf("the program does not end")
	}
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return -1, status.Signal()
	}
	return p.cmd.ProcessState.ExitCode(), 0
}
