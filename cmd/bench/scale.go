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
	"time"
)

// scale runs the whole job on files of growing length, one row in a hundred a
// repeat, and prints how its cost grows, and that of the page that is made of
// its report. The longest file is run once more: it is killed when half of it is
// done, and resumed. Two more files show what the memory depends on: one with
// long notes in the rows, and one as long as the longest with each pair twice.
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
	fmt.Println("    rows  seconds  rows/s  CPU µs/row  s until the first request  peak MiB  journal MiB  report MiB  page: s  MiB  peak MiB")
	j := &scaleJob{program: *program, dir: work}
	for size := range strings.SplitSeq(*sizes, ",") {
		if j.rows, err = strconv.Atoi(size); err != nil {
			return err
		}
		if err := j.whole(pairsFile{rows: j.rows, repeats: 100}, ""); err != nil {
			return err
		}
	}
	if err := j.halves(); err != nil {
		return err
	}
	longest := j.rows
	j.rows = min(longest, 100_000)
	if err := j.whole(pairsFile{rows: j.rows, note: 4096}, "  (4 KiB of notes in each row)"); err != nil {
		return err
	}
	j.rows = longest
	return j.whole(pairsFile{rows: j.rows, twice: true}, "  (each pair twice)")
}

// A scaleJob is a file to be worked on.
type scaleJob struct {
	program, dir string
	rows         int
}

func (j *scaleJob) path(name string) string { return filepath.Join(j.dir, name) }

func (j *scaleJob) command(s *serverProcess, flags ...string) *exec.Cmd {
	cmd := exec.Command(j.program, append([]string{"run", j.path("pairs.csv"), "--yes", "--rate", "unlimited", "--workers", "32",
		"--endpoint", s.url, "--report", j.path("report.csv"), "--lock", j.path("lock")}, flags...)...)
	cmd.Env = []string{"HOME=" + j.dir, "OS_TOKEN=" + token}
	return cmd
}

// whole runs the job on a file to its end, and says what kind of file it is.
func (j *scaleJob) whole(file pairsFile, kind string) error {
	if err := file.write(j.path("pairs.csv")); err != nil {
		return err
	}
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
	page, err := j.page()
	if err != nil {
		return err
	}
	return j.show(page+kind, r.used, first)
}

// page makes a page of the report, and says what that has cost.
func (j *scaleJob) page() (string, error) {
	used, _, err := measure(exec.Command(j.program, "report", j.path("report.csv"), "--output", j.path("page.html"), "--overwrite"))
	if err != nil {
		return "", err
	}
	page, err := os.Stat(j.path("page.html"))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("  %7.1f  %3.0f  %8.0f", used.Seconds, float64(page.Size())/(1<<20), used.PeakRSS/(1<<20)), nil
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
	return j.show("  (the second half, resumed)", r.used, first)
}

// show checks the report, and prints a line of the table.
func (j *scaleJob) show(more string, used usage, first time.Duration) error {
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
	fmt.Printf("%8d  %7.1f  %6.0f  %10.1f  %25.2f  %8.0f  %11.0f  %10.0f%s\n", j.rows, used.Seconds, n/used.Seconds,
		used.CPU/n*1e6, first.Seconds(), used.PeakRSS/(1<<20), float64(journal.Size())/(1<<20), float64(size)/(1<<20), more)
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
