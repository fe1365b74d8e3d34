//go:build linux

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Where there is more than one processor, the last one is the server's, and the
// first one that of the client which is being measured.
var clientCPU, serverCPU = 0, runtime.NumCPU() - 1

// startOn starts a command that runs on one processor.
func startOn(cpu int, cmd *exec.Cmd) error {
	// A child inherits the processors of the thread that starts it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return err
	}
	one.Set(cpu)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return err
	}
	defer unix.SchedSetaffinity(0, &all)
	return cmd.Start()
}

// A serverProcess is a server in a process of its own.
type serverProcess struct {
	url   string
	cmd   *exec.Cmd
	stdin io.Closer
}

func startServer(flags ...string) (*serverProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, append([]string{"serve"}, flags...)...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := startOn(serverCPU, cmd); err != nil {
		return nil, err
	}
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		stdin.Close()
		return nil, fmt.Errorf("the server does not start: %w", err)
	}
	return &serverProcess{url: strings.TrimSpace(address), cmd: cmd, stdin: stdin}, nil
}

// close ends the server.
func (s *serverProcess) close() {
	s.stdin.Close()
	s.cmd.Wait()
}

// measure runs a command to its end, on the client's processor, and reports
// what it and its children have used, and what it has printed.
func measure(cmd *exec.Cmd) (usage, []byte, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	if err := startOn(clientCPU, cmd); err != nil {
		return usage{}, nil, err
	}
	err := cmd.Wait()
	u := usage{Seconds: time.Since(began).Seconds()}
	used := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	u.CPU = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	u.PeakRSS = float64(used.Maxrss << 10)
	if err != nil {
		return u, nil, fmt.Errorf("%s: %w\n%s", cmd, err, stderr.String())
	}
	return u, stdout.Bytes(), nil
}
