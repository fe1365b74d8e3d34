package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagGroups are the headings under which help shows the flags of a command, and
// the names of the flags under each, in their order. Other flags come last.
var flagGroups = []struct {
	title string
	flags string
}{
	{"Action", "dry-run online resume yes verify trust-report received"},
	{"Input", "image-column member-column delimiter encoding strict max-rows"},
	{"Selection", "image member where shard only status shared-before owner all-projects gone names not-in allow-empty keep"},
	{"Approval", "expect-sha256 expect-project ticket reason"},
	{"Output", "report output format overwrite allow-partial bom html summary progress"},
	{"Limits", "rate workers attempts attempt-timeout outage-patience max-duration drain max-failures lock"},
	{"Connection", "os-cloud endpoint region auth token-file cacert"},
	{"Monitoring", "metrics ping log-level log-format"},
}

const (
	// widestHelp is the widest help text, in columns: longer lines are hard to read.
	widestHelp = 100
	// groupedFrom is how many flags a command has when help groups them.
	groupedFrom = 10
)

// showsFlagGroups makes help group the flags of a command that has many of them,
// and wrap their descriptions at the width of the terminal.
func (c *Program) showsFlagGroups(root *cobra.Command) {
	const plainFlags = "Flags:\n{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}"
	template, help := root.UsageTemplate(), root.HelpFunc()
	if !strings.Contains(template, plainFlags) {
		panic("the usage template of cobra has changed")
	}
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		flags := groupedUsages(cmd.LocalFlags(), min(c.Columns(), widestHelp))
		cmd.SetUsageTemplate(strings.Replace(template, plainFlags, fmt.Sprintf("{{%q}}", flags), 1))
		help(cmd, args)
	})
}

// groupedUsages describes flags under the headings of their groups.
func groupedUsages(flags *pflag.FlagSet, width int) string {
	all := 0
	flags.VisitAll(func(f *pflag.Flag) { all++ })
	if all < groupedFrom {
		return "Flags:\n" + strings.TrimRight(flags.FlagUsagesWrapped(width), "\n")
	}
	var b strings.Builder
	var shown []string
	show := func(title string, names []string) {
		group := pflag.NewFlagSet(title, pflag.ContinueOnError)
		group.SortFlags = false
		for _, name := range names {
			if f := flags.Lookup(name); f != nil {
				group.AddFlag(f)
				shown = append(shown, name)
			}
		}
		if group.HasFlags() {
			fmt.Fprintf(&b, "%s:\n%s\n", title, group.FlagUsagesWrapped(width))
		}
	}
	for _, g := range flagGroups {
		show(g.title, strings.Fields(g.flags))
	}
	var others []string
	flags.VisitAll(func(f *pflag.Flag) {
		if !slices.Contains(shown, f.Name) {
			others = append(others, f.Name)
		}
	})
	show("Other", others)
	return strings.TrimRight(b.String(), "\n")
}
