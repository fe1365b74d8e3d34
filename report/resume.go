package report

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"imsrevoke/batch"
)

// ErrOtherRun says that a journal does not belong to the run that is to be resumed.
var ErrOtherRun = errors.New("the journal belongs to another run")

// ErrEarlierFormat says that a journal was written by an earlier version of the
// program, in a format that this one does not read.
var ErrEarlierFormat = errors.New("it was written by an earlier version of imsrevoke: resume its run, or make its report, with that version")

// ErrNoPlan says that a journal does not have all rows of its input, so that nothing
// was sent.
var ErrNoPlan = errors.New("the journal is incomplete: nothing was sent yet")

// ErrDamaged says that a journal was changed, or lost lines in its middle.
var ErrDamaged = errors.New("the journal is damaged")

// maxLine bounds the length of a line of a journal. Its longest fields are the
// cells of rows that are not a pair.
const maxLine = 64 << 20

// OpenJournal reads the journal of an earlier run, which [Journal.Continue] can resume
// if it matches the new run: see [Journal.CheckRun].
//
// A torn last line, as a killed process leaves it, is ignored. So is everything from a
// bad line on, if a power cut can have left it so, that is, if none of it was synced.
// Damage before a line that was synced (all but the lines of results are) is an error
// that wraps [ErrDamaged], since nobody can say what is missing. A journal without the
// line of a run is an error that wraps [ErrNoPlan].
//
// One that others may have written is an error that wraps [ErrUntrusted]: it could
// claim that rows were revoked which nobody has sent. See [CheckOwn].
func OpenJournal(path string) (*Journal, error) {
	j, err := openJournal(path, os.O_RDWR)
	return j, named(path, err)
}

// named is an error about the file at path, with its path.
func named(path string, err error) error {
	if _, ok := errors.AsType[*fs.PathError](err); ok || err == nil {
		return err // which has it
	}
	return fmt.Errorf("%s: %w", path, err)
}

