package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"imsrevoke/batch"
	"imsrevoke/batch/manifest"
	"imsrevoke/batch/plain"
	"imsrevoke/report"
)

func (c *cli) restoreCommand() *cobra.Command {
	o := newRunOptions()
	o.outcome = batch.Revoked
	cmd := &cobra.Command{
		Use:   "restore REPORT",
		Short: "Share again what a run has revoked",
		Long: `Restore shares again exactly what the report of a run says was revoked, and
writes a report of its own. It is the way back from a file that was wrong.

What the members had answered is gone: each finds the share pending, and has to
accept it again. Rows that may have been revoked, but of which the report does
not say so for certain, are left alone; the plan tells how many they are.

The journal beside the report must say the same of each share. Without a journal
the plan says so, and with --yes restore needs --trust-report.`,
		Example: `  imsrevoke restore pairs.report.csv --dry-run
  imsrevoke restore pairs.report.csv --os-cloud prod
  imsrevoke restore pairs.report.csv --member edc89b490d7d4392898e19b2deb34797`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && args[0] != "-" {
				return nil
			}
			return fmt.Errorf("name the file with the report of one run: try '%s --help'", cmd.CommandPath())
		},
		ValidArgsFunction: completeFile("csv"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.monitored(cmd.Context(), "restore", o, func(c *cli) error { return c.restoreFile(cmd.Context(), args[0], o) })
		},
	}
	o.registerRestore(cmd.Flags())
	return cmd
}

// restoreFile is the verb restore.
func (c *cli) restoreFile(ctx context.Context, input string, o *runOptions) error {
	w := restoring
	var err error
	if w.undone, err = surveyRun(input); err != nil {
		return err
	}
	return c.workOn(ctx, input, o, w)
}

// surveyRun reads the report of a run, and refuses what is none, or says of no
// share that it was revoked.
func surveyRun(path string) (*report.Survey, error) {
	results, err := openResults(path)
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
	const instead = "name the report of the run that is to be undone"
	switch n := s.Outcomes; {
	case n[batch.Restored]+n[batch.Present] > 0:
		return nil, fmt.Errorf("%s is the report of a restore: %s", path, instead)
	case n[batch.Shared] > 0:
		return nil, fmt.Errorf("%s is the report of a check: %s", path, instead)
	case n[batch.Revoked] == 0:
		return nil, fmt.Errorf("%s says of none of its rows that the share was revoked (it has %s): there is nothing to restore", path, orNone(outcomes(n, ", ")))
	}
	return s, nil
}

// prove holds the rows that are to be restored to the journal of the run that is
// undone: a report can be edited, and whoever can do so would get the shares that
// he has put there. It refuses what differs, and notes when there is no journal.
func (w *work) prove(m *manifest.Manifest) error {
	if w.undone == nil {
		return nil
	}
	proof, err := report.OpenProof(m.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		w.unproved = fmt.Errorf("its journal %s is missing", report.ProofOf(m.Name))
		return nil
	case err != nil:
		return fmt.Errorf("cannot prove what %s says: %s: %w", m.Name, report.ProofOf(m.Name), withoutPath(err))
	}
	defer proof.Close()
	column := slices.Index(m.Columns, "line")
	for rows := m.Reader(); ; {
		row, err := rows.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		line := 0 // which no row stands on
		if column >= 0 {
			line, _ = strconv.Atoi(rows.Other()[column])
		}
		switch revoked, err := proof.Revoked(line, row.ImageID, row.MemberID); {
		case err != nil:
			return fmt.Errorf("cannot prove what %s says: %s: %w", m.Name, proof.Name, err)
		case !revoked:
			return fmt.Errorf("%s, line %d: its journal %s does not say that this share was revoked: the report was changed, or is of another run; restore from the report as it was written",
				m.Name, row.Line, proof.Name)
		}
	}
}

// notes tell what speaks against restoring what the report says.
func (w *work) notes() []string {
	if w.unproved == nil {
		return nil
	}
	return []string{w.unproved.Error() + ": nothing but the report says which shares were revoked"}
}

// undoes tells in the plan which run is undone, and what remains as it is.
func (r *run) undoes(line func(name, format string, args ...any)) {
	s := r.work.undone
	if s == nil {
		return
	}
	if run := s.Run; run != nil {
		line("undoes", "the run of %s, of %s at %s", run.Started.Format("2006-01-02 15:04 MST"), run.Input, run.Endpoint)
	}
	if r.work.unproved != nil {
		line("unproved", "%v", r.work.unproved)
	}
	if _, words := r.work.leavesOut(r.manifest.Name); words != "" {
		line("left out", "%s", words)
	}
	line("pending", "each member has to accept its share again")
}

// leavesOut tells how many rows of the report that is undone may have been
// revoked too and are left as they are, and where to look at them.
func (w *work) leavesOut(path string) (n int, words string) {
	if w.undone == nil {
		return 0, ""
	}
	var among []string
	for _, o := range batch.Outcomes() {
		if lost := w.undone.Lost[o]; lost > 0 {
			n += lost
			among = append(among, string(o))
		}
	}
	if n == 0 {
		return 0, ""
	}
	return n, fmt.Sprintf("%s that may have been revoked too, without an answer that says so, see 'imsrevoke report %s --only %s'",
		plural(n, "row"), plain.Command(path), strings.Join(among, ","))
}

// otherPlace tells what speaks for other credentials than those of the run that
// is undone.
func (r *run) otherPlace() []string {
	if r.work.undone == nil || r.work.undone.Run == nil {
		return nil
	}
	then, now := r.work.undone.Run, r.identity()
	var notes []string
	if then.Endpoint != now.Endpoint {
		notes = append(notes, fmt.Sprintf("the run was at %s, and this is %s", then.Endpoint, now.Endpoint))
	}
	if then.Project != now.Project && then.Project != "" && now.Project != "" {
		notes = append(notes, fmt.Sprintf("the run was of the project %s, and these credentials are of %s", then.Project, now.Project))
	}
	return notes
}
