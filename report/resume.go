package report

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"imsrevoke/batch"
)

// ErrOtherRun says that a journal is not of the run that is to go on.
var ErrOtherRun = errors.New("the journal is of another run")

// ErrEarlierFormat says that a journal was written by an earlier version of the
// program, in a format that this one does not read.
var ErrEarlierFormat = errors.New("it was written by an earlier version of imsrevoke: resume its run, or make its report, with that version")

// ErrNoPlan says that a journal does not hold all rows of its input, so that nothing
// was sent.
var ErrNoPlan = errors.New("the journal is incomplete: nothing was sent yet")

// ErrDamaged says that a journal was changed, or lost lines in its middle.
var ErrDamaged = errors.New("the journal is damaged")

// maxLine bounds the length of a line of a journal. Its longest fields are the
// cells of rows that are no pair.
const maxLine = 64 << 20

// OpenJournal reads the journal of an earlier run, for [Journal.Continue] to go
// on with it, if it goes with the new run: see [Journal.GoesWith].
//
// A torn line at the end of the file, as the death of the process leaves it, is left
// out, and so is all that is behind a bad line, as far as a power cut can have left it
// so: when none of it was brought to the disk on purpose. Damage before a line that
// was (all but the lines of results are) is an error that wraps [ErrDamaged]: nobody
// can say what is missing. A journal without the line of a run is an error that wraps
// [ErrNoPlan].
//
// One that others may have written is an error that wraps [ErrNotOurs]: by its word
// rows would be called revoked that nobody has sent. See [CheckOwn].
func OpenJournal(path string) (*Journal, error) {
	return openJournal(path, os.O_RDWR)
}

// openJournal opens a journal that must be ours.
func openJournal(path string, flag int) (*Journal, error) {
	file, err := openOwn(path, flag)
	if err != nil {
		return nil, err
	}
	j, err := loadJournal(file)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return j, nil
}

// loadJournal reads a journal. The file may be written to meanwhile.
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

// GoesWith reports whether run may go on with the journal: it must be of the same
// verb, of the same pairs on the same lines (Run.Digest), and of the same endpoint and
// project, as far as both runs know their project. Otherwise the error wraps
// [ErrOtherRun].
func (j *Journal) GoesWith(run Run) error { return j.run.sameAs(run) }

// Continue begins the run that goes on with the journal.
func (j *Journal) Continue(run Run) error {
	if err := j.file.Truncate(j.size); err != nil {
		return err
	}
	return j.start(run)
}

// Remaining reads the rows that are not settled, and not known to need no request.
// They know whether an earlier run may have revoked their share.
func (j *Journal) Remaining() batch.Source {
	return &someRows{j.read(j.file), j, stateSettled | stateUnsent, 0}
}

// SettledRows reads the rows whose shares the journal says are gone.
func (j *Journal) SettledRows() batch.Source {
	return &someRows{j.read(j.file), j, 0, stateSettled}
}

// someRows are rows without some of the facts, and with one of the others if there
// are any.
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

// Settled is how many rows the journal says are settled, and how many others it
// has that need no request. Duplicates are among these.
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
				return l.emptyOf(line)
			}
			break // and what was cut is dropped
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
			// What a power cut has left as zeros was not brought to the disk, so that
			// nothing was sent by its word. Any other bad line may be the one that
			// announced what was sent.
			hole := bytes.IndexByte(line, 0) >= 0
			if !hole {
				l.mark = j.rows - 1
			}
			j.sum = l.previous
			if err := l.nothingGoodBehind(in, hole); err != nil {
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
	l.runOver()
	return nil
}

// emptyOf says what a file without a whole line is, which holds this text: what may
// be left of a journal, or something else. It may be nothing, or zeros, where the
// machine died before the line was on the disk.
func (l *loader) emptyOf(text []byte) error {
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

// take takes one good line.
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
		return nil // its reader looks into it
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

// inTurn reports whether a line with this word may be here: the plan comes first, and
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

// takePlan takes the first line.
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

// takeRow takes the result of a row.
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
	// The run may have been cut off, and cannot say itself then what it sent.
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

// takeEnd takes the line of the end of a run.
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

// takeRun takes the line of a run, which must go on with the one before. The first
// one ends the plan.
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
		l.runOver()
	}
	l.runs++
	j.run = run
	j.parts = append(j.parts, Part{Started: run.Started, Finished: run.Started})
	j.ended, j.stop, l.mark = false, Stop{}, -1
	for seq := range j.states {
		j.states[seq] &^= stateGone | stateShared
	}
	clear(j.others)
	return nil
}

// runOver draws the conclusions from the end of a run: when it was cut off,
// what it may have sent without a result of its own is lost.
func (l *loader) runOver() {
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

// sameAs reports in what the run then differs from the run now.
func (then Run) sameAs(now Run) error {
	switch {
	case then.verb() != now.verb():
		return fmt.Errorf("%w: it is of imsrevoke %s and not of imsrevoke %s", ErrOtherRun, then.verb(), now.verb())
	case then.Shard != now.Shard:
		return fmt.Errorf("%w: it is of %s and not of %s", ErrOtherRun, then.part(), now.part())
	case then.Digest != now.Digest || then.Rows != now.Rows:
		return fmt.Errorf("%w: it is of %s with %d rows, and the pairs or their lines are not those of %s", ErrOtherRun, then.Input, then.Rows, now.Input)
	case then.Keep != now.Keep:
		return fmt.Errorf("%w: its --keep files protect other shares", ErrOtherRun)
	case then.Endpoint != now.Endpoint:
		return fmt.Errorf("%w: it is of the endpoint %s and not of %s", ErrOtherRun, then.Endpoint, now.Endpoint)
	case then.Project != "" && now.Project != "" && then.Project != now.Project:
		return fmt.Errorf("%w: it is of the project %s and not of %s", ErrOtherRun, then.Project, now.Project)
	}
	return nil
}

func (r Run) verb() string { return cmp.Or(r.Verb, "run") }

// part is the part of the file, in words.
func (r Run) part() string {
	if r.Shard == "" {
		return "the whole file"
	}
	return "shard " + r.Shard
}

func (l *loader) damaged(what string) error {
	return fmt.Errorf("%w: line %d: %s", ErrDamaged, l.number, what)
}

// nothingGoodBehind reports whether a bad line is the beginning of an end that a
// power cut may have left: an error when a good line follows that had been brought to the disk with all before it. The power
// may have failed while it was brought there, so that a hole before it proves
// nothing as long as no line follows it: nothing is written before it is there.
func (l *loader) nothingGoodBehind(in *bufio.Reader, hole bool) error {
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
			return fmt.Errorf("%w: line %d is not what was written, and there are good lines behind it", ErrDamaged, at)
		}
	}
}

// readLine reads a line without its end. With io.EOF it returns what stands
// behind the last line end.
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
