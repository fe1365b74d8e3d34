package cli

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/pflag"
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
