package report

import (
	"os"
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
	j, err := OpenJournal(path, thisRun)
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
