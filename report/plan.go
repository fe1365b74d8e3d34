package report

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"imsrevoke/batch"
)

// A Plan holds the rows of a run in the order of the input, with all that the report
// says about them besides their results. It is filled once, row by row, and then read
// as often as needed. A journal begins with it: see [CreateJournal].
//
// It is kept in a file, so that memory does not grow with the input. Its methods
// are called by one goroutine at a time; the sources that [Plan.Rows] returns are
// independent of each other.
type Plan struct {
	lineWriter
	planText
	temporary bool // Close removes the file
	cells     []byte
}

// A planText says where in a file a plan is.
type planText struct {
	columns []string // the input's other columns, as the report names them
	rows    int
	// The lines of the rows begin at rowsAt, those of the notes at notesAt; the plan
	// ends at end. Each sum is that of the line before the offset.
	rowsAt, notesAt, end int64
	rowsSum, notesSum    checksum
}

// NewPlan creates an empty plan in a file in that directory, or in [os.TempDir] if that
// fails. The file is unlinked at once, or by [Plan.Close] where the system does not
// allow that.
func NewPlan(dir string) (*Plan, error) {
	const pattern = ".imsrevoke-*.plan"
	file, err := os.CreateTemp(dir, pattern)
	if err != nil {
		file, err = os.CreateTemp("", pattern)
	}
	if err != nil {
		return nil, err
	}
	p := &Plan{temporary: os.Remove(file.Name()) != nil}
	p.file = file
	return p, nil
}

// Begin names the input's other columns. It is called once, before the first Add.
func (p *Plan) Begin(columns []string) error {
	p.columns = inputNames(columns)
	p.begin(wordPlan)
	p.field(journalFormat)
	p.cells = p.cells[:0]
	for i, name := range p.columns {
		p.cells = appendNextCell(p.cells, i, name)
	}
	p.pending = appendField(p.pending, p.cells)
	p.finish()
	p.rowsAt, p.rowsSum = p.size+int64(len(p.pending)), p.sum
	return p.flushed()
}

// Add adds a row, with the cells of the input's other columns. The row's Seq must be the
// number of rows added before.
func (p *Plan) Add(row batch.Row, other []string) error {
	word := wordPair
	if row.Problem != "" {
		word = wordBad
	}
	image, member := idCells(&row)
	p.begin(word)
	p.cells = strconv.AppendInt(p.cells[:0], int64(row.Line), 10)
	p.cells = appendNextCell(p.cells, 1, image)
	p.cells = appendNextCell(p.cells, 2, member)
	p.pending = appendField(p.pending, p.cells)
	p.cells = p.cells[:0]
	for i, cell := range other {
		p.cells = appendNextCell(p.cells, i, defuse(cell))
	}
	p.pending = appendField(p.pending, p.cells)
	if row.Problem != "" {
		p.field(row.Problem)
	}
	p.finish()
	p.rows++
	return p.flushed()
}

// Note adds what is known about a row only after the last one: that it repeats the pair
// of an earlier one, which is on firstLine (0 if it does not), and that its member is
// spelled differently somewhere. Notes come in the order of the rows.
func (p *Plan) Note(seq, firstSeq, firstLine int, respelled bool) error {
	if p.notesAt == 0 {
		p.endRows()
	}
	p.begin(wordNote)
	for _, n := range [...]int{seq, firstSeq, firstLine} {
		p.number(n)
	}
	p.flag(respelled)
	p.finish()
	return p.flushed()
}

func (p *Plan) endRows() { p.notesAt, p.notesSum = p.size+int64(len(p.pending)), p.sum }

// flushed writes what is pending if there is enough of it.
func (p *Plan) flushed() error {
	if len(p.pending) < maxPending {
		return nil
	}
	return p.flush()
}

func (p *Plan) flush() error {
	if _, err := p.file.WriteAt(p.pending, p.size); err != nil {
		return fmt.Errorf("keep the rows of the input: %w", err)
	}
	p.size += int64(len(p.pending))
	p.pending = p.pending[:0]
	return nil
}

// complete writes everything to the file and returns where it is.
func (p *Plan) complete() (planText, error) {
	err := p.flush()
	text := p.planText
	text.end = p.size
	if text.notesAt == 0 {
		text.notesAt, text.notesSum = p.size, p.sum
	}
	return text, err
}

// Rows reads the rows that were added so far, from the first.
func (p *Plan) Rows() batch.Source {
	text, err := p.complete()
	if err != nil {
		return failedSource{err}
	}
	return text.read(p.file)
}

// A failedSource has no rows.
type failedSource struct{ err error }

func (s failedSource) Next() (batch.Row, error) { return batch.Row{}, s.err }

// Close closes the file, also for the journal that [TempJournal] has made of the plan.
func (p *Plan) Close() error { return closeTemp(p.file, p.temporary) }

// closeTemp closes a temporary file, and removes it if it still has a name.
func closeTemp(file *os.File, named bool) error {
	err := file.Close()
	if named {
		err = errors.Join(err, os.Remove(file.Name()))
	}
	return err
}

