package cli

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/ui"
)

// TestEveryFlagHasAGroup: a new flag of a command with many flags gets a heading.
func TestEveryFlagHasAGroup(t *testing.T) {
	t.Parallel()
	var grouped []string
	for _, g := range flagGroups {
		grouped = append(grouped, strings.Fields(g.flags)...)
	}
	known := make(map[string]bool)
	for _, name := range grouped {
		if known[name] {
			t.Errorf("--%s is in two groups", name)
		}
		known[name] = true
	}
	used := make(map[string]bool)
	for _, cmd := range verbs(t) {
		n := 0
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { n++ })
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if used[f.Name] = true; n >= groupedFrom && !known[f.Name] && f.Name != "help" {
				t.Errorf("%s: --%s has no group", cmd.CommandPath(), f.Name)
			}
		})
		for _, width := range []int{40, 80, 100} {
			for line := range strings.Lines(groupedUsages(cmd.LocalFlags(), width)) {
				if got := utf8.RuneCountInString(strings.TrimRight(line, "\n")); width >= 80 && got > width {
					t.Errorf("%s, %d columns: %d in %q", cmd.CommandPath(), width, got, line)
				}
			}
		}
	}
	for name := range known {
		if !used[name] {
			t.Errorf("there is no flag --%s", name)
		}
	}
}

// TestHelpFitsTheTerminal: only examples are wider than the terminal.
func TestHelpFitsTheTerminal(t *testing.T) {
	t.Parallel()
	for _, cmd := range verbs(t) {
		for _, width := range []int{80, 120} {
			var out strings.Builder
			c := &Program{
				Console: ui.Console{Stdout: &out, Stderr: &out, Width: func() int { return width }},
				Getenv:  func(string) string { return "" },
			}
			args := append(strings.Fields(cmd.CommandPath())[1:], "--help")
			if code := c.Run(args); code != exit.Settled {
				t.Fatalf("%q ends with %d: %s", args, code, out.String())
			}
			for line := range strings.Lines(out.String()) {
				line = strings.TrimRight(line, "\n")
				if utf8.RuneCountInString(line) > min(width, widestHelp) && !strings.Contains(cmd.Example, line) {
					t.Errorf("%q, %d columns: %q", args, width, line)
				}
			}
		}
	}
}

// TestSynopses: the flags that a usage line shows are flags of the verb.
func TestSynopses(t *testing.T) {
	t.Parallel()
	shown := regexp.MustCompile(`--([a-z0-9-]+)`)
	for _, cmd := range verbs(t) {
		names := shown.FindAllStringSubmatch(cmd.Use, -1)
		for _, match := range names {
			if cmd.LocalFlags().Lookup(match[1]) == nil {
				t.Errorf("%s has no flag --%s", cmd.CommandPath(), match[1])
			}
		}
		n := 0
		cmd.LocalFlags().VisitAll(func(*pflag.Flag) { n++ })
		if n >= groupedFrom && len(names) == 0 {
			t.Errorf("the usage line of %s shows none of its %d flags: %s", cmd.CommandPath(), n, cmd.Use)
		}
	}
}
