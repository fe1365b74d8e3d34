package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"imsrevoke/batch"
	"imsrevoke/cmd/internal/job"
)

func (c *Program) restoreCommand() *cobra.Command {
	o := newRunFlags()
	o.Selection.Outcome = batch.Revoked
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
			return c.runJob(cmd, args[0], o, job.Restore)
		},
	}
	o.registerRestore(cmd.Flags())
	return cmd
}
