// Package cli is the command line: verbs, flags and their checks, help, completion,
// signals.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/job"
	"imsrevoke/cmd/internal/ui"
	"imsrevoke/cmd/internal/version"
)

// A Program is the program with what surrounds it.
type Program struct {
	ui.Console
	Getenv  func(string) string
	Environ func() []string // the variables that getenv knows; nil where they are not to be looked through
	// program is the name under which it was started, args what came behind.
	program string
	args    []string
	// underway says whether requests may have been sent.
	underway *job.Underway
}

// New returns the program as this process was started.
func New() *Program {
	return &Program{
		Console: ui.NewConsole(),
		program: os.Args[0],
		Getenv:  getenv,
		Environ: os.Environ,
	}
}

// Main is the program.
func Main() {
	// Only net/http writes there, of what servers send unasked.
	log.SetOutput(io.Discard)
	os.Exit(New().Run(os.Args[1:]))
}

// Run executes a command line, without the program's name, and returns the
// exit code.
func (c *Program) Run(args []string) int {
	c.underway = &job.Underway{}
	outputFailure := c.Guard()
	ctx, stop := c.interruptible(context.Background())
	defer stop()
	c.args = args
	root := c.RootCommand()
	c.showsFlagGroups(root)
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) { // a shell, with or without descriptions
		c.completeFlags(root)
	}
	root.SetArgs(args)
	root.SetIn(c.Stdin)
	root.SetOut(c.Stdout)
	root.SetErr(c.Stderr)
	c.refuseUnknownWords(root) // after SetOut, which cobra looks at then
	err := root.ExecuteContext(ctx)
	if failure := outputFailure(); failure != nil && (err == nil || errors.Is(err, failure) && !errors.Is(err, exit.ErrRecord)) {
		err = exit.CannotWrite("the output", "standard output", failure, "")
	}
	c.ShowNotes(c.Warnings()) // of a command that has ended before it could show them
	var signalled exit.Interrupted
	switch {
	case err == nil, exit.IsReported(err):
	case errors.As(err, &signalled) && !c.underway.Started(): // whatever it has cut off
		c.Say("imsrevoke: %v: nothing was sent", signalled)
	default:
		c.Complain(err)
	}
	return exit.Code(err, c.underway.Started())
}

func (c *Program) RootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "imsrevoke",
		Short: "Revoke image shares in bulk",
		Long: `imsrevoke revokes image shares in bulk: it reads image/member pairs from a
CSV file, asks the OpenStack Image API (or Huawei Cloud IMS) to remove each
member from its image, and writes a report with one row for each row of the
file.`,
		Example: `  imsrevoke demo                       # see it work, without a cloud
  imsrevoke list --output pairs.csv    # every share of the project's images
  imsrevoke run pairs.csv --dry-run    # validate the file, send nothing
  imsrevoke run pairs.csv              # revoke every share in it
  imsrevoke check pairs.csv            # prove that they are gone
  imsrevoke help troubleshooting       # common tasks, and every message`,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownVerb(cmd, args[0])
			}
			return cmd.Help()
		},
		Args: cobra.ArbitraryArgs, // of verbs that there are none of
	}
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if cmd.HasParent() && cmd.Flags().Lookup("log-level") != nil { // what only prints has no log
			defer func() {
				level, format := cmd.Flags().Lookup("log-level").Value.String(), cmd.Flags().Lookup("log-format").Value.String()
				c.warnOfVariables(root, c.Logger(ui.Logging{Level: level, Format: format}))
			}()
		}
		return fromEnvironment(cmd.Flags(), c.Getenv)
	}
	root.SetFlagErrorFunc(explainFlag)
	root.AddCommand(c.listCommand(), c.runCommand(), c.restoreCommand(), c.checkCommand(), c.reportCommand(), c.demoCommand(), c.versionCommand())
	return root
}

func (c *Program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  imsrevoke version",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			build := fmt.Sprintf("%s, %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH)
			if commit := version.Commit(); commit != "" {
				build = commit + ", " + build
			}
			_, err := fmt.Fprintf(c.Stdout, "imsrevoke %s (%s)\n", version.Program(), build)
			return err
		},
	}
}
