package cli

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"imsrevoke/cmd/imsrevoke/docs"
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
			found := understood(t, line)
			if found != nil && cmd.HasParent() && found.CommandPath() != cmd.CommandPath() {
				t.Errorf("%s: an example of another verb: %s", cmd.CommandPath(), line)
			}
		}
	}
}

// TestDocumentedCommandsAreUnderstood: a command line that a document shows is one.
func TestDocumentedCommandsAreUnderstood(t *testing.T) {
	t.Parallel()
	fence := regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")
	command := regexp.MustCompile(`^([A-Z_]+=\S+ )*imsrevoke `)
	n := 0
	for _, topic := range docs.All() {
		for _, block := range fence.FindAllStringSubmatch(topic.Text, -1) {
			for line := range strings.Lines(block[1]) {
				if command.MatchString(line) && understood(t, line) != nil {
					n++
				}
			}
		}
	}
	if n < 20 {
		t.Errorf("the documents show %d commands", n)
	}
}

// understood reports what does not understand a command line, and returns its
// verb, nil if there is none in the line.
func understood(t *testing.T, line string) *cobra.Command {
	t.Helper()
	words := exampleWords(line)
	if len(words) == 0 {
		return nil
	}
	// Flags keep what they are given, so that each line gets its own.
	c := &Program{Getenv: func(string) string { return "" }}
	root := c.RootCommand()
	c.refuseUnknownWords(root)
	found, rest, err := root.Find(words)
	if err != nil || found == root {
		t.Errorf("there is no such verb: %s", line)
		return nil
	}
	if err := found.ParseFlags(rest); err != nil {
		t.Errorf("%v: %s", err, line)
	}
	if err := found.ValidateArgs(found.Flags().Args()); err != nil {
		t.Errorf("%v: %s", err, line)
	}
	return found
}

// TestDocumentedFlags: the topic has every flag, in its group, with its default.
func TestDocumentedFlags(t *testing.T) {
	t.Parallel()
	defaults := make(map[string]string) // those that the flags themselves have
	for _, cmd := range verbs(t) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if value := f.DefValue; f.Name != "help" {
				if slices.Contains([]string{"false", "0", "0s", "[]"}, value) {
					value = ""
				}
				defaults[f.Name] = value
			}
		})
	}
	topic, _ := docs.Find("flags")
	row := regexp.MustCompile("(?m)^\\| `--([a-z0-9-]+)[^`]*` \\| ([^|]*)\\|")
	described := make(map[string]bool)
	for _, group := range flagGroups {
		for _, match := range row.FindAllStringSubmatch(topic.Section(group.title), -1) {
			name, value := match[1], strings.TrimSpace(match[2])
			described[name] = true
			if !slices.Contains(strings.Fields(group.flags), name) {
				t.Errorf("--%s is not in the group %s", name, group.title)
			}
			if is := defaults[name]; is != "" && !sameValue(strings.Trim(value, "`"), is) {
				t.Errorf("--%s has the default %s, and not %s", name, is, value)
			}
		}
	}
	for name := range defaults {
		if !described[name] && !strings.Contains(topic.Text, "`--"+name+" FILE`") {
			t.Errorf("the topic does not have --%s", name)
		}
	}
	for name := range described {
		if _, ok := defaults[name]; !ok {
			t.Errorf("there is no flag --%s", name)
		}
	}
}

// sameValue reports whether two texts are the same, or the same duration.
func sameValue(a, b string) bool {
	x, err := time.ParseDuration(a)
	y, e := time.ParseDuration(b)
	return a == b || err == nil && e == nil && x == y
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
