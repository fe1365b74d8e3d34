package manifest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"imsrevoke/batch"
)

// An AllowList says which members may have which images. It is not safe for concurrent
// use.
type AllowList struct {
	// Name is the path, or "standard input".
	Name string
	// Entries counts its rows.
	Entries int

	// Digest is the SHA-256, in hexadecimal, of the entries.
	Digest string

	byMember map[string][]*allowed // by batch.MemberKey
	used     int
}

// An allowed is an entry of an AllowList.
type allowed struct {
	image string // by batch.ImageKey; empty for every image
	kind  string // of member; empty for every kind
	until time.Time
	used  bool
}

// OpenAllowList reads an allow list: a CSV file of any dialect that [Open] reads,
// with a column member_id. If it has them, the column image_id names the one image
// that an entry is for, where an empty cell means every image; member_type the
// kind of the member; and until the last day on which the entry counts, in UTC. A
// list of shares is such a file.
//
// A file with an invalid row is refused as a whole: otherwise the shares that this row
// allows would be reported.
func OpenAllowList(ctx context.Context, path string, opts Options) (*AllowList, error) {
	m := &Manifest{Name: path}
	if path == "-" {
		m.Name = "standard input"
	}
	defer m.closeFile()
	opts.membersOnly = true
	if err := m.openText(ctx, path, opts); err != nil {
		if refusal, ok := errors.AsType[*Error](err); ok && strings.Contains(refusal.Hint, "--") { // a flag for pairs
			refusal.Hint = "save it as CSV in UTF-8 with the columns member_id and, if needed, image_id, member_type and until"
		}
		return nil, err
	}
	until, err := m.entryColumn("until")
	if err != nil {
		return nil, err
	}
	kind, err := m.entryColumn("member_type")
	if err != nil {
		return nil, err
	}
	l := &AllowList{Name: m.Name, byMember: make(map[string][]*allowed)}
	digest := sha256.New()
	rows := m.reader(ctx)
	for {
		row, err := rows.read()
		if err == io.EOF {
			l.Digest = hex.EncodeToString(digest.Sum(nil))
			return l, nil
		}
		if err != nil {
			return nil, err
		}
		entry, err := m.entry(row)
		if err == nil && until >= 0 {
			entry.until, err = parseDay(rows.other[until])
		}
		if err != nil {
			return nil, m.refuse(row.Line, err.Error(), "correct or remove this row: an allow list that is misread would report shares that are allowed")
		}
		if kind >= 0 {
			entry.kind = strings.ToLower(batch.TrimID(rows.other[kind]))
		}
		l.Entries++
		key := batch.MemberKey(row.MemberID)
		l.byMember[key] = append(l.byMember[key], entry)
		fmt.Fprintf(digest, "%q %q %q %d\n", key, entry.image, entry.kind, entry.until.Unix())
	}
}

// entryColumn returns the index of a column of an allow list in Manifest.Columns, -1 if
// there is none.
func (m *Manifest) entryColumn(name string) (int, error) {
	column, err := m.otherColumn(Condition{Column: name})
	if !errors.Is(err, errNoColumn) {
		return column, err
	}
	for _, other := range m.Columns {
		if near, ok := batch.Nearest(fold(other), []string{fold(name)}); ok && near != "" {
			return -1, m.refuse(m.layout.line, fmt.Sprintf("there is a column %q and none called %q", other, name), "rename it to "+name+", or to something else")
		}
	}
	return -1, nil
}

// entry returns what a row allows, without the day on which that ends. The member may be
// any text, as in Glance.
func (m *Manifest) entry(row batch.Row) (*allowed, error) {
	if _, err := batch.ParsePair(row.ImageID, row.MemberID); row.Problem != "" && (err == nil || row.Problem != err.Error()) {
		return nil, errors.New(row.Problem) // of the row as such
	}
	if _, err := batch.ParseMemberID(row.MemberID); batch.TrimID(row.MemberID) == "" || batch.Mangled(row.MemberID) {
		return nil, err
	}
	if batch.TrimID(row.ImageID) == "" {
		return &allowed{}, nil
	}
	image, err := batch.ParseImageID(row.ImageID)
	return &allowed{image: image}, err
}

// parseDay reads a date, and returns the end of that day in UTC; it is zero for an
// empty cell.
func parseDay(cell string) (time.Time, error) {
	text := batch.TrimID(cell)
	if text == "" {
		return time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("until is %q, not a date such as 2026-06-30", text)
	}
	return day.AddDate(0, 0, 1), nil
}

// A Why is the reason why a share is not allowed.
type Why struct {
	allowed bool
	// ended is when the last entry that allowed it expired; zero if there is none.
	ended time.Time
}

// String returns "not listed" or "expired 2026-06-30", and nothing for a share that is
// allowed.
func (w Why) String() string {
	switch {
	case w.allowed:
		return ""
	case w.ended.IsZero():
		return "not listed"
	}
	return "expired " + w.ended.AddDate(0, 0, -1).Format(time.DateOnly)
}

// Compare orders the answers of several lists about one share: the one that counts comes
// first.
func (w Why) Compare(other Why) int {
	switch {
	case w.allowed != other.allowed && w.allowed:
		return -1
	case w.allowed != other.allowed:
		return 1
	}
	return other.ended.Compare(w.ended)
}

// Why reports whether an entry allows a share at this time, and if not, why. The member
// is given in every spelling that a file may use.
func (l *AllowList) Why(now time.Time, imageID, memberType string, member ...string) (w Why) {
	image := batch.ImageKey(imageID)
	for _, id := range member {
		for _, e := range l.byMember[batch.MemberKey(id)] {
			switch {
			case e.image != "" && e.image != image, e.kind != "" && e.kind != memberType:
				continue
			case e.until.IsZero() || now.Before(e.until):
				w.allowed = true
			case e.until.After(w.ended):
				w.ended = e.until
			}
			if !e.used {
				e.used = true
				l.used++
			}
		}
	}
	return w
}

// Unused counts the entries that matched no share passed to [AllowList.Why].
func (l *AllowList) Unused() int { return l.Entries - l.used }

// digestOf returns a digest of the shares that the lists protect.
func digestOf(lists []*AllowList) string {
	if len(lists) == 0 {
		return ""
	}
	sum := sha256.New()
	for _, l := range lists {
		io.WriteString(sum, l.Digest)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// A Protected is a row whose share an allow list protects.
type Protected struct {
	Line int
	Pair batch.Pair
	List string // the name of the allow list
}

// maxProtected is how many protected rows are named.
const maxProtected = 10

// protect notes a row that is protected at this time.
func (m *Manifest) protect(now time.Time, row batch.Row) {
	if row.Problem != "" {
		return
	}
	for _, l := range m.keep {
		if l.covers(now, row.Pair) {
			if m.Protected++; m.Protected <= maxProtected {
				pair := batch.Pair{ImageID: strings.Clone(row.Pair.ImageID), MemberID: strings.Clone(row.Pair.MemberID)}
				m.ProtectedRows = append(m.ProtectedRows, Protected{row.Line, pair, l.Name})
			}
			return
		}
	}
}

// covers reports whether an entry names a share, of whatever type its member is, and
// counts at this time.
func (l *AllowList) covers(now time.Time, p batch.Pair) bool {
	image := batch.ImageKey(p.ImageID)
	return slices.ContainsFunc(l.byMember[batch.MemberKey(p.MemberID)], func(e *allowed) bool {
		return (e.image == "" || batch.ImageKey(e.image) == image) && (e.until.IsZero() || now.Before(e.until))
	})
}
