//go:build linux

package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// scale runs the whole job on files of growing length, one row in a hundred a
// repeat, and prints how its cost grows. The longest file is run once more: it
// is killed when half of it is done, and resumed.
func scale(args []string) error {
	flags := flag.NewFlagSet("scale", flag.ExitOnError)
	program := flags.String("program", "bin/imsrevoke", "the program")
	sizes := flags.String("rows", "10000,100000,1000000,10000000", "the lengths of the files")
	dir := flags.String("dir", os.TempDir(), "where the files go: six gigabytes for ten million rows")
	if err := flags.Parse(args); err != nil {
		return err
	}
	work, err := os.MkdirTemp(*dir, "imsrevoke-scale-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "rows\t\tseconds\trows/s\tCPU µs/row\tuntil the first request\tpeak MiB\tjournal MiB\treport MiB\t")
	j := &scaleJob{program: *program, dir: work, out: w}
	for size := range strings.SplitSeq(*sizes, ",") {
		if j.rows, err = strconv.Atoi(size); err != nil {
			return err
		}
		if err := writePairs(j.path("pairs.csv"), j.rows, 100); err != nil {
			return err
		}
		if err := j.whole(); err != nil {
			return err
		}
		w.Flush()
	}
	if err := j.halves(); err != nil {
		return err
	}
	return w.Flush()
}

// A scaleJob is a file to be worked on.
type scaleJob struct {
	program, dir string
	rows         int
	out          io.Writer
}

func (j *scaleJob) path(name string) string { return filepath.Join(j.dir, name) }

func (j *scaleJob) command(s *serverProcess, flags ...string) *exec.Cmd {
	cmd := exec.Command(j.program, append([]string{"run", j.path("pairs.csv"), "--yes", "--rate", "unlimited", "--workers", "32",
		"--endpoint", s.url, "--report", j.path("report.csv"), "--lock", j.path("lock")}, flags...)...)
	cmd.Env = []string{"HOME=" + j.dir, "OS_TOKEN=" + token}
	return cmd
}

// whole runs the job to its end.
func (j *scaleJob) whole() error {
	s, err := startServer()
	if err != nil {
		return err
	}
	defer s.close()
	r, err := start(j.command(s, "--overwrite"))
	if err != nil {
		return err
	}
	first, err := r.until(s, 1)
	if err != nil {
		return errors.Join(err, r.wait())
	}
	if err := r.wait(); err != nil {
		return err
	}
	return j.show("", r.used, first)
}

// halves runs the job, kills it when half is done, and resumes it.
func (j *scaleJob) halves() error {
	s, err := startServer()
	if err != nil {
		return err
	}
	defer s.close()
	r, err := start(j.command(s, "--overwrite"))
	if err != nil {
		return err
	}
	if _, err := r.until(s, j.rows/2); err != nil {
		return errors.Join(err, r.wait())
	}
	r.cmd.Process.Kill()
	r.wait() // says that it was killed
	sent, err := s.requests()
	if err != nil {
		return err
	}
	if r, err = start(j.command(s, "--resume")); err != nil {
		return err
	}
	first, err := r.until(s, sent+1)
	if err != nil {
		return errors.Join(err, r.wait())
	}
	if err := r.wait(); err != nil {
		return err
	}
	return j.show("the second half, resumed", r.used, first)
}

// show checks the report, and prints a line of the table.
func (j *scaleJob) show(what string, used usage, first time.Duration) error {
	lines, size, err := measureFile(j.path("report.csv"))
	if err != nil {
		return err
	}
	if lines != j.rows+1 {
		return fmt.Errorf("the report has %d lines for %d rows", lines, j.rows)
	}
	journal, err := os.Stat(j.path("report.csv.journal"))
	if err != nil {
		return err
	}
	n := float64(j.rows)
	fmt.Fprintf(j.out, "%d\t%s\t%.1f\t%.0f\t%.1f\t%.2f s\t%.0f\t%.0f\t%.0f\t\n", j.rows, what, used.Seconds, n/used.Seconds,
		used.CPU/n*1e6, first.Seconds(), used.PeakRSS/(1<<20), float64(journal.Size())/(1<<20), float64(size)/(1<<20))
	return nil
}

// measureFile counts the lines of a file, and its bytes.
func measureFile(path string) (lines int, size int64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, 1<<20)
	for {
		part, err := in.ReadSlice('\n')
		size += int64(len(part))
		lines += bytes.Count(part, []byte{'\n'})
		if err == io.EOF {
			return lines, size, nil
		}
		if err != nil && err != bufio.ErrBufferFull {
			return 0, 0, err
		}
	}
}
