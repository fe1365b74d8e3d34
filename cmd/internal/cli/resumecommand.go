package cli

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"imsrevoke/batch"
	"imsrevoke/batch/plain"
)

// resumeCommand is the command line that goes on with what this one has left,
// to be pasted into a shell; empty when this one was no run. Its flags are those
// that were given, as they were written; those from the environment are there
// for the next command, too. What came from standard input is in the journal.
func (c *Program) resumeCommand() string {
	cmd, rest, err := c.RootCommand().Find(c.args)
	if err != nil || cmd.Name() != batch.Revoke.Name && cmd.Name() != batch.Restore.Name {
		return ""
	}
	journal := ""
	if slices.Contains(rest, "-") && c.underway != nil {
		journal = c.underway.Journal()
	}
	var flags []string
	err = cmd.Flags().ParseAll(rest, func(f *pflag.Flag, value string) error {
		switch {
		case f.Name == "resume", f.Name == "overwrite":
		case journal != "" && (f.Name == "report" || ofInput(f.Name)): // the journal says it
		case f.Name == "ping": // its URL is a secret, and this is shown
		case f.NoOptDefVal != "" && value == f.NoOptDefVal:
			flags = append(flags, "--"+f.Name)
		case f.NoOptDefVal != "": // no word of its own is taken for its value
			flags = append(flags, "--"+f.Name+"="+value)
		default:
			flags = append(flags, "--"+f.Name, value)
		}
		return nil
	})
	if err != nil {
		return ""
	}
	words := []string{c.program, cmd.Name()}
	for _, arg := range cmd.Flags().Args() {
		switch {
		case arg == "-" && journal != "":
			arg = journal
		case strings.HasPrefix(arg, "-") && arg != "-":
			arg = "./" + arg
		}
		words = append(words, arg)
	}
	words = slices.Concat(words, flags, []string{"--resume"})
	return plain.Command(words...)
}

// ofInput reports whether a flag says how the input is read, or what is chosen from it.
func ofInput(flag string) bool {
	return slices.Contains([]string{
		"image-column", "member-column", "delimiter", "encoding", "image", "member", "where", "shard", "keep", "strict", "max-rows",
	}, flag)
}
