package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"imsrevoke/batch"
)

// openResults opens a file that holds text.
func openResults(t testing.TB, name, text string) (*Results, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := OpenResults(path)
	if err == nil {
		t.Cleanup(func() { r.Close() })
	}
	return r, err
}

// show is what a view makes of results.
func show(t testing.TB, v View, r *Results) string {
	t.Helper()
	var out bytes.Buffer
	if err := v.Write(&out, r); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// drawReport writes a report with all kinds of rows and cells.
func drawReport(rt *rapid.T, dir string) (path, text string) {
	cell := rapid.OneOf(rapid.StringMatching(`[a-z" ,;]{0,9}`), rapid.SampledFrom([]string{"", "=1+1", "'=1", "-5", "@x", "a\nb", "镜像", "</script>", "\u2028", "\ufeffx", "\t"}))
	rows := rowsOf(rapid.IntRange(0, 300).Draw(rt, "rows"))
	other := make([][]string, len(rows))
	path = filepath.Join(dir, "report.csv")
	os.Remove(path + ".journal")
	for i := range rows {
		other[i] = []string{cell.Draw(rt, "note"), cell.Draw(rt, "note")}
		if rapid.IntRange(0, 9).Draw(rt, "invalid") == 0 {
			rows[i].ImageID, rows[i].Problem = cell.Draw(rt, "id"), "no id"
		}
	}
	plan := planOf(rt, rows, []string{"note", "note"}, other)
	defer plan.Close()
	run := thisRun
	run.Rows = len(rows)
	j, err := CreateJournal(path+".journal", plan, run)
	if err != nil {
		rt.Fatal(err)
	}
	for i := range rows {
		r := batch.Result{Row: rows[i], Outcome: rapid.SampledFrom(batch.Outcomes()).Draw(rt, "outcome"), Message: cell.Draw(rt, "message"), FinishedAt: noon}
		if rows[i].Problem != "" {
			r.Outcome = batch.Invalid
		} else if r.Outcome == batch.Invalid || r.Outcome == batch.Planned {
			r.Outcome = batch.Failed
		}
		if rapid.Bool().Draw(rt, "sent") {
			r.Attempts, r.Status, r.RequestID = 1+i%3, 204, cell.Draw(rt, "request")
			r.Duration, r.FinishedAt = time.Duration(i)*time.Millisecond, noon.Add(time.Duration(i)*time.Second)
		}
		if rapid.IntRange(0, 4).Draw(rt, "recorded") > 0 {
			if err := j.Record(r); err != nil {
				rt.Fatal(err)
			}
		}
	}
	err = j.End(Stop{Reason: "a signal", Unreached: "stopped"}, batch.Summary{})
	for seq := range rows {
		if verdict := []Verdict{"", Gone, StillShared}[seq%3]; verdict != "" {
			err = errors.Join(err, j.Verified(seq, verdict, ""))
		}
	}
	if err := errors.Join(err, j.Flush()); err != nil {
		rt.Fatal(err)
	}
	defer j.Close()
	c := CSV{Journal: j}
	if _, err := c.WriteFile(path); err != nil {
		rt.Fatal(err)
	}
	written, err := os.ReadFile(path)
	if err != nil {
		rt.Fatal(err)
	}
	return path, string(written)
}

// Whatever a report holds, its rows are the same in every form, and the CSV of
// it is the same to the last byte.
func TestEveryFormTellsTheSame(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		path, want := drawReport(rt, dir)
		r, err := OpenResults(path)
		if err != nil {
			rt.Fatal(err)
		}
		defer r.Close()
		if diff := cmp.Diff(want, show(t, View{Format: FormatCSV}, r)); diff != "" {
			rt.Fatal(diff)
		}
		if got := show(t, View{Format: FormatCSV, ByteOrderMark: true}, r); got != "\ufeff"+want {
			rt.Fatalf("with a byte order mark: %.40q", got)
		}
		var document struct {
			Run    *Run
			Ended  bool
			Counts struct {
				Rows, Settled int
				Outcomes      map[batch.Outcome]int
				Verified      map[Verdict]int
			}
			Rows []jsonRow
		}
		if err := json.Unmarshal([]byte(show(t, View{Format: FormatJSON}, r)), &document); err != nil {
			rt.Fatal(err)
		}
		var lines []jsonRow
		for decoder := json.NewDecoder(strings.NewReader(show(t, View{Format: FormatJSONL}, r))); decoder.More(); {
			var row jsonRow
			if err := decoder.Decode(&row); err != nil {
				rt.Fatal(err)
			}
			lines = append(lines, row)
		}
		if diff := cmp.Diff(document.Rows, lines, cmp.Transformer("empty", func(rows []jsonRow) []jsonRow { return slices.Clip(append([]jsonRow{}, rows...)) })); diff != "" {
			rt.Fatal(diff)
		}
		judgeRows(rt, r, lines)
		counts := make(map[batch.Outcome]int)
		for _, row := range lines {
			counts[row.Outcome]++
		}
		if document.Counts.Rows != len(lines) || !maps.Equal(document.Counts.Outcomes, counts) {
			rt.Fatalf("counts %+v, want %v", document.Counts, counts)
		}
		sound := &Run{Input: "pairs.csv", Digest: "d1", Rows: len(lines), Endpoint: thisRun.Endpoint, Project: "p1", Started: noon}
		if document.Run != nil { // see TestTheStoryOfAResumedRun for its parts
			document.Run.Parts = nil
		}
		if diff := cmp.Diff(sound, document.Run); diff != "" || !document.Ended {
			rt.Fatal(diff)
		}
	})
}

