package report

import (
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"imsrevoke/batch"
)

// surveyOf is what rows with these outcomes amount to.
func surveyOf(verb string, outcomes ...batch.Outcome) *Survey {
	s := &Survey{Tally: newTally(), Ended: true, Run: &Run{Verb: verb, Input: "pairs.csv", Rows: len(outcomes)}}
	for i, o := range outcomes {
		e := &Entry{Result: batch.Result{Row: batch.Row{Line: i + 2}, Outcome: o}}
		if o == "still" {
			e.Outcome, e.Verified = batch.Revoked, StillShared
		}
		if o == batch.Denied {
			e.Status = 403
		}
		s.Tally.add(e)
	}
	return s
}

func TestHeadlines(t *testing.T) {
	at := time.Date(2026, 11, 23, 10, 2, 59, 0, time.UTC)
	tests := []struct {
		verb     string
		outcomes []batch.Outcome
		stopped  string
		want     string
	}{
		{"run", nil, "", "There are no rows."},
		{"run", []batch.Outcome{batch.Revoked}, "", "The one share is gone."},
		{"run", []batch.Outcome{batch.Revoked, batch.Absent}, "", "All 2 shares are gone."},
		{"run", []batch.Outcome{batch.Revoked, batch.Duplicate, batch.Invalid}, "", "The one share is gone. 1 row is not a pair."},
		{"run", []batch.Outcome{batch.Revoked, batch.Unknown}, "", "1 of 2 shares is gone; 1 may still be there."},
		{"run", []batch.Outcome{batch.Failed, batch.Denied, batch.Invalid, batch.Invalid}, "", "0 of 2 shares are gone; 2 may still be there. 2 rows are not pairs."},
		{"run", []batch.Outcome{"still", "still", batch.Revoked, batch.Denied}, "", "1 of 4 shares is gone; 2 are still there, 1 may still be there."},
		{"run", []batch.Outcome{batch.Skipped, batch.Skipped, batch.Duplicate}, "interrupted by SIGTERM", "Stopped at 10:02:59: 0 of 2 shares are gone; 2 may still be there."},
		{"run", []batch.Outcome{"still"}, "", "The one share is still there."},
		{"run", []batch.Outcome{batch.Denied}, "", "The one share may still be there."},
		{"run", []batch.Outcome{batch.Invalid}, "", "No row names a share. 1 row is not a pair."},
		{"restore", []batch.Outcome{batch.Restored, batch.Present}, "", "All 2 shares are restored."},
		{"restore", []batch.Outcome{batch.Restored, batch.NotFound}, "", "1 of 2 shares is restored; 1 may be missing."},
		{"check", []batch.Outcome{batch.Absent, batch.Absent}, "", "All 2 shares are gone."},
		{"check", []batch.Outcome{batch.Shared, batch.Absent}, "", "1 of 2 shares is gone; 1 is still there."},
		{"check", []batch.Outcome{batch.Shared, batch.Shared, batch.Denied}, "", "0 of 3 shares are gone; 2 are still there, 1 could not be checked."},
		{"", []batch.Outcome{batch.Planned, batch.Invalid}, "", "Nothing was sent: it was a dry run of 1 share. 1 row is not a pair."},
		{"unknown", []batch.Outcome{batch.Absent, batch.Denied}, "", "1 of 2 shares is settled; 1 is not settled."},
	}
	for _, tt := range tests {
		s := surveyOf(tt.verb, tt.outcomes...)
		if tt.verb == "unknown" {
			s.Run = nil
		}
		if tt.stopped != "" {
			s.Stopped = Stop{Reason: tt.stopped, At: at}
		}
		if got := headline(s); got != tt.want {
			t.Errorf("%s %v: %q, want %q", tt.verb, tt.outcomes, got, tt.want)
		}
	}
}

