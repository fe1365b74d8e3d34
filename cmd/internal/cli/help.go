package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"imsrevoke/batch"
	"imsrevoke/cmd/imsrevoke/docs"
	"imsrevoke/cmd/internal/exit"
)

// flagGroups are the headings under which help shows the flags of a command, and
// the names of the flags under each, in their order. Other flags come last.
var flagGroups = []struct {
	title string
	flags string
}{
	{"Action", "dry-run online resume yes verify trust-report received fast"},
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
// and wrap all but its examples at the width of the terminal. The help of the
// program itself ends with the topics.
func (c *Program) showsFlagGroups(root *cobra.Command) {
	const plainFlags = "Flags:\n{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}"
	template, help := root.UsageTemplate(), root.HelpFunc()
	if !strings.Contains(template, plainFlags) {
		panic("the usage template of cobra has changed")
	}
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		flags := groupedUsages(cmd.LocalFlags(), c.helpWidth())
		usage := strings.Replace(template, plainFlags, fmt.Sprintf("{{%q}}", flags), 1)
		usage = strings.Replace(usage, "{{.UseLine}}", fmt.Sprintf("{{%q}}", useLine(cmd, c.helpWidth())), 1)
		if cmd == root {
			const hint = "\n\nUse \"{{.CommandPath}} [command] --help\""
			usage = strings.Replace(usage, hint, fmt.Sprintf("{{%q}}", listedTopics())+hint, 1)
		}
		cmd.SetUsageTemplate(usage)
		cmd.Long = strings.TrimSpace(docs.Wrap(cmd.Long, c.helpWidth()))
		help(cmd, args)
	})
}

// useLine is how a command is called, wrapped between its flags.
func useLine(cmd *cobra.Command, width int) string {
	const indent = "      " // of further lines; the first one has less
	var b strings.Builder
	for i, part := range strings.Split(cmd.UseLine(), " [") {
		if i > 0 {
			b.WriteString(" [")
		}
		b.WriteString(strings.ReplaceAll(part, " ", "\u00a0"))
	}
	return strings.ReplaceAll(strings.TrimSpace(docs.Wrap(b.String(), width-len(indent))), "\n", "\n"+indent)
}

// helpWidth is how wide help is, in columns.
func (c *Program) helpWidth() int { return min(c.Columns(), widestHelp) }

// listedTopics are the topics of help with their titles.
func listedTopics() string {
	var b strings.Builder
	b.WriteString("\n\nHelp Topics (imsrevoke help TOPIC):")
	for _, topic := range docs.All() {
		fmt.Fprintf(&b, "\n  %-16s %s", topic.Name, topic.Title)
	}
	return b.String()
}

// topicNames are the names of the topics.
func topicNames() []string {
	var names []string
	for _, topic := range docs.All() {
		names = append(names, topic.Name)
	}
	return names
}

// refuseUnknownWords has help show topics too, and has help and completion refuse
// what they do not know, where cobra's own show something else and succeed.
func (c *Program) refuseUnknownWords(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Use = "help [VERB or TOPIC]"
			cmd.Short = "Show help for a verb or a topic"
			cmd.Long = "Help shows how to use a verb, or a document about a topic."
			cmd.Example = "  imsrevoke help run\n  imsrevoke help troubleshooting"
			cmd.Run, cmd.RunE = nil, func(_ *cobra.Command, args []string) error { return c.showHelp(root, args) }
			completeVerbs := cmd.ValidArgsFunction
			cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
				found, directive := completeVerbs(cmd, args, word)
				if len(args) == 0 {
					for _, topic := range docs.All() {
						if strings.HasPrefix(topic.Name, word) {
							found = append(found, cobra.CompletionWithDesc(topic.Name, topic.Title))
						}
					}
				}
				return found, directive
			}
		case "completion":
			cmd.Args = cobra.ArbitraryArgs
			cmd.RunE = func(cmd *cobra.Command, args []string) error {
				if len(args) > 0 {
					return exit.WithHint(fmt.Errorf("there is no completion for %q", args[0]), "use bash, zsh, fish or powershell")
				}
				return cmd.Help()
			}
		}
	}
}

// showHelp shows a topic, or how to use a verb.
func (c *Program) showHelp(root *cobra.Command, args []string) error {
	if len(args) == 1 {
		if topic, ok := docs.Find(args[0]); ok {
			_, err := fmt.Fprint(c.Stdout, docs.Render(topic.Text, c.helpWidth()))
			return err
		}
	}
	found, rest, err := root.Find(args)
	if err == nil && len(rest) == 0 {
		return found.Help()
	}
	word := strings.Join(args, " ")
	known := topicNames()
	for _, cmd := range root.Commands() {
		known = append(known, cmd.Name())
	}
	hint := seeHelp(root)
	if near, ok := batch.Nearest(word, known); ok {
		hint = "did you mean " + near + "?"
	}
	return exit.WithHint(fmt.Errorf("there is no verb or help topic %q", word), hint)
}

// groupedUsages describes flags under the headings of their groups.
func groupedUsages(flags *pflag.FlagSet, width int) string {
	var b strings.Builder
	eachGroup(flags, func(title string, group *pflag.FlagSet) {
		if title == "" {
			title = "Flags"
		}
		fmt.Fprintf(&b, "%s:\n%s\n", title, group.FlagUsagesWrapped(width))
	})
	return strings.TrimRight(b.String(), "\n")
}

// eachGroup calls a function for each group of flags, in their order. The few flags
// of a command are one group without a title.
func eachGroup(flags *pflag.FlagSet, show func(title string, group *pflag.FlagSet)) {
	all := 0
	flags.VisitAll(func(f *pflag.Flag) { all++ })
	if all < groupedFrom {
		show("", flags)
		return
	}
	var shown []string
	add := func(title string, names []string) {
		group := pflag.NewFlagSet(title, pflag.ContinueOnError)
		group.SortFlags = false
		for _, name := range names {
			if f := flags.Lookup(name); f != nil {
				group.AddFlag(f)
				shown = append(shown, name)
			}
		}
		if group.HasFlags() {
			show(title, group)
		}
	}
	for _, g := range flagGroups {
		add(g.title, strings.Fields(g.flags))
	}
	var others []string
	flags.VisitAll(func(f *pflag.Flag) {
		if !slices.Contains(shown, f.Name) {
			others = append(others, f.Name)
		}
	})
	add("Other", others)
}
