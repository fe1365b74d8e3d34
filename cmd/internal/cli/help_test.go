package cli

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"imsrevoke/cmd/internal/version"
)

// verbs are all commands, but for those that cobra brings along.
func verbs(t *testing.T) []*cobra.Command {
	t.Helper()
	var all []*cobra.Command
	var add func(*cobra.Command)
	add = func(cmd *cobra.Command) {
		all = append(all, cmd)
		for _, sub := range cmd.Commands() {
			add(sub)
		}
	}
	add((&Program{Getenv: func(string) string { return "" }}).RootCommand())
	return all
}

// TestEveryExampleIsUnderstood: what the help shows as an example is a command
// line of that verb.
func TestEveryExampleIsUnderstood(t *testing.T) {
	t.Parallel()
	for _, cmd := range verbs(t) {
		if cmd.Example == "" || cmd.Short == "" {
			t.Errorf("%s: no example or no description", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Example) {
			words := exampleWords(line)
			if len(words) == 0 {
				continue
			}
			// Flags keep what they are given, so that each line gets its own.
			root := (&Program{Getenv: func(string) string { return "" }}).RootCommand()
			found, rest, err := root.Find(words)
			if err != nil || found == root {
				t.Errorf("%s: there is no such verb: %s", cmd.CommandPath(), line)
				continue
			}
			if cmd.HasParent() && found.CommandPath() != cmd.CommandPath() {
				t.Errorf("%s: an example of another verb: %s", cmd.CommandPath(), line)
			}
			if err := found.ParseFlags(rest); err != nil {
				t.Errorf("%s: %v: %s", cmd.CommandPath(), err, line)
			}
			if err := found.ValidateArgs(found.Flags().Args()); err != nil {
				t.Errorf("%s: %v: %s", cmd.CommandPath(), err, line)
			}
		}
	}
}

// exampleWords are the arguments of an example: what stands behind the
// program's name, up to what a shell takes for something else.
func exampleWords(line string) []string {
	_, args, _ := strings.Cut(" "+line, " imsrevoke ")
	var words []string
	for _, word := range strings.Fields(args) {
		if strings.ContainsAny(word, "|>#;&") {
			break
		}
		words = append(words, word)
	}
	return words
}

var manPages = flag.String("man", "", "write the man pages to this folder")

// TestManPages makes a man page of each verb's help.
func TestManPages(t *testing.T) {
	t.Parallel()
	dir := *manPages
	if dir == "" {
		dir = t.TempDir()
	}
	root := (&Program{Getenv: func(string) string { return "" }}).RootCommand()
	header := &doc.GenManHeader{Section: "1", Source: "imsrevoke " + version.Program(), Manual: "User Commands"}
	root.DisableAutoGenTag = true
	if err := doc.GenManTree(root, header, dir); err != nil {
		t.Fatal(err)
	}
	for _, cmd := range verbs(t) {
		page := strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".1"
		text, err := os.ReadFile(filepath.Join(dir, page))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, want := range []string{".SH NAME", ".SH SYNOPSIS", ".SH EXAMPLE"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s has no %s", page, want)
			}
		}
	}
}
