package cli

import "github.com/spf13/cobra"
import "imsrevoke/cmd/internal/job"

func (c *Program) checkCommand() *cobra.Command {
	o := newRunFlags()
	cmd := &cobra.Command{
		Use:   "check FILE.csv",
		Short: "Tell which shares of a file are still there",
		Long: `Check reads the whole member list of each image that a file names, and writes
a report that says of each row whether its share still exists, in any spelling of
its ids. It changes nothing. The file is one of pairs, or the report of an earlier run, which check
proves in that way.

The exit code is 0 when every row is proved gone. A member that is not a project
id and not in the list proves nothing: names are not looked up.`,
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
