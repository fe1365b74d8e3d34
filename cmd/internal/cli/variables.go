package cli

import (
	"log/slog"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"imsrevoke/batch"
)

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
