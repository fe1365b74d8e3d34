package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"imsrevoke/batch"
)

// ErrNoReport says that a file is neither a report nor a journal, or no longer
// what was written.
var ErrNoReport = errors.New("this is no report")

// Results are those that stand in an existing report, or in the journal of a
// run that has written none yet. They can be read any number of times, by one
// goroutine at a time. What happens to the name of the file meanwhile does not
// matter: a report is replaced by a new file and never written again.
type Results struct {
	// Name is the path of the file.
	Name string
	// Columns are the names of the input's other columns, as they stand in the
	// report. A journal knows none.
	Columns []string
	// Origin is the run that the results are of, when the caller knows it, and
	// Stopped how it was stopped. Otherwise they are looked for in the journal.
	Origin  *Run
	Stopped Stop

	file    *os.File
	journal *journalResults // nil when the file is a report
}

// An Entry is one row of a report.
type Entry struct {
	batch.Result
	// Verified says what a check after the run found of the row.
	Verified Verdict
	// Other are the cells of the input's other columns, one for each of
	// Results.Columns.
	Other []string
}

// Settled reports whether nothing is left to do for the row. A check that has
// found the share counts for more than the outcome.
func (e *Entry) Settled() bool { return e.Verified != StillShared && e.Result.Settled() }

// Rows is one reading of results, from the first row to the last.
type Rows interface {
	// Next returns the next row, in the order of the report, and io.EOF after
	// the last one. The row is the caller's to keep. Other errors wrap
	// [ErrNoReport] when the file is to blame.
	Next() (*Entry, error)
}

// OpenResults opens a report, or a journal, whatever the file is. An error
// wraps [ErrNoReport] when it is neither.
func OpenResults(path string) (*Results, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, e := os.Stat(path + journalEnding); e == nil {
			return nil, fmt.Errorf("%w; its run has not ended: what is known stands in %s", err, path+journalEnding)
		}
	}
	if err != nil {
		return nil, err
	}
	r := &Results{Name: path, file: file}
	if err := r.open(); err != nil {
		file.Close()
		return nil, err
	}
	return r, nil
}

// journalEnding is what the name of a journal has more than that of its report.
const journalEnding = ".journal"

func (r *Results) open() error {
	if info, err := r.file.Stat(); err != nil {
		return err
	} else if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file: %w", r.Name, ErrNoReport)
	}
	begin := make([]byte, len(journalBegin)+sumLength)
	n, err := r.file.ReadAt(begin, 0)
	if err != nil && err != io.EOF {
		return err
	}
	if bytes.HasSuffix(begin[:n], []byte(journalBegin)) {
		r.journal, err = readJournalResults(r.file)
		if err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
		return nil
	}
	rows, err := r.csvRows()
	if err != nil {
		return err
	}
	r.Columns = rows.names
	return nil
}

// CheckOwn reports whether others may have written the file: see [CheckOwn].
func (r *Results) CheckOwn() error {
	info, err := r.file.Stat()
	if err != nil {
		return err
	}
	return CheckOwn(r.Name, info)
}

// IsJournal reports whether the file is a journal, and not a report.
func (r *Results) IsJournal() bool { return r.journal != nil }

// Unnamed is how many rows more may have been sent than there are results: a
// run that was cut off, or is under way, has announced them, and its journal
// does not say which pairs they are. Of a report it is 0.
func (r *Results) Unnamed() int {
	if r.journal == nil {
		return 0
	}
	return r.journal.unnamed
}

// Close closes the file.
func (r *Results) Close() error { return r.file.Close() }

// Rows starts a reading, which ends any earlier one.
func (r *Results) Rows() (Rows, error) {
	if r.journal != nil {
		return &journalRows{results: r.journal}, nil
	}
	return r.csvRows()
}
