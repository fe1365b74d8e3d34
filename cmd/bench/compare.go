//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// A contestant is a program that revokes shares.
type contestant struct {
	name string
	// rows is how many of the pairs it is given: slow ones get fewer.
	rows int
	// run revokes the first rows pairs.
	run func(c *contest, rows int) (usage, error)
	// seen are the rounds' results, for one row.
	seen []usage
}

// A contest is a comparison under way.
type contest struct {
	program string
	server  *serverProcess
	workers int
	dir     string
}

// compare has every contestant revoke the same shares from the same server,
// in rounds of changing order, and prints a table, and how long the program
// takes to start.
func compare(args []string) error {
	flags := flag.NewFlagSet("compare", flag.ExitOnError)
	program := flags.String("program", "bin/imsrevoke", "the program")
	rows := flags.Int("rows", 100_000, "how many pairs the quick ones are given")
	rounds := flags.Int("rounds", 9, "how often each one runs")
	workers := flags.Int("workers", 32, "requests in flight")
	out := flags.String("out", "", "also write the table to this file")
	only := flags.String("only", "", "run only these, separated by commas")
	if err := flags.Parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "imsrevoke-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	server, err := startServer()
	if err != nil {
		return err
	}
	defer server.close()
	c := &contest{program: *program, server: server, workers: *workers, dir: dir}
	all := contestants(*rows)
	if *only != "" {
		names := strings.Split(*only, ",")
		all = slices.DeleteFunc(all, func(s *contestant) bool { return !slices.Contains(names, s.name) })
	}
	for _, s := range all {
		if err := (pairsFile{rows: s.rows}).write(c.pairs(s.rows)); err != nil {
			return err
		}
	}
	for round := range *rounds {
		order := rand.Perm(len(all))
		for _, i := range order {
			s := all[i]
			u, err := s.run(c, s.rows)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			n := float64(s.rows)
			s.seen = append(s.seen, usage{Seconds: u.Seconds / n, CPU: u.CPU / n, PeakRSS: u.PeakRSS})
		}
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, *rounds)
	}
	start, err := startUp(*program, dir)
	if err != nil {
		return err
	}
	text := table(all, *workers) + "\n" + start
	fmt.Print(text)
	if *out == "" {
		return nil
	}
	return os.WriteFile(*out, []byte(text), 0o666)
}

func contestants(rows int) []*contestant {
	all := []*contestant{
		{name: "imsrevoke", rows: rows, run: runProgram},
		{name: "imsrevoke + bar", rows: rows, run: runOnTerminal},
	}
	for _, name := range []string{"std", "tuned", "gophercloud", "raw"} {
		all = append(all, &contestant{name: name, rows: rows, run: plain(name)})
	}
	if found("curl") {
		all = append(all, &contestant{name: "curl --parallel", rows: rows / 5, run: runCurl})
		if found("xargs") {
			all = append(all, &contestant{name: "xargs -P curl", rows: max(rows/500, 1), run: runXargs})
		}
	}
	if exec.Command(python, "-c", "import openstack").Run() == nil {
		all = append(all, &contestant{name: "openstacksdk", rows: max(rows/100, 1), run: runSDK})
	}
	if found("openstack") {
		all = append(all, &contestant{name: "openstack CLI", rows: 2, run: runCLI})
	}
	return all
}