// judgeRows compares rows with those that stand in the CSV, cell by cell.
func judgeRows(rt *rapid.T, r *Results, rows []jsonRow) {
	reading, err := r.Rows()
	if err != nil {
		rt.Fatal(err)
	}
	for _, row := range rows {
		e, err := reading.Next()
		if err != nil {
			rt.Fatal(err)
		}
		c := columnsOf(e)
		took := ""
		if row.DurationMS != nil {
			took = strconv.FormatInt(*row.DurationMS, 10)
		}
		got := []string{row.ImageID, row.MemberID, string(row.Outcome), took, row.RequestID, row.Message, row.FinishedAt, string(row.Verified), row.Input["note"], row.Input["note (2)"]}
		want := []string{e.Row.ImageID, e.Row.MemberID, c.Outcome, c.DurationMS, e.RequestID, e.Message, c.FinishedAt, string(e.Verified), e.Other[0], e.Other[1]}
		for name, cell := range row.Input {
			if cell == "" {
				rt.Fatalf("line %d: %q is there and empty", row.Line, name)
			}
		}
		if row.Line != e.Row.Line || row.Attempts != e.Attempts || row.HTTPStatus != e.Status || !slices.Equal(got, want) {
			rt.Fatalf("line %d: %q, want %q", row.Line, got, want)
		}
	}
	if _, err := reading.Next(); err != io.EOF {
		rt.Fatalf("there are more rows: %v", err)
	}
}

const aReport = "line,image_id,member_id,outcome,http_status,attempts,duration_ms,request_id,message,finished_at,verified,also_shared_with,note\n" +
	"2," + image + "," + member + ",revoked,204,1,61,req-1,,2026-11-23T12:00:00.001Z,gone,,a\n" +
	"3," + image + "," + member + "1,failed,503,5,9000,req-2,busy,2026-11-23T12:00:09.000Z,,,b\n" +
	"4," + image + "," + member + "2,unknown,,2,61,req-3,lost,2026-11-23T12:00:10.000Z,,the account x,c\n"

func TestOnlyTheRowsThatAreAskedFor(t *testing.T) {
	r, err := openResults(t, "report.csv", aReport)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(aReport, "\n")
	if got, want := show(t, View{Format: FormatCSV, Only: []batch.Outcome{batch.Failed, batch.Unknown}}, r), lines[0]+lines[2]+lines[3]; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := show(t, View{Format: FormatJSONL, Only: []batch.Outcome{batch.Absent}}, r); got != "" {
		t.Errorf("got %s, want nothing", got)
	}
}

// A report of before there was a column verified is one, too, and so is one
// whose columns somebody has moved.
func TestColumnsAreFoundByTheirNames(t *testing.T) {
	r, err := openResults(t, "report.csv", "note,"+strings.TrimSuffix(strings.SplitN(aReport, "\n", 2)[0], ",verified,also_shared_with,note")+"\nx,2,"+image+","+member+",revoked,204,1,61,req-1,,2026-11-23T12:00:00.001Z\n")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.SplitN(aReport, "\n", 2)[0] + "\n2," + image + "," + member + ",revoked,204,1,61,req-1,,2026-11-23T12:00:00.001Z,,,x\n"
	if diff := cmp.Diff(want, show(t, View{Format: FormatCSV}, r)); diff != "" {
		t.Error(diff)
	}
}

// Excel saves a byte order mark, and some programs quote every name.
func TestAReportThatWasSavedAgainIsOne(t *testing.T) {
	header, rows, _ := strings.Cut(aReport, "\n")
	r, err := openResults(t, "report.csv", "\ufeff\""+strings.ReplaceAll(header, ",", "\",\"")+"\"\r\n"+strings.ReplaceAll(rows, "\n", "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(aReport, show(t, View{Format: FormatCSV}, r)); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNoReportIsRefused(t *testing.T) {
	lines := strings.SplitAfter(aReport, "\n")
	tests := map[string]struct{ text, want string }{
		"nothing":                 {"", "it is empty"},
		"pairs":                   {"image_id,member_id\n" + image + "," + member + "\n", "it lists pairs"},
		"semicolons":              {strings.ReplaceAll(aReport, ",", ";"), `saved it with ";" between its cells`},
		"tabs":                    {strings.ReplaceAll(aReport, ",", "\t"), `saved it with "\\t" between its cells`},
		"a binary":                {"\x7fELF\x00\"\x01\n\"", "cannot be read"},
		"a word":                  {strings.Replace(aReport, "failed", "faild", 1), `line 3: this is no report any more: "faild" is not an outcome`},
		"a number":                {strings.Replace(aReport, ",503,", ",5O3,", 1), `line 3: .*http_status is "5O3"`},
		"a time":                  {strings.Replace(aReport, "2026-11-23T12:00:09.000Z", "23.11.2026 12:00", 1), "line 3: .*spreadsheet"},
		"no line":                 {strings.Replace(aReport, "3,"+image, ","+image, 1), "line 3: .*line is empty"},
		"a verdict":               {strings.Replace(aReport, ",gone,", ",perhaps,", 1), "line 2: .*verified"},
		"a cut row":               {aReport[:len(aReport)-20], "line 4: "},
		"a quote":                 {lines[0] + lines[1] + `3,"` + image + "\n", "line 3: "},
		"a journal, one byte off": {"xxxxxxxx\trun\timsrevoke-journal/1\t{}\nmore\n", "first line"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := openResults(t, "report.csv", tt.text)
			if err == nil {
				err = View{Format: FormatCSV}.Write(io.Discard, r)
			}
			if err == nil || !(errors.Is(err, ErrNoReport) || errors.Is(err, ErrDamaged)) || !matches(tt.want, err.Error()) {
				t.Errorf("err = %v; want one with %q", err, tt.want)
			}
		})
	}
}
