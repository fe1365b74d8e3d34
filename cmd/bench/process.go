//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
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

// requests is how many requests the server has seen.
func (s *serverProcess) requests() (n int, err error) {
	return n, s.get("/requests", &n)
}

// counts is what the server has counted.
func (s *serverProcess) counts() (c count, err error) {
	return c, s.get("/counts", &c)
}

func (s *serverProcess) get(path string, to any) error {
	resp, err := http.Get(s.url + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(to)
}

// A running is a command that runs on the client's processor.
type running struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
	began          time.Time
	ended          chan struct{} // closed when it has ended
	err            error
	used           usage // by it and its children
}

func start(cmd *exec.Cmd) (*running, error) {
	r := &running{cmd: cmd, began: time.Now(), ended: make(chan struct{})}
	cmd.Stdout = &r.stdout
	if cmd.Stderr == nil {
		cmd.Stderr = &r.stderr
	}
	if err := startOn(clientCPU, cmd); err != nil {
		return nil, err
	}
	go func() {
		defer close(r.ended)
		err := cmd.Wait()
		r.used = usage{
			Seconds: time.Since(r.began).Seconds(),
			CPU:     (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(),
			PeakRSS: float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10),
		}
		if err != nil {
			r.err = fmt.Errorf("%s: %w\n%s", cmd, err, r.stderr.String())
		}
	}()
	return r, nil
}

// wait waits for the end.
func (r *running) wait() error {
	<-r.ended
	return r.err
}

// until waits until the server has seen n requests, and reports when that was,
// from the start.
func (r *running) until(s *serverProcess, n int) (time.Duration, error) {
	for {
		seen, err := s.requests()
		if seen >= n || err != nil {
			return time.Since(r.began), err
		}
		select {
		case <-r.ended:
			return 0, errors.New("it has ended before")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// measure runs a command to its end, and reports what it has used and printed.
func measure(cmd *exec.Cmd) (usage, []byte, error) {
	r, err := start(cmd)
	if err != nil {
		return usage{}, nil, err
	}
	err = r.wait()
	return r.used, r.stdout.Bytes(), err
}