// Beside the headline the page says how the run ended, what is left, and whether
// anybody looked again.
func TestTheVerdict(t *testing.T) {
	at := time.Date(2026, 11, 23, 10, 2, 59, 0, time.UTC)
	part := []Part{{Started: at.Add(-time.Minute), Finished: at}}
	verified := surveyOf("run", batch.Revoked, "still")
	verified.Verified[Gone] = 1
	for _, tt := range []struct {
		name   string
		survey *Survey
		change func(*Survey)
		want   []string
	}{
		{"all is well", surveyOf("run", batch.Revoked), nil,
			[]string{"job: revoke the shares of pairs.csv, 1 row", "end: finished 2026-11-23 10:02:59 UTC; exit code 0", "left: nothing", "checked afterwards: no: nobody has looked since imsrevoke check pairs.report.csv"}},
		{"verified", verified, nil,
			[]string{"job: revoke the shares of pairs.csv, 2 rows", "end: finished 2026-11-23 10:02:59 UTC; exit code 1", "left: 1 row: 1 still shared", "checked afterwards: yes: 1 gone, 1 still shared"}},
		{"stopped by a signal", surveyOf("run", batch.Skipped), func(s *Survey) { s.Stopped = Stop{Reason: "interrupted by SIGTERM", ExitCode: 143, At: at} },
			[]string{"job: revoke the shares of pairs.csv, 1 row", "end: stopped 2026-11-23 10:02:59 UTC: interrupted by SIGTERM; exit code 143", "left: 1 row: 1 skipped", "checked afterwards: no: nobody has looked since imsrevoke check pairs.report.csv"}},
		// Journals of earlier versions have no exit code: none is told then.
		{"stopped by a limit", surveyOf("restore", batch.Skipped), func(s *Survey) { s.Stopped = Stop{Reason: "too many failures", At: at} },
			[]string{"job: restore the shares of pairs.csv, 1 row", "end: stopped 2026-11-23 10:02:59 UTC: too many failures", "left: 1 row: 1 skipped", "checked afterwards: no: nobody has looked since"}},
		{"a check", surveyOf("check", batch.Shared, batch.Absent), nil,
			[]string{"job: check the shares of pairs.csv, 2 rows", "end: finished 2026-11-23 10:02:59 UTC; exit code 1", "left: 1 row: 1 shared", "checked: this is the check: the member lists were read 2026-11-23 10:01:59 to 10:02:59 UTC"}},
		{"cut off", surveyOf("run", batch.Revoked, batch.Skipped), func(s *Survey) { s.Ended = false },
			[]string{"job: revoke the shares of pairs.csv, 2 rows", "end: none: the run is under way, or was cut off", "left: 1 row: 1 skipped", "checked afterwards: no: nobody has looked since"}},
		{"nobody knows", surveyOf("run", batch.Absent), func(s *Survey) { s.Run = nil },
			[]string{"job: not known", "end: not known", "left: nothing", "checked afterwards: no: nobody has looked since"}},
	} {
		if tt.survey.Run.Parts = part; tt.change != nil {
			tt.change(tt.survey)
		}
		var got []string
		for _, f := range (&page{}).verdict(tt.survey, "pairs.report.csv") {
			links := make([]string, len(f.Links))
			for i, link := range f.Links {
				links[i] = link.Text
			}
			text := f.Name + ": " + f.Value + f.File + strings.Join(links, ", ") + f.More
			got = append(got, strings.Join(append([]string{text}, f.Commands...), " "))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s:\n%s\nwant\n%s", tt.name, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
		}
	}
}

// What to do next fits what was asked for, and why it is left.
func TestWhatToDoNext(t *testing.T) {
	const resume, choose = "imsrevoke run pairs.report.csv.journal --resume", "imsrevoke report pairs.report.csv --only "
	for _, tt := range []struct {
		survey  *Survey
		stopped string
		want    []string // in what is said, in this order
		never   string
	}{
		{surveyOf("run", batch.Failed, batch.Unknown), "", []string{"1 failed", resume, "1 unknown", "settles it"}, "--only"},
		{surveyOf("run", batch.Denied), "", []string{"with a role that allows it", choose + "denied --output pairs.report.denied.csv", "imsrevoke run pairs.report.denied.csv"}, "--resume"},
		{surveyOf("run", "still"), "", []string{"1 still shared", "Revoke them again", choose + "unsettled", "imsrevoke run pairs.report.unsettled.csv"}, "--resume"},
		{surveyOf("run", batch.Skipped, batch.Skipped), "the credentials are refused: 401", []string{"Get new credentials", resume, "2 skipped"}, "owns the images"},
		{surveyOf("run", batch.Skipped), "the endpoint is wrong: 404", []string{"Correct the endpoint"}, "then resume"},
		{surveyOf("check", batch.Shared, batch.Denied), "", []string{"Revoke them if they should not be", choose + "shared", "imsrevoke run pairs.report.shared.csv", "1 denied"}, "--resume"},
		{surveyOf("check", batch.NotFound, batch.Failed), "interrupted by SIGINT", []string{"Check again when", "imsrevoke check pairs.csv --report pairs.report.csv --overwrite"}, "esume"},
		{surveyOf("restore", batch.NotFound, batch.Failed), "", []string{"images are gone", "imsrevoke restore pairs.csv --report pairs.report.csv --resume"}, "may still be there"},
		{surveyOf("", batch.Planned, batch.Invalid), "", []string{"Leave out --dry-run", "Correct these rows"}, "--resume"},
		{surveyOf("run", batch.Revoked, batch.Invalid), "", []string{"1 invalid"}, "--"},
	} {
		tt.survey.Stopped.Reason = tt.stopped
		var said strings.Builder
		for _, s := range steps(tt.survey, "pairs.report.csv") {
			fmt.Fprintln(&said, s.What, s.Advice, strings.Join(s.Commands, " ; "))
		}
		rest := said.String()
		for _, want := range tt.want {
			_, after, found := strings.Cut(rest, want)
			if !found {
				t.Errorf("%v: it does not say %q, in that order:\n%s", tt.survey.Outcomes, want, said.String())
			}
			rest = after
		}
		if strings.Contains(said.String(), tt.never) {
			t.Errorf("%v: it says %q:\n%s", tt.survey.Outcomes, tt.never, said.String())
		}
	}
}

