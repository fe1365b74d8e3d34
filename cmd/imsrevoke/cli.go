package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// How imsrevoke talks:
//
//   - Standard output holds what was asked for, and nothing else.
//   - Standard error is for people. On a terminal it shows what is about to
//     happen, how far it is, and how it ended. Elsewhere it stays empty when
//     all went well, so that cron has nothing to mail.
//   - A message of an error begins with "imsrevoke: ", in lower case and
//     without a full stop at its end, and says what to do where it can.

// A cli is the program with what surrounds it.
type cli struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	// terminal says that standard error is shown to a person, interactive that
	// this person can also answer.
	terminal, interactive bool
	// args is the command line, the program's name first.
	args []string
	// width is that of the terminal in columns.
	width func() int
}

func newCLI() *cli {
	terminal := term.IsTerminal(int(os.Stderr.Fd())) && os.Getenv("TERM") != "dumb"
	return &cli{
		args:        os.Args[:1],
		stdin:       os.Stdin,
		stdout:      os.Stdout,
		stderr:      os.Stderr,
		getenv:      os.Getenv,
		terminal:    terminal,
		interactive: term.IsTerminal(int(os.Stderr.Fd())) && term.IsTerminal(int(os.Stdin.Fd())),
		width: func() int {
			width, _, err := term.GetSize(int(os.Stderr.Fd()))
			if err != nil || width <= 0 {
				return 80
			}
			return width
		},
	}
}

// run executes a command line, without the program's name, and returns the
// exit code.
func (c *cli) run(args []string) int {
	ctx, stop := c.interruptible(context.Background())
	defer stop()
	c.args = append(c.args[:1:1], args...)
	root := c.rootCommand()
	root.SetArgs(args)
	root.SetIn(c.stdin)
	root.SetOut(c.stdout)
	root.SetErr(c.stderr)
	err := root.ExecuteContext(ctx)
	if err != nil && !errors.As(err, new(*told)) {
		fmt.Fprintf(c.stderr, "imsrevoke: %v\n", err)
	}
	return exitCode(err)
}

func (c *cli) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "imsrevoke",
		Short: "Withdraw image shares in bulk",
		Long: `imsrevoke withdraws image shares in bulk: it reads image/member pairs from a
CSV file, asks the OpenStack Image API (or Huawei Cloud IMS) to remove each
member from its image, and writes a report with one row for each row of the
file.`,
		Example: `  imsrevoke demo                       see it work, without a cloud
  imsrevoke run pairs.csv --dry-run    judge a file, send nothing
  imsrevoke run pairs.csv              withdraw every share in it`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return fromEnvironment(cmd.Flags(), c.getenv)
		},
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w\ntry '%s --help'", err, cmd.CommandPath())
	})
	root.AddCommand(c.runCommand(), c.demoCommand(), c.versionCommand())
	return root
}

// fromEnvironment sets each flag that was not given from its variable:
// --max-rows from IMSREVOKE_MAX_ROWS.
func fromEnvironment(flags *pflag.FlagSet, getenv func(string) string) error {
	var err error
	flags.VisitAll(func(f *pflag.Flag) {
		name := "IMSREVOKE_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value := getenv(name)
		if err != nil || f.Changed || value == "" || f.Name == "help" {
			return
		}
		if e := flags.Set(f.Name, value); e != nil {
			err = fmt.Errorf("%s: %w", name, e)
		}
	})
	return err
}
