package report

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"imsrevoke/batch"
)

func matches(pattern, text string) bool { return regexp.MustCompile(pattern).MatchString(text) }

// told is what results say of each row: its line and outcome.
func told(t testing.TB, r *Results) string {
	t.Helper()
	rows, err := r.Rows()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for {
		e, err := rows.Next()
		if err == io.EOF {
			return strings.TrimSpace(b.String())
		}
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, " %d %s", e.Row.Line, e.Outcome)
	}
}

// The journal of a run that was cut off tells what is known, in the order of
// the input, and is left as it is: the run may be under way.
func TestAJournalIsReadAsAReport(t *testing.T) {
	rows := rowsOf(20)
	rows[5].Problem, rows[6].Problem = "no pair", "no pair"
	path := writeJournalOf(t, t.TempDir(), rows, true, ended(rows[4], batch.Failed), ended(rows[1], batch.Revoked), ended(rows[0], batch.Denied))
	run := thisRun
	run.Rows = len(rows)
	j, err := resume(t, path, run)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, j, false, ended(rows[0], batch.Absent)) // which announces more rows, and is cut off
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(file, "0123abcd\trow\t7\t9\t") // half a line
	file.Close()
	before, _ := os.ReadFile(path)

	r, err := OpenResults(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := told(t, r), "2 absent 3 revoked 4 unknown 5 unknown 6 unknown 7 invalid 8 invalid 9 unknown 10 unknown 11 unknown 12 unknown 13 unknown 14 unknown 15 unknown 16 unknown 17 unknown 18 skipped 19 skipped 20 skipped 21 skipped"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	s, err := r.Survey()
	if err != nil {
		t.Fatal(err)
	}
	if s.Ended || s.Run.Digest != thisRun.Digest || !s.Run.Started.Equal(thisRun.Started) || s.Rows != len(rows) {
		t.Errorf("ended %v, %d rows of %+v", s.Ended, s.Rows, s.Run)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.ReadFile(path); !cmp.Equal(before, after) {
		t.Error("the journal was changed")
	}
}

func TestAReportIsKnownByItsJournal(t *testing.T) {
	report := filepath.Join(t.TempDir(), "report.csv")
	rows := rowsOf(3)
	results := []batch.Result{ended(rows[0], batch.Revoked), ended(rows[1], batch.Failed), ended(rows[2], batch.Unknown)}
	results[0].FinishedAt = noon.AddDate(0, 0, -1)
	write := func(run Run, end bool, results ...batch.Result) {
		t.Helper()
		os.Remove(report + ".journal")
		fill(t, createJournal(t, report+".journal", rowsOf(run.Rows), run), end, results...)
	}
	run := thisRun
	run.Rows = 3
	write(run, true, results...)
	j, err := OpenJournal(report + ".journal")
	if err != nil {
		t.Fatal(err)
	}
	c := CSV{Journal: j}
	if _, err := c.WriteFile(report); err != nil {
		t.Fatal(err)
	}
	j.Close()
	later := ended(rows[2], batch.Revoked)
	later.FinishedAt = noon.AddDate(0, 0, 1)
	tests := []struct {
		name    string
		prepare func()
		want    error
	}{
		{"its own", func() {}, nil},
		{"of a run that goes on", func() { write(run, false, results...) }, errUnderWay},
		{"with a later result", func() { write(run, true, append(results[:2:2], later)...) }, errOtherJournal},
		{"of more rows", func() { more := run; more.Rows = 4; write(more, true, results...) }, errOtherJournal},
		{"none", func() { os.Remove(report + ".journal") }, errNoJournal},
		{"damaged", func() { os.WriteFile(report+".journal", []byte("what\n"), 0o600) }, ErrDamaged},
	}
	for _, tt := range tests {
		tt.prepare()
		r, err := OpenResults(report)
		if err != nil {
			t.Fatal(err)
		}
		s, err := r.Survey()
		if err != nil || (s.Run != nil) != (tt.want == nil) || s.Rows != 3 {
			t.Errorf("a journal %s: %v, the run is %+v", tt.name, err, s.Run)
		}
		if _, _, err := r.origin(s); !errors.Is(err, tt.want) {
			t.Errorf("a journal %s: %v, want %v", tt.name, err, tt.want)
		}
		r.Close()
	}
}

func TestAJournalIsHintedAt(t *testing.T) {
	path := writeJournal(t, t.TempDir(), true)
	if err := os.Rename(path, path+".csv.journal"); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenResults(path + ".csv"); err == nil || !strings.Contains(err.Error(), path+".csv.journal") {
		t.Errorf("err = %v; want one that names the journal", err)
	}
}
