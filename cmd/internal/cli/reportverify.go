package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"imsrevoke/batch/manifest"
	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/job"
	"imsrevoke/cmd/internal/ui"
	"imsrevoke/report"
)

func (c *Program) reportVerifyCommand() *cobra.Command {
	var d job.Dialect
	var input string
	cmd := &cobra.Command{
		Use:   "verify REPORT [--input PAIRS.csv]",
		Short: "Check that a report is unchanged",
		Long: `Verify compares a report with the journal beside it, which has the SHA-256 of the
report as it was written. If the report was changed, verify names the rows that
differ. With --input it also checks that the report is that of the file.

The exit code is 0 if everything matches and 1 if it does not.

This finds mistakes, not forgery: whoever can write both files can change both. To
prove who wrote a report, sign the two files, for example with ssh-keygen -Y sign
or minisign.`,
		Example: `  imsrevoke report verify pairs.report.csv
  imsrevoke report verify pairs.report.csv --input pairs.csv`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: completeFile("csv"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return exit.WithHint(fmt.Errorf("expected one report, got %d files", len(args)), seeHelp(cmd))
			}
			return c.verifyReport(cmd.Context(), args[0], input, d)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&input, "input", "", "also check that the report is of this `file` of pairs")
	registerDialect(f, &d)
	return cmd
}

// verifyReport is the verb report verify.
func (c *Program) verifyReport(ctx context.Context, path, input string, d job.Dialect) error {
	check, err := report.CheckReport(path)
	if errors.Is(err, report.ErrDamaged) || errors.Is(err, report.ErrNotReport) {
		return fmt.Errorf("%w: %w", report.ErrChanged, err)
	}
	if err != nil {
		return err
	}
	if err := judgeReport(path, check); err != nil {
		return err
	}
	fmt.Fprintf(c.Stdout, "%s is unchanged: %s, SHA-256 %s\n", path, ui.Plural(check.Rows, "row"), check.Digest)
	if input == "" {
		return nil
	}
	plan, err := report.NewPlan(filepath.Dir(input))
	if err != nil {
		return err
	}
	defer plan.Close()
	options := d.Manifest()
	options.Store = plan
	m, err := manifest.Open(ctx, input, options)
	if err != nil {
		return err
	}
	want := check.Run.Digest
	if check.Run.WholeDigest != "" {
		want = check.Run.WholeDigest
	}
	if m.Digest != want {
		return fmt.Errorf("%w: %s is not the input of %s: the SHA-256 of its pairs and lines is %s, not %s", report.ErrChanged, input, path, m.Digest, want)
	}
	fmt.Fprintf(c.Stdout, "%s is its input\n", input)
	return nil
}

// judgeReport says how a report differs from what its run wrote.
func judgeReport(path string, check *report.ReportCheck) error {
	if check.Unchanged() && check.Different == 0 {
		return nil
	}
	var b strings.Builder
	switch {
	case check.Run.ReportDigest == "" && check.Different == 0:
		return fmt.Errorf("%w, or its SHA-256 was never recorded: the journal of %s does not have it; the rows are those of the journal", report.ErrChanged, path)
	case check.Different == 0:
		fmt.Fprintf(&b, "%s has the SHA-256 %s, not %s as when it was written; the outcomes are those of the journal", path, check.Digest, check.Run.ReportDigest)
	default:
		fmt.Fprintf(&b, "%s differs from its journal in %s", path, ui.Plural(check.Different, "row"))
	}
	for _, d := range check.Differences {
		fmt.Fprintf(&b, "\n  line %d: %s", d.Line, d.What)
	}
	if more := check.Different - len(check.Differences); more > 0 {
		fmt.Fprintf(&b, "\n  and %s more", ui.Plural(more, "row"))
	}
	return fmt.Errorf("%w: %s", report.ErrChanged, b.String())
}
