package report

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/gocarina/gocsv"

	"imsrevoke/batch"
)

// A Share is a row of a list of shares.
type Share struct {
	ImageID, MemberID     string
	MemberType, Status    string
	ImageName, ImageOwner string
	ImageStatus           string
	Hidden                bool
	FirstSharedAt         time.Time
	StatusChangedAt       time.Time
	MemberName            string
	MemberDomain          string
	MemberState           string
	// Why is the reason why the share is not allowed, in a list of such shares.
	Why string
}

// A ShareList is a list of shares to be written. It can be the input of a run, because it
// has the columns image_id and member_id.
type ShareList struct {
	Format Format // [FormatCSV], [FormatJSONL] or [FormatJSON]
	// Names and Why say that the list has these columns.
	Names, Why bool
	// Shares are its rows; an error is the last one.
	Shares iter.Seq2[*Share, error]
	// Head is the member "list" of a list in JSON: an object, or nil.
	Head any
}

// ShareFormats are the formats of a ShareList.
func ShareFormats() []Format { return []Format{FormatCSV, FormatJSONL, FormatJSON} }

// WriteFile writes the list to a file, which appears whole or not at all; an
// existing one is replaced. Only the owner can read it.
func (l *ShareList) WriteFile(path string) error {
	return replaceFile(path, "list", ownerOnly, l.Write)
}

// Write writes the list to w. If it returns an error, what it has written is not a list.
func (l *ShareList) Write(w io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10)
	var err error
	switch l.Format {
	case FormatCSV:
		err = l.writeCSV(out)
	case FormatJSONL:
		err = l.writeJSONL(out)
	case FormatJSON:
		err = l.writeJSON(out)
	default:
		err = fmt.Errorf("%q is not a format of a list", l.Format)
	}
	return errors.Join(err, out.Flush())
}

// A shareRow is a Share as a list has it. The names are those of the columns and, in
// JSON, of the members. No other one could be mistaken for the column of member ids.
type shareRow struct {
	ImageID         string `csv:"image_id" json:"image_id"`
	MemberID        string `csv:"member_id" json:"member_id"`
	MemberType      string `csv:"member_type" json:"member_type"`
	Status          string `csv:"status" json:"status"`
	ImageName       string `csv:"image_name" json:"image_name"`
	ImageOwner      string `csv:"image_owner" json:"image_owner"`
	ImageStatus     string `csv:"image_status" json:"image_status"`
	Hidden          bool   `csv:"hidden" json:"hidden"`
	FirstSharedAt   string `csv:"first_shared_at" json:"first_shared_at,omitempty"`
	StatusChangedAt string `csv:"status_changed_at" json:"status_changed_at,omitempty"`
	MemberName      string `csv:"member_name" json:"member_name,omitempty"`
	MemberDomain    string `csv:"member_domain" json:"member_domain,omitempty"`
	MemberState     string `csv:"member_state" json:"member_state,omitempty"`
	Why             string `csv:"why" json:"why,omitempty"`
}

// shareNames are the columns of every list, in their order. Some lists continue with
// nameNames and whyNames.
var (
	shareNames = []string{
		"image_id", "member_id", "member_type", "status", "image_name", "image_owner", "image_status", "hidden",
		"first_shared_at", "status_changed_at",
	}
	nameNames = []string{"member_name", "member_domain", "member_state"}
	whyNames  = []string{"why"}
)

func rowOf(s *Share) shareRow {
	moment := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	return shareRow{
		ImageID: s.ImageID, MemberID: s.MemberID, MemberType: s.MemberType, Status: s.Status,
		ImageName: s.ImageName, ImageOwner: s.ImageOwner, ImageStatus: s.ImageStatus, Hidden: s.Hidden,
		FirstSharedAt: moment(s.FirstSharedAt), StatusChangedAt: moment(s.StatusChangedAt),
		MemberName: s.MemberName, MemberDomain: s.MemberDomain, MemberState: s.MemberState, Why: s.Why,
	}
}

// MemberCell returns the id of a member for a list in CSV. An id that can be part of a
// request stays as it is: no spreadsheet runs it.
func MemberCell(id string) string {
	if batch.ValidateMemberID(id) == nil {
		return id
	}
	return Cell(id)
}

