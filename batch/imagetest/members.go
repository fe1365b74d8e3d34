package imagetest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"
	"unicode/utf8"
)

// memberDocument is a member in JSON.
type memberDocument struct {
	MemberID  string `json:"member_id"`
	ImageID   string `json:"image_id"`
	Status    string `json:"status"`
	CreatedAt string `json:"created_at"`
	UpdatedAt string `json:"updated_at"`
	Schema    string `json:"schema"`
}

func (i *image) document(m *member) memberDocument {
	return memberDocument{m.id, i.ID, m.status, timestamp(m.created), timestamp(m.updated), "/v2/schemas/member"}
}

// memberFor returns the row of a member as far as the token may see it: the
// owner sees all of them, a member only itself.
func (i *image) memberFor(t *token, memberID string) *member {
	if !i.ownedBy(t) && memberKey(memberID) != memberKey(t.projectID) {
		return nil
	}
	return i.member(memberID)
}

// mayRead reports whether the policies let the token look at members at all.
func (c *Cloud) mayRead(t *token) bool {
	return !c.SecureRBAC || t.has(RoleReader) || t.has(RoleAdmin)
}

// mayWrite reports whether the policies let the token change anything at all.
func (c *Cloud) mayWrite(t *token) bool {
	return !c.SecureRBAC || t.has(RoleMember) || t.has(RoleAdmin)
}

// mayChange reports whether the token may delete the image, and add and remove
// its members.
func (c *Cloud) mayChange(t *token, img *image) bool {
	return img.ownedBy(t) && c.mayWrite(t)
}

// mayAnswer reports whether the token may accept or reject a share: an owner
// may not do so for others.
func (c *Cloud) mayAnswer(t *token, img *image) bool {
	return (img.Owner != t.projectID || t.has(RoleAdmin)) && c.mayWrite(t)
}

func noImage(imageID string) answer {
	return refusal(http.StatusNotFound, "Image %s not found.", imageID)
}

func noMember(img *image, memberID string) answer {
	return refusal(http.StatusNotFound, "%s not found in the member list of the image %s.", memberID, img.ID)
}

func (c *Cloud) deleteMember(t *token, imageID, memberID string) answer {
	forbidden := refusal(http.StatusForbidden, "Not allowed to delete members for image %s.", imageID)
	img := c.visible(t, imageID)
	switch {
	case img == nil:
		return noImage(imageID)
	case img.Visibility != Shared:
		return forbidden
	case !c.SecureRBAC && !img.ownedBy(t):
		return forbidden
	case !c.mayRead(t):
		return noResource()
	}
	m := img.memberFor(t, memberID)
	switch {
	case m == nil:
		return noMember(img, memberID)
	case !c.mayChange(t, img):
		return forbidden
	}
	m.deleted = true
	c.stats.MembersRemoved++
	return answer{status: http.StatusNoContent, header: http.Header{}, applied: true}
}

func (c *Cloud) listMembers(t *token, imageID string) answer {
	img := c.visible(t, imageID)
	switch {
	case img == nil:
		return noImage(imageID)
	case img.Visibility != Shared:
		return refusal(http.StatusForbidden, "Not allowed to list members for image %s: Only shared images have members.", img.ID)
	case !c.mayRead(t):
		return noResource()
	}
	list := struct {
		Members []memberDocument `json:"members"`
		Schema  string           `json:"schema"`
	}{[]memberDocument{}, "/v2/schemas/members"}
	for _, m := range img.live() {
		if img.memberFor(t, m.id) != nil {
			list.Members = append(list.Members, img.document(m))
		}
	}
	return document(http.StatusOK, list)
}

func (c *Cloud) showMember(t *token, imageID, memberID string) answer {
	img := c.visible(t, imageID)
	switch {
	case img == nil:
		return noImage(imageID)
	case img.Visibility != Shared:
		return refusal(http.StatusNotFound, "Only shared images have members.")
	case !c.mayRead(t):
		return noResource()
	}
	m := img.memberFor(t, memberID)
	if m == nil {
		return noMember(img, memberID)
	}
	return document(http.StatusOK, img.document(m))
}

func (c *Cloud) createMember(t *token, imageID string, body []byte) answer {
	memberID, refused := field(body, "member", "Member to be added not specified")
	if refused != nil {
		return *refused
	}
	if memberID == "" {
		return refusal(http.StatusBadRequest, "Member can't be empty")
	}
	const maxLength = 255 // of the column image_members.member
	img := c.visible(t, imageID)
	switch {
	case img == nil:
		return noImage(imageID)
	case !c.mayRead(t):
		return noResource()
	case img.Visibility != Shared, !c.mayChange(t, img):
		return refusal(http.StatusForbidden, "Not allowed to create members for image %s.", imageID)
	case len(img.live()) >= c.MemberQuota:
		return refusal(http.StatusRequestEntityTooLarge,
			"Image member limit exceeded for image %s: The limit has been exceeded on the number of allowed image members for this image. Attempted: %d, Maximum: %d:",
			imageID, len(img.live())+1, c.MemberQuota)
	case utf8.RuneCountInString(memberID) > maxLength:
		return serverError()
	case img.member(memberID) != nil:
		return refusal(http.StatusConflict, "Member %s is duplicated for image %s", memberID, imageID)
	}
	a := document(http.StatusOK, img.document(img.share(memberID)))
	a.applied = true
	return a
}

// updateMember lets a member say whether it accepts the share.
func (c *Cloud) updateMember(t *token, imageID, memberID string, body []byte) answer {
	status, refused := field(body, "status", "Status not specified")
	if refused != nil {
		return *refused
	}
	img := c.visible(t, imageID)
	switch {
	case img == nil:
		return noImage(imageID)
	case !c.mayRead(t):
		return noResource()
	case img.Visibility != Shared, !c.mayAnswer(t, img):
		return refusal(http.StatusForbidden, "Not allowed to update members for image %s.", imageID)
	}
	m := img.memberFor(t, memberID)
	if m == nil {
		return noMember(img, memberID)
	}
	switch status {
	case "pending", "accepted", "rejected":
	default:
		return refusal(http.StatusBadRequest, `Incorrect request: Status must be "pending", "accepted" or "rejected".`)
	}
	m.status, m.updated = status, time.Now()
	a := document(http.StatusOK, img.document(m))
	a.applied = true
	return a
}

// field returns a field of a JSON body as text, a number as it is written, or
// else the refusal that Glance has for its absence.
func field(body []byte, name, absent string) (string, *answer) {
	badRequest := func(explanation string) *answer {
		a := refusal(http.StatusBadRequest, "%s", explanation)
		return &a
	}
	if len(body) == 0 {
		return "", badRequest("Body expected in request.")
	}
	var fields map[string]any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if d.Decode(&fields) != nil {
		return "", badRequest("Malformed JSON in request body.")
	}
	switch v := fields[name].(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	default:
		return "", badRequest(absent)
	}
}
