package report

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"imsrevoke/batch"
)

// A shardedRun writes the reports of the shards of one file, and the report
// that a run of the whole file would have left.
type shardedRun struct {
	dir   string
	rows  []batch.Row
	shard []int // of each row
	n     int
	run   Run // of all of them

	change func(shard int, run *Run)
}

func newShardedRun(t testing.TB, n int, shard []int) *shardedRun {
	whole := thisRun
	whole.WholeRows, whole.WholeDigest = len(shard), "whole"
	return &shardedRun{dir: t.TempDir(), rows: rowsOf(len(shard)), shard: shard, n: n, run: whole}
}

func (s *shardedRun) path(shard int) string {
	return filepath.Join(s.dir, fmt.Sprintf("%d.csv", shard))
}

// paths are the reports of all the shards.
func (s *shardedRun) paths() []string {
	var paths []string
	for i := range s.n {
		paths = append(paths, s.path(i))
	}
	return paths
}

func outcomeOf(row batch.Row) batch.Result {
	outcomes := batch.Outcomes()
	r := ended(row, outcomes[(row.Line*7)%len(outcomes)])
	if r.Outcome == batch.Planned {
		r.Outcome = batch.Failed
	}
	r.Message, r.Lost = fmt.Sprint("said of ", row.Line), false
	return r
}

// write writes the report of a shard, and its journal.
func (s *shardedRun) write(t testing.TB, shard int, end bool) {
	t.Helper()
	run := s.run
	run.Shard, run.Digest, run.Rows = fmt.Sprintf("%d/%d", shard, s.n), fmt.Sprint("digest ", shard), 0
	var rows []batch.Row
	var results []batch.Result
	var other [][]string
	for i, row := range s.rows {
		if s.shard[i] == shard {
			row.Seq = len(rows)
			rows, results, other = append(rows, row), append(results, outcomeOf(row)), append(other, []string{fmt.Sprint("note ", i)})
		}
	}
	run.Rows = len(rows)
	if s.change != nil {
		s.change(shard, &run)
	}
	s.writeReport(t, s.path(shard), run, rows, results, other, end)
}

