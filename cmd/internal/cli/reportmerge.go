package cli

import (
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/output"
	"imsrevoke/report"
)

func (c *Program) reportMergeCommand() *cobra.Command {
	var path, html string
	var overwrite bool
	cmd := &cobra.Command{
		Use:   "merge --output MERGED.csv REPORT...",
		Short: "Join the reports of the shards of one file",
		Long: `Merge joins the reports of the shards of one file (run --shard I/N) into one report,
with every row of the file once, in the order of the file.

It refuses anything that it cannot prove to be complete: reports of different files,
a shard that is missing or appears twice, a run that is still in progress. It reads
that from the journals, which must be beside the reports.`,
		Example:           `  imsrevoke report merge --output pairs.report.csv pairs.*-of-4.report.csv`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: cobra.FixedCompletions([]string{"csv"}, cobra.ShellCompDirectiveFilterFileExt),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || path == "" {
				return exit.WithHint(errors.New("expected the reports of the shards, and --output for the file that joins them"), seeHelp(cmd))
			}
			return c.mergeReports(args, path, html, overwrite)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&path, "output", "", "write the merged report to this `file`")
	f.StringVar(&html, "html", "", "also write an HTML report to this `file`, with the parts of all shards")
	f.BoolVar(&overwrite, "overwrite", false, "replace an existing file, once the new one is complete")
	return cmd
}

// mergeReports is the verb report merge.
func (c *Program) mergeReports(paths []string, path, html string, overwrite bool) (err error) {
	out := output.NewSet(c.Stdin, c.Stdout, paths...)
	out.Add(output.File{Kind: report.KindReport, Path: path, Flag: "--output", Replaces: overwrite, Advice: "name another file with --output, or replace it with --overwrite"})
	out.Add(output.File{Kind: report.KindHTML, Path: html, Flag: "--html", Replaces: overwrite, Advice: "name another file with --html, or replace it with --overwrite"})
	if err := out.Check(); err != nil {
		return err
	}
	var shards []*report.Results
	defer func() {
		for _, r := range slices.Backward(shards) {
			err = errors.Join(err, r.Close())
		}
	}()
	for _, shard := range paths {
		r, err := report.OpenResults(shard)
		if err != nil {
			return err
		}
		shards = append(shards, r)
	}
	merged, err := report.MergeFile(path, shards)
	if err != nil || html == "" {
		return cannotShow(path, err)
	}
	results, err := report.OpenResults(path)
	if err != nil {
		return err
	}
	defer results.Close()
	results.Origin, results.Stopped = merged.Run, merged.Stopped
	return cannotShow(html, report.View{Format: report.FormatHTML}.WriteFile(html, results))
}
