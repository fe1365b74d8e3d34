package job

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"imsrevoke/batch"
	"imsrevoke/batch/plain"
	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/ui"
	"imsrevoke/report"
)

// Restore is the verb restore: it shares again what the report of a run says was
// revoked.
func Restore(ctx context.Context, e *Environment, input string, o *Options) error {
	survey, err := surveyRun(input)
	if err != nil {
		return err
	}
	return change(ctx, e, input, o, restore, &undoing{run: survey})
}

// An undoing is what is known of the run whose shares are restored. A nil one is
// that of a job that undoes nothing.
type undoing struct {
	run *report.Survey
	// unproven says why nothing but the report of the run says what it has done;
	// nil when its journal does.
	unproven error
}

// surveyRun reads the report of a run, and refuses what is none, or says of no
// share that it was revoked.
func surveyRun(path string) (*report.Survey, error) {
	results, err := OpenResults(path)
	if err != nil {
		return nil, err
	}
	defer results.Close()
	if results.IsJournal() {
		return nil, fmt.Errorf("%s is a journal: finish its run with --resume, or make a report of what it knows with 'imsrevoke report %s --output FILE.csv'",
			path, plain.Command(path))
	}
	s, err := results.Survey()
	if err != nil {
		return nil, err
	}
	const instead = "name the report of the run to undo"
	switch n := s.Outcomes; {
	case n[batch.Restored]+n[batch.Present] > 0:
		return nil, fmt.Errorf("%s is the report of a restore; %s", path, instead)
	case n[batch.Shared] > 0:
		return nil, fmt.Errorf("%s is the report of a check; %s", path, instead)
	case n[batch.Revoked] == 0:
		return nil, fmt.Errorf("%s has no revoked rows (it has %s), so there is nothing to restore", path, ui.OrNone(ui.Outcomes(n, ", ")))
	}
	return s, nil
}

// proveRows holds the rows that are to be restored to the journal of the run that is
// undone: a report can be edited, and whoever can do so would get the shares that
// they have put there. What differs is refused on its way into the plan. If there is no
// journal, that is noted.
func (u *undoing) proveRows(path string, plan *report.Plan) (*provenRows, error) {
	proof, err := report.OpenProof(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		u.unproven = fmt.Errorf("its journal %s is missing", report.ProofOf(path))
	case err != nil:
		return nil, fmt.Errorf("cannot prove what %s says: %s: %w", path, report.ProofOf(path), exit.WithoutPath(err))
	}
	return &provenRows{Plan: plan, path: path, proof: proof}, nil
}

// provenRows are rows of a report that its journal agrees with. They are a
// [manifest.Store].
type provenRows struct {
	*report.Plan
	path   string
	proof  *report.Proof // nil if there is none
	column int           // of the line of a row in the input of the run
}

func (p *provenRows) Begin(columns []string) error {
	p.column = slices.Index(columns, "line")
	return p.Plan.Begin(columns)
}

func (p *provenRows) Add(row batch.Row, other []string) error {
	if p.proof == nil {
		return p.Plan.Add(row, other)
	}
	line := 0 // which no row is on
	if p.column >= 0 {
		line, _ = strconv.Atoi(other[p.column])
	}
	switch revoked, err := p.proof.Revoked(line, row.ImageID, row.MemberID); {
	case err != nil:
		return fmt.Errorf("cannot prove what %s says: %s: %w", p.path, p.proof.Name, err)
	case !revoked:
		return exit.WithHint(fmt.Errorf("%s, line %d: its journal %s does not say that this share was revoked: the report was changed, or is of another run",
			p.path, row.Line, p.proof.Name), "restore from the report as it was written")
	}
	return p.Plan.Add(row, other)
}

// Close closes the journal.
func (p *provenRows) Close() error {
	if p.proof == nil {
		return nil
	}
	return p.proof.Close()
}

// notes tell what speaks against restoring what the report says.
func (u *undoing) notes() []string {
	if u == nil || u.unproven == nil {
		return nil
	}
	return []string{u.unproven.Error() + "; only the report says which shares were revoked"}
}

// entries say in the plan which run is undone, and what remains as it is.
func (u *undoing) entries(path string) []ui.Entry {
	if u == nil {
		return nil
	}
	var entries []ui.Entry
	add := func(name, format string, args ...any) {
		entries = append(entries, ui.Entry{Name: name, Text: fmt.Sprintf(format, args...)})
	}
	if run := u.run.Run; run != nil {
		add("undoes", "the run of %s, of %s at %s", run.Started.Format("2006-01-02 15:04 MST"), run.Input, run.Endpoint)
	}
	if u.unproven != nil {
		add("unproved", "%v", u.unproven)
	}
	if _, words := u.leavesOut(path); words != "" {
		add("left out", "%s", words)
	}
	add("pending", "each member has to accept its share again")
	return entries
}

// leavesOut tells how many rows of the report that is undone may have been
// revoked too and are left as they are, and where to look at them.
func (u *undoing) leavesOut(path string) (n int, words string) {
	if u == nil {
		return 0, ""
	}
	var among []string
	for _, o := range batch.Outcomes() {
		if lost := u.run.Lost[o]; lost > 0 {
			n += lost
			among = append(among, string(o))
		}
	}
	if n == 0 {
		return 0, ""
	}
	return n, fmt.Sprintf("%s that may have been revoked too, without an answer that says so, see 'imsrevoke report %s --only %s'",
		ui.Plural(n, "row"), plain.Command(path), strings.Join(among, ","))
}

// differences say how the credentials now differ from those of the run that is
// undone.
func (u *undoing) differences(now report.Run) []string {
	if u == nil || u.run.Run == nil {
		return nil
	}
	then := u.run.Run
	var notes []string
	if then.Endpoint != now.Endpoint {
		notes = append(notes, fmt.Sprintf("the run used the endpoint %s, not %s", then.Endpoint, now.Endpoint))
	}
	if then.Project != now.Project && then.Project != "" && now.Project != "" {
		notes = append(notes, fmt.Sprintf("the run was for project %s, and these credentials are for %s", then.Project, now.Project))
	}
	return notes
}

// OpenResults opens a report, or its journal.
func OpenResults(path string) (*report.Results, error) {
	results, err := report.OpenResults(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil, exit.WithHint(fmt.Errorf("cannot read the report: %s: %w", path, exit.WithoutPath(err)), "check the path and its permissions")
	}
	return results, err
}