func (s *shardedRun) writeReport(t testing.TB, path string, run Run, rows []batch.Row, results []batch.Result, other [][]string, end bool) {
	t.Helper()
	os.Remove(path + ".journal")
	plan := planOf(t, rows, []string{"note"}, other)
	defer plan.Close()
	run.Rows = len(rows)
	j, err := CreateJournal(path+".journal", plan, run)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for _, r := range results {
		if err := j.Record(r); err != nil {
			t.Fatal(err)
		}
	}
	if end {
		err = j.End(Stop{}, batch.Summary{})
	} else {
		err = j.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	c := CSV{Journal: j}
	if _, err := c.WriteFile(path); err != nil {
		t.Fatal(err)
	}
}

// whole is the report of a run of the whole file.
func (s *shardedRun) whole(t testing.TB) string {
	t.Helper()
	var results []batch.Result
	var other [][]string
	for i, row := range s.rows {
		results, other = append(results, outcomeOf(row)), append(other, []string{fmt.Sprint("note ", i)})
	}
	path := filepath.Join(s.dir, "whole.csv")
	run := thisRun
	run.Rows = len(s.rows)
	s.writeReport(t, path, run, s.rows, results, other, true)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// mergeFiles merges reports into dir/merged.csv.
func mergeFiles(t testing.TB, dir string, paths ...string) (string, error) {
	t.Helper()
	var shards []*Results
	for _, path := range paths {
		r, err := OpenResults(path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		shards = append(shards, r)
	}
	merged := filepath.Join(dir, "merged.csv")
	os.Remove(merged)
	if _, err := MergeFile(merged, shards); err != nil {
		if _, there := os.Stat(merged); there == nil {
			t.Error("there is a merged report")
		}
		return "", err
	}
	text, err := os.ReadFile(merged)
	return string(text), err
}

// However the rows are dealt out, and in whatever order the reports come, the
// merged report is that of a run of the whole file.
func TestTheMergedReportIsThatOfTheWholeFile(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(rt, "shards")
		s := newShardedRun(t, n, rapid.SliceOfN(rapid.IntRange(0, n-1), 0, 40).Draw(rt, "shard of each row"))
		for i := range n {
			s.write(t, i, true)
		}
		paths := rapid.Permutation(s.paths()).Draw(rt, "order")
		merged, err := mergeFiles(t, s.dir, paths...)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(s.whole(t), merged); diff != "" {
			rt.Fatal(diff)
		}
	})
}

func TestWhatDoesNotMakeUpAWholeIsRefused(t *testing.T) {
	deal := []int{0, 1, 2, 0, 1, 2, 2, 0, 1}
	tests := []struct {
		name string
		do   func(t *testing.T, s *shardedRun) (paths []string)
		want string
	}{
		{"a shard is missing", func(t *testing.T, s *shardedRun) []string { return s.paths()[1:] }, "no report of shard 0/3$"},
		{"a shard comes twice", func(t *testing.T, s *shardedRun) []string { return append(s.paths(), s.path(1)) }, `1\.csv and .*1\.csv are both of shard 1/3`},
		{"of another file", func(t *testing.T, s *shardedRun) []string {
			s.run.WholeDigest = "other"
			s.write(t, 2, true)
			return s.paths()
		}, `2\.csv is of other pairs`},
		{"of another endpoint", func(t *testing.T, s *shardedRun) []string {
			s.run.Endpoint = "https://elsewhere"
			s.write(t, 1, true)
			return s.paths()
		}, "endpoint https://elsewhere"},
		{"of another project", func(t *testing.T, s *shardedRun) []string {
			s.run.Project = "p2"
			s.write(t, 1, true)
			return s.paths()
		}, "project p2"},
		{"of another verb", func(t *testing.T, s *shardedRun) []string {
			s.run.Verb = "restore"
			s.write(t, 1, true)
			return s.paths()
		}, "verb restore, and .* of run"},
		{"of another cut", func(t *testing.T, s *shardedRun) []string {
			s.n = 4
			s.write(t, 1, true)
			return s.paths()[:3]
		}, "shard 1/4, .* 0/3"},
		{"of a whole file", func(t *testing.T, s *shardedRun) []string {
			s.whole(t)
			return []string{filepath.Join(s.dir, "whole.csv")}
		}, "not the report of a shard"},
		{"of a shard without sense", func(t *testing.T, s *shardedRun) []string {
			s.change = func(_ int, run *Run) { run.Shard = "3/3" }
			s.write(t, 0, true)
			return s.paths()
		}, `shard "3/3"`},
		{"the run goes on", func(t *testing.T, s *shardedRun) []string { s.write(t, 1, false); return s.paths() }, "in progress"},
		{"the journal is missing", func(t *testing.T, s *shardedRun) []string { os.Remove(s.path(1) + ".journal"); return s.paths() }, "not beside it"},
		{"a journal is named", func(t *testing.T, s *shardedRun) []string {
			paths := s.paths()
			paths[1] += ".journal"
			return paths
		}, "is a journal"},
		{"a row was taken out", func(t *testing.T, s *shardedRun) []string {
			edit(t, s.path(1), func(lines []string) []string { return slices.Delete(lines, 2, 3) })
			return s.paths()
		}, "1.csv: .*rows of the report are missing"},
		{"rows were moved", func(t *testing.T, s *shardedRun) []string {
			edit(t, s.path(1), func(lines []string) []string { lines[1], lines[2] = lines[2], lines[1]; return lines })
			return s.paths()
		}, "order of the input"},
		{"a line stands in two", func(t *testing.T, s *shardedRun) []string {
			edit(t, s.path(1), func(lines []string) []string { lines[1] = "2" + lines[1][1:]; return lines })
			return s.paths()
		}, `line 2 is in .*0\.csv and in .*1\.csv`},
		{"other columns", func(t *testing.T, s *shardedRun) []string {
			edit(t, s.path(2), func(lines []string) []string { lines[0] = strings.Replace(lines[0], "note", "ticket", 1); return lines })
			return s.paths()
		}, "different columns"},
		{"filtered shards", func(t *testing.T, s *shardedRun) []string {
			s.run.WholeRows = 20
			for i := range s.n {
				s.write(t, i, true)
			}
			return s.paths()
		}, "9 of the 20 rows of pairs.csv"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newShardedRun(t, 3, deal)
			for i := range s.n {
				s.write(t, i, true)
			}
			_, err := mergeFiles(t, s.dir, tt.do(t, s)...)
			if !errors.Is(err, ErrNoWhole) || !matches(tt.want, err.Error()) {
				t.Errorf("err = %v; want one with %q", err, tt.want)
			}
		})
	}
}

// edit changes the lines of a file.
func edit(t *testing.T, path string, change func([]string) []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := change(strings.SplitAfter(string(text), "\n"))
	if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
}