// A bound on bytes holds whatever the rows hold, and those that are not settled
// go first.
func TestTheRowsOfAPageFitIntoIt(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := &chooser{rows: rapid.IntRange(0, 20).Draw(rt, "rows"), bytes: rapid.IntRange(0, 200).Draw(rt, "bytes"),
			size: func(e *Entry) (int, error) { return e.Attempts, nil }}
		var all []*Entry
		for range rapid.IntRange(0, 40).Draw(rt, "n") {
			e := &Entry{Result: batch.Result{Outcome: batch.Revoked, Attempts: rapid.IntRange(1, 40).Draw(rt, "size")}}
			if rapid.Bool().Draw(rt, "open") {
				e.Outcome = batch.Failed
			}
			all = append(all, e)
			if err := c.add(e); err != nil {
				rt.Fatal(err)
			}
		}
		chosen := c.choice()
		taking, rows, bytes, open := chosen, 0, 0, 0
		for _, e := range all {
			if !e.Settled() {
				open++
			}
			if taking.take(e) {
				rows, bytes = rows+1, bytes+e.Attempts
			}
		}
		if rows != chosen.rows() || rows > c.rows || bytes > c.bytes {
			rt.Fatalf("%+v: %d rows of %d bytes", chosen, rows, bytes)
		}
		if chosen.settled > 0 && chosen.open < open {
			rt.Fatalf("%+v, though %d rows are not settled", chosen, open)
		}
	})
}

