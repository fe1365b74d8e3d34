package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"imsrevoke/batch"
	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/job"
)

func (c *Program) restoreCommand() *cobra.Command {
	o := newRunFlags()
	o.Selection.Outcome = batch.Revoked
	cmd := &cobra.Command{
		Use:   "restore REPORT [--dry-run] [--os-cloud NAME] [--rate R] [--resume] [--yes]",
		Short: "Undo a run: share again what it has revoked",
		Long: `Restore undoes a run with the wrong file: it shares again exactly what the report
of the run says was revoked, and writes a report of its own.

Each member finds its share pending, whatever it was before, and has to accept it
again. Rows that may have been revoked, but whose outcome is not certain, are left
alone; the plan says how many they are.

The journal beside the report must say the same of each share. Without a journal
the plan says so, and --yes needs --trust-report.

See also: imsrevoke help safety, exit-codes.`,
		Example: `  imsrevoke restore pairs.report.csv --dry-run
  imsrevoke restore pairs.report.csv --os-cloud prod
  imsrevoke restore pairs.report.csv --member edc89b490d7d4392898e19b2deb34797`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && args[0] != "-" {
				return nil
			}
			if len(args) == 1 {
				return exit.WithHint(errors.New("cannot restore from standard input"), "name the file of the report")
			}
			return exit.WithHint(fmt.Errorf("expected one report, got %d files", len(args)), seeHelp(cmd))
		},
		ValidArgsFunction: completeFile("csv"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.runJob(cmd, args[0], o, job.Restore)
		},
	}
	o.registerRestore(cmd.Flags())
	return cmd
}
