package report

import (
	"errors"
	"fmt"
	"io"
	"os"

	"imsrevoke/batch"
)

// A Proof tells which shares a run has revoked: by its journal, for a report can
// be edited.
type Proof struct {
	// Name is the path of the journal.
	Name string

	journal *Journal
	rows    Rows
	next    *Entry // of which nobody has asked yet; nil after the last
}

// ProofOf is the name of the journal that proves what a report says.
func ProofOf(report string) string { return report + JournalSuffix }

// OpenProof opens the journal beside a report. The error wraps [os.ErrNotExist]
// when there is none, [ErrNotOurs] when others may have written it, and
// [ErrOtherRun] when it is not of a run that revokes.
func OpenProof(report string) (*Proof, error) {
	p := &Proof{Name: ProofOf(report)}
	file, err := openOwn(p.Name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	if p.journal, err = loadJournal(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if verb := p.journal.run.verb(); verb != "run" {
		err = fmt.Errorf("%w: it is of imsrevoke %s", ErrOtherRun, verb)
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

// Revoked reports whether the run has revoked the share that stands on a line of
// its input in these two cells. The lines must be asked for in their order: of any
// other one it reports false.
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
	said := e.Outcome == batch.Revoked && e.Row.ImageID == imageID && e.Row.MemberID == memberID
	return said, p.advance()
}

// Close closes the journal.
func (p *Proof) Close() error { return p.journal.Close() }
