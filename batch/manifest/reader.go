package manifest

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"strings"

	"github.com/gocarina/gocsv"

	"imsrevoke/batch"
)

// A reader reads the rows of the file, from the first to the last. It is used by one
// goroutine at a time and needs no closing.
type reader struct {
	m     *Manifest
	text  *text
	csv   *csv.Reader
	rows  *gocsv.Unmarshaller
	line  int // of the last row
	other []string
	err   error

	headers    int // lines that repeat the header
	headerLine int // the first of them
}

// reader starts a reading. gocsv maps the columns, by the header.
func (m *Manifest) reader(ctx context.Context) *reader {
	r := &reader{m: m, line: m.layout.line}
	if r.err = r.start(ctx); r.err == nil {
		r.rows, r.err = gocsv.NewUnmarshaller(r.csv, &record{})
	}
	if r.err == nil {
		r.err = r.rows.RenormalizeHeaders(m.layout.fields)
	}
	return r
}

func (r *reader) start(ctx context.Context) (err error) {
	if r.text, err = r.m.text(ctx); err != nil {
		return err
	}
	l := r.m.layout
	if _, err = r.text.buf.Discard(l.preamble); err != nil {
		return err
	}
	r.csv = newCSVReader(r.text, l.delimiter)
	for range l.blanks {
		if _, err = r.csv.Read(); err != nil {
			return err
		}
	}
	return nil
}

// read returns the next row of the file, chosen or not, and io.EOF after the last one. The
// cells of the other columns are in r.other, one for each of [Manifest.Columns], empty if
// the row has no such cell. Both are valid until the next call.
func (r *reader) read() (batch.Row, error) {
	if r.err != nil {
		return batch.Row{}, r.err
	}
	for {
		start := r.csv.InputOffset()
		r.text.lines.startRow()
		rec, err := r.record()
		if err != nil {
			return r.broken(err)
		}
		if rec.blank() {
			continue
		}
		line, _ := r.csv.FieldPos(0)
		r.line = r.m.layout.lineBase() + line
		// No cell is longer than its row, and few rows are that long.
		if r.csv.InputOffset()-start > maxCell && rec.longest() > maxCell {
			return batch.Row{}, r.m.refuse(r.line, fmt.Sprintf("a cell holds more than %d MiB", maxCell>>20), "shorten it, or look for a quote that is closed too late")
		}
		if err := r.checkLineBreaks(rec); err != nil {
			return batch.Row{}, err
		}
		row := r.row(rec)
		if row.Problem != "" {
			again, err := r.repeatsHeader(rec)
			if err != nil {
				return batch.Row{}, err
			}
			if again {
				continue
			}
		}
		return row, nil
	}
}

// record reads the next record, which is valid until the next call; its cells remain
// valid.
func (r *reader) record() (*record, error) {
	value, err := r.rows.Read()
	if err != nil {
		return nil, err
	}
	return value.(*record), nil
}

// row makes a row of a record.
func (r *reader) row(rec *record) batch.Row {
	row := batch.Row{Line: r.line, ImageID: rec.ImageID.text, MemberID: rec.MemberID.text}
	r.other = rec.Other
	if lacking := len(r.m.Columns) - len(rec.Other); lacking > 0 {
		r.other = append(r.other, make([]string, lacking)...)
	}
	cells, columns := rec.count(), len(r.m.layout.header)
	err := row.ParsePair()
	certain, doubt := true, ""
	if rec.Surplus.cells > 0 || cells < columns {
		// If a row has more or fewer cells than there are columns, a cell may be
		// truncated or in the wrong column. Ids of 128 bits, the image's with dashes,
		// are neither.
		certain = err == nil && batch.IsProjectID(row.Pair.MemberID) && strings.Count(row.ImageID, "-") >= 4
		if err == nil && !certain {
			doubt = "; in such a row the image id needs its dashes, and the member must be a project id"
		}
	}
	switch {
	case !rec.Surplus.harmless() || rec.Surplus.cells > 0 && !certain:
		row.Problem = fmt.Sprintf("the row has more cells than the header, which has %d%s", columns, doubt)
	case cells < columns && !certain:
		row.Problem = fmt.Sprintf("the row has %s, the header has %d%s", plural(cells, "cell"), columns, doubt)
	case err != nil:
		row.Problem = err.Error()
	}
	if text, ok := rec.afterReturn(); ok && (row.Problem != "" || isImageID(text)) {
		row.Problem = "the row contains a carriage return, which may be the end of a line; convert the line endings, or remove it"
	}
	return row
}

