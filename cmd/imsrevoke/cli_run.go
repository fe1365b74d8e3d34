package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"imsrevoke/report"
)

func (c *cli) runCommand() *cobra.Command {
	o := newRunFlags()
	cmd := &cobra.Command{
		Use:   "run PAIRS.csv",
		Short: "Revoke every share that a file lists",
		Long: `Run revokes every image/member pair of a CSV file and writes a report with
one row for each row of the file. "-" reads standard input.

The whole file is read and judged before anything is sent. On a terminal run
shows what it is about to do and asks; elsewhere it needs --yes.

An image id is a UUID and a member id a project id, in any spelling: with or
without dashes, in upper case, in braces. Any other member id is taken for a
member with that very name; names of projects are not looked up.

Each flag can also be set by a variable of the environment: --max-rows by
IMSREVOKE_MAX_ROWS. A flag wins.

The exit code is 0 when every row is settled, 1 when a row is not, 2 when
nothing was sent, 3 when a limit has stopped the run, 4 when the credentials are
refused, 5 when the report cannot be written, 75 when another run holds the lock,
and 129, 130 or 143 after a signal.`,
		Example: `  imsrevoke run pairs.csv --os-cloud prod
  imsrevoke run audit.csv --rate 180/m --max-rows 5000 --yes
  OS_TOKEN=... imsrevoke run pairs.csv --endpoint https://image.example.com
  imsrevoke run pairs.csv --auth aksk --region cn-north-4`,
		Args:              oneFile,
		ValidArgsFunction: completeFile("csv"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.runJob(cmd, args[0], o, Revoke)
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
	return withHint(fmt.Errorf("expected one CSV file (or - for standard input), got %d", len(args)), seeHelp(cmd))
}

// runJob runs a job for a verb that reads a file.
func (c *cli) runJob(cmd *cobra.Command, input string, o *runFlags, job func(context.Context, *Environment, string, *Options) error) error {
	monitoring := o.Monitoring
	if o.Action.DryRun { // is not the job, and is not told of
		monitoring = Monitoring{}
	}
	return c.monitored(cmd, monitoring, o.logging, "every row is settled", func(e *Environment) error {
		if err := errors.Join(o.validate(), o.shard.complete(c.getenv)); err != nil {
			return err
		}
		return job(cmd.Context(), e, input, &o.Options)
	})
}

// monitored runs a job, and has told how it went. success says what it means that
// it ends with exit code 0.
func (c *cli) monitored(cmd *cobra.Command, to Monitoring, logging Logging, success string, job func(*Environment) error) error {
	// A log or a summary that nobody reads any more must not end a run.
	signal.Ignore(syscall.SIGPIPE)
	e := c.environment(logging)
	out := newOutputs(c.Stdin, c.Stdout)
	metrics := out.add(output{report.KindMetrics, to.Metrics, "--metrics", true, ""})
	e.Monitor = newMonitor(to, cmd.Name(), success, func() error { return out.mayWrite(metrics) }, e.Log)
	err := job(e)
	e.Monitor.ended(cmd.Context(), exitCode(err, c.underway.Started()), err)
	return err
}

// environment is what a job has around it.
func (c *cli) environment(logging Logging) *Environment {
	return &Environment{
		Console:       &c.Console,
		Getenv:        c.getenv,
		Log:           c.Logger(logging),
		Underway:      c.underway,
		ResumeCommand: c.resumeCommand,
	}
}
