package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"imsrevoke/batch"
)

// Run says which run a journal is of: what was asked, of whom, by whom.
type Run struct {
	// Verb is what was asked: "run", which is to revoke, or "restore". Nothing
	// means "run", too.
	Verb string `json:"verb,omitempty"`
	// Input is the name of the input, Digest the hash of its pairs and their
	// lines, Rows how many rows it has.
	Input  string `json:"input"`
	Digest string `json:"digest"`
	Rows   int    `json:"rows"`
	// Shard is the part of the file that the run is of, as in "0/4"; empty when
	// the file was not cut. WholeDigest and WholeRows are those of the whole
	// file, where the run is of a part of its rows.
	Shard       string `json:"shard,omitempty"`
	WholeDigest string `json:"whole_digest,omitempty"`
	WholeRows   int    `json:"whole_rows,omitempty"`
	// Endpoint is the address of the Image API, Project the id of the project
	// of the credentials, empty when that is not known, Credentials what they
	// were.
	Endpoint    string `json:"endpoint"`
	Project     string `json:"project,omitempty"`
	Credentials string `json:"credentials,omitempty"`
	// Ticket and Reason name the decision behind the run. ExpectedDigest and
	// ExpectedProject are what the run had to find before it began, and did; they
	// are empty if it was asked for nothing.
	Ticket          string `json:"ticket,omitempty"`
	Reason          string `json:"reason,omitempty"`
	ExpectedDigest  string `json:"expected_sha256,omitempty"`
	ExpectedProject string `json:"expected_project,omitempty"`
	// Keep is the hash of the lists of shares that had to be kept; empty if there
	// was none.
	Keep string `json:"keep_sha256,omitempty"`
	// User and Host started the run, with this Version of the program.
	User    string    `json:"user,omitempty"`
	Host    string    `json:"host,omitempty"`
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	// Plan is what else is known of the rows, for the program that goes on with the
	// run; a journal does not look into it.
	Plan json.RawMessage `json:"plan,omitempty"`
	// Parts are the runs that the journal tells of: those that this one has gone
	// on with, and this one. Started is when the first one began. The line of a
	// run has no parts, and says when that run began.
	Parts []Part `json:"parts,omitempty"`
	// ReportDigest is the SHA-256, in hexadecimal, of the report, as it was
	// written. It is not in the line of a run either.
	ReportDigest string `json:"report_sha256,omitempty"`
}

// A Part is one of the runs that a journal tells of.
type Part struct {
	Started time.Time `json:"started"`
	// Finished is when the part ended, or if it was CutOff, as far as is known,
	// when its last row finished.
	Finished time.Time `json:"finished"`
	CutOff   bool      `json:"cut_off,omitempty"`
	// What it sent. If it was cut off, only the requests for the rows that have
	// finished are known.
	batch.Summary
}

// GoesOn is r as what goes on with the earlier parts, in their order: it began
// when the first of them did.
func (r Run) GoesOn(earlier []Part, now Part) Run {
	r.Parts = append(slices.Clip(earlier), now)
	r.Started = r.Parts[0].Started
	return r
}

// Idle is the time between the parts of the run.
func (r *Run) Idle() (idle time.Duration) {
	for i := range r.Parts[:max(len(r.Parts)-1, 0)] {
		idle += max(r.Parts[i+1].Started.Sub(r.Parts[i].Finished), 0)
	}
	return idle
}

// Sent is what all parts of the run have sent, as far as they are known.
func (r *Run) Sent() (sent batch.Summary) {
	for _, p := range r.Parts {
		sent.Add(p.Summary)
	}
	return sent
}

