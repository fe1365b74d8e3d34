package report

import (
	"fmt"
	"strings"

	"imsrevoke/batch"
)

// A rendering makes the text of a report, row by row, from a plan and the results in a
// journal.
type rendering struct {
	*planReader
	columns []string
	journal *Journal // nil if nothing was sent
	// rest and reason are the outcome and the message of rows without a result that
	// are neither invalid nor duplicates.
	rest   batch.Outcome
	reason string
	tally  *Tally // to which rows are added, unless nil
}

// render starts making the report of a journal.
func (j *Journal) render() *rendering {
	r := &rendering{planReader: j.read(j.file), columns: j.columns, journal: j, rest: batch.Skipped, reason: j.stop.Unreached}
	if !j.ended {
		r.reason = "the run has not reached this row, according to its journal"
	}
	return r
}

// append appends the next row to text, with its line end. After the last row the
// error is io.EOF.
func (r *rendering) append(text []byte) ([]byte, error) {
	row, err := r.next()
	if err != nil {
		return text, err
	}
	var state rowState
	if r.journal != nil {
		state = r.journal.states[row.seq]
	}
	text = append(append(text, row.head...), ',')
	verdict := state.verdict()
	var others string
	if r.isAsRecorded(&row, state) {
		recorded, err := r.journal.result(row.seq)
		if err != nil {
			return text, err
		}
		text, others = append(text, recorded.text...), recorded.others
		if r.tally != nil {
			if state.is(stateSettled) && verdict != StillShared && others == "" {
				err = r.tally.addSettled(recorded.text, verdict)
			} else {
				err = r.count(&row, recorded, verdict)
			}
		}
		if err != nil {
			return text, err
		}
	} else {
		result, err := r.result(&row, state)
		if err != nil {
			return text, err
		}
		text, others = appendResult(text, &result), serverText(result.AlsoSharedWith)
		if r.tally != nil {
			r.tally.add(&Entry{Result: result, Verified: verdict})
		}
	}
	text = appendNextCell(append(append(text, ','), verdict...), 1, others)
	if len(r.columns) > 0 {
		text = append(append(text, ','), row.other...)
	}
	return append(text, '\n'), nil
}

// isAsRecorded reports whether the report has the recorded result of a row unchanged.
func (r *rendering) isAsRecorded(row *plannedRow, state rowState) bool {
	return state.offset() != 0 && row.note.firstLine == 0 && (!state.is(stateLost) || row.problem != nil) && r.journal.others[row.seq] == ""
}

// count adds a row to the tally.
func (r *rendering) count(planned *plannedRow, recorded recorded, verdict Verdict) error {
	row, err := planned.row()
	if err != nil {
		return err
	}
	result, err := recorded.result(row)
	r.tally.add(&Entry{Result: result, Verified: verdict})
	return err
}

// result returns the result of a row.
func (r *rendering) result(planned *plannedRow, state rowState) (batch.Result, error) {
	row, err := planned.row()
	if err != nil {
		return batch.Result{}, err
	}
	result, unsent := row.Unsent()
	switch {
	case state.offset() != 0:
		recorded, err := r.journal.result(row.Seq)
		if err != nil {
			return result, err
		}
		if result, err = recorded.result(row); err != nil {
			return result, err
		}
	case !unsent:
		result = batch.Result{Row: row, Outcome: r.rest, Message: r.reason}
		if state.is(stateLost) {
			result.Message = ""
		}
	}
	if state.is(stateLost) && !unsent {
		const lost = "a run that did not end may have sent this row: check whether the share is there"
		result.Outcome, result.Lost, result.Message = batch.Unknown, true, strings.TrimPrefix(result.Message+"; "+lost, "; ")
	}
	if row.FirstLine > 0 {
		first, err := r.outcome(row.FirstSeq)
		if err != nil {
			return result, err
		}
		result.Repeat(first)
	}
	if r.journal != nil {
		result.ShareWith(r.journal.others[row.Seq])
	}
	return result, nil
}

// result parses the result, which is that of row.
func (r *recorded) result(row batch.Row) (batch.Result, error) {
	result, err := r.text.parse(row)
	if err != nil {
		return result, fmt.Errorf("%w: the result of line %d: %w", ErrDamaged, row.Line, err)
	}
	result.Lost, result.AlsoSharedWith = r.lost, r.others
	return result, nil
}

// outcome returns the outcome of a row that another one repeats.
func (r *rendering) outcome(seq int) (batch.Outcome, error) {
	if r.journal == nil {
		return r.rest, nil
	}
	switch state := r.journal.states[seq]; {
	case state.is(stateLost):
		return batch.Unknown, nil
	case state.is(stateShared):
		return batch.Shared, nil
	case state.offset() == 0:
		return r.rest, nil
	}
	recorded, err := r.journal.result(seq)
	if err != nil {
		return "", err
	}
	return recorded.text.outcome()
}

// A renderingReader reads the text of a report.
type renderingReader struct {
	*rendering
	begun bool
	text  []byte // not yet handed on
	room  []byte
	err   error
}

func (r *renderingReader) Read(p []byte) (int, error) {
	if len(r.text) == 0 && r.err == nil {
		r.text = r.room[:0]
		if !r.begun {
			r.text, r.begun = appendHeader(r.text, r.columns), true
		}
		for r.err == nil && len(r.text) < blockSize {
			r.text, r.err = r.append(r.text)
		}
		r.room = r.text
	}
	if len(r.text) == 0 {
		return 0, r.err
	}
	n := copy(p, r.text)
	r.text = r.text[n:]
	return n, nil
}
