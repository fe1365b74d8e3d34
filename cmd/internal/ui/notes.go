package ui

import (
	"fmt"
	"log/slog"

	"imsrevoke/batch/manifest"
)

// ShowNotes shows what a person may want to look at before saying yes.
func (c *Console) ShowNotes(notes []string) {
	if len(notes) == 0 {
		return
	}
	fmt.Fprintln(c.Stderr, "Worth a look:")
	for _, note := range notes {
		fmt.Fprint(c.Stderr, c.wrapped("  -", note, "    "))
	}
	fmt.Fprintln(c.Stderr)
}

// WarnOfFile warns of member ids that are not project ids, since nothing but a
// share with the very same name can be revoked by them, and of a file without
// rows, which may be an export that went wrong.
func (c *Console) WarnOfFile(m *manifest.Manifest, log *slog.Logger) {
	var notes []string
	if m.NotProjects.N > 0 {
		notes = append(notes, namesNote(m))
	}
	if m.WholeRows == 0 {
		notes = append(notes, "the file has a header but no rows")
	}
	for _, note := range notes {
		if !c.warnings.add(note) { // the plan names the file
			log.Warn(note, "file", m.Name)
		}
	}
	if m.Headers > 0 {
		log.Info("the header is repeated, and not counted as a row", "line", m.HeaderLine, "times", m.Headers, "file", m.Name)
	}
}

func namesNote(m *manifest.Manifest) string {
	are := "are not project ids"
	if m.NotProjects.N == 1 && !m.NotProjects.AtLeast {
		are = "is not a project id"
	}
	return fmt.Sprintf("%s %s, for example %s (line %d); names are not looked up",
		Count(m.NotProjects, "member id"), are, m.NotProject.MemberID, m.NotProject.Line)
}

// Unusual is what is unusual about the file.
func Unusual(m *manifest.Manifest, p *manifest.Profile) []string {
	var notes []string
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	if p.Owner.Line > 0 {
		note("line %d: the member is the project of these credentials itself; does the column %q hold the owners?", p.Owner.Line, m.MemberColumn)
	}
	switch {
	case p.Everywhere == "":
	case m.Members.N == 1:
		note("all rows have the same member: %s", p.Everywhere)
	default:
		note("one member is on every image: %s", p.Everywhere)
	}
	for _, once := range p.Once {
		if once == p.Owner {
			continue
		}
		note("line %d: the member %s is on no other line, the others are on many", once.Line, once.MemberID)
	}
	if p.ManyInvalid {
		note("%s of %s cannot be sent", Number(m.Invalid), Plural(m.Rows, "row"))
	}
	if p.ManyDuplicates {
		note("%s of %s repeat the pair of an earlier row", Number(m.Duplicates), Plural(m.Rows, "row"))
	}
	return notes
}
