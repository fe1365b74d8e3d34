package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
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
	environ        func() []string // the variables that getenv knows; nil where they are not to be looked through
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
		environ:     os.Environ,
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
	c.showsFlagGroups(root)
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) { // a shell, with or without descriptions
		c.completeFlags(root)
	}
	root.SetArgs(args)
	root.SetIn(c.stdin)
	root.SetOut(c.stdout)
	root.SetErr(c.stderr)
	c.refuseUnknownWords(root) // after SetOut, which cobra looks at then
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
		Short: "Revoke image shares in bulk",
		Long: `imsrevoke revokes image shares in bulk: it reads image/member pairs from a
CSV file, asks the OpenStack Image API (or Huawei Cloud IMS) to remove each
member from its image, and writes a report with one row for each row of the
file.`,
		Example: `  imsrevoke demo                       # see it work, without a cloud
  imsrevoke list --output shares.csv   # every share of the project's images
  imsrevoke run pairs.csv --dry-run    # validate a file, send nothing
  imsrevoke run pairs.csv              # revoke every share in it`,
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
				c.warnOfVariables(root, c.logger(level, format))
			}()
		}
		return fromEnvironment(cmd.Flags(), c.getenv)
	}
	root.SetFlagErrorFunc(explainFlag)
	root.AddCommand(c.listCommand(), c.runCommand(), c.restoreCommand(), c.checkCommand(), c.reportCommand(), c.demoCommand(), c.versionCommand())
	return root
}

// seeHelp is the hint for a command line that is not understood.
func seeHelp(cmd *cobra.Command) string { return "see '" + cmd.CommandPath() + " --help'" }

// explainFlag says what is wrong with a flag, and what to do about it.
func explainFlag(cmd *cobra.Command, err error) error {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return badValue("--"+invalid.GetFlag().Name, invalid.GetFlag(), invalid.GetValue(), invalid.Unwrap())
	}
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		name := unknown.GetSpecifiedName()
		for _, full := range names { // there are no short flags, but for -h
			if shorthands := unknown.GetSpecifiedShortnames(); shorthands != "" && strings.HasPrefix(full, shorthands) {
				return withHint(fmt.Errorf("unknown flag: -%s", shorthands), "did you mean --"+full+"?")
			}
		}
		if near, ok := batch.Nearest(name, names); ok {
			return withHint(err, "did you mean --"+near+"?")
		}
	}
	return withHint(err, seeHelp(cmd))
}

// badValue is the error for a value of a flag, which name gives or a variable. The
// types of this program say in cause what is wrong with it; of pflag's own, the
// errors of Go are left out.
func badValue(name string, f *pflag.Flag, value string, cause error) error {
	wanted := map[string]string{
		"int": "a whole number", "duration": "a duration such as 30s, 10m or 2h", "bool": "true or false",
	}[f.Value.Type()]
	if wanted == "" {
		return fmt.Errorf("%s: %w", name, cause)
	}
	return fmt.Errorf("%s: %q is not %s", name, value, wanted)
}

// unknownVerb is the error for a verb that there is none of, with the nearest
// ones that there are.
func unknownVerb(root *cobra.Command, verb string) error {
	hint := seeHelp(root)
	root.SuggestionsMinimumDistance = 2
	if near := root.SuggestionsFor(verb); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return withHint(fmt.Errorf("there is no verb %q", verb), hint)
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

// prefix is how the variables of the flags begin.
const prefix = "IMSREVOKE_"

// variableOf is the variable of a flag: IMSREVOKE_MAX_ROWS of --max-rows.
func variableOf(f *pflag.Flag) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
}

// fromEnvironment sets each flag that was not given from its variable.
func fromEnvironment(flags *pflag.FlagSet, getenv func(string) string) error {
	var err error
	flags.VisitAll(func(f *pflag.Flag) {
		name := variableOf(f)
		value := getenv(name)
		if err != nil || f.Changed || value == "" || f.Name == "help" || overridden(flags, f.Name) {
			return
		}
		if e := f.Value.Set(value); e != nil {
			err = badValue(name, f, value, e)
		}
	})
	return err
}

// warnOfVariables warns of variables that look like those of flags and belong to
// none, of any verb: a misspelling would be a setting that is not obeyed.
func (c *cli) warnOfVariables(root *cobra.Command, log *slog.Logger) {
	if c.environ == nil {
		return
	}
	known := make(map[string]bool)
	var names []string
	var collect func(*cobra.Command)
	collect = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if name := variableOf(f); !known[name] {
				known[name] = true
				names = append(names, name)
			}
		})
		for _, sub := range cmd.Commands() {
			collect(sub)
		}
	}
	collect(root)
	for _, variable := range c.environ() {
		name, value, _ := strings.Cut(variable, "=")
		if value == "" || !strings.HasPrefix(name, prefix) || known[name] || isServiceLink(name) {
			continue
		}
		if near, ok := batch.Nearest(name, names); ok {
			log.Warn("a variable belongs to no flag: did you mean "+near+"?", "variable", name)
		} else {
			log.Warn("a variable belongs to no flag", "variable", name)
		}
	}
}

// isServiceLink reports whether Kubernetes sets a variable in every pod, for a
// Service of this name.
func isServiceLink(name string) bool {
	return strings.HasPrefix(name, prefix+"SERVICE_") || strings.HasPrefix(name, prefix+"PORT")
}
