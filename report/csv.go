package report

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"

	"imsrevoke/batch"
)

// A CSV is a report to be written: one row for each row of the input, in the order of
// the input, with its result and the input's other columns.
type CSV struct {
	// Journal holds the results and the rows. If it is nil, nothing was sent, and
	// Plan holds the rows.
	Journal *Journal
	Plan    *Plan
	// Rest is the outcome of the rows of a Plan that are neither invalid nor
	// duplicates.
	Rest batch.Outcome
}

// A Verdict is the result of a check after the run.
type Verdict string

// The verdicts of a check, as the report has them.
const (
	Gone        Verdict = "gone"
	StillShared Verdict = "shared"
)

func (v Verdict) valid() bool { return v == "" || v == Gone || v == StillShared }

// ErrIncomplete says that a report would not have every row of the input. No report was
// written.
var ErrIncomplete = errors.New("the report is incomplete")

// WriteFile writes the report, and counts its rows. The file appears whole or not at
// all; an existing one is replaced. Only the owner can read it.
func (c *CSV) WriteFile(path string) (*Tally, error) {
	var tally *Tally
	sum := sha256.New()
	err := replaceFile(path, "report", ownerOnly, func(w io.Writer) (err error) {
		tally, err = c.Write(io.MultiWriter(w, sum))
		return err
	})
	if err == nil {
		tally.Digest = hex.EncodeToString(sum.Sum(nil))
	}
	return tally, err
}

// Write writes the report to w, and counts its rows. If it returns an error, what it has
// written is not a report; the error wraps [ErrIncomplete] if rows are missing.
func (c *CSV) Write(w io.Writer) (*Tally, error) {
	var r *rendering
	rows := 0
	if c.Journal != nil {
		r, rows = c.Journal.render(), c.Journal.run.Rows
	} else {
		text, err := c.Plan.complete()
		if err != nil {
			return nil, err
		}
		r, rows = &rendering{planReader: text.read(c.Plan.file), columns: text.columns, rest: c.Rest}, text.rows
	}
	r.tally = newTally()
	if _, err := io.Copy(w, &renderingReader{rendering: r}); err != nil {
		return nil, fmt.Errorf("write the report: %w", err)
	}
	if r.tally.Rows != rows {
		return nil, fmt.Errorf("%w: %d rows for the %d rows of the input", ErrIncomplete, r.tally.Rows, rows)
	}
	return r.tally, nil
}

// A rowWriter writes the report's own columns, followed by the cells of the input's
// other columns.
type rowWriter struct {
	out  io.Writer
	text []byte
}

// header writes the names of the columns; other are the input's, as the report names
// them.
func (w *rowWriter) header(other []string) error {
	w.text = appendHeader(w.text[:0], other)
	_, err := w.out.Write(w.text)
	return err
}

func appendHeader(text []byte, other []string) []byte {
	for i, name := range columnNames {
		text = appendNextCell(text, i, name)
	}
	for _, name := range other {
		text = appendNextCell(text, 1, name)
	}
	return append(text, '\n')
}

// entry writes a row.
func (w *rowWriter) entry(e *Entry) error {
	text := strconv.AppendInt(w.text[:0], int64(e.Row.Line), 10)
	image, member := idCells(&e.Row)
	text = appendNextCell(appendNextCell(text, 1, image), 1, member)
	text = appendResult(append(text, ','), &e.Result)
	text = appendNextCell(append(append(text, ','), e.Verified...), 1, serverText(e.AlsoSharedWith))
	for _, cell := range e.Other {
		text = appendNextCell(text, 1, defuse(cell))
	}
	w.text = append(text, '\n')
	_, err := w.out.Write(w.text)
	return err
}
