package manifest

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strings"

	"imsrevoke/batch"
)

const (
	// maxProfiled is how many valid rows are looked at for a Profile at most: it
	// is for a person who waits.
	maxProfiled = 1_000_000
	// MaxListed is how many images a Profile lists at most.
	MaxListed = 20
	// fewImages is how many images a member stands with by chance, and fewMembers
	// how many members are named that are unlike the others.
	fewImages, fewMembers = 2, 3
	// usual is how often the other members stand in a file in which one that
	// stands only once is unusual.
	usual = 5
)

// A Profile is what may be unusual about the pairs of a file, for a person to
// look at before they are worked on. Ids are told apart without regard to
// letter case.
type Profile struct {
	// Images are the images, when they are no more than MaxListed.
	Images []string
	// Everywhere is the one member that stands with every image, when there are
	// more than a few; empty when there is no such member, or several.
	Everywhere string
	// Once are the members that stand with one image only, when they are few and
	// the others stand with many images.
	Once []Occurrence
	// Owner is where a member first stands that Profile was asked about, zero
	// when it does not.
	Owner Occurrence
	// ManyInvalid and ManyDuplicates: more than one row in ten.
	ManyInvalid, ManyDuplicates bool
}

// An Occurrence is a row that names a member.
type Occurrence struct {
	MemberID string
	Line     int
}

// Profile reads the rows, which are those of the [Store], for their Profile. The owner
// is the project whose images they are, which is not expected to be a member, or empty.
// Of very many rows Profile tells only what is known without reading them.
func (m *Manifest) Profile(ctx context.Context, rows batch.Source, owner string) (*Profile, error) {
	p := &Profile{ManyInvalid: 10*m.Invalid > m.Rows, ManyDuplicates: 10*m.Duplicates > m.Rows}
	if m.Valid > maxProfiled {
		return p, nil
	}
	images := make(map[string]bool)
	members := make(map[string]*appearance)
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		row, err := rows.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if _, unsent := row.Unsent(); unsent {
			continue
		}
		// The ids are parts of the text of their row, which must not be kept.
		if image := row.Pair.ImageID; !images[image] {
			images[strings.Clone(image)] = true
			if len(images) <= MaxListed {
				p.Images = append(p.Images, strings.Clone(row.Pair.ImageID))
			}
		}
		member := batch.MemberKey(row.Pair.MemberID)
		a := members[member]
		if a == nil {
			a = &appearance{first: Occurrence{strings.Clone(row.Pair.MemberID), row.Line}}
			members[strings.Clone(member)] = a
		}
		a.rows++
	}
	if len(images) > MaxListed {
		p.Images = nil
	}
	if a := members[batch.MemberKey(owner)]; a != nil {
		p.Owner = a.first
	}
	p.compare(members, len(images), m.Valid)
	return p, nil
}

// An appearance is how often a member stands in the file, and where first.
type appearance struct {
	rows  int
	first Occurrence
}

// compare looks for members that are unlike the others. A pair stands in one
// valid row, or else two of one member are told apart by letter case only.
func (p *Profile) compare(members map[string]*appearance, images, rows int) {
	everywhere := 0
	for _, a := range members {
		if a.rows == 1 {
			p.Once = append(p.Once, a.first)
		}
		if a.rows >= images && images > fewImages {
			p.Everywhere = a.first.MemberID
			everywhere++
		}
	}
	if everywhere > 1 {
		p.Everywhere = ""
	}
	others := len(members) - len(p.Once)
	if len(p.Once) > fewMembers || others == 0 || (rows-len(p.Once))/others < usual {
		p.Once = nil
	}
	slices.SortFunc(p.Once, func(a, b Occurrence) int { return cmp.Compare(a.Line, b.Line) })
}
