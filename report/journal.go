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

// Run identifies a run: what was requested, where, and by whom.
type Run struct {
	// Verb is the command: "run" (also if it is empty), "restore" or "check".
	Verb string `json:"verb,omitempty"`
	// Input is the name of the input, Digest the hash of its pairs and their lines,
	// Rows the number of its rows.
	Input  string `json:"input"`
	Digest string `json:"digest"`
	Rows   int    `json:"rows"`
	// Shard is the shard of the file that the run processes, as in "0/4"; empty if the
	// file is not sharded. WholeDigest and WholeRows are those of the whole file, if
	// the run processes only some of its rows.
	Shard       string `json:"shard,omitempty"`
	WholeDigest string `json:"whole_digest,omitempty"`
	WholeRows   int    `json:"whole_rows,omitempty"`
	// Endpoint is the address of the Image API, Project the id of the project of the
	// credentials, empty if it is not known, Credentials their kind.
	Endpoint    string `json:"endpoint"`
	Project     string `json:"project,omitempty"`
	Credentials string `json:"credentials,omitempty"`
	// Ticket and Reason name the decision behind the run. ExpectedDigest and
	// ExpectedProject are the approved values, checked before the run started; empty if
	// none were given.
	Ticket          string `json:"ticket,omitempty"`
	Reason          string `json:"reason,omitempty"`
	ExpectedDigest  string `json:"expected_sha256,omitempty"`
	ExpectedProject string `json:"expected_project,omitempty"`
	// Keep is the hash of the lists of protected shares; empty if there were none.
	Keep string `json:"keep_sha256,omitempty"`
	// User and Host started the run, with this Version of the program.
	User    string    `json:"user,omitempty"`
	Host    string    `json:"host,omitempty"`
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	// Plan is what else is known of the rows, for the program that resumes the run. The
	// journal does not interpret it.
	Plan json.RawMessage `json:"plan,omitempty"`
	// Parts are the runs in the journal: the ones that this one resumed, and this one.
	// Started is when the first one started. The line of a run has no parts, and its
	// Started is that of the run itself.
	Parts []Part `json:"parts,omitempty"`
	// ReportDigest is the SHA-256, in hexadecimal, of the report as it was written. It
	// is not in the line of a run either.
	ReportDigest string `json:"report_sha256,omitempty"`
}

// A Part is one of the runs in a journal.
type Part struct {
	Started time.Time `json:"started"`
	// Finished is when the part ended, or if it was CutOff, when the last row that is
	// known to have finished did.
	Finished time.Time `json:"finished"`
	CutOff   bool      `json:"cut_off,omitempty"`
	// Summary is what the part sent. If it was cut off, only the requests for the rows
	// that finished are known.
	batch.Summary
}

// WithParts returns r as a run of several parts, the earlier ones and then now. It
// started when the first of them did.
func (r Run) WithParts(earlier []Part, now Part) Run {
	r.Parts = append(slices.Clip(earlier), now)
	r.Started = r.Parts[0].Started
	return r
}

// Idle returns the time between the parts of the run.
func (r *Run) Idle() (idle time.Duration) {
	for i := range r.Parts[:max(len(r.Parts)-1, 0)] {
		idle += max(r.Parts[i+1].Started.Sub(r.Parts[i].Finished), 0)
	}
	return idle
}

// Sent sums up what the parts of the run sent, as far as they are known.
func (r *Run) Sent() (sent batch.Summary) {
	for _, p := range r.Parts {
		sent.Add(p.Summary)
	}
	return sent
}

