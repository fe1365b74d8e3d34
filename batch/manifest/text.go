package manifest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
)

const (
	// maxRow limits one row, in bytes of UTF-8.
	maxRow = 4 << 20
	// maxCell limits one cell, in bytes of UTF-8.
	maxCell = 1 << 20
	// maxCells limits the cells of one row, each of which takes about ninety bytes besides
	// its text.
	maxCells = 100_000
)

// A text reads the file as UTF-8 without a byte order mark.
type text struct {
	buf   *bufio.Reader
	lines *lines
}

func (m *Manifest) text(ctx context.Context) (*text, error) {
	var src io.Reader = m.bytes(ctx)
	if _, err := io.CopyN(io.Discard, src, int64(m.charset.mark)); err != nil {
		return nil, err
	}
	if m.charset.encoding != nil {
		src = m.charset.encoding.NewDecoder().Reader(src)
	}
	if m.charset.returns {
		src = &returnReader{src}
	}
	return &text{buf: bufio.NewReaderSize(src, blockSize)}, nil
}

// A returnReader reads the text of a file whose lines end in carriage returns.
type returnReader struct{ r io.Reader }

func (r *returnReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	for i, c := range p[:n] {
		if c == '\r' {
			p[i] = '\n'
		}
	}
	return n, err
}

// broken returns the error that ended the text early, or nil. The CSV reader may report
// the cell that it truncated instead.
func (t *text) broken() error {
	if t.lines.err == io.EOF {
		return nil
	}
	return t.lines.err
}

// newCSVReader reads the rest of the text.
func newCSVReader(t *text, delimiter rune) *csv.Reader {
	t.lines = &lines{buf: t.buf, delimiter: []byte(string(delimiter)), tail: "\n\n"}
	r := csv.NewReader(bufio.NewReaderSize(t.lines, blockSize/2))
	r.Comma = delimiter
	r.FieldsPerRecord = -1
	r.ReuseRecord = true
	return r
}

var (
	errEndlessRow   = errors.New("endless row")
	errTooManyCells = errors.New("too many cells")
)

// A lines passes the text to a csv.Reader, and every line with a quote separately. So it
// can enforce the limits of a row before the csv.Reader reads it into memory, which for a
// quote that is never closed would be the rest of the file.
//
// At the end it adds two line feeds. So an unclosed quote on the last line is reported as
// a cell of several lines, and not as a fault within one line.
type lines struct {
	buf       *bufio.Reader
	delimiter []byte
	tail      string
	rest      []byte // not yet passed on
	handed    int64  // bytes passed on
	err       error

	partial bool // the line of rest continues after it
	quoted  bool // a quote is open at the end of rest
	// size and cells are those of the row of rest.
	size, cells int

	requoted []byte // a buffer for a line
}

// startRow says that the next line starts a row, even if a fault of the previous row left
// a quote open.
func (l *lines) startRow() { l.quoted = false }

func (l *lines) Read(p []byte) (int, error) {
	if len(l.rest) == 0 && l.err == nil {
		l.rest, l.err = l.next()
	}
	if l.err != nil {
		return 0, l.err
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	l.handed += int64(n)
	return n, nil
}

// next reads some lines without quotes, or one line with quotes, or a part of one that is
// longer than the buffer.
func (l *lines) next() ([]byte, error) {
	if !l.partial && !l.quoted {
		l.size, l.cells = 0, 1
		if plain := l.plain(); len(plain) > 0 {
			return plain, nil
		}
	}
	line, err := l.buf.ReadSlice('\n')
	whole := !l.partial && err != bufio.ErrBufferFull
	l.partial = err == bufio.ErrBufferFull
	switch {
	case err == io.EOF && len(line) == 0:
		if l.tail == "" {
			return nil, io.EOF
		}
		line, l.tail = []byte(l.tail), ""
	case err != nil && err != io.EOF && err != bufio.ErrBufferFull:
		return nil, err
	}
	if whole && bytes.Contains(line, []byte(`="`)) {
		line = l.requote(line)
	}
	return line, l.take(line)
}

// plain returns the buffered lines before the first quote. They are too short to exceed a
// limit.
func (l *lines) plain() []byte {
	_, _ = l.buf.Peek(1) // fills an empty buffer; an error is returned again later
	text, _ := l.buf.Peek(l.buf.Buffered())
	if quote := bytes.IndexByte(text, '"'); quote >= 0 {
		text = text[:quote]
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	_, _ = l.buf.Discard(len(text))
	return text
}

// take counts a part of a row.
func (l *lines) take(part []byte) error {
	if l.size += len(part); l.size > maxRow {
		return errEndlessRow
	}
	for {
		end := bytes.IndexByte(part, '"')
		outside := part
		if end >= 0 {
			outside = part[:end]
		}
		if !l.quoted {
			if l.cells += bytes.Count(outside, l.delimiter); l.cells > maxCells {
				return errTooManyCells
			}
		}
		if end < 0 {
			return nil
		}
		l.quoted = !l.quoted
		part = part[end+1:]
	}
}

// requote quotes the cells ="…" of a line as CSV requires. Some programs write them so
// that a spreadsheet does not take them for numbers.
func (l *lines) requote(line []byte) []byte {
	out, quoted, cell := l.requoted[:0], l.quoted, !l.quoted
	for i := 0; i < len(line); {
		if n := l.formula(line[i:]); cell && n > 0 {
			out = append(out, `"=""`...)
			out = append(out, line[i+2:i+n-1]...)
			out = append(out, `"""`...)
			i += n
		}
		cell = false
		switch {
		case i == len(line):
		case !quoted && bytes.HasPrefix(line[i:], l.delimiter):
			out = append(out, l.delimiter...)
			i += len(l.delimiter)
			cell = true
		default:
			quoted = quoted != (line[i] == '"')
			out = append(out, line[i])
			i++
		}
	}
	l.requoted = out
	return out
}

// formula returns the length of the cell ="…" at the start of text, or 0.
func (l *lines) formula(text []byte) int {
	if !bytes.HasPrefix(text, []byte(`="`)) {
		return 0
	}
	end := bytes.IndexByte(text[2:], '"')
	if end < 0 || bytes.Contains(text[2:2+end], l.delimiter) {
		return 0
	}
	n := 2 + end + 1
	if rest := text[n:]; len(bytes.TrimRight(rest, "\r\n")) > 0 && !bytes.HasPrefix(rest, l.delimiter) {
		return 0
	}
	return n
}

// explain turns an error of a text into one for the user. The line is that of the last row
// that was read.
func (m *Manifest) explain(err error, line int) error {
	switch err {
	default:
		return err
	case errTooManyCells:
		return m.refuse(line, fmt.Sprintf("there are more than %d cells in one row", maxCells),
			"look for a line of nothing but delimiters")
	case errEndlessRow:
	}
	return m.refuse(line, fmt.Sprintf("a row does not end within %d MiB", maxRow>>20),
		"look for a quote that is never closed")
}

// quoteProblem describes a parse error for the user.
func quoteProblem(err *csv.ParseError) string {
	switch err.Err {
	case csv.ErrBareQuote:
		return fmt.Sprintf("a double quote inside an unquoted cell, at byte %d of the line", err.Column)
	case csv.ErrQuote:
		return fmt.Sprintf("a quoted cell continues after its closing quote, at byte %d of the line", err.Column)
	}
	return err.Err.Error()
}
