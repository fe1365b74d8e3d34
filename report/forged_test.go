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
func forge(t testing.TB, path string, run Run, lines ...[]string) {
	t.Helper()
	identity, err := json.Marshal(run)
	if err != nil {
		t.Fatal(err)
	}
	j := &Journal{}
	for _, line := range append([][]string{{wordRun, journalFormat, string(identity)}}, lines...) {
		j.append(line[0], func(text []byte) []byte {
			for _, field := range line[1:] {
				text = appendField(text, field)
			}
			return text
		})
	}
	if err := os.WriteFile(path, j.pending, 0o600); err != nil {
		t.Fatal(err)
	}
}

// forgedRow is a line that says of a row that it was revoked.
func forgedRow(seq, line string, attempts string) []string {
	return []string{wordRow, seq, line, image, member, string(batch.Revoked), "204", attempts, "10", "req-1", "", "2026-11-23T12:00:00.001Z", "0"}
}

// TestNumbersOfAJournalAreThoseThatItCanHold: a few bytes must not make the
// program ask for terabytes, nor fall over, whoever has written them.
func TestNumbersOfAJournalAreThoseThatItCanHold(t *testing.T) {
	const huge = 1 << 62
	for _, tt := range []struct {
		name  string
		rows  int
		lines [][]string
		sound bool
	}{
		{name: "sound", rows: 3, lines: [][]string{{wordSent, "15"}, forgedRow("0", "2", "1"), {wordEnd}}, sound: true},
		{name: "sound, far ahead", rows: huge, lines: [][]string{{wordSent, fmt.Sprint(batch.MaxWaiting)}, forgedRow("0", "2", "1")}, sound: true},
		{name: "sent 2^40", rows: huge, lines: [][]string{{wordSent, fmt.Sprint(1 << 40)}}},
		{name: "sent 2^62-2", rows: huge, lines: [][]string{{wordSent, fmt.Sprint(huge - 2)}}},
		{name: "sent less than nothing", rows: huge, lines: [][]string{{wordSent, "-2"}}},
		{name: "sent a million", rows: huge, lines: [][]string{{wordSent, "1000000"}}},
		{name: "row 2^33", rows: huge, lines: [][]string{forgedRow(fmt.Sprint(1<<33), "2", "1")}},
		{name: "row -1", rows: huge, lines: [][]string{forgedRow("-1", "2", "1")}},
		{name: "row 2^63", rows: huge, lines: [][]string{forgedRow("9223372036854775808", "2", "1")}},
		{name: "a bad line at the end", rows: huge, lines: [][]string{forgedRow("0", "2", "1"), {"bad"}}},
		{name: "less than no rows", rows: -1, lines: [][]string{{wordSent, "15"}}},
		{name: "line -2", rows: 3, lines: [][]string{forgedRow("0", "-2", "1"), {wordEnd}}},
		{name: "-5 attempts", rows: 3, lines: [][]string{forgedRow("0", "2", "-5"), {wordEnd}}},
		{name: "2^62 attempts", rows: 3, lines: [][]string{forgedRow("0", "2", fmt.Sprint(huge)), {wordEnd}}},
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
			if tt.sound != (err == nil) || err != nil && !errors.Is(err, ErrDamaged) {
				t.Errorf("err = %v; want ErrDamaged: %t", err, !tt.sound)
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
