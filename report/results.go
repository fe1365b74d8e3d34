package report

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"imsrevoke/batch"
)

// ErrNotReport says that a file is neither a report nor a journal, or was modified
// so that it cannot be read as one.
var ErrNotReport = errors.New("not a report of imsrevoke")

// Results are the rows of an existing report, or of a journal, which has the same rows
// at any time. They can be read any number of times, by one goroutine at a time. The
// file may be renamed or replaced meanwhile: a report is never written again in place.
type Results struct {
	// Name is the path of the file.
	Name string
	// Columns are the names of the input's other columns, as the report has them.
	Columns []string
	// Origin is the run that produced the results, if the caller knows it, and
	// Stopped how it was stopped. Otherwise both are taken from the journal.
	Origin  *Run
	Stopped Stop

	file    *os.File
	journal *Journal // nil when the file is a report
}

// An Entry is one row of a report.
type Entry struct {
	batch.Result
	// Verified is what a check after the run found.
	Verified Verdict
	// Other are the cells of the input's other columns, one for each of
	// Results.Columns.
	Other []string
}

// Settled reports whether nothing is left to do for the row. A check that found the
// share takes precedence over the outcome.
func (e *Entry) Settled() bool { return e.Verified != StillShared && e.Result.Settled() }

// Rows reads results once, from the first row to the last.
type Rows interface {
	// Next returns the next row, in the order of the report, and io.EOF after
	// the last one. The row is the caller's to keep. Other errors wrap
	// [ErrNotReport] if the file is at fault.
	Next() (*Entry, error)
}

// OpenResults opens a report, or a journal, whatever the file is. An error
// wraps [ErrNotReport] when it is neither.
func OpenResults(path string) (*Results, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, e := os.Stat(JournalName(path)); e == nil {
			return nil, fmt.Errorf("%w; its run has not ended: the results so far are in %s", err, JournalName(path))
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

// JournalSuffix is added to the name of a report for that of its journal.
const JournalSuffix = ".journal"

func (r *Results) open() error {
	if info, err := r.file.Stat(); err != nil {
		return err
	} else if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file: %w", r.Name, ErrNotReport)
	}
	begin := make([]byte, KindHead)
	n, err := r.file.ReadAt(begin, 0)
	if err != nil && err != io.EOF {
		return err
	}
	if isJournal(begin[:n]) {
		if r.journal, err = loadJournal(r.file); err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
		r.Columns = r.journal.columns
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

// Ended reports whether the run has ended, as far as is known. If not, rows without a
// result are unknown if they may have been sent, and skipped otherwise.
func (r *Results) Ended() bool { return r.journal == nil || r.journal.ended }

// Close closes the file.
func (r *Results) Close() error { return r.file.Close() }

// Rows starts a reading, which ends any earlier one.
func (r *Results) Rows() (Rows, error) {
	rows, err := r.csvRows()
	if err != nil {
		return nil, err
	}
	return rows, nil
}
