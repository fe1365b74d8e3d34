package imagetest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// memberDocument is a member in JSON.
type memberDocument struct {
	MemberID  string     `json:"member_id"`
	ImageID   string     `json:"image_id"`
	Status    string     `json:"status"`
	CreatedAt string     `json:"created_at"`
	UpdatedAt string     `json:"updated_at"`
	Schema    string     `json:"schema"`
	Type      MemberType `json:"member_type,omitempty"`
	URN       string     `json:"urn,omitempty"`
}

func (i *image) document(m *member) memberDocument {
	d := memberDocument{
		MemberID: m.id, ImageID: i.ID, Status: m.status,
		CreatedAt: timestamp(m.created), UpdatedAt: timestamp(m.updated), Schema: "/v2/schemas/member",
	}
	if i.cloud.MemberTypes {
		d.Type = m.kind
		if m.kind == MemberOrganization {
			d.URN = organizationURN(m.id)
		}
	}
	return d
}

func (i *image) list(rows []*member) *memberList {
	list := &memberList{Members: []memberDocument{}, Schema: "/v2/schemas/members"}
	for _, m := range rows {
		list.Members = append(list.Members, i.document(m))
	}
	return list
}

// organizationURN is the URN of an organization, of its root or of a unit in it.
func organizationURN(id string) string {
	const account, organization = "organizations::" + DomainID, "o-1f2e3d4c5b6a79881f2e3d4c5b6a7988"
	switch {
	case strings.HasPrefix(id, "ou-"):
		return account + ":ou:" + organization + "/" + id
	case strings.HasPrefix(id, "r-"):
		return account + ":root:" + organization + "/" + id
	default:
		return account + ":organization:" + id
	}
}

// memberFor returns the row of a project as far as the token may see it. There
// is no route to a member of another type.
func (i *image) memberFor(t *token, memberID string) *member {
	if m := i.member(memberID, MemberProject); m != nil && i.shows(t, m) {
		return m
	}
	return nil
}