// A Journal is the record of a run while it goes on: a text file that begins with
// the rows of the input, and to which results are appended as rows finish. It is all
// that is needed to make the report, or to go on with the run.
//
// Each line is a checksum, a word for what the line is, and fields, all
// separated by tabs; a tab, line end or backslash within a field is written
// \t, \n, \r or \\. The checksum (CRC-32C) covers the checksum of the line
// before, too, so that a line that is missing shows.
//
//	plan  format, columns  the first line; the names of the input's other columns,
//	                       as CSV
//	pair  row, cells       a row: the report's columns line, image_id and member_id,
//	                       and the cells of the other columns, both as CSV. Rows are
//	                       counted from 0.
//	bad   row, cells, why  likewise, of a row that is not a pair
//	note  number, first,   what is known of that row only once all are there: the
//	      line, respelled  number and the line of the row that it repeats, and whether
//	                       its member is spelled in different ways
//	run   JSON             a run begins: which one it is
//	sent  number           rows up to this one may have been sent
//	row   number, lost,    a row has ended: whether an attempt may have been applied
//	      result, others   without an answer, the report's columns from outcome to
//	                       finished_at as CSV, and for some rows who else can use the
//	                       image
//	checked number, verdict, others
//	                       what a verification after the run has found
//	end   JSON             the run has ended, and nothing is under way: why it was
//	                       stopped, if it was, when it ended, and what it has sent.
//	                       A verification that follows ends with another one.
//	report  sum            the report was written; the SHA-256 of the file
//
// The plan and the line of the run are on the disk before anything is sent, and a
// sent line before the rows that it announces. So the death of the process costs
// the results of the requests under way, and a power cut those since the last sent
// line, which is never much longer than a second of work; and in both cases the
// rows are known that may have been sent without a result.
//
// A Journal is a [batch.Recorder]. Its methods are called by one goroutine at
// a time.
type Journal struct {
	lineWriter
	planText
	blocks blocks // to read the file
	states []rowState
	others map[int]string // who else can use the image, as a verification has found
	text   []byte
	err    error // the last failure to write; nothing is begun after one

	sent       int // the number of the last row that may have been sent, -1 for none
	window     int // how many rows the last sent line announced
	reservedAt time.Time
	open       int // rows that were begun and have no result yet
	begun      bool
	temporary  bool // Close removes the file

	loaded os.FileInfo // of the file, before it was read; nil if it was written

	run   Run    // the last one
	parts []Part // the runs that were read
	ended bool   // the last one has, with nothing under way
	stop  Stop   // how it was stopped
	// newest is the latest time at which a row finished, as it is in the file.
	newest string
}

var _ batch.Recorder = (*Journal)(nil)

// A rowState is what the journal knows of one row: the offset of the line with
// its last result, 0 for none, and some facts. There may be ten million.
type rowState uint64

const (
	// stateSettled: the last result is settled.
	stateSettled rowState = 1 << (63 - iota)
	// stateUnsent: the row needs no request, because it is invalid or a
	// duplicate.
	stateUnsent
	// stateLost: the row may have been sent since its last result, by a run
	// that was cut off.
	stateLost
	// stateFresh: the last result is of the run that is being read.
	stateFresh
	// stateGone and stateShared: what a verification has found.
	stateGone
	stateShared

	stateOffset rowState = 1<<48 - 1
)

func (s rowState) offset() int64          { return int64(s & stateOffset) }
func (s rowState) is(facts rowState) bool { return s&facts != 0 }

// verdict is what a verification has found.
func (s rowState) verdict() Verdict {
	switch {
	case s.is(stateGone):
		return Gone
	case s.is(stateShared):
		return StillShared
	}
	return ""
}

const (
	minWindow = 16
	maxWindow = 4096
	// rowSpace is how much room on the disk is set aside for the result of a
	// row before it is sent. Few need half of it.
	rowSpace = 1 << 10
)

