package report

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strconv"

	"imsrevoke/batch"
)

// journalFormat names the format of a journal, on its first line. Earlier formats
// have no plan; see [ErrEarlierFormat].
const (
	journalFormat = journalName + "3"
	journalName   = "imsrevoke-journal/"
)

// The words that say what a line is.
const (
	wordPlan    = "plan"
	wordPair    = "pair"
	wordBad     = "bad"
	wordNote    = "note"
	wordRun     = "run"
	wordSent    = "sent"
	wordRow     = "row"
	wordChecked = "checked"
	wordEnd     = "end"
	wordReport  = "report"
)

// journalBegin follows the checksum of the first line of a journal, earlierBegin in one
// of an earlier format.
const (
	journalBegin = "\t" + wordPlan + "\t" + journalName
	earlierBegin = "\t" + wordRun + "\t" + journalName
)

// maxPending is how many bytes of lines are kept in memory before they are written.
const maxPending = 256 << 10

// A lineWriter makes lines, each with its checksum.
type lineWriter struct {
	file    *os.File
	sum     checksum // of the last line
	pending []byte   // lines that are not written yet
	size    int64    // of what is written
	start   int      // of the line that is being made, in pending
}

// begin begins a line; its fields follow.
func (w *lineWriter) begin(word string) {
	w.start = len(w.pending)
	w.pending = append(w.pending, emptySum...)
	w.field(word)
}

func (w *lineWriter) field(text string) { w.pending = appendField(w.pending, text) }
func (w *lineWriter) number(n int) {
	w.pending = strconv.AppendInt(append(w.pending, '\t'), int64(n), 10)
}

func (w *lineWriter) flag(set bool) {
	if set {
		w.number(1)
	} else {
		w.number(0)
	}
}

// finish ends the line.
func (w *lineWriter) finish() {
	w.sum.put(w.pending[w.start:])
	w.pending = append(w.pending, '\n')
}

// A lineReader reads the lines of a part of a file, one after another.
type lineReader struct {
	in  *bufio.Reader
	sum checksum
}

// newLineReader reads from one offset to another. The sum is that of the previous line.
func newLineReader(file io.ReaderAt, from, to int64, sum checksum) *lineReader {
	size := int(min(max(to-from, 16), 256<<10))
	return &lineReader{bufio.NewReaderSize(io.NewSectionReader(file, from, to-from), size), sum}
}

// next returns the next line without its end, valid until the next call, and io.EOF
// after the last.
func (r *lineReader) next() ([]byte, error) {
	line, err := readLine(r.in)
	switch {
	case err == io.EOF && len(line) == 0:
		return nil, io.EOF
	case err == io.EOF:
		return nil, fmt.Errorf("%w: a line is cut off", ErrDamaged)
	case err != nil:
		return nil, err
	case !r.sum.check(line):
		return nil, fmt.Errorf("%w: a line is not what was written", ErrDamaged)
	}
	return line, nil
}

// A checksum is that of the previous line, as written there.
type checksum [sumLength]byte

const (
	sumLength = 8
	emptySum  = "00000000"
)

// of returns the checksum of the next line.
func (c *checksum) of(line []byte) checksum {
	castagnoli := crc32.MakeTable(crc32.Castagnoli) // made once
	crc := crc32.Update(crc32.Checksum(c[:], castagnoli), castagnoli, line[sumLength:])
	var sum checksum
	hex.Encode(sum[:], []byte{byte(crc >> 24), byte(crc >> 16), byte(crc >> 8), byte(crc)})
	return sum
}

// put writes the checksum of a line into its first bytes.
func (c *checksum) put(line []byte) {
	*c = c.of(line)
	copy(line, c[:])
}

// check reports whether the checksum of the next line is right, and continues with the
// one that is written there.
func (c *checksum) check(line []byte) bool {
	if len(line) <= sumLength {
		return false
	}
	want := c.of(line)
	copy(c[:], line)
	return want == *c
}

// appendField appends a tab and the field.
func appendField[T string | []byte](line []byte, field T) []byte {
	line = append(line, '\t')
	if isPlain(field) {
		return append(line, field...)
	}
	for i := range len(field) {
		switch c := field[i]; c {
		case '\t':
			line = append(line, `\t`...)
		case '\n':
			line = append(line, `\n`...)
		case '\r':
			line = append(line, `\r`...)
		case '\\':
			line = append(line, `\\`...)
		default:
			line = append(line, c)
		}
	}
	return line
}

// isPlain reports whether a field needs no escapes.
func isPlain[T string | []byte](field T) bool {
	for i := range len(field) {
		if c := field[i]; c < ' ' || c == '\\' {
			return false
		}
	}
	return true
}