// repeatsHeader reports whether a record is another header, as in a file made by joining
// several. If that has the ids in other columns, the file is refused.
func (r *reader) repeatsHeader(rec *record) (bool, error) {
	l := r.m.layout
	member := fold(l.header[l.member])
	again := member != "" && member == fold(rec.MemberID.text)
	if l.image >= 0 {
		image := fold(l.header[l.image])
		again = again && image != "" && image == fold(rec.ImageID.text)
	}
	if !again {
		other, ok := r.m.headerIn(rec)
		if !ok {
			return false, nil
		}
		if other.image != l.image || other.member != l.member {
			return false, r.m.refuse(r.line, fmt.Sprintf("a repeated header has the id columns in other places: %q is column %d, %q is column %d",
				other.header[other.image], other.image+1, other.header[other.member], other.member+1), "split the file at this line")
		}
	}
	if r.headers == 0 {
		r.headerLine = r.line
	}
	r.headers++
	return true, nil
}

// headerIn returns the layout of a record that looks like a header. The names of its columns
// must end in "id": "image" and "member" may be cells of a row.
func (m *Manifest) headerIn(rec *record) (layout, bool) {
	cells, named := rec.cells(m.layout), 0
	for _, cell := range cells {
		if n := len(cell); n >= 2 && n < 100 && strings.HasSuffix(fold(cell), "id") {
			named++
		}
	}
	if named < 2 {
		return layout{}, false
	}
	l := layout{header: cells}
	var refusal *Error
	l.image, l.member, refusal = m.chooseColumns(&l, Options{})
	return l, refusal == nil && strings.HasSuffix(fold(cells[l.image]), "id") && strings.HasSuffix(fold(cells[l.member]), "id")
}

// broken returns an invalid row for a parse error within one line, and refuses the file for
// any other error: if a quoted cell includes line ends, it is not certain which rows the
// file has.
func (r *reader) broken(err error) (batch.Row, error) {
	if textErr := r.text.broken(); textErr != nil {
		return batch.Row{}, r.m.explain(textErr, r.line)
	}
	parseErr, ok := errors.AsType[*csv.ParseError](err)
	if !ok {
		return batch.Row{}, err // io.EOF among them
	}
	base := r.m.layout.lineBase()
	if parseErr.StartLine != parseErr.Line {
		problem := fmt.Sprintf("unbalanced quote: the quoted cell that starts here ends badly on line %d", base+parseErr.Line)
		if r.atEnd() {
			problem = "a quote in this row is never closed"
		}
		return batch.Row{}, r.m.refuseQuote(base+parseErr.StartLine, problem)
	}
	r.line = base + parseErr.StartLine
	r.other = make([]string, len(r.m.Columns))
	return batch.Row{Line: r.line, Problem: quoteProblem(parseErr)}, nil
}

// atEnd reports whether the CSV reader has used all of the text, to the last of
// the line feeds that are added to it.
func (r *reader) atEnd() bool {
	return r.csv.InputOffset() == r.text.lines.handed && r.text.lines.tail == "" && len(r.text.lines.rest) == 0
}

// checkLineBreaks refuses the file if a cell that spans several lines looks as if it
// included rows.
func (r *reader) checkLineBreaks(rec *record) error {
	if r.spansLines(rec.ImageID.text) || r.spansLines(rec.MemberID.text) {
		return r.m.refuseQuote(r.line, "an id in this row spans several lines")
	}
	before := 0 // line ends of the row before the current line
	for _, cell := range rec.Other {
		_, rest, ok := strings.Cut(cell, "\n")
		if !ok {
			continue
		}
		for text := range strings.SplitSeq(rest, "\n") {
			before++
			if r.looksLikeRow(text) {
				return r.m.refuseQuote(r.line, fmt.Sprintf("a quoted cell of this row holds what looks like another row, %s further down", plural(before, "line")))
			}
		}
	}
	return nil
}

// spansLines reports whether the cell of an id spans several lines, and is not just a list
// of ids: if it included a row, it would have a delimiter.
func (r *reader) spansLines(cell string) bool {
	if !strings.Contains(cell, "\n") {
		return false
	}
	for line := range strings.SplitSeq(cell, "\n") {
		if !isImageID(line) { // 128 bits, of whatever
			return true
		}
	}
	return false
}

func (r *reader) looksLikeRow(text string) bool {
	cells := strings.Split(text, string(r.m.layout.delimiter))
	for i, c := range cells {
		cells[i] = strings.Trim(c, `"`)
	}
	return len(cells) > 1 && hasUUID(cells)
}

func (m *Manifest) refuseQuote(line int, problem string) *Error {
	return m.refuse(line, problem, "look for a missing or surplus double quote there")
}
