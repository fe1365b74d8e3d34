//go:build e2e

package e2e

import (
	"net/http"
	"testing"
)

// What a POST to the members is answered. A share that was revoked comes back
// as pending, whatever it was before.
const (
	notAllowedToAdd    = "Not allowed to create members for image {image}."
	notAuthorizedToAdd = "You are not authorized to complete add_member action."
	aMemberAlready     = "Member {member} is duplicated for image {image}"
	full               = "Image member limit exceeded for image {image}: The limit has been exceeded on the number of allowed image members for this image. Attempted: 129, Maximum: 128:"
)

var (
	added        = reply{status: http.StatusOK}
	duplicated   = reply{status: http.StatusConflict, text: aMemberAlready}
	unknownToAdd = reply{status: http.StatusNotFound, text: noImage}
	hiddenToAdd  = reply{status: http.StatusNotFound, text: noResource}
	notToAdd     = reply{status: http.StatusForbidden, text: notAllowedToAdd}
	policyOfAdd  = reply{status: http.StatusForbidden, text: notAuthorizedToAdd}
	overQuota    = reply{status: http.StatusRequestEntityTooLarge, text: full}
)

// An offer is a situation in which somebody wants to share the image with the
// target.
type offer struct {
	situation
	revoked bool // the target's share was, before
	full    bool // the image has as many members as it may have
}

var offers = []offer{
	{situation: situation{name: "a new member", target: "consumer", normal: added}},
	{situation: situation{name: "a pending member", members: []string{"consumer"}, normal: duplicated}},
	{situation: situation{name: "an accepted member", members: []string{"consumer"}, answers: "accepted", normal: duplicated}},
	{situation: situation{name: "a member who was revoked", members: []string{"consumer"}, answers: "accepted", normal: added}, revoked: true},
	{situation: situation{name: "its own project", target: "owner", normal: added}},
	{situation: situation{name: "a new member of a full image", target: "consumer", normal: overQuota}, full: true},
	{situation: situation{name: "a member of a full image", members: []string{"consumer"}, normal: overQuota}, full: true},
	{situation: situation{name: "a reader, and a full image", who: "reader", target: "consumer", normal: overQuota, secure: policyOfAdd}, full: true},

	{situation: situation{name: "a protected image", traits: traits{protected: true}, target: "consumer", normal: added}},
	{situation: situation{name: "a hidden image", traits: traits{hidden: true}, target: "consumer", normal: added}},
	{situation: situation{name: "an active image", traits: traits{status: "active"}, target: "consumer", normal: added}},
	{situation: situation{name: "a deactivated image", traits: traits{status: "deactivated"}, target: "consumer", normal: added}},
	{situation: situation{name: "a private image", visibility: "private", target: "consumer", normal: notToAdd}},
	{situation: situation{name: "a community image", visibility: "community", target: "consumer", normal: notToAdd}},
	{situation: situation{name: "a public image", visibility: "public", target: "consumer", normal: notToAdd}},
	{situation: situation{name: "somebody else's image", who: "stranger", members: []string{"consumer"}, target: "stranger", normal: unknownToAdd}},
	{situation: situation{name: "somebody else's community image", who: "stranger", visibility: "community", target: "stranger", normal: notToAdd}},
	{situation: situation{name: "a member adds another", who: "consumer", members: []string{"consumer"}, target: "stranger", normal: notToAdd, secure: policyOfAdd}},

	{situation: situation{name: "an administrator of another project", who: "admin", target: "consumer", normal: added}},
	{situation: situation{name: "a reader", who: "reader", target: "consumer", normal: added, secure: policyOfAdd}},
	{situation: situation{name: "a reader, and a member", who: "reader", members: []string{"consumer"}, normal: duplicated, secure: policyOfAdd}},
	{situation: situation{name: "an application credential", who: "application credential", target: "consumer", normal: added}},
	{situation: situation{name: "an application credential without the reader role", who: "bare application credential", target: "consumer", normal: added, secure: hiddenToAdd}},
	{situation: situation{name: "no reader role, and a private image", who: "bare application credential", visibility: "private", target: "consumer", normal: notToAdd}},
}

// testOffers holds the real Glance and the simulation to the same answers to
// who wants to share an image, or to share it again.
func testOffers(t *testing.T, s *site) {
	for _, r := range s.realms(t) {
		t.Run(r.name, func(t *testing.T) {
			for _, o := range offers {
				t.Run(o.name, func(t *testing.T) {
					t.Parallel()
					o.test(t, r)
				})
			}
		})
	}
}

func (o offer) test(t *testing.T, r *realm) {
	t.Helper()
	a := o.arrange(t, r)
	path := "/v2/images/" + a.image + "/members"
	if o.full {
		const quota = 128
		for range quota - len(r.members(t, a.image)) {
			other := newID()
			r.share(t, a.image, other)
			a.others = append(a.others, other)
		}
	}
	if o.revoked {
		r.as(t, "owner", http.MethodDelete, path+"/"+a.target, nil)
		a.was = false
	}
	want := o.normal
	if r.secure && o.secure != (reply{}) {
		want = o.secure
	}
	who := o.who
	if who == "" {
		who = "owner"
	}
	status, body := call(t, http.MethodPost, r.image+path, r.token(t, who), map[string]any{"member": a.target})
	a.compare(t, status, body, want)
	a.judge(t, a.was || want == added)
	if got := parse(t, body).text("status"); want == added && got != "pending" {
		t.Errorf("the new share is %q; want it to be pending", got)
	}
}
