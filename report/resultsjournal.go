package report

import (
	"errors"
	"fmt"
	"io"
	"os"

	"imsrevoke/batch"
)

// journalResults are the results in a journal. Nothing is written to the file:
// the run may be under way.
type journalResults struct {
	journal *Journal
	run     Run  // the last one
	ended   bool // with nothing under way
	stop    Stop
	// newest is the latest time at which a row finished, as it stands there.
	newest string
	// unnamed counts the rows that may have been sent and have no result. The
	// journal does not know which pairs they are.
	unnamed int
}

// readJournalResults reads the journal of whatever run it is.
func readJournalResults(file *os.File) (*journalResults, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	j := &Journal{file: file}
	l := loader{journal: j, any: true, mark: -1}
	if err := l.load(file); err != nil {
		return nil, err
	}
	if l.runs == 0 {
		return nil, errors.New("the journal holds nothing yet: no row was sent")
	}
	run := l.last
	run.Parts, run.Started = l.parts, l.parts[0].Started
	results := &journalResults{journal: j, run: run, ended: l.ended, stop: l.stop, newest: l.newest}
	for _, state := range j.rows {
		if state.is(stateLost) && state.offset() == 0 {
			results.unnamed++
		}
	}
	return results, nil
}

// journalRows reads the results of a journal in the order of the input.
type journalRows struct {
	results *journalResults
	seq     int
}

func (r *journalRows) Next() (*Entry, error) {
	j := r.results.journal
	for ; r.seq < len(j.rows); r.seq++ {
		offset := j.rows[r.seq].offset()
		if offset == 0 {
			continue
		}
		result, err := r.resultAt(offset)
		if err != nil {
			return nil, err
		}
		if err := r.repeat(&result); err != nil {
			return nil, err
		}
		r.seq++
		e := &Entry{Result: result}
		e.complete()
		return e, nil
	}
	return nil, io.EOF
}

// repeat completes the result of a duplicate by that of the row that it repeats,
// if the journal says which one that is.
func (r *journalRows) repeat(result *batch.Result) error {
	j, first := r.results.journal, result.Row.FirstSeq
	if result.Outcome != batch.Duplicate || first < 0 || first >= r.seq {
		return nil
	}
	offset := j.rows[first].offset()
	if offset == 0 {
		return nil
	}
	repeated, err := r.resultAt(offset)
	if err != nil {
		return err
	}
	result.Row.FirstLine = repeated.Row.Line
	result.Repeat(repeated.Outcome)
	return nil
}

// resultAt returns the result of the row whose line begins at an offset.
func (r *journalRows) resultAt(offset int64) (batch.Result, error) {
	j := r.results.journal
	stands, err := j.readAny(offset, &batch.Row{})
	if err != nil {
		return batch.Result{}, fmt.Errorf("read the journal: %w", err)
	}
	result, _, err := j.Result(stands.Row)
	return result, err
}
