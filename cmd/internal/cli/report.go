package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"imsrevoke/batch"
	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/job"
	"imsrevoke/cmd/internal/output"
	"imsrevoke/report"
)

// viewOptions are the flags of the verb report.
type viewOptions struct {
	format    report.Format // empty: by the ending of output
	only      outcomeList
	output    string
	overwrite bool
	bom       bool
}

func (c *Program) reportCommand() *cobra.Command {
	o := &viewOptions{}
	cmd := &cobra.Command{
		Use:   "report REPORT [--format FORMAT] [--only OUTCOMES] [--output FILE]",
		Short: "Show a report in another form, or a part of it",
		Long: `Report shows the report of an earlier run: as a table, CSV, JSON, one line of JSON
for each row, or HTML. It also reads the journal of a run that is in progress or
was interrupted, and shows what is known.

--only chooses rows by their outcome. The CSV of such rows is good input for run
and check.

See also: imsrevoke help report.`,
		Example: `  imsrevoke report pairs.report.csv --output pairs.html
  imsrevoke report pairs.report.csv --only failed,unknown > again.csv
  imsrevoke report pairs.report.csv --format json | jq .counts
  imsrevoke report pairs.report.csv.journal --only unknown`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: completeFile("csv", "journal"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return exit.WithHint(fmt.Errorf("expected one report or journal, got %d files", len(args)), seeHelp(cmd))
			}
			return c.showResults(args[0], o)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.Var(&choice{(*string)(&o.format), words(report.Formats())}, "format", "output format (default by the ending of --output; a table on a terminal, else csv)")
	f.Var(&o.only, "only", "only rows with these `outcomes`, such as failed,unknown, or settled, or unsettled (default all)")
	f.StringVar(&o.output, "output", "", "write to this `file` (default standard output)")
	f.BoolVar(&o.overwrite, "overwrite", false, "replace an existing file, once the new one is complete")
	f.BoolVar(&o.bom, "bom", false, "start a CSV with a byte order mark, for Excel")
	cmd.AddCommand(c.reportMergeCommand(), c.reportVerifyCommand())
	return cmd
}

// showResults is the verb report.
func (c *Program) showResults(path string, o *viewOptions) error {
	format, err := chosenFormat(o.format, o.output, report.Formats())
	if err != nil {
		return err
	}
	view := report.View{Format: format, Only: o.only, ByteOrderMark: o.bom}
	if o.bom && view.Format != report.FormatCSV {
		return fmt.Errorf("--bom is for csv, not for %s", view.Format)
	}
	out := output.NewSet(c.Stdin, c.Stdout, path)
	out.Add(output.File{Kind: view.Format.Kind(), Path: o.output, Flag: "--output", Replaces: o.overwrite, Advice: "name another file with --output, or replace it with --overwrite"})
	if err := out.Check(); err != nil {
		return err
	}
	results, err := job.OpenResults(path)
	if err != nil {
		return err
	}
	defer results.Close()
	if results.IsJournal() {
		if err := results.CheckOwn(); err != nil {
			c.Say("imsrevoke: warning: %s: %v", path, err)
		}
	}
	if !results.Ended() {
		c.Say("imsrevoke: the run of %s has not ended: rows that may have been sent are shown as unknown, those that it has not reached as skipped", path)
	}
	if o.output == "" && o.format == "" && c.OutputShown {
		return cannotShow("standard output", c.ShowReport(view, results))
	}
	if o.output == "" {
		return cannotShow("standard output", view.Write(c.Stdout, results))
	}
	return cannotShow(o.output, view.WriteFile(o.output, results))
}

// chosenFormat returns the format that a flag says, or else the one that the ending
// of output stands for. A file whose ending promises something else is not written.
func chosenFormat(format report.Format, output string, formats []report.Format) (report.Format, error) {
	if format != "" {
		return format, nil
	}
	switch ending := strings.ToLower(strings.TrimPrefix(filepath.Ext(output), ".")); {
	case slices.Contains(formats, report.Format(ending)):
		return report.Format(ending), nil
	case ending == "" || ending == "txt":
		return report.FormatCSV, nil
	default:
		return "", exit.WithHint(fmt.Errorf("--output %s: no format has the ending .%s", output, ending),
			"end it in ."+strings.Join(words(formats), ", .")+", or set --format")
	}
}

// cannotShow is the error for results that could not be written to a file. When
// what they were to be made of is to blame, it says that.
func cannotShow(path string, err error) error {
	if err == nil || errors.Is(err, report.ErrNotReport) || errors.Is(err, report.ErrDamaged) || errors.Is(err, report.ErrIncompleteSet) {
		return err
	}
	return exit.CannotWrite("the report", path, err, "")
}

// An outcomeList is some outcomes, separated by commas.
type outcomeList []batch.Outcome

func (l *outcomeList) Type() string { return "outcomes" }

func (l *outcomeList) String() string {
	words := make([]string, len(*l))
	for i, o := range *l {
		words[i] = string(o)
	}
	return strings.Join(words, ",")
}

func (l *outcomeList) Set(text string) error {
	for word := range strings.SplitSeq(text, ",") {
		word = strings.TrimSpace(word)
		if !slices.Contains(outcomeWords(), word) {
			return exit.WithHint(fmt.Errorf("%q is not an outcome", word), nearestOutcome(word))
		}
		*l = append(*l, batch.Outcome(word))
	}
	return nil
}

// nearestOutcome is a hint for a word that is no outcome.
func nearestOutcome(word string) string {
	words := outcomeWords()
	if near, ok := batch.Nearest(word, words); ok {
		return "did you mean " + near + "?"
	}
	return "give one or more of " + strings.Join(words, ", ")
}

// outcomeWords are the words that --only takes.
func outcomeWords() []string {
	words := []string{string(report.Settled), string(report.Unsettled)}
	for _, o := range batch.Outcomes() {
		words = append(words, string(o))
	}
	return words
}