// A Journal is the record of a run in progress: a text file that begins with the rows
// of the input, and to which results are appended as rows finish. Nothing else is
// needed to make the report or to resume the run.
//
// Each line is a checksum, a word that says what the line is, and fields, all separated
// by tabs; a tab, line end or backslash in a field is written \t, \n, \r or \\. The
// checksum (CRC-32C) includes the checksum of the previous line, so that a missing line
// is noticed.
//
//	plan  format, columns  the first line; the names of the input's other columns,
//	                       as CSV
//	pair  row, cells       a row: the report's columns line, image_id and member_id,
//	                       and the cells of the other columns, both as CSV. Rows are
//	                       counted from 0.
//	bad   row, cells, why  likewise, of a row that is not a pair
//	note  number, first,   what is known of that row only after the last one: the number
//	      line, respelled  and the line of the row that it repeats, and whether its
//	                       member is spelled in different ways
//	run   JSON             a run starts: its identity
//	sent  number           rows up to this one may have been sent
//	row   number, lost,    a row has ended: whether an attempt may have been applied
//	      result, others   without an answer, the report's columns from outcome to
//	                       finished_at as CSV, and for some rows who else can use the
//	                       image
//	checked number, verdict, others
//	                       the result of a verification after the run
//	end   JSON             the run has ended, and nothing is in flight: why it was
//	                       stopped, if it was, when it ended, and what it sent. A
//	                       verification after it ends with another one.
//	report  sum            the report was written; the SHA-256 of the file
//
// The plan and the line of the run are synced before anything is sent, and a sent line
// before the rows that it announces. So if the process dies, only the results of the
// requests in flight are lost; a power cut loses those since the last sent line, which
// is little more than a second of work. In both cases it is known which rows may have
// been sent without a result.
//
// A Journal is a [batch.Recorder]. Its methods are called by one goroutine at
// a time.
type Journal struct {
	lineWriter
	planText
	blocks blocks // to read the file
	states []rowState
	others map[int]string // who else can use the image, as found by a verification
	text   []byte
	err    error // the last failure to write; no row is sent after one

	sent       int // the number of the last row that may have been sent, -1 for none
	window     int // the number of rows that the last sent line announced
	reservedAt time.Time
	open       int // rows passed to Begin that have no result yet
	begun      bool
	borrowed   bool // the file is that of a plan, which closes it

	loaded os.FileInfo // of the file before it was read; nil for a new journal

	run   Run    // the last one
	parts []Part // the runs that were read
	ended bool   // the last run has ended, with nothing in flight
	stop  Stop   // how it was stopped
	// newest is the latest time at which a row finished, as written in the file.
	newest string
}

var _ batch.Recorder = (*Journal)(nil)

// A rowState is what the journal knows about one row: the offset of the line with its
// last result, 0 for none, and some facts. There may be ten million of them.
type rowState uint64

const (
	// stateSettled: the last result is settled.
	stateSettled rowState = 1 << (63 - iota)
	// stateUnsent: the row needs no request, because it is invalid or a
	// duplicate.
	stateUnsent
	// stateLost: a run that was cut off may have sent the row after its last result.
	stateLost
	// stateFresh: the last result belongs to the current run.
	stateFresh
	// stateGone and stateShared: the result of a verification.
	stateGone
	stateShared

	stateOffset rowState = 1<<48 - 1
)

func (s rowState) offset() int64          { return int64(s & stateOffset) }
func (s rowState) is(facts rowState) bool { return s&facts != 0 }

// verdict is the result of a verification.
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
	// rowSpace is how many bytes on the disk are reserved for the result of a row
	// before it is sent. Few need half of them.
	rowSpace = 1 << 10
)

// CreateJournal creates the journal of a run of these rows. Only the owner can read the
// file. If it exists, the error wraps [os.ErrExist].
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
	// The name is synced before anything is sent, as the text is.
	if err := errors.Join(err, j.err, syncDir(filepath.Dir(path))); err != nil {
		file.Close()
		os.Remove(path)
		return nil, err
	}
	return j, nil
}

// TempJournal creates the journal of a check, which is never resumed, in the file of
// the plan. It ends when the plan is closed.
func TempJournal(plan *Plan, run Run) (*Journal, error) {
	text, err := plan.complete()
	if err != nil {
		return nil, err
	}
	j := newJournal(plan.file, text, plan.sum)
	j.borrowed = true
	if err := j.begins(run); err != nil {
		return nil, err
	}
	return j, nil
}

