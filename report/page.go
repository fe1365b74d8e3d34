package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"imsrevoke/batch/plain"
)

//go:embed html/page.html
var pageHTML string

//go:embed html/page.css
var pageStyle string

//go:embed html/page.js
var pageScript string

var pageTemplate = sync.OnceValue(func() *template.Template { return template.Must(template.New("page").Parse(pageHTML)) })

// pagePolicy lets a page use nothing but what stands in it: no request, no
// style but its own, no script but its own.
func pagePolicy() string {
	return fmt.Sprintf("default-src 'none'; style-src %s; script-src %s; img-src data:; base-uri 'none'; form-action 'none'",
		hashSource(pageStyle), hashSource(pageScript))
}

func hashSource(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

const (
	// maxPageRows is how many rows a page holds: a browser on a telephone can
	// search and sort that many.
	maxPageRows = 100_000
	// maxStaticRows is how many of them it shows where no script runs, and on
	// paper.
	maxStaticRows = 1000
	// maxPageColumns and maxPageCell bound what it shows of the input's other
	// columns, and of a cell, in characters.
	maxPageColumns = 20
	maxPageCell    = 2000
	// maxPageReasons bounds the reasons that it tells.
	maxPageReasons = 30
)

// A page is what the template is filled with.
type page struct {
	Policy         string
	Style          template.CSS
	Input, Date    string // of the run, if it is known
	Name           string // of the report
	Headline       string
	Version        string
	Todo           []todo
	Notes          []string
	Facts          []fact
	Outcomes       []outcomeBar
	OutcomesText   string
	RowsName, Rows string
	Settled, Left  string
	Reasons        []pageReason
	MoreReasons    string
	Course         *course
	Static         []staticRow
	RowsNote       string
	StaticNote     string
}

// A fact is what is known of the run. File stands within its value, if it has one.
type fact struct {
	Name, Value, File, More string
	Code                    bool
}

type todo struct {
	Kind                         kind
	Mark, Count, Outcome, Advice string
}

type outcomeBar struct {
	Kind                                kind
	Mark, Outcome, Meaning, Rows, Share string
	From, Width                         string // in per cent
}

type pageReason struct {
	Kind                         kind
	Mark, Rows, Outcome, Message string
	Status, Lines                string
}

// writeHTML writes the page. It reads the results three times: for what they
// amount to, for when they came, and for the rows that the page holds.
//
// What files and servers say becomes text on its way: see [plain.Text].
func (v View) writeHTML(w io.Writer, r *Results) error {
	w = plain.NewWriter(w)
	s, err := r.Survey()
	if err != nil {
		return err
	}
	p, chosen := v.newPage(r, s), v.choose(s)
	clock, static := newClock(s), staticRows{choice: chosen.atMost(maxStaticRows)}
	err = View{}.Each(r, func(e *Entry) error {
		clock.add(e)
		if v.shows(e.Outcome, e.Settled()) {
			static.add(e)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if s.Sent > 0 {
		p.Course = clock.draw(s)
	}
	p.Static = append(static.open, static.settled...)
	v.noteRows(p, r, chosen)
	if err := pageTemplate().Execute(w, p); err != nil {
		return err
	}
	// The rows do not go through the template, which would hold all of them.
	if _, err := io.WriteString(w, "<script type=\"application/json\" id=\"data\">"); err != nil {
		return err
	}
	if err := v.writePageRows(w, r, chosen); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "</script>\n<script>%s</script>\n</body>\n</html>\n", pageScript)
	return err
}

// newPage is all of the page but its rows and its course.
func (v View) newPage(r *Results, s *Survey) *page {
	p := &page{
		Policy: pagePolicy(), Style: template.CSS(pageStyle),
		Name: filepath.Base(r.Name), Headline: headline(s), Facts: facts(s),
		Rows: grouped(s.Rows), Settled: grouped(s.Settled()), Left: grouped(s.Rows - s.Settled()),
	}
	if s.Run != nil {
		p.Version, p.Input = s.Run.Version, filepath.Base(s.Run.Input)
		if !s.Run.Started.IsZero() {
			p.Date = s.Run.Started.UTC().Format("2 January 2006")
		}
	} else {
		p.Notes = append(p.Notes, fmt.Sprintf("Who ran it, when and against which cloud is not known: %v.", s.unknown))
	}
	if !s.Ended {
		p.Notes = append(p.Notes, "This is the journal of a run that is under way or was cut off.")
	}
	p.RowsName = "all rows"
	if s.Verified[Gone]+s.Verified[StillShared] > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("A check after the run read the member lists again: %s gone, %s still shared.", grouped(s.Verified[Gone]), grouped(s.Verified[StillShared])))
	}
	for _, image := range s.AlsoShared {
		if len(p.Notes) == maxPageReasons {
			p.Notes = append(p.Notes, "More images are shared with accounts or organizations: see the rows.")
			break
		}
		p.Notes = append(p.Notes, image.String()+".")
	}
	p.fillOutcomes(s)
	p.fillReasons(s)
	return p
}

func (p *page) fillOutcomes(s *Survey) {
	var words []string
	from := 0.0
	for _, o := range states() {
		n := s.states[o]
		if n == 0 {
			continue
		}
		k := o.kind()
		means, advice := meaning(o)
		width := 100 * float64(n) / float64(s.Rows)
		p.Outcomes = append(p.Outcomes, outcomeBar{
			Kind: k, Mark: k.mark(), Outcome: string(o), Meaning: means, Rows: grouped(n), Share: share(n, s.Rows),
			From: fmt.Sprintf("%.3f", from), Width: fmt.Sprintf("%.3f", width),
		})
		from += width
		words = append(words, grouped(n)+" "+string(o))
		if advice != "" {
			p.Todo = append(p.Todo, todo{k, k.mark(), grouped(n), string(o), advice})
		}
	}
	p.OutcomesText = fmt.Sprintf("Of %s: %s", counted(s.Rows, "row"), strings.Join(words, ", "))
}

func (p *page) fillReasons(s *Survey) {
	reasons := s.Reasons()
	if more := len(reasons) - maxPageReasons; more > 0 {
		p.MoreReasons = fmt.Sprintf("%s more: see the rows.", capital(counted(more, "reason")))
		reasons = reasons[:maxPageReasons]
	}
	for _, reason := range reasons {
		k := reason.state().kind()
		told := pageReason{Kind: k, Mark: k.mark(), Rows: grouped(reason.Rows), Outcome: string(reason.Outcome), Message: cut(reason.Message)}
		if reason.Status != 0 {
			told.Status = fmt.Sprint(reason.Status)
		}
		told.Lines = linesOf(reason)
		p.Reasons = append(p.Reasons, told)
	}
}

// linesOf names the first rows of a reason.
func linesOf(r Reason) string {
	if len(r.Lines) == 0 {
		return ""
	}
	words := make([]string, len(r.Lines))
	for i, line := range r.Lines {
		words[i] = fmt.Sprint(line)
	}
	text := "line "
	if r.Rows > 1 {
		text = "lines "
	}
	text += strings.Join(words, ", ")
	if r.Rows > len(r.Lines) {
		text += fmt.Sprintf(" and %s more", grouped(r.Rows-len(r.Lines)))
	}
	return text
}

// cut is a cell as far as the page shows it. In JSON what is no text would be
// written in letters, and be none again in the browser.
func cut(cell string) string {
	if len(cell) > maxPageCell {
		n := 0
		for i := range cell {
			if n == maxPageCell {
				cell = cell[:i] + "…"
				break
			}
			n++
		}
	}
	return plain.Text(cell)
}

// precisely is a time as the rows have it.
func precisely(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05.000")
}
