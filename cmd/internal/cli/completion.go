package cli

import (
	"log/slog"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"imsrevoke/batch/cloud"
)

// completeFlags lets a shell complete the values of the flags of a command and
// of those below it: the words of a choice, the names of the clouds, the name of a
// file where the flag takes one, and nothing elsewhere, where a shell would offer
// files.
func (c *Program) completeFlags(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		complete := cobra.NoFileCompletions
		switch v := f.Value.(type) {
		case *choice:
			complete = cobra.FixedCompletions(v.words, cobra.ShellCompDirectiveNoFileComp)
		case *wordList:
			complete = completeWords(v.words)
		case *outcomeList:
			complete = completeWords(outcomeWords())
		}
		if f.Name == "os-cloud" {
			complete = c.completeCloud
		}
		if operand, _ := pflag.UnquoteUsage(f); operand == "file" {
			complete = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault)
		}
		if err := cmd.RegisterFlagCompletionFunc(f.Name, complete); err != nil {
			panic(err) // the flag is one of the command, and this is the first time
		}
	})
	for _, sub := range cmd.Commands() {
		c.completeFlags(sub)
	}
}

// completeWords completes the last of some words with commas between them.
func completeWords(words []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, text string) ([]string, cobra.ShellCompDirective) {
		before := text[:strings.LastIndexByte(text, ',')+1]
		var found []string
		for _, word := range words {
			found = append(found, before+word)
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeCloud completes the name of a cloud by those of clouds.yaml.
func (c *Program) completeCloud(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	config := cloud.Config{Getenv: c.Getenv, Logger: slog.New(slog.DiscardHandler)}
	return config.CloudNames(), cobra.ShellCompDirectiveNoFileComp
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