// Cell returns a text from a cloud for a list in CSV: on one line, and so that no
// spreadsheet runs it as a formula.
func Cell(text string) string {
	if strings.ContainsFunc(text, breaks) {
		var b strings.Builder
		for _, r := range text {
			if breaks(r) {
				b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
			} else {
				b.WriteRune(r)
			}
		}
		text = b.String()
	}
	return defuse(text)
}

// breaks reports whether a character ends a line or cannot be seen on it, such as one
// that reverses the order of others.
func breaks(r rune) bool { return !unicode.IsGraphic(r) }

func (l *ShareList) writeCSV(w io.Writer) error {
	out := &shareWriter{csv: csv.NewWriter(w), keep: make([]bool, 0, len(shareNames)+len(nameNames)+len(whyNames))}
	var header []string
	for _, part := range []struct {
		names []string
		kept  bool
	}{{shareNames, true}, {nameNames, l.Names}, {whyNames, l.Why}} {
		for range part.names {
			out.keep = append(out.keep, part.kept)
		}
		if part.kept {
			header = append(header, part.names...)
		}
	}
	if err := out.csv.Write(header); err != nil {
		return err
	}
	for s, err := range l.Shares {
		if err != nil {
			return err
		}
		if err := out.share(s); err != nil {
			return err
		}
	}
	return out.flush()
}

// rowsAtATime is how many rows gocsv maps at once: much cheaper than one by one.
const rowsAtATime = 256

// A shareWriter writes rows as gocsv maps them, several at a time, without the columns
// that the list does not have.
type shareWriter struct {
	csv  *csv.Writer
	rows []shareRow
	keep []bool
	line []string
}

func (w *shareWriter) share(s *Share) error {
	row := rowOf(s)
	row.ImageID, row.MemberID = Cell(row.ImageID), MemberCell(row.MemberID)
	for _, cell := range []*string{
		&row.MemberType, &row.Status, &row.ImageName, &row.ImageOwner, &row.ImageStatus, &row.MemberName, &row.MemberDomain,
	} {
		*cell = Cell(*cell)
	}
	if w.rows = append(w.rows, row); len(w.rows) < rowsAtATime {
		return nil
	}
	return w.flush()
}

func (w *shareWriter) flush() error {
	if len(w.rows) > 0 {
		if err := gocsv.MarshalCSVWithoutHeaders(w.rows, w); err != nil {
			return err
		}
	}
	w.rows = w.rows[:0]
	w.csv.Flush()
	return w.csv.Error()
}

// Write takes a row from gocsv. With Flush and Error, a shareWriter is a
// gocsv.CSVWriter.
func (w *shareWriter) Write(row []string) error {
	w.line = w.line[:0]
	for i, cell := range row {
		if w.keep[i] {
			w.line = append(w.line, cell)
		}
	}
	return w.csv.Write(w.line)
}

func (w *shareWriter) Flush()       { w.csv.Flush() }
func (w *shareWriter) Error() error { return w.csv.Error() }

func (l *ShareList) writeJSONL(w io.Writer) error {
	encoder := newEncoder(w)
	for s, err := range l.Shares {
		if err != nil {
			return err
		}
		if err := encoder.Encode(rowOf(s)); err != nil {
			return err
		}
	}
	return nil
}

// writeJSON writes one object, with each share on a line of its own.
func (l *ShareList) writeJSON(w io.Writer) error {
	if _, err := io.WriteString(w, "{\n  \"shares\": ["); err != nil {
		return err
	}
	between := "\n    "
	for s, err := range l.Shares {
		if err != nil {
			return err
		}
		row, err := marshal(rowOf(s))
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s%s", between, row); err != nil {
			return err
		}
		between = ",\n    "
	}
	if between != "\n    " {
		if _, err := io.WriteString(w, "\n  "); err != nil {
			return err
		}
	}
	head, err := json.MarshalIndent(l.Head, "  ", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "],\n  \"list\": %s\n}\n", head)
	return err
}

// marshal returns a value in JSON, on one line.
func marshal(v any) ([]byte, error) {
	var b strings.Builder
	err := newEncoder(&b).Encode(v)
	return []byte(strings.TrimSuffix(b.String(), "\n")), err
}
