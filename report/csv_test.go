package report

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"imsrevoke/batch"
)

const (
	image  = "d164b5df-1bc3-4c3f-893e-3e471fd16e64"
	member = "edc89b490d7d4392898e19b2deb34797"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 1_000_000, time.UTC)

func rowsOf(n int) []batch.Row {
	rows := make([]batch.Row, n)
	for i := range rows {
		m := fmt.Sprintf("%s%03d", member[:29], i)
		rows[i] = batch.Row{Seq: i, Line: i + 2, ImageID: image, MemberID: m, Pair: batch.Pair{ImageID: image, MemberID: m}}
	}
	return rows
}

func journalOf(t *testing.T, rows []batch.Row) *Journal {
	t.Helper()
	j := createJournal(t, filepath.Join(t.TempDir(), "journal"), rows, Run{Input: "pairs.csv", Started: noon})
	t.Cleanup(func() { j.Close() })
	return j
}

// csvLine is a line as encoding/csv writes it.
func csvLine(cells []string) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	if err := w.Write(cells); err != nil {
		panic(err)
	}
	w.Flush()
	return b.String()
}

func record(t *testing.T, j *Journal, results ...batch.Result) {
	t.Helper()
	for _, r := range results {
		if err := j.Record(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Flush(); err != nil {
		t.Fatal(err)
	}
}

func TestAReportHasARowForEachRowOfTheInput(t *testing.T) {
	rows := rowsOf(5)
	rows[1].Problem, rows[1].ImageID = "the image id is empty", "=cmd|' /C calc'!A1"
	rows[2] = rows[0]
	rows[2].Seq, rows[2].Line, rows[2].FirstLine = 2, 4, 2
	rows[4].ImageID = " " + image
	plan := planOf(t, rows, []string{"note", "outcome"}, [][]string{{"a", ""}, {"-5", "@x"}, {"\t1", "+1+1"}, {"", ""}, {"line\nbreak", "＝1"}})
	defer plan.Close()
	j, err := CreateJournal(filepath.Join(t.TempDir(), "journal"), plan, Run{Rows: 5})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	record(t, j,
		batch.Result{Row: rows[3], Outcome: batch.Denied, Status: 403, Attempts: 2, Duration: 1500 * time.Millisecond, RequestID: "req-1", Message: "=Not allowed, \"x\"", FinishedAt: noon},
		batch.Result{Row: rows[0], Outcome: batch.Revoked, Status: 204, Attempts: 1, Duration: 7 * time.Millisecond, RequestID: "req-0", AlsoSharedWith: "the account x", FinishedAt: noon.In(time.FixedZone("", 3600))},
	)
	err = errors.Join(j.End(Stop{Reason: "a signal", Unreached: "the run stopped"}, batch.Summary{}), j.Verified(0, Gone, ""), j.Verified(3, StillShared, ""))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	c := CSV{Journal: j}
	tally, err := c.Write(&out)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"line", "image_id", "member_id", "outcome", "http_status", "attempts", "duration_ms", "request_id", "message", "finished_at", "verified", "also_shared_with", "note", "input_outcome"},
		{"2", image, rows[0].MemberID, "revoked", "204", "1", "7", "req-0", "", "2026-11-23T12:00:00.001Z", "gone", "the account x", "a", ""},
		{"3", "'=cmd|' /C calc'!A1", rows[1].MemberID, "invalid", "", "0", "", "", "the image id is empty", "", "", "", "-5", "'@x"},
		{"4", image, rows[2].MemberID, "duplicate", "", "0", "", "", "same pair as line 2: revoked", "", "", "", "'\t1", "'+1+1"},
		{"5", image, rows[3].MemberID, "denied", "403", "2", "1500", "req-1", "'=Not allowed, \"x\"", "2026-11-23T12:00:00.001Z", "shared", "", "", ""},
		{"6", " " + image, rows[4].MemberID, "skipped", "", "0", "", "", "the run stopped", "", "", "", "line\nbreak", "'＝1"},
	}
	got, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	counts := map[batch.Outcome]int{batch.Revoked: 1, batch.Invalid: 1, batch.Duplicate: 1, batch.Denied: 1, batch.Skipped: 1}
	if diff := cmp.Diff(counts, tally.Outcomes); diff != "" || tally.Rows != 5 || tally.Settled() != 2 {
		t.Errorf("%d rows, %d settled; %s", tally.Rows, tally.Settled(), diff)
	}
	if diff := cmp.Diff(map[Verdict]int{Gone: 1, StillShared: 1}, tally.Verified); diff != "" {
		t.Error(diff)
	}
}

