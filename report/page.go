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
	// maxPageRows and maxPageBytes are how much a page holds: what a browser on a
	// telephone can search and sort. A row of usual length takes about 170 bytes.
	maxPageRows  = 100_000
	maxPageBytes = 24 << 20
	// maxStaticRows and maxStaticBytes are how much of that it shows where no
	// script runs, and on paper.
	maxStaticRows  = 1000
	maxStaticBytes = 2 << 20
	// maxPageColumns and maxPageCell bound what it shows of the input's other
	// columns, and of a cell, in characters.
	maxPageColumns = 20
	maxPageCell    = 2000
	// maxPageReasons bounds the reasons that it tells.
	maxPageReasons = 30
)

// A page is what the template is filled with.
type page struct {
	Policy        string
	Style         template.CSS
	Input, Date   string // of the run, if it is known
	Name          string // of the report
	Headline      string
	Version       string
	Verdict       []fact
	Steps         []step
	Notes         []string
	Facts         []fact
	Outcomes      []outcomeBar
	OutcomesText  string
	Rows          string
	Settled, Left string
	Reasons       []pageReason
	MoreReasons   string
	Groups        []pageGroups
	Parts         []pagePart
	Course        *course
	Static        []staticRow
	RowsNote      string
	StaticNote    string
	PaperNote     string
}

type outcomeBar struct {
	Kind                                      kind
	Mark, Outcome, View, Meaning, Rows, Share string
	From, Width                               string // in per cent
}

type pageReason struct {
	Kind                         kind
	Mark, Rows, Outcome, Message string
	Status, View, Line, More     string
	Lines                        []pageLink
}

// writeHTML writes the page. It reads the results three times: for what they
// amount to, for what the page tells of them, and for the rows that it lists.
//
// What files and servers say becomes text on its way: see [plain.Text].
func (v View) writeHTML(w io.Writer, r *Results) error {
	w = plain.NewWriter(w)
	s, err := r.Survey()
	if err != nil {
		return err
	}
	p := v.newPage(r, s)
	reasons := p.fillReasons(s)
	columns := r.Columns[:min(len(r.Columns), maxPageColumns)]
	rows := newPageRows(len(columns), reasons)
	clock, all := newClock(s), newGroups(columns)
	static := &staticRows{columns: columns, bytes: maxStaticBytes}
	chooser := &chooser{rows: maxPageRows, bytes: maxPageBytes, size: func(e *Entry) (int, error) {
		row, err := rows.row(e)
		return len(row), err
	}}
	err = View{}.Each(r, func(e *Entry) error {
		clock.add(e)
		for _, g := range all {
			g.add(e)
		}
		if !v.shows(e.Outcome, e.Settled()) {
			return nil
		}
		static.add(e)
		return chooser.add(e)
	})
	if err != nil {
		return err
	}
	for _, g := range all {
		if told := g.told(jobOf(s)); told != nil {
			p.Groups = append(p.Groups, *told)
		}
	}
	if s.Sent > 0 {
		p.Course = clock.draw(s)
	}
	chosen := chooser.choice()
	v.noteRows(p, r, chooser.all, chosen, static)
	if err := pageTemplate().Execute(w, p); err != nil {
		return err
	}
	// The rows do not go through the template, which would hold all of them.
	if _, err := io.WriteString(w, "<script type=\"application/json\" id=\"data\">"); err != nil {
		return err
	}
	if err := rows.write(w, v, r, chosen); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "</script>\n<script>%s</script>\n</body>\n</html>\n", pageScript)
	return err
}