// Rows with long cells are bounded by their bytes, and the page says how the
// others can be seen.
func TestAPageOfLongCellsStaysSmall(t *testing.T) {
	t.Parallel()
	const rows = 15_000
	path := filepath.Join(t.TempDir(), "pairs.report.csv")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	out := csv.NewWriter(file)
	out.Write(append(slices.Clone(columnNames), "note"))
	note := strings.Repeat("n", 4<<10)
	for i := range rows {
		outcome := batch.Revoked
		if i >= rows-3 {
			outcome = batch.Denied
		}
		out.Write([]string{fmt.Sprint(i + 2), image, member, string(outcome), "", "0", "", "", "", "", "", "", note})
	}
	out.Flush()
	r, err := OpenResults(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	page := show(t, View{Format: FormatHTML}, r)
	if n := len(page); n > maxPageBytes+2*maxStaticBytes {
		t.Errorf("the page has %d bytes", n)
	}
	note1 := regexp.MustCompile(`The report has 15,000 rows; this page lists [0-9,]+ of them: 3 of 3 that are not settled, and [0-9,]+ of 14,997 that are\. The report has all of them; a page of some is made by: imsrevoke report \S+pairs\.report\.csv --only OUTCOME`)
	if !note1.MatchString(page) {
		t.Errorf("the page says %q", regexp.MustCompile(`(?s)<h2 id="rows-title">.*?</p>`).FindString(page))
	}
}

// Quantiles are those of the rows themselves, not of classes of them.
func TestQuantilesAreTrue(t *testing.T) {
	var b strings.Builder
	out := csv.NewWriter(&b)
	out.Write(columnNames)
	for i := range 200 {
		took := 400 + i%2 // half 400 ms, half 401 ms
		switch {
		case i >= 198:
			took = 10_600
		case i >= 190:
			took = 1300
		}
		out.Write([]string{fmt.Sprint(i + 2), image, member, "revoked", "204", "1", fmt.Sprint(took), "", "", formatTime(noon.Add(time.Duration(i) * time.Second)), "", ""})
	}
	out.Flush()
	r, err := openResults(t, "report.csv", b.String())
	if err != nil {
		t.Fatal(err)
	}
	want := "Half of the rows took no more than 401\u00a0ms, 95\u00a0% 401\u00a0ms, 99\u00a0% 1.3\u00a0s, the longest 10.6\u00a0s."
	if page := show(t, View{Format: FormatHTML}, r); !strings.Contains(page, want) {
		t.Errorf("the page says %q", regexp.MustCompile(`Half of[^<]*`).FindString(page))
	}
}

// What the page leaves out, it says.
func TestThePageSaysWhatItDoesNotShow(t *testing.T) {
	var b strings.Builder
	out := csv.NewWriter(&b)
	wide := slices.Repeat([]string{"column"}, maxPageColumns+5)
	out.Write(append(slices.Clone(columnNames), wide...))
	for i, o := range []batch.Outcome{batch.Revoked, batch.Failed, batch.Unknown} {
		out.Write(append([]string{fmt.Sprint(i + 2), image, member, string(o), "", "0", "", "", strings.Repeat("é", maxPageCell+1), "", "", ""}, wide...))
	}
	out.Flush()
	r, err := openResults(t, "report.csv", b.String())
	if err != nil {
		t.Fatal(err)
	}
	page := show(t, View{Format: FormatHTML, Only: []batch.Outcome{batch.Failed, batch.Unknown}}, r)
	for _, want := range []string{
		"Only the rows that are failed or unknown are listed here",
		"Of the input&#39;s other columns it shows the first 20 of 25.",
		"<h1>1 of 3 shares is gone; 2 may still be there.</h1>",
		"is not known: its journal is not beside it.",
		`"` + strings.Repeat("é", maxPageCell) + `…"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %.60q", want)
		}
	}
	if strings.Contains(page, "[2,") || !strings.Contains(page, "[3,") {
		t.Error("the rows of the page are not those that were asked for")
	}
}

// Rows without a result are not settled: neither when the run goes on nor when it has
// stopped early.
func TestTheHeadlineOfAJournalCountsTheRowsWithoutAResult(t *testing.T) {
	for end, want := range map[bool]string{
		true:  "1 of 100 shares is gone; 99 may still be there.",
		false: "Not ended: 1 of 100 shares is gone; 99 may still be there.",
	} {
		r, err := OpenResults(writeJournal(t, t.TempDir(), end, ended(rowsOf(1)[0], batch.Revoked)))
		if err != nil {
			t.Fatal(err)
		}
		page := show(t, View{Format: FormatHTML}, r)
		if !strings.Contains(page, "<h1>"+want+"</h1>") || !end && !strings.Contains(page, ">15 unknown</a>") {
			t.Errorf("ended %v: the page begins with %q", end, regexp.MustCompile("(?s)<h1>.*?</dl>").FindString(page))
		}
		r.Close()
	}
}

func TestEveryOutcomeHasAMeaningAndWhatIsLeftAnAdvice(t *testing.T) {
	for _, verb := range []string{"run", "restore", "check"} {
		for _, is := range states() {
			if meaning(is) == "" {
				t.Errorf("%s means nothing", is)
			}
			a := adviser{survey: surveyOf(verb), job: job(verb), given: make(map[string]bool)}
			if a.rows(is, 1); !is.settled() && a.steps[0].Advice == "" {
				t.Errorf("%s: no advice for %s", verb, is)
			}
		}
	}
	if strings.Contains(pageScript, "</script") || strings.Contains(pageStyle, "</style") {
		t.Error("the script or the style ends early")
	}
}

// Colours can be told from their ground, in light and in dark: 4.5 to 1, as
// WCAG 2 asks for at level AA.
func TestContrast(t *testing.T) {
	palettes := regexp.MustCompile(`(?s)--paper: .*?\}`).FindAllString(pageStyle, -1)
	if len(palettes) != 3 {
		t.Fatalf("%d palettes, want those for light, dark and paper", len(palettes))
	}
	for _, palette := range palettes {
		colours := make(map[string]string)
		for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{3,6});`).FindAllStringSubmatch(palette, -1) {
			colours[m[1]] = m[2]
		}
		for _, ground := range []string{"paper", "hover"} {
			for _, ink := range []string{"ink", "quiet", "done", "open", "doubt", "unsent"} {
				if ratio := contrast(luminance(t, colours[ink]), luminance(t, colours[ground])); ratio < 4.5 {
					t.Errorf("%s #%s on %s #%s: %.2f to 1", ink, colours[ink], ground, colours[ground], ratio)
				}
			}
		}
	}
}

func contrast(a, b float64) float64 { return (max(a, b) + 0.05) / (min(a, b) + 0.05) }

// luminance is that of WCAG 2.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	if len(colour) == 3 {
		colour = string([]byte{colour[0], colour[0], colour[1], colour[1], colour[2], colour[2]})
	}
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(colour[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.03928 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
