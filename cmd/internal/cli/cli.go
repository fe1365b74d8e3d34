// Package cli is the command line: verbs, flags and their checks, help, completion,
// signals.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"imsrevoke/batch"
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
		for _, full := range names { // there are few short flags
			if shorthands := unknown.GetSpecifiedShortnames(); shorthands != "" && strings.HasPrefix(full, shorthands) {
				return exit.WithHint(fmt.Errorf("unknown flag: -%s", shorthands), "did you mean --"+full+"?")
			}
		}
		if near, ok := batch.Nearest(name, names); ok {
			return exit.WithHint(err, "did you mean --"+near+"?")
		}
	}
	return exit.WithHint(err, seeHelp(cmd))
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
	return exit.WithHint(fmt.Errorf("there is no verb %q", verb), hint)
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
func (c *Program) warnOfVariables(root *cobra.Command, log *slog.Logger) {
	if c.Environ == nil {
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
	for _, variable := range c.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		if value == "" || !strings.HasPrefix(name, prefix) || known[name] || isServiceLink(name) {
			continue
		}
		if near, ok := batch.Nearest(name, names); ok {
			log.Warn("the environment variable belongs to no flag: did you mean "+near+"?", "variable", name)
		} else {
			log.Warn("the environment variable belongs to no flag", "variable", name)
		}
	}
}

// isServiceLink reports whether Kubernetes sets a variable in every pod, for a
// Service of this name.
func isServiceLink(name string) bool {
	return strings.HasPrefix(name, prefix+"SERVICE_") || strings.HasPrefix(name, prefix+"PORT")
}
