package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"imsrevoke/batch"
)

// Run says which run a journal is of: what was asked, of whom, by whom.
type Run struct {
	// Input is the name of the input, Digest the hash of its pairs and their
	// lines, Rows how many rows it has.
	Input  string `json:"input"`
	Digest string `json:"digest"`
	Rows   int    `json:"rows"`
	// Endpoint is the address of the Image API, Project the id of the project
	// of the credentials, empty when that is not known, Credentials what they
	// were.
	Endpoint    string `json:"endpoint"`
	Project     string `json:"project,omitempty"`
	Credentials string `json:"credentials,omitempty"`
	// User and Host started the run, with this Version of the program.
	User    string    `json:"user,omitempty"`
	Host    string    `json:"host,omitempty"`
	Version string    `json:"version"`
	Started time.Time `json:"started"`
}

// A Journal is the record of a run while it goes on: a text file to which
// results are appended as rows finish.
//
// The first line says which run it is, each further line holds one result. A
// line is a checksum, which covers the lines before it too, and the fields of
// the result, separated by tabs; a tab, line end or backslash within a field
// is written \t, \n, \r or \\. A file that was cut anywhere, as by the death of
// the process, is good up to its last whole line; any other damage shows.
//
// A Journal is a [batch.Recorder]. Its methods are called by one goroutine at
// a time.
type Journal struct {
	file    *os.File
	sum     checksum
	pending []byte  // recorded, not written yet
	size    int64   // of the file with what is pending
	offsets []int64 // where the line of each row begins, by Seq; 0 for none
	results int
	err     error // the first failure to write, which is final
}

var _ batch.Recorder = (*Journal)(nil)

// CreateJournal starts the journal of a run. Only the owner can read the file;
// one that exists is an error that wraps [os.ErrExist].
func CreateJournal(path string, run Run) (*Journal, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	j := &Journal{file: file}
	if err := j.begin(run); err != nil {
		file.Close()
		os.Remove(path)
		return nil, err
	}
	return j, nil
}

func (j *Journal) begin(run Run) error {
	identity, err := json.Marshal(run)
	if err != nil {
		return err
	}
	j.append(func(line []byte) []byte {
		line = appendField(line, journalFormat)
		return appendField(line, string(identity))
	})
	if err := j.Flush(); err != nil {
		return err
	}
	return j.file.Sync()
}

// Record takes a result. It is written by the next Flush, or earlier.
func (j *Journal) Record(r batch.Result) error {
	if j.err != nil {
		return j.err
	}
	if r.Row.Seq < len(j.offsets) && j.offsets[r.Row.Seq] != 0 {
		return fmt.Errorf("row %d on line %d has ended twice", r.Row.Seq, r.Row.Line)
	}
	j.offsets = setAt(j.offsets, r.Row.Seq, j.size)
	j.results++
	j.append(func(line []byte) []byte { return appendResult(line, &r) })
	const most = 256 << 10
	if len(j.pending) >= most {
		return j.Flush()
	}
	return nil
}

// append adds one line with its checksum.
func (j *Journal) append(fields func([]byte) []byte) {
	begin := len(j.pending)
	j.pending = append(j.pending, "00000000"...)
	j.pending = fields(j.pending)
	j.sum.put(j.pending[begin:])
	j.pending = append(j.pending, '\n')
	j.size += int64(len(j.pending) - begin)
}

// Flush hands to the operating system what was recorded: it survives the
// process then. After a failure nothing more is recorded, because a line that
// was written in part can have no line after it.
func (j *Journal) Flush() error {
	if j.err != nil || len(j.pending) == 0 {
		return j.err
	}
	if _, err := j.file.Write(j.pending); err != nil {
		j.err = fmt.Errorf("write the journal: %w", err)
		return j.err
	}
	j.pending = j.pending[:0]
	return nil
}

// Results is how many results the journal holds.
func (j *Journal) Results() int { return j.results }

// Result returns the recorded result of a row. The row's own fields are taken
// from row.
func (j *Journal) Result(row batch.Row) (r batch.Result, found bool, err error) {
	if row.Seq >= len(j.offsets) || j.offsets[row.Seq] == 0 {
		return batch.Result{}, false, nil
	}
	line, err := j.lineAt(j.offsets[row.Seq])
	if err != nil {
		return batch.Result{}, false, fmt.Errorf("read the journal: %w", err)
	}
	if r, err = parseResult(line); err == nil && (r.Row.Seq != row.Seq || r.Row.Line != row.Line) {
		err = errors.New("the line is of another row")
	}
	if err != nil {
		return batch.Result{}, false, fmt.Errorf("read the journal: the result of line %d: %w", row.Line, err)
	}
	r.Row = row
	return r, true, nil
}

// lineAt reads the line that begins at an offset, without its end.
func (j *Journal) lineAt(offset int64) ([]byte, error) {
	for size := 1 << 10; ; size *= 4 {
		line := make([]byte, size)
		n, err := j.file.ReadAt(line, offset)
		if err != nil && err != io.EOF {
			return nil, err
		}
		if end := indexLineEnd(line[:n]); end >= 0 {
			return line[:end], nil
		}
		if err == io.EOF {
			return nil, io.ErrUnexpectedEOF
		}
	}
}

// Close writes what was recorded, has it brought to the disk, and closes the
// file.
func (j *Journal) Close() error {
	err := j.Flush()
	if err == nil {
		if err = j.file.Sync(); err != nil {
			err = fmt.Errorf("write the journal: %w", err)
		}
	}
	if closing := j.file.Close(); err == nil && closing != nil {
		err = fmt.Errorf("write the journal: %w", closing)
	}
	return err
}

// setAt sets s[i], growing s as needed.
func setAt(s []int64, i int, v int64) []int64 {
	if i >= len(s) {
		s = append(s, make([]int64, i+1-len(s))...)
	}
	s[i] = v
	return s
}
