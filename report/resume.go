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

// ErrDamaged says that a journal was changed, or lost lines in its middle.
var ErrDamaged = errors.New("the journal is damaged")

// maxLine bounds the length of a line of a journal. Its longest fields are the
// cells of rows that are no pair.
const maxLine = 64 << 20

// OpenJournal reads the journal of an earlier run, for [Journal.Continue] to go
// on with it. It must be of the same verb, of the same pairs on the same lines
// (Run.Digest), and of the same endpoint and project, as far as both runs know
// their project; otherwise the error wraps [ErrOtherRun].
//
// An end of the file that no whole line stands in any more, as the death of the
// process leaves it, is left out, and so is all that stands behind a bad line,
// as far as a power cut can have left it so: when none of it was brought to the
// disk on purpose. Damage before a line that was (all but row lines are) is an
// error that wraps [ErrDamaged]: nobody can say what is missing.
// A journal without a whole line in it is good and empty: nothing was sent
// before its first line was on the disk.
//
// One that others may have written is an error that wraps [ErrNotOurs]: by its word
// rows would be called revoked that nobody has sent. See [CheckOwn].
func OpenJournal(path string, run Run) (*Journal, error) {
	file, err := openOwn(path, os.O_RDWR)
	if err != nil {
		return nil, err
	}
	j := journalIn(file, run)
	l := loader{journal: j, run: run, mark: -1}
	if err := l.load(file); err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return j, nil
}

// Continue begins the run that goes on with the journal.
func (j *Journal) Continue(run Run) error {
	if err := j.file.Truncate(j.size); err != nil {
		return err
	}
	return j.begin(run)
}

// Remaining is src without the rows that the journal says are settled. What is
// left knows whether an earlier run may have revoked its share.
func (j *Journal) Remaining(src batch.Source) batch.Source {
	return &remaining{src, j}
}

// SettledOf is src with nothing but the rows whose shares the journal says are
// gone.
func (j *Journal) SettledOf(src batch.Source) batch.Source {
	return &settledOf{src, j}
}

type settledOf struct {
	batch.Source
	journal *Journal
}

func (s *settledOf) Next() (batch.Row, error) {
	for {
		row, err := s.Source.Next()
		if err != nil {
			return row, err
		}
		if row.Seq < len(s.journal.rows) && s.journal.rows[row.Seq].is(stateSettled) {
			row.Owned = true // or it could not be settled
			return row, nil
		}
	}
}

type remaining struct {
	batch.Source
	journal *Journal
}

func (r *remaining) Next() (batch.Row, error) {
	for {
		row, err := r.Source.Next()
		if err != nil || row.Seq >= len(r.journal.rows) {
			return row, err
		}
		state := r.journal.rows[row.Seq]
		if state.is(stateSettled | stateUnsent) {
			continue
		}
		row.Lost = state.is(stateLost)
		if state.offset() != 0 {
			last, err := r.journal.read(state.offset(), row)
			if err != nil {
				return batch.Row{}, err
			}
			row.PastAttempts, row.Lost = last.Attempts, row.Lost || last.Lost
		}
		return row, nil
	}
}

