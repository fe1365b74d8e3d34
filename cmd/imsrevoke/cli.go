package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"imsrevoke/batch"
	"imsrevoke/batch/plain"
)

// How imsrevoke talks:
//
//   - Standard output holds what was asked for, and nothing else.
//   - Standard error is for people. On a terminal it shows what is about to
//     happen, how far it is, and how it ended. Elsewhere it stays empty when
//     all went well, so that cron has nothing to mail.
//   - What others have written (a server, a file, another user) is text there, and
//     on a terminal in standard output, too: it steers nothing, and a line that
//     holds it is one line. See [plain.Writer] and say.
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
	// outputShown says that standard output is shown on a terminal.
	outputShown bool
	// redraws says that the terminal can show a line anew.
	redraws bool
	// underway is the journal of the run that is under way, empty for work that
	// can be done again, and nil as long as nothing was sent.
	underway *atomic.Pointer[string]
	// program is the name under which it was started, args what came behind.
	program string
	args    []string
	// monitor is told how the job under way goes; nil when nobody watches.
	monitor *monitor
	// width is that of the terminal in columns, 0 when it is not known.
	width func() int
}

func newCLI() *cli {
	terminal := term.IsTerminal(int(os.Stderr.Fd()))
	return &cli{
		program:     os.Args[0],
		stdin:       os.Stdin,
		stdout:      os.Stdout,
		stderr:      os.Stderr,
		getenv:      getenv,
		terminal:    terminal,
		interactive: terminal && term.IsTerminal(int(os.Stdin.Fd())),
		outputShown: term.IsTerminal(int(os.Stdout.Fd())),
		redraws:     terminal && os.Getenv("TERM") != "dumb",
		width: func() int {
			width, _, err := term.GetSize(int(os.Stderr.Fd()))
			if err != nil {
				return 0
			}
			return width
		},
	}
}

// columns is the width that lines are made for.
func (c *cli) columns() int {
	const usual = 80
	if width := c.width(); width > 0 {
		return width
	}
	return usual
}

// run executes a command line, without the program's name, and returns the
// exit code.
func (c *cli) run(args []string) int {
	c.underway = new(atomic.Pointer[string])
	c.stderr = plain.NewWriter(c.stderr)
	if c.outputShown {
		c.stdout = plain.NewWriter(c.stdout)
	}
	out := &checkedWriter{w: c.stdout}
	c.stdout = out
	ctx, stop := c.interruptible(context.Background())
	defer stop()
	c.args = args
	root := c.rootCommand()
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) { // a shell, with or without descriptions
		completeFlags(root)
	}
	root.SetArgs(args)
	root.SetIn(c.stdin)
	root.SetOut(c.stdout)
	root.SetErr(c.stderr)
	err := root.ExecuteContext(ctx)
	if out.err != nil && (err == nil || errors.Is(err, out.err) && !errors.Is(err, errRecord)) {
		err = cannotWrite("the output", "standard output", out.err, "")
	}
	var signalled interrupted
	switch {
	case err == nil, errors.As(err, new(*told)):
	case errors.As(err, &signalled) && c.underway.Load() == nil: // whatever it has cut off
		c.say("imsrevoke: %v: nothing was sent", signalled)
	default:
		fmt.Fprintf(c.stderr, "imsrevoke: %s\n", indented(err))
	}
	return c.exitCode(err)
}

// say writes one line to standard error, whatever its parts hold.
func (c *cli) say(format string, args ...any) {
	fmt.Fprintln(c.stderr, plain.Line(fmt.Sprintf(format, args...)))
}

// indented is an error whose further lines cannot be taken for lines of their own.
func indented(err error) string { return strings.ReplaceAll(err.Error(), "\n", "\n  ") }

// screen is standard error for what draws on it with control characters, and has
// no words but its own.
func (c *cli) screen() io.Writer {
	if w, ok := c.stderr.(*plain.Writer); ok {
		return w.Unwrap()
	}
	return c.stderr
}

// A checkedWriter keeps its first error, so that output which nobody looked after
// is not lost in silence.
type checkedWriter struct {
	w   io.Writer
	err error
}

func (c *checkedWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	if c.err == nil {
		c.err = err
	}
	return n, err
}

func (c *cli) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "imsrevoke",
		Short: "Withdraw image shares in bulk",
		Long: `imsrevoke withdraws image shares in bulk: it reads image/member pairs from a
CSV file, asks the OpenStack Image API (or Huawei Cloud IMS) to remove each
member from its image, and writes a report with one row for each row of the
file.`,
		Example: `  imsrevoke demo                       # see it work, without a cloud
  imsrevoke list --output shares.csv   # every share of the project's images
  imsrevoke run pairs.csv --dry-run    # judge a file, send nothing
  imsrevoke run pairs.csv              # withdraw every share in it`,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownVerb(cmd, args[0])
			}
			return cmd.Help()
		},
		Args: cobra.ArbitraryArgs, // of verbs that there are none of
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return fromEnvironment(cmd.Flags(), c.getenv)
		},
	}
	root.SetFlagErrorFunc(explainFlag)
	root.AddCommand(c.listCommand(), c.runCommand(), c.restoreCommand(), c.checkCommand(), c.reportCommand(), c.demoCommand(), c.versionCommand())
	return root
}

// explainFlag says what to do about a flag that is not understood.
func explainFlag(cmd *cobra.Command, err error) error {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		if near, ok := batch.Nearest(unknown.GetSpecifiedName(), names); ok {
			return fmt.Errorf("%w: did you mean --%s?", err, near)
		}
	}
	return fmt.Errorf("%w\ntry '%s --help'", err, cmd.CommandPath())
}

// unknownVerb is the error for a verb that there is none of, with the nearest
// ones that there are.
func unknownVerb(root *cobra.Command, verb string) error {
	hint := "try 'imsrevoke --help'"
	root.SuggestionsMinimumDistance = 2
	if near := root.SuggestionsFor(verb); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return fmt.Errorf("there is no verb %q: %s", verb, hint)
}

// opposites are flags that cannot both be set.
var opposites = [][2]string{{"resume", "overwrite"}, {"resume", "dry-run"}, {"html", "dry-run"}}

// overridden reports whether a flag's opposite was given on the command line,
// which takes precedence over a variable.
func overridden(flags *pflag.FlagSet, name string) bool {
	for _, pair := range opposites {
		if pair[0] == name && flags.Changed(pair[1]) || pair[1] == name && flags.Changed(pair[0]) {
			return true
		}
	}
	return false
}

// fromEnvironment sets each flag that was not given from its variable:
// --max-rows from IMSREVOKE_MAX_ROWS.
func fromEnvironment(flags *pflag.FlagSet, getenv func(string) string) error {
	var err error
	flags.VisitAll(func(f *pflag.Flag) {
		name := "IMSREVOKE_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value := getenv(name)
		if err != nil || f.Changed || value == "" || f.Name == "help" || overridden(flags, f.Name) {
			return
		}
		if e := f.Value.Set(value); e != nil {
			err = fmt.Errorf("%s=%s: %w", name, value, e)
		}
	})
	return err
}
