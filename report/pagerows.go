package report

import (
	"encoding/json"
	"fmt"
	"io"

	"imsrevoke/batch"
)

// A choice is which rows a page holds: as many as it may, those that are not
// settled before the others.
type choice struct {
	open, settled int // how many of either
	all           int // how many there are to choose from
}

// choose chooses rows for a page.
func (v View) choose(s *Survey) choice {
	var c choice
	for o, n := range s.Outcomes {
		if v.shows(o, true) {
			c.settled += n - s.Unsettled[o]
		}
		if v.shows(o, false) {
			c.open += s.Unsettled[o]
		}
	}
	c.all = c.open + c.settled
	return c.atMost(maxPageRows)
}

// atMost is the choice of no more than n rows.
func (c choice) atMost(n int) choice {
	c.open = min(c.open, n)
	c.settled = min(c.settled, n-c.open)
	return c
}

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

// A staticRow is a row of the table that needs no script.
type staticRow struct {
	Kind                                      kind
	Line                                      int
	Image, Member, Mark, Outcome, Verified    string
	Status, Attempts, Took, Finished, Message string
}

// staticRows are the rows that are shown without a script: those that are not
// settled first.
type staticRows struct {
	choice        choice
	open, settled []staticRow
}

func (s *staticRows) add(e *Entry) {
	switch {
	case !s.choice.take(e):
	case e.Settled():
		s.settled = append(s.settled, staticRowOf(e))
	default:
		s.open = append(s.open, staticRowOf(e))
	}
}

func staticRowOf(e *Entry) staticRow {
	k := stateOf(e).kind()
	row := staticRow{
		Kind: k, Mark: k.mark(), Outcome: string(e.Outcome), Line: e.Row.Line, Image: cut(e.Row.ImageID), Member: cut(e.Row.MemberID),
		Attempts: fmt.Sprint(e.Attempts), Finished: precisely(e.FinishedAt), Message: cut(e.Message),
		Verified: map[Verdict]string{Gone: "verified gone", StillShared: "verified still shared"}[e.Verified],
	}
	if e.Status != 0 {
		row.Status = fmt.Sprint(e.Status)
	}
	if e.Attempts > 0 {
		row.Took = lasting(e.Duration)
	}
	return row
}

// noteRows says what the page does not show.
func (v View) noteRows(p *page, r *Results, c choice) {
	if len(v.Only) > 0 {
		only := outcomeWords(v.Only)
		p.RowsNote = fmt.Sprintf("Only the rows that are %s are listed here, as was asked for. ", only)
	}
	if c.rows() < c.all {
		p.RowsNote += fmt.Sprintf("The report has %s; this page lists %s of them: %s that are not settled, and %s that are. ",
			counted(c.all, "row"), grouped(c.rows()), grouped(c.open), grouped(c.settled))
	}
	if more := len(r.Columns) - maxPageColumns; more > 0 {
		p.RowsNote += fmt.Sprintf("Of the input's other columns it shows the first %d of %d. ", maxPageColumns, len(r.Columns))
	}
	p.StaticNote = "Search and order need a script, which does not run here."
	if n := len(p.Static); n < c.rows() {
		p.StaticNote += fmt.Sprintf(" Without it the page shows %s of the %s, those that are not settled first.", grouped(n), counted(c.rows(), "row"))
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
	Name state  `json:"name"`
	Kind kind   `json:"kind"`
	Mark string `json:"mark"`
	Rows int    `json:"rows"`
}

// writePageRows writes the rows as the page's script reads them: an array for
// each. In JSON of this form no cell can end the element in which it stands,
// because "<", ">" and "&" are escaped.
func (v View) writePageRows(w io.Writer, r *Results, c choice) error {
	number := make(map[state]int)
	var outcomes []pageOutcome
	for i, s := range states() {
		number[s] = i
		outcomes = append(outcomes, pageOutcome{s, s.kind(), s.kind().mark(), 0})
	}
	columns := []string{}
	for _, name := range r.Columns[:min(len(r.Columns), maxPageColumns)] {
		columns = append(columns, cut(name))
	}
	head, err := json.Marshal(map[string]any{"columns": columns})
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
		i := number[stateOf(e)]
		outcomes[i].Rows++
		row, err := json.Marshal(pageRow(e, i, len(columns)))
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

// pageRow is a row in the order that the page's script knows.
func pageRow(e *Entry, outcome, columns int) []any {
	var took, finished any
	if e.Attempts > 0 {
		took = e.Duration.Milliseconds()
	}
	if !e.FinishedAt.IsZero() {
		finished = e.FinishedAt.UnixMilli()
	}
	verified := map[Verdict]int{Gone: 1, StillShared: 2}[e.Verified]
	row := []any{
		e.Row.Line, cut(e.Row.ImageID), cut(e.Row.MemberID), outcome, e.Status, e.Attempts,
		took, cut(e.RequestID), cut(e.Message), finished, verified,
	}
	for _, cell := range e.Other[:min(len(e.Other), columns)] {
		row = append(row, cut(cell))
	}
	return row
}
