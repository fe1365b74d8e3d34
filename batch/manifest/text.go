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
	// maxRow bounds what is read in search of the end of one row, in bytes of
	// UTF-8.
	maxRow = 4 << 20
	// maxCell bounds one cell, in bytes of UTF-8.
	maxCell = 1 << 20
	// maxCells bounds the cells of one row, each of which takes about ninety
	// bytes besides its text.
	maxCells = 100_000
)

// A text is a reading of the file as UTF-8 without a byte order mark.
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

// broken returns the error that has ended the text early, or nil. The CSV
// reader may report a cell that this error cut short as a fault of the cell.
func (t *text) broken() error {
	if t.lines.err == io.EOF {
		return nil
	}
	return t.lines.err
}

// newCSVReader reads what is left of the text.
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

// A lines hands the text to a csv.Reader, and every line with a quote by itself.
// So it can hold each row to its limits before the csv.Reader takes it into
// memory, which for a quote that is never closed would be the rest of the file.
//
// At the end it adds two line feeds. So a quote that is still open on the last
// line is reported as one that runs over several lines, which a fault within
// one line never is.
type lines struct {
	buf       *bufio.Reader
	delimiter []byte
	tail      string
	rest      []byte // not yet handed on
	handed    int64  // bytes
	err       error

	partial bool // rest is of a line that goes on behind it
	quoted  bool // a quote is open behind rest
	// size and cells are those of the row to which rest belongs.
	size, cells int

	requoted []byte // room for a line
}

// startRow says that the next line begins a row, even if a quote is open by a
// fault of the row before.
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

// next reads some lines without quotes, or one with quotes, or a part of one
// that is longer than the buffer.
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

// plain reads the lines before the first quote, as far as they are in the buffer.
// They are not long enough to break a limit.
func (l *lines) plain() []byte {
	_, _ = l.buf.Peek(1) // which fills an empty buffer; an error comes again
	text, _ := l.buf.Peek(l.buf.Buffered())
	if quote := bytes.IndexByte(text, '"'); quote >= 0 {
		text = text[:quote]
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	_, _ = l.buf.Discard(len(text))
	return text
}

// take takes a part of a row into account.
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

// requote quotes the cells ="…" of a line as a CSV file would have them. Some
// programs write them so to keep a spreadsheet from taking them for numbers.
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

// formula returns the length of the cell ="…" with which text begins, or 0.
func (l *lines) formula(text []byte) int {
	if !bytes.HasPrefix(text, []byte(`="`)) {
		return 0
	}
	end := bytes.IndexByte(text[2:], '"')
	if end < 0 || bytes.Contains(text[2:2+end], l.delimiter) {
		return 0
	}
	n := 2 + end + 1
	if behind := text[n:]; len(bytes.TrimRight(behind, "\r\n")) > 0 && !bytes.HasPrefix(behind, l.delimiter) {
		return 0
	}
	return n
}

// explain turns an error of a text into one for the user. The line is that of
// the last row that was read.
func (m *Manifest) explain(err error, line int) error {
	switch err {
	default:
		return err
	case errTooManyCells:
		return m.refuse(line, fmt.Sprintf("there are more than %d cells in one row", maxCells),
			"look for a line of nothing but delimiters")
	case errEndlessRow:
	}
	return m.refuse(line, fmt.Sprintf("there is no end of a row within the next %d MiB", maxRow>>20),
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
