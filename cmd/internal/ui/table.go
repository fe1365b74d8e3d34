package ui

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"imsrevoke/batch/plain"
	"imsrevoke/report"
)

// A Table shows rows of a report to a person. On a terminal that is too
// narrow for the ids they are cut: the report has them in full.
type Table struct {
	w                    io.Writer
	width, image, member int
}

const (
	wideTable = 120 // columns, from which ids are shown in full
	cutID     = 9
)

// NewTable begins a table on standard output.
func (c *Console) NewTable() (*Table, error) {
	t := &Table{w: c.Stdout, width: c.Columns(), image: cutID, member: cutID}
	if t.width >= wideTable {
		t.image, t.member = 36, 32
	}
	return t, t.line("LINE", "IMAGE", "MEMBER", "OUTCOME", "STATUS", "MESSAGE")
}

// Row adds a row.
func (t *Table) Row(e *report.Entry) error {
	status, outcome := "", string(e.Outcome)
	if e.Status != 0 {
		status = fmt.Sprint(e.Status)
	}
	if e.Verified == report.StillShared {
		outcome = "shared" // whatever was answered
	}
	image, member := cutTo(e.Row.ImageID, t.image), cutTo(e.Row.MemberID, t.member)
	message := e.Message
	for id, shown := range map[string]string{e.Row.ImageID: image, e.Row.MemberID: member} {
		if id != shown {
			message = strings.ReplaceAll(message, id, shown)
		}
	}
	return t.line(fmt.Sprint(e.Row.Line), image, member, outcome, status, message)
}

func (t *Table) line(line, image, member, outcome, status, message string) error {
	text := fmt.Sprintf("%-6s  %-*s  %-*s  %-9s  %-6s  %s", line, t.image, image, t.member, member, outcome, status, message)
	_, err := fmt.Fprintln(t.w, strings.TrimRight(cutTo(plain.Line(text), t.width), " "))
	return err
}

// cutTo cuts a text to so many columns.
func cutTo(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:width-1]) + "…"
}

// ShowReport shows a report on a terminal, the rows first that are not settled.
func (c *Console) ShowReport(view report.View, results *report.Results) error {
	t, err := c.NewTable()
	if err != nil {
		return err
	}
	return t.UnsettledFirst(view, results, func(*report.Entry) bool { return true })
}

// UnsettledFirst adds the chosen rows of a report, first those that are not settled.
func (t *Table) UnsettledFirst(view report.View, results *report.Results, chosen func(*report.Entry) bool) error {
	for _, settled := range []bool{false, true} {
		err := view.Each(results, func(e *report.Entry) error {
			if e.Settled() != settled || !chosen(e) {
				return nil
			}
			return t.Row(e)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
