package report

import (
	"errors"
	"io"
	"io/fs"
	"math/bits"
	"os"
	"time"

	"imsrevoke/batch"
)

// A Survey summarizes results.
type Survey struct {
	*Tally
	// Run is the run that produced them, nil if it is not known.
	Run *Run
	// Ended says that the run has ended, as far as is known. A journal may belong to a
	// run that is in progress or was cut off.
	Ended bool
	// Stopped is how the run was stopped, if known.
	Stopped Stop

	// First and Last are when the first and the last of the rows that were sent
	// finished; zero if none was sent.
	First, Last time.Time
	// Sent is how many rows were sent.
	Sent int
	// Attempts counts the rows that were sent by how many attempts they had.
	Attempts map[int]int
	// Durations counts the rows that were sent by how long they took.
	Durations Durations
	// Lost counts by outcome the rows of which a request may have been applied without
	// an answer that says so.
	Lost map[batch.Outcome]int

	unknown error // why the run is not known
	ordered bool  // by line, none of them twice
	newest  time.Time
}

// Durations is a histogram: its element i counts the durations below 2^i milliseconds
// that no earlier element counts.
type Durations [41]int

func (d *Durations) add(took time.Duration) {
	d[min(bits.Len64(uint64(max(took.Milliseconds(), 0))), len(d)-1)]++
}

// Survey reads all results, and finds the run that produced them.
func (r *Results) Survey() (*Survey, error) {
	rows, err := r.Rows()
	if err != nil {
		return nil, err
	}
	s := &Survey{Tally: newTally(), Ended: true, Attempts: make(map[int]int), Lost: make(map[batch.Outcome]int), ordered: true}
	for last := 0; ; {
		e, err := rows.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		s.add(e)
		s.ordered = s.ordered && e.Row.Line > last
		last = e.Row.Line
	}
	if r.journal != nil {
		s.Run, s.Ended, s.Stopped = r.journal.whole(), r.journal.ended, r.journal.stop
	} else if s.Run, s.Stopped = r.Origin, r.Stopped; s.Run == nil {
		s.Run, s.Stopped, s.unknown = r.origin(s)
	}
	return s, nil
}

func (s *Survey) add(e *Entry) {
	s.Tally.add(e)
	if e.FinishedAt.After(s.newest) {
		s.newest = e.FinishedAt
	}
	if e.Lost && e.Outcome != batch.Revoked && e.Outcome != batch.Restored {
		s.Lost[e.Outcome]++
	}
	if e.Attempts == 0 {
		return
	}
	s.Sent++
	s.Attempts[e.Attempts]++
	s.Durations.add(e.Duration)
	if s.First.IsZero() || e.FinishedAt.Before(s.First) {
		s.First = e.FinishedAt
	}
	if e.FinishedAt.After(s.Last) {
		s.Last = e.FinishedAt
	}
}

// The reasons why the run of a report is not known.
var (
	errNoJournal    = errors.New("its journal is not beside it")
	errUnderWay     = errors.New("its run is in progress or was cut off; finish it with --resume")
	errOtherJournal = errors.New("the journal beside it belongs to another run")
)

// origin finds the run that wrote a report: the last one in the journal beside it, if
// that has ended and has the results of the report.
func (r *Results) origin(s *Survey) (*Run, Stop, error) {
	journal, err := openJournal(JournalName(r.Name), os.O_RDONLY)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, Stop{}, errNoJournal
	case err != nil:
		return nil, Stop{}, named(JournalName(r.Name), err)
	}
	defer journal.Close()
	switch {
	case !journal.ended:
		return nil, Stop{}, errUnderWay
	case s.Rows != journal.run.Rows || !s.newest.Equal(journal.newestTime()) || s.Outcomes[batch.Planned] > 0:
		return nil, Stop{}, errOtherJournal
	}
	return journal.whole(), journal.stop, nil
}

// whole is the run with all its parts.
func (j *Journal) whole() *Run {
	run := j.run
	run.Parts, run.Started, run.Plan = j.parts, j.parts[0].Started, nil
	return &run
}

// newestTime is when the last row finished; zero if none did.
func (j *Journal) newestTime() time.Time {
	t, _ := time.Parse(timeFormat, j.newest)
	return t
}
