package cli

import "github.com/spf13/cobra"
import "imsrevoke/cmd/internal/job"

func (c *Program) checkCommand() *cobra.Command {
	o := newRunFlags()
	cmd := &cobra.Command{
		Use:   "check FILE.csv [--os-cloud NAME] [--rate R]",
		Short: "Check which shares of a file still exist",
		Long: `Check reads the whole member list of each image in a file, and writes a report
that says for each row whether its share still exists, in any spelling of its ids.
It changes nothing. The file is a list of pairs, or the report of an earlier run.

The exit code is 0 if every share is proved to be gone. A member that is not a
project id and not in the list proves nothing: names are not looked up.

See also: imsrevoke help report, exit-codes.`,
		Example: `  imsrevoke check pairs.csv --os-cloud prod
  imsrevoke check pairs.report.csv`,
		Args:              oneFile,
		ValidArgsFunction: completeFile("csv"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.runJob(cmd, args[0], o, job.Check)
		},
	}
	o.registerCheck(cmd.Flags())
	return cmd
}
