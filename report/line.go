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

// journalFormat names the format of a journal, on its first line.
const journalFormat = "imsrevoke-journal/1"

// A checksum runs over the lines of a journal.
type checksum struct{ crc uint32 }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// put writes the checksum of the line into its first eight bytes.
func (c *checksum) put(line []byte) {
	c.crc = crc32.Update(c.crc, castagnoli, line[8:])
	var sum [4]byte
	sum[0], sum[1], sum[2], sum[3] = byte(c.crc>>24), byte(c.crc>>16), byte(c.crc>>8), byte(c.crc)
	hex.Encode(line, sum[:])
}

// appendField appends a tab and the field.
func appendField(line []byte, field string) []byte {
	line = append(line, '\t')
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

// resultFields is how many fields the line of a result has: the number of the
// row, and the report's columns.
const resultFields = 11

// appendResult appends the fields of a result.
func appendResult(line []byte, r *batch.Result) []byte {
	number := func(n int64) {
		line = append(line, '\t')
		line = strconv.AppendInt(line, n, 10)
	}
	number(int64(r.Row.Seq))
	number(int64(r.Row.Line))
	line = appendField(line, r.Row.ImageID)
	line = appendField(line, r.Row.MemberID)
	line = appendField(line, string(r.Outcome))
	number(int64(r.Status))
	number(int64(r.Attempts))
	number(r.Duration.Milliseconds())
	line = appendField(line, r.RequestID)
	line = appendField(line, r.Message)
	line = append(line, '\t')
	return r.FinishedAt.UTC().AppendFormat(line, timeFormat)
}

// parseResult reads the line of a result, checksum and all. Of the row it has
// the number, the line and the two cells.
func parseResult(line []byte) (batch.Result, error) {
	fields := bytes.Split(line, []byte{'\t'})[1:]
	if len(fields) != resultFields {
		return batch.Result{}, fmt.Errorf("it has %d fields, not %d", len(fields), resultFields)
	}
	var r batch.Result
	var err error
	number := func(i int) int64 {
		n, e := strconv.ParseInt(string(fields[i]), 10, 64)
		if e != nil && err == nil {
			err = fmt.Errorf("field %d: %w", i+1, e)
		}
		return n
	}
	text := func(i int) string {
		s, e := unescape(fields[i])
		if e != nil && err == nil {
			err = fmt.Errorf("field %d: %w", i+1, e)
		}
		return s
	}
	r.Row.Seq, r.Row.Line = int(number(0)), int(number(1))
	r.Row.ImageID, r.Row.MemberID = text(2), text(3)
	outcome := text(4)
	r.Status, r.Attempts = int(number(5)), int(number(6))
	r.Duration = milliseconds(number(7))
	r.RequestID, r.Message = text(8), text(9)
	finished := text(10)
	if err != nil {
		return batch.Result{}, err
	}
	if r.Outcome, err = batch.ParseOutcome(outcome); err != nil {
		return batch.Result{}, err
	}
	r.FinishedAt, err = time.Parse(timeFormat, finished)
	return r, err
}

func indexLineEnd(b []byte) int { return bytes.IndexByte(b, '\n') }
