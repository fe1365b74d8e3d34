package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"imsrevoke/batch"
	"imsrevoke/report"
)

// viewOptions are the flags of the verb report.
type viewOptions struct {
	format    choice
	only      outcomeList
	output    string
	overwrite bool
	bom       bool
}

func (c *cli) reportCommand() *cobra.Command {
	o := &viewOptions{}
	for _, format := range report.Formats() {
		o.format.words = append(o.format.words, string(format))
	}
	cmd := &cobra.Command{
		Use:   "report REPORT",
		Short: "Show an existing report in another form, or a part of it",
		Long: `Report shows the report of an earlier run again: as CSV, as JSON, as one line
of JSON for each row, or as a page to look at. In place of a report it reads the
journal of a run that is under way or was cut off, and shows what is known.

--only chooses rows by their outcome. The CSV of such rows is good input for run
and check.`,
		Example: `  imsrevoke report pairs.report.csv --output pairs.html
  imsrevoke report pairs.report.csv --only failed,unknown > again.csv
  imsrevoke report pairs.report.csv --format json | jq .counts
  imsrevoke report pairs.report.csv.journal --only unknown`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: completeFile("csv", "journal"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return withHint(fmt.Errorf("expected one report or journal, got %d files", len(args)), seeHelp(cmd))
			}
			return c.showResults(args[0], o)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.Var(&o.format, "format", "output format (default by the ending of --output; a table on a terminal, else csv)")
	f.Var(&o.only, "only", "only rows with these `outcomes`, such as failed,unknown, or settled, or unsettled (default all)")
	f.StringVar(&o.output, "output", "", "write to this `file` (default standard output)")
	f.BoolVar(&o.overwrite, "overwrite", false, "replace an existing file, once the new one is complete")
	f.BoolVar(&o.bom, "bom", false, "start a CSV with a byte order mark, for Excel")
	cmd.AddCommand(c.reportMergeCommand(), c.reportVerifyCommand())
	return cmd
}

// showResults is the verb report.
func (c *cli) showResults(path string, o *viewOptions) error {
	format, err := chosenFormat(&o.format, o.output)
	if err != nil {
		return err
	}
	view := report.View{Format: format, Only: o.only, ByteOrderMark: o.bom}
	if o.bom && view.Format != report.FormatCSV {
		return fmt.Errorf("--bom is for csv, not for %s", view.Format)
	}
	out := c.newOutputs(path)
	out.add(output{view.Format.Kind(), o.output, "--output", o.overwrite, "name another file with --output, or replace it with --overwrite"})
	if err := out.judge(); err != nil {
		return err
	}
	results, err := openResults(path)
	if err != nil {
		return err
	}
	defer results.Close()
	if results.IsJournal() {
		if err := results.CheckOwn(); err != nil {
			c.say("imsrevoke: warning: %s: %v", path, err)
		}
	}
	if n := results.Unnamed(); n > 0 {
		c.say("imsrevoke: the run of %s has not ended: %s more may have been sent; resume or finish the run to know which", path, plural(n, "row"))
	}
	if o.output == "" && o.format.word == "" && c.outputShown {
		return cannotShow("standard output", c.showTable(view, results))
	}
	if o.output == "" {
		return cannotShow("standard output", view.Write(c.stdout, results))
	}
	return cannotShow(o.output, view.WriteFile(o.output, results))
}

// openResults opens a report, or its journal.
func openResults(path string) (*report.Results, error) {
	results, err := report.OpenResults(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil, withHint(fmt.Errorf("cannot read the report: %s: %w", path, withoutPath(err)), "check the path and its permissions")
	}
	return results, err
}

// chosenFormat returns what --format says, or else the format that the ending of
// output stands for. A file whose ending promises something else is not written.
func chosenFormat(format *choice, output string) (report.Format, error) {
	if format.word != "" {
		return report.Format(format.word), nil
	}
	switch ending := strings.ToLower(strings.TrimPrefix(filepath.Ext(output), ".")); {
	case slices.Contains(format.words, ending):
		return report.Format(ending), nil
	case ending == "" || ending == "txt":
		return report.FormatCSV, nil
	default:
		return "", withHint(fmt.Errorf("--output %s: no format has the ending .%s", output, ending),
			"end it in ."+strings.Join(format.words, ", .")+", or set --format")
	}
}

// cannotShow is the error for results that could not be written to a file. When
// what they were to be made of is to blame, it says that.
func cannotShow(path string, err error) error {
	if err == nil || errors.Is(err, report.ErrNoReport) || errors.Is(err, report.ErrDamaged) || errors.Is(err, report.ErrNoWhole) {
		return err
	}
	return cannotWrite("the report", path, err, "")
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
			return withHint(fmt.Errorf("%q is not an outcome", word), nearestOutcome(word))
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