// newPage is what the survey says for the page.
func (v View) newPage(r *Results, s *Survey) *page {
	p := &page{
		Policy: pagePolicy(), Style: template.CSS(pageStyle),
		Name: filepath.Base(r.Name), Headline: headline(s), Steps: steps(s, r.Name), Facts: facts(s), Parts: pageParts(s),
		Rows: grouped(s.Rows), Settled: grouped(s.Settled()), Left: grouped(s.Rows - s.Settled()),
	}
	p.Verdict = p.verdict(s, r.Name)
	if s.Run != nil {
		p.Version, p.Input = s.Run.Version, filepath.Base(s.Run.Input)
		if !s.Run.Started.IsZero() {
			p.Date = s.Run.Started.UTC().Format("2 January 2006")
		}
		if s.Run.Shard == "" && s.Run.WholeRows > s.Run.Rows {
			p.Notes = append(p.Notes, fmt.Sprintf("Only some rows of the file were chosen: %s of %s. Nothing is said of the others.", grouped(s.Run.Rows), grouped(s.Run.WholeRows)))
		}
	} else {
		p.Notes = append(p.Notes, fmt.Sprintf("Who ran it, when and against which cloud is not known: %v.", s.unknown))
	}
	for _, image := range s.AlsoShared {
		if len(p.Notes) == maxPageReasons {
			p.Notes = append(p.Notes, "More images are shared with accounts or organizations: see the rows.")
			break
		}
		p.Notes = append(p.Notes, image.String()+".")
	}
	p.fillOutcomes(s)
	return p
}

func (p *page) fillOutcomes(s *Survey) {
	var words []string
	from := 0.0
	for _, is := range states() {
		n := s.states[is]
		if n == 0 {
			continue
		}
		k := is.kind()
		width := 100 * float64(n) / float64(s.Rows)
		p.Outcomes = append(p.Outcomes, outcomeBar{
			Kind: k, Mark: k.mark(), Outcome: string(is), View: outcomeView(is), Meaning: meaning(is), Rows: grouped(n), Share: share(n, s.Rows),
			From: fmt.Sprintf("%.3f", from), Width: fmt.Sprintf("%.3f", width),
		})
		from += width
		words = append(words, grouped(n)+" "+string(is))
	}
	p.OutcomesText = fmt.Sprintf("Of %s: %s", counted(s.Rows, "row"), strings.Join(words, ", "))
}

// fillReasons tells the reasons, and returns their numbers.
func (p *page) fillReasons(s *Survey) map[reasonKey]int {
	reasons, numbers := s.numberedReasons()
	if more := len(reasons) - maxPageReasons; more > 0 {
		p.MoreReasons = fmt.Sprintf("%s more: see the rows.", capital(counted(more, "reason")))
		reasons = reasons[:maxPageReasons]
	}
	for i, reason := range reasons {
		is := reason.state()
		k := is.kind()
		told := pageReason{Kind: k, Mark: k.mark(), Rows: grouped(reason.Rows), Outcome: string(is), View: "#" + viewOf("reason", fmt.Sprint(i+1)),
			Message: cut(withoutPlaceholders().Replace(reason.Message))}
		if told.Message == "" {
			told.Message = capital(meaning(is)) + "."
		}
		if reason.Status != 0 {
			told.Status = fmt.Sprint(reason.Status)
		}
		if len(reason.Lines) > 0 {
			told.Line = "line"
			if reason.Rows > 1 {
				told.Line = "lines"
			}
		} else {
			told.View = outcomeView(is) // of the rows whose reasons are too many
		}
		for _, line := range reason.Lines {
			text := fmt.Sprint(line)
			told.Lines = append(told.Lines, pageLink{"#" + viewOf("line", text), text})
		}
		if more := reason.Rows - len(reason.Lines); more > 0 && told.Line != "" {
			told.More = fmt.Sprintf("%s more", grouped(more))
		}
		p.Reasons = append(p.Reasons, told)
	}
	return numbers
}

// withoutPlaceholders leaves out what stands for the ids of several rows.
var withoutPlaceholders = sync.OnceValue(func() *strings.Replacer {
	return strings.NewReplacer("{image}.", "…", "{member}.", "…", "{image}", "…", "{member}", "…")
})

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