// shows reports whether the token may see the row: the owner sees all of them,
// a project only its own.
func (i *image) shows(t *token, m *member) bool {
	return i.ownedBy(t) || m.kind == MemberProject && i.cloud.memberKey(m.id) == i.cloud.memberKey(t.projectID)
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

// notAuthorized is what the policies of secure RBAC themselves say.
func notAuthorized(action string) answer {
	return refusal(http.StatusForbidden, "You are not authorized to complete %s action.", action)
}

func (c *Cloud) deleteMember(t *token, imageID, memberID string) answer {
	img := c.visible(t, imageID)
	switch {
	case img == nil:
		return noImage(imageID)
	case img.Visibility != Shared, !c.SecureRBAC && !img.ownedBy(t):
		return refusal(http.StatusForbidden, "Not allowed to delete members for image %s.", imageID)
	case !c.mayRead(t):
		return noResource()
	}
	m := img.memberFor(t, memberID)
	switch {
	case m == nil:
		return noMember(img, memberID)
	case !c.mayChange(t, img):
		return notAuthorized("delete_member")
	}
	m.deleted = true
	c.stats.MembersRemoved++
	return answer{status: http.StatusNoContent, header: http.Header{}, applied: true}
}

func (c *Cloud) listMembers(t *token, imageID string, p page) answer {
	img := c.visible(t, imageID)
	switch {
	case img == nil:
		return noImage(imageID)
	case img.Visibility != Shared:
		return refusal(http.StatusForbidden, "Not allowed to list members for image %s: Only shared images have members.", img.ID)
	case !c.mayRead(t):
		return noResource()
	}
	rows := slices.DeleteFunc(img.live(), func(m *member) bool { return !img.shows(t, m) })
	if c.Pages.Size > 0 {
		return c.memberPage(img, rows, p)
	}
	return document(http.StatusOK, img.list(rows))
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
	memberID, refused := memberOf(body)
	if refused != nil {
		return *refused
	}
	const maxLength = 255 // of the column image_members.member
	img := c.visible(t, imageID)
	switch {
	case img == nil:
		return noImage(imageID)
	case img.Visibility != Shared, !c.SecureRBAC && !img.ownedBy(t):
		return refusal(http.StatusForbidden, "Not allowed to create members for image %s.", imageID)
	case !c.mayRead(t):
		return noResource()
	case !c.mayChange(t, img):
		return notAuthorized("add_member")
	case len(img.live()) >= c.MemberQuota: // even for one who is a member already
		return refusal(http.StatusRequestEntityTooLarge,
			"Image member limit exceeded for image %s: The limit has been exceeded on the number of allowed image members for this image. Attempted: %d, Maximum: %d:",
			imageID, len(img.live())+1, c.MemberQuota)
	case strings.ContainsFunc(memberID, func(r rune) bool { return utf8.RuneLen(r) > 3 }):
		return refusal(http.StatusBadRequest, "Member can't contain 4 byte unicode characters.")
	case utf8.RuneCountInString(memberID) > maxLength:
		return serverError()
	case img.member(memberID, MemberProject) != nil:
		return refusal(http.StatusConflict, "Member %s is duplicated for image %s", memberID, imageID)
	}
	a := document(http.StatusOK, img.document(img.share(memberID, MemberProject)))
	a.applied = true
	return a
}

// updateMember lets a member say whether it accepts the share.
func (c *Cloud) updateMember(t *token, imageID, memberID string, body []byte) answer {
	status, refused := field(body, "status", "Status not specified", `Expected a status in the form: {"status": "status"}`)
	if refused != nil {
		return *refused
	}
	img := c.visible(t, imageID)
	switch {
	case img == nil:
		return noImage(imageID)
	case img.Visibility != Shared, !c.SecureRBAC && !c.mayAnswer(t, img):
		return refusal(http.StatusForbidden, "Not allowed to update members for image %s.", imageID)
	case !c.mayRead(t):
		return noResource()
	}
	m := img.memberFor(t, memberID)
	switch {
	case m == nil:
		return noMember(img, memberID)
	case !c.mayAnswer(t, img):
		return notAuthorized("modify_member")
	case status != "pending" && status != "accepted" && status != "rejected":
		return refusal(http.StatusBadRequest, `Incorrect request: Status must be "pending", "accepted" or "rejected".`)
	}
	m.status, m.updated = status.(string), time.Now()
	a := document(http.StatusOK, img.document(m))
	a.applied = true
	return a
}

// memberOf returns the member that a body names: any text, and a number as it
// is written. What Glance makes of a list is left out.
func memberOf(body []byte) (memberID string, refused *answer) {
	v, refused := field(body, "member", "Member to be added not specified", `Expected a member in the form: {"member": "image_id"}`)
	if refused != nil {
		return "", refused
	}
	switch v := v.(type) {
	case string:
		memberID = v
	case json.Number:
		if f, err := v.Float64(); err != nil || f != 0 {
			memberID = v.String()
		}
	case bool:
		if v {
			memberID = "1"
		}
	case nil:
	default:
		a := serverError()
		return "", &a
	}
	if memberID == "" {
		a := refusal(http.StatusBadRequest, "Member can't be empty")
		return "", &a
	}
	return memberID, nil
}

// field returns a field of a JSON body, or the refusal that Glance has for the
// absence of the field, or for a body of another form.
func field(body []byte, name, absent, form string) (value any, refused *answer) {
	badRequest := func(explanation string) (any, *answer) {
		a := refusal(http.StatusBadRequest, "%s", explanation)
		return nil, &a
	}
	if len(body) == 0 {
		return badRequest("Body expected in request.")
	}
	if !json.Valid(body) || !utf8.Valid(body) {
		return badRequest("Malformed JSON in request body.")
	}
	var content any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&content); err != nil {
		panic(err) // it is valid
	}
	switch content := content.(type) {
	case map[string]any:
		if value, ok := content[name]; ok {
			return value, nil
		}
		return badRequest(absent)
	case []any:
		return badRequest(form)
	default:
		return badRequest("Unexpected body type. Expected list/dict.")
	}
}
