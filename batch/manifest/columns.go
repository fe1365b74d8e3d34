package manifest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"imsrevoke/batch"
)

// Kinds of refusals of a header; see bestRefusal.
var (
	errNoColumn   = errors.New("no such column")
	errTwoColumns = errors.New("two such columns")
	errNoHeader   = errors.New("no header")
)

// A role is what a column may be for.
type role struct {
	what string
	flag string
	// tiers hold folded names; the first tier that a header meets decides.
	tiers [][]string
}

// The names are those of the Image API, of tools and the database of Glance
// ("image_members.member"), and of Chinese consoles. The column of projects comes last,
// because in some exports it names the owner.
var (
	imageRole = role{"image", "--image-column", [][]string{
		{"imageid", "镜像id", "sourceimageid"},
		{"image", "images", "镜像"},
	}}
	memberRole = role{"member", "--member-column", [][]string{
		{"memberid", "成员id"},
		{"member", "成员"},
		{"targetprojectid"},
		{"projectid", "tenantid", "项目id", "租户id"},
	}}
)

// fold normalizes a name for comparison: lower case, without white space, invisible
// characters, "-", "_", quotes and the equals sign of ="name".
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`-_="'`, r) || unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

// chooseColumns finds the columns of the two ids in the header. The image is -1 if the
// column is optional, and no name looks like one.
func (m *Manifest) chooseColumns(l *layout, opts Options) (image, member int, refusal *Error) {
	folded := make([]string, len(l.header))
	for i, name := range l.header {
		folded[i] = fold(name)
	}
	image, member = -1, -1
	if opts.ImageColumn != "" {
		if image, refusal = m.namedColumn(l, folded, imageRole, opts.ImageColumn); refusal != nil {
			return 0, 0, refusal
		}
	}
	if opts.MemberColumn != "" {
		if member, refusal = m.namedColumn(l, folded, memberRole, opts.MemberColumn); refusal != nil {
			return 0, 0, refusal
		}
	}
	// A column that the caller has named is not looked at for the other role.
	if image < 0 {
		image, refusal = m.knownColumn(l, folded, imageRole, member)
		switch {
		case refusal != nil && opts.membersOnly && errors.Is(refusal, errNoColumn) && nearest(folded, imageRole, -1) < 0:
			image = -1
		case refusal != nil:
			return 0, 0, refusal
		}
	}
	if member < 0 {
		if member, refusal = m.knownColumn(l, folded, memberRole, image); refusal != nil {
			return 0, 0, refusal
		}
	}
	if image == member {
		refusal = m.refuse(l.line, fmt.Sprintf("column %d, %q, cannot hold both the image and the member", image+1, l.header[image]),
			"name two columns with --image-column and --member-column")
		refusal.Err = errTwoColumns
		return 0, 0, refusal
	}
	return image, member, nil
}

// namedColumn finds the column that the caller names.
func (m *Manifest) namedColumn(l *layout, folded []string, role role, name string) (int, *Error) {
	var matches, exact []int
	for i := range folded {
		if folded[i] == fold(name) {
			matches = append(matches, i)
			if l.header[i] == name {
				exact = append(exact, i)
			}
		}
	}
	switch {
	case len(exact) == 1:
		return exact[0], nil
	case len(matches) == 1:
		return matches[0], nil
	case len(matches) > 1:
		return 0, m.refuseTwo(l, role, matches)
	}
	problem := fmt.Sprintf("there is no column %q; the header has %s", name, listCells(l.header))
	hint := "give " + role.flag + " one of these names, or a number such as 1"
	if n, err := strconv.Atoi(strings.TrimPrefix(name, "#")); err == nil {
		if 1 <= n && n <= len(folded) {
			return n - 1, nil
		}
		problem = fmt.Sprintf("there is no column %d; the header has %s: %s", n, plural(len(folded), "column"), listCells(l.header))
		hint = fmt.Sprintf("give %s one of these names, or a number up to %d", role.flag, len(folded))
	}
	if near, ok := batch.Nearest(fold(name), folded); ok {
		hint = fmt.Sprintf("did you mean %q?", l.header[slices.Index(folded, near)])
	}
	refusal := m.refuse(l.line, problem, hint)
	refusal.Err = errNoColumn
	return 0, refusal
}

// knownColumn finds the column with one of the role's own names.
func (m *Manifest) knownColumn(l *layout, folded []string, role role, taken int) (int, *Error) {
	for _, tier := range role.tiers {
		var matches []int
		for i, name := range folded {
			if i != taken && slices.Contains(tier, name) {
				matches = append(matches, i)
			}
		}
		switch len(matches) {
		case 0:
		case 1:
			return matches[0], nil
		default:
			return 0, m.refuseTwo(l, role, matches)
		}
	}
	hint := fmt.Sprintf("name it with %s, or rename it to %s_id", role.flag, role.what)
	if near := nearest(folded, role, taken); near >= 0 {
		hint = fmt.Sprintf("did you mean %q? then pass %s %q", l.header[near], role.flag, l.header[near])
	} else if len(l.header) == 1 {
		hint = "if the file has another delimiter, name it with --delimiter"
	}
	refusal := m.refuse(l.line, fmt.Sprintf("no column is known to hold the %s; the header has %s", role.what, listCells(l.header)), hint)
	refusal.Err = errNoColumn
	return 0, refusal
}

func (m *Manifest) refuseTwo(l *layout, role role, matches []int) *Error {
	a, b := matches[0], matches[1]
	refusal := m.refuse(l.line,
		fmt.Sprintf("two columns may hold the %s: %q (column %d) and %q (column %d)", role.what, l.header[a], a+1, l.header[b], b+1),
		fmt.Sprintf("choose one, for instance with %s '#%d'", role.flag, a+1))
	refusal.Err = errTwoColumns
	return refusal
}

// listCells quotes the first cells of a header for a message.
func listCells(header []string) string {
	const most, longest = 12, 40
	var b strings.Builder
	for i, name := range header {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(header)-most)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		if runes := []rune(name); len(runes) > longest {
			fmt.Fprintf(&b, "%q…", string(runes[:longest]))
		} else {
			fmt.Fprintf(&b, "%q", name)
		}
	}
	return b.String()
}

// nearest returns the index of a name that looks like a misspelling of one of the role's,
// or -1.
func nearest(folded []string, role role, taken int) int {
	known := slices.Concat(role.tiers...)
	for i, name := range folded {
		if _, ok := batch.Nearest(name, known); ok && i != taken {
			return i
		}
	}
	return -1
}
