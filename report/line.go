package report

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"time"

	"imsrevoke/batch"
)

// journalFormat names the format of a journal, on the line of each run. The
// format before differs in what a row proves: see takeRun.
const (
	journalFormat = journalName + "2"
	formatBefore  = journalName + "1"
	journalName   = "imsrevoke-journal/"
)

// The words for what a line is.
const (
	wordRun    = "run"
	wordSent   = "sent"
	wordRow    = "row"
	wordEnd    = "end"
	wordReport = "report"
)

// journalBegin begins a journal, behind the checksum of its first line.
const journalBegin = "\t" + wordRun + "\t" + journalName

// A checksum is that of the line before, in the form in which it stands there.
type checksum [sumLength]byte

const (
	sumLength = 8
	emptySum  = "00000000"
)

// of is the checksum of a line that follows.
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

// check reports whether a line that follows is whole, and goes on from what
// stands there as its checksum.
func (c *checksum) check(line []byte) bool {
	if len(line) <= sumLength {
		return false
	}
	want := c.of(line)
	copy(c[:], line)
	return want == *c
}

// appendField appends a tab and the field.
func appendField(line []byte, field string) []byte {
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

// isPlain reports whether a field stands in a line as it is.
func isPlain(field string) bool {
	for i := range len(field) {
		if c := field[i]; c < ' ' || c == '\\' {
			return false
		}
	}
	return true
}

// appendNumber appends a tab and the number.
func appendNumber(line []byte, n int64) []byte {
	return strconv.AppendInt(append(line, '\t'), n, 10)
}

// unescape is what appendField has written.
func unescape(field []byte) (string, error) {
	if bytes.IndexByte(field, '\\') < 0 {
		return string(field), nil
	}
	text := make([]byte, 0, len(field))
	for i := 0; i < len(field); i++ {
		c := field[i]
		if c == '\\' {
			if i++; i == len(field) {
				return "", errors.New("a backslash ends the field")
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
				return "", fmt.Errorf(`the field holds \%c`, field[i])
			}
		}
		text = append(text, c)
	}
	return string(text), nil
}

// appendResult appends the fields of a row line.
func appendResult(line []byte, r *batch.Result) []byte {
	line = appendNumber(line, int64(r.Row.Seq))
	line = appendNumber(line, int64(r.Row.Line))
	line = appendField(line, r.Row.ImageID)
	line = appendField(line, r.Row.MemberID)
	line = appendField(line, string(r.Outcome))
	line = appendNumber(line, int64(r.Status))
	line = appendNumber(line, int64(r.Attempts))
	line = appendNumber(line, r.Duration.Milliseconds())
	line = appendField(line, r.RequestID)
	line = appendField(line, r.Message)
	line = appendTime(append(line, '\t'), r.FinishedAt)
	lost := int64(0)
	if r.Lost {
		lost = 1
	}
	line = appendNumber(line, lost)
	if r.AlsoSharedWith == "" && r.Outcome != batch.Duplicate {
		return line // as nearly all do
	}
	line = appendField(line, r.AlsoSharedWith)
	if r.Outcome == batch.Duplicate {
		line = appendNumber(line, int64(r.Row.FirstSeq))
	}
	return line
}

// parseResult reads a row line. Of the row it has the number, the line, the two
// cells, and the number of the row that it repeats, or -1. Cells that are those
// of like share their memory with it.
func parseResult(line []byte, like *batch.Row) (batch.Result, error) {
	p := lineParser{rest: line}
	p.next() // the checksum
	if word := p.text(wordRow); word != wordRow {
		return batch.Result{}, fmt.Errorf("the line is %q and no row", word)
	}
	r := batch.Result{
		Row:       batch.Row{Seq: p.number(), Line: p.number(), ImageID: p.text(like.ImageID), MemberID: p.text(like.MemberID)},
		Outcome:   p.outcome(),
		Status:    p.number(),
		Attempts:  p.number(),
		Duration:  time.Duration(p.number()) * time.Millisecond,
		RequestID: p.text(""),
		Message:   p.text(""),
	}
	r.FinishedAt = p.time()
	r.Lost = p.number() != 0
	r.Row.FirstSeq = -1
	if !p.ended {
		r.AlsoSharedWith = p.text("")
	}
	if !p.ended {
		r.Row.FirstSeq = p.number()
	}
	if !p.ended {
		p.fail(errors.New("it has too many fields"))
	}
	return r, p.err
}

// A lineParser takes the fields of a line one after another. After the first
// error it gives zero values.
type lineParser struct {
	rest  []byte
	ended bool // the last field was taken
	err   error
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

// text takes a field of text: like itself if it is that.
func (p *lineParser) text(like string) string {
	field := p.next()
	if string(field) == like && bytes.IndexByte(field, '\\') < 0 {
		return like
	}
	text, err := unescape(field)
	if err != nil {
		p.fail(err)
	}
	return text
}

// number takes a number that is not negative, nor larger than a count of rows or
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

func (p *lineParser) outcome() batch.Outcome {
	o, err := batch.ParseOutcome(p.text(string(batch.Revoked)))
	if err != nil {
		p.fail(err)
	}
	return o
}

func (p *lineParser) time() time.Time {
	t, err := time.Parse(time.RFC3339, string(p.next())) // which takes fractions of a second
	if err != nil {
		p.fail(err)
	}
	return t
}

func indexLineEnd(b []byte) int { return bytes.IndexByte(b, '\n') }
