//go:build linux

package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// A pacedJob is a job of which the pace is judged.
type pacedJob struct {
	rate    int // a second
	workers int
	busy    int // how many in a hundred requests are answered 503
	rows    int
	latency time.Duration
	paused  bool // the request in the middle is answered with a pause
	stuck   bool // the request in the middle is answered after stuckFor

	count count
	used  usage
}

const (
	pauseFor = 2 * time.Second // as the server asks
	stuckFor = 10 * time.Second
)

// pacedJobs are all jobs at a rate that go on for so many seconds.
func pacedJobs(rate, seconds int) []*pacedJob {
	var jobs []*pacedJob
	for _, workers := range []int{8, 64, 256} {
		j := pacedJob{rate: rate, workers: workers, rows: rate * seconds, latency: 5 * time.Millisecond}
		if ideal := float64(workers) / j.latency.Seconds(); ideal < float64(rate) {
			j.latency = 0
		}
		busy, busier, paused := j, j, j
		busy.busy, busier.busy, paused.paused = 20, 30, true
		jobs = append(jobs, &j, &busy, &busier, &paused)
	}
	return jobs
}

// pace runs jobs at rates from 1 to 10,000 a second, and judges by the server's
// own clock how well they keep to them, and whether they are held up by what
// takes long.
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
	p := &pacer{program: *program, dir: dir}
	fmt.Println("  rate  workers  503 %  requests    mean/s  most in 1 s  first 1 s  1 s after the pause  process s")
	// Jobs that leave the processors idle run beside each other.
	slow := append(append(pacedJobs(1, 12), pacedJobs(10, 12)...), pacedJobs(100, 8)...)
	for _, step := range []struct {
		jobs     []*pacedJob
		together int
	}{{slow, len(slow)}, {pacedJobs(1000, 5), 3}, {pacedJobs(10_000, 4), 1}} {
		if err := p.run(step.jobs, step.together); err != nil {
			return err
		}
		for _, j := range step.jobs {
			p.show(j)
		}
	}
	if err := p.tail(); err != nil {
		return err
	}
	if p.missed > 0 {
		return fmt.Errorf("%d goals are missed", p.missed)
	}
	return nil
}

// A pacer runs jobs, and counts the goals that are missed.
type pacer struct {
	program, dir string
	missed       int
}

// run runs jobs, so many at the same time.
func (p *pacer) run(jobs []*pacedJob, together int) error {
	var g errgroup.Group
	g.SetLimit(together)
	for i, j := range jobs {
		g.Go(func() error { return j.run(p.program, filepath.Join(p.dir, fmt.Sprint(i))) })
		time.Sleep(250 * time.Millisecond) // to start is work
	}
	return g.Wait()
}

// run runs the job in a directory of its own.
func (j *pacedJob) run(program, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	pairs := filepath.Join(dir, "pairs.csv")
	if err := (pairsFile{rows: j.rows}).write(pairs); err != nil {
		return err
	}
	serverFlags := []string{"-busy", fmt.Sprint(j.busy), "-latency", j.latency.String(), "-last", pair(j.rows - 1)[1]}
	if j.paused {
		serverFlags = append(serverFlags, "-pause-at", fmt.Sprint(j.rows/2))
	}
	if j.stuck {
		serverFlags = append(serverFlags, "-stuck", fmt.Sprint(j.rows/2), "-stuck-for", stuckFor.String())
	}
	s, err := startServer(serverFlags...)
	if err != nil {
		return err
	}
	defer s.close()
	rate := "unlimited"
	if j.rate > 0 {
		rate = fmt.Sprintf("%d/s", j.rate)
	}
	// Few attempts, for the end of the job is a wait for the rows that are tried
	// most often. And at 1/s three rows without luck look like an outage.
	cmd := exec.Command(program, "run", pairs, "--yes", "--overwrite", "--rate", rate, "--workers", fmt.Sprint(j.workers),
		"--attempts", "3", "--outage-patience", "0", "--endpoint", s.url,
		"--report", filepath.Join(dir, "report.csv"), "--lock", filepath.Join(dir, "lock"))
	cmd.Env = []string{"HOME=" + dir, "OS_TOKEN=" + token}
	j.used, _, err = measure(cmd)
	var exit *exec.ExitError
	if j.busy > 0 && errors.As(err, &exit) && exit.ExitCode() == 1 {
		err = nil // a row has met three 503
	}
	if err != nil {
		return err
	}
	j.count, err = s.counts()
	return err
}

