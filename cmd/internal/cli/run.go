package cli

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/job"
	"imsrevoke/cmd/internal/notify"
	"imsrevoke/cmd/internal/output"
	"imsrevoke/cmd/internal/ui"
	"imsrevoke/report"
)

func (c *Program) runCommand() *cobra.Command {
	o := newRunFlags()
	cmd := &cobra.Command{
		Use:   "run PAIRS.csv [--dry-run] [--os-cloud NAME] [--rate R] [--resume] [--yes]",
		Short: "Revoke every share in a file",
		Long: `Run revokes every image/member pair of a CSV file, and writes a report with one
row for each row of the file. "-" reads standard input. With --resume, the file can
also be the journal of the run to resume, which has all of its rows.

The whole file is validated before anything is sent. On a terminal, run shows
what it is about to do and asks; elsewhere it needs --yes.

An image id is a UUID and a member id a project id, in any spelling: with or
without dashes, in upper case, in braces. Any other member id means a member with
exactly that name; names of projects are not looked up.

Every flag can also be set by an environment variable: --max-rows by
IMSREVOKE_MAX_ROWS. A flag takes precedence.

See also: imsrevoke help input, report, safety, exit-codes, troubleshooting.`,
		Example: `  imsrevoke run pairs.csv --os-cloud prod
  imsrevoke run audit.csv --rate 180/m --max-rows 5000 --yes
  OS_TOKEN=... imsrevoke run pairs.csv --endpoint https://image.example.com
  imsrevoke run pairs.csv --auth aksk --region cn-north-4`,
		Args:              oneFile,
		ValidArgsFunction: completeFile("csv", "journal"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.runJob(cmd, args[0], o, job.Revoke)
		},
	}
	o.register(cmd.Flags())
	return cmd
}

// oneFile demands the one argument of a verb that reads a file.
func oneFile(cmd *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	return exit.WithHint(fmt.Errorf("expected one CSV file (or - for standard input), got %d", len(args)), seeHelp(cmd))
}

// runJob runs a job for a verb that reads a file.
func (c *Program) runJob(cmd *cobra.Command, input string, o *runFlags, do func(context.Context, *job.Environment, string, *job.Options) error) error {
	monitoring := o.Monitoring
	if o.Action.DryRun { // is not the job, and is not told of
		monitoring = notify.Targets{}
	}
	return c.monitored(cmd, monitoring, o.logging, "every row is settled", func(e *job.Environment) error {
		if err := errors.Join(o.validate(), o.shard.complete(c.Getenv)); err != nil {
			return err
		}
		return do(cmd.Context(), e, input, &o.Options)
	})
}

// monitored runs a job, and has told how it went. success says what it means that
// it ends with exit code 0.
func (c *Program) monitored(cmd *cobra.Command, to notify.Targets, logging ui.Logging, success string, do func(*job.Environment) error) error {
	// A log or a summary that nobody reads any more must not end a run.
	signal.Ignore(syscall.SIGPIPE)
	e := c.environment(logging)
	out := output.NewSet(c.Stdin, c.Stdout)
	metrics := out.Add(output.File{Kind: report.KindMetrics, Path: to.Metrics, Flag: "--metrics", Replaces: true})
	e.Monitor = notify.New(to, cmd.Name(), success, func() error { return out.MayWrite(metrics) }, e.Log)
	err := do(e)
	e.Monitor.End(cmd.Context(), exit.Code(err, c.underway.Started()), err)
	return err
}

// environment is what a job has around it.
func (c *Program) environment(logging ui.Logging) *job.Environment {
	return &job.Environment{
		Console:       &c.Console,
		Getenv:        c.Getenv,
		Log:           c.Logger(logging),
		Underway:      c.underway,
		ResumeCommand: c.resumeCommand,
	}
}