// CreateJournal starts the journal of a run of these rows. Only the owner can read
// the file; one that exists is an error that wraps [os.ErrExist].
func CreateJournal(path string, plan *Plan, run Run) (*Journal, error) {
	text, err := plan.complete()
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	j := newJournal(file, text, plan.sum)
	_, err = plan.file.Seek(0, io.SeekStart)
	if err == nil {
		_, err = io.CopyN(file, plan.file, text.end)
	}
	if err == nil {
		err = j.start(run)
	}
	// The name is on the disk before anything is sent, as its text is.
	if err := errors.Join(err, j.err, syncDir(filepath.Dir(path))); err != nil {
		file.Close()
		os.Remove(path)
		return nil, err
	}
	return j, nil
}

// TempJournal starts the journal of a check, which nobody goes on with, in the file
// of the plan.
func TempJournal(plan *Plan, run Run) (*Journal, error) {
	text, err := plan.complete()
	if err != nil {
		return nil, err
	}
	j := newJournal(plan.file, text, plan.sum)
	j.temporary, plan.file = plan.temporary, nil
	if err := j.begins(run); err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return j, nil
}

// newJournal is the journal that goes on behind a plan.
func newJournal(file *os.File, plan planText, sum checksum) *Journal {
	return &Journal{
		lineWriter: lineWriter{file: file, sum: sum, size: plan.end}, planText: plan,
		states: make([]rowState, plan.rows), others: make(map[int]string),
	}
}

// start writes that a run begins, and brings it to the disk.
func (j *Journal) start(run Run) error {
	return errors.Join(j.begins(run), j.sync())
}

func (j *Journal) begins(run Run) error {
	if run.Rows != j.rows {
		return fmt.Errorf("the run has %d rows, and its plan %d", run.Rows, j.rows)
	}
	identity, err := json.Marshal(run)
	if err != nil {
		return err
	}
	j.sent, j.window, j.begun = -1, minWindow/2, true
	j.run, j.ended, j.stop = run, false, Stop{}
	for seq := range j.states {
		j.states[seq] &^= stateGone | stateShared
	}
	clear(j.others)
	j.begin(wordRun)
	j.field(string(identity))
	j.finish()
	return nil
}

// Begin makes sure that it will be known that the row may have been sent, and
// that there is room on the disk for its result. It does so for some rows at a
// time: for about as many as a second of work takes.
//
// It fails as well when somebody else has removed or replaced the file, or has
// written to it.
func (j *Journal) Begin(row batch.Row) error {
	j.open++
	if j.err != nil || row.Seq <= j.sent {
		return j.err
	}
	if j.err = j.inPlace(); j.err != nil {
		return j.err
	}
	if now := time.Now(); now.Sub(j.reservedAt) < time.Second {
		j.window, j.reservedAt = min(2*j.window, maxWindow), now
	} else {
		j.window, j.reservedAt = max(j.window/2, minWindow), now
	}
	j.sent = row.Seq + j.window - 1
	j.begin(wordSent)
	j.number(j.sent)
	j.finish()
	if err := j.sync(); err != nil {
		return err
	}
	if err := reserve(j.file, j.size, int64((j.open+j.window)*rowSpace)); err != nil {
		j.err = fmt.Errorf("set aside room for the journal: %w", err)
	}
	return j.err
}

// Record takes a result. It is written by the next Flush, or earlier. After a
// failure it is kept to be written by End, if that can be.
func (j *Journal) Record(r batch.Result) error {
	seq := r.Row.Seq
	if seq < 0 || seq >= len(j.states) {
		return fmt.Errorf("the row on line %d is not in the plan", r.Row.Line)
	}
	if j.states[seq].is(stateFresh) {
		return fmt.Errorf("the row on line %d has ended twice", r.Row.Line)
	}
	offset := j.size + int64(len(j.pending))
	j.begin(wordRow)
	j.number(seq)
	j.number(map[bool]int{true: 1}[r.Lost])
	j.text = appendResult(j.text[:0], &r)
	j.pending = appendField(j.pending, j.text)
	if r.AlsoSharedWith != "" {
		j.field(said(r.AlsoSharedWith))
	}
	j.finish()
	j.note(seq, offset, r.Outcome)
	if r.Attempts > r.Row.PastAttempts {
		j.open--
	}
	return j.flushed()
}