func TestTheReportIsWrittenInManyPieces(t *testing.T) {
	rows := rowsOf(900) // more than are written at a time
	j := journalOf(t, rows)
	for i := range rows {
		k := (i*7 + 3) % len(rows) // in some other order
		record(t, j, batch.Result{Row: rows[k], Outcome: batch.Revoked, Attempts: 1, FinishedAt: noon})
	}
	var out bytes.Buffer
	c := CSV{Journal: j}
	if _, err := c.Write(&out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 901 {
		t.Fatalf("%d lines; want 901", len(lines))
	}
	for i, line := range lines[1:] {
		if !strings.HasPrefix(line, fmt.Sprintf("%d,%s,%s,revoked,", i+2, image, rows[i].MemberID)) {
			t.Fatalf("row %d is %s", i, line)
		}
	}
}

func TestAReportThatDoesNotAddUpIsNotPutInPlace(t *testing.T) {
	for name, change := range map[string]func(*Journal){
		"fewer rows than the run had": func(j *Journal) { j.run.Rows = 4 },
		"more rows than the run had":  func(j *Journal) { j.run.Rows = 2 },
		"a result of another row":     func(j *Journal) { j.states[1] = j.states[2] },
		"a row that was changed": func(j *Journal) {
			if _, err := j.file.WriteAt([]byte("9"), j.rowsAt+20); err != nil {
				panic(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "report.csv")
			if err := os.WriteFile(path, []byte("an older report"), 0o600); err != nil {
				t.Fatal(err)
			}
			rows := rowsOf(3)
			j := journalOf(t, rows)
			record(t, j, batch.Result{Row: rows[2], Outcome: batch.Revoked, FinishedAt: noon})
			change(j)
			c := CSV{Journal: j}
			if _, err := c.WriteFile(path); !errors.Is(err, ErrIncomplete) && !errors.Is(err, ErrDamaged) {
				t.Errorf("err = %v; want ErrIncomplete or ErrDamaged", err)
			}
			if text, _ := os.ReadFile(path); string(text) != "an older report" {
				t.Errorf("the older report is %q", text)
			}
			if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
				t.Errorf("%d files are left", len(left))
			}
		})
	}
}

// TestNothingBesideAReportIsTouched: a file whose name looks like that of a
// report in the making may be a user's, or that of another process.
func TestNothingBesideAReportIsTouched(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{".report.csv123456", ".report.csv", ".imsrevoke-1"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	plan := planOf(t, nil, nil, nil)
	defer plan.Close()
	c := CSV{Plan: plan}
	if _, err := c.WriteFile(filepath.Join(dir, "report.csv")); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 4 {
		t.Errorf("there are %v: %v", entries, err)
	}
}

func TestAJournalIsNotOverwritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	plan := planOf(t, nil, nil, nil)
	defer plan.Close()
	j, err := CreateJournal(path, plan, Run{Input: "first"})
	if err != nil {
		t.Fatal(err)
	}
	j.Close()
	if _, err := CreateJournal(path, plan, Run{Input: "second"}); !errors.Is(err, os.ErrExist) {
		t.Errorf("err = %v; want os.ErrExist", err)
	}
	if text, _ := os.ReadFile(path); !bytes.Contains(text, []byte("first")) {
		t.Errorf("the journal is %q", text)
	}
}

func TestARowEndsOnce(t *testing.T) {
	rows := rowsOf(1)
	j, row := journalOf(t, rows), rows[0]
	record(t, j, batch.Result{Row: row, Outcome: batch.Revoked})
	if err := j.Record(batch.Result{Row: row, Outcome: batch.Failed}); err == nil {
		t.Error("a second result of a row was taken")
	}
}

