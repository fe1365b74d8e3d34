//go:build !windows

package crash

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"imsrevoke/batch/imagetest"
)

// A journalled is what the lines of a journal say. It is read here by hand, so
// that the program does not judge itself.
type journalled struct {
	text  []byte // the whole lines
	pairs int    // in the plan, whatever they are
	runs  int
	sent  int            // the last row that the last run has announced, -1 for none
	ended bool           // the last run has ended by itself
	rows  map[int]result // the last result of each row that has one
}

// A result is what is said of a row, in a journal or a report.
type result struct{ outcome, finished string }

func (r result) settled() bool {
	switch r.outcome {
	case "revoked", "absent", "duplicate", "restored", "present":
		return true
	}
	return false
}

// readJournal reads a journal; one that is not there is empty.
func readJournal(t *testing.T, path string) journalled {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	j := journalled{text: text[:bytes.LastIndexByte(text, '\n')+1], sent: -1, rows: make(map[int]result)}
	for line := range strings.Lines(string(j.text)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		number := func(i int) int {
			n, err := strconv.Atoi(fields[i])
			if err != nil {
				t.Fatalf("the journal holds %q", line)
			}
			return n
		}
		switch word := fields[1]; word {
		case "plan", "note":
		case "pair", "bad":
			j.pairs++
		case "checked":
		case "run":
			j.runs, j.sent, j.ended = j.runs+1, -1, false
		case "sent":
			j.sent = number(2)
		case "row":
			cells, err := csv.NewReader(strings.NewReader(fields[4])).Read()
			if err != nil || len(cells) != 7 {
				t.Fatalf("the journal holds %q: %v", line, err)
			}
			j.rows[number(2)] = result{outcome: cells[0], finished: cells[6]}
		case "end":
			j.ended = true
		case "report":
			if !j.ended {
				t.Fatalf("the report was written before the run had ended: %q", line)
			}
		default:
			t.Fatalf("the journal holds %q", line)
		}
	}
	return j
}

// tear leaves of the journal what a death in the middle of a write leaves: a part of
// the plan if nothing was sent, or a part of the last result. What earlier runs have
// written stays whole.
func (s *scene) tear(from int) {
	s.t.Helper()
	text, err := os.ReadFile(s.journal)
	if err != nil || len(text) == 0 || s.rng.IntN(2) == 0 {
		return
	}
	last := text[bytes.LastIndexByte(text[:len(text)-1], '\n')+1:]
	cut := len(text)
	written := len(text) - len(s.now.text)
	sent := slices.ContainsFunc(s.cloud.Requests()[from:], func(r imagetest.Request) bool { return r.MemberID != "" })
	switch {
	case s.now.runs == 0 && !sent && written > 0: // nothing but the plan and its run
		cut -= s.rng.IntN(written)
		s.torn.plan++
	case bytes.HasPrefix(last[min(len(last), 8):], []byte("\trow\t")) && len(last) <= written:
		cut -= 1 + s.rng.IntN(len(last)-1)
		s.torn.line++
	}
	if err := os.Truncate(s.journal, int64(cut)); err != nil {
		s.t.Fatal(err)
	}
}
