package report

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"imsrevoke/batch"
	"imsrevoke/batch/plain"
)

// timeFormat is RFC 3339 in UTC with milliseconds.
const timeFormat = "2006-01-02T15:04:05.000Z"

func formatTime(t time.Time) string { return string(appendTime(make([]byte, 0, len(timeFormat)), t)) }

// appendTime appends a time in timeFormat. (The package time is much faster with its
// own formats than with others.)
func appendTime(b []byte, t time.Time) []byte {
	t = t.UTC()
	b = t.AppendFormat(b, time.RFC3339)
	ms := t.Nanosecond() / int(time.Millisecond)
	return append(b[:len(b)-1], '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z')
}

// columns are the report's own columns, in their order. New ones are added at the end
// only: users read them by position, too.
type columns struct {
	Line       string `csv:"line"`
	ImageID    string `csv:"image_id"`
	MemberID   string `csv:"member_id"`
	Outcome    string `csv:"outcome"`
	HTTPStatus string `csv:"http_status"`
	Attempts   string `csv:"attempts"`
	DurationMS string `csv:"duration_ms"`
	RequestID  string `csv:"request_id"`
	Message    string `csv:"message"`
	FinishedAt string `csv:"finished_at"`
	Verified   string `csv:"verified"`
	AlsoShared string `csv:"also_shared_with"`
}

// columnNames are the names of the report's own columns.
var columnNames = []string{
	"line", "image_id", "member_id", "outcome", "http_status",
	"attempts", "duration_ms", "request_id", "message", "finished_at", "verified",
	"also_shared_with",
}

// laterColumns are those that reports of earlier versions lack.
var laterColumns = []string{"verified", "also_shared_with"}

// columnsOf returns a row as the report has it.
func columnsOf(r *Entry) columns {
	image, member := idCells(&r.Row)
	c := columns{
		Line:      strconv.Itoa(r.Row.Line),
		ImageID:   image,
		MemberID:  member,
		Outcome:   string(r.Outcome),
		Attempts:  strconv.Itoa(r.Attempts),
		RequestID: serverText(r.RequestID),
		Message:   serverText(r.Message),

		Verified:   string(r.Verified),
		AlsoShared: serverText(r.AlsoSharedWith),
	}
	if r.Status != 0 {
		c.HTTPStatus = strconv.Itoa(r.Status)
	}
	if r.Attempts > 0 {
		c.DurationMS = strconv.FormatInt(r.Duration.Milliseconds(), 10)
	}
	if !r.FinishedAt.IsZero() {
		c.FinishedAt = formatTime(r.FinishedAt)
	}
	return c
}

// idCells returns the cells with the ids of a row.
func idCells(row *batch.Row) (image, member string) {
	if row.Problem == "" {
		// The cells of a pair hold no formula, unless ="ID", which is harmless.
		return row.ImageID, row.MemberID
	}
	return defuse(row.ImageID), defuse(row.MemberID)
}

// serverText returns a cell for a text that a server wrote.
func serverText(words string) string { return defuse(plain.Line(words)) }

// inputNames returns the names of the input's other columns in the report. A column with
// a name of the report's own, as in an earlier report that serves as input, gets the
// prefix input_, repeatedly if the input has that name, too. Names that the input has
// twice stay as they are.
func inputNames(names []string) []string {
	taken := make(map[string]bool)
	for _, name := range slices.Concat(columnNames, names) {
		taken[name] = true
	}
	renamed := make([]string, len(names))
	for i, name := range names {
		if slices.Contains(columnNames, name) {
			for taken[name] {
				name = "input_" + name
			}
			taken[name] = true
		}
		renamed[i] = defuse(name)
	}
	return renamed
}

const (
	// formulaSigns start a formula. Spreadsheets of East Asia accept the full-width ones,
	// too.
	formulaSigns = "=+-@＝＋－＠"
	// cellEnds end a cell for spreadsheets that take them for the delimiter, as many
	// locales do with the semicolon.
	cellEnds = ";\t"
)

// defuse keeps a spreadsheet from running a cell as a formula. A cell that starts like a
// formula gets an apostrophe in front, as OWASP recommends against "CSV injection", and
// so does each part of it that may be taken for a cell of its own. Blanks, a byte order
// mark or a quote before the formula make no difference, since a spreadsheet may strip
// them. Numbers with a sign are harmless and stay. Defusing a cell again changes
// nothing.
func defuse(cell string) string {
	if cell == "" || isWordByte(cell[0]) && strings.IndexByte(cell, ';') < 0 && strings.IndexByte(cell, '\t') < 0 {
		return cell // as nearly all
	}
	var b strings.Builder
	written := 0
	for at := 0; at < len(cell); {
		part := cell[at:]
		if end := strings.IndexAny(part, cellEnds); end >= 0 {
			part = part[:end]
		}
		text := part
		if at > 0 {
			text = strings.TrimLeft(part, `"`)
		}
		if isFormula(text) || at == 0 && strings.IndexByte("\t\r\n", cell[0]) >= 0 {
			b.WriteString(cell[written:at])
			b.WriteByte('\'')
			written = at
		}
		at += len(part) + 1
	}
	if b.Len() == 0 {
		return cell
	}
	b.WriteString(cell[written:])
	return b.String()
}

func isWordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// isFormula reports whether a spreadsheet would run a text.
func isFormula(text string) bool {
	text = strings.TrimLeftFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) })
	first, _ := utf8.DecodeRuneInString(text)
	return text != "" && strings.ContainsRune(formulaSigns, first) && !isNumber(text)
}

// isNumber reports whether a cell is a number with a sign, with a point or a
// comma.
func isNumber(cell string) bool {
	_, err := strconv.ParseFloat(strings.Replace(strings.TrimSpace(cell), ",", ".", 1), 64)
	return err == nil
}