func TestAJournalThatCannotBeWrittenTakesNothingMore(t *testing.T) {
	rows := rowsOf(2)
	j := journalOf(t, rows)
	j.file.Close()
	if err := j.Record(batch.Result{Row: rows[0]}); err != nil {
		t.Fatal(err)
	}
	err := j.Flush()
	if err == nil {
		t.Fatal("a closed file was written")
	}
	if again := j.Record(batch.Result{Row: rows[1]}); !errors.Is(again, err) {
		t.Errorf("after the failure: %v; want %v", again, err)
	}
}

func TestResultsSurviveTheJournal(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "\t", "a\tb\\t", "\r\n", "\\", "=1+1", strings.Repeat("long ", 1000), "\xff\x00"}))
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		rows := rowsOf(rapid.IntRange(1, 5).Draw(rt, "rows"))
		j := createJournal(rt, filepath.Join(dir, fmt.Sprint(n)), rows, Run{Input: text.Draw(rt, "input")})
		defer j.Close()
		results := make([]batch.Result, len(rows))
		for i, row := range rows {
			results[i] = batch.Result{
				Row: row, Outcome: rapid.SampledFrom(batch.Outcomes()).Draw(rt, "outcome"),
				Status: rapid.IntRange(0, 599).Draw(rt, "status"), Attempts: rapid.IntRange(1, 9).Draw(rt, "attempts"),
				Duration:  time.Duration(rapid.Int64Range(0, 1e9).Draw(rt, "ms")) * time.Millisecond,
				RequestID: text.Draw(rt, "request"), Message: text.Draw(rt, "message"), AlsoSharedWith: text.Draw(rt, "others"),
				Lost:       rapid.Bool().Draw(rt, "lost"),
				FinishedAt: noon.Add(time.Duration(rapid.Int64Range(0, 1e12).Draw(rt, "at")) * time.Millisecond),
			}
			if err := j.Record(results[i]); err != nil {
				rt.Fatal(err)
			}
		}
		if err := j.Flush(); err != nil {
			rt.Fatal(err)
		}
		for _, want := range results {
			recorded, err := j.result(want.Row.Seq)
			if err != nil {
				rt.Fatal(err)
			}
			got, err := recorded.result(want.Row)
			if err != nil {
				rt.Fatal(err)
			}
			want.RequestID, want.Message, want.AlsoSharedWith = serverText(want.RequestID), serverText(want.Message), serverText(want.AlsoSharedWith)
			if want.Outcome == batch.Duplicate {
				want.First = batch.RepeatedOutcome(want.Message)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				rt.Fatal(diff)
			}
		}
	})
}

func TestReasonsAreGrouped(t *testing.T) {
	tally := newTally()
	for i, row := range rowsOf(6) {
		r := batch.Result{Row: row, Outcome: batch.NotFound, Status: 404, Message: "Image " + row.ImageID + " not found."}
		if i == 5 {
			r.Outcome, r.Message = batch.Denied, "no"
		}
		tally.add(&Entry{Result: r})
	}
	for range maxReasons + 5 {
		tally.add(&Entry{Result: batch.Result{Row: batch.Row{Line: 99}, Outcome: batch.Failed, Message: fmt.Sprint(len(tally.reasons))}})
	}
	got := tally.Reasons()
	if want := (Reason{Outcome: batch.NotFound, Status: 404, Message: "Image {image} not found.", Rows: 5, Lines: []int{2, 3, 4}}); !cmp.Equal(got[0], want, cmp.AllowUnexported(Reason{})) {
		t.Errorf("first reason: %+v; want %+v", got[0], want)
	}
	if got[1].Outcome != batch.Denied {
		t.Errorf("second reason: %+v; want denied", got[1])
	}
	rows := 0
	for _, r := range got {
		rows += r.Rows
	}
	if rows != tally.Rows || len(got) > maxReasons+1 {
		t.Errorf("%d reasons for %d of %d rows", len(got), rows, tally.Rows)
	}
}
