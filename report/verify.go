package report

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
)

// A ReportCheck is the result of comparing a report with the journal of its run.
type ReportCheck struct {
	// Run is the run, as its journal has it.
	Run *Run
	// Rows counts the rows of the report.
	Rows int
	// Digest is the SHA-256 of the report, in hexadecimal. It differs from
	// Run.ReportDigest if the file was changed.
	Digest string
	// Differences are the first rows that differ from the journal, Different counts all
	// of them. A changed report can have none: if only the cells of the input's other
	// columns were changed, or the formatting.
	Differences []Difference
	Different   int
}

// A Difference is a row of a report that differs from the journal.
type Difference struct {
	// Line is the line of the input.
	Line int
	// What describes the difference.
	What string
}

// maxDifferences is how many differences are named.
const maxDifferences = 10

// Unchanged reports whether the report is byte by byte what the run wrote.
func (c *ReportCheck) Unchanged() bool { return c.Digest == c.Run.ReportDigest }

// CheckReport compares a report with the journal beside it. The error wraps
// [os.ErrNotExist] if one of them is missing, [ErrUntrusted] if others may have
// written the journal, and [ErrDamaged] if the journal was changed.
func CheckReport(path string) (*ReportCheck, error) {
	results, err := OpenResults(path)
	if err != nil {
		return nil, err
	}
	defer results.Close()
	if results.IsJournal() {
		return nil, fmt.Errorf("%s is a journal: name the report", path)
	}
	journal, err := openJournal(JournalName(path), os.O_RDONLY)
	if err != nil {
		return nil, named(JournalName(path), err)
	}
	defer journal.Close()
	if !journal.ended {
		return nil, fmt.Errorf("%s: %w", JournalName(path), errUnderWay)
	}
	c := &ReportCheck{Run: journal.whole()}
	if c.Digest, err = digestOf(results.file); err != nil {
		return nil, err
	}
	rows, err := results.Rows()
	if err != nil {
		return nil, err
	}
	recorded, err := (&Results{Name: JournalName(path), journal: journal}).Rows()
	if err != nil {
		return nil, err
	}
	return c, c.compare(rows, recorded)
}

func digestOf(file *os.File) (string, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	sum := sha256.New()
	_, err := io.Copy(sum, file)
	return hex.EncodeToString(sum.Sum(nil)), err
}

// compare compares the rows of a report with those of its journal, both in the
// order of the input.
func (c *ReportCheck) compare(report, journal Rows) error {
	reported, err := nextOf(report)
	if err != nil {
		return err
	}
	recorded, err := nextOf(journal)
	for err == nil && (reported != nil || recorded != nil) {
		switch {
		case recorded == nil || reported != nil && reported.Row.Line < recorded.Row.Line:
			c.differ(reported.Row.Line, fmt.Sprintf("it is %s in the report, and has no result in the journal", reported.Outcome))
			c.Rows++
			reported, err = nextOf(report)
		case reported == nil || recorded.Row.Line < reported.Row.Line:
			c.differ(recorded.Row.Line, fmt.Sprintf("it is %s in the journal, and not in the report", recorded.Outcome))
			recorded, err = nextOf(journal)
		default:
			if what := differs(columnsOf(reported), columnsOf(recorded)); what != "" {
				c.differ(reported.Row.Line, what)
			}
			c.Rows++
			if reported, err = nextOf(report); err == nil {
				recorded, err = nextOf(journal)
			}
		}
	}
	return err
}

// nextOf returns the next row, nil after the last one.
func nextOf(rows Rows) (*Entry, error) {
	e, err := rows.Next()
	if err == io.EOF {
		return nil, nil
	}
	return e, err
}

func (c *ReportCheck) differ(line int, what string) {
	if c.Different++; c.Different <= maxDifferences {
		c.Differences = append(c.Differences, Difference{line, what})
	}
}

// differs describes the first of the report's own columns in which two rows differ.
// Messages are not compared, since a report may have a shortened one.
func differs(reported, recorded columns) string {
	for _, column := range []struct{ name, reported, recorded string }{
		{"outcome", reported.Outcome, recorded.Outcome},
		{"image_id", defuse(reported.ImageID), defuse(recorded.ImageID)},
		{"member_id", defuse(reported.MemberID), defuse(recorded.MemberID)},
		{"http_status", reported.HTTPStatus, recorded.HTTPStatus},
		{"attempts", reported.Attempts, recorded.Attempts},
		{"request_id", reported.RequestID, recorded.RequestID},
		{"finished_at", reported.FinishedAt, recorded.FinishedAt},
	} {
		if column.reported != column.recorded {
			return fmt.Sprintf("%s is %q in the report, %q in the journal", column.name, column.reported, column.recorded)
		}
	}
	return ""
}

// ErrChanged says that a report was changed after its run wrote it.
var ErrChanged = errors.New("the report was changed")
