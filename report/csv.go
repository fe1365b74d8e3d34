package report

import (
	"bufio"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/gocarina/gocsv"

	"imsrevoke/batch"
)

// An Input is the input of a run, read once more from its start.
type Input interface {
	batch.Source
	// Other returns the cells of the input's other columns, of the row that
	// Next returned last.
	Other() []string
}

// A CSV is a report to be written: one row for each row of the input, in the
// input's order, with what became of it and the input's other columns.
type CSV struct {
	Input   Input
	Columns []string // the names of the input's other columns
	Rows    int      // how many rows the input has

	// Journal holds the results; nil when nothing was sent.
	Journal *Journal
	// Rest is the outcome of the rows that have no result and need none by
	// themselves, and Reason says why they have none.
	Rest   batch.Outcome
	Reason string

	// Verified says what a check after the run found of a row, by its number. It
	// may be nil.
	Verified func(seq int) Verification
}

// A Verification is what a check after the run found of a row.
type Verification struct {
	// Verdict is [Gone], [StillShared] or nothing.
	Verdict Verdict
	// AlsoSharedWith is as in [batch.Result].
	AlsoSharedWith string
}

// A Verdict is what a check after the run found.
type Verdict string

// The verdicts of a check, as they stand in the report.
const (
	Gone        Verdict = "gone"
	StillShared Verdict = "shared"
)

// ErrIncomplete says that a report would not tell the truth: its rows are not
// those of the input, or results are left over. It was not put in place.
var ErrIncomplete = errors.New("the report does not add up")

// WriteFile writes the report, and counts what is in it. The file appears whole
// or not at all; an existing one is replaced. Only the owner can read it.
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

// Write writes the report to w, and counts what is in it. What it has written
// is not a report when it returns an error, which wraps [ErrIncomplete] when
// the rows do not add up.
func (c *CSV) Write(w io.Writer) (*Tally, error) {
	buffered := bufio.NewWriterSize(w, 64<<10)
	out := newRowWriter(buffered)
	if err := out.header(c.Columns); err != nil {
		return nil, fmt.Errorf("write the report: %w", err)
	}
	tally := newTally()
	used, last := 0, 0
	for {
		row, err := c.Input.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read the input again: %w", err)
		}
		r, journalled, err := c.result(row)
		if err != nil {
			return nil, err
		}
		if journalled {
			used++
		}
		if row.Seq != tally.Rows || row.Line <= last {
			return nil, fmt.Errorf("%w: the row on line %d comes out of turn", ErrIncomplete, row.Line)
		}
		last = row.Line
		e := Entry{Result: r, Other: c.Input.Other()}
		if c.Verified != nil {
			found := c.Verified(row.Seq)
			e.Verified = found.Verdict
			e.ShareWith(found.AlsoSharedWith)
			if found.Verdict == "" {
				tally.Verified[""]++
			}
		}
		tally.add(&e)
		if err := out.entry(&e); err != nil {
			return nil, fmt.Errorf("write the report: %w", err)
		}
	}
	if tally.Rows != c.Rows {
		return nil, fmt.Errorf("%w: %d rows for the %d rows of the input", ErrIncomplete, tally.Rows, c.Rows)
	}
	if c.Journal != nil && used != c.Journal.Results() {
		return nil, fmt.Errorf("%w: %d of the journal's %d results belong to rows of the input", ErrIncomplete, used, c.Journal.Results())
	}
	if err := errors.Join(out.flush(), buffered.Flush()); err != nil {
		return nil, fmt.Errorf("write the report: %w", err)
	}
	return tally, nil
}

// result is what became of the row, and whether the journal says so.
func (c *CSV) result(row batch.Row) (r batch.Result, journalled bool, err error) {
	if c.Journal != nil {
		if r, journalled, err = c.Journal.Result(row); err != nil {
			return r, journalled, err
		}
	}
	if !journalled {
		var unsent bool
		if r, unsent = row.Unsent(); !unsent {
			r = batch.Result{Row: row, Outcome: c.Rest, Message: c.Reason}
		}
	}
	if r.Outcome == batch.Duplicate && row.FirstLine > 0 {
		first, _, err := c.result(batch.Row{Seq: row.FirstSeq, Line: row.FirstLine})
		if err != nil {
			return r, journalled, err
		}
		if c.Verified != nil && c.Verified(row.FirstSeq).Verdict == StillShared {
			first.Outcome = batch.Shared
		}
		r.Repeat(first.Outcome)
	}
	return r, journalled, nil
}

// rowsAtATime is how many rows gocsv maps at once: far cheaper than one by one.
const rowsAtATime = 256

// A rowWriter writes the report's own columns, as gocsv maps them, with the
// cells of the input's other columns behind them.
type rowWriter struct {
	csv *csv.Writer
	// rows is an array because gocsv copies every cell of a slice that it is
	// given, each by itself, but none of an array, which is its own copy.
	rows    [rowsAtATime]columns
	other   [][]string // for each row that was added
	written int        // of rows, during a flush
	line    []string
}

func newRowWriter(w io.Writer) *rowWriter { return &rowWriter{csv: csv.NewWriter(w)} }

// header writes the names of the columns, with the input's other ones.
func (w *rowWriter) header(other []string) error {
	return w.csv.Write(append(columnNames[:len(columnNames):len(columnNames)], inputNames(other)...))
}

// entry adds a row.
func (w *rowWriter) entry(e *Entry) error {
	w.rows[len(w.other)] = columnsOf(e)
	w.other = append(w.other, e.Other)
	if len(w.other) < len(w.rows) {
		return nil
	}
	return w.flush()
}

func (w *rowWriter) flush() error {
	w.written = 0
	if len(w.other) > 0 {
		if err := gocsv.MarshalCSVWithoutHeaders(w.rows, w); err != nil {
			return err
		}
	}
	w.other = w.other[:0]
	w.csv.Flush()
	return w.csv.Error()
}

// Write takes the next row from gocsv. With Flush and Error, rowWriter is a
// gocsv.CSVWriter.
func (w *rowWriter) Write(row []string) error {
	if w.written == len(w.other) {
		return nil // the array is not full
	}
	w.line = append(w.line[:0], row...)
	for _, cell := range w.other[w.written] {
		w.line = append(w.line, defuse(cell))
	}
	w.written++
	return w.csv.Write(w.line)
}

func (w *rowWriter) Flush()       { w.csv.Flush() }
func (w *rowWriter) Error() error { return w.csv.Error() }