// openJournal opens a journal that nobody else can have written. Its errors do not all
// have the path.
func openJournal(path string, flag int) (*Journal, error) {
	file, err := openOwn(path, flag)
	if err != nil {
		return nil, err
	}
	j, err := loadJournal(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return j, nil
}

// loadJournal reads a journal. Its run may write to the file meanwhile.
func loadJournal(file *os.File) (*Journal, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	j := newJournal(file, planText{}, checksum{})
	var err error
	if j.loaded, err = file.Stat(); err != nil {
		return nil, err
	}
	l := loader{journal: j, mark: -1}
	if err := l.load(file); err != nil {
		return nil, err
	}
	return j, nil
}

// CheckRun reports whether run can resume the journal's: it must have the same verb, the
// same pairs on the same lines (Run.Digest), and the same endpoint and project, if both
// runs know their project. Otherwise the error wraps [ErrOtherRun].
func (j *Journal) CheckRun(run Run) error { return j.run.sameAs(run) }

// Continue starts the run that resumes the journal's.
func (j *Journal) Continue(run Run) error {
	if err := j.file.Truncate(j.size); err != nil {
		return err
	}
	return j.start(run)
}

// Remaining reads the rows that are not settled and may need a request. Each says
// whether an earlier run may have revoked its share.
func (j *Journal) Remaining() batch.Source {
	return &someRows{j.read(j.file), j, stateSettled | stateUnsent, 0}
}

// SettledRows reads the rows that are settled according to the journal.
func (j *Journal) SettledRows() batch.Source {
	return &someRows{j.read(j.file), j, 0, stateSettled}
}

// someRows are the rows that have none of the facts in without and, unless with is 0,
// one of those in with.
type someRows struct {
	rows          *planReader
	journal       *Journal
	without, with rowState
}

func (s *someRows) Next() (batch.Row, error) {
	for {
		planned, err := s.rows.next()
		if err != nil {
			return batch.Row{}, err
		}
		state := s.journal.states[planned.seq]
		if state.is(s.without) || s.with != 0 && !state.is(s.with) {
			continue
		}
		row, err := planned.row()
		if err != nil {
			return row, err
		}
		if state.is(stateSettled) {
			row.Owned = true // or it could not be settled
			return row, nil
		}
		row.Lost = state.is(stateLost)
		if state.offset() == 0 {
			return row, nil
		}
		last, err := s.journal.result(row.Seq)
		if err != nil {
			return row, err
		}
		row.Lost = row.Lost || last.lost
		row.PastAttempts, err = last.text.attempts()
		return row, err
	}
}

// Settled counts the rows that are settled according to the journal, and the others
// that need no request, duplicates among them.
func (j *Journal) Settled() (settled, unsent int) {
	for _, state := range j.states {
		switch {
		case state.is(stateSettled):
			settled++
		case state.is(stateUnsent):
			unsent++
		}
	}
	return settled, unsent
}

// A loader reads the lines of a journal.
type loader struct {
	journal *Journal
	number  int // of the line
	runs    int
	// previous is the checksum of the line before.
	previous checksum

	// Of the run whose lines are being read:
	mark int // rows up to this one may have been sent, -1 for none
}

func (l *loader) load(file io.Reader) error {
	j := l.journal
	in := bufio.NewReaderSize(file, 256<<10)
	for {
		line, err := readLine(in)
		if err == io.EOF {
			if l.number == 0 {
				return noLine(line)
			}
			break // a torn line is dropped
		}
		if err != nil {
			return err
		}
		l.number++
		l.previous = j.sum
		if !j.sum.check(line) {
			if l.number == 1 {
				return fmt.Errorf("%w: its first line is not that of a journal", ErrDamaged)
			}
			// What a power cut has left as zeros was never synced, so that nothing was
			// sent because of it. Any other bad line may be the one that announced rows.
			hole := bytes.IndexByte(line, 0) >= 0
			if !hole {
				l.mark = j.rows - 1
			}
			j.sum = l.previous
			if err := l.checkTail(in, hole); err != nil {
				return err
			}
			j.ended = false
			break
		}
		if err := l.take(line); err != nil {
			return err
		}
		j.size += int64(len(line)) + 1
	}
	if l.runs == 0 {
		return ErrNoPlan
	}
	l.endRun()
	return nil
}

// noLine returns the error for a file of this text, without a whole line: it may be
// what is left of a journal, or something else. If the machine died before the first
// line was synced, the text is empty or zeros.
func noLine(text []byte) error {
	text = bytes.TrimRight(text, "\x00")
	sum, rest := text[:min(sumLength, len(text))], text[min(sumLength, len(text)):]
	if len(bytes.Trim(sum, "0123456789abcdef")) > 0 {
		return fmt.Errorf("%w: its first line is not that of a journal", ErrDamaged)
	}
	for _, begin := range []string{journalBegin, earlierBegin} {
		if n := min(len(rest), len(begin)); string(rest[:n]) == begin[:n] {
			return ErrNoPlan
		}
	}
	return fmt.Errorf("%w: its first line is not that of a journal", ErrDamaged)
}

// take handles one good line.
func (l *loader) take(line []byte) error {
	p := newLineParser(line)
	word := string(p.next())
	if err := l.inTurn(word); err != nil {
		return err
	}
	j := l.journal
	switch word {
	case wordPlan:
		err := l.takePlan(&p)
		j.rowsAt, j.rowsSum = int64(len(line))+1, j.sum
		return err
	case wordPair, wordBad:
		j.rows++
		return nil // planReader parses it
	case wordNote:
		if j.notesAt == 0 {
			j.notesAt, j.notesSum = j.size, l.previous
		}
		return nil
	case wordRun:
		return l.takeRun(&p)
	case wordSent:
		mark := p.number()
		if p.end(); p.err != nil {
			return l.damaged("it does not say what was sent")
		}
		l.mark = min(mark, j.rows-1)
	case wordRow:
		return l.takeRow(&p)
	case wordChecked:
		seq, verdict, others := p.number(), p.text(""), p.text("")
		if p.end(); p.err != nil || seq >= j.rows || !Verdict(verdict).valid() {
			return l.damaged("it is not a row that was verified")
		}
		j.noteVerdict(seq, Verdict(verdict), others)
	case wordReport:
		j.run.ReportDigest = p.text("")
		if p.end(); p.err != nil || !j.ended {
			return l.damaged("it does not say what the report is")
		}
	case wordEnd:
		return l.takeEnd(&p)
	default:
		return l.damaged(fmt.Sprintf("the word %q is unknown", word))
	}
	return nil
}

// inTurn reports whether a line with this word may come next: the plan comes first,
// then the runs.
func (l *loader) inTurn(word string) error {
	planned := word == wordPair || word == wordBad || word == wordNote
	switch {
	case (word == wordPlan) != (l.number == 1):
		if l.number == 1 && word == wordRun {
			return ErrEarlierFormat
		}
		return l.damaged("the plan does not begin the journal")
	case planned && l.runs > 0, (word == wordPair || word == wordBad) && l.journal.notesAt > 0:
		return l.damaged("a row of the plan is out of its place")
	case !planned && word != wordPlan && word != wordRun && l.runs == 0:
		return l.damaged("a result comes before its run")
	}
	return nil
}

// takePlan handles the first line.
func (l *loader) takePlan(p *lineParser) error {
	format, names := p.text(""), p.text("")
	if p.end(); p.err != nil {
		return l.damaged("the first line is not that of a journal")
	}
	if format != journalFormat {
		return fmt.Errorf("%w: its format is %q, and this program knows %q", ErrOtherRun, format, journalFormat)
	}
	if names == "" {
		return nil
	}
	var err error
	if l.journal.columns, err = splitCells(names); err != nil {
		return l.damaged("the columns cannot be read")
	}
	return nil
}

// takeRow handles the result of a row.
func (l *loader) takeRow(p *lineParser) error {
	j := l.journal
	seq := p.number()
	p.number() // lost
	text := resultText(p.raw())
	outcome, err := text.outcome()
	if p.err != nil || err != nil || seq >= j.rows {
		return l.damaged("it is not the result of a row")
	}
	attempts, err := text.attempts()
	if err != nil {
		return l.damaged(err.Error())
	}
	if finished := text.finishedAt(); string(finished) > j.newest {
		j.newest = string(finished)
	}
	// If the run was cut off, its attempts are all that is known of what it sent.
	past := 0
	if j.states[seq].offset() != 0 {
		last, err := j.result(seq)
		if err == nil {
			past, err = last.text.attempts()
		}
		if err != nil {
			return l.damaged(err.Error())
		}
	}
	j.parts[len(j.parts)-1].Requests += max(attempts-past, 0)
	j.note(seq, j.size, outcome)
	return nil
}

// takeEnd handles the line of the end of a run.
func (l *loader) takeEnd(p *lineParser) error {
	j := l.journal
	var end ending
	text := p.raw()
	if p.end(); p.err != nil || json.Unmarshal(text, &end) != nil {
		return l.damaged("it does not say how the run ended")
	}
	part := &j.parts[len(j.parts)-1]
	part.Finished, part.Summary = end.At, end.Sent
	j.ended, j.stop = true, end.Stop
	if j.stop.Reason == "" {
		j.stop = Stop{}
	}
	return nil
}

// takeRun handles the line of a run, which must match the one before. The first one
// ends the plan.
func (l *loader) takeRun(p *lineParser) error {
	j := l.journal
	var run Run
	identity := p.raw()
	if p.end(); p.err != nil || json.Unmarshal(identity, &run) != nil || run.Rows != j.rows {
		return l.damaged("the run cannot be read")
	}
	if l.runs == 0 {
		j.end = j.size
		if j.notesAt == 0 {
			j.notesAt, j.notesSum = j.size, l.previous
		}
		j.states = make([]rowState, j.rows)
	} else {
		if err := j.run.sameAs(run); err != nil {
			return err
		}
		l.endRun()
	}
	l.runs++
	l.mark = -1
	j.setRun(run)
	j.parts = append(j.parts, Part{Started: run.Started, Finished: run.Started})
	return nil
}

// endRun is called after the last line of a run. If the run was cut off, rows that it
// may have sent without a result are lost.
func (l *loader) endRun() {
	j := l.journal
	if !j.ended {
		part := &j.parts[len(j.parts)-1]
		part.CutOff = true
		if at, err := time.Parse(timeFormat, j.newest); err == nil && at.After(part.Started) {
			part.Finished = at
		}
		for i := range j.states[:l.mark+1] {
			if !j.states[i].is(stateSettled | stateUnsent | stateFresh) {
				j.states[i] |= stateLost
			}
		}
	}
	for i := range j.states {
		j.states[i] &^= stateFresh
	}
}

// sameAs returns an error that says how the run then differs from the run now.
func (then Run) sameAs(now Run) error {
	switch {
	case then.verb() != now.verb():
		return fmt.Errorf("%w: it was written by 'imsrevoke %s', this is 'imsrevoke %s'", ErrOtherRun, then.verb(), now.verb())
	case then.Shard != now.Shard:
		return fmt.Errorf("%w: it belongs to %s, not to %s", ErrOtherRun, then.part(), now.part())
	case then.Digest != now.Digest || then.Rows != now.Rows:
		return fmt.Errorf("%w: it belongs to %s with %d rows, whose pairs or lines differ from those of %s", ErrOtherRun, then.Input, then.Rows, now.Input)
	case then.Keep != now.Keep:
		return fmt.Errorf("%w: its --keep files protect other shares", ErrOtherRun)
	case then.Endpoint != now.Endpoint:
		return fmt.Errorf("%w: it belongs to the endpoint %s, not to %s", ErrOtherRun, then.Endpoint, now.Endpoint)
	case then.Project != "" && now.Project != "" && then.Project != now.Project:
		return fmt.Errorf("%w: it belongs to the project %s, not to %s", ErrOtherRun, then.Project, now.Project)
	}
	return nil
}

func (r Run) verb() string { return cmp.Or(r.Verb, "run") }

// part describes which part of the file the run is for.
func (r Run) part() string {
	if r.Shard == "" {
		return "the whole file"
	}
	return "shard " + r.Shard
}

func (l *loader) damaged(what string) error {
	return fmt.Errorf("%w: line %d: %s", ErrDamaged, l.number, what)
}

// checkTail returns an error unless a power cut can have left the file as it is from a
// bad line on. It cannot if a good line follows that was synced, and with it all lines
// before. But the power may have failed during that sync. So if the bad line is a hole
// (zeros), a synced line proves damage only if another line follows it: nothing is
// written until the sync is over.
func (l *loader) checkTail(in *bufio.Reader, hole bool) error {
	at, synced := l.number, false
	for sum := l.journal.sum; ; {
		line, err := readLine(in)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		before := synced
		if sum.check(line) {
			p := newLineParser(line)
			switch string(p.next()) {
			case wordPair, wordBad, wordNote, wordRow, wordChecked:
			default:
				synced = true
			}
		}
		if before || synced && !hole {
			return fmt.Errorf("%w: line %d is not what was written, but good lines follow it", ErrDamaged, at)
		}
	}
}

// readLine reads a line without its end. With io.EOF it returns what follows the last
// line end.
func readLine(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		long := bytes.Clone(line)
		for err == bufio.ErrBufferFull && len(long) < maxLine {
			line, err = in.ReadSlice('\n')
			long = append(long, line...)
		}
		line = long
	}
	if err == nil {
		line = line[:len(line)-1]
	}
	return line, err
}
