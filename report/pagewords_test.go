package report

import (
	"encoding/csv"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"imsrevoke/batch"
)

func TestHeadlines(t *testing.T) {
	tests := []struct {
		outcomes []batch.Outcome
		want     string
	}{
		{nil, "There are no rows."},
		{[]batch.Outcome{batch.Revoked}, "The one row is settled: nothing is left to do."},
		{[]batch.Outcome{batch.Revoked, batch.Absent}, "All 2 rows are settled: nothing is left to do."},
		{[]batch.Outcome{batch.Revoked, batch.Unknown}, "1 of 2 rows are settled; 1 is not."},
		{[]batch.Outcome{batch.Failed, batch.Unknown}, "None of the 2 rows is settled."},
		{[]batch.Outcome{batch.Failed}, "The one row is not settled."},
		{[]batch.Outcome{batch.Shared, batch.Absent}, "1 of 2 rows names a share that is still there."},
		{[]batch.Outcome{batch.Shared, batch.Shared, batch.Denied}, "2 of 3 rows name shares that are still there."},
		{[]batch.Outcome{batch.Planned, batch.Invalid}, "Nothing was sent: it was a dry run of 2 rows."},
	}
	for _, tt := range tests {
		s := &Survey{Tally: newTally(), Ended: true}
		for i, o := range tt.outcomes {
			s.Tally.add(&Entry{Result: batch.Result{Row: batch.Row{Line: i + 2}, Outcome: o}})
		}
		if got := headline(s); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.outcomes, got, tt.want)
		}
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
		"<h1>1 of 3 rows are settled; 2 are not.</h1>",
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
		true:  "1 of 100 rows are settled; 99 are not.",
		false: "The run has not ended: 1 of 100 rows are settled so far.",
	} {
		r, err := OpenResults(writeJournal(t, t.TempDir(), end, ended(rowsOf(1)[0], batch.Revoked)))
		if err != nil {
			t.Fatal(err)
		}
		page := show(t, View{Format: FormatHTML}, r)
		if !strings.Contains(page, "<h1>"+want+"</h1>") || !end && !strings.Contains(page, "<b>15 unknown</b>") {
			t.Errorf("ended %v: the page begins with %q", end, regexp.MustCompile("(?s)<h1>.*?</dl>").FindString(page))
		}
		r.Close()
	}
}

func TestEveryOutcomeHasAMeaningAndWhatIsLeftAnAdvice(t *testing.T) {
	for _, s := range states() {
		if means, advice := meaning(s); means == "" || (advice == "") != (s.kind() == kindDone) {
			t.Errorf("%s: %q, %q", s, means, advice)
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
