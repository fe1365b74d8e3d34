package report

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"imsrevoke/batch"
	"imsrevoke/batch/plain"
)

// A choice is which rows a page lists: the first ones of those that are not
// settled, and the first ones of the others.
type choice struct{ open, settled int }

func (c choice) rows() int { return c.open + c.settled }

// take reports whether a row belongs to the choice, and counts it.
func (c *choice) take(e *Entry) bool {
	left := &c.open
	if e.Settled() {
		left = &c.settled
	}
	if *left == 0 {
		return false
	}
	*left--
	return true
}

// A chooser finds out how many rows a page can hold: no more than so many, in no
// more than so many bytes. Those that are not settled go first.
type chooser struct {
	rows, bytes int
	size        func(*Entry) (int, error)

	all, chosen choice
	full        bool  // no more that is not settled
	used        int   // bytes of what is not settled
	settled     []int // bytes of each settled row, until they cannot fit
	sum         int
}

func (c *chooser) add(e *Entry) error {
	settled := e.Settled()
	if settled {
		c.all.settled++
		if len(c.settled) == c.rows || c.sum > c.bytes {
			return nil
		}
	} else {
		c.all.open++
		if c.full = c.full || c.chosen.open == c.rows; c.full {
			return nil
		}
	}
	size, err := c.size(e)
	switch {
	case err != nil:
		return err
	case settled:
		c.settled, c.sum = append(c.settled, size), c.sum+size
	case c.used+size > c.bytes:
		c.full = true
	default:
		c.chosen.open, c.used = c.chosen.open+1, c.used+size
	}
	return nil
}

// choice is what was found out.
func (c *chooser) choice() choice {
	chosen := c.chosen
	if chosen.open < c.all.open {
		return chosen
	}
	used := c.used
	for _, size := range c.settled {
		if used += size; used > c.bytes || chosen.rows() == c.rows {
			break
		}
		chosen.settled++
	}
	return chosen
}

// A staticRow is a row of the table that needs no script.
type staticRow struct {
	Kind                                      kind
	Line                                      int
	Image, Member, Mark, Outcome, Verified    string
	Status, Attempts, Took, Finished, Message string
	Other                                     string // what else is known of it
}

func (row *staticRow) size() int {
	const markup = 900
	return markup + len(row.Image) + len(row.Member) + len(row.Message) + len(row.Other)
}

// staticRows are the rows that are shown without a script, and on paper: those
// that are not settled first.
type staticRows struct {
	columns       []string
	bytes         int
	open, settled []staticRow
	used          [2]int // bytes of open, and of settled
	full          [2]bool
}

func (s *staticRows) add(e *Entry) {
	rows, i := &s.open, 0
	if e.Settled() {
		rows, i = &s.settled, 1
	}
	if s.full[i] = s.full[i] || len(*rows) == maxStaticRows; s.full[i] {
		return
	}
	row := s.row(e)
	if s.used[i] += row.size(); s.used[i] > s.bytes {
		s.full[i] = true
		return
	}
	*rows = append(*rows, row)
}

// chosen are the rows that fit together.
func (s *staticRows) chosen() (rows []staticRow, open int) {
	rows, used := s.open, s.used[0]
	if s.full[0] {
		return rows, len(rows)
	}
	for _, row := range s.settled {
		if used += row.size(); used > s.bytes || len(rows) == maxStaticRows {
			break
		}
		rows = append(rows, row)
	}
	return rows, len(s.open)
}

func (s *staticRows) row(e *Entry) staticRow {
	is := stateOf(e)
	k := is.kind()
	row := staticRow{
		Kind: k, Mark: k.mark(), Outcome: string(e.Outcome), Line: e.Row.Line, Image: cut(e.Row.ImageID), Member: cut(e.Row.MemberID),
		Attempts: fmt.Sprint(e.Attempts), Finished: precisely(e.FinishedAt), Message: cut(e.Message),
	}
	switch e.Verified {
	case Gone:
		row.Verified = "gone"
	case StillShared:
		row.Verified = "still shared"
	}
	if e.Status != 0 {
		row.Status = fmt.Sprint(e.Status)
	}
	if e.Attempts > 0 {
		row.Took = lasting(e.Duration)
	}
	var other []string
	add := func(name, cell string) {
		if cell != "" {
			other = append(other, name+" "+cut(cell))
		}
	}
	add("request", e.RequestID)
	add("also shared with", e.AlsoSharedWith)
	for i, cell := range e.Other[:min(len(e.Other), len(s.columns))] {
		add(s.columns[i], cell)
	}
	row.Other = strings.Join(other, "; ")
	return row
}

