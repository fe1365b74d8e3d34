package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"imsrevoke/report"
)

func (c *cli) checkCommand() *cobra.Command {
	o := newRunOptions()
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
			return c.monitored(cmd.Context(), "check", o, func(c *cli) error { return c.checkFile(cmd.Context(), args[0], o) })
		},
	}
	o.registerCheck(cmd.Flags())
	return cmd
}

// checkFile is the verb check.
func (c *cli) checkFile(ctx context.Context, input string, o *runOptions) error {
	if err := o.validate(); err != nil {
		return err
	}
	log := c.logger(o.logLevel.word, o.logFormat.word)
	m, err := c.openManifest(ctx, input, o)
	if err != nil {
		return err
	}
	defer m.Close()
	c.warnOfFile(m, log)
	f, err := c.filesFor(input, checking, o)
	if err != nil {
		return err
	}
	session, err := c.connect(ctx, o, log)
	if err != nil {
		return err
	}
	r := &run{
		cli: c, work: checking, options: o, log: log, manifest: m, files: f, session: session,
		started: time.Now(), left: m.Rows,
	}
	return r.executeAside(ctx)
}

// executeAside does work that can be done again, so that what it finds is kept
// for its own time only, where there is room for its report.
func (r *run) executeAside(ctx context.Context) error {
	var err error
	if r.journal, err = report.TempJournal(filepath.Dir(r.files.report), r.identity()); err != nil {
		return cannotWrite("the report", r.files.report, err, otherReport)
	}
	defer r.journal.Close()
	return r.execute(ctx)
}
