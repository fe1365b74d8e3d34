package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"imsrevoke/batch/plain"
	"imsrevoke/report"
)

// A reportTable shows rows of a report to a person. On a terminal that is too
// narrow for the ids they are cut: the report has them in full.
type reportTable struct {
	w                    io.Writer
	width, image, member int
}

const (
	wideTable = 120 // columns, from which ids are shown in full
	cutID     = 13
)

func newReportTable(w io.Writer, width int) *reportTable {
	t := &reportTable{w: w, width: width, image: cutID, member: cutID}
	if width >= wideTable {
		t.image, t.member = 36, 32
	}
	return t
}

func (t *reportTable) header() error {
	return t.line("LINE", "IMAGE", "MEMBER", "OUTCOME", "STATUS", "MESSAGE")
}

func (t *reportTable) row(e *report.Entry) error {
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

func (t *reportTable) line(line, image, member, outcome, status, message string) error {
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

// showTable shows a report on a terminal, the rows first that are not settled.
func (c *cli) showTable(view report.View, results *report.Results) error {
	t := newReportTable(c.stdout, c.columns())
	if err := t.header(); err != nil {
		return err
	}
	for _, settled := range []bool{false, true} {
		err := view.Each(results, func(e *report.Entry) error {
			if e.Settled() != settled {
				return nil
			}
			return t.row(e)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