// Settled is how many rows the journal says are settled, and how many others it
// has that need no request. Duplicates are among these.
func (j *Journal) Settled() (settled, unsent int) {
	for _, state := range j.rows {
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
	run     Run  // that is to go on
	any     bool // instead: whatever run the journal is of
	number  int  // of the line
	runs    int
	last    Run    // that the journal tells of
	newest  string // the latest time at which a row has finished

	parts []Part // the last one is the run whose lines are being read

	// Of that run:
	mark  int  // rows up to this one may have been sent, -1 for none
	ended bool // it has ended with nothing under way
	stop  Stop // how it was stopped
	// before says that it was written in the format before.
	before bool
}

func (l *loader) load(file io.Reader) error {
	j := l.journal
	in := bufio.NewReaderSize(file, 256<<10)
	for {
		line, err := readLine(in)
		if err == io.EOF {
			if l.runs == 0 {
				return beginsLikeJournal(line)
			}
			break // and what was cut is dropped
		}
		if err != nil {
			return err
		}
		l.number++
		good := j.sum
		if !j.sum.check(line) {
			// What a power cut has left as zeros was not brought to the disk, so that
			// nothing was sent by its word. Any other bad line may be the one that
			// announced what was sent.
			hole := bytes.IndexByte(line, 0) >= 0
			if !hole {
				l.mark = min(l.run.Rows, l.mostRows()) - 1
			}
			if err := l.nothingGoodBehind(in, hole); err != nil {
				return err
			}
			j.sum, l.ended = good, false
			break
		}
		if err := l.take(line); err != nil {
			return err
		}
		j.size += int64(len(line)) + 1
	}
	l.runOver()
	j.earlier = l.parts
	return nil
}

// take takes one good line.
func (l *loader) take(line []byte) error {
	p := lineParser{rest: line}
	p.next() // the checksum
	word := p.text(wordRow)
	if l.runs == 0 && word != wordRun {
		return l.damaged("the journal does not begin with a run")
	}
	switch word {
	case wordRun:
		return l.takeRun(&p)
	case wordSent:
		mark := p.number()
		if p.err != nil || mark >= l.mostRows() {
			return l.damaged("it does not say what was sent")
		}
		l.mark = min(mark, l.run.Rows-1)
	case wordRow:
		seq := p.number()
		for range 3 {
			p.next() // its line and its cells
		}
		outcome := p.outcome()
		if p.err != nil || seq >= min(l.run.Rows, l.mostRows()) {
			return l.damaged("it is no row of the input")
		}
		p.next() // its status
		attempts := int(p.number())
		for range 3 {
			p.next() // up to when the row finished
		}
		if err := l.count(seq, attempts, p.next()); err != nil {
			return err
		}
		l.journal.note(seq, l.journal.size, outcome)
		if l.before && outcome == batch.Absent {
			l.journal.rows[seq] &^= stateSettled
		}
	case wordReport:
		l.last.ReportDigest = p.text("")
		if p.err != nil || !l.ended {
			return l.damaged("it does not say what the report is")
		}
	case wordEnd:
		return l.takeEnd(&p)
	default:
		return l.damaged(fmt.Sprintf("the word %q is unknown", word))
	}
	return nil
}

// takeEnd takes the line of the end of a run. The format before may say nothing
// in it.
func (l *loader) takeEnd(p *lineParser) error {
	l.ended, l.stop = true, Stop{}
	part := &l.parts[len(l.parts)-1]
	var sent string
	if !p.ended {
		l.stop = Stop{Reason: p.text(""), At: p.time()}
		part.Finished = l.stop.At
	}
	if !p.ended {
		sent = p.text("")
	}
	if p.err != nil {
		return l.damaged("it does not say how the run ended")
	}
	if l.stop.Reason == "" {
		l.stop = Stop{}
	}
	if sent != "" && json.Unmarshal([]byte(sent), &part.Summary) != nil {
		return l.damaged("it does not say what the run has sent")
	}
	return nil
}

// count takes a row into account that finished at a time: the run that it is of
// may have been cut off, and cannot say itself then what it sent and when it
// ended.
func (l *loader) count(seq, attempts int, finished []byte) error {
	if string(finished) > l.newest {
		l.newest = string(finished)
	}
	past, part := 0, &l.parts[len(l.parts)-1]
	if seq < len(l.journal.rows) && l.journal.rows[seq].offset() != 0 {
		last, err := l.journal.readAny(l.journal.rows[seq].offset(), &batch.Row{})
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		past = last.Attempts
	}
	part.Requests += max(attempts-past, 0)
	return nil
}

const (
	// shortestRow is less than the bytes of any row line.
	shortestRow = 40
	// maxAhead is more rows than can have been announced and have no result yet:
	// those that wait, those in flight, and a window.
	maxAhead = 2 * batch.MaxWaiting
)

// mostRows is more rows than the lines up to here can tell of. A number beyond it
// is not of this program, and must not be what memory is reserved for.
func (l *loader) mostRows() int { return int(l.journal.size/shortestRow) + maxAhead }

// takeRun takes the line of a run, which must be the run that is to go on.
//
// Journals of the format before are read, but their absent rows are not taken
// for settled: versions that wrote it called a row absent when the spelling in
// the file was not in the list, or not on its first page.
func (l *loader) takeRun(p *lineParser) error {
	format, identity := p.text(""), p.text("")
	var run Run
	l.before = format == formatBefore
	if format != journalFormat && !l.before {
		return fmt.Errorf("%w: its format is %q, and this program knows %q", ErrOtherRun, format, journalFormat)
	}
	if err := json.Unmarshal([]byte(identity), &run); err != nil || p.err != nil || run.Rows < 0 {
		return l.damaged("the run cannot be read")
	}
	if l.any && l.runs == 0 {
		l.run = run
		// All at once, as journalIn does; but nobody vouches for the number.
		if info, err := l.journal.file.Stat(); err == nil {
			most := int(info.Size() / shortestRow)
			l.journal.rows = make([]rowState, 0, min(run.Rows, most))
		}
	}
	if err := run.sameAs(l.run); err != nil {
		return err
	}
	l.runOver()
	l.runs++
	l.last = run
	l.parts = append(l.parts, Part{Started: run.Started, Finished: run.Started})
	l.mark, l.ended, l.stop = -1, false, Stop{}
	return nil
}

// runOver draws the conclusions from the end of a run: when it was cut off,
// what it may have sent without a result of its own is lost.
func (l *loader) runOver() {
	j := l.journal
	if len(l.parts) > 0 && !l.ended {
		part := &l.parts[len(l.parts)-1]
		part.CutOff = true
		if at, err := time.Parse(timeFormat, l.newest); err == nil && at.After(part.Started) {
			part.Finished = at
		}
	}
	if !l.ended {
		j.grow(l.mark + 1)
		for i := range j.rows[:l.mark+1] {
			if !j.rows[i].is(stateSettled | stateUnsent | stateFresh) {
				j.rows[i] |= stateLost
			}
		}
	}
	for i := range j.rows {
		j.rows[i] &^= stateFresh
	}
	j.results = 0
	for _, state := range j.rows {
		if state.offset() != 0 || state.is(stateLost) {
			j.results++
		}
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
// power cut may have left: an error when it is the first line, or when a good
// line follows that had been brought to the disk with all before it. The power
// may have failed while it was brought there, so that a hole before it proves
// nothing as long as no line follows it: nothing is written before it is there.
func (l *loader) nothingGoodBehind(in *bufio.Reader, hole bool) error {
	at := l.number
	if l.runs == 0 {
		return fmt.Errorf("%w: its first line is not that of a journal", ErrDamaged)
	}
	synced := false
	for sum := l.journal.sum; ; {
		line, err := readLine(in)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		before := synced
		if sum.check(line) && !bytes.HasPrefix(line[sumLength:], []byte("\t"+wordRow+"\t")) {
			synced = true
		}
		if before || synced && !hole {
			return fmt.Errorf("%w: line %d is not what was written, and there are good lines behind it", ErrDamaged, at)
		}
	}
}

// beginsLikeJournal reports whether text is what may be left of the first line
// of a journal, and not of something else. It may be nothing, or zeros, where
// the machine died before the line was on the disk.
func beginsLikeJournal(text []byte) error {
	const begin = journalBegin
	text = bytes.TrimRight(text, "\x00")
	sum, rest := text[:min(sumLength, len(text))], text[min(sumLength, len(text)):]
	if n := min(len(rest), len(begin)); len(bytes.Trim(sum, "0123456789abcdef")) > 0 || string(rest[:n]) != begin[:n] {
		return fmt.Errorf("%w: its first line is not that of a journal", ErrDamaged)
	}
	return nil
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