// newJournal returns a journal whose next line follows the plan.
func newJournal(file *os.File, plan planText, sum checksum) *Journal {
	return &Journal{
		lineWriter: lineWriter{file: file, sum: sum, size: plan.end}, planText: plan,
		states: make([]rowState, plan.rows), others: make(map[int]string),
	}
}

// start writes the line of a run, and syncs it.
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
	j.setRun(run)
	j.begin(wordRun)
	j.field(string(identity))
	j.finish()
	return nil
}

// setRun makes run the last one: it has not ended, and nothing was verified after it.
func (j *Journal) setRun(run Run) {
	j.run, j.ended, j.stop = run, false, Stop{}
	for seq := range j.states {
		j.states[seq] &^= stateGone | stateShared
	}
	clear(j.others)
}

// Begin makes sure that the journal says that the row may have been sent, and that there
// is space on the disk for its result. It does so for several rows at a time, about as
// many as are sent in a second.
//
// It also fails if somebody else has removed or replaced the file, or has written to
// it.
func (j *Journal) Begin(row batch.Row) error {
	j.open++
	if j.err != nil || row.Seq <= j.sent {
		return j.err
	}
	if j.err = j.checkName(); j.err != nil {
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
		j.err = fmt.Errorf("reserve space for the journal: %w", err)
	}
	return j.err
}

// Record records a result. It is written by the next Flush, or earlier. After a failure
// it is kept in memory, and End tries to write it.
func (j *Journal) Record(r batch.Result) error {
	seq := r.Row.Seq
	if seq < 0 || seq >= len(j.states) {
		return fmt.Errorf("the row on line %d is not in the plan", r.Row.Line)
	}
	if j.states[seq].is(stateFresh) {
		return fmt.Errorf("the row on line %d has two results", r.Row.Line)
	}
	offset := j.size + int64(len(j.pending))
	j.begin(wordRow)
	j.number(seq)
	j.flag(r.Lost)
	j.text = appendResult(j.text[:0], &r)
	j.pending = appendField(j.pending, j.text)
	if r.AlsoSharedWith != "" {
		j.field(serverText(r.AlsoSharedWith))
	}
	j.finish()
	j.note(seq, offset, r.Outcome)
	if r.Attempts > r.Row.PastAttempts {
		j.open--
	}
	return j.flushed()
}

// flushed writes what is pending if there is enough of it.
func (j *Journal) flushed() error {
	if len(j.pending) >= maxPending {
		return j.Flush()
	}
	return j.err
}

// note notes where the last result of a row is.
func (j *Journal) note(seq int, offset int64, o batch.Outcome) {
	j.states[seq] = rowState(offset) | stateFresh
	if o.Settled() {
		j.states[seq] |= stateSettled
	}
	if o == batch.Duplicate || o == batch.Invalid {
		j.states[seq] |= stateUnsent
	}
}

// Verified records the result of verifying a row after the run, and with whom else the
// image is shared, see [batch.Result.AlsoSharedWith].
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

// Flush writes what was recorded, so that it survives the death of the process.
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
	touched := j.checkSize()
	if _, err := j.file.WriteAt(j.pending, j.size); err != nil {
		// No line may follow a partial one.
		j.err = errors.Join(fmt.Errorf("write the journal: %w", err), j.file.Truncate(j.size))
		return j.err
	}
	j.size += int64(len(j.pending))
	j.pending = j.pending[:0]
	j.err = touched
	return j.err
}

// sync writes what was recorded, and syncs the file.
func (j *Journal) sync() error {
	if err := j.Flush(); err != nil {
		return err
	}
	if err := j.file.Sync(); err != nil {
		j.err = fmt.Errorf("write the journal: %w", err)
	}
	return j.err
}

// checkName returns an error if the file is no longer found under its name.
func (j *Journal) checkName() error {
	name := j.file.Name()
	open, err := j.file.Stat()
	if err != nil {
		return err
	}
	switch named, err := os.Stat(name); {
	case err != nil:
		return fmt.Errorf("the journal was removed: %w", err)
	case !os.SameFile(open, named):
		return fmt.Errorf("the journal %s was replaced by another file", name)
	}
	return nil
}

