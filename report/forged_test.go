package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"imsrevoke/batch"
)

// forge writes a journal of lines that this program would not write, with the
// checksums that it would: they are no secret. Each line is a word and its fields.
// The plan has three rows.
func forge(t testing.TB, path string, run Run, lines ...[]string) {
	t.Helper()
	identity, err := json.Marshal(run)
	if err != nil {
		t.Fatal(err)
	}
	w := &lineWriter{}
	w.line(wordPlan, journalFormat, "")
	for _, row := range rowsOf(3) {
		w.line(wordPair, fmt.Sprintf("%d,%s,%s", row.Line, row.ImageID, row.MemberID), "")
	}
	for _, line := range append([][]string{{wordRun, string(identity)}}, lines...) {
		w.line(line[0], line[1:]...)
	}
	if err := os.WriteFile(path, w.pending, 0o600); err != nil {
		t.Fatal(err)
	}
}

// forgedRow is a line that says of a row that it was revoked.
func forgedRow(seq, attempts string) []string {
	return []string{wordRow, seq, "0", "revoked,204," + attempts + ",10,req-1,,2026-11-23T12:00:00.001Z"}
}

// TestNumbersOfAJournalAreThoseThatItCanHold: a few bytes must not make the
// program ask for terabytes, nor fall over, whoever has written them.
func TestNumbersOfAJournalAreThoseThatItCanHold(t *testing.T) {
	const huge = 1 << 62
	end := []string{wordEnd, "{}"}
	for _, tt := range []struct {
		name  string
		rows  int
		lines [][]string
		sound bool
	}{
		{name: "sound", rows: 3, lines: [][]string{{wordSent, "2"}, forgedRow("0", "1"), {wordChecked, "0", "gone", ""}, end}, sound: true},
		{name: "sound, far ahead", rows: 3, lines: [][]string{{wordSent, fmt.Sprint(batch.MaxWaiting)}, forgedRow("0", "1")}, sound: true},
		{name: "more rows than in the plan", rows: huge},
		{name: "sent 2^62-2", rows: 3, lines: [][]string{{wordSent, fmt.Sprint(huge - 2)}}},
		{name: "sent less than nothing", rows: 3, lines: [][]string{{wordSent, "-2"}}},
		{name: "row 2^33", rows: 3, lines: [][]string{forgedRow(fmt.Sprint(1<<33), "1")}},
		{name: "row 3", rows: 3, lines: [][]string{forgedRow("3", "1")}},
		{name: "row -1", rows: 3, lines: [][]string{forgedRow("-1", "1")}},
		{name: "row 2^63", rows: 3, lines: [][]string{forgedRow("9223372036854775808", "1")}},
		{name: "a word of the plan at the end", rows: 3, lines: [][]string{forgedRow("0", "1"), {wordBad, "2,a,b", "", "why"}}},
		{name: "another word at the end", rows: 3, lines: [][]string{forgedRow("0", "1"), {"what"}}},
		{name: "less than no rows", rows: -1, lines: [][]string{{wordSent, "15"}}},
		{name: "a verdict on row 3", rows: 3, lines: [][]string{{wordChecked, "3", "gone", ""}}},
		{name: "another verdict", rows: 3, lines: [][]string{{wordChecked, "1", "lost", ""}}},
		{name: "an end that says nothing", rows: 3, lines: [][]string{{wordEnd, "what"}}},
		{name: "-5 attempts", rows: 3, lines: [][]string{forgedRow("0", "-5"), end}},
		{name: "2^63 attempts", rows: 3, lines: [][]string{forgedRow("0", "9223372036854775808"), end}},
		{name: "a result of six columns", rows: 3, lines: [][]string{{wordRow, "0", "0", "denied,204,1,10,req-1,"}, end}},
		{name: "a second run of more rows", rows: 3, lines: [][]string{end, {wordRun, `{"rows":4}`}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.journal")
			forge(t, path, Run{Input: "pairs.csv", Digest: "d", Rows: tt.rows}, tt.lines...)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := showAll(path)
			runtime.ReadMemStats(&after)
			if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20 {
				t.Errorf("it took %d MiB", took>>20)
			}
			if tt.sound != (err == nil) || err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNotReport) {
				t.Errorf("err = %v; want one that it is damaged: %t", err, !tt.sound)
			}
		})
	}
}

// showAll shows results in every form.
func showAll(path string) error {
	results, err := OpenResults(path)
	if err != nil {
		return err
	}
	defer results.Close()
	for _, format := range Formats() {
		err = errors.Join(err, View{Format: format}.Write(io.Discard, results))
	}
	return err
}
