package manifest

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
)

const (
	// maxRow bounds what is read in search of the end of one row, in bytes of
	// UTF-8; it is held to within a block. A row of nothing but delimiters
	// takes about ninety times as much memory.
	maxRow = 4 << 20
	// maxCell bounds one cell, in bytes of UTF-8.
	maxCell = 1 << 20
)

// A text is a reading of the file as UTF-8 without a byte order mark.
type text struct {
	buf   *bufio.Reader
	guard *guard
}

func (m *Manifest) text(ctx context.Context) (*text, error) {
	var src io.Reader = m.sealed.reader(ctx)
	if _, err := io.CopyN(io.Discard, src, int64(m.charset.mark)); err != nil {
		return nil, err
	}
	if m.charset.encoding != nil {
		src = m.charset.encoding.NewDecoder().Reader(src)
	}
	g := &guard{src: src, tail: "\n\n"}
	g.allow(0)
	return &text{buf: bufio.NewReaderSize(g, blockSize), guard: g}, nil
}

// broken returns the error that has ended the text early, or nil. The CSV
// reader may report a cell that this error cut short as a fault of the cell.
func (t *text) broken() error {
	if t.guard.err == io.EOF {
		return nil
	}
	return t.guard.err
}

// newCSVReader reads the text through t.buf itself, which is large enough to
// serve as the buffer that a csv.Reader would make.
func newCSVReader(t *text, delimiter rune) *csv.Reader {
	r := csv.NewReader(t.buf)
	r.Comma = delimiter
	r.FieldsPerRecord = -1
	r.ReuseRecord = true
	return r
}

var errEndlessRow = errors.New("endless row")

// A guard hands on text up to a limit, because a csv.Reader that meets a quote
// which is never closed would take the rest of the file into memory.
//
// At the end it adds two line feeds. So a quote that is still open on the last
// line is reported as one that runs over several lines, which a fault within
// one line never is.
type guard struct {
	src   io.Reader
	tail  string
	read  int64
	limit int64
	err   error
}

// allow moves the limit to where a row that starts at offset must have ended.
func (g *guard) allow(offset int64) { g.limit = offset + maxRow + blockSize }

func (g *guard) Read(p []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	if g.read >= g.limit {
		g.err = errEndlessRow
		return 0, g.err
	}
	n, err := g.src.Read(p)
	if err == io.EOF && g.tail != "" {
		more := copy(p[n:], g.tail)
		g.tail = g.tail[more:]
		n, err = n+more, nil
	}
	g.read += int64(n)
	g.err = err
	return n, err
}

// explain turns an error of a text into one for the user. The line is that of
// the last row that was read.
func (m *Manifest) explain(err error, line int) error {
	if err != errEndlessRow {
		return err
	}
	return m.refuse(line, fmt.Sprintf("what follows does not reach the end of a row within %d MiB", maxRow>>20),
		"look for a quote that is never closed")
}

// quoteProblem says in plain words what err found.
func quoteProblem(err *csv.ParseError) string {
	switch err.Err {
	case csv.ErrBareQuote:
		return fmt.Sprintf("a double quote stands inside an unquoted cell, at byte %d of the line", err.Column)
	case csv.ErrQuote:
		return fmt.Sprintf("a quoted cell goes on after its closing quote, at byte %d of the line", err.Column)
	}
	return err.Err.Error()
}
