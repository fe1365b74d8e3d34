//go:build linux

package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// paced are the jobs of which the pace is judged.
var paced = []struct {
	rate    string
	rows    int
	workers int
	busy    int // how many in a hundred requests are answered 503
	pauseAt int // the request whose answer asks for a pause of two seconds
}{
	{rate: "1/s", rows: 8, workers: 8},
	{rate: "10/s", rows: 60, workers: 8, busy: 20, pauseAt: 30},
	{rate: "100/s", rows: 600, workers: 8, busy: 30},
	{rate: "100/s", rows: 800, workers: 64, pauseAt: 300},
	{rate: "1000/s", rows: 6000, workers: 32, busy: 20},
	{rate: "1000/s", rows: 6000, workers: 256, pauseAt: 2000},
	{rate: "10000/s", rows: 60000, workers: 64},
	{rate: "10000/s", rows: 60000, workers: 256, busy: 5},
}

// pace runs jobs at rates from 1 to 10,000 a second, and shows by the server's
// own clock how well they keep to them.
func pace(args []string) error {
	flags := flag.NewFlagSet("pace", flag.ExitOnError)
	program := flags.String("program", "bin/imsrevoke", "the program")
	if err := flags.Parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "imsrevoke-pace-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Println("    rate  workers  503 %  requests    mean/s  most in 1 s  first 1 s  1 s after the longest gap")
	for _, p := range paced {
		pairs := filepath.Join(dir, "pairs.csv")
		if err := writePairs(pairs, p.rows, 0); err != nil {
			return err
		}
		s, err := startServer("-busy", fmt.Sprint(p.busy), "-pause-at", fmt.Sprint(p.pauseAt), "-latency", "5ms")
		if err != nil {
			return err
		}
		cmd := exec.Command(*program, "run", pairs, "--yes", "--overwrite", "--rate", p.rate, "--workers", fmt.Sprint(p.workers),
			"--attempts", "20", "--endpoint", s.url, "--report", filepath.Join(dir, "report.csv"), "--lock", filepath.Join(dir, "lock"))
		cmd.Env = []string{"HOME=" + dir, "OS_TOKEN=" + token}
		_, _, err = measure(cmd)
		if err != nil {
			s.close()
			return err
		}
		c, err := s.counts()
		s.close()
		if err != nil {
			return err
		}
		fmt.Printf("%8s  %7d  %5d  %8d  %8.1f  %11d  %9d  %25d\n",
			p.rate, p.workers, p.busy, c.Requests, c.Mean, c.Most, c.First, c.AfterPause)
	}
	return nil
}
