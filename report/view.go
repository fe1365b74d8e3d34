package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"

	"imsrevoke/batch"
)

// A Format is a format of a report.
type Format string

// The formats.
const (
	FormatCSV   Format = "csv"   // the report itself
	FormatJSONL Format = "jsonl" // one object for each row
	FormatJSON  Format = "json"  // one object for all of it
	FormatHTML  Format = "html"  // one page that needs nothing else
)

// Formats lists all formats.
func Formats() []Format { return []Format{FormatCSV, FormatJSONL, FormatJSON, FormatHTML} }

// A View says how results are to be shown.
type View struct {
	Format Format
	// Only limits the rows to those with one of these outcomes, or that are [Settled] or
	// [Unsettled]; empty for all.
	Only []batch.Outcome
	// ByteOrderMark adds one to a CSV: without it Excel takes UTF-8 for another
	// encoding.
	ByteOrderMark bool
}

// Write writes the results to w. It keeps only some of them in memory at a time.
func (v View) Write(w io.Writer, r *Results) error {
	out := bufio.NewWriterSize(w, 64<<10)
	var err error
	switch v.Format {
	case FormatCSV:
		err = v.writeCSV(out, r)
	case FormatJSONL:
		err = v.writeJSONL(out, r)
	case FormatJSON:
		err = v.writeJSON(out, r)
	case FormatHTML:
		err = v.writeHTML(out, r)
	default:
		err = fmt.Errorf("%q is not a format", v.Format)
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

// WriteFile writes the results to a file, which appears whole or not at all; an
// existing one is replaced. Only the owner can read it.
func (v View) WriteFile(path string, r *Results) error {
	return replaceFile(path, "report", ownerOnly, func(w io.Writer) error { return v.Write(w, r) })
}

// Words for [View.Only] besides the outcomes.
const (
	Settled   batch.Outcome = "settled"
	Unsettled batch.Outcome = "unsettled"
)

// shows reports whether rows with the outcome are shown, depending on whether
// they are settled.
func (v View) shows(o batch.Outcome, settled bool) bool {
	word := Unsettled
	if settled {
		word = Settled
	}
	return len(v.Only) == 0 || slices.Contains(v.Only, o) || slices.Contains(v.Only, word)
}

// Each calls do with every row that is shown, in the order of the report. An error of
// do ends it.
func (v View) Each(r *Results, do func(*Entry) error) error {
	rows, err := r.Rows()
	if err != nil {
		return err
	}
	for {
		e, err := rows.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if !v.shows(e.Outcome, e.Settled()) {
			continue
		}
		if err := do(e); err != nil {
			return err
		}
	}
}

func (v View) writeCSV(w io.Writer, r *Results) error {
	if v.ByteOrderMark {
		if _, err := io.WriteString(w, byteOrderMark); err != nil {
			return err
		}
	}
	out := &rowWriter{out: w}
	if err := out.header(r.Columns); err != nil {
		return err
	}
	return v.Each(r, out.entry)
}
