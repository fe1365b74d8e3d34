//go:build e2e

package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// A view is what somebody is answered who asks for the members of an image
// that is shared with a consumer and with another project.
type view struct {
	name, who  string
	answers    string // of the consumer: accepted, rejected, or none
	visibility string // shared when empty
	// normal is what is seen under the default policy, secure under secure
	// RBAC, where that differs: everything, itself, or the text of a refusal.
	normal, secure string
}

const (
	everything = "everything"
	itself     = "itself"
	noMembers  = "Not allowed to list members for image {image}: Only shared images have members."
)

var views = []view{
	{name: "the owner", who: "owner", normal: everything},
	{name: "the owner of an image made private", who: "owner", visibility: "private", normal: noMembers},
	{name: "a reader of the owner's project", who: "reader", normal: everything},
	{name: "an administrator of another project", who: "admin", normal: everything},
	{name: "a pending member", who: "consumer", normal: itself},
	{name: "an accepted member", who: "consumer", answers: "accepted", normal: itself},
	{name: "a rejected member", who: "consumer", answers: "rejected", normal: itself},
	{name: "a stranger", who: "stranger", normal: noImage},
	{name: "a stranger, and an image made community", who: "stranger", visibility: "community", normal: noMembers},
	{name: "an application credential without the reader role", who: "bare application credential", normal: everything, secure: noResource},
}

// testLists holds both servers to who sees which members: that a member sees
// only itself is why a list may prove nothing.
func testLists(t *testing.T, s *site) {
	for _, r := range s.realms(t) {
		t.Run(r.name, func(t *testing.T) {
			for _, v := range views {
				t.Run(v.name, func(t *testing.T) {
					t.Parallel()
					v.test(t, r)
				})
			}
		})
	}
}

func (v view) test(t *testing.T, r *realm) {
	t.Helper()
	image, consumer, other := r.addImage(t, traits{}), r.people["consumer"].projectID, newID()
	r.share(t, image, consumer, other)
	if v.answers != "" {
		r.answer(t, "consumer", image, v.answers)
	}
	if v.visibility != "" {
		r.setVisibility(t, image, v.visibility)
	}
	want := v.normal
	if r.secure && v.secure != "" {
		want = v.secure
	}
	members := map[string][]string{everything: {consumer, other}, itself: {consumer}}[want]
	slices.Sort(members)

	status, body := call(t, http.MethodGet, r.image+"/v2/images/"+image+"/members", r.token(t, v.who), nil)
	switch {
	case members == nil:
		if text := messageOf(t, body); text != strings.ReplaceAll(want, "{image}", image) {
			t.Errorf("%d %q; want %q", status, text, want)
		}
	case status != http.StatusOK:
		t.Errorf("%d %s; want a list", status, body)
	default:
		if got := memberIDs(parse(t, body)); !slices.Equal(got, members) {
			t.Errorf("the list holds %v; want %v", got, members)
		}
	}
}

// messageOf is the text of an error of Glance's.
func messageOf(t *testing.T, body []byte) string {
	t.Helper()
	text, _, _ := strings.Cut(parse(t, body).text("message"), "<br")
	return strings.TrimSpace(text)
}
