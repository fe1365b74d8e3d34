package report

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gocarina/gocsv"

	"imsrevoke/batch"
)

// OwnColumns is columns under an exported name: gocsv skips embedded structs whose
// name is not exported.
type OwnColumns = columns

// A reportRow is what gocsv makes of a row of a report.
type reportRow struct {
	OwnColumns
	Other cells `csv:"other"`
}

// cells are those of several columns.
type cells []string

// UnmarshalCSV is called by gocsv once for each of the columns.
func (c *cells) UnmarshalCSV(text string) error {
	*c = append(*c, text)
	return nil
}

// csvRows reads the rows of a report.
type csvRows struct {
	name  string
	names []string // of the input's other columns
	csv   *csv.Reader
	rows  *gocsv.Unmarshaller
}

// byteOrderMark starts a report that was made for a spreadsheet.
const byteOrderMark = "\ufeff"

func (r *Results) csvRows() (*csvRows, error) {
	var from io.Reader = r.file
	if r.journal != nil {
		from = &renderingReader{rendering: r.journal.render()}
	} else if _, err := r.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	text := bufio.NewReaderSize(from, 256<<10)
	if begin, _ := text.Peek(len(byteOrderMark)); string(begin) == byteOrderMark {
		if _, err := text.Discard(len(begin)); err != nil {
			return nil, err
		}
	}
	rows := &csvRows{name: r.Name, csv: csv.NewReader(text)}
	rows.csv.ReuseRecord = true
	var err error
	if rows.rows, err = gocsv.NewUnmarshaller(rows.csv, &reportRow{}); err != nil {
		return nil, rows.refuseHeader(err)
	}
	var lacking []string
	err = rows.rows.RenormalizeHeaders(func(header []string) []string {
		var fields []string
		fields, rows.names, lacking = assignColumns(header)
		return fields
	})
	if err != nil {
		return nil, err
	}
	for _, delimiter := range []string{";", "\t"} {
		if len(rows.names) == 1 && strings.HasPrefix(rows.names[0], columnNames[0]+delimiter+columnNames[1]) {
			return nil, fmt.Errorf("%s: %w: another program has saved it with the delimiter %q; name the file that imsrevoke wrote, or save it with commas",
				r.Name, ErrNotReport, delimiter)
		}
	}
	if len(lacking) > 0 && !slices.Contains(lacking, "image_id") && slices.Contains(lacking, "outcome") {
		return nil, fmt.Errorf("%s: %w: it lists pairs; name a report that imsrevoke has written, or its journal", r.Name, ErrNotReport)
	}
	if len(lacking) > 0 {
		return nil, fmt.Errorf("%s: %w: it has no column %s; name a report that imsrevoke has written, or its journal",
			r.Name, ErrNotReport, strings.Join(lacking, ", "))
	}
	return rows, nil
}

// assignColumns names the field of a reportRow for each column of the header. It also
// returns the input's other columns, and those of the report's own that are missing.
func assignColumns(header []string) (fields, other, lacking []string) {
	found := make(map[string]bool)
	for _, name := range header {
		if slices.Contains(columnNames, name) && !found[name] {
			found[name] = true
			fields = append(fields, name)
			continue
		}
		fields = append(fields, "other")
		other = append(other, name)
	}
	for _, name := range columnNames {
		if !found[name] && !slices.Contains(laterColumns, name) {
			lacking = append(lacking, name)
		}
	}
	return fields, other, lacking
}

func (r *csvRows) refuseHeader(err error) error {
	_, isParse := errors.AsType[*csv.ParseError](err)
	switch {
	case err == io.EOF:
		return fmt.Errorf("%s: %w: it is empty", r.name, ErrNotReport)
	case isParse:
		return fmt.Errorf("%s: %w: its header cannot be read: %w", r.name, ErrNotReport, err)
	}
	return fmt.Errorf("read %s: %w", r.name, err)
}

func (r *csvRows) Next() (*Entry, error) {
	value, err := r.rows.Read()
	if err == io.EOF {
		return nil, err
	}
	if parseErr, ok := errors.AsType[*csv.ParseError](err); ok {
		return nil, r.refuse(parseErr.StartLine, parseErr.Err)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", r.name, err)
	}
	rec := value.(*reportRow)
	entry, err := rec.OwnColumns.entry()
	if err != nil {
		line, _ := r.csv.FieldPos(0)
		return nil, r.refuse(line, err)
	}
	entry.Other = rec.Other
	return entry, nil
}

func (r *csvRows) refuse(line int, err error) error {
	return fmt.Errorf("%s, line %d: %w: %w", r.name, line, ErrNotReport, err)
}

// entry reverses columnsOf.
func (c *columns) entry() (*Entry, error) {
	p := cellParser{}
	e := &Entry{
		Result: batch.Result{
			Row:       batch.Row{Line: p.number("line", c.Line), ImageID: c.ImageID, MemberID: c.MemberID},
			Status:    p.number("http_status", c.HTTPStatus),
			Attempts:  p.number("attempts", c.Attempts),
			Duration:  time.Duration(p.number("duration_ms", c.DurationMS)) * time.Millisecond,
			RequestID: c.RequestID,
			Message:   c.Message,

			AlsoSharedWith: c.AlsoShared,
		},
		Verified: Verdict(c.Verified),
	}
	var err error
	if e.Outcome, err = batch.ParseOutcome(c.Outcome); err != nil {
		return nil, err
	}
	if c.FinishedAt != "" {
		if e.FinishedAt, err = time.Parse(timeFormat, c.FinishedAt); err != nil {
			return nil, fmt.Errorf("finished_at is %q, not a time such as %s; a spreadsheet may have changed it", c.FinishedAt, timeFormat)
		}
	}
	if !e.Verified.valid() {
		return nil, fmt.Errorf("verified is %q, neither %s nor %s", e.Verified, Gone, StillShared)
	}
	if p.err == nil && e.Row.Line == 0 {
		p.err = errors.New("line is empty")
	}
	e.Lost = e.Outcome == batch.Unknown || batch.SaysLost(e.Message)
	e.complete()
	return e, p.err
}

// complete sets what follows from the rest of a row that was read.
func (e *Entry) complete() {
	switch e.Outcome {
	case batch.Invalid:
		e.Row.Problem = e.Message
		return
	case batch.Duplicate:
		e.First = batch.RepeatedOutcome(e.Message)
	}
	// Ids that are not a pair leave the zero one.
	e.Row.Pair, _ = batch.ParsePair(e.Row.ImageID, e.Row.MemberID)
}

// A cellParser reads numbers, and keeps the first error.
type cellParser struct{ err error }

// number reads a number that is not negative; an empty cell is 0.
func (p *cellParser) number(name, text string) int {
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if (err != nil || n < 0) && p.err == nil {
		p.err = fmt.Errorf("%s is %q, not a number", name, text)
	}
	return n
}
