//go:build !windows

package crash

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"strconv"

	"imsrevoke/batch/imagetest"
)

// judge compares what the journal and the report say, now that the program has
// ended, with what the cloud has done. The requests from the number from on
// were made since the last time.
func (s *scene) judge(from int) {
	s.t.Helper()
	s.quiet()
	before := s.now
	s.now = readJournal(s.t, s.journal)
	requests := s.cloud.Requests()
	if before.runs > 0 && !bytes.HasPrefix(s.now.text, before.text) { // a plan alone is made again
		s.t.Error("the journal has lost lines")
	}
	s.judgeRequests(requests[from:], before)
	s.judgeLosses(requests[from:])
	s.judgeJournal(requests)
	text, err := os.ReadFile(s.report)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.t.Fatal(err)
	}
	if !bytes.Equal(text, s.older) {
		s.judgeReport(text, requests)
		s.older = text
	}
	for _, id := range s.cloud.Images() {
		if !s.cloud.Shared(id, bystander) {
			s.t.Errorf("image %s has lost a member that no row names", id)
		}
	}
	if n := s.cloud.Stats().ImagesDeleted; n > 0 {
		s.t.Errorf("%d images were deleted", n)
	}
}

// judgeRequests holds that the program sends nothing that was settled, and
// nothing that it has not announced.
func (s *scene) judgeRequests(requests []imagetest.Request, before journalled) {
	s.t.Helper()
	for _, r := range requests {
		if r.MemberID == "" {
			continue
		}
		seq, ours := s.byPair[[2]string{r.ImageID, r.MemberID}]
		switch {
		case !ours || r.Method != http.MethodDelete:
			s.t.Errorf("%s %s belongs to no row", r.Method, r.Target)
		case before.rows[seq].settled():
			s.t.Errorf("row %d was %s, and was sent again", seq, before.rows[seq].outcome)
		case s.now.runs == before.runs || seq > s.now.sent:
			s.t.Errorf("row %d was sent, and the journal has announced rows up to %d in run %d", seq, s.now.sent, s.now.runs)
		}
	}
}

// judgeLosses holds that a death costs no more than the results of the requests
// that were under way, and of those that had ended just before.
func (s *scene) judgeLosses(requests []imagetest.Request) {
	s.t.Helper()
	lost := 0
	for pair, d := range deeds(requests) {
		if d.said204 && !s.now.rows[s.byPair[pair]].settled() {
			lost++
		}
	}
	if lost > 2*workers {
		s.t.Errorf("%d rows were answered, and the journal knows nothing of it", lost)
	}
}

// A deed is what the cloud has done with a pair.
type deed struct{ applied, said204 bool }

func deeds(requests []imagetest.Request) map[[2]string]deed {
	all := make(map[[2]string]deed)
	for _, r := range requests {
		pair := [2]string{r.ImageID, r.MemberID}
		d := all[pair]
		d.applied = d.applied || r.Applied
		d.said204 = d.said204 || r.Method == http.MethodDelete && r.Status == http.StatusNoContent
		all[pair] = d
	}
	return all
}

// judgeJournal holds that nothing is called settled that is not. (What else it
// says of a row may have been overtaken by a run that was cut off.)
func (s *scene) judgeJournal(requests []imagetest.Request) {
	s.t.Helper()
	done := deeds(requests)
	for seq, r := range s.now.rows {
		if r.settled() {
			s.judgeRow(seq, r, done)
		}
	}
}

// judgeReport holds that a report has every row once, in order, and that none
// of them says better than the truth.
func (s *scene) judgeReport(text []byte, requests []imagetest.Request) {
	s.t.Helper()
	lines, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || len(lines) != len(s.rows)+1 {
		s.t.Errorf("the report has %d lines for %d rows: %v", len(lines), len(s.rows), err)
		return
	}
	done := deeds(requests)
	for seq, cells := range lines[1:] {
		row := s.rows[seq]
		const ticket = 12 // the first of the input's other columns
		if cells[0] != strconv.Itoa(seq+2) || cells[1] != row.image || cells[2] != row.member || cells[ticket] != "ticket "+strconv.Itoa(seq+1) {
			s.t.Errorf("row %d of the report is %q", seq, cells)
			continue
		}
		r := result{outcome: cells[3], finished: cells[9]}
		s.judgeRow(seq, r, done)
		if kept := s.now.rows[seq]; kept.settled() && r != kept {
			s.t.Errorf("row %d was %v, and is reported as %v", seq, kept, r)
		}
	}
}

// judgeRow holds that what is said of a row is no better than the truth.
func (s *scene) judgeRow(seq int, r result, done map[[2]string]deed) {
	s.t.Helper()
	row := s.rows[seq]
	was := done[[2]string{row.image, row.member}]
	shared := s.cloud.Shared(row.image, row.member)
	sendable := row.fate != "invalid" && row.fate != "duplicate"
	honest := false
	switch r.outcome {
	case "revoked":
		honest = !shared && was.said204 && row.fate == ""
	case "absent":
		honest = !shared && (row.fate == "" || row.fate == "absent")
	case "failed", "skipped":
		honest = !was.applied && sendable
	case "unknown", "not_found":
		// The last one is said of a row too whose image's list could not be read.
		honest = sendable
	case "duplicate", "invalid", "denied":
		honest = row.fate == r.outcome
	}
	if !honest {
		s.t.Errorf("row %d, of fate %q, is called %q; shared: %t, applied: %t, answered 204: %t", seq, row.fate, r.outcome, shared, was.applied, was.said204)
	}
}

// settled reports whether the report calls every row settled.
func (s *scene) settled() bool {
	s.t.Helper()
	lines, err := csv.NewReader(bytes.NewReader(s.older)).ReadAll()
	if err != nil || len(lines) < 2 {
		s.t.Fatalf("the report cannot be read: %v", err)
	}
	for _, cells := range lines[1:] {
		if r := (result{outcome: cells[3]}); !r.settled() {
			return false
		}
	}
	return true
}