// unescape reverses appendField. A field without escapes is returned itself.
func unescape(field []byte) ([]byte, error) {
	if bytes.IndexByte(field, '\\') < 0 {
		return field, nil
	}
	text := make([]byte, 0, len(field))
	for i := 0; i < len(field); i++ {
		c := field[i]
		if c == '\\' {
			if i++; i == len(field) {
				return nil, errors.New("a backslash ends the field")
			}
			switch field[i] {
			case 't':
				c = '\t'
			case 'n':
				c = '\n'
			case 'r':
				c = '\r'
			case '\\':
			default:
				return nil, fmt.Errorf(`the field holds \%c`, field[i])
			}
		}
		text = append(text, c)
	}
	return text, nil
}

// appendResult appends the text of the report's columns from outcome to finished_at.
func appendResult(text []byte, r *batch.Result) []byte {
	text = append(text, r.Outcome...)
	text = append(text, ',')
	if r.Status != 0 {
		text = strconv.AppendInt(text, int64(r.Status), 10)
	}
	text = strconv.AppendInt(append(text, ','), int64(r.Attempts), 10)
	text = append(text, ',')
	if r.Attempts > 0 {
		text = strconv.AppendInt(text, r.Duration.Milliseconds(), 10)
	}
	text = appendNextCell(text, 1, serverText(r.RequestID))
	text = appendNextCell(text, 1, serverText(r.Message))
	text = append(text, ',')
	if r.FinishedAt.IsZero() {
		return text
	}
	return appendTime(text, r.FinishedAt)
}

// A resultText is what appendResult has made.
type resultText []byte

// outcome is the outcome in it.
func (t resultText) outcome() (batch.Outcome, error) {
	word, _, _ := bytes.Cut(t, []byte(","))
	if string(word) == string(batch.Revoked) { // as nearly all are
		return batch.Revoked, nil
	}
	return batch.ParseOutcome(string(word))
}

// attempts is the number of attempts in it.
func (t resultText) attempts() (int, error) {
	rest := []byte(t)
	for range 2 { // outcome, http_status
		_, rest, _ = bytes.Cut(rest, []byte(","))
	}
	number, _, _ := bytes.Cut(rest, []byte(","))
	n, err := strconv.Atoi(string(number))
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a number of attempts", number)
	}
	return n, nil
}

// finishedAt is the time in it, as it is written; empty if there is none.
func (t resultText) finishedAt() []byte { return t[bytes.LastIndexByte(t, ',')+1:] }

// parse is the result itself. The fields of its Row are those of row.
func (t resultText) parse(row batch.Row) (batch.Result, error) {
	cells, err := splitCells(string(t))
	if err != nil {
		return batch.Result{}, err
	}
	if len(cells) != 7 {
		return batch.Result{}, fmt.Errorf("it has %d columns", len(cells))
	}
	c := columns{
		Line: "1", Outcome: cells[0], HTTPStatus: cells[1], Attempts: cells[2], DurationMS: cells[3],
		RequestID: cells[4], Message: cells[5], FinishedAt: cells[6],
	}
	e, err := c.entry()
	if err != nil {
		return batch.Result{}, err
	}
	e.Row = row
	return e.Result, nil
}

// A lineParser takes the fields of a line one after another. After the first
// error it gives zero values.
type lineParser struct {
	rest  []byte
	ended bool // the last field was taken
	err   error
}

// newLineParser takes a line with its checksum.
func newLineParser(line []byte) lineParser {
	return lineParser{rest: line[min(len(line), sumLength+1):]}
}

// end fails if there are more fields.
func (p *lineParser) end() {
	if !p.ended {
		p.fail(errors.New("it has too many fields"))
	}
}

// damage returns the error as damage to the journal, or nil.
func (p *lineParser) damage() error {
	if p.err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrDamaged, p.err)
}

// raw takes a field as bytes.
func (p *lineParser) raw() []byte {
	field, err := unescape(p.next())
	if err != nil {
		p.fail(err)
	}
	return field
}

func (p *lineParser) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

func (p *lineParser) next() []byte {
	if p.ended {
		p.fail(errors.New("it has too few fields"))
	}
	if p.err != nil {
		return nil
	}
	end := bytes.IndexByte(p.rest, '\t')
	if end < 0 {
		p.ended = true
		return p.rest
	}
	field := p.rest[:end]
	p.rest = p.rest[end+1:]
	return field
}

// text takes a field of text. If it equals like, it returns that, without allocating.
func (p *lineParser) text(like string) string {
	field := p.next()
	if string(field) == like && bytes.IndexByte(field, '\\') < 0 {
		return like
	}
	text, err := unescape(field)
	if err != nil {
		p.fail(err)
	}
	return string(text)
}

// number takes a number that is not negative, and not larger than a count of rows or
// milliseconds can be.
func (p *lineParser) number() int {
	field := p.next()
	const most = 1 << 40
	n, err := strconv.ParseInt(string(field), 10, strconv.IntSize)
	if err != nil || n < 0 || n > most {
		p.fail(fmt.Errorf("%q is not a number", field))
		return 0
	}
	return int(n)
}
