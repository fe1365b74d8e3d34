package report

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"

	"imsrevoke/batch"
)

const (
	// maxGroups bounds how many members or images are counted one by one, and
	// maxValues how many values of another column of the input.
	maxGroups = 50_000
	maxValues = 200
	// firstGroups is how many of them a page shows at once, maxPageGroups how many
	// it shows at all.
	firstGroups   = 10
	maxPageGroups = 500
)

// groups count what became of the shares of each member, of each image, or of
// each value of another column.
type groups struct {
	title, name string // of the table, and of one of them
	view        string // the parameter that chooses one of them
	most        int
	of          func(*Entry) string
	fates       map[string]*fates
	over        bool // there are more than most
}

// newGroups are the groups that are told of results with these other columns.
func newGroups(columns []string) []*groups {
	all := []*groups{
		{title: "By member", name: "member", view: "member", most: maxGroups, of: func(e *Entry) string { return cmp.Or(e.Row.Pair.MemberID, e.Row.MemberID) }},
		{title: "By image", name: "image", view: "image", most: maxGroups, of: func(e *Entry) string { return cmp.Or(e.Row.Pair.ImageID, e.Row.ImageID) }},
	}
	for i, name := range columns[:min(len(columns), maxPageColumns)] {
		all = append(all, &groups{
			title: "By " + cmp.Or(cut(name), "column without a name"), name: cut(name), view: fmt.Sprintf("column%d", i+1), most: maxValues,
			of: func(e *Entry) string {
				if i < len(e.Other) {
					return e.Other[i]
				}
				return ""
			},
		})
	}
	for _, g := range all {
		g.fates = make(map[string]*fates)
	}
	return all
}

// add counts a row. A row that is not a pair names nobody.
func (g *groups) add(e *Entry) {
	if e.Outcome == batch.Invalid || g.over && g.most == maxValues {
		return
	}
	key := g.of(e)
	f := g.fates[key]
	if f == nil {
		if len(g.fates) == g.most {
			g.over = true
			return
		}
		f = &fates{}
		g.fates[key] = f
	}
	f.add(stateOf(e), 1)
}

// A pageGroups is a table of the page: a row for each member, or image.
type pageGroups struct {
	Title, Name        string
	Done, There, Left  string // the heads of these columns; none for There if nothing is
	Rows, More         []pageGroup
	MoreText, NoteText string
}

type pageGroup struct {
	Kind                            kind
	Name, View                      string
	Shares, Gone, There, Left, Mark string
}

// told is the table of the groups, those first that have something left; nil when
// it says nothing that the rows do not say.
func (g *groups) told(j job) *pageGroups {
	if len(g.fates) == 0 || g.most == maxValues && (g.over || len(g.fates) < 2) {
		return nil
	}
	keys, shares, there := make([]string, 0, len(g.fates)), 0, 0
	for key, f := range g.fates {
		keys, shares, there = append(keys, key), shares+f.shares, there+f.there
	}
	if g.most == maxValues && shares == len(keys) {
		return nil // each value is that of one row
	}
	slices.SortFunc(keys, func(a, b string) int {
		x, y := g.fates[a], g.fates[b]
		return cmp.Or(cmp.Compare(y.there, x.there), cmp.Compare(y.left, x.left), cmp.Compare(y.shares, x.shares), cmp.Compare(a, b))
	})
	p := &pageGroups{Title: g.title, Name: g.name, Done: j.done(), Left: j.left()}
	if there > 0 {
		p.There = "still there"
	}
	open := 0
	for i, key := range keys {
		f := g.fates[key]
		if f.done < f.shares {
			open++
		}
		row := pageGroup{Kind: kindDone, Name: cmp.Or(cut(key), "(empty)"), View: "#" + viewOf(g.view, key), Shares: grouped(f.shares),
			Gone: grouped(f.done), Left: grouped(f.left + f.planned)}
		if f.done < f.shares {
			row.Kind = kindOpen
		}
		row.Mark = row.Kind.mark()
		if there > 0 {
			row.There = grouped(f.there)
		}
		switch {
		case i < firstGroups:
			p.Rows = append(p.Rows, row)
		case i < maxPageGroups:
			p.More = append(p.More, row)
		}
	}
	if n := len(p.More); n > 0 {
		p.MoreText = fmt.Sprintf("%s more", grouped(n))
	}
	switch {
	case g.over:
		p.NoteText = fmt.Sprintf("There are more than %s: only the first ones of the file are counted here. The report has all of them.", counted(g.most, g.name))
	case len(keys) > maxPageGroups:
		p.NoteText = fmt.Sprintf("Of %s, %d are listed here, those first that have something left (%s have). The report has all of them.", counted(len(keys), g.name), maxPageGroups, grouped(open))
	}
	return p
}

// viewOf is the part of an address that chooses rows.
func viewOf(parameter, value string) string { return parameter + "=" + url.QueryEscape(value) }
