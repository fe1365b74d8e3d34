package cli

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"imsrevoke/cmd/imsrevoke/docs"
	"imsrevoke/cmd/internal/version"
)

var manPages = flag.String("man", "", "write the man pages to this directory")

// TestManPages makes a man page of each verb's help, and of each topic.
func TestManPages(t *testing.T) {
	t.Parallel()
	dir := *manPages
	if dir == "" {
		dir = t.TempDir()
	}
	write := func(name, page string) string {
		text := string(md2man.Render([]byte(page)))
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return text
	}
	commands := verbs(t)
	for _, cmd := range commands {
		page := write(pageName(cmd)+".1", verbPage(cmd))
		sections := []string{"NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "EXAMPLES", "SEE ALSO"}
		if cmd.HasSubCommands() {
			sections = append(sections, "VERBS")
		}
		if hasFlags(cmd) {
			sections = append(sections, "OPTIONS", "ENVIRONMENT", "FILES")
		}
		for _, section := range sections {
			if !strings.Contains(page, "\n.SH "+section+"\n") {
				t.Errorf("%s has no section %s", cmd.CommandPath(), section)
			}
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if !strings.Contains(page, "\\fB--"+f.Name+"\\fP") {
				t.Errorf("%s: the page does not have --%s", cmd.CommandPath(), f.Name)
			}
		})
		for _, sub := range cmd.Commands() {
			if !strings.Contains(page, pageName(sub)) || !strings.Contains(page, sub.Short) {
				t.Errorf("%s: the page does not tell about %s", cmd.CommandPath(), sub.Name())
			}
		}
	}
	for _, topic := range docs.All() {
		page := write("imsrevoke-"+topic.Name+".7", topicPage(topic))
		for _, section := range []string{"NAME", "SEE ALSO"} {
			if !strings.Contains(page, "\n.SH "+section+"\n") {
				t.Errorf("%s has no section %s", topic.Name, section)
			}
		}
		if strings.Contains(page, ".md") {
			t.Errorf("%s links to a file", topic.Name)
		}
	}
}

// pageName is the name of the man page of a verb.
func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// hasFlags reports whether a verb has more flags than --help.
func hasFlags(cmd *cobra.Command) bool {
	n := 0
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			n++
		}
	})
	return n > 0
}

// pageHead begins a page. The date is that of the release, if there is one: the
// same source gives the same bytes.
func pageHead(name string, section int, about string) string {
	date := ""
	if seconds, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64); err == nil {
		date = time.Unix(seconds, 0).UTC().Format(time.DateOnly)
	}
	return fmt.Sprintf("%% %s %d %q %q %q\n\n# NAME\n\n%s \\- %s\n\n",
		strings.ToUpper(name), section, date, "imsrevoke "+version.Program(), "imsrevoke manual", name, about)
}

// verbPage is the man page of a verb, in Markdown.
func verbPage(cmd *cobra.Command) string {
	var b strings.Builder
	section := func(title, text string) { fmt.Fprintf(&b, "# %s\n\n%s\n\n", title, strings.TrimSpace(text)) }
	b.WriteString(pageHead(pageName(cmd), 1, strings.ToLower(cmd.Short[:1])+cmd.Short[1:]))
	section("SYNOPSIS", synopsis(cmd))
	section("DESCRIPTION", cmd.Long+"\n")
	if cmd.HasSubCommands() {
		var verbs strings.Builder
		for _, sub := range cmd.Commands() {
			fmt.Fprintf(&verbs, "**%s**(1)\n: %s.\n\n", pageName(sub), sub.Short)
		}
		section("VERBS", verbs.String())
	}
	if hasFlags(cmd) {
		section("OPTIONS", options(cmd))
	}
	codes, _ := docs.Find("exit-codes")
	_, codes.Text, _ = strings.Cut(codes.Text, "\n")
	section("EXIT STATUS", docs.ForMan(codes.Text))
	if environment, _ := docs.Find("environment"); !cmd.HasParent() {
		section("ENVIRONMENT", docs.ForMan(environment.Section("Flags")+"\n\n"+environment.Section("Variables")))
		section("FILES", docs.ForMan(environment.Section("Files")))
	} else if hasFlags(cmd) {
		section("ENVIRONMENT", docs.ForMan(environment.Section("Flags")+"\n\nThe variables with credentials are in [environment](environment.md)."))
		section("FILES", docs.ForMan(environment.Section("Files")))
	}
	section("EXAMPLES", "```\n"+strings.Trim(outdented(cmd.Example), "\n")+"\n```")
	var also []string
	for _, other := range cmd.Root().Commands() {
		also = append(also, "**"+pageName(other)+"**(1)")
	}
	if cmd.HasParent() {
		also = slices.Insert(also, 0, "**imsrevoke**(1)")
	}
	section("SEE ALSO", strings.Join(append(also, topicPages()...), ", "))
	return b.String()
}

// synopsis is how a verb is called.
func synopsis(cmd *cobra.Command) string {
	if !cmd.HasParent() {
		return "**imsrevoke** *VERB* [*flags*]\n\n**imsrevoke help** [*VERB* | *TOPIC*]"
	}
	return "**" + cmd.CommandPath() + "**" + strings.TrimPrefix(cmd.UseLine(), cmd.CommandPath())
}

// options are the flags of a verb in their groups.
func options(cmd *cobra.Command) string {
	var b strings.Builder
	eachGroup(cmd.LocalFlags(), func(title string, flags *pflag.FlagSet) {
		if title != "" {
			fmt.Fprintf(&b, "## %s\n\n", title)
		}
		flags.VisitAll(func(f *pflag.Flag) {
			operand, usage := pflag.UnquoteUsage(f)
			if operand != "" {
				operand = " *" + strings.ReplaceAll(operand, "|", "*|*") + "*"
			}
			if f.DefValue != "" && !slices.Contains([]string{"false", "0", "0s", "[]"}, f.DefValue) {
				usage += " (default " + f.DefValue + ")"
			}
			fmt.Fprintf(&b, "**--%s**%s\n: %s\n\n", f.Name, operand, usage)
		})
	})
	return b.String()
}

// outdented is an example without the blanks that it has in help.
func outdented(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimPrefix(strings.TrimRight(line, "\n"), "  "))
	}
	return strings.Join(lines, "\n")
}

// topicPage is the man page of a topic, in Markdown.
func topicPage(topic docs.Topic) string {
	_, text, _ := strings.Cut(topic.Text, "\n")
	return pageHead("imsrevoke-"+topic.Name, 7, topic.Title) + "# DESCRIPTION\n\n" + docs.ForMan(text) +
		"\n# SEE ALSO\n\n" + strings.Join(append([]string{"**imsrevoke**(1)"}, topicPages()...), ", ") + "\n"
}

// topicPages are references to the pages of all topics.
func topicPages() (pages []string) {
	for _, topic := range docs.All() {
		pages = append(pages, "**imsrevoke-"+topic.Name+"**(7)")
	}
	return pages
}
