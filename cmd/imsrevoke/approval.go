package main

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"imsrevoke/batch"
	"imsrevoke/batch/cloud"
	"imsrevoke/batch/manifest"
	"imsrevoke/report"
)

// An approval is what somebody has decided before a run: which rows, in which
// project, and why. The run refuses anything else, and its record names it.
type approval struct {
	// digest is the digest of the rows that were approved, projectID the project
	// of the credentials. Nothing is expected of what is empty.
	digest, projectID string
	ticket, reason    string
}

func (a *approval) register(f *pflag.FlagSet) {
	f.StringVar(&a.digest, "expect-sha256", "", "refuse rows whose SHA-256 `digest` is not this one, which --dry-run and the plan show")
	f.StringVar(&a.projectID, "expect-project", "", "refuse credentials for any project but the one with this `id`")
	f.StringVar(&a.ticket, "ticket", "", "the `id` of the decision, for the record")
	f.StringVar(&a.reason, "reason", "", "why the shares are revoked, in `words`, for the record")
}

// validate reports what is wrong with the flags.
func (a *approval) validate() error {
	var errs []error
	a.digest = strings.ToLower(strings.TrimSpace(a.digest))
	if a.digest != "" && (len(a.digest) != 64 || strings.Trim(a.digest, "0123456789abcdef") != "") {
		errs = append(errs, fmt.Errorf("--expect-sha256 %q: give all 64 hexadecimal digits that --dry-run shows", a.digest))
	}
	if a.projectID != "" && !batch.IsProjectID(batch.MemberKey(a.projectID)) {
		errs = append(errs, fmt.Errorf("--expect-project %q: give the id of a project, 32 hexadecimal digits", a.projectID))
	}
	for _, text := range []struct {
		flag, value string
		most        int
	}{{"--ticket", a.ticket, 200}, {"--reason", a.reason, 1000}} {
		if utf8.RuneCountInString(text.value) > text.most || !utf8.ValidString(text.value) || strings.ContainsFunc(text.value, unicode.IsControl) {
			errs = append(errs, fmt.Errorf("%s: give one line of at most %d characters", text.flag, text.most))
		}
	}
	return errors.Join(errs...)
}

// judgeRows refuses rows that are not the approved ones. The shards of a file are
// approved together: each of them compares the digest of the whole file.
func (a *approval) judgeRows(m *manifest.Manifest, o *runOptions) error {
	got, of := m.Digest, m.Name
	switch {
	case o.shard.Count > 0 && !o.choosesIDs():
		got = m.WholeDigest
	case o.chooses():
		of = "the chosen rows of " + m.Name
	}
	if a.digest == "" || a.digest == got {
		return nil
	}
	return fmt.Errorf("the digest of %s is %s, not %s as --expect-sha256 requires; nothing was sent", of, got, a.digest)
}

// judgeProject refuses credentials that are not of the approved project, or do
// not say of which one they are.
func (a *approval) judgeProject(s *cloud.Session) error {
	id, _ := s.Project()
	switch {
	case a.projectID == "" || id != "" && batch.MemberKey(id) == batch.MemberKey(a.projectID):
		return nil
	case id == "":
		return withHint(fmt.Errorf("--expect-project %s: the project of the credentials is not known", a.projectID), "set OS_PROJECT_ID to the project of the token")
	}
	return fmt.Errorf("the credentials are for project %s, not for %s as --expect-project requires; nothing was sent", id, a.projectID)
}

// record puts the approval into the identity of a run that has passed it.
func (a *approval) record(run *report.Run) {
	run.Ticket, run.Reason = a.ticket, a.reason
	run.ExpectedDigest, run.ExpectedProject = a.digest, a.projectID
}
