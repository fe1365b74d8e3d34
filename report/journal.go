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
	"strings"
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

// A Journal is the record of a run while it goes on: a text file to which
// results are appended as rows finish.
//
// Each line is a checksum, a word for what the line is, and fields, all
// separated by tabs; a tab, line end or backslash within a field is written
// \t, \n, \r or \\. The checksum (CRC-32C) covers the checksum of the line
// before, too, so that a line that is missing shows.
//
//	run   format, JSON     a run begins: which one it is
//	sent  number           rows up to this one, counted from 0, may have been sent
//	row   number, columns  a row has ended: the report's columns, whether an
//	                       attempt may have been applied without an answer, and
//	                       for some rows who else can use the image, and the
//	                       number of the row that the row repeats
//	end   reason, time,    the run has ended, and nothing is under way: why it was
//	      JSON             stopped, if it was, when it ended, and what it has sent.
//	                       A verification that follows ends with another one.
//	report  sum            the report was written; the SHA-256 of the file
//
// A sent line is on the disk before the rows that it announces are sent. So
// the death of the process costs the results of the requests under way, and a
// power cut those since the last sent line, which is never much longer than a
// second of work; and in both cases the rows are known that may have been sent
// without a result.
//
// A Journal is a [batch.Recorder]. Its methods are called by one goroutine at
// a time.
type Journal struct {
	file    *os.File
	sum     checksum
	pending []byte // recorded, not written yet
	size    int64  // of what is written
	blocks  blocks // to read it
	rows    []rowState
	results int
	err     error // the last failure to write; nothing is begun after one

	sent       int // the number of the last row that may have been sent, -1 for none
	window     int // how many rows the last sent line announced
	reservedAt time.Time
	open       int // rows that were begun and have no result yet
	begun      bool
	temporary  bool   // Close removes the file
	earlier    []Part // the runs before the one that is written
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

	stateOffset rowState = 1<<48 - 1
)

func (s rowState) offset() int64          { return int64(s & stateOffset) }
func (s rowState) is(facts rowState) bool { return s&facts != 0 }

const (
	minWindow = 16
	maxWindow = 4096
	// rowSpace is how much room on the disk is set aside for the result of a
	// row before it is sent. Few need half of it.
	rowSpace = 1 << 10
)

// CreateJournal starts the journal of a run. Only the owner can read the file;
// one that exists is an error that wraps [os.ErrExist].
func CreateJournal(path string, run Run) (*Journal, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	j := journalIn(file, run)
	// The name is on the disk before anything is sent, as its text is.
	if err := errors.Join(j.begin(run), syncDir(filepath.Dir(path))); err != nil {
		file.Close()
		os.Remove(path)
		return nil, err
	}
	return j, nil
}

// TempJournal starts the journal of a check, which nobody goes on with, in a file
// that loses its name at once, or in [Journal.Close] where the system keeps that.
func TempJournal(dir string, run Run) (*Journal, error) {
	file, err := os.CreateTemp(dir, ".imsrevoke-*.journal")
	if err != nil {
		return nil, err
	}
	j := journalIn(file, run)
	j.temporary = os.Remove(file.Name()) != nil
	if err := j.begin(run); err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return j, nil
}

func journalIn(file *os.File, run Run) *Journal {
	// All at once, so that it never has to be copied to grow.
	return &Journal{file: file, rows: make([]rowState, 0, run.Rows)}
}

// begin writes that a run begins.
func (j *Journal) begin(run Run) error {
	identity, err := json.Marshal(run)
	if err != nil {
		return err
	}
	j.sent, j.window, j.begun = -1, minWindow/2, true
	j.append(wordRun, func(line []byte) []byte {
		line = appendField(line, journalFormat)
		return appendField(line, string(identity))
	})
	return j.sync()
}

// Begin makes sure that it will be known that the row may have been sent, and
// that there is room on the disk for its result. It does so for some rows at a
// time: for about as many as a second of work takes.
//
// It fails as well when somebody else has removed or replaced the file.
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
	j.append(wordSent, func(line []byte) []byte { return appendNumber(line, int64(j.sent)) })
	if err := j.sync(); err != nil {
		return err
	}
	if err := reserve(j.file, j.size, int64((j.open+j.window)*rowSpace)); err != nil {
		j.err = fmt.Errorf("set aside room for the journal: %w", err)
	}
	return j.err
}

// Record takes a result. It is written by the next Flush, or earlier. After a
// failure it is kept to be written by Close, if that can be.
func (j *Journal) Record(r batch.Result) error {
	if seq := r.Row.Seq; seq < len(j.rows) && j.rows[seq].is(stateFresh) {
		return fmt.Errorf("the row on line %d has ended twice", r.Row.Line)
	}
	offset := j.size + int64(len(j.pending))
	j.append(wordRow, func(line []byte) []byte { return appendResult(line, &r) })
	j.note(r.Row.Seq, offset, r.Outcome)
	if r.Attempts > r.Row.PastAttempts {
		j.open--
	}
	const most = 256 << 10
	if len(j.pending) >= most && j.err == nil {
		return j.Flush()
	}
	return j.err
}