// A planReader reads a plan from its first row. It is a [batch.Source].
type planReader struct {
	lines, notes *lineReader
	seq          int // of the next row
	note         note
	err          error // reading the notes
}

// A note holds the arguments of [Plan.Note].
type note struct {
	seq, firstSeq, firstLine int
	respelled                bool
}

func (t *planText) read(file io.ReaderAt) *planReader {
	r := &planReader{lines: newLineReader(file, t.rowsAt, t.notesAt, t.rowsSum), notes: newLineReader(file, t.notesAt, t.end, t.notesSum)}
	r.nextNote()
	return r
}

func (r *planReader) nextNote() {
	line, err := r.notes.next()
	switch err {
	case nil:
		r.note, r.err = parseNote(line)
	case io.EOF:
		r.note = note{seq: -1}
	default:
		r.err = err
	}
}

func parseNote(line []byte) (note, error) {
	p := newLineParser(line)
	if word := p.text(wordNote); word != wordNote {
		return note{}, fmt.Errorf("%w: %q is not a note", ErrDamaged, word)
	}
	n := note{seq: p.number(), firstSeq: p.number(), firstLine: p.number(), respelled: p.number() == 1}
	p.end()
	return n, p.damage()
}

// A plannedRow is a row as the plan has it. Its bytes are valid until the next one is
// read.
type plannedRow struct {
	seq int
	// head is the text of the report's first columns up to member_id, other that of
	// the input's other columns.
	head, other []byte
	problem     []byte
	note        note // zero if there is none
}

// next returns the next row, and io.EOF after the last.
func (r *planReader) next() (row plannedRow, err error) {
	if r.err != nil {
		return row, r.err
	}
	line, err := r.lines.next()
	if err != nil {
		return row, err
	}
	row.seq = r.seq
	r.seq++
	if r.note.seq == row.seq {
		row.note = r.note
		r.nextNote()
	}
	p := newLineParser(line)
	bad := string(p.next()) == wordBad
	row.head, row.other = p.raw(), p.raw()
	if bad {
		row.problem = p.raw()
	}
	p.end()
	return row, p.damage()
}

// Next returns the next row, and io.EOF after the last. The error wraps [ErrDamaged]
// if the file was changed.
func (r *planReader) Next() (batch.Row, error) {
	planned, err := r.next()
	if err != nil {
		return batch.Row{}, err
	}
	return planned.row()
}

// row returns the row for the engine.
func (p *plannedRow) row() (batch.Row, error) {
	line, image, member, err := splitHead(string(p.head))
	if err != nil {
		return batch.Row{}, err
	}
	row := batch.Row{
		Seq: p.seq, Line: line, ImageID: image, MemberID: member, Problem: string(p.problem),
		FirstSeq: p.note.firstSeq, FirstLine: p.note.firstLine,
	}
	if row.Problem != "" {
		return row, nil
	}
	if err := row.ParsePair(); err != nil {
		return batch.Row{}, fmt.Errorf("%w: line %d of the input is planned as a pair: %w", ErrDamaged, line, err)
	}
	row.Respelled = row.Respelled || p.note.respelled
	return row, nil
}

// splitHead splits the text of the columns line, image_id and member_id.
func splitHead(head string) (line int, image, member string, err error) {
	number, rest, _ := strings.Cut(head, ",")
	var ok bool
	if image, member, ok = strings.Cut(rest, ","); !ok || strings.Contains(rest, `"`) {
		cells, e := splitCells(rest)
		if e != nil || len(cells) != 2 {
			return 0, "", "", fmt.Errorf("%w: %q is not a line and two ids", ErrDamaged, head)
		}
		image, member = cells[0], cells[1]
	}
	if line, err = strconv.Atoi(number); err != nil || line < 1 {
		return 0, "", "", fmt.Errorf("%w: %q does not begin with a line", ErrDamaged, head)
	}
	return line, image, member, nil
}

// splitCells splits the text of some columns.
func splitCells(text string) ([]string, error) {
	if strings.IndexByte(text, '"') < 0 {
		return strings.Split(text, ","), nil
	}
	return csv.NewReader(strings.NewReader(text)).Read()
}

// appendNextCell appends the text of a cell, the i-th of its row.
func appendNextCell(text []byte, i int, cell string) []byte {
	if i > 0 {
		text = append(text, ',')
	}
	if !needsQuotes(cell) {
		return append(text, cell...)
	}
	text = append(text, '"')
	for {
		quote := strings.IndexByte(cell, '"')
		if quote < 0 {
			return append(append(text, cell...), '"')
		}
		text = append(append(text, cell[:quote]...), `""`...)
		cell = cell[quote+1:]
	}
}

// needsQuotes reports whether encoding/csv would quote a cell.
func needsQuotes(cell string) bool {
	for _, c := range [...]byte{',', '"', '\n', '\r'} {
		if strings.IndexByte(cell, c) >= 0 {
			return true
		}
	}
	first, _ := utf8.DecodeRuneInString(cell)
	return cell == `\.` || unicode.IsSpace(first)
}