// mean is how many requests came in a second until every row had been sent,
// the pause left out.
func (j *pacedJob) mean() float64 { return float64(j.count.Sent-1) / j.seconds() }

func (j *pacedJob) seconds() float64 {
	if !j.paused {
		return j.count.Seconds
	}
	// The next request would not have come at once without a pause.
	lost := j.count.Gap - 1/float64(j.rate)
	return j.count.Seconds - min(lost, (pauseFor+j.latency).Seconds())
}

// show prints how the job has kept to its rate, and what was missed.
func (p *pacer) show(j *pacedJob) {
	c := j.count
	var missed []string
	if late := j.seconds() - float64(c.Sent-1)/float64(j.rate)*1.005 - j.latency.Seconds(); late > 0 {
		missed = append(missed, fmt.Sprintf("the mean, by %.0f ms", late*1e3))
	}
	if over := c.Most - int(1.03*float64(j.rate)+1); over > 0 {
		missed = append(missed, fmt.Sprintf("the most in 1 s, by %d", over))
	}
	after := ""
	if j.paused {
		after = fmt.Sprint(c.AfterGap)
	}
	fmt.Printf("%6d  %7d  %5d  %8d  %8.1f  %11d  %9d  %19s  %9.2f  %s\n",
		j.rate, j.workers, j.busy, c.Requests, j.mean(), c.Most, c.First, after, j.used.Seconds, p.verdict(missed...))
}

// verdict says whether a goal is met, and counts it if not.
func (p *pacer) verdict(missed ...string) string {
	if len(missed) == 0 {
		return "met"
	}
	p.missed++
	return "missed: " + strings.Join(missed, ", ")
}

// tail runs the jobs that are held up if anything can hold them up.
func (p *pacer) tail() error {
	stuck := &pacedJob{rate: 5000, workers: 16, rows: 40_000, stuck: true}
	plain := &pacedJob{rate: 5000, workers: 16, rows: 40_000}
	far := &pacedJob{workers: 128, rows: 102_400, latency: 50 * time.Millisecond}
	busy := &pacedJob{workers: 128, rows: 54_000, latency: 50 * time.Millisecond, busy: 30}
	if err := p.run([]*pacedJob{stuck, plain, far, busy}, 1); err != nil {
		return err
	}
	fmt.Printf("\none row stuck for %v among %d, and none:\n", stuckFor, stuck.rows)
	p.show(stuck)
	p.show(plain)
	fmt.Printf("peak memory %.1f MiB, and %.1f MiB: %s\n", stuck.used.PeakRSS/(1<<20), plain.used.PeakRSS/(1<<20),
		p.verdict(atLeast("alike", plain.used.PeakRSS/stuck.used.PeakRSS, 0.8)...))
	fmt.Printf("\n%d workers at a latency of %v make %.1f %% of the requests that they could: %s\n", far.workers, far.latency,
		100*far.efficiency(), p.verdict(atLeast("efficiency", far.efficiency(), 0.98)...))
	fmt.Printf("and as long as there are new rows, with %d %% of 503, %.1f %%: %s\n", busy.busy,
		100*busy.efficiency(), p.verdict(atLeast("as without 503", busy.efficiency()/far.efficiency(), 0.98)...))
	return nil
}

// atLeast says what is missed when a share is below its goal.
func atLeast(what string, share, goal float64) []string {
	if share >= goal {
		return nil
	}
	return []string{fmt.Sprintf("%s, %.1f %% of %.0f %%", what, 100*share, 100*goal)}
}

// efficiency is the share of the requests that workers who never wait for
// anything but answers would have made until every row had been sent.
func (j *pacedJob) efficiency() float64 {
	seconds := j.count.Seconds + j.latency.Seconds()
	return float64(j.count.Sent) / (float64(j.workers) * seconds / j.latency.Seconds())
}
