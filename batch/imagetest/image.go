package imagetest

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Visibility says who can see an image. Only a shared one has members that
// count.
type Visibility string

// The visibilities that Glance knows.
const (
	Shared    Visibility = "shared"
	Private   Visibility = "private"
	Community Visibility = "community"
	Public    Visibility = "public"
)

// MemberType says what an image is shared with. Glance knows projects only.
type MemberType string

// The types that Huawei Cloud knows. A domain is an account, whose id has the
// form of a project's; an organization is one of ids such as "o-…", "ou-…"
// and "r-…".
const (
	MemberProject      MemberType = "project"
	MemberDomain       MemberType = "domain"
	MemberOrganization MemberType = "organization"
)

// An Image is what a cloud holds of an image.
type Image struct {
	ID string
	// Owner is the id of the owner's project, [ProjectID] when empty.
	Owner string
	// Visibility is [Shared] when empty.
	Visibility Visibility
	// Protected images cannot be deleted; their members can be removed.
	Protected bool
	// Name is empty when it has none; Status is "active" when empty.
	Name, Status string
	// Hidden images are left out of a list unless they are asked for.
	Hidden bool
}

// image is an Image and its member rows, those of removed members among them.
type image struct {
	Image
	cloud   *Cloud
	created time.Time
	members map[rowKey]*member
}

// rowKey is what tells the members of an image apart.
type rowKey struct {
	id   string // by Cloud.memberKey
	kind MemberType
}

// member is a row of Glance's table image_members.
type member struct {
	id               string
	kind             MemberType
	status           string
	created, updated time.Time
	// deleted rows stay: sharing again revives them, with their created time.
	deleted bool
}

// imageKey makes ids equal that MariaDB's utf8mb3_general_ci holds for equal.
func imageKey(id string) string { return strings.ToLower(id) }

// memberKey does the same for member ids, for which the collation's padding
// has been seen to matter too.
func memberKey(id string) string { return strings.ToLower(strings.TrimRight(id, " ")) }

// imageKey makes the ids of images equal that the cloud's database holds for
// equal.
func (c *Cloud) imageKey(id string) string {
	if c.CaseSensitive {
		return id
	}
	return imageKey(id)
}

// memberKey does the same for the ids of members.
func (c *Cloud) memberKey(id string) string {
	if c.CaseSensitive {
		return id
	}
	return memberKey(id)
}

// member returns the row of a member who has not been removed, or nil.
func (i *image) member(id string, t MemberType) *member {
	if m := i.members[rowKey{i.cloud.memberKey(id), t}]; m != nil && !m.deleted {
		return m
	}
	return nil
}

// live returns the rows of those who have not been removed, in the order of
// compareRows.
func (i *image) live() []*member {
	var rows []*member
	for _, m := range i.members {
		if !m.deleted {
			rows = append(rows, m)
		}
	}
	slices.SortFunc(rows, compareRows)
	return rows
}

// compareRows orders members by id. Of those with one id, the project is last.
func compareRows(a, b *member) int {
	return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.kind, b.kind))
}

// share adds a member, or revives the row of one who was removed.
func (i *image) share(id string, t MemberType) *member {
	now := time.Now()
	key := rowKey{i.cloud.memberKey(id), t}
	m := i.members[key]
	if m == nil {
		m = &member{kind: t, created: now}
		i.members[key] = m
	}
	m.id, m.status, m.updated, m.deleted = id, "pending", now, false
	return m
}

// visibleTo reports whether a request for the image gets past "not found".
func (i *image) visibleTo(t *token) bool {
	switch {
	case t.has(RoleAdmin), i.Owner == t.projectID, i.Visibility == Public, i.Visibility == Community:
		return true
	default:
		return i.Visibility == Shared && i.member(t.projectID, MemberProject) != nil
	}
}

// ownedBy reports whether the token may act as the image's owner.
func (i *image) ownedBy(t *token) bool {
	return t.has(RoleAdmin) || i.Owner == t.projectID
}
