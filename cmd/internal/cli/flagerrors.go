package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"imsrevoke/batch"
	"imsrevoke/cmd/internal/exit"
)

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