// checkSize returns an error if somebody else has truncated the file or written to it.
// It is called before each write, which would hide that the file was truncated.
func (j *Journal) checkSize() error {
	switch info, err := j.file.Stat(); {
	case err != nil:
		return err
	case info.Size() != j.size:
		return fmt.Errorf("the journal %s was written to by somebody else: it has %d bytes and not %d", j.file.Name(), info.Size(), j.size)
	}
	return nil
}

// Outdated reports whether the file has changed since the journal was opened.
func (j *Journal) Outdated() bool {
	there, err := os.Stat(j.file.Name())
	return err != nil || !os.SameFile(there, j.loaded) || there.Size() != j.loaded.Size() || !there.ModTime().Equal(j.loaded.ModTime())
}

// SurvivingCopy returns the name of a file with the content of the journal: its own, or
// if that no longer names the file, that of a copy in [os.TempDir].
func (j *Journal) SurvivingCopy() (string, error) {
	if j.checkName() == nil {
		return j.file.Name(), nil
	}
	saved, err := os.CreateTemp("", "imsrevoke-*.journal")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(saved, io.NewSectionReader(j.file, 0, j.size))
	return saved.Name(), errors.Join(err, saved.Sync(), saved.Close())
}

// A Stop says why a run ended before its last row. It is zero for a run that was not
// stopped.
type Stop struct {
	Reason string `json:"reason,omitempty"`
	// Unreached is the message in the report for a row that the run did not reach.
	Unreached string `json:"unreached,omitempty"`
	// ExitCode is the exit code for this reason.
	ExitCode int       `json:"exit_code,omitempty"`
	At       time.Time `json:"at"`
}

// An ending is the content of an end line.
type ending struct {
	Stop
	Sent batch.Summary `json:"sent"`
}

// End records that the run has ended with nothing in flight, and what it sent, and syncs
// the file. It tries again to write what could not be written before: the error is nil
// if nothing was lost.
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

// Reported records the SHA-256, in hexadecimal, of the report that was written, and
// syncs the file.
func (j *Journal) Reported(sum string) error {
	j.begin(wordReport)
	j.field(sum)
	j.finish()
	return j.sync()
}

// Close closes the file. Without End, the journal is that of an unfinished run. A
// journal that was only opened leaves the file as it was.
func (j *Journal) Close() error {
	if j.borrowed {
		return nil
	}
	var err error
	if j.begun {
		err = j.file.Truncate(j.size) // frees the reserved space
	}
	return errors.Join(err, j.file.Close())
}

// Discard closes the file and removes it, unless its name is that of another file by
// now. It is for a run that did nothing.
func (j *Journal) Discard() error {
	named := !j.borrowed && j.checkName() == nil
	err := j.Close()
	if named {
		err = errors.Join(err, os.Remove(j.file.Name()))
	}
	return err
}

// Run returns the last run of the journal.
func (j *Journal) Run() Run { return j.run }

// Earlier returns the runs that were in the journal when it was opened.
func (j *Journal) Earlier() []Part { return j.parts }

// Rows reads all rows of the input.
func (j *Journal) Rows() batch.Source { return j.read(j.file) }

// A recorded is the result of a row as its line has it.
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

// lineAt returns the line that begins at an offset, without its end. It is valid until
// the next call.
func (j *Journal) lineAt(offset int64) ([]byte, error) {
	text, err := j.blocks.from(j.file, offset, j.size)
	if err != nil {
		return nil, err
	}
	if end := bytes.IndexByte(text, '\n'); end >= 0 {
		return text[:end], nil
	}
	for line := bytes.Clone(text); ; {
		if offset += int64(len(text)); offset >= j.size {
			return nil, io.ErrUnexpectedEOF
		}
		if text, err = j.blocks.from(j.file, offset, j.size); err != nil {
			return nil, err
		}
		end := bytes.IndexByte(text, '\n')
		if end >= 0 {
			return append(line, text[:end]...), nil
		}
		line = append(line, text...)
	}
}
