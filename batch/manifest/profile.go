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
	// maxProfiled limits the rows that a Profile reads, since a person is waiting for
	// it.
	maxProfiled = 1_000_000
	// MaxListed limits the images that a Profile lists.
	MaxListed = 20
	// A member of all images is unusual if there are more than fewImages of them.
	// Members of a single row are unusual if there are at most fewMembers of them, and
	// the others have at least usual rows on average.
	fewImages, fewMembers = 2, 3
	usual                 = 5
)

// A Profile is what may be unusual about the pairs of a file, for a person to look at
// before they are sent. Letter case in ids does not matter.
type Profile struct {
	// Images are the images if there are at most MaxListed of them.
	Images []string
	// Everywhere is the only member that is on every image, if there are more than a
	// few images; empty if there is no such member, or several.
	Everywhere string
	// Once are the members that appear in one row only, if they are few and the others
	// appear in many rows.
	Once []Occurrence
	// Owner is the first row whose member is the owner of the images, zero if there is
	// none.
	Owner Occurrence
	// ManyInvalid and ManyDuplicates: more than one row in ten.
	ManyInvalid, ManyDuplicates bool
}

// An Occurrence is a row that names a member.
type Occurrence struct {
	MemberID string
	Line     int
}

// Profile makes the profile of the rows, which are those of the [Store]. The owner is the
// project that owns the images, which is not expected to be a member, or empty. If there
// are very many rows, the profile has only what is known without reading them.
func (m *Manifest) Profile(ctx context.Context, rows batch.Source, owner string) (*Profile, error) {
	p := &Profile{ManyInvalid: 10*m.Invalid > m.Rows, ManyDuplicates: 10*m.Duplicates > m.Rows}
	if m.Valid > maxProfiled {
		return p, nil
	}
	images := make(map[string]bool)
	members := make(map[string]*memberStats)
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
		// The ids are substrings of their row, which must not be retained.
		if image := row.Pair.ImageID; !images[image] {
			images[strings.Clone(image)] = true
			if len(images) <= MaxListed {
				p.Images = append(p.Images, strings.Clone(row.Pair.ImageID))
			}
		}
		member := batch.MemberKey(row.Pair.MemberID)
		a := members[member]
		if a == nil {
			a = &memberStats{first: Occurrence{strings.Clone(row.Pair.MemberID), row.Line}}
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

// memberStats count the rows of a member.
type memberStats struct {
	rows  int
	first Occurrence
}

// compare finds the members that are unlike the others. No two valid rows have the same
// pair, unless it differs in letter case.
func (p *Profile) compare(members map[string]*memberStats, images, rows int) {
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