// flushed writes what is pending if that is much.
func (j *Journal) flushed() error {
	if len(j.pending) >= maxPending {
		return j.Flush()
	}
	return j.err
}

// note remembers where the last result of a row is.
func (j *Journal) note(seq int, offset int64, o batch.Outcome) {
	j.states[seq] = rowState(offset) | stateFresh
	if o.Settled() {
		j.states[seq] |= stateSettled
	}
	if o == batch.Duplicate || o == batch.Invalid {
		j.states[seq] |= stateUnsent
	}
}

// Verified notes what a verification after the run has found of a row, and with whom
// else the image is shared, see [batch.Result.AlsoSharedWith].
func (j *Journal) Verified(seq int, verdict Verdict, others string) error {
	j.begin(wordChecked)
	j.number(seq)
	j.field(string(verdict))
	j.field(others)
	j.finish()
	j.noteVerdict(seq, verdict, others)
	return j.flushed()
}

func (j *Journal) noteVerdict(seq int, verdict Verdict, others string) {
	switch verdict {
	case Gone:
		j.states[seq] |= stateGone
	case StillShared:
		j.states[seq] |= stateShared
	}
	if others != "" {
		j.others[seq] = others
	}
}

// Flush hands to the operating system what was recorded: it survives the
// process then.
func (j *Journal) Flush() error {
	if j.err != nil {
		return j.err
	}
	return j.write()
}

func (j *Journal) write() error {
	if len(j.pending) == 0 {
		return nil
	}
	touched := j.untouched()
	if _, err := j.file.WriteAt(j.pending, j.size); err != nil {
		// No line may follow one that was written in part.
		j.err = errors.Join(fmt.Errorf("write the journal: %w", err), j.file.Truncate(j.size))
		return j.err
	}
	j.size += int64(len(j.pending))
	j.pending = j.pending[:0]
	j.err = touched
	return j.err
}

// sync brings to the disk what was recorded.
func (j *Journal) sync() error {
	if err := j.Flush(); err != nil {
		return err
	}
	if err := j.file.Sync(); err != nil {
		j.err = fmt.Errorf("write the journal: %w", err)
	}
	return j.err
}

// inPlace reports what keeps the file from being found again under its name.
func (j *Journal) inPlace() error {
	name := j.file.Name()
	ours, err := j.file.Stat()
	if err != nil {
		return err
	}
	switch there, err := os.Stat(name); {
	case err != nil:
		return fmt.Errorf("the journal was taken away: %w", err)
	case !os.SameFile(ours, there):
		return fmt.Errorf("the journal %s was replaced by another file", name)
	}
	return nil
}

// untouched reports that somebody else has cut the file, or added to it. It is asked
// before each write, which would hide that the file was cut.
func (j *Journal) untouched() error {
	switch info, err := j.file.Stat(); {
	case err != nil:
		return err
	case info.Size() != j.size:
		return fmt.Errorf("the journal %s was written to by somebody else: it has %d bytes and not %d", j.file.Name(), info.Size(), j.size)
	}
	return nil
}

// Outdated reports whether the file has changed since it was read.
func (j *Journal) Outdated() bool {
	there, err := os.Stat(j.file.Name())
	return err != nil || !os.SameFile(there, j.loaded) || there.Size() != j.loaded.Size() || !there.ModTime().Equal(j.loaded.ModTime())
}

// Saved returns the name of a file that holds what the journal does: its own,
// or, when that is gone, that of a copy among the temporary files.
func (j *Journal) Saved() (string, error) {
	if ours, err := j.file.Stat(); err == nil {
		if there, err := os.Stat(j.file.Name()); err == nil && os.SameFile(ours, there) {
			return j.file.Name(), nil
		}
	}
	saved, err := os.CreateTemp("", "imsrevoke-*.journal")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(saved, io.NewSectionReader(j.file, 0, j.size))
	return saved.Name(), errors.Join(err, saved.Sync(), saved.Close())
}

