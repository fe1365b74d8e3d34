package pipeline

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"

	"imsrevoke/batch"
	"imsrevoke/batch/imagetest"
	"imsrevoke/cmd/internal/programtest"
)

// A reportRow is one row of a report, as a user reads it.
type reportRow struct {
	line                             int
	image, member                    string
	outcome                          batch.Outcome
	status, attempts                 int
	requestID, message, finishedText string
	other                            []string
}

// readReportRows reads a report without the code that wrote it.
func readReportRows(path string) ([]reportRow, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	records, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return nil, err
	}
	own := strings.Count(programtest.ReportHeader, ",") + 1
	if got := strings.Join(records[0][:own], ","); got != programtest.ReportHeader {
		return nil, fmt.Errorf("the report's columns are %s", got)
	}
	var rows []reportRow
	for _, r := range records[1:] {
		row := reportRow{
			image: r[1], member: r[2], outcome: batch.Outcome(r[3]),
			requestID: r[7], message: r[8], finishedText: r[9], other: r[own:],
		}
		for i, field := range map[int]*int{0: &row.line, 4: &row.status, 5: &row.attempts} {
			if r[i] == "" {
				continue
			}
			if *field, err = strconv.Atoi(r[i]); err != nil {
				return nil, err
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// finished is when the outcome of the row was known.
func (r reportRow) finished() time.Time {
	at, err := time.Parse(time.RFC3339, r.finishedText)
	if err != nil {
		return time.Time{}
	}
	return at
}

// A journalLine is one result of a journal.
type journalLine struct {
	image, member    string
	outcome          batch.Outcome
	status, attempts int
	message          string
}

// readJournalLines reads a journal without the code that wrote it.
func readJournalLines(path string) (map[int]journalLine, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	unescape := strings.NewReplacer(`\t`, "\t", `\n`, "\n", `\r`, "\r", `\\`, `\`)
	cells := func(field string) ([]string, error) {
		return csv.NewReader(strings.NewReader(unescape.Replace(field))).Read()
	}
	results := make(map[int]journalLine)
	var plan [][]string // line, image and member of each row
	lines := strings.SplitAfter(string(text), "\n")
	for _, line := range lines[1 : len(lines)-1] {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if f[1] == "pair" || f[1] == "bad" {
			row, err := cells(f[2])
			if err != nil {
				return nil, err
			}
			plan = append(plan, row)
		}
		if f[1] != "row" {
			continue
		}
		if len(f) < 5 || len(f) > 6 {
			return nil, fmt.Errorf("a line of the journal has %d fields: %q", len(f), line)
		}
		c, err := cells(f[4])
		if err != nil {
			return nil, err
		}
		seq, err := strconv.Atoi(f[2])
		if err != nil {
			return nil, err
		}
		r := journalLine{image: plan[seq][1], member: plan[seq][2], outcome: batch.Outcome(c[0]), message: c[5]}
		var number int
		for _, n := range []struct {
			text string
			to   *int
		}{{plan[seq][0], &number}, {cmp.Or(c[1], "0"), &r.status}, {c[2], &r.attempts}} {
			if *n.to, err = strconv.Atoi(n.text); err != nil {
				return nil, err
			}
		}
		if _, twice := results[number]; twice {
			return nil, fmt.Errorf("the journal has two results for line %d", number)
		}
		results[number] = r
	}
	return results, nil
}

// countOutcomes counts the rows of a report by outcome.
func countOutcomes(rows []reportRow) map[batch.Outcome]int {
	counts := make(map[batch.Outcome]int)
	for _, r := range rows {
		counts[r.outcome]++
	}
	return counts
}

// checkPlainReport holds the report of a file made by pairsFile to its pairs:
// one row for each, in order, with its ids.
func checkPlainReport(t rapid.TB, rows []reportRow, pairs []batch.Pair) {
	t.Helper()
	if len(rows) != len(pairs) {
		t.Fatalf("%d rows in the report of %d pairs", len(rows), len(pairs))
	}
	for i, r := range rows {
		if r.line != i+2 || r.image != pairs[i].ImageID || r.member != pairs[i].MemberID {
			t.Fatalf("row %d of the report is line %d, %s %s", i, r.line, r.image, r.member)
		}
	}
}

// checkClaims holds the outcomes of rows to what the cloud did: what is called
// revoked or absent is gone, and each row tells the last of its own requests.
// The pairs are those of the rows; a row that is no pair has the zero Pair.
func checkClaims(t rapid.TB, c *imagetest.Cloud, rows []reportRow, pairs []batch.Pair) {
	t.Helper()
	attempts := make(map[string][]imagetest.Request)
	for _, r := range imageRequests(c) {
		if r.Method == "DELETE" {
			target := strings.ToLower(r.Target) // a name may be sent in the letter case of the list
			attempts[target] = append(attempts[target], r)
		}
	}
	for i, r := range rows {
		own := attempts[strings.ToLower(memberTarget(pairs[i]))]
		if r.outcome == batch.Duplicate || r.outcome == batch.Invalid {
			own = nil
		}
		answered := func(status int) bool {
			return slices.ContainsFunc(own, func(a imagetest.Request) bool { return a.Applied && a.Status == status })
		}
		applied := slices.ContainsFunc(own, func(a imagetest.Request) bool { return a.Applied })
		shared := c.Shared(pairs[i].ImageID, pairs[i].MemberID)
		switch r.outcome {
		case batch.Revoked:
			if shared || !answered(204) {
				t.Errorf("line %d is called revoked: shared %v, 204 %v", r.line, shared, answered(204))
			}
		case batch.Absent:
			if shared {
				t.Errorf("line %d is called absent, and the image is still shared", r.line)
			}
		case batch.Failed, batch.Skipped, batch.Invalid:
			if applied {
				t.Errorf("line %d is called %s, and one of its requests was applied", r.line, r.outcome)
			}
		}
		if r.attempts != len(own) {
			t.Errorf("line %d tells of %d attempts, the cloud saw %d", r.line, r.attempts, len(own))
		}
		if len(own) == 0 {
			continue
		}
		last := own[len(own)-1]
		if id := last.Header.Get("X-Openstack-Request-Id"); r.status != last.Status || r.requestID != id {
			t.Errorf("line %d tells of status %d and request %s, the last answer was %d to %s", r.line, r.status, r.requestID, last.Status, id)
		}
	}
}

// checkJournal holds journal and report to each other.
func checkJournal(t rapid.TB, e ending) {
	t.Helper()
	left := len(e.journal)
	for _, r := range e.report {
		j, ok := e.journal[r.line]
		switch {
		case !ok && r.attempts > 0:
			t.Errorf("line %d was attempted and is not in the journal", r.line)
		case !ok:
		case j.outcome != r.outcome || j.status != r.status || j.attempts != r.attempts ||
			!sameCell(r.image, j.image) || !sameCell(r.member, j.member) ||
			!sameCell(r.message, j.message) && r.outcome != batch.Duplicate: // which the report says more of
			t.Errorf("line %d: the journal has %+v, the report %+v", r.line, j, r)
		}
		if ok {
			left--
		}
	}
	if left != 0 {
		t.Errorf("%d results of the journal are not in the report", left)
	}
}

// sameCell reports whether a cell of the report stands for the text, perhaps
// with apostrophes that keep a spreadsheet from running it.
func sameCell(cell, text string) bool {
	return strings.ReplaceAll(cell, "'", "") == strings.ReplaceAll(text, "'", "")
}

// checkUntouched holds the cloud to what no row asked for: no image is gone,
// the bystander keeps every image, and no request was for anything but the
// share of one of the pairs, or the member list of one of their images.
func checkUntouched(t rapid.TB, c *imagetest.Cloud, pairs []batch.Pair) {
	t.Helper()
	allowed := make(map[string]bool)
	for _, p := range pairs {
		if p != (batch.Pair{}) {
			allowed["DELETE "+strings.ToLower(memberTarget(p))] = true
			allowed["GET /v2/images/"+p.ImageID+"/members"] = true
		}
	}
	for _, r := range imageRequests(c) {
		if !allowed[r.Method+" "+strings.ToLower(r.Target)] {
			t.Errorf("the cloud was asked to %s %s", r.Method, r.Target)
		}
	}
	if n := c.Stats().ImagesDeleted; n != 0 {
		t.Errorf("%d images were deleted", n)
	}
	for _, p := range pairs {
		if p != (batch.Pair{}) && c.ImageExists(p.ImageID) && !c.Shared(p.ImageID, pipelineBystander) {
			t.Errorf("image %s has lost a member that no row names", p.ImageID)
		}
	}
}

// checkPace reports a second in which more requests came than the rate allows.
// The pool may start a fortieth of a second's worth at once, and goes one per cent
// faster for some time when it was held up: at 20/s, 21 requests then take 0.99 s.
func checkPace(t rapid.TB, c *imagetest.Cloud, perSecond float64) {
	t.Helper()
	if perSecond == batch.Unlimited {
		return
	}
	const second = time.Second - time.Microsecond // the limiter reckons in float64
	requests := imageRequests(c)
	slices.SortFunc(requests, func(a, b imagetest.Request) int { return a.Time.Compare(b.Time) })
	first, most := 0, int(1.025*perSecond)+1
	for i, r := range requests {
		for r.Time.Sub(requests[first].Time) >= second {
			first++
		}
		if n := i - first + 1; n > most {
			t.Errorf("%d requests within one second at a rate of %v", n, perSecond)
			return
		}
	}
}
