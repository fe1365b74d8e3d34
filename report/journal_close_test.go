package report

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"imsrevoke/batch"
)

// TestAJournalThatWasOnlyOpenedStaysAsItIs: whoever opens a journal to show
// what it holds, and is told not to go on, must not cut what stands behind its
// last whole line: another run may be writing it.
func TestAJournalThatWasOnlyOpenedStaysAsItIs(t *testing.T) {
	t.Parallel()
	path := writeJournal(t, t.TempDir(), false, ended(rowsOf(1)[0], batch.Revoked))
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString("the beginning of another li"); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	j, err := OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the journal had %d bytes and has %d: %v", len(before), len(after), err)
	}
}

// tempJournal is a temporary journal of one row, in the file of that plan.
func tempJournal(t *testing.T, dir string) (*Plan, *Journal) {
	t.Helper()
	plan, err := NewPlan(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	if _, err := TempJournal(plan, Run{Rows: 1}); err == nil {
		t.Fatal("a run of one row was begun whose plan has none")
	}
	if plan, err = NewPlan(dir); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(plan.Begin(nil), plan.Add(rowsOf(1)[0], nil)); err != nil {
		t.Fatal(err)
	}
	j, err := TempJournal(plan, Run{Rows: 1})
	if err != nil {
		t.Fatal(err)
	}
	return plan, j
}

// TestATemporaryJournalLeavesNothing: the journal of a check can be read while it
// is open, and then nobody has to remove it.
func TestATemporaryJournalLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	row := rowsOf(1)[0]
	plan, j := tempJournal(t, dir)
	if entries, err := os.ReadDir(dir); err != nil || runtime.GOOS != "windows" && len(entries) > 0 {
		t.Errorf("while it is open there are %v: %v", entries, err)
	}
	if err := j.Record(ended(row, batch.Absent)); err != nil {
		t.Fatal(err)
	}
	if err := j.End(Stop{}, batch.Summary{}); err != nil {
		t.Fatal(err)
	}
	if r, found := resultOf(t, j, 0); !found || r.Outcome != batch.Absent {
		t.Errorf("the result is %v, %t", r.Outcome, found)
	}
	if err := errors.Join(j.Close(), plan.Close()); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("it leaves %v: %v", entries, err)
	}
}

// TestADiscardedJournalIsGone: with its file, but not with one that somebody else
// has put in its place.
func TestADiscardedJournalIsGone(t *testing.T) {
	t.Parallel()
	for _, replaced := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "journal")
		j := createJournal(t, path, rowsOf(1), thisRun)
		if replaced {
			if err := os.Rename(path, path+".old"); err != nil {
				t.Skip(err) // where files that are open keep their names
			}
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := j.Discard(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(path); (err == nil) != replaced {
			t.Errorf("replaced: %t; afterwards: %v", replaced, err)
		}
	}
	dir := t.TempDir()
	plan, j := tempJournal(t, dir)
	if err := errors.Join(j.Discard(), plan.Close()); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("a temporary one leaves %v: %v", entries, err)
	}
}
