package cli

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// completeFlags lets a shell complete the values of the flags of a command and
// of those below it: the words of a choice, the name of a file where the flag
// takes one, and nothing elsewhere, where a shell would offer files.
func completeFlags(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		complete := cobra.NoFileCompletions
		switch v := f.Value.(type) {
		case *choice:
			complete = cobra.FixedCompletions(v.words, cobra.ShellCompDirectiveNoFileComp)
		case *wordList:
			complete = cobra.FixedCompletions(v.words, cobra.ShellCompDirectiveNoFileComp)
		case *outcomeList:
			complete = cobra.FixedCompletions(outcomeWords(), cobra.ShellCompDirectiveNoFileComp)
		}
		if operand, _ := pflag.UnquoteUsage(f); operand == "file" {
			complete = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault)
		}
		if err := cmd.RegisterFlagCompletionFunc(f.Name, complete); err != nil {
			panic(err) // the flag is one of the command, and this is the first time
		}
	})
	for _, sub := range cmd.Commands() {
		completeFlags(sub)
	}
}

// completeFile completes the one argument of a verb by files with these
// endings, and folders.
func completeFile(endings ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return endings, cobra.ShellCompDirectiveFilterFileExt
	}
}
