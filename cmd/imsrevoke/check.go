package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"imsrevoke/batch"
	"imsrevoke/batch/manifest"
	"imsrevoke/report"
)

func (c *cli) checkCommand() *cobra.Command {
	o := newRunOptions()
	cmd := &cobra.Command{
		Use:   "check FILE.csv",
		Short: "Tell which shares of a file are still there",
		Long: `Check reads the member list of each image that a file names, and writes a
report that says of each row whether its share is still there. It changes
nothing. The file is one of pairs, or the report of an earlier run, which check
proves in that way.

The exit code is 0 when none of the shares is there any more.`,
		Example: `  imsrevoke check pairs.csv --os-cloud prod
  imsrevoke check pairs.report.csv`,
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.checkFile(cmd.Context(), args[0], o)
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
	path, err := reportPath(input, ".check.csv", o)
	if err != nil {
		return err
	}
	exists, err := occupied(path, input)
	if err != nil {
		return err
	}
	if exists && !o.overwrite {
		return existsError(path)
	}
	return c.checkManifest(ctx, m, path, o, log)
}

func (c *cli) checkManifest(ctx context.Context, m *manifest.Manifest, path string, o *runOptions, log *slog.Logger) error {
	session, err := c.connect(ctx, o, log)
	if err != nil {
		return err
	}
	r := &run{cli: c, options: o, log: log, manifest: m, session: session, left: m.Rows, started: time.Now()}
	api, closeAPI := r.openAPI()
	defer closeAPI()

	// A check can be made again, so that what it finds is kept for its own
	// time only.
	dir, err := os.MkdirTemp("", "imsrevoke-check-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	found, err := report.CreateJournal(filepath.Join(dir, "journal"), r.identity())
	if err != nil {
		return cannotWrite(path, err)
	}
	defer found.Close()

	bar := r.startProgress()
	counts, stopped := r.job(bar).Check(ctx, m.Reader(), api, bar.recorder(found))
	bar.finish()
	if err := found.Flush(); err != nil {
		return cannotWrite(path, err)
	}
	projectID, _ := session.Project()
	s := summary{
		Input: m.Name, Report: path, Endpoint: session.Endpoint().String(), Project: projectID,
		Started: r.started, counts: counts,
	}
	result := report.CSV{
		Input: m.Reader(), Columns: m.Columns, Rows: m.Rows,
		Journal: found, Rest: batch.Skipped, Reason: stopReason(stopped),
	}
	if s.tally, err = result.WriteFile(path); err != nil {
		return cannotWrite(path, err)
	}
	if stopped == nil && s.tally.Settled() < s.tally.Rows {
		stopped = errUnsettled
	}
	return c.conclude(s, stopped, o)
}
