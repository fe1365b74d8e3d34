//go:build e2e

package e2e

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"imsrevoke/batch"
	"imsrevoke/cmd/internal/programtest"
)

// A job is a file of pairs, with a folder of its own, for the program to run on.
type job struct {
	t       *testing.T
	site    *site
	dir     string
	pairs   []batch.Pair
	environ []string
}

func (s *site) newJob(t *testing.T, environ []string, pairs ...batch.Pair) *job {
	t.Helper()
	j := &job{t: t, site: s, dir: t.TempDir(), pairs: pairs, environ: environ}
	var b strings.Builder
	b.WriteString("image_id,member_id\n")
	w := csv.NewWriter(&b)
	for _, p := range pairs {
		w.Write([]string{p.ImageID, p.MemberID})
	}
	w.Flush()
	if err := os.WriteFile(j.path("pairs.csv"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return j
}

// start starts the run, with the flags on top.
func (j *job) start(flags ...string) *programtest.Process {
	j.t.Helper()
	return j.verb("run", append([]string{"--yes"}, flags...)...)
}

// verb starts the program with a verb for the file of pairs.
func (j *job) verb(verb string, flags ...string) *programtest.Process {
	j.t.Helper()
	return j.on("pairs.csv", verb, flags...)
}

// on starts the program with a verb for a file.
func (j *job) on(file, verb string, flags ...string) *programtest.Process {
	j.t.Helper()
	environ := append([]string{"HOME=" + j.dir, "PATH=" + os.Getenv("PATH")}, j.environ...)
	return programtest.Start(j.t, j.site.program, environ, append([]string{verb, j.path(file)}, flags...)...)
}

// run runs the program to its end.
func (j *job) run(flags ...string) ending {
	j.t.Helper()
	return j.end(j.start(flags...), "pairs.report.csv")
}

// check checks the pairs.
func (j *job) check(flags ...string) ending {
	j.t.Helper()
	return j.end(j.verb("check", flags...), "pairs.check.csv")
}

// An ending is what is left of a run.
type ending struct {
	code   int
	output string
	rows   []map[string]string // of the report, by column
}

func (e ending) outcome(i int) batch.Outcome { return batch.Outcome(e.rows[i]["outcome"]) }

func (e ending) outcomes() map[batch.Outcome]int {
	counts := make(map[batch.Outcome]int)
	for i := range e.rows {
		counts[e.outcome(i)]++
	}
	return counts
}

// end waits for the end of the program, and reads the report of that name.
func (j *job) end(v *programtest.Process, report string) ending {
	j.t.Helper()
	code, signal := v.Wait()
	e := ending{code: code, output: v.Output.String()}
	if signal != 0 {
		j.t.Fatalf("the program was ended by %v\n%s", signal, e.output)
	}
	file, err := os.Open(j.path(report))
	if err != nil {
		j.t.Fatalf("exit code %d, no report: %v\n%s", code, err, e.output)
	}
	defer file.Close()
	records, err := csv.NewReader(file).ReadAll()
	if err != nil {
		j.t.Fatal(err)
	}
	for _, record := range records[1:] {
		row := make(map[string]string)
		for i, name := range records[0] {
			row[name] = record[i]
		}
		e.rows = append(e.rows, row)
	}
	if len(e.rows) != len(j.pairs) {
		j.t.Fatalf("the report has %d rows for %d pairs", len(e.rows), len(j.pairs))
	}
	return e
}

func (j *job) path(name string) string { return filepath.Join(j.dir, name) }
