package report

import (
	"errors"
	"fmt"
	"io"
	"os"

	"imsrevoke/batch"
)

// A Proof says which shares a run revoked. It reads the journal, since a report can be
// edited.
type Proof struct {
	// Name is the path of the journal.
	Name string

	journal *Journal
	rows    Rows
	next    *Entry // nil after the last one
}

// JournalName returns the name of the journal beside a report.
func JournalName(report string) string { return report + JournalSuffix }

// OpenProof opens the journal beside a report. The error wraps [os.ErrNotExist]
// if there is none, [ErrUntrusted] if others may have written it, and [ErrOtherRun] if
// its run is not one that revokes.
func OpenProof(report string) (*Proof, error) {
	p := &Proof{Name: JournalName(report)}
	var err error
	if p.journal, err = openJournal(p.Name, os.O_RDONLY); err != nil {
		return nil, err
	}
	if verb := p.journal.run.verb(); verb != "run" {
		err = fmt.Errorf("%w: it was written by 'imsrevoke %s'", ErrOtherRun, verb)
	}
	if err == nil {
		p.rows, err = (&Results{Name: p.Name, journal: p.journal}).Rows()
	}
	if err == nil {
		err = p.advance()
	}
	if err != nil {
		return nil, errors.Join(err, p.journal.Close())
	}
	return p, nil
}

func (p *Proof) advance() (err error) {
	if p.next, err = p.rows.Next(); err == io.EOF {
		return nil
	}
	return err
}

// Revoked reports whether the run revoked the share that these two cells of a line of
// its input name. Lines must be asked for in ascending order; for any other line it
// returns false.
func (p *Proof) Revoked(line int, imageID, memberID string) (bool, error) {
	for p.next != nil && p.next.Row.Line < line {
		if err := p.advance(); err != nil {
			return false, err
		}
	}
	e := p.next
	if e == nil || e.Row.Line != line {
		return false, nil
	}
	return e.Outcome == batch.Revoked && e.Row.ImageID == imageID && e.Row.MemberID == memberID, p.advance()
}

// Close closes the journal.
func (p *Proof) Close() error { return p.journal.Close() }
