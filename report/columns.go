package report

import (
	"strconv"
	"strings"
	"time"
)

// timeFormat is RFC 3339 in UTC with milliseconds.
const timeFormat = "2006-01-02T15:04:05.000Z"

func formatTime(t time.Time) string { return string(appendTime(make([]byte, 0, len(timeFormat)), t)) }

// appendTime appends a time as timeFormat has it. (The package time is far
// quicker with its own formats than with others.)
func appendTime(b []byte, t time.Time) []byte {
	t = t.UTC()
	b = t.AppendFormat(b, time.RFC3339)
	ms := t.Nanosecond() / int(time.Millisecond)
	return append(b[:len(b)-1], '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z')
}

// columns are the report's own columns, in their order. New ones come only
// after these: users read them by position too.
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

// columnsOf is a row as the report has it.
func columnsOf(r *Entry) columns {
	c := columns{
		Line:      strconv.Itoa(r.Row.Line),
		ImageID:   r.Row.ImageID,
		MemberID:  r.Row.MemberID,
		Outcome:   string(r.Outcome),
		Attempts:  strconv.Itoa(r.Attempts),
		RequestID: r.RequestID,
		Message:   defuse(r.Message),

		Verified:   string(r.Verified),
		AlsoShared: defuse(r.AlsoSharedWith),
	}
	if r.Row.Problem != "" {
		// What is a pair holds nothing that a spreadsheet would run, but an id as
		// the formula ="ID".
		c.ImageID, c.MemberID = defuse(r.Row.ImageID), defuse(r.Row.MemberID)
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

// inputNames are the names under which the input's other columns stand in the
// report. One that is a column of the report itself, as in an earlier report
// that serves as input, is prefixed, and so is one that would then be the same
// as another, as in the report of a report. Names that the input has twice
// stay as they are.
func inputNames(names []string) []string {
	const prefix = "input_"
	taken := make(map[string]bool)
	for _, name := range columnNames {
		taken[name] = true
	}
	renamed := make([]string, len(names))
	for i, name := range names {
		for taken[name] {
			name = prefix + name
		}
		if strings.HasPrefix(name, prefix) {
			taken[name] = true
		}
		renamed[i] = defuse(name)
	}
	return renamed
}

// defuse keeps a spreadsheet from running a cell as a formula: one that begins
// like a formula gets an apostrophe in front, as OWASP advises against "CSV
// injection". Numbers with a sign are left alone, they are harmless. The
// full-width signs count as well in the spreadsheets of East Asia.
func defuse(cell string) string {
	if cell == "" || !strings.ContainsRune("=+-@\t\r\n＝＋－＠", firstRune(cell)) {
		return cell
	}
	if isNumber(cell) {
		return cell
	}
	return "'" + cell
}

// isNumber reports whether a cell is a number with a sign, with a point or a
// comma.
func isNumber(cell string) bool {
	_, err := strconv.ParseFloat(strings.Replace(cell, ",", ".", 1), 64)
	return err == nil
}

func firstRune(s string) rune {
	for _, r := range s {
		return r
	}
	return 0
}