// noteRows says what the page does not show, and how it can be seen.
func (v View) noteRows(p *page, r *Results, all, listed choice, static *staticRows) {
	if len(v.Only) > 0 {
		p.RowsNote = fmt.Sprintf("Only the rows that are %s are listed here, as was asked for. ", outcomeWords(v.Only))
	}
	if listed.rows() < all.rows() {
		p.RowsNote += fmt.Sprintf("The report has %s; this page lists %s of them: %s of %s that are not settled, and %s of %s that are. ",
			counted(all.rows(), "row"), grouped(listed.rows()), grouped(listed.open), grouped(all.open), grouped(listed.settled), grouped(all.settled))
		p.RowsNote += fmt.Sprintf("The report has all of them; a page of some is made by: %s --only OUTCOME --output PAGE.html. ", plain.Command("imsrevoke", "report", r.Name))
	}
	if more := len(r.Columns) - maxPageColumns; more > 0 {
		p.RowsNote += fmt.Sprintf("Of the input's other columns it shows the first %d of %d. ", maxPageColumns, len(r.Columns))
	}
	rows, open := static.chosen()
	p.Static = rows
	p.StaticNote = "Search, order and links to rows need a script, which does not run here."
	if len(rows) < listed.rows() {
		p.StaticNote += fmt.Sprintf(" Without it the page shows %s of the %s, those that are not settled first.", grouped(len(rows)), counted(all.rows(), "row"))
	}
	p.PaperNote = fmt.Sprintf("Printed are all rows that are not settled: %s.", grouped(open))
	if open < all.open {
		p.PaperNote = fmt.Sprintf("Printed are the first %s of the %s rows that are not settled.", grouped(open), grouped(all.open))
	}
	if all.settled > 0 {
		p.PaperNote += fmt.Sprintf(" %s not printed: the report has them.", map[bool]string{true: "The one row that is settled is", false: "The " + grouped(all.settled) + " rows that are settled are"}[all.settled == 1])
	}
}

// outcomeWords lists outcomes for a sentence.
func outcomeWords(outcomes []batch.Outcome) string {
	text := ""
	for i, o := range outcomes {
		switch {
		case i > 0 && i == len(outcomes)-1:
			text += " or "
		case i > 0:
			text += ", "
		}
		text += string(o)
	}
	return text
}

// pageOutcome is a state as the page's script knows it.
type pageOutcome struct {
	Name    state  `json:"name"`
	Outcome string `json:"outcome"`
	Kind    kind   `json:"kind"`
	Mark    string `json:"mark"`
	Settled bool   `json:"settled"`
	Rows    int    `json:"rows"`
}

// pageRows writes rows as the page's script reads them: an array for each.
// In JSON of this form no cell can end the element in which it stands, because
// "<", ">" and "&" are escaped.
type pageRows struct {
	columns int
	states  map[state]int
	reasons map[reasonKey]int
}

func newPageRows(columns int, reasons map[reasonKey]int) *pageRows {
	p := &pageRows{columns, make(map[state]int), reasons}
	for i, is := range states() {
		p.states[is] = i
	}
	return p
}

// row is a row in the order that the page's script knows, as the CSV has it: a
// selection of rows can be saved as one.
func (p *pageRows) row(e *Entry) ([]byte, error) {
	var took, finished, reason any
	if e.Attempts > 0 {
		took = e.Duration.Milliseconds()
	}
	if !e.FinishedAt.IsZero() {
		finished = e.FinishedAt.UnixMilli()
	}
	if !e.Settled() {
		if n, numbered := p.reasons[reasonKeyOf(e)]; numbered && n < maxPageReasons {
			reason = n
		}
	}
	is, c := stateOf(e), columnsOf(e)
	var outcome any // where the state does not say it
	if is == stillShared {
		outcome = e.Outcome
	}
	row := []any{
		e.Row.Line, cut(c.ImageID), cut(c.MemberID), p.states[is], e.Status, e.Attempts, took, cut(c.RequestID), cut(c.Message), finished,
		map[Verdict]int{Gone: 1, StillShared: 2}[e.Verified], cut(c.AlsoShared), reason, outcome,
	}
	for _, cell := range e.Other[:min(len(e.Other), p.columns)] {
		row = append(row, cut(cell))
	}
	return json.Marshal(row)
}

// write writes the rows that are chosen.
func (p *pageRows) write(w io.Writer, v View, r *Results, c choice) error {
	var outcomes []pageOutcome
	for _, is := range states() {
		outcomes = append(outcomes, pageOutcome{Name: is, Outcome: is.outcome(), Kind: is.kind(), Mark: is.kind().mark(), Settled: is.settled()})
	}
	columns := []string{}
	for _, name := range r.Columns[:p.columns] {
		columns = append(columns, cut(name))
	}
	head, err := json.Marshal(map[string]any{"columns": columns, "own": columnNames, "file": cut(strings.TrimSuffix(filepath.Base(reportName(r.Name)), ".csv"))})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "%s,\"rows\":[", head[:len(head)-1]); err != nil {
		return err
	}
	between := "\n"
	err = v.Each(r, func(e *Entry) error {
		if !c.take(e) {
			return nil
		}
		outcomes[p.states[stateOf(e)]].Rows++
		row, err := p.row(e)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, between); err != nil {
			return err
		}
		between = ",\n"
		_, err = w.Write(row)
		return err
	})
	if err != nil {
		return err
	}
	tail, err := json.Marshal(outcomes)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "],\n\"outcomes\":%s}", tail)
	return err
}