func found(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

func (c *contest) pairs(rows int) string { return filepath.Join(c.dir, fmt.Sprintf("%d.csv", rows)) }

// runProgram runs the whole job, from the start of the process to its end.
func runProgram(c *contest, rows int) (usage, error) {
	u, _, err := measure(c.job(rows))
	return u, err
}

// runOnTerminal runs the whole job with a progress bar on a terminal.
func runOnTerminal(c *contest, rows int) (usage, error) {
	t, err := openTerminal()
	if err != nil {
		return usage{}, err
	}
	cmd := c.job(rows)
	cmd.Stderr = t.screen
	u, _, err := measure(cmd)
	if shown := t.close(); err == nil && !bytes.Contains(shown, []byte("\r")) {
		err = fmt.Errorf("no bar was drawn: %s", shown)
	}
	return u, err
}

// job is the command that revokes the first rows pairs.
func (c *contest) job(rows int) *exec.Cmd {
	cmd := exec.Command(c.program, "run", c.pairs(rows), "--yes", "--overwrite", "--rate", "unlimited",
		"--workers", fmt.Sprint(c.workers), "--endpoint", c.server.url, "--report", filepath.Join(c.dir, "report.csv"))
	cmd.Env = []string{"HOME=" + c.dir, "OS_TOKEN=" + token}
	return cmd
}

// plain runs a plain client, which tells itself what it has used, without its
// start and its reading of the pairs.
func plain(name string) func(*contest, int) (usage, error) {
	return func(c *contest, rows int) (usage, error) {
		self, err := os.Executable()
		if err != nil {
			return usage{}, err
		}
		whole, out, err := measure(exec.Command(self, "client", name, c.server.url, fmt.Sprint(c.workers), c.pairs(rows)))
		if err != nil {
			return usage{}, err
		}
		var u usage
		err = json.Unmarshal(out, &u)
		u.PeakRSS = whole.PeakRSS
		return u, err
	}
}

// urls writes the addresses of the shares to a file, each in a line of that form.
func (c *contest) urls(rows int, line string) (string, error) {
	pairs, err := readPairs(c.pairs(rows))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, p := range pairs {
		fmt.Fprintf(&b, line, c.server.url+"/v2/images/"+p.ImageID+"/members/"+p.MemberID)
	}
	path := filepath.Join(c.dir, "urls")
	return path, os.WriteFile(path, []byte(b.String()), 0o666)
}

func runXargs(c *contest, rows int) (usage, error) {
	path, err := c.urls(rows, "%s\n")
	if err != nil {
		return usage{}, err
	}
	u, _, err := measure(exec.Command("xargs", "-a", path, "-n", "1", "-P", fmt.Sprint(c.workers),
		"curl", "-sSf", "-o", "/dev/null", "-X", "DELETE", "-H", "X-Auth-Token: "+token))
	return u, err
}

func runCurl(c *contest, rows int) (usage, error) {
	path, err := c.urls(rows, "url = \"%s\"\n")
	if err != nil {
		return usage{}, err
	}
	u, _, err := measure(exec.Command("curl", "-sSf", "-X", "DELETE", "-H", "X-Auth-Token: "+token,
		"--parallel", "--parallel-max", fmt.Sprint(c.workers), "-K", path))
	return u, err
}

// python is the interpreter for which Debian has its packages.
const python = "/usr/bin/python3"

// sdkScript revokes the shares by openstacksdk, with threads.
const sdkScript = `
import csv, sys, concurrent.futures, openstack
endpoint, token, workers, path = sys.argv[1:]
conn = openstack.connect(auth_type="admin_token", auth={"endpoint": endpoint, "token": token},
    image_endpoint_override=endpoint + "/v2", image_api_version="2")
image = conn.image
with open(path) as f:
    rows = list(csv.reader(f))[1:]
def remove(row):
    image.remove_member(row[1], row[0], ignore_missing=False)
with concurrent.futures.ThreadPoolExecutor(int(workers)) as pool:
    list(pool.map(remove, rows))
`

func runSDK(c *contest, rows int) (usage, error) {
	u, _, err := measure(exec.Command(python, "-c", sdkScript, c.server.url, token, fmt.Sprint(c.workers), c.pairs(rows)))
	return u, err
}

// runCLI has a shell loop call OpenStack's command for each of the shares.
func runCLI(c *contest, rows int) (usage, error) {
	u, _, err := measure(exec.Command("sh", "-c", `sed 1d "$2" | while IFS=, read -r image member; do
openstack --os-auth-type admin_token --os-endpoint "$0" --os-token "$1" image remove project "$image" "$member" || exit; done`,
		c.server.url, token, c.pairs(rows)))
	return u, err
}

// table shows what each contestant has needed, and how that compares with the
// plainest loop in the same round.
func table(all []*contestant, workers int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s, %d processors (one for the server, one for the client), %d workers\n",
		time.Now().UTC().Format(time.DateOnly), runtime.Version(), runtime.NumCPU(), workers)
	fmt.Fprintf(&b, "median of %d rounds (smallest to largest); throughput and CPU are ratios within a round\n\n", len(all[0].seen))
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\trows\trows/s\tthroughput vs std\tvs tuned\tCPU µs/row\tCPU vs std\tpeak MiB\t")
	std, tuned := seenOf(all, "std"), seenOf(all, "tuned")
	rate := func(u usage) float64 { return 1 / u.Seconds }
	cpu := func(u usage) float64 { return u.CPU }
	for _, s := range all {
		fmt.Fprintf(w, "%s\t%d\t%.0f\t%s\t%s\t%.1f\t%s\t%.0f\t\n", s.name, s.rows,
			median(values(s.seen, rate)),
			ratios(s.seen, std, rate), ratios(s.seen, tuned, rate),
			median(values(s.seen, cpu))*1e6,
			ratios(s.seen, std, cpu),
			median(values(s.seen, func(u usage) float64 { return u.PeakRSS }))/(1<<20))
	}
	w.Flush()
	return b.String()
}

func seenOf(all []*contestant, name string) []usage {
	for _, s := range all {
		if s.name == name {
			return s.seen
		}
	}
	return nil
}

func values(seen []usage, of func(usage) float64) []float64 {
	v := make([]float64, len(seen))
	for i, u := range seen {
		v[i] = of(u)
	}
	return v
}

// ratios is the median of what a has of b, round by round, with its spread.
func ratios(a, b []usage, of func(usage) float64) string {
	if len(b) == 0 {
		return ""
	}
	r := quotients(a, b, of)
	digits := 2
	if median(r) < 0.1 {
		digits = 5 // of a shell loop
	}
	return fmt.Sprintf("%.*f (%.*f–%.*f)", digits, median(r), digits, slices.Min(r), digits, slices.Max(r))
}

// quotients are what a has of b, one by one.
func quotients(a, b []usage, of func(usage) float64) []float64 {
	q := make([]float64, len(a))
	for i := range a {
		q[i] = of(a[i]) / of(b[i])
	}
	return q
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}
