package report

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"imsrevoke/batch"
)

// A ReportCheck says whether a report is what its run wrote.
type ReportCheck struct {
	// Run is the run, as its journal has it.
	Run *Run
	// Rows counts the rows of the report.
	Rows int
	// Digest is the SHA-256 of the report, in hexadecimal. It differs from
	// Run.ReportDigest if the file was changed.
	Digest string
	// Differences are the first rows that are not as in the journal, Different
	// counts all of them. A report can be changed without any: in the cells of the
	// input's other columns, or in the way it is written.
	Differences []Difference
	Different   int
}

// A Difference is a row of a report that is not as its journal has it.
type Difference struct {
	// Line is the line of the input.
	Line int
	// What says what differs.
	What string
}

// maxDifferences is how many differences are named.
const maxDifferences = 10

// Unchanged reports whether the report is byte by byte what the run wrote.
func (c *ReportCheck) Unchanged() bool { return c.Digest == c.Run.ReportDigest }

// CheckReport compares a report with the journal beside it. The error wraps
// [os.ErrNotExist] if one of them is missing, [ErrNotOurs] if others may have
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
	journal, err := openJournal(ProofOf(path), os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer journal.Close()
	if !journal.ended {
		return nil, fmt.Errorf("%s: %w", ProofOf(path), errUnderWay)
	}
	c := &ReportCheck{Run: journal.whole()}
	if c.Digest, err = digestOf(results.file); err != nil {
		return nil, err
	}
	rows, err := results.Rows()
	if err != nil {
		return nil, err
	}
	recorded, err := (&Results{Name: ProofOf(path), journal: journal}).Rows()
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
	said, err := nextOf(report)
	if err != nil {
		return err
	}
	recorded, err := nextOf(journal)
	for err == nil && (said != nil || recorded != nil) {
		switch {
		case recorded == nil || said != nil && said.Row.Line < recorded.Row.Line:
			// Of rows that the run did not get to, the journal has nothing.
			if o := said.Outcome; o != batch.Skipped && o != batch.Invalid && o != batch.Duplicate {
				c.differ(said.Row.Line, fmt.Sprintf("it is %s in the report, and has no result in the journal", o))
			}
			c.Rows++
			said, err = nextOf(report)
		case said == nil || recorded.Row.Line < said.Row.Line:
			c.differ(recorded.Row.Line, fmt.Sprintf("it is %s in the journal, and not in the report", recorded.Outcome))
			recorded, err = nextOf(journal)
		default:
			if what := differs(columnsOf(said), columnsOf(recorded)); what != "" {
				c.differ(said.Row.Line, what)
			}
			c.Rows++
			if said, err = nextOf(report); err == nil {
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

// differs says in which of the report's own columns two rows differ. Messages are
// left out: reading a report, nobody can tell a message from one that was
// shortened for it.
func differs(said, recorded columns) string {
	for _, column := range []struct{ name, said, recorded string }{
		{"outcome", said.Outcome, recorded.Outcome},
		{"image_id", defuse(said.ImageID), defuse(recorded.ImageID)},
		{"member_id", defuse(said.MemberID), defuse(recorded.MemberID)},
		{"http_status", said.HTTPStatus, recorded.HTTPStatus},
		{"attempts", said.Attempts, recorded.Attempts},
		{"request_id", said.RequestID, recorded.RequestID},
		{"finished_at", said.FinishedAt, recorded.FinishedAt},
	} {
		if column.said != column.recorded {
			return fmt.Sprintf("%s is %q in the report, %q in the journal", column.name, column.said, column.recorded)
		}
	}
	return ""
}

// ErrChanged says that a report is not what its run wrote.
var ErrChanged = errors.New("the report was changed")