// A Stop says how a run ended before its last row. The zero Stop is that of a
// run that was not stopped.
type Stop struct {
	Reason string `json:"reason,omitempty"`
	// Unreached is what the report says of a row that the run did not get to.
	Unreached string `json:"unreached,omitempty"`
	// ExitCode is the one that the program ends with for this reason.
	ExitCode int       `json:"exit_code,omitempty"`
	At       time.Time `json:"at"`
}

// An ending is the line of the end of a run.
type ending struct {
	Stop
	Sent batch.Summary `json:"sent"`
}

// End notes that the run has ended and that nothing is under way, and what it has
// sent, and brings everything to the disk. What could not be written before is
// tried once more: its error is nil when nothing was lost.
func (j *Journal) End(stop Stop, sent batch.Summary) error {
	if stop.At.IsZero() {
		stop.At = time.Now()
	}
	text, err := json.Marshal(ending{stop, sent})
	if err != nil {
		return err
	}
	j.err = nil
	j.begin(wordEnd)
	j.field(string(text))
	j.finish()
	j.ended, j.stop = true, stop
	return j.sync()
}

// Reported notes the SHA-256, in hexadecimal, of the report that has been written,
// and brings it to the disk.
func (j *Journal) Reported(sum string) error {
	j.begin(wordReport)
	j.field(sum)
	j.finish()
	return j.sync()
}

// Close closes the file. A Journal that was not ended says so by that, and one
// that was only opened leaves the file as it was.
func (j *Journal) Close() error {
	var err error
	if j.begun {
		err = j.file.Truncate(j.size) // the room that was set aside goes back
	}
	return errors.Join(err, closeTemp(j.file, j.temporary))
}

// Discard closes the file and removes it, unless somebody else has taken its name:
// for a run of which there is nothing to tell.
func (j *Journal) Discard() error {
	ours := !j.temporary && j.inPlace() == nil
	err := j.Close()
	if ours {
		err = errors.Join(err, os.Remove(j.file.Name()))
	}
	return err
}

// Run is the last run of the journal.
func (j *Journal) Run() Run { return j.run }

// Earlier are the runs that the journal goes on with.
func (j *Journal) Earlier() []Part { return j.parts }

// Rows reads all rows of the plan.
func (j *Journal) Rows() batch.Source { return j.read(j.file) }

// A recorded is the line with the result of a row.
type recorded struct {
	text   resultText
	lost   bool
	others string
}

// result reads the result of a row that has one. It is valid until the next call.
func (j *Journal) result(seq int) (recorded, error) {
	line, err := j.lineAt(j.states[seq].offset())
	if err != nil {
		return recorded{}, fmt.Errorf("read the journal: %w", err)
	}
	p := newLineParser(line)
	word := p.text(wordRow)
	at, r := p.number(), recorded{lost: p.number() == 1, text: p.raw()}
	if !p.ended {
		r.others = p.text("")
	}
	p.end()
	if p.err == nil && (word != wordRow || at != seq) {
		p.fail(errors.New("it is not the result of its row"))
	}
	return r, p.damage()
}

// lineAt returns the line that begins at an offset, without its end. It is good
// until the next call.
func (j *Journal) lineAt(offset int64) ([]byte, error) {
	text, err := j.blocks.from(j.file, offset, j.size)
	if err != nil {
		return nil, err
	}
	if end := indexLineEnd(text); end >= 0 {
		return text[:end], nil
	}
	for line := bytes.Clone(text); ; {
		if offset += int64(len(text)); offset >= j.size {
			return nil, io.ErrUnexpectedEOF
		}
		if text, err = j.blocks.from(j.file, offset, j.size); err != nil {
			return nil, err
		}
		end := indexLineEnd(text)
		if end >= 0 {
			return append(line, text[:end]...), nil
		}
		line = append(line, text...)
	}
}
