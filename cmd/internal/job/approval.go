package job

import (
	"fmt"

	"imsrevoke/batch"
	"imsrevoke/batch/cloud"
	"imsrevoke/batch/manifest"
	"imsrevoke/cmd/internal/exit"
	"imsrevoke/report"
)

// An Approval is what somebody has decided before a run: which rows, in which
// project, and why. The run refuses anything else, and its record names it.
type Approval struct {
	// Digest is the digest of the rows that were approved, ProjectID the project
	// of the credentials. Nothing is expected of what is empty.
	Digest, ProjectID string
	Ticket, Reason    string
}

// judgeRows refuses rows that are not the approved ones. The shards of a file are
// approved together: each of them compares the digest of the whole file.
func (a *Approval) judgeRows(m *manifest.Manifest, s *Selection) error {
	got, of := m.Digest, m.Name
	switch {
	case s.Shard.Count > 0 && !s.choosesRows():
		got = m.WholeDigest
	case s.chooses():
		of = "the chosen rows of " + m.Name
	}
	if a.Digest == "" || a.Digest == got {
		return nil
	}
	return fmt.Errorf("the digest of %s is %s, not %s as --expect-sha256 requires; nothing was sent", of, got, a.Digest)
}

// judgeProject refuses credentials that are not of the approved project, or do
// not say of which one they are.
func (a *Approval) judgeProject(s *cloud.Session) error {
	id, _ := s.Project()
	switch {
	case a.ProjectID == "" || id != "" && batch.MemberKey(id) == batch.MemberKey(a.ProjectID):
		return nil
	case id == "":
		return exit.WithHint(fmt.Errorf("--expect-project %s: the project of the credentials is not known", a.ProjectID), "set OS_PROJECT_ID to the project of the token")
	}
	return fmt.Errorf("the credentials are for project %s, not for %s as --expect-project requires; nothing was sent", id, a.ProjectID)
}

// record puts the approval into the identity of a run that has passed it.
func (a *Approval) record(run *report.Run) {
	run.Ticket, run.Reason = a.Ticket, a.Reason
	run.ExpectedDigest, run.ExpectedProject = a.Digest, a.ProjectID
}