// note remembers where the last result of a row stands.
func (j *Journal) note(seq int, offset int64, o batch.Outcome) {
	j.grow(seq + 1)
	if j.rows[seq] == 0 {
		j.results++
	}
	j.rows[seq] = rowState(offset) | stateFresh
	if o.Settled() {
		j.rows[seq] |= stateSettled
	}
	if o == batch.Duplicate || o == batch.Invalid {
		j.rows[seq] |= stateUnsent
	}
}

// grow makes room for the states of n rows.
func (j *Journal) grow(n int) {
	if n > len(j.rows) {
		j.rows = append(j.rows, make([]rowState, n-len(j.rows))...)
	}
}

// append adds one line with its checksum to what is pending.
func (j *Journal) append(word string, fields func([]byte) []byte) {
	begin := len(j.pending)
	j.pending = append(j.pending, emptySum...)
	j.pending = appendField(j.pending, word)
	j.pending = fields(j.pending)
	j.sum.put(j.pending[begin:])
	j.pending = append(j.pending, '\n')
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

// untouched reports that somebody else has cut the file, or added to it.
func (j *Journal) untouched() error {
	switch info, err := j.file.Stat(); {
	case err != nil:
		return err
	case info.Size() != j.size:
		return fmt.Errorf("the journal %s was written to by somebody else: it has %d bytes and not %d", j.file.Name(), info.Size(), j.size)
	}
	return nil
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
	Reason string
	At     time.Time
}

// End notes that the run has ended and that nothing is under way, and what it has
// sent, and brings everything to the disk. What could not be written before is
// tried once more: its error is nil when nothing was lost.
func (j *Journal) End(stop Stop, sent batch.Summary) error {
	counts, err := json.Marshal(sent)
	if err != nil {
		return err
	}
	if stop.At.IsZero() {
		stop.At = time.Now()
	}
	j.err = nil
	j.append(wordEnd, func(line []byte) []byte {
		line = appendTime(append(appendField(line, stop.Reason), '\t'), stop.At)
		return appendField(line, string(counts))
	})
	return j.sync()
}

// Reported notes the SHA-256, in hexadecimal, of the report that has been written,
// and brings it to the disk.
func (j *Journal) Reported(sum string) error {
	j.append(wordReport, func(line []byte) []byte { return appendField(line, sum) })
	return j.sync()
}

// Close closes the file. A Journal that was not ended says so by that, and one
// that was only opened leaves the file as it was.
func (j *Journal) Close() error {
	var err error
	if j.begun {
		err = j.file.Truncate(j.size) // the room that was set aside goes back
	}
	err = errors.Join(err, j.file.Close())
	if j.temporary {
		err = errors.Join(err, os.Remove(j.file.Name()))
	}
	return err
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

// Earlier are the runs that the journal goes on with.
func (j *Journal) Earlier() []Part { return j.earlier }

// Results is how many rows have a result, or ought to: see [Journal.Result].
func (j *Journal) Results() int { return j.results }

// Result returns the last recorded result of a row, or what follows from there
// being none. The row's own fields are taken from row.
func (j *Journal) Result(row batch.Row) (r batch.Result, found bool, err error) {
	if row.Seq >= len(j.rows) {
		return batch.Result{}, false, nil
	}
	state := j.rows[row.Seq]
	switch {
	case state.offset() != 0:
		if r, err = j.read(state.offset(), row); err != nil {
			return batch.Result{}, false, err
		}
	case !state.is(stateLost):
		return batch.Result{}, false, nil
	default:
		if r, unsent := row.Unsent(); unsent {
			return r, true, nil
		}
	}
	r.Row = row
	if state.is(stateLost) && !state.is(stateUnsent) {
		const lost = "an earlier run was cut off while this row may have been under way: check whether the share is there"
		r.Outcome, r.Lost, r.Message = batch.Unknown, true, strings.TrimPrefix(r.Message+"; "+lost, "; ")
	}
	return r, true, nil
}

// read reads the result that stands at an offset, which must be that of row.
func (j *Journal) read(offset int64, row batch.Row) (batch.Result, error) {
	r, err := j.readAny(offset, &row)
	if err == nil && (r.Row.Seq != row.Seq || r.Row.Line != row.Line) {
		err = fmt.Errorf("%w: it is that of another row", ErrDamaged)
	}
	if err != nil {
		return batch.Result{}, fmt.Errorf("read the journal: the result of line %d: %w", row.Line, err)
	}
	return r, nil
}

// readAny reads the result that stands at an offset, of whatever row. That it is
// probably like one spares memory.
func (j *Journal) readAny(offset int64, like *batch.Row) (batch.Result, error) {
	line, err := j.lineAt(offset)
	if err != nil {
		return batch.Result{}, err
	}
	r, err := parseResult(line, like)
	if err != nil {
		return r, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return r, nil
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
